"""The embedded engine: chapters that have been run become a website and a PDF, both at once."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from coprod.render.chapter import Chapter
from coprod.render.conversion import FOLDER
from coprod.render.copies import write_copies
from coprod.render.document import Converted, convert
from coprod.render.downloads import write_pngs
from coprod.render.paper import LAST_PAPER, keep_paper, write_paper
from coprod.render.pictures import with_drawings
from coprod.render.project import Book
from coprod.render.provenance import Provenance

__all__ = ["make_book"]


def make_book(
    book: Book,
    chapters: Sequence[Chapter],
    notebooks: Sequence[Mapping[str, Any]],
    to: str,
    fresh: Path,
    provenance: Provenance,
    announce: Callable[[str], None],
    cache: bool = True,
) -> None:
    """Write the website and the PDF, or one of them, into a folder.

    Parameters
    ----------
    book, chapters, notebooks
        The project, its chapters, and their notebooks with results.
    to
        ``html``, ``pdf`` or ``all``.
    fresh
        Where they go.
    provenance
        What they are made from and with.
    announce
        Told, in a word, what is made.
    cache
        Whether what earlier builds converted and drew counts, and is kept.

    Raises
    ------
    BookError
        When a chapter cannot be converted, or Typst refuses it.
    """
    kept = (lambda name: book.folder / FOLDER / f"{name}.json") if cache else (lambda name: None)

    def website() -> None:
        announce("Website")
        converted = convert(book, chapters, notebooks, "html", fresh, kept("html"))
        # Only now, since to import what fills in pages takes its time, which the paper need not wait for.
        from coprod.render.site import Page, write_site

        downloads = book.get("data-downloads", default=False)
        copies = write_copies(book, converted, notebooks, fresh) if downloads else {}
        pages = [
            Page.from_converted(each, copies.get(each.chapter.entry.source, ""))
            for each in converted
        ]
        pages = with_drawings(pages, fresh, kept("drawings"))
        _copy_files(book, converted, fresh)
        for name in book.resources(fresh):
            _copy(book, name, fresh)
        if downloads:
            write_pngs(fresh, kept("pictures"))
        notice = book.get("data-title", default="")
        made = (provenance.made_with, provenance.day, notice)
        write_site(book, pages, fresh, *made, paper=to == "all")

    def paper() -> None:
        announce("PDF")
        with tempfile.TemporaryDirectory(prefix="coprod-") as temporary:
            folder = Path(temporary).resolve()
            converted = convert(book, chapters, notebooks, "typst", folder, kept("typst"))
            _copy_files(book, converted, folder)
            date = book.get("book", "date") or provenance.date
            made = (provenance.made_with, date, provenance.epoch)
            write_paper(book, converted, folder, fresh / book.pdf_name, *made)
            if cache:
                keep_paper(folder, book.folder / LAST_PAPER)

    wanted = [part for name, part in (("pdf", website), ("html", paper)) if to != name]
    # Pandoc is a process of its own and Typst lets go of Python, so that threads are enough.
    with ThreadPoolExecutor(len(wanted)) as both:
        for made in [both.submit(part) for part in wanted]:
            made.result()


def _copy_files(book: Book, converted: Sequence[Converted], folder: Path) -> None:
    for each in converted:
        for file in each.files:
            _copy(book, Path(file), folder)


def _copy(book: Book, name: Path, folder: Path) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(book.folder / name, folder / name)
