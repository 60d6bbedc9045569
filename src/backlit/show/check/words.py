"""What is said of checked work in sentences."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from decimal import Decimal

from backlit.check.records import CheckedNumber, CheckedWork, Count, Fit, Verdict
from backlit.errors import counted
from backlit.show.report.texts import NAME, SENTENCE, listed, plain

VERDICTS: dict[Verdict, str] = {
    "right": "right", "carried": "right, carried", "rounded": "right, rounded on the way",
    "truncated": "right, digits cut off", "not tested": "not tested", "wrong": "wrong",
}  # fmt: skip
"""The verdicts as a table says them."""

MARKS: dict[Verdict, str] = {
    "right": "✓", "carried": "✓", "rounded": "✓", "truncated": "✓", "not tested": "–", "wrong": "✗",
}  # fmt: skip
"""Signs beside the verdicts, where there is a font for them."""

PHASES = {"forward": "forward pass", "error": "error", "backward": "backward pass", "update": "update"}

COUNTS = dict(enumerate(("Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten"), 2))

STEP = re.compile(r"^\s*step\s*\d+\s*:\s*", re.IGNORECASE)
"""The step before a name; where a sheet has several steps, it is said behind each."""

LISTED = 12
"""So many names are listed."""


def groups(work: CheckedWork) -> list[tuple[str, tuple[CheckedNumber, ...], str]]:
    """Give the numbers that need a word: what they are called, which they are, the word."""
    carried = work.of("carried")
    they = "It follows" if len(carried) == 1 else "They follow"
    found = [("Right, carried", carried, f"{they} from an earlier mistake, which is counted once.")]
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
    "not tested": ("Not tested", "an earlier mistake changes less than the last digit"),
}
"""The verdicts whose remarks say why, each with what they are called and what to say where there is no remark."""


def several_steps(work: CheckedWork) -> bool:
    """Tell whether the numbers belong to more than one step."""
    return len({number.step for number in work.numbers}) > 1


def name_of(number: CheckedNumber, *, steps: bool = False) -> str:
    """Give a number's name on the sheet; where there are several steps, with its step, unless the name says it."""
    name = STEP.sub("", plain(number.name, NAME))
    return f"{name} of step {number.step}" if steps else name


def names(numbers: Sequence[CheckedNumber], *, steps: bool = False, most: int = LISTED) -> str:
    """List numbers by name; of many the first, and how many more there are."""
    shown = [name_of(number, steps=steps) for number in numbers[:most]]
    more = len(numbers) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more > 0 else "")


def verdict(work: CheckedWork) -> str:
    """Say in one line how many numbers are right, and where the first wrong one is."""
    count, wrong, steps = work.count, work.wrong, several_steps(work)
    total = count.numbers
    if not total:
        return "The sheet gives no numbers."
    if count.right == total:
        every = {1: "The number is", 2: "Both numbers are"}
        return f"{every.get(total, f'All {total:,} numbers are')} right."
    if total == 1:
        return f"The number, {name_of(wrong[0], steps=steps)}, is wrong." if wrong else "The number cannot be tested."
    are = "is" if count.right == 1 else "are"
    part = f"{count.right:,} of {total:,} numbers {are} right{_carried(count)}."
    if not count.right:
        part = "Neither number is right." if total == 2 else f"None of the {total:,} numbers is right."
    if not wrong:
        return part
    which = f"The first of {len(wrong):,} wrong ones" if len(wrong) > 1 else "The wrong one"
    return f"{part} {which} is {name_of(wrong[0], steps=steps)}."


def _carried(count: Count) -> str:
    """Say how many of the right numbers have an earlier mistake in them."""
    if not count.carried:
        return ""
    if count.carried == count.right > 1:
        return ", but all carry an earlier mistake"
    return f" ({count.carried:,} {'carries' if count.carried == 1 else 'carry'} an earlier mistake)"


def beside(work: CheckedWork) -> str:
    """Say whether several wrong numbers are wrong by one mistake, and how many are not tested."""
    count, codes = work.count, {number.codes for number in work.wrong}
    one = count.wrong > 1 and len(codes) == 1 and len(next(iter(codes))) == 1
    said = [f"{f'All {count.wrong:,}' if count.wrong > 2 else 'Both'} are wrong by the same mistake."] if one else []
    if count.untested and count.numbers > 1:
        said.append(f"{count.untested:,} {'is' if count.untested == 1 else 'are'} not tested.")
    return " ".join(said)


def right(work: CheckedWork) -> str:
    """Say what is right, phase by phase; nothing where all is, or nothing, or only one phase is there."""
    counts = {phase: Count.of(numbers) for phase, numbers in phases(work.numbers).items()}
    if not 0 < work.count.right < work.count.numbers or len(counts) < 2:
        return ""
    found = (
        f"{PHASES.get(phase, phase)} {count.right:,} of {count.numbers:,}"
        + (f" ({count.carried:,} carried)" if count.carried else "")
        for phase, count in counts.items()
    )
    return f"Right: {', '.join(found)}."


def phases(numbers: Collection[CheckedNumber]) -> dict[str, list[CheckedNumber]]:
    """Give numbers by the phase of the step that they belong to, in their order."""
    found: dict[str, list[CheckedNumber]] = {}
    for number in numbers:
        found.setdefault(number.phase, []).append(number)
    return found


# --------------------------------------------------------------------------------------------------- of a wrong number


def heading(number: CheckedNumber, *, steps: bool = False) -> str:
    """Give a wrong number with what the sheet has; where the worked example calls it otherwise, that name too."""
    own = plain(number.stands_for or number.record, NAME)
    also = f" ({own} in the worked example)" if own and own != STEP.sub("", plain(number.name, NAME)) else ""
    return f"{name_of(number, steps=steps)} = {plain(number.given)}{also}"


def differs(number: CheckedNumber) -> bool:
    """Tell whether the worked example has another number than what is expected, by more than rounding allows."""
    if number.key in {"", number.follows}:
        return False
    try:
        follows, key = Decimal(number.follows), Decimal(number.key)
    except ArithmeticError:
        return True
    shown = Decimal(1).scaleb(int(follows.as_tuple().exponent)) if follows.is_finite() else Decimal(0)
    return not abs(key - follows) <= max(Decimal(number.allowed), 2 * shown)


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
    if number.fits:
        return _named(number.fits)
    if number.explained_by:
        return "The mistake of an earlier number explains this one too."
    if number.remark:
        return f"It is wrong. {sentence(number.remark)}"
    said = "It is wrong, and no known mistake gives this number."
    return f"{said} Work it out again, part by part, beside the line below." if number.line else said


def _named(fits: Sequence[Fit]) -> str:
    """Say that a mistake gives the number, or two together, or each of several."""
    if len(fits) == 1:
        return f"A known mistake gives this number. {sentence(title_of(fits[0]))}"
    if fits[0].together:
        return "No single mistake gives this number; these two together do:"
    count = COUNTS.get(len(fits), f"{len(fits):,}")
    return f"{count} mistakes give this number, and the sheet does not tell which of them was made:"


def tell(number: CheckedNumber) -> str:
    """Say what would tell the mistakes of a tie apart."""
    if len(number.fits) < 2 or number.fits[0].together:
        return ""
    if number.tells == number.name:
        return "To tell them apart, give this number with more digits, or compare them with your own working."
    if number.tells:
        return f"To tell them apart, give {plain(number.tells, NAME)} too, or compare them with your own working."
    return "Compare them with your own working to tell them apart."


def title_of(fit: Fit) -> str:
    """Give a mistake's title with its detail."""
    title = plain(fit.title, SENTENCE).rstrip(".")
    between = " " if fit.detail.startswith("(") else ", "
    return f"{title}{between}{plain(fit.detail, SENTENCE)}" if fit.detail else title


def explains(fit: Fit, others: str) -> str:
    """Say how many of the sheet's numbers a mistake explains, and which others; empty where that is one alone."""
    if fit.explains < 2:
        return ""
    which = f": this number and {others}" if others else ""
    return f"It explains {fit.explains:,} of {fit.of:,}{which}."


def made_at(number: CheckedNumber, fit: Fit) -> str:
    """Say where a mistake was made, where that is a number that the sheet does not give."""
    if fit.at in {"", number.name, number.record, number.record.removeprefix("-")}:
        return ""
    at = plain(fit.at, NAME)
    if not fit.more:
        return f"It was made on the way, at {at}, which the sheet does not give."
    return f"It was made on the way, at {at} and {counted(fit.more, 'more number')} that the sheet does not give."


def turned(number: CheckedNumber) -> str:
    """Say what the sheet's number is, where the lines give another: δ the negative of dE/dnet, Δw of a new weight.

    Where a convention of the sheet makes a factor, also of the numbers that enter the lines.
    """
    if number.terms:
        return in_terms(number.terms)
    if number.stands_for in {"", number.record} or not number.line:
        return ""
    name = STEP.sub("", plain(number.name, NAME))
    record, stands_for = plain(number.record, NAME), plain(number.stands_for, NAME)
    if name == record:
        return f"These lines give the worked example's {record}; the sheet's is {stands_for}."
    return f"These lines give {record}; {name} is {stands_for}."


def in_terms(terms: Sequence[str]) -> str:
    """Say that the lines are in the worked example's terms, where the sheet has a factor."""
    there = "number there is" if len(terms) == 1 else "numbers there are"
    shown = listed([plain(term, NAME) for term in terms], 3)
    return f"The lines are in the worked example's terms: the sheet's {there} {shown}."


QUANTITIES = {"net", "out"}
"""Names that stay small at the beginning of a sentence."""


def sentence(text: str) -> str:
    """Give a text as a sentence: a large letter at its beginning where it begins with a word, a full stop.

    >>> sentence("the error changes"), sentence("dE/dw is a slope."), sentence("")
    ('The error changes.', 'dE/dw is a slope.', '')
    """
    text = plain(text, SENTENCE).strip() if text else ""
    first = text.split(" ")[0]
    is_word = first.isascii() and first.isalpha() and first.islower()
    if is_word and (len(first) > 1 or first == "a") and first not in QUANTITIES:
        text = text[0].upper() + text[1:]
    return finished(text)


def finished(text: str) -> str:
    """Give a text with a full stop at its end, where it has none."""
    return text if not text or text.endswith((".", "!", "?", ":")) else f"{text}."
