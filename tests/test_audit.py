"""An audit of a finished book finds what was planted in it, and nothing in a book that is clean."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from pypdf import PdfWriter

from coprod import levels, open_panel
from coprod.audit import audit
from coprod.cli import run
from coprod.errors import BookError
from coprod.panel import Panel, protected
from coprod.render.provenance import RECORD
from coprod.show import tables


@pytest.fixture(scope="module")
def panel() -> Panel:
    """Three hundred people, as if they had answered."""
    frame = open_panel().frame.iloc[:300].reset_index(drop=True).assign(weight=1.0)
    return protected(
        replace(open_panel(), frame=frame, synthetic=False, seed=None, source="council.csv"), 10
    )


@pytest.fixture
def book(tmp_path: Path, panel: Panel) -> Path:
    """A page with a table, its file, and a picture."""
    made = tables.items(levels.shares(panel), panel)
    (tmp_path / "downloads").mkdir()
    (tmp_path / "downloads" / "tbl-levels-items.csv").write_text(made.csv, encoding="utf-8")
    page = f"<html><body>{made._repr_html_()}</body></html>"
    (tmp_path / "levels.html").write_text(page, encoding="utf-8")
    (tmp_path / "figure.svg").write_text("<svg><text>59%</text></svg>", encoding="utf-8")
    return tmp_path


def test_a_clean_book_is_said_to_be_clean(book: Path, panel: Panel) -> None:
    found = audit(book, panel)
    assert found.faults == ()
    assert found.said.startswith("Nothing in 3 files")


def _identifier(panel: Panel) -> str:
    return str(panel.frame["respondent"].iloc[7])


def _answers(panel: Panel, columns: slice, between: str = ",") -> str:
    row = panel.frame.iloc[11, columns]
    return between.join(f"{v:g}" if isinstance(v, float) else str(v) for v in row)


BACKGROUND = slice(3, 14)
PERSON = slice(14, 40)


def _page(text: str) -> tuple[str, bytes]:
    return "index.html", f"<html><p>{text}</p></html>".encode()


def _csv(panel: Panel, header: str, row: str) -> tuple[str, bytes]:
    return "downloads/tbl-x.csv", f'data,{header}\n"{panel.describe()}",{row}\n'.encode()


def _attached(panel: Panel) -> tuple[str, bytes]:
    writer = PdfWriter()
    writer.add_blank_page(100, 100)
    writer.add_attachment("rows.csv", _identifier(panel).encode())
    stream = io.BytesIO()
    writer.write(stream)
    return "book.pdf", stream.getvalue()


def _table(panel: Panel, column: str, cell: str) -> tuple[str, bytes]:
    said = panel.describe()
    table = f'<table><tr><td headers="x {column}">{cell}</td></tr><tr><td>P{said[1:]}.</td></tr></table>'
    return "page.html", table.encode()


def _notebook(source: str = "1", **forms: str) -> tuple[str, bytes]:
    cell = nbformat.v4.new_code_cell(source)
    data = {f"text/{kind}": text for kind, text in forms.items()}
    cell.outputs = [nbformat.v4.new_output("display_data", data=data)]
    return "a.ipynb", nbformat.writes(nbformat.v4.new_notebook(cells=[cell])).encode()


# In parts, since no file of the project may name a place on a machine.
HOME = "/".join(["", "home", "jo"])

LEAKS: dict[str, tuple[Callable[[Panel], tuple[str, bytes]], str]] = {
    "identifier on a page": (lambda p: _page(f"Ask {_identifier(p)}."), "identifiers"),
    "identifier in the search": (
        lambda p: ("pagefind/a.pf_fragment", gzip.compress(_identifier(p).encode())),
        "identifiers",
    ),
    "identifier in a PDF": (_attached, "identifiers"),
    "a row of text": (
        lambda p: ("data.json", f"[{_answers(p, BACKGROUND)}]".encode()),
        "side by side",
    ),
    "a row of numbers": (lambda p: ("x.txt", _answers(p, PERSON, "\t").encode()), "side by side"),
    "a row in a page's table": (
        lambda p: _page(f"<table><tr><td>{_answers(p, PERSON, '</td><td>')}</td></tr></table>"),
        "side by side",
    ),
    "a small count in a file": (lambda p: _csv(p, "issue,n", "safety,7"), "counts under 10: n 7"),
    "an exact count in a file": (lambda p: _csv(p, "issue,n", "safety,287"), "exact counts: n 287"),
    "a small count in a table": (lambda p: _table(p, "n", "4"), "counts under 10: n 4"),
    "digits": (lambda p: _csv(p, "share", "0.123456"), "more than 3 digits"),
    "a personal column": (lambda p: _csv(p, "postcode,share", "B1 1AA,0.5"), "sound personal"),
    "an address": (lambda p: _csv(p, "label", "jo@example.org"), "addresses"),
    "an identifier in a notebook": (lambda p: _notebook(plain=_identifier(p)), "identifiers"),
    "a row in a notebook": (
        lambda p: _notebook(html=f"<p>{_answers(p, PERSON, '</p><p>')}</p>"),
        "side by side",
    ),
    "a small count in a notebook": (
        lambda p: _notebook(html=_table(p, "n", "4")[1].decode()),
        "counts under 10: n 4",
    ),
    "a place in a notebook": (lambda p: _notebook(f"open('{HOME}/x')"), "places on a machine"),
    "a notebook that is none": (lambda p: ("a.ipynb", _identifier(p).encode()), "identifiers"),
    "a place on a disk": (lambda p: _page(f"Read from {HOME}/panel.csv."), "places on a machine"),
    "the panel itself": (lambda p: ("panel.sav", b"$FL2"), "a file of data"),
}


@pytest.mark.parametrize("name", LEAKS)
def test_what_was_planted_is_found(name: str, book: Path, panel: Panel) -> None:
    plant, said = LEAKS[name]
    file, content = plant(panel)
    (book / file).parent.mkdir(exist_ok=True)
    (book / file).write_bytes(content)
    faults = audit(book, panel).faults
    assert [fault.where.split(",")[0] for fault in faults] == [file]
    assert said in faults[0].what


def test_counts_of_other_data_are_no_concern(book: Path, panel: Panel) -> None:
    table = pd.DataFrame({"data": ["cable systems in a published study"], "n": [4], "x": [0.12345]})
    table.to_csv(book / "downloads" / "tbl-studies.csv", index=False)
    assert audit(book, panel).faults == ()


def test_a_folder_without_a_book_is_refused(tmp_path: Path, panel: Panel) -> None:
    with pytest.raises(BookError, match="no finished book"):
        audit(tmp_path, panel)


def test_the_command_ends_with_two_where_something_is_found(
    book: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["audit", str(book)]) == 0
    assert "Nothing in 3 files" in capsys.readouterr().out
    (book / "index.html").write_text(f"{HOME}/panel.csv", encoding="utf-8")
    assert run(["audit", str(book)]) == 2
    error = capsys.readouterr().err
    assert "1 finding in 4 files" in error
    assert f"index.html: places on a machine: {HOME}" in error


HIDDEN: dict[str, Callable[[str], tuple[str, bytes]]] = {
    "title": lambda name: ("a.html", f'<p title="about {name}">x</p>'.encode()),
    "text of a picture": lambda name: ("a.html", f"<img alt='{name}' src='x.svg'>".encode()),
    "comment": lambda name: ("a.html", f"<!-- {name} --><p>x</p>".encode()),
    "UTF-16": lambda name: ("downloads/x.csv", f"data,who\nx,{name}\n".encode("utf-16")),
}


@pytest.mark.parametrize("where", HIDDEN)
def test_what_is_not_plain_text_is_looked_at_too(where: str, book: Path, panel: Panel) -> None:
    name, content = HIDDEN[where](_identifier(panel))
    (book / name).write_bytes(content)
    assert any("identifiers" in fault.what for fault in audit(book, panel).faults)


@pytest.mark.parametrize("name", ["index.html", "x_files/fig-x-1.svg"])
def test_what_a_mark_says_too_exactly_is_found(name: str, book: Path, panel: Panel) -> None:
    said = "<title>Area A, individual: {} (95% interval 57.4 to 59.2)</title>"
    shown = f"<title>1.2345 pages</title><svg><g>{said}<path d='M 1.23456 2.34567'/></g></svg>"
    file = book / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(shown.format("58.3"), encoding="utf-8")
    assert audit(book, panel).faults == ()
    file.write_text(shown.format("58.3127"), encoding="utf-8")
    [fault] = audit(book, panel).faults
    assert fault.what == "numbers with more than 3 digits in a picture: 58.3127"


def test_an_identifier_in_a_picture_of_a_page_is_found(book: Path, panel: Panel) -> None:
    drawn = f"<svg><g><title>{_identifier(panel)}</title></g></svg>"
    (book / "index.html").write_text(drawn, encoding="utf-8")
    assert any("identifiers" in fault.what for fault in audit(book, panel).faults)


def test_a_book_of_another_panel_is_refused(book: Path, panel: Panel) -> None:
    (book / RECORD).write_text('{"inputs": {"Panel, council.csv": "0123"}}', encoding="utf-8")
    with pytest.raises(BookError, match="was not made of"):
        audit(book, replace(panel, checksum="4567"))
    assert audit(book, replace(panel, checksum="0123")).faults == ()


def test_a_file_with_another_name_is_the_same_panel(book: Path, panel: Panel) -> None:
    name, content = _csv(panel, "n", "3")
    (book / name).write_bytes(content)
    assert audit(book, replace(panel, source="copy.csv")).faults
