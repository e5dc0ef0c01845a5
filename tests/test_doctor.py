"""What a machine lacks is said, with the command that mends it."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

from coprod import doctor
from coprod.cli import run


def test_this_machine_can_make_a_book(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "A book can be made" in said
    assert f"pandas        {version('pandas')}" in said
    assert all(len(line) <= 80 for line in said.splitlines())


def test_what_can_be_done_without_is_named_with_where_it_comes_from(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    assert run(["doctor"]) == 0
    said = capsys.readouterr().out
    for name, (_, _, mend) in doctor.PROGRAMS.items():
        assert f"--  {name}" in said
        assert mend in said


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("pandas==", "pandas==9", "another version than the lock file's 9"),
        ("numpy==", "numpy==9", "make render"),
    ],
)
def test_another_version_than_the_lock_files_is_said(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    text = (doctor.PROJECT / "requirements.lock").read_text(encoding="utf-8")
    (tmp_path / "requirements.lock").write_text(text.replace(f"\n{old}", f"\n{new}"))
    found = {each.name: each for each in doctor.examine(tmp_path)}
    assert said in found[old.rstrip("=")].mend
    assert found["scipy"].mend == ""


def test_without_what_a_book_needs_the_status_is_two(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("coprod.render.engine.PANDOC", Path("/none/pandoc"))
    monkeypatch.setattr(doctor, "PACKAGES", ("numpy", "a-package-that-nobody-has"))
    assert run(["doctor"]) == 2
    told = capsys.readouterr()
    assert "lacks what a book needs: a-package-that-nobody-has, Pandoc" in told.err
    assert "Traceback" not in told.err + told.out
