"""Options that several commands have, and what they bring about."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from coprod.errors import PanelError

__all__ = [
    "MapFile",
    "MinCell",
    "PanelFile",
    "ProjectFolder",
    "Quiet",
    "SurveyFile",
    "near",
    "use_min_cell",
    "use_panel",
]

ProjectFolder = Annotated[
    Path,
    typer.Option(
        "--project",
        metavar="FOLDER",
        help="The folder that holds _quarto.yml; by default this one.",
        show_default=False,
    ),
]
PanelFile = Annotated[
    Path | None,
    typer.Option(
        "--panel",
        metavar="FILE",
        help="A panel: CSV, Excel, SPSS, Stata or Parquet; by default the one that COPROD_PANEL names, "
        "else the project's own.",
    ),
]
MapFile = Annotated[
    Path | None,
    typer.Option(
        "--map",
        metavar="FILE",
        help="A mapping of the panel's columns and values onto the codebook.",
    ),
]
MinCell = Annotated[
    int | None,
    typer.Option(
        "--min-cell",
        metavar="NUMBER",
        help="The fewest respondents of whom a number of a real panel is told: at least 3, by default "
        "10. Publish a panel with one number only: the same counts rounded in two ways give each "
        "other away.",
    ),
]
SurveyFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="CSV, Excel, SPSS, Stata or Parquet.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Say nothing unless something is wrong.")]


def use_min_cell(given: int | None) -> None:
    """Let the chapters' kernels know of how few respondents nothing is told."""
    if given is not None:
        from coprod.disclosure import smallest_cell

        os.environ["COPROD_MIN_CELL"] = str(smallest_cell(given))


def use_panel(panel: Path | None, mapping: Path | None = None) -> str | None:
    """Check a panel before anything is built; say what every page is to say of a real one."""
    given = panel or os.environ.get("COPROD_PANEL")
    # The mapping of another panel would not fit the one that is named here.
    plan = mapping or (None if panel else os.environ.get("COPROD_MAP"))
    if not given:
        if plan:
            raise PanelError("A mapping needs the file of a panel, by --panel or COPROD_PANEL")
        return None
    from coprod.importing.table import shown
    from coprod.panel import open_panel

    file = Path(given).resolve()
    opened = open_panel(file, plan)
    os.environ["COPROD_PANEL"] = str(file)
    os.environ.pop("COPROD_MAP", None)
    if plan:
        os.environ["COPROD_MAP"] = str(Path(plan).resolve())
    return None if opened.synthetic else f"Data from {shown(file.name, 100)}"


def near(path: Path) -> str:
    """A path as it is from here, where that is shorter."""
    path = path.resolve()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
