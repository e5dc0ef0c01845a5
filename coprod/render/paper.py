"""The book on paper: one Typst document, compiled to a tagged PDF."""

from __future__ import annotations

import datetime
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import typst

from coprod.errors import BookError, Fault
from coprod.paths import package_folder
from coprod.render.conversion import FOLDER
from coprod.render.document import Converted
from coprod.render.place import remove
from coprod.render.project import Book

__all__ = ["LAST_PAPER", "keep_paper", "set_before", "write_paper"]

TEMPLATES = Path(__file__).parent / "templates"
LOOK = ("paper.typ", "code.sublime-syntax", "code.tmTheme")
"""What says how the paper looks, of the templates."""
# Typst carries a serif and a fixed-width face but no sans; Matplotlib's wheel carries DejaVu Sans.
FONTS = package_folder("matplotlib") / "mpl-data" / "fonts" / "ttf"
MAIN = "book.typ"
LAST_PAPER = f"{FOLDER}/paper"
"""Where what the last paper was set from is kept, below the project's folder."""


def write_paper(
    book: Book,
    chapters: Sequence[Converted],
    folder: Path,
    target: Path,
    made_with: str,
    date: str | None,
    epoch: int | None,
) -> None:
    """Compile the chapters to a PDF that conforms to PDF/UA-1.

    Parameters
    ----------
    book
        The project.
    chapters
        The chapters in Typst.
    folder
        Where the pictures stand, under the chapters' own paths.
    target
        The PDF to write.
    made_with
        The engine and its versions, for the title page.
    date
        The date on the title page, or none.
    epoch
        Seconds since 1970 for the PDF's own date; 0 where it is unknown.

    Raises
    ------
    BookError
        When Typst refuses the document, with what it says.
    """
    language, _, region = book.language.partition("-")
    facts = {
        "title": book.title,
        "subtitle": book.get("book", "subtitle", default=""),
        "authors": list(book.authors),
        "date": date,
        "language": language,
        "region": region or None,
        "description": book.get("book", "description", default=""),
        "keywords": book.get("keywords", default=[]),
        "notice": book.get("data-title", default=""),
        "made": f"Made with {made_with}",
        "licence": f"Text: {book.get('license')}" if book.get("license") else "",
        **{
            lines: sum(each.parts[lines] for each in chapters)
            for lines in ("headings", "figures", "tables")
        },
    }
    # Each chapter is a file of its own: Typst takes all of a file after what has changed in it for new.
    opening = '#import "paper.typ": *'
    parts = [
        opening,
        f"#show: book.with({', '.join(f'{key}: {_typst(value)}' for key, value in facts.items())})",
    ]
    files = {name: (TEMPLATES / name).read_text(encoding="utf-8") for name in LOOK}
    part: str | None = None
    for index, converted in enumerate(chapters):
        entry = converted.chapter.entry
        opened = entry.part if not entry.appendix else "Appendices"
        number, title = converted.parts["number"], converted.parts["title"]
        name = f"{number}#h(0.6em){title}" if number else title
        parts += [
            f"#set page(header: running-head({_typst(book.title)}, [{name}], <{converted.parts['label']}>))",
            f"#chapter([{title}], number: {_typst(number)}, "
            f"appendix: {_typst(entry.appendix)}, part: {_typst(opened if opened != part else None)}, "
            f"name: [#metadata(none) <{converted.parts['label']}>])",
            f'#include "{index}.typ"',
        ]
        files[f"{index}.typ"] = f"{opening}\n\n{converted.parts['body']}\n"
        part = opened
    files[MAIN] = "\n\n".join(parts) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in files.items():
        (folder / file).write_text(text, encoding="utf-8")
    try:
        content, warnings = _compiled(folder, epoch)
    except typst.TypstError as error:
        said = [
            Fault("", line)
            for line in (error.diagnostic or error.message).splitlines()
            if line.strip()
        ]
        raise BookError("Typst could not make the PDF", said[:12]) from None
    if warnings:
        raise BookError(
            "Typst was not content with the PDF",
            [Fault("", warning.message) for warning in warnings],
        )
    target.write_bytes(content)


def _compiled(folder: Path, epoch: int | None) -> tuple[bytes, list[typst.TypstWarning]]:
    """The PDF of what stands in a folder, and what Typst says of it."""
    made: tuple[bytes, list[typst.TypstWarning]] = typst.compile_with_warnings(
        folder / MAIN,
        root=folder,
        font_paths=[FONTS],
        ignore_system_fonts=True,
        format="pdf",
        pdf_standards="ua-1",
        timestamp=datetime.datetime.fromtimestamp(epoch or 0, datetime.UTC),
    )
    return made


def keep_paper(folder: Path, kept: Path) -> None:
    """Keep what a paper was set from, if that can be done, in place of whatever stands there."""
    with suppress(OSError):
        remove(kept)
        shutil.copytree(folder, kept)


@contextmanager
def set_before(kept: Path | None, threads: int) -> Iterator[None]:
    """Meanwhile set the last paper once more, for nothing but what Typst then knows of it.

    It sets what is the same a second time from memory, in a quarter of the time. That what it remembers fits is its
    own affair: what is kept may be of another book, or damaged.

    Parameters
    ----------
    kept
        Where the last paper was kept, if it may be used.
    threads
        How many processors have nothing else to do; with none, nothing is done.
    """
    if threads < 1 or not (kept and kept.is_dir()):
        yield
        return
    # Typst looks at this once, when it first begins.
    os.environ.setdefault("RAYON_NUM_THREADS", str(threads))
    # Whoever leaves waits for it, as it cannot be stopped; whatever it raises is not asked for.
    with ThreadPoolExecutor(1) as aside:
        aside.submit(_compiled, kept, None)
        yield


def _typst(value: object) -> str:
    """A value as Typst code."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return f"({''.join(f'{_typst(item)}, ' for item in value)})"
    return json.dumps(str(value), ensure_ascii=False)
