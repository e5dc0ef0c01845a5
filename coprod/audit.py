"""Looks through a finished book for anything that could identify a respondent of its panel."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from html import unescape
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

from coprod.errors import BookError, Fault
from coprod.panel import Panel, protected
from coprod.render.provenance import RECORD

__all__ = ["Audit", "audit"]

DATA_FILES = {".sav", ".zsav", ".por", ".dta", ".parquet", ".xlsx", ".xls", ".feather", ".rds"}
"""Endings of files of data, none of which belongs in a book."""

PICTURES = {".png", ".jpg", ".woff", ".woff2", ".ttf", ".otf", ".wasm", ".ico"}
"""Endings of files without text."""

PERSONAL = re.compile(
    r"(respondent|.*(e-?mail|phone|mobile|post_?code|address|surname|first_?name|last_?name|"
    r"forename|birth|latitude|longitude|device_?id|user_?name|ip_?address).*)",
    re.IGNORECASE,
)
EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]*\w")
PLACE = re.compile(
    r"(?<![\w./:-])(?:/(?:home|Users|root|tmp|mnt|media|private|work|srv)/[\w.-]+|"
    r"[A-Za-z]:\\(?:Users|Documents)[\w.\\-]*)"
)
COUNTS = {
    *("n", "n_arm", "n_control", "n_complete", "clusters", "clusters_complete"),
    *("smallest_cell", "missing", "respondents", "randomised", "answered"),
}
"""Columns that count people; only those of whole areas may be exact."""
WHOLE = {"respondents", "answered"}

TOKEN = re.compile(r"[^\s,;|\[\](){}\"'<>]+")
TAG = re.compile(r"<[^>]*>")
DRAWING = re.compile(r"<svg\b.*?</svg>", re.DOTALL)
SAID = re.compile(r"<title\b[^>]*>([^<]*)</title>")
QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
WASM = b"\0asm"
WORDS, NUMBERS = 8, 16
"""How many answers side by side tell a person, with words among them, and of numbers alone."""
SHOWN = 3


@dataclass(frozen=True)
class Audit:
    """What was found in a book.

    Attributes
    ----------
    said
        One sentence.
    faults
        What could identify someone, by file.
    """

    said: str
    faults: tuple[Fault, ...]


def audit(book: Path, panel: Panel) -> Audit:
    """Look through every file of a book: pages, pictures, downloads, the search's index, the PDF.

    Parameters
    ----------
    book
        The folder of the book.
    panel
        What it was made of, as of :func:`coprod.panel.read_panel`: before groups are put together.

    Returns
    -------
    Audit
        With identifiers of respondents; rows, or several answers of one respondent in a row; counts
        that are too small or not rounded and numbers with too many digits, in tables and CSV files
        about a real panel; columns that sound personal; addresses; places on a machine's disk.

    Raises
    ------
    BookError
        When there is no book.
    """
    files = sorted(path for path in book.rglob("*") if path.is_file()) if book.is_dir() else []
    if not any(path.suffix == ".html" for path in files):
        raise BookError(f"{book} holds no finished book; 'coprod render' makes one")
    _refuse_another(book, panel)
    people = _People(panel, panel if panel.min_cell else protected(panel))
    faults: list[Fault] = []
    unread = []
    for path in files:
        name = path.relative_to(book).as_posix()
        if path.suffix.lower() in DATA_FILES:
            faults.append(Fault(name, "a file of data", "no data of respondents belong in a book"))
        elif path.suffix.lower() in PICTURES:
            continue
        elif path.suffix.lower() == ".pdf" and find_spec("pypdf") is None:
            unread.append(name)
        else:
            for inside, text in _texts(path):
                where = f"{name}, {inside}" if inside else name
                faults += (
                    Fault(where, what, hint) for what, hint in _findings(text, where, people)
                )
    said = (
        f"{len(faults):,} finding{'s' * (len(faults) != 1)} in {len(files):,} files could identify "
        "someone"
        if faults
        else f"Nothing in {len(files):,} files identifies anybody of the {panel.describe()}"
    )
    if unread:
        said += f"; {', '.join(unread)} was not looked at, for want of the Python package pypdf"
    return Audit(f"{said}." if not faults else said, tuple(faults))


def _refuse_another(book: Path, panel: Panel) -> None:
    """Refuse to look for the people of one panel in the book of another: nothing would be found."""
    try:
        record = json.loads((book / RECORD).read_text(encoding="utf-8"))
        given = [sum_ for what, sum_ in record["inputs"].items() if what.startswith("Panel")]
    except (OSError, ValueError, KeyError, AttributeError):
        return
    if given and panel.checksum and panel.checksum not in given:
        raise BookError(
            f"{book} was not made of {panel.source} as it is now; name the file that it was made of, "
            "by --panel"
        )


@dataclass
class _People:
    """What would identify somebody of a panel, ready to be looked for."""

    panel: Panel
    told: Panel
    least: int = field(init=False)
    about: str = field(init=False)

    def __post_init__(self) -> None:
        self.least = self.told.min_cell
        # Without the name of the file, which may be another by now.
        self.about = self.told.describe().partition(", read from ")[0]

    @cached_property
    def identifiers(self) -> set[str]:
        """Those that cannot be mistaken for a number of a table: with a letter, or long."""
        names = self.panel.frame["respondent"].astype(str)
        return {name for name in names if len(name) >= (7 if name.isdigit() else 3)}

    @cached_property
    def rows(self) -> dict[str, set[int]]:
        """Answers that stand side by side in the panel, hashed, by the first of them.

        They start at every few columns, so that half as many again are found wherever they start.
        """
        found: dict[str, set[int]] = {}
        # As they were answered, and as they are where groups are put together.
        for panel in {id(each): each for each in (self.panel, self.told)}.values():
            frame = panel.frame.drop(columns=["source", "respondent"], errors="ignore")
            columns = [[_plain(value) for value in frame[name]] for name in frame]
            for size in (WORDS, NUMBERS):
                for start in range(0, len(columns) - size + 1, size // 2):
                    for answers in zip(*columns[start : start + size], strict=True):
                        if "" not in answers and _telling(answers):
                            found.setdefault(answers[0], set()).add(hash(answers))
        return found


def _telling(answers: tuple[str, ...]) -> bool:
    """Whether it is hardly chance: a run of the same few numbers stands in any table."""
    words = sum(not answer.replace(".", "").isdigit() for answer in answers)
    return words >= 3 if len(answers) == WORDS else words == 0 and len(set(answers)) >= 4


def _plain(value: object) -> str:
    """A value as text has it: 3 for 3.0, nothing for a gap."""
    if pd.isna(value):
        return ""
    text = f"{value:.10g}" if isinstance(value, float) else str(value)
    return text.strip()


def _texts(path: Path) -> Iterator[tuple[str, str]]:
    """The texts of a file; of a PDF its pages and what is attached to it."""
    content = path.read_bytes()
    if path.suffix.lower() == ".pdf":
        yield from _pdf(content)
        return
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, zlib.error):
            return
    if WASM in content[:64]:
        return
    if path.suffix.lower() == ".ipynb":
        yield from _notebook(content)
        return
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        yield "", content.decode("utf-16", errors="replace")
        return
    yield "", content.decode("utf-8-sig", errors="replace")


def _notebook(content: bytes) -> Iterator[tuple[str, str]]:
    """What the cells of a notebook say, those results in HTML or SVG named as such, and all else in it."""
    try:
        notebook = json.loads(content)
        for number, cell in enumerate(notebook.pop("cells"), 1):
            yield f"cell {number}", "".join(cell.pop("source"))
            for output in cell.pop("outputs", []):
                forms = output.get("data") or {"text/plain": output.get("text", "")}
                for form, text in forms.items():
                    kind = form.rpartition("/")[2].partition("+")[0]
                    said = text if isinstance(text, str | list) else json.dumps(text)
                    yield f"cell {number}, result.{kind}", "".join(said)
            yield f"cell {number}", json.dumps(cell)
        yield "", json.dumps(notebook)
    except (ValueError, KeyError, TypeError, AttributeError):  # only by its name
        yield "", content.decode("utf-8-sig", errors="replace")


def _pdf(content: bytes) -> Iterator[tuple[str, str]]:
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(content))
    for number, page in enumerate(reader.pages, 1):
        yield f"page {number}", page.extract_text()
    for name, attached in reader.attachments.items():
        for part in attached:
            yield f"attachment {name}", part.decode("utf-8", errors="replace")
    for key, value in (reader.metadata or {}).items():
        yield f"metadata {key}", str(value)


def _findings(text: str, where: str, people: _People) -> Iterator[tuple[str, str]]:
    """What is wrong with a text, and what to do."""
    markup = where.endswith((".html", ".svg", ".xml"))
    # What stands in the attributes of a tag can be read too: titles, texts of pictures, data.
    plain = unescape(TAG.sub(_inside, text)) if markup else text
    tokens = [_number(token) for token in TOKEN.findall(plain)]
    if named := sorted(set(tokens) & people.identifiers):
        yield f"identifiers of respondents: {_some(named)}", "take the column out"
    if (row := _row(tokens, people)) is not None:
        yield f"answers of one respondent side by side: {', '.join(row)}", "no row may be published"
    if places := sorted(set(PLACE.findall(plain))):
        yield f"places on a machine: {_some(places)}", "they may name a person"
    if where.endswith(".csv"):
        yield from _file(text, people)
    elif markup and people.least:
        yield from _tables(text, people)
        yield from _pictures(text)


def _inside(tag: re.Match[str]) -> str:
    """What a tag says: its comment, or the values of its attributes."""
    if tag[0].startswith("<!--"):
        return f" {tag[0][4:-1]} "
    return f" {' '.join(value[1:-1] for value in QUOTED.findall(tag[0]))} "


def _number(token: str) -> str:
    token = token.strip(".:")
    return token.removesuffix(".0") if token.count(".") == 1 else token


def _row(tokens: list[str], people: _People) -> tuple[str, ...] | None:
    for at, token in enumerate(tokens):
        rows = people.rows.get(token, set())
        for size in (WORDS, NUMBERS) if rows else ():
            if hash(window := tuple(tokens[at : at + size])) in rows:
                return window
    return None


def _file(text: str, people: _People) -> Iterator[tuple[str, str]]:
    """What is wrong with a file of comma-separated values."""
    rows = list(csv.reader(io.StringIO(text)))
    header, rows = rows[0] if rows else [], rows[1:]
    if personal := [name for name in header if PERSONAL.fullmatch(name)]:
        yield f"columns that sound personal: {_some(personal)}", "take them out"
    if found := sorted({m for row in rows for cell in row for m in EMAIL.findall(cell)}):
        yield f"addresses: {_some(found)}", "take them out"
    if not people.least:
        return
    about = [row for row in rows if row and people.about in row[0]]
    yield from _counted(
        ((name, value) for row in about for name, value in zip(header, row, strict=False)), people
    )
    long = sorted({cell for row in about for cell in row[1:] if _digits(cell) > SHOWN})
    if long:
        yield f"numbers with more than {SHOWN} digits: {_some(long)}", "they must be rounded"


def _digits(cell: str) -> int:
    """How many digits of a number that is no whole number count, 0 of anything else."""
    if not re.fullmatch(r"-?\d*\.\d+(e[+-]?\d+)?", cell):
        return 0
    return len(cell.partition("e")[0].lstrip("-0.").replace(".", "").lstrip("0"))


def _counted(cells: Iterable[tuple[str, str]], people: _People) -> Iterator[tuple[str, str]]:
    """Counts of people that are too small, or not rounded down."""
    small, exact = set(), set()
    for name, value in cells:
        if name not in COUNTS or not re.fullmatch(r"\d{1,3}(,?\d{3})*(\.0)?", value):
            continue
        count = int(float(value.replace(",", "")))
        if 0 < count < people.least:
            small.add(f"{name} {count}")
        elif count % people.least and name not in WHOLE:
            exact.add(f"{name} {count}")
    if small:
        yield f"counts under {people.least}: {_some(sorted(small))}", "they must be withheld"
    if exact:
        said = f"rounded down to multiples of {people.least}"
        yield f"exact counts: {_some(sorted(exact))}", f"they must be {said}"


class _Cells(HTMLParser):
    """Cells of the tables of a page, by the column that each names, and all the words of each table."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[tuple[list[tuple[str, str]], list[str]]] = []
        self.open: list[tuple[list[tuple[str, str]], list[str]]] = []
        self.column = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.open.append(([], []))
        elif tag == "td":
            self.column = (dict(attributes).get("headers") or "").split(" ")[-1]

    def handle_endtag(self, tag: str) -> None:
        if tag == "table" and self.open:
            self.tables.append(self.open.pop())
        elif tag == "td":
            self.column = ""

    def handle_data(self, data: str) -> None:
        if self.open:
            cells, words = self.open[-1]
            words.append(data)
            if self.column:
                cells.append((self.column, data.strip()))


def _tables(text: str, people: _People) -> Iterator[tuple[str, str]]:
    """What is wrong with the tables of a page that are about the panel."""
    parser = _Cells()
    parser.feed(text)
    own = people.about.lower()
    for cells, words in parser.tables:
        if own in " ".join(" ".join(words).split()).lower():
            yield from _counted(cells, people)


def _pictures(text: str) -> Iterator[tuple[str, str]]:
    """What the marks of pictures say too exactly, in files of their own and in pages."""
    said = (
        number
        for picture in DRAWING.findall(text)
        for words in SAID.findall(picture)
        for number in re.findall(r"\d[\d,]*\.\d+", unescape(words))
    )
    if long := sorted({each for each in said if _digits(each.replace(",", "")) > SHOWN}):
        what = f"numbers with more than {SHOWN} digits in a picture: {_some(long)}"
        yield what, "they must be rounded"


def _some(found: list[str]) -> str:
    more = f" and {len(found) - SHOWN:,} more" if len(found) > SHOWN else ""
    return ", ".join(found[:SHOWN]) + more
