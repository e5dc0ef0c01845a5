"""What a mapping may hold: its keys, and of what kind their values are."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from coprod.errors import Fault
from coprod.importing.table import shown
from coprod.schema import TEXT, Kind, Places, check_mapping, one_of

__all__ = ["REST", "SCHEMA", "TAB", "number"]

REST, TAB = "rest", "tab"
"""All columns that are not named, and the delimiter that one cannot see."""


def texts(given: Any, places: Places, file: str, path: tuple[Any, ...]) -> list[Fault]:
    """A text, or a list of texts."""
    good = isinstance(given, str) or (
        isinstance(given, list) and all(isinstance(item, str) for item in given)
    )
    return [] if good else [wrong(path, places, file, "text, or a list of texts")]


def names(given: Any, places: Places, file: str, path: tuple[Any, ...]) -> list[Fault]:
    """Names with their labels."""
    good = isinstance(given, dict) and given and all(isinstance(v, str) for v in given.values())
    return [] if good else [wrong(path, places, file, "names and labels, as in `N: North`")]


def recodes(given: Any, places: Places, file: str, path: tuple[Any, ...]) -> list[Fault]:
    """Values of the file with those of the codebook."""
    good = isinstance(given, dict) and given and all(isinstance(v, str) for v in given.values())
    return [] if good else [wrong(path, places, file, "values, as in `1: woman`")]


def span(given: Any, places: Places, file: str, path: tuple[Any, ...]) -> list[Fault]:
    """The ends of a scale."""
    good = isinstance(given, list) and len(given) == 2 and None not in map(number, given)
    if good and Fraction(given[0]) < Fraction(given[1]):
        return []
    return [wrong(path, places, file, "the lowest and the highest number, as in `[1, 5]`")]


def columns(given: Any, places: Places, file: str, path: tuple[Any, ...]) -> list[Fault]:
    """Variables with the columns that they are taken from."""
    if not isinstance(given, dict):
        return [wrong(path, places, file, "variables and columns, as in `age: Q1`")]
    found: list[Fault] = []
    for name, entry in given.items():
        here = (*path, name)
        if isinstance(entry, str):
            if not entry.strip():
                found.append(wrong(here, places, file, "the name of a column"))
        elif faults := check_mapping(entry, COLUMN, places, file, here):
            found += faults
        elif not entry.get("column", "").strip():
            found.append(wrong(here, places, file, "with `column`, the name of a column"))
    return found


def ignored(given: Any, places: Places, file: str, path: tuple[Any, ...]) -> list[Fault]:
    """Columns that are left out, or 'rest'."""
    if given == REST:
        return []
    if not isinstance(given, list):
        return [wrong(path, places, file, f"a list of columns, or `{REST}`")]
    found: list[Fault] = []
    for at, entry in enumerate(given):
        here = (*path, at)
        if not isinstance(entry, str):
            faults = check_mapping(entry, {"column": TEXT, "guess": YES}, places, file, here)
            if not faults and "column" not in entry:
                faults = [wrong(here, places, file, "the name of a column")]
            found += faults
    return found


def wrong(path: tuple[Any, ...], places: Places, file: str, wanted: str) -> Fault:
    """The fault that a value is of another kind."""
    where = f"{file}:{places.get(path, 1)}"
    return Fault(
        where, f"'{shown('.'.join(map(str, path)), 100)}' cannot be read", f"it must be {wanted}"
    )


def number(text: Any) -> Fraction | None:
    """The exact value of a number in plain digits."""
    digits = text.lstrip("+-") if isinstance(text, str) else ""
    if not digits.replace(".", "", 1).isdecimal() or not text.isascii() or len(text) > 20:
        return None
    try:
        return Fraction(text)
    except ValueError:  # '+-1'
        return None


YES = one_of("true", "false")
DELIMITER: Kind = (
    f"one mark, or '{TAB}'",
    lambda v: v == TAB or (isinstance(v, str) and len(v) == 1 and v.isascii() and not v.isalnum()
                           and v not in '"\r\n .-'),
)  # fmt: skip


def known_encoding(name: Any) -> bool:
    """Whether text can be read in an encoding of this name."""
    try:
        b"  ".decode(name)
    except UnicodeError:
        return True  # known, though these two bytes are not text in it
    except (LookupError, ValueError, TypeError):
        return False
    return True


COLUMN: dict[str, Any] = {
    "column": TEXT,
    "values": recodes,
    "missing": texts,
    "reverse": YES,
    "rescale": span,
    "halves": one_of("up", "down"),
    "guess": YES,
}
SCHEMA: dict[str, Any] = {
    "file": {
        "delimiter": DELIMITER,
        "encoding": ("an encoding, as utf-8 or cp1252", known_encoding),
        "decimal": one_of(".", ","),
        "sheet": TEXT,
    },
    "areas": names,
    "arms": names,
    "issues": names,
    "without": texts,
    "columns": columns,
    "ignore": ignored,
    "margins": TEXT,
}
