"""Holds a table of text against the codebook: every column and every value, all faults at once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from math import isfinite, nan

import numpy as np
import pandas as pd

from coprod.errors import Fault
from coprod.importing.table import SHOWN, Places, Table, listed, note, shown, some
from coprod.instrument import Instrument, Variable, ordered

__all__ = ["LONGEST", "allowed", "check_table"]

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
GAPS = {
    "na",
    "n/a",
    "#n/a",
    "nan",
    "null",
    "none",
    "missing",
    "-",
    ".",
    "?",
    "-9",
    "-99",
    "99",
    "999",
}
LONGEST = 64
UNASKED = "if it was not asked, list it under 'without' in a mapping"
# What each survey has of its own, and where a mapping names it.
OWN = {"area": "areas", "arm": "arms"}

# Marks a cell that is wrong, as NaN marks one that is empty.
WRONG = float("inf")


def check_table(table: Table, instrument: Instrument) -> tuple[pd.DataFrame, list[Fault]]:
    """The frame of a panel, or what is wrong with it.

    Parameters
    ----------
    table
        The cells as text.
    instrument
        The questionnaire.

    Returns
    -------
    frame : DataFrame
        As `Panel.frame`; of no use where there are faults.
    faults : list of Fault
        Of the file, of its columns, of the values by column, and of what goes together.
    """
    faults = _columns(table, instrument)
    wanted = [v for v in instrument.variables.values() if v.name in table.header]
    if not wanted:
        return pd.DataFrame(), [*table.faults, *faults]
    columns = {v.name: _Column(v, table) for v in wanted}
    position = {name: table.header.index(name) for name in columns}
    places: list[int] = []
    for lines, cells in table.chunks:
        places += lines
        for name, column in columns.items():
            column.add(cells[position[name]], lines)
    faults += table.faults
    if not places and not table.faults:
        faults.append(Fault("", "a header and no respondents"))
    for column in columns.values():
        faults += column.faults()
    values = {name: column.values() for name, column in columns.items()}
    faults += _together(values, instrument, np.array(places), table.place)
    if faults:
        return pd.DataFrame(), faults
    if "source" not in values:
        values["source"] = np.ones(len(places))
    frame = {name: _typed(values[name], v) for name, v in instrument.variables.items()}
    return pd.DataFrame(frame), faults


def _columns(table: Table, instrument: Instrument) -> list[Fault]:
    """Names that are missing, unknown or there twice."""
    header, known = table.header, list(instrument.variables)
    if not set(header) & set(known):
        named = f" ({', '.join(shown(name) for name in header[:SHOWN])}, …)" if header else ""
        return [
            Fault(
                f"{table.place} 1" if table.place == "line" else "",
                f"no column of the codebook{named}",
                "another survey needs a mapping, which the command map begins; "
                f"the columns are {', '.join(known)}",
            )
        ]
    absent = [
        name for name in known if name not in header and not instrument.variables[name].optional
    ]
    faults = [
        Fault(f"column {name}", "missing", UNASKED if name in instrument.background else "")
        for name in absent
    ]
    twice = dict.fromkeys(name for name in header if name and header.count(name) > 1)
    faults += [
        Fault(f"column {shown(name)}", f"there {header.count(name)} times", "once is allowed")
        for name in twice
    ]
    extra = [(at, name) for at, name in enumerate(header, 1) if name not in known]
    for at, name in extra[: 4 * SHOWN]:
        near = difflib.get_close_matches(name.lower()[:LONGEST], absent or known, n=1)
        hint = f"did you mean {near[0]}?" if near else ""
        where = f"column {shown(name)}" if name else f"column {at}"
        faults.append(Fault(where, "not in the codebook" if name else "has no name", hint))
    if len(extra) > 4 * SHOWN:
        faults.append(
            Fault("", f"{len(extra) - 4 * SHOWN:,} more columns that are not in the codebook")
        )
    return faults


class _Column:
    """The cells of one column, as numbers, codes of levels or text."""

    def __init__(self, variable: Variable, table: Table) -> None:
        self.variable = variable
        self.named = table.named(variable.name)
        self.place = table.place
        self.decimal = table.decimal
        # What the file itself declares to be missing, and what it calls the other values.
        self.missing = table.missing.get(variable.name, {})
        self.labels = table.labels.get(variable.name, {})
        self.levels = list(variable.levels)
        self.parts: list[np.ndarray] = []
        self.seen: dict[str, float] = {}
        self.wrong: Places = {}
        # For identifiers, which must be there once.
        self.first: dict[str, int] = {}
        self.again: Places = {}

    def add(self, cells: Sequence[str], places: list[int]) -> None:
        if len(self.seen) > 10 * len(cells):
            self.seen = {}
        for text in set(cells) - self.seen.keys():
            self.seen[text] = self.read(text.strip())
        values = np.fromiter(map(self.seen.__getitem__, cells), float, len(cells))
        for at in np.flatnonzero(values == WRONG).tolist():
            note(self.wrong, cells[at].strip(), places[at])
        if self.variable.kind != "text":
            self.parts.append(values)
            return
        names = [cell.strip() for cell in cells]
        self.parts.append(np.array(names, dtype=object))
        for name, place in zip(names, places, strict=True):
            if self.first.setdefault(name, place) != place and name:
                note(self.again, name, place)

    def read(self, text: str) -> float:
        """The number, or the code of the level; NaN where empty is allowed."""
        if not text or text in self.missing:
            return nan if self.variable.missing_allowed else WRONG
        if self.variable.kind == "text":
            return 0.0 if text.isprintable() and len(text) <= LONGEST else WRONG
        if self.variable.kind == "category":
            name = text if text in self.variable.levels else self.labels.get(text, "")
            return float(self.levels.index(name)) if name in self.variable.levels else WRONG
        if self.decimal == ",":
            text = text.replace(",", ".") if "." not in text else ""
        if len(text) > LONGEST or not NUMBER.fullmatch(text):
            return WRONG
        value = float(text)
        low, high = self.variable.minimum, self.variable.maximum
        allowed = (
            isfinite(value)
            and (low is None or value >= low)
            and (high is None or value <= high)
            and (self.variable.kind == "number" or value.is_integer())
        )
        return value if allowed else WRONG

    def values(self) -> np.ndarray:
        return np.concatenate(self.parts) if self.parts else np.empty(0)

    def faults(self) -> list[Fault]:
        where = self.named
        found = []
        if self.wrong:
            said = listed(self.wrong, self.place, "", self.hint)
            hint = f"allowed: {allowed(self.variable)}"
            if others := OWN.get(self.variable.name):
                hint += f" (a mapping can name your own under '{others}')"
            found.append(Fault(where, said, hint))
        if contrary := self.contrary():
            found.append(Fault(where, contrary, "recode the column, or mend the labels"))
        if self.again:
            said = listed(self.again, self.place, "again ", self.before)
            found.append(Fault(where, said, "each once"))
        return found

    def contrary(self) -> str:
        """Where the file's labels give a value another meaning than the codebook does."""
        own = {label.lower(): str(level) for level, label in self.variable.levels.items()}
        # Other codes than the codebook's are those of numbers only: a category is found by its label.
        codes = self.labels if self.variable.kind == "integer" else self.variable.levels
        said = [
            f"the file calls {shown(value)} '{shown(label)}', the codebook {own[label.lower()]}"
            for value, label in self.labels.items()
            if value in codes and own.get(label.lower(), value) != value
        ]
        return "; ".join(said[:SHOWN])

    def before(self, text: str) -> str:
        return f", first on {self.place} {self.first[text]}"

    def hint(self, text: str) -> str:
        if self.variable.missing_allowed and text.lower() in GAPS:
            return " (leave the cell empty where nothing was answered)"
        names = {str(level).lower(): level for level in self.levels}
        names |= {label.lower(): level for level, label in self.variable.levels.items()}
        near = difflib.get_close_matches(text.lower()[:LONGEST], list(names), n=1, cutoff=0.7)
        return f" (did you mean '{names[near[0]]}'?)" if near else ""


def allowed(variable: Variable) -> str:
    """What a cell of a variable may hold, in words.

    Examples
    --------
    >>> from coprod.instrument import load_instrument
    >>> variables = load_instrument().variables
    >>> allowed(variables["gender"]), allowed(variables["intends"]), allowed(variables["weight"])
    ('man, woman', 'whole numbers from 0 to 10, or empty', 'numbers of 0.000001 or more')
    """
    if variable.kind == "text":
        said = f"up to {LONGEST} printable characters"
    elif variable.kind == "category":
        said = ", ".join(variable.levels)
    else:
        said = "whole numbers" if variable.kind == "integer" else "numbers"
        low, high = (_plain(bound) for bound in (variable.minimum, variable.maximum))
        said += f" from {low} to {high}" if high else f" of {low} or more" if low else ""
    return f"{said}, or empty" if variable.missing_allowed else said


def _plain(number: float | None) -> str:
    return "" if number is None else f"{number:f}".rstrip("0").rstrip(".")


def _together(
    values: dict[str, np.ndarray], instrument: Instrument, places: np.ndarray, place: str
) -> list[Fault]:
    """What is wrong although each cell alone is right."""
    faults = []
    if "source" in values and len(set(values["source"]) - {WRONG}) > 1:
        faults.append(
            Fault("column source", "both synthetic and survey", "a panel is one or the other")
        )
    if "weight" in values:
        weights = values["weight"][np.isfinite(values["weight"])]
        with np.errstate(over="ignore"):
            counted = isfinite(float((weights**2).sum()))
        if not counted:
            faults.append(Fault("column weight", "too large to be added up"))
    for name, other in (
        ("arm", "nudge_issue"),
        ("nudge_issue", "arm"),
        ("willing", "arm"),
        ("signup", "arm"),
    ):
        if name in values and other in values:
            rows = places[~np.isnan(values[name]) & np.isnan(values[other])]
            if len(rows):
                faults.append(
                    Fault(f"column {other}", f"empty on {some(place, rows)}, where {name} is not")
                )
    return faults


def _typed(values: np.ndarray, variable: Variable) -> pd.Series:
    if variable.kind == "category":
        codes = np.where(np.isnan(values), -1, values)
        return pd.Series(ordered(codes, variable.levels))
    return pd.Series(values, dtype="str" if variable.kind == "text" else float)
