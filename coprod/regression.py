"""Weighted linear regression of the indices, with errors clustered by respondent.

One model matrix serves every regression of the book: intercept, area, issue (where pooled), then
the blocks background, performance, outreach and efficacy, each a run of columns. Errors are those
of ``sandwich::vcovCL(type = "HC1")`` and ``clubSandwich::vcovCR(type = "CR1S")``: G/(G-1) ·
(n-1)/(n-k), t on G-1, Wald tests as F(q, G-1), for G respondents, n rows and k coefficients.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import linalg, stats

from coprod.design_based import SurveyDesign, numbers
from coprod.disclosure import thin, withheld
from coprod.errors import ValidityError
from coprod.instrument import Instrument
from coprod.panel import Panel
from coprod.scales import indices

__all__ = [
    "BLOCKS",
    "DEPENDENT",
    "PERCEPTIONS",
    "ModelMatrix",
    "Regression",
    "Wald",
    "clustered",
    "of_difference",
    "wald",
]

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

DEPENDENT = 1e-9
"""A column is a combination of those before it when less than this share of it is left."""


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
        complete = _complete(frame, [*forms, *names], design.weights > 0)
        frame = frame[complete]
        respondents, clusters = np.unique(design.clusters[complete], return_inverse=True)
        design = SurveyDesign(design.weights[complete], clusters, design.strata[respondents])
        outcomes = numbers(frame, list(forms))
        if panel.min_cell:
            # A mean follows from coefficients: of the few who do anything, or not everything, nothing is told.
            sides = np.column_stack([outcomes > 0, outcomes < 100])
            if thin((design.total(sides) > 0).sum(axis=0), panel.min_cell):
                raise withheld(panel, "What goes with how much people do")
        fewest = max(2, panel.min_cell)
        terms, columns = _columns(frame, instrument, names, issue, design, references or {}, fewest)
        for form, values in zip(forms, outcomes.T, strict=True):
            if np.ptp(values) < 1e-9:
                raise ValidityError(f"{form}: the index is the same for everybody; nothing varies")
        if len(respondents) <= len(terms):
            many = (
                f"{len(respondents)} respondents" if not panel.min_cell else "too few respondents"
            )
            raise ValidityError(
                f"the regression has {len(terms)} coefficients and {many} "
                "who answered everything; it needs more respondents than coefficients"
            )
        return cls(pd.DataFrame(terms), np.column_stack(columns), outcomes, tuple(forms), design)

    def block(self, name: str) -> NDArray[np.intp]:
        """The columns of a block whose errors can be estimated."""
        return np.flatnonzero((self.terms["block"] == name) & ~self.terms["lonely"])

    @property
    def spread(self) -> Floats:
        """Weighted population SD of each outcome."""
        weights = self.design.weights[:, None] / self.design.weights.sum()
        mean = (weights * self.outcomes).sum(axis=0)
        return np.asarray(np.sqrt((weights * (self.outcomes - mean) ** 2).sum(axis=0)))


def _complete(frame: pd.DataFrame, needed: list[str], counted: ArrayLike) -> NDArray[np.bool_]:
    """Rows with a weight that lack nothing; refuses where there are none."""
    known = frame[needed].notna().to_numpy() & np.asarray(counted)[:, None]
    complete = known.all(axis=1)
    if not complete.any():
        empty = [name for name, some in zip(needed, known.any(axis=0), strict=True) if not some]
        fewest = needed[int(known.sum(axis=0).argmin())]
        if empty:
            raise ValidityError(f"{', '.join(empty)}: nobody with a weight above zero has a value")
        raise ValidityError(f"nobody answered everything; {fewest} is missing most often")
    return np.asarray(complete)


def _columns(
    frame: pd.DataFrame,
    instrument: Instrument,
    names: list[str],
    issue: str | None,
    design: SurveyDesign,
    references: Mapping[str, str],
    fewest: int,
) -> tuple[list[dict[str, object]], list[Floats]]:
    """The columns of the matrix and what each is."""
    terms: list[dict[str, object]] = []
    columns: list[Floats] = []
    asked = dict(references)
    plain = {"reference": "", "mean": np.nan, "scale": np.nan, "lonely": False}

    def add(name: str, title: str, block: str, column: Floats, **more: object) -> None:
        row = {"term": name, "term_label": title, "level": "", "label": title, "block": block}
        terms.append(row | plain | more)
        columns.append(column)

    def add_factor(factor: _Factor) -> None:
        dummies = (factor.codes[:, None] == np.arange(len(factor.levels))).astype(float)
        people = (design.total(dummies) > 0).sum(axis=0)
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
    codes = pd.Categorical(frame["area"].astype(str), list(instrument.areas)).codes
    add_factor(_Factor("area", "Area", "area", instrument.areas, codes.astype(np.intp)))
    if issue is None:
        codes = pd.Categorical(frame["issue"].astype(str), list(instrument.issues)).codes
        add_factor(_Factor("issue", "Issue", "issue", instrument.issues, codes.astype(np.intp)))
    weights = design.weights / design.weights.sum()
    for name in names:
        block, label = PERCEPTIONS.get(name, ("background", ""))
        if block == "background":
            variable = instrument.variables[name]
            label = variable.label
            if variable.kind == "category":
                codes = pd.Categorical(frame[name].astype(str), list(variable.levels)).codes
                add_factor(_Factor(name, label, block, variable.levels, codes.astype(np.intp)))
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


@dataclass(frozen=True)
class Wald:
    """A robust Wald test: F, its degrees of freedom, p. NaN where nothing can be tested."""

    statistic: float
    df: int
    df_residual: int
    p: float

    def row(self) -> dict[str, float]:
        """The test as columns of a table."""
        return dict(vars(self))


def wald(value: Floats, covariance: Floats, df_residual: int) -> Wald:
    """Test that all of `value` (q) is zero: value' covariance⁻¹ value / q as F(q, df_residual).

    In R: ``clubSandwich::Wald_test(test = "Naive-F")``.

    Examples
    --------
    >>> wald(np.array([2.0]), np.array([[1.0]]), 100).statistic
    4.0
    """
    q = len(value)
    if not q:
        return Wald(np.nan, 0, df_residual, np.nan)
    distance = np.linalg.solve(covariance, value)
    statistic = float(value @ distance) / q
    return Wald(statistic, q, df_residual, float(stats.f.sf(statistic, q, df_residual)))


def clustered(sums: Floats, rows: int) -> Floats:
    """Covariance of estimates from the sums of their influence over each cluster.

    G/(G-1) · (n-1)/(n-k) times the squared sums, for G clusters, n `rows` and k estimates.

    Examples
    --------
    >>> clustered(np.array([[1.0], [-2.0], [1.0]]), rows=3)
    array([[9.]])
    """
    g, k = sums.shape
    return np.asarray(sums.T @ sums * (g / (g - 1) * (rows - 1) / (rows - k)))


def of_difference(joint: Floats) -> Floats:
    """Covariance of the first half of some estimates less the second, from that of all of them.

    Examples
    --------
    >>> of_difference(np.array([[3.0, 1.0], [1.0, 2.0]]))
    array([[3.]])
    """
    k = len(joint) // 2
    return joint[:k, :k] + joint[k:, k:] - joint[:k, k:] - joint[k:, :k]


@dataclass(frozen=True)
class Regression:
    """The weighted least-squares fit of each outcome of a matrix on the same predictors.

    Parameters
    ----------
    model
        The rows.
    columns
        Which columns enter; all by default.

    Raises
    ------
    ValidityError
        If a column is a combination of those before it; the message names the variable.
    """

    model: ModelMatrix
    columns: NDArray[np.intp] | None = None

    @property
    def predictors(self) -> Floats:
        """The columns that entered, n × k."""
        every = self.model.predictors
        return every if self.columns is None else every[:, self.columns]

    @cached_property
    def _decomposed(self) -> tuple[Floats, Floats]:
        root = np.sqrt(self.model.design.weights)[:, None]
        weighted = self.predictors * root
        q, r = np.linalg.qr(weighted)
        left = np.abs(np.diagonal(r)) / np.linalg.norm(weighted, axis=0)
        if (left < DEPENDENT).any():
            terms = self.model.terms
            terms = terms if self.columns is None else terms.iloc[self.columns]
            at = int(np.argmax(left < DEPENDENT))
            made = np.linalg.lstsq(weighted[:, :at], weighted[:, at], rcond=None)[0]
            others = terms["term"].iloc[np.flatnonzero(np.abs(made) > 1e-6)].unique()
            by = ", ".join(name for name in others if name != "intercept")
            raise ValidityError(
                f"{terms['term'].iloc[at]}: follows exactly from {by}, so that their coefficients "
                "cannot be told apart; leave one out"
            )
        return linalg.solve_triangular(r, q.T), root

    @cached_property
    def coefficients(self) -> Floats:
        """Predictors × outcomes, in points."""
        inverse, root = self._decomposed
        return np.asarray(inverse @ (self.model.outcomes * root))

    @cached_property
    def covariance(self) -> Floats:
        """Clustered covariance of the coefficients of all outcomes, one after the other: mk × mk.

        As if the outcomes were stacked and interacted with everything. NaN for a lonely level.
        """
        inverse, root = self._decomposed
        residuals = self.model.outcomes - self.predictors @ self.coefficients
        influence = np.concatenate([inverse.T * (root * e[:, None]) for e in residuals.T], axis=1)
        sums = self.model.design.total(influence)
        covariance = clustered(sums, residuals.size)
        lonely = self.model.terms["lonely"].to_numpy()
        lonely = np.tile(
            lonely if self.columns is None else lonely[self.columns], residuals.shape[1]
        )
        covariance[lonely, :] = np.nan
        covariance[:, lonely] = np.nan
        return covariance

    @property
    def df_residual(self) -> int:
        """Respondents less one."""
        return len(self.model.design.strata) - 1

    def inference(self, value: Floats, standard_error: Floats) -> dict[str, Floats]:
        """Standard errors, 95 % intervals, t and p as columns of a table."""
        margin = stats.t.isf(0.025, self.df_residual) * standard_error
        with np.errstate(divide="ignore", invalid="ignore"):
            statistic = value / standard_error
        return {
            "standard_error": standard_error,
            "low": value - margin,
            "high": value + margin,
            "statistic": statistic,
            "p": np.asarray(2 * stats.t.sf(np.abs(statistic), self.df_residual)),
        }
