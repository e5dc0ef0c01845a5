"""Hands the results of the chapters to Pandoc and its Lua filters, and says what they found wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from coprod.errors import BookError, Fault
from coprod.render.chapter import Cell, Chapter, Prose
from coprod.render.contract import FORMATS
from coprod.render.conversion import run_pandoc
from coprod.render.downloads import links
from coprod.render.lettering import lettered
from coprod.render.notebook import inline_values, outputs
from coprod.render.pictures import write_picture
from coprod.render.project import CONFIG, Book
from coprod.render.source import leads_out

__all__ = ["Converted", "convert"]

PICTURES = {"image/svg+xml": ".svg", "image/png": ".png"}
# The form of an output that each target takes, best first.
PREFERRED = {
    "html": ("text/html", "text/markdown", *PICTURES, "text/plain"),
    "typst": ("text/markdown", "text/html", *PICTURES, "text/plain"),
}
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Converted:
    """A chapter in the target format, and the files that it shows or links to.

    Attributes
    ----------
    chapter
        The chapter's source.
    parts
        What the Lua filter wrote: ``body``, ``title``, ``headings`` and the like.
    files
        Paths, from the project's folder, of files that the page needs beside it.
    """

    chapter: Chapter
    parts: dict[str, Any]
    files: tuple[str, ...]


def convert(
    book: Book,
    chapters: Sequence[Chapter],
    notebooks: Sequence[Mapping[str, Any]],
    target: str,
    folder: Path,
    kept: Path | None = None,
) -> list[Converted]:
    """Turn chapters that have been run into HTML or Typst.

    Parameters
    ----------
    book
        The project.
    chapters, notebooks
        The chapters and their notebooks with outputs.
    target
        ``html`` or ``typst``.
    folder
        Where the pictures that cells drew are written, under the chapters' own paths.
    kept
        The file with what an earlier build converted; by default all is converted.

    Raises
    ------
    BookError
        Naming every reference, label, citation or link that leads nowhere, with file and line.
    """
    if target not in FORMATS:
        raise ValueError(f"target is {target!r}; it must be one of {', '.join(FORMATS)}")
    bibliography = book.get("bibliography")
    if bibliography and not (book.folder / bibliography).is_file():
        raise BookError(
            "the book cannot be rendered",
            [Fault(CONFIG, f"the bibliography '{bibliography}' does not exist")],
        )
    job = {
        "target": target,
        "lang": book.language,
        "downloads": target == "html" and book.get("data-downloads", default=False),
        "bibliography": str(book.folder / bibliography) if bibliography else False,
        "chapters": [
            _chapter_job(book, chapter, notebook, target, folder)
            for chapter, notebook in zip(chapters, notebooks, strict=True)
        ],
    }
    result = run_pandoc(job, kept)
    faults = [_fault(chapters, found) for found in result["faults"]]
    converted = []
    for chapter, parts in zip(chapters, result["chapters"], strict=False):
        needed = []
        for file in parts.get("files", []):
            if leads_out(PurePosixPath(file["path"])):
                said = f"the file '{file['written']}' is outside the project"
                faults.append(Fault(chapter.find(file["written"]), said, "keep it in the project"))
                continue
            if (folder / file["path"]).is_file():
                continue
            needed.append(file["path"])
            if not (book.folder / file["path"]).is_file():
                faults.append(
                    Fault(
                        chapter.find(file["written"]),
                        f"the file '{file['written']}' does not exist",
                        "mend the path",
                    )
                )
        converted.append(Converted(chapter, parts, tuple(dict.fromkeys(needed))))
    if faults:
        raise BookError(
            "the book cannot be rendered",
            sorted(faults, key=lambda fault: (fault.where, fault.what)),
        )
    return converted


def _chapter_job(
    book: Book, chapter: Chapter, notebook: Mapping[str, Any], target: str, folder: Path
) -> dict[str, Any]:
    cells: list[dict[str, Any]] = []
    markdown: list[str] = []
    # The same without what the code gives, to tell what an author mistyped from what a name holds.
    written: list[str] = []
    for index, block in enumerate(chapter.blocks):
        if isinstance(block, Prose):
            written.append(block.text)
            markdown.append(
                block.filled(inline_values(notebook, index)) if block.inlines else block.text
            )
        elif block.options.get("include", True):
            cells.append(_cell_job(book, chapter, block, outputs(notebook, index), target, folder))
            markdown.append(f'\n::: {{.coprod-cell n="{len(cells)}"}}\n:::\n')
            written.append(f"\n{cells[-1]['caption']}\n")
    entry = chapter.entry
    return {
        "source": entry.source,
        "path": entry.path,
        "appendix": entry.appendix,
        "markdown": "\n".join(markdown),
        "written": "\n".join(written),
        "cells": cells,
    }


def _cell_job(
    book: Book,
    chapter: Chapter,
    cell: Cell,
    results: list[dict[str, Any]],
    target: str,
    folder: Path,
) -> dict[str, Any]:
    options = cell.options
    echo = options.get("echo", book.get("execute", "echo", default=True))
    fold = options.get("code-fold", book.get("format", "html", "code-fold", default=False))
    alternatives = options.get("fig-alt", [])
    shown = options.get("output", True)
    return {
        "label": cell.label,
        "name": cell.name,
        "place": cell.start.place,
        "float": cell.float or False,
        "caption": options.get("fig-cap") or options.get("tbl-cap") or "",
        "alt": [alternatives] if isinstance(alternatives, str) else alternatives,
        "subcaps": [options["fig-subcap"]]
        if isinstance(options.get("fig-subcap"), str)
        else options.get("fig-subcap", []),
        "ncol": options.get("layout-ncol", 1),
        "code": (echo and cell.text) or False,
        "fold": {True: "closed", False: "none", "show": "open"}[fold],
        "summary": options.get("code-summary", "Code"),
        "outputs": list(_outputs(book, chapter, cell, results, target, folder)) if shown else [],
    }


def _outputs(
    book: Book,
    chapter: Chapter,
    cell: Cell,
    results: list[dict[str, Any]],
    target: str,
    folder: Path,
) -> Iterator[dict[str, Any]]:
    warnings = book.get("execute", "warning", default=True)
    pictures = 0
    for output in results:
        if output["output_type"] == "stream":
            if output["name"] == "stdout" or warnings:
                yield {"kind": output["name"], "text": ANSI.sub("", output["text"]).rstrip("\n")}
            continue
        data = output["data"]
        form = next((form for form in PREFERRED[target] if form in data), None)
        if form in PICTURES:
            pictures += 1
            entry = PurePosixPath(chapter.entry.source)
            name = f"{entry.stem}_files/{cell.label or f'cell-{cell.number}'}-{pictures}{PICTURES[form]}"
            content = lettered(data[form]) if target == "typst" else data[form]
            shown = write_picture(content, folder / entry.parent / name, name)
        elif form == "text/plain":
            shown = {"kind": "display", "text": ANSI.sub("", data[form])}
        elif form:
            shown = {"kind": form.removeprefix("text/"), "text": data[form]}
        else:
            continue
        if target == "html" and book.get("data-downloads", default=False):
            shown["downloads"] = links(cell, data, shown.get("path"), chapter.entry.path, folder)
        yield shown


def _fault(chapters: Sequence[Chapter], found: dict[str, Any]) -> Fault:
    """The sentence for what a filter found wrong, with its place in the chapter."""
    chapter = next(chapter for chapter in chapters if chapter.entry.source == found["source"])
    label = found.get("label", "")
    if found["kind"] in ("unresolved", "reference", "citation"):
        place = chapter.find(f"@{label}")
    else:
        place = found.get("place") or chapter.find(label)
    said = {
        "unresolved": (
            f"the cross-reference '@{label}' leads nowhere",
            "no figure, table, section or equation has this label",
        ),
        "reference": (
            f"the cross-reference '@{label}' stands in brackets or with words of its own",
            f"write @{label} alone",
        ),
        "citation": (
            f"there is no entry '{label}' in the bibliography",
            "add the entry, or mend the key",
        ),
        "refs": (
            "nothing says where the reference list goes",
            "a chapter must hold ::: {#refs} and :::",
        ),
        "duplicate": (
            f"the label '{label}' stands twice",
            f"it also stands in {found.get('other')}",
        ),
        "prefix": (
            f"the label '{label}' does not suit what it names",
            f"it must start with '{found.get('expected')}-'",
        ),
        "chapter": (
            f"the chapter '{label}' does not exist",
            f"link to a chapter that {CONFIG} lists",
        ),
        "anchor": (f"the link '{label}' leads nowhere", "no such id stands on that page"),
        "html": (
            f"the HTML of {label} would show on the web only",
            'put it in a ::: {.content-visible when-format="html"} block',
        ),
        "alt": (f"the picture of {label} has no alternative text", "give it '#| fig-alt: …'"),
        "panels": (
            f"the figure '{label}' drew {found.get('found')} pictures for {found.get('expected')} captions",
            "give as many fig-subcap as there are pictures",
        ),
        "raw": (
            f"'{label}' is no Markdown, and would be lost in one format or both",
            "write Markdown, or put HTML in a block that is visible in HTML only",
        ),
        "math": (f"the formula '{label.strip()}' cannot be read", "write TeX that Pandoc knows"),
        "literal": (
            f"'{label}' would be printed as it was typed",
            "leave a blank line before :::, and define what is referred to",
        ),
        "span": (f"a span cannot have '{label}'", "use a block of ::: and :::"),
        "level": (
            f"the heading '{label}' skips a level",
            "a heading is one level below the last at most",
        ),
        "bibliography": ("the bibliography cannot be read", f"mend the file that {CONFIG} names"),
        "empty": (
            f"the cell '{label}' shows nothing for its caption",
            "let it show a figure, a table or a sentence",
        ),
        "title": (
            f"the chapter has a second title, '{label}'",
            "a chapter has one heading of the first level",
        ),
        "untitled": ("the chapter has no title", "start it with a line '# Title'"),
    }[found["kind"]]
    return Fault(place, *said)
