"""A recurrent layer unrolled: its times from top to bottom, inputs on the left, states on the right.

The same weights lead from each input to its state, and from each state to the next. On the way back the arrows turn
round, states show dE/dout, and bars beside them the length of that slope: its way through time, on a logarithmic scale.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from backlit.explain.algebra.numerals import given_text, short_text
from backlit.explain.record.drawing_records import Moment, Unrolled
from backlit.explain.record.node_record import Node
from backlit.show.network.grids import CELL_LETTERS, LINE
from backlit.show.network.parts import LETTERS, LOWERED, Box, Layout, Line, Text
from backlit.show.text_width import shortened, text_width, wrapped

PADDING = 8.0
BETWEEN = 34.0
"""The height of the arrow from a state to the next, with the weight beside it."""
LONGEST_BAR = 70.0
STRIP = 48.0
"""The height of the strip of bars for all times."""
LONGEST_UNIT = 84.0
NOT_RUN, STAYS = "not run", "behind the row's end: the state stays"
"""Beside a time behind the row's end, and between it and the one before."""


def place_unrolled(panel: Unrolled, *, backward: bool, digits: int, most: float) -> Layout:
    """Place a chain at (0, 0)."""
    return _Chain(panel, backward, digits, most).layout()


class _Chain:
    """The work of placing a chain.

    Attributes:
        lines, boxes, texts: the parts so far. `bottom`: where the next part goes.
    """

    def __init__(self, panel: Unrolled, backward: bool, digits: int, most: float) -> None:
        self.panel, self.backward, self.digits, self.most = panel, backward, digits, most
        self.lines: list[Line] = []
        self.boxes: list[Box] = []
        self.texts: list[Text] = []
        self.bottom = 0.0

    def layout(self) -> Layout:
        """Place all times, and below them the slope of each."""
        moments = self.panel.moments
        inputs = [self._said(moment.inputs, self.panel.inputs) for moment in moments]
        states = [self._states(moment) for moment in moments]
        times = max(text_width(moment.name, LETTERS) for moment in moments) + 10
        wide, wider = (max(map(self._wide, said)) for said in (inputs, states))
        inward = self._weight(self.panel.inward)
        x1, x2 = times, times + wide + max(40.0, text_width(inward, CELL_LETTERS) + 16)
        left_out = self.panel.times - len(moments)
        for number, (moment, read, state) in enumerate(zip(moments, inputs, states, strict=True)):
            if number:
                folded = left_out if left_out and number == (len(moments) + 1) // 2 else 0
                self._onward(x2 + wider / 2, folded, run=moment.run and moments[number - 1].run)
            self._moment(moment, (x1, wide, read), (x2, wider, state), inward)
        self._strip()
        found = [box.box for box in self.boxes] + [text.box for text in self.texts]
        width = max(box[2] for box in found)
        return Layout(width, self.bottom, tuple(self.lines), (), tuple(self.texts), tuple(self.boxes))

    # ----------------------------------------------------------------------------------------------------- what is said

    def _said(self, nodes: Sequence[Node], count: int) -> list[str]:
        numbers = [node.slope if self.backward else node.value for node in nodes]
        lines = [self._line(node.name, number) for node, number in zip(nodes, numbers, strict=True)]
        return [*lines, *([f"… {count - len(nodes):,} more"] if count > len(nodes) else [])]

    def _line(self, name: str, number: float | None) -> str:
        name = shortened(name, LONGEST_UNIT, CELL_LETTERS)
        return name if number is None else f"{name}  {short_text(number, self.digits)}"

    def _states(self, moment: Moment) -> list[str]:
        """Give a time's states; of an LSTM on the way forward its cells before them."""
        cells = [] if self.backward or not moment.cells else self._said(moment.cells, self.panel.units)
        return [*cells, *self._said(moment.states, self.panel.units)]

    def _weight(self, node: Node) -> str:
        number = node.slope if self.backward else node.value
        return node.name if number is None else f"{node.name}  {given_text(number, self.digits)}"

    @staticmethod
    def _wide(lines: Sequence[str]) -> float:
        return max((text_width(line, CELL_LETTERS) for line in lines), default=0.0) + 2 * PADDING

    # ------------------------------------------------------------------------------------------------------------ parts

    def _moment(
        self, moment: Moment, read: tuple[float, float, list[str]], state: tuple[float, float, list[str]], inward: str
    ) -> None:
        """Place a time: its name, inputs, the arrow with the weight, its states, and on the way back its slope."""
        high = LINE * max(len(read[2]), len(state[2])) + PADDING
        middle = self.bottom + high / 2
        self.texts.append(Text(0.0, middle + LETTERS * LOWERED, moment.name, "name", "start", LETTERS, bold=True))
        for x, wide, said in (read, state):
            tall = LINE * len(said) + PADDING
            self.boxes.append(Box(x, middle - tall / 2, wide, tall, "state"))
            for k, line in enumerate(said):
                y = middle + LINE * (k - (len(said) - 1) / 2) + CELL_LETTERS * LOWERED
                self.texts.append(Text(x + PADDING, y, line, "cell", "start", CELL_LETTERS))
        ends = (read[0] + read[1] + 2, state[0] - 2)
        start, end = reversed(ends) if self.backward else ends
        if moment.run:
            self.lines.append(Line(start, middle, end, middle, "weight arrow"))
        x, y = sum(ends) / 2, middle - 5 if moment.run else middle + CELL_LETTERS * LOWERED
        self.texts.append(Text(x, y, inward if moment.run else NOT_RUN, "title", "middle", CELL_LETTERS))
        self.bottom += high

    def _onward(self, x: float, left_out: int, *, run: bool) -> None:
        """Add the arrow from a state to the next, with its weight; where times are left out, say how many.

        Behind a row's end, where the layer is not `run`, there is no weight: the state stays as it is.
        """
        top, bottom = self.bottom + 2, self.bottom + BETWEEN - 2
        words = f"… {left_out:,} times more" if left_out else self._weight(self.panel.onward) if run else STAYS
        role = "bias" if left_out or not run else "weight"
        start, end = (bottom, top) if self.backward else (top, bottom)
        self.lines.append(Line(x, start, x, end, f"{role} arrow"))
        self.texts.append(
            Text(x + 8, (top + bottom) / 2 + CELL_LETTERS * LOWERED, words, "title", "start", CELL_LETTERS)
        )
        self.bottom += BETWEEN

    def _strip(self) -> None:
        """Draw the length of the slope at each time as bars, from the first to the last, on a logarithmic scale."""
        lengths = self.panel.lengths
        known = [length for length in lengths if length > 0 and math.isfinite(length)]
        if not self.backward or not known or len(lengths) < 2:
            return
        low, high = math.floor(math.log10(min(known))), math.log10(max(known))
        low = low - 1 if high - low < 1 else low
        title = "Slope through time: the length of dE/dout, logarithmic"
        for k, line in enumerate(wrapped(title, self.most, CELL_LETTERS)):
            self.bottom += LINE + (10 if not k else 0)
            self.texts.append(Text(0.0, self.bottom - 3, line, "title", "start", CELL_LETTERS))
        top = self.bottom + 4
        step = min(24.0, self.most / len(lengths))
        for k, length in enumerate(lengths):
            if length > 0 and math.isfinite(length):
                tall = max(1.0, STRIP * (math.log10(length) - low) / (high - low))
                self.boxes.append(Box(k * step, top + STRIP - tall, max(0.8, step - 1), tall, "bar"))
        self.lines.append(Line(0.0, top + STRIP, step * len(lengths), top + STRIP, "weight"))
        names = [self.panel.moments[k].name for k in (0, -1)]
        first, last = (
            f"{name}: {short_text(lengths[k], self.digits)}" if lengths[k] >= 10**-self.digits or not lengths[k]
            else f"{name}: {lengths[k]:.1e}" for name, k in zip(names, (0, -1), strict=True)
        )  # fmt: skip
        self.bottom = top + STRIP + LINE
        self.texts.append(Text(0.0, self.bottom - 2, f"{first} … {last}", "title", "start", CELL_LETTERS))
