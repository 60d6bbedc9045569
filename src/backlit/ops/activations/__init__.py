"""The activations, each with its slope: of straight pieces, smooth, and softmax, which couples the outputs of a row.

All are stable. A finite input of any size gives no warning and no NaN, in float32 and in float64; where the exact
result is smaller than the type can hold, it is 0. NaN in gives NaN out, in values and slopes.

A slope written in the output `a` lets the op run in place. `1 - a` cancels where the function saturates, so such a
slope is accurate to the rounding of 1, not of its own small value. The addition into the weights would lose more.

Interface: the classes are registered, and found in `ops.registry.activations`.
"""

from backlit.ops.activations import piecewise, smooth, softmax  # noqa: F401
