"""The Frictionless description of the data, generated from the codebook."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from coprod.check import LONGEST
from coprod.instrument import Variable, load_instrument
from coprod.paths import (
    CLAIM_ERRORS,
    CLAIMS,
    CODEBOOK,
    DATA,
    DATAPACKAGE,
    DESIGN,
    EXPERIMENTS,
    MAPPING_TEMPLATE,
    MARGINS,
    PANEL,
    POWER,
    PUBLISHED,
    RECOVERY,
    TRUTH,
    VALIDATION,
)

__all__ = ["datapackage", "write_datapackage"]

NOTICE = (
    "Synthetic data: nobody was asked. A computer drew every row of panel.csv from the design in "
    "design.yml; the areas and all numbers are assumptions. The column source says so in each row."
)
OTHERS = {
    CODEBOOK: "The questionnaire: every variable with its question, values and role",
    DESIGN: "Every parameter of the design from which the panel was drawn, with why and source",
    MARGINS: "Shares of gender and of age bands in the areas, to which the weights are raked",
    TRUTH: "True values: what every estimator would give for everybody in the simulated population",
    RECOVERY: "Bias, coverage and size of the estimators over synthetic panels",
    EXPERIMENTS: "Bias, coverage and false findings of the analyses over synthetic experiments",
    POWER: "Power by formula and by simulated experiments, design by design",
    CLAIMS: "The claims of the literature, each with the rule by which a panel is held against it",
    CLAIM_ERRORS: "How often each verdict is right and wrong over panels drawn under four scenarios",
    PUBLISHED: "A place for each number of the article, to be filled in by who holds it; all empty",
    MAPPING_TEMPLATE: "A mapping of a survey onto the questionnaire, to be copied and filled in",
    VALIDATION: "How near the program's numbers are to R's, comparison by comparison",
}
FORMATS = {".yml": ("yaml", "application/yaml"), ".csv": ("csv", "text/csv")}


def datapackage() -> dict[str, Any]:
    """Describe the files of `data/` as a Frictionless Data Package.

    Returns
    -------
    dict
        The descriptor: licence, notice, and for each file its hash and size; for the panel
        the Table Schema that the codebook implies.

    Examples
    --------
    >>> [field["name"] for field in datapackage()["resources"][0]["schema"]["fields"]][:3]
    ['source', 'respondent', 'area']
    """
    instrument = load_instrument()
    panel = {
        **_resource(PANEL, NOTICE),
        "profile": "tabular-data-resource",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "dialect": {"delimiter": ",", "header": True},
        "schema": {
            "fields": [_field(variable) for variable in instrument.variables.values()],
            "missingValues": [""],
            "primaryKey": ["respondent"],
        },
    }
    others = [
        {
            **_resource(file, text),
            "format": FORMATS[file.suffix][0],
            "mediatype": FORMATS[file.suffix][1],
        }
        for file, text in OTHERS.items()
    ]
    return {
        "profile": "data-package",
        "name": "coprod-synthetic-panel",
        "title": "A synthetic panel on individual and collective co-production",
        "description": NOTICE,
        "licenses": [
            {
                "name": "CC0-1.0",
                "title": "Creative Commons Zero 1.0",
                "path": "https://creativecommons.org/publicdomain/zero/1.0/",
            }
        ],
        "keywords": ["synthetic data", "co-production", "citizen panel", "survey experiment"],
        "resources": [panel, *others],
    }


def write_datapackage(path: Path = DATAPACKAGE) -> None:
    """Write the description beside the data."""
    text = json.dumps(datapackage(), ensure_ascii=False, indent=2) + "\n"
    path.write_bytes(text.encode("utf-8"))


def _resource(file: Path, description: str) -> dict[str, Any]:
    content = file.read_bytes()
    return {
        "name": file.stem,
        "path": file.relative_to(DATA).as_posix(),
        "description": description,
        "hash": f"sha256:{hashlib.sha256(content).hexdigest()}",
        "bytes": len(content),
    }


def _field(variable: Variable) -> dict[str, Any]:
    kind = {"text": "string", "category": "string"}.get(variable.kind, variable.kind)
    constraints: dict[str, Any] = {"required": not variable.missing_allowed}
    if variable.kind == "category":
        constraints["enum"] = list(variable.levels)
    if variable.kind == "text":
        constraints |= {"unique": True, "maxLength": LONGEST}
    if variable.minimum is not None:
        constraints["minimum"] = variable.minimum
    if variable.maximum is not None:
        constraints["maximum"] = variable.maximum
    said = [variable.question] if variable.question else []
    if variable.levels:
        said.append("; ".join(f"{value}: {label}" for value, label in variable.levels.items()))
    field = {"name": variable.name, "type": kind, "title": variable.label}
    return field | {"description": " ".join(said), "constraints": constraints}


if __name__ == "__main__":
    write_datapackage()
