"""Delimited text: its encoding, its delimiter and its decimal mark are found out and said."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from coprod.errors import Fault
from coprod.importing.table import CHUNK, SHOWN, Options, Rows, Table, refuse, shown, some

__all__ = ["DELIMITERS", "read_text"]

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
SAVE = "save it as CSV in UTF-8, as Excel (.xlsx) or as Parquet"
LONGEST_CELL = 131_072
# How much of a text decides on its delimiter.
SAMPLE = 200_000


def read_text(file: Path, content: bytes, options: Options) -> Table:
    """The table of delimited text.

    Raises
    ------
    PanelError
        When it is not text, or its first line cannot be read.
    """
    faults: list[Fault] = []
    text, said, encoding = _decoded(file, content, options.encoding, faults)
    delimiter, found = options.delimiter, "as the mapping says"
    # The first line that Excel writes, and obeys.
    if told := re.match(r"sep=(.)\r?\n", text):
        text = text[told.end() :]
        delimiter, found = delimiter or told[1], "as its first line says"
    if not delimiter:
        delimiter, found = _delimiter(text), "found out"
    # Whatever another library has set it to: a lost quotation mark must not swallow the file.
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    before = 1 if told else 0
    header: list[str] = []
    try:
        while not header:
            header = [cell.strip() for cell in next(reader)]
    except (csv.Error, StopIteration) as error:
        raise refuse(file, [*faults, _unreadable(error, 1 + before)]) from error
    decimal, example = options.decimal or ".", ""
    if not options.decimal:
        decimal, example = _decimal(text, delimiter)
    form = [
        f"text in {said}",
        f"cells separated by {DELIMITERS.get(delimiter, shown(delimiter))} ({found})",
    ]
    if decimal == ",":
        how = f"found out from '{example}'" if example else "as the mapping says"
        form.append(f"decimal comma ({how})")
    chunks = _chunks(reader, len(header), faults, before)
    read = Options(delimiter, encoding, decimal)
    return Table(header, "line", chunks, faults, form, decimal, options=read)


def _decoded(
    file: Path, content: bytes, encoding: str, faults: list[Fault]
) -> tuple[str, str, str]:
    """The text, how it is written in words, and the name of the encoding."""
    if encoding:
        try:
            text = content.decode(encoding).removeprefix("\ufeff")
        except UnicodeError as error:
            line = content[: getattr(error, "start", 0)].count(b"\n") + 1
            fault = Fault(f"line {line}", f"not {encoding}, as the mapping says")
            raise refuse(file, [fault]) from error
        return text, f"{encoding} (as the mapping says)", encoding
    for mark, name in MARKS.items():
        if content.startswith(mark):
            if name == "utf-16":
                try:
                    return content.decode(name), "UTF-16 (by its first bytes)", name
                except UnicodeDecodeError as error:
                    raise refuse(file, [Fault("", "it is damaged text in UTF-16", SAVE)]) from error
            content = content[len(mark) :]
    if b"\0" in content:
        raise refuse(file, [Fault("", "it is not a text file", SAVE)])
    try:
        return content.decode("utf-8"), "UTF-8", "utf-8"
    except UnicodeDecodeError as error:
        byte = content[error.start]
    # Some letters in UTF-8 and others not: two files were put together, or one was damaged.
    carried = content.decode("utf-8", errors="surrogateescape")
    mixed = any(c > "\x7f" and not "\udc80" <= c <= "\udcff" for c in set(carried))
    if not mixed:
        try:
            text = content.decode("cp1252")
        except UnicodeDecodeError:
            mixed = True
        else:
            example = f", from '{shown(_around(text))}'"
            return text, f"Windows-1252 (found out, as it is not UTF-8{example})", "cp1252"
    lines = enumerate(re.split("\r\n|\r|\n", carried), 1)
    wrong = [number for number, line in lines if re.search("[\udc80-\udcff]", line)]
    what = f"neither UTF-8 nor Windows-1252 (byte 0x{byte:02X})"
    faults.append(Fault(some("line", wrong), what, "save the file in UTF-8"))
    # Carried along, so that the rest can be checked as well.
    return carried, "an unknown encoding", ""


def _around(text: str) -> str:
    """The word of the first letter that is not ASCII, or of the first other such character."""
    found = re.search(r"[^\W\x00-\x7f]", text) or re.search(r"[^\x00-\x7f]", text)
    if not found:
        return ""
    before = re.search(r"\w*$", text[max(found.start() - 20, 0) : found.start()])
    after = re.match(r"\w*", text[found.end() : found.end() + 20])
    return (before[0] if before else "") + found[0] + (after[0] if after else "")


def _delimiter(text: str) -> str:
    """The mark that gives most cells in most rows; a comma where none gives two."""

    def score(mark: str) -> float:
        rows: list[list[str]] = []
        try:
            sample = csv.reader(io.StringIO(text[:SAMPLE], newline=""), delimiter=mark)
            rows = [row for row in islice(sample, 100) if any(row)]
        except csv.Error:
            pass
        if not rows or len(rows[0]) < 2:
            return 0
        return len(rows[0]) * sum(len(row) == len(rows[0]) for row in rows[:50]) / len(rows[:50])

    # The first of equals.
    return max(DELIMITERS, key=score)


def _decimal(text: str, delimiter: str) -> tuple[str, str]:
    """The decimal mark and a number that shows it; a point unless there are only commas."""
    mark = re.escape(delimiter)
    # Where commas separate cells, one within a number stands in quotation marks.
    before, after = (
        ('(?<=")', '(?=")') if delimiter == "," else (f'(?<=[{mark}"\\n])', f'(?=[{mark}"\r\n])')
    )
    comma = re.search(rf"{before} *[+-]?\d*,\d+ *{after}", text)
    if comma is None:
        return ".", ""
    point = re.search(rf'(?<=[{mark}"\n]) *[+-]?\d*\.\d+ *(?=[{mark}"\r\n])', text)
    return (".", "") if point else (",", shown(comma[0].strip()))


def _chunks(reader: Any, width: int, faults: list[Fault], before: int) -> Iterator[Rows]:
    ragged: dict[int, list[int]] = {}
    rows: list[list[str]] = []
    places: list[int] = []
    last = reader.line_num + before
    try:
        for row in reader:
            last = reader.line_num + before
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
            f"a cell of more than {LONGEST_CELL:,} characters",
            "is a quotation mark missing?",
        )
    return Fault(
        f"line {line}", "quotation marks that do not match", "nothing after it could be read"
    )
