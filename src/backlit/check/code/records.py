"""The records of checked code: each array with its verdict, the mistakes that were found. Printed, they are tables."""

from __future__ import annotations

from typing import Literal

import msgspec

from backlit.engine import Summary

ArrayVerdict = Literal["right", "transposed", "wrong", "wrong shape", "not finite", "missing"]
"""What is said of an array of the learner's.

right: within the tolerance. transposed: right as (units, inputs), which PyTorch has. wrong shape: it cannot be the
gradient of that array. not finite: it holds NaN or ∞. missing: none was given for it.
"""

LossStage = Literal["", "before training", "first loss", "first step", "later"]
"""What the first loss that differs tells; see `CheckedLosses`."""

PASSED: tuple[ArrayVerdict, ...] = ("right", "transposed")


class FoundMistake(msgspec.Struct, frozen=True):
    """A mistake whose result is what the learner's code gives.

    Attributes:
        code, title, why: of the entry in the catalogue.
        where: where it is made: "everywhere", or a layer.
        detail: which of several forms; may be empty.
        explains: the names of the arrays that come out as the learner's. of: how many are wrong.
        line, right_line: a line of the worked example as the mistake has it, and as it is right; may be empty.
    """

    code: str
    title: str
    why: str
    where: str
    detail: str = ""
    explains: tuple[str, ...] = ()
    of: int = 0
    line: str = ""
    right_line: str = ""

    @property
    def explains_all(self) -> bool:
        """Whether every wrong array comes out as the learner's."""
        return len(self.explains) == self.of


class CheckedArray(msgspec.Struct, frozen=True):
    """A gradient of the learner's beside the right one.

    Attributes:
        name: the array's in the network, "1.W". given: what the learner calls it; empty where it came by its place.
        shape: of the right one. difference: the largest difference, relative to the largest number of either array;
            infinite where there is nothing to compare.
        off, size: how many elements differ by more than the tolerance, of how many.
        index, element: of the worst element, "w(i1,h2)". mine, right: the two numbers there.
        relation: what the whole array is to the right one, such as "2 × the right one"; may be empty.
        remark: what else there is to say.
    """

    name: str
    given: str
    shape: tuple[int, ...]
    verdict: ArrayVerdict
    difference: float
    off: int = 0
    size: int = 0
    index: tuple[int, ...] | None = None
    element: str = ""
    mine: float | None = None
    right: float | None = None
    relation: str = ""
    remark: str = ""

    @property
    def passed(self) -> bool:
        """Whether it is right, in the network's layout or transposed."""
        return self.verdict in PASSED


class CheckedLayer(msgspec.Struct, frozen=True):
    """What a layer writes in the learner's forward pass beside the engine's; the fields are those of `CheckedArray`.

    `layer` is its label; `row` and `unit` say where the worst number stands, from 1 and by its name.
    """

    layer: str
    what: str
    passed: bool
    difference: float
    row: int = 0
    unit: str = ""
    mine: float | None = None
    right: float | None = None
    remark: str = ""


class CheckedGradients(Summary, msgspec.Struct, frozen=True):
    """A learner's gradients, checked array by array; printed, a table.

    Attributes:
        arrays: one for each array that is trained, in the network's order.
        forward_mistakes: of the forward pass, the mistakes that give the learner's layers.
        mistakes: what gives the learner's numbers. One that `explains_all` is the name of the mistake, several such are
            a tie; `together` says that those listed explain all arrays only together.
        layers: of the forward pass, where one was given, from the first layer on.
        unused: names of what the learner gave that no array of the network could take.
        loss, right_loss: the learner's error and the right one, where the code gives it.
        tolerance: the largest difference that passes. rows: how many rows were compared; named_on: on how many of them
            the mistake was looked for, 0 where none was.
        notes: what was recognised or assumed.
    """

    arrays: tuple[CheckedArray, ...]
    tolerance: float
    rows: int
    mistakes: tuple[FoundMistake, ...] = ()
    together: bool = False
    layers: tuple[CheckedLayer, ...] = ()
    unused: tuple[str, ...] = ()
    loss: float | None = None
    right_loss: float | None = None
    named_on: int = 0
    notes: tuple[str, ...] = ()
    forward_mistakes: tuple[FoundMistake, ...] = ()

    @property
    def wrong(self) -> tuple[CheckedArray, ...]:
        """The arrays that are not right."""
        return tuple(array for array in self.arrays if not array.passed)

    @property
    def first_layer(self) -> CheckedLayer | None:
        """The first layer of the forward pass that differs; None where none does."""
        return next((layer for layer in self.layers if not layer.passed), None)

    @property
    def all_right(self) -> bool:
        """Whether every gradient is right, and every layer of a forward pass that was given."""
        return not self.wrong and self.first_layer is None

    @property
    def named(self) -> FoundMistake | None:
        """The mistake, where exactly one explains all that is wrong."""
        whole = [found for found in self.mistakes if found.explains_all]
        return whole[0] if len(whole) == 1 and not self.together else None


class CheckedLosses(Summary, msgspec.Struct, frozen=True):
    """A learner's losses of a training beside ours; printed, a table.

    Attributes:
        mine, right: the two, epoch by epoch, as far as both go; `right` is measured where the learner measures.
        measured: where in an epoch the learner's losses are measured, such as "before each step".
        first: the epoch whose loss is the first that differs, from 1 (0 is the loss before training); None if none.
        stage: what differs: "" nothing, "before training", "first step", "later"; "first loss" where no loss agrees and
            nothing tells whether it was measured before a step.
        mistakes: what gives the learner's losses: one is the name of the mistake, several are a tie.
        tolerance: the largest relative difference that passes. notes: what was recognised or assumed.
        begins: the number of the first loss, 0 where it is that before training. agree: how many losses agree, from the
            first on. per: whether there is a loss for each "epoch" or each "step".
    """

    mine: tuple[float, ...]
    right: tuple[float, ...]
    measured: str
    first: int | None
    stage: LossStage
    tolerance: float
    mistakes: tuple[FoundMistake, ...] = ()
    notes: tuple[str, ...] = ()
    begins: int = 1
    agree: int = 0
    per: Literal["epoch", "step"] = "epoch"

    @property
    def all_right(self) -> bool:
        """Whether no loss differs."""
        return self.first is None

    @property
    def named(self) -> FoundMistake | None:
        """The mistake, where exactly one gives these losses."""
        return self.mistakes[0] if len(self.mistakes) == 1 else None
