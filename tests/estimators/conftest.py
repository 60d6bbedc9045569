"""One thread of BLAS for all, so that times do not depend on the machine's other work."""

from __future__ import annotations

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(scope="session", autouse=True)
def _one_blas_thread():
    with threadpool_limits(1):
        yield
