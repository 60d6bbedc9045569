"""The optimizers: how a gradient changes the weights."""

from backlit.ops.optimizers import adaptive, descent, quasi_newton, signs  # noqa: F401
