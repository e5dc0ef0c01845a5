"""A build is whole or leaves everything as it was, and gives the same bytes each time."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from pypdf import PdfReader

from benchmarks.campaign import contents, processes_in
from coprod.cli import run
from coprod.errors import BookError
from coprod.render import conversion, nursery, place
from coprod.render.build import choose_engine, render
from coprod.render.place import check_output, fresh_folder
from tests.books import CONFIG, FILES, WORDS, old_book, write_book

ONE = FILES["chapters/one.qmd"]


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
    shutil.copytree(conversion.FILTERS, filters)
    monkeypatch.setattr(conversion, "FILTERS", filters)
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


HANGS = """\
# One {#sec-one}

```{python}
#| label: hang
import pathlib, subprocess, time
subprocess.Popen(["sleep", "61"], start_new_session=True)
pathlib.Path("started").touch()
time.sleep(60)
```

See @jackman2009.
"""


def started(project: Path, temporary: Path) -> subprocess.Popen[bytes]:
    """A build whose chapter hangs, and has started a process that does not belong to it any more."""
    temporary.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "coprod", "render", "--project", str(project), "--quiet"],
        stderr=subprocess.PIPE,
        env=os.environ | {"TMPDIR": str(temporary)},
        # Where the tests themselves run in the background, Ctrl-C would be ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    for _ in range(1200):
        if (project / "chapters" / "started").exists():
            return process
        time.sleep(0.05)
    raise AssertionError("the cell never ran")


def awaited_end(folder: Path, seconds: float) -> list[int]:
    """The processes that are left after so many seconds."""
    until = time.monotonic() + seconds
    while (left := processes_in(folder)) and time.monotonic() < until:
        time.sleep(0.05)
    return left


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists processes so")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_build_that_is_ended_leaves_no_process_and_the_old_book(
    tmp_path: Path, number: signal.Signals
) -> None:
    project = write_book(tmp_path / "project", one=HANGS)
    old = old_book(project)
    temporary = tmp_path / "t"
    process = started(project, temporary)
    commands = [Path(f"/proc/{each}/cmdline").read_text() for each in processes_in(temporary)]
    assert any("sleep" in each for each in commands)
    process.send_signal(number)
    _, said = process.communicate(timeout=10)
    assert awaited_end(temporary, 5) == []
    assert (old / "index.html").read_text() == "the old book"
    if number == signal.SIGKILL:
        assert list(project.glob("._book.*"))
        write_book(project, one=WORDS)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tempfile, "tempdir", str(temporary))
            render(project, "embedded", "html")
        assert (old / "index.html").read_text() != "the old book"
    else:
        assert process.returncode == 128 + number
        assert said.decode().strip() == "Stopped"
    assert list(project.glob("._book*")) == list(temporary.iterdir()) == []


def test_what_a_killed_build_left_goes_though_nothing_has_changed(tmp_path: Path) -> None:
    project = write_book(tmp_path, one=WORDS)
    out = render(project, "embedded", "html").out
    for name in ("._book.abcd_123.new", "._book.more.abcd_123.new"):
        (project / name).mkdir()
    (project / "._book.lock").touch()
    made = out.stat().st_ino
    render(project, "embedded", "html")
    assert out.stat().st_ino == made
    # Another book's is not ours to take away.
    assert [path.name for path in project.glob("._book*")] == ["._book.more.abcd_123.new"]


def test_what_cannot_be_entered_is_taken_away_all_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "inside" / "more").mkdir(parents=True)
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o750)
    (folder / "link").symlink_to(outside)
    for each in (folder / "inside" / "more", folder / "inside", folder):
        each.chmod(0)
    place.remove(folder)
    assert not folder.exists()
    assert stat.S_IMODE(outside.stat().st_mode) == 0o750


def test_a_second_build_of_a_book_waits_for_the_first(tmp_path: Path) -> None:
    out = tmp_path / "_book"
    said: list[str] = []
    order: list[str] = []

    def second() -> None:
        with fresh_folder(out, said.append) as fresh:
            order.append((out / "index.html").read_text())
            (fresh / "index.html").write_text("second")

    with fresh_folder(out, said.append) as fresh:
        (fresh / "index.html").write_text("first")
        thread = threading.Thread(target=second)
        thread.start()
        while not said:
            time.sleep(0.01)
    thread.join(10)
    assert said == ["Waiting for another build of this book"]
    assert order == ["first"]
    assert (out / "index.html").read_text() == "second"
    assert [path.name for path in tmp_path.iterdir()] == ["_book"]


@pytest.mark.parametrize("name", ["thesis.doc", "thesis.pdf", "index.html"])
def test_a_folder_that_is_no_book_is_not_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    project = write_book(tmp_path / "project")
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / name).write_text("years of work")
    assert (
        run(["render", "--project", str(project), "--engine", "embedded", "--out", str(precious)])
        == 2
    )
    assert "no book" in capsys.readouterr().err
    assert (precious / name).read_text() == "years of work"
    for out in (project, tmp_path):
        with pytest.raises(BookError, match="holds the project"):
            check_output(out, project)


def test_where_the_new_folder_cannot_take_its_place_the_old_one_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = old_book(tmp_path)
    monkeypatch.setattr(place.sys, "platform", "elsewhere")
    rename = Path.rename

    def refused(self: Path, target: Path) -> Path:
        if self.name.endswith(".new"):
            raise PermissionError(13, "Permission denied", str(self))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refused)
    with pytest.raises(BookError, match="Permission denied"), fresh_folder(out) as fresh:
        (fresh / "index.html").write_text("new")
    assert (out / "index.html").read_text() == "the old book"
    assert [path.name for path in tmp_path.iterdir()] == ["_book"]
    monkeypatch.setattr(Path, "rename", rename)
    with fresh_folder(out) as fresh:
        (fresh / "index.html").write_text("new")
    assert (out / "index.html").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["_book"]


def test_a_cell_draws_whatever_the_machine_draws_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = (
        "```{python}\n#| label: fig-line\n#| fig-cap: A line\n#| fig-alt: A line\n"
        "import sys\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\n"
        "assert plt.rcParams['figure.dpi'] < 300 and sys.flags.optimize == 0\n```\n\nSee @fig-line.\n"
    )
    project = write_book(tmp_path / "project", one=f"# One\n\n{cell}")
    (tmp_path / "matplotlibrc").write_text("figure.dpi: 300\n")
    monkeypatch.setenv("MATPLOTLIBRC", str(tmp_path))
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.setenv("PYTHONOPTIMIZE", "1")
    render(project, "embedded", "html")
    assert "<svg" in (project / "_book/chapters/one.html").read_text()


RESOURCES = CONFIG.replace("  type: book", "  type: book\n  resources: ['{}']")


def test_resources_hold_nothing_hidden_and_nothing_of_books(tmp_path: Path) -> None:
    project = write_book(tmp_path / "project", one=WORDS, config=RESOURCES.format("**/*.csv"))
    for name in ("a/b.csv", ".hidden/c.csv", ".venv/d.csv", "other/_book/e.csv"):
        (project / name).parent.mkdir(parents=True)
        (project / name).write_text("1")
    for _ in range(2):
        render(project, "embedded", "html")
        (project / "_book/of-the-book.csv").write_text("1")
    render(project, "embedded", "html")
    found = sorted(
        str(path.relative_to(project / "_book")) for path in (project / "_book").rglob("*.csv")
    )
    assert found == ["a/b.csv", "other/_book/e.csv"]
    config = RESOURCES.format(".well-known/*")
    write_book(project, one=WORDS, config=config, **{".well-known/security.txt": "one"})
    for said in ("one", "two"):
        (project / ".well-known/security.txt").write_text(said)
        render(project, "embedded", "html")
        assert (project / "_book/.well-known/security.txt").read_text() == said


def test_what_a_build_leaves_is_no_change_of_the_project(tmp_path: Path) -> None:
    project = write_book(tmp_path / "project", one=WORDS)
    git = ["git", "-C", str(project), "-c", "user.name=A", "-c", "user.email=a@example.org"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "All"]):
        subprocess.run([*git, *arguments], check=True)
    for out in ("site", "site"):
        render(project, "embedded", "html", out=project / out)
        assert "changed since" not in (project / out / "index.html").read_text()
    (project / "more.txt").write_text("1")
    render(project, "embedded", "html", out=project / "site")
    assert "changed since" in (project / "site/index.html").read_text()


@pytest.mark.parametrize("given", ["1764200000000", "today"])
def test_a_date_that_is_none_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], given: str
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", given)
    project = write_book(tmp_path / "project", one=WORDS)
    assert run(["render", "--project", str(project), "--engine", "embedded", "--quiet"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("Error: the book cannot be dated") and given in said


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


def test_a_cell_that_hangs_is_stopped_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "t"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    project = write_book(tmp_path / "project", one=HANGS)
    arguments = ["render", "--project", str(project), "--engine", "embedded"]
    assert run([*arguments, "--quiet", "--timeout", "3"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "Error: the book cannot be rendered: cell 'hang' of chapters/one.qmd failed"
    assert said[1:] == ["  chapters/one.qmd:5: it was stopped after 3 seconds"]
    assert awaited_end(temporary, 1) == []
    assert list(project.glob("._book*")) == list(temporary.iterdir()) == []
    assert not (project / "_book").exists()


def test_a_kernel_that_cannot_start_is_said_once(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "forking.py"
    program.write_text("import sys\nsys.exit('there is no room')\n")
    monkeypatch.setattr(nursery, "PROGRAM", program)
    project = write_book(tmp_path / "project")
    assert run(["render", "--project", str(project), "--engine", "embedded", "--quiet"]) == 2
    said = capfd.readouterr().err.splitlines()
    assert said == [
        "Error: the book cannot be rendered: no kernel for chapters/one.qmd",
        "  there is no room",
    ]


def test_a_long_story_is_cut(tmp_path: Path) -> None:
    project = write_book(tmp_path, one=ONE.replace("print(2 + 3)", "raise ValueError('x' * 10**6)"))
    with pytest.raises(BookError) as caught:
        render(project, "embedded", "html")
    assert "ValueError: xxx" in str(caught.value) and len(str(caught.value)) < 3_000


def test_a_link_to_itself_is_no_place_for_a_book(tmp_path: Path) -> None:
    project = write_book(tmp_path / "project", one=WORDS)
    (project / "_book").symlink_to("_book")
    with pytest.raises(BookError, match="cannot go there"):
        render(project, "embedded", "html")


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
