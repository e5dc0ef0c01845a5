"""A check of the pooled regressions: the linear mixed model with a random part per respondent.

The three rows of a respondent share what the model does not know of them. The regressions of
:mod:`coprod.correlates` allow for that in their errors; here it is a variance of its own, and its
share in what is left is the intraclass correlation. Areas and issues are fixed: five and three
are too few to estimate a variance from. Unweighted: a likelihood has no place for survey weights. Of
more than 10,000 respondents a random sample of as many is taken, and `sampled_from` says of how many
(:mod:`coprod.sampled`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import linalg, optimize, stats

from coprod.disclosure import counts_rounded, few_withheld
from coprod.errors import ValidityError
from coprod.panel import Panel
from coprod.regression import ModelMatrix, Regression
from coprod.sampled import sampled, with_size

__all__ = ["fit_mixed", "intraclass"]

Floats = NDArray[np.float64]

MOST = 1 - 1e-6
"""A share of the respondents in the variance above which nothing is left to estimate."""


@dataclass(frozen=True)
class _RandomIntercept:
    r"""The restricted likelihood of a random intercept, as a function of its share alone.

    With :math:`\lambda = \rho / (1 - \rho)` the inverse covariance of a respondent's m rows is
    :math:`I - \frac{\lambda}{1 + m\lambda} 11'`. So all that generalised least squares needs are
    the cross-products of the rows, and those of the respondents' sums by number of rows.
    """

    model: ModelMatrix

    @cached_property
    def _products(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Cross-products; numbers of rows, how many respondents have each, products of sums."""
        columns = np.column_stack([self.model.predictors, self.model.outcomes[:, 0]])
        sums = self.model.design.total(columns)
        rows = np.bincount(self.model.design.clusters)
        sizes, people = np.unique(rows, return_counts=True)
        between = np.stack([sums[rows == size].T @ sums[rows == size] for size in sizes])
        return columns.T @ columns, sizes.astype(float), people.astype(float), between

    def solve(self, share: float) -> tuple[Floats, Floats, float, float]:
        """Coefficients, their covariance, the residual variance, and -2 log likelihood."""
        products, sizes, people, between = self._products
        ratio = share / (1 - share)
        inside = products - np.tensordot(ratio / (1 + sizes * ratio), between, axes=1)
        factor = linalg.cho_factor(inside[:-1, :-1])
        value = linalg.cho_solve(factor, inside[:-1, -1])
        freedom = len(self.model.predictors) - len(value)
        variance = max(float(inside[-1, -1] - value @ inside[:-1, -1]), 0.0) / freedom
        if not variance > 1e-12 * products[-1, -1]:
            raise ValidityError(
                f"{self.model.forms[0]}: respondent and predictors account for the index of every "
                "row; no variance is left within respondents"
            )
        deviance = float(
            people @ np.log1p(sizes * ratio)
            + 2 * np.log(np.diagonal(factor[0])).sum()
            + freedom * (1 + np.log(2 * np.pi * variance))
        )
        return value, linalg.cho_solve(factor, np.eye(len(value))) * variance, variance, deviance

    def deviance(self, share: float) -> float:
        """-2 log restricted likelihood."""
        return self.solve(share)[3]

    @cached_property
    def share(self) -> float:
        """The share with the highest restricted likelihood: 0, or found between 0 and 1."""
        grid = np.append(np.linspace(0, 0.99, 34), MOST)
        best = int(np.argmin([self.deviance(share) for share in grid]))
        around = (grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)])
        found = optimize.minimize_scalar(
            self.deviance, bounds=around, method="bounded", options={"xatol": 1e-10}
        )
        share = float(found.x)
        if best == 0 and self.deviance(0.0) <= found.fun:
            share = 0.0
        if not found.success or share > MOST - 1e-4:
            raise ValidityError(
                f"{self.model.forms[0]}: the mixed model finds no variance within respondents; "
                "their rows are all but the same"
            )
        return share

    def interval(self) -> tuple[float, float]:
        """The shares whose likelihood is not below the best by more than chance (95 %)."""
        limit = self.deviance(self.share) + stats.chi2.isf(0.05, 1)

        def excess(share: float) -> float:
            return self.deviance(share) - limit

        low = 0.0 if excess(0.0) <= 0 else optimize.brentq(excess, 0.0, self.share, xtol=1e-12)
        high = 1.0 if excess(MOST) <= 0 else optimize.brentq(excess, self.share, MOST, xtol=1e-12)
        return float(low), float(high)


def _model(
    panel: Panel,
    form: str,
    references: Mapping[str, str] | None,
    without: Sequence[str],
) -> _RandomIntercept:
    model = ModelMatrix.of(panel, [form], None, False, references, without)
    _ = Regression(model).coefficients  # names a variable that follows from others
    if len(model.predictors) == len(model.design.strata):
        raise ValidityError(
            "issue: every respondent has one complete row; a mixed model needs respondents who "
            "answered on two issues or more"
        )
    return _RandomIntercept(model)


def fit_mixed(
    panel: Panel,
    form: str,
    references: Mapping[str, str] | None = None,
    without: Sequence[str] = (),
) -> pd.DataFrame:
    """Linear mixed model of an index on all correlates, with a random intercept per respondent.

    On the rows, predictors, areas and issues of the pooled, unweighted
    :func:`coprod.correlates.fit`, by restricted maximum likelihood, exact from cross-products
    (Pinheiro and Bates 2000, *Mixed-Effects Models in S and S-PLUS*, chapter 2). Intervals are
    those of t on respondents - 1, as elsewhere; errors take the variances as known. Equivalent in
    R: ``lme4::lmer(y ~ area + issue + age + … + (1 | respondent))``.

    Parameters
    ----------
    panel
        The panel, with at least two issues.
    form
        'individual' or 'collective'.
    references, without
        As in :func:`coprod.correlates.fit`.

    Returns
    -------
    DataFrame
        One row a coefficient, the intercept first: `term`, `term_label`, `level`, `label`,
        `block`, `reference`, `scale`, `estimate` (points of the index per SD, or from the
        reference), `standard_error`, `low`, `high` (95 %), `statistic` (t), `p`, `n` (rows),
        `clusters` (respondents).

    Raises
    ------
    ValidityError
        If nobody has two complete rows, if no variance is left within respondents, or as
        :func:`coprod.correlates.fit`.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> table = fit_mixed(open_panel(), "collective").set_index("term")
    >>> bool(table.loc["efficacy", "low"] > 0)
    True
    """
    whole, panel = panel, sampled(panel)
    fitted = _model(panel, form, references, without)
    model = fitted.model
    value, covariance, _, _ = fitted.solve(fitted.share)
    found = Regression(model).inference(value, np.sqrt(np.diagonal(covariance)))
    table = model.terms.drop(columns=["mean", "lonely"]).assign(
        estimate=value,
        **found,
        n=len(model.predictors),
        clusters=len(model.design.strata),
    )
    table = few_withheld(table, panel, model.terms["lonely"], ["estimate", *found])
    return with_size(counts_rounded(table, panel), whole)


def intraclass(
    panel: Panel,
    form: str,
    references: Mapping[str, str] | None = None,
    without: Sequence[str] = (),
) -> pd.DataFrame:
    """How alike a respondent's answers on different issues are, given all correlates.

    The share of the respondents in the variance that the model of :func:`fit_mixed` leaves, with
    the interval of its profiled restricted likelihood, which stays between 0 and 1. Equivalent in
    R: ``lme4::VarCorr(m)``; the interval from ``lmer(…, devFunOnly = TRUE)``.

    Parameters
    ----------
    panel, form, references, without
        As in :func:`fit_mixed`.

    Returns
    -------
    DataFrame
        One row: `form`, `variance_respondent`, `variance_residual` (points²), `icc`, `icc_low`,
        `icc_high` (95 %), `n` (rows), `clusters` (respondents). Where respondents' rows are no
        more alike than those of others, the variance, `icc` and `icc_low` are 0.

    Raises
    ------
    ValidityError
        As :func:`fit_mixed`.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> intraclass(open_panel(), "collective")["icc"].round(2).item()
    0.36
    """
    whole, panel = panel, sampled(panel)
    fitted = _model(panel, form, references, without)
    share = fitted.share
    low, high = fitted.interval()
    residual = fitted.solve(share)[2]
    table = pd.DataFrame(
        [
            {
                "form": form,
                "variance_respondent": residual * share / (1 - share),
                "variance_residual": residual,
                "icc": share,
                "icc_low": low,
                "icc_high": high,
                "n": len(fitted.model.predictors),
                "clusters": len(fitted.model.design.strata),
            }
        ]
    )
    return with_size(counts_rounded(table, panel), whole)
