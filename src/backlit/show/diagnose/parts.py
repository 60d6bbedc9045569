"""The parts of a diagnosis in their order, as blocks that a terminal, a notebook and a page draw alike."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from backlit.diagnose.records import Diagnosis, Finding, Outcome, Tried
from backlit.errors import counted
from backlit.show.charts.figure import Figure
from backlit.show.curves.figures import curve_figures
from backlit.show.demo.blocks import Block, Chart, Facts, Heading, Words
from backlit.show.demo.tables import DemoTable
from backlit.show.diagnose import words
from backlit.show.report.texts import CELL, SENTENCE, WORDS, number, plain, score

MOST_REMARKS, MOST_DETAILS = 8, 4

WHAT_IS_LEFT = (
    "Unexplained share: the mean squared error of the predictions, of classes that of their probabilities, divided by "
    "the baseline's, which answers the mean, or the classes' shares, for every row. 0 is perfect, 1 is the baseline."
)


def diagnosis_parts(diagnosis: Diagnosis) -> Iterator[Block]:
    """Give what is said of a diagnosis, below its verdict."""
    ended = f", which ended: {plain(diagnosis.stopped, WORDS)}" if diagnosis.stopped else ""
    yield Words(f"The training of {plain(diagnosis.what, WORDS)}{ended}.")
    yield Words(words.measured(diagnosis.compared))
    if not diagnosis.compared.constant:
        yield _compared(diagnosis)
    causes = [finding for finding in diagnosis.findings if not finding.follows]
    for place, finding in enumerate(causes, 1):
        yield from finding_parts(finding, f"{place}. ")
    for cause in causes:
        yield from _following(diagnosis, cause)
    if diagnosis.tried:
        yield Heading("Remedies that were trained, from the same seed")
        signals = {finding.code: _signal(finding) for finding in diagnosis.findings}
        for tried in diagnosis.tried:
            yield from tried_parts(tried, signals.get(tried.code, ""))
        yield Words(words.together(diagnosis))
    if diagnosis.remarks:
        yield Heading(words.remarks_heading(diagnosis.compared))
        yield from (Words(f"{words.finding_line(remark)}.") for remark in diagnosis.remarks[:MOST_REMARKS])
        more = len(diagnosis.remarks) - MOST_REMARKS
        if more > 0:
            yield Words(f"{counted(more, 'more remark')}, in the record.")
    if diagnosis.unsaid:
        yield Heading("What cannot be told")
        yield from map(Words, diagnosis.unsaid)


def _following(diagnosis: Diagnosis, cause: Finding) -> Iterator[Block]:
    """Give in short what may follow from a finding, and go with it."""
    found = [finding for finding in diagnosis.findings if finding.follows == cause.code]
    if found:
        yield Heading(f"May follow from {cause.code}")
        yield from (Words(f"{words.finding_line(finding)}.") for finding in found)


def _compared(diagnosis: Diagnosis) -> DemoTable:
    """Give what the training is compared with, beside it, the best first."""
    found = diagnosis.compared
    rows = [("this training", found.training), ("linear model", found.linear), ("baseline", 1.0)]
    rows += [("reference", found.reference)] if words.was_compared(found) else []
    rows.sort(key=lambda row: float("inf") if row[1] is None else row[1])
    table = [(name, "not finite" if value is None else score(value)) for name, value in rows]
    notes = [WHAT_IS_LEFT]
    if found.held_out and found.training_rows is not None:
        notes.append(f"Of this training on its own training rows: {score(found.training_rows)}.")
    if found.reference_what:
        notes.append(f"The reference: {plain(found.reference_what, SENTENCE)}.")
    return DemoTable("", (f"on {words.rows_of(found)}", "unexplained share"), tuple(table), 1, tuple(notes))


def finding_parts(finding: Finding, before: str = "") -> Iterator[Block]:
    """Give a finding: where, by which number, why, and what to try."""
    yield Heading(f"{before}{finding.code} {finding.name}")
    rows = [("where", plain(finding.place, WORDS))]
    if finding.measured is not None:
        rows.append(("measured", f"{number(finding.measured, 3)}: {plain(finding.measure, WORDS)}"))
    elif finding.measure:
        rows.append(("measured", plain(finding.measure, WORDS)))
    if finding.threshold is not None:
        rows.append(("threshold", number(finding.threshold, 3)))
    rows += [("healthy", plain(finding.healthy, WORDS))] if finding.healthy else []
    rows += [("why", plain(finding.why, SENTENCE))] if finding.why else []
    rows += [
        ("also" if k else "evidence", plain(detail, SENTENCE))
        for k, detail in enumerate(finding.details[:MOST_DETAILS])
    ]
    rows += [
        ("or" if k else "try", plain(words.remedy_words(remedy), SENTENCE)) for k, remedy in enumerate(finding.remedies)
    ]
    yield Facts(tuple(rows))


def _signal(finding: Finding) -> str:
    """Name the signal that a finding is about."""
    if finding.signal is None:
        return ""
    of = "" if finding.layer is None else f" of layer {plain(finding.layer)}"
    return f"{finding.signal.replace('_', ' ')}{of}, at the end"


def tried_parts(tried: Tried, signal: str = "") -> Iterator[Block]:
    """Give a remedy that was trained: before and after side by side, the curves over each other, and what it did.

    `signal` names the signal that the finding is about.
    """
    if tried.after is None:
        yield Words(f"For {tried.code}, {tried.remedy.words}. {words.tried_words(tried)}")
        return
    yield _side_by_side(tried, tried.after, signal)
    yield Words(words.tried_words(tried))
    figures = curves_of(tried)
    if figures:
        yield Chart(tuple(figures))


def _side_by_side(tried: Tried, after: Outcome, signal: str) -> DemoTable:
    """Give the numbers of the two trainings beside each other; a number that neither has is left out."""
    before = tried.before
    lines = [
        (words.share_name(before).rstrip(","), score(before.unexplained), score(after.unexplained)),
        (before.metric, score(before.score), score(after.score)),
        ("validation loss", number(before.validation_loss), number(after.validation_loss)),
        ("training loss", number(before.loss), number(after.loss)),
        (signal or "the finding's signal, at the end", number(before.signal, 3), number(after.signal, 3)),
        ("epochs", f"{before.epochs:,}", f"{after.epochs:,}"),
    ]
    rows = tuple(line for line in lines if line[1:] != ("–", "–"))
    title = f"For {tried.code}: {plain(tried.remedy.words, SENTENCE)}"
    return DemoTable(title, ("", "before", "after"), rows)


def curves_of(tried: Tried) -> list[Figure]:
    """Draw the loss of both trainings over each other."""
    if tried.after is None or tried.before.curve is None or tried.after.curve is None:
        return []
    figure = curve_figures({"before": tried.before.curve, "after": tried.after.curve}, metrics=False)[0]
    return [msgspec.structs.replace(figure, title=f"The loss, before and with {plain(tried.remedy.words, CELL)}")]
