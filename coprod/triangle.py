"""Matrices of many rows: put together by columns, and the triangle R of their QR decomposition.

R of all rows is R of those of its parts, one below the other (Golub and Van Loan 2013, *Matrix
Computations*, section 5.2). So Q, which is as large as the matrix, is never made, and nothing is
squared, as it would be in cross-products.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["AT_ONCE", "beside", "some_rows", "triangle"]

Floats = NDArray[np.float64]

AT_ONCE = 8_192
"""Rows that are taken together: few enough to stay in the processor's cache."""


def beside(columns: Sequence[NDArray[Any]]) -> Floats:
    """Columns as one matrix, stored column by column, as they are made.

    Examples
    --------
    >>> beside([np.ones((2, 1)), np.zeros((2, 2))])
    array([[1., 0., 0.],
           [1., 0., 0.]])
    """
    matrix = np.empty((len(columns[0]), sum(part.shape[1] for part in columns)), order="F")
    done = 0
    for part in columns:
        matrix[:, done : done + part.shape[1]] = part
        done += part.shape[1]
    return matrix


def some_rows(rows: int) -> Iterator[slice]:
    """All rows, some at a time.

    Examples
    --------
    >>> list(some_rows(10_000))
    [slice(0, 8192, None), slice(8192, 10000, None)]
    """
    for start in range(0, rows, AT_ONCE):
        yield slice(start, min(start + AT_ONCE, rows))


def triangle(parts: Iterable[Floats]) -> Floats:
    """R of a matrix that is given some rows at a time.

    Parameters
    ----------
    parts
        Its rows, k columns each.

    Returns
    -------
    ndarray
        k × k, upper triangular (fewer rows where the matrix has fewer than k).

    Examples
    --------
    >>> r = triangle([np.array([[3.0, 0.0]]), np.array([[4.0, 5.0]])])
    >>> (r.T @ r).round(9).tolist()
    [[25.0, 20.0], [20.0, 25.0]]
    """
    found: Floats | None = None
    for part in parts:
        below = part if found is None else np.vstack([found, part])
        found = np.asarray(np.linalg.qr(below, mode="r"))
    if found is None:
        raise ValueError("a matrix needs at least one row")
    return found
