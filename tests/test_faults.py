"""A short part of the campaigns of `benchmarks/`: builds that are harmed, books that are edited, odd machines."""

from __future__ import annotations

import os
import random
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import edits, faults, staleness
from benchmarks.campaign import PROJECT, Place, Result, contents, ended, place, unprivileged
from coprod.cli import run
from coprod.render import paper
from tests.books import FILES, WORDS, write_book

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists processes so")

ONE = "chapters/one.qmd"
SEED = 7


FIGURE = """
```{python}
#| label: fig-x
#| fig-cap: "A line"
#| fig-alt: "A line."
import matplotlib.pyplot as plt
plt.plot([1, 2])
plt.show()
```
"""


@pytest.fixture(scope="module")
def somewhere() -> Iterator[Place]:
    """A place with a book that is made."""
    with place() as (made, _):
        write_book(made.project, one=FILES[ONE] + FIGURE)
        assert made.build() == Result(0, "")
        yield made


def test_builds_that_are_harmed_leave_no_mess(tmp_path: Path) -> None:
    with place(disk="64m") as (where, own_disk):
        campaign = faults.Campaign(
            where, write_book(tmp_path), faults.SMALL_VARIANTS, SEED, own_disk
        )
        campaign.run({"kill": 1, "stop": 1, "full disk": 1, "damaged cache": 1})
    assert campaign.faults() == []
    assert [tally.cases for tally in campaign.tallies.values()] == [1, 1, 1, 1]


@pytest.mark.parametrize("name", ["no home, and letters of other languages", "home"])
def test_the_book_is_the_same_wherever_it_is_made(somewhere: Place, name: str) -> None:
    project = somewhere.folder / "a folder é" / name
    shutil.copytree(somewhere.project, project, ignore=shutil.ignore_patterns(".cache", "_book"))
    locked = somewhere.folder / "locked"
    locked.mkdir(mode=0o555, exist_ok=True)
    home = str(locked) if name == "home" else None
    machine = {"HOME": home, "LC_ALL": "C", "LANG": None, "TMPDIR": str(locked / "nowhere")}
    build = somewhere.start(project=project, machine=machine)
    assert ended(build) == Result(0, "")
    assert contents(project / "_book") == somewhere.book()


def test_a_clock_that_is_set_back_hides_no_edit(somewhere: Place) -> None:
    chapter = somewhere.project / ONE
    text = chapter.read_text()
    before = chapter.stat()
    try:
        chapter.write_text(text.replace("plot([1, 2])", "plot([1, 3])"))
        os.utime(chapter, ns=(before.st_atime_ns, before.st_mtime_ns))
        os.utime(somewhere.project / "references.bib", (4_000_000_000, 4_000_000_000))
        old = somewhere.book()
        assert somewhere.build() == Result(0, "")
        new = somewhere.book()
        assert {name for name in old if new[name] != old[name]} >= {
            "chapters/one_files/fig-x-1.svg",
            "A-small-book.pdf",
        }
    finally:
        chapter.write_text(text)


@pytest.mark.skipif(os.geteuid() == 0 and not unprivileged(), reason="to root all is permitted")
def test_a_folder_that_cannot_be_written_to_is_said_once(somewhere: Place) -> None:
    locked = somewhere.folder / "locked"
    locked.mkdir(mode=0o555, exist_ok=True)
    result = ended(somewhere.start("--out", str(locked / "book")))
    assert result.status == 2 and result.faults() == []
    assert result.said.startswith("Error: the book cannot be written")
    assert "Permission denied" in result.said
    assert list(locked.iterdir()) == []


def test_a_missing_font_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(paper, "FONTS", tmp_path)
    project = write_book(tmp_path / "project", one=WORDS)
    arguments = ["render", "--project", str(project), "--engine", "embedded", "--quiet"]
    assert run([*arguments, "--to", "pdf"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("Error: Typst was not content") and "dejavu sans" in said
    assert not list(project.glob("*_book*"))


EDITED = (
    edits.Edit("prose", ONE, edits.added("\nMore, %d.\n")),
    edits.Edit("package", "package:coprod/edited.py", edits.number("NUMBER = ")),
)
USES = (
    FILES[ONE]
    + """
```{python}
from coprod.edited import NUMBER
print(NUMBER)
```
"""
)


def test_whatever_a_campaign_edits_is_there(tmp_path: Path) -> None:
    book = tmp_path / "book"
    staleness.write_book(book)
    drawn = random.Random(SEED)
    small = [(edit, book) for edit in (*edits.EDITING, *edits.BREAKING)]
    whole = [(edit, PROJECT) for edit in (*edits.EDITING_WHOLE, *edits.BREAKING_WHOLE)]
    for edit, its_book in small + whole:
        file = edit.file.removeprefix(edits.PACKAGE)
        folder = its_book if file == edit.file else PROJECT
        if file.endswith(".png"):
            continue
        text = "NUMBER = 100" if "edited" in file else (folder / file).read_text(encoding="utf-8")
        once = edit.change(text, drawn)
        # It can be made twice, and says where it can not.
        assert once != text and edit.change(once, drawn) != once, edit


@pytest.mark.parametrize("cripple", [False, True])
def test_edits_are_seen_unless_the_key_is_crippled(cripple: bool) -> None:
    with place() as (kept, _), place() as (clean, _):
        for each in (kept, clean):
            each.package = each.folder / "package"
            staleness.copy_package(each, cripple and each is kept, "tests")
            write_book(each.project, one=USES)
        campaign = staleness.Campaign(kept, clean, SEED, EDITED[1:] if cripple else EDITED, ())
        campaign.run(1 if cripple else 2)
    assert bool(campaign.faults()) is cripple
    if cripple:
        assert "differing" in campaign.faults()[0]
