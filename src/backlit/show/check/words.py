"""What is said of checked work in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from backlit.check.records import CheckedNumber, CheckedWork, Fit, Verdict
from backlit.errors import counted
from backlit.show.report.texts import NAME, SENTENCE, plain

VERDICTS: dict[Verdict, str] = {
    "right": "right", "carried": "right, carried", "rounded": "right, rounded on the way",
    "truncated": "right, digits cut off", "not tested": "not tested", "wrong": "wrong",
}  # fmt: skip
"""The verdicts as a table says them."""

MARKS: dict[Verdict, str] = {
    "right": "✓", "carried": "✓", "rounded": "✓", "truncated": "✓", "not tested": "–", "wrong": "✗",
}  # fmt: skip
"""Signs beside the verdicts, where there is a font for them."""

GOOD: tuple[Verdict, ...] = ("right", "rounded", "truncated")
"""The verdicts that count as right by themselves."""

PHASES = {"forward": "forward pass", "error": "error", "backward": "backward pass", "update": "update"}

AGAIN = "the same mistake again"
"""The verdict of a number that has come about by the mistake of an earlier one; it is not counted again."""

SAME = "by the same mistake as an earlier number"
"""The remark that a hint leaves of a number that an earlier number's mistake explains."""

COUNTS = dict(enumerate(("Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten"), 2))

LISTED = 12
"""So many names are listed."""


def is_same(number: CheckedNumber) -> bool:
    """Tell whether a number has come about by the mistake of an earlier one."""
    return number.verdict == "carried" and (bool(number.explained_by) or number.remark == SAME)


def said_of(number: CheckedNumber) -> str:
    """Give a number's verdict as the table says it."""
    return AGAIN if is_same(number) else VERDICTS[number.verdict]


def mark_of(number: CheckedNumber) -> str:
    """Give the sign beside a number's verdict."""
    return MARKS["wrong" if is_same(number) else number.verdict]


def groups(work: CheckedWork) -> list[tuple[str, tuple[CheckedNumber, ...], str]]:
    """Give the numbers that need a word: what they are called, which they are, the word."""
    same = tuple(number for number in work.numbers if is_same(number))
    carried = tuple(number for number in work.of("carried") if not is_same(number))
    found = [
        ("The same mistake again", same, "Not counted again."),
        ("Right, carried", carried, f"{_they(carried, 'follows', 'follow')} from an earlier wrong number, and "
                                    f"{'is' if len(carried) == 1 else 'are'} not counted again."),
    ]  # fmt: skip
    for verdict, (title, otherwise) in REMARKED.items():
        numbers = work.of(verdict)
        for remark in dict.fromkeys(number.remark for number in numbers):
            those = tuple(number for number in numbers if number.remark == remark)
            why = sentence(remark or otherwise)
            found.append((title, those, why if verdict == "not tested" else f"No mistake. {why}"))
    return [group for group in found if group[1]]


REMARKED: dict[Verdict, tuple[str, str]] = {
    "rounded": ("Rounded on the way", "a number on the way was rounded to fewer digits"),
    "truncated": ("Digits cut off", "the last digits were cut off instead of rounded"),
    "not tested": ("Not tested", "what is wrong before changes less than the last digit"),
}
"""The verdicts whose remarks say why, each with what they are called and what to say where there is no remark."""


def _they(numbers: Sequence[CheckedNumber], one: str, several: str) -> str:
    return f"It {one}" if len(numbers) == 1 else f"They {several}"


def several_steps(work: CheckedWork) -> bool:
    """Tell whether the numbers belong to more than one step."""
    return len({number.step for number in work.numbers}) > 1


def name_of(number: CheckedNumber, *, steps: bool = False) -> str:
    """Give a number's name on the sheet; where there are several steps, with its step."""
    name = plain(number.name, NAME)
    return f"{name} of step {number.step}" if steps else name


def names(numbers: Sequence[CheckedNumber], *, steps: bool = False, most: int = LISTED) -> str:
    """List numbers by name; of many the first, and how many more there are."""
    shown = [name_of(number, steps=steps) for number in numbers[:most]]
    more = len(numbers) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more > 0 else "")


def verdict(work: CheckedWork) -> str:
    """Say in one line how many numbers are right, and where the first wrong one is."""
    total, good, wrong = len(work.numbers), len(work.of(*GOOD)), work.wrong
    steps = several_steps(work)
    if not total:
        return "The sheet gives no numbers."
    if good == total:
        return "The number is right." if total == 1 else f"All {total:,} numbers are right."
    if total == 1 and wrong:
        return f"The number, {name_of(wrong[0], steps=steps)}, is wrong."
    part = f"{good:,} of {counted(total, 'number')} {'is' if good == 1 else 'are'} right."
    if not good:
        part = f"None of the {total:,} numbers is right by itself." if total > 1 else "The number cannot be tested."
    if not wrong:
        return part
    which = "The first wrong one" if len(wrong) > 1 else "The wrong one"
    return f"{part} {which} is {name_of(wrong[0], steps=steps)}."


def beside(work: CheckedWork) -> str:
    """Say how the numbers that are not simply right are counted; empty where all are right, or all others wrong."""
    same, untested = sum(map(is_same, work.numbers)), len(work.of("not tested"))
    carried = len(work.of("carried")) - same
    spared = [f"{same:,} by the same mistake"] if same else []
    if carried:
        spared.append(f"{carried:,} that {'follows' if carried == 1 else 'follow'} from an earlier wrong one")
    said = [f"{len(work.wrong):,} are wrong."] if len(work.wrong) > 1 else []
    said += [f"Not counted again: {', '.join(spared)}."] if spared else []
    said += [f"{untested:,} {'is' if untested == 1 else 'are'} not tested."] if untested else []
    return " ".join(said)


def right(work: CheckedWork) -> str:
    """Say what is right, phase by phase."""
    found = []
    for phase in dict.fromkeys(number.phase for number in work.numbers):
        numbers = [number for number in work.numbers if number.phase == phase]
        good = sum(number.verdict in GOOD for number in numbers)
        found.append(f"{PHASES.get(phase, phase)} {good:,} of {len(numbers):,}")
    return f"Right: {', '.join(found)}." if work.of(*GOOD) else ""


# --------------------------------------------------------------------------------------------------- of a wrong number


def heading(number: CheckedNumber, *, steps: bool = False) -> str:
    """Give a wrong number with what the sheet has; where the worked example calls it otherwise, that name too."""
    own = plain(number.means or number.record, NAME)
    also = f" ({own} in the worked example)" if number.record and own != plain(number.name, NAME) else ""
    return f"{name_of(number, steps=steps)} = {plain(number.given)}{also}"


def differs(number: CheckedNumber) -> bool:
    """Tell whether the worked example has another number than what is expected, by more than rounding allows."""
    if number.key in {"", number.follows}:
        return False
    try:
        return not abs(float(number.key) - float(number.follows)) <= number.allowed
    except ValueError:
        return True


def expected(number: CheckedNumber) -> str:
    """Say what was expected; empty where a hint has taken it out."""
    if not number.follows:
        return ""
    if not differs(number):
        return f"Expected: {number.follows}."
    return f"Expected from the numbers before it on the sheet: {number.follows}. In the worked example: {number.key}."


def named(number: CheckedNumber, hint: int | None = None) -> str:
    """Say which mistake gives the number, one, several or none; under the first hint, what to do."""
    if hint == 1:
        return "Work out its line again, from the numbers before it."
    if len(number.fits) == 1:
        return fit_sentence(number.fits[0])
    if number.fits and number.fits[0].together:
        return "No single mistake gives this number; two together do:"
    if number.fits:
        count = COUNTS.get(len(number.fits), f"{len(number.fits):,}")
        return f"{count} mistakes give this number; the sheet does not tell which of them was made:"
    if number.explained_by:
        return "The mistake of an earlier number explains this one too."
    no_name = "It is wrong, and no known mistake gives this number."
    return f"It is wrong. {sentence(number.remark)}" if number.remark else no_name


def fit_sentence(fit: Fit) -> str:
    """Say that a mistake gives the number; titles are clauses or nouns."""
    return f"A known mistake gives this number. {sentence(title_of(fit))}"


def title_of(fit: Fit) -> str:
    """Give a mistake's title with its detail."""
    title = plain(fit.title, SENTENCE).rstrip(".")
    between = " " if fit.detail.startswith("(") else ", "
    return f"{title}{between}{plain(fit.detail, SENTENCE)}" if fit.detail else title


def in_terms(number: CheckedNumber) -> str:
    """Say that the lines are in the worked example's terms, where the sheet has a factor; empty where it has none."""
    if not number.terms:
        return ""
    shown = ", ".join(plain(term, NAME) for term in number.terms[:3])
    more = len(number.terms) - 3
    yours = "is" if len(number.terms) == 1 else "are"
    what = "number" if len(number.terms) == 1 else "numbers"
    return f"The lines are in the worked example's terms: the sheet's {what} there {yours} {shown}" + (
        f" and {more:,} more." if more > 0 else ".")  # fmt: skip


def explains(fit: Fit, others: str) -> str:
    """Say how many of the sheet's wrong numbers a mistake explains, and which others; empty where that is one alone."""
    if fit.explains < 2:
        return ""
    which = f": this one and {others}" if others else ""
    return f"It explains {fit.explains:,} of {counted(fit.of, 'wrong number')}{which}."


def made_at(number: CheckedNumber, fit: Fit) -> str:
    """Say where a mistake was made, where that is a number that the sheet does not give."""
    if fit.at in {"", number.name, number.record, number.record.removeprefix("-")}:
        return ""
    return f"It was made on the way, at {plain(fit.at, NAME)}, which the sheet does not give."


QUANTITIES = {"net", "out"}
"""Names that stay small at the beginning of a sentence."""


def sentence(text: str) -> str:
    """Give a text as a sentence: a large letter at its beginning where it begins with a word, a full stop.

    >>> sentence("the error changes"), sentence("dE/dw is a slope."), sentence("")
    ('The error changes.', 'dE/dw is a slope.', '')
    """
    text = plain(text, SENTENCE).strip() if text else ""
    first = text.split(" ")[0]
    if first.isalpha() and first.islower() and (len(first) > 1 or first == "a") and first not in QUANTITIES:
        text = text[0].upper() + text[1:]
    return finished(text)


def finished(text: str) -> str:
    """Give a text with a full stop at its end, where it has none."""
    return text if not text or text.endswith((".", "!", "?", ":")) else f"{text}."
