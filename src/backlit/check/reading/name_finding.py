"""Finds numbers of a step by names that differ from the worked example's in nothing that matters, and by units."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping

from backlit.check.reading.name_forms import squashed
from backlit.explain import Step
from backlit.explain.record.quantities import Key, Place, Quantity
from backlit.explain.stages.base import ParameterQuantity


class Finder:
    """Finds the numbers of a step.

    `first_index` is what the indices of arrays begin at.
    """

    first_index = 0

    def __init__(self, step: Step) -> None:
        self.step, self.contents = step, step.contents

    @property
    def row_marks(self) -> bool:
        """Whether numbers of rows have the row in their names: the step has several."""
        return bool(self.contents.context.rows)

    @functools.cached_property
    def _index(self) -> Mapping[str, tuple[Key, ...]]:
        """All numbers by their names without what people leave out or add."""
        found: dict[str, list[Key]] = {}
        names = self.contents.context.names
        for labelled in (True, False):
            for _, key in self.contents.numbers():
                if key.quantity.kind.startswith("chain "):
                    continue
                if labelled:
                    text = key.quantity.name(key.place).text
                else:
                    with names.usual():
                        text = key.quantity.name(key.place).text
                found.setdefault(squashed(text), []).append(key)
        return {text: tuple(dict.fromkeys(keys)) for text, keys in found.items()}

    def find(self, text: str, row: str = "") -> list[Key]:
        """Give the numbers whose names differ from a text in nothing that matters."""
        if row and (self.row_marks or row not in {"1", *self.step.rows}):
            text = f"{text}[{row}]"
        exact = self.contents.find(text)
        return [exact] if exact is not None else list(self._index.get(squashed(text), ()))

    def of_unit(self, kind: str, unit: str, row: str = "") -> Iterator[Key]:
        """Give the numbers of a kind that a word for a unit may mean: its name, its number, "o" of the one output."""
        places = [(q, k) for q in self._of_kind(kind) for k in range(len(q.units))]
        word = squashed(unit)
        chosen = [(q, k) for q, k in places if squashed(q.units[k]) == word]
        if not chosen and word.isdigit():
            chosen = [(q, k) for q, k in places if re.search(rf"(?<!\d){word}$", q.units[k])]
            layers = [layer for layer in self._layers if any(q.layer == layer for q, _ in places)]
            if len(chosen) != 1 and len(layers) == len(places) >= int(word) > 0:
                chosen = [place for place in places if place[0].layer == layers[int(word) - 1]]
        outputs = self.contents.context.names.outputs
        if not chosen and word in {"o", "out", "output"} and len(outputs) == 1:
            chosen = [(q, k) for q, k in places if q.units[k] == outputs[0]]
        for quantity, k in chosen:
            if quantity.rows and row in quantity.rows:
                yield Key(quantity, Place(quantity.rows.index(row), 0, k))
            elif not quantity.rows and (not row or row in {"1", *self.step.rows}):
                yield Key(quantity, Place(0, 0, k))

    @functools.cached_property
    def _layers(self) -> list[int | str | None]:
        """The layers in the order of the forward pass."""
        return list(dict.fromkeys(q.layer for q in self.contents.quantities() if q.phase == "forward"))

    def _of_kind(self, kind: str) -> list[Quantity]:
        return [q for q in self.contents.quantities() if q.kind == kind and not q.sources]

    def slope(self, key: Key, row: str = "") -> Iterator[Key]:
        """Give dE/d of a number; of a parameter, the sum over the rows, or one row's part where a row is said."""
        backward, quantity = self.contents.backward, key.quantity
        if isinstance(quantity, ParameterQuantity):
            part = backward.row_gradients.get(quantity.id) if row and self.row_marks else None
            gradient = backward.gradients.get(quantity.id) if part is None else part
            if gradient is not None and (part is None or row in part.rows):
                place = key.place._replace(row=part.rows.index(row)) if part is not None else key.place
                yield Key(gradient, place)
            return
        found = self.contents.find(f"dE/d{quantity.name(key.place).text}")
        if found is not None:
            yield found

    def new(self, key: Key) -> Iterator[Key]:
        """Give the value after the step: of a weight, or of a vector of the optimizer."""
        for update in self.contents.updates:
            if update.parameter is key.quantity:
                yield Key(update.new, key.place)
                return
        found = self.contents.find(f"{key.quantity.name(key.place).text}+")
        if found is not None:
            yield found


def name_of(key: Key) -> str:
    """Give a number's name in the worked example."""
    return key.quantity.name(key.place).text
