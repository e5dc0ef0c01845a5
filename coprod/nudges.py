"""The nudge experiment: what each nudge did, whether it did anything, and whether it matters.

`willing` was answered on a scale from 0 to 10, `signup` is whether somebody asked for details of a
local group. Chance decided within areas who read which nudge. Each arm is compared with control on
its own; all nudges together are compared with control as a question of their own ('pooled').
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from coprod.arms import OUTCOMES, Comparison, Experiment, analysable
from coprod.balance import balance, balance_test, flow
from coprod.disclosure import counts_rounded, hardly_varies, withheld
from coprod.errors import ValidityError
from coprod.experiment import Adjustment, Contrast, Difference
from coprod.multiplicity import with_holm
from coprod.once import once
from coprod.panel import Panel
from coprod.randomisation import randomisation_distribution, randomisation_test
from coprod.robust import least_squares
from coprod.scales import indices

__all__ = [
    "MARGINS",
    "analysable",
    "balance",
    "balance_test",
    "effects",
    "equivalence",
    "flow",
    "heterogeneity",
    "randomisation_distribution",
    "randomisation_test",
]

Floats = NDArray[np.float64]

MARGINS = {"willing": 0.20, "signup": 0.05}
"""Smallest effects of interest: in SDs of the control group for `willing`, a share for `signup`."""

MODERATORS = {
    "efficacy": "Self-efficacy on the issue of the experiment",
    "activity": "Collective activity before the experiment",
}


def effects(
    panel: Panel,
    adjustments: Sequence[Adjustment] = ("strata", "lin"),
    weights: Sequence[str] = ("unweighted", "weighted"),
    outcomes: Sequence[str] = OUTCOMES,
) -> pd.DataFrame:
    """The effect of each nudge, and of all together, on willingness and on asking for details.

    Everybody who has the outcome, in the arm or in control. 'strata' gives the differences within
    areas, weighted by their precision; 'lin' the average over people, adjusted for `intends` and
    the background (Lin 2013). A gap in a covariate takes the covariate's mean, which keeps everybody
    in. Where a cell of area and arm has under 20 people, only `intends` is adjusted for. A covariate
    that does not vary, follows from others, or has a level that one person of a group is alone with,
    is left out; `covariates` and `left_out` say so. Equivalent in R, with both arms' rows:
    ``estimatr::lm_robust(willing ~ treated + area, weights, se_type = "HC2")``,
    ``estimatr::lm_lin(willing ~ treated, ~ area + intends + …, weights)``, ``p.adjust``.

    Parameters
    ----------
    panel
        The panel.
    adjustments
        Any of 'strata' and 'lin'.
    weights
        'unweighted' is about those in the experiment, 'weighted' about the population.
    outcomes
        Any of 'willing' and 'signup'.

    Returns
    -------
    DataFrame
        One row an adjustment, weights, outcome and arm: `arm` ('pooled' for all nudges), `label`,
        `family` ('arms' or 'pooled'), `outcome`, `adjustment`, `weights`, `estimate` (points of
        `willing`, share of `signup`), `standard_error`, `low`, `high` (95 %), `statistic` (t),
        `df`, `p`, `p_holm` (over the rows with the same family, adjustment and weights),
        `estimate_sd`, `standard_error_sd`, `low_sd`, `high_sd` (in SDs of the control group, taken
        as known; NaN where it does not vary), `estimate_percentage_points`,
        `low_percentage_points`, `high_percentage_points` (NaN for `willing`), `control_mean`,
        `control_sd`, `n`, `n_arm`, `n_control`, `smallest_cell` (of area and arm), `covariates`,
        `left_out`.

    Raises
    ------
    ValidityError
        If the panel has no experiment, nobody is in control or in a nudge, an outcome has no value
        or the same for everybody; if a stratum has a leverage of 1, or for 'lin' fewer than two
        people of an arm.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> table = effects(open_panel(), adjustments=["strata"], weights=["unweighted"])
    >>> table.groupby("family")["p_holm"].count().to_dict()
    {'arms': 6, 'pooled': 2}
    """
    rows = [
        row
        for scheme in weights
        for adjustment in adjustments
        for row, _ in _estimates(panel, adjustment, scheme, outcomes)
    ]
    table = with_holm(pd.DataFrame(rows), ["weights", "adjustment", "family"])
    return _rounded(table, panel)


def _estimates(
    panel: Panel, adjustment: Adjustment, scheme: str, outcomes: Sequence[str]
) -> list[tuple[dict[str, Any], Difference]]:
    """Rows of :func:`effects`, with the differences that they say."""
    key = ("effects", adjustment, scheme, tuple(outcomes))
    return once(panel, key, lambda: list(_estimated(panel, adjustment, scheme, outcomes)))


def _estimated(
    panel: Panel, adjustment: Adjustment, scheme: str, outcomes: Sequence[str]
) -> Iterator[tuple[dict[str, Any], Difference]]:
    if scheme not in ("unweighted", "weighted"):
        raise ValidityError(f"weights: {scheme!r}; allowed are 'unweighted' and 'weighted'")
    experiment = Experiment.of(panel)
    weight = experiment.weights(scheme == "weighted")
    covariates = experiment.covariates() if adjustment == "lin" else ()
    for outcome in outcomes:
        values = experiment.outcome(outcome)
        for comparison in experiment.comparisons():
            contrast = experiment.contrast(comparison, values, weight, covariates, outcome)
            try:
                found = contrast.estimate(adjustment)
            except ValidityError as fault:
                raise experiment.refusal(outcome, comparison, fault) from None
            yield _row(comparison, contrast, found, outcome, adjustment, scheme), found


def _row(
    comparison: Comparison,
    contrast: Contrast,
    found: Difference,
    outcome: str,
    adjustment: str,
    scheme: str,
) -> dict[str, Any]:
    mean, sd = contrast.control
    estimated = found.row()
    sds = {name: estimated[name] / sd if sd > 0 else np.nan for name in _UNITS}
    share = 100.0 if outcome == "signup" else np.nan
    percentage = {name: share * estimated[name] for name in ("estimate", "low", "high")}
    return {
        **comparison.named,
        "outcome": outcome,
        "adjustment": adjustment,
        "weights": scheme,
        **estimated,
        **{f"{name}_sd": value for name, value in sds.items()},
        **{f"{name}_percentage_points": value for name, value in percentage.items()},
        "control_mean": mean,
        "control_sd": sd,
        "n": len(contrast.outcome),
        "n_arm": int(contrast.treated.sum()),
        "n_control": int((contrast.treated == 0).sum()),
        "smallest_cell": int(contrast.cells.min()),
        "covariates": ", ".join(found.covariates),
        "left_out": ", ".join(found.left_out),
    }


_UNITS = ("estimate", "standard_error", "low", "high")


def equivalence(
    panel: Panel,
    margins: Mapping[str, float] = MARGINS,
    adjustment: Adjustment = "lin",
    weights: str = "unweighted",
) -> pd.DataFrame:
    r"""Whether an effect is shown to be too small to matter, or merely not shown to be there.

    Two one-sided tests (Schuirmann 1987): that the effect is above -margin, and that it is below
    +margin; both must reject at 5 %, as they do when the 90 % interval lies between the margins.
    The margins are a decision, not a finding: 0.20 SD is what Cohen (1988) calls a small effect, and
    5 points of sign-up are 50 people in 1,000 who read the nudge.

    For the reader who would rather have a degree of belief: the Bayes factor of an effect with a
    Cauchy prior of scale 0.707 SD against none (Rouder et al. 2009; ``BayesFactor::ttest.tstat`` in
    R), from the t of the comparison and the two group sizes; it asks about effects much larger than
    nudges have and so favours none. And the probability that the effect lies between the margins,
    under a flat prior.

    Parameters
    ----------
    panel
        The panel.
    margins
        Margin of each outcome to test, above zero: in SDs of the control group for 'willing', as a
        share for 'signup'.
    adjustment, weights
        One each of those of :func:`effects`.

    Returns
    -------
    DataFrame
        One row an outcome and arm: `arm`, `label`, `family`, `outcome`, `adjustment`, `weights`,
        `unit` ('SD' or 'share', of what follows), `margin`, `estimate`, `standard_error`, `low`,
        `high` (90 %), `df`, `p_above` (that it is above -margin), `p_below` (that it is below
        +margin), `p` (the larger), `largest` (the largest effect, of either sign, that is not ruled
        out at 5 %: with a margin beyond it the test shows equivalence), `verdict` ('negligible' when
        the interval lies between the margins, 'relevant' when beyond one of them, else
        'inconclusive'), `bayes_factor` (of an effect against none), `probability_negligible`,
        `probability_positive`, `n`.

    Raises
    ------
    ValidityError
        As :func:`effects`; if a margin is not above zero; if control does not vary where a margin
        is in SDs.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> table = equivalence(open_panel(), {"willing": 0.3}, adjustment="strata")
    >>> table[["arm", "verdict"]].set_index("arm")["verdict"].loc["norm"]
    'negligible'
    """
    # Imported here, since it takes seconds and whoever wants an effect does not need it.
    import pingouin

    for outcome, margin in margins.items():
        if not margin > 0 or not np.isfinite(margin):
            raise ValidityError(f"margins: {outcome} has {margin!r}; it must be above zero")
    rows = []
    for row, found in _estimates(panel, adjustment, weights, list(margins)):
        margin = margins[str(row["outcome"])]
        in_sd = row["outcome"] == "willing"
        unit = row["control_sd"] if in_sd else 1.0
        if unit == 0:
            raise ValidityError(f"{row['outcome']}: control does not vary, so that it has no SD")
        estimate, error = found.estimate / unit, found.standard_error / unit
        t = stats.t(found.df)
        reach = float(t.isf(0.05)) * error
        low, high = estimate - reach, estimate + reach
        above, below = t.sf((estimate + margin) / error), t.cdf((estimate - margin) / error)
        if -margin < low and high < margin:
            verdict = "negligible"
        else:
            verdict = "relevant" if low > margin or high < -margin else "inconclusive"
        # Where no double is large enough for the evidence, it is infinite.
        with np.errstate(divide="ignore"):
            sizes = row["n_arm"], row["n_control"]
            factor = float(pingouin.bayesfactor_ttest(np.float64(estimate / error), *sizes))
        names = ("arm", "label", "family", "outcome", "adjustment", "weights")
        rows.append(
            {name: row[name] for name in names}
            | {
                "unit": "SD" if in_sd else "share",
                "margin": margin,
                "estimate": estimate,
                "standard_error": error,
                "low": low,
                "high": high,
                "df": found.df,
                "p_above": float(above),
                "p_below": float(below),
                "p": float(max(above, below)),
                "largest": abs(estimate) + reach,
                "verdict": verdict,
                "bayes_factor": factor,
                "probability_negligible": float(1 - above - below),
                "probability_positive": float(t.cdf(estimate / error)),
                "n": row["n"],
            }
        )
    return _rounded(pd.DataFrame(rows), panel)


def heterogeneity(
    panel: Panel, outcomes: Sequence[str] = OUTCOMES, weighted: bool = False
) -> pd.DataFrame:
    """Whether a nudge works better for some: two interactions, fixed before the data were seen.

    By efficacy on the issue of the experiment, and by earlier collective activity (the mean
    collective index over the issues). Each is standardised over everybody in the experiment, and
    interacted with treatment beside area effects; HC2, t on n - k. An interaction per SD has about
    the standard error of the effect itself, and is plausibly a fraction of it: `detectable` says
    what this design could have found, and it is more than any nudge did. A clear difference here
    would be a surprise, and its absence says little. Equivalent in R:
    ``estimatr::lm_robust(willing ~ treated * moderator + area, se_type = "HC2")``.

    Parameters
    ----------
    panel
        The panel.
    outcomes
        Any of 'willing' and 'signup'.
    weighted
        Whether the weights count.

    Returns
    -------
    DataFrame
        Three rows a moderator, outcome and arm: `moderator` ('efficacy', 'activity'),
        `moderator_label`, `arm`, `label`, `family`, `outcome`, `contrast` ('difference': by how
        much the effect grows per SD; 'low' and 'high': the effect one SD below and above the mean),
        `estimate` (points, or a share), `standard_error`, `low`, `high` (95 %), `statistic`, `df`,
        `p`, `p_holm` (of the differences over both moderators and outcomes; the pooled apart; NaN in
        other rows), `estimate_sd` (in SDs of the control group; NaN where it does not vary),
        `detectable` (true value that would be found at 5 % with a probability of 80 %), `n`.

    Raises
    ------
    ValidityError
        As :func:`effects`; if nobody has a moderator or it is the same for everybody.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> table = heterogeneity(open_panel(), outcomes=["willing"])
    >>> table["contrast"].value_counts().to_dict()
    {'difference': 8, 'low': 8, 'high': 8}
    """
    experiment = Experiment.of(panel)
    weights = experiment.weights(weighted)
    rows = []
    for moderator, values in _moderators(panel, experiment, weights).items():
        for outcome in outcomes:
            answers = np.where(np.isnan(values), np.nan, experiment.outcome(outcome))
            for comparison in experiment.comparisons():
                contrast = experiment.contrast(comparison, answers, weights, (), outcome)
                chosen = comparison.rows & ~np.isnan(answers) & (weights > 0)
                here, treated = values[chosen], contrast.treated
                try:
                    value, covariance, df = least_squares(
                        contrast.outcome,
                        np.column_stack([treated, treated * here, here, contrast.indicators]),
                        contrast.weights,
                    )
                except ValidityError as fault:
                    raise experiment.refusal(moderator, comparison, fault) from None
                sd = contrast.control[1]
                for name, weight in {"difference": (0, 1), "low": (1, -1), "high": (1, 1)}.items():
                    combined = np.zeros(len(value))
                    combined[:2] = weight
                    error = float(np.sqrt(combined @ covariance @ combined))
                    found = Difference(float(combined @ value), error, df)
                    rows.append(
                        {
                            "moderator": moderator,
                            "moderator_label": MODERATORS[moderator],
                            **comparison.named,
                            "outcome": outcome,
                            "contrast": name,
                            **found.row(),
                            "estimate_sd": found.estimate / sd if sd > 0 else np.nan,
                            "detectable": float(stats.t.isf(0.025, df) + stats.t.isf(0.2, df))
                            * error,
                            "n": len(here),
                        }
                    )
    table = pd.DataFrame(rows)
    family = with_holm(table[table["contrast"] == "difference"], ["family"])
    table.insert(table.columns.get_loc("p") + 1, "p_holm", family["p_holm"])
    return _rounded(table, panel)


def _rounded(table: pd.DataFrame, panel: Panel) -> pd.DataFrame:
    """A table of comparisons with its counts rounded down."""
    sizes = Experiment.of(panel).sizes(table["arm"])
    return counts_rounded(table, panel, sizes, also=["df"])


def _moderators(panel: Panel, experiment: Experiment, weights: Floats) -> dict[str, Floats]:
    """What each in the experiment had before it, standardised over them."""
    frame = experiment.frame
    issue = frame["nudge_issue"].astype(str)
    efficacy = np.full(len(frame), np.nan)
    for name in panel.instrument.issues:
        here = (issue == name).to_numpy()
        efficacy[here] = frame.loc[here, f"{name}_efficacy"]
    activity = indices(panel).groupby("respondent", observed=True)["collective"].mean()
    found = {}
    for name, values in {
        "efficacy": efficacy,
        "activity": frame["respondent"].map(activity).to_numpy(dtype=float),
    }.items():
        known = ~np.isnan(values) & (weights > 0)
        if hardly_varies(values[known], panel.min_cell):
            raise withheld(panel, "For whom a nudge does more")
        if not known.any() or np.ptp(values[known]) < 1e-9:
            raise ValidityError(f"{name}: is unknown or the same for everybody in the experiment")
        share = weights[known] / weights[known].sum()
        mean = share @ values[known]
        found[name] = (values - mean) / np.sqrt(share @ (values[known] - mean) ** 2)
    return found
