"""Bootstrap samples of respondents, carried by sums of cross-products instead of rows.

A regression needs only X'WX, X'Wy and y'Wy, and each is a sum over respondents. So a bootstrap
sample of respondents is one weighted sum of their matrices, and 2,000 samples are one product of
counts and matrices (Efron and Tibshirani 1993, *An Introduction to the Bootstrap*, chapter 9, for
resampling cases; Field and Welsh 2007 for whole clusters).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coprod.design_based import SurveyDesign
from coprod.errors import ValidityError

__all__ = ["crossproducts", "eliminate", "resampled"]

Floats = NDArray[np.float64]

BATCH = 125
"""Draws at a time: few enough that their matrices stay in the processor's cache."""


def crossproducts(design: SurveyDesign, columns: ArrayLike) -> Floats:
    """Weighted cross-products of the columns, summed over each respondent's rows.

    Returns
    -------
    ndarray
        Respondents × k(k+1)/2: the upper triangle of each matrix, row by row.

    Examples
    --------
    >>> design = SurveyDesign(np.ones(2), np.array([0, 0]), np.array([0]))
    >>> crossproducts(design, [[1.0, 2.0], [1.0, 4.0]])
    array([[ 2.,  6., 20.]])
    """
    values = np.asarray(columns, dtype=float)
    first, second = np.triu_indices(values.shape[1])
    return design.total(values[:, first] * (values * design.weights[:, None])[:, second])


def resampled(design: SurveyDesign, columns: ArrayLike, draws: int, seed: int) -> Iterator[Floats]:
    """Cross-product matrices of samples of respondents drawn again within their areas.

    Parameters
    ----------
    design
        Weights, respondents and areas of the rows.
    columns
        n × k.
    draws
        How many samples.
    seed
        Of the draws.

    Yields
    ------
    ndarray
        Some draws × k × k at a time.

    Raises
    ------
    ValidityError
        If there are fewer than two draws.

    Examples
    --------
    >>> design = SurveyDesign(np.ones(4), np.arange(4), np.array([0, 0, 1, 1]))
    >>> next(resampled(design, np.ones((4, 1)), draws=2, seed=1)).ravel()
    array([4., 4.])
    """
    if draws < 2:
        raise ValidityError(f"draws: {draws} is too few; a bootstrap needs at least 2")
    pieces = crossproducts(design, columns)
    k = np.asarray(columns).shape[1]
    first, second = np.triu_indices(k)
    members = [np.flatnonzero(design.strata == area) for area in np.unique(design.strata)]
    generator = np.random.default_rng(seed)
    for start in range(0, draws, BATCH):
        now = min(BATCH, draws - start)
        counts = np.zeros((now, len(design.strata)))
        for people in members:
            drawn = generator.integers(0, len(people), size=(now, len(people)))
            drawn += np.arange(now)[:, None] * len(people)
            often = np.bincount(drawn.ravel(), minlength=now * len(people))
            counts[:, people] = often.reshape(now, -1)
        sums = counts @ pieces
        matrices = np.empty((now, k, k))
        matrices[:, first, second] = sums
        matrices[:, second, first] = sums
        yield matrices


def eliminate(matrices: Floats, count: int) -> Floats:
    """What is left of cross-products when the first `count` variables are partialled out.

    Gaussian elimination with the variables one by one (the sweep operator; Goodnight 1979). A
    variable that follows from those before it, as a category that a bootstrap sample happens to
    lack, changes nothing.

    Parameters
    ----------
    matrices
        ... × k × k, symmetric, with diagonals of about 1 where a variable varies.
    count
        How many to partial out.

    Returns
    -------
    ndarray
        ... × (k - count) × (k - count).

    Examples
    --------
    >>> eliminate(np.array([[1.0, 0.5], [0.5, 1.0]]), 1)
    array([[0.75]])
    """
    for _ in range(count):
        pivot = matrices[..., :1, :1]
        with np.errstate(divide="ignore"):
            inverse = np.where(pivot > 1e-10, 1 / pivot, 0.0)
        row = matrices[..., :1, 1:]
        matrices = matrices[..., 1:, 1:] - np.swapaxes(row, -1, -2) * (row * inverse)
    return matrices
