"""The files around the book: what is locked, licensed, cited and promised is so."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import jsonschema
import pytest
import yaml

from coprod.paths import PROJECT

LOCKS = ("requirements.lock", "requirements-test.lock", "requirements-uv.lock")


def text(name: str) -> str:
    return (PROJECT / name).read_text(encoding="utf-8")


def tracked() -> list[str]:
    if not (PROJECT / ".git").exists():
        pytest.fail("the tests of the project's files need its git repository")
    run = subprocess.run(
        ["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    return run.stdout.splitlines()


def pins(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==(\S+)", text(lock), re.MULTILINE))


def test_the_citation_file_is_valid() -> None:
    citation = yaml.safe_load(text("CITATION.cff"))
    schema = json.loads(text("tests/citation-schema/schema.json"))
    jsonschema.validate(citation, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(citation | {"licence": "MIT"}, schema)


def test_the_citation_names_the_book_and_the_article() -> None:
    citation = yaml.safe_load(text("CITATION.cff"))
    book = yaml.safe_load(text("_quarto.yml"))["book"]
    subtitle = book["subtitle"][0].lower() + book["subtitle"][1:]
    assert citation["title"] == f"{book['title']}: {subtitle}"
    assert citation["version"] == tomllib.loads(text("pyproject.toml"))["project"]["version"]
    assert citation["references"][0]["doi"] == "10.1177/0020852314566009"


@pytest.mark.parametrize("lock", LOCKS)
def test_everything_locked_has_a_hash_and_no_host(lock: str) -> None:
    entries = re.split(r"\n(?=\S)", text(lock))
    for entry in entries:
        if not entry.startswith("#"):
            assert "--hash=sha256:" in entry, entry.splitlines()[0]
    assert "://" not in text(lock)


def test_the_test_lock_stands_on_top_of_the_first() -> None:
    first, second = pins("requirements.lock"), pins("requirements-test.lock")
    assert first.items() <= second.items()
    assert len(second) > len(first)
    assert pins("constraints.txt") == first


def test_what_the_project_needs_is_locked() -> None:
    project = tomllib.loads(text("pyproject.toml"))
    locked = {name.lower().replace("_", "-") for name in pins("requirements.lock")}
    needed = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    for requirement in needed:
        name = re.match(r"[\w-]+", requirement)
        assert name
        assert name[0].lower().replace("_", "-") in locked


def test_the_locks_serve_other_systems_too() -> None:
    lock = text("requirements.lock")
    assert "sys_platform == 'win32'" in lock
    assert "sys_platform == 'darwin'" in lock


def make(*arguments: str, folder: Path = PROJECT) -> str:
    # As from a shell, though the tests themselves may be run by make.
    outside = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    run = subprocess.run(
        ["make", *arguments], cwd=folder, capture_output=True, text=True, check=True, env=outside
    )
    return run.stdout


def test_make_help_lists_the_commands() -> None:
    said = make("help")
    for command in ("render", "preview", "test", "lint", "notebooks", "bench", "lock", "clean"):
        assert f"make {command} " in said


def test_set_up_is_done_once_and_again_when_a_lock_changes(tmp_path: Path) -> None:
    folder = tmp_path / "a clone é"
    (folder / ".venv").mkdir(parents=True)
    locks = [
        "requirements-uv.lock",
        "pyproject.toml",
        "requirements.lock",
        "requirements-test.lock",
    ]
    stamps = [".venv/uv.stamp", ".venv/render.stamp", ".venv/test.stamp"]
    shutil.copy(PROJECT / "Makefile", folder)
    for age, name in enumerate(reversed(locks + stamps)):
        (folder / name).touch()
        os.utime(folder / name, (1e9 - age, 1e9 - age))
    assert make("-n", "render", folder=folder).count("\n") == 1
    assert "install" not in make("-n", "test", folder=folder)
    (folder / "requirements.lock").touch()
    assert "-r requirements.lock" in make("-n", "render", folder=folder)
    assert "-r requirements-test.lock" not in make("-n", "render", folder=folder)
    assert "-r requirements-test.lock" in make("-n", "test", folder=folder)


def test_no_file_names_a_machine_or_a_host() -> None:
    machine = re.compile(r"(?<![\w.])/(work|farm|root|home|opt|tmp)/\w")
    for name in tracked():
        if Path(name).suffix in (".png", ".lock", ".sav") or not (PROJECT / name).is_file():
            continue
        for number, line in enumerate(text(name).splitlines(), 1):
            assert not machine.search(line), f"{name}:{number}: {line}"


def test_the_readme_fits_on_a_screen_and_its_files_are_there() -> None:
    readme = text("README.md")
    assert len(readme.splitlines()) <= 50
    for target in re.findall(r"\]\(([^)]+)\)", readme):
        if "://" not in target:
            assert (PROJECT / target).exists(), target


def test_each_licence_is_there() -> None:
    assert "MIT License" in text("LICENSE")
    assert "Attribution 4.0 International" in text("LICENSE-TEXT")
    assert "CC0 1.0 Universal" in text("LICENSE-DATA")


def test_the_environment_brings_quarto_and_the_locked_versions() -> None:
    environment = yaml.safe_load(text("environment.yml"))
    assert "conda-forge" in environment["channels"]
    assert "quarto>=1.9" in environment["dependencies"]
    pip = next(entry for entry in environment["dependencies"] if isinstance(entry, dict))["pip"]
    assert "--editable ." in pip
    assert "--constraint constraints.txt" in pip


@pytest.mark.parametrize(("variables", "said"), [({}, "1 skipped"), ({"CI": "true"}, "1 error")])
def test_without_a_browser_its_tests_are_skipped_but_fail_in_ci(
    tmp_path: Path, variables: dict[str, str], said: str
) -> None:
    shutil.copy(PROJECT / "tests" / "conftest.py", tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = browser\n")
    test = "import pytest\n\n@pytest.mark.browser\ndef test_page(chromium): pass\n"
    (tmp_path / "test_page.py").write_text(test)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    environment = {key: value for key, value in os.environ.items() if "PYTEST" not in key}
    environment |= {"PATH": str(tmp_path), "CI": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    environment |= variables
    run = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert said in run.stdout, run.stdout + run.stderr


def test_no_chapter_tells_nbval_to_look_away() -> None:
    for chapter in [PROJECT / "index.qmd", *(PROJECT / "chapters").glob("*.qmd")]:
        assert "NBVAL_" not in chapter.read_text(encoding="utf-8"), chapter.name
