"""Bootstrap samples of respondents, carried by sums of cross-products instead of rows.

A regression needs only X'WX, X'Wy and y'Wy, and each is a sum over respondents. So a bootstrap
sample of respondents is one weighted sum of their matrices, and 2,000 samples are one product of
counts and matrices (Efron and Tibshirani 1993, *An Introduction to the Bootstrap*, chapter 9, for
resampling cases; Field and Welsh 2007 for whole clusters).
Of very many respondents random groups are drawn in their place (:mod:`coprod.resampling`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coprod.design_based import SurveyDesign
from coprod.errors import ValidityError
from coprod.resampling import counts_drawn, random_groups
from coprod.triangle import AT_ONCE, some_rows

__all__ = ["crossproduct", "crossproducts", "eliminate", "resampled"]

Floats = NDArray[np.float64]

BATCH = 125
"""Draws at a time: few enough that their matrices stay in the processor's cache."""


def crossproduct(design: SurveyDesign, columns: ArrayLike) -> Floats:
    """Weighted cross-products of the columns, k × k.

    Examples
    --------
    >>> design = SurveyDesign(np.array([1.0, 3.0]), np.array([0, 1]), np.array([0, 0]))
    >>> crossproduct(design, [[1.0, 2.0], [1.0, 0.0]])
    array([[4., 2.],
           [2., 4.]])
    """
    values = np.asarray(columns, dtype=float)
    total = np.zeros((values.shape[1],) * 2)
    for rows in some_rows(len(values)):
        total += values[rows].T @ (values[rows] * design.weights[rows, None])
    return total


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
    values, root = np.asarray(columns, dtype=float), np.sqrt(design.weights)
    k = values.shape[1]
    first, second = np.triu_indices(k)
    pieces, done = np.empty((len(design.strata), len(first))), 0
    for rows, ends in design.parts(AT_ONCE):
        # The rows of each, filled up with zeros to as many as the longest has: one product for all.
        number = np.diff(ends)
        who = np.repeat(np.arange(len(number)), number)
        padded = np.zeros((len(number), number.max(), k))
        padded[who, np.arange(len(who)) - ends[who]] = values[rows] * root[rows, None]
        products = np.matmul(padded.transpose(0, 2, 1), padded)
        pieces[done : done + len(number)] = products[:, first, second]
        done += len(number)
    return pieces


def resampled(design: SurveyDesign, columns: ArrayLike, draws: int, seed: int) -> Iterator[Floats]:
    """Cross-product matrices of samples of respondents drawn again within their areas.

    Random groups of them, where there are very many (:mod:`coprod.resampling`).

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
    number, areas = random_groups(design.strata, seed)
    groups = SurveyDesign(design.weights, number[design.clusters], areas)
    pieces = crossproducts(groups, columns)
    k = np.asarray(columns).shape[1]
    first, second = np.triu_indices(k)
    for counts in counts_drawn(areas, draws, seed, BATCH):
        sums = counts @ pieces
        matrices = np.empty((len(counts), k, k))
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
