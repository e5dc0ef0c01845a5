"""Fractional logit of an index between 0 and 100: a check that knows the floor and the ceiling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coprod.cumulative import CumulativeLink, average_effects, delta_method, joint_covariance
from coprod.disclosure import counts_rounded, few_withheld
from coprod.panel import Panel
from coprod.regression import ModelMatrix, Regression
from coprod.sampled import sampled, with_size

__all__ = ["fit_fractional", "fit_share"]


def fit_share(model: ModelMatrix, share: NDArray[np.float64]) -> CumulativeLink:
    """The quasi-likelihood fit of a share (0-1) on the columns of a matrix.

    It is that of a binary outcome: weight y on 1, 1 - y on 0. statsmodels' GLM gives the same, but
    a coefficient without a bound counts as converged there. The first half of the rows of the fit
    are those of 1, the second half those of 0.
    """
    n, weights = len(model.predictors), model.design.weights
    return CumulativeLink(
        np.repeat([1, 0], n),
        np.tile(model.predictors[:, 1:], (2, 1)),
        np.concatenate([weights * share, weights * (1 - share)]),
        model.terms["term"].tolist()[1:],
    )


def fit_fractional(
    panel: Panel,
    form: str,
    issue: str | None = None,
    weighted: bool = True,
    references: Mapping[str, str] | None = None,
    without: Sequence[str] = (),
) -> pd.DataFrame:
    r"""Fractional logit of the index on all correlates, errors clustered by respondent.

    The mean of index/100 is :math:`1/(1 + e^{-xb})`, fitted by the quasi-likelihood of a share
    (Papke and Wooldridge 1996, *Journal of Applied Econometrics* 11, 619-632): no prediction lies
    outside 0 to 100, and only the mean need be right. The rows and columns of
    :func:`coprod.correlates.fit`. Average marginal effects by the delta method, rows taken as
    known. Equivalent in R: ``glm(y / 100 ~ area + …, quasibinomial, weights = weight)`` with
    ``sandwich::vcovCL(m, ~respondent, type = "HC1")`` and ``marginaleffects::avg_slopes``.

    Parameters
    ----------
    panel
        The panel.
    form, issue, weighted, references, without
        As in :func:`coprod.correlates.fit`.

    Returns
    -------
    DataFrame
        One row a coefficient (the intercept has no effect, and no row): `term`, `term_label`,
        `level`, `label`, `block`, `reference`, `scale`, `coefficient` (log odds, per SD or from
        the reference), `coefficient_standard_error`, `estimate` (average marginal effect in points
        of the index, per SD or from the reference), `standard_error`, `low`, `high` (95 %),
        `statistic` (t), `p`, `n` (rows), `clusters` (respondents). The error of a level that one
        respondent has is NaN.

    Raises
    ------
    ValidityError
        If the index of all who share a level is 0 or 100, so that its coefficient has no bound, or
        as :func:`coprod.correlates.fit`.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> table = fit_fractional(open_panel(), "collective").set_index("term")
    >>> table.loc[["informed", "consulted", "efficacy"], "estimate"].idxmax()
    'efficacy'
    """
    whole, panel = panel, sampled(panel)
    regression = Regression(ModelMatrix.of(panel, [form], issue, weighted, references, without))
    model = regression.model
    _ = regression.coefficients  # names the variable that follows from others
    n = len(model.predictors)
    fit = fit_share(model, model.outcomes[:, 0] / 100)
    covariance = joint_covariance(model.design, [fit.influence[:n] + fit.influence[n:]])
    effects, jacobian = average_effects(model, fit.parameters)
    table = model.terms.iloc[1:].reset_index(drop=True)
    lonely = table["lonely"].to_numpy()
    error = np.sqrt(np.diagonal(covariance))[: len(lonely)]
    value = 100 * effects[:, 0]
    table = table.drop(columns=["mean", "lonely"]).assign(
        coefficient=fit.slopes,
        coefficient_standard_error=np.where(lonely, np.nan, error),
        estimate=value,
        **regression.inference(value, 100 * delta_method(jacobian, covariance, lonely)[:, 0]),
        n=n,
        clusters=len(model.design.strata),
    )
    table = few_withheld(table, panel, lonely, ["coefficient", "estimate"])
    return with_size(counts_rounded(table, panel), whole)
