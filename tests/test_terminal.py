"""Every command on every kind of terminal: help, examples, slips of the hand, colour, pipes, Ctrl-C.

All tests go through the program's own list of commands, so that none can be forgotten.
"""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from coprod.cli import app, main, run
from coprod.commands.help import STATUS, examples
from coprod.errors import BookError, Fault
from coprod.paths import PROJECT
from coprod.synthetic import write_panel
from coprod.terminal import wrapped
from tests.books import WORDS, write_book
from tests.test_package import clone
from tests.test_reproducing import stand_in

PROGRAM: Any = get_command(app)
COMMANDS: dict[str, Any] = PROGRAM.commands
LINES = [line for command in COMMANDS.values() for line in examples(command)]
PYTHON = [sys.executable, "-m", "coprod"]
CODES = re.compile(r"\x1b\[[0-9;]*m")
# What says how a terminal is, of whoever runs the tests.
KINDS = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "TTY_COMPATIBLE", "COLUMNS", "TERM", "LC_ALL")


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same terminal wherever the tests run, and nothing left of what a command sets."""
    for name in (*KINDS, "COPROD_PANEL", "COPROD_MAP", "COPROD_MIN_CELL"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def words(text: str) -> str:
    return " ".join(text.split())


def helped(name: str, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert run([*name.split(), "--help"]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    return told.out


@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_breaks_lines_between_words_and_never_an_example(
    name: str, columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    said = helped(name, capsys)
    command = COMMANDS.get(name, PROGRAM)
    shown = examples(command)
    assert shown
    for line in said.splitlines():
        one_word = len(line.split()) <= 1 or line.lstrip().startswith("--")
        assert len(line) <= min(columns, 100) or one_word or line.strip() in shown, line
    for line in shown:
        assert f"  {line}\n" in said
    whole = words(said)
    assert words(command.help) in whole
    for param in command.params:
        assert words(param.help) in whole
        assert param.metavar is None or param.metavar in whole
        assert all(option in whole for option in param.opts if option.startswith("-"))


def test_the_program_groups_its_commands_and_says_what_a_status_means(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = helped("", capsys)
    for command in COMMANDS.values():
        assert f"\n{command.rich_help_panel}\n" in said
    for name in COMMANDS:
        assert re.search(rf"^  {name} +\S", said, re.MULTILINE)
    for status, meaning in STATUS.items():
        assert f"{status} " in said
        assert meaning in words(said)
    assert run([]) == 2
    assert run(["--version"]) == 0


@pytest.mark.parametrize("name", COMMANDS)
def test_a_slip_of_the_hand_is_told_what_was_meant(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    longest = max((p.opts[0] for p in COMMANDS[name].params if p.opts[0][:2] == "--"), default="")
    for arguments, meant in (([name[:-1]], name), ([name, longest[:-1]], longest)):
        if not meant:
            continue
        assert run(arguments) == 2
        told = capsys.readouterr()
        assert told.out == ""
        first, second = told.err.splitlines()
        assert first.startswith("Error: No such ")
        assert "Did you mean" in first
        assert f"'{meant}'" in first
        assert second.startswith("Help: coprod ")


@pytest.mark.parametrize("option", ["--jobs", "--min-cell", "--timeout"])
def test_what_is_no_number_is_said_in_plain_words(
    capsys: pytest.CaptureFixture[str], option: str
) -> None:
    assert run(["render", option, "many"]) == 2
    assert f"'{option}': 'many' is not a whole number\n" in capsys.readouterr().err


def test_another_choice_is_told_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["render", "--to", "pfd"]) == 2
    said = capsys.readouterr().err
    assert "'pfd' is not one of 'html', 'pdf', 'all'. Did you mean 'pdf'?" in said
    assert run(["questionnaire"]) == 2
    assert "Choose from: xlsform, docx, md\n" in capsys.readouterr().err


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small book, with the data and the example beside it."""
    folder = write_book(tmp_path_factory.mktemp("examples") / "book", one=WORDS)
    (folder / "examples").symlink_to(PROJECT / "examples")
    shutil.copytree(PROJECT / "data", folder / "data")
    write_panel(folder / "small.csv", respondents=300)
    return folder


@pytest.mark.parametrize("line", LINES)
def test_every_example_runs(
    line: str,
    workplace: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    program, name, *arguments = shlex.split(line)
    assert program == "coprod"
    monkeypatch.chdir(workplace)
    if name == "preview":
        monkeypatch.chdir(write_book(tmp_path, one=WORDS))
        follow_and_leave([name, *arguments])
        return
    if name == "audit":
        assert run(["render", *arguments[1:], "--to", "html"]) == 0
    if name == "package":
        monkeypatch.chdir(clone(tmp_path / "clone"))
    if name == "reproducing":
        stand_in(tmp_path / "_book")
        monkeypatch.chdir(tmp_path)
    if name == "claims":
        monkeypatch.setenv("COPROD_PANEL", str(workplace / "small.csv"))
    for option in ("--out", "--report"):
        if option in arguments:
            Path(arguments[arguments.index(option) + 1]).unlink(missing_ok=True)
    assert run([name, *arguments]) == 0, capsys.readouterr().err
    assert capsys.readouterr().out.strip()


def follow_and_leave(arguments: list[str]) -> None:
    """A preview says its address where results are, and ends with one line at Ctrl-C."""
    with subprocess.Popen(
        [*PYTHON, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        address = process.stdout.readline()
        assert address.startswith("Open http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert error.splitlines()[-1] == "Stopped"
    assert "Traceback" not in error


def called(
    arguments: list[str], encoding: str = "utf-8", **changed: str
) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(PROJECT), "TERM": "xterm"} | changed
    return subprocess.run(
        [*PYTHON, *arguments],
        capture_output=True,
        env=environment,
        encoding=encoding,
        check=False,
        timeout=60,
    )


def on_a_terminal(command: list[str], typed: str = "", until: str = "", **changed: str) -> str:
    """What a command writes on a terminal; after `typed`, until it has written some words or ends."""
    leader, follower = pty.openpty()
    environment = os.environ | {"PYTHONPATH": str(PROJECT), "TERM": "xterm"} | changed
    process = subprocess.Popen(
        command,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=environment,
        start_new_session=True,
    )
    os.close(follower)
    said = b""
    if typed:
        os.write(leader, typed.encode())
    end = time.monotonic() + 60
    while time.monotonic() < end and not (until and until in said.decode(errors="replace")):
        if not select.select([leader], [], [], 0.5)[0]:
            continue
        try:
            more = os.read(leader, 65536)
        except OSError:  # it has ended
            break
        if not more:
            break
        said += more
    process.kill() if until else process.wait(60)
    process.wait()
    os.close(leader)
    return said.decode(errors="replace").replace("\r\n", "\n")


FAR = (
    "/no/such/folder/with-a-rather-long-name/and-another-one/so-that-no-line/has-room-for-it/at-all"
)
LONG = ["lint", "--project", FAR]


def test_an_error_is_whole_in_a_pipe_and_ends_between_words_on_a_terminal() -> None:
    piped = called(LONG, COLUMNS="40")
    assert piped.returncode == 2
    assert piped.stdout == ""
    assert piped.stderr.splitlines()[0] == f"Error: there is no _quarto.yml in {FAR}"
    shown = on_a_terminal([*PYTHON, *LONG], COLUMNS="40", LINES="40")
    assert "\x1b[1;31mError:\x1b[0m" in shown
    assert words(CODES.sub("", shown)) == words(piped.stderr)
    assert all(len(line) <= 40 or FAR in line for line in CODES.sub("", shown).splitlines())


@pytest.mark.parametrize(
    ("kind", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
    ids=["terminal", "no colour", "dumb"],
)
def test_colour_is_where_it_is_wanted(
    kind: dict[str, str], coloured: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    both = "import coprod.cli as c; c.run(['rende']); c.run(['lint', '--help'])"
    shown = on_a_terminal([sys.executable, "-c", both], COLUMNS="80", LINES="40", **kind)
    assert ("\x1b" in shown) == coloured
    assert run(["rende"]) == 2
    assert run(["lint", "--help"]) == 0
    told = capsys.readouterr()
    assert words(CODES.sub("", shown)) == words(told.err + told.out)


def test_colour_in_a_pipe_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(LONG) == 2
    plain = capsys.readouterr().err
    assert "\x1b" not in plain
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert run(LONG) == 2
    coloured = capsys.readouterr().err
    assert "\x1b[1;31m" in coloured
    assert CODES.sub("", coloured) == plain
    monkeypatch.setenv("NO_COLOR", "1")
    assert run(LONG) == 2
    assert capsys.readouterr().err == plain


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_no_character_is_too_much_for_a_terminal(encoding: str, tmp_path: Path) -> None:
    folder = tmp_path / "a–b… 名"
    folder.mkdir()
    made = called(["lint", "--project", str(folder)], encoding, PYTHONIOENCODING=encoding)
    assert made.returncode == 2
    name = "a–b… 名" if encoding == "utf-8" else r"a-b... \u540d"
    assert made.stderr.splitlines()[0].endswith(name)
    assert "Traceback" not in made.stderr


def test_a_path_that_is_no_text_is_written_as_it_is() -> None:
    raw = b"/no/such/\xff\xfe:100:"
    command = [*map(os.fsencode, PYTHON), b"lint", b"--project", raw]
    made = subprocess.run(
        command, capture_output=True, env=os.environ | {"PYTHONPATH": str(PROJECT)}, check=False
    )
    assert made.returncode == 2
    assert made.stderr.splitlines()[0].endswith(raw)


def test_a_line_number_is_no_emoji(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise BookError("a [bold]word[/bold]", [Fault("chapters/one.qmd:100", "'[red]' is no key")])

    monkeypatch.setattr("coprod.render.project.open_book", refuse)
    assert run(["lint"]) == 2
    assert capsys.readouterr().err == (
        "Error: a [bold]word[/bold]\n  chapters/one.qmd:100: '[red]' is no key\n"
    )


def test_a_fault_of_the_program_is_said_to_be_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("coprod.render.project.open_book", lambda _: 1 / 0)
    monkeypatch.setattr(sys, "argv", ["coprod", "lint"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 1
    said = capsys.readouterr().err
    assert "ZeroDivisionError" in said
    assert "a fault of coprod itself; please report it" in said.splitlines()[-1]


def test_what_to_type_next_can_be_copied(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    survey = tmp_path / "our survey.sav"
    shutil.copy(PROJECT / "examples" / "anyborough.sav", survey)
    out = tmp_path / "our mapping.yml"
    assert run(["map", str(survey), "--out", str(out)]) == 0
    typed = capsys.readouterr().out.splitlines()[-1]
    assert shlex.split(typed)[:2] == ["coprod", "check"]
    assert run(shlex.split(typed)[1:]) == 2
    assert "a guess; check it" in capsys.readouterr().err


def test_who_reads_no_further_is_left_in_peace() -> None:
    # The pipe is closed before anything is written to it.
    for stream in ("stdout", "stderr"):
        reading, writing = os.pipe()
        os.close(reading)
        arguments = ["--help"] if stream == "stdout" else LONG
        given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | {stream: writing}
        process = subprocess.Popen([*PYTHON, *arguments], **given)  # type: ignore[call-overload]
        os.close(writing)
        out, error = process.communicate(timeout=60)
        assert process.returncode in (1, 2)
        assert not out
        assert not error


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
def test_a_full_disk_is_said() -> None:
    with Path("/dev/full").open("w") as full:
        made = subprocess.run(
            [*PYTHON, "--help"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert made.returncode == 1
    assert made.stderr == "Error: what was found cannot be written: No space left on device\n"


OUT = [
    name
    for name, command in COMMANDS.items()
    if any("--out" in param.opts for param in command.params)
]


@pytest.mark.parametrize("name", [name for name in OUT if name not in ("render", "notebooks")])
def test_what_cannot_be_written_is_named(
    name: str,
    workplace: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(workplace)
    given = {
        "map": ["examples/anyborough.sav"],
        "questionnaire": ["--format", "md"],
        "synthesise": ["--respondents", "300"],
        "reproducing": ["--book", str(tmp_path / "_book")],
        "package": ["--project", str(tmp_path / "clone")],
    }
    if name == "reproducing":
        stand_in(tmp_path / "_book")
    if name == "package":
        clone(tmp_path / "clone")
    blocked = tmp_path / "a file"
    blocked.write_text("")
    assert run([name, *given[name], "--out", str(blocked / "x" / "y")]) == 2
    said = capsys.readouterr().err
    assert str(blocked) in said
    assert "Not a directory" in said


COMPLETED = {"que": "questionnaire", "render --eng": "render --engine"}
SHELLS = {
    "bash": ("--norc --noprofile -i", ""),
    "zsh": ("-f -i", "autoload -U compinit; compinit -D; "),
}


def shell(name: str) -> tuple[str, str]:
    """A shell, and a PATH on which the program is."""
    found = shutil.which(name)
    if not found:
        pytest.skip(f"there is no {name}")
    bin = Path(sys.executable).parent
    assert (bin / "coprod").exists()
    return found, f"{bin}{os.pathsep}{os.environ['PATH']}"


@pytest.mark.parametrize("name", SHELLS)
def test_a_shell_completes_commands_and_options(name: str) -> None:
    program, path = shell(name)
    options, ready = SHELLS[name]
    typed = "".join(f"coprod {given}\t#\n" for given in COMPLETED)
    said = on_a_terminal(
        [program, *options.split()],
        f'{ready}eval "$(_COPROD_COMPLETE=source_{name} coprod)"\n{typed}',
        "'--engine'",  # what the program says when it is run so
        PATH=path,
        TERM="dumb",
    )
    for completed in COMPLETED.values():
        assert f"coprod {completed} #" in words(said.replace("\b", "")), said


def test_fish_completes_commands_and_options(tmp_path: Path) -> None:
    program, path = shell("fish")
    asked = "".join(f'; complete -C "coprod {given}"' for given in COMPLETED)
    made = subprocess.run(
        [program, "--no-config", "-c", f"_COPROD_COMPLETE=source_fish coprod | source{asked}"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PATH": path, "HOME": str(tmp_path)},
    )
    found = [line.split("\t")[0] for line in made.stdout.splitlines()]
    assert found == ["questionnaire", "--engine"]


@pytest.mark.parametrize(
    ("shell", "asked"),
    [
        ("zsh", {"_TYPER_COMPLETE_ARGS": "coprod re"}),
        ("fish", {"_TYPER_COMPLETE_ARGS": "coprod re", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}),
    ],
)
def test_other_shells_are_given_a_script_and_completions(shell: str, asked: dict[str, str]) -> None:
    script = called([], _COPROD_COMPLETE=f"source_{shell}").stdout
    assert f"_COPROD_COMPLETE=complete_{shell}" in script
    found = called([], _COPROD_COMPLETE=f"complete_{shell}", **asked).stdout
    assert "render" in found
    assert "reproducing" in found
    assert "check" not in found


def test_text_that_is_wrapped_loses_nothing() -> None:
    assert wrapped("one\n\ntwo three", 6, "- ", "  ") == ["- one", "", "  two", "  three"]
