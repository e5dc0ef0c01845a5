"""A file's cells as text, with what the file says about them, and how its faults are said."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from coprod.errors import Fault, PanelError

__all__ = [
    "CHUNK",
    "SHOWN",
    "Options",
    "Places",
    "Rows",
    "Table",
    "listed",
    "note",
    "refuse",
    "shown",
    "some",
]

# The place of each of some rows, and the cells of each column.
Rows = tuple[list[int], Sequence[Sequence[str]]]

# By value, the first places where it stands, and in how many cells it does.
Places = dict[str, tuple[list[int], int]]

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
    options
        How the file was read, where that was found out.
    names
        By column, what the file calls it, where a mapping has given it another name.
    emptied
        By column, how many cells held each value that a mapping left empty; complete when the
        chunks have been read.
    weighted
        Whether the weights are the file's own.
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
    options: Options = field(default_factory=Options)
    names: dict[str, str] = field(default_factory=dict)
    emptied: dict[str, dict[str, int]] = field(default_factory=dict)
    weighted: bool = True

    def named(self, name: str) -> str:
        """A column as a message names it: by the file's name first, where it has another."""
        own = self.names.get(name, name)
        return f"column {shown(own)}" + (f" ({name})" if own != name else "")


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


def note(cells: Places, text: str, place: int) -> None:
    """Remember that a value stands at a place; the first places only."""
    places, count = cells.get(text, ([], 0))
    if count < SHOWN:
        places.append(place)
    cells[text] = (places, count + 1)


def listed(cells: Places, place: str, how: str, hint: Callable[[str], str]) -> str:
    """The first values of many with their places, each with a hint, in words.

    Examples
    --------
    >>> listed({"x": ([3, 4], 2)}, "line", "", lambda text: " (of what?)")
    "'x' on lines 3 and 4 (of what?)"
    """
    parts = []
    for text, (places, count) in list(cells.items())[:SHOWN]:
        value = f"'{shown(text)}'" if text else "empty"
        parts.append(f"{value} {how}on {some(place, places, count)}{hint(text)}")
    if rest := list(cells.values())[SHOWN:]:
        total = sum(count for _, count in rest)
        parts.append(f"{len(rest):,} other value{'s' * (len(rest) > 1)} in {total:,} cells")
    return "; ".join(parts)
