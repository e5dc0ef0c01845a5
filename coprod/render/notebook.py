"""A chapter as a notebook: its prose and its cells, ready to be run."""

from __future__ import annotations

import json
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from coprod.render.chapter import Cell, Chapter, Line, Prose

__all__ = [
    "CSV",
    "SETUP",
    "chapter_notebook",
    "has_code",
    "inline_values",
    "notebook_name",
    "notebook_text",
    "outputs",
    "source_lines",
]

SETUP = "from coprod.render.kernel import inline as _inline, prepare as _prepare\n\n_prepare()"
PICTURES = ("image/svg+xml", "image/png")
CSV = "text/csv"


def chapter_notebook(chapter: Chapter) -> NotebookNode:
    """Make a notebook of a chapter, not yet run.

    The first cell prepares the kernel. A passage of prose with inline expressions is followed by a
    cell that evaluates them, so that their values are run, kept and compared as any output is. Each
    cell's metadata names the block of the chapter that it belongs to.
    """
    slug = notebook_name(chapter).removesuffix(".ipynb")
    cells = [new_code_cell(SETUP, metadata={"coprod": {"block": -1}})]
    for index, block in enumerate(chapter.blocks):
        metadata = {"coprod": {"block": index}}
        if isinstance(block, Prose):
            cells.append(new_markdown_cell(block.text.strip("\n")))
            if block.inlines:
                expressions = "".join(f"    lambda: {item.code},\n" for item in block.inlines)
                cells.append(new_code_cell(f"_inline(\n{expressions})", metadata=metadata))
        elif block.runs:
            cells.append(
                new_code_cell("\n".join(line.text for line in block.body), metadata=metadata)
            )
        else:
            cells.append(new_markdown_cell(f"```python\n{block.text}\n```"))
    for number, cell in enumerate(cells):
        cell["id"] = f"{slug[:50]}-{number}"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(
        cells=cells, metadata={"kernelspec": kernel, "language_info": {"name": "python"}}
    )


def has_code(chapter: Chapter) -> bool:
    """Whether there is anything in a chapter to run."""
    return any(block.runs if isinstance(block, Cell) else block.inlines for block in chapter.blocks)


def notebook_name(chapter: Chapter) -> str:
    """The file name of a chapter's notebook."""
    return chapter.entry.source.removesuffix(".qmd").replace("/", "-") + ".ipynb"


def source_lines(chapter: Chapter, cell: NotebookNode) -> tuple[Line, ...]:
    """The chapter's line for each line of a code cell."""
    index = cell["metadata"]["coprod"]["block"]
    block = chapter.blocks[index] if index >= 0 else None
    if isinstance(block, Cell):
        return block.body or (block.start,)
    if isinstance(block, Prose):
        first = block.inlines[0].line
        return (first, *(item.line for item in block.inlines))
    return (Line("", chapter.entry.source, 1),)


def outputs(notebook: NotebookNode, block: int) -> list[dict[str, Any]]:
    """The outputs of a block of the chapter."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code" and cell["metadata"]["coprod"]["block"] == block:
            return list(cell["outputs"])
    return []


def inline_values(notebook: NotebookNode, block: int) -> list[str]:
    """The values of the inline expressions in a passage of prose."""
    found = outputs(notebook, block)
    return list(json.loads(found[-1]["data"]["text/plain"])) if found else []


def notebook_text(notebook: NotebookNode) -> str:
    """A notebook as it is kept in git: the same text for the same results.

    Pictures are left out and only named, since their last digits differ between processors. So are a
    table's unrounded numbers, times, and the version of Python.
    """
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
