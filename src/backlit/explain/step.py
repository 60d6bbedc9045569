"""One training step as records, made one by one when asked for."""

from __future__ import annotations

import difflib
import functools
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from backlit.engine import Network, SingleUpdates, Training, TrainingSettings
from backlit.errors import BacklitError, counted
from backlit.explain.algebra.numerals import DIGITS
from backlit.explain.contents import GIVEN, LARGEST_EXAMPLE, Contents, Wanted
from backlit.explain.context import Context
from backlit.explain.course import Course
from backlit.explain.network_drawing import drawing_of
from backlit.explain.occasion import named_rows, occasion_facts
from backlit.explain.quantity_names import Names
from backlit.explain.record.exact import ExactNumbers
from backlit.explain.record.quantities import Key, Place
from backlit.explain.record.record_making import change_of, linked_of, record_of
from backlit.explain.record.recording import Recording, Settings
from backlit.explain.record.step_records import Change, Drawing, Example, Record, Section, Summary
from backlit.explain.selection import FIRST, examples, excerpt, has_later_moments, meant, selected
from backlit.explain.summary import summary_of
from backlit.explain.tables import weight_tables
from backlit.ops.base import Optimizer
from backlit.ops.synonyms import hint

DRAWN_ROWS = 4
"""Of more rows, so many have a drawing."""

DATA = ("sample_weight", "validation", "order")
"""Arguments of `Training` that are no settings: they belong to its rows."""

TRAINING = (*Settings.__struct_fields__, *DATA)
"""The arguments of `backlit.explain` that are about the training."""

ASKED = ("rate", "epoch", "compare", "data", "row", "run")
"""Those of its arguments that say which step of what is asked for."""

UNASKED = ("gradient_norms", "signals", "divergence", "compiled", "threads", "time_limit", "facts", "notes", "figures",
           "choosable")  # fmt: skip
"""Of these and the others, those that change no number of a step, or are not for callers."""

LIMITS = ("clip_value", "clip_norm", "max_norm")
ENOUGH = 2**31
"""Epochs of a training that is not said to end, at a constant rate."""


class Presentation(msgspec.Struct, frozen=True, kw_only=True):
    """How a step is shown; see `backlit.explain`.

    `facts` stand at the head of its summary, `notes` beside inputs and targets: a text for each column of each row of
    the training, inputs first. `figures` has the quantities of the file's own figures by what these are called, such as
    {"δ3": "-dE/dnet(y3)"}. `choosable` says that the rows can be chosen, by `row`.
    """

    inputs: Sequence[str] | None = None
    outputs: Sequence[str] | None = None
    units: Sequence[Sequence[str]] | None = None
    rows: Sequence[str] | None = None
    labels: Mapping[str, str] | None = None
    only: str | Sequence[str] = ()
    digits: int = DIGITS
    check: bool = False
    facts: Sequence[tuple[str, str]] = ()
    notes: Sequence[Sequence[str]] = ()
    figures: Mapping[str, str] = {}
    choosable: bool = False

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Presentation:
        """Make it of arguments by their names.

        Errors: a BacklitError for a name that `backlit.explain` does not have.
        """
        for name in given:
            if name not in cls.__struct_fields__:
                known = [known for known in (*TRAINING, *cls.__struct_fields__, *ASKED) if known not in UNASKED]
                raise BacklitError(f"explain has no argument {name!r}; {hint(name, known, 'python')}")
        for name in ("inputs", "outputs", "units", "rows"):
            names = given.get(name)
            if names is not None and (isinstance(names, str) or not isinstance(names, Iterable)):
                what = "a list of names for each layer" if name == "units" else "a list of names"
                chosen = "; to choose rows, give those alone: X[0:1] and Y[0:1] are the first" if name == "rows" else ""
                raise BacklitError(f"{name} is {names!r}; expected {what}{chosen}.")
        labels = given.get("labels")
        if labels is not None and not isinstance(labels, Mapping):
            raise BacklitError(f'labels is {labels!r}; expected names by usual names, such as {{"w(i1,h1)": "w1"}}.')
        only = given.get("only", ())
        if not isinstance(only, Iterable):
            raise BacklitError(f'only is {only!r}; expected a part, such as "h1" or "forward", or several of these.')
        return cls(**given)

    def checked(self, rows: int) -> Presentation:
        """Give the same with the parts as a tuple; rows are named by their numbers where they have no names.

        Errors: a BacklitError for digits that are no whole number from 0 to 100, or names for other rows.
        """
        digits = self.digits
        if isinstance(digits, bool) or not isinstance(digits, (int, np.integer)) or not 0 <= digits <= 100:
            raise BacklitError(f"digits is {digits!r}; expected a whole number from 0 to 100.")
        if self.rows is not None and len(self.rows) != rows:
            raise BacklitError(f"rows: {counted(len(self.rows), 'name')} given; X has {counted(rows, 'row')}.")
        if self.rows is not None and len(set(self.rows)) != len(self.rows):
            raise BacklitError(f"rows: a name is given twice in {list(self.rows)}; expected names that differ.")
        only = (self.only,) if isinstance(self.only, str) else tuple(self.only)
        return msgspec.structs.replace(self, digits=int(digits), only=only)


class Step:
    """One training step of a network on the rows of its batch, explained.

    Attributes:
        recording: the step as the engine ran it. `contents`: all quantities of the step. `exact`: its numbers in many
            digits.
        rows: the names of its rows.
        only: the parts that were asked for: names, units, layers or phases; empty for the whole step.
        figures: what the file calls numbers in its own figures, as `Presentation` has it.
        wanted: the numbers of these parts; None for the whole step.
        brief: whether `example` shows the first rows and units alone, because there are too many; the records have all.
    """

    def __init__(self, recording: Recording, shown: Presentation, epochs: int | None = None) -> None:
        shown = shown.checked(recording.of)
        names = Names(recording.network, shown.inputs, shown.outputs, shown.units, shown.labels)
        places, own = recording.batch.rows.tolist(), shown.rows
        self.rows = tuple(str(place + 1) if own is None else own[place] for place in places)
        self.recording, self.digits, self.check = recording, shown.digits, shown.check
        self.contents = Contents(Context(recording, names, self.rows))
        self.exact = ExactNumbers(self.digits)
        self.only, self.figures, self._choosable = tuple(shown.only), shown.figures, shown.choosable
        parts = [meant(self.contents, part, shown.figures) for part in self.only]
        self.wanted = selected(self.contents, parts) if self.only else None
        called = [(part, f"what the file calls {shown.figures[part]}")
                  for part, name in zip(self.only, parts, strict=True) if part != name]  # fmt: skip
        self._facts, self._epochs = (*shown.facts, *called), epochs
        self.brief = len(self) > LARGEST_EXAMPLE
        if shown.notes:
            self._note([shown.notes[place] for place in recording.batch.rows])

    def _note(self, notes: Sequence[Sequence[str]]) -> None:
        """Put notes beside the inputs and the targets of the rows."""
        inputs, targets = self.contents.inputs, self.contents.error.targets
        inputs.note = lambda at: notes[at.row][at.unit]
        targets.note = lambda at: notes[at.row][len(inputs.units) + at.unit]

    @property
    def summary(self) -> Summary:
        """The facts about the step: its network, loss and optimizer, its rows, which step of the training it is."""
        summary = summary_of(self.recording, self.digits)
        facts = (*self._facts, *summary.facts, *self.occasion)
        return msgspec.structs.replace(summary, facts=facts)

    @property
    def occasion(self) -> list[tuple[str, str]]:
        """The facts about which step of which epoch it is, on which rows, at which rate."""
        return occasion_facts(self.recording, self.rows, self._epochs)

    def __len__(self) -> int:
        return len(self.contents) if self.wanted is None else sum(map(len, self.wanted.values()))

    def keys(self) -> Iterator[tuple[str, Key]]:
        """Give all numbers in order, with the heading of each; only those of `only` where it is given."""
        return self.contents.numbers(self.wanted)

    def records(self) -> Iterator[Record]:
        """Give the records in the order in which a person would work them out, each made as it is asked for."""
        return (self._record(key) for _, key in self.keys())

    def _record(self, key: Key) -> Record:
        return record_of(key, self.exact, self.digits, check=self.check)

    def shown(self, key: Key) -> str:
        """Give a number's text as every form shows it: with the digits that are right."""
        return self.exact.shown(key, self.digits)

    def sections(self) -> Iterator[Section]:
        """Give the records under their headings; where the step is `brief`, the first of each kind."""
        shown = self._shown_numbers if self.brief else self.wanted
        for heading, keys in itertools.groupby(self.contents.numbers(shown), key=itemgetter(0)):
            tables = weight_tables(self.contents, self.exact, self.digits) if (heading, shown) == (GIVEN, None) else ()
            yield msgspec.structs.replace(self.section(heading, [key for _, key in keys]), tables=tables)

    def section(self, heading: str, keys: Sequence[Key], *, links: bool = True) -> Section:
        """Give the records of some numbers under a heading; without `links`, `linked` is left out."""
        linked = tuple(linked_of(key, self.exact, self.digits) for key in keys) if links else ()
        return Section(heading, keys[0].quantity.phase, tuple(map(self._record, keys)), linked)

    def example(self, *, compare: bool = False) -> Example:
        """Give all records of the step, with the parameters before and after it if asked."""
        drawn = self.contents.drawable and not self.only
        drawings = tuple(self.drawings()) if drawn else ()
        changes = tuple(self.changes(self._shown_numbers if self.brief else self.wanted)) if compare else ()
        left_out = self.contents.context.rows[DRAWN_ROWS:] if drawn else ()
        summary = self.summary
        if self.brief:
            summary = msgspec.structs.replace(summary, facts=(*summary.facts, ("left out", self._left_out())))
        return Example(summary, drawings, tuple(self.sections()), changes, left_out)

    @functools.cached_property
    def _shown_numbers(self) -> Wanted:
        return excerpt(self.contents, self.wanted)

    @property
    def shown_count(self) -> int:
        """How many numbers `example` shows."""
        return sum(map(len, self._shown_numbers.values())) if self.brief else len(self)

    def _left_out(self) -> str:
        """Say how much of a brief step is shown, and how to ask for more."""
        rows = self.contents.context.rows
        times = f" at the first {FIRST} times" if has_later_moments(self.contents) else ""
        of = f", of {named_rows(rows[:FIRST])}" if rows else ""
        which = f"the first {FIRST} units of each layer{times} are shown{of}"
        parts = [part for part in examples(self.contents) if part and part not in self.only]
        command = [f'--only "{part}"' if re.search(r"[^\w.]", part) else f"--only {part}" for part in parts]
        python = [f"only={part!r}" for part in parts]
        if rows and self._choosable:
            command, python = [f"--row {rows[0]}", *command], [f"row={rows[0]}", *python]
        elif rows:
            python.append("fewer rows of X")
        return (
            f"{len(self) - self.shown_count:,} of {len(self):,} numbers; {which}. To see a part whole: "
            f"{', '.join(command)} (in Python {', '.join(python)}); --format json, to_json(), has all."
        )

    def drawings(self) -> Iterator[Drawing]:
        """Give the network with the numbers of each of the first rows, and of several rows that of all together."""
        yield from (self.drawing(row) for row in range(min(self.recording.rows, DRAWN_ROWS)))
        if self.recording.rows > 1:
            yield self.drawing(None)

    def drawing(self, row: int | None = 0, *, units_of: int | None = None) -> Drawing:
        """Give the network with the numbers of one row; of None, with the slopes of all rows added up."""
        return drawing_of(self.contents, row, self.exact, units_of=units_of)

    def changes(self, shown: Wanted | None = None) -> Iterator[Change]:
        """Give the error and every trained parameter before and after the step; of `shown`, if given, those in it.

        Where new values are in it, their parameters alone count, and not those that other formulas need.
        """
        new_ones = shown is not None and any(update.new in shown for update in self.contents.updates)
        E, total = self.recording, self.contents.error.E
        yield change_of("E", E.E, E.E_after, Key(total, Place(0, 0, 0)), None, self.exact, self.digits)
        for update in self.contents.updates:
            chosen = update.new if new_ones else update.parameter
            for at in update.new.places(0):
                if shown is not None and at not in shown.get(chosen, ()):
                    continue
                old, new = Key(update.parameter, at), Key(update.new, at)
                before, after = (key.quantity.value(at) for key in (old, new))
                name = update.parameter.name(at).text
                yield change_of(name, before, after, old, new, self.exact, self.digits)

    def __getitem__(self, name: str) -> Record:
        return self._record(self.key(name))

    def key(self, name: str) -> Key:
        """Give the number of that name. Errors: a KeyError that says what may be meant."""
        key = self.find(name)
        if key is None and meant(self.contents, name, self.figures) != name:
            number = meant(self.contents, name, self.figures)
            raise KeyError(
                f"{name!r} is what the file calls {self.figures[name]}; {number!r} is the number without the minus."
            )
        if key is None:
            near = difflib.get_close_matches(name, self.contents.known_names(every=len(self) <= LARGEST_EXAMPLE), n=3)
            known = (
                f"did you mean {' or '.join(map(repr, near))}?"
                if near
                else "names look like 'net(h1)' or 'dE/dw(i1,h1)'."
            )
            raise KeyError(f"the step has no number {name!r}; {known}")
        return key

    def find(self, name: str) -> Key | None:
        """Give the number of that name: its own label, the usual one, or what the file calls it in its figures."""
        key = self.contents.find(name)
        if key is None and not self.figures.get(name, "-").startswith("-"):
            return self.contents.find(self.figures[name])
        return key


def explain_step(network: Network, X: npt.ArrayLike, Y: npt.ArrayLike, **given: Any) -> Step:
    """Record one step of the training of a copy of the network and give it as records; see `backlit.explain`."""
    course, shown = _course(network, X, Y, given)
    return Step(course.step(), shown, course.epochs)


def explain_epoch(network: Network, X: npt.ArrayLike, Y: npt.ArrayLike, *, epoch: int, **given: Any) -> list[Step]:
    """Record every step of an epoch of the training of a copy of the network; see `backlit.explain`."""
    course, shown = _course(network, X, Y, given)
    return steps_of_epoch(course, shown, epoch)


def precision_facts(network: Network) -> list[tuple[str, str]]:
    """Say that a network in float32 is worked out in float64."""
    if network.dtype == np.float64:
        return []
    return [("precision", f"worked out in float64; training in {network.dtype.name} rounds to about 7 digits")]


def course_of(training: Training, *, steps: int = 1, epochs: int | None = None) -> Course:
    """Give the course of a training from where it is on, up to so many steps; the training stays as it is.

    `epochs` is how many it has, None where their number is not given.

    Errors: a BacklitError for L-BFGS, a network built from a graph, or a training whose rows' order is a function's.
    """
    check_explainable(training.network, training.optimizer)
    single = SingleUpdates.of(training)
    return Course(single, settings_of(single, steps=steps), epochs)


def steps_of_epoch(course: Course, shown: Presentation, epoch: int) -> list[Step]:
    """Record every step of an epoch.

    Of more than `LARGEST_EXAMPLE` numbers the first of each step are shown.

    Errors: a BacklitError where these are too many too.
    """
    if isinstance(epoch, bool) or not isinstance(epoch, (int, np.integer)) or epoch < 1:
        raise BacklitError(f"epoch is {epoch!r}; expected a whole number of at least 1.")
    steps: list[Step] = []
    for recording in course.epoch(int(epoch)):
        steps.append(Step(recording, shown, course.epochs))
        steps[-1].brief = course.batches * len(steps[0]) > LARGEST_EXAMPLE
        if len(steps) == 1 and (numbers := course.batches * steps[0].shown_count) > LARGEST_EXAMPLE:
            part = examples(steps[0].contents)[-1] or "forward"
            raise BacklitError(
                f"epoch {epoch} has {course.batches:,} steps; the first numbers of each are {numbers:,}, more than the "
                f'{LARGEST_EXAMPLE:,} that are shown at once: choose a part of each step, --only "{part}" (in Python, '
                f"only={part!r}), or one step, --steps {(int(epoch) - 1) * course.batches + 1} (steps=)."
            )
    return steps


def check_explainable(network: Network, optimizer: Optimizer) -> None:
    """Refuse an optimizer whose step has no one formula, and a network without layers.

    Errors: a BacklitError for L-BFGS, or a network built from a graph.
    """
    if optimizer.full_batch:
        raise BacklitError(
            f"{optimizer.name!r} searches along a line for its step, which has no one formula; give another optimizer."
        )


def _course(network: Any, X: npt.ArrayLike, Y: npt.ArrayLike, given: Mapping[str, Any]) -> tuple[Course, Presentation]:
    """Give the course of a fresh training of a copy of the network, and how its steps are shown."""
    if not isinstance(network, Network):
        raise BacklitError(f"explain was given {network!r}; expected a Network.")
    shown = Presentation.of({name: value for name, value in given.items() if name not in TRAINING})
    shown = msgspec.structs.replace(shown, facts=(*shown.facts, *precision_facts(network)))
    options = {name: value for name, value in given.items() if name in Settings.__struct_fields__}
    options |= {name: value or 0.0 for name, value in options.items() if name in LIMITS}
    if "rates" in options:
        options["rates"] = tuple(map(float, options["rates"]))
    settings = Settings(**{"optimizer": "sgd"} | options)
    check_explainable(network, settings.optimizer)
    data = {name: given[name] for name in DATA if name in given}
    epochs = {"epochs": ENOUGH if settings.schedule.name == "constant" else TrainingSettings().epochs}
    training = SingleUpdates(network.copy("float64"), X, Y, **data, **_for_training(settings) | (
        epochs if settings.epochs is None else {}))  # fmt: skip
    training.step = settings.taken
    if settings.slots is not None:
        training.memory.slots[:] = _slots_taken(training, settings.slots)
    shown.checked(training.X.shape[0])
    return Course(training, settings, settings.epochs), shown


def _for_training(settings: TrainingSettings) -> dict[str, Any]:
    """Give the arguments of `Training` that the settings state."""
    return {name: getattr(settings, name) for name in TrainingSettings.__struct_fields__}


def settings_of(training: Training, **asked: Any) -> Settings:
    """Give a training's settings, with what is asked of its explanation."""
    settings = _for_training(training.settings)
    return Settings(**settings | {name: settings[name] or 0.0 for name in LIMITS} | asked)


def _slots_taken(training: SingleUpdates, given: Any) -> npt.NDArray[Any]:
    """Give the optimizer's vectors that the steps before have left."""
    slots, size = np.asarray(given, np.float64), training.memory.slots.size
    if slots.shape != (size,):
        raise BacklitError(
            f"slots has shape {slots.shape}; {training.optimizer.name!r} keeps {len(training.optimizer.slots)} vectors "
            f"of {training.network.parameters.size} numbers, one after another: ({size},)."
        )
    return slots
