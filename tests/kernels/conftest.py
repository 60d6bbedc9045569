"""The compiled matrix product, without which the forms of `gemm.driver` end the process."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def _products_defined() -> None:
    """Have the engine define the product for both types of number."""
    pytest.importorskip("numba")
    from backlit.engine.compiled.compile import define_products

    for dtype in ("float32", "float64"):
        define_products(dtype)
