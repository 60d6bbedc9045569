"""The losses, by what their targets are: any numbers, counts, yes or no, one class among several."""

from backlit.ops.losses import binary, counts, multiclass, regression  # noqa: F401
