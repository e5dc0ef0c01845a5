"""What a build was made from and with: commit, date, engine and versions.

Nothing in it differs from one build of the same commit on the same machine to the next.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from coprod.errors import BookError, Fault
from coprod.render.keys import file_hash
from coprod.render.place import RECORD
from coprod.render.told import told

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RECORD", "Provenance", "checksums", "gather", "refuse_changed", "table", "write_record"]

# What computes, draws, runs the chapters and sets the pages. All others stand in the lock file.
PACKAGES = (
    *("numpy", "scipy", "pandas", "pyarrow", "statsmodels", "pingouin", "joblib"),
    *("matplotlib", "seaborn", "great-tables"),
    *("ipykernel", "nbclient", "pagefind"),
)
# Another panel than the project's own.
PANEL_VARIABLE = "COPROD_PANEL"
MAP_VARIABLE = "COPROD_MAP"
INPUTS = {
    "Panel": "data/panel.csv",
    "Codebook": "data/codebook.yml",
    "Design of the panel": "data/design.yml",
    "Margins": "data/margins.yml",
    "Lock file": "requirements.lock",
}
BENCHMARK = "benchmarks/results.json"


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
        Python and the packages that compute, draw, run and set.
    inputs
        SHA-256 of each file that the results rest on, by what it is and its name.
    measured
        How long a build takes and on what machine, as the project's benchmark found it; may be empty.
    """

    engine: str
    commit: str
    clean: bool | None
    epoch: int | None
    versions: dict[str, str]
    inputs: dict[str, str] = field(default_factory=dict)
    measured: str = ""

    @property
    def made_with(self) -> str:
        """The engine, and whether the files are other than the commit's, for the foot of each page.

        The chapters are not told of the second, so that an edit of prose runs none of them.
        """
        return self.engine + (", from files changed since the commit" * (self.clean is False))

    @property
    def day(self) -> datetime.date | None:
        """The day of the build's date."""
        if self.epoch is None:
            return None
        return datetime.datetime.fromtimestamp(self.epoch, datetime.UTC).date()

    @property
    def date(self) -> str | None:
        """The day of the build's date, as 31 January 2026."""
        return spoken_date(self.day) if self.day else None


def spoken_date(day: datetime.date) -> str:
    """A date as it is written in British English."""
    return f"{day.day} {day:%B} {day.year}"


def gather(folder: Path, engine: str, out: Path | None = None) -> Provenance:
    """Find out what a build of a project is made from.

    Parameters
    ----------
    folder
        The project's folder.
    engine
        The engine's name with versions.
    out
        Where the book goes. What builds leave is no change of the project's files.

    Raises
    ------
    BookError
        When ``SOURCE_DATE_EPOCH`` is no time that has a date.
    """
    made = _git(folder, "log", "-1", "--format=%H %ct")
    commit, _, committed = (made or "").partition(" ")
    left = [".cache"]
    if out and out.is_relative_to(folder):
        name = out.relative_to(folder)
        left += [name.as_posix(), name.with_name(f".{name.name}.*").as_posix()]
    excluded = [f":(exclude,glob){pattern}{below}" for pattern in left for below in ("", "/**")]
    # Without a lock, which would stop a commit that somebody makes at the same time.
    asked = ("--no-optional-locks", "status", "--porcelain", "--", ".", *excluded)
    status = _git(folder, *asked) if commit else None
    versions = {"Python": platform.python_version()} | {name: version(name) for name in PACKAGES}
    return Provenance(
        engine=engine,
        commit=commit or "unknown",
        clean=None if status is None else not status,
        epoch=_epoch(committed),
        versions=versions,
        inputs=checksums(folder),
        measured=_measured(folder),
    )


def _epoch(committed: str) -> int | None:
    """Seconds since 1970: what is asked for, or when the commit was made, or none."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    try:
        seconds = int(given or committed)
        datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    except (ValueError, OverflowError, OSError):
        if not given:
            return None
        said = f"'{given}' is no time: it takes seconds since 1970"
        raise BookError(
            "the book cannot be dated",
            [Fault("SOURCE_DATE_EPOCH", said, "leave it out, or mend it")],
        ) from None
    return seconds


def checksums(folder: Path) -> dict[str, str]:
    """SHA-256 of each file that the results rest on, by what it is and its name."""
    files = {what: folder / name for what, name in INPUTS.items()}
    names = dict(INPUTS)
    if given := os.environ.get(PANEL_VARIABLE):
        files["Panel"] = Path(given)
        if mapping := os.environ.get(MAP_VARIABLE):
            from coprod.mapping import rests_on

            files |= rests_on(Path(mapping))
        names = (
            {what: file.name for what, file in files.items()} | names | {"Panel": Path(given).name}
        )
    return {
        f"{what}, {names[what]}": file_hash(file) for what, file in files.items() if file.is_file()
    }


def _measured(folder: Path) -> str:
    """The first case of the committed benchmark in a sentence: a time that no build changes."""
    file = folder / BENCHMARK
    if not file.is_file():
        return ""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        case = found["cases"][0]
        date = spoken_date(datetime.date.fromisoformat(found["date"]))
        seconds = f"{case['wall_seconds']:.0f} s ({case['case']})"
        return f"{seconds} on {found['machine']}, measured on {date}"
    except (OSError, ValueError, LookupError, TypeError):
        return ""  # half written, or of something else


def refuse_changed(provenance: Provenance, folder: Path) -> None:
    """Refuse a book whose panel, or what else it rests on, was replaced while it was made.

    Some chapters would tell of the old and some of the new, and the difference is what has changed: a
    single person, perhaps.

    Raises
    ------
    BookError
        With what was replaced.
    """
    now = checksums(folder)
    changed = sorted(
        name
        for name in now.keys() | provenance.inputs.keys()
        if now.get(name) != provenance.inputs.get(name)
    )
    if changed:
        raise BookError(
            f"{'; '.join(changed)}: changed while the book was made; make it again when nobody "
            "writes to it"
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
    given = os.environ.get(PANEL_VARIABLE)
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
        Columns ``of`` (a heading), ``what`` and ``value``. Where no build is running, as when a
        notebook is run by hand, one row says so.
    """
    import pandas as pd

    given = told("provenance")
    if given is None:
        rows = [("Made from", "Build", "none: this was run outside a build")]
        return pd.DataFrame(rows, columns=["of", "what", "value"])
    build = Provenance(**given)
    parts = {
        "Made from": {"Commit": build.commit, "Date": build.date or "unknown"},
        "Checksums (SHA-256) of what it rests on": build.inputs,
        "Made with": {"Engine": build.engine} | build.versions,
        "Time it takes": {"Benchmark": build.measured} if build.measured else {},
    }
    rows = [(part, *pair) for part, pairs in parts.items() for pair in pairs.items()]
    return pd.DataFrame(rows, columns=["of", "what", "value"])
