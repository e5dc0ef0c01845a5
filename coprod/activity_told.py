"""Which results about activity may be told of a real panel: shares of answers, mean indices, who does which.

They hang together. Who knows a mean index and who stands at zero knows something of the answers, so that
what may be told of one depends on the others. A synthetic panel has nothing to hide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coprod.disclosure import coarse, counts_rounded, thin, withheld

if TYPE_CHECKING:
    from coprod.panel import Panel

__all__ = ["Told", "answers_told", "levels_told", "told"]


@dataclass(frozen=True)
class Told:
    """Which results about activity may be told.

    Attributes
    ----------
    answers
        Issue and form of which every item's answers may be.
    means
        Issue and form of which the mean of the index may be, over all areas.
    areas
        The same, for each area.
    zeros
        Issue and form of which the share at exactly zero may be.
    overlaps
        Issues of which it may be told who does which form.
    profiles
        Issues of which activity together may be told by activity alone.
    """

    answers: frozenset[tuple[str, str]]
    means: frozenset[tuple[str, str]]
    areas: frozenset[tuple[str, str]]
    zeros: frozenset[tuple[str, str]]
    overlaps: frozenset[str]
    profiles: frozenset[str]


@lru_cache(maxsize=8)
def told(panel: Panel) -> Told:
    """Find out what may be told of a panel.

    - The answers to the items of a form on an issue: when every answer to each of them was given by
      enough respondents.
    - A mean index: when it is so far from both ends of the scale that enough people can stand at
      either. For areas, besides, when in each of them enough people are above zero and enough below
      100.
    - The share at zero: when the mean is told, enough are there and enough are not, and of the
      latter enough can stand at the lowest and at the highest step.
    - Who does which: when each of the four groups is large enough and both shares at zero are told.
      Profiles: when, besides, each has enough with activity together and enough without.

    Examples
    --------
    >>> from coprod import open_panel
    >>> panel = open_panel()
    >>> len(told(panel).answers), sorted(told(panel).profiles)
    (6, ['environment', 'health', 'safety'])
    """
    from coprod.forms import profile
    from coprod.scales import indices

    instrument, least = panel.instrument, panel.min_cell
    pairs = list(product(instrument.issues, instrument.forms))
    if not least:
        every, issues = frozenset(pairs), frozenset(instrument.issues)
        return Told(every, every, every, every, issues, issues)
    long = indices(panel)
    answers, means, areas, zeros = set(), set(), set(), set()
    for issue, form in pairs:
        items = panel.frame[instrument.items(issue, form)].to_numpy(float)
        if not thin([(items == answer).sum(axis=0) for answer in instrument.answers], least):
            answers.add((issue, form))
        here = long.loc[(long["issue"] == issue) & long[form].notna(), ["area", form]]
        index = here[form].to_numpy(float)
        # As if they all stood at one end: how many people can be there at the most.
        if thin([(index / 100).sum(), (1 - index / 100).sum()], least):
            continue
        means.add((issue, form))
        parts = [[(part > 0).sum(), (part < 100).sum()] for part in _parts(here, form)]
        if not thin(parts, least):
            areas.add((issue, form))
        some = index[index > 0]
        step = 100 / (max(instrument.answers) * items.shape[1])
        ends = [((some - step) / (100 - step)).sum(), ((100 - some) / (100 - step)).sum()]
        if not thin([len(some), len(index) - len(some), *ends], least):
            zeros.add((issue, form))
    overlaps, profiles = set(), set()
    for issue in instrument.issues:
        both = long.loc[long["issue"] == issue, ["individual", "collective"]].dropna()
        alone, joint = both["individual"].to_numpy(), both["collective"].to_numpy()
        who = np.bincount((alone > 0) + 2 * (joint > 0), minlength=4)
        if all((issue, form) in zeros for form in instrument.forms) and not thin(who, least):
            overlaps.add(issue)
            cells = pd.crosstab(profile(alone), joint > 0)
            if cells.shape[1] == 2 and not thin(cells, least):
                profiles.add(issue)
    return Told(
        frozenset(answers),
        frozenset(means),
        frozenset(areas),
        frozenset(zeros),
        frozenset(overlaps),
        frozenset(profiles),
    )


def _parts(frame: pd.DataFrame, column: str) -> list[NDArray[np.float64]]:
    return [part.to_numpy(float) for _, part in frame.groupby("area", observed=True)[column]]


def answers_told(table: pd.DataFrame, panel: Panel) -> pd.DataFrame:
    """The shares of :func:`coprod.levels.shares` that may be told, NaN in place of the others.

    Raises
    ------
    ValidityError
        If none may be.
    """
    answers = told(panel).answers
    if not answers:
        raise withheld(panel, "How often people do each action")
    numbers = ["share", "standard_error", "low", "high"]
    pairs = [pair in answers for pair in zip(table["issue"], table["form"], strict=True)]
    table.loc[~np.array(pairs), numbers] = np.nan
    return counts_rounded(coarse(table, panel, numbers), panel)


def levels_told(table: pd.DataFrame, panel: Panel, by: Sequence[str]) -> pd.DataFrame:
    """Mean indices that may be told: all of a table, or none.

    A mean that is left out alone would follow from the others and that of all.

    Raises
    ------
    ValidityError
        If any may not be.
    """
    if not panel.min_cell:
        return table
    allowed = told(panel)
    pairs = set(product(panel.instrument.issues, panel.instrument.forms))
    if not pairs <= (allowed.areas if "area" in by else allowed.means):
        raise withheld(panel, "How much people do" + " in each area" * ("area" in by))
    if "area" in by or not pairs <= allowed.zeros:
        table = table.assign(**{n: np.nan for n in table if str(n).startswith("zero")})
    total = None
    if "area" in by:
        people = panel.frame["area"].astype(object).value_counts()
        total = table["area"].map(people).to_numpy(float)
    numbers = [str(name) for name in table.select_dtypes("float")]
    return counts_rounded(coarse(table, panel, numbers), panel, total)
