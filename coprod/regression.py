"""Weighted linear regression of the indices, with errors clustered by respondent.

Errors are those of ``sandwich::vcovCL(type = "HC1")`` and ``clubSandwich::vcovCR(type = "CR1S")``:
G/(G-1) · (n-1)/(n-k), t on G-1, Wald tests as F(q, G-1), for G respondents, n rows and k
coefficients. Only k × k matrices are kept: rows are taken some at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse, stats

from coprod.errors import ValidityError
from coprod.model_matrix import BLOCKS, PERCEPTIONS, ModelMatrix
from coprod.triangle import AT_ONCE, triangle

__all__ = [
    "BLOCKS",
    "DEPENDENT",
    "PERCEPTIONS",
    "ModelMatrix",
    "Regression",
    "Wald",
    "clustered",
    "of_difference",
    "wald",
]

Floats = NDArray[np.float64]

DEPENDENT = 1e-9
"""A column is a combination of those before it when less than this share of it is left."""


@dataclass(frozen=True)
class Wald:
    """A robust Wald test: F, its degrees of freedom, p. NaN where nothing can be tested."""

    statistic: float
    df: int
    df_residual: int
    p: float

    def row(self) -> dict[str, float]:
        """The test as columns of a table."""
        return dict(vars(self))


def wald(value: Floats, covariance: Floats, df_residual: int) -> Wald:
    """Test that all of `value` (q) is zero: value' covariance⁻¹ value / q as F(q, df_residual).

    In R: ``clubSandwich::Wald_test(test = "Naive-F")``.

    Examples
    --------
    >>> wald(np.array([2.0]), np.array([[1.0]]), 100).statistic
    4.0
    """
    q = len(value)
    if not q:
        return Wald(np.nan, 0, df_residual, np.nan)
    distance = np.linalg.solve(covariance, value)
    statistic = float(value @ distance) / q
    return Wald(statistic, q, df_residual, float(stats.f.sf(statistic, q, df_residual)))


def clustered(sums: Floats, rows: int) -> Floats:
    """Covariance of estimates from the sums of their influence over each cluster.

    G/(G-1) · (n-1)/(n-k) times the squared sums, for G clusters, n `rows` and k estimates.

    Examples
    --------
    >>> clustered(np.array([[1.0], [-2.0], [1.0]]), rows=3)
    array([[9.]])
    """
    g, k = sums.shape
    return np.asarray(sums.T @ sums * correction(g, rows, k))


def correction(clusters: int, rows: int, estimates: int) -> float:
    """G/(G-1) · (n-1)/(n-k), by which squared sums of influence over clusters are multiplied."""
    return clusters / (clusters - 1) * (rows - 1) / (rows - estimates)


def of_difference(joint: Floats) -> Floats:
    """Covariance of the first half of some estimates less the second, from that of all of them.

    Examples
    --------
    >>> of_difference(np.array([[3.0, 1.0], [1.0, 2.0]]))
    array([[3.]])
    """
    k = len(joint) // 2
    return joint[:k, :k] + joint[k:, k:] - joint[:k, k:] - joint[k:, :k]


@dataclass(frozen=True)
class Regression:
    """The weighted least-squares fit of each outcome of a matrix on the same predictors.

    Parameters
    ----------
    model
        The rows.
    columns
        Which columns enter; all by default.

    Raises
    ------
    ValidityError
        If a column is a combination of those before it; the message names the variable.
    """

    model: ModelMatrix
    columns: NDArray[np.intp] | None = None

    @cached_property
    def predictors(self) -> Floats:
        """The columns that entered, n × k."""
        every, chosen = self.model.predictors, self.columns
        if chosen is None:
            return every
        # A run from the first needs no copy.
        first = np.array_equal(chosen, np.arange(len(chosen)))
        return every[:, : len(chosen)] if first else every[:, chosen]

    @cached_property
    def _triangle(self) -> Floats:
        """R of the weighted predictors, with that of the weighted outcomes beside it: k × (k + m)."""
        k, _ = self._shape
        r = self.model.triangle
        if self.columns is not None:
            outcomes = np.arange(self.model.predictors.shape[1], r.shape[1])
            r = triangle([r[:, [*self.columns, *outcomes]]])
        left = np.abs(np.diagonal(r)[:k]) / np.linalg.norm(r[:, :k], axis=0)
        if (left < DEPENDENT).any():
            self._refuse(r[:, :k], int(np.argmax(left < DEPENDENT)))
        return r[:k]

    @property
    def _shape(self) -> tuple[int, int]:
        return self.predictors.shape[1], self.model.outcomes.shape[1]

    def _refuse(self, r: Floats, at: int) -> None:
        """Say which column follows from which others."""
        terms = self.model.terms
        terms = terms if self.columns is None else terms.iloc[self.columns]
        made = np.linalg.lstsq(r[:, :at], r[:, at], rcond=None)[0]
        others = terms["term"].iloc[np.flatnonzero(np.abs(made) > 1e-6)].unique()
        by = ", ".join(name for name in others if name != "intercept")
        raise ValidityError(
            f"{terms['term'].iloc[at]}: follows exactly from {by}, so that their coefficients "
            "cannot be told apart; leave one out"
        )

    @cached_property
    def coefficients(self) -> Floats:
        """Predictors × outcomes, in points."""
        k, _ = self._shape
        return np.asarray(linalg.solve_triangular(self._triangle[:, :k], self._triangle[:, k:]))

    @cached_property
    def covariance(self) -> Floats:
        """Clustered covariance of the coefficients of all outcomes, one after the other: mk × mk.

        As if the outcomes were stacked and interacted with everything. NaN for a lonely level.
        """
        k, m = self._shape
        inverse = linalg.solve_triangular(self._triangle[:, :k], np.eye(k))
        bread = inverse @ inverse.T
        design, products = self.model.design, np.zeros((m * k, m * k))
        for rows, ends in design.parts(AT_ONCE):
            x = self.predictors[rows]
            residuals = self.model.outcomes[rows] - x @ self.coefficients
            left = residuals * design.weights[rows, None]
            scores = np.concatenate([x * e[:, None] for e in left.T], axis=1)
            places = np.arange(len(scores))
            add = sparse.csr_array((np.ones(len(scores)), places, ends), (len(ends) - 1, len(x)))
            sums = add @ scores
            influence = np.concatenate(
                [sums[:, place : place + k] @ bread for place in range(0, m * k, k)], axis=1
            )
            products += influence.T @ influence
        covariance = products * correction(len(design.strata), m * len(design.weights), m * k)
        lonely = self.model.terms["lonely"].to_numpy()
        lonely = np.tile(lonely if self.columns is None else lonely[self.columns], m)
        covariance[lonely, :] = np.nan
        covariance[:, lonely] = np.nan
        return covariance

    @property
    def df_residual(self) -> int:
        """Respondents less one."""
        return len(self.model.design.strata) - 1

    def inference(self, value: Floats, standard_error: Floats) -> dict[str, Floats]:
        """Standard errors, 95 % intervals, t and p as columns of a table."""
        margin = stats.t.isf(0.025, self.df_residual) * standard_error
        with np.errstate(divide="ignore", invalid="ignore"):
            statistic = value / standard_error
        return {
            "standard_error": standard_error,
            "low": value - margin,
            "high": value + margin,
            "statistic": statistic,
            "p": np.asarray(2 * stats.t.sf(np.abs(statistic), self.df_residual)),
        }
