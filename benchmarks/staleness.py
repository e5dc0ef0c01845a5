"""Whether a build ever shows what is no longer so: ``python -m benchmarks.staleness``.

A small book is edited at random: prose, cells, options, includes, bibliography, style sheet, settings, data,
and the package that makes it, with its filters and templates. After each edit it is built with all that is
kept of earlier builds, and from nothing, with another copy of the package, in another folder. Both must give
the same bytes, or refuse with the same words. Some edits come with a clock that was set back or forth.
With ``--whole`` it is this book itself that is edited, with the statistics of its package; that takes an hour.
"""

from __future__ import annotations

import argparse
import collections
import os
import random
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.campaign import PROJECT, Place, Result, differing, place, table
from benchmarks.edits import (
    BREAKING,
    BREAKING_WHOLE,
    CONFIG,
    EDITING,
    EDITING_WHOLE,
    OWN,
    PACKAGE,
    Edit,
)

EDITS = 60
BOOK = PROJECT / "tests" / "conformance" / "book"

# A chapter that takes its numbers from the package, from data of the package and from a file beside it.
CHAPTER = """\
# From the package {#sec-package}

This chapter is edited 100 times.

```{python}
#| label: tbl-panel
#| tbl-cap: "What the package says, 100 times"
#| echo: false
from pathlib import Path
import csv
import coprod.paths
import pyarrow.csv
from coprod.edited import NUMBER
from helper import ADDED
from IPython.display import Markdown

rows = list(csv.DictReader(coprod.paths.PANEL.open()))
ages = sum(float(row["age"]) for row in rows if row["age"])
beside = Path("beside.txt").read_text().strip()
files = len(list(Path(".").glob("*.txt")))
away = Path("link.txt").read_text() + Path(".hidden").read_text()
column = pyarrow.csv.read_csv("column.csv")["x"][0]
Markdown(
    "| number | ages | beside | files | here | helper | away | column |\\n|--:|--:|--:|--:|--:|--:|--:|--:|\\n"
    f"| {NUMBER} | {ages:.0f} | {beside} | {files} | {100} | {ADDED} | {away} | {column} |\\n"
)
```

See @tbl-panel, and the set-up of `{python} coprod.paths.PANEL.name`.

```{python}
#| label: told
from coprod.render.told import told
print(sorted(told("provenance")["inputs"]))
```
"""


# The defect that must be found: what every chapter rests on is taken to be always the same.
CRIPPLED = '\n\ndef file_hash(path):\n    return ""\n'


@dataclass
class Tally:
    """What came of the edits of a kind."""

    edits: int = 0
    refused: int = 0
    faults: list[str] = field(default_factory=list)
    seconds: float = 0
    clean_seconds: float = 0


class Campaign:
    """A book, the package that makes it, and a second copy of both for clean builds."""

    def __init__(
        self,
        kept: Place,
        clean: Place,
        seed: int,
        editing: Sequence[Edit] = EDITING,
        breaking: Sequence[Edit] = BREAKING,
    ) -> None:
        self.kept, self.clean = kept, clean
        self.random = random.Random(seed)
        self.editing, self.breaking = editing, breaking
        self.tallies: dict[str, Tally] = collections.defaultdict(Tally)
        self.undo: tuple[str, str] | None = None

    def run(self, edits: int, tell: Callable[[str], None] = lambda said: None) -> None:
        """So many edits, one after another."""
        faults = self.compare("all", Tally())
        if faults:
            raise SystemExit(f"the book differs before anything is edited: {faults}")
        for done in range(edits):
            edit, to = self.edit()
            tally = self.tallies[edit.kind]
            found = self.compare(to, tally)
            tally.edits += 1
            told = [f"edit {done + 1}, {edit.kind} in {edit.file}: {each}" for each in found]
            tally.faults += told
            for each in told:
                tell(f"FAULT {each}")
            if (done + 1) % 5 == 0:
                tell(f"{done + 1} edits, {len(self.faults())} faults")

    def edit(self) -> tuple[Edit, str]:
        """Edit something, and say what, and what is to be made then."""
        if self.undo:
            self.write(*self.undo)
        broken = bool(self.breaking) and self.random.random() < 0.15
        edit = self.random.choice(self.breaking if broken else self.editing)
        path = self.path(edit.file, self.kept)
        if path.suffix == ".png":  # the only one that is no text
            content = path.read_bytes()
            self.undo = None
            for each in (self.kept, self.clean):
                self.path(edit.file, each).write_bytes(content + b"\0")
        else:
            text = path.read_text(encoding="utf-8")
            self.undo = (edit.file, text) if broken else None
            before = path.stat().st_mtime
            self.write(edit.file, edit.change(text, self.random))
            clock = self.random.random()
            if clock < 0.5:  # set back, or a copy that keeps times; and set forth
                when = before if clock < 0.4 else time.time() + 86_400
                os.utime(path, (when, when))
        return edit, self.random.choice(("html", "html", "pdf", "all"))

    def write(self, file: str, text: str) -> None:
        """Write a file of both copies; what Python has kept of the clean one goes."""
        for each in (self.kept, self.clean):
            path = self.path(file, each)
            path.write_text(text, encoding="utf-8", newline="\n")
            if each is self.clean:
                shutil.rmtree(path.parent / "__pycache__", ignore_errors=True)

    def path(self, file: str, place: Place) -> Path:
        """A file of a copy of the book or of the package."""
        inside = file.removeprefix(PACKAGE)
        return (place.project if inside == file else place.package) / inside

    def compare(self, to: str, tally: Tally) -> list[str]:
        """Build both, and say what differs."""
        shutil.rmtree(self.clean.project / "_book", ignore_errors=True)
        before = self.kept.book()
        started = time.monotonic()
        kept = self.kept.build("--to", to)
        between = time.monotonic()
        clean = self.clean.build("--to", to, "--no-cache")
        tally.seconds += between - started
        tally.clean_seconds += time.monotonic() - between
        if self.said(kept, self.kept) != self.said(clean, self.clean):
            return [f"kept: {kept.status} {kept.said}; clean: {clean.status} {clean.said}"]
        faults = kept.faults()
        if kept.status:
            tally.refused += 1
            if self.kept.book() != before:
                faults.append("a book that was refused has changed the old one")
            return faults
        names = differing(self.kept.book(), self.clean.book())
        return [*faults, f"differing: {', '.join(names)}"] if names else faults

    def said(self, result: Result, place: Place) -> tuple[int, str]:
        """What a build has come to, wherever it was made."""
        return result.status, result.said.replace(str(place.folder), "")

    def report(self) -> str:
        """All edits, by kind."""
        return table(
            ["edited", "edits", "refused", "faults", "build, s", "clean build, s"],
            [
                (
                    kind,
                    each.edits,
                    each.refused,
                    len(each.faults),
                    f"{each.seconds / each.edits:.1f}",
                    f"{each.clean_seconds / each.edits:.1f}",
                )
                for kind, each in sorted(self.tallies.items())
            ],
        )

    def faults(self) -> list[str]:
        """Everything that was wrong."""
        return [fault for tally in self.tallies.values() for fault in tally.faults]


def copy_package(place: Place, cripple: bool, *left_out: str) -> None:
    """A copy of the project, with one module that is there to be edited, makes the books of a place."""
    left = shutil.ignore_patterns(".*", "_book", "dist", "__pycache__", *left_out)
    shutil.copytree(PROJECT, place.package, ignore=left)
    (place.package / "coprod" / "edited.py").write_text("NUMBER = 100\n", encoding="utf-8")
    if cripple:
        with (place.package / "coprod" / "render" / "keys.py").open("a", encoding="utf-8") as file:
            file.write(CRIPPLED)


def prepare(place: Place, whole: bool, cripple: bool) -> None:
    """Put the book that is edited into a place, and the package that makes it."""
    if whole:
        place.package = place.project
        copy_package(place, cripple)
        return
    place.package = place.folder / "package"
    copy_package(place, cripple, "tests", "docs", "examples")
    write_book(place.project)


def write_book(project: Path) -> None:
    """The conformance book with less in it, and with a chapter that uses the package."""
    shutil.copytree(BOOK, project, ignore=shutil.ignore_patterns(".cache", "_book"))
    config = (project / CONFIG).read_text(encoding="utf-8")
    config = config.replace("chapters/three.qmd", OWN)
    config = config.replace("  html:\n", "  html:\n    css: style.css\n", 1)
    (project / CONFIG).write_text(config, encoding="utf-8")
    (project / "chapters" / "three.qmd").unlink()
    (project / OWN).write_text(CHAPTER, encoding="utf-8")
    beside = {
        "beside.txt": "1",
        "helper.py": "ADDED = 100",
        ".hidden": "100",
        "column.csv": "x\n100\n",
    }
    for name, text in beside.items():
        (project / "chapters" / name).write_text(text, encoding="utf-8")
    (project.parent / "away.txt").write_text("100", encoding="utf-8")
    (project / "chapters" / "link.txt").symlink_to(project.parent / "away.txt")
    (project / "style.css").write_text("p { margin: 100px; }\n", encoding="utf-8")


def main() -> None:
    """Run all of it; the status is 1 where anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=20161)
    parser.add_argument("--edits", type=int, default=EDITS)
    parser.add_argument(
        "--cripple", action="store_true", help="break the key: faults must be found"
    )
    parser.add_argument("--whole", action="store_true", help="edit this book, not a small one")
    given = parser.parse_args()
    edits = (EDITING_WHOLE, BREAKING_WHOLE) if given.whole else (EDITING, BREAKING)
    status = 0
    with place() as (kept, _), place() as (clean, _):
        for each in (kept, clean):
            prepare(each, given.whole, given.cripple and each is kept)
        campaign = Campaign(kept, clean, given.seed, *edits)
        try:
            campaign.run(given.edits, lambda said: print(said, flush=True))
        except KeyboardInterrupt:
            print("Stopped before the end")
            status = 1
    print(campaign.report())
    for fault in campaign.faults():
        print(fault)
    sys.exit(1 if campaign.faults() else status)


if __name__ == "__main__":
    main()
