"""`backlit.worksheet`: a class's sheets of a step to work out by hand, with keys."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import tomli_w

from backlit.check.graph import StepGraph
from backlit.check.worksheets.draws import INPUTS, WEIGHTS
from backlit.check.worksheets.levels import LETTERS, Level, leaves, level_of, name_weights, shaped
from backlit.check.worksheets.search import APART, Drawable, Found, Plan, agrees, find, plan_of
from backlit.check.worksheets.sheets import Worksheet, checked_gaps, worksheet_of
from backlit.check.worksheets.students import Student, names_of, students_of
from backlit.engine import SingleUpdates
from backlit.errors import BacklitError
from backlit.examples import Setup, example_file, parse_network_file
from backlit.examples.file_text import parsed, text_of
from backlit.explain import Presentation, Step, course_of
from backlit.show.worksheet.worksheets import Worksheets
from backlit.sources.network_files import own_labels

MOST_NUMBERS = 160
"""A network of more numbers is too much to work out on two pages."""
DIGITS = (4, 5, 6)
VALUES = {"W": "weights", "U": "recurrent_weights", "b": "biases"}
"""The keys of a network file's layers for the arrays of a layer."""


def worksheet(
    network: str | os.PathLike[str] | None = None, *, level: int | None = None, kind: str | None = None,
    students: Iterable[str] | str | os.PathLike[str] | None = None, count: int | None = None, seed: int = 0,
    gaps: str = "lines", digits: int | None = None,
) -> Worksheets:  # fmt: skip
    """Make sheets of one training step to work out by hand: numbers of each student's own, blanks, and a key.

    The numbers are searched: short decimals, no unit saturated, no result next to where rounding changes, and the
    results of all mistakes of the catalogue, at every number, at least 20 units of the last digit apart from the right
    one and from each other. A student's numbers depend on the seed and on the name alone.

    Args:
        network: a classic example's name or a network file, whose weights, biases and inputs are drawn anew; targets,
            and pictures and sequences of whole numbers, stay. Of many rows, the first two or the first one are taken.
        level: instead, 1 (one neuron), 2 (one hidden layer; the default), 3 (softmax and cross-entropy), 4 (momentum,
            two steps), 5 (a batch of two rows) or 6 (a small convolution, or two time steps).
        kind: of level 6, "convolution" or "recurrent"; by default an even seed has the first, an odd one the second.
        students: names, or a file with a column of them. count: instead, how many sheets; 1 by default.
        seed: a whole number from 0; the same seed gives the same sheets.
        gaps: what is blank: "final" (the outputs, the error and the new weights), "lines" (each line's result), "all"
            (the formulas too).
        digits: places behind the point to work with; by default those of the level, 4 mostly.

    Errors: a BacklitError for an argument out of range, a network that is too large, or a list without names.

    >>> import backlit as bl
    >>> sheets = bl.worksheet(level=1, students=["Ada", "Grace"], seed=7)
    >>> [sheet.student for sheet in sheets], sheets[0].blanks[:3]
    (['Ada', 'Grace'], ('net(o1)', 'out(o1)', 'E(o1)'))
    """
    for name, value, least in (("seed", seed, 0), ("count", count, 1), ("digits", digits, 1)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
            raise BacklitError(f"{name} is {value!r}; expected a whole number of at least {least}.")
    if students is not None and count is not None:
        raise BacklitError("students and count are both given; expected one of them: a sheet per name, or so many.")
    chosen = checked_gaps(gaps)
    of = _level(network, level, kind, seed)
    if digits is not None and digits > 9:
        raise BacklitError(f"digits is {digits}; expected at most 9 places behind the point, to work out by hand.")
    made = (
        _making(of) if digits is None and network is not None else _Making(of, of.digits if digits is None else digits)
    )
    return Worksheets(
        tuple(made.sheet(student, seed, chosen) for student in _students(students, count or 1)), title=of.title
    )


def _students(students: Any, count: int) -> tuple[Student, ...]:
    if students is None:
        wide = max(2, len(str(count)))
        return tuple(Student("", f"sheet-{number:0{wide}}") for number in range(1, count + 1))
    if isinstance(students, (str, os.PathLike)):
        path = Path(students)
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise BacklitError(f"cannot read the list of students {path}: {error.strerror}.") from None
        return students_of(names_of(raw, path.name))
    names = [str(name) for name in students]
    if not names:
        raise BacklitError("students is empty; expected at least one name.")
    return students_of(names)


# ------------------------------------------------------------------------------------------------------------ the level


def _level(network: Any, level: int | None, kind: str | None, seed: int) -> Level:
    if network is None:
        return level_of(2 if level is None else level, kind, seed)
    if level is not None or kind is not None:
        given = f"level is {level}" if level is not None else f"kind is {kind!r}"
        raise BacklitError(f"{given}, and network is {os.fspath(network)!r}; expected one of them.")
    name = os.fspath(network)
    path = Path(name) if name.endswith(".toml") else Path(str(example_file(name)))
    raw = parsed(text_of(path), name)
    file = parse_network_file(text_of(path), name)
    return _of_file(raw, file.setups[0], name, file.title or path.stem)


def _of_file(raw: Mapping[str, Any], setup: Setup, name: str, title: str) -> Level:
    """Give a network file as a level: its first run, with all its numbers written out."""
    if isinstance(setup.network.inputs, dict):
        raise BacklitError(f"{name} has several inputs; expected a network with one, for a sheet.")
    X, Y = setup.rows()
    built = setup.build()
    batch = min(len(X), _batch(setup, len(X)))
    tables: dict[str, Any] = {"title": title, "network": copy.deepcopy(dict(raw["network"]))}
    if raw.get("runs"):
        tables["network"] |= copy.deepcopy(dict(raw["runs"][0].get("network", {})))
    for unused in ("initial", "seed"):
        tables["network"].pop(unused, None)
    for array in built:
        label, _, own = array.rpartition(".")
        if not label.isdigit() or own not in VALUES:
            raise BacklitError(
                f"{name} has {array}, whose numbers a network file cannot give; expected layers with weights and "
                "biases alone, such as dense, convolution or recurrent layers."
            )
        tables["network"]["layers"][int(label) - 1][VALUES[own]] = np.asarray(built[array], float).tolist()
    name_weights(tables)
    tables["training"] = {**dict(raw.get("training", {})), "batch_size": "full", "epochs": 1}
    flat = not isinstance(setup.network.inputs, (list, tuple)) or isinstance(setup.network.inputs[0], str)
    whole = bool(np.all(X[:batch] == np.round(X[:batch])))
    draws = {"weights": WEIGHTS} if whole and not flat else {"X": INPUTS, "weights": WEIGHTS}
    for rows in dict.fromkeys((batch, min(batch, 2), 1)):
        inputs, targets = (np.asarray(array[:rows], float).tolist() for array in (X, Y))
        tables["data"] = {"inputs": inputs, "targets": targets}
        if len(steps_of(tables, 1, 4)[0].contents) <= MOST_NUMBERS:
            break
    return Level(title, tables, draws, zeros=True)


def _batch(setup: Setup, rows: int) -> int:
    settings = setup.rules_alone().get("batch_size", 1)
    return rows if settings == "full" else int(settings)


def _making(level: Level) -> _Making:
    """Choose the digits for a network file: the fewest of `DIGITS` for which mistakes can be told apart."""
    for digits in DIGITS:
        made = _Making(level, digits)
        try:
            if find(made.plan, 0, "digits", lambda _: True).apart >= APART:
                break
        except BacklitError:
            if digits == DIGITS[-1]:
                raise
    return made


class _Making:
    """The making of sheets of one level: the plan is made once for all of them."""

    def __init__(self, level: Level, digits: int) -> None:
        self.level, self.digits = level, digits
        steps = self._steps(level.tables)
        if len(steps[0].contents) * len(steps) > MOST_NUMBERS:
            raise BacklitError(
                f"the step has {len(steps[0].contents):,} numbers; expected at most {MOST_NUMBERS}, to be worked out "
                "on two pages: choose a smaller network, or fewer rows."
            )
        self.plan = self._plan(StepGraph(steps))

    def _plan(self, graph: StepGraph) -> Plan:
        tables = self.level.tables
        rows, weights, like = tables["data"]["inputs"], [], {}
        for number, layer in enumerate(tables["network"]["layers"], 1):
            for array, key in VALUES.items():
                if key in layer:
                    name = f"{number}.{array}"
                    weights.append(Drawable(name, 1, len(leaves(layer[key]))))
                    names = leaves(layer.get(LETTERS[key][0], []))
                    if len(set(names)) < len(names):
                        like[name] = [names.index(own) for own in names]
        arrays = {
            "X": [Drawable("X", len(rows), len(leaves(rows[0])))],
            "Y": [Drawable("Y", len(rows), len(leaves(tables["data"]["targets"][0])))],
            "weights": weights,
        }
        return plan_of(graph, self.level.draws, arrays, like, self.digits, zeros=self.level.zeros)

    def _steps(self, tables: Mapping[str, Any]) -> list[Step]:
        return steps_of(tables, self.level.steps, self.digits)

    def sheet(self, student: Student, seed: int, gaps: Any) -> Worksheet:
        """Make a student's sheet."""
        made: dict[int, tuple[dict[str, Any], list[Step]]] = {}

        def fits(found: Found) -> bool:
            tables = self._filled(found)
            steps = self._steps(tables)
            made[id(found)] = tables, steps
            return agrees(self.plan, found, StepGraph(steps))

        found = find(self.plan, seed, f"{self.level.title}\n{student.stem}", fits)
        tables, steps = made.get(id(found)) or (self._filled(found), self._steps(self._filled(found)))
        sheet = worksheet_of(
            steps, gaps, student=student.name, stem=student.stem, seed=seed, title=self.level.title, network="",
            apart=found.apart, draws=found.draws,
        )  # fmt: skip
        own = {"sheet": sheet.stem, "student": sheet.student, "seed": seed, "digits": sheet.digits,
               "blanks": sheet.blanks}  # fmt: skip
        return msgspec.structs.replace(sheet, network=tomli_w.dumps({**tables, "worksheet": own}))

    def _filled(self, found: Found) -> dict[str, Any]:
        """Give the network file with the found numbers."""
        tables = copy.deepcopy(self.level.tables)
        for name, numbers in found.arrays.items():
            if name in {"X", "Y"}:
                holder, key = tables["data"], {"X": "inputs", "Y": "targets"}[name]
            else:
                label, _, own = name.rpartition(".")
                holder, key = tables["network"]["layers"][int(label) - 1], VALUES[own]
            holder[key] = shaped(holder[key], list(numbers))
        return tables


def steps_of(tables: Mapping[str, Any], count: int, digits: int) -> list[Step]:
    """Record the first steps of a network file's training, given its tables."""
    setup = parse_network_file(tomli_w.dumps(tables), "the worksheet's network").setups[0]
    X, Y = setup.rows()
    rules = setup.rules()
    shown = Presentation.of({"inputs": setup.names.inputs, "units": setup.names.units, "labels": own_labels(setup),
                             "digits": digits})  # fmt: skip
    training = SingleUpdates(setup.build().copy("float64"), X, Y, **rules)
    courses = (course_of(training, steps=number, epochs=rules.get("epochs")) for number in range(1, count + 1))
    return [Step(course.step(), shown, course.epochs) for course in courses]
