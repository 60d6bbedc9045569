"""A learner's array beside the right one: how far off it is, where, and what it is as a whole to the right one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, NamedTuple

import numpy as np
from msgspec import Meta
from msgspec.structs import replace

from backlit.check.code.records import CheckedArray
from backlit.check.code.returned import Given, as_units, of_units
from backlit.engine import Network, element_name
from backlit.kernels.types import Array
from backlit.ops.value_checks import checked

TOLERANCES = {"float64": 1e-5, "float32": 1e-4, "float16": 1e-2}
"""By what the learner's numbers are: the largest difference that passes, relative to the array's largest number."""

FITTED_FROM = 4
"""An array of fewer numbers is not taken for a sum of two others."""
Tolerance = Annotated[float, Meta(ge=0)]
ALL_ZEROS = "all zeros"
OF_WEIGHTS = "the weights"
"""Begins what is said of arrays that are no gradients but weights."""
CLOSE_TO_ZERO = 1e-3
"""An array all of whose numbers are smaller than this part of the largest gradient is compared with that part."""


class Scale(NamedTuple):
    """How differences are judged: the tolerance, and the largest number of all right gradients."""

    tolerance: float
    largest: float

    def of(self, one: Array, other: Array) -> float:
        """Give what a difference of two arrays is relative to."""
        top = max((float(np.abs(array).max()) for array in (one, other) if array.size), default=0.0)
        return max(top, CLOSE_TO_ZERO * self.largest, np.finfo(np.float64).tiny)

    def difference(self, one: Array, other: Array) -> float:
        """Give the largest relative difference; infinite of other shapes and of what is not finite."""
        if one.shape != other.shape or not (np.isfinite(one).all() and np.isfinite(other).all()):
            return math.inf
        return float(np.abs(one - other).max()) / self.of(one, other) if one.size else 0.0

    def close(self, one: Array, other: Array) -> bool:
        """Tell whether two arrays are the same within the tolerance."""
        return self.difference(one, other) <= self.tolerance


def checked_tolerance(given: float | None) -> float | None:
    """Give a tolerance that a person chose, None where the usual one holds.

    Errors: a BacklitError for what is no number from 0 on.
    """
    return None if given is None else float(checked("tolerance", given, Tolerance))


def tolerance_of(arrays: Sequence[Array], network: Network) -> tuple[float, str]:
    """Give the tolerance for arrays of their dtype, and the dtype that decides."""
    names = [array.dtype.name for array in arrays if array.dtype.kind == "f"] or ["float64"]
    names += [network.dtype.name]
    worst = max(names, key=lambda name: TOLERANCES.get(name, TOLERANCES["float16"]))
    return TOLERANCES.get(worst, TOLERANCES["float16"]), worst


# ------------------------------------------------------------------------------------------------------------ one array


class Facts(NamedTuple):
    """What relations are looked for with: rows, outputs, the rate; each row's part of the gradient by names."""

    rows: int
    outputs: int
    row_parts: Mapping[str, Sequence[Array]]
    others: Mapping[str, Mapping[str, Array]]
    """Other gradients by what they are, "without the penalty"."""
    weights: Mapping[str, Array]


def checked_array(
    name: str, given: Given | None, right: Array, network: Network, scale: Scale, facts: Facts, *, layout: bool
) -> tuple[CheckedArray, Array | None]:
    """Compare an array; give the record, and the learner's numbers in the right one's shape where they have one.

    `layout` says that the learner's weights lie as (units, inputs), filters as (filters, channels, rows, columns).
    """
    base = CheckedArray(name, "" if given is None else given.name, right.shape, "missing", math.inf, size=right.size)
    if given is None or given.array is None:
        return replace(base, remark="" if given is None else given.problem), None
    own, transposed = _laid(given.array.astype(np.float64), right, scale, layout)
    if own is None:
        shape = given.array.shape
        expected = f"{right.shape}" + (f" or {as_units(right).shape}" if right.ndim > 1 else "")
        remark = f"has shape {shape}, expected {expected}" + _of_shape(given.array.astype(np.float64), right, scale)
        return replace(base, verdict="wrong shape", remark=remark), None
    difference = scale.difference(own, right)
    if not np.isfinite(own).all():
        bad = tuple(int(k) for k in np.argwhere(~np.isfinite(own))[0])
        remark = f"{int((~np.isfinite(own)).sum())} of {own.size} numbers are not finite"
        return replace(
            base, verdict="not finite", index=bad, element=element_name(network, name, bad), mine=float(own[bad]),
            right=float(right[bad]), off=int((~np.isfinite(own)).sum()), remark=remark,
        ), own  # fmt: skip
    if not own.size:
        return replace(base, verdict="right", difference=0.0), own
    gaps = np.abs(own - right)
    worst = tuple(int(k) for k in np.unravel_index(int(gaps.argmax()), gaps.shape))
    off = gaps > scale.tolerance * scale.of(own, right)
    record = replace(
        base, difference=difference, off=int(off.sum()), index=worst, element=element_name(network, name, worst),
        mine=float(own[worst]), right=float(right[worst]),
    )  # fmt: skip
    if difference <= scale.tolerance:
        return replace(record, verdict="transposed" if transposed else "right"), own
    relation = next(relations(name, own, right, scale, facts), "")
    return replace(record, verdict="wrong", relation=relation, remark="" if relation else _confined(off)), own


def _laid(given: Array, right: Array, scale: Scale, layout: bool) -> tuple[Array | None, bool]:
    """Give the learner's array in the right one's shape, and whether it was transposed; None where it has another."""
    if right.ndim < 2:
        return (given.reshape(right.shape), False) if given.size == right.size and given.squeeze().ndim <= 1 else (
            None, False)  # fmt: skip
    if given.size == right.size and 1 in right.shape and given.squeeze().ndim <= 1:
        return given.reshape(right.shape), given.shape == right.shape[::-1] != right.shape
    turned = of_units(given) if given.ndim == right.ndim else given
    if given.shape != right.shape:
        return (turned, True) if turned.shape == right.shape else (None, False)
    return (turned, True) if turned.shape == right.shape and layout else (given, False)


def _of_shape(given: Array, right: Array, scale: Scale) -> str:
    """Say how an array of another shape comes to the right one."""
    for axis in range(given.ndim):
        total = given.sum(axis=axis)
        if total.shape == right.shape and scale.close(total, right):
            return ": the rows' parts are right, and are not added up; sum over the rows"
        if total.shape == right.shape and given.shape[axis] and scale.close(total / given.shape[axis], right):
            return ": it has each row's part; the mean over the rows is right"
    return ""


def _confined(off: Array) -> str:
    """Say which elements differ, where these are a column or a row of the array."""
    if off.all() or not off.any():
        return ""
    if off.ndim == 2:
        for axis, what in ((0, "column"), (1, "row")):
            lines = off.any(axis=axis)
            if lines.sum() == 1 and off.shape[1 - axis] > 1:
                return f"only {what} {int(lines.argmax())} (from 0) differs"
    return f"{int(off.sum())} of {off.size} numbers differ"


# ------------------------------------------------------------------------------------------------------------ relations


def factors(rows: int, outputs: int) -> list[tuple[float, str]]:
    """Give the factors that learners put too many or too few, with their names; -1 comes with each of them."""
    n, k = rows, outputs
    named = [(1.0, ""), (2.0, "2"), (0.5, "½"), (float(n), f"{n} (the rows)"), (1 / n, f"1/{n} (the rows)"),
             (float(k), f"{k} (the outputs)"), (1 / k, f"1/{k} (the outputs)"),
             (float(n * k), f"{n * k} (rows × outputs)"),
             (1 / (n * k), f"1/{n * k} (rows × outputs)"), (2.0 * n, f"{2 * n} (2 × the rows)"),
             (0.5 / n, f"1/{2 * n} (½ / the rows)"), (2.0 / n, f"2/{n} (2 / the rows)"),
             (n / 2.0, f"{n}/2 (the rows, ½)"),
             (k / 2.0, f"{k}/2 (the outputs, ½)"), (2.0 / k, f"2/{k} (2 / the outputs)"),
             (2.0 / (n * k), f"2/{n * k} (2 / rows × outputs)"), (n * k / 2.0, f"{n * k}/2 (rows × outputs, ½)"),
             (1 / n**2, f"1/{n**2} (the rows twice)")]  # fmt: skip
    found: dict[float, str] = {}
    for value, name in named:
        found.setdefault(round(value, 12), name)
    return [*found.items()]


def factor_text(factor: float, rows: int, outputs: int, tolerance: float) -> str:
    """Name a factor: "−1", "2", "1/4, of the rows"; empty where it has no name."""
    for value, name in factors(rows, outputs):
        for sign, minus in ((1.0, ""), (-1.0, "−")):
            if (value, sign) != (1.0, 1.0) and abs(factor - sign * value) <= tolerance * abs(value):
                return minus + (name or "1")
    return ""


def relations(name: str, own: Array, right: Array, scale: Scale, facts: Facts) -> Iterator[str]:
    """Give what the whole array is to the right one."""
    square = float((right * right).sum())
    if not np.abs(own).any():
        yield ALL_ZEROS
        return
    factor = float((own * right).sum()) / square if square else 0.0
    if factor and np.abs(own - factor * right).max() <= scale.tolerance * np.abs(own).max():
        text = factor_text(factor, facts.rows, facts.outputs, 10 * scale.tolerance)
        yield f"{text or f'{factor:.6g}'} × the right one"
    if own.ndim == 2 and own.shape[0] == own.shape[1] and scale.close(own.T, right):
        yield "the right one, transposed"
    parts = facts.row_parts.get(name, ())
    yield from _of_rows(own, parts, scale)
    for called, arrays in facts.others.items():
        if name in arrays and scale.close(own, arrays[name]):
            yield called
    yield from _of_weights(own, right, facts.weights[name], scale)
    if np.allclose(np.abs(own), np.abs(right), rtol=scale.tolerance, atol=scale.tolerance * scale.of(own, right)):
        yield "right but for signs"


def _of_weights(own: Array, right: Array, weights: Array, scale: Scale) -> Iterator[str]:
    """Say where an array is the weights, or these and the gradient: a step was made, or a penalty's slope was added."""
    if own.size < FITTED_FROM or not weights.any():
        return
    parts = np.stack([weights.reshape(-1), right.reshape(-1)], axis=1)
    (of_weights, of_gradient), *_ = np.linalg.lstsq(parts, own.reshape(-1), rcond=None)
    if np.abs(parts @ (of_weights, of_gradient) - own.reshape(-1)).max() > scale.tolerance * np.abs(own).max():
        return
    small = 10 * scale.tolerance
    sign = "−" if of_gradient < 0 else "+"
    if abs(of_weights - 1.0) < small and abs(of_gradient) < small:
        yield f"{OF_WEIGHTS} themselves"
    elif abs(of_weights - 1.0) < small:
        yield f"{OF_WEIGHTS} after a step, w {sign} {abs(of_gradient):.4g} × the right one"
    elif abs(of_gradient - 1.0) < small < abs(of_weights):
        yield f"the right one {_added(of_weights)} w, as with a penalty" + (
            f" of l2={of_weights:.4g}" if of_weights > 0 else ", of the other sign")  # fmt: skip


def _added(factor: float) -> str:
    return f"{'minus' if factor < 0 else 'plus'} {abs(factor):.4g}"


def _of_rows(own: Array, parts: Sequence[Array], scale: Scale) -> Iterator[str]:
    """Say of which rows alone the array is; a row's part has the share that it has in the whole."""
    n = len(parts)
    if n < 2:
        return
    for k, part in enumerate(parts):
        called = "the first" if k == 0 else "the last" if k == n - 1 else f"row {k + 1}"
        if scale.close(own, part):
            yield f"{called} row's part alone" if k in (0, n - 1) else f"{called}'s part alone"
        elif scale.close(own, n * part):
            yield f"{n} × {called} row's part alone" if k in (0, n - 1) else f"{n} × {called}'s part alone"
    whole = np.sum(parts, axis=0)
    for k, called in ((0, "the first row is"), (n - 1, "the last row is")):
        if n > 2 and scale.close(own, whole - parts[k]):
            yield f"{called} left out"
