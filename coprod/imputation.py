"""A check of the regressions: what nobody answered, imputed many times instead of left out.

Chained equations with predictive mean matching (van Buuren 2018, *Flexible Imputation of Missing
Data*, 2nd edition, sections 3.4 and 4.5), wide: one row a respondent, so that what somebody says
of one issue helps with the others. Items are imputed and indices made of them, so that a completed
panel is a panel like any other. A gap is filled with an answer that somebody gave, so that none is
impossible by itself; what must go together (years in the area, age) is not enforced. The experiment
is neither imputed nor used to impute: it came after all this, and its arms were drawn by lot.
Where the regression is compared, a random sample of 10,000 is taken of more respondents, and
`sampled_from` says of how many (:mod:`coprod.sampled`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import linalg
from scipy.spatial import cKDTree
from threadpoolctl import threadpool_limits

from coprod import correlates
from coprod.cache import remembered
from coprod.design_based import numbers
from coprod.disclosure import counts_rounded
from coprod.errors import ValidityError
from coprod.panel import Panel
from coprod.pooling import combine
from coprod.sampled import sampled, with_size

__all__ = ["compare_imputed", "impute"]

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

SEED = 20160201
DONORS = 5
PREDICTORS = 30
DEPENDENT = 1e-6
"""Predictors do not vary along a direction with less than this share of a column's variance."""

ONE_THREAD = 1
"""Of the linear algebra: matrices are small, and several threads would mostly wait for each other."""

ALWAYS = ("area", "weight", "age", "gender")
"""Predictors of everything: what people were sampled and weighted by."""

ROLES = ("stratum", "weight", "background", "perception", "activity")


@dataclass(frozen=True)
class _Gap:
    """A variable that some did not answer.

    Rows that did and did not, columns that are it and that predict it, and the scale of its own.
    """

    name: str
    known: Places
    missing: Places
    own: Places
    predictors: Places
    scale: Floats

    def donors(self, now: Floats, products: Floats, generator: np.random.Generator) -> Places:
        """For each missing row a row to take the answer from: one of the five nearest.

        Coefficients are drawn from their posterior for who is missing, and are the estimate for
        who is not (matching of type 1). Of several columns (three categories and more) the error
        is drawn with their covariance.
        """
        asked = now[np.ix_(self.missing, self.predictors)]
        among = products[np.ix_(self.predictors, self.predictors)] - asked.T @ asked
        with_own = products[np.ix_(self.predictors, self.own)]
        with_own = with_own - asked.T @ now[np.ix_(self.missing, self.own)]
        # Along a direction in which those who answered do not vary nothing is known: no effect.
        sizes, directions = linalg.eigh(among, driver="evd", check_finite=False)
        kept = sizes > DEPENDENT * len(now)
        sizes, directions = sizes[kept], directions[:, kept]
        value = (directions / sizes) @ (directions.T @ with_own)
        every = np.zeros((now.shape[1], len(self.own)))
        every[self.predictors] = value
        fitted = (now @ every)[self.known]
        residuals = now[np.ix_(self.known, self.own)] - fitted
        freedom = max(len(self.known) - len(sizes), 1)
        # Symmetric roots, since they are the ones that every LAPACK finds alike.
        roots, vectors = np.linalg.eigh(residuals.T @ residuals / generator.chisquare(freedom))
        root = (vectors * np.sqrt(np.maximum(roots, 0.0))) @ vectors.T
        error = (directions / np.sqrt(sizes)) @ (
            directions.T @ generator.standard_normal(value.shape)
        )
        # Who is first among equals is left to chance; rounded, so that equals are equal.
        order = generator.permutation(len(self.known))
        tree = cKDTree((fitted[order] * self.scale).round(9), balanced_tree=False)
        drawn = (asked @ (value + error @ root) * self.scale).round(9)
        near = tree.query(drawn, k=np.arange(1, min(DONORS, len(self.known)) + 1))[1]
        one = generator.integers(0, near.shape[1], len(near))
        return self.known[order[near[np.arange(len(near)), one]]]


@dataclass(frozen=True)
class _Answers:
    """A panel as codes by variable, and as an intercept and columns, centred and scaled.

    A variable that nobody answered has no gap to fill; one that does not vary predicts nothing.
    """

    codes: dict[str, Floats]
    columns: Floats
    gaps: list[_Gap]

    @classmethod
    def of(cls, panel: Panel) -> _Answers:
        """Read the variables off a panel and choose what predicts each that has gaps."""
        if panel.frame.empty:
            raise ValidityError("the panel has no respondents; there is nothing to impute from")
        codes = _codes(panel)
        shapes = {
            name: _shape(values, len(panel.instrument.variables[name].levels))
            if panel.instrument.variables[name].kind == "category"
            else values[:, None]
            for name, values in codes.items()
        }
        ends = np.cumsum([1, *(shape.shape[1] for shape in shapes.values())])
        own = {
            name: np.arange(start, end)
            for name, start, end in zip(shapes, ends[:-1], ends[1:], strict=True)
        }
        raw = np.column_stack([np.ones(len(panel.frame)), *shapes.values()])
        known = ~np.isnan(raw)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, raw, 0.0).sum(axis=0) / count
        centred = np.where(known, raw, mean) - mean
        spread = np.sqrt((centred**2).sum(axis=0) / count)
        varies = spread > 1e-9 * np.maximum(np.abs(mean), 1e-9)
        spread = np.where(varies, spread, 1.0)
        columns = np.where(varies, centred, 0.0) / spread
        columns[:, 0] = 1.0
        absent = np.column_stack([np.isnan(values) for values in codes.values()])
        strength = _correlations(
            np.column_stack([columns, absent]), np.column_stack([known, np.ones_like(absent)])
        )
        gaps = []
        for at, (name, values) in enumerate(codes.items()):
            missing = np.isnan(values)
            if not missing.any() or missing.all():
                continue
            target = np.append(own[name], ends[-1] + at)
            score = {
                other: np.inf if other in ALWAYS else strength[np.ix_(target, own[other])].max()
                for other in codes
                if other != name and varies[own[other]].any()
            }
            best = sorted(score, key=lambda other: -score[other])[:PREDICTORS]
            # Of several categories the first follows from the others and the intercept.
            chosen = [own[other][len(own[other]) > 1 :] for other in best]
            rows = (np.flatnonzero(~missing), np.flatnonzero(missing))
            predictors = np.concatenate([[0], *chosen]).astype(np.intp)
            gaps.append(_Gap(name, *rows, own[name], predictors, spread[own[name]]))
        return cls(codes, columns, gaps)

    def draw(self, iterations: int, generator: np.random.Generator) -> dict[str, Floats]:
        """One imputation: for each gap the codes of those who did not answer, in order.

        Cross-products of all columns are kept, and those of a column made anew when it changes.
        """
        now = self.columns.copy()
        filled = {}
        for gap in self.gaps:
            anybody = gap.known[generator.integers(0, len(gap.known), len(gap.missing))]
            now[np.ix_(gap.missing, gap.own)] = now[np.ix_(anybody, gap.own)]
        products = now.T @ now
        for _ in range(iterations):
            for gap in self.gaps:
                donors = gap.donors(now, products, generator)
                filled[gap.name] = self.codes[gap.name][donors]
                now[np.ix_(gap.missing, gap.own)] = now[np.ix_(donors, gap.own)]
                changed = now.T @ now[:, gap.own]
                products[:, gap.own] = changed
                products[gap.own, :] = changed.T
        return filled


def _codes(panel: Panel) -> dict[str, Floats]:
    """Each variable as a number or the code of its category, NaN where missing."""
    found = {}
    for name, variable in panel.instrument.variables.items():
        if variable.role not in ROLES:
            continue
        if variable.kind == "category":
            codes = pd.Categorical(panel.frame[name].astype(str), list(variable.levels)).codes
            found[name] = np.where(codes < 0, np.nan, codes)
        else:
            found[name] = numbers(panel.frame, [name])[:, 0]
    return found


def _shape(codes: Floats, categories: int) -> Floats:
    """Two categories as one column, more as the indicators of those that somebody has."""
    present = np.unique(codes[~np.isnan(codes)])
    if categories < 3 or not len(present):
        return codes[:, None]
    return np.where(np.isnan(codes)[:, None], np.nan, codes[:, None] == present)


def _correlations(columns: Floats, known: NDArray[np.bool_]) -> Floats:
    """Absolute correlations over the rows that have both columns, 0 where one does not vary."""
    there = known.astype(float)
    values = np.where(known, columns, 0.0)
    number = np.maximum(there.T @ there, 1.0)
    sums, squares = values.T @ there, (values**2).T @ there
    spread = np.maximum(squares - sums**2 / number, 0.0)
    scale = np.sqrt(spread * spread.T)
    able = scale > 1e-9 * number
    covariance = values.T @ values - sums * sums.T / number
    return np.asarray(np.where(able, np.abs(covariance), 0.0) / np.where(able, scale, 1.0))


def impute(
    panel: Panel, imputations: int = 20, iterations: int = 5, seed: int = SEED
) -> list[Panel]:
    """Complete a panel several times by chained equations with predictive mean matching.

    Each variable in turn is regressed on the 30 others that are most correlated with it or with
    its being missing, always area, weight, age and gender among them; coefficients are drawn from
    their posterior; a gap takes the answer of one of the five respondents whose predictions are
    nearest (which can be far where hardly anybody alike answered). Two categories and scales are
    matched by the prediction of their codes, three categories and more by those of each category.
    The regressions are unweighted, with the weight among the predictors. Equivalent in R:
    ``mice::mice(data, m = 20, maxit = 5, method = "pmm", predictorMatrix = quickpred(data))``.

    Parameters
    ----------
    panel
        The panel.
    imputations
        How many, at least one.
    iterations
        Rounds over all variables, at least one.
    seed
        Of the draws; the first of many imputations are those of few.

    Returns
    -------
    list of Panel
        The panel with all gaps filled but those of the experiment, and of a variable that nobody
        answered: what needs it says so. Where nothing is missing, all are equal to the panel.

    Raises
    ------
    ValidityError
        If there is no respondent, or `imputations` or `iterations` is below one.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> completed = impute(open_panel(), imputations=2)
    >>> [int(one.frame["education"].isna().sum()) for one in completed]
    [0, 0]
    """
    for name, value in (("imputations", imputations), ("iterations", iterations)):
        if value < 1:
            raise ValidityError(f"{name}: {value} is too few; at least 1 is needed")
    generators = map(np.random.default_rng, np.random.SeedSequence(seed).spawn(imputations))
    with threadpool_limits(ONE_THREAD, "blas"):
        answers = _Answers.of(panel)
        draws = [answers.draw(iterations, generator) for generator in generators]
    completed = []
    for drawn in draws:
        columns = {}
        for gap in answers.gaps:
            variable, values = panel.instrument.variables[gap.name], drawn[gap.name]
            column = panel.frame[gap.name].copy()
            if variable.kind == "category":
                levels = np.array(list(variable.levels), dtype=object)
                column.iloc[gap.missing] = levels[values.astype(int)]
            else:
                column.iloc[gap.missing] = values
            columns[gap.name] = column
        frame = panel.frame.assign(**columns)
        completed.append(replace(panel, frame=frame, checksum="", seed=None))
    return completed


@lru_cache(maxsize=1)
def _completed(panel: Panel, imputations: int, iterations: int, seed: int) -> list[Panel]:
    """The imputations that were asked for last, so that every form and issue shares them."""
    return impute(panel, imputations, iterations, seed)


def compare_imputed(
    panel: Panel,
    form: str,
    issue: str | None = None,
    imputations: int = 20,
    iterations: int = 5,
    seed: int = SEED,
    weighted: bool = True,
    references: Mapping[str, str] | None = None,
    without: Sequence[str] = (),
) -> pd.DataFrame:
    """The regression of complete cases beside the one pooled over imputations.

    :func:`coprod.correlates.fit` of the panel as it is and of each completed panel, pooled by
    :func:`combine` with the respondents - 1 as degrees of freedom. Numbers are standardised over
    the rows of each fit, so that "one SD" is very slightly another in each; reference levels are
    those of the complete cases throughout. Imputations are shared between forms and issues, and
    the table is kept (:mod:`coprod.cache`).

    Parameters
    ----------
    panel
        The panel.
    form
        'individual' or 'collective'.
    issue
        One issue, or None for all of them pooled.
    imputations
        How many, at least two.
    iterations, seed
        As in :func:`impute`.
    weighted, references, without
        As in :func:`coprod.correlates.fit`; what is left out there still helps to impute.

    Returns
    -------
    DataFrame
        One row a coefficient: `term`, `term_label`, `level`, `label`, `block`, `reference`;
        `complete`, `complete_standard_error` (of complete cases), `n_complete` (rows),
        `clusters_complete` (respondents); `estimate`, `standard_error`, `low`, `high` (95 %),
        `statistic` (t), `df`, `p`, `between` (variance between imputations), `fraction_missing`
        (of the information, 0-1), `n` (rows), `clusters` (respondents). A level that no complete
        case has is NaN in `complete`.

    Raises
    ------
    ValidityError
        As :func:`coprod.correlates.fit` and :func:`impute`.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> table = compare_imputed(open_panel(), "collective", imputations=2)
    >>> bool((table["n"] > table["n_complete"]).all())
    True
    """
    fitted = {"form": form, "issue": issue, "weighted": weighted, "without": list(without)}
    drawn = {"imputations": imputations, "iterations": iterations, "seed": seed}

    whole = panel

    def compute() -> pd.DataFrame:
        panel = sampled(whole)
        if imputations < 2:
            raise ValidityError(f"imputations: {imputations} is too few; at least 2 are needed")
        complete = correlates.fit(panel, form, issue, weighted, references, without)
        chosen = _references(panel, complete)
        tables = [
            correlates.fit(one, form, issue, weighted, chosen, without).set_index(["term", "level"])
            for one in _completed(panel, imputations, iterations, seed)
        ]
        first = tables[0]
        aligned = [table.reindex(first.index) for table in tables]
        pooled = combine(
            [table["estimate"] for table in aligned],
            [table["standard_error"] ** 2 for table in aligned],
            float(first["clusters"].iloc[0] - 1),
        ).set_index(first.index)
        mine = complete.set_index(["term", "level"]).reindex(first.index)
        described = first[["term_label", "label", "block", "reference"]]
        table = described.assign(
            complete=mine["estimate"],
            complete_standard_error=mine["standard_error"],
            n_complete=int(complete["n"].iloc[0]),
            clusters_complete=int(complete["clusters"].iloc[0]),
            **pooled.drop(columns=["within", "relative_increase"]),
            n=first["n"],
            clusters=first["clusters"],
        ).reset_index()
        return table[["term", "term_label", "level", *list(table)[3:]]]

    arguments = {**fitted, **drawn, "references": dict(references or {})}
    with threadpool_limits(ONE_THREAD, "blas"):
        table = remembered("imputed", panel, arguments, compute)
    table = counts_rounded(table, panel, also=["n_complete", "clusters_complete", "df"])
    return with_size(table, whole)


def _references(panel: Panel, fitted: pd.DataFrame) -> dict[str, str]:
    """The reference level of each factor of a fit."""
    instrument = panel.instrument
    levels = {"area": instrument.areas, "issue": instrument.issues}
    factors = fitted[fitted["level"] != ""].drop_duplicates("term")
    found = {}
    for term, label in zip(factors["term"], factors["reference"], strict=True):
        named = levels.get(term) or instrument.variables[term].levels
        found[term] = next(level for level, said in named.items() if said == label)
    return found
