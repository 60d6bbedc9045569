r"""The names of quantities, in plain text and in LaTeX.

Inputs are i1, i2, ... or their columns' names, hidden units h1, h2, ... (h1.1, h2.1 with several hidden layers),
outputs o1, o2, ... or the classes' names. A quantity of a unit is `net(h1)`, of a weight `w(i1,h1)`; its derivative is
`dE/dnet(h1)`, its new value `w(i1,h1)+`, and where there are several rows, `net(h1)[2]` is that of the second.
"""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from backlit.engine import PLACED, Network, Units, buffer_units, letters_of
from backlit.errors import BacklitError, counted

GREEK_QUANTITIES = {"gamma": r"\gamma", "beta": r"\beta", "mu": r"\mu"}


class Name(msgspec.Struct, frozen=True):
    """A quantity's name and its symbol in LaTeX."""

    text: str
    symbol: str

    def slope(self, row: str = "") -> Name:
        """Name the derivative of E with respect to it; of a row's part of E where a row is given."""
        upper = rf"\partial E^{{({row_symbol(row)})}}" if row else r"\partial E"
        return Name(f"dE/d{self.text}" + (f"[{row}]" if row else ""), rf"\frac{{{upper}}}{{\partial {self.symbol}}}")

    def via(self, layer: str) -> Name:
        """Name the part of a derivative that comes through a layer."""
        return Name(f"{self.text} via {layer}", rf"{{{self.symbol}}}_{{\text{{via {latex_text(layer)}}}}}")

    def new(self) -> Name:
        """Name the value after the update."""
        return Name(f"{self.text}+", f"{{{self.symbol}}}^{{+}}")


class Names:
    """The names of a network's inputs and units, and of all quantities that are computed from them.

    Args:
        network: the network whose numbers are named.
        inputs: names of the columns of X.
        outputs: names of the outputs.
        units: names of the units of each layer; only dense layers have their own, the others take those before them.
        labels: own names of quantities, from the usual name without the row: {"w(i1,h1)": "w1"}. Quantities that are
            computed from them are named after them: dE/dw1, w1+.

    Attributes:
        of_buffers: the names of every buffer's numbers. `columns`: for each op of the network, those that it writes.
        inputs: those of the columns of X. `outputs`: those of the outputs.

    Errors: a BacklitError where names are not one per column, or not different.
    """

    def __init__(
        self, network: Network, inputs: Sequence[str] | None = None, outputs: Sequence[str] | None = None,
        units: Sequence[Sequence[str]] | None = None, labels: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.labels = {usual: str(own) for usual, own in (labels or {}).items()}
        graph = network.graph
        self._given_outputs, self._given_units, self._network = outputs, units, network
        self._last = max((k for k, letter in enumerate(letters_of(graph)) if letter), default=-1)
        self._own: list[str] = []  # the names of units, channels and filters that are no others' at another place
        given = None if inputs is None else _checked_inputs(network, tuple(inputs))
        self.of_buffers: dict[str, Units] = buffer_units(graph, given, self._chosen)
        self.inputs = tuple(name for buffer in graph.inputs for name in self.of_buffers[buffer].names)
        self.columns = [self.of_buffers[node.writes].names for node in graph.nodes]
        self.outputs = self.columns[-1]
        every = [*self.inputs, *self._own]
        if len(set(every)) != len(every):
            raise BacklitError(
                "inputs, units and outputs share a name; expected names that differ, to tell them apart."
            )

    def _chosen(self, k: int, usual: Sequence[str]) -> Sequence[str]:
        """Give the names of the units of op k: those of the outputs or of its layer, where they are given."""
        network, label, given = self._network, self._network.labels[k], None
        last = k in {self._last, len(network.ops) - 1} and len(usual) == network.output_size
        if self._given_outputs is not None and last:
            given = self._given_outputs
        elif self._given_units is not None and label.isdigit() and int(label) <= len(self._given_units):
            given = self._given_units[int(label) - 1] or None
        names = _checked(f"layer {label}", given, usual)
        self._own += names
        return names

    @contextlib.contextmanager
    def usual(self) -> Iterator[None]:
        """Leave own labels out within a `with` block, so that every quantity has its usual name."""
        kept, self.labels = self.labels, {}
        try:
            yield
        finally:
            self.labels = kept

    def of(self, quantity: str, unit: str, source: str = "", row: str = "") -> Name:
        """Name a quantity of a unit, or of the weight from a source to it; an input's is its own name."""
        if quantity == "input":
            return _with_row(Name(self.labels.get(unit, unit), unit_symbol(self.labels.get(unit, unit))), row)
        text = f"{quantity}({source},{unit})" if source else f"{quantity}({unit})"
        if text in self.labels:
            return _with_row(Name(self.labels[text], unit_symbol(self.labels[text])), row)
        below = f"{unit_symbol(source)},{unit_symbol(unit)}" if source else unit_symbol(unit)
        return _with_row(Name(text, f"{quantity_symbol(quantity)}_{{{below}}}"), row)


def _checked_inputs(network: Network, given: Sequence[str]) -> Sequence[str]:
    """Give names for all columns of X, or for the channels of pictures or sequences."""
    channels = [shape[-1] for shape in network.graph.inputs.values()]
    if len(channels) == 1 and len(given) == channels[0]:
        return _checked("inputs", given, [""] * channels[0])
    return _checked("inputs", given, [""] * network.inputs)


def _checked(what: str, given: Sequence[str] | None, usual: Sequence[str]) -> tuple[str, ...]:
    names = tuple(str(name) for name in given) if given is not None else tuple(usual)
    if len(names) != len(usual) or len(set(names)) != len(names):
        raise BacklitError(
            f"{what}: {counted(len(names), 'name')} given, {len(set(names))} of them different; expected {len(usual)}."
        )
    return names


def _with_row(name: Name, row: str) -> Name:
    return Name(f"{name.text}[{row}]", f"{{{name.symbol}}}^{{({row_symbol(row)})}}") if row else name


@functools.lru_cache(maxsize=4096)
def quantity_symbol(quantity: str) -> str:
    r"""Give a quantity's letter or word in LaTeX; a gate's letter stands above, since the unit stands below.

    >>> quantity_symbol("net"), quantity_symbol("w_f")
    ('\\text{net}', 'w^{f}')
    """
    if quantity in GREEK_QUANTITIES:
        return GREEK_QUANTITIES[quantity]
    gate = re.fullmatch(r"([A-Za-z]+)_([A-Za-z])", quantity)
    if gate:
        return f"{quantity_symbol(gate[1])}^{{{gate[2]}}}"
    return quantity if len(quantity) == 1 else rf"\text{{{latex_text(quantity)}}}"


@functools.lru_cache(maxsize=4096)
def unit_symbol(name: str) -> str:
    r"""Give a unit's name in LaTeX.

    >>> unit_symbol("h2.1"), unit_symbol("w1"), unit_symbol("petal_width (cm)")
    ('h_{2.1}', 'w_{1}', '\\text{petal\\_width (cm)}')
    >>> unit_symbol("h1@t2"), unit_symbol("f1@r2c1")
    ('h_{1}^{\\langle 2\\rangle}', 'f_{1}[2,1]')
    """
    placed = PLACED.fullmatch(name)
    if placed:
        return unit_symbol(placed["unit"]) + place_symbol(placed["place"])
    short = re.fullmatch(r"([A-Za-z])([\d.]+)", name)
    if short:
        return f"{short[1]}_{{{short[2]}}}"
    return name if re.fullmatch(r"[A-Za-z]", name) else rf"\text{{{latex_text(name)}}}"


def place_symbol(place: str) -> str:
    r"""Give a place in a sequence or a picture in LaTeX.

    The time is a superscript in angle brackets, since one in round brackets is that of the row.
    """
    numbers = re.findall(r"\d+", place)
    return rf"^{{\langle {numbers[0]}\rangle}}" if place.startswith("t") else f"[{','.join(numbers)}]"


@functools.lru_cache(maxsize=4096)
def row_symbol(name: str) -> str:
    r"""Give a row's name in LaTeX.

    >>> row_symbol("12"), row_symbol("x_1")
    ('12', '\\text{x\\_1}')
    """
    return name if re.fullmatch(r"[0-9]+", name) else unit_symbol(name)


ESCAPES = {"\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}"} | {
    c: f"\\{c}" for c in "_%&#$\x7b\x7d"
}


def latex_text(text: str) -> str:
    """Give text with the characters escaped that mean something in LaTeX."""
    return "".join(ESCAPES.get(c, c) for c in text)


def plain_text(latex: str) -> str:
    r"""Give back the text that `latex_text` escaped.

    >>> plain_text(latex_text("a_b^c {%}"))
    'a_b^c {%}'
    """
    escapes = sorted(((escaped, c) for c, escaped in ESCAPES.items()), key=lambda pair: -len(pair[0]))
    found = re.compile("|".join(re.escape(escaped) for escaped, _ in escapes))
    return found.sub(lambda match: dict(escapes)[match[0]], latex)
