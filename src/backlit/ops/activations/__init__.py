"""The activations: of straight pieces, smooth, and softmax, each with its slope."""

from backlit.ops.activations import piecewise, smooth, softmax  # noqa: F401
