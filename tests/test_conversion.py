"""Books of which Pandoc converts only what has changed: the same to the byte as those made anew."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks.campaign import contents
from coprod.errors import BookError
from coprod.render import conversion
from coprod.render.build import render
from coprod.render.engine import PANDOC
from tests.books import CONFIG, WORDS, write_book

TWO = """\
# Two {#sec-two}

After [another](one.qmd#sec-one) comes @sec-two-more, as in @sec-one.[^note]

[^note]: A note of @knuth1984.

## Seen {#sec-two-seen .unnumbered}

| a | b |
|---|---|
| 1 | 2 |

: Letters {#tbl-letters}

## More {#sec-two-more}

See @tbl-letters and @sec-two-seen.
"""
THREE = "# Three {#sec-three}\n\n@tbl-letters stands in @sec-two, and @sec-two-seen is no number.\n"
BIB = (
    "@book{jackman2009,\n  author = {Jackman, Simon}, title = {Bayesian Analysis}, year = {2009}\n}\n"
    "@article{knuth1984,\n  author = {Knuth, Donald}, title = {Literate Programming}, year = {1984}\n}\n"
    "@article{knuth1984a,\n  author = {Knuth, Donald}, title = {A Torture Test}, year = {1984}\n}\n"
)
LISTED = "    - chapters/one.qmd\n    - chapters/two.qmd\n    - chapters/three.qmd\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small book of three chapters without cells."""
    config = CONFIG.replace("    - chapters/one.qmd\n", LISTED)
    more = {"chapters/two.qmd": TWO, "chapters/three.qmd": THREE}
    return write_book(tmp_path / "book", one=WORDS, config=config, bib=BIB, **more)


@pytest.fixture
def converted(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """For each call of Pandoc, the chapters that it converts."""
    calls: list[list[str]] = []
    original = conversion._converted

    def watched(job: Mapping[str, Any]) -> dict[str, Any]:
        calls.append([c["source"] for c in job["chapters"] if "known" not in c])
        return original(job)

    monkeypatch.setattr(conversion, "_converted", watched)
    return calls


def change(project: Path, name: str, old: str, new: str) -> None:
    text = (project / name).read_text(encoding="utf-8")
    assert old in text
    (project / name).write_text(text.replace(old, new), encoding="utf-8")


ALL = ["index.qmd", *(f"chapters/{name}.qmd" for name in ("one", "two", "three", "references"))]
ONE, TWO_ONLY = ["chapters/one.qmd"], ["chapters/two.qmd"]

# What is changed, and what each call of Pandoc then converts.
CHANGES: tuple[tuple[str, str, str, list[list[str]]], ...] = (
    # Words, and what no other chapter shows.
    ("chapters/one.qmd", "The sum", "In all the sum", [ONE]),
    ("chapters/two.qmd", "## More", "## Even more", [TWO_ONLY]),
    ("chapters/two.qmd", "[^note]: A note", "[^note]: A footnote", [TWO_ONLY]),
    # A heading that others name by its words, as it has no number.
    ("chapters/two.qmd", "## Seen", "## Seen anew", [TWO_ONLY, ALL]),
    # A number that others show, a label, a place that can be linked to.
    ("chapters/one.qmd", "# One {#sec-one}", "# One {#sec-one .unnumbered}", [ONE, ALL]),
    ("chapters/one.qmd", "See @sec-one", "## Late {#sec-late}\n\nSee @sec-late", [ONE, ALL]),
    # A work that makes another of the same year carry a letter, in a third chapter.
    ("chapters/one.qmd", "See @sec-late", "See @knuth1984a and @sec-late", [ONE, ALL]),
    # The same works cited in other words, and then nothing that was not cited so before.
    ("chapters/one.qmd", "See @knuth1984a", "See [*as* @knuth1984a, 3]", [ONE]),
    (
        "chapters/two.qmd",
        "A footnote of @knuth1984",
        "One [see @knuth1984, 7]",
        [TWO_ONLY],
    ),
    ("chapters/one.qmd", "In all the sum", "The sum", [ONE]),
    ("references.bib", "Torture", "Gentle", [ALL]),
    ("_quarto.yml", LISTED, "".join(reversed(LISTED.splitlines(keepends=True))), [ALL]),
    ("_quarto.yml", "A small book", "Another book", []),
)


def test_a_book_converted_in_parts_is_one_converted_whole(
    project: Path, converted: list[list[str]], tmp_path: Path
) -> None:
    render(project, "embedded", "html")
    assert converted == [ALL]
    for name, old, new, calls in CHANGES:
        change(project, name, old, new)
        converted.clear()
        render(project, "embedded", "html")
        in_order = [sorted(call) for call in converted]
        assert in_order == [sorted(call) for call in calls], (name, new)
        whole = render(project, "embedded", "html", out=tmp_path / "whole", cache=False)
        assert contents(project / "_book") == contents(whole.out), (name, new)
    page = (project / "_book/chapters/two.html").read_text(encoding="utf-8")
    assert "1984b" in page


def test_so_is_the_paper(project: Path, converted: list[list[str]], tmp_path: Path) -> None:
    render(project, "embedded", "pdf")
    change(project, "chapters/two.qmd", "## More", "## Even more")
    converted.clear()
    render(project, "embedded", "pdf")
    assert converted == [TWO_ONLY]
    whole = render(project, "embedded", "pdf", out=tmp_path / "whole", cache=False)
    assert contents(project / "_book") == contents(whole.out)


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("chapters/one.qmd", "{#sec-one}", "{#sec-first}", "'@sec-one' leads nowhere"),
        ("chapters/one.qmd", "{#sec-one}", "{#sec-two}", "'sec-two' stands twice"),
        ("chapters/three.qmd", "@tbl-letters", "@tbl-none", "'@tbl-none' leads nowhere"),
        (
            "chapters/three.qmd",
            "is no number",
            "is no number for @nobody2000",
            "no entry 'nobody2000'",
        ),
        ("references.bib", "jackman2009", "jackman2010", "no entry 'jackman2009'"),
    ],
)
def test_a_fault_is_found_as_if_all_were_new(
    project: Path, tmp_path: Path, name: str, old: str, new: str, said: str
) -> None:
    render(project, "embedded", "html")
    change(project, name, old, new)
    with pytest.raises(BookError) as kept:
        render(project, "embedded", "html")
    with pytest.raises(BookError) as whole:
        render(project, "embedded", "html", out=tmp_path / "whole", cache=False)
    assert said in str(kept.value)
    assert str(kept.value) == str(whole.value)


@pytest.mark.parametrize("damage", ["cut", "bits", "foreign", "gone"])
def test_what_was_kept_and_is_damaged_is_made_anew(
    project: Path, converted: list[list[str]], damage: str
) -> None:
    render(project, "embedded", "html")
    ours = contents(project / "_book")
    kept = project / conversion.FOLDER / "html.json"
    text = kept.read_text(encoding="utf-8")
    damaged = {
        "cut": text[: len(text) // 2],
        "bits": text.replace("The sum", "The som"),
        "foreign": "[]",
    }
    kept.unlink()
    if damage in damaged:
        kept.write_text(damaged[damage], encoding="utf-8")
    change(project, "_quarto.yml", "A small book", "Another book")
    render(project, "embedded", "html")
    change(project, "_quarto.yml", "Another book", "A small book")
    render(project, "embedded", "html")
    assert converted == [ALL, ALL]
    assert contents(project / "_book") == ours


@pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="this system has no disk that is always full"
)
@pytest.mark.parametrize("words", [1, 100_000])
def test_pandoc_says_that_the_disk_is_full(tmp_path: Path, words: int) -> None:
    chapter = {"source": "a.qmd", "path": "a.html", "appendix": False, "cells": [], "written": ""}
    chapter["markdown"] = "# Title\n\n" + "word " * words
    job = {"target": "html", "lang": "en", "downloads": False, "bibliography": False}
    given = tmp_path / "job.json"
    given.write_text(json.dumps({**job, "chapters": [chapter]}), encoding="utf-8")
    command = [str(PANDOC), "lua", str(conversion.FILTERS / "book.lua"), str(given), "/dev/full"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode and "No space left on device" in run.stderr
