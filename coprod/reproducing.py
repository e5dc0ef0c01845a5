"""Writes REPRODUCING.md: what a rebuild needs, and which cell makes which figure and table."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import yaml

from coprod.errors import BookError, Fault
from coprod.paths import DESIGN, PROJECT
from coprod.render.chapter import Chapter, read_chapters
from coprod.render.project import open_book

__all__ = ["reproducing"]

TEXT = """\
# Reproducing the book

This file is written by `coprod reproducing` from the chapters, the built book, `data/design.yml` and
`benchmarks/results.json`. Do not edit it.

## In one command

    make render

does all of its own set-up: a virtual environment in `.venv/` with every dependency at the version and
with the hash that `requirements.lock` has, then the website and the PDF in `_book/`. It needs Python
3.11 or newer, make, and a Python package index; nothing else. `make test` installs what the tests need
from `requirements-test.lock` and runs every check.

## Environment

- Python 3.11. The versions of all packages stand in `requirements.lock`; those of a finished book in
  its colophon.
- Pandoc and Typst come as Python wheels. Quarto 1.9 or newer is used instead where it is on the PATH;
  `environment.yml` brings it from conda-forge.
- Linux, macOS or Windows. The same commit gives the same bytes on one machine, and the same displayed
  numbers on any.

## Hardware and run time

Measured on {date} by `make bench` on {machine}:

{runtime}

Set-up, most of it downloading, comes on top, once.

## Data and seed

The panel, `data/panel.csv`, is synthetic. `coprod synthesise` draws it from `data/design.yml` with the
seed {seed}; a test draws it again and compares the bytes. `data/README.md` says what each file is.

## Figures and tables, and the cells that make them

| | what it shows | file | cell |
|:--|:--|:--|:--|
{programs}
"""


def reproducing(built: Path, project: Path = PROJECT) -> str:
    """The text of REPRODUCING.md.

    Parameters
    ----------
    built
        A finished book of this project, from which the numbers of figures and tables are read.
    project
        The project's folder.

    Raises
    ------
    BookError
        When the folder holds no book of the project.
    """
    measured = json.loads((project / "benchmarks" / "results.json").read_text(encoding="utf-8"))
    runtime = "\n".join(
        f"- {case['case']}: {case['wall_seconds']:.0f} s, at most {case['peak_megabytes']:.0f} MB of memory"
        for case in measured["cases"]
    )
    rows = [
        row for chapter in read_chapters(open_book(project)) for row in _programs(chapter, built)
    ]
    return TEXT.format(
        date=measured["date"],
        machine=measured["machine"],
        runtime=runtime,
        seed=yaml.safe_load(DESIGN.read_text(encoding="utf-8"))["seed"]["value"],
        programs="\n".join(rows),
    )


def _programs(chapter: Chapter, built: Path) -> list[str]:
    """A row for each figure and table that a chapter's cells make, in the order of the page."""
    page = built / chapter.entry.path
    if not page.is_file():
        raise BookError(
            "REPRODUCING.md cannot be written",
            [Fault(str(page), "the book has no such page", "run coprod render")],
        )
    captions = dict(
        re.findall(
            r'<figcaption id="((?:fig|tbl)-[\w-]+)-caption">(.*?)</figcaption>',
            page.read_text(encoding="utf-8"),
            re.DOTALL,
        )
    )
    rows = []
    for cell in chapter.cells:
        if cell.float and cell.label in captions:
            number, _, words = (
                html.unescape(re.sub(r"<[^>]+>", "", captions[cell.label]))
                .replace("\xa0", " ")
                .partition(": ")
            )
            rows.append(
                f"| {number} | {' '.join(words.split())} | `{cell.start.file}` | `{cell.label}` |"
            )
    return rows
