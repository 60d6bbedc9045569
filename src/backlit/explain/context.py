"""The recording with the names of its numbers, which all stages read; and how settings enter formulas."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from backlit.explain.algebra.printing import plain_symbol
from backlit.explain.algebra.tree import Node, Ref, Symbol, replace
from backlit.explain.quantity_names import Name, Names, latex_text
from backlit.explain.record.quantities import Place, Quantity, Readable
from backlit.explain.record.recording import Recording
from backlit.kernels.types import Array
from backlit.ops.base import Op


def setting_ref(op: Op, name: str, value: float | None = None) -> Ref:
    """Give a setting of an op for use in a formula."""
    text, symbol = _notation(type(op), name)
    shown = rf"\text{{{latex_text(name)}}}" if symbol == name and len(name) > 1 else symbol
    return Ref(text, shown, float(getattr(op, name)) if value is None else value)


def symbol_of(op: Op, name: str) -> str:
    """Give the symbol of an op's setting or slot: the one that its class or a base of it declares, or its name."""
    return _notation(type(op), name)[1]


@functools.cache
def _notation(cls: type[Op], name: str) -> tuple[str, str]:
    """Give a setting's name in plain text and its symbol in LaTeX."""
    declared = (vars(base).get("symbols", {}) for base in cls.__mro__)
    symbol = next((str(symbols[name]) for symbols in declared if name in symbols), "")
    return (plain_symbol(symbol), symbol) if symbol else (name, name)


def constant(text: str, symbol: str, value: float) -> Ref:
    """Give a count or a setting of the step for use in a formula."""
    return Ref(text, symbol, value)


def fill(node: Node, op: Op, known: dict[str, Node]) -> Node:
    """Replace the symbols of an op's formula by quantities and by the op's settings."""
    settings = {symbol_of(op, name): name for name in op.__struct_fields__}

    def put(symbol: Symbol) -> Node:
        if symbol.symbol in known:
            return known[symbol.symbol]
        if symbol.symbol in settings:
            return setting_ref(op, settings[symbol.symbol])
        return symbol

    return replace(node, put)


def _has_pair(texts: Iterable[str], sources: set[str], units: set[str]) -> bool:
    """Tell whether a text is "source,unit"; names may hold commas themselves."""
    return any(
        text[comma + 1 :] in units and text[:comma] in sources
        for text in texts for comma, letter in enumerate(text) if letter == ","
    )  # fmt: skip


class Context:
    """The recording with its names.

    Attributes:
        rows: the names of the rows, empty where there is only one.
        parameters: the quantities of the parameters made so far, by their ids: layers may share them.
    """

    def __init__(self, recording: Recording, names: Names, rows: Sequence[str] | None) -> None:
        self.recording = recording
        self.names = names
        several = recording.rows > 1
        self.rows = tuple(rows or [str(k + 1) for k in range(recording.rows)]) if several else ()
        self.parameters: dict[str, Any] = {}
        self._used: dict[str, set[str]] = {}
        self._used_pairs: dict[str, list[tuple[set[str], set[str]]]] = {}

    def row_name(self, row: int) -> str:
        """Give the row's name, which stands in brackets behind its numbers' names; empty where there is one row."""
        return self.rows[row] if self.rows else ""

    def free_kind(self, kind: str, units: Sequence[str]) -> str:
        """Give a kind's name, with a number behind it where one of these units already has a quantity of that name."""
        free = self._free(kind, lambda name: self._used.get(name, set()).isdisjoint(units) and not any(
            _has_pair(units, *pairs) for pairs in self._used_pairs.get(name, ())))  # fmt: skip
        self._used.setdefault(free, set()).update(units)
        return free

    def free_kind_of_pairs(self, kind: str, sources: Sequence[str], units: Sequence[str]) -> str:
        """Give the same for weights from each source to each unit, "source,unit", without a text for each of them."""
        pairs = set(sources), set(units)

        def apart(other: tuple[set[str], set[str]]) -> bool:
            return any(mine.isdisjoint(its) for mine, its in zip(pairs, other, strict=True))

        free = self._free(kind, lambda name: not _has_pair(self._used.get(name, ()), *pairs) and all(
            map(apart, self._used_pairs.get(name, ()))))  # fmt: skip
        self._used_pairs.setdefault(free, []).append(pairs)
        return free

    @staticmethod
    def _free(kind: str, is_free: Callable[[str], bool]) -> str:
        number, free = 1, kind
        while not is_free(free):
            number += 1
            free = f"{kind}{number}"
        return free

    def layer(self, k: int) -> int | str:
        """Give the number of op k's layer, or its label inside a block."""
        label = self.recording.network.labels[k]
        return int(label) if label.isdigit() else label

    def unit_quantity(
        self, k: int, kind: str, units: Sequence[str], array: Array,
        expression: Callable[[Place], Node] | None, note: Callable[[Place], str] | None = None, terms: int = 0,
    ) -> Quantity:  # fmt: skip
        """Make a quantity of the forward pass that every row and unit has, from a buffer (n, units)."""
        kind = self.free_kind(kind, units)
        return Quantity(
            "forward", kind, self.layer(k), units=units, rows=self.rows,
            name=lambda at: self.names.of(kind, units[at.unit], row=self.row_name(at.row)),
            values=lambda row: array[row], expression=expression, note=note, terms=terms,
        )  # fmt: skip

    def slope_quantity(
        self, layer: int | str | None, of: Readable, array: Array,
        expression: Callable[[Place], Node] | None, note: Callable[[Place], str] | None = None, kind: str = "",
        terms: int = 0, via: str = "",
    ) -> Quantity:  # fmt: skip
        """Make the quantity of E's derivatives with respect to another quantity, from a buffer (n, units).

        `via` names the layer through which this part of the derivative comes, where several read the quantity.
        """

        def name(at: Place) -> Name:
            slope = of.name(at).slope()
            slope = slope.via(via) if via else slope
            return Name(f"{kind} {slope.text}", slope.symbol) if kind else slope

        return Quantity(
            "backward", f"{kind} dE/d{of.kind}".strip(), layer, units=of.units, rows=self.rows, name=name,
            values=lambda row: array[row], expression=expression, note=note, terms=terms,
        )  # fmt: skip
