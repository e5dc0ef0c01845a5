"""The tag tree of a PDF: what a screen reader is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pikepdf

__all__ = ["Element", "Leaf", "read_tags"]

# A piece of a page's content: the page, from 0, and the piece's number on it.
Leaf = tuple[int, int]


@dataclass(eq=False)
class Element:
    """A paragraph, a heading, a table, a cell... with what it says of itself.

    Attributes
    ----------
    tag
        Its kind, such as ``P``, ``H1``, ``Table`` or ``TH``.
    parent
        What holds it.
    attributes
        Of layout and of tables, such as ``BBox``, ``Scope`` and ``ColSpan``.
    alternative, title, name
        The text in its place, its heading as text, and the name that table cells give for it.
    children, leaves
        The elements that it holds, and its own content on pages.
    """

    tag: str
    parent: Element | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    alternative: str | None = None
    title: str | None = None
    name: str | None = None
    children: list[Element] = field(default_factory=list)
    leaves: list[Leaf] = field(default_factory=list)

    def walk(self) -> Iterator[Element]:
        """Itself and everything in it, in the order of reading."""
        yield self
        for child in self.children:
            yield from child.walk()

    def around(self) -> Iterator[Element]:
        """Itself and what is around it, from the inside."""
        element: Element | None = self
        while element is not None:
            yield element
            element = element.parent

    def within(self, *tags: str) -> bool:
        """Whether it, or something around it, is of one of these kinds."""
        return any(element.tag in tags for element in self.around())

    @property
    def pages(self) -> list[int]:
        """The pages that it and everything in it are on, in order."""
        return sorted({page for element in self.walk() for page, _ in element.leaves})


def read_tags(pdf: pikepdf.Pdf) -> Element:
    """Read the tag tree of a PDF.

    Raises
    ------
    ValueError
        When it has none.
    """
    if "/StructTreeRoot" not in pdf.Root:
        raise ValueError("the PDF has no tags, which would tell its headings and paragraphs")
    numbers = {page.obj.objgen: number for number, page in enumerate(pdf.pages)}
    root = Element("Root")
    _read(pdf.Root.StructTreeRoot.K, root, 0, numbers)
    return root


def _read(node: Any, into: Element, page: int, numbers: dict[tuple[int, int], int]) -> None:
    if isinstance(node, pikepdf.Array):
        for child in node:
            _read(child, into, page, numbers)
    elif isinstance(node, pikepdf.Dictionary):
        page = numbers[node.Pg.objgen] if "/Pg" in node else page
        if "/S" in node:
            element = Element(str(node.S).lstrip("/"), into)
            given: Any = node.get("/A", [])
            for kind in [given] if isinstance(given, pikepdf.Dictionary) else given:
                element.attributes |= {str(key).lstrip("/"): value for key, value in kind.items()}
            element.alternative, element.title, element.name = (
                str(node[key]) if key in node else None for key in ("/Alt", "/T", "/ID")
            )
            into.children.append(element)
            if "/K" in node:
                _read(node.K, element, page, numbers)
        elif "/MCID" in node:
            into.leaves.append((page, int(node.MCID)))
    else:  # the number of a piece of content
        into.leaves.append((page, int(node)))
