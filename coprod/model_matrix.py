"""The rows and columns of every regression of the book.

One model matrix serves them all: intercept, area, issue (where pooled), then the blocks background,
performance, outreach and efficacy, each a run of columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from coprod.design_based import SurveyDesign, numbers
from coprod.disclosure import thin, withheld
from coprod.errors import ValidityError
from coprod.instrument import Instrument, level_codes
from coprod.panel import Panel
from coprod.scales import indices
from coprod.triangle import some_rows, triangle

__all__ = ["BLOCKS", "PERCEPTIONS", "ModelMatrix"]

Floats = NDArray[np.float64]

BLOCKS = {
    "background": "Background",
    "performance": "Performance",
    "outreach": "Outreach",
    "efficacy": "Self-efficacy",
}
"""The blocks that are compared, in the order in which they enter, and their labels."""

PERCEPTIONS = {
    "state": ("performance", "State of the issue"),
    "satisfied": ("performance", "Satisfaction with agencies"),
    "informed": ("outreach", "Information"),
    "consulted": ("outreach", "Consultation"),
    "efficacy": ("efficacy", "Self-efficacy"),
}
"""Block and label of each perception. The codebook's own labels name an issue."""


@dataclass(frozen=True)
class _Factor:
    """A variable with categories: its levels in order, and each row's level (-1 is missing)."""

    name: str
    label: str
    block: str
    levels: dict[str, str]
    codes: NDArray[np.intp]

    def reference(self, chosen: str | None, people: NDArray[np.intp], fewest: int) -> int:
        """The level that others are compared with: the first that enough respondents have."""
        if chosen is None:
            return int(np.argmax(people >= fewest))
        able = [level for level, n in zip(self.levels, people, strict=True) if n >= fewest]
        if chosen not in able:
            raise ValidityError(
                f"{self.name}: {chosen!r} cannot be the reference; levels that at least "
                f"{'two' if fewest == 2 else fewest} complete respondents have: {', '.join(able)}"
            )
        return list(self.levels).index(chosen)


@dataclass(frozen=True)
class ModelMatrix:
    """Complete rows of a panel, ready for a regression of one index or more.

    Attributes
    ----------
    terms
        One row a column of `predictors`: `term`, `term_label`, `level` ('' for a number),
        `label`, `block` ('intercept', 'area', 'issue' or a key of :data:`BLOCKS`), `reference`
        (label of the reference level, '' for a number), `mean` and `scale` (weighted mean and
        standard deviation that a number was standardised by, NaN for a level), `lonely` (whether
        fewer than two respondents have the level, so that its error cannot be estimated, or of a
        real panel fewer than may be told of).
    predictors
        n × k; numbers standardised by their weighted mean and population SD over these rows.
    outcomes
        n × m indices, 0 to 100.
    forms
        What each outcome is.
    design
        Weights, respondents and areas of the rows.
    """

    terms: pd.DataFrame
    predictors: Floats
    outcomes: Floats
    forms: tuple[str, ...]
    design: SurveyDesign

    @classmethod
    def of(
        cls,
        panel: Panel,
        forms: Sequence[str],
        issue: str | None = None,
        weighted: bool = True,
        references: Mapping[str, str] | None = None,
        without: Sequence[str] = (),
    ) -> ModelMatrix:
        """Build the matrix from all rows that lack nothing.

        Parameters
        ----------
        panel
            The panel.
        forms
            The indices to explain; a row must have all of them.
        issue
            One issue, or None for all of them pooled, with issue effects.
        weighted
            Whether the weights count.
        references
            Reference level by variable; by default the first that two respondents have.
        without
            Variables to leave out.

        Raises
        ------
        ValidityError
            If a form, issue, variable or level does not exist; if no row is complete; if an index
            or a variable is empty, constant, or a combination of others; if there are not more
            respondents than coefficients. Area and issue are left out where they do not vary.
        """
        instrument = panel.instrument
        for form in forms:
            if form not in instrument.forms:
                raise ValidityError(f"form: no {form!r}; forms are {', '.join(instrument.forms)}")
        if issue is not None and issue not in instrument.issues:
            raise ValidityError(f"issue: no {issue!r}; issues are {', '.join(instrument.issues)}")
        frame = indices(panel)
        if issue is not None:
            frame = frame[frame["issue"] == issue].reset_index(drop=True)
        names = [*instrument.background, *instrument.perceptions]
        for name in without:
            if name not in names:
                raise ValidityError(f"without: no {name!r}; variables are {', '.join(names)}")
        names = [name for name in names if name not in without]
        design = SurveyDesign.of(frame, weighted)
        rows = _complete(frame, [*forms, *names], design.weights > 0)
        needed = ["area", "issue", *forms, *names]
        frame = frame[needed] if len(rows) == len(frame) else frame[needed].iloc[rows]
        design = design.of_rows(rows)
        outcomes = numbers(frame, list(forms))
        if panel.min_cell:
            # A mean follows from coefficients: of the few who do anything, or not everything, nothing is told.
            sides = np.column_stack([outcomes > 0, outcomes < 100])
            if thin(design.people(sides), panel.min_cell):
                raise withheld(panel, "What goes with how much people do")
        fewest = max(2, panel.min_cell)
        terms, columns = _columns(frame, instrument, names, issue, design, references or {}, fewest)
        for form, values in zip(forms, outcomes.T, strict=True):
            if np.ptp(values) < 1e-9:
                raise ValidityError(f"{form}: the index is the same for everybody; nothing varies")
        people = len(design.strata)
        if people <= len(terms):
            many = f"{people} respondents" if not panel.min_cell else "too few respondents"
            raise ValidityError(
                f"the regression has {len(terms)} coefficients and {many} "
                "who answered everything; it needs more respondents than coefficients"
            )
        # Column by column, as they are made and mostly used.
        predictors = np.empty((len(frame), len(columns)), order="F")
        for place, column in enumerate(columns):
            predictors[:, place] = column
        return cls(pd.DataFrame(terms), predictors, outcomes, tuple(forms), design)

    def block(self, name: str) -> NDArray[np.intp]:
        """The columns of a block whose errors can be estimated."""
        return np.flatnonzero((self.terms["block"] == name) & ~self.terms["lonely"])

    @cached_property
    def triangle(self) -> Floats:
        """R of the QR decomposition of all weighted columns, predictors first, outcomes last.

        Upper triangular, (k + m) × (k + m); all that least squares needs of the rows.
        """
        root, x, y = np.sqrt(self.design.weights)[:, None], self.predictors, self.outcomes
        return triangle(np.column_stack([x[at], y[at]]) * root[at] for at in some_rows(len(x)))

    @property
    def spread(self) -> Floats:
        """Weighted population SD of each outcome."""
        weights = self.design.weights[:, None] / self.design.weights.sum()
        mean = (weights * self.outcomes).sum(axis=0)
        return np.asarray(np.sqrt((weights * (self.outcomes - mean) ** 2).sum(axis=0)))


def _complete(frame: pd.DataFrame, needed: list[str], counted: ArrayLike) -> NDArray[np.intp]:
    """Rows with a weight that lack nothing; refuses where there are none."""
    weighed = np.asarray(counted)
    complete, people = weighed.copy(), []
    for name in needed:
        known = frame[name].notna().to_numpy()
        complete &= known
        people.append(np.count_nonzero(known & weighed))
    if not complete.any():
        empty = [name for name, some in zip(needed, people, strict=True) if not some]
        fewest = needed[int(np.argmin(people))]
        if empty:
            raise ValidityError(f"{', '.join(empty)}: nobody with a weight above zero has a value")
        raise ValidityError(f"nobody answered everything; {fewest} is missing most often")
    return np.flatnonzero(complete)


def _columns(
    frame: pd.DataFrame,
    instrument: Instrument,
    names: list[str],
    issue: str | None,
    design: SurveyDesign,
    references: Mapping[str, str],
    fewest: int,
) -> tuple[list[dict[str, object]], list[NDArray[Any]]]:
    """The columns of the matrix and what each is."""
    terms: list[dict[str, object]] = []
    columns: list[NDArray[Any]] = []
    asked = dict(references)
    plain = {"reference": "", "mean": np.nan, "scale": np.nan, "lonely": False}

    def add(name: str, title: str, block: str, column: NDArray[Any], **more: object) -> None:
        row = {"term": name, "term_label": title, "level": "", "label": title, "block": block}
        terms.append(row | plain | more)
        columns.append(column)

    def add_factor(factor: _Factor) -> None:
        dummies = np.empty((len(frame), len(factor.levels)), dtype=bool, order="F")
        for code, dummy in enumerate(dummies.T):
            dummy[:] = factor.codes == code
        people = design.people(dummies)
        chosen = asked.pop(factor.name, None)
        base = factor.reference(chosen, people, fewest)
        if (people > 0).sum() < 2 or people[base] < fewest:
            if factor.block in ("area", "issue"):
                return
            if fewest > 2:
                raise ValidityError(
                    f"{factor.name}: too few respondents of each group answered all"
                )
            only = list(factor.levels.values())[int(people.argmax())]
            raise ValidityError(f"{factor.name}: {_constant(only)}")
        labels = list(factor.levels.values())
        for code, (level, label) in enumerate(factor.levels.items()):
            if code != base and people[code]:
                lonely = bool(people[code] < fewest)
                more = {"level": level, "label": label, "reference": labels[base], "lonely": lonely}
                add(factor.name, factor.label, factor.block, dummies[:, code], **more)

    add("intercept", "Intercept", "intercept", np.ones(len(frame)))
    codes = level_codes(frame["area"], instrument.areas)
    add_factor(_Factor("area", "Area", "area", instrument.areas, codes))
    if issue is None:
        codes = level_codes(frame["issue"], instrument.issues)
        add_factor(_Factor("issue", "Issue", "issue", instrument.issues, codes))
    weights = design.weights / design.weights.sum()
    for name in names:
        block, label = PERCEPTIONS.get(name, ("background", ""))
        if block == "background":
            variable = instrument.variables[name]
            label = variable.label
            if variable.kind == "category":
                codes = level_codes(frame[name], variable.levels)
                add_factor(_Factor(name, label, block, variable.levels, codes))
                continue
        values = numbers(frame, [name])[:, 0]
        if np.ptp(values) < 1e-12:
            raise ValidityError(f"{name}: {_constant(f'{values[0]:g}')}")
        mean = float(weights @ values)
        scale = float(np.sqrt(weights @ (values - mean) ** 2))
        add(name, label, block, (values - mean) / scale, mean=mean, scale=scale)
    if asked:
        kinds = "area, issue (where pooled) and the background variables with categories"
        raise ValidityError(f"references: {', '.join(asked)} has no levels here; allowed: {kinds}")
    return terms, columns


def _constant(value: str) -> str:
    return (
        f"is {value!r} for all who answered everything, so that it explains nothing; leave it out"
    )
