"""Whether individual and collective co-production have different correlates.

Both indices are regressed on the same rows, stacked and interacted with everything, so that their
coefficients have one joint covariance, clustered by respondent. Forms are compared in points of
the index, or (``scale="sd"``) in weighted SDs of each index, taken as known. A floor at zero can
make equal propensities look unequal on either scale; ``scale="latent"`` takes only the order of an
index's steps, by an ordered logit with a threshold a step, and compares in SDs of the propensity
behind it; of more than 10,000 respondents it takes a random sample of as many, and `sampled_from`
says of how many (:mod:`coprod.sampled`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from coprod.crossproducts import crossproduct, eliminate, resampled
from coprod.cumulative import CumulativeLink, joint_covariance
from coprod.disclosure import counts_rounded, few_withheld
from coprod.errors import ValidityError
from coprod.multiplicity import adjusted
from coprod.ordered import steps
from coprod.panel import Panel
from coprod.regression import BLOCKS, ModelMatrix, Regression, of_difference, wald
from coprod.sampled import sampled, with_size

__all__ = ["compare_blocks", "compare_forms", "rank_agreement", "spearman"]

Floats = NDArray[np.float64]
Scale = Literal["points", "sd", "latent"]


def _stacked(
    panel: Panel,
    issue: str | None,
    scale: Scale,
    weighted: bool,
    references: Mapping[str, str] | None,
    without: Sequence[str],
) -> tuple[Regression, Floats, Floats]:
    """Regression of both forms, their coefficients (k × 2) and joint covariance (2k × 2k)."""
    if scale not in ("points", "sd", "latent"):
        raise ValidityError(
            f"scale: {scale!r} is not possible; allowed are 'points', 'sd' and 'latent'"
        )
    forms = ["individual", "collective"]
    panel = _counted(panel, scale)
    regression = Regression(ModelMatrix.of(panel, forms, issue, weighted, references, without))
    if scale == "latent":
        return regression, *_latent(panel, regression)
    units = regression.model.spread if scale == "sd" else np.ones(2)
    every = np.repeat(units, len(regression.coefficients))
    return (
        regression,
        regression.coefficients / units,
        regression.covariance / np.outer(every, every),
    )


def _counted(panel: Panel, scale: Scale) -> Panel:
    """Who is compared: everybody, but of a very large panel a sample on the latent scale."""
    return sampled(panel) if scale == "latent" else panel


def _latent(panel: Panel, regression: Regression) -> tuple[Floats, Floats]:
    """As :func:`_stacked`, of ordered logits; NaN for the intercept, which they do not have."""
    model, instrument = regression.model, panel.instrument
    slopes, influences = [], []
    for form, index in zip(model.forms, model.outcomes.T, strict=True):
        finest = len(instrument.stems(form)) * max(instrument.answers)
        fit = CumulativeLink.of(regression, steps(index, finest))
        linear = fit.predictors @ fit.slopes
        # pi²/3 is the variance of a standard logistic.
        unit = np.sqrt(np.cov(linear, aweights=fit.weights, ddof=0) + np.pi**2 / 3)
        slopes.append(np.concatenate([[np.nan], fit.slopes / unit]))
        influences.append(fit.influence / unit)
    joint = joint_covariance(model.design, influences)
    unknown = model.terms["lonely"].to_numpy(copy=True)
    unknown[0] = True
    place = np.maximum(np.arange(len(unknown)) - 1, 0)
    at = np.concatenate([place, influences[0].shape[1] + place])
    covariance = joint[np.ix_(at, at)]
    unknown = np.tile(unknown, 2)
    covariance[unknown] = covariance[:, unknown] = np.nan
    return np.column_stack(slopes), covariance


def _difference(model: ModelMatrix, covariance: Floats) -> Floats:
    """Covariance of the differences individual - collective."""
    if np.ptp(model.outcomes[:, 0] - model.outcomes[:, 1]) < 1e-9:
        raise ValidityError(
            "individual and collective: the difference is the same for everybody; nothing varies"
        )
    return of_difference(covariance)


def compare_forms(
    panel: Panel,
    issue: str | None = None,
    scale: Scale = "points",
    weighted: bool = True,
    references: Mapping[str, str] | None = None,
    without: Sequence[str] = (),
) -> pd.DataFrame:
    r"""Each coefficient of one form beside that of the other, and their difference.

    On the rows that have both indices and lack nothing. Errors are those of the stacked
    regression: G/(G-1) · (2n-1)/(2n-2k), t on respondents - 1. The family of the adjusted p-values
    is the table. Equivalent in R: ``lm(index ~ form * (area + …), weights = weight)`` on the
    stacked rows with ``vcovCL(m, ~respondent, type = "HC1")``, ``p.adjust``.

    On the latent scale each form has an ordered logit of its own, whose outcome is the index in
    its steps (8 for four items of 0 to 2). Slopes b are divided by the SD of the propensity,
    :math:`\sqrt{\mathrm{var}(xb) + \pi^2/3}`, taken as known (McKelvey and Zavoina 1975), so that
    neither the thresholds nor the residual variance of a form stands in the comparison; the joint
    covariance is that of the stacked scores, with (2n-1)/(2n-p) for the p slopes and thresholds of
    both. That removes most of what a floor does to a comparison, not all: where most answers are at
    the floor, an index follows its propensity less closely, and slopes per SD are a little smaller
    (about 4 % where 60 % of the indices are 0, in a simulation with equal correlates; 17 % on the
    scale 'sd'). In R: two ``MASS::polr`` with their ``sandwich::estfun`` side by side.

    Parameters
    ----------
    panel
        The panel.
    issue
        One issue, or None for all of them pooled, with issue effects.
    scale
        'points' of the index; 'sd': each form in its own weighted SD; 'latent': each form in SDs
        of its propensity.
    weighted, references, without
        As in :func:`coprod.correlates.fit`.

    Returns
    -------
    DataFrame
        One row a coefficient of the four blocks: `term`, `term_label`, `level`, `label`, `block`,
        `reference`, `individual`, `collective` (coefficients), `individual_standard_error`,
        `collective_standard_error`, `difference` (individual - collective), `standard_error`,
        `low`, `high` (95 %), `statistic` (t), `p`, `p_holm`, `p_bh` (Benjamini-Hochberg), `n`
        (rows of each form), `clusters` (respondents).

    Raises
    ------
    ValidityError
        If `scale` is not possible; on the latent scale, if a variable tells steps of an index
        apart without an error; or as :func:`coprod.correlates.fit`.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> differences = compare_forms(open_panel(), scale="latent").set_index("term")
    >>> bool(differences.loc["efficacy", "high"] < 0)
    True
    """
    regression, value, covariance = _stacked(panel, issue, scale, weighted, references, without)
    model = regression.model
    difference = value[:, 0] - value[:, 1]
    errors = np.sqrt(np.diagonal(covariance)).reshape(2, -1)
    table = model.terms.drop(columns=["mean", "scale", "lonely"]).assign(
        individual=value[:, 0],
        collective=value[:, 1],
        individual_standard_error=errors[0],
        collective_standard_error=errors[1],
        difference=difference,
        **regression.inference(difference, np.sqrt(np.diagonal(_difference(model, covariance)))),
    )
    told = ["individual", "collective", "difference"]
    table = few_withheld(table, panel, model.terms["lonely"], told)
    table = table[table["block"].isin(list(BLOCKS))].reset_index(drop=True)
    table = table.assign(
        p_holm=adjusted(table["p"]),
        p_bh=adjusted(table["p"], "fdr_bh"),
        n=len(model.predictors),
        clusters=len(model.design.strata),
    )
    table = counts_rounded(table, _counted(panel, scale))
    return with_size(table, panel) if scale == "latent" else table


def compare_blocks(
    panel: Panel,
    issue: str | None = None,
    scale: Scale = "points",
    weighted: bool = True,
    references: Mapping[str, str] | None = None,
    without: Sequence[str] = (),
) -> pd.DataFrame:
    """Whether the coefficients of a block are the same for both forms: robust Wald tests.

    Of the regression of :func:`compare_forms`; 'all' tests the four blocks together. Equivalent in
    R: ``clubSandwich::Wald_test(m, constrain_zero(…), vcovCR(m, type = "CR1S"), "Naive-F")``.

    Parameters
    ----------
    panel, issue, scale, weighted, references, without
        As in :func:`compare_forms`.

    Returns
    -------
    DataFrame
        One row a block and a last one 'all': `block`, `label`, `statistic` (F), `df`,
        `df_residual` (respondents - 1), `p`, `n`, `clusters`.

    Raises
    ------
    ValidityError
        As :func:`compare_forms`.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> compare_blocks(open_panel())["block"].tolist()
    ['background', 'performance', 'outreach', 'efficacy', 'all']
    """
    regression, value, covariance = _stacked(panel, issue, scale, weighted, references, without)
    model = regression.model
    difference, joint = value[:, 0] - value[:, 1], _difference(model, covariance)
    chosen = {name: model.block(name) for name in BLOCKS if (model.terms["block"] == name).any()}
    chosen["all"] = np.concatenate(list(chosen.values()))
    rows = [
        {"block": name, "label": BLOCKS.get(name, "All")}
        | wald(difference[at], joint[np.ix_(at, at)], regression.df_residual).row()
        for name, at in chosen.items()
    ]
    table = pd.DataFrame(rows).assign(n=len(model.predictors), clusters=len(model.design.strata))
    table = counts_rounded(table, _counted(panel, scale))
    return with_size(table, panel) if scale == "latent" else table


def rank_agreement(
    panel: Panel,
    issue: str | None = None,
    draws: int = 2_000,
    seed: int = 20160201,
    weighted: bool = True,
    without: Sequence[str] = (),
) -> pd.DataFrame:
    """How far what matters most for one form matters most for the other.

    Spearman's correlation of the two vectors of coefficients per SD, of the regressions of
    :func:`compare_forms`. Categories stay in the models but not in the vectors: their coefficients
    depend on reference levels. The interval is that of percentiles over samples of respondents
    drawn again within areas (as in :func:`coprod.blocks.blocks`), each standardised anew; of seven
    coefficients it is wide, and sampling error pulls the correlation towards zero.

    Parameters
    ----------
    panel, issue, weighted, without
        As in :func:`compare_forms`. The scale does not matter to ranks.
    draws
        Bootstrap samples.
    seed
        Of the bootstrap.

    Returns
    -------
    DataFrame
        One row: `correlation`, `low`, `high` (95 %), `coefficients` (how many), `n` (rows),
        `clusters` (respondents).

    Raises
    ------
    ValidityError
        If fewer than three coefficients are left, or as :func:`compare_forms`.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> rank_agreement(open_panel(), draws=200)["coefficients"].item()
    7
    """
    regression = _stacked(panel, issue, "points", weighted, None, without)[0]
    model = regression.model
    numeric = model.terms["scale"].notna().to_numpy()
    count = int(numeric.sum())
    if count < 3:
        raise ValidityError(f"ranks: only {count} coefficients are left; at least three are needed")
    columns = np.column_stack(
        [model.predictors[:, ~numeric], model.predictors[:, numeric], model.outcomes]
    )
    square = np.diagonal(crossproduct(model.design, columns))
    unit = np.sqrt(np.outer(square, square))
    others = len(numeric) - count
    drawn = []
    for matrices in resampled(model.design, columns, draws, seed):
        centred = eliminate(matrices / unit, 1)
        spread = np.sqrt(np.diagonal(centred, axis1=1, axis2=2)[:, others - 1 : -2])
        rest = eliminate(centred, others - 1)
        # Not solve: a small sample drawn again can have fewer people than coefficients.
        inverse = np.linalg.pinv(rest[:, :count, :count], hermitian=True)
        slopes = inverse @ rest[:, :count, count:]
        drawn.append(spearman(slopes * spread[:, :, None]))
    low, high = np.quantile(np.concatenate(drawn), [0.025, 0.975])
    table = pd.DataFrame(
        {
            "correlation": spearman(regression.coefficients[numeric][None]),
            "low": low,
            "high": high,
            "coefficients": count,
            "n": len(model.predictors),
            "clusters": len(model.design.strata),
        }
    )
    return counts_rounded(table, panel)


def spearman(pairs: ArrayLike) -> Floats:
    """Rank correlations of draws × coefficients × 2."""
    ranks = stats.rankdata(pairs, axis=1)
    ranks = ranks - ranks.mean(axis=1, keepdims=True)
    square = (ranks**2).sum(axis=1)
    return np.asarray(ranks.prod(axis=2).sum(axis=1) / np.sqrt(square.prod(axis=1)))
