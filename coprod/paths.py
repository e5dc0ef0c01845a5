"""Where everything stands: the only module that names a file of the project."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

__all__ = [
    "CACHE",
    "CHAPTERS",
    "CLAIMS",
    "CLAIM_ERRORS",
    "CODEBOOK",
    "DATA",
    "DATAPACKAGE",
    "DESIGN",
    "ERRATA",
    "EXAMPLE",
    "EXAMPLE_FIRST_TRY",
    "EXAMPLE_MAPPING",
    "EXPERIMENTS",
    "MAPPING_TEMPLATE",
    "MARGINS",
    "PANEL",
    "POWER",
    "PROJECT",
    "PUBLISHED",
    "RECOVERY",
    "REFERENCE",
    "REFERENCES",
    "TRUTH",
    "VALIDATION",
    "package_folder",
]

PROJECT = Path(__file__).resolve().parent.parent
DATA = PROJECT / "data"

CODEBOOK = DATA / "codebook.yml"
DESIGN = DATA / "design.yml"
MARGINS = DATA / "margins.yml"
MAPPING_TEMPLATE = DATA / "mapping-template.yml"
PANEL = DATA / "panel.csv"
TRUTH = DATA / "truth.csv"
RECOVERY = DATA / "recovery.csv"
EXPERIMENTS = DATA / "experiments.csv"
POWER = DATA / "power.csv"
VALIDATION = DATA / "validation.csv"
CLAIMS = DATA / "claims.yml"
CLAIM_ERRORS = DATA / "claim_errors.csv"
PUBLISHED = DATA / "published.yml"
DATAPACKAGE = DATA / "datapackage.json"
ERRATA = PROJECT / "errata.yml"
EXAMPLE = PROJECT / "examples" / "anyborough.sav"
EXAMPLE_MAPPING = PROJECT / "examples" / "anyborough.yml"
EXAMPLE_FIRST_TRY = PROJECT / "examples" / "anyborough-first-try.yml"
CACHE = PROJECT / ".cache"
CHAPTERS = PROJECT / "chapters"
REFERENCES = PROJECT / "references.bib"
REFERENCE = PROJECT / "tests" / "reference"


@cache
def package_folder(name: str) -> Path:
    """Where a package stands that is needed for a file in it, since to import it may take long.

    Examples
    --------
    >>> (package_folder("matplotlib") / "mpl-data").is_dir()
    True
    """
    found = find_spec(name)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    return Path(found.origin).parent
