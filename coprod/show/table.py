"""Tables: one look, fixed identifiers, numbers aligned with one meaning of decimals a column."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

import pandas as pd
from great_tables import GT, html

from coprod.disclosure import digits
from coprod.labels import one_line
from coprod.panel import Panel
from coprod.show.words import interval, number, percent

__all__ = ["INTERVAL", "Table", "csv", "intervals", "labels", "named", "side_by_side", "table"]

INTERVAL = "95% interval"
"""The heading of a column of intervals."""

# A sign at which spreadsheets begin to compute; those that are twice as wide count as well.
FORMULA = re.compile(r"(^|;)(\s*[=+\-@＝＋－＠])")

Writer = Callable[[float], str] | int | str


@dataclass(frozen=True)
class Table:
    """A table that shows itself as HTML, and whose plain text is the same in every run.

    Attributes
    ----------
    name
        Its identifier in the page.
    made
        The great_tables table, for whoever wants to change it.
    csv
        The numbers behind it, as :func:`csv` writes them.
    """

    name: str
    made: GT = field(repr=False)
    csv: str = field(repr=False)

    def _repr_html_(self) -> str:
        return str(self.made._repr_html_())

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """The form that travels beside the HTML, from which the build makes the download."""
        return {"text/csv": self.csv}


def table(
    frame: pd.DataFrame,
    name: str,
    columns: Mapping[str, str],
    *,
    formats: Mapping[str, Writer] | None = None,
    stub: str | None = None,
    group: str | None = None,
    spanners: Mapping[str, Sequence[str]] | None = None,
    notes: Sequence[str] = (),
    panel: Panel | None = None,
    numbers: pd.DataFrame | None = None,
    data: str = "",
) -> Table:
    """A table of some columns of a frame.

    Parameters
    ----------
    frame
        The numbers, unrounded.
    name
        The table's identifier in the page, the same in every build.
    columns
        The columns to show, with their headings.
    formats
        How a column's numbers are written: a number of decimals, ``%`` or ``%1`` for percentages
        with so many decimals, or a function. Columns without one are text.
    stub
        The column that names the rows.
    group
        The column that names groups of rows.
    spanners
        Headings over several columns.
    notes
        Sentences below the table.
    panel
        Where the numbers come from, said in a last note.
    numbers
        The tidy frame that the table was made of, for its download; by default `frame`.
    data
        Where the numbers come from, in the download, if from no panel.

    Returns
    -------
    Table
        Ready to be shown.
    """
    formats = dict(formats or {})
    real = panel is not None and panel.min_cell > 0
    if real:
        # A share of a few hundred people has no more than two digits that mean anything.
        formats |= {name: "%" for name, how in formats.items() if how == "%1"}
    shown = pd.DataFrame(
        {
            column: [_write(value, formats[column]) for value in frame[column]]
            if column in formats
            else frame[column].astype(str).tolist()
            for column in ([group] if group else []) + list(columns)
        }
    )
    made = GT(shown, rowname_col=stub, groupname_col=group, id=name)
    # Escaped here: in a heading with braces great_tables looks for units, and lets HTML pass.
    made = made.cols_label(
        cases={column: html(escape(words)) for column, words in columns.items() if column != stub}
    )
    if stub:
        made = made.tab_stubhead(label=columns[stub])
    for words, over in (spanners or {}).items():
        made = made.tab_spanner(label=html(escape(words)), columns=list(over))
    numeric = [column for column in columns if column in formats and column != stub]
    if numeric:
        made = made.cols_align("right", columns=numeric)
    text = [column for column in columns if column not in formats and column != stub]
    if text:
        made = made.cols_align("left", columns=text)
    withheld = bool((shown == "–").to_numpy().any())
    for said in [*notes, *([_source(panel, withheld)] if panel else [])]:
        made = made.tab_source_note(said)
    # Fonts and sizes are the page's own; great_tables would name a dozen web fonts.
    made = made.tab_options(table_font_names=["inherit"])
    about = panel.describe() if panel else data
    return Table(name, made, csv(frame if numbers is None else numbers, about, rounded=real))


def csv(frame: pd.DataFrame, about: str, rounded: bool = False) -> str:
    """A frame as the CSV that a reader takes away.

    Everything that leaves the book as numbers passes here.

    Parameters
    ----------
    frame
        Tidy numbers, unrounded.
    about
        What data they come from. It is the first column, `data`, so that it stays with the numbers;
        where it is empty, as for the words of a questionnaire, there is no such column.
    rounded
        Whether numbers have three significant digits, and two under one: those of a real panel, of
        which more would give away how many people stand behind them.

    Returns
    -------
    str
        UTF-8 text with commas; numbers have ten significant digits, since the last ones differ between
        machines. A text that a spreadsheet would take for a formula starts with an apostrophe.

    Examples
    --------
    >>> print(csv(pd.DataFrame({"arm": ["=norm"], "effect": [1 / 3]}), "synthetic panel"))
    data,arm,effect
    synthetic panel,'=norm,0.3333333333
    <BLANKLINE>
    """
    if rounded:
        fractions = frame.select_dtypes("float")
        frame = frame.assign(**{str(name): digits(fractions[name]) for name in fractions})
    numeric = frame.select_dtypes("number").columns
    safe = {
        name: frame[name].astype(object).map(_safe, na_action="ignore")
        for name in frame
        if name not in numeric
    }
    written = frame.assign(**safe)
    if about:
        written.insert(0, "data", _safe(about))
    return str(written.to_csv(index=False, float_format="%.10g", lineterminator="\n"))


def _safe(value: object) -> object:
    """A value on one line that no spreadsheet takes for a formula.

    Where a semicolon parts the cells, as in many countries, one begins after each semicolon too.
    """
    return FORMULA.sub(r"\1'\2", one_line(value)) if isinstance(value, str) else value


def named(frame: pd.DataFrame, panel: Panel) -> pd.DataFrame:
    """The frame with the labels of issues and forms in place of their names."""
    labels = {
        "issue": panel.instrument.issues | {"all": "All issues"},
        "form": panel.instrument.forms,
    }
    named = {
        column: frame[column].astype(object).map(names)
        for column, names in labels.items()
        if column in frame
    }
    return frame.assign(**named)


def labels(panel: Panel) -> dict[str, str]:
    """The labels of the panel's variables, by name."""
    return {name: variable.label for name, variable in panel.instrument.variables.items()}


def side_by_side(
    frame: pd.DataFrame, keys: list[str], by: str, groups: Mapping[str, str], own: Mapping[str, str]
) -> tuple[pd.DataFrame, dict[str, str], dict[str, list[str]]]:
    """A long frame with the columns of some groups beside each other.

    Parameters
    ----------
    frame
        One row a key and group.
    keys
        The columns that name a row.
    by
        The column that names the group.
    groups
        Groups in order, and their headings.
    own
        What is shown of each group: columns and their headings.

    Returns
    -------
    wide : DataFrame
        One row a key, in the order of the frame, with a column ``estimate_individual`` for
        `estimate` of the group `individual`, and so on.
    columns
        Their headings, as :func:`table` takes them.
    spanners
        The heading over each group's columns.
    """
    wide = frame.drop_duplicates(keys)[keys]
    columns: dict[str, str] = {}
    spanners = {}
    for group, heading in groups.items():
        names = {name: f"{name}_{group}" for name in own}
        part = frame.loc[frame[by] == group, [*keys, *own]].rename(columns=names)
        wide = wide.merge(part, on=keys, how="left")
        columns |= {names[name]: title for name, title in own.items()}
        spanners[heading] = list(names.values())
    return wide, columns, spanners


def intervals(
    frame: pd.DataFrame, low: str, high: str, decimals: int, share: bool = False
) -> list[str]:
    """The intervals of a frame's rows, written out."""
    return [
        "–" if pd.isna(start) or pd.isna(end) else interval(start, end, decimals, share)
        for start, end in zip(frame[low], frame[high], strict=True)
    ]


def _write(value: float, how: Writer) -> str:
    if pd.isna(value):
        return "–"
    if isinstance(how, int):
        return number(value, how)
    if isinstance(how, str):
        return percent(value, int(how[1:] or 0))
    return how(value)


def _source(panel: Panel, withheld: bool) -> str:
    said = panel.describe()
    # The page's notice says more of it.
    least = f" – is withheld: fewer than {panel.min_cell} respondents stand behind it, or would follow from it."
    return f"{said[0].upper()}{said[1:]}.{least if withheld and panel.min_cell else ''}"
