"""Blocks of layers: branches that read the same numbers and are joined.

A block is a record of layers with no maths of its own. `engine/wiring.py` makes a graph of it: the layers of each
branch, and ops that join what the branches write.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from backlit.errors import BacklitError, counted
from backlit.ops.base import Layer, Shape
from backlit.ops.layers.dense import Dense
from backlit.ops.layers.joins import JOINING
from backlit.ops.registry import layers, make_layer, register

LONGEST = 80
"""The most characters in which a block tells of its layers."""


class Block(Layer, frozen=True):
    """Layers in branches that all read what the block reads, and how what they write becomes the block's output.

    A block has no `forward`; the graph has its layers and its joining ops as nodes.
    """

    nested: ClassVar[Mapping[str, str]] = {"layers": "layer", "shortcut": "layer", "branches": "layer",
                                           "layer": "layer"}  # fmt: skip

    def in_branches(self) -> tuple[tuple[Layer, ...], ...]:
        """Give the layers of each branch; an empty branch passes on what the block reads."""
        raise NotImplementedError

    def joined_by(self) -> str:
        """Give how the branches' outputs are joined: "add", "multiply" or "concatenate"."""
        raise NotImplementedError

    def advice(self, shapes: tuple[Shape, ...]) -> str:
        """Say what to do where outputs of these shapes cannot be joined."""
        raise NotImplementedError

    def summary(self) -> str:
        """Give the branches' layers in a few words, or how many they are."""
        parts = [" -> ".join(layer.summary() for layer in branch) or "as it is" for branch in self.shown()]
        told = f"{self.name} [{' | '.join(parts)}]"
        if len(told) > LONGEST:
            *counts, last = (str(count_of(branch)) for branch in self.shown())
            told = f"{self.name} of {' and '.join(filter(None, [', '.join(counts), last]))} layers"
        return told

    def shown(self) -> tuple[tuple[Layer, ...], ...]:
        """Give the branches that the summary tells of."""
        return self.in_branches()


def count_of(layers: tuple[Layer, ...]) -> int:
    """Count layers, and those inside blocks."""
    return sum(sum(map(count_of, layer.in_branches())) if isinstance(layer, Block) else 1 for layer in layers)


@register("residual")
class Residual(Block, frozen=True):
    r"""Adds what its layers write to what they read: out = layers(x) + x, a residual block.

    Backward: the slope of x is that of out, plus that through the layers; so it reaches early layers whole.

    Args:
        layers: the layers, one after another.
        shortcut: the layers of the other way, where the first change the shape: out = layers(x) + shortcut(x).

    Errors: a BacklitError where there are no layers, or what they write has another shape than what is added to it.

    Source: He, Zhang, Ren, Sun, "Deep residual learning for image recognition", CVPR 2016.

    >>> from backlit.ops.layers.dense import Dense
    >>> Residual([Dense(4, "relu"), Dense(4)]).summary()
    'residual [4 relu -> 4 identity]'
    """

    layers: Any
    shortcut: Any = ()

    def __post_init__(self) -> None:
        _set(self, "layers", layers_of(self.layers, "Residual"))
        _set(self, "shortcut", layers_of(self.shortcut, "Residual: shortcut", empty=True))

    def in_branches(self) -> tuple[tuple[Layer, ...], ...]:
        """Give the layers, and those of the shortcut."""
        return self.layers, self.shortcut

    def joined_by(self) -> str:
        """Give "add"."""
        return "add"

    def advice(self, shapes: tuple[Shape, ...]) -> str:
        """Say which shortcut fits."""
        made, passed = shapes
        if made[:-1] == passed[:-1]:
            return f"let them write {passed}, or give a shortcut that writes {made}: shortcut=[Dense({made[-1]})]"
        return f"let them write {passed}, or give a shortcut=[...] of layers that write {made}"

    @classmethod
    def sample(cls) -> tuple[Layer, Shape]:
        """Give a layer beside a shortcut of two."""
        return cls([Dense(4)], [Dense(4)]), (4,)

    def shown(self) -> tuple[tuple[Layer, ...], ...]:
        """Give the layers, and those of a shortcut where there are any."""
        return tuple(branch for branch in self.in_branches() if branch)


@register("parallel")
class Parallel(Block, frozen=True):
    r"""Branches of layers that all read the same numbers; what they write is joined.

    Args:
        branches: a list of lists of layers; an empty one passes on what is read.
        join: "concatenate" puts the last axes side by side, in the order of the branches; "add" and "multiply" join
            number by number.

    Errors: a BacklitError where there are fewer than two branches, or their outputs' shapes cannot be joined.

    Source: Szegedy, Liu, Jia and others, "Going deeper with convolutions", CVPR 2015: the inception block.

    >>> from backlit.ops.layers.dense import Dense
    >>> Parallel([[Dense(4, "relu")], [Dense(2)]]).summary()
    'parallel [4 relu | 2 identity]'
    """

    branches: Any
    join: str = "concatenate"

    def __post_init__(self) -> None:
        if isinstance(self.branches, (str, Layer, Mapping)) or not isinstance(self.branches, (list, tuple)):
            raise BacklitError(
                f"Parallel: branches is {self.branches!r}; expected a list of lists of layers, such as "
                "[[Dense(4)], [Dense(2)]]."
            )
        if len(self.branches) < 2:
            raise BacklitError(
                f"Parallel has {counted(len(self.branches), 'branch', 'branches')}; expected at least two: "
                "Parallel([[...], [...]])."
            )
        branches = [layers_of(branch, f"Parallel: branch {k}", empty=True) for k, branch in enumerate(self.branches, 1)]
        _set(self, "branches", tuple(branches))
        check_join(self)

    def in_branches(self) -> tuple[tuple[Layer, ...], ...]:
        """Give the layers of each branch."""
        return self.branches  # type: ignore[no-any-return]

    def joined_by(self) -> str:
        """Give the setting `join`."""
        return self.join

    def advice(self, shapes: tuple[Shape, ...]) -> str:
        """Say which shapes fit."""
        if self.join == "concatenate":
            return "let the branches write shapes that differ in the last axis alone"
        return "let the branches write one shape, or take join='concatenate'"

    @classmethod
    def sample(cls) -> tuple[Layer, Shape]:
        """Give branches joined in both other ways than a residual block's."""
        return cls([[cls([[Dense(2)], [Dense(2)]], "multiply")], []]), (4,)


@register("bidirectional")
class Bidirectional(Block, frozen=True):
    r"""A recurrent layer forward in time beside one of the same settings that reads the sequence from its end.

    What the second writes is in the order of time again, so that both parts of an output belong to one moment. Each
    direction has its own parameters.

    Args:
        layer: a recurrent layer, such as GRU(8); the other direction is the same with `reverse=True`.
        join: "concatenate" (by default), "add" or "multiply".

    Errors: a BacklitError where the layer has no `reverse`, or it is set already.

    Source: Schuster, Paliwal, "Bidirectional recurrent neural networks", IEEE Transactions on Signal Processing 45,
    1997.
    """

    layer: Any
    join: str = "concatenate"

    def __post_init__(self) -> None:
        _set(self, "layer", make_layer(self.layer))
        if "reverse" not in type(self.layer).__struct_fields__:
            raise BacklitError(
                f"Bidirectional is given a {self.layer.name} layer; expected a recurrent one, such as GRU(8)."
            )
        if self.layer.reverse:
            raise BacklitError(
                "Bidirectional is given a layer with reverse=True; expected the forward one: it makes the other itself."
            )
        check_join(self)

    def in_branches(self) -> tuple[tuple[Layer, ...], ...]:
        """Give the layer, and the same one backward in time."""
        other: dict[str, Any] = {"reverse": True}
        if tie := getattr(self.layer, "tie", ""):
            other["tie"] = f"{tie} (reverse)"
        return (self.layer,), (msgspec.structs.replace(self.layer, **other),)

    def joined_by(self) -> str:
        """Give the setting `join`."""
        return self.join

    @classmethod
    def sample(cls) -> tuple[Layer, Shape]:
        """Give the sample of the first recurrent layer that there is."""
        recurrent = [other for other in layers.values() if "reverse" in other.__struct_fields__]
        if not recurrent:
            raise BacklitError("no recurrent layer is registered, which Bidirectional could hold.")
        layer, row = recurrent[0].sample()  # type: ignore[attr-defined]
        return cls(layer), row

    def summary(self) -> str:
        """Give the layer in a few words."""
        return f"bidirectional [{self.layer.summary()}]"


def layers_of(given: Any, where: str, empty: bool = False) -> tuple[Layer, ...]:
    """Give a list of layers, or one layer, as a tuple of layers."""
    if isinstance(given, (str, Layer)):
        given = (given,)
    if not isinstance(given, (list, tuple)):
        raise BacklitError(f"{where} is given {given!r}; expected a list of layers, such as [Dense(16, 'relu')].")
    if not (given or empty):
        raise BacklitError(f"{where} has no layers; expected at least one, such as [Dense(16, 'relu')].")
    return tuple(make_layer(layer) for layer in given)


def check_join(block: Any) -> None:
    """Refuse an unknown way to join branches."""
    if block.join not in JOINING:
        raise BacklitError(
            f"{type(block).__name__}: join is {block.join!r}; expected one of {', '.join(map(repr, JOINING))}."
        )


def _set(record: msgspec.Struct, name: str, value: Any) -> None:
    msgspec.structs.force_setattr(record, name, value)
