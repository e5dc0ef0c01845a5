"""The figures and tables of the book, with what makes each, as a list."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from IPython.display import Markdown

from coprod.show.words import listing, plain

__all__ = ["program_entries"]


def program_entries(programs: pd.DataFrame) -> Markdown:
    """Each figure and table under its chapter's file, with its cell and its functions.

    Parameters
    ----------
    programs
        As of :func:`coprod.programs.programs`.

    Examples
    --------
    >>> row = {"label": "fig-a", "caption": "A line", "file": "chapters/a.qmd"}
    >>> row |= {"shown_by": ["coprod.show.figures.a"], "computed_by": ["coprod.a.one", "coprod.a.two"]}
    >>> print(program_entries(pd.DataFrame([row])).data)
    **In `chapters/a.qmd`**
    <BLANKLINE>
    - @fig-a: A line. Cell `fig-a`, shown by `figures.a`, computed by `a.one` and `a.two`.
    """
    parts = []
    for file, part in programs.groupby("file", sort=False):
        entries = "\n".join(
            f"- @{row.label}: {plain(row.caption)}. Cell `{row.label}`"
            f"{_functions('shown', row.shown_by)}{_functions('computed', row.computed_by)}."
            for row in part.itertuples()
        )
        parts.append(f"**In `{file}`**\n\n{entries}")
    return Markdown("\n\n".join(parts))


def _functions(what: str, names: Sequence[str]) -> str:
    short = [name.removeprefix("coprod.").removeprefix("show.") for name in names]
    return f", {what} by {listing(f'`{name}`' for name in short)}" if short else ""
