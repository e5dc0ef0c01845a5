"""Estimates that respect weights, areas and respondents: the one place for their standard errors.

Respondents are the sampling units, areas the strata, weights fixed. An estimate is carried with
its linearised scores, so that a mean, a share, a correlation and a contrast of them all get their
standard error from the same sum over respondents (Taylor linearisation; Särndal, Swensson and
Wretman 1992, *Model Assisted Survey Sampling*, chapter 5). In R this is
``survey::svydesign(ids = ~respondent, strata = ~area, weights = ~weight)``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import sparse, stats

from coprod.errors import ValidityError
from coprod.instrument import level_codes
from coprod.panel import Panel

__all__ = ["Estimates", "SurveyDesign", "domains", "numbers", "occupied"]

Floats = NDArray[np.float64]
Rows = slice | NDArray[np.intp]


def numbers(frame: pd.DataFrame, columns: list[str]) -> Floats:
    """Columns of a frame as floats, with NaN where nothing was answered.

    Raises
    ------
    ValidityError
        If a column is not in the frame, or holds something other than numbers.
    """
    # One by one: a frame that is asked for all at once takes twenty times as long over a column.
    values = np.empty((len(columns), len(frame)))
    for at, name in enumerate(columns):
        if name not in frame:
            raise ValidityError(f"{name}: there is no such variable in the panel")
        column = frame[name]
        if not pd.api.types.is_numeric_dtype(column):
            raise ValidityError(f"{name}: holds {column.dtype}, where numbers are needed")
        values[at] = column.to_numpy(dtype=float, na_value=np.nan)
    return values.T


def domains(
    panel: Panel, frame: pd.DataFrame, by: Sequence[str]
) -> tuple[pd.DataFrame, NDArray[np.bool_]]:
    """The groups of rows that `by` makes of a long frame.

    Parameters
    ----------
    panel
        For the order of issues and areas.
    frame
        The long view, with a column each name in `by`.
    by
        Any of 'issue' and 'area', in the order wanted; () is everything together.

    Returns
    -------
    keys : DataFrame
        One row a group, a column each name in `by`.
    inside : ndarray
        Rows of `frame` × groups.

    Raises
    ------
    ValidityError
        If `by` names something else, or a name twice.
    """
    if isinstance(by, str) or not set(by) <= {"issue", "area"} or len(set(by)) < len(by):
        raise ValidityError(f"by: {by!r} is not possible; allowed are 'issue', 'area', each once")
    levels = {"issue": list(panel.instrument.issues), "area": list(panel.instrument.areas)}
    keys = pd.DataFrame(list(product(*(levels[name] for name in by))), columns=list(by), dtype=str)
    if not by:
        return pd.DataFrame(index=[0]), np.ones((len(frame), 1), dtype=bool)
    group, known = np.zeros(len(frame), dtype=np.intp), np.ones(len(frame), dtype=bool)
    for name in by:
        codes = level_codes(frame[name], levels[name])
        group = group * len(levels[name]) + codes
        known &= codes >= 0
    kept = np.flatnonzero(np.bincount(group[known], minlength=len(keys)))
    inside = np.empty((len(frame), len(kept)), dtype=bool, order="F")
    for column, number in zip(inside.T, kept, strict=True):
        column[:] = known & (group == number)
    return keys.iloc[kept].reset_index(drop=True), inside


def occupied(table: pd.DataFrame, what: str) -> pd.DataFrame:
    """Leave out empty domains, and refuse a statistic that nobody can give."""
    table = table[table["n"] > 0].reset_index(drop=True)
    if table.empty:
        raise ValidityError(f"{what}: no respondent with a weight above zero has a value")
    return table


@dataclass(frozen=True)
class SurveyDesign:
    """How the rows of a frame came about.

    Parameters
    ----------
    weights
        One weight a row, zero or more; only their proportions matter.
    clusters
        The respondent of each row, numbered from 0.
    strata
        The area of each respondent, numbered from 0.
    """

    weights: Floats
    clusters: NDArray[np.intp]
    strata: NDArray[np.intp]

    @classmethod
    def of(cls, frame: pd.DataFrame, weighted: bool = True) -> SurveyDesign:
        """Read the design off the columns `respondent`, `area` and `weight` of a frame.

        Parameters
        ----------
        frame
            One or more rows a respondent: the wide frame or the long view of a panel.
        weighted
            False gives every row the weight 1.

        Raises
        ------
        ValidityError
            If a weight is missing, negative or infinite, or all are zero; if an area is missing, a
            respondent stands in two areas, or an area has one respondent only (as R does with
            ``options(survey.lonely.psu = "fail")``, its default: no variance can be estimated).
        """
        weights = numbers(frame, ["weight"])[:, 0] if weighted else np.ones(len(frame))
        if not np.isfinite(weights).all() or (weights < 0).any():
            raise ValidityError("weight: must be a number of zero or more for every respondent")
        if not weights.sum() > 0:
            raise ValidityError("weight: no respondent has a weight above zero")
        clusters, respondents = pd.factorize(frame["respondent"])
        area_of_row, areas = pd.factorize(frame["area"])
        if (area_of_row < 0).any():
            raise ValidityError("area: is missing for some respondents; it is the stratum")
        strata = np.empty(len(respondents), dtype=np.intp)
        strata[clusters] = area_of_row
        twice = strata[clusters] != area_of_row
        if twice.any():
            who = frame["respondent"].to_numpy()[twice][0]
            raise ValidityError(f"area: respondent {who} stands in more than one area")
        lonely = np.bincount(strata) == 1
        if lonely.any():
            raise ValidityError(
                f"area: {areas[lonely.argmax()]!s} has one respondent; an interval needs at least "
                "two in every area"
            )
        return cls(weights, clusters.astype(np.intp), strata)

    @cached_property
    def _by_respondent(self) -> sparse.csr_array:
        rows = np.arange(len(self.clusters))
        shape = (len(self.strata), len(self.clusters))
        return sparse.csr_array((np.ones(len(rows)), (self.clusters, rows)), shape=shape)

    def total(self, values: ArrayLike) -> Floats:
        """Sums over each respondent's rows: respondents × columns."""
        return np.asarray(self._by_respondent @ np.asarray(values, dtype=float))

    def of_rows(self, rows: NDArray[np.intp]) -> SurveyDesign:
        """The design of some of the rows, and of the respondents who have any of them."""
        if len(rows) == len(self.weights):
            return self
        clusters = self.clusters[rows]
        present = np.zeros(len(self.strata), dtype=bool)
        present[clusters] = True
        number = np.cumsum(present) - 1
        return SurveyDesign(self.weights[rows], number[clusters], self.strata[present])

    def parts(self, most: int) -> Iterator[tuple[Rows, NDArray[np.intp]]]:
        """Respondents, some at a time: their rows, and where those of each begin and the last end.

        Parameters
        ----------
        most
            About how many rows to take together.
        """
        pointers, rows = self._by_respondent.indptr, self._by_respondent.indices
        # Where the rows of a respondent stand together, a slice of them needs no copy.
        together = bool((np.diff(rows) == 1).all())
        respondents, step = len(self.strata), max(1, most * len(self.strata) // len(rows))
        for start in range(0, respondents, step):
            ends = pointers[start : start + step + 1]
            taken = slice(int(ends[0]), int(ends[-1]))
            yield (taken if together else rows[taken]), ends - ends[0]

    def people(self, inside: ArrayLike) -> NDArray[np.intp]:
        """How many respondents have a row in each of k groups, of n × k."""
        groups = np.asarray(inside, dtype=bool).T
        return np.array([self.counts(group)[0] for group in groups], dtype=np.intp)

    def counts(self, inside: NDArray[np.bool_]) -> tuple[int, int]:
        """How many respondents have a row among these, and in how many strata they are."""
        here = np.zeros(len(self.strata), dtype=bool)
        here[self.clusters[inside]] = True
        strata = np.bincount(self.strata[here])
        return int(strata.sum()), int(np.count_nonzero(strata))

    def linearised(self, value: ArrayLike, scores: ArrayLike, inside: ArrayLike) -> Estimates:
        """An estimate whose error is that of a weighted mean of `scores`.

        Parameters
        ----------
        value
            The k estimates.
        scores
            n × k linearised values, whose weighted mean over the domain is zero.
        inside
            n × k, true where a row belongs to the estimate's domain. Rows outside count with a
            score of zero, so that the size of a domain is random, as it is in the sample.
        """
        within = np.asarray(inside, dtype=bool)
        columns = np.broadcast_to(np.asarray(scores, dtype=float), within.shape)
        influence = np.empty((len(self.strata), within.shape[1]), order="F")
        # One domain at a time, and of it only its own rows: most domains hold few of all.
        for sums, domain, score in zip(influence.T, within.T, columns.T, strict=True):
            rows = np.flatnonzero(domain)
            weights = self.weights[rows]
            with np.errstate(invalid="ignore", divide="ignore"):
                parts = weights * score[rows] / weights.sum()
            sums[:] = np.bincount(self.clusters[rows], parts, len(sums))
        return Estimates(self, np.asarray(value, dtype=float), influence, within)

    def mean(self, values: ArrayLike, inside: ArrayLike | None = None) -> Estimates:
        """Weighted means in domains.

        Parameters
        ----------
        values
            n, or n × k; NaN takes a row out of that column's domain.
        inside
            n × k (or n): the domains; everything by default. Broadcast against `values`.

        Returns
        -------
        Estimates
            One mean a column, NaN where a domain has no weight. With `inside` and missing values
            as ``svymean(~y, subset(design, inside), na.rm = TRUE)`` in R.
        """
        columns = np.asarray(values, dtype=float)
        columns = columns[:, None] if columns.ndim == 1 else columns
        domain = np.ones((1, 1), dtype=bool) if inside is None else np.asarray(inside, dtype=bool)
        domain = domain[:, None] if domain.ndim == 1 else domain
        shape = np.broadcast_shapes(columns.shape, domain.shape)
        within = np.empty(shape, dtype=bool, order="F")
        np.logical_and(domain, ~np.isnan(columns), out=within)
        columns = np.broadcast_to(columns, shape)
        value = np.empty(shape[1])
        influence = np.empty((len(self.strata), shape[1]), order="F")
        for at, (sums, here, column) in enumerate(
            zip(influence.T, within.T, columns.T, strict=True)
        ):
            rows = np.flatnonzero(here)
            weights, known = self.weights[rows], column[rows]
            with np.errstate(invalid="ignore", divide="ignore"):
                # Summed as the weights are, so that a share of all is 1 exactly.
                value[at] = (weights * known).sum() / weights.sum()
                parts = weights * (known - value[at]) / weights.sum()
            sums[:] = np.bincount(self.clusters[rows], parts, len(sums))
        return Estimates(self, value, influence, within)


@dataclass(frozen=True)
class Estimates:
    """k estimates with what is needed for their errors.

    Parameters
    ----------
    design
        Where they come from.
    value
        The k estimates.
    influence
        Respondents × k: how much each respondent moves each estimate.
    inside
        n × k: the rows that each estimate rests on.
    """

    design: SurveyDesign
    value: Floats
    influence: Floats
    inside: NDArray[np.bool_]

    def contrast(self, matrix: ArrayLike) -> Estimates:
        """Linear combinations: `matrix` is m × k; an estimate rests on all it combines."""
        combine = np.asarray(matrix, dtype=float)
        inside = np.empty((len(self.inside), len(combine)), dtype=bool, order="F")
        for column, used in zip(inside.T, combine != 0, strict=True):
            column[:] = self.inside[:, used].any(axis=1)
        # An estimate that there is not, as of a category nobody has, spoils only what combines it.
        unknown = np.isnan(self.value)
        value = combine @ np.where(unknown, 0, self.value)
        influence = np.where(unknown, 0, self.influence) @ combine.T
        spoilt = ((combine != 0) & unknown).any(axis=1)
        value[spoilt], influence[:, spoilt] = np.nan, np.nan
        return Estimates(self.design, value, influence, inside)

    @cached_property
    def _centred(self) -> Floats:
        """Each respondent's share in the error, so that the squares sum to the variances."""
        strata = self.design.strata
        count = np.bincount(strata)
        shares = np.empty(self.influence.shape, order="F")
        for share, sums in zip(shares.T, self.influence.T, strict=True):
            mean = np.bincount(strata, sums) / count
            share[:] = (sums - mean[strata]) * np.sqrt(count / (count - 1))[strata]
        return shares

    @cached_property
    def respondents(self) -> NDArray[np.intp]:
        """How many respondents with a weight above zero each estimate rests on (k)."""
        return self._present.sum(axis=0)

    @cached_property
    def _present(self) -> NDArray[np.bool_]:
        present = np.zeros(self.influence.shape, dtype=bool, order="F")
        counted = self.design.weights > 0
        for people, domain in zip(present.T, self.inside.T, strict=True):
            people[self.design.clusters[domain & counted]] = True
        return present

    @cached_property
    def degrees_of_freedom(self) -> NDArray[np.intp]:
        """Respondents less areas, both counted within the domain, as ``degf(subset(design))``."""
        strata = self.design.strata
        areas = [np.count_nonzero(np.bincount(strata[people])) for people in self._present.T]
        return self.respondents - np.array(areas, dtype=np.intp)

    @property
    def covariance(self) -> Floats:
        """Variances and covariances of the estimates, k × k."""
        return self._centred.T @ self._centred

    @cached_property
    def standard_error(self) -> Floats:
        """Linearised, in the units of the estimate; NaN where no degree of freedom is left."""
        error = np.sqrt(np.array([share @ share for share in self._centred.T]))
        return np.where(self.degrees_of_freedom > 0, error, np.nan)

    def _margin(self, level: float) -> Floats:
        freedom = np.where(self.degrees_of_freedom > 0, self.degrees_of_freedom, np.nan)
        return np.asarray(stats.t.isf((1 - level) / 2, freedom)) * self.standard_error

    def interval(self, level: float = 0.95) -> tuple[Floats, Floats]:
        """Estimate ± t × standard error, t on :attr:`degrees_of_freedom`."""
        margin = self._margin(level)
        return self.value - margin, self.value + margin

    def share_interval(self, level: float = 0.95) -> tuple[Floats, Floats]:
        """The interval of a share (0-1), which stays between 0 and 1.

        On the logit scale, as ``svyciprop(method = "logit")``. At exactly 0 or 1, where that scale
        ends, Clopper and Pearson's interval for as many respondents as the weights are worth
        (Kish: squared sum over sum of squares).
        """
        share = self.value
        with np.errstate(divide="ignore", invalid="ignore"):
            logit = np.log(share / (1 - share))
            margin = self._margin(level) / (share * (1 - share))
            low, high = 1 / (1 + np.exp(margin - logit)), 1 / (1 + np.exp(-margin - logit))
        for at in np.flatnonzero((share == 0) | (share == 1)):
            weights = self.design.weights * self.inside[:, at]
            weight = np.bincount(self.design.clusters, weights, len(self.design.strata))
            bound = ((1 - level) / 2) ** ((weight @ weight) / weight.sum() ** 2)
            low[at], high[at] = (0.0, 1 - bound) if share[at] == 0 else (bound, 1.0)
        return low, high

    def fisher_interval(self, level: float = 0.95) -> tuple[Floats, Floats]:
        """The interval of a correlation, on Fisher's z scale; NaN at exactly -1 and 1."""
        with np.errstate(divide="ignore", invalid="ignore"):
            centre = np.arctanh(self.value)
            margin = self._margin(level) / (1 - self.value**2)
        return np.tanh(centre - margin), np.tanh(centre + margin)

    def tests(self, freedom: float | None = None) -> tuple[Floats, Floats, Floats]:
        """Test each estimate against zero.

        Parameters
        ----------
        freedom
            Degrees of freedom, where not :attr:`degrees_of_freedom` (svyglm spends one on each
            coefficient besides the intercept).

        Returns
        -------
        p, low, high
            Two-sided p-values and 95 % intervals by t.
        """
        own = self.degrees_of_freedom if freedom is None else freedom
        usable = np.where(np.asarray(own) > 0, own, np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            p = 2 * stats.t.sf(np.abs(self.value) / self.standard_error, usable)
        margin = stats.t.isf(0.025, usable) * self.standard_error
        return np.asarray(p), self.value - margin, self.value + margin
