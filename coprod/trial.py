"""An experiment as a design: how many people, areas and arms, and the error that follows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coprod.arms import POOLED, Experiment
from coprod.disclosure import at_least
from coprod.errors import ValidityError
from coprod.experiment import Adjustment
from coprod.panel import Panel

__all__ = ["Trial", "varied"]

Floats = NDArray[np.float64]


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
                "too few people or groups are compared for all that the comparison adjusts for: "
                f"{self.units:.3g} for {self._coefficients} coefficients"
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
            respondents=float(at_least(known.sum(), len(panel.frame), panel.min_cell)) / len(areas),
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
