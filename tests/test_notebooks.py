"""The notebooks kept in git are those of the chapters, with the same bytes in every run."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat

from coprod.paths import PROJECT
from coprod.render.build import write_notebooks
from coprod.render.chapter import read_chapters
from coprod.render.notebook import chapter_notebook, has_code, notebook_name
from coprod.render.project import open_book
from tests.books import FILES, write_book

NOTEBOOKS = Path(__file__).parent / "notebooks"


def test_each_chapters_notebook_has_its_cells() -> None:
    chapters = [chapter for chapter in read_chapters(open_book(PROJECT)) if has_code(chapter)]
    assert {path.name for path in NOTEBOOKS.glob("*.ipynb")} == {
        notebook_name(chapter) for chapter in chapters
    }
    for chapter in chapters:
        kept = nbformat.read(NOTEBOOKS / notebook_name(chapter), as_version=4)
        cells = [(cell.cell_type, cell.source) for cell in kept.cells]
        expected = [(cell.cell_type, cell.source) for cell in chapter_notebook(chapter).cells]
        assert cells == expected, (
            f"{notebook_name(chapter)} is not that of its chapter: run 'make notebooks'"
        )


def test_notebooks_are_the_same_bytes_each_time(tmp_path: Path) -> None:
    figure = "\n```{python}\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\n```\n"
    one = FILES["chapters/one.qmd"] + figure
    first = write_notebooks(write_book(tmp_path / "a", one=one), tmp_path / "first")
    second = write_notebooks(write_book(tmp_path / "b", one=one), tmp_path / "second")
    assert [path.name for path in first] == ["chapters-one.ipynb"]
    assert first[0].read_bytes() == second[0].read_bytes()
    text = first[0].read_text()
    assert str(tmp_path) not in text
    assert "<svg" not in text
    outputs = [output for cell in json.loads(text)["cells"] for output in cell.get("outputs", [])]
    assert any("image/svg+xml" in output.get("data", {}) for output in outputs)
    assert nbformat.validate(nbformat.reads(text, as_version=4)) is None


def test_a_notebook_of_no_chapter_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "notebooks"
    folder.mkdir()
    (folder / "old.ipynb").write_text("{}")
    write_notebooks(write_book(tmp_path / "project"), folder)
    assert [path.name for path in folder.iterdir()] == ["chapters-one.ipynb"]
