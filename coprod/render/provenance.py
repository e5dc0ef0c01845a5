"""What a build was made from and with: commit, date, engine and versions.

Nothing in it differs from one build of the same commit on the same machine to the next.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import pandas as pd

__all__ = ["BUILD_VARIABLE", "RECORD", "Provenance", "gather", "table", "write_record"]

# The build hands this to the kernels, so that a chapter can show it.
BUILD_VARIABLE = "COPROD_BUILD"
# A finished book holds this file, so that one can tell what state of the project it shows.
RECORD = "build.json"

PACKAGES = (
    "pandas",
    "numpy",
    "scipy",
    "statsmodels",
    "pingouin",
    "matplotlib",
    "seaborn",
    "great-tables",
)


@dataclass(frozen=True)
class Provenance:
    """What a build was made from and with.

    Attributes
    ----------
    engine
        The engine with its version and those of its parts, for a reader.
    commit
        The commit, or "unknown" outside a git repository.
    clean
        Whether every file was as committed; none outside a git repository.
    epoch
        Seconds since 1970: ``SOURCE_DATE_EPOCH``, or the commit's time, or none.
    versions
        Python and the packages that compute and draw.
    """

    engine: str
    commit: str
    clean: bool | None
    epoch: int | None
    versions: dict[str, str]

    @property
    def date(self) -> str | None:
        """The day of the build's date, as 31 January 2026."""
        if self.epoch is None:
            return None
        return spoken_date(datetime.datetime.fromtimestamp(self.epoch, datetime.UTC).date())

    def as_json(self) -> str:
        """All of it as JSON, for the kernels."""
        return json.dumps(asdict(self))


def spoken_date(day: datetime.date) -> str:
    """A date as it is written in British English."""
    return f"{day.day} {day:%B} {day.year}"


def gather(folder: Path, engine: str) -> Provenance:
    """Find out what a build of a project is made from.

    Parameters
    ----------
    folder
        The project's folder.
    engine
        The engine's name with versions.
    """
    commit = _git(folder, "rev-parse", "HEAD")
    status = _git(folder, "status", "--porcelain") if commit else None
    given = os.environ.get("SOURCE_DATE_EPOCH") or (
        _git(folder, "log", "-1", "--format=%ct") if commit else None
    )
    versions = {"Python": platform.python_version()} | {name: version(name) for name in PACKAGES}
    return Provenance(
        engine=engine,
        commit=commit or "unknown",
        clean=None if status is None else not status,
        epoch=int(given) if given and given.isdigit() else None,
        versions=versions,
    )


def write_record(provenance: Provenance, folder: Path) -> None:
    """Leave in a finished book what it was made from and with.

    Parameters
    ----------
    provenance
        What was found out.
    folder
        The book's folder.
    """
    given = os.environ.get("COPROD_PANEL")
    record = asdict(provenance) | {"panel": Path(given).name if given else None}
    text = json.dumps(record, ensure_ascii=False, indent=2) + "\n"
    (folder / RECORD).write_bytes(text.encode("utf-8"))


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        run = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return run.stdout.strip()


def table() -> pd.DataFrame:
    """What the running build was made from, for the colophon.

    Returns
    -------
    DataFrame
        Columns ``what`` and ``value``. Where no build is running, as when a notebook is run by hand,
        one row says so.
    """
    given = os.environ.get(BUILD_VARIABLE)
    if not given:
        return pd.DataFrame({"what": ["Build"], "value": ["none: this was run outside a build"]})
    build = Provenance(**json.loads(given))
    tree = {
        True: "as committed",
        False: "changed since the commit",
        None: "not under version control",
    }[build.clean]
    rows = {
        "Engine": build.engine,
        "Commit": build.commit,
        "Files": tree,
        "Date": build.date or "unknown",
    }
    rows |= build.versions
    return pd.DataFrame({"what": list(rows), "value": list(rows.values())})
