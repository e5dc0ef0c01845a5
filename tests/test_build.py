"""A build is whole or leaves everything as it was, and gives the same bytes each time."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from pypdf import PdfReader

from coprod.cli import run
from coprod.errors import BookError
from coprod.render import build, document
from coprod.render.build import choose_engine, render
from coprod.render.execute import run_chapters
from coprod.render.place import check_output, fresh_folder
from tests.books import CONFIG, FILES, WORDS, write_book

ONE = FILES["chapters/one.qmd"]


def contents(folder: Path) -> dict[str, str]:
    """Every file below a folder with the checksum of its bytes."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_two_builds_in_two_folders_give_the_same_bytes(tmp_path: Path) -> None:
    figure = (
        '\n```{python}\n#| label: fig-x\n#| fig-cap: "A line"\n#| fig-alt: "A line."\n'
        "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\n```\n"
    )
    first = render(write_book(tmp_path / "a", one=ONE + figure), "embedded", jobs=1)
    second = render(
        write_book(tmp_path / "b c é", one=ONE + figure),
        "embedded",
        jobs=2,
        out=tmp_path / "elsewhere",
    )
    assert contents(first.out) == contents(second.out)
    assert "chapters/one_files/fig-x-1.svg" in contents(first.out)


def test_a_folder_in_other_letters_and_a_locale_without_them_do_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filters = tmp_path / "é" / "filters"
    shutil.copytree(document.FILTER.parent, filters)
    monkeypatch.setattr(document, "FILTER", filters / "book.lua")
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "é"))
    built = render(write_book(tmp_path / "é" / "book"), "embedded")
    assert (built.out / "index.html").exists()


def test_a_table_with_a_caption_and_no_label_goes_to_both_formats(tmp_path: Path) -> None:
    table = "\n| a | b |\n|---|---|\n| 1 | 2 |\n\n: Letters and numbers\n"
    built = render(write_book(tmp_path, one=WORDS + table), "embedded")
    assert "Letters and numbers" in (built.out / "chapters/one.html").read_text(encoding="utf-8")
    assert built.pdf is not None
    assert "Letters and numbers" in "".join(
        page.extract_text() for page in PdfReader(built.pdf).pages
    )


def test_a_build_replaces_the_book_whole(tmp_path: Path) -> None:
    project = write_book(tmp_path, one=WORDS)
    built = render(project, "embedded", "html")
    (built.out / "left.html").write_text("an old page")
    render(project, "embedded", "html")
    assert not (built.out / "left.html").exists()
    assert (built.out / "index.html").exists()
    assert stat.S_IMODE(built.out.stat().st_mode) == 0o755


@pytest.mark.parametrize(
    ("to", "html", "pdf"), [("html", True, False), ("pdf", False, True), ("all", True, True)]
)
def test_what_is_asked_for_is_made(tmp_path: Path, to: str, html: bool, pdf: bool) -> None:
    built = render(write_book(tmp_path, one=WORDS), "embedded", to)
    assert (built.out / "index.html").exists() is html
    assert (built.out / "A-small-book.pdf").exists() is pdf
    if to == "html":
        assert ".pdf" not in (built.out / "index.html").read_text()


def test_a_killed_build_leaves_the_old_book_and_the_next_one_tidies(tmp_path: Path) -> None:
    project = write_book(tmp_path, one=ONE.replace("print(2 + 3)", "import time\ntime.sleep(60)"))
    old = project / "_book"
    old.mkdir()
    (old / "index.html").write_text("the old book")
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "coprod",
            "render",
            "--project",
            str(project),
            "--engine",
            "embedded",
        ]
    )
    for _ in range(600):
        if list(project.glob("._book.*.new")):
            break
        time.sleep(0.1)
    assert list(project.glob("._book.*.new")), "the build never started"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (old / "index.html").read_text() == "the old book"
    write_book(project, one=WORDS)
    render(project, "embedded", "html")
    assert not list(project.glob("._book*"))
    assert (old / "index.html").read_text() != "the old book"


def test_an_interrupted_build_ends_at_once_and_leaves_no_kernel(tmp_path: Path) -> None:
    marker = f"interrupted-{os.getpid()}"
    project = write_book(
        tmp_path / marker, one=ONE.replace("print(2 + 3)", "import time\ntime.sleep(60)")
    )
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "coprod",
            "render",
            "--project",
            str(project),
            "--engine",
            "embedded",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        # Where the tests themselves run in the background, Ctrl-C would be ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    time.sleep(4)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=15)
    assert process.returncode == 130
    assert b"Traceback" not in output
    assert not (project / "_book").exists()
    time.sleep(0.5)
    held = [
        path
        for path in Path("/proc").glob("[0-9]*/cwd")
        if os.access(path, os.R_OK) and marker in os.path.realpath(path)
    ]
    assert held == []


def test_a_folder_that_is_no_book_is_not_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = write_book(tmp_path / "project")
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.doc").write_text("years of work")
    assert (
        run(["render", "--project", str(project), "--engine", "embedded", "--out", str(precious)])
        == 2
    )
    assert "no book" in capsys.readouterr().err
    assert (precious / "thesis.doc").read_text() == "years of work"
    for out in (project, tmp_path):
        with pytest.raises(BookError, match="holds the project"):
            check_output(out, project)


def test_a_folder_moved_aside_by_a_killed_swap_comes_back(tmp_path: Path) -> None:
    out = tmp_path / "_book"
    aside = tmp_path / "._book.old"
    aside.mkdir()
    (aside / "index.html").write_text("the book")
    with pytest.raises(RuntimeError), fresh_folder(out):
        assert (out / "index.html").read_text() == "the book"
        raise RuntimeError
    assert (out / "index.html").read_text() == "the book"


def test_an_output_that_cannot_be_written_is_one_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = write_book(tmp_path / "project")
    (tmp_path / "file").write_text("")
    assert (
        run(
            [
                "render",
                "--project",
                str(project),
                "--engine",
                "embedded",
                "--out",
                str(tmp_path / "file/book"),
            ]
        )
        == 2
    )
    assert "Traceback" not in capsys.readouterr().err


def fake_quarto(folder: Path, version: str, script: str = "") -> None:
    folder.mkdir(exist_ok=True)
    quarto = folder / "quarto"
    quarto.write_text(
        f'#!/bin/sh\nif [ "$1" = --version ]; then echo {version}; exit 0; fi\n{script}\n'
    )
    quarto.chmod(0o755)


@pytest.mark.parametrize(
    ("version", "name"), [("1.10.18", "quarto"), ("1.9.0", "quarto"), ("1.8.27", "embedded")]
)
def test_auto_takes_quarto_where_it_is_new_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, name: str
) -> None:
    fake_quarto(tmp_path / "bin", version)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert choose_engine()[0] == name
    assert (version in choose_engine()[1]) is (name == "quarto")
    assert choose_engine("embedded")[0] == "embedded"


def test_quarto_that_is_missing_or_old_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BookError, match="no quarto on the PATH"):
        choose_engine("quarto")
    fake_quarto(tmp_path, "1.4.550")
    with pytest.raises(BookError, match=r"1\.4\.550.*1\.9 or newer"):
        choose_engine("quarto")


def test_quarto_renders_a_copy_that_names_it_in_the_footer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Real Quarto cannot be had in the tests; this stands for it and keeps what it was given.
    script = """
        mkdir "$2/_book" && cp "$2/_quarto.yml" "$2/_book/"
        echo page > "$2/_book/index.html"; echo "$@" > "$2/_book/call"
    """
    fake_quarto(tmp_path / "bin", "1.10.18", script)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    project = write_book(tmp_path / "project")
    built = render(project, "auto", "html")
    assert built.engine == "Quarto 1.10.18"
    assert "Made with Quarto 1.10.18" in (built.out / "_quarto.yml").read_text()
    assert (built.out / "call").read_text().endswith("--to html\n")
    assert (project / "_quarto.yml").read_text() == CONFIG


def test_what_quarto_says_when_it_fails_is_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_quarto(tmp_path / "bin", "1.10.18", "echo 'ERROR: no such thing' >&2; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert run(["render", "--project", str(write_book(tmp_path / "project"))]) == 2
    assert "ERROR: no such thing" in capsys.readouterr().err


def test_a_cell_that_hangs_is_stopped_and_named(tmp_path: Path) -> None:
    project = write_book(tmp_path, one=ONE.replace("print(2 + 3)", "import time\ntime.sleep(60)"))
    book = build.open_book(project)
    with pytest.raises(
        BookError, match=r"(?s)cell 'add'.*chapters/one\.qmd:7: it was stopped after 9 seconds"
    ):
        run_chapters(book, build.read_chapters(book), timeout=9)


def test_a_cell_that_kills_its_kernel_is_named(tmp_path: Path) -> None:
    project = write_book(tmp_path, one=ONE.replace("print(2 + 3)", "import os\nos._exit(1)"))
    with pytest.raises(BookError, match="its kernel died"):
        render(project, "embedded", "html")


def test_quiet_says_nothing_and_plain_output_says_each_chapter(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = write_book(tmp_path)
    arguments = ["render", "--project", str(project), "--engine", "embedded", "--to", "html"]
    assert run([*arguments, "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert run([*arguments, "--no-cache"]) == 0
    told = capsys.readouterr()
    assert "Engine: coprod" in told.err
    assert "chapters/one.qmd: 3 cells" in told.err
    assert "index.html" in told.out
    assert "Engine" not in told.out
