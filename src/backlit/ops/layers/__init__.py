"""The layers that are more than an activation."""

from backlit.ops.layers import dense, dropout, normalization  # noqa: F401
