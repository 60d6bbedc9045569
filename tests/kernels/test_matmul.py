"""The matrix products, plain and compiled, against NumPy in float64."""

import ctypes
import functools
import itertools
import mmap
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backlit.engine.compiled import substitutes
from backlit.kernels import matmul
from backlit.kernels.matmul import affine, product, product_nt, product_tn, sum_rows

numba = pytest.importorskip("numba")
driver = pytest.importorskip("backlit.kernels.gemm.driver")

# How each product arranges an (n, k) and a (k, m) matrix, and the shape of what it writes.
PRODUCTS: dict[str, tuple[Callable[..., None], Callable[[Any], Any], Callable[[Any], Any]]] = {
    "product": (product, lambda A: A, lambda B: B),
    "product_tn": (product_tn, lambda A: A.T.copy(), lambda B: B),
    "product_nt": (product_nt, lambda A: A, lambda B: B.T.copy()),
}
LARGE = [
    (1, 300, 200),
    (3, 40, 260),
    (67, 300, 70),
    (70, 5, 300),
    (257, 129, 66),
    (66, 530, 33),
    (300, 1, 90),
    (9, 600, 1),
    (521, 530, 65),
    (25, 400, 41),
    (63, 1000, 100),
    (301, 1001, 70),
    (7, 2000, 70),
    (255, 31, 257),
    (130, 4, 3),
    (521, 300, 2),
    (40, 900, 3),
    (3, 900, 7),
]
ROWS, STEPS, COLUMNS = (
    (1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 13, 24),
    (1, 2, 3, 4, 5, 8, 9, 16, 33),
    (1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 66),
)


@pytest.fixture(autouse=True)
def no_word_of_lanes_thrown_away():
    """NumPy's BLAS may compute on lanes that it throws away: what they hold raises a flag, at random, and no number."""
    with np.errstate(all="ignore"):
        yield


@functools.cache
def compiled(name: str) -> Callable[..., None]:
    function = getattr(driver, name)

    @numba.njit(error_model="numpy")
    def call(*arrays):
        function(*arrays)

    return call


def multiply(way: str, name: str, A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Compute A B (n, m) by one of the products, from what it expects, into memory full of another number."""
    function, arrange_a, arrange_b = PRODUCTS[name]
    C = np.full((A.shape[0], B.shape[1]), 77, A.dtype)
    call = compiled(name) if way == "compiled" else function
    call(arrange_a(A), arrange_b(B), C)
    return C


def assert_close(C: np.ndarray, A: np.ndarray, B: np.ndarray) -> None:
    A, B = A.astype(np.float64), B.astype(np.float64)
    bound = np.linalg.norm(A, axis=1)[:, None] * np.linalg.norm(B, axis=0)[None, :]
    tolerance = 1e-13 if C.dtype == np.float64 else 1e-5
    assert np.all(np.abs(C - A @ B) <= tolerance * bound)


def matrices(n: int, k: int, m: int, dtype: Any = np.float64) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng([n, k, m])
    return rng.normal(size=(n, k)).astype(dtype), rng.normal(size=(k, m)).astype(dtype)


every_product = pytest.mark.parametrize("name", sorted(PRODUCTS))
every_type = pytest.mark.parametrize("dtype", [np.float32, np.float64])
size = st.integers(0, 40)


@every_product
@every_type
@settings(max_examples=200, deadline=None)
@given(n=size, k=size, m=size)
def test_small_products(name, dtype, n, k, m):
    A, B = matrices(n, k, m, dtype)
    for way in ("plain", "compiled"):
        assert_close(multiply(way, name, A, B), A, B)


@every_product
@every_type
def test_products_of_every_shape_of_tile(name, dtype):
    for n, k, m in itertools.product(ROWS, STEPS, COLUMNS):
        A, B = matrices(n, k, m, dtype)
        assert_close(multiply("compiled", name, A, B), A, B)


@every_product
@every_type
@pytest.mark.parametrize("shape", LARGE)
def test_products_in_lines_and_blocks(name, dtype, shape):
    A, B = matrices(*shape, dtype)
    assert_close(multiply("compiled", name, A, B), A, B)


def check_affine(n: int, k: int, m: int, dtype: Any) -> None:
    A, B = matrices(n, k, m, dtype)
    b = np.random.default_rng(n).normal(size=m).astype(dtype)
    # As a product of one step more, of ones by b.
    wider, taller = np.hstack([A, np.ones((n, 1), dtype)]), np.vstack([B, b])
    for call in (affine, compiled("affine")):
        C = np.full((n, m), 77, dtype)
        call(A, B, b, C)
        assert_close(C, wider, taller)
        call(A, B, b[:0], C)
        assert_close(C, A, B)


@every_type
def test_a_row_is_added_to_every_shape_of_tile(dtype):
    for n, k, m in itertools.product(ROWS, (0, *STEPS), COLUMNS):
        check_affine(n, k, m, dtype)


@every_type
@pytest.mark.parametrize("shape", LARGE)
def test_a_row_is_added_in_lines_and_blocks(dtype, shape):
    check_affine(*shape, dtype)


@every_type
@settings(max_examples=200, deadline=None)
@given(n=size, m=size)
def test_sums_of_rows(dtype, n, m):
    A, _ = matrices(n, m, 0, dtype)
    for call in (sum_rows, compiled("sum_rows")):
        memory = np.full(m + 16, 77, dtype)
        call(A, memory[8 : m + 8])
        assert_close(memory[None, 8 : m + 8], np.ones((1, n), dtype), A)
        assert np.all(memory[:8] == 77)
        assert np.all(memory[m + 8 :] == 77)


@every_product
@pytest.mark.parametrize("shape", [(2, 2, 2), (9, 7, 1), (1, 9, 7), (8, 10, 12), (33, 20, 10), (67, 300, 70)])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_reach_what_they_should(name, shape, value):
    A, B = matrices(*shape)
    A[-1, -1] = value
    B[-1, 0] = 0  # 0 * inf is NaN
    B[0, -1] = np.nan
    expected = A @ B
    np.testing.assert_array_equal(np.isnan(multiply("plain", name, A, B)), np.isnan(expected))
    C = multiply("compiled", name, A, B)
    np.testing.assert_array_equal(np.isnan(C), np.isnan(expected))
    np.testing.assert_array_equal(C[np.isinf(expected)], expected[np.isinf(expected)])


@every_product
def test_rows_do_not_depend_on_their_neighbours(name):
    """A row of the result has the same bits whatever other rows there are, as long as the kernel is the same one."""
    A, B = matrices(200, 300, 70)
    whole = multiply("compiled", name, A, B)
    np.testing.assert_array_equal(multiply("compiled", name, A[64:136], B), whole[64:136])


SHAPES = [
    (1, 9, 70),
    (2, 9, 3),
    (5, 6, 3),
    (19, 4, 3),
    (9, 900, 2),
    (6, 40, 11),
    (7, 9, 17),
    (30, 40, 300),
    (70, 200, 100),
    (65, 300, 67),
    (301, 1001, 70),
    (7, 2000, 70),
]


@every_product
@every_type
def test_nothing_is_written_outside(name, dtype):
    _, arrange_a, arrange_b = PRODUCTS[name]
    for n, k, m in SHAPES:
        A, B = matrices(n, k, m, dtype)
        memory = np.full(n * m + 128, 77, dtype)
        compiled(name)(arrange_a(A), arrange_b(B), memory[64 : 64 + n * m].reshape(n, m))
        assert np.all(memory[:64] == 77)
        assert np.all(memory[64 + n * m :] == 77)


def fenced(array: np.ndarray, *, behind: bool) -> np.ndarray:
    """Copy an array to memory that ends (or begins) where a page lies whose reading ends the process."""
    page = mmap.PAGESIZE
    size = -(-array.nbytes // page) * page
    memory = mmap.mmap(-1, size + 2 * page)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for fence in (address, address + page + size):
        assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(fence), ctypes.c_size_t(page), 0) == 0
    offset = page + (size - array.nbytes if behind else 0)
    copy = np.frombuffer(memory, array.dtype, array.size, offset).reshape(array.shape)
    copy[...] = array
    return copy


@pytest.mark.skipif(sys.platform == "win32", reason="pages are fenced by POSIX's mprotect")
@every_product
@every_type
def test_nothing_is_read_outside(name, dtype):
    _, arrange_a, arrange_b = PRODUCTS[name]
    for n, k, m in SHAPES:
        A, B = matrices(n, k, m, dtype)
        for behind in (True, False):
            C = fenced(np.full((n, m), 77, dtype), behind=behind)
            compiled(name)(fenced(arrange_a(A), behind=behind), fenced(arrange_b(B), behind=behind), C)
            assert_close(C, A, B)
            b = fenced(np.zeros(m, dtype), behind=behind)
            compiled("affine")(fenced(A, behind=behind), fenced(B, behind=behind), b, C)
            assert_close(C, A, B)
            compiled("sum_rows")(fenced(B, behind=behind), b)
            assert_close(b[None], np.ones((1, k), dtype), B)


@every_product
@every_type
def test_bits_do_not_depend_on_where_the_matrices_lie(name, dtype):
    _, arrange_a, arrange_b = PRODUCTS[name]
    for n, k, m in SHAPES:
        A, B = (arrange(X) for arrange, X in zip((arrange_a, arrange_b), matrices(n, k, m, dtype), strict=True))
        results = []
        for shift in (0, 1, 3):
            moved = [np.concatenate([np.zeros(shift, dtype), X.ravel()])[shift:].reshape(X.shape) for X in (A, B)]
            results.append(np.empty((n, m), dtype))
            compiled(name)(*moved, results[-1])
        np.testing.assert_array_equal(results[1], results[0])
        np.testing.assert_array_equal(results[2], results[0])


@pytest.mark.parametrize("wrong", ["order", "scale", "element"])
def test_a_wrong_product_is_caught(wrong):
    A, B = matrices(9, 7, 5)
    C = A @ B
    C = {"order": C[::-1], "scale": C * (1 + 1e-11), "element": C + 1e-10 * np.eye(9, 5)}[wrong]
    with pytest.raises(AssertionError):
        assert_close(C, A, B)


def test_importing_the_products_imports_no_numba():
    code = "import sys, backlit.kernels.matmul, backlit.kernels.gemm.symbols; sys.exit('numba' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_product_has_a_compiled_form():
    products = {f for f in vars(matmul).values() if getattr(f, "__module__", "") == matmul.__name__ and callable(f)}
    assert {*matmul.PRODUCTS} == products
    assert products <= substitutes.FUNCTIONS.keys()
    assert all(substitutes.find(entry) for entry in substitutes.FUNCTIONS.values())


UNDEFINED = """
import numba, numpy as np
from backlit.kernels.gemm.driver import product
A = np.eye(2)
numba.njit(lambda A: product(A, A, A))(A)
"""


def test_a_product_called_before_it_is_defined_says_so():
    done = subprocess.run([sys.executable, "-c", UNDEFINED], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert sys.platform == "win32" or done.returncode == -signal.SIGABRT
    assert "define_products(dtype)" in done.stderr
