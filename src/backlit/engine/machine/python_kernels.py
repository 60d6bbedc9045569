"""The kernels of the plain machine: an op's own function behind the machine's fixed signature.

The instruction table names a kernel by its number in `PLAIN_KERNELS`, as long as its program lives.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from backlit.engine.program.arguments import Binding
from backlit.engine.program.structs import Row
from backlit.kernels.types import Array
from backlit.ops.base import MACHINE_SCALARS, Optimizer, arguments
from backlit.ops.whole_arrays import inside_functions, is_matrix, maths_of, prepared_scalars

PLAIN_KERNELS: dict[int, Any] = {}
"""The kernels of the plain machine by their numbers, which stand in the instructions in the place of addresses."""

_numbers = itertools.count()


def _numbered(kernel: Callable[..., None]) -> int:
    number = next(_numbers)
    PLAIN_KERNELS[number] = kernel
    return number


def forget(numbers: Iterable[int]) -> None:
    """Forget kernels, and so release the memory that their arrays view."""
    for number in numbers:
        PLAIN_KERNELS.pop(number, None)


def plain_kernel(binding: Binding, which: str) -> int:
    """Make a plain kernel and give its number."""
    function = maths_of(binding.op, which)
    names = arguments(function)
    for name in names:
        binding.require(name, which)
    fetch = [(name, binding.vector_of(name), binding.column(name), binding.sizes(name), binding.kind(name))
             for name in names if name in binding.arrays]  # fmt: skip
    numbers: dict[str, Any] = binding.op.numbers()
    numbers |= inside_functions(binding.op)
    settings = {name: numbers[name] for name in names if name in numbers}
    asked = [name for name in names if name in MACHINE_SCALARS]
    made: dict[int, tuple[Any, Any, dict[str, Any]]] = {}  # by rows: the vectors the arrays view, and the arrays

    def arrays(row: Array, memory: Any, dP: Array, n: int) -> dict[str, Any]:
        given = dict(settings)
        for name, vector, column, sizes, kind in fetch:
            offset, rows = row[column : column + 2].tolist()
            shape = row[sizes.start : sizes.stop].tolist()
            rows = rows * n if kind == "buffer" else rows
            array = (dP if vector == "dP" else getattr(memory, vector))[offset : offset + rows * math.prod(shape)]
            given[name] = array.reshape(rows, *shape) if is_matrix(name) or len(shape) > 1 else array
        return given

    def kernel(row: Array, memory: Any, dP: Array, n: int, training: int, seed: int, step: int, first_row: int) -> None:
        seen, gradient, given = made.get(n, (None, None, {}))
        if seen is not memory.A or gradient is not dP:
            given = arrays(row, memory, dP, n)
            made[n] = memory.A, dP, given
        if asked:
            scalars = zip(MACHINE_SCALARS, (training, seed, step, first_row, int(row[Row.NUMBER])), strict=True)
            given.update(pair for pair in scalars if pair[0] in asked)
        function(**given)

    return _numbered(kernel)


def plain_update(optimizer: Optimizer) -> int:
    """Make an optimizer's plain kernel and give its number."""
    update: Any = optimizer.update  # type: ignore[attr-defined]
    names = arguments(update)
    settings = {name: getattr(optimizer, name) for name in optimizer.__struct_fields__}

    def kernel(
        row: Array, memory: Any, start: int, stop: int,
        rate: float, step: int, l1: float, l2: float, decay: float,
    ) -> None:  # fmt: skip
        given = settings | prepared_scalars(optimizer, rate, step) | {"rate": rate}
        w = memory.P[start:stop]
        size = memory.P.shape[0]
        kept = [memory.slots[k * size + start : k * size + stop] for k in range(len(optimizer.slots))]
        g = memory.dP[start:stop]
        g = g + l2 * w + l1 * np.sign(w)
        given |= dict(zip(optimizer.slots, kept, strict=True))
        new = update(w * (1.0 - rate * decay), g, **{name: given[name] for name in names[2:]})
        for target, value in zip((w, *kept), new, strict=True):
            target[:] = value

    return _numbered(kernel)
