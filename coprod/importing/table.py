"""A file's cells as text, with what the file says about them, and how its faults are said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from coprod.errors import Fault, PanelError

__all__ = ["CHUNK", "SHOWN", "Options", "Rows", "Table", "refuse", "shown", "some"]

# The place of each of some rows, and the cells of each column.
Rows = tuple[list[int], Sequence[Sequence[str]]]

CHUNK = 20_000
SHOWN = 5


@dataclass(frozen=True)
class Options:
    """How to read a file, where that shall not be found out; '' where it shall."""

    delimiter: str = ""
    encoding: str = ""
    decimal: str = ""
    sheet: str = ""


@dataclass
class Table:
    """Columns of text.

    Attributes
    ----------
    header
        The names of the columns.
    place
        What the places count: 'line' of a text file, 'row' of others.
    chunks
        For some rows at a time, the place of each row and the cells of each column.
    faults
        What is wrong with the file itself; complete when the chunks have been read.
    format
        What was found out about the file, in parts of a sentence.
    decimal
        What stands between a number's whole part and the rest: '.' or ','.
    labels
        By column, what the file calls its values.
    titles
        By column, what the file says the column is.
    missing
        By column, how many cells hold each value that the file itself declares to be missing.
    """

    header: list[str]
    place: str
    chunks: Iterator[Rows]
    faults: list[Fault] = field(default_factory=list)
    format: list[str] = field(default_factory=list)
    decimal: str = "."
    labels: dict[str, dict[str, str]] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    missing: dict[str, dict[str, int]] = field(default_factory=dict)


def refuse(file: Path, faults: Sequence[Fault]) -> PanelError:
    """The error that says all that is wrong with a file."""
    count = f"{len(faults)} fault{'s' * (len(faults) > 1)}"
    return PanelError(f"The panel {shown(str(file), 300)} cannot be used: {count}", faults)


def shown(text: str, most: int = 40) -> str:
    r"""Text as a message can hold it: one line, not long, nothing that a terminal obeys.

    Examples
    --------
    >>> print(shown("\x1b[31mred"), shown("long " * 20, 9))
    \x1b[31mred long long…
    """
    cut = text if len(text) <= most else text[:most] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)


def some(word: str, places: Sequence[int], count: int | None = None) -> str:
    """The first places of many, in words.

    Examples
    --------
    >>> some("line", [3]), some("line", [3, 4, 9]), some("line", range(1, 11))
    ('line 3', 'lines 3, 4 and 9', 'lines 1, 2, 3, 4, 5 and 5 more')
    """
    count = len(places) if count is None else count
    first = [str(place) for place in places[:SHOWN]]
    if count == 1:
        return f"{word} {first[0]}"
    if count > len(first):
        return f"{word}s {', '.join(first)} and {count - len(first):,} more"
    return f"{word}s {', '.join(first[:-1])} and {first[-1]}"
