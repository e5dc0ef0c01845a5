"""Files of other programs: Excel, SPSS, Stata, Parquet."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from coprod.errors import Fault, PanelError
from coprod.importing.table import CHUNK, Options, Rows, Table, refuse, shown, some

__all__ = ["kind_of", "read_excel", "read_parquet", "read_spss", "read_stata"]

SAVE = "save it as CSV in UTF-8, as Excel (.xlsx) or as Parquet"
# How the reader of SPSS and Stata warns of names that are there twice, which it changes.
TWICE = re.compile(r"column '(.*)' is duplicated", re.DOTALL)
# What a file is by its first bytes, where people are likely to try it.
FOREIGN = {
    b"\xd0\xcf\x11\xe0": (
        "it is an old Excel workbook, or one that is locked with a password",
        "save it as .xlsx without a password",
    ),
    b"%PDF": ("it is a PDF", SAVE),
    b"\x1c\x00\x00\x00\x00\x00\x00\x00ENCRYPTEDSAV": (
        "it is an SPSS file that is locked with a password",
        "save it without a password",
    ),
    b"* SPSS PORT": ("it is a portable SPSS file", "save it as .sav"),
}
SUFFIXES = {
    "parquet": (".parquet", ".pq"),
    "excel": (".xlsx", ".xlsm"),
    "spss": (".sav", ".zsav"),
    "stata": (".dta",),
}
PROGRAMS = {"parquet": "a Parquet", "excel": "an Excel", "spss": "an SPSS", "stata": "a Stata"}
# A workbook of this size when unpacked is no survey.
UNPACKED = 1_000_000_000
# A survey packs to a tenth or a twentieth. What packs much better was made to fill a memory.
PACKED, CELLS, SMALL = 50, 50, 20_000
"""How much larger a workbook may be unpacked, how many cells a byte may hold, and bytes that count at least."""
LAST_ROW = 1_048_576
PLACED = re.compile(rb"""<(?:\w+:)?(row|c)\s[^<>]*?\br=["']([A-Z]*)(-?\d+)["']""")


def kind_of(file: Path, content: bytes) -> str:
    """What a file holds: 'text', 'excel', 'spss', 'stata' or 'parquet'.

    Raises
    ------
    PanelError
        When it is something else, or not what its name says.
    """
    suffix = file.suffix.lower()
    if content[:4] == b"PAR1":
        return "parquet"
    if content[:4] in (b"$FL2", b"$FL3"):
        return "spss"
    # Stata's older files start with a number of their version, the order of bytes and a one.
    old = suffix == ".dta" and 104 <= content[0] <= 115 and content[1:3] in (b"\1\1", b"\2\1")
    if content.startswith(b"<stata_dta>") or old:
        return "stata"
    if content[:4] in (b"PK\3\4", b"PK\5\6"):
        return _zipped(file, content)
    for start, (what, hint) in FOREIGN.items():
        if content.startswith(start):
            raise refuse(file, [Fault("", what, hint)])
    for kind, suffixes in SUFFIXES.items():
        if suffix in suffixes:
            what = f"not {PROGRAMS[kind]} file, whatever its name says"
            raise refuse(file, [Fault("", what)])
    return "text"


def _zipped(file: Path, content: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            size = sum(entry.file_size for entry in archive.infolist())
            locked = any(entry.flag_bits & 1 for entry in archive.infolist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, UnicodeError) as error:
        raise refuse(file, [Fault("", "it is a damaged Excel workbook or zip archive")]) from error
    if "xl/workbook.xml" not in names:
        sheet = "content.xml" in names and "mimetype" in names
        what = "an OpenDocument file" if sheet else "a zip archive"
        raise refuse(file, [Fault("", f"it is {what}", SAVE if sheet else "unpack it first")])
    if locked:
        raise refuse(file, [Fault("", "it is locked with a password", "save it without")])
    if size > min(UNPACKED, PACKED * max(len(content), 10 * SMALL)):
        raise refuse(file, [Fault("", f"its sheets unpack to {size / 1e6:,.0f} MB", SAVE)])
    return "excel"


def read_excel(file: Path, content: bytes, options: Options) -> Table:
    """The table of a workbook's first sheet, or of the one that the options name.

    Raises
    ------
    PanelError
        When the workbook is damaged, has no such sheet, or holds formulas without their results.
    """
    import openpyxl

    def sheet_of(values: bool) -> tuple[Any, list[str]]:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=values)
        sheets = [sheet.title for sheet in book.worksheets]
        name = options.sheet or next(iter(sheets), "")
        if name not in sheets:
            known = ", ".join(shown(sheet) for sheet in sheets)
            where = f"sheet {shown(name)}" if name else ""
            raise refuse(file, [Fault(where, "there is none", f"sheets are {known or 'none'}")])
        return book[name], sheets

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of styles and rules that do not matter here
        try:
            if wrong := _out_of_order(content):
                said = "it is a damaged Excel workbook: rows or cells are out of order"
                raise refuse(file, [Fault(f"row {wrong}", said, "save it again in Excel")])
            sheet, sheets = sheet_of(values=True)
            # A file may claim more rows and columns than it has.
            sheet.reset_dimensions()
            rows = [[_as_text(value) for value in row] for row in sheet.iter_rows(values_only=True)]
            empty = []
            if _has_formulas(content):
                written, _ = sheet_of(values=False)
                written.reset_dimensions()
                for at, row in enumerate(written.iter_rows(values_only=True)):
                    known = zip(rows[at], row, strict=False)
                    if any(str(cell).startswith("=") and not value for value, cell in known):
                        empty.append(at + 1)
        except PanelError:
            raise
        except Exception as error:  # damaged workbooks fail in many ways, deep in the reader
            raise refuse(file, [Fault("", "it is a damaged Excel workbook")]) from error
    if empty:
        hint = "open it in Excel and save it, so that the results are kept"
        raise refuse(file, [Fault(some("row", empty), "formulas without their results", hint)])
    start = next((at for at, row in enumerate(rows) if any(row)), None)
    if start is None:
        raise refuse(file, [Fault(f"sheet {shown(sheet.title)}", "is empty")])
    width = max(len(row) for row in rows)
    width = (
        max(at for row in rows for at, cell in enumerate(row, 1) if cell.strip()) if width else 0
    )
    header = [cell.strip() for cell in _wide(rows[start], width)]
    kept = [(at + 1, _wide(row, width)) for at, row in enumerate(rows) if at > start and any(row)]
    form = ["an Excel workbook"]
    if len(sheets) > 1:
        how = "as the mapping says" if options.sheet else "the first"
        form.append(f"sheet {shown(sheet.title)} ({how} of {len(sheets)})")

    def chunks() -> Iterator[Rows]:
        for first in range(0, len(kept), CHUNK):
            part = kept[first : first + CHUNK]
            cells = list(zip(*(row for _, row in part), strict=True))
            yield [place for place, _ in part], cells

    found = Options(sheet=sheet.title if len(sheets) > 1 else "")
    return Table(header, "row", chunks(), format=form, options=found)


def _wide(row: list[str], width: int) -> list[str]:
    return [*row[:width], *[""] * (width - len(row))]


def _has_formulas(content: bytes) -> bool:
    return any(b"<f" in sheet for sheet in _sheets(content))


def _out_of_order(content: bytes) -> str:
    """The first row that is not where its number says; '' where all are, as the reader expects.

    The reader leaves out, without a word, rows and cells that come after later ones.
    """
    for sheet in _sheets(content):
        row, column = 0, (0, b"")
        for kind, letters, digits in PLACED.findall(sheet):
            number, place = int(digits[:20]), (len(letters), letters)
            if kind == b"row" or number > row:
                good = row < number <= LAST_ROW
                row, column = number, (0, b"")
            else:
                good = number == row
            if kind == b"c":
                good = good and place > column
                column = place
            if not good:
                return str(number)
    return ""


def _sheets(content: bytes) -> Iterator[bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            if name.startswith("xl/worksheets/") and name.endswith(".xml"):
                yield archive.read(name)


def read_spss(file: Path, content: bytes, options: Options) -> Table:
    """The table of an SPSS file, with its value labels and what it declares to be missing."""
    import pyreadstat

    return _statistical(file, content, options, pyreadstat.read_sav, "an SPSS file")


def read_stata(file: Path, content: bytes, options: Options) -> Table:
    """The table of a Stata file, with its value labels and its kinds of missing values."""
    import pyreadstat

    return _statistical(file, content, options, pyreadstat.read_dta, "a Stata file")


def _statistical(
    file: Path, content: bytes, options: Options, read: Callable[..., Any], kind: str
) -> Table:
    form = [kind]
    given = {"encoding": options.encoding} if options.encoding else {}
    # With user_missing, values that the file declares to be missing are kept and can be counted.
    settings = {"user_missing": True, "output_format": "dict", "disable_datetime_conversion": True}

    def cells_of(encoding: dict[str, str]) -> tuple[Any, Any, int]:
        _, about = read(io.BytesIO(content), metadataonly=True, **settings, **encoding)
        most, promised = _most(content, len(about.column_names)), about.number_rows
        columns, about = read(io.BytesIO(content), row_limit=most + 1, **settings, **encoding)
        cells = {str(name): _texts(columns[name]) for name in about.column_names}
        people = len(next(iter(cells.values()), []))
        # A file that was cut short is read up to there without a word.
        if promised is not None and promised >= 0 and people not in (promised, most + 1):
            raise ValueError
        return cells, about, most

    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            try:
                cells, about, most = cells_of(given)
            except UnicodeDecodeError:
                if given:
                    raise
                cells, about, most = cells_of({"encoding": "cp1252"})
                form.append("text in Windows-1252 (found out, as the file does not say)")
    except Exception as error:  # damaged files fail in many ways, deep in the reader
        said = f"it is damaged, though it starts as {kind}"
        if given:
            said += f", or its text is not {options.encoding}, as the mapping says"
        raise refuse(file, [Fault("", said)]) from error
    if twice := dict.fromkeys(name for w in warned for name in TWICE.findall(str(w.message))):
        allowed = "once is allowed"
        raise refuse(file, [Fault(f"column {shown(n)}", "there twice", allowed) for n in twice])
    names = list(cells)
    labels = {
        str(name): {_as_text(value): str(label) for value, label in values.items()}
        for name, values in about.variable_value_labels.items()
    }
    declared: dict[str, dict[str, int]] = {}
    for name in names:
        ranges = about.missing_ranges.get(name, [])
        single = {_as_text(value) for value in about.missing_user_values.get(name, [])}
        if ranges or single:
            found = {
                text: count
                for text, count in Counter(cells[name]).items()
                if text in single or any(_within(text, span) for span in ranges)
            }
            if found:
                declared[name] = found
    people = len(cells[names[0]]) if names else 0
    if people > most:
        raise refuse(file, [_too_many(people, len(names))])

    def chunks() -> Iterator[Rows]:
        for first in range(0, people, CHUNK):
            part = [cells[name][first : first + CHUNK] for name in names]
            yield list(range(first + 1, first + 1 + len(part[0]))), part

    titles = {
        str(name): str(title) for name, title in about.column_names_to_labels.items() if title
    }
    header = [name.strip() for name in names]
    return Table(
        header, "row", chunks(), format=form, labels=labels, titles=titles, missing=declared
    )


def _most(content: bytes, columns: int) -> int:
    """The most rows that a survey of this size can have."""
    return CELLS * max(len(content), SMALL) // max(columns, 1)


def _too_many(rows: int, columns: int) -> Fault:
    said = f"{rows:,} rows of {columns:,} columns in so small a file are no survey"
    return Fault("", said, SAVE)


def _within(text: str, span: Mapping[str, Any]) -> bool:
    """Whether a value is in a range of an SPSS file, of numbers or of one text."""
    if not text:
        return False
    low, high = span["lo"], span["hi"]
    if isinstance(low, str):
        return text.rstrip() == low.rstrip()
    try:
        return bool(low <= float(text) <= high)
    except ValueError:
        return False


def _texts(values: Sequence[Any]) -> list[str]:
    """Cells as text; each distinct value is turned once, as a survey has few of them."""
    known: dict[Any, str] = {}
    found = []
    for value in values.tolist() if hasattr(values, "tolist") else values:
        text = known.get(value)
        if text is None:
            text = known[value] = _as_text(value)
        found.append(text)
    return found


def read_parquet(file: Path, content: bytes, options: Options) -> Table:
    """The table of a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        source = pq.ParquetFile(pa.BufferReader(content))
        rows, width = source.metadata.num_rows, source.metadata.num_columns
        if rows > _most(content, width):
            raise refuse(file, [_too_many(rows, width)])
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

    return Table(header, "row", chunks(), format=["a Parquet file"])


def _as_text(value: Any) -> str:
    """A value as a CSV would have it: nothing is empty, a whole number has no point."""
    if value is None or value != value:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else str(value)
