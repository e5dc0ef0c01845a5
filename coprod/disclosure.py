"""What may be told of a real panel: no number that gives away fewer than so many people.

The functions that the chapters publish ask here before they return, so that tables, pictures, files
and sentences are all as safe as what they return. A synthetic panel has `min_cell` 0, and nothing of
it is withheld or rounded.

A distribution of which one part is too small is withheld as a whole, and not only that part: who
knows the rest and the total would know it. What else would give it away is withheld with it. Counts
are rounded down, as are those of people with an answer, so that nobody can tell how few have none.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from coprod.errors import PanelError, ValidityError

if TYPE_CHECKING:
    from coprod.panel import Panel

__all__ = [
    "LEAST",
    "USUAL",
    "Told",
    "answers_told",
    "at_least",
    "coarse",
    "counts_rounded",
    "digits",
    "few_withheld",
    "hardly_varies",
    "levels_told",
    "note",
    "refuse_one_person",
    "smallest_cell",
    "thin",
    "told",
    "withheld",
]

USUAL, LEAST = 10, 3
"""The fewest respondents of whom a number is told: unless something else is asked for, and at least."""

COUNTS = ("n", "n_arm", "n_control", "clusters", "smallest_cell", "df_residual")
"""Columns that count respondents, their answers, or what is left of them for an error."""


def smallest_cell(given: str | int | None = None) -> int:
    """The fewest respondents of whom a number is told of a real panel.

    Parameters
    ----------
    given
        A whole number of 3 or more; where None, the environment variable COPROD_MIN_CELL, else 10.

    Raises
    ------
    PanelError
        When it is something else.

    Examples
    --------
    >>> smallest_cell("5")
    5
    """
    said = os.environ.get("COPROD_MIN_CELL") or USUAL if given is None else given
    try:
        number = int(said)
    except ValueError:
        number = 0
    if number < LEAST:
        raise PanelError(
            f"the fewest respondents of whom a number is told cannot be {str(said)[:20]!r}; allowed "
            f"are whole numbers from {LEAST} (COPROD_MIN_CELL or --min-cell)"
        )
    return number


def note(panel: Panel) -> str:
    """What is done to protect the people of a panel, in sentences; '' where it is synthetic.

    Examples
    --------
    >>> from coprod import open_panel
    >>> note(open_panel())
    ''
    """
    if not panel.min_cell:
        return ""
    return (
        f"No number is told that fewer than {panel.min_cell} respondents stand behind: where a dash "
        "stands, it is withheld, with what would give it away. Counts, but of all respondents and of "
        f"each area, are rounded down to multiples of {panel.min_cell}: read each as “at least”."
    )


def at_least(counts: ArrayLike, total: ArrayLike, min_cell: int) -> NDArray[np.float64]:
    """Counts rounded down, and far enough from a total that the rest is not told either.

    Parameters
    ----------
    counts
        How many.
    total
        Of how many, where those are known.
    min_cell
        What counts are a multiple of; 0 leaves them as they are.

    Examples
    --------
    >>> at_least([37, 289, 295, 300], 300, 10).tolist()
    [30.0, 280.0, 290.0, 290.0]
    >>> at_least([37], 300, 0).tolist()
    [37.0]
    """
    found = np.asarray(counts, dtype=float)
    if not min_cell:
        return found
    with np.errstate(invalid="ignore"):
        lower = np.floor(found / min_cell) * min_cell
        lower = np.where(np.asarray(total) - lower < min_cell, lower - min_cell, lower)
    return np.maximum(lower, 0)


def counts_rounded(
    table: pd.DataFrame,
    panel: Panel,
    total: ArrayLike | Mapping[str, ArrayLike] | None = None,
    also: Sequence[str] = (),
) -> pd.DataFrame:
    """A result with its counts rounded down.

    Degrees of freedom become those of the rounded count, where they are a count less a known number:
    rounded on their own, each with another number, together they would give the count away.

    Parameters
    ----------
    table
        With any of the columns :data:`COUNTS`.
    panel
        The panel.
    total
        The known total that every count is a part of, or that of each column; by default all
        respondents, or their answers on as many issues as it takes.
    also
        More columns to round: degrees of freedom that give a count away.

    Examples
    --------
    >>> from coprod import open_panel
    >>> table = pd.DataFrame({"n": [287]})
    >>> counts_rounded(table, open_panel()).equals(table)
    True
    """
    if not panel.min_cell or table.empty:
        return table
    people = len(panel.frame)
    changed: dict[str, Any] = {}
    for name in (*COUNTS, *also):
        if name not in table:
            continue
        given = table[name].to_numpy(float)
        freedom = "df" in name.split("_")
        of_what = "clusters" if "clusters" in table else "n"
        counted = given
        if freedom:
            # Where the count itself is not there they are one less, as everywhere in regressions.
            counted = table[of_what].to_numpy(float) if of_what in table else given + 1
        # What is no whole number less has another reason, and gives no count away.
        with np.errstate(invalid="ignore"):  # of counts without an end
            apart = counted - given
            counted = np.where(apart % 1 == 0, counted, given)
            apart = np.where(apart % 1 == 0, apart, 0.0)
        known = total.get(of_what if freedom else name) if isinstance(total, Mapping) else total
        of = np.maximum(np.ceil(counted / people), 1) * people if known is None else known
        lower = at_least(counted, of, panel.min_cell) - apart
        lower = np.maximum(lower, 1 if freedom else 0)
        whole = np.isfinite(lower).all() and not freedom
        changed[name] = lower.astype(int) if whole else lower
    return table.assign(**changed)


def coarse(table: pd.DataFrame, panel: Panel, columns: Iterable[str]) -> pd.DataFrame:
    """A result with fewer digits: three, and two of numbers under one.

    A share with all its digits gives away the whole numbers that it was made of.

    Examples
    --------
    >>> from coprod import open_panel
    >>> table = pd.DataFrame({"share": [1 / 3]})
    >>> coarse(table, open_panel(), ["share"]).equals(table)
    True
    """
    if not panel.min_cell:
        return table
    return table.assign(**{name: digits(table[name]) for name in columns})


def digits(values: ArrayLike) -> NDArray[np.float64]:
    """Numbers with three significant digits, and with two where they are under one.

    Whole numbers stay: they are counts, and were rounded down.

    Examples
    --------
    >>> digits([59.4321, 0.12345, 1 / 30, 12_370]).tolist()
    [59.4, 0.12, 0.033, 12370.0]
    """

    def shorter(value: float) -> float:
        if value.is_integer():
            return value
        return float(f"{value:.3g}" if abs(value) >= 1 else f"{value:.2g}")

    return np.array([shorter(value) for value in np.asarray(values, dtype=float)], dtype=float)


def thin(counts: ArrayLike, min_cell: int) -> bool:
    """Whether a part of a distribution is too small to be told, one that nobody is in included.

    Examples
    --------
    >>> thin([40, 9], 10), thin([40, 0], 10), thin([40, 0], 0)
    (True, True, False)
    """
    return bool(min_cell) and bool((np.asarray(counts) < min_cell).any())


def hardly_varies(values: ArrayLike, min_cell: int) -> bool:
    """Whether so few people of a real panel differ from all the others that a result is about them.

    Nobody counts as few, or a refusal would say that nobody does.

    Examples
    --------
    >>> hardly_varies([0] * 40 + [1] * 9, 10), hardly_varies([0] * 40, 10), hardly_varies([0, 1], 0)
    (True, True, False)
    """
    known = pd.Series(np.asarray(values, dtype=float)).dropna()
    return bool(min_cell) and len(known) - int(known.value_counts().max() or 0) < min_cell


def few_withheld(
    table: pd.DataFrame, panel: Panel, few: ArrayLike, columns: Sequence[str]
) -> pd.DataFrame:
    """A result of which some rows are about few people: their numbers are NaN, of a real panel.

    Examples
    --------
    >>> from coprod import open_panel
    >>> table = pd.DataFrame({"estimate": [1.0, 2.0]})
    >>> few_withheld(table, open_panel(), [True, False], ["estimate"]).equals(table)
    True
    """
    if not panel.min_cell:
        return table
    keep = ~np.asarray(few, dtype=bool)
    return table.assign(**{name: table[name].where(keep) for name in columns})


def withheld(panel: Panel, what: str) -> ValidityError:
    """The refusal to tell something: a sentence that stands in its place."""
    return ValidityError(
        f"{what} is not told, since fewer than {panel.min_cell} respondents stand behind a part of it"
    )


def refuse_one_person(panel: Panel, what: str) -> None:
    """Refuse what is the value of one respondent.

    Raises
    ------
    ValidityError
        If the panel is real.
    """
    if panel.min_cell:
        raise ValidityError(f"{what} is not told of a real panel: it is about one person")


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
