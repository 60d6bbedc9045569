"""What a training on a table tells of itself at its end: only what is worth a line, without training references."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from backlit.data import NumberTarget
from backlit.diagnose.case import Case
from backlit.diagnose.finding_tests import finding_tests
from backlit.diagnose.harm import FEWEST_ERRORS, SMALLEST_GAP, errors_of, gap_of
from backlit.diagnose.naming import TableNames
from backlit.diagnose.plan import Plan
from backlit.diagnose.records import Finding
from backlit.diagnose.score import row_scores
from backlit.errors import collecting, counted
from backlit.kernels.types import Array
from backlit.model import TableTraining
from backlit.model.commands import diagnosing, training_again
from backlit.model.reports import Notice, Trial

MOST = 3
"""So many notices are given."""

FEWEST_ROWS = 20
"""Of fewer test rows, nothing is said of how good the network is."""

HARDLY, CHANCE = 0.97, 2.0
"""A network that leaves more than this part of the baseline's squared error, and is better by less than so many
standard errors, is no better than the baseline."""

FEWEST_OF_A_CLASS = 8
"""Of a class with fewer test rows, it may be chance that none is found."""

MOST_LOOKED_AT = 1_000
"""The tests of the data look at so many training rows at the most."""

SHOWN_ALONE = ("BL1", "BL2", "BL3", "BL402", "BL403")
"""What the codes begin with of the causes that their own number shows; of others, only trials tell: `diagnose`."""

LATE, STILL = 0.9, 0.05
"""A validation loss still falls where its lowest is the last one, and it fell by this part in the last tenth."""

OF_ROWS = {
    "BL103": "a column may give the target away: {place}",
    "BL104": "the same rows are among the training and the test rows: {place}",
    "BL105": "the targets look shuffled: the columns tell nothing of them",
}
"""What is said of findings that stand by themselves; of others, their name and place."""


class Tested(NamedTuple):
    """The test rows: scores (n,) of the network, the baseline and the linear model, in the baseline's mean score.

    `true` and `predicted` are the classes (n,), empty where numbers are learned.
    """

    mine: Array
    baseline: Array
    linear: Array | None
    true: Array
    predicted: Array


def noticed(training: TableTraining) -> tuple[Notice, ...]:
    """Give what may be wrong with a training that has run, causes first, at most `MOST`; mostly nothing."""
    with collecting([]), np.errstate(all="ignore"):
        case = _case(training)
        tested = _tested(training, case)
        found = list(_rows(training, case))
        shuffled = any(notice.code == "BL105" for notice in found)  # which says why the network is no better
        found += [*_diverged(training), *_still_falling(training)]
        bad = None if tested is None or shuffled else _bad(tested)
        found += [Notice("", bad, diagnosing(training.command))] if bad else []
        found += _causes(training, case) if bad else ()
        found += _unlearned(training, tested) if tested is not None and not bad and not shuffled else ()
    return tuple(found[:MOST])


# ------------------------------------------------------------------------------------------------------- the test rows


def _tested(training: TableTraining, case: Case) -> Tested | None:
    """Score the test rows row by row; None where there are none, or the targets of all are the baseline's."""
    beside, model = training.compared, training.model
    if beside is None or model is None or len(beside.targets) < FEWEST_ROWS:
        return None
    outputs = model.network.predict(case.held_out[0])
    if isinstance(training.encoder.target, NumberTarget):
        true = predicted = np.zeros(0, np.int64)
        T, P = beside.targets[:, None], model.decode(outputs)[:, None]
        others = [None if other is None else other.reshape(-1, 1) for other in (beside.baseline, beside.linear)]
    else:
        true, predicted = beside.targets.astype(np.int64), outputs.argmax(axis=1)
        T, P = np.eye(outputs.shape[1])[true], outputs.astype(np.float64)
        others = [beside.baseline, beside.linear]
    simple = row_scores(T, others[0])  # type: ignore[arg-type]
    unit = float(simple.mean())
    if not unit > 0.0:
        return None
    linear = None if others[1] is None else row_scores(T, others[1]) / unit
    return Tested(row_scores(T, P) / unit, simple / unit, linear, true, predicted)


def _bad(tested: Tested) -> str | None:
    """Say that the network is no better than the baseline, or much worse than the linear model; else None."""
    mine, rows = float(tested.mine.mean()), counted(len(tested.mine), "test row")
    if mine > HARDLY and errors_of(tested.baseline, tested.mine) < CHANCE:
        return f"no better than the baseline: on {rows} the network leaves {mine:.2f} of the baseline's squared error"
    if tested.linear is None:
        return None
    linear = float(tested.linear.mean())
    gap = gap_of(mine, linear)
    if gap is not None and gap > SMALLEST_GAP and errors_of(tested.mine, tested.linear) > FEWEST_ERRORS:
        return (
            f"worse than the linear model: on {rows} the network leaves {mine:.2f} of the baseline's squared error, "
            f"the linear model {linear:.2f}"
        )
    return None


def _unlearned(training: TableTraining, tested: Tested) -> Iterator[Notice]:
    """Name the classes of which no test row is found, though there are some."""
    classes = training.task.classes
    counts = np.bincount(tested.true, minlength=len(classes))
    found = np.bincount(tested.true[tested.true == tested.predicted], minlength=len(classes))
    missed = [k for k in range(len(classes)) if counts[k] >= FEWEST_OF_A_CLASS and not found[k]]
    if missed:
        named = ", ".join(f'"{classes[k]}" ({counts[k]:,} test rows)' for k in missed[:3])
        more = f" and {len(missed) - 3} more" if len(missed) > 3 else ""
        which = "a class is" if len(missed) == 1 else f"{len(missed)} classes are"
        yield Notice("", f"{which} never found: {named}{more}", diagnosing(training.command))


# ---------------------------------------------------------------------------------------------------- tests of findings


def _case(training: TableTraining) -> Case:
    """Give the final training as a case whose held-out rows are the test rows, without references."""
    plan = Plan.of(training.training)
    if len(training.rows["test"]):
        test, dtype = training.table.take(training.rows["test"]), training.settings.dtype
        X, Y = training.encoder.encode_features(test, dtype), training.encoder.encode_target(test, dtype)
        weights = np.zeros(0, plan.rows[2].dtype)
        plan = plan.replaced(validation=(X, np.asarray(Y, plan.rows[1].dtype).reshape(len(X), -1), weights))
    return Case(
        training.training, plan, compare=False, ahead=False, columns=training.encoder.feature_names,
        table=TableNames.of(training, tested=bool(len(training.rows["test"]))), most_rows=MOST_LOOKED_AT,
    )  # fmt: skip


def _rows(training: TableTraining, case: Case) -> Iterator[Notice]:
    """Give the findings that stand by themselves: a leak, rows on both sides of the split, shuffled labels."""
    for test in finding_tests():
        if test.by_itself and (found := test.run(case)) is not None:
            yield _of_finding(training, found)


def _causes(training: TableTraining, case: Case) -> list[Notice]:
    """Give the first finding that may say why a network predicts badly."""
    tests = (test for test in finding_tests() if not test.by_itself and test.code.startswith(SHOWN_ALONE))
    found = (test.run(case) for test in tests)
    first = next((finding for finding in found if finding is not None), None)
    return [] if first is None else [_of_finding(training, first)]


def _of_finding(training: TableTraining, found: Finding) -> Notice:
    """Give a finding as a notice, with the command that leaves the column out, where that is the remedy."""
    place = found.place.replace("validation rows", "test rows")  # which stand for them
    command = diagnosing(training.command)
    changes = [change for remedy in found.remedies[:1] for change in remedy.changes]
    if [change.name for change in changes] == ["leave out inputs"] and training.command.startswith("backlit train "):
        command = training_again(training.command, changes[0].option)
    words = OF_ROWS.get(found.code, f"{found.name}: {{place}}").format(place=place)
    return Notice(found.code, words, command)


# ----------------------------------------------------------------------------------------------------------- the choice


def _diverged(training: TableTraining) -> Iterator[Notice]:
    """Say that some of the settings that were compared diverged."""
    choice = training.report.choice if training.report is not None else None
    if choice is None:
        return
    lost = sum(trial.loss is None for trial in choice.trials)
    if lost:
        words = f"{lost:,} of {counted(len(choice.trials), 'setting')} tried diverged: the rate may be too large"
        yield Notice("BL403", words, diagnosing(training.command))


def _still_falling(training: TableTraining) -> Iterator[Notice]:
    """Say that the validation loss still fell where the epochs ended."""
    report = training.report
    if report is None or report.choice is None:
        return
    trial, epochs = report.choice.trials[report.choice.chosen], report.recipe.epochs
    fell = _fell_late(trial, epochs)
    if fell > STILL:
        part = f"{100 * fell:.0f}\u00a0%"
        words = f"stopped too early: the validation loss fell by {part} in the last tenth of the {epochs:,} epochs"
        command = diagnosing(training.command)
        if training.command.startswith("backlit train "):
            command = training_again(training.command, f"--epochs {3 * epochs}")
        yield Notice("BL501", words, command)


def _fell_late(trial: Trial, epochs: int) -> float:
    """Give the part by which the validation loss fell in the last tenth of all epochs, 0 where it ended before."""
    curve = trial.curve
    if curve is None or curve.validation_loss is None or trial.epochs < epochs or curve.numbers[-1] < epochs:
        return 0.0
    known = [(n, v) for n, v in zip(curve.numbers, curve.validation_loss, strict=True) if v is not None]
    before = [value for number, value in known if number <= LATE * epochs]
    if not before or not before[-1] > 0.0:
        return 0.0
    return (before[-1] - known[-1][1]) / before[-1]
