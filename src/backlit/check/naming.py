"""From a name on a sheet to a number of the step: names of the worked example, of the file, and those that books use."""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

from backlit.check.name_forms import Form, form_of, plain, squashed
from backlit.errors import BacklitError
from backlit.explain import Step
from backlit.explain.contents import LARGEST_EXAMPLE
from backlit.explain.record.quantities import Key, Place, Quantity
from backlit.explain.stages.base import ParameterQuantity

Kind = Literal["", "delta", "change"]


class Reading(NamedTuple):
    """What a name stands for.

    `sign` is -1 where it is the negative of the number. `kind` is "delta" of a δ, whose sign is a convention, and
    "change" of Δw, the new weight minus `base`. `says` tells of a reading that is not plain.
    """

    key: Key
    sign: int = 1
    kind: Kind = ""
    base: Key | None = None
    says: str = ""


NETS = ("netinput", "weightedsum", "preactivation", "net", "input", "sum", "in", "z", "s")
OUTS = ("activation", "output", "yhat", "ŷ", "out", "act", "a", "y", "o")
TARGETS = ("target", "t")
BIASES = ("bias", "b")
ERRORS = {"e", "etotal", "etot", "error", "totalerror", "loss", "totalloss", "l", "c", "j", "cost", "totalcost"}
_ERROR = r"(?:E[\s_]*(?:total|tot)?|L|C|J|loss|cost|error)"
SLOPE_OF = re.compile(rf"d\s*{_ERROR}\s*/\s*d\s*(?P<of>.+)", re.IGNORECASE)
GRADIENT = re.compile(r"(?:gradient|grad|slope|g)(?:[\s_]+(?:of|for)|(?=[\s_(]))[\s_]*(?P<of>.+)", re.IGNORECASE)
GRADIENT_AFTER = re.compile(r"(?P<of>.+?)[.\s_]+(?:gradient|grad)", re.IGNORECASE)
CHANGE = re.compile(r"(?:change|update)(?:[\s_]+(?:of|in))?[\s_]*(?P<of>.+)", re.IGNORECASE)
LOCAL = re.compile(r"d\s*(?P<above>.+?)\s*/\s*d\s*(?P<below>.+)", re.IGNORECASE)
PRIME = re.compile(r"(?P<word>f|g|h|σ|sigma|sigmoid|tanh|relu|φ|phi|out|a)'(?P<of>.+)", re.IGNORECASE)
ARRAY = re.compile(r"(?P<d>d?)(?P<letter>[A-Za-z])_?(?P<layer>\d+)\s*(?P<at>(?:\[[\d,\s]+\])+)")
WEIGHT = re.compile(r"(?:weight|w)[\s_(\[]*(?P<one>.+?)\s*(?:,|_|-|\s)\s*(?P<other>.+?)[\s)\]]*", re.IGNORECASE)


class Namer:
    """Reads names of a step's numbers.

    Args:
        step: the step. figures: what its file calls numbers, such as {"δ3": "-dE/dnet(y3)"}.
    """

    def __init__(self, step: Step, figures: Mapping[str, str] | None = None) -> None:
        self.step, self.figures = step, dict(figures or {})
        self.contents = step.contents

    # ---------------------------------------------------------------------------------------------------------- reading

    def read(self, name: str, row: str = "") -> Reading:
        """Give what a name stands for; `row` is the row that is said beside it.

        Errors: a BacklitError that says what may be meant, where it stands for no number, or for several.
        """
        found = self._as_named(name, row)
        if found is not None:
            return found
        form = form_of(name)
        for rule in RULES:
            readings = list(dict.fromkeys(rule(self, form, row or form.row)))
            if len({reading.key for reading in readings}) > 1:
                raise BacklitError(self._several(name, readings))
            if readings:
                sign = -readings[0].sign if form.negative else readings[0].sign
                return readings[0]._replace(sign=sign, says=readings[0].says.replace("NAME", name))
        raise BacklitError(self._unknown(name, form))

    def _as_named(self, name: str, row: str) -> Reading | None:
        """Give the number of exactly that name: the worked example's, or the file's figure."""
        text = name.strip()
        whole = f"{text}[{row}]" if row and self._row_marks else text
        for given in dict.fromkeys((whole, text)):
            if (key := self.contents.find(given)) is not None:
                return Reading(key)
        for label in (text, plain(text)):
            figure = next((q for own, q in self.figures.items() if label in (own, plain(own))), None)
            if figure is not None and (key := self.contents.find(figure.removeprefix("-"))) is not None:
                return Reading(key, -1 if figure.startswith("-") else 1)
        return None

    @property
    def _row_marks(self) -> bool:
        return bool(self.contents.context.rows)

    # ---------------------------------------------------------------------------------------------------------- finding

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
        if row and (self._row_marks or row not in {"1", *self.step.rows}):
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
            layers = list(dict.fromkeys(q.layer for q, _ in places))
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

    def _of_kind(self, kind: str) -> list[Quantity]:
        return [q for q in self.contents.quantities() if q.kind == kind and not q.sources]

    def slope(self, key: Key, row: str = "") -> Iterator[Key]:
        """Give dE/d of a number; of a parameter, the sum over the rows, or one row's part where a row is said."""
        backward, quantity = self.contents.backward, key.quantity
        if isinstance(quantity, ParameterQuantity):
            part = backward.row_gradients.get(quantity.id) if row and self._row_marks else None
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

    def parameters(self, text: str) -> Iterator[Key]:
        """Give the weights and biases that a text may mean, or elements of their arrays."""
        form = Form(text.strip())
        for rule in (by_name, array_element, bias, reversed_weight):
            found = [reading.key for reading in rule(self, form, "") if isinstance(reading.key.quantity, ParameterQuantity)]
            if found:
                yield from found
                return

    def given_or_forward(self, text: str, row: str) -> Iterator[Reading]:
        """Give the weights and the numbers of the forward pass that a text may mean."""
        for rule in (by_name, array_element, bare_unit, of_a_quantity, bias, reversed_weight):
            found = list(rule(self, Form(text.strip()), row))
            if found:
                yield from found
                return

    # ----------------------------------------------------------------------------------------------------------- errors

    def _several(self, name: str, readings: Iterable[Reading]) -> str:
        names = [reading.key.quantity.name(reading.key.place).text for reading in readings]
        listed = ", ".join(map(repr, names[:3])) + (" or others" if len(names) > 3 else "")
        return f"{name!r} may be {' or '.join(map(repr, names)) if len(names) < 4 else listed}: write one of these."

    def _unknown(self, name: str, form: Form) -> str:
        rows = self.contents.context.rows
        if rows and not form.row:
            for rule in RULES:
                if found := next(iter(rule(self, form, rows[0])), None):
                    first = found.key.quantity.name(found.key.place).text
                    return (f"{name!r} has a number for each of {len(rows)} rows: say which, as in {first!r}, or in a "
                            "column row.")  # fmt: skip
        if form.row and form.row not in {*rows, *self.step.rows}:
            known = list(rows or self.step.rows)
            shown = ", ".join(known) if len(known) < 9 else f"{', '.join(known[:3])} to {known[-1]}"
            return f"{name!r} is of row {form.row}; the step has {'row' if len(known) == 1 else 'rows'} {shown}."
        if GRADIENT.fullmatch(form.body) or SLOPE_OF.fullmatch(form.body) or form.new:
            frozen = self._frozen(form)
            if frozen:
                return f"{name!r}: {frozen} is not trained in this step, so it has no slope and no new value here."
        if LOCAL.fullmatch(form.body) and not SLOPE_OF.fullmatch(form.body):
            return (
                f"{name!r} is no number of the step, whose slopes are dE/d... and dout/dnet: a slope of a sum is a weight, "
                "an output or an input itself. Leave it out."
            )
        every = len(self.step) <= LARGEST_EXAMPLE
        known = list(dict.fromkeys(self.contents.known_names(every=every)))
        near = _near(name, known) or _near(plain(name), known)
        ask = f"did you mean {' or '.join(map(repr, near))}?" if near else f"its names look like {self._typical()}."
        return f"the step has no number {name!r}; {ask}"

    def _typical(self) -> str:
        """Give names of three kinds of numbers, as this step has them."""
        kinds = {q.kind: q for q in reversed([*self.contents.quantities()])}
        chosen = [kinds[kind] for kind in ("w", "net", "dE/dw", "dE/dnet") if kind in kinds][:3]
        return ", ".join(repr(q.name(Place(0, 0, 0)).text) for q in chosen or [self.contents.error.E])

    def _frozen(self, form: Form) -> str:
        match = SLOPE_OF.fullmatch(form.body) or GRADIENT.fullmatch(form.body)
        key = next(self.parameters(match["of"] if match else form.body), None)
        return "" if key is None else key.quantity.name(key.place).text


def _near(name: str, known: list[str]) -> list[str]:
    by_folded = {text.casefold(): text for text in reversed(known)}
    return [by_folded[text] for text in difflib.get_close_matches(name.casefold(), by_folded, n=3)]


# ---------------------------------------------------------------------------------------------------------------- rules


def by_name(namer: Namer, form: Form, row: str) -> Iterator[Reading]:
    """The worked example's name, in other signs; with "+" where the new value is meant."""
    if form.new:
        for key in namer.find(form.body):
            yield from map(Reading, namer.new(key))
        return
    keys = namer.find(form.body, row)
    exact = [key for key in keys if key.quantity.name(key.place).text == form.body]
    yield from map(Reading, exact or keys)


def array_element(namer: Namer, form: Form, row: str) -> Iterator[Reading]:
    """An element of an array as code names it: W1[0, 0], W1[0][0], dW1[0, 0]; indices count from 0."""
    found = ARRAY.fullmatch(f"{form.body}[{form.row}]" if form.row else form.body)
    if found is None:
        return
    index = ", ".join(re.findall(r"\d+", found["at"]))
    for letter in (found["letter"], found["letter"].upper(), found["letter"].lower()):
        key = namer.contents.find(f"{found['layer']}.{letter}[{index}]")
        if key is not None:
            made = namer.slope(key) if found["d"] else namer.new(key) if form.new else [key]
            yield from map(Reading, made)
            return


def new_value(namer: Namer, form: Form, row: str) -> Iterator[Reading]:
    """The new value of a weight that is named in another way."""
    if form.new:
        for key in namer.parameters(form.body):
            yield from map(Reading, namer.new(key))


def delta(namer: Namer, form: Form, row: str) -> Iterator[Reading]:
    """δ of a unit, which is dE/dnet with a sign that is a convention; Δ of a weight, its change."""
    if form.body.startswith("δ") and len(form.body) > 1:
        rest = form.body[1:]
        units = list(namer.of_unit("dE/dnet", rest, row))
        yield from (Reading(key, kind="delta") for key in units)
        if not units:
            yield from _changes(namer, rest)
    elif found := CHANGE.fullmatch(form.body):
        yield from _changes(namer, found["of"])


def _changes(namer: Namer, text: str) -> Iterator[Reading]:
    for key in namer.parameters(text):
        yield from (Reading(new, kind="change", base=key) for new in namer.new(key))


def slope(namer: Namer, form: Form, row: str) -> Iterator[Reading]:
    """A derivative of E: dE/dw_5, dL/dz(h1), grad w5, w5.grad, and dw5 as code has it."""
    for pattern in (SLOPE_OF, GRADIENT, GRADIENT_AFTER):
        if found := pattern.fullmatch(form.body):
            for inner in namer.given_or_forward(found["of"], row):
                yield from (inner._replace(key=key, says="") for key in namer.slope(inner.key, row))
            for inner in [] if row else namer.given_or_forward(found["of"], ""):
                yield from (inner._replace(key=key, says="") for key in namer.slope(inner.key))
            return
    if form.body[:1] in "dD" and not form.new:
        for key in namer.parameters(form.body[1:]):
            called = key.quantity.name(key.place).text
            yield from (Reading(found, says=f"NAME is read as dE/d{called}") for found in namer.slope(key, row))


def local_slope(namer: Namer, form: Form, row: str) -> Iterator[Reading]:
    """The slope of an activation: dout(h1)/dnet(h1), f'(net(h1)), out'(h1)."""
    if found := PRIME.fullmatch(form.body):
        inner = squashed(found["of"])
        word = next((w for w in NETS if inner.startswith(w) and len(inner) > len(w)), "")
        for unit in (inner, inner.removeprefix(word)):
            keys = list(namer.of_unit("dout/dnet", unit, row))
            if keys:
                yield from map(Reading, keys)
                return
    elif found := LOCAL.fullmatch(form.body):
        above, below = (list(namer.given_or_forward(found[side], row)) for side in ("above", "below"))
        for upper in above or [None]:
            for lower in below:
                yield from map(Reading, _slope_between(namer, None if upper is None else upper.key, lower.key, found))


def _slope_between(namer: Namer, upper: Key | None, lower: Key, found: re.Match[str]) -> Iterator[Key]:
    """Give the slope of an output with respect to a weighted sum."""
    if lower.quantity.kind != "net" or (upper is None and squashed(found["above"]) not in OUTS):
        return
    below = lower.quantity.name(lower.place).text
    own = [f"dout/d{below}"]
    if upper is not None:
        text = upper.quantity.name(upper.place).text.partition("[")[0]
        same = upper.quantity.units[upper.place.unit] == lower.quantity.units[lower.place.unit]
        own = own if same and upper.quantity.kind == "out" else [f"d{text}/d{below}"]
    for name in own:
        key = namer.contents.find(name)
        if key is not None:
            yield key


def of_a_quantity(namer: Namer, form: Form, row: str) -> Iterator[Reading]:
    """A quantity by another word, of a unit by its name or number: z(h1), a_h1, net1, yhat(o1), target1."""
    text = squashed(form.body)
    for kind, words in (("net", NETS), ("out", OUTS), ("t", TARGETS)):
        for word in words:
            if text.startswith(word) and len(text) > len(word):
                keys = list(namer.of_unit("target" if kind == "t" else kind, text[len(word) :], row))
                if keys:
                    yield from map(Reading, keys)
                    return


def bias(namer: Namer, form: Form, row: str) -> Iterator[Reading]:
    """The bias of a unit by its name or number: bias(h1), b1."""
    text = squashed(form.body)
    for word in BIASES:
        if text.startswith(word) and len(text) > len(word) and not form.new:
            keys = list(namer.of_unit("b", text[len(word) :], ""))
            if keys:
                yield from map(Reading, keys)
                return


def error(namer: Namer, form: Form, row: str) -> Iterator[Reading]:
    """The error by other words: loss, E_total, cost; and of an output, E_o1."""
    text = squashed(form.body)
    if text in ERRORS:
        yield from map(Reading, namer.find("E", row))
        return
    for word in sorted(ERRORS, key=len, reverse=True):
        if text.startswith(word) and len(text) > len(word):
            keys = list(namer.of_unit("E", text[len(word) :], row))
            if not row and text[len(word) :].isdigit():
                keys += namer.find("E", text[len(word) :]) if namer.contents.context.rows else []
            yield from map(Reading, keys)
            if keys:
                return


def bare_unit(namer: Namer, form: Form, row: str) -> Iterator[Reading]:
    """A unit alone stands for what it gives: h1 is out(h1)."""
    for kind in ("out", "y", "net"):
        keys = [k for k in namer.of_unit(kind, form.body, row) if not squashed(form.body).isdigit()]
        if keys:
            name = keys[0].quantity.name(keys[0].place).text
            yield from (Reading(key, says=f"NAME is read as {name}") for key in keys)
            return


def reversed_weight(namer: Namer, form: Form, row: str) -> Iterator[Reading]:
    """A weight by the units that it joins, in other words or in the other order: weight h1 o1, w(o1,h1)."""
    if found := WEIGHT.fullmatch(form.body):
        straight = namer.find(f"w({found['one']},{found['other']})")
        yield from map(Reading, straight)
        for key in [] if straight else namer.find(f"w({found['other']},{found['one']})"):
            name = key.quantity.name(key.place).text
            yield Reading(key, says=f"NAME is read as {name}, from {found['other']} to {found['one']}")


Rule = Callable[[Namer, Form, str], Iterator[Reading]]
RULES: tuple[Rule, ...] = (
    by_name, array_element, new_value, delta, slope, local_slope, bare_unit, of_a_quantity, bias, error, reversed_weight,
)  # fmt: skip
"""The ways to read a name, one after another; the first that finds a number counts."""
