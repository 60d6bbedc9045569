"""The panel findings: what is odd in the training, by which number, and remedies that are applied and judged."""

from __future__ import annotations

import copy
from typing import Any, ClassVar, NamedTuple

import numpy as np

from backlit.diagnose import Diagnosis, Finding, Remedy, Tried, diagnose
from backlit.diagnose.changes import changed
from backlit.diagnose.finding_tests import GROUPS, finding_tests
from backlit.diagnose.naming import TableNames
from backlit.diagnose.plan import Plan
from backlit.diagnose.ranking import not_shown_by_loss
from backlit.diagnose.trial import judged
from backlit.engine import SteppedTraining, TrainingCurve
from backlit.errors import BacklitError
from backlit.page.background import Background, Task
from backlit.page.commands import command
from backlit.page.design import Design
from backlit.page.remedies import remedied
from backlit.page.session import Panel, Part, Session
from backlit.page.source import Source
from backlit.page.view import View
from backlit.show.live.findings import Look, TrialWords, findings_html

OF_THE_END = ("BL501", "BL503")
"""Findings that are of the training's end: that it came too early, or that its rows are learned badly."""

CURVE = 100
"""So many epochs of a curve are drawn."""


class Trial(NamedTuple):
    """A remedy that was applied: the training before, and what is trained with it for as many epochs."""

    finding: Finding
    remedy: Remedy
    before: SteppedTraining
    before_source: Source
    before_design: Design
    source: Source
    design: Design
    epochs: int

    @property
    def curve(self) -> TrainingCurve:
        """The curve before."""
        return self.before.history.curve(CURVE)


class FindingsPanel(Panel):
    """What is odd now; remedies are applied to the session, and can be undone."""

    name: ClassVar[str] = "findings"
    lasting: ClassVar[bool] = True

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.trials: list[Trial] = []
        self.live: Background[Diagnosis] = Background(session.change)
        self.full: Background[Diagnosis] = Background(session.change)
        self.judging: Background[Tried] = Background(session.change)

    def forget(self) -> None:
        """Forget what was found, and trials of another design."""
        for work in (self.live, self.full, self.judging):
            work.drop()
        while self.trials and self.session.design is not self.trials[-1].design:
            self.trials.pop()

    def draw(self, view: View) -> Part:
        """Draw the findings of the last look, and the trial at hand."""
        self._look(view)
        self._judge(view)
        full = self.full.result if self.full.key == (view.step, view.stopped) else None
        shown, work = (full, self.full) if full is not None else (self.live.result, self.live)
        early = () if view.stopped else OF_THE_END
        look = Look(
            diagnosis=shown, at=work.key[0] if isinstance(work.key, tuple) else None, epoch=self._epoch(view, work.key),
            error=work.error, groups=tuple(GROUPS.values()), tests=len(finding_tests()) - len(early), early=early,
            comparing=self.full.said if self.full.busy is not None else None, compare_error=self.full.error,
            begun=view.step > 0 or bool(view.stopped), compared=full is not None,
        )  # fmt: skip
        return Part(findings_html(look, self._trial_words(view)))

    # ------------------------------------------------------------------------------------------------------- the looks

    def _look(self, view: View) -> None:
        """Look at the training where it has gone on; beside a training only now and then."""
        key = (view.step, view.stopped)
        if key in (self.live.busy, self.live.key) or (view.step == 0 and not view.stopped):
            return
        if self.live.busy is not None or (view.playing and not self.live.due()):
            return
        self.live.start(key, lambda task: self._diagnosed(task, compare=False))

    def _diagnosed(self, task: Task[Diagnosis], *, compare: bool) -> Diagnosis:
        session = self.session
        with session.turn():
            training, source, design = copied(session.training), session.source, session.design
        task.between()
        given = design.network["inputs"]
        columns = [str(name) for name in given] if isinstance(given, (list, tuple)) else None
        if columns is not None and (len(columns) != training.X.shape[1] or not all(isinstance(n, str) for n in given)):
            columns = None
        found = diagnose(
            training, compare=compare, ahead=compare, columns=columns, table=names_of(source), tell=task.tell,
        )  # fmt: skip
        if training.stopped:
            return found
        kept = tuple(finding for finding in found.findings if finding.code not in OF_THE_END)
        return Diagnosis(**{name: getattr(found, name) for name in found.__struct_fields__} | {"findings": kept})

    def _epoch(self, view: View, key: Any) -> int:
        """Give after which epoch a look was: the kept moment of that step, or the last one before it."""
        step = key[0] if isinstance(key, tuple) else 0
        return max((kept.epoch for kept in view.kept if kept.step <= step), default=0)

    # ------------------------------------------------------------------------------------------------------ the trial

    def _judge(self, view: View) -> None:
        """Judge the trial once it was trained for as long as the training before."""
        if not self.trials or view.playing or self.judging.result is not None or self.judging.busy is not None:
            return
        trial = self.trials[-1]
        if (view.epoch < trial.epochs and not view.stopped) or view.step == 0 or self.judging.error:
            return

        def work(task: Task[Tried]) -> Tried:
            with self.session.turn():
                after = copied(self.session.training)
            return judged(trial.before, after, trial.finding, trial.remedy)

        self.judging.start(trial.epochs, work)

    def _trial_words(self, view: View) -> TrialWords | None:
        if not self.trials:
            return None
        trial = self.trials[-1]
        loss = trial.before.network.loss.name
        return TrialWords(
            finding=trial.finding, remedy=trial.remedy, before=trial.curve,
            now=view.curve if view.curve.numbers else None, tried=self.judging.result, error=self.judging.error,
            epochs=trial.epochs, held_out=view.source.validation is not None,
            rows=len(trial.before.validation[0] if trial.before.validation else trial.before.X),
            other_loss=loss != view.network.loss.name or any(
                change.name in {"standardize targets", "class weights"} for change in trial.remedy.changes),
            steps=len(self.trials), rows_changed=trial.source is not trial.before_source,
            shown=trial.finding.code not in not_shown_by_loss(),
        )  # fmt: skip

    # --------------------------------------------------------------------------------------------------- the commands

    @command
    def compare(self) -> None:
        """Train references beside a copy of the training, and say whether it is worse."""
        training = self.session.training
        if training.step == 0 and not training.stopped:
            raise BacklitError("the training has not begun; train at least one epoch first.")
        self.full.start((training.step, self.session.stopped), lambda task: self._diagnosed(task, compare=True))

    @command
    def cancel(self) -> None:
        """Stop comparing."""
        self.full.drop()

    @command
    def apply(self, code: str, remedy: int) -> None:
        """Apply a finding's remedy, by its place: the training begins anew with it, for as many epochs as before."""
        session = self.session
        found = next((finding for finding in self._findings() if finding.code == code), None)
        if found is None or not 0 <= remedy < len(found.remedies):
            raise BacklitError(f"the finding {code} is not there any more; look again.")
        chosen, before = found.remedies[remedy], copied(session.training)
        plan = Plan.of(before)
        after = changed(plan, chosen.changes)
        source, design = remedied(session.source, session.design, plan, after, chosen)
        ended = len(before.history)
        epochs = before.settings.epochs if (before.stopped or "").startswith("diverged") else ended
        epochs = max(epochs, after.settings.epochs if after.settings.epochs > before.settings.epochs else 0, 1)
        old_source, old_design = session.source, session.design
        self.trials.append(Trial(found, chosen, before, old_source, old_design, source, design, epochs))
        try:
            self._go_to(source, design)
        except BacklitError:
            self.trials.pop()
            self._go_to(old_source, old_design)
            raise
        session.play(epochs)

    @command
    def undo(self) -> None:
        """Go back to the design and the rows before the last remedy, at the first weights."""
        if not self.trials:
            raise BacklitError("there is no remedy to undo.")
        trial = self.trials.pop()
        self._go_to(trial.before_source, trial.before_design)

    def _findings(self) -> list[Finding]:
        found = [work.result.findings + work.result.remarks for work in (self.full, self.live) if work.result]
        return [finding for findings in found for finding in findings]

    def _go_to(self, source: Source, design: Design) -> None:
        if source is self.session.source:
            self.session.build(design)
        else:
            self.session.take(source, design)


def copied(training: SteppedTraining) -> SteppedTraining:
    """Give a copy of a training that shares its rows."""
    rows = (training.X, training.Y, training.weights, *(training.validation or ()))
    return copy.deepcopy(training, {id(array): array for array in rows})


def names_of(source: Source) -> TableNames | None:
    """Give the table's own names of columns, classes and rows; None of rows that are of no table."""
    table = source.table
    if table is None:
        return None
    kept = table.rows["train"]
    trained, held_out = table.folds[0] if table.folds else (np.arange(len(kept)), np.arange(0))
    numbers = 1 + (np.arange(table.table.n_rows) if table.table.rows is None else table.table.rows)
    made_of = [report.column for report in table.encoder.reports for _ in range(report.outputs)]
    return TableNames(made_of, table.task.classes, numbers[kept[trained]], numbers[kept[held_out]])
