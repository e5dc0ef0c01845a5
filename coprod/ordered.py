"""The index as an ordered outcome: activity in bands, its marginal effects, proportional odds.

A check on the linear regression: many of the collective indices are 0, and a step from nothing to
something need not be worth as much as the next. See :mod:`coprod.cumulative` for the model. Of more
than 10,000 respondents a random sample of as many is taken, and `sampled_from` says of how many
(:mod:`coprod.sampled`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from coprod.cumulative import CumulativeLink, average_effects, delta_method, joint_covariance
from coprod.disclosure import counts_rounded, few_withheld, thin, withheld
from coprod.errors import ValidityError
from coprod.panel import Panel
from coprod.regression import ModelMatrix, Regression, of_difference, wald
from coprod.sampled import sampled, with_size

__all__ = ["BANDS", "bands", "fit_bands", "marginal_effects", "proportional_odds", "steps"]

Codes = NDArray[np.intp]

BANDS = {"none": "None", "some": "Some", "much": "Much"}
"""Bands of an index and their labels: 0, above 0 and below :data:`MUCH`, and the rest."""

MUCH = 50.0
"""From here on somebody does much: every action 'sometimes' on average, or more."""


def bands(values: ArrayLike) -> pd.Categorical:
    """An index (0-100) in three ordered bands; missing stays missing.

    Examples
    --------
    >>> list(bands([0, 12.5, 50, np.nan]))
    ['none', 'some', 'much', nan]
    """
    index = np.asarray(values, dtype=float)
    codes = np.where(np.isnan(index), -1, (index > 0).astype(int) + (index >= MUCH))
    return pd.Categorical.from_codes(codes, list(BANDS), ordered=True)


def steps(values: ArrayLike, count: int) -> Codes:
    """An index (0-100) as ordered codes from 0: its nearest of `count` equal steps, where taken.

    Four items of 0 to 2 give 8 steps; whoever answered only some of them may lie between two.
    Steps that nobody takes have no code.

    Examples
    --------
    >>> steps([0, 100, 66.7, 62.5], count=8)
    array([0, 2, 1, 1])
    """
    nearest = np.rint(np.asarray(values, dtype=float) / 100 * count)
    return np.unique(nearest, return_inverse=True)[1].astype(np.intp)


def _banded(
    panel: Panel,
    form: str,
    issue: str | None,
    weighted: bool,
    references: Mapping[str, str] | None,
    without: Sequence[str],
) -> tuple[Regression, Codes]:
    """The rows of a regression and the band of each; refuses an empty band."""
    regression = Regression(ModelMatrix.of(panel, [form], issue, weighted, references, without))
    codes = bands(regression.model.outcomes[:, 0]).codes.astype(np.intp)
    inside = codes[:, None] == np.arange(len(BANDS))
    if thin(regression.model.design.people(inside), panel.min_cell):
        raise withheld(panel, "What goes with doing none, some and much")
    for code, name in enumerate(BANDS):
        if code not in codes:
            raise ValidityError(
                f"{form}: nobody who answered everything is in the band {name!r} (the bands are "
                f"0, above 0 and below {MUCH:g}, {MUCH:g} and above)"
            )
    return regression, codes


def fit_bands(
    panel: Panel,
    form: str = "collective",
    issue: str | None = None,
    weighted: bool = True,
    references: Mapping[str, str] | None = None,
    without: Sequence[str] = (),
) -> pd.DataFrame:
    """Ordered logit of an index in bands (none, some, much) on all correlates.

    The rows and columns of :func:`coprod.correlates.fit`. Equivalent in R:
    ``m <- MASS::polr(band ~ area + issue + age + …, weights = weight, Hess = TRUE)`` with
    ``sandwich::vcovCL(m, ~respondent, type = "HC1")``, weights scaled to a mean of 1; t on
    respondents - 1.

    Parameters
    ----------
    panel
        The panel.
    form, issue, weighted, references, without
        As in :func:`coprod.correlates.fit`.

    Returns
    -------
    DataFrame
        One row a coefficient, then one a threshold (block 'threshold', e.g. `term` 'none|some'):
        `term`, `term_label`, `level`, `label`, `block`, `reference`, `scale`, `estimate` (log odds
        of a higher band, per SD or from the reference; for a threshold the log odds of the lower
        bands where all predictors are 0), `standard_error`, `low`, `high` (95 %), `statistic` (t),
        `p`, `odds_ratio`, `odds_ratio_low`, `odds_ratio_high` (NaN for a threshold), `n` (rows),
        `clusters` (respondents). The error of a level that one respondent has is NaN.

    Raises
    ------
    ValidityError
        If a band is empty, if a variable separates the bands, or as :func:`coprod.correlates.fit`.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> table = fit_bands(open_panel()).set_index("term")
    >>> bool(table.loc["efficacy", "odds_ratio_low"] > 1)
    True
    """
    whole, panel = panel, sampled(panel)
    regression, codes = _banded(panel, form, issue, weighted, references, without)
    model = regression.model
    fit = CumulativeLink.of(regression, codes)
    cuts = pd.DataFrame(
        {
            "term": ["|".join(pair) for pair in pairwise(BANDS)],
            "term_label": "Threshold",
            "level": "",
            "label": [" | ".join(pair) for pair in pairwise(BANDS.values())],
            "block": "threshold",
            "reference": "",
            "scale": np.nan,
            "lonely": False,
        }
    )
    table = pd.concat([model.terms.iloc[1:].drop(columns="mean"), cuts], ignore_index=True)
    error = np.sqrt(np.diagonal(joint_covariance(model.design, [fit.influence])))
    few = table.pop("lonely")
    error = np.where(few, np.nan, error)
    table = table.assign(estimate=fit.parameters, **regression.inference(fit.parameters, error))
    for name, value in (("", "estimate"), ("_low", "low"), ("_high", "high")):
        table[f"odds_ratio{name}"] = np.exp(table[value].mask(table["block"] == "threshold"))
    table = table.assign(n=len(model.predictors), clusters=len(model.design.strata))
    table = few_withheld(table, panel, few, ["estimate", "odds_ratio"])
    return with_size(counts_rounded(table, panel), whole)


def marginal_effects(
    panel: Panel,
    form: str = "collective",
    issue: str | None = None,
    weighted: bool = True,
    references: Mapping[str, str] | None = None,
    without: Sequence[str] = (),
) -> pd.DataFrame:
    """Average marginal effects of the ordered logit on the chance to do none, some and much.

    Of :func:`fit_bands`: for a number the mean derivative per SD, for a category the mean change
    from the reference level, both weighted. Errors by the delta method from the clustered
    covariance; the rows themselves are taken as known. Equivalent in R:
    ``marginaleffects::avg_slopes(m, vcov = ~respondent, wts = "weight")``.

    Parameters
    ----------
    panel
        The panel.
    form, issue, weighted, references, without
        As in :func:`coprod.correlates.fit`.

    Returns
    -------
    DataFrame
        One row a coefficient and band: `term`, `term_label`, `level`, `label`, `block`,
        `reference`, `scale`, `band` (a key of :data:`BANDS`), `estimate` (probability, -1 to 1;
        the three of a coefficient sum to 0), `standard_error`, `low`, `high` (95 %), `statistic`
        (t), `p`, `n` (rows), `clusters` (respondents).

    Raises
    ------
    ValidityError
        As :func:`fit_bands`.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> effects = marginal_effects(open_panel()).query("term == 'efficacy'").set_index("band")
    >>> bool(effects.loc["none", "high"] < 0 < effects.loc["much", "low"])
    True
    """
    whole, panel = panel, sampled(panel)
    regression, codes = _banded(panel, form, issue, weighted, references, without)
    model = regression.model
    fit = CumulativeLink.of(regression, codes)
    effects, jacobian = average_effects(model, fit.parameters)
    into = np.diff(np.eye(len(BANDS)), axis=0)  # a higher chance to pass a cut: from band to next
    effects, jacobian = effects @ into, np.einsum("kjp,jb->kbp", jacobian, into)
    lonely = model.terms["lonely"].to_numpy()[1:]
    error = delta_method(jacobian, joint_covariance(model.design, [fit.influence]), lonely)
    count = len(BANDS)
    table = model.terms.iloc[1:].drop(columns=["mean", "lonely"])
    table = table.loc[table.index.repeat(count)].reset_index(drop=True)
    table = table.assign(
        band=list(BANDS) * len(effects),
        estimate=effects.ravel(),
        **regression.inference(effects.ravel(), error.ravel()),
    )
    table = table.assign(n=len(model.predictors), clusters=len(model.design.strata))
    table = few_withheld(table, panel, np.repeat(lonely, count), ["estimate"])
    return with_size(counts_rounded(table, panel), whole)


def proportional_odds(
    panel: Panel,
    form: str = "collective",
    issue: str | None = None,
    weighted: bool = True,
    references: Mapping[str, str] | None = None,
    without: Sequence[str] = (),
) -> pd.DataFrame:
    """Whether a correlate goes with doing anything as it goes with doing much.

    The ordered logit has one slope for both. Here each cut between bands has a binary logit of its
    own, and a Wald test asks whether their slopes agree, from the joint covariance of both
    (Brant 1990, *Biometrics* 46, 1171-1178; here with weights, and scores summed by respondent).
    G/(G-1) · (2n-1)/(2n-2k), F on respondents - 1.

    Parameters
    ----------
    panel
        The panel.
    form, issue, weighted, references, without
        As in :func:`coprod.correlates.fit`.

    Returns
    -------
    DataFrame
        One row a variable, all of its levels together, and a last one 'all': `term`, `term_label`,
        `cut_1`, `cut_2` (slope of above none, of much; NaN where there are several), `statistic`
        (F), `df`, `df_residual`, `p`, `n` (rows), `clusters` (respondents).

    Raises
    ------
    ValidityError
        As :func:`fit_bands`.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> proportional_odds(open_panel())["term"].iloc[-1]
    'all'
    """
    whole, panel = panel, sampled(panel)
    regression, codes = _banded(panel, form, issue, weighted, references, without)
    model = regression.model
    fits = [CumulativeLink.of(regression, (codes >= cut).astype(np.intp)) for cut in (1, 2)]
    joint = joint_covariance(model.design, [fit.influence for fit in fits])
    covariance = of_difference(joint)
    difference = fits[0].slopes - fits[1].slopes
    terms = model.terms.iloc[1:]
    names, lonely = terms["term"].to_numpy(), terms["lonely"].to_numpy()
    labels = dict(zip(names, terms["term_label"], strict=True)) | {"all": "All"}
    rows = []
    for name, label in labels.items():
        own = (names == name) | (name == "all")
        at = np.flatnonzero(own & ~lonely)
        single = own.sum() == 1
        shown = len(at) or not panel.min_cell
        rows.append(
            {
                "term": name,
                "term_label": label,
                "cut_1": fits[0].slopes[own][0] if single and shown else np.nan,
                "cut_2": fits[1].slopes[own][0] if single and shown else np.nan,
            }
            | wald(difference[at], covariance[np.ix_(at, at)], regression.df_residual).row()
        )
    table = pd.DataFrame(rows).assign(n=len(model.predictors), clusters=len(model.design.strata))
    return with_size(counts_rounded(table, panel), whole)
