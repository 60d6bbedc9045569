"""One training step as records, made one by one when asked for."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from backlit.engine import Network
from backlit.errors import BacklitError
from backlit.explain.algebra.numerals import DIGITS
from backlit.explain.contents import LARGEST_EXAMPLE, Contents
from backlit.explain.context import Context
from backlit.explain.network_drawing import drawing_of
from backlit.explain.quantity_names import Names
from backlit.explain.record.exact import ExactNumbers
from backlit.explain.record.quantities import Key, Place
from backlit.explain.record.record_making import change_of, linked_of, record_of
from backlit.explain.record.recording import Recording, Settings
from backlit.explain.record.step_records import Change, Drawing, Example, Record, Section, Summary
from backlit.explain.selection import selected
from backlit.explain.summary import summary_of
from backlit.ops.base import Optimizer
from backlit.ops.registry import optimizers

DRAWN_ROWS = 4
"""Of more rows, so many have a drawing."""


class Step:
    """One training step of a network on some rows, explained.

    Attributes:
        recording: the step as the engine ran it. `contents`: all quantities of the step.
        only: the parts that were asked for: names, units, layers or phases; empty for the whole step.
    """

    def __init__(
        self, recording: Recording, names: Names, *, rows: Sequence[str] | None = None, only: Sequence[str] = (),
        digits: int = DIGITS, check: bool = False,
    ) -> None:  # fmt: skip
        self.recording, self.digits, self.check = recording, digits, check
        self.contents = Contents(Context(recording, names, rows))
        self._exact = ExactNumbers()
        self.only = tuple(only)
        self._wanted = selected(self.contents, self.only) if self.only else None

    @property
    def summary(self) -> Summary:
        """The facts about the step: its network, loss, optimizer and rows."""
        return summary_of(self.recording, self.digits)

    def __len__(self) -> int:
        return len(self.contents) if self._wanted is None else sum(map(len, self._wanted.values()))

    def keys(self) -> Iterator[tuple[str, Key]]:
        """Give all numbers in order, with the heading of each; only those of `only` where it is given."""
        return self.contents.numbers(self._wanted)

    def records(self) -> Iterator[Record]:
        """Give the records in the order in which a person would work them out, each made as it is asked for."""
        return (self._record(key) for _, key in self.keys())

    def _record(self, key: Key) -> Record:
        return record_of(key, self._exact, self.digits, check=self.check)

    def sections(self) -> Iterator[Section]:
        """Give the records under their headings.

        Errors: a BacklitError where the step has more than `LARGEST_EXAMPLE` numbers.
        """
        if len(self) > LARGEST_EXAMPLE:
            parameters = self.contents.parameters
            weight = parameters[0].name(Place(0, 0, 0)).text if parameters else "forward"
            raise BacklitError(
                f"this step has {len(self):,} numbers; choose fewer rows or a part, only {weight!r} for instance."
            )
        for heading, keys in itertools.groupby(self.keys(), key=itemgetter(0)):
            found = [key for _, key in keys]
            linked = tuple(linked_of(key, self._exact, self.digits) for key in found)
            yield Section(heading, found[0].quantity.phase, tuple(map(self._record, found)), linked)

    def example(self, *, compare: bool = False) -> Example:
        """Give all records of the step, with the parameters before and after it if asked."""
        drawings = () if self.only else tuple(self.drawings())
        changes = tuple(self.changes()) if compare else ()
        left_out = () if self.only else self.contents.context.rows[DRAWN_ROWS:]
        return Example(self.summary, drawings, tuple(self.sections()), changes, left_out)

    def drawings(self) -> Iterator[Drawing]:
        """Give the network with the numbers of each of the first rows, and of several rows that of all together."""
        yield from (self.drawing(row) for row in range(min(self.recording.rows, DRAWN_ROWS)))
        if self.recording.rows > 1:
            yield self.drawing(None)

    def drawing(self, row: int | None = 0) -> Drawing:
        """Give the network with the numbers of one row; of None, with the slopes of all rows added up."""
        return drawing_of(self.contents, row, self._exact)

    def changes(self) -> Iterator[Change]:
        """Give the error and every trained parameter before and after the step."""
        E, total = self.recording, self.contents.error.E
        yield change_of("E", E.E, E.E_after, Key(total, Place(0, 0, 0)), None, self._exact, self.digits)
        for update in self.contents.updates:
            for at in update.new.places(0):
                old, new = Key(update.parameter, at), Key(update.new, at)
                before, after = (key.quantity.value(at) for key in (old, new))
                name = update.parameter.name(at).text
                yield change_of(name, before, after, old, new, self._exact, self.digits)

    def __getitem__(self, name: str) -> Record:
        key = self.find(name)
        if key is None:
            near = difflib.get_close_matches(name, self.contents.known_names(every=len(self) <= LARGEST_EXAMPLE), n=3)
            hint = (
                f"did you mean {' or '.join(map(repr, near))}?"
                if near
                else "names look like 'net(h1)' or 'dE/dw(i1,h1)'."
            )
            raise KeyError(f"the step has no number {name!r}; {hint}")
        return self._record(key)

    def find(self, name: str) -> Key | None:
        """Give the number of that name, its own label or the usual one."""
        return self.contents.find(name)


def explain_step(
    network: Network, X: npt.ArrayLike, Y: npt.ArrayLike, *, optimizer: Optimizer | str = "sgd",
    sample_weight: npt.ArrayLike | None = None, l1: float = 0.0, l2: float = 0.0, decay_biases: bool = False,
    clip_value: float | None = None, clip_norm: float | None = None, max_norm: float | None = None,
    steps: int = 1, rates: Sequence[float] = (), taken: int = 0, slots: npt.ArrayLike | None = None, seed: int = 0,
    inputs: Sequence[str] | None = None, outputs: Sequence[str] | None = None,
    units: Sequence[Sequence[str]] | None = None, rows: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None, only: str | Sequence[str] = (), digits: int = DIGITS, check: bool = False,
) -> Step:  # fmt: skip
    """Record one training step of a copy of the network and give it as records; see `backlit.explain`."""
    if not isinstance(network, Network):
        raise BacklitError(f"explain was given {network!r}; expected a Network.")
    if isinstance(digits, bool) or not isinstance(digits, (int, np.integer)) or not 0 <= digits <= 100:
        raise BacklitError(f"digits is {digits!r}; expected a whole number from 0 to 100.")
    settings = Settings(
        l1=l1, l2=l2, decay_biases=decay_biases, clip_value=clip_value or 0.0, clip_norm=clip_norm or 0.0,
        max_norm=max_norm or 0.0, seed=seed, steps=steps, rates=tuple(map(float, rates)), taken=taken, slots=slots,
    )  # fmt: skip
    rule: Optimizer = optimizers.make(optimizer)
    recording = Recording(network, X, Y, rule, sample_weight, settings)
    names = Names(recording.network, inputs, outputs, units, labels)
    if rows is not None and len(rows) != recording.rows:
        raise BacklitError(f"rows: {len(rows)} names given; X has {recording.rows} rows.")
    parts = (only,) if isinstance(only, str) else tuple(only)
    return Step(recording, names, rows=rows, only=parts, digits=int(digits), check=check)
