"""The specification curve of the nudges: all of them together against control, chosen in every way.

An experiment leaves fewer choices than a survey, since chance made the groups alike; some are left.
Everything is on one scale: standard deviations of the control group. As in
:mod:`coprod.specifications`, every combination of outcome, adjustment, weights, missing answers and
outliers is fitted twice: to everybody, and without one area or one issue of the experiment, which
take turns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coprod.arms import Comparison, Experiment, analysable
from coprod.cache import remembered
from coprod.disclosure import counts_rounded
from coprod.errors import ValidityError
from coprod.experiment import Adjustment, Contrast, Covariate
from coprod.panel import Panel
from coprod.specifications import (
    OUTLIERS,
    Choices,
    checked,
    left_out_areas,
    turns,
    unusual,
    weightings,
)

__all__ = ["ADJUSTMENTS", "OWN", "TOP", "Variations", "choices", "nudge_curve", "specifications"]

Floats = NDArray[np.float64]

TOP = 8
"""From here on, of 10, somebody counts as willing where `willing` is made a share."""

OUTCOMES = {
    "willing": "Willing, 0 to 10",
    "top": f"Willing, {TOP} or more",
    "signup": "Asked for details",
    "both": "Both, standardised",
}
"""What is compared. 'both' is the mean of `willing` and `signup`, each in SDs of everybody."""

ADJUSTMENTS = {
    "none": "None",
    "strata": "Areas",
    "intends": "Areas and intention",
    "background": "Areas and background",
    "all": "All of these",
}
"""What is adjusted for: nothing, strata effects, or by Lin's method the strata and covariates."""

MISSING = {"mean": "Gaps take the mean", "complete": "Complete answers"}

OWN = {
    "outcome": "willing",
    "adjustment": "all",
    "weights": "unweighted",
    "area": "none",
    "issue": "none",
    "missing": "mean",
    "outliers": "kept",
}
"""What the book itself chooses, in :func:`coprod.nudges.effects`."""


def choices(panel: Panel) -> Choices:
    """Every choice of the curve of the nudges and its options, each with its label.

    Raises
    ------
    ValidityError
        If the panel has no experiment.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> list(choices(open_panel()))
    ['outcome', 'adjustment', 'weights', 'area', 'issue', 'missing', 'outliers']
    """
    return {
        "outcome": ("Outcome", _outcomes(panel)),
        "adjustment": ("Adjusted for", ADJUSTMENTS),
        "weights": ("Weights", weightings(panel, OWN["weights"])),
        "area": ("Area left out", {"none": "None", **left_out_areas(panel)}),
        "issue": ("Issue left out", {"none": "None", **_left_out_issues(panel)}),
        "missing": ("Missing answers", MISSING),
        "outliers": ("Unusual people", OUTLIERS),
    }


def _outcomes(panel: Panel) -> dict[str, str]:
    """The outcomes that can be analysed."""
    able = Variations.of(panel).outcomes
    return {name: label for name, label in OUTCOMES.items() if name in able}


def _left_out_issues(panel: Panel) -> dict[str, str]:
    """The issues that somebody in the experiment was asked to help with, unless there is one."""
    found = set(Experiment.of(panel).frame["nudge_issue"].dropna().astype(str))
    issues = {name: label for name, label in panel.instrument.issues.items() if name in found}
    return issues if len(issues) > 1 else {}


def specifications(panel: Panel) -> pd.DataFrame:
    """The combinations of choices that the curve of the nudges consists of.

    Returns
    -------
    DataFrame
        One row a specification, one column a choice: `outcome`, `adjustment`, `weights`, `area`
        and `issue` (the one left out, 'none'; never both), `missing`, `outliers`; values are those
        of :func:`choices`.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> len(specifications(open_panel()))
    320
    """
    columns = ["missing", "outliers", "weights", "outcome", "adjustment"]
    weights = weightings(panel, OWN["weights"])
    every = pd.DataFrame(
        product(MISSING, OUTLIERS, weights, _outcomes(panel), ADJUSTMENTS), columns=columns
    )
    parts = [every.assign(area="none", issue="none")]
    left_out = [("area", area) for area in left_out_areas(panel)]
    left_out += [("issue", issue) for issue in _left_out_issues(panel)]
    if left_out:
        places = turns([str(place) for place in range(len(left_out))], len(every))
        taken = [left_out[int(place)] for place in places]
        parts.append(
            every.assign(
                **{
                    name: [value if kind == name else "none" for kind, value in taken]
                    for name in ("area", "issue")
                }
            )
        )
    return pd.concat(parts, ignore_index=True)[list(choices(panel))]


@dataclass(frozen=True)
class Variations:
    """The experiment, ready for any specification.

    Attributes
    ----------
    experiment
        Who was randomised.
    comparison
        All nudges together against control, or the one that there is.
    issue
        The issue that each was asked to help with.
    able
        The outcomes that can be analysed.
    """

    experiment: Experiment
    comparison: Comparison
    issue: NDArray[np.str_]
    able: tuple[str, ...]

    @classmethod
    def of(cls, panel: Panel) -> Variations:
        """Take the experiment out of a panel; see :meth:`coprod.arms.Experiment.of`."""
        experiment = Experiment.of(panel)
        issue = experiment.frame["nudge_issue"].astype(object).to_numpy(str)
        able = tuple(analysable(panel))
        return cls(experiment, list(experiment.comparisons())[-1], issue, able)

    @cached_property
    def outcomes(self) -> dict[str, Floats]:
        """The outcome of each person in every coding, NaN where there is none."""
        found = {name: self.experiment.outcome(name) for name in self.able}
        if "willing" in found:
            willing = found["willing"]
            top = np.where(np.isnan(willing), np.nan, willing >= TOP)
            # Like signing up, not analysed where too few of an arm are on one side.
            if not self.experiment.few(top):
                found["top"] = top
        if len(self.able) > 1:
            # Standardised over everybody, so that another assignment leaves it as it is.
            both = [(v - np.nanmean(v)) / np.nanstd(v) for v in map(found.__getitem__, self.able)]
            found["both"] = np.mean(both, axis=0)
        return found

    @cached_property
    def covariates(self) -> dict[str, tuple[Covariate, ...]]:
        """The covariates of each adjustment."""
        first, *background = self.experiment.covariates()
        sets = {"intends": (first,), "background": tuple(background), "all": (first, *background)}
        return {"none": (), "strata": (), **sets}

    @cached_property
    def complete(self) -> NDArray[np.bool_]:
        """Who left out neither an outcome nor a covariate."""
        gaps = [np.isnan(c.values).any(axis=1) for c in self.covariates["all"]]
        return ~np.any([*gaps, *(np.isnan(values) for values in self.outcomes.values())], axis=0)

    @cached_property
    def usual(self) -> NDArray[np.bool_]:
        """Whose leverage in the regression on age, years and intention is not out of the ordinary.

        The rule of :func:`coprod.specifications.without_outliers`: no arm and no outcome counts.
        """
        numbers = [c for c in self.covariates["all"] if c.values.shape[1] == 1]
        even = np.ones(len(self.issue))
        columns = np.column_stack([even, *(c.centred(even) for c in numbers)])
        # Singular values, since a number may be the same for everybody.
        left, sizes, _ = np.linalg.svd(columns, full_matrices=False)
        leverage = (left[:, sizes > 1e-9 * sizes[0]] ** 2).sum(axis=1)
        return ~unusual(leverage, self.experiment.min_cell)

    def weights(self, weights: str) -> Floats:
        """Of each person."""
        return self.experiment.weights(weights == "weighted")

    def rows(
        self, outcome: str, weights: str, area: str, issue: str, missing: str, outliers: str
    ) -> NDArray[np.bool_]:
        """Whom a specification is about."""
        rows = ~np.isnan(self.outcomes[outcome]) & (self.weights(weights) > 0)
        if missing == "complete":
            rows &= self.complete
        if outliers == "trimmed":
            rows &= self.usual
        if area != "none":
            rows &= self.experiment.area != list(self.experiment.instrument.areas).index(area)
        return rows & (self.issue != issue)

    def contrast(
        self,
        outcome: str,
        adjustment: str,
        weights: str,
        area: str,
        issue: str,
        missing: str,
        outliers: str,
    ) -> Contrast:
        """The comparison of a specification; without adjustment everybody is in one stratum."""
        rows = self.rows(outcome, weights, area, issue, missing, outliers)
        contrast = self.experiment.contrast(
            replace(self.comparison, rows=rows),
            self.outcomes[outcome],
            self.weights(weights),
            self.covariates[adjustment],
            outcome,
        )
        if adjustment != "none":
            return contrast
        return replace(contrast, strata=np.zeros(rows.sum(), dtype=np.intp), names=("everybody",))


def method(adjustment: str) -> Adjustment:
    """How :meth:`coprod.experiment.Contrast.estimate` is asked for an adjustment."""
    return "strata" if adjustment in ("none", "strata") else "lin"


def nudge_curve(panel: Panel, table: pd.DataFrame | None = None) -> pd.DataFrame:
    """The effect of all nudges together, against control, under every specification.

    As :func:`coprod.nudges.effects` estimates it: HC2, t on n - k. 'Complete' are people who left
    out neither an outcome nor a covariate, the same for all outcomes; otherwise everybody with the
    outcome stays, and a gap in a covariate takes its mean. A specification that cannot be fitted
    has NaN, and says why. The curve is kept (:mod:`coprod.cache`).

    Parameters
    ----------
    panel
        The panel.
    table
        Some specifications, with the columns of :func:`specifications`; all of those by default.

    Returns
    -------
    DataFrame
        One row a specification: the choices, then `estimate` (in SDs of the control group, taken as
        known), `standard_error`, `low`, `high` (95 %), `p`, `n` (people), `fault` (why it could not
        be fitted, else '').

    Raises
    ------
    ValidityError
        If the panel has no experiment, or as :func:`coprod.nudges.effects`; if `table` has an option
        that does not exist; if no specification can be fitted.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> panel = open_panel()
    >>> one = specifications(panel).query("outcome == 'signup'").head(3)
    >>> nudge_curve(panel, one)["fault"].tolist()
    ['', '', '']
    """
    variations = Variations.of(panel)
    table = checked(specifications(panel) if table is None else table, choices(panel))

    def compute() -> pd.DataFrame:
        rows = []
        for chosen in table.to_dict("records"):
            try:
                contrast = variations.contrast(**chosen)
                found = contrast.estimate(method(chosen["adjustment"]))
                if not (sd := contrast.control[1]) > 0:
                    raise ValidityError("control does not vary, so that it has no SD")
            except ValidityError as fault:
                rows.append({"n": 0, "fault": str(fault)})
                continue
            estimated = found.row()
            scaled = ("estimate", "standard_error", "low", "high")
            row = {name: estimated[name] / sd for name in scaled}
            rows.append({**row, "p": estimated["p"], "n": len(contrast.outcome), "fault": ""})
        names = ["estimate", "standard_error", "low", "high", "p", "n", "fault"]
        found = pd.DataFrame(rows).reindex(columns=names)
        if found["estimate"].isna().all():
            raise ValidityError(f"no specification can be fitted: {found['fault'].iloc[0]}")
        return pd.concat([table, found], axis=1)

    arguments = {"specifications": table.to_dict("list")}
    return counts_rounded(remembered("nudge_specifications", panel, arguments, compute), panel)
