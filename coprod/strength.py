"""How strong a nudge must be to matter, in people: from willingness to signing up.

A nudge moves what people say they are willing to do; a council wants people who come. The link
between the two is taken from the panel: how much more often people sign up who are more willing. It
carries over to people who are *made* more willing only if nothing else makes some people both
willing and likely to sign up. That is an assumption, and a generous one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, special, stats

from coprod.arms import OUTCOMES, Experiment
from coprod.cumulative import CumulativeLink, joint_covariance
from coprod.design_based import SurveyDesign
from coprod.disclosure import counts_rounded
from coprod.errors import ValidityError
from coprod.nudges import effects
from coprod.panel import Panel
from coprod.power import Trial, detectable, power

__all__ = ["NOTICEABLE", "extra_people", "needed", "strength"]

Floats = NDArray[np.float64]

NOTICEABLE = 0.05
"""The rise in sign-up, as a share, that a council would notice: 50 people in 1,000."""


@dataclass(frozen=True)
class _Link:
    """The logit of signing up, by willingness, arm and area."""

    fit: CumulativeLink
    design: SurveyDesign
    control: Floats
    """Everybody's predictors, had they been in control."""
    sd: float
    """Of willingness in control."""

    @classmethod
    def of(cls, panel: Panel, weighted: bool) -> _Link:
        experiment = Experiment.of(panel)
        willing, asked = (experiment.outcome(name) for name in OUTCOMES)
        weights = experiment.weights(weighted)
        rows = ~np.isnan(willing) & ~np.isnan(asked) & (weights > 0)
        sd = float(np.std(willing[rows & (experiment.arm == 0)]))
        if not sd > 0:
            raise ValidityError("willing: control does not vary, so that it has no SD")
        if np.ptp(asked[rows]) == 0:
            raise ValidityError("signup: is the same for everybody whose willingness is known")
        arm, area = experiment.arm[rows], experiment.area[rows]
        arms, areas = np.unique(arm)[1:], np.unique(area)[1:]
        columns = [willing[rows, None] / sd, arm[:, None] == arms, area[:, None] == areas]
        predictors = np.column_stack(columns).astype(float)
        names = ["willing", *["arm"] * len(arms), *["area"] * len(areas)]
        control = predictors.copy()
        control[:, 1 : 1 + len(arms)] = 0.0
        fit = CumulativeLink(asked[rows].astype(np.intp), predictors, weights[rows], names)
        people = np.arange(int(rows.sum()))
        return cls(fit, SurveyDesign(weights[rows], people, area), control, sd)

    def share(self, effect: float) -> tuple[float, Floats]:
        """The share that signs up when everybody is so much more willing, and its derivatives."""
        weights = self.design.weights / self.design.weights.sum()
        moved = self.control.copy()
        moved[:, 0] += effect
        z = moved @ self.fit.slopes - self.fit.thresholds[0]
        chance = special.expit(z)
        slope = weights * chance * special.expit(-z)
        return float(weights @ chance), np.append(slope @ moved, -slope.sum())

    def extra(self, effect: float) -> tuple[float, float]:
        """The rise of the share, and its standard error by the delta method."""
        (there, after), (here, before) = self.share(effect), self.unmoved
        change = after - before
        return there - here, float(np.sqrt(change @ self.covariance @ change))

    @cached_property
    def unmoved(self) -> tuple[float, Floats]:
        """The share that signs up as it is, and its derivatives."""
        return self.share(0.0)

    @cached_property
    def covariance(self) -> Floats:
        """Of the parameters."""
        return joint_covariance(self.design, [self.fit.influence])

    @property
    def reach(self) -> float:
        """How many standard errors a 95 % interval reaches."""
        return float(stats.t.isf(0.025, len(self.control) - 1))


def extra_people(panel: Panel, strengths: Sequence[float], weighted: bool = True) -> pd.DataFrame:
    r"""How many more of 1,000 people would sign up if all were so much more willing.

    With :math:`F` the logistic function and :math:`b` the slope of willingness, the mean over
    people of :math:`F(x b + b_1 d) - F(x b)`, all in control; intervals by the delta method. Equivalent
    in R: ``survey::svyglm(signup ~ willing + arm + area, quasibinomial)``, then
    ``marginaleffects::avg_comparisons``.

    Parameters
    ----------
    panel
        The panel.
    strengths
        By how much everybody becomes more willing, in SDs of control.
    weighted
        Whether the 1,000 are of the population or of those in the experiment.

    Returns
    -------
    DataFrame
        One row a strength: `strength` (SD), `points` (of the scale from 0 to 10), `share` (that
        would sign up), `extra` (more people in 1,000 than without), `standard_error`, `low`,
        `high` (95 %), `n` (people with both answers).

    Raises
    ------
    ValidityError
        If the panel has no experiment, nobody or everybody signs up, control does not vary, or in
        an arm or area everybody does the same.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> table = extra_people(open_panel(), [0.0, 0.1])
    >>> bool(table["extra"].iloc[0] == 0), bool(5 < table["extra"].iloc[1] < 15)
    (True, True)
    """
    link = _Link.of(panel, weighted)
    rows = []
    for effect in strengths:
        extra, error = link.extra(effect)
        rows.append(
            {
                "strength": effect,
                "points": effect * link.sd,
                "share": link.share(effect)[0],
                "extra": 1000 * extra,
                "standard_error": 1000 * error,
                "low": 1000 * (extra - link.reach * error),
                "high": 1000 * (extra + link.reach * error),
                "n": len(link.control),
            }
        )
    return counts_rounded(pd.DataFrame(rows), panel)


def needed(panel: Panel, extra: float = 1000 * NOTICEABLE, weighted: bool = True) -> pd.DataFrame:
    """How much more willing people must become for so many more of 1,000 to sign up.

    Parameters
    ----------
    panel
        The panel.
    extra
        More people in 1,000, above zero.
    weighted
        As for :func:`extra_people`.

    Returns
    -------
    DataFrame
        One row: `extra`, `strength` (SDs of control), `low`, `high` (all strengths whose 95 %
        interval of extra people holds `extra`; infinite where no strength is certain to be enough),
        `points`.

    Raises
    ------
    ValidityError
        As :func:`extra_people`; if willingness does not go with signing up, or not enough for so
        many.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> found = needed(open_panel(), extra=10).iloc[0]
    >>> bool(found["low"] < found["strength"] < found["high"])
    True
    """
    link = _Link.of(panel, weighted)
    most = 20.0

    def solved(side: float) -> float:
        def short(effect: float) -> float:
            rise, error = link.extra(effect)
            return rise + side * link.reach * error - extra / 1000

        return float(optimize.brentq(short, 0.0, most)) if short(most) > 0 else np.inf

    strongest = 1000 * link.extra(most)[0]
    if not 0 < extra < strongest:
        raise ValidityError(
            f"extra: {extra:g} people in 1,000 are not possible; by how willingness goes with "
            f"signing up, more than 0 and fewer than {max(strongest, 0):.0f} are"
        )
    found = solved(0.0)
    row = {
        "extra": extra,
        "strength": found,
        "low": solved(1.0),
        "high": solved(-1.0),
        "points": found * link.sd,
    }
    return pd.DataFrame([row])


def strength(panel: Panel, noticeable: float = NOTICEABLE, chance: float = 0.8) -> pd.DataFrame:
    """What a nudge did, what this experiment could find, and what a council would notice, as one.

    Everything for one arm with Lin's adjustment, in SDs of willingness and in people.

    Parameters
    ----------
    panel
        The panel.
    noticeable
        The rise in sign-up that a council would notice, as a share.
    chance
        The power that is asked for.

    Returns
    -------
    DataFrame
        Four rows, `mark`: 'strongest' (the arm with the largest estimate for `willing`; `arm` says
        which), 'found' (found with the chance asked for by one test), 'corrected' (at the first step
        of Holm's procedure over all arms and outcomes), 'noticeable'. `strength` (SD), `points`,
        `extra` (people in 1,000), `extra_low`, `extra_high` (95 %, of the link only; for
        'noticeable' `strength_low`, `strength_high` instead), `power` (to find so much in `willing`)
        and `power_signup` (to find so many in `signup`).

    Raises
    ------
    ValidityError
        As :func:`extra_people`, :func:`needed` and :func:`coprod.nudges.effects`.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> table = strength(open_panel()).set_index("mark")
    >>> bool(table.loc["found", "strength"] < table.loc["noticeable", "strength"])
    True
    """
    willing, signup = (Trial.of(panel, outcome) for outcome in OUTCOMES)
    tests = (willing.arms - 1) * len(OUTCOMES)
    estimates = effects(panel, ["lin"], ["unweighted"], ["willing"]).query("family == 'arms'")
    best = estimates.loc[estimates["estimate_sd"].idxmax()]
    enough = needed(panel, 1000 * noticeable).iloc[0]
    marks = {
        "strongest": float(best["estimate_sd"]),
        "found": detectable(willing, chance)["detectable"].item(),
        "corrected": detectable(replace(willing, tests=tests), chance)["detectable"].item(),
        "noticeable": float(enough["strength"]),
    }
    table = extra_people(panel, list(marks.values()))
    certain = (table["strength"] != marks["noticeable"]).to_numpy()
    # People who answer are asked: what the link says of 1,000 is what a share of control would do.
    room = (-signup.baseline, 1 - signup.baseline) if signup.baseline is not None else (-1, 1)
    rises = np.clip(table["extra"] / 1000, *room)
    return pd.DataFrame(
        {
            "mark": list(marks),
            "arm": [best["arm"], "", "", ""],
            "label": [best["label"], "", "", ""],
            "strength": table["strength"],
            "strength_low": np.where(certain, np.nan, enough["low"]),
            "strength_high": np.where(certain, np.nan, enough["high"]),
            "points": table["points"],
            "extra": table["extra"],
            "extra_low": table["low"].where(certain),
            "extra_high": table["high"].where(certain),
            "power": power(willing, list(marks.values()))["power"],
            "power_signup": power(signup, list(rises))["power"],
            "n": table["n"],
        }
    )
