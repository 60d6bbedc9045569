"""What is said of a diagnosis in sentences: the verdict, a finding in a line, and what a remedy that was tried did."""

from __future__ import annotations

from collections.abc import Sequence

from backlit.diagnose.harm import SMALLEST_GAP, gap_of
from backlit.diagnose.records import Change, Compared, Diagnosis, Finding, Outcome, Remedy, Tried
from backlit.errors import counted
from backlit.show.report.texts import SENTENCE, listed, number, plain, share

LEAST = 0.005
"""A smaller part of the way up to the baseline is no difference."""

BETTER = 0.98
"""Below this unexplained share a training is better than the baseline."""

WHOLE = 10.0
"""Larger shares have three digits."""

FEW = 10
"""Of fewer rows, nothing is called healthy."""

MOST_NAMED = 4
"""So many findings are named in the verdict."""


def verdict(diagnosis: Diagnosis) -> str:
    """Say in a sentence whether anything is wrong."""
    findings, compared = diagnosis.findings, diagnosis.compared
    if findings:
        causes = [finding for finding in findings if not finding.follows]
        each = listed([f"{finding.code} {finding.name}" for finding in causes], MOST_NAMED)
        which, more = counted(len(causes), "finding"), len(findings) - len(causes)
        if more:
            each += f"; {more} more may follow from {'it' if len(causes) == 1 else 'these'}"
        if not was_compared(compared) and not diagnosis.stopped.startswith("diverged"):
            return f"{which}, without a comparison that would tell whether they do harm: {each}."
        return f"{which}: {each}."
    if diagnosis.harmed:
        return "Something is wrong, and no test says what: the training is worse than its reference."
    return _healthy(compared)


def _healthy(compared: Compared) -> str:
    """Say that nothing was found, and how sure that is."""
    if not was_compared(compared):
        return "Nothing was found; the training was not compared with a reference."
    if compared.rows < FEW:
        return f"Nothing was found, but {rows_of(compared)} are too few to tell."
    if compared.gap is None:
        better = compared.training is not None and compared.training < BETTER
        return (
            "Nothing was found: the training is better than its reference, which is no better than the baseline."
            if better
            else "Nothing was found, but little can be told: neither the training nor its reference beats the baseline."
        )
    if compared.gap > SMALLEST_GAP:
        return "Nothing is certain: on these rows the training is worse than its reference, but chance may explain it."
    if _linear_is_better(compared):
        return "Nothing is wrong with the training, which is as good as its reference; yet the linear model is better."
    return "Nothing is wrong: the training is as good as its reference."


def _linear_is_better(compared: Compared) -> bool:
    """Whether a part of the way from the linear model up to the baseline is lost that would count of a reference."""
    if compared.training is None or compared.linear is None:
        return False
    lost = gap_of(compared.training, compared.linear)
    return lost is not None and lost > SMALLEST_GAP


def rows_of(compared: Compared) -> str:
    """Count the rows that are judged by.

    >>> rows_of(Compared(training=1, training_rows=1, reference=1, reference_what="", linear=1, gap=0, errors=0,
    ...                  rows=1, held_out=True))
    '1 validation row'
    """
    return counted(compared.rows, "validation row" if compared.held_out else "training row")


def measured(compared: Compared) -> str:
    """Say what the comparison measured."""
    if compared.constant:
        return f"The targets are all the same, of {rows_of(compared)} too: there is nothing to compare."
    if compared.training is None:
        return "The training ended with predictions that are not finite numbers."
    mine = f"On {rows_of(compared)} the training leaves {left(compared.training)} unexplained"
    if compared.reference is None:
        return f"{mine}."
    said = f"{mine}, the reference {left(compared.reference)}"
    return f"{said}{_lost(compared)}."


def _lost(compared: Compared) -> str:
    """Say how much of the way from the reference up to the baseline is lost, and how sure that is."""
    if compared.gap is None or compared.errors is None:
        return ""
    if compared.gap < LEAST:
        return ": it is as good"
    lost = f": {share(compared.gap)} of the way from the reference up to the baseline is lost"
    if compared.gap <= SMALLEST_GAP:
        return f"{lost}, which is too little to count"
    if compared.errors <= 0.0:
        return f"{lost}, by a few rows alone; of most rows the training is as good"
    return f"{lost}, {number(compared.errors, 2)} standard errors of the rows' mean difference"


def remarks_heading(compared: Compared) -> str:
    """Head what is odd in a training that is not shown to be worse than it need be."""
    if compared.gap is None or compared.rows < FEW:
        return "Odd; whether it does harm cannot be told"
    return "Odd, but harmless here" if compared.gap <= SMALLEST_GAP else "Odd, but not shown to do harm"


def was_compared(compared: Compared) -> bool:
    """Whether a reference was trained."""
    return compared.reference is not None or bool(compared.reference_what)


def left(value: float | None) -> str:
    """Give an unexplained share in per cent, which may be far above 100.

    >>> left(0.5), left(1.25), left(123.0)
    ('50\\xa0%', '125\\xa0%', '12,300\\xa0%')
    """
    return share(value) if value is None or value < WHOLE else f"{number(100.0 * value, 3)}\u00a0%"


def line(diagnosis: Diagnosis) -> str:
    """Say the most important in a line."""
    return verdict(diagnosis).rstrip(".")


def finding_line(finding: Finding) -> str:
    """Say a finding in a line: what, where, and the number that shows it."""
    shown = "" if finding.measured is None else f": {plain(finding.measure, SENTENCE)} = {number(finding.measured, 3)}"
    return f"{finding.code} {finding.name} ({plain(finding.place, SENTENCE)}){shown}"


def options_of(remedy: Remedy) -> str:
    """Give the options of the command line that make a remedy; empty where one of its changes has none."""
    options = [change.option for change in remedy.changes]
    return " ".join(options) if all(options) else ""


def remedy_words(remedy: Remedy) -> str:
    """Say a remedy, with its options and its Python."""
    ways = [f"backlit train ... {options}"] if (options := options_of(remedy)) else []
    python = "; ".join(change.python for change in remedy.changes if change.python)
    ways += [f"in Python {python}"] if python else []
    return f"{remedy.words} ({'; '.join(ways)})" if ways else remedy.words


def tried_line(tried: Tried) -> str:
    """Say a trial in a line."""
    return f"{tried.code}, {tried.remedy.words}: {tried.verdict}"


def tried_words(tried: Tried) -> str:
    """Say what a remedy that was trained did to the rows that are judged by."""
    if tried.after is None:
        return f"{tried.verdict[:1].upper()}{tried.verdict[1:].rstrip('.')}."
    if tried.after.unexplained is None:
        return "It did not help: this training ended with predictions that are not finite numbers. Not kept."
    errors = "" if tried.errors is None else f", {number(tried.errors, 2)} standard errors of the rows' mean difference"
    what = f"the {share_name(tried.before)}"
    if tried.helped:
        of_gap = tried.closed is not None and not tried.before.balanced
        part = f"; {_part(tried.closed or 0.0)} of the gap to the reference that was left is closed" if of_gap else ""
        return f"It helped: {what} falls from {_change(tried.before, tried.after)}{errors}{part}. Kept."
    before, after = tried.before.unexplained, tried.after.unexplained
    if before is not None and after < before:
        return (
            f"Not kept: {what} falls from {_change(tried.before, tried.after)}{errors}, which is too "
            "little to count as more than chance or as a part of the gap."
        )
    return f"It did not help: {what} goes from {_change(tried.before, tried.after)}. Not kept."


def share_name(outcome: Outcome) -> str:
    """Name the share that a trial is judged by."""
    return "unexplained share, each class counted alike," if outcome.balanced else "unexplained share"


def _change(before: Outcome, after: Outcome) -> str:
    first = "no finite number" if before.unexplained is None else left(before.unexplained)
    return f"{first} to {left(after.unexplained)}"


def _part(closed: float) -> str:
    return "all" if closed >= 1.0 else share(closed)


def together(diagnosis: Diagnosis) -> str:
    """Say what all that helped came to."""
    helped = [tried for tried in diagnosis.tried if tried.helped and tried.after is not None]
    if not helped:
        return "No remedy that was tried helped; nothing is kept."
    last = helped[-1].after
    assert last is not None
    what = listed([change.words for change in final_changes(diagnosis.kept)], len(diagnosis.kept))
    of_rows = [tried for tried in helped if not tried.before.balanced]
    if not of_rows:
        return f"What helped: {what}. The {share_name(last)} went from {_change(helped[0].before, last)}."
    last, rest = of_rows[-1].after, ""
    assert last is not None
    if diagnosis.compared.reference is not None:
        rest = f" The reference leaves {left(diagnosis.compared.reference)}."
    return f"What helped, together: {what}. The unexplained share went from {_change(of_rows[0].before, last)}.{rest}"


def final_changes(kept: Sequence[Change]) -> list[Change]:
    """Give the changes without those that a later one replaces: of two learning rates, the last one."""
    last = {(change.name, *(change.value if change.name == "setting" else ())): change for change in kept}
    several = [change for change in kept if change.name.startswith("leave out")]  # each leaves out more
    return [change for change in kept if change in several or change in last.values()]


def kept_options(kept: Sequence[Change]) -> str:
    """Give the options of the command line for all changes that helped; empty where one has none."""
    options = [change.option for change in final_changes(kept)]
    return " ".join(options) if options and all(options) else ""
