"""The book on paper: one Typst document, compiled to a tagged PDF."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from pathlib import Path

import typst

from coprod.errors import BookError, Fault
from coprod.paths import package_folder
from coprod.render.document import Converted
from coprod.render.project import Book

__all__ = ["write_paper"]

TEMPLATE = Path(__file__).parent / "templates" / "paper.typ"
# Typst carries a serif and a fixed-width face but no sans; Matplotlib's wheel carries DejaVu Sans.
FONTS = package_folder("matplotlib") / "mpl-data" / "fonts" / "ttf"


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
    parts = [
        '#import "paper.typ": *',
        f"#show: book.with({', '.join(f'{key}: {_typst(value)}' for key, value in facts.items())})",
    ]
    part: str | None = None
    for converted in chapters:
        entry = converted.chapter.entry
        opened = entry.part if not entry.appendix else "Appendices"
        number, title = converted.parts["number"], converted.parts["title"]
        name = f"{number}#h(0.6em){title}" if number else title
        parts.append(
            f"#set page(header: running-head({_typst(book.title)}, [{name}], <{converted.parts['label']}>))"
        )
        parts.append(
            f"#chapter([{title}], number: {_typst(number)}, "
            f"appendix: {_typst(entry.appendix)}, part: {_typst(opened if opened != part else None)}, "
            f"name: [#metadata(none) <{converted.parts['label']}>])"
        )
        part = opened
        parts.append(converted.parts["body"])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "paper.typ").write_text(TEMPLATE.read_text(encoding="utf-8"), encoding="utf-8")
    main = folder / "book.typ"
    main.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    try:
        content, warnings = typst.compile_with_warnings(
            main,
            root=folder,
            font_paths=[FONTS],
            ignore_system_fonts=True,
            format="pdf",
            pdf_standards="ua-1",
            timestamp=datetime.datetime.fromtimestamp(epoch or 0, datetime.UTC),
        )
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
