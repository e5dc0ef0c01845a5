"""Finds faults of layout in a PDF of the book, page by page.

    python -m tests.layout BOOK.pdf

A fault is what a printer would not let pass: text or a picture beyond the margins, text over other
text, a page that is empty, or half empty in the middle of a chapter, a heading or a caption that
ends a page, a single line of a paragraph on a page of its own, a row of a table on two pages. The
tags of the PDF say what is a heading and what a paragraph; its content says where each line stands.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pikepdf

from tests.pdf_content import Run, read_runs
from tests.pdf_tags import Element, read_tags

__all__ = ["LayoutFault", "faults"]

# So far out may something stand, in points: a full stop and the space behind it hang over the edge.
SLACK = 5.0
# A page with fewer lines than this, and nothing but lines, is almost empty.
FEW_LINES = 5
# So much of a page may stay white in one piece in the middle of a chapter.
WHITE = 0.5
HEADINGS = ("H1", "H2", "H3", "H4", "H5", "H6")
# What stands on a page as one thing, when its lines are counted.
BLOCKS = ("P", "Caption", "TD", "TH", "LBody", "Lbl", "Code", "TOCI", *HEADINGS)


@dataclass(frozen=True, order=True)
class LayoutFault:
    """What is wrong, and on which page, from 1."""

    page: int
    kind: str
    what: str

    def __str__(self) -> str:
        return f"page {self.page}: {self.kind}: {self.what}"


@dataclass(frozen=True)
class Box:
    """The place of something on a page, in points from its lower left corner."""

    left: float
    bottom: float
    right: float
    top: float


@dataclass(frozen=True)
class Page:
    """What stands on a page: text with its blocks, pictures and tables, and its running heads."""

    size: Box
    text: list[tuple[Run, Element]]
    boxes: list[tuple[Box, Element]]
    margins: list[Run]

    def extents(self) -> list[tuple[float, float]]:
        """The heights, from and to, at which there is something to read, from the top."""
        of_text = [(run.bottom, run.top) for run, _ in self.text]
        of_boxes = [(box.bottom, box.top) for box, _ in self.boxes]
        return sorted(of_text + of_boxes, key=lambda extent: -extent[1])

    def first(self) -> Element | None:
        """What stands at the head of it."""
        top = max(self.text, key=lambda pair: pair[0].top, default=None)
        return top[1] if top else None


def faults(file: Path) -> list[LayoutFault]:
    """Every fault of layout in a tagged PDF.

    Parameters
    ----------
    file
        The PDF.

    Raises
    ------
    ValueError
        When it is not tagged, or has no running heads and feet.
    """
    with pikepdf.open(file) as pdf:
        root = read_tags(pdf)
        pages = _pages(pdf, root)
    frame = _frame(pages)
    found = [
        *_outside(pages, frame),
        *_overlapping(pages),
        *_white(pages, frame),
        *_lonely_headings(root),
        *_torn(root),
        *_lonely_lines(pages),
    ]
    return sorted(set(found))


def _pages(pdf: pikepdf.Pdf, root: Element) -> list[Page]:
    blocks = {leaf: _block(element) for element in root.walk() for leaf in element.leaves}
    boxes: dict[int, list[tuple[Box, Element]]] = defaultdict(list)
    for element in root.walk():
        if element.tag in ("Figure", "Table", "Formula") and "BBox" in element.attributes:
            box = Box(*(float(side) for side in element.attributes["BBox"]))
            # A table on several pages has the box of one of them: its text tells where it is.
            if len(element.pages) == 1:
                boxes[element.pages[0]].append((box, element))
    pages = []
    for number, page in enumerate(pdf.pages):
        runs = read_runs(page)
        text = [
            (run, blocks[number, run.piece])
            for run in runs
            if run.piece is not None and (number, run.piece) in blocks
        ]
        size = Box(*(float(side) for side in page.mediabox))
        pages.append(Page(size, text, boxes[number], [run for run in runs if run.running]))
    return pages


def _block(element: Element) -> Element:
    """The paragraph, heading, cell or picture that holds an element."""
    around = [each for each in element.around() if each.tag not in ("Root", "Document")]
    picture = next((each for each in around if each.tag == "Figure"), None)
    blocks = [each for each in around if each.tag in BLOCKS]
    # Code within a line belongs to the line's paragraph.
    while len(blocks) > 1 and blocks[0].tag == "Code":
        blocks.pop(0)
    return picture or next(iter(blocks), around[0])


def _lines(runs: Iterable[Run]) -> list[list[Run]]:
    """The lines of a block, from the top; what is raised or lowered a little is in its line."""
    lines: list[list[Run]] = []
    for run in sorted(runs, key=lambda run: -run.base):
        if lines and lines[-1][0].base - run.base < 0.55 * max(run.size, lines[-1][0].size):
            lines[-1].append(run)
        else:
            lines.append([run])
    return lines


def _by_block(page: Page) -> dict[Element, list[Run]]:
    blocks: dict[Element, list[Run]] = defaultdict(list)
    for run, block in page.text:
        blocks[block].append(run)
    return blocks


def _frame(pages: list[Page]) -> Box:
    """The part of a page that text fills: running heads and numbers of pages bound it."""
    running = [page.margins for page in pages if page.margins]
    halves = [(run, page.size.top / 2) for page in pages for run in page.margins]
    feet = [run.top for run, middle in halves if run.base < middle]
    heads = [run.bottom for run, middle in halves if run.base > middle]
    if not (feet and heads):
        raise ValueError("the PDF has no running heads and feet, which show where its margins are")
    return Box(
        left=statistics.mode(round(min(run.left for run in page), 1) for page in running),
        bottom=max(feet),
        right=statistics.mode(round(max(run.right for run in page), 1) for page in running),
        top=min(heads),
    )


def _words(element: Element) -> str:
    """What a reader of the list of faults finds an element by."""
    named = element.title or element.alternative
    return f"{element.tag} '{named[:60]}'" if named else element.tag


def _outside(pages: list[Page], frame: Box) -> Iterator[LayoutFault]:
    for number, page in enumerate(pages, 1):
        things = [
            (Box(run.left, run.bottom, run.right, run.top), _words(block))
            for run, block in page.text
            if block.tag != "Figure"  # its box says where it ends
        ]
        things += [(box, _words(element)) for box, element in page.boxes]
        things += [
            (Box(run.left, frame.bottom, run.right, frame.top), "running head")
            for run in page.margins
        ]
        for box, what in things:
            for side, beyond in (
                ("left", frame.left - box.left),
                ("right", box.right - frame.right),
                (
                    "bottom",
                    frame.bottom - box.bottom if number > 1 else page.size.bottom - box.bottom,
                ),
                ("top", box.top - frame.top if number > 1 else box.top - page.size.top),
            ):
                if beyond > SLACK:
                    yield LayoutFault(
                        number, "beyond the margin", f"{what}, {side}, {beyond:.0f} pt"
                    )


def _overlapping(pages: list[Page]) -> Iterator[LayoutFault]:
    for number, page in enumerate(pages, 1):
        runs = [
            (run, block)
            for run, block in page.text
            if block.tag != "Figure" and not _formula(page, run)
        ]
        runs.sort(key=lambda pair: -pair[0].base)
        for at, (upper, block) in enumerate(runs):
            for lower, other in runs[at + 1 :]:
                if upper.base - lower.base > 2 * upper.size:
                    break
                over = min(upper.right, lower.right) - max(upper.left, lower.left)
                high = min(upper.top, lower.top) - max(upper.bottom, lower.bottom)
                if block is not other and over > 1 and high > 0.3 * min(upper.size, lower.size):
                    yield LayoutFault(
                        number, "text over text", f"{_words(block)} and {_words(other)}"
                    )


def _formula(page: Page, run: Run) -> bool:
    """Whether a run is in a formula, where letters carry hats and bars."""
    return any(
        element.tag == "Formula"
        and box.left - 1 <= run.left <= box.right
        and box.bottom - 1 <= run.base <= box.top
        for box, element in page.boxes
    )


def _white(pages: list[Page], frame: Box) -> Iterator[LayoutFault]:
    height = frame.top - frame.bottom
    for number, page in enumerate(pages[1:], 2):
        extents = page.extents()
        if not extents:
            yield LayoutFault(number, "empty page", "nothing is on it")
            continue
        following = pages[number].first() if number < len(pages) else None
        ends = number == len(pages) or (following is not None and following.tag == "H1")
        lines = sum(len(_lines(runs)) for runs in _by_block(page).values())
        if not ends and lines < FEW_LINES and not page.boxes:
            yield LayoutFault(number, "almost empty page", f"{lines} lines")
            continue
        if ends:
            continue
        edges, low = [frame.top], frame.top
        for bottom, top in extents:
            if top < low:
                edges += [low, top]
            low = min(low, bottom)
        edges = [*edges[1:], low, frame.bottom]
        white = max(
            (upper - lower for upper, lower in zip(edges[::2], edges[1::2], strict=True)), default=0
        )
        if white > WHITE * height:
            yield LayoutFault(
                number, "half-empty page", f"{white / height:.0%} of it is white in one piece"
            )


def _floating(element: Element) -> bool:
    """Whether an element is a figure or a table with its caption, which may stand elsewhere."""
    return any(child.tag == "Caption" for child in element.children)


def _lonely_headings(root: Element) -> Iterator[LayoutFault]:
    for holder in root.walk():
        for at, heading in enumerate(holder.children):
            if heading.tag not in HEADINGS or not heading.pages:
                continue
            here = heading.pages[-1]
            for after in holder.children[at + 1 :]:
                if after.pages and not (_floating(after) and after.pages[0] != here):
                    if after.pages[0] > here:
                        yield LayoutFault(here + 1, "lonely heading", _words(heading))
                    break


def _torn(root: Element) -> Iterator[LayoutFault]:
    """Captions away from what they are of, and rows of tables on two pages."""
    for element in root.walk():
        if _floating(element) and element.pages:
            caption = next(child for child in element.children if child.tag == "Caption")
            pages = [
                page for child in element.children if child is not caption for page in child.pages
            ]
            if pages and not set(caption.pages) & {pages[0], pages[-1]}:
                yield LayoutFault(caption.pages[0] + 1, "lonely caption", _words(element))
        if element.tag == "TR" and not element.within("THead") and len(element.pages) > 1:
            yield LayoutFault(element.pages[0] + 1, "torn row", "a row of a table is on two pages")


def _lonely_lines(pages: list[Page]) -> Iterator[LayoutFault]:
    for number, (page, after) in enumerate(pairwise(pages), 1):
        here, there = _by_block(page), _by_block(after)
        for block in here.keys() & there.keys():
            if block.tag not in ("P", "LBody", "Code", "Caption"):
                continue
            if len(_lines(here[block])) == 1:
                yield LayoutFault(
                    number, "lonely line", f"the first of a {block.tag} ends the page"
                )
            if len(_lines(there[block])) == 1:
                yield LayoutFault(
                    number + 1, "lonely line", f"the last of a {block.tag} starts the page"
                )


def main(arguments: list[str] | None = None) -> int:
    """Print the faults of a PDF, and say whether there are any."""
    parser = argparse.ArgumentParser(description="Find faults of layout in a PDF of the book.")
    parser.add_argument("pdf", type=Path)
    found = faults(parser.parse_args(arguments).pdf)
    for fault in found:
        print(fault)
    print(f"{len(found)} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
