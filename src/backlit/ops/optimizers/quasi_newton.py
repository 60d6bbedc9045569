"""Steps from the curvature of the whole error: L-BFGS."""

from __future__ import annotations

from typing import ClassVar

from backlit.errors import BacklitError
from backlit.ops.base import Optimizer
from backlit.ops.registry import register
from backlit.ops.value_checks import Count, NotNegative


@register("lbfgs")
class LBFGS(Optimizer, frozen=True):
    r"""L-BFGS: a quasi-Newton method on all rows at once, SciPy's `L-BFGS-B`.

    It approximates curvature from the last `history` steps and searches along each direction, so it has no rate and no
    schedule, and there is no `weight_decay`; an epoch is one iteration. Best on small data, where it needs far fewer
    passes than any method above.

    Args:
        max_evaluations: how often the loss may be computed at the most.
        history: how many past steps the curvature is approximated from.
        tolerance: stop where no element of the gradient is larger than this.
        relative_tolerance: stop where an iteration lowers the loss by less than this part of it.

    Source: Liu, Nocedal, "On the limited memory BFGS method for large scale optimization", Mathematical Programming 45,
    1989; Byrd, Lu, Nocedal, Zhu, "A limited memory algorithm for bound constrained optimization", SIAM Journal on
    Scientific Computing 16, 1995.

    >>> from backlit.ops.optimizers.quasi_newton import LBFGS
    >>> LBFGS(history=20).full_batch
    True
    """

    max_evaluations: Count = 15_000
    history: Count = 10
    tolerance: NotNegative = 1e-5
    relative_tolerance: NotNegative = 2.220446049250313e-09
    full_batch: ClassVar[bool] = True
    formula: ClassVar[str] = r"w \leftarrow w - \alpha H_t \nabla E"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.weight_decay:
            raise BacklitError(f"optimizer 'lbfgs': weight_decay is {self.weight_decay!r}; L-BFGS takes none, use l2=.")
