"""The losses, by what their targets are: any numbers, counts, yes or no, one class among several."""

from backlit.ops.losses import regression, counts, binary, multiclass  # noqa: F401, I001  (names are listed in this order)
