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
    "at_least",
    "coarse",
    "counts_rounded",
    "digits",
    "few_withheld",
    "hardly_varies",
    "note",
    "refuse_one_person",
    "smallest_cell",
    "thin",
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
        f"No number is told that fewer than {panel.min_cell} respondents stand behind. A dash stands in "
        "its place, and in the place of what would give it away. Counts, except those of all respondents "
        f"and of each area, are rounded down to multiples of {panel.min_cell}: read each as “at least”."
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
