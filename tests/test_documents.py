"""What the files for readers and maintainers tell one to run or to open is there."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from typer.main import get_command

from coprod.cli import app
from coprod.paths import PROJECT
from docs.pictures import PICTURES

DOCUMENTS = ("README.md", "REPRODUCING.md", "MAINTAINING.md", "CHANGELOG.md", "data/README.md")
TARGETS = set(re.findall(r"^(\w+):.*## ", (PROJECT / "Makefile").read_text("utf-8"), re.MULTILINE))
COMMANDS = set(getattr(get_command(app), "commands", {}))
SPAN = re.compile(r"`([^`\n]+)`")


def spans(document: str) -> list[str]:
    return SPAN.findall((PROJECT / document).read_text(encoding="utf-8"))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_that_a_document_names_exists(document: str) -> None:
    assert {"render", "package", "recovery"} <= TARGETS
    assert {"render", "package", "reproducing"} <= COMMANDS
    for span in spans(document):
        if found := re.match(r"make (\w+)", span):
            assert found[1] in TARGETS, span
        if found := re.match(r"coprod ([a-z]+)", span):
            assert found[1] in COMMANDS, span
        if found := re.match(r"python -m (coprod[\w.]*)", span):
            assert importlib.util.find_spec(found[1]), span


@pytest.mark.parametrize("document", ["README.md", "MAINTAINING.md", "CHANGELOG.md"])
def test_every_file_that_a_document_names_is_there(document: str) -> None:
    for span in spans(document):
        if re.fullmatch(r"(?!_book|dist)[\w.-]+/[\w./-]*", span):
            assert (PROJECT / span).exists(), span


def test_maintaining_is_one_page() -> None:
    assert len((PROJECT / "MAINTAINING.md").read_text(encoding="utf-8").splitlines()) <= 75


def test_the_readmes_pictures_are_there_described_and_small() -> None:
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    pictures = re.findall(r'<img src="([^"]+)" width="\d+%" alt="([^"]+)">', text)
    assert {PROJECT / source for source, _ in pictures} == set((PROJECT / "docs").glob("*.png"))
    assert {source for source, _ in pictures} == {f"docs/{each.name}" for each in PICTURES}
    for source, words in pictures:
        assert len(words) > 50
        file = PROJECT / source
        assert file.stat().st_size < 250_000
        with Image.open(file) as picture:
            each = next(each for each in PICTURES if each.name == file.name)
            assert picture.size == (each.width * each.scale, each.height * each.scale)


def test_every_command_that_the_readme_shows_is_one() -> None:
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"^(coprod|make) (\S+)", text, re.MULTILINE)
    assert {"render", "--help"} <= {name for _, name in shown}
    for program, name in shown:
        assert name in (TARGETS if program == "make" else COMMANDS | {"--help"}), name


@pytest.mark.browser
def test_one_command_takes_the_pictures(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "docs.pictures",
        "--book",
        str(tmp_path),
        "--out",
        str(tmp_path),
    ]
    refused = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT)
    assert refused.returncode == 2
    assert "run make render" in refused.stderr
    for each in PICTURES:
        page = tmp_path / each.page
        page.parent.mkdir(exist_ok=True)
        page.write_text(
            "<style>body { margin: 0 } @media (prefers-color-scheme: dark) { body { background: #000 } }"
            f"</style><p style='height: 3000px'><div id='{each.shown[1:]}' style='background: #f00;"
            "height: 50px'></div><p style='height: 3000px'>"
        )
    subprocess.run(command, check=True, cwd=PROJECT, stdout=subprocess.DEVNULL)
    for each in PICTURES:
        with Image.open(tmp_path / each.name) as opened:
            picture = opened.convert("RGB")
        assert picture.size == (each.width * each.scale, each.height * each.scale)
        around = (0, 0, 0) if each.scheme == "dark" else (255, 255, 255)
        middle = each.scale * (each.above + 25)
        assert picture.getpixel((5, 5)) == around
        assert picture.getpixel((5, middle)) == (255, 0, 0)
        assert picture.getpixel((5, middle + 50 * each.scale)) == around
