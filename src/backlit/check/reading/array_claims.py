"""Arrays of a sheet, of gradients or of new weights, as numbers of the step: one for each element."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from backlit.check.code.matching import fits, paired
from backlit.check.code.returned import Given as Returned
from backlit.check.reading.givens import Given, GivenArray, GivenError
from backlit.check.reading.name_forms import form_of
from backlit.check.reading.name_rules import Reading
from backlit.errors import BacklitError
from backlit.explain import Step
from backlit.explain.record.quantities import Key, Quantity
from backlit.explain.stages.base import ParameterQuantity
from backlit.kernels.types import Array

PLACED = re.compile(r"arr_(\d+)")
"""The names that np.savez gives to arrays without names."""


def array_claims(step: Step, arrays: Sequence[GivenArray], notes: list[str]) -> Iterator[tuple[Given, Reading]]:
    """Give the elements of arrays of one step, each as a number of the step; add to the notes what was assumed.

    Errors: a GivenError where an array cannot be told to be a parameter's, or does not fit it.
    """
    new = [array for array in arrays if form_of(array.name).new]
    for of_kind, is_new in (([array for array in arrays if array not in new], False), (new, True)):
        if of_kind:
            yield from _of_kind(step, of_kind, notes, new=is_new)


def _of_kind(
    step: Step, arrays: Sequence[GivenArray], notes: list[str], *, new: bool
) -> Iterator[tuple[Given, Reading]]:
    """Give the elements of arrays that are all gradients, or all new weights."""
    targets = _targets(step, new=new)
    right = {name: _whole(parts) for name, parts in targets.items()}
    for array in arrays:
        if array.name and step.find(array.name) is not None:
            says = f"{array.name} is one number of the step; a list of shape {array.shape} was given: give a number."
            raise GivenError(says, array.line, array.name)
        _refuse_weights(step, array, new=new)
    given = {id(array): Returned(_path(array), _values(array)) for array in arrays}
    try:
        pairing = paired(list(given.values()), right, _close)
    except BacklitError:
        raise GivenError(_unclear(arrays, right, new=new), arrays[0].line, arrays[0].name) from None
    notes += pairing.notes
    whole = next((array for array in arrays if len(arrays) == 1 and len(pairing.of) > 1), None)
    if pairing.unused:
        odd = next(array for array in arrays if given[id(array)].name == pairing.unused[0])
        raise GivenError(_unclear([odd], right, new=new), odd.line, odd.name)
    for name, one in pairing.of.items():
        array = whole or next(array for array in arrays if given[id(array)] is one)
        assert one.array is not None
        index = np.arange(one.array.size).reshape(one.array.shape)
        if whole is not None:
            index += sum(right[before].size for before in list(right)[: list(right).index(name)])
        yield from _elements(array, name, targets[name], _laid(index, right[name].shape, array, name, notes), whole)


def _elements(
    array: GivenArray, name: str, parts: Sequence[tuple[ParameterQuantity, Quantity]], index: Array,
    whole: GivenArray | None,
) -> Iterator[tuple[Given, Reading]]:  # fmt: skip
    called = name if whole is not None or not array.name or PLACED.fullmatch(array.name) else array.name
    for parameter, quantity in parts:
        for at in parameter.places(0):
            place = parameter.index(at)
            written = array.numbers[int(index[place])]
            label = f"{called}[{', '.join(map(str, place))}]"
            yield Given(label, written, array.step, "", array.line), Reading(Key(quantity, at))


def _targets(step: Step, *, new: bool) -> dict[str, list[tuple[ParameterQuantity, Quantity]]]:
    """Give the quantities of each trained array: the parts of its gradient, or of its new value."""
    contents = step.contents
    made = {update.parameter.id: update.new for update in contents.updates}
    found: dict[str, list[tuple[ParameterQuantity, Quantity]]] = {}
    for parameter in contents.parameters:
        quantity = made.get(parameter.id) if new else contents.backward.gradients.get(parameter.id)
        if quantity is not None and parameter.id in made:
            found.setdefault(parameter.full, []).append((parameter, quantity))
    return found


def _whole(parts: Sequence[tuple[ParameterQuantity, Quantity]]) -> Array:
    """Give the right numbers of an array in its shape."""
    array = np.zeros(parts[0][0].array.shape)
    for parameter, quantity in parts:
        for at in parameter.places(0):
            array[parameter.index(at)] = quantity.value(at)
    return array


def _laid(index: Array, shape: tuple[int, ...], array: GivenArray, name: str, notes: list[str]) -> Array:
    """Give which number of an array stands where the parameter's elements are: it may be transposed."""
    if index.shape == shape:
        return index
    if index.size == np.prod(shape) and (len(shape) == 1 or 1 in shape) and index.squeeze().ndim <= 1:
        return index.reshape(shape)
    if index.ndim == 2 and index.T.shape == shape:
        notes.append(f"{array.name or name} is read transposed: its rows are the units, its columns their inputs")
        return index.T
    of = "" if array.name in {"", name} else f" of {name}"
    says = f"{array.name or 'the array'} has shape {array.shape}; expected that{of}, {shape}."
    raise GivenError(says, array.line, array.name)


def _path(array: GivenArray) -> tuple[str | int, ...]:
    placed = PLACED.fullmatch(array.name)
    form = form_of(array.name)
    name = form.body if form.new or form.step is not None else array.name
    name = re.sub(r"^(\d+)\.d(?=[A-Za-z])", r"\1.", name)  # 1.dW
    return (int(placed[1]),) if placed else (name,) if array.name else ()


def _values(array: GivenArray) -> Array:
    return np.array([number.value for number in array.numbers]).reshape(array.shape)


def _close(one: Array, other: Array) -> bool:
    return one.shape == other.shape and bool(np.allclose(one, other, rtol=1e-3, atol=1e-9))


def _refuse_weights(step: Step, array: GivenArray, *, new: bool) -> None:
    """Refuse an array that holds the weights before the step."""
    values = _values(array)
    for parameter in step.contents.parameters:
        for weights in (parameter.array, parameter.array.T):
            if values.size > 1 and values.shape == weights.shape and weights.any() and np.allclose(values, weights):
                what = "the new weights" if new else f'its gradient, or the new weights as "{parameter.full}+"'
                raise GivenError(
                    f"{array.name or 'the array'} holds the weights {parameter.full} before the step; expected {what}.",
                    array.line, array.name,
                )  # fmt: skip


def _unclear(arrays: Sequence[GivenArray], right: Mapping[str, Array], *, new: bool) -> str:
    given = ", ".join(f"{array.name or 'an array'} {array.shape}" for array in arrays[:6])
    known = ", ".join(f"{name} {array.shape}" for name, array in list(right.items())[:8])
    odd = [array for array in arrays if not any(fits(_values(array), one.shape) for one in right.values())]
    what = "new weights" if new else "gradients"
    shape = f" {odd[0].name or 'It'} fits none of them." if odd and len(arrays) > 1 else ""
    return (
        f"{given} cannot be told to be {what} of the network's arrays; expected these names and shapes: {known}.{shape}"
    )
