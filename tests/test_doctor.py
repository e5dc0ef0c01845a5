"""What a machine lacks is said, with the command that mends it."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

import pytest

from coprod import doctor
from coprod.cli import run

ASKED = {
    *("Python", "packages", "Pandoc", "Typst", "Pagefind", "DejaVu Sans", "disk"),
    *("temporary files", "locale", "Quarto", "git", "Chromium", "R"),
}


def found(project: Path = doctor.PROJECT) -> dict[str, doctor.Finding]:
    return {each.name: each for each in doctor.examine(project)}


def test_this_machine_can_make_a_book(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "A book can be made" in said
    assert all(len(line) <= 80 for line in said.splitlines())
    for name in ASKED:
        assert f"  {name}  " in said


def test_programs_can_read_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["ready"] is True
    assert {each["name"] for each in told["findings"]} >= ASKED
    locked = next(each for each in told["findings"] if each["name"] == "packages")
    assert locked["mend"] == ""
    count, total = map(int, locked["found"].split(" of "))
    assert count == total > 50


def test_what_can_be_done_without_is_named_with_where_it_comes_from(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    installer = tmp_path / "apt-get"
    installer.write_text("#!/bin/sh\n")
    installer.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert run(["doctor"]) == 0
    said = capsys.readouterr().out
    for name in doctor.PROGRAMS:
        assert f"--  {name}  " in said
    for package in ("git", "chromium", "r-base", "poppler-utils", "default-jre-headless"):
        assert f"    sudo apt-get install {package}\n" in said
    assert "--  Quarto" in said
    assert "    conda env create -f environment.yml" in said
    installer.unlink()
    assert found()["git"].mend == "install git"


@pytest.mark.parametrize(
    ("old", "new", "needed", "said"),
    [
        ("pandas==", "pandas==9", False, "pandas {} in place of 9{}"),
        ("numpy==", "nobody-has-this==", True, "no nobody-has-this {}"),
    ],
)
def test_packages_are_held_against_the_lock_file(
    tmp_path: Path, old: str, new: str, needed: bool, said: str
) -> None:
    text = (doctor.PROJECT / "requirements.lock").read_text(encoding="utf-8")
    (tmp_path / "requirements.lock").write_text(text.replace(f"\n{old}", f"\n{new}"))
    packages = found(tmp_path)["packages"]
    here = doctor.version(old.rstrip("="))
    assert said.format(here, here) in packages.purpose
    assert packages.needed is needed
    assert packages.mend.endswith("pip install --require-hashes -r requirements.lock")
    count, total = map(int, packages.found.split(" of "))
    assert count == total - 1


def test_a_marker_of_another_system_is_heeded(tmp_path: Path) -> None:
    (tmp_path / "requirements.lock").write_text(
        "nobody-has-this==1 ; sys_platform == 'plan9' \\\n    --hash=sha256:0\n"
        f"typer=={doctor.version('typer')} \\\n    --hash=sha256:0\n"
    )
    assert found(tmp_path)["packages"].found == "1 of 1"


def test_without_what_a_book_needs_the_status_is_two(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("coprod.render.engine.PANDOC", Path("/none/pandoc"))
    monkeypatch.setattr(doctor, "ROOM", 10**18)

    def refuse(**_: object) -> NoReturn:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    assert run(["doctor"]) == 2
    told = capsys.readouterr()
    assert "lacks what a book needs: Pandoc, disk, temporary files" in told.err
    assert "the book and kept results, but Read-only file system" in told.out
    assert 'sudo chown -R "$(id -un)"' in told.out
    assert "Traceback" not in told.err + told.out
    monkeypatch.undo()
    monkeypatch.setattr(doctor, "ROOM", 10**18)
    assert "make room for" in found()["disk"].mend
    assert run(["doctor", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["ready"] is False


@pytest.mark.parametrize(
    ("said", "mended"), [("1.8.27", False), ("1.9.0", True), ("99.9.9", True), ("nonsense", False)]
)
def test_a_quarto_that_is_too_old_is_not_taken(
    said: str, mended: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "quarto"
    program.write_text(f"#!/bin/sh\necho {said}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (doctor._quarto().mend == "") is mended


def test_another_encoding_is_said_with_the_setting_that_mends_it(tmp_path: Path) -> None:
    environment = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    program = "from coprod.doctor import _locale; print(_locale())"
    made = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | environment | {"PYTHONPATH": str(doctor.PROJECT)},
    )
    assert "found='ascii" in made.stdout
    assert "mend='export LC_ALL=C.UTF-8'" in made.stdout


def test_a_python_without_the_packages_is_told_of_the_one_that_has_them() -> None:
    # -S leaves out what is installed, as the system's own Python has it.
    made = subprocess.run(
        [sys.executable, "-S", "-m", "coprod", "doctor"],
        capture_output=True,
        text=True,
        check=False,
        cwd=doctor.PROJECT,
        env={"PATH": os.environ["PATH"]},
    )
    assert made.returncode == 2
    assert "has no package 'typer': run 'make render'" in made.stderr
    assert "Traceback" not in made.stderr


def test_the_command_that_mends_packages_is_that_of_this_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))
    assert doctor._install(tmp_path) == "rm -f .venv/render.stamp && make render"
