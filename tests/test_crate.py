"""The RO-Crate: current, readable by the rocrate package, and true about the files."""

from __future__ import annotations

import datetime
import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml
from rocrate.rocrate import ROCrate

from coprod.crate import CRATE, PRODUCTS, crate, crate_text
from coprod.paths import DATA, PROJECT
from coprod.render.project import open_book


def text(name: str) -> str:
    return (PROJECT / name).read_text(encoding="utf-8")


def with_book(folder: Path) -> tuple[Path, Path]:
    """A copy of the project's files with a small stand-in for its book, described as a package is."""
    tracked = ["git", "-C", str(PROJECT), "ls-files", "-z", "--cached", "--others"]
    run = subprocess.run([*tracked, "--exclude-standard"], capture_output=True, check=True)
    for name in filter(None, run.stdout.decode("utf-8").split("\0")):
        if (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(PROJECT / name, folder / name)
    built = folder / "_book"
    for name in ("index.html", "coprod.pdf", "downloads/tbl-a.csv", "fig b.svg", "assets/book.js"):
        (built / name).parent.mkdir(parents=True, exist_ok=True)
        (built / name).write_text("x", encoding="utf-8")
    (folder / CRATE).write_text(crate_text(folder, built, "2026-01-31"), encoding="utf-8")
    return folder, built


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_book(tmp_path_factory.mktemp("crate") / "project")[0]


def entities(description: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = {entity["@id"]: entity for entity in description["@graph"]}
    assert len(found) == len(description["@graph"])
    return found


def ids(value: Any) -> set[str]:
    return {each["@id"] for each in ([value] if isinstance(value, dict) else value)}


def test_the_one_at_the_top_is_what_the_generator_gives_now() -> None:
    assert text(CRATE) == crate_text(), "run 'python -m coprod.crate'"


def test_rocrate_reads_the_source(tmp_path: Path) -> None:
    read = ROCrate(PROJECT)
    assert read.name == yaml.safe_load(text("CITATION.cff"))["title"]
    data = {entity.id for entity in read.data_entities}
    assert {"data/panel.csv", "chapters/", "chapters/levels.qmd", "coprod/", "LICENSE"} <= data
    for entity in read.data_entities:
        assert (PROJECT / unquote(entity.id)).exists(), entity.id
    # What rocrate writes again names the same things.
    read.metadata.write(tmp_path)
    written = json.loads((tmp_path / CRATE).read_text(encoding="utf-8"))
    assert set(entities(written)) == set(entities(crate()))


def test_rocrate_reads_the_package_with_its_book(packaged: Path) -> None:
    read = ROCrate(packaged)
    assert read.datePublished == datetime.datetime(2026, 1, 31)
    data = {entity.id for entity in read.data_entities}
    assert {"_book/index.html", "_book/coprod.pdf", "_book/downloads/tbl-a.csv"} <= data
    assert "_book/fig%20b.svg" in data
    assert "_book/assets/book.js" not in data
    assert {entity.id for entity in read.get("_book/")["hasPart"]} == {
        name for name in data if name.startswith("_book/") and name != "_book/"
    }


@pytest.mark.parametrize("described", ["source", "package"])
def test_it_keeps_to_the_specification(described: str, packaged: Path) -> None:
    """Its sections on the root data entity, on data entities and on contextual entities."""
    content = crate() if described == "source" else json.loads((packaged / CRATE).read_text())
    assert content["@context"] == "https://w3id.org/ro/crate/1.1/context"
    found = entities(content)
    assert found[CRATE]["about"] == {"@id": "./"}
    assert found[CRATE]["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.1"}
    root = found["./"]
    assert {"name", "description", "datePublished", "license"} <= set(root)
    assert re.fullmatch(r"\d{4}(-\d\d-\d\d)?", root["datePublished"])
    linked = {"./", CRATE}
    for entity in found.values():
        assert entity["@type"]
        for value in entity.values():
            if isinstance(value, dict) or (isinstance(value, list) and isinstance(value[0], dict)):
                linked |= ids(value)
    assert linked - set(found) == {"https://w3id.org/ro/crate/1.1"}, "a link leads nowhere"
    assert set(found) <= linked, "an entity that nothing links to"
    for name, entity in found.items():
        if entity["@type"] == "Dataset":
            assert name.endswith("/"), name
        if "File" in entity["@type"]:
            assert entity["encodingFormat"], name
            assert not re.search(r"[\s\\]|^/|\.\.", name), name


def test_it_says_who_and_under_which_licence_and_cites_the_article() -> None:
    found, cited = entities(crate()), yaml.safe_load(text("CITATION.cff"))
    root = found["./"]
    licences = {name.rpartition("/")[2] for name in ids(root["license"])}
    assert licences == set(cited["license"]) == {"MIT", "CC-BY-4.0", "CC0-1.0"}
    assert [found[name]["name"] for name in ids(root["author"])] == ["The coprod authors"]
    assert ids(root["citation"]) == {"https://doi.org/10.1177/0020852314566009"}
    assert ids(found["data/panel.csv"]["license"]) == {"https://spdx.org/licenses/CC0-1.0"}
    assert ids(found["chapters/levels.qmd"]["license"]) == {"https://spdx.org/licenses/CC-BY-4.0"}
    assert ids(found["coprod/"]["license"]) == {"https://spdx.org/licenses/MIT"}


def test_it_lists_all_data_and_all_chapters() -> None:
    found = set(entities(crate()))
    package = json.loads(text("data/datapackage.json"))
    assert {f"data/{each['path']}" for each in package["resources"]} <= found
    assert {f"data/{name}" for name in ("README.md", "datapackage.json")} <= found
    assert {entry.source for entry in open_book(PROJECT).entries} <= found
    assert DATA.name == "data"


def test_every_kind_of_file_that_a_reader_takes_from_a_book_is_known() -> None:
    assert {".html", ".pdf", ".svg", ".png", ".csv", ".bib"} <= set(PRODUCTS)


def test_version_and_date_are_the_same_everywhere() -> None:
    cited = yaml.safe_load(text("CITATION.cff"))
    version = tomllib.loads(text("pyproject.toml"))["project"]["version"]
    newest = re.search(r"^## \[(.+?)\] - (.+)$", text("CHANGELOG.md"), re.MULTILINE)
    assert newest
    assert newest[1] == cited["version"] == version == entities(crate())["./"]["version"]
    released = cited.get("date-released")
    assert newest[2] == (str(released) if released else "unreleased")
    if released:
        assert entities(crate())["./"]["datePublished"] == str(released)
