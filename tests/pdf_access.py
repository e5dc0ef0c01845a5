"""What a reader who cannot see a PDF would miss: checked in the tags themselves."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pikepdf

from tests.pdf_tags import Element, read_tags

__all__ = ["bookmarks", "missing"]

HEADINGS = ("H1", "H2", "H3", "H4", "H5", "H6")


def missing(file: Path) -> list[str]:
    """Everything that a tagged PDF fails to tell.

    Alternative texts of pictures and formulas, heads of columns and of groups in tables and what
    each cell is headed by, captions, levels of headings, bookmarks, the language and the title.

    Parameters
    ----------
    file
        The PDF.
    """
    with pikepdf.open(file) as pdf:
        root = read_tags(pdf)
        named = bookmarks(pdf)
        found = [*_of_the_document(pdf)]
    found += [*_of_headings(root, named), *_of_pictures(root), *_of_tables(root)]
    return found


def bookmarks(pdf: pikepdf.Pdf) -> list[tuple[int, str]]:
    """The bookmarks of a PDF in their order, each with its level from 1."""
    found: list[tuple[int, str]] = []

    def gather(items: list[pikepdf.OutlineItem], level: int) -> None:
        for item in items:
            found.append((level, str(item.title)))
            gather(item.children, level + 1)

    with pdf.open_outline() as outline:
        gather(outline.root, 1)
    return found


def _of_the_document(pdf: pikepdf.Pdf) -> Iterator[str]:
    if not str(pdf.Root.get("/Lang", "")):
        yield "the language"
    for holder, key in (("/MarkInfo", "/Marked"), ("/ViewerPreferences", "/DisplayDocTitle")):
        if holder not in pdf.Root or not pdf.Root[holder].get(key):
            yield f"{key} in its catalogue"
    with pdf.open_metadata() as metadata:
        for key, value in (("dc:title", None), ("pdfuaid:part", "1")):
            if not metadata.get(key) or (value and str(metadata[key]) != value):
                yield f"{key} in its metadata"


def _of_headings(root: Element, named: list[tuple[int, str]]) -> Iterator[str]:
    headings = [
        (int(each.tag[1:]), each.title or "") for each in root.walk() if each.tag in HEADINGS
    ]
    if not headings or headings[0][0] != 1:
        yield "a heading of the first level at the beginning"
    for (before, _), (level, title) in pairwise(headings):
        if level > before + 1:
            yield f"a heading of level {before + 1} above '{title}'"
    if len(named) != len(headings):
        yield f"bookmarks: there are {len(named)} for {len(headings)} headings"
    for (level, title), (depth, name) in zip(headings, named, strict=False):
        # A bookmark has the heading's number before it.
        if depth != level or not title or not name.endswith(title):
            yield f"a bookmark for '{title}'"


def _of_pictures(root: Element) -> Iterator[str]:
    for element in root.walk():
        if element.tag in ("Figure", "Formula") and not (element.alternative or "").strip():
            yield f"the alternative text of a {element.tag} on page {element.pages[0] + 1}"


def _of_tables(root: Element) -> Iterator[str]:
    for table in (element for element in root.walk() if element.tag == "Table"):
        where = f"of the table on page {table.pages[0] + 1}"
        cells = [element for element in table.walk() if element.tag in ("TH", "TD")]
        heads = {cell.name: cell for cell in cells if cell.tag == "TH"}
        columns = {name for name, cell in heads.items() if cell.within("THead")}
        if not columns:
            yield f"the heads of the columns {where}"
        for cell in heads.values():
            if str(cell.attributes.get("Scope")) not in ("/Column", "/Row", "/Both"):
                yield f"what a head {where} is the head of"
        for cell in cells:
            if cell.tag == "TD" and not _heads(cell, heads) & columns:
                yield f"the head of a cell {where}"
                break


def _heads(cell: Element, heads: dict[str | None, Element]) -> set[str | None]:
    """The names of a cell's heads, and of the heads of these, as for the name of a group."""
    found: set[str | None] = set()
    left = [cell]
    while left:
        for name in map(str, left.pop().attributes.get("Headers", [])):
            if name in heads and name not in found:
                found.add(name)
                left.append(heads[name])
    return found
