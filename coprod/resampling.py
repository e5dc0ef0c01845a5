"""Who is drawn in a bootstrap sample: respondents within areas, or random groups of very many.

Of many respondents, random groups are drawn again in place of single ones (Wolter 2007, *Introduction
to Variance Estimation*, chapter 2): people of one area, put together by lot. The variance of a sum
over groups is on average that over people, and with :data:`GROUPS` of them a standard error is off
by half a per cent, which is less than 2,000 draws leave open (1.6 per cent). So the cost of the draws
does not grow with the panel.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["GROUPS", "counts_drawn", "random_groups", "resampled_covariances"]

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

GROUPS = 20_000
"""With more respondents than this, as many random groups of them are drawn again."""


def random_groups(strata: Codes, seed: int) -> tuple[Codes, Codes]:
    """The group of each respondent, and the stratum of each group.

    Of no more than :data:`GROUPS` respondents everybody is a group. Otherwise strata have as many
    groups as they have people, and groups of one stratum differ by one person at most.

    Examples
    --------
    >>> random_groups(np.array([0, 0, 1]), seed=1)
    (array([0, 1, 2]), array([0, 0, 1]))
    """
    people = len(strata)
    if people <= GROUPS:
        return np.arange(people), strata
    # A stream of its own, apart from that of the draws.
    generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1,)))
    number, areas, done = np.empty(people, dtype=np.intp), [], 0
    for area in np.unique(strata):
        members = np.flatnonzero(strata == area)
        count = min(len(members), max(2, round(GROUPS * len(members) / people)))
        number[generator.permutation(members)] = done + np.arange(len(members)) % count
        areas.append(np.full(count, area))
        done += count
    return number, np.concatenate(areas)


def counts_drawn(strata: Codes, draws: int, seed: int, at_once: int) -> Iterator[Floats]:
    """How often each unit is in each bootstrap sample, drawn within strata.

    Parameters
    ----------
    strata
        Of each unit.
    draws
        How many samples.
    seed
        Of the draws.
    at_once
        How many samples are given at a time.

    Yields
    ------
    ndarray
        Some draws × units.

    Examples
    --------
    >>> next(counts_drawn(np.array([0, 0, 1]), 4, seed=1, at_once=2)).sum(axis=1)
    array([3., 3.])
    """
    members = [np.flatnonzero(strata == area) for area in np.unique(strata)]
    generator = np.random.default_rng(seed)
    for start in range(0, draws, at_once):
        now = min(at_once, draws - start)
        counts = np.zeros((now, len(strata)))
        for units in members:
            drawn = generator.integers(0, len(units), size=(now, len(units)))
            drawn += np.arange(now)[:, None] * len(units)
            often = np.bincount(drawn.ravel(), minlength=now * len(units))
            counts[:, units] = often.reshape(now, -1)
        yield counts


def resampled_covariances(
    scales: list[Floats], areas: Codes, draws: int, seed: int
) -> list[Floats]:
    """Covariance matrices of scales in bootstrap samples of respondents, drawn within areas.

    Only sums of answers and of their products are resampled. They are whole numbers, so that no
    order of summation, and no number of threads, changes a result.

    Parameters
    ----------
    scales
        The answers to the items of each scale, n × items, NaN where there is none. Whoever left out
        one is in no matrix of the scale.
    areas
        The area of each respondent.
    draws, seed
        How many samples, and of the draws.

    Returns
    -------
    list of ndarray
        For each scale draws × items × items.
    """
    sums = []
    for answers in scales:
        complete = np.asarray(~np.isnan(answers).any(axis=1))[:, None]
        filled = np.where(complete, answers, 0.0)
        products = filled[:, :, None] * filled[:, None, :]
        sums.append(np.column_stack([complete, filled, products.reshape(len(filled), -1)]))
    number, strata = random_groups(areas, seed)
    together = np.column_stack(sums)
    if len(strata) < len(areas):
        columns = [np.bincount(number, column, len(strata)) for column in together.T]
        together = np.column_stack(columns)
    # 250 draws at a time keep the memory small.
    totals = [counts @ together for counts in counts_drawn(strata, draws, seed, 250)]
    resampled = np.vstack(totals)
    covariances, place = [], 0
    for answers in scales:
        k = answers.shape[1]
        n = resampled[:, place][:, None, None]
        first = resampled[:, place + 1 : place + 1 + k]
        second = resampled[:, place + 1 + k : place + 1 + k + k * k].reshape(-1, k, k)
        with np.errstate(invalid="ignore", divide="ignore"):  # a draw of nobody gives NaN
            covariances.append((second - first[:, :, None] * first[:, None, :] / n) / (n - 1))
        place += 1 + k + k * k
    return covariances
