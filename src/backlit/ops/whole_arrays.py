"""An op's functions on whole arrays, and the names by which they ask for their arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from backlit.errors import BacklitError
from backlit.kernels.types import Array
from backlit.ops.base import Activation, ElementwiseLoss, Layer, Op, Optimizer, arguments


def is_matrix(name: str) -> bool:
    """Tell whether a name stands for a matrix: upper case, after a leading `d`."""
    return name.removeprefix("d")[:1].isupper()


def _activation_plain(op: Activation, which: str) -> Callable[..., None]:
    """Give forward or backward of an element-wise activation on whole arrays."""
    function: Any = op.value if which == "forward" else op.slope  # type: ignore[attr-defined]
    settings = {name: getattr(op, name) for name in arguments(function)[1:]}
    of_output = op.in_place

    def forward(Z: Array, A: Array) -> None:
        A[:] = function(Z, **settings)

    def backward(Z: Array, A: Array, dA: Array, dZ: Array) -> None:
        np.multiply(dA, function(A if of_output else Z, **settings), out=dZ)

    return forward if which == "forward" else backward


def _loss_plain(op: ElementwiseLoss, which: str) -> Callable[..., None]:
    """Give forward or backward of an element-wise loss on whole arrays."""
    function: Any = op.value if which == "forward" else op.slope  # type: ignore[attr-defined]
    settings = {name: getattr(op, name) for name in arguments(function)[2:]}

    def forward(A: Array, T: Array, l: Array) -> None:  # noqa: E741
        l[:] = function(A, T, **settings).sum(axis=1)

    def backward(A: Array, T: Array, g: Array, dA: Array) -> None:
        np.multiply(g[:, None], function(A, T, **settings), out=dA)

    return forward if which == "forward" else backward


def maths_of(op: Op, which: str) -> Callable[..., None]:
    """Give an op's `forward` or `backward` on whole arrays, made from value and slope where the op is element-wise."""
    if hasattr(op, which):
        return getattr(op, which)  # type: ignore[no-any-return]
    if isinstance(op, Activation) and hasattr(op, "value"):
        return _activation_plain(op, which)
    if isinstance(op, ElementwiseLoss):
        return _loss_plain(op, which)
    raise BacklitError(f"{op.kind} {op.name!r} has neither {which} nor value and slope; define them as static methods.")


def inside_functions(op: Op) -> dict[str, Any]:
    """Give what an op's functions may ask for by the names `INSIDE`, on whole arrays."""
    activation: Any = op.inside() if isinstance(op, Layer) else None
    if activation is None:
        return {}
    value, slope = activation.value, activation.slope
    of_value, of_slope = (
        {name: getattr(activation, name) for name in arguments(function)[1:]} for function in (value, slope)
    )
    in_place = activation.in_place

    def value_of(z: Array, settings: Any) -> Array:
        return value(z, **of_value)  # type: ignore[no-any-return]

    def slope_of(z: Array, a: Array, settings: Any) -> Array:
        return slope(a if in_place else z, **of_slope)  # type: ignore[no-any-return]

    return {"value": value_of, "slope": slope_of, "settings": ()}


def array_names(op: Op) -> tuple[str, ...]:
    """Give all argument names of an op's two functions, without repeats: the arrays of its row are among them."""
    return tuple(dict.fromkeys([*arguments(maths_of(op, "forward")), *arguments(maths_of(op, "backward"))]))


def prepared_scalars(optimizer: Optimizer, rate: float, step: int) -> dict[str, float]:
    """Give the numbers an optimizer prepares once per step, in float64."""
    if not optimizer.prepared:
        return {}
    scalars: Any = optimizer.scalars  # type: ignore[attr-defined]
    known = {"rate": rate, "step": float(step)}
    given = [known[name] if name in known else float(getattr(optimizer, name)) for name in arguments(scalars)]
    return dict(zip(optimizer.prepared, map(float, scalars(*given)), strict=True))
