"""The coefficient of self-efficacy under every specification: the fits behind the curve.

See :mod:`coprod.specifications` for what varies. Each fit is that of the book's own functions:
:func:`coprod.correlates.fit`, :func:`coprod.fractional.fit_fractional`, and the ordered logit of
:mod:`coprod.cumulative`, of a panel that has some people less.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from coprod import imputation
from coprod.cache import remembered
from coprod.codings import codings, item_weights
from coprod.cumulative import CumulativeLink, average_effects, joint_covariance
from coprod.disclosure import counts_rounded
from coprod.errors import ValidityError
from coprod.fractional import fit_share
from coprod.ordered import steps
from coprod.panel import Panel
from coprod.parallel import Workers, run
from coprod.pooling import combine
from coprod.regression import ModelMatrix, Regression, clustered
from coprod.specifications import (
    CONTROLS,
    FORM,
    TERM,
    checked,
    choices,
    complete,
    only,
    specifications,
    without_outliers,
)

__all__ = ["efficacy_curve"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Fits:
    """All specifications of one set of people and weights: a matrix and its codings."""

    model: ModelMatrix
    blocks: NDArray[np.str_]
    outcomes: pd.DataFrame
    steps: dict[str, int]

    @classmethod
    def of(cls, panel: Panel, weighted: bool, weights: Floats) -> _Fits:
        model = ModelMatrix.of(panel, [FORM], weighted=weighted)
        _ = Regression(model).coefficients  # names the variable that follows from others
        outcomes = codings(panel, weights)[complete(panel, weighted)]
        items = len(panel.instrument.stems(FORM))
        steps = {"mean": items * max(panel.instrument.answers), "count": items}
        return cls(model, model.terms["block"].to_numpy(str), outcomes, steps)

    def estimate(self, coding: str, model: str, controls: str) -> tuple[float, float]:
        """The effect and its standard error, in SD of the outcome.

        Numbers are standardised, so that the predictor's SD is 1.
        """
        outcome, weights = self.outcomes[coding].to_numpy(), self.model.design.weights
        mean = weights @ outcome / weights.sum()
        spread = float(np.sqrt(weights @ (outcome - mean) ** 2 / weights.sum()))
        if spread < 1e-9:
            raise ValidityError(f"{coding}: the outcome is the same for everybody; nothing varies")
        columns = np.flatnonzero(np.isin(self.blocks, ["intercept", *CONTROLS[controls][1], TERM]))
        if model == "linear":
            value, error = self._linear(self.model.predictors[:, columns], outcome)
        else:
            part = replace(
                self.model,
                terms=self.model.terms.iloc[columns].reset_index(drop=True),
                predictors=self.model.predictors[:, columns],
            )
            count = self.steps[coding] if model == "ordered" else 1
            value, error = _average_effect(part, outcome, count)
        return value / spread, error / spread

    def _linear(self, columns: Floats, outcome: Floats) -> tuple[float, float]:
        """What :class:`coprod.regression.Regression` gives of the last column alone."""
        design, controls = self.model.design, columns[:, :-1]
        both = np.column_stack([columns[:, -1], outcome])
        carried = controls.T @ (design.weights[:, None] * np.column_stack([controls, both]))
        k = controls.shape[1]
        left = both - controls @ np.linalg.solve(carried[:, :k], carried[:, k:])
        moving = design.weights * left[:, 0]
        value = float(moving @ left[:, 1] / (moving @ left[:, 0]))
        residual = left[:, 1] - value * left[:, 0]
        sums = design.total(moving * residual)[:, None] / (moving @ left[:, 0])
        rows = len(residual)
        # `clustered` counts one estimate, where the regression has k + 1.
        variance = float(clustered(sums, rows)[0, 0]) * (rows - 1) / (rows - k - 1)
        return value, float(np.sqrt(variance))


def _average_effect(part: ModelMatrix, outcome: Floats, count: int) -> tuple[float, float]:
    """Average marginal effect on the expected outcome and its error, by the delta method.

    Of the ordered logit of so many equal steps, or of the logit of a share where there is one.
    """
    if count > 1:
        levels = np.unique(np.rint(outcome / 100 * count)) * 100 / count
        names, weights = part.terms["term"].tolist()[1:], part.design.weights
        fit = CumulativeLink(steps(outcome, count), part.predictors[:, 1:], weights, names)
        influence = fit.influence
    else:
        levels = np.array([0.0, 100.0])
        fit = fit_share(part, outcome / 100)
        influence = fit.influence[: len(outcome)] + fit.influence[len(outcome) :]
    effects, jacobian = average_effects(part, fit.parameters, term=TERM)
    # The expected outcome: the lowest level, and each step up times the chance to take it.
    gaps = np.diff(levels)
    slope = gaps @ jacobian[0]
    known = np.ones(len(slope), dtype=bool)
    known[: len(part.terms) - 1] = ~part.terms["lonely"].to_numpy(bool)[1:]
    covariance = joint_covariance(part.design, [influence])[np.ix_(known, known)]
    return float(effects[0] @ gaps), float(np.sqrt(slope[known] @ covariance @ slope[known]))


def _fit_panel(panel: Panel, table: pd.DataFrame, weights: Floats) -> pd.DataFrame:
    """Estimate, error, rows, respondents and fault of each specification on one panel."""
    found: list[dict[str, object]] = []
    for outliers, everybody in table.groupby("outliers", sort=False):
        usual = without_outliers(panel) if outliers == "trimmed" else panel
        for area, here in everybody.groupby("area", sort=False):
            part = usual if area == "none" else only(usual, usual.frame["area"].ne(area).to_numpy())
            for scheme, same in here.groupby("weights", sort=False):
                found += _fit_people(part, scheme == "weighted", same, weights)
    return pd.DataFrame(found).set_index("place").sort_index()


def _fit_people(
    panel: Panel, weighted: bool, table: pd.DataFrame, weights: Floats
) -> Iterator[dict[str, object]]:
    nothing = {"estimate": np.nan, "standard_error": np.nan, "n": 0, "clusters": 0}
    try:
        fits = _Fits.of(panel, weighted, weights)
    except ValidityError as fault:
        yield from ({"place": at, **nothing, "fault": str(fault)} for at in table.index)
        return
    size = {"n": len(fits.outcomes), "clusters": len(fits.model.design.strata)}
    for at, coding, model, controls in table[["coding", "model", "controls"]].itertuples():
        try:
            value, error = fits.estimate(coding, model, controls)
        except ValidityError as fault:
            yield {"place": at, **nothing, "fault": str(fault)}
        else:
            row = {"estimate": value, "standard_error": error, **size, "fault": ""}
            yield {"place": at, **row}


def efficacy_curve(
    panel: Panel,
    table: pd.DataFrame | None = None,
    imputations: int = 5,
    jobs: Workers = 1,
) -> pd.DataFrame:
    """The coefficient of self-efficacy on collective activity under every specification.

    All issues pooled, errors clustered by respondent, t on respondents - 1; with imputed answers
    pooled by :func:`coprod.pooling.combine`. All sets of controls rest on the same rows, those that
    lack nothing, so that they differ in what is held constant alone. Numbers and outcomes are
    scaled over the rows of each specification, with its weights; their SDs are taken as known. A
    specification that cannot be fitted has NaN, and says why. The curve is kept
    (:mod:`coprod.cache`).

    Parameters
    ----------
    panel
        The panel.
    table
        Some specifications, with the columns of :func:`specifications`; all of those by default.
    imputations
        How many, at least two: the first of those of :func:`coprod.imputation.compare_imputed`.
    jobs
        Processes, as in :func:`coprod.parallel.run`; results do not depend on it.

    Returns
    -------
    DataFrame
        One row a specification: the choices, then `estimate` (average marginal effect, SD per SD),
        `standard_error`, `low`, `high` (95 %), `p`, `n` (rows), `clusters` (respondents), `fault`
        (why it could not be fitted, else '').

    Raises
    ------
    ValidityError
        If `table` has an option that does not exist or `imputations` is below two; if no
        specification can be fitted.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> panel = open_panel()
    >>> one = specifications(panel).query("model == 'linear' and missing == 'complete'").head(2)
    >>> bool((efficacy_curve(panel, one)["low"] > 0).all())
    True
    """
    table = checked(specifications(panel) if table is None else table, choices(panel))
    if imputations < 2:
        raise ValidityError(f"imputations: {imputations} is too few; at least 2 are needed")

    def compute() -> pd.DataFrame:
        weights = item_weights(panel)
        parts = {name: table[table["missing"] == name] for name in table["missing"].unique()}
        calls = [(panel, parts["complete"], weights)] if "complete" in parts else []
        if "imputed" in parts:
            filled = imputation.impute(panel, imputations)
            calls += [(one, parts["imputed"], weights) for one in filled]
        found = [cast(pd.DataFrame, result) for result in run(_fit_panel, calls, jobs)]
        pooled = [found.pop(0)] if "complete" in parts else []
        if found:
            pooled.append(_pooled(found))
        return _finished(table, pd.concat(pooled).sort_index())

    arguments = {"specifications": table.to_dict("list"), "imputations": imputations}
    return counts_rounded(remembered("specifications", panel, arguments, compute), panel)


def _pooled(found: list[pd.DataFrame]) -> pd.DataFrame:
    """The fits of several imputations as one, with the degrees of freedom of it."""
    first = found[0]
    faults = pd.concat([one["fault"] for one in found], axis=1).max(axis=1)
    clusters = np.maximum(first["clusters"].to_numpy(float), 2)
    rows = []
    for at in range(len(first)):
        values = [[one["estimate"].iloc[at]] for one in found]
        variances = [[one["standard_error"].iloc[at] ** 2] for one in found]
        rows.append(combine(values, variances, clusters[at] - 1).iloc[0])
    pooled = pd.DataFrame(rows, index=first.index)[["estimate", "standard_error", "df"]]
    return first[["n", "clusters"]].assign(fault=faults, **pooled)


def _finished(table: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """Choices and results, with intervals; refuses a curve without a single fit."""
    if found["estimate"].isna().all():
        raise ValidityError(f"no specification can be fitted; the first: {found['fault'].iloc[0]}")
    df = found["df"] if "df" in found else pd.Series(np.nan, found.index)
    df = df.fillna(found["clusters"] - 1)
    margin = stats.t.isf(0.025, df) * found["standard_error"]
    return table.assign(
        estimate=found["estimate"],
        standard_error=found["standard_error"],
        low=found["estimate"] - margin,
        high=found["estimate"] + margin,
        p=2 * stats.t.sf((found["estimate"] / found["standard_error"]).abs(), df),
        **{name: found[name] for name in ("n", "clusters", "fault")},
    )
