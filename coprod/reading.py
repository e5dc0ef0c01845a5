"""A panel file as a table of text, whatever its format; what cannot be read is said."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coprod.errors import Fault, PanelError

__all__ = ["Table", "read_table", "refuse", "shown", "some"]

# The place of each of some rows, and the cells of each column.
Rows = tuple[list[int], Sequence[Sequence[str]]]

CHUNK = 20_000
SHOWN = 5

# What a file is, by its first bytes, where people are likely to try it.
FOREIGN = {
    b"PK\x03\x04": "an Excel workbook or another zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"$FL": "an SPSS file",
    b"<stata_dta>": "a Stata file",
    b"%PDF": "a PDF",
    b"\xff\xfe": "text in UTF-16",
    b"\xfe\xff": "text in UTF-16",
}
DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
SAVE = "save it as CSV, with commas and in UTF-8, or as Parquet"


@dataclass
class Table:
    """Columns of text.

    Attributes
    ----------
    header
        The names of the columns.
    place
        What the places count: 'line' of a text file, 'row' of a Parquet file.
    chunks
        For some rows at a time, the place of each row and the cells of each column.
    faults
        What is wrong with the file itself; complete when the chunks have been read.
    """

    header: list[str]
    place: str
    chunks: Iterator[Rows]
    faults: list[Fault] = field(default_factory=list)


def refuse(file: Path, faults: Sequence[Fault]) -> PanelError:
    """The error that says all that is wrong with a file."""
    count = f"{len(faults)} fault{'s' * (len(faults) > 1)}"
    return PanelError(f"The panel {shown(str(file), 300)} cannot be used: {count}", faults)


def read_table(file: Path) -> tuple[Table, bytes]:
    """The table of a file, and its bytes.

    Raises
    ------
    PanelError
        When there is no table in it.
    """
    content = _content(file)
    if content[:4] == b"PAR1":
        return _parquet(file, content), content
    if file.suffix.lower() in (".parquet", ".pq"):
        raise refuse(file, [Fault("", "not a Parquet file, whatever its name says")])
    for start, kind in FOREIGN.items():
        if content.startswith(start):
            raise refuse(file, [Fault("", f"it is {kind}", SAVE)])
    if b"\0" in content:
        raise refuse(file, [Fault("", "it is not a text file", SAVE)])
    return _csv(file, content), content


def _content(file: Path) -> bytes:
    try:
        if file.is_dir():
            raise refuse(file, [Fault("", "it is a folder", "give a CSV or Parquet file")])
        if not file.exists():
            raise refuse(file, [Fault("", "there is no such file")])
        if not file.is_file():
            raise refuse(file, [Fault("", "it is not a file", "give a CSV or Parquet file")])
        content = file.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise refuse(file, [Fault("", f"it cannot be read: {reason}")]) from error
    if not content.removeprefix(b"\xef\xbb\xbf").strip():
        raise refuse(file, [Fault("", "it is empty", "its first line names the columns")])
    return content


def _csv(file: Path, content: bytes) -> Table:
    faults = _not_utf8(content)
    # Bytes that are not UTF-8 are carried along, so that the rest can be checked as well.
    text = io.TextIOWrapper(
        io.BytesIO(content), encoding="utf-8-sig", errors="surrogateescape", newline=""
    )
    reader = csv.reader(text, strict=True)
    header: list[str] = []
    try:
        while not header:
            header = [cell.strip() for cell in next(reader)]
    except (csv.Error, StopIteration) as error:
        raise refuse(file, [*faults, _unreadable(error, 1)]) from error
    used = [name for mark, name in DELIMITERS.items() if mark in header[0]]
    if len(header) == 1 and used:
        faults.append(Fault("line 1", f"cells are separated by {used[0]}", "use commas"))
        raise refuse(file, faults)
    return Table(header, "line", _csv_chunks(reader, len(header), faults), faults)


def _csv_chunks(reader: Any, width: int, faults: list[Fault]) -> Iterator[Rows]:
    ragged: dict[int, list[int]] = {}
    rows: list[list[str]] = []
    places: list[int] = []
    last = reader.line_num
    try:
        for row in reader:
            last = reader.line_num
            if not any(row):
                continue
            if len(row) == width:
                rows.append(row)
                places.append(last)
            elif any(cell.strip() for cell in row):
                ragged.setdefault(len(row), []).append(last)
            if len(rows) == CHUNK:
                yield places, list(zip(*rows, strict=True))
                rows, places = [], []
    except csv.Error as error:
        faults.append(_unreadable(error, last + 1))
    if rows:
        yield places, list(zip(*rows, strict=True))
    faults += [
        Fault(some("line", lines), f"{cells} cell{'s' * (cells != 1)}", f"the header has {width}")
        for cells, lines in sorted(ragged.items())[:SHOWN]
    ]
    if rest := [line for _, lines in sorted(ragged.items())[SHOWN:] for line in lines]:
        faults.append(
            Fault(some("line", sorted(rest)), "other counts of cells", f"the header has {width}")
        )


def _unreadable(error: Exception, line: int) -> Fault:
    if "field limit" in str(error):
        return Fault(
            f"line {line}",
            f"a cell of more than {csv.field_size_limit():,} characters",
            "is a quotation mark missing?",
        )
    return Fault(
        f"line {line}", "quotation marks that do not match", "nothing after it could be read"
    )


def _not_utf8(content: bytes) -> list[Fault]:
    try:
        content.decode("utf-8")
        return []
    except UnicodeDecodeError as error:
        first = content[error.start]
    wrong = []
    for number, line in enumerate(content.splitlines(), 1):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            wrong.append(number)
    return [Fault(some("line", wrong), f"not UTF-8 (byte 0x{first:02X})", "save the file in UTF-8")]


def _parquet(file: Path, content: bytes) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        source = pq.ParquetFile(pa.BufferReader(content))
        header = [str(name).strip() for name in source.schema_arrow.names]
        batches = list(source.iter_batches(CHUNK))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise refuse(file, [Fault("", "it is a damaged Parquet file")]) from error
    faults: list[Fault] = []
    for name, kind in zip(header, source.schema_arrow.types, strict=True):
        if pa.types.is_nested(kind):
            where = f"column {shown(name)}"
            faults.append(Fault(where, f"holds values of type {kind}", "one value a cell"))
    if faults:
        raise refuse(file, faults)

    def texts(name: str, column: Any) -> list[str]:
        try:
            return [_as_text(value) for value in column.to_pylist()]
        except (ValueError, OverflowError) as error:
            # Times beyond the calendar, zones that nobody knows, texts that are not UTF-8.
            said = f"holds values of type {column.type} that cannot be read"
            raise refuse(file, [Fault(f"column {shown(name)}", said)]) from error

    def chunks() -> Iterator[Rows]:
        start = 1
        for batch in batches:
            columns = list(map(texts, header, batch.columns))
            yield list(range(start, start + batch.num_rows)), columns
            start += batch.num_rows

    return Table(header, "row", chunks(), faults)


def _as_text(value: Any) -> str:
    """A value as a CSV would have it: nothing is empty, a whole number has no point."""
    if value is None or value != value:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else str(value)


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
