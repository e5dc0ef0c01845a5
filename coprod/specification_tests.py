"""Could the whole specification curve of self-efficacy be chance? A joint test by permutation.

Specifications share their data, so that a curve is not as many findings as it has points
(Simonsohn, Simmons and Nelson 2020). The linear ones are fitted again to data in which there is
nothing to find, and all at once, so that what they share stays shared.

What the controls do not predict of self-efficacy is handed from one respondent to another, all
issues together, within areas and among people with gaps on the same issues; what they predict stays
(Freedman and Lane 1983 permute residuals in this way, here those of the predictor). So a curve that
lives on too few controls does so in the draws as well. The null is sharp: nobody's activity depends
on what is permuted. All estimates come from cross-products, which are sums over respondents.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coprod import imputation
from coprod.cache import remembered
from coprod.codings import CODINGS, codings, item_weights
from coprod.errors import ValidityError
from coprod.panel import Panel
from coprod.parallel import Workers, run
from coprod.randomisation import assignments
from coprod.regression import ModelMatrix
from coprod.specifications import (
    CONTROLS,
    FORM,
    TERM,
    complete,
    specifications,
    without_outliers,
)

__all__ = ["DRAWS", "SEED", "donors", "efficacy_draws", "efficacy_test", "joint"]

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

SEED = 20160201
DRAWS = 500
AT_ONCE = 50
"""Draws that are held in memory together."""

ONE_SIDED = 0.025
"""An estimate is clear in a test when no more than this share of its own draws is as large."""


def joint(estimates: Floats) -> pd.DataFrame:
    """Test a curve by what resampling gave of it.

    Two statistics of Simonsohn, Simmons and Nelson (2020), both in the predicted direction, above
    zero: the median of the estimates, and the share of specifications that are clear. An estimate is
    clear when at most 2.5 % of what was observed and drawn for its specification is as large, so
    that the observed curve and the draws are judged alike. p is one-sided: (1 + draws that reach
    what was observed) / (1 + draws).

    Parameters
    ----------
    estimates
        (1 + draws) × specifications; first what was observed.

    Returns
    -------
    DataFrame
        One row a statistic: `statistic` ('median', in SD; 'share', 0-1), `observed`, `null_median`,
        `null_low`, `null_high` (2.5 and 97.5 % of the draws), `p`, `draws`, `specifications` (those
        with an estimate in every draw).

    Raises
    ------
    ValidityError
        If there are fewer than 39 draws, so that no estimate could be clear, or no specification has
        an estimate in every draw.

    Examples
    --------
    >>> drawn = np.random.default_rng(1).normal(size=(1000, 3))
    >>> joint(np.vstack([[3.0, 3.0, 3.0], drawn])).set_index("statistic")["observed"].to_dict()
    {'median': 3.0, 'share': 1.0}
    """
    usable = estimates[:, np.isfinite(estimates).all(axis=0)]
    count = len(usable) - 1
    if (least := round(1 / ONE_SIDED) - 1) > count:
        raise ValidityError(
            f"draws: {count} is too few; with less than {least} no estimate could be clear"
        )
    if not usable.shape[1]:
        raise ValidityError("no specification has an estimate in every draw")
    # How many of all are as large: the last place among equals, from the largest.
    order = np.sort(usable, axis=0)
    larger = np.column_stack(
        [len(usable) - np.searchsorted(o, u) for o, u in zip(order.T, usable.T, strict=True)]
    )
    found = {
        "median": np.median(usable, axis=1),
        "share": (larger <= ONE_SIDED * len(usable)).mean(axis=1),
    }
    rows = []
    for name, (observed, *drawn) in found.items():
        low, middle, high = np.quantile(drawn, [0.025, 0.5, 0.975])
        rows.append(
            {
                "statistic": name,
                "observed": observed,
                "null_median": middle,
                "null_low": low,
                "null_high": high,
                "p": (1 + (np.array(drawn) >= observed - 1e-12).sum()) / (1 + count),
                "draws": count,
                "specifications": usable.shape[1],
            }
        )
    return pd.DataFrame(rows)


def donors(panel: Panel, draws: int, seed: int = SEED) -> Places:
    """Whose residuals each respondent is given: somebody of the area with gaps on the same issues.

    Returns
    -------
    ndarray
        (1 + draws) × respondents, places in ``panel.frame``; first everybody their own.

    Raises
    ------
    ValidityError
        If there are fewer draws than one.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> panel = open_panel()
    >>> areas = panel.frame["area"].to_numpy()
    >>> bool((areas[donors(panel, 5)] == areas).all())
    True
    """
    people = np.arange(len(panel.frame))
    pattern = complete(panel, weighted=False).reshape(len(people), -1)
    key = pattern @ (2 ** np.arange(pattern.shape[1])) + pd.factorize(panel.frame["area"])[0] * (
        2 ** pattern.shape[1]
    )
    drawn = assignments(people.astype(float), key, draws, np.random.default_rng(seed))
    return np.vstack([people, *drawn]).astype(np.intp)


@dataclass(frozen=True)
class _Rows:
    """Complete rows of a panel: controls, outcomes, self-efficacy as predicted and as not."""

    rows: Places
    issues: int
    columns: Floats
    blocks: NDArray[np.str_]
    residual: Floats
    weights: Floats
    areas: NDArray[np.str_]
    usual: NDArray[np.bool_]

    @classmethod
    def of(cls, panel: Panel, item: Floats) -> _Rows:
        """Columns are the controls, the outcomes, and self-efficacy as the controls predict it."""
        model = ModelMatrix.of(panel, [FORM], weighted=False)
        rows = np.flatnonzero(complete(panel, weighted=False))
        last = (model.terms["term"] == TERM).to_numpy()
        controls, efficacy = model.predictors[:, ~last], model.predictors[:, last][:, 0]
        predicted = controls @ np.linalg.lstsq(controls, efficacy, rcond=None)[0]
        outcomes = codings(panel, item).to_numpy()[rows]
        kept = without_outliers(panel).frame["respondent"]
        long = panel.long.iloc[rows]
        return cls(
            rows,
            len(panel.instrument.issues),
            np.column_stack([controls, outcomes, predicted]),
            np.array([*model.terms["block"].to_numpy(str)[~last], *CODINGS, "predicted"]),
            efficacy - predicted,
            long["weight"].to_numpy(float),
            long["area"].to_numpy(str),
            long["respondent"].isin(kept).to_numpy(),
        )

    def given(self, drawn: Places) -> Floats:
        """The residuals that the rows have in each draw: draws × rows."""
        place = np.full((drawn.shape[1], self.issues), -1)
        place.ravel()[self.rows] = np.arange(len(self.rows))
        person, issue = np.divmod(self.rows, self.issues)
        return self.residual[place[drawn[:, person], issue]]

    def at(self, *names: str) -> Places:
        """The columns of some blocks."""
        return np.flatnonzero(np.isin(self.blocks, names))


def _efficacy_estimates(panel: Panel, table: pd.DataFrame, item: Floats, drawn: Places) -> Floats:
    """Estimates of linear specifications on one panel: draws × specifications."""
    data = _Rows.of(panel, item)
    found = np.full((len(drawn), len(table)), np.nan)
    groups = list(table.reset_index(drop=True).groupby(["weights", "outliers"], sort=False))
    areas = np.unique(data.areas)
    for start in range(0, len(drawn), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        given = data.given(drawn[some])
        squares = given**2
        for (scheme, outliers), chosen in groups:
            weights = data.weights if scheme == "weighted" else np.ones(len(data.rows))
            weights = np.where(data.usual | (outliers == "kept"), weights, 0.0)
            carried = weights[:, None] * data.columns
            sums = {}
            for area in areas:
                here = data.areas == area
                sums[area] = (
                    data.columns[here].T @ carried[here],
                    given[:, here] @ carried[here],
                    squares[:, here] @ weights[here],
                )
            for area, same in chosen.groupby("area", sort=False):
                parts = [sums[name] for name in areas if name != area]
                fixed, moved, square = (np.sum(part, axis=0) for part in zip(*parts, strict=True))
                solver = _Solver(data, fixed, moved, square)
                for at, coding, controls in same[["coding", "controls"]].itertuples():
                    found[some, at] = solver.estimate(coding, controls)
    return found


@dataclass
class _Solver:
    """Regressions of one set of people from cross-products, for all draws at once.

    Self-efficacy is what was `predicted` and the residual that was given; `fixed` are products of
    the columns with each other, `moved` with the residual, `square` of the residual with itself.
    """

    data: _Rows
    fixed: Floats
    moved: Floats
    square: Floats

    def __post_init__(self) -> None:
        predicted = self.data.at("predicted")[0]
        self.products = self.fixed[predicted] + self.moved  # of self-efficacy with each column
        own = self.fixed[predicted, predicted] + 2 * self.moved[:, predicted] + self.square
        self.own = own
        self.inverses: dict[str, tuple[Places, Floats]] = {}

    def estimate(self, coding: str, controls: str) -> Floats:
        """SD of the outcome per SD of self-efficacy, one a draw."""
        if controls not in self.inverses:
            columns = self.data.at("intercept", *CONTROLS[controls][1])
            gram = self.fixed[np.ix_(columns, columns)]
            # A level that only left-out people have leaves an empty column behind.
            inverse = np.linalg.pinv(gram, rcond=1e-10, hermitian=True)
            self.inverses[controls] = columns, self.products[:, columns] @ inverse
        columns, carried = self.inverses[controls]
        outcome, one = self.data.at(coding)[0], self.data.at("intercept")[0]
        above = self.products[:, outcome] - carried @ self.fixed[columns, outcome]
        below = self.own - (carried * self.products[:, columns]).sum(axis=1)
        total = self.fixed[one, one]
        spread = self.own / total - (self.products[:, one] / total) ** 2
        outcomes = self.fixed[outcome, outcome] / total - (self.fixed[one, outcome] / total) ** 2
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(above / below * np.sqrt(spread / outcomes))


def efficacy_draws(
    panel: Panel,
    table: pd.DataFrame,
    draws: int = DRAWS,
    seed: int = SEED,
    imputations: int = 5,
    jobs: Workers = 1,
) -> Floats:
    """The estimates of linear specifications as observed, and under the null.

    Parameters
    ----------
    panel
        The panel.
    table
        Linear specifications, as of :func:`coprod.specifications.specifications`.
    draws, seed
        How many, and of the permutations.
    imputations, jobs
        As in :func:`coprod.specification_curve.efficacy_curve`.

    Returns
    -------
    ndarray
        (1 + draws) × specifications, SD per SD; first what was observed. NaN where a draw has no
        estimate.
    """
    item = item_weights(panel)
    drawn = donors(panel, draws, seed)
    found = np.full((len(drawn), len(table)), np.nan)
    imputed = (table["missing"] == "imputed").to_numpy()
    filled = imputation.impute(panel, imputations) if imputed.any() else []
    calls = [(one, table[imputed], item, drawn) for one in filled]
    if not imputed.all():
        calls.append((panel, table[~imputed], item, drawn))
    results = [cast(Floats, result) for result in run(_efficacy_estimates, calls, jobs)]
    if not imputed.all():
        found[:, ~imputed] = results.pop()
    if results:
        found[:, imputed] = np.mean(results, axis=0)
    return found


def efficacy_test(
    panel: Panel,
    draws: int = DRAWS,
    seed: int = SEED,
    imputations: int = 5,
    jobs: Workers = 1,
) -> pd.DataFrame:
    """Whether self-efficacy, beyond what the controls predict of it, could do nothing at all.

    Over the linear specifications of :func:`coprod.specifications.specifications`. The table is
    kept (:mod:`coprod.cache`).

    Parameters
    ----------
    panel, draws, seed, imputations, jobs
        As in :func:`efficacy_draws`.

    Returns
    -------
    DataFrame
        As of :func:`joint`.

    Raises
    ------
    ValidityError
        As :func:`coprod.specification_curve.efficacy_curve`.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> bool((efficacy_test(open_panel(), draws=40, imputations=2)["p"] < 0.05).all())
    True
    """
    table = specifications(panel).query("model == 'linear'")

    def compute() -> pd.DataFrame:
        return joint(efficacy_draws(panel, table, draws, seed, imputations, jobs))

    arguments = {"draws": draws, "seed": seed, "imputations": imputations}
    return remembered("specification_test", panel, arguments, compute)
