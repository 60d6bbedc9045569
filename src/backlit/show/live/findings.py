"""The panel findings: what is odd, the number beside its threshold, why, and the remedies as buttons."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import escape
from typing import NamedTuple

import msgspec

from backlit.diagnose import Diagnosis, Finding, Remedy, Tried
from backlit.diagnose.records import Outcome
from backlit.engine import TrainingCurve
from backlit.errors import counted
from backlit.show.charts.figure import Figure, Line, Rule
from backlit.show.curves.figures import curve_figures
from backlit.show.diagnose.words import left, measured, remarks_heading, verdict
from backlit.show.live.figures import figure_part, narrow
from backlit.show.live.numbers import four_digits, powers, signs
from backlit.show.report.texts import SENTENCE, number, plain, share

BEFORE, NOW = "before", "now"
FAINT = "Before: thin; with the remedy: strong. Both begin from the same seed."


class Look(NamedTuple):
    """What was looked at: the diagnosis, after which epoch, and how a comparison is getting on.

    `comparing` says how far it is; None where none is made. `early` are codes of tests that are of the end.
    """

    diagnosis: Diagnosis | None
    at: int | None
    epoch: int
    error: str
    groups: tuple[str, ...]
    tests: int
    early: tuple[str, ...]
    comparing: str | None
    compare_error: str
    begun: bool
    compared: bool


class TrialWords(NamedTuple):
    """A remedy that was applied, with the curves before and now, and what came of it once it is known.

    `shown` says whether the rows that are judged by can show that it helped, which they cannot with the same fault.
    """

    finding: Finding
    remedy: Remedy
    before: TrainingCurve
    now: TrainingCurve | None
    tried: Tried | None
    error: str
    epochs: int
    held_out: bool
    rows: int
    other_loss: bool
    steps: int
    rows_changed: bool
    shown: bool


def findings_html(look: Look, trial: TrialWords | None) -> str:
    """Give the panel."""
    parts = ["<h2>Findings</h2>"]
    if trial is not None:
        parts.append(_trial_html(trial))
    if not look.begun:
        parts.append('<p class="note">Train at least one epoch: then this says what is odd, by which number, and what '
                     "may help.</p>")  # fmt: skip
        return "".join(parts)
    parts.append(_state_html(look))
    if look.diagnosis is not None:
        parts += _list_html(look, look.diagnosis)
    parts.append(_compare_html(look))
    return "".join(parts)


# ------------------------------------------------------------------------------------------------------------ the look


def _state_html(look: Look) -> str:
    """Say what was looked at, and how much is odd."""
    found = look.diagnosis
    if found is None:
        return f'<p class="note" role="status">{escape(look.error) or "Looking at the training."}</p>'
    where = f"After epoch {look.epoch:,}"
    if look.compared:
        said = f"{where}, compared with references: {verdict(found)} {measured(found.compared)}"
    elif found.findings:
        count, verb = counted(len(found.findings), "thing"), "is" if len(found.findings) == 1 else "are"
        said = f"{where}: {count} {verb} odd. Whether that does harm, only a comparison tells."
    else:
        said = f"{where}: nothing is odd."
    looked = f"{counted(look.tests, 'test')} of {', '.join(look.groups)}."
    early = f" {' and '.join(look.early)} are of the end, and wait for it." if look.early else ""
    return f'<p role="status">{escape(said)}</p><p class="note">Looked at: {escape(looked + early)}</p>'


def _list_html(look: Look, found: Diagnosis) -> Iterator[str]:
    if found.findings:
        yield '<ol class="found">'
        yield from (_finding_html(finding) for finding in found.findings)
        yield "</ol>"
    if found.remarks:
        yield f"<h3>{escape(remarks_heading(found.compared))}</h3>" + '<ol class="found">'
        yield from (_finding_html(finding) for finding in found.remarks)
        yield "</ol>"
    if look.compared and found.unsaid:
        yield f'<p class="note">{escape(" ".join(found.unsaid))}</p>'


_LOSS = re.compile(r"(?<=the loss )[a-z0-9]+(?:_[a-z0-9]+)+")


def _said(text: str) -> str:
    """Write a sentence of a finding as the page writes losses and numbers."""
    return powers(signs(_LOSS.sub(lambda found: found[0].replace("_", " "), plain(text, SENTENCE))))


def _finding_html(finding: Finding) -> str:
    """Give a finding: what, where, its number beside the threshold, why, and its remedies."""
    numbers = []
    if finding.measured is not None:
        numbers.append(("measured", powers(number(finding.measured, 3))))
    if finding.threshold is not None:
        numbers.append(("threshold", powers(number(finding.threshold, 3))))
    numbers.append(("healthy", _said(finding.healthy)))
    cells = "".join(f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in numbers)
    details = "".join(f"<li>{escape(_said(line))}</li>" for line in finding.details)
    more = f'<details id="finding-{finding.code}"><summary>More evidence</summary><ul>{details}</ul></details>'
    buttons = "".join(
        f'<button id="remedy-{finding.code}-{k}" data-do="findings.apply" '
        f'data-given="{escape(json.dumps({"code": finding.code, "remedy": k}))}">'
        f"{escape(remedy.words)}</button>"
        for k, remedy in enumerate(finding.remedies)
    )
    follows = f" It may follow from {finding.follows}." if finding.follows else ""
    return (
        f'<li><h3><span class="code">{finding.code}</span> {escape(_capital(finding.name))}</h3>'
        f'<p class="where">{escape(_capital(_said(finding.place)))}: '
        f"{escape(_said(finding.measure))}</p>"
        f'<dl class="numbers">{cells}</dl>'
        f"<p>{escape(_capital(_said(finding.why)))}.{escape(follows)}</p>"
        + (f'<div class="remedies" role="group" aria-label="Remedies of {finding.code}"><span>Try:</span>{buttons}'
           "</div>" if buttons else '<p class="note">No remedy of this applies to this network.</p>')
        + (more if details else "")
        + "</li>"
    )  # fmt: skip


def _capital(text: str) -> str:
    """Begin a sentence with a capital, but for a setting's own name."""
    return text if {"_", "="} & set(text.split(" ", maxsplit=1)[0]) else text[:1].upper() + text[1:]


def _compare_html(look: Look) -> str:
    """Give the button that compares with references, or how far that is."""
    if look.comparing is not None:
        said = look.comparing or "beginning"
        return (
            f'<p role="status">Comparing: {escape(said)} … <button id="findings-cancel" data-do="findings.cancel">Stop'
            "</button></p><p data-errors></p>"
        )
    error = f'<p class="note">{escape(look.compare_error)}</p>' if look.compare_error else ""
    words = "Compare again" if look.compared else "Compare with references"
    return (
        f'<p class="compare"><button id="findings-compare" data-do="findings.compare">{words}</button> '
        '<span class="note">Trains standard networks on the same rows, some seconds, and says whether this training is '
        f"worse than it need be.</span></p>{error}<p data-errors></p>"
    )


# ----------------------------------------------------------------------------------------------------------- the trial


def _trial_html(trial: TrialWords) -> str:
    """Show a remedy that was applied: both curves, and what came of it."""
    undo = '<button id="findings-undo" data-do="findings.undo">Undo</button>'
    rows = " The rows are changed, too: the table's own words for them are gone until this is undone."
    return (
        f'<section class="trial" aria-label="Remedy"><h3>Tried for {trial.finding.code} '
        f"{escape(trial.finding.name)}: {escape(trial.remedy.words)}</h3>"
        f'<p role="status">{escape(_outcome(trial))}{rows if trial.rows_changed else ""}</p>'
        f"{figure_part(_curves(trial), 'trial-curves', said=FAINT, titled=False)}"
        f'<p>{undo} <span class="note">goes back to the network, the settings and the rows before, at their first '
        "weights.</span></p></section>"
    )


def _outcome(trial: TrialWords) -> str:
    """Say what came of a remedy, only once it was trained as long as the training before."""
    if trial.error:
        return f"It could not be judged: {trial.error}"
    tried = trial.tried
    if tried is None:
        ended = max(trial.before.numbers, default=0)
        when = f"after {counted(trial.epochs, 'epoch')}{', as long as before' if ended >= trial.epochs else ''}"
        return f"Judged {when}." if trial.now is None or trial.now.numbers[-1] < trial.epochs else "Being judged."
    before, after = tried.before, tried.after
    assert after is not None
    rows = counted(trial.rows, "validation row" if trial.held_out else "training row")
    if after.unexplained is None:
        return f"It did not help: its predictions are not finite numbers ({after.stopped or 'it diverged'})."
    said = f"On {rows}, {_losses(before, after, trial)}, {_scores(before, after)}."
    if not trial.shown:
        return f"Whether it helped, these rows cannot tell: they have the same fault. {said}"
    if tried.helped:
        return f"It helped. {said}"
    better = before.unexplained is None or after.unexplained < before.unexplained
    return f"{'Better, but by no more than chance may give' if better else 'It did not help'}. {said}"


def _losses(before: Outcome, after: Outcome, trial: TrialWords) -> str:
    """Say how the loss changed; where it is another loss, the share of the targets that stays unexplained."""
    pairs = [(one.validation_loss if trial.held_out else one.loss) for one in (before, after)]
    if trial.other_loss:
        first = "no finite number" if before.unexplained is None else left(before.unexplained)
        return f"the part of the targets that stays unexplained goes from {first} to {left(after.unexplained)}"
    first, last = ("no finite number" if value is None else four_digits(value) for value in pairs)
    ends = [f"after {counted(one.epochs, 'epoch')}" for one in (before, after)]
    if before.epochs == after.epochs:
        return f"the {'validation ' if trial.held_out else ''}loss {ends[0]} goes from {first} to {last}"
    return f"the {'validation ' if trial.held_out else ''}loss goes from {first} {ends[0]} to {last} {ends[1]}"


def _scores(before: Outcome, after: Outcome) -> str:
    """Say how accuracy, or R², changed."""
    percent = after.metric.endswith("accuracy")
    first, last = (
        "no number" if one.score is None else share(one.score) if percent else number(one.score, 3)
        for one in (before, after)
    )
    return f"the {after.metric} from {first} to {last}" if percent else f"{after.metric} from {first} to {last}"


def _curves(trial: TrialWords) -> Figure:
    """Draw the losses before, faint, and now."""
    curves = {BEFORE: trial.before} if trial.before.numbers else {}
    if trial.now is not None:
        curves[NOW] = trial.now
    figure = curve_figures(curves or {BEFORE: trial.before}, metrics=False)[0]
    layers = tuple(
        msgspec.structs.replace(layer, quiet=True)
        if isinstance(layer, Line) and layer.name.startswith(BEFORE) else layer
        for layer in figure.layers
        if not isinstance(layer, Rule) and not getattr(layer, "name", "").startswith("best epoch")
    )  # fmt: skip
    return narrow(msgspec.structs.replace(figure, title="Loss before and with the remedy", layers=layers))
