"""The optimizers: the new weight from the old one and its gradient, element by element; and L-BFGS.

In every formula w is one weight, g the derivative of the error with respect to it, η the rate (times the schedule's
factor for the step) and t the number of the step, from 1. Where literature and libraries differ, the docstring says
which form this is. All but Rprop and L-BFGS take `weight_decay` λ: w ← w (1 - η λ) before the update.

Interface: the classes are registered, and found in `ops.registry.optimizers`.
"""

from backlit.ops.optimizers import descent, adaptive, signs, quasi_newton  # noqa: F401, I001  (names are listed in this order)
