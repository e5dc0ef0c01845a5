"""What Python has compiled is known by the source's content: no edit goes unnoticed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from coprod.render.bytecode import know_by_content


def number(package: Path) -> int:
    """The number that a module of a package holds, as another process finds it."""
    environment = {**os.environ, "PYTHONPATH": str(package.parent)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-c", f"from {package.name}.module import NUMBER; print(NUMBER)"]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return int(run.stdout)


def edit(package: Path, text: str) -> None:
    """Write the module at a time that does not change."""
    module = package / "module.py"
    module.write_text(text)
    os.utime(module, (1_000_000_000, 1_000_000_000))


@pytest.mark.parametrize("known", [False, True])
def test_an_edit_of_the_same_size_and_time_is_seen_where_modules_are_known_by_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    package = tmp_path / "counted"
    package.mkdir()
    (package / "__init__.py").touch()
    edit(package, "NUMBER = 1\n")
    assert number(package) == 1
    if known:
        know_by_content([package / "module.py"])
        kept = next(package.glob("__pycache__/module.*"))
        before = kept.stat().st_ino
        know_by_content([package / "module.py"])
        assert kept.stat().st_ino == before, "it is not compiled twice"
    edit(package, "NUMBER = 2\n")
    # Without, Python runs what is no longer there: this is what it is for.
    assert number(package) == (2 if known else 1)
    edit(package, "NUMBER = 3\n")
    assert number(package) == (3 if known else 1)


def test_what_cannot_be_compiled_is_left(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def\n")
    (tmp_path / "good.py").write_text("")
    know_by_content(tmp_path.glob("*.py"))
    assert not list(tmp_path.glob("__pycache__/broken*"))


def test_what_nobody_has_compiled_may_be_left_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    (tmp_path / "module.py").write_text("")
    know_by_content(tmp_path.glob("*.py"), all_of_them=False)
    assert not (tmp_path / "__pycache__").exists()
