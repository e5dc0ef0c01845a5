"""The commands that look after the project: its panel, what documents it, its archive, this machine."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from coprod.commands.app import UPKEEP, command
from coprod.commands.options import ProjectFolder, near
from coprod.errors import BookError
from coprod.paths import PROJECT
from coprod.terminal import say

__all__ = ["doctor", "package", "reproducing", "synthesise"]


@command(UPKEEP, "doctor", "doctor --json")
def doctor(
    project: ProjectFolder = PROJECT,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Write JSON: whether this machine is 'ready', and for each of 'findings' its 'name', "
            "'purpose', what was 'found', whether it is 'needed', and the command to 'mend' it.",
        ),
    ] = False,
) -> None:
    """Say what this machine has and lacks, and how to mend it; status 2 if no book can be made."""
    from coprod.doctor import examine

    findings = examine(project.resolve())
    lacking = [each.name for each in findings if each.mend and each.needed]
    if as_json:
        found = {"ready": not lacking, "findings": [asdict(each) for each in findings]}
        print(json.dumps(found, indent=2))
    else:
        longest = max(len(each.name) for each in findings)
        for each in findings:
            mark, style = (
                ("ok", "green")
                if not each.mend
                else ("--", "bold red" if each.needed else "yellow")
            )
            said = f"{mark}  {each.name:<{longest}}  {each.found or 'none':<15}  {each.purpose}"
            say(said, style, styled=len(mark) + 2 + len(each.name), rest=" " * 4)
            if each.mend:
                say(each.mend, first=" " * 4, rest=" " * 6)
    if lacking:
        raise BookError(f"this machine lacks what a book needs: {', '.join(lacking)}")
    if not as_json:
        say("A book can be made on this machine")


@command(UPKEEP, "synthesise --out panel.csv --respondents 500 --seed 7")
def synthesise(
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The file to write; by default data/panel.csv."),
    ] = None,
    respondents: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="NUMBER", help="How many people; by default as data/design.yml says."
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, metavar="NUMBER", help="The seed; by default as data/design.yml says."),
    ] = None,
) -> None:
    """Draw the synthetic panel from data/design.yml."""
    from coprod.paths import PANEL
    from coprod.synthetic import write_panel

    target = out or PANEL
    write_panel(target, respondents=respondents, seed=seed)
    say(f"The synthetic panel is in {near(target)}")


@command(UPKEEP, "reproducing --book _book --out REPRODUCING.md")
def reproducing(
    book: Annotated[
        Path, typer.Option(metavar="FOLDER", help="A finished book; by default _book.")
    ] = Path("_book"),
    out: Annotated[
        Path,
        typer.Option(metavar="FILE", help="The file to write; by default REPRODUCING.md."),
    ] = Path("REPRODUCING.md"),
) -> None:
    """Write what a rebuild needs, and which cell makes which figure and table."""
    from coprod.reproducing import reproducing as text

    out.write_text(text(book), encoding="utf-8", newline="\n")
    say(f"Written to {near(out)}")


@command(UPKEEP, "package --out coprod.zip")
def package(
    project: ProjectFolder = Path(),
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The file to write; by default dist/coprod-VERSION.zip."),
    ] = None,
) -> None:
    """Write source, data and the built book with checksums as one file for an archive."""
    from coprod.package import package as write

    say(f"The package is {near(write(out, project))}")
