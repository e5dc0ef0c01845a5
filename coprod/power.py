"""What an experiment can show: its power, what it can detect, and how it errs when it finds something.

An estimate is normal about the true effect, and its variance is estimated with as many degrees of
freedom as the comparison has; it is called found when its two-sided test rejects. Power, the least
effect that is found often enough, and the errors of sign and of size (Gelman and Carlin 2014) all
follow from these two.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, stats

from coprod.arms import POOLED, Experiment
from coprod.errors import ValidityError
from coprod.experiment import Adjustment
from coprod.panel import Panel

__all__ = ["Trial", "curves", "detectable", "errors", "power", "varied"]

Floats = NDArray[np.float64]

NODES = 400
"""Points at which the estimated error is held against its true value."""


@dataclass(frozen=True)
class Trial:
    r"""An experiment in areas: each area's people are shared evenly and at random among the arms.

    The variance of the difference is the sum over both groups of
    :math:`(1 - R^2)\,D\,C\,\sigma^2/n`. :math:`\sigma^2` is 1 where the outcome is counted in SDs,
    :math:`p(1-p)` for a share; :math:`R^2` is what strata and covariates account for;
    :math:`D = 1 + (m - 1)\rho` where groups of :math:`m` people who are alike by :math:`\rho` are
    assigned as a whole (Donner and Klar 2000); and :math:`C` is the price of the covariates, whose
    means differ by chance: :math:`1 + (1 - \pi)\,k/(n - k - 2)` for a group with the share
    :math:`\pi` of all, which is exact for normal covariates.

    Attributes
    ----------
    respondents
        People an area, over all arms.
    areas
        How many.
    arms
        How many, control included; ignored where `shares` says who is compared.
    baseline
        The share of control that has the outcome; None for an outcome in SDs of control.
    explained
        The share of the outcome's variance that strata and covariates account for.
    covariates
        Columns of covariates, each with a slope in either group (Lin 2013).
    cluster
        People who are assigned together.
    alike
        Intraclass correlation of those who are assigned together.
    tests
        Over how many tests the 5 % are shared, as at the first step of Holm's procedure.
    nudged
        Arms that are compared with control together: 1, or all but one for any nudge.

    Raises
    ------
    ValidityError
        If a number is not possible; says which, and what is allowed.

    Examples
    --------
    >>> trial = Trial(respondents=525, areas=5, arms=4)
    >>> round(trial.standard_error(0.1), 4), trial.df
    (0.0552, 1306)
    """

    respondents: float
    areas: int
    arms: int
    baseline: float | None = None
    explained: float = 0.0
    covariates: int = 0
    cluster: float = 1.0
    alike: float = 0.0
    tests: int = 1
    nudged: int = 1

    def __post_init__(self) -> None:
        rules = {
            "respondents": (self.respondents > 0, "above 0"),
            "areas": (self.areas >= 1, "1 or more"),
            "arms": (self.arms >= 2, "2 or more, with control"),
            "baseline": (self.baseline is None or 0 < self.baseline < 1, "between 0 and 1"),
            "explained": (0 <= self.explained < 1, "from 0 to below 1"),
            "covariates": (self.covariates >= 0, "0 or more"),
            "cluster": (1 <= self.cluster <= self.respondents, "from 1 to all of an area"),
            "alike": (0 <= self.alike <= 1, "from 0 to 1"),
            "tests": (self.tests >= 1, "1 or more"),
            "nudged": (1 <= self.nudged < self.arms, "1 or more, and fewer than the arms"),
        }
        for name, (holds, allowed) in rules.items():
            if not holds:
                raise ValidityError(f"{name}: {getattr(self, name)!r} is not possible; {allowed}")
        if self.df < 1 or self.respondents * self.areas / self.arms <= self.covariates + 2:
            raise ValidityError(
                f"the comparison has {self.units:g} units and {self._coefficients} coefficients; "
                "it needs more units than coefficients"
            )

    @classmethod
    def of(cls, panel: Panel, outcome: str, arm: str = "", adjustment: Adjustment = "lin") -> Trial:
        """The experiment of a panel, as it was carried out.

        `explained` is what areas, and for 'lin' intention and background, take off the variance
        within arms, adjusted for the coefficients that they use.

        Parameters
        ----------
        panel
            The panel.
        outcome
            'willing' (in SDs of control) or 'signup' (a share).
        arm
            'pooled' for any nudge; otherwise one arm.
        adjustment
            'strata' or 'lin'.

        Raises
        ------
        ValidityError
            As :func:`coprod.nudges.effects`.
        """
        experiment = Experiment.of(panel)
        values = experiment.outcome(outcome)
        known = ~np.isnan(values)
        codes = np.unique(experiment.arm[known])
        areas = np.unique(experiment.area[known])
        arms = (experiment.arm[known, None] == codes).astype(float)
        around = (experiment.area[known, None] == areas[1:]).astype(float)
        covariates = np.empty((int(known.sum()), 0))
        if adjustment == "lin":
            columns = [c.centred(known.astype(float))[known] for c in experiment.covariates()]
            covariates = np.column_stack(columns)
            covariates = covariates[:, np.ptp(covariates, axis=0) > 0]
        alone = _variance(values[known], arms)
        beside = _variance(values[known], np.column_stack([arms, around, covariates]))
        control = values[known & (experiment.arm == 0)]
        if not len(control) or len(codes) < 2:
            raise ValidityError(f"{outcome}: is unknown for all of control, or for all nudges")
        if np.ptp(control) == 0:
            raise ValidityError(f"{outcome}: is {control[0]:g} for everybody in control")
        return cls(
            respondents=float(known.sum() / len(areas)),
            areas=len(areas),
            arms=len(codes),
            baseline=float(control.mean()) if outcome == "signup" else None,
            explained=max(0.0, 1 - beside / alone) if alone > 0 else 0.0,
            covariates=covariates.shape[1],
            nudged=len(codes) - 1 if arm == POOLED else 1,
        )

    @property
    def units(self) -> float:
        """What is compared: people, or the groups that were assigned as a whole."""
        shared = self.respondents * self.areas * (1 + self.nudged) / self.arms
        return shared / self.cluster

    @property
    def _coefficients(self) -> int:
        # Lin's adjustment gives every covariate and area a coefficient in either group.
        return self.areas + 1 + (2 * self.covariates + self.areas - 1 if self.covariates else 0)

    @property
    def df(self) -> int:
        """Degrees of freedom: units less coefficients."""
        return int(np.floor(self.units + 1e-9)) - self._coefficients

    @property
    def spread(self) -> float:
        """How many times as variable an estimate is for assigning groups: the design effect."""
        return 1 + (self.cluster - 1) * self.alike

    def standard_error(self, effect: float = 0.0) -> float:
        """Of the difference, in the outcome's units, where this is the true effect."""
        control = self.respondents * self.areas / self.arms
        total = 0.0
        for people, change in ((control * self.nudged, effect), (control, 0.0)):
            share = min(max((self.baseline or 0) + change, 0.0), 1.0)
            variance = 1.0 if self.baseline is None else share * (1 - share)
            free = people - self.covariates - 2
            price = 1 + (1 - people / (control * (1 + self.nudged))) * self.covariates / free
            total += price * variance / people
        return float(np.sqrt((1 - self.explained) * self.spread * total))

    @property
    def largest(self) -> float:
        """The largest effect that is possible: all of an arm where the outcome is a share."""
        return np.inf if self.baseline is None else 1 - self.baseline


def _variance(values: Floats, columns: Floats) -> float:
    """Variance that columns leave, adjusted for their number; some may follow from others."""
    left, _, rank, _ = np.linalg.lstsq(columns, values, rcond=None)
    residuals = values - columns @ left
    return float(residuals @ residuals / (len(values) - rank))


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


def varied(trial: Trial, **ways: Sequence[Any]) -> Iterator[Trial]:
    """The trial in all combinations of some changes, for a curve.

    Examples
    --------
    >>> trial = Trial(respondents=525, areas=5, arms=4)
    >>> [(t.areas, t.arms) for t in varied(trial, areas=[5, 10], arms=[2, 4])]
    [(5, 2), (5, 4), (10, 2), (10, 4)]
    """
    for values in product(*ways.values()):
        yield replace(trial, **dict(zip(ways, values, strict=True)))


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
