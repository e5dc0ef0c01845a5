"""Two groups that chance formed within strata: their difference, with errors that fit the design.

The one place where a treated and a control group are compared: by strata effects, or with Lin's
(2013) adjustment. Errors are HC2 (MacKinnon and White 1985), t on n - k: for two groups without
strata exactly the variance that Neyman's randomisation argument gives. Where whole clusters were
assigned together, errors are clustered as in :mod:`coprod.regression`, t on clusters - 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from coprod.design_based import numbers
from coprod.errors import ValidityError
from coprod.regression import DEPENDENT
from coprod.robust import least_squares
from coprod.triangle import beside, some_rows, triangle

__all__ = ["SMALLEST_CELL", "Contrast", "Covariate", "Difference", "difference"]

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]
Adjustment = Literal["strata", "lin"]

SMALLEST_CELL = 20
"""With fewer people than this in a cell of stratum and group, only the first covariate is used."""


@dataclass(frozen=True)
class Difference:
    """A difference, its standard error and degrees of freedom, and what was adjusted for."""

    estimate: float
    standard_error: float
    df: int
    covariates: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    def row(self, level: float = 0.95) -> dict[str, float]:
        """Estimate, error, interval, t and p (two-sided) as columns of a table."""
        margin = float(stats.t.isf((1 - level) / 2, self.df)) * self.standard_error
        statistic = self.estimate / self.standard_error
        return {
            "estimate": self.estimate,
            "standard_error": self.standard_error,
            "low": self.estimate - margin,
            "high": self.estimate + margin,
            "statistic": statistic,
            "df": self.df,
            "p": float(2 * stats.t.sf(abs(statistic), self.df)),
        }


@dataclass(frozen=True)
class Covariate:
    """Something known of people before they were assigned.

    Attributes
    ----------
    name
        The variable.
    values
        n × 1 for a number; n × levels (0/1) for a category. NaN where nothing is known.
    fewest
        How many of a group must have a level that somebody has, for the variable to be adjusted for.
    """

    name: str
    values: Floats
    fewest: int = 2

    def of_rows(self, rows: NDArray[np.bool_]) -> Covariate:
        """The covariate of some of the people."""
        chosen = np.flatnonzero(rows)
        return replace(self, values=beside([column[chosen, None] for column in self.values.T]))

    def centred(self, weights: Floats) -> Floats:
        """Columns less their means, without a first level; 0, the mean, where nothing is known."""
        columns = self.values[:, 1:] if self.values.shape[1] > 1 else self.values
        known = ~np.isnan(columns)
        filled = np.where(known, columns, 0.0)
        total = weights @ known
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.where(total > 0, weights @ filled / total, 0.0)
        return np.where(known, filled - mean, 0.0)

    def lonely(self, group: NDArray[np.bool_]) -> bool:
        """Whether too few in a group have a level: by default, whether one is alone with it."""
        if self.values.shape[1] == 1:
            return False
        people = np.array([np.count_nonzero((has == 1) & group) for has in self.values.T])
        return bool(((people > 0) & (people < self.fewest)).any())


@dataclass(frozen=True)
class Contrast:
    """Everybody in two groups, with what was measured of them.

    Attributes
    ----------
    outcome, treated, weights
        n each: numbers without gaps, 0 or 1, weights above zero.
    strata
        The stratum of each, numbered from 0, within which chance decided.
    names
        What each stratum is called.
    covariates
        In order of importance; each of n rows.
    clusters
        The cluster of each, numbered from 0, where clusters were assigned as a whole.
    """

    outcome: Floats
    treated: Floats
    weights: Floats
    strata: Codes
    names: tuple[str, ...]
    covariates: tuple[Covariate, ...] = ()
    clusters: Codes | None = None

    def __post_init__(self) -> None:
        for group, said in ((1, "treated"), (0, "control")):
            if not (self.treated == group).any():
                raise ValidityError(f"nobody with an outcome is in the {said} group")
        if np.ptp(self.outcome) == 0:
            raise ValidityError(f"the outcome is {self.outcome[0]:g} for everybody; nothing varies")

    @property
    def cells(self) -> NDArray[np.intp]:
        """People by stratum and group (control, treated), for strata that have anybody."""
        table = np.zeros((len(self.names), 2), dtype=np.intp)
        table += np.bincount(
            2 * self.strata + self.treated.astype(np.intp), minlength=table.size
        ).reshape(table.shape)
        return table[table.sum(axis=1) > 0]

    @property
    def indicators(self) -> Floats:
        """One column a stratum that has anybody: n × strata."""
        present = np.flatnonzero(np.bincount(self.strata))
        return beside([(self.strata == stratum)[:, None] for stratum in present])

    @property
    def control(self) -> tuple[float, float]:
        """Weighted mean and population SD of the outcome in the control group."""
        group = self.treated == 0
        weights = self.weights[group] / self.weights[group].sum()
        mean = float(weights @ self.outcome[group])
        return mean, float(np.sqrt(weights @ (self.outcome[group] - mean) ** 2))

    def aggregated(self) -> Contrast:
        """Clusters as the units, with the sum of their weights: the same estimates by strata.

        Raises
        ------
        ValidityError
            If a cluster stands in two strata or in both groups.
        """
        if self.clusters is None:
            return self
        weights = np.bincount(self.clusters, self.weights).astype(float)
        _, first = np.unique(self.clusters, return_index=True)
        if (self.strata != self.strata[first][self.clusters]).any():
            raise ValidityError("clusters: one stands in two strata")
        if (self.treated != self.treated[first][self.clusters]).any():
            raise ValidityError("clusters: one is partly treated and partly not")
        return replace(
            self,
            outcome=np.bincount(self.clusters, self.weights * self.outcome) / weights,
            treated=self.treated[first],
            weights=weights,
            strata=self.strata[first],
            covariates=(),
            clusters=None,
        )

    def estimate(self, adjustment: Adjustment) -> Difference:
        """The difference treated - control.

        Parameters
        ----------
        adjustment
            'strata': an effect for each stratum beside that of treatment, which gives the mean of
            the differences within strata, weighted by their precision. 'lin': strata and
            covariates, centred and interacted with treatment, which gives the average over people
            and cannot lose precision in large samples (Lin 2013).

        Raises
        ------
        ValidityError
            As :func:`least_squares`; for 'lin' also if a stratum has fewer than two people of a
            group.
        """
        if adjustment == "strata":
            return self._fit([self.treated[:, None], self.indicators])
        if adjustment != "lin":
            raise ValidityError(f"adjustment: {adjustment!r}; allowed are 'strata' and 'lin'")
        return self._lin()

    def _fit(self, columns: Sequence[Floats], **said: tuple[str, ...]) -> Difference:
        """The coefficient of the first column."""
        try:
            value, covariance, df = least_squares(
                self.outcome, beside(columns), self.weights, self.clusters
            )
        except ValidityError:
            alone = [self.names[s] for s, n in enumerate(np.bincount(self.strata)) if n == 1]
            if alone:
                raise ValidityError(
                    f"{', '.join(alone)}: has one person only, a leverage of 1; leave it out"
                ) from None
            raise
        return Difference(float(value[0]), float(np.sqrt(covariance[0, 0])), df, **said)

    def _apart(self, columns: Sequence[Floats], **said: tuple[str, ...]) -> Difference:
        """What interactions of all columns with treatment give: a regression in each group.

        Nobody is in both groups, so that the two intercepts, at the means of the columns, have
        independent errors, and everybody the same leverage as with all in one regression.
        """
        intercepts, variance, freedom = [], 0.0, 0
        for group in self._groups:
            people = np.flatnonzero(group)
            own = beside([np.ones((len(people), 1)), *(part[people] for part in columns)])
            value, covariance, df = least_squares(self.outcome[people], own, self.weights[people])
            intercepts.append(float(value[0]))
            variance, freedom = variance + float(covariance[0, 0]), freedom + df
        control, treated = intercepts
        return Difference(treated - control, float(np.sqrt(variance)), freedom, **said)

    def _lin(self) -> Difference:
        present = np.flatnonzero(np.bincount(self.strata))
        for stratum, cell in zip(present, self.cells, strict=True):
            if cell.min() < 2:
                group = "control" if cell[0] < 2 else "treated"
                raise ValidityError(
                    f"{self.names[stratum]}: has {cell.min()} of the {group} group, and Lin's "
                    "adjustment needs two in every stratum; strata effects need none"
                )
        share = self.weights / self.weights.sum()
        kept = [(self.indicators - share @ self.indicators)[:, 1:]]
        allowed = len(self.covariates) if self.cells.min() >= SMALLEST_CELL else 1
        usable = [(c.name, c.centred(self.weights)) for c in self.covariates[:allowed]]
        lonely = {c.name for c in self.covariates if any(map(c.lonely, self._groups))}
        if lonely or not self._independent([*kept, *(columns for _, columns in usable)]):
            before, usable = usable, []
            for name, columns in before:
                now = [*kept, *(c for _, c in usable), columns]
                if name not in lonely and self._independent(now):
                    usable.append((name, columns))
        kept += [columns for _, columns in usable]
        used = tuple(name for name, _ in usable)
        left_out = tuple(c.name for c in self.covariates if c.name not in used)
        if self.clusters is None:
            return self._apart(kept, covariates=used, left_out=left_out)
        treated = self.treated[:, None]
        moved = [treated * part for part in kept]
        every = [treated, np.ones_like(treated), *kept, *moved]
        return self._fit(every, covariates=used, left_out=left_out)

    @property
    def _groups(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        return self.treated == 0, self.treated == 1

    def _independent(self, columns: list[Floats]) -> bool:
        """Whether no column follows from those before it, in either group."""
        for group in self._groups:
            people = np.flatnonzero(group)
            if len(people) <= 1 + sum(c.shape[1] for c in columns):
                return False
            matrix = beside([np.ones((len(people), 1)), *(part[people] for part in columns)])
            r = triangle(matrix[at] for at in some_rows(len(people)))
            scale = np.maximum(np.linalg.norm(r, axis=0), 1e-6)
            if (np.abs(np.diagonal(r)) <= DEPENDENT * scale).any():
                return False
        return True

    @classmethod
    def of(
        cls,
        frame: pd.DataFrame,
        outcome: str,
        treated: str,
        strata: str,
        weights: str | None = None,
        clusters: str | None = None,
        covariates: Sequence[str] = (),
    ) -> Contrast:
        """Read a contrast off the columns of a frame; see :func:`difference`."""
        named = {"strata": strata, **({"clusters": clusters} if clusters else {})}
        for what, column in named.items():
            if column not in frame:
                raise ValidityError(f"{what}: there is no column {column!r}")
        values = numbers(frame, [outcome, treated, *([weights] if weights else [])])
        codes = {what: pd.factorize(frame[column])[0] for what, column in named.items()}
        assigned = values[:, 1]
        if not np.isin(assigned[~np.isnan(assigned)], (0, 1)).all():
            raise ValidityError(f"{treated}: must be 0 or 1")
        rows = ~np.isnan(values).any(axis=1)
        for code in codes.values():
            rows &= code >= 0
        if weights:
            if (values[rows, 2] < 0).any():
                raise ValidityError(f"{weights}: must be zero or more")
            rows &= values[:, 2] > 0
        kept = frame[rows]
        stratum, names = pd.factorize(kept[strata])
        return cls(
            outcome=values[rows, 0],
            treated=assigned[rows],
            weights=values[rows, 2] if weights else np.ones(int(rows.sum())),
            strata=stratum,
            names=tuple(f"{strata} {name}" for name in names),
            covariates=tuple(Covariate(c, numbers(kept, [c])) for c in covariates),
            clusters=pd.factorize(kept[clusters])[0] if clusters else None,
        )


def difference(
    frame: pd.DataFrame,
    outcome: str,
    treated: str,
    strata: str,
    weights: str | None = None,
    clusters: str | None = None,
    covariates: Sequence[str] = (),
    adjustment: Adjustment = "strata",
) -> pd.DataFrame:
    """The effect of a treatment that was assigned at random within strata.

    Equivalent in R: ``estimatr::lm_robust(outcome ~ treated + factor(strata), weights, clusters,
    se_type = "HC2")`` ("stata" with clusters), or ``estimatr::lm_lin``.

    Parameters
    ----------
    frame
        One row a person, or a cluster.
    outcome, treated, strata
        Columns: a number, 0 or 1, and within what chance decided.
    weights
        Column of weights; rows of weight zero are left out.
    clusters
        Column that says which rows were assigned together.
    covariates
        Numbers known before, in order of importance, for 'lin'.
    adjustment
        'strata' or 'lin', as in :meth:`Contrast.estimate`.

    Returns
    -------
    DataFrame
        One row: `outcome`, `adjustment`, `estimate` (in the outcome's units), `standard_error`,
        `low`, `high` (95 %), `statistic` (t), `df`, `p`, `control_mean`, `control_sd`, `n`
        (rows), `strata` (how many), `clusters` (how many; rows where none), `covariates`
        (adjusted for), `left_out`.

    Raises
    ------
    ValidityError
        If a column does not exist or holds something else; as :meth:`Contrast.estimate`.

    Examples
    --------
    >>> pairs = pd.DataFrame({"pair": [1, 1, 2, 2, 3, 3], "treated": [0, 1] * 3,
    ...                       "turnout": [0.50, 0.56, 0.40, 0.42, 0.61, 0.65]})
    >>> difference(pairs, "turnout", "treated", "pair")[["estimate", "df"]].round(4)
       estimate  df
    0      0.04   2
    """
    contrast = Contrast.of(frame, outcome, treated, strata, weights, clusters, covariates)
    found = contrast.estimate(adjustment)
    mean, sd = contrast.control
    units = len(contrast.outcome) if contrast.clusters is None else contrast.clusters.max() + 1
    row = {
        "outcome": outcome,
        "adjustment": adjustment,
        **found.row(),
        "control_mean": mean,
        "control_sd": sd,
        "n": len(contrast.outcome),
        "strata": len(contrast.cells),
        "clusters": int(units),
        "covariates": ", ".join(found.covariates),
        "left_out": ", ".join(found.left_out),
    }
    return pd.DataFrame([row])
