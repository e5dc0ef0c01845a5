"""What a build cannot do without: ``python -m benchmarks.floor FOLDER [CHAPTER]``.

The cells of all chapters are run in this one process, which has imported what they need, without a kernel and
each chapter with names of its own. Pandoc then reads what has come of each chapter, once for the web and once
for paper, without a filter or a bibliography; Typst makes the PDF of what the build itself would give it. No
tool that runs the same cells and uses the same programs one after another can do less. Of one chapter, only
the imports and the cells are measured.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any
from unittest import mock

import typst
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from coprod.anchors import anchors
from coprod.programs import program_rows
from coprod.render import paper
from coprod.render.chapter import Chapter, Prose, read_chapters
from coprod.render.document import convert
from coprod.render.engine import PANDOC, choose_engine
from coprod.render.forking import PRELOADED
from coprod.render.notebook import chapter_cells, inline_values, outputs
from coprod.render.project import Book, open_book
from coprod.render.provenance import gather
from coprod.render.told import telling

__all__ = ["floor", "floor_of_chapter"]

Spent = dict[str, float]


def floor(project: Path) -> dict[str, Spent]:
    """What is spent on running cells, on Pandoc and on Typst: wall and processor seconds of each."""
    book, chapters, pieces = opened(project)
    found: dict[str, Spent] = {}
    with telling(pieces), tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve()
        shell = warm_shell()
        with spent(found, "cells"):
            notebooks = [run(shell, book, chapter) for chapter in chapters]
        texts = [
            write_markdown(chapter, notebook, folder / str(number))
            for number, (chapter, notebook) in enumerate(zip(chapters, notebooks, strict=True))
        ]
        with spent(found, "pandoc"):
            for text in texts:
                for to in ("html", "typst"):
                    command = [str(PANDOC), text.name, "--quiet", "--from", "markdown", "--to", to]
                    made = text.with_suffix(f".{to}")
                    subprocess.run([*command, "--output", str(made)], cwd=text.parent, check=True)
        compile_pdf = what_typst_is_given(book, chapters, notebooks, folder / "paper")
        with spent(found, "typst"):
            compile_pdf()
    return found


def floor_of_chapter(project: Path, source: str) -> dict[str, Spent]:
    """What is spent on the cells of one chapter alone, and before that on what cells import."""
    book, chapters, pieces = opened(project)
    chapter = next(each for each in chapters if each.entry.source == source)
    found: dict[str, Spent] = {}
    with telling(pieces):
        with spent(found, "imports"):
            shell = warm_shell()
        with spent(found, "cells"):
            run(shell, book, chapter)
    return found


def opened(project: Path) -> tuple[Book, list[Chapter], dict[str, Any]]:
    """A book, its chapters, and what a build tells those who run them."""
    book = open_book(project)
    chapters = read_chapters(book)
    provenance = gather(book.folder, choose_engine("embedded")[1])
    told = {"provenance": asdict(provenance), "programs": program_rows(chapters), **anchors()}
    return book, chapters, told


@contextlib.contextmanager
def spent(found: dict[str, Spent], name: str) -> Iterator[None]:
    """Take down what a step takes, of this process and of those that it has waited for."""
    before, started = os.times(), time.monotonic()
    yield
    after = os.times()
    processor = sum(after[:4]) - sum(before[:4])
    found[name] = {
        "wall_seconds": time.monotonic() - started,
        "processor_seconds": processor,
    }


def warm_shell() -> InteractiveShell:
    """What runs cells in this process, when all is imported that a nursery of kernels imports."""
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    for name in PRELOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    shell: InteractiveShell = InteractiveShell.instance(history_load_length=0)
    if shell.history_manager is not None:
        shell.history_manager.enabled = False
    return shell


def run(shell: InteractiveShell, book: Book, chapter: Chapter) -> dict[str, Any]:
    """A chapter's notebook with its results, run in this process with no names but its own."""
    shell.reset(new_session=True)
    shell.ast_transformers.clear()  # they would know the names of the chapter before
    os.chdir((book.folder / chapter.entry.source).parent)
    cells = chapter_cells(chapter)
    if not any(cell.get("metadata", {}).get("coprod", {}).get("block", -1) >= 0 for cell in cells):
        return {"cells": cells}
    for cell in cells:
        if cell["cell_type"] != "code":
            continue
        with capture_output() as captured:
            # The shell would show the value of a cell's last line with a hook of its own.
            shell.display_trap.hook = sys.displayhook
            result = shell.run_cell(cell["source"])
        result.raise_error()
        if captured.stdout:
            stream = {"output_type": "stream", "name": "stdout", "text": captured.stdout}
            cell["outputs"].append(stream)
        cell["outputs"] += [
            {"output_type": "display_data", "data": each.data, "metadata": each.metadata or {}}
            for each in captured.outputs
        ]
    return {"cells": cells}


def write_markdown(chapter: Chapter, notebook: Mapping[str, Any], folder: Path) -> Path:
    """A chapter with what has come of its cells, as Pandoc can read it without help."""
    folder.mkdir()
    parts = []
    for index, block in enumerate(chapter.blocks):
        if isinstance(block, Prose):
            values = inline_values(notebook, index)
            parts.append(block.filled(values) if block.inlines else block.text)
            continue
        for number, output in enumerate(outputs(notebook, index)):
            data = output.get("data", {"text/plain": output.get("text", "")})
            if "image/svg+xml" in data:
                name = f"{index}-{number}.svg"
                (folder / name).write_text(data["image/svg+xml"], encoding="utf-8")
                parts.append(f"![]({name})")
            elif "text/markdown" in data:
                parts.append(data["text/markdown"])
            elif "text/html" in data:
                parts.append(f"```{{=html}}\n{data['text/html']}\n```")
            else:
                parts.append(f"```\n{data.get('text/plain', '')}\n```")
    text = folder / "chapter.md"
    text.write_text("\n\n".join(parts), encoding="utf-8")
    return text


def what_typst_is_given(
    book: Book, chapters: list[Chapter], notebooks: list[dict[str, Any]], folder: Path
) -> Callable[[], object]:
    """The call that makes the PDF, with the text that the build would give it, and not yet made."""
    folder.mkdir()
    converted = convert(book, chapters, notebooks, "typst", folder)
    for each in converted:
        for file in each.files:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes((book.folder / file).read_bytes())
    with mock.patch.object(typst, "compile_with_warnings", return_value=(b"", [])) as called:
        paper.write_paper(book, converted, folder, folder / "book.pdf", "", None, None)
    arguments, options = called.call_args
    return lambda: typst.compile_with_warnings(*arguments, **options)


def main() -> None:
    """Measure, and write JSON."""
    project, *chapter = sys.argv[1:]
    folder = Path(project).resolve()
    print(json.dumps(floor_of_chapter(folder, *chapter) if chapter else floor(folder)))


if __name__ == "__main__":
    main()
