"""Functions that NumPy lacks, for the maths of ops: `special.erf(z)` beside `np.exp(z)`.

On arrays they are SciPy's, imported when first called. In compiled loops the engine's own vectorising functions of the
same names take their place, as they do for NumPy's (`backlit.kernels.vector_math.SUBSTITUTES`).
"""

from __future__ import annotations

from typing import Any


def erf(z: Any) -> Any:
    """Give the error function, 2/√π times the integral of exp(-t²) from 0 to z.

    >>> import numpy as np
    >>> erf(np.array([0.0, 1.0])).round(6).tolist()
    [0.0, 0.842701]
    """
    from scipy.special import erf as scipy_erf  # noqa: PLC0415  (SciPy is slow to import, and few ops need it)

    return scipy_erf(z)
