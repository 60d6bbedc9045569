"""The losses, a file for each kind of target: any numbers, counts, yes or no, one class among several.

A loss is the error of one row's outputs against its targets, with the derivative with respect to the outputs. Its
setting `reduction` says how the rows make one number: `"sum"` over the rows, `"mean"` over the rows (the default of
most), or `"mean_all"` over rows and outputs. Rows count by their weights. Textbooks and libraries differ in factor and
reduction, so each loss states both.

A loss with `value` and `slope` is a sum over the outputs. It takes several outputs as they are: several numbers to
predict, or several labels that hold or not, each on its own.

Interface: the classes are registered, and found in `ops.registry.losses`.
"""

from backlit.ops.losses import regression, counts, binary, multiclass  # noqa: F401, I001  (names are listed in this order)
