"""The commands that make the book, show it, and look after what builds keep."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from coprod.commands.app import BOOK, command
from coprod.commands.options import (
    MapFile,
    MinCell,
    PanelFile,
    ProjectFolder,
    Quiet,
    near,
    use_min_cell,
    use_panel,
)
from coprod.errors import PanelError
from coprod.progress import Reporter
from coprod.terminal import say

__all__ = ["clean", "lint", "notebooks", "preview", "render"]


class Engine(StrEnum):
    """What makes the book."""

    AUTO = "auto"
    QUARTO = "quarto"
    EMBEDDED = "embedded"


class Target(StrEnum):
    """What is made."""

    HTML = "html"
    PDF = "pdf"
    ALL = "all"


@command(
    BOOK,
    "render",
    "render --to html --out site",
    "render --panel examples/anyborough.sav --map examples/anyborough.yml",
)
def render(
    project: ProjectFolder = Path(),
    engine: Annotated[
        Engine,
        typer.Option(
            help="What makes it; by default auto, which takes Quarto 1.9 or newer from the PATH, else the "
            "embedded engine.",
        ),
    ] = Engine.AUTO,
    to: Annotated[
        Target, typer.Option(help="The website, the PDF or, by default, all.")
    ] = Target.ALL,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where it goes; by default as _quarto.yml says."),
    ] = None,
    panel: PanelFile = None,
    mapping: MapFile = None,
    min_cell: MinCell = None,
    title: Annotated[
        str | None,
        typer.Option(metavar="TITLE", help="Its title; by default as _quarto.yml says."),
    ] = None,
    authors: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAMES",
            help="Who answers for it, parted by semicolons; by default as _quarto.yml says.",
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="NUMBER",
            help="How many chapters run at once; by default as many as there are processors.",
        ),
    ] = None,
    cache: Annotated[
        bool,
        typer.Option(
            "--cache/--no-cache",
            help="Whether results of earlier builds are taken and kept, as by default; "
            "without, all is computed anew.",
        ),
    ] = True,
    timeout: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="SECONDS",
            help="After how long a cell that does not end is stopped, by default 600. "
            "Quarto stops none.",
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Make the website and the PDF."""
    from coprod.render.build import render as build
    from coprod.render.ending import ended_at_once

    use_min_cell(min_cell)
    notice = use_panel(panel, mapping)
    names = [name for given in authors for name in given.split(";")] if authors else None
    with Reporter(quiet) as reporter, ended_at_once(reporter.stopped):
        built = build(
            project,
            engine,
            to,
            out,
            jobs,
            reporter.progress,
            reporter.say,
            notice=notice,
            title=title,
            authors=names,
            cache=cache,
            timeout=timeout,
        )
        index = built.out / "index.html"
        reporter.result(f"The book is in {near(built.out)} ({built.seconds:.1f} s)")
        if to != Target.PDF:
            reporter.result(f"Open {index.as_uri()}")
        if built.pdf:
            reporter.result(f"Paper {near(built.pdf)}")


@command(BOOK, "preview --port 0")
def preview(
    project: ProjectFolder = Path(),
    port: Annotated[
        int,
        typer.Option(
            min=0,
            max=65535,
            metavar="NUMBER",
            help="The port on this machine, by default 4200; 0 takes a free one.",
        ),
    ] = 4200,
) -> None:
    """Show the website on this machine, and make it anew when a file changes.

    The open page follows each change, and shows what is wrong until it is mended. Leave with Ctrl-C.
    """
    from coprod.render.ending import ended_at_once
    from coprod.render.preview import serve

    with Reporter(quiet=False) as reporter, ended_at_once(reporter.stopped):

        def said(sentence: str) -> None:
            reporter.close()
            reporter.say(sentence)

        serve(project, port, said, show=reporter.result, progress=reporter.progress)


@command(BOOK, "lint")
def lint(project: ProjectFolder = Path()) -> None:
    """Check that the project and its chapters keep to what both engines render."""
    from coprod.render.chapter import read_chapters
    from coprod.render.project import open_book

    chapters = read_chapters(open_book(project))
    say(f"{len(chapters)} chapters keep to the contract")


@command(BOOK, "clean")
def clean(project: ProjectFolder = Path()) -> None:
    """Throw away the results that earlier builds have kept."""
    from coprod.render.kept import forget
    from coprod.render.project import open_book

    forget(open_book(project).folder)
    say("Nothing is kept: the next build runs everything")


@command(BOOK, "notebooks --out notebooks")
def notebooks(
    project: ProjectFolder = Path(),
    out: Annotated[
        Path,
        typer.Option(metavar="FOLDER", help="Where they go; by default tests/notebooks."),
    ] = Path("tests/notebooks"),
    quiet: Quiet = False,
) -> None:
    """Write each chapter as an executed notebook."""
    from coprod.panel import open_panel
    from coprod.render.build import write_notebooks
    from coprod.render.ending import ended_at_once

    if not open_panel().synthetic:
        raise PanelError(
            "Notebooks are kept and shared with the project, and so are made of its own panel only; "
            "COPROD_PANEL names one of real people"
        )
    with Reporter(quiet) as reporter, ended_at_once(reporter.stopped):
        written = write_notebooks(project, out, reporter.progress)
        reporter.result(f"{len(written)} notebooks in {near(out)}")
