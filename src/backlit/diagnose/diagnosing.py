"""`diagnose`: what is wrong with a training, by which numbers, and whether a remedy helps."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from backlit.diagnose.case import REFERENCE_ROWS, Case
from backlit.diagnose.finding_tests import finding_tests
from backlit.diagnose.harm import compared, is_harmed
from backlit.diagnose.naming import TableNames
from backlit.diagnose.plan import Plan
from backlit.diagnose.ranking import SHOWN_BY_LOSS, not_shown_by_loss, ranked
from backlit.diagnose.records import Compared, Diagnosis, Finding
from backlit.diagnose.samples import class_numbers
from backlit.diagnose.score import answers
from backlit.diagnose.trial import tried_remedies
from backlit.engine import Training
from backlit.errors import BacklitError, collecting, counted

FEWEST_OF_A_CLASS = 5
"""Of a class with fewer judged rows, nothing is said of not finding one."""


def diagnose(
    training: Training, *, fix: bool = False, compare: bool = True, ahead: bool = True,
    columns: Sequence[str] | None = None, table: TableNames | None = None, tell: Callable[[str], None] = lambda _: None,
) -> Diagnosis:  # fmt: skip
    """Say what is wrong with a training that has run: findings with their numbers, in the order of cause.

    References are trained on the same rows, with standard settings: where the training is as good as they are on the
    validation rows, nothing is wrong with it, and what is odd is only remarked. Where it is worse by more than chance,
    the findings say why. Rows that are wrong themselves (a leak, shuffled labels) are findings by themselves.

    Args:
        training: a training that has made at least one epoch, or diverged in its first.
        fix: train again with the remedies, one by one, from the same seed; those that help are kept.
        compare: False trains no references: then the findings say what is odd, not whether it does harm.
        ahead: False trains nothing at all, not even short trainings with other rates, by which BL401 and BL402 are
            found: for a look at a training that goes on.
        columns: names of the inputs, for the words of the findings.
        table: the names in the table that the rows are of, if they are of one.
        tell: is called with what is done next, in a few words, for a display of progress.

    Errors: a BacklitError for what is no training, one that has not run, or one whose order of rows is the caller's.

    >>> from backlit.engine import Network
    >>> from backlit.ops.layers.dense import Dense
    >>> network = Network([Dense(4, "tanh"), Dense(1)], 1, seed=1)
    >>> training = Training(network, [[-400.0], [0.0], [100.0], [900.0]], [0.0, 1.0, 0.0, 1.0], epochs=5).run()
    >>> finding = diagnose(training, compare=False).findings[0]
    >>> finding.code, finding.name, finding.remedies[0].words
    ('BL101', 'unscaled inputs', 'standardize the inputs')
    """
    if not isinstance(training, Training):
        raise BacklitError(
            f"diagnose was given {type(training).__name__}; expected a training that has run: "
            "bl.diagnose(bl.Training(network, X, Y).run())."
        )
    if not training.stopped and training.step == 0:
        raise BacklitError("this training has not run yet; run it first: bl.diagnose(training.run()).")
    inputs = training.X.shape[1]
    if columns is not None and (isinstance(columns, str) or len(columns) != inputs):
        given = repr(columns) if isinstance(columns, str) else counted(len(columns), "name")
        raise BacklitError(f"columns is {given}; expected a list of {counted(inputs, 'name')}, one for each input.")
    began = time.perf_counter()
    compare = compare and bool((training.Y[:1] != training.Y).any())  # where all targets are the same, BL203 says it
    case = Case(training, Plan.of(training), compare=compare, ahead=ahead, columns=columns, table=table)
    with collecting([]), np.errstate(all="ignore"):
        tell("training references to compare with" if compare else "measuring")
        found = compared(case)
        tell("looking for what is wrong")
        harmed = is_harmed(case, found)
        case.harmed = harmed if compare else None
        findings, remarks = _sorted(case, harmed, compare)
        triable = _triable(findings, harmed)
        tried, kept = tried_remedies(case, triable, tell) if fix else ((), ())
    harmed = harmed or bool(findings)
    untried = tuple(finding.code for finding in findings if finding.remedies and finding not in triable)
    return Diagnosis(
        what=repr(training.network), stopped=training.stopped or "", harmed=harmed, compared=found,
        findings=findings, remarks=remarks, tried=tried, kept=kept, untried=untried,
        unsaid=_unsaid(case, found, harmed, findings, untried), seconds=time.perf_counter() - began,
    )  # fmt: skip


def _sorted(case: Case, harmed: bool, compare: bool) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """Run all tests; give what counts as a finding, in the order of cause, and what is only remarked."""
    findings: list[Finding] = []
    remarks: list[Finding] = []
    for test in finding_tests():
        found = test.run(case)
        if found is not None:
            (findings if harmed or test.by_itself or not compare else remarks).append(found)
    return tuple(ranked(case, findings)), tuple(remarks)


def _triable(findings: Sequence[Finding], harmed: bool) -> list[Finding]:
    """Give the findings whose remedies the held-out rows can judge."""
    alone = not_shown_by_loss()
    return [finding for finding in findings if finding.code in SHOWN_BY_LOSS or (harmed and finding.code not in alone)]


def _unsaid(
    case: Case, found: Compared, harmed: bool, findings: Sequence[Finding], untried: Sequence[str]
) -> tuple[str, ...]:
    """Say what could not be told."""
    said = []
    if case.validation is None:
        said.append(
            "There are no validation rows, so overfitting cannot be told, and the comparison is on the training rows: "
            "give bl.Training(..., validation=(X, Y))."
        )
    if case.compare and case.validation is not None and len(case.X) > REFERENCE_ROWS:
        said.append(
            f"The references are trained on {REFERENCE_ROWS:,} of the {len(case.X):,} training rows, to save time: a "
            "training that is only a little worse than one on all rows is not told."
        )
    if not len(case.signals):
        said.append("No signals were measured, so nothing is said of gradients and units.")
    if shared := [code for code in untried if code in not_shown_by_loss()]:
        said.append(
            f"The {'remedies' if len(shared) > 1 else 'remedy'} of {', '.join(shared)} cannot be judged by the "
            "validation rows, which have the same fault."
        )
    said += () if harmed else _unlearned(case)
    if harmed and not findings:
        said.append("The training is worse than the reference, and no test says why.")
    if case.compare and found.gap is None and not case.diverged:
        said.append(
            "The reference is no better than the baseline: the inputs may say nothing of the targets, or the rows may "
            "be too few to show it."
        )
    return tuple(said)


def _unlearned(case: Case) -> Iterator[str]:
    """Name the classes of the judged rows that the network never answers, though nothing else is wrong."""
    classes = class_numbers(case.held_out_targets, case.of_classes)
    if classes is None:
        return
    for number in np.setdiff1d(classes, answers(case.predictions_held_out)).tolist():
        rows = int((classes == number).sum())
        if rows >= FEWEST_OF_A_CLASS:
            yield (
                f"The network answers {case.class_name(number)} for none of the {len(classes):,} rows that are judged, "
                f"of which {rows:,} have it. Whether its rows can be told from the others, these do not show."
            )
