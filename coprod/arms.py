"""The experiment of a panel: who was given which arm, and the comparisons it was made for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coprod.design_based import numbers
from coprod.disclosure import hardly_varies, thin, withheld
from coprod.errors import ValidityError
from coprod.experiment import Contrast, Covariate
from coprod.instrument import Instrument, level_codes
from coprod.panel import Panel

__all__ = ["OUTCOMES", "POOLED", "TOGETHER", "Comparison", "Experiment", "analysable"]

Floats = NDArray[np.float64]

OUTCOMES = ("willing", "signup")
"""What the experiment was to change: points from 0 to 10, and a share."""

POOLED = "pooled"
"""The arm of the comparison of all nudges together with control."""

TOGETHER = "Any nudge"
"""What that comparison is called."""


@dataclass(frozen=True)
class Comparison:
    """An arm, or all nudges together, against control.

    Attributes
    ----------
    arm, label
        Value and label of the arm; 'pooled' for all together.
    family
        'arms' or 'pooled': the tests that are adjusted together.
    place
        Number of the comparison: of the arm in the codebook, 0 for the pooled.
    rows
        Who is in it, of those in the experiment.
    treated
        Who of those in the experiment was given it.
    """

    arm: str
    label: str
    family: str
    place: int
    rows: NDArray[np.bool_]
    treated: NDArray[np.bool_]

    @property
    def named(self) -> dict[str, object]:
        """Arm, label and family, as columns of a table."""
        return {"arm": self.arm, "label": self.label, "family": self.family}


@dataclass(frozen=True)
class Experiment:
    """Everybody who was randomised.

    Attributes
    ----------
    frame
        Their rows of the panel, numbered anew.
    arm, area
        The arm and the area of each, numbered as in the codebook.
    instrument
        The questionnaire; its first arm is the control.
    min_cell
        As of the panel.
    """

    frame: pd.DataFrame
    arm: NDArray[np.intp]
    area: NDArray[np.intp]
    instrument: Instrument
    min_cell: int = 0

    @classmethod
    def of(cls, panel: Panel) -> Experiment:
        """Take the experiment out of a panel.

        Raises
        ------
        ValidityError
            If the panel has no experiment, nobody is in control, or nobody is in any other arm; on a
            real panel, if an arm has too few.
        """
        frame, instrument = panel.frame, panel.instrument
        if "arm" not in frame or frame["arm"].isna().all():
            raise ValidityError(
                "this panel has no experiment, so that it says nothing about nudges"
            )
        frame = frame[frame["arm"].notna()].reset_index(drop=True)
        arms = list(instrument.arms)
        codes = level_codes(frame["arm"], arms)
        if (codes < 0).any():
            unknown = sorted(set(frame["arm"].astype(str)) - set(arms))
            raise ValidityError(f"arm: no {', '.join(unknown)}; arms are {', '.join(arms)}")
        if not (codes == 0).any():
            raise ValidityError(f"arm: nobody is in {arms[0]!r}, with which arms are compared")
        if not (codes > 0).any():
            raise ValidityError(f"arm: everybody is in {arms[0]!r}; there is nothing to compare")
        if thin(np.bincount(codes)[np.unique(codes)], panel.min_cell):
            raise withheld(panel, "The experiment")
        area = level_codes(frame["area"], list(instrument.areas))
        return cls(frame, codes, area, instrument, panel.min_cell)

    def comparisons(self) -> Iterator[Comparison]:
        """Each arm that somebody is in against control, then all together where there are more."""
        arms = list(self.instrument.arms.items())
        present = [code for code in range(1, len(arms)) if (self.arm == code).any()]
        for code in present:
            name, label = arms[code]
            rows = np.isin(self.arm, (0, code))
            yield Comparison(name, label, "arms", code, rows, self.arm == code)
        if len(present) > 1:
            everybody = np.ones(len(self.arm), dtype=bool)
            yield Comparison(POOLED, TOGETHER, "pooled", 0, everybody, self.arm > 0)

    def sizes(self, arms: pd.Series) -> dict[str, Floats]:
        """How many were given the arm of each row, control, or either: the totals of its counts.

        How many an arm has is known, so that of those who answered no more may be told than leaves the
        rest too many to be known.
        """
        names = list(self.instrument.arms)
        given = dict(zip(names, np.bincount(self.arm, minlength=len(names)).tolist(), strict=True))
        control = given[names[0]]
        given[POOLED] = len(self.arm) - control
        own = arms.map(given).to_numpy(float)
        return {"n": own + control, "n_arm": own, "n_control": np.full(len(own), float(control))}

    def few(self, values: Floats) -> bool:
        """Whether some arm has too few people at 1, or too few at 0; NaN is neither."""
        of_arm = [values[self.arm == arm] for arm in np.unique(self.arm)]
        return thin([(part == has).sum() for part in of_arm for has in (0, 1)], self.min_cell)

    def outcome(self, name: str) -> Floats:
        """The answers to an outcome, NaN where there is none.

        Raises
        ------
        ValidityError
            If it is no outcome, nobody has a value, or all have the same; on a real panel, if too few
            of an arm signed up, or too few did not.
        """
        if name not in OUTCOMES:
            raise ValidityError(f"outcome: no {name!r}; outcomes are {', '.join(OUTCOMES)}")
        values = numbers(self.frame, [name])[:, 0]
        known = values[~np.isnan(values)]
        if not len(known):
            raise ValidityError(f"{name}: nobody in the experiment has a value")
        if name == "signup" and self.few(values):
            raise ValidityError(
                f"Signing up is not analysed, since fewer than {self.min_cell} respondents of some arm "
                "said yes, or said no"
            )
        if hardly_varies(known, self.min_cell):
            raise ValidityError(f"{name}: varies too little to be analysed")
        if np.ptp(known) == 0:
            raise ValidityError(f"{name}: is {known[0]:g} for everybody; nothing varies")
        return values

    def weights(self, weighted: bool) -> Floats:
        """The weights, or 1 for everybody.

        Raises
        ------
        ValidityError
            If a weight is missing, negative or infinite, or all are zero.
        """
        if not weighted:
            return np.ones(len(self.frame))
        weights = numbers(self.frame, ["weight"])[:, 0]
        if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
            raise ValidityError("weight: must be a number of zero or more, above zero for some")
        return weights

    def covariates(self) -> tuple[Covariate, ...]:
        """Intention before the experiment, then the background."""
        found = []
        for name in ("intends", *self.instrument.background):
            variable = self.instrument.variables[name]
            if variable.kind == "category":
                levels = list(variable.levels)
                codes = level_codes(self.frame[name], levels)
                values = np.asfortranarray(codes[:, None] == np.arange(len(levels)), dtype=float)
                values[codes < 0] = np.nan
                # A level that nobody has is no level, but one column stays to be left out by name.
                some = np.nansum(values, axis=0) > 0
                values = values[:, some] if some.any() else values[:, :1]
            else:
                values = numbers(self.frame, [name])
            found.append(Covariate(name, values, max(2, self.min_cell)))
        return tuple(found)

    def contrast(
        self,
        comparison: Comparison,
        outcome: Floats,
        weights: Floats,
        covariates: Sequence[Covariate] = (),
        what: str = "",
    ) -> Contrast:
        """Those of a comparison who have an outcome and a weight above zero.

        Raises
        ------
        ValidityError
            If nobody is left on a side, or all have the same value; says which outcome and arm.
        """
        rows = comparison.rows & ~np.isnan(outcome) & (weights > 0)
        areas = self.instrument.areas.items()
        try:
            return Contrast(
                outcome[rows],
                comparison.treated[rows].astype(float),
                weights[rows],
                self.area[rows],
                tuple(f"area {name} ({label})" for name, label in areas),
                tuple(c.of_rows(rows) for c in covariates),
            )
        except ValidityError as error:
            raise self.refusal(what, comparison, error) from None

    def refusal(self, what: str, comparison: Comparison, error: ValidityError) -> ValidityError:
        """An error with what it is about; on a real panel without its reason, which may be a person."""
        if self.min_cell:
            return ValidityError(f"{what}: too few people of an arm for this comparison")
        return ValidityError(f"{what}, arm {comparison.arm}: {error}")


def analysable(panel: Panel) -> list[str]:
    """The outcomes that can be analysed; one that nobody or everybody has must not hide the other.

    Parameters
    ----------
    panel
        The panel.

    Returns
    -------
    list of str
        Any of 'willing' and 'signup'.

    Raises
    ------
    ValidityError
        If the panel has no experiment, or neither can be.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> analysable(open_panel())
    ['willing', 'signup']
    """
    experiment = Experiment.of(panel)
    found, faults = [], []
    for outcome in OUTCOMES:
        try:
            experiment.outcome(outcome)
            found.append(outcome)
        except ValidityError as fault:
            faults.append(fault)
    if not found:
        raise faults[0]
    return found
