"""One thread of BLAS for all: workers of the tests share the processors, which threads that wait would take.

Then neither times nor NumPy's last digits depend on what else runs, or on which tests ran before.
"""

from __future__ import annotations

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(scope="session", autouse=True)
def _one_blas_thread():
    with threadpool_limits(1):
        yield
