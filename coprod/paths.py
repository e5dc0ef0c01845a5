"""Where everything stands: the only module that names a file of the project."""

from __future__ import annotations

from pathlib import Path

__all__ = [
    "CACHE",
    "CODEBOOK",
    "DATA",
    "DATAPACKAGE",
    "DESIGN",
    "EXPERIMENTS",
    "MARGINS",
    "PANEL",
    "POWER",
    "PROJECT",
    "RECOVERY",
    "REFERENCE",
    "TRUTH",
    "VALIDATION",
]

PROJECT = Path(__file__).resolve().parent.parent
DATA = PROJECT / "data"

CODEBOOK = DATA / "codebook.yml"
DESIGN = DATA / "design.yml"
MARGINS = DATA / "margins.yml"
PANEL = DATA / "panel.csv"
TRUTH = DATA / "truth.csv"
RECOVERY = DATA / "recovery.csv"
EXPERIMENTS = DATA / "experiments.csv"
POWER = DATA / "power.csv"
VALIDATION = DATA / "validation.csv"
DATAPACKAGE = DATA / "datapackage.json"
CACHE = PROJECT / ".cache"
REFERENCE = PROJECT / "tests" / "reference"
