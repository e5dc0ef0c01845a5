"""The Frictionless description: valid, current, and as strict as the codebook."""

from __future__ import annotations

import json
from pathlib import Path

import frictionless
import pytest

from coprod import load_instrument
from coprod.datapackage import datapackage, write_datapackage
from coprod.paths import DATA, DATAPACKAGE, PANEL


def test_it_is_what_the_generator_gives_now(tmp_path: Path) -> None:
    write_datapackage(tmp_path / "datapackage.json")
    assert (tmp_path / "datapackage.json").read_bytes() == DATAPACKAGE.read_bytes()


def test_it_validates_and_the_panel_with_it() -> None:
    report = frictionless.validate(str(DATAPACKAGE))
    assert report.valid, report.flatten(["type", "message"])[:5]


def test_it_says_licence_and_that_the_data_are_synthetic() -> None:
    package = json.loads(DATAPACKAGE.read_text(encoding="utf-8"))
    assert [licence["name"] for licence in package["licenses"]] == ["CC0-1.0"]
    assert package["description"].startswith("Synthetic data: nobody was asked.")
    assert package["resources"][0]["description"] == package["description"]
    assert {DATA / resource["path"] for resource in package["resources"]} == {
        file for file in DATA.iterdir() if file.suffix in (".csv", ".yml")
    }


def test_its_fields_are_the_columns() -> None:
    fields = [field["name"] for field in datapackage()["resources"][0]["schema"]["fields"]]
    header = PANEL.read_text(encoding="utf-8").split("\n", 1)[0]
    assert fields == header.split(",") == list(load_instrument().variables)


@pytest.mark.parametrize(
    ("column", "value"), [("gender", "other"), ("age", "17"), ("safety_ind_1", "3"), ("weight", "")]
)
def test_a_wrong_cell_does_not_validate(tmp_path: Path, column: str, value: str) -> None:
    header, row, *rest = PANEL.read_text(encoding="utf-8").splitlines()[:20]
    cells = row.split(",")
    cells[header.split(",").index(column)] = value
    (tmp_path / "panel.csv").write_text("\n".join([header, ",".join(cells), *rest]) + "\n")
    schema = frictionless.Schema.from_descriptor(datapackage()["resources"][0]["schema"])
    resource = frictionless.Resource(path="panel.csv", basepath=str(tmp_path), schema=schema)
    report = resource.validate()
    assert not report.valid
    assert column in {error[0] for error in report.flatten(["fieldName"])}
