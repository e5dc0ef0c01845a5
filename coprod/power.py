"""What an experiment can show: its power, what it can detect, and how it errs when it finds something.

An estimate is normal about the true effect, and its variance is estimated with as many degrees of
freedom as the comparison has; it is called found when its two-sided test rejects. Power, the least
effect that is found often enough, and the errors of sign and of size (Gelman and Carlin 2014) all
follow from these two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, stats

from coprod.errors import ValidityError
from coprod.trial import Trial, varied

__all__ = ["Trial", "curves", "detectable", "errors", "power", "varied"]

Floats = NDArray[np.float64]

NODES = 400
"""Points at which the estimated error is held against its true value."""


def _found(ratio: float, df: int, tests: int) -> tuple[float, float, float]:
    r"""Of an estimate whose mean is `ratio` of its errors: its errors when it is found.

    The estimated error is :math:`w = \chi_\nu/\sqrt\nu` times the true one, and independent of the
    estimate: everything is a mean over :math:`w` of what holds for a normal. By the trapezoid rule,
    which is exact to rounding for a density that vanishes at both ends. The page's explorer does
    the same sums.

    Returns
    -------
    power, wrong : float
        Chance to be found, and to be found with the wrong sign.
    size : float
        Mean of the estimate's size, in true errors, times the chance that it is found.
    """
    reach = 10 / np.sqrt(2 * df)
    w = np.linspace(max(0.0, 1 - reach), 1 + reach, NODES + 1)[1:]
    weight = np.exp((df - 1) * np.log(w) - df * (w**2 - 1) / 2)
    weight /= weight.sum()
    critical = stats.t.isf(0.025 / tests, df) * w
    above, below = stats.norm.sf(critical - ratio), stats.norm.cdf(-critical - ratio)
    size = stats.norm.pdf(critical - ratio) + ratio * above
    size += stats.norm.pdf(critical + ratio) - ratio * below
    return float(weight @ (above + below)), float(weight @ below), float(weight @ size)


def _row(trial: Trial) -> dict[str, Any]:
    return {**asdict(trial), "baseline": np.nan if trial.baseline is None else trial.baseline}


def power(trials: Trial | Sequence[Trial], effects: Sequence[float]) -> pd.DataFrame:
    """How likely each trial is to find each effect.

    Equivalent in R for two groups without strata: ``power.t.test(n, delta, strict = TRUE)``.

    Parameters
    ----------
    trials
        One or several.
    effects
        True effects: in SDs of control, or as a share.

    Returns
    -------
    DataFrame
        One row a trial and effect: the trial's attributes, `effect`, `standard_error` (of the
        estimate, in the effect's units), `df`, `power` (chance that a two-sided test at 5 %, shared
        among `tests`, rejects), `extra` (people in 1,000 who would not have acted without; NaN for
        an outcome in SDs).

    Raises
    ------
    ValidityError
        If an effect takes a share beyond 0 or 1.

    Examples
    --------
    >>> power(Trial(respondents=525, areas=5, arms=4), [0.1, 0.2])["power"].round(2).tolist()
    [0.44, 0.95]
    """
    return errors(trials, effects).drop(columns=["type_s", "type_m"])


def curves(trial: Trial, effects: Sequence[float]) -> pd.DataFrame:
    """How power changes with respondents an area, with areas and with arms, each on its own.

    Parameters
    ----------
    trial
        The experiment from which each departs.
    effects
        True effects, as for :func:`power`.

    Returns
    -------
    DataFrame
        As of :func:`power`, with `changed` ('respondents', 'areas' or 'arms') and `value` (what it
        is changed to: respondents up to three times as many, areas up to ten or twice as many, arms
        up to eight).

    Examples
    --------
    >>> found = curves(Trial(respondents=525, areas=5, arms=4), [0.1])
    >>> found.groupby("changed")["value"].max().to_dict()
    {'areas': 10.0, 'arms': 8.0, 'respondents': 1575.0}
    """
    most = max(10, 2 * trial.areas)
    least = max(trial.respondents / 10, 8 * trial.arms, trial.cluster)
    ways: dict[str, Sequence[float]] = {
        "respondents": np.geomspace(least, max(3 * trial.respondents, 2 * least), 41).tolist(),
        "areas": range(1, most + 1),
        "arms": range(1 + trial.nudged, 9 if trial.nudged == 1 else 2 + trial.nudged),
    }
    tables = []
    for changed, values in ways.items():
        for value in values:
            try:
                here = replace(trial, **{changed: value})  # type: ignore[arg-type]
            except ValidityError:  # too few people for its covariates: there the curve ends
                continue
            tables.append(power(here, effects).assign(changed=changed, value=float(value)))
    return pd.concat(tables, ignore_index=True)


def errors(trials: Trial | Sequence[Trial], effects: Sequence[float]) -> pd.DataFrame:
    r"""How an effect that was found is wrong: in its sign, and by how much it is exaggerated.

    An effect that is small beside its error is found only when chance makes the estimate large.
    Type S is the chance that an estimate that was found has the wrong sign, type M the mean of its
    size over that of the true effect (Gelman and Carlin 2014). Equivalent in R: their function
    ``retrodesign``, which has the estimated error known.

    Parameters
    ----------
    trials, effects
        As for :func:`power`.

    Returns
    -------
    DataFrame
        As of :func:`power`, with `type_s` (a share; 0.5 where there is no effect) and `type_m` (a
        ratio; NaN where there is no effect).

    Examples
    --------
    >>> found = errors(Trial(respondents=525, areas=5, arms=4), [0.05, 0.2])
    >>> found[["type_s", "type_m"]].round(3).values.tolist()
    [[0.014, 2.728], [0.0, 1.029]]
    """
    rows = []
    for trial in [trials] if isinstance(trials, Trial) else trials:
        for effect in effects:
            share = effect if trial.baseline is None else trial.baseline + effect
            if not np.isfinite(share) or (trial.baseline is not None and not 0 <= share <= 1):
                raise ValidityError(
                    f"effects: {effect!r} is not possible; it must be a number"
                    + ("" if trial.baseline is None else " that leaves a share between 0 and 1")
                )
            error = trial.standard_error(effect)
            chance, wrong, size = _found(abs(effect) / error, trial.df, trial.tests)
            rows.append(
                {
                    **_row(trial),
                    "effect": effect,
                    "standard_error": error,
                    "df": trial.df,
                    "power": chance,
                    "extra": np.nan if trial.baseline is None else 1000 * effect,
                    "type_s": wrong / chance,
                    "type_m": size * error / (chance * abs(effect)) if effect else np.nan,
                }
            )
    return pd.DataFrame(rows)


def detectable(trials: Trial | Sequence[Trial], chance: float = 0.8) -> pd.DataFrame:
    """The least effect that each trial finds with a given chance.

    Parameters
    ----------
    trials
        One or several.
    chance
        Power that is asked for, above 5 %.

    Returns
    -------
    DataFrame
        One row a trial: its attributes, `chance`, `detectable` (SDs of control, or a share; upwards;
        NaN where no effect that is possible is found so often), `extra` (people in 1,000; NaN for
        an outcome in SDs).

    Raises
    ------
    ValidityError
        If the chance is not above 0.05 and below 1.

    Examples
    --------
    >>> detectable(Trial(respondents=525, areas=5, arms=4))["detectable"].round(3).item()
    0.155
    """
    if not 0.05 < chance < 1:
        raise ValidityError(f"chance: {chance!r} is not possible; above 0.05 and below 1")
    rows = []
    for trial in [trials] if isinstance(trials, Trial) else trials:

        def missing(effect: float, trial: Trial = trial) -> float:
            ratio = effect / trial.standard_error(effect)
            return _found(ratio, trial.df, trial.tests)[0] - chance

        end = min(trial.largest, 100 * trial.standard_error())
        found = np.nan
        if missing(end) >= 0:
            found = float(optimize.brentq(missing, 0.0, end, xtol=1e-12))
        extra = np.nan if trial.baseline is None else 1000 * found
        rows.append({**_row(trial), "chance": chance, "detectable": found, "extra": extra})
    return pd.DataFrame(rows)
