"""A chapter as a notebook: its prose and its cells, ready to be run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from coprod.render.chapter import Cell, Chapter, Line, Prose

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = [
    "CSV",
    "SETUP",
    "chapter_cells",
    "chapter_notebook",
    "has_code",
    "inline_values",
    "notebook_name",
    "notebook_text",
    "outputs",
    "source_lines",
    "whole",
]

SETUP = "from coprod.render.kernel import inline as _inline, prepare as _prepare\n\n_prepare()"
PICTURES = ("image/svg+xml", "image/png")
CSV = "text/csv"


def chapter_cells(chapter: Chapter) -> list[dict[str, Any]]:
    """The cells of a chapter's notebook, not yet run.

    The first prepares the kernel. A passage of prose with inline expressions is followed by a
    cell that evaluates them, so that their values are run, kept and compared as any output is. Each
    cell's metadata names the block of the chapter that it belongs to.
    """
    slug = notebook_name(chapter).removesuffix(".ipynb")
    cells: list[dict[str, Any]] = []

    def add(text: str, block: int | None = None) -> None:
        cell: dict[str, Any] = {"cell_type": "markdown", "metadata": {}, "source": text}
        if block is not None:
            cell |= {"cell_type": "code", "metadata": {"coprod": {"block": block}}}
            cell |= {"execution_count": None, "outputs": []}
        cells.append({"id": f"{slug[:50]}-{len(cells)}"} | cell)

    add(SETUP, -1)
    for index, block in enumerate(chapter.blocks):
        if isinstance(block, Prose):
            add(block.text.strip("\n"))
            if block.inlines:
                expressions = "".join(f"    lambda: {item.code},\n" for item in block.inlines)
                add(f"_inline(\n{expressions})", index)
        elif block.runs:
            add("\n".join(line.text for line in block.body), index)
        else:
            add(f"```python\n{block.text}\n```")
    return cells


def chapter_notebook(chapter: Chapter) -> NotebookNode:
    """Make a notebook of a chapter, not yet run."""
    # Only where a chapter is run, since it takes a quarter of a second to import.
    import nbformat

    return nbformat.from_dict(whole(chapter_cells(chapter)))


def whole(cells: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A notebook of Python with these cells, as its file has it."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {
        "cells": list(cells),
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def has_code(chapter: Chapter) -> bool:
    """Whether there is anything in a chapter to run."""
    return any(block.runs if isinstance(block, Cell) else block.inlines for block in chapter.blocks)


def notebook_name(chapter: Chapter) -> str:
    """The file name of a chapter's notebook."""
    return chapter.entry.source.removesuffix(".qmd").replace("/", "-") + ".ipynb"


def source_lines(chapter: Chapter, cell: Mapping[str, Any]) -> tuple[Line, ...]:
    """The chapter's line for each line of a code cell."""
    index = cell["metadata"]["coprod"]["block"]
    block = chapter.blocks[index] if index >= 0 else None
    if isinstance(block, Cell):
        return block.body or (block.start,)
    if isinstance(block, Prose):
        first = block.inlines[0].line
        return (first, *(item.line for item in block.inlines))
    return (Line("", chapter.entry.source, 1),)


def outputs(notebook: Mapping[str, Any], block: int) -> list[dict[str, Any]]:
    """The outputs of a block of the chapter."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code" and cell["metadata"]["coprod"]["block"] == block:
            return list(cell["outputs"])
    return []


def inline_values(notebook: Mapping[str, Any], block: int) -> list[str]:
    """The values of the inline expressions in a passage of prose."""
    found = outputs(notebook, block)
    return list(json.loads(found[-1]["data"]["text/plain"])) if found else []


def notebook_text(notebook: Mapping[str, Any]) -> str:
    """A notebook as it is kept in git: the same text for the same results.

    Pictures are left out and only named, since their last digits differ between processors. So are a
    table's unrounded numbers, times, and the version of Python.
    """
    import nbformat

    kept = nbformat.from_dict(json.loads(nbformat.writes(notebook)))
    kept["metadata"]["language_info"] = {"name": "python"}
    for cell in kept["cells"]:
        cell["metadata"].pop("execution", None)
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(CSV, None)
            for kind in PICTURES:
                if kind in output.get("data", {}):
                    output["data"][kind] = "a picture"
    return str(nbformat.writes(kept)) + "\n"
