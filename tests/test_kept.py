"""Builds that run only what has changed: each result as good as new, and none of it stale."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import typst

from benchmarks.campaign import contents
from coprod.cli import run
from coprod.render import keys, paper
from coprod.render.build import choose_engine, render
from coprod.render.chapter import read_chapters
from coprod.render.kept import FOLDER, Kept
from coprod.render.paper import LAST_PAPER, MAIN
from coprod.render.project import open_book
from coprod.render.provenance import gather
from tests.books import CONFIG, WORDS, write_book

TWO = """\
# Two {{#sec-two}}

```{{python}}
with open("{runs}", "a") as file:
    print("two", file=file)
print(open("{beside}").read())
```
"""
ONE = """\
# One {{#sec-one}}

The sum is `{{python}} 1 + 1`.

```{{python}}
from coprod.render.told import told

with open("{runs}", "a") as file:
    print("one", file=file)
print(told("provenance")["engine"])
```

{{{{< include _more.qmd >}}}}
"""
MORE = "```{python}\nprint('more')\n```\n"


class Book:
    """A small book that counts how often its chapters run."""

    def __init__(self, folder: Path) -> None:
        self.runs = folder / "runs"
        self.runs.touch()
        self.project = folder / "project"
        self.beside = self.project / "beside.yml"
        one, two = (text.format(runs=self.runs, beside=self.beside) for text in (ONE, TWO))
        config = CONFIG.replace(
            "    - chapters/one.qmd\n", "    - chapters/one.qmd\n    - chapters/two.qmd\n"
        )
        more = {"chapters/two.qmd": two, "chapters/_more.qmd": MORE, "beside.yml": "beside"}
        write_book(self.project, one=one, config=config, **more)

    def built(self, cache: bool = True) -> list[str]:
        """Build it, and say which chapters were run."""
        before = len(self.runs.read_text().split())
        render(self.project, "embedded", "html", cache=cache)
        return sorted(self.runs.read_text().split()[before:])

    def change(self, name: str, old: str, new: str) -> None:
        file = self.project / name
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    def kept(self) -> Kept:
        """What is kept, as a build that tells its kernels of nothing new finds it."""
        opened = open_book(self.project)
        pieces = {"provenance": asdict(gather(self.project, choose_engine("embedded")[1]))}
        return Kept(opened, pieces, opened.output)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Book:
    """A book that was built, for tests that change nothing of it."""
    made = Book(tmp_path_factory.mktemp("built"))
    assert made.built() == ["one", "two"]
    return made


# What is changed, and which chapters that concerns.
CHANGES: tuple[tuple[str, str, str, list[str]], ...] = (
    ("chapters/one.qmd", "The sum is", "In all it is", []),
    ("references.bib", "Bayesian Analysis", "Another Title", []),
    ("_quarto.yml", "A small book", "A book of two chapters", []),
    ("chapters/two.qmd", "print(open", "print(1, open", ["two"]),
    ("chapters/one.qmd", "1 + 1", "1 + 2", ["one"]),
    ("chapters/_more.qmd", "'more'", "'less'", ["one"]),
    ("beside.yml", "beside", "changed", ["two"]),
    ("_quarto.yml", "lang: en-GB", "lang: en-GB\nexecute:\n  warning: false", ["one", "two"]),
)


def test_what_a_change_touches_is_run_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = Book(tmp_path)
    assert book.built() == ["one", "two"]
    for name, old, new, runs in CHANGES:
        book.change(name, old, new)
        assert book.built() == runs, name
    # Asked for by one chapter only: when the book is said to be made.
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert book.built() == ["one"]
    ours = contents(book.project / "_book")
    page = (book.project / "_book/chapters/one.html").read_text()
    assert "In all it is 3." in page and "less" in page and "A book of two chapters" in page
    assert book.built() == []
    assert book.built(cache=False) == ["one", "two"]
    assert contents(book.project / "_book") == ours


READS = """\
# Two {{#sec-two}}

```{{python}}
with open("{runs}", "a") as file:
    print("two", file=file)
import sqlite3
from pathlib import Path

import pyarrow.csv
from helper import FOUND

print(FOUND, Path("link.txt").read_text(), Path(".hidden").read_text(), Path("{away}").read_text())
print(pyarrow.csv.read_csv("seen_by_nobody.csv").to_pydict())
```
"""


def written(file: Path, text: str) -> None:
    """Write a file, whose time and size tell nothing."""
    file.write_text(text)
    os.utime(file, (1_000_000_000, 1_000_000_000))


def test_whatever_cells_read_is_noticed_wherever_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Modules are compiled, as by default.
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    book = Book(tmp_path)
    chapters, away = book.project / "chapters", tmp_path / "away"
    away.mkdir()
    files = {
        chapters / "helper.py": "FOUND = 1",
        chapters / ".hidden": "1",
        chapters / "seen_by_nobody.csv": "found\n1\n",
        away / "linked": "1",
        away / "read": "1",
    }
    for file, content in files.items():
        written(file, content)
    (chapters / "link.txt").symlink_to(away / "linked")
    text = READS.format(runs=book.runs, away=away / "read")
    (chapters / "two.qmd").write_text(text)
    # Another chapter compiles the module first.
    book.change("chapters/_more.qmd", "print", "import helper; print")
    assert book.built() == ["one", "two"]
    (chapters / "two.qmd").write_text(text.replace("print(FOUND", "print(FOUND + 1"))
    assert book.built() == ["two"]
    for file, before in files.items():
        written(file, before.replace("1", "2"))
        assert "two" in book.built(), file
        assert book.built() == [], file
    page = (book.project / "_book/chapters/two.html").read_text()
    assert "3 2 2 2" in page and "[2]" in page


UNSEEN = {
    "a program": "import os; os.system('true')",
    "processes": "import multiprocessing as m; m.get_context('spawn').Pool(1).map(abs, [1])",
    "joblib": "import joblib; joblib.Parallel(2)(joblib.delayed(abs)(each) for each in (1, 2))",
    "a name that no line can hold": "open('a\\nb', 'w').close(); open('a\\nb').close()",
    "an address": "import sqlite3; sqlite3.connect('file:a?mode=memory', uri=True)",
}


@pytest.mark.parametrize("how", UNSEEN)
def test_what_may_read_unseen_is_not_kept(tmp_path: Path, how: str) -> None:
    book = Book(tmp_path)
    book.change("chapters/_more.qmd", "print('more')", UNSEEN[how])
    assert book.built() == ["one", "two"]
    assert not (book.project / FOLDER / "chapters-one.ipynb").exists()


def test_paths_links_and_folders_are_noticed(tmp_path: Path) -> None:
    book = Book(tmp_path)
    away, link = tmp_path / "away", tmp_path / "link"
    for number in "12":
        (away / number).mkdir(parents=True)
        (away / number / "read").write_text(number)
    link.symlink_to(away / "1")
    code = (
        f"import io, os\nfrom pathlib import Path\nio.FileIO(Path('{link}/read')).read()\n"
        f"os.listdir('{away}')"
    )
    book.change("chapters/_more.qmd", "print('more')", code)
    assert book.built() == ["one", "two"]
    assert book.built() == []
    (away / "3").touch()
    assert book.built() == ["one"]
    link.unlink()
    link.symlink_to(away / "2")
    assert book.built() == ["one"]
    assert book.built() == []


def test_a_copy_of_a_project_keeps_nothing_of_the_other(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.change("chapters/_more.qmd", "print('more')", "print(open('../beside.yml').read())")
    assert book.built() == ["one", "two"]
    copy = tmp_path / "copy"
    shutil.copytree(book.project, copy)
    (copy / "beside.yml").write_text("of the copy")
    render(copy, "embedded", "html")
    assert "of the copy" in (copy / "_book/chapters/one.html").read_text()


def test_what_is_no_text_of_the_project_runs_nothing(tmp_path: Path) -> None:
    book = Book(tmp_path)
    assert book.built() == ["one", "two"]
    (book.project / "chapters/one.qmd~").write_text("what an editor leaves")
    assert book.built() == []
    # A paragraph between two cells is prose.
    book.change("chapters/one.qmd", "{{< include", "A paragraph.\n\n{{< include")
    assert book.built() == []
    assert "A paragraph." in (book.project / "_book/chapters/one.html").read_text()
    render(book.project, "embedded", "html", out=book.project / "site")
    os.mkfifo(book.project / ".cache/books/x.json")
    assert book.built() == []


def test_a_pipe_in_the_project_is_not_waited_for(tmp_path: Path) -> None:
    book = Book(tmp_path)
    os.mkfifo(book.project / "pipe.csv")
    assert book.built() == ["one", "two"]
    assert book.built() == []


def test_a_chapter_sees_the_same_imports_whether_it_is_run_alone(tmp_path: Path) -> None:
    many = [f"chapters/n{number}.qmd" for number in range(4)]
    cell = "# {}\n\n```{{python}}\nimport sys\nprint('seaborn' in sys.modules, {})\n```\n"
    lines = "".join(f"    - {name}\n" for name in many)
    config = CONFIG.replace("    - chapters/one.qmd\n", f"    - chapters/one.qmd\n{lines}")
    project = write_book(
        tmp_path, one=WORDS, config=config, **{name: cell.format(name, 1) for name in many}
    )
    render(project, "embedded", "html")
    page = project / "_book/chapters/n0.html"
    before = page.read_text()
    (project / many[0]).write_text(cell.format(many[0], 2))
    render(project, "embedded", "html")
    assert before.count("True 1") == page.read_text().count("True 2") == 1


def test_what_is_read_and_then_changed_is_not_kept(tmp_path: Path) -> None:
    book = Book(tmp_path)
    change = "from pathlib import Path; Path('{0}').read_text(); Path('{0}').write_text('{1}')"
    book.change("chapters/_more.qmd", "print('more')", change.format(book.beside, "beside"))
    for _ in range(2):
        assert "one" in book.built()


def test_a_link_that_is_read_and_then_changed_is_not_kept(tmp_path: Path) -> None:
    book = Book(tmp_path)
    for number in "12":
        (tmp_path / number).write_text(number)
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "1")
    code = f"import os; print(open('{link}').read()); os.unlink('{link}'); os.symlink('{tmp_path}/2', '{link}')"
    book.change("chapters/_more.qmd", "print('more')", code)
    assert book.built() == ["one", "two"]
    assert book.built() == ["one"]


def test_a_program_that_is_no_more_keeps_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = Book(tmp_path)
    assert not keys.outdated()
    monkeypatch.setattr(keys, "BEGAN", 0)
    assert keys.outdated()
    assert book.built() == ["one", "two"]
    assert not (book.project / FOLDER).exists()
    monkeypatch.undo()
    assert book.built() == ["one", "two"]
    assert book.built() == []


REMEMBERS = """\
# Two {{#sec-two}}

```{{python}}
import pandas as pd
from coprod import open_panel
from coprod.cache import remembered

def compute():
    with open("{runs}", "a") as file:
        print("computed", file=file)
    return pd.DataFrame({{"n": [1]}})

for _ in range(2):
    remembered("counted", open_panel(), {{}}, compute)
```
"""


def test_without_a_cache_single_results_are_not_those_of_earlier_builds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = Book(tmp_path)
    (book.project / "chapters/two.qmd").write_text(REMEMBERS.format(runs=book.runs))
    monkeypatch.delenv("COPROD_CACHE", raising=False)
    for _ in range(2):
        assert book.built(cache=False) == ["computed", "one"]
    assert "COPROD_CACHE" not in os.environ
    monkeypatch.setenv("COPROD_CACHE", str(tmp_path / "single"))
    assert book.built(cache=False) == ["computed", "one"]
    assert list((tmp_path / "single").glob("counted-*"))


@pytest.mark.parametrize("which", ["PACKAGE", "DATA", "LOCK"])
def test_package_data_and_lock_file_make_the_key(
    built: Book, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    copy = tmp_path / "copy"
    original = getattr(keys, which)
    if original.is_dir():
        shutil.copytree(original, copy, ignore=shutil.ignore_patterns("__pycache__"))
        (copy / "sub").mkdir()
        changed = copy / "sub" / "added.txt"
    else:
        shutil.copy(original, copy)
        changed = copy
    before = built.kept().base
    monkeypatch.setattr(keys, which, copy)
    assert built.kept().base == before
    with changed.open("a") as file:
        file.write("changed")
    assert built.kept().base != before


def test_how_pages_look_makes_the_book_and_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "package"
    shutil.copytree(keys.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    style = package / "render" / "templates" / "style.css"
    monkeypatch.setattr(keys, "PACKAGE", package)
    book = Book(tmp_path)
    book.change("chapters/two.qmd", "print(open", f"open({str(style)!r})\nprint(open")
    assert book.built() == ["one", "two"]
    with style.open("a") as file:
        file.write("/* changed */")
    # The book is made anew, and of its chapters that one is run which has read the file.
    assert book.built() == ["two"]


def test_what_is_installed_makes_the_key(built: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    before = built.kept().base
    assert any(name.startswith("pandas-") for name in keys.installed())
    monkeypatch.setattr(keys, "installed", lambda: ["pandas-0.1.dist-info"])
    assert built.kept().base != before


def test_a_panel_its_mapping_and_settings_make_the_key(
    built: Book, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = {built.kept().base}
    for name in ("COPROD_PANEL", "COPROD_MAP"):
        file = tmp_path / name
        file.write_text("columns: {}")
        monkeypatch.setenv(name, str(file))
        seen.add(built.kept().base)
        file.write_text("columns: {age: agenow}")
        seen.add(built.kept().base)
    monkeypatch.setenv("COPROD_MIN_CELL", "7")
    seen.add(built.kept().base)
    # A cell can ask whether a file is there without reading it.
    new = built.project / "new.csv"
    new.touch()
    seen.add(built.kept().base)
    new.unlink()
    assert len(seen) == 7


@pytest.mark.parametrize("damage", ["none", "cut", "byte", "foreign", "empty", "gone"])
def test_a_damaged_entry_is_noticed(built: Book, damage: str) -> None:
    two = read_chapters(open_book(built.project))[2]
    assert two.entry.source == "chapters/two.qmd"
    entry = built.project / FOLDER / "chapters-two.ipynb"
    content = entry.read_bytes()
    foreign = (built.project / FOLDER / "chapters-one.ipynb").read_bytes()
    damaged = {
        "cut": content[:-9],
        "byte": content.replace(b"beside\\n", b"beyond\\n"),
        "foreign": foreign,
        "empty": b"",
    }
    try:
        entry.unlink() if damage == "gone" else entry.write_bytes(damaged.get(damage, content))
        assert (built.kept().find(two) is None) == (damage != "none")
    finally:
        entry.write_bytes(content)


def test_nothing_is_kept_of_what_changed_while_it_ran(
    built: Book, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = read_chapters(open_book(built.project))[2]
    found, read = built.kept(), tmp_path / "read"
    notebook = found.find(two)
    assert notebook
    read.touch()
    entry = built.project / FOLDER / "chapters-two.ipynb"
    content = entry.read_bytes()
    try:
        entry.unlink()
        monkeypatch.setenv("COPROD_MIN_CELL", "7")
        found.keep(two, notebook, read)
        assert not entry.exists()
        monkeypatch.delenv("COPROD_MIN_CELL")
        found.keep(two, notebook, read)
        assert entry.exists()
    finally:
        entry.write_bytes(content)


def test_while_a_chapter_runs_the_last_paper_is_set_and_leaves_no_trace_of_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = Book(tmp_path)
    kept = book.project / LAST_PAPER
    compiled = []

    def noted(folder: Path, epoch: int | None) -> tuple[bytes, list[typst.TypstWarning]]:
        compiled.append(folder)
        return really(folder, epoch)

    really = paper._compiled
    monkeypatch.setattr(paper, "_compiled", noted)

    def built(runs: int, last: bool) -> None:
        compiled.clear()
        book.change(
            "chapters/two.qmd", f"print({'1, ' * (runs - 1)}open", f"print({'1, ' * runs}open"
        )
        render(book.project, "embedded", jobs=3)
        assert (kept in compiled) == last and (kept / MAIN).is_file()

    built(1, last=False)
    built(2, last=True)
    (kept / MAIN).write_text("#panic()")
    built(3, last=True)
    shutil.rmtree(kept)
    kept.write_text("a file in the way")
    built(4, last=False)
    for chapter in kept.glob("[0-9]*.typ"):
        chapter.write_text("Words of #emph[another] book.")
    built(5, last=True)
    ours = contents(book.project / "_book")
    # In a process of its own, where Typst remembers nothing.
    command = [sys.executable, "-m", "coprod", "render", "--engine", "embedded", "--no-cache"]
    subprocess.run([*command, "--quiet"], cwd=book.project, check=True)
    assert contents(book.project / "_book") == ours


def test_the_last_paper_is_not_set_where_every_processor_has_a_chapter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paper, "_compiled", lambda *_: pytest.fail("it was set"))
    tmp_path.joinpath(MAIN).touch()
    with paper.set_before(tmp_path, 0):
        pass
    with paper.set_before(None, 2):
        pass


def test_what_stands_in_the_way_of_what_is_kept_goes(built: Book) -> None:
    two = read_chapters(open_book(built.project))[2]
    entry = built.project / FOLDER / "chapters-two.ipynb"
    content = entry.read_bytes()
    notebook = built.kept().find(two)
    assert notebook
    entry.unlink()
    (entry / "inside").mkdir(parents=True)
    assert built.kept().find(two) is None
    (built.project / "read").touch()
    try:
        built.kept().keep(two, notebook, built.project / "read")
        assert built.kept().find(two) == notebook
    finally:
        (built.project / "read").unlink()
        entry.write_bytes(content)


def test_what_is_kept_can_be_thrown_away(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = write_book(tmp_path, one=WORDS)
    (project / FOLDER).mkdir(parents=True)
    assert run(["clean", "--project", str(project)]) == 0
    assert "runs everything" in capsys.readouterr().out
    assert not (project / ".cache").exists()


def test_a_book_is_made_though_nothing_can_be_kept(tmp_path: Path) -> None:
    project = write_book(tmp_path)
    (project / ".cache").write_text("in the way")
    assert render(project, "embedded", "html").out.is_dir()


def test_a_book_that_nothing_has_changed_is_left_as_it_is(tmp_path: Path) -> None:
    project = write_book(tmp_path / "project", one=WORDS)
    out = project / "_book"

    def left() -> bool:
        before = out.stat().st_ino
        render(project, "embedded", "html")
        return out.stat().st_ino == before

    render(project, "embedded", "html")
    assert left()
    page = out / "chapters" / "one.html"
    good = page.read_bytes()
    # Whatever lies in the book, and was not made so, is mended.
    for damage in (
        lambda: page.write_bytes(good + b" "),
        lambda: page.unlink(),
        lambda: (out / "more.html").write_text("more"),
        lambda: (project / ".cache" / "books").rename(project / ".cache" / "elsewhere"),
    ):
        damage()
        assert not left()
        assert page.read_bytes() == good and not (out / "more.html").exists()
        assert left()
    for name in ("chapters/one.qmd", "_quarto.yml", "references.bib"):
        with (project / name).open("a") as file:
            file.write("\n")
        assert not left()
    assert left()
    render(project, "embedded", "all")
    assert (out / "A-small-book.pdf").is_file()
    assert not left(), "the website alone is another book"


def test_what_stands_as_it_did_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_text("one")
    read: list[str] = []
    digest = keys.hashlib.file_digest
    monkeypatch.setattr(keys.hashlib, "file_digest", lambda *a: read.append("") or digest(*a))
    monkeypatch.setattr(keys, "SETTLES", 0)
    assert keys.file_hash(file) == keys.file_hash(file) == keys.text_hash("one")
    assert len(read) == 1
    state = file.stat()
    file.write_text("two")
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert keys.file_hash(file) == keys.text_hash("two")
    assert len(read) == 2


def test_what_was_touched_just_now_is_read_each_time(tmp_path: Path) -> None:
    file = tmp_path / "file"
    for number in range(200):
        file.write_text(f"{number:03}")
        assert keys.file_hash(file) == keys.text_hash(f"{number:03}")
