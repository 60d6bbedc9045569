"""`backlit.explain`: a step, or an epoch, of whatever can be trained, worked out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, overload

import msgspec
import numpy.typing as npt

from backlit.engine import Network, SingleUpdates, Training, TrainingSettings
from backlit.errors import BacklitError
from backlit.explain import Presentation, Step, course_of, explain_epoch, precision_facts, steps_of_epoch
from backlit.explain.course import Course
from backlit.explain.step import DATA
from backlit.ops.registry import optimizers
from backlit.show.worked import example as worked_example
from backlit.show.worked.epoch import WorkedEpoch
from backlit.show.worked.example import WorkedExample
from backlit.sources.network_files import network_file_problem
from backlit.sources.problem import Problem

MODEL_SUFFIXES = (".safetensors", ".backlit")
RULES = (*TrainingSettings.__struct_fields__, *DATA)
"""The arguments of `Training`."""


@overload
def explain(source: Any, X: npt.ArrayLike | None = ..., Y: npt.ArrayLike | None = ..., *, data: Any = ...,
            row: Any = ..., run: str | None = ..., steps: int | None = ..., epoch: None = ..., rate: float | None = ...,
            compare: bool = ..., **settings: Any) -> WorkedExample: ...  # fmt: skip
@overload
def explain(source: Any, X: npt.ArrayLike | None = ..., Y: npt.ArrayLike | None = ..., *, data: Any = ...,
            row: Any = ..., run: str | None = ..., steps: int | None = ..., epoch: int, rate: float | None = ...,
            compare: bool = ..., **settings: Any) -> WorkedEpoch: ...  # fmt: skip
def explain(
    source: Any, X: npt.ArrayLike | None = None, Y: npt.ArrayLike | None = None, *, data: Any = None, row: Any = None,
    run: str | None = None, steps: int | None = None, epoch: int | None = None, rate: float | None = None,
    compare: bool = False, **settings: Any,
) -> WorkedExample | WorkedEpoch:  # fmt: skip
    """Work one training step out: forward pass, error, backward pass, update, every number with its formula.

    The step is run by the engine in float64 on a copy of the network; the numbers are those it leaves in its buffers.
    The K-th step is the K-th step of `Training(..., compiled=False)` of the same arguments, bit for bit: of the same
    batch, at the same rate, with the same dropout. Compiled code, which trains by default, may differ in the last bit
    of a number, and float32 rounds to some 7 digits.

    Args:
        source: what is explained, one of these:
            a `Network`, with X and Y: its training with the given settings, from its weights on;
            a classic example's name ("two-layer") or a network file ("mine.toml"): the file's training;
            a model file ("model.safetensors") or a table's model, with `data` and `row`: the first step of the same
            training begun anew at its final weights, on these rows;
            a `Training`: the step that it would take next; it stays as it is.
        X: inputs (n, inputs). Y: targets, as `Training` takes them.
        data: the table whose rows a model is explained on, as `backlit.data.read_table` takes it.
        row: numbers of rows, from 1 on: 2, [1, 2] or "1,2". They make one batch, as if there were no others; of a
            model's table, the first row by default.
        run: the name of one of a network file's several runs; by default the first.
        steps: which step: so many are run, and the last is explained; 1 by default.
        epoch: instead, every step of that epoch in turn, as a `WorkedEpoch`.
        rate: a learning rate instead of the optimizer's own.
        optimizer: an optimizer or its name; "sgd" for a network. schedule, batch_size, shuffle, order, seed, epochs,
            sample_weight, validation, l1, l2, decay_biases, penalty_per_batch, clip_value, clip_norm, max_norm, target,
            patience: as in `Training`, but that a network's batch is "full" by default. They take the place of a
            file's own.
        rates: the learning rate of each of the steps, where no schedule gives them.
        taken, slots: the steps that the optimizer has taken before these, and its vectors that they left, one after
            another, each in the order of `network.parameters`; without them it starts afresh.
        inputs, outputs, units, rows, labels: own names: of the columns, the outputs, each layer's units, the rows; and
            of quantities, such as {"w(i1,h1)": "w1"}, after which dE/dw1 and w1+ are named.
        only: a phase ("forward", "error", "backward", "update"), a layer ("layer 2", "lstm"), a unit, filter or moment
            ("h1", "f1@r1c2", "time 2"), or a number ("w(i1,h1)", "dE/dnet(h2)") with all it depends on, without its
            place all of that name; or several of these.
        digits: places behind the point, ties to even. Given numbers of up to four digits stay as they are; a result
            below the last place, or below 0.001, has so many digits and an exponent. Digits that float64 does not have
            are left out.
        check: put the slope by finite differences beside each gradient; at a kink, those of both sides.
        compare: end with the parameters and the error before and after.

    Errors: a BacklitError where shapes do not fit the network, a setting is out of range, `only` or a key of `labels`
        names nothing, two numbers get one name by `labels`, the training has no such step, or an argument does not go
        with the source.

    >>> import backlit as bl
    >>> network = bl.Network([bl.Dense(1, weights=[[2.0]], biases=[1.0])], inputs=1)
    >>> print(bl.explain(network, [[3.0]], [[5.0]], optimizer=bl.SGD(rate=0.1), only="forward", digits=3))
    One training step, worked out
      network    1 → 1 identity; half_squared_error; 2 parameters, float64
      error      half_squared_error, of the row
      optimizer  sgd, rate 0.1
      rows       1
    ...
    >>> round(bl.explain("two-layer")["w5+"].value, 8)
    0.35891648
    """
    if steps is not None and epoch is not None:
        raise BacklitError(f"steps is {steps} and epoch is {epoch}; expected one of them: a step, or an epoch whole.")
    asked: dict[str, Any] = {"steps": 1 if steps is None else steps, "epoch": epoch, "compare": compare}
    if isinstance(source, Training):
        _refuse("a training", X=X, Y=Y, data=data, row=row, run=run, rate=rate)
        return _of_training(source, settings, **asked)
    if isinstance(source, Network):
        _refuse("a Network", data=data, run=run)
        if row is not None:
            first = row - 1 if isinstance(row, int) and row > 0 else 0
            part = f"{first}:{first + 1}"
            raise BacklitError(
                f"row is {row!r}, which goes with a file or a model; of arrays give the rows themselves: "
                f"explain(network, X[{part}], Y[{part}]) explains row {first + 1}."
            )
        if X is None or Y is None:
            missing = "rows" if X is None and Y is None else "inputs X" if X is None else "targets Y"
            raise BacklitError(f"explain was given a Network without {missing}; expected explain(network, X, Y).")
        if rate is not None:
            settings["optimizer"] = _with_rate(settings.get("optimizer", "sgd"), rate)
        return _of_network(source, X, Y, settings, **asked)
    rules = {name: settings.pop(name) for name in RULES if name in settings}
    problem = _problem(source, X, Y, data, row, run, rules)
    return _of_problem(problem, rate, settings, **asked)


def _problem(source: Any, X: Any, Y: Any, data: Any, row: Any, run: str | None, rules: Mapping[str, Any]) -> Problem:
    """Find the problem that a name, a path or a model gives."""
    if not isinstance(source, (str, os.PathLike)):
        from backlit.model import TabularModel  # noqa: PLC0415  (tables and Arrow, which a network file does not need)

        if isinstance(source, TabularModel):
            from backlit.sources.model_files import model_problem  # noqa: PLC0415

            _refuse("a table's model", X=X, Y=Y, run=run)
            return model_problem(source, "the model", data, row, rules)
        hint = "; an estimator has an explain of its own: estimator.explain(X, y)" if hasattr(source, "explain") else ""
        raise BacklitError(
            f"explain was given {type(source).__name__}; expected a Network with X and Y, an example's name, the path "
            f"of a network file or a model file, or a Training{hint}."
        )
    name = os.fspath(source)
    if name.endswith(MODEL_SUFFIXES):
        from backlit.sources.model_files import model_file_problem  # noqa: PLC0415

        _refuse("a model file", run=run)
        return model_file_problem(name, X, Y, data, row, rules)
    _refuse(f"a network file, which has rows of its own ({name})", data=data, X=X, Y=Y)
    return network_file_problem(name, run, row, rules)


def _refuse(what: str, **given: Any) -> None:
    for name, value in given.items():
        if value is not None:
            raise BacklitError(f"{name} does not go with {what}; leave it out.")


def _of_network(
    network: Network, X: Any, Y: Any, settings: Mapping[str, Any], *, steps: int, epoch: int | None, compare: bool
) -> WorkedExample | WorkedEpoch:
    if epoch is not None:
        return WorkedEpoch(explain_epoch(network, X, Y, epoch=epoch, **settings), compare=compare)
    return worked_example.explain(network, X, Y, steps=steps, compare=compare, **settings)


def _of_problem(
    problem: Problem, rate: float | None, shown: Mapping[str, Any], *, steps: int, epoch: int | None, compare: bool
) -> WorkedExample | WorkedEpoch:
    if steps != 1 and problem.one_step:
        raise BacklitError(f"steps is {steps}; {problem.one_step}")
    if epoch is not None and problem.one_batch:
        raise BacklitError(f"epoch is {epoch}; {problem.one_batch}")
    rules = dict(problem.rules)
    if rate is not None:
        rules["optimizer"] = _with_rate(rules.get("optimizer", TrainingSettings().optimizer), rate)
    training = SingleUpdates(problem.network.copy("float64"), problem.X, problem.Y, **rules)
    course = course_of(training, steps=steps, epochs=problem.epochs)
    facts = [*problem.shown.get("facts", ()), *precision_facts(problem.network)]
    return _worked(course, Presentation.of({**problem.shown, "facts": facts, **shown}), epoch, compare)


def _of_training(
    training: Training, shown: Mapping[str, Any], *, steps: int, epoch: int | None, compare: bool
) -> WorkedExample | WorkedEpoch:
    for name in shown:
        if name in RULES:
            raise BacklitError(
                f"{name} is a setting of the training that explain was given, whose own step is shown; leave it out, "
                "or make a Training that has it."
            )
    ended = training.stopped
    course = course_of(training, steps=steps, epochs=None if ended else training.epochs)
    facts = [*shown.get("facts", ()), *precision_facts(training.network)]
    if ended:
        facts.insert(0, ("training", f"has ended ({ended}); this is how it would go on, if it were run again"))
    return _worked(course, Presentation.of({**shown, "facts": facts}), epoch, compare)


def _worked(course: Course, shown: Presentation, epoch: int | None, compare: bool) -> WorkedExample | WorkedEpoch:
    if epoch is not None:
        return WorkedEpoch(steps_of_epoch(course, shown, epoch), compare=compare)
    return WorkedExample(Step(course.step(), shown, course.epochs), compare=compare)


def _with_rate(given: Any, rate: float) -> Any:
    optimizer = optimizers.make(given)
    if not hasattr(optimizer, "rate"):
        raise BacklitError(f"rate is {rate}; the optimizer {optimizer.name!r} has none: leave it out.")
    return msgspec.structs.replace(optimizer, rate=rate)
