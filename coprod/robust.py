"""Least squares with errors that do not ask for equal variances."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from coprod.errors import ValidityError
from coprod.regression import DEPENDENT, clustered
from coprod.triangle import some_rows, triangle

__all__ = ["least_squares"]

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]


def least_squares(
    outcome: Floats, predictors: Floats, weights: Floats, clusters: Codes | None = None
) -> tuple[Floats, Floats, int]:
    """Weighted least squares with the HC2 covariance, or clustered.

    Parameters
    ----------
    outcome
        n.
    predictors
        n × k.
    weights
        n, above zero.
    clusters
        The cluster of each row, numbered from 0, for G/(G-1) · (n-1)/(n-k) as in CR1S.

    Returns
    -------
    coefficients : ndarray
        k.
    covariance : ndarray
        k × k. In R: ``estimatr::lm_robust(se_type = "HC2")``, or ``"stata"`` with clusters.
    df : int
        n - k, or clusters - 1.

    Raises
    ------
    ValidityError
        If there are not more rows than columns, a column follows from others, or a row has a
        leverage of 1, so that its residual is zero whatever was observed.

    Examples
    --------
    >>> treated = np.array([0.0, 0, 0, 1, 1, 1])
    >>> outcome = np.array([1.0, 2, 3, 2, 4, 6])
    >>> design = np.column_stack([np.ones(6), treated])
    >>> value, covariance, df = least_squares(outcome, design, np.ones(6))
    >>> value[1].round(9), covariance[1, 1].round(9), df  # the variance is 1/3 + 4/3
    (np.float64(2.0), np.float64(1.666666667), 4)
    """
    n, k = predictors.shape
    if n <= k:
        raise ValidityError(
            f"the comparison has {k} coefficients and {n} people; it needs more people than "
            "coefficients"
        )
    root = np.sqrt(weights)[:, None]

    def scaled(rows: slice) -> tuple[Floats, Floats]:
        return predictors[rows] * root[rows], outcome[rows, None] * root[rows]

    both = triangle(np.hstack(scaled(rows)) for rows in some_rows(n))
    r = both[:k, :k]
    if (np.abs(np.diagonal(r)) < DEPENDENT * np.linalg.norm(r, axis=0)).any():
        raise ValidityError(
            "a column of the comparison follows from others: a group is empty, or a covariate says "
            "the same as the strata or as another"
        )
    coefficients = linalg.solve_triangular(r, both[:k, k])
    # Of the orthogonal columns q = x / r, since their squares are the leverage.
    g = 0 if clusters is None else int(clusters.max()) + 1
    sums, products, pinned = np.zeros((g, k)), np.zeros((k, k)), 0
    for rows in some_rows(n):
        x, y = scaled(rows)
        q = linalg.solve_triangular(r, x.T, trans="T", check_finite=False).T
        influence = q * (y - x @ coefficients[:, None])
        if clusters is not None:
            np.add.at(sums, clusters[rows], influence)
            continue
        leverage = (q**2).sum(axis=1)
        pinned += int((leverage > 1 - DEPENDENT).sum())
        with np.errstate(divide="ignore", invalid="ignore"):
            influence /= np.sqrt(1 - leverage)[:, None]
        products += influence.T @ influence
    if pinned:
        raise ValidityError(
            f"{pinned} of {n} people have a leverage of 1: nobody "
            "is like them in stratum, group and covariates, so that no error can be estimated"
        )
    inverse = linalg.solve_triangular(r, np.eye(k))
    if clusters is not None:
        return coefficients, inverse @ clustered(sums, n) @ inverse.T, g - 1
    return coefficients, inverse @ products @ inverse.T, n - k
