"""Polychoric correlations: how two ordered answers go together behind their few categories."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from scipy.optimize import minimize_scalar

from coprod.design_based import numbers
from coprod.errors import ValidityError

__all__ = ["bivariate_normal", "polychoric", "polychoric_matrix"]

Floats = NDArray[np.float64]

LARGEST = 0.9999
"""Where the search for a correlation ends, as `maxcor` of R's polycor."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(40)


def bivariate_normal(x: ArrayLike, y: ArrayLike, correlation: float) -> Floats:
    r"""Probability that two standard normals stay below `x` and `y`.

    .. math:: \Phi(x)\Phi(y) + \frac{1}{2\pi} \int_0^{\arcsin\rho}
              \exp\left(-\frac{x^2 + y^2 - 2xy\sin\theta}{2\cos^2\theta}\right) d\theta

    by Gauss-Legendre quadrature (Drezner and Wesolowsky 1990, *J. Stat. Comput. Simul.* 35,
    101-107): many limits at once, where ``scipy.stats.multivariate_normal`` takes one at a time.

    Parameters
    ----------
    x, y
        Finite limits, broadcast against each other.
    correlation
        Above -1 and below 1; absolute error below 1e-12 up to 0.95.

    Examples
    --------
    >>> round(float(bivariate_normal(0, 0, 0.5)), 10)  # 1/4 + arcsin(0.5) / (2 pi) = 1/3
    0.3333333333
    """
    first, second = np.asarray(x, dtype=float)[..., None], np.asarray(y, dtype=float)[..., None]
    half = np.arcsin(correlation) / 2
    angle = half * (_NODES + 1)
    distance = first**2 + second**2 - 2 * first * second * np.sin(angle)
    density = np.exp(-distance / (2 * np.cos(angle) ** 2))
    independent = stats.norm.cdf(first[..., 0]) * stats.norm.cdf(second[..., 0])
    return np.asarray(independent + half * (density @ _WEIGHTS) / (2 * np.pi))


def polychoric(x: ArrayLike, y: ArrayLike) -> float:
    """Two-step polychoric correlation of two ordered variables.

    The thresholds come from the margins of the table of both, the correlation then maximises the
    likelihood of that table under a bivariate normal (Olsson 1979, *Psychometrika* 44, 443-460).
    Respondents who left out either answer are left out. Unweighted. Equivalent in R:
    ``polycor::polychor(x, y, ML = FALSE)``, whose own search stops at about 1e-4.

    Parameters
    ----------
    x, y
        Ordered answers as numbers, of equal length; NaN where missing. A Series' name is used in
        messages.

    Returns
    -------
    float
        Between -0.9999 and 0.9999.

    Raises
    ------
    ValidityError
        If the lengths differ, or either variable has fewer than two answers among respondents who
        gave both.

    Examples
    --------
    >>> round(polychoric([0, 0, 1, 1, 2, 2, 0, 1, 2, 1], [0, 1, 1, 1, 2, 2, 0, 0, 1, 2]), 3)
    0.782
    """
    sides = [np.asarray(pd.Series(side), dtype=float) for side in (x, y)]
    if len(sides[0]) != len(sides[1]):
        raise ValidityError(
            f"polychoric: two variables of one length are needed, not {len(sides[0])} and "
            f"{len(sides[1])}"
        )
    both = ~np.isnan(sides[0]) & ~np.isnan(sides[1])
    names = [getattr(x, "name", None) or "first", getattr(y, "name", None) or "second"]
    # A variable without answers of its own is to blame before one that lost them to the other.
    for rows, who in ((~np.isnan(sides), ""), ([both, both], " among those who gave both")):
        for side, row, name in zip(sides, rows, names, strict=True):
            if (found := len(np.unique(side[row]))) < 2:
                raise ValidityError(
                    f"{name}: a polychoric correlation needs at least two different answers, "
                    f"found {found}{who}"
                )
    codes, thresholds = [], []
    for side in sides:
        _, code, counts = np.unique(side[both], return_inverse=True, return_counts=True)
        codes.append(code)
        thresholds.append(stats.norm.ppf(np.cumsum(counts)[:-1] / both.sum()))
    shape = tuple(len(cuts) + 1 for cuts in thresholds)
    table = np.bincount(np.ravel_multi_index(codes, shape), minlength=shape[0] * shape[1])
    table = table.reshape(shape)
    down, across = thresholds
    # The distribution at the borders of the table does not depend on the correlation.
    below = np.zeros((shape[0] + 1, shape[1] + 1))
    below[1:, -1] = np.append(stats.norm.cdf(down), 1.0)
    below[-1, 1:] = np.append(stats.norm.cdf(across), 1.0)

    def surprise(correlation: float) -> float:
        below[1:-1, 1:-1] = bivariate_normal(down[:, None], across[None, :], correlation)
        cells = np.diff(np.diff(below, axis=0), axis=1)
        return -float((table * np.log(np.maximum(cells, 1e-300))).sum())

    best = minimize_scalar(
        surprise, bounds=(-LARGEST, LARGEST), method="bounded", options={"xatol": 1e-8}
    )
    return float(best.x)


def polychoric_matrix(frame: pd.DataFrame) -> pd.DataFrame:
    """Polychoric correlations of every pair of columns, each on the respondents who gave both.

    Parameters
    ----------
    frame
        Ordered answers as numbers, one column a variable.

    Returns
    -------
    DataFrame
        Symmetric, ones on the diagonal, labelled by the columns. Pairwise, so not always positive
        definite.

    Raises
    ------
    ValidityError
        As :func:`polychoric`, by the name of the column.

    Examples
    --------
    >>> answers = pd.DataFrame({"a": [0, 0, 1, 1, 2, 2, 0, 1], "b": [0, 1, 1, 1, 2, 2, 0, 0]})
    >>> polychoric_matrix(answers).round(2).loc["a", "b"]
    np.float64(0.91)
    """
    names = [str(column) for column in frame.columns]
    values = numbers(frame, names)
    matrix = np.eye(len(names))
    for first, second in combinations(range(len(names)), 2):
        matrix[first, second] = matrix[second, first] = polychoric(
            pd.Series(values[:, first], name=names[first]),
            pd.Series(values[:, second], name=names[second]),
        )
    return pd.DataFrame(matrix, index=names, columns=names)
