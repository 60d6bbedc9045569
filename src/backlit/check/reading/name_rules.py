"""How learners and books call the numbers of a step, as rules from a name to what it may stand for."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Literal, NamedTuple

from backlit.check.reading.name_finding import Finder, name_of
from backlit.check.reading.name_forms import Form, squashed
from backlit.explain.record.quantities import Key
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
SLOPE_OF_UNIT = re.compile(r"slope(?:[\s_]+(?:of|for|at))?[\s_(]+(?P<of>.+)", re.IGNORECASE)
GRADIENT_AFTER = re.compile(r"(?P<of>.+?)[.\s_]+(?:gradient|grad)", re.IGNORECASE)
CHANGE = re.compile(r"(?:change|update)(?:[\s_]+(?:of|in))?[\s_]*(?P<of>.+)", re.IGNORECASE)
LOCAL = re.compile(r"d\s*(?P<above>.+?)\s*/\s*d\s*(?P<below>.+)", re.IGNORECASE)
PRIME = re.compile(r"(?P<word>f|g|h|σ|sigma|sigmoid|tanh|relu|φ|phi|out|a)'(?P<of>.+)", re.IGNORECASE)
ARRAY = re.compile(r"(?P<d>d?)(?P<letter>[A-Za-z])_?(?P<layer>\d+)\s*(?P<at>(?:\[[\d,\s]+\])+)")
WEIGHT = re.compile(r"(?:weight|w)[\s_(\[]*(?P<one>.+?)\s*(?:,|_|-|\s)\s*(?P<other>.+?)[\s)\]]*", re.IGNORECASE)


def by_name(finder: Finder, form: Form, row: str) -> Iterator[Reading]:
    """The worked example's name, in other signs; with "+" where the new value is meant."""
    if form.new:
        for key in finder.find(form.body):
            yield from map(Reading, finder.new(key))
        return
    keys = finder.find(form.body, row)
    exact = [key for key in keys if name_of(key) == form.body]
    yield from map(Reading, exact or keys)


def array_element(finder: Finder, form: Form, row: str) -> Iterator[Reading]:
    """An element of an array as code names it: W1[0, 0], W1[0][0], dW1[0, 0]; the finder says what indices begin at."""
    found = _element(form)
    key = None if found is None else element_of(finder, found, finder.first_index)
    if found is not None and key is not None:
        made = finder.slope(key) if found["d"] else finder.new(key) if form.new else [key]
        yield from map(Reading, made)


def _element(form: Form) -> re.Match[str] | None:
    return ARRAY.fullmatch(f"{form.body}[{form.row}]" if form.row else form.body)


def element_of(finder: Finder, found: re.Match[str], first: int) -> Key | None:
    """Give the element that a name says, with indices that begin at a number."""
    index = ", ".join(str(int(number) - first) for number in re.findall(r"\d+", found["at"]))
    for letter in (found["letter"], found["letter"].upper(), found["letter"].lower()):
        key = finder.contents.find(f"{found['layer']}.{letter}[{index}]")
        if key is not None:
            return key
    return None


def counts_from_one(finder: Finder, forms: Iterable[Form]) -> bool:
    """Tell whether all elements that names say are there if indices begin at 1, and not if they begin at 0."""
    found = [element for element in map(_element, forms) if element is not None]
    from_zero = all(element_of(finder, one, 0) is not None for one in found)
    return not from_zero and all(element_of(finder, one, 1) is not None for one in found)


def new_value(finder: Finder, form: Form, row: str) -> Iterator[Reading]:
    """The new value of a weight that is named in another way."""
    if form.new:
        for key in parameters(finder, form.body):
            yield from map(Reading, finder.new(key))


def delta(finder: Finder, form: Form, row: str) -> Iterator[Reading]:
    """δ of a unit, which is dE/dnet with a sign that is a convention; Δ of a weight, its change."""
    if form.body.startswith("δ") and len(form.body) > 1:
        rest = form.body[1:]
        units = list(finder.of_unit("dE/dnet", rest, row))
        yield from (Reading(key, kind="delta") for key in units)
        if not units:
            yield from _changes(finder, rest)
    elif found := CHANGE.fullmatch(form.body):
        yield from _changes(finder, found["of"])


def _changes(finder: Finder, text: str) -> Iterator[Reading]:
    for key in parameters(finder, text):
        yield from (Reading(new, kind="change", base=key) for new in finder.new(key))


def slope(finder: Finder, form: Form, row: str) -> Iterator[Reading]:
    """A derivative of E: dE/dw_5, dL/dz(h1), grad w5, w5.grad, and dw5 as code has it.

    The slope of a unit, slope h1, is that of its activation.
    """
    if found := SLOPE_OF_UNIT.fullmatch(form.body):
        keys = list(finder.of_unit("dout/dnet", squashed(found["of"]), row))
        if keys:
            yield from (Reading(key, says=f"NAME is read as {name_of(key)}") for key in keys)
            return
    for pattern in (SLOPE_OF, GRADIENT, GRADIENT_AFTER):
        if found := pattern.fullmatch(form.body):
            for inner in inner_numbers(finder, found["of"], row):
                yield from (inner._replace(key=key, says="") for key in finder.slope(inner.key, row))
            for inner in [] if row else inner_numbers(finder, found["of"], ""):
                yield from (inner._replace(key=key, says="") for key in finder.slope(inner.key))
            return
    if form.body[:1] in "dD" and not form.new:
        for key in parameters(finder, form.body[1:]):
            called = name_of(key)
            yield from (Reading(found, says=f"NAME is read as dE/d{called}") for found in finder.slope(key, row))


def local_slope(finder: Finder, form: Form, row: str) -> Iterator[Reading]:
    """The slope of an activation: dout(h1)/dnet(h1), f'(net(h1)), out'(h1)."""
    if found := PRIME.fullmatch(form.body):
        inner = squashed(found["of"])
        word = next((w for w in NETS if inner.startswith(w) and len(inner) > len(w)), "")
        for unit in (inner, inner.removeprefix(word)):
            keys = list(finder.of_unit("dout/dnet", unit, row))
            if keys:
                yield from map(Reading, keys)
                return
    elif found := LOCAL.fullmatch(form.body):
        above, below = (list(inner_numbers(finder, found[side], row)) for side in ("above", "below"))
        tops: list[Key | None] = [reading.key for reading in above]
        for upper, lower in itertools.product(tops or [None], below):
            yield from map(Reading, _slope_between(finder, upper, lower.key, found))


def _slope_between(finder: Finder, upper: Key | None, lower: Key, found: re.Match[str]) -> Iterator[Key]:
    """Give the slope of an output with respect to a weighted sum."""
    if lower.quantity.kind != "net" or (upper is None and squashed(found["above"]) not in OUTS):
        return
    below = name_of(lower)
    own = [f"dout/d{below}"]
    if upper is not None:
        text = name_of(upper).partition("[")[0]
        same = upper.quantity.units[upper.place.unit] == lower.quantity.units[lower.place.unit]
        own = own if same and upper.quantity.kind == "out" else [f"d{text}/d{below}"]
    for name in own:
        key = finder.contents.find(name)
        if key is not None:
            yield key


def of_a_quantity(finder: Finder, form: Form, row: str) -> Iterator[Reading]:
    """A quantity by another word, of a unit by its name or number: z(h1), a_h1, net1, yhat(o1), target1."""
    text = squashed(form.body)
    for kind, words in (("net", NETS), ("out", OUTS), ("t", TARGETS)):
        for word in words:
            if text.startswith(word) and len(text) > len(word):
                keys = list(finder.of_unit("target" if kind == "t" else kind, text[len(word) :], row))
                if keys:
                    yield from map(Reading, keys)
                    return


def bias(finder: Finder, form: Form, row: str) -> Iterator[Reading]:
    """The bias of a unit by its name or number: bias(h1), b1."""
    text = squashed(form.body)
    for word in BIASES:
        if text.startswith(word) and len(text) > len(word) and not form.new:
            keys = list(finder.of_unit("b", text[len(word) :], ""))
            if keys:
                yield from map(Reading, keys)
                return


def error(finder: Finder, form: Form, row: str) -> Iterator[Reading]:
    """The error by other words: loss, E_total, cost; and of an output, E_o1."""
    text = squashed(form.body)
    if text in ERRORS:
        yield from map(Reading, finder.find("E", row))
        return
    for word in sorted(ERRORS, key=len, reverse=True):
        if text.startswith(word) and len(text) > len(word):
            keys = list(finder.of_unit("E", text[len(word) :], row))
            if not row and text[len(word) :].isdigit():
                keys += finder.find("E", text[len(word) :]) if finder.contents.context.rows else []
            yield from map(Reading, keys)
            if keys:
                return


def bare_unit(finder: Finder, form: Form, row: str) -> Iterator[Reading]:
    """A unit alone stands for what it gives: h1 is out(h1)."""
    for kind in ("out", "y", "net"):
        keys = [k for k in finder.of_unit(kind, form.body, row) if not squashed(form.body).isdigit()]
        if keys:
            name = name_of(keys[0])
            yield from (Reading(key, says=f"NAME is read as {name}") for key in keys)
            return


def reversed_weight(finder: Finder, form: Form, row: str) -> Iterator[Reading]:
    """A weight by the units that it joins, in other words or in the other order: weight h1 o1, w(o1,h1)."""
    if found := WEIGHT.fullmatch(form.body):
        straight = finder.find(f"w({found['one']},{found['other']})")
        yield from map(Reading, straight)
        for key in [] if straight else finder.find(f"w({found['other']},{found['one']})"):
            name = name_of(key)
            yield Reading(key, says=f"NAME is read as {name}, from {found['other']} to {found['one']}")


# ------------------------------------------------------------------------------------------------- names inside names


def parameters(finder: Finder, text: str) -> Iterator[Key]:
    """Give the weights and biases that a text may mean, or elements of their arrays."""
    form = Form(text.strip())
    for rule in (by_name, array_element, bias, reversed_weight):
        keys = [reading.key for reading in rule(finder, form, "")]
        found = [key for key in keys if isinstance(key.quantity, ParameterQuantity)]
        if found:
            yield from found
            return


def inner_numbers(finder: Finder, text: str, row: str) -> Iterator[Reading]:
    """Give the weights and the numbers of the forward pass that a text may mean."""
    for rule in (by_name, array_element, bare_unit, of_a_quantity, bias, reversed_weight):
        found = list(rule(finder, Form(text.strip()), row))
        if found:
            yield from found
            return


Rule = Callable[[Finder, Form, str], Iterator[Reading]]
RULES: tuple[Rule, ...] = (
    by_name, array_element, new_value, delta, slope, local_slope, bare_unit, of_a_quantity, bias, error,
    reversed_weight,
)  # fmt: skip
"""The ways to read a name, one after another; the first that finds a number counts."""
