"""The matrix products of a dense layer, forward and backward, and the sum of rows that is its bias's gradient.

Plain mode runs these, by NumPy's `matmul`. Compiled code calls the functions of `gemm.driver` in their place (the
table is in `engine/compiled/substitutes.py`). All matrices are C-contiguous and of one float type, but for the first of
`product` and `product_nt`, whose rows may lie apart. Any size may be zero, and the sum over nothing is 0.
"""

from typing import Any

import numpy as np

Matrix = np.ndarray[Any, np.dtype[np.floating[Any]]]


def product(A: Matrix, B: Matrix, C: Matrix) -> None:
    """Write C = A B, of shapes (n, k), (k, m), (n, m).

    >>> C = np.empty((1, 1))
    >>> product(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]), C)
    >>> C
    array([[11.]])
    """
    np.matmul(A, B, out=C)


def affine(A: Matrix, B: Matrix, b: Matrix, C: Matrix) -> None:
    """Write C = A B + b, of shapes (n, k), (k, m), (m,), (n, m), b added to every row; an empty b is left out.

    >>> C = np.empty((1, 1))
    >>> affine(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]), np.array([0.5]), C)
    >>> C
    array([[11.5]])
    """
    product(A, B, C)
    if b.size:
        C += b


def product_tn(A: Matrix, B: Matrix, C: Matrix) -> None:
    """Write C = A^T B, of shapes (n, k), (n, m), (k, m): the gradient of a dense layer's weights is X^T dZ.

    >>> C = np.empty((2, 1))
    >>> product_tn(np.array([[1.0, 2.0]]), np.array([[3.0]]), C)
    >>> C
    array([[3.],
           [6.]])
    """
    np.matmul(A.T, B, out=C)


def product_nt(A: Matrix, B: Matrix, C: Matrix) -> None:
    """Write C = A B^T, of shapes (n, k), (m, k), (n, m): the gradient of a dense layer's input is dZ W^T.

    >>> C = np.empty((1, 1))
    >>> product_nt(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]]), C)
    >>> C
    array([[11.]])
    """
    np.matmul(A, B.T, out=C)


def sum_rows(A: Matrix, total: Matrix) -> None:
    """Write the sum of the rows of A (n, m) into `total` (m,): the gradient of a dense layer's bias.

    >>> total = np.empty(2)
    >>> sum_rows(np.array([[1.0, 2.0], [3.0, 4.0]]), total)
    >>> total
    array([4., 6.])
    """
    total[:] = 0.0
    for row in A:
        total += row


PRODUCTS = (product, affine, product_tn, product_nt, sum_rows)
"""All of them: compiled code that calls one needs the compiled matrix product to be defined."""
