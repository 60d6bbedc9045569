"""The optimizers: how a gradient changes the weights."""

from backlit.ops.optimizers import descent, adaptive, signs, quasi_newton  # noqa: F401, I001  (names are listed in this order)
