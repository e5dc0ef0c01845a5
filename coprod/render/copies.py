"""Each chapter as a notebook that a reader takes away: its prose, its code, and what its page shows.

Nothing is in it that is not on the page: not the results of cells that the page hides, nor other
forms of those that it shows. What stands there of real people has passed the same rules.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from coprod.render.chapter import Cell, Chapter
from coprod.render.document import ANSI, PREFERRED, Converted
from coprod.render.notebook import has_code, outputs, whole
from coprod.render.project import Book

__all__ = ["write_copies"]

MARK = re.compile(r"^ *<!--coprod-cell (\d+)-->$", re.MULTILINE)
COLONS = re.compile(r"^:{3,}.*\n?", re.MULTILINE)


def write_copies(
    book: Book, converted: Sequence[Converted], notebooks: Sequence[Mapping[str, Any]], folder: Path
) -> dict[str, str]:
    """Write the notebook of each chapter that runs code, beside its page.

    Parameters
    ----------
    book
        The project.
    converted
        The chapters, with their prose for a notebook.
    notebooks
        The chapters as they were run.
    folder
        The folder of the site.

    Returns
    -------
    dict
        Where each notebook stands in the site, by the chapter's source.
    """
    written = {}
    for each, ran in zip(converted, notebooks, strict=True):
        chapter = each.chapter
        if not has_code(chapter):
            continue
        path = str(PurePosixPath(chapter.entry.source).with_suffix(".ipynb"))
        cells = [_opening(book, chapter), *_cells(book, chapter, each.parts["notebook"], ran)]
        for number, cell in enumerate(cells):
            cell["id"] = f"cell-{number}"
        text = json.dumps(whole(cells), ensure_ascii=False, indent=1, sort_keys=True) + "\n"
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8", newline="\n")
        written[chapter.entry.source] = path
    return written


def _opening(book: Book, chapter: Chapter) -> dict[str, Any]:
    """What the notebook is, where it comes from, and what it needs to run."""
    notice = book.get("data-title")
    page = PurePosixPath(chapter.entry.path).name
    return _markdown(
        f"*A chapter of {book.title}, as it was run for [its page]({page}).*"
        + (f" **{notice}.**" if notice else "")
        + "\n\nTo run it again, open it in a copy of the book's project, whose `make render` sets up all that "
        "it needs. The numbers in the text are those of this run; those below the code are computed anew."
    )


def _cells(
    book: Book, chapter: Chapter, text: str, ran: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Prose and cells in the order of the page; a hidden cell stands before the next that is shown."""
    all_cells = [
        (index, block) for index, block in enumerate(chapter.blocks) if isinstance(block, Cell)
    ]
    shown = [at for at, (_, cell) in enumerate(all_cells) if cell.options.get("include", True)]
    done = 0
    parts = MARK.split(text)
    for at, part in enumerate(parts):
        if at % 2:
            until = shown[int(part) - 1] + 1
            for index, cell in all_cells[done:until]:
                yield _cell(book, cell, ran, index)
            done = max(done, until)
        elif part.strip():
            yield _markdown(part.strip())
    for index, cell in all_cells[done:]:
        yield _cell(book, cell, ran, index)


def _cell(book: Book, cell: Cell, ran: Mapping[str, Any], index: int) -> dict[str, Any]:
    if not cell.runs:
        return _markdown(f"```python\n{cell.text}\n```")
    shown = cell.options.get("include", True) and cell.options.get("output", True)
    results = list(_shown(book, outputs(ran, index))) if shown else []
    code = "\n".join(line.text for line in cell.body)
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": results,
        "source": code,
    }


def _markdown(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": text}


def _shown(book: Book, results: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """What the page shows of the results of a cell, each in the one form that it shows."""
    warnings = book.get("execute", "warning", default=True)
    for result in results:
        if result["output_type"] == "stream":
            if result["name"] == "stdout" or warnings:
                text = ANSI.sub("", result["text"])
                yield {"output_type": "stream", "name": result["name"], "text": text}
            continue
        form = next((form for form in PREFERRED["html"] if form in result["data"]), None)
        if form:
            content = result["data"][form]
            # Jupyter shows the colons that Quarto takes for the bounds of a block.
            content = COLONS.sub("", content) if form == "text/markdown" else content
            yield {"output_type": "display_data", "data": {form: content}, "metadata": {}}
