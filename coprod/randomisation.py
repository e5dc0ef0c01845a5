"""What chance alone would do: the experiment assigned again, thousands of times.

A test of an arm permutes that arm and control only, within areas, among those who have the
outcome, so that every area keeps its number of each. That is how complete randomisation within
areas assigns. Where the arm was drawn for each respondent alone, as a form in the field does, the
numbers of each area are random, and the test holds given those numbers (Rosenbaum 2002,
*Observational Studies*, chapter 2).

Of many people it is only counted how many of those alike are drawn, which is the same test: who of
them is drawn changes no difference, and how many of each kind are, when so many of all are drawn
without replacement, has a multivariate hypergeometric distribution.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coprod.arms import OUTCOMES, Experiment
from coprod.disclosure import counts_rounded
from coprod.errors import ValidityError
from coprod.experiment import Contrast
from coprod.multiplicity import with_holm
from coprod.panel import Panel

__all__ = [
    "Randomisation",
    "again",
    "assignments",
    "counted",
    "permutation_test",
    "randomisation_distribution",
    "randomisation_test",
    "rerandomise",
    "shares_drawn",
]

Floats = NDArray[np.float64]

MANY = 4_000
"""More people than this are counted by what they are alike in."""

AT_ONCE = 2_000_000
"""Assignments of people that are held in memory together."""


def assignments(
    treated: Floats, strata: NDArray[np.intp], draws: int, generator: np.random.Generator
) -> Iterator[Floats]:
    """Assign again within strata, each with the number of treated that it has.

    Parameters
    ----------
    treated, strata
        n each: who was treated (or any code of an arm), and where.
    draws
        How many times.
    generator
        Of the random numbers.

    Yields
    ------
    ndarray
        Some draws × n.

    Raises
    ------
    ValidityError
        If `draws` is below 1.

    Examples
    --------
    >>> stratum = np.array([0, 0, 0, 1, 1])
    >>> drawn = next(assignments(np.array([1.0, 0, 0, 1, 0]), stratum, 50, np.random.default_rng(1)))
    >>> drawn.shape, set(drawn[:, :3].sum(axis=1).tolist())
    ((50, 5), {1.0})
    """
    _enough(draws)
    members = [np.flatnonzero(strata == stratum) for stratum in np.unique(strata)]
    step = max(1, AT_ONCE // len(treated))
    for start in range(0, draws, step):
        now = min(step, draws - start)
        drawn = np.empty((now, len(treated)))
        for rows in members:
            again = np.tile(treated[rows], (now, 1))
            drawn[:, rows] = generator.permuted(again, axis=1, out=again)
        yield drawn


def counted(contrast: Contrast) -> Contrast:
    """People alike in stratum, outcome and group as one row, whose weight is how many they are.

    Examples
    --------
    >>> outcome, treated = np.array([3.0, 3.0, 4.0]), np.array([0.0, 0.0, 1.0])
    >>> people = Contrast(outcome, treated, np.ones(3), np.zeros(3, dtype=int), ("everywhere",))
    >>> counted(people).weights
    array([2., 1.])
    """
    values, code = np.unique(contrast.outcome, return_inverse=True)
    shape = (len(contrast.names), len(values), 2)
    keys = (contrast.strata, code, contrast.treated.astype(np.intp))
    number = np.bincount(np.ravel_multi_index(keys, shape), minlength=int(np.prod(shape)))
    kinds = np.flatnonzero(number)
    strata, outcome, treated = np.unravel_index(kinds, shape)
    return replace(
        contrast,
        outcome=values[outcome],
        treated=treated.astype(float),
        weights=number[kinds].astype(float),
        strata=strata,
        covariates=(),
    )


def shares_drawn(kinds: Contrast, draws: int, generator: np.random.Generator) -> Iterator[Floats]:
    """As :func:`assignments`, of people who are counted: which share of each kind is drawn.

    Parameters
    ----------
    kinds
        As of :func:`counted`.
    draws, generator
        As for :func:`assignments`.

    Yields
    ------
    ndarray
        Draws × kinds.
    """
    _enough(draws)
    drawn = np.empty((draws, len(kinds.outcome)))
    for stratum in np.unique(kinds.strata):
        rows = np.flatnonzero(kinds.strata == stratum)
        people = kinds.weights[rows].astype(np.int64)
        treated = int(people @ kinds.treated[rows].astype(np.int64))
        drawn[:, rows] = generator.multivariate_hypergeometric(people, treated, draws) / people
    yield drawn


def again(
    contrast: Contrast, draws: int, generator: np.random.Generator
) -> tuple[Contrast, Iterator[Floats]]:
    """What :func:`rerandomise` needs: everybody with assignments, or kinds with the shares drawn.

    More than :data:`MANY` people without weights are counted, if they are of few kinds.
    """
    if len(contrast.outcome) > MANY and np.ptp(contrast.weights) == 0:
        kinds = counted(contrast)
        if 10 * len(kinds.outcome) <= len(contrast.outcome):
            return kinds, shares_drawn(kinds, draws, generator)
    return contrast, assignments(contrast.treated, contrast.strata, draws, generator)


def _enough(draws: int) -> None:
    if draws < 1:
        raise ValidityError(f"draws: {draws} is too few; at least 1 is needed")


@dataclass(frozen=True)
class Randomisation:
    """A randomisation test and the interval that it gives when it is turned round.

    Attributes
    ----------
    estimate
        The difference by strata effects that was observed.
    low, high
        The constant effects that the test does not reject lie between these.
    p
        (1 + draws at least as far from zero as observed) / (1 + draws).
    draws
        What each draw gave.
    """

    estimate: float
    low: float
    high: float
    p: float
    draws: Floats

    def row(self) -> dict[str, float]:
        """Estimate, interval, p and the number of draws, as columns of a table."""
        ends = {"estimate": self.estimate, "low": self.low, "high": self.high}
        return {**ends, "p": self.p, "draws": len(self.draws)}


def rerandomise(contrast: Contrast, drawn: Iterator[Floats], level: float = 0.95) -> Randomisation:
    r"""Test a contrast by assignments, and invert the test in closed form.

    With :math:`\tilde z` the assignment less its mean within strata, the statistic is
    :math:`T(z) = \langle\tilde z, y\rangle / \lVert\tilde z\rVert`: without weights, the difference
    by strata effects times a number that every draw shares. Under a constant effect :math:`\tau`
    the outcome without treatment is :math:`y - \tau z_0`, so that a draw gives
    :math:`a - \tau b` where :math:`b = T(z)` of :math:`z_0`, and the observed assignment
    :math:`a_0 - \tau b_0`. Since :math:`|b| \le b_0`, a draw is as far from zero as what was
    observed exactly for :math:`\tau` between :math:`(a_0 - a)/(b_0 - b)` and
    :math:`(a_0 + a)/(b_0 + b)`. The p-value at every :math:`\tau` follows from these bounds.

    Parameters
    ----------
    contrast
        Whom to assign again. Clusters must have been aggregated.
    drawn
        As of :func:`assignments`: draws × n. Or, of people who are counted, as of
        :func:`shares_drawn`.
    level
        Of the interval: all constant effects with a p-value above 1 - level.

    Returns
    -------
    Randomisation
        The interval is infinite where there are too few draws, or assignments, to reject anything.
    """
    y, z, w = contrast.outcome, contrast.treated, contrast.weights
    inside = contrast.indicators
    within = inside / (w @ inside)
    scores = np.column_stack([v - inside @ (within.T @ (w * v)) for v in (y, z)]) * w[:, None]
    even = np.ptp(w) == 0
    if not scores[:, 1].any():
        raise ValidityError("no stratum has people of both groups, so that nothing can be compared")

    def statistics(assigned: Floats) -> Floats:
        if even:  # every draw has the same number of treated in every stratum
            return assigned @ scores / np.sqrt(z @ scores[:, 1])
        totals = assigned @ (w[:, None] * inside)
        norm = totals.sum(axis=1) - (totals**2 / (w @ inside)).sum(axis=1)
        return assigned @ scores / np.sqrt(norm)[:, None]

    a0, b0 = statistics(z[None, :])[0]
    a, b = np.concatenate([statistics(assigned) for assigned in drawn]).T
    # Sums in another order differ by rounding: ties of the outcome are ties of the statistic.
    slack = 1e-9 * np.sqrt((scores[:, 0] ** 2 / w).sum())
    p = (1 + (np.abs(a) >= abs(a0) - slack).sum()) / (1 + len(a))
    bounds = np.full((2, len(a)), [[-np.inf], [np.inf]])
    # An assignment equal or opposite to the one observed never speaks against any effect.
    free = np.abs(b) < b0 * (1 - 1e-12)
    ends = np.array([(a0 - a[free]) / (b0 - b[free]), (a0 + a[free]) / (b0 + b[free])])
    bounds[:, free] = np.sort(ends, axis=0)
    # The p-value of an effect below the estimate is (1 + bounds at or below it) / (1 + draws).
    enough = int(np.floor((1 - level) * (1 + len(a)) + 1e-9))
    low, high = -np.inf, np.inf
    if enough > 0:
        low = float(np.sort(bounds[0])[enough - 1])
        high = float(np.sort(bounds[1])[-enough])
    return Randomisation(float(a0 / b0), low, high, float(p), a / b0)


def permutation_test(
    frame: pd.DataFrame,
    outcome: str,
    treated: str,
    strata: str,
    weights: str | None = None,
    clusters: str | None = None,
    draws: int = 10_000,
    seed: int = 20160201,
) -> pd.DataFrame:
    """Randomisation test of a treatment that was assigned at random within strata.

    Parameters
    ----------
    frame, outcome, treated, strata, weights
        As in :func:`coprod.experiment.difference`. With weights the statistic of
        :func:`rerandomise` is not the difference, but the test is as valid.
    clusters
        Column that says which rows were assigned together: they are permuted as a whole.
    draws
        How many assignments.
    seed
        Of the assignments.

    Returns
    -------
    DataFrame
        One row: `outcome`, `estimate`, `low`, `high` (95 %, of a constant effect), `p`, `draws`,
        `n` (units that were permuted).

    Raises
    ------
    ValidityError
        If a column does not exist or holds something else; if no stratum has both groups.

    Examples
    --------
    >>> pairs = pd.DataFrame({"pair": [1, 1, 2, 2, 3, 3], "treated": [0, 1] * 3,
    ...                       "turnout": [0.50, 0.56, 0.40, 0.42, 0.61, 0.65]})
    >>> found = permutation_test(pairs, "turnout", "treated", "pair", draws=2000)
    >>> abs(found["p"].item() - 1 / 4) < 0.04  # two of eight assignments
    True
    """
    contrast = Contrast.of(frame, outcome, treated, strata, weights, clusters).aggregated()
    found = rerandomise(*again(contrast, draws, np.random.default_rng(seed)))
    return pd.DataFrame([{"outcome": outcome, **found.row(), "n": len(contrast.outcome)}])


def randomisation_test(
    panel: Panel,
    draws: int = 10_000,
    seed: int = 20160201,
    outcomes: Sequence[str] = OUTCOMES,
) -> pd.DataFrame:
    """Each arm, and all together, against what chance assigns: p-values that assume nothing else.

    The sharp null says that the arm changed nobody's answer. Unweighted: it is about those who were
    in the experiment. The statistic is the difference by strata effects of
    :func:`coprod.nudges.effects`; the interval holds all effects, the same for everybody, that the
    test does not reject at 5 %. With more than 4,000 people it is drawn how many of those alike in
    area, arm and outcome are assigned, and not which: the same distribution. Equivalent in R:
    ``ri2::conduct_ri``; on small data ``coin::independence_test(outcome ~ arm | area, distribution =
    "exact")``.

    Parameters
    ----------
    panel
        The panel.
    draws
        How many assignments.
    seed
        Of the assignments.
    outcomes
        Any of 'willing' and 'signup'.

    Returns
    -------
    DataFrame
        One row an arm and outcome: `arm` ('pooled' for all nudges together), `label`, `family`
        ('arms' or 'pooled'), `outcome`, `estimate` (points, or a share), `low`, `high` (95 %, of a
        constant effect), `p`, `p_holm` (over the family), `draws`, `n` (people permuted).

    Raises
    ------
    ValidityError
        As :func:`coprod.nudges.effects`; if `draws` is below 1.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> table = randomisation_test(open_panel(), draws=500)
    >>> table["estimate"].between(table["low"], table["high"]).all()
    np.True_
    """
    tests = _tests(panel, draws, seed, outcomes)
    table = pd.DataFrame([{**key, **found.row(), "n": n} for key, found, n in tests])
    sizes = Experiment.of(panel).sizes(table["arm"])
    return counts_rounded(with_holm(table, ["family"]), panel, sizes)


def randomisation_distribution(
    panel: Panel,
    draws: int = 10_000,
    seed: int = 20160201,
    outcomes: Sequence[str] = OUTCOMES,
) -> pd.DataFrame:
    """The differences that chance gave in :func:`randomisation_test`, for a figure of them.

    Parameters
    ----------
    panel, draws, seed, outcomes
        As in :func:`randomisation_test`; the same seed gives the same draws.

    Returns
    -------
    DataFrame
        One row a draw: `arm`, `label`, `family`, `outcome`, `draw` (from 1), `estimate`.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> drawn = randomisation_distribution(open_panel(), draws=200, outcomes=["signup"])
    >>> len(drawn), bool(abs(drawn["estimate"].mean()) < 0.01)
    (800, True)
    """
    tables = [
        pd.DataFrame({**key, "draw": np.arange(1, draws + 1), "estimate": found.draws})
        for key, found, _ in _tests(panel, draws, seed, outcomes)
    ]
    return pd.concat(tables, ignore_index=True)


def _tests(
    panel: Panel, draws: int, seed: int, outcomes: Sequence[str]
) -> Iterator[tuple[dict[str, object], Randomisation, int]]:
    experiment = Experiment.of(panel)
    for outcome in outcomes:
        values, weights = experiment.outcome(outcome), experiment.weights(False)
        for comparison in experiment.comparisons():
            contrast = experiment.contrast(comparison, values, weights, what=outcome)
            # Its own stream, so that leaving out an arm or an outcome changes no other number.
            stream = (OUTCOMES.index(outcome), comparison.place)
            generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=stream))
            key = comparison.named | {"outcome": outcome}
            yield key, rerandomise(*again(contrast, draws, generator)), len(contrast.outcome)
