"""The commands for a panel of one's own: ask, read, judge, and see that nobody is told of."""

from __future__ import annotations

import json
import shlex
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from coprod.commands.app import PANEL, command
from coprod.commands.options import MapFile, MinCell, PanelFile, SurveyFile, near, use_min_cell
from coprod.errors import BookError, PanelError
from coprod.terminal import is_live, results, say, width

__all__ = ["audit", "check", "claims", "questionnaire", "write_map"]

OWN = "--panel examples/anyborough.sav --map examples/anyborough.yml"


class Form(StrEnum):
    """What the questionnaire is written as."""

    XLSFORM = "xlsform"
    DOCX = "docx"
    MD = "md"


@command(PANEL, "questionnaire --format docx --out questionnaire.docx")
def questionnaire(
    form: Annotated[
        Form,
        typer.Option(
            "--format",
            help="xlsform for ODK and KoboToolbox, docx for paper, md for the same text.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The file to write; by default questionnaire.xlsx, .docx or .md."
        ),
    ] = None,
) -> None:
    """Write the questionnaire, to be fielded once what says FILL IN is filled in."""
    from coprod.questionnaire import write_questionnaire

    say(f"The questionnaire is in {near(write_questionnaire(form, out))}")
    say("Before you ask anyone, fill in everything that says FILL IN.")


@command(PANEL, "map examples/anyborough.sav --out mapping.yml", name="map")
def write_map(
    file: SurveyFile,
    out: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="The file to write, by default mapping.yml; none is overwritten.",
        ),
    ] = Path("mapping.yml"),
) -> None:
    """Write a first mapping of a survey onto the codebook, each guess marked for you to confirm."""
    from coprod.mapping_text import write_mapping

    found, guesses = write_mapping(file, out)
    say(f"The mapping is in {near(out)}: {found} variables found, {guesses} guesses to check.")
    say("Open it in a text editor. Check each guess, and delete its line 'guess: true'. Then:")
    # Never in two lines, since it is there to be copied.
    survey, mapping = shlex.quote(near(file)), shlex.quote(near(out))
    results().print(f"  coprod check {survey} --map {mapping}")


@command(
    PANEL, "check data/panel.csv", "check examples/anyborough.sav --map examples/anyborough.yml"
)
def check(
    file: SurveyFile,
    mapping: MapFile = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A page to write, of what was read or what is wrong."),
    ] = None,
) -> None:
    """Read a panel file; say what was read, or everything that is wrong with it."""
    from coprod.importing.report import page, summary
    from coprod.importing.table import shown
    from coprod.panel import protected, read_panel

    if report is not None and report.resolve() in [f.resolve() for f in (file, mapping) if f]:
        raise PanelError("The report would be written over the panel or its mapping")
    refusal = None
    try:
        panel, table = read_panel(file, mapping)
        lines = summary(protected(panel), table)
    except PanelError as error:
        refusal = error
        lines = [(fault.where, str(fault)) for fault in error.faults]
    if report is not None:
        title = refusal.summary if refusal else f"The panel {shown(file.name, 100)}"
        try:
            report.write_text(page(title, lines), encoding="utf-8", errors="replace", newline="\n")
        except OSError as error:
            raise PanelError(f"{report} cannot be written: {error.strerror}") from error
    if refusal:
        raise refusal
    for name, said in lines:
        say(f"{name}: {said}", rest="  ")


@command(PANEL, "claims", "claims --json")
def claims(
    panel: PanelFile = None,
    mapping: MapFile = None,
    min_cell: MinCell = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Write JSON: 'panel', and for each of 'claims' its verdict, the numbers behind it "
            "and 'all_estimates'.",
        ),
    ] = False,
) -> None:
    """Hold the claims of data/claims.yml against a panel."""
    from coprod.claims import document, estimates, load_claims, verdicts
    from coprod.panel import open_panel

    use_min_cell(min_cell)
    known = load_claims()
    opened = open_panel(panel, mapping)
    found = estimates(opened, known)
    if as_json:
        print(json.dumps(document(found, opened, known), indent=2))
        return
    from coprod.show.report import claims_report
    from coprod.show.words import MINUS

    console = results()
    # In a pipe, lines are as long as they always were.
    longest = min(width(console), 80) if is_live(console) else 80
    for text, style in claims_report(verdicts(found, opened, known), opened, longest):
        # A hyphen, which every terminal knows and every program reads as a minus.
        console.print(text.replace(MINUS, "-"), style=style or None, end="")


@command(PANEL, f"audit _book {OWN}")
def audit(
    book: Annotated[Path, typer.Argument(metavar="FOLDER", help="A finished book.")],
    panel: PanelFile = None,
    mapping: MapFile = None,
    min_cell: MinCell = None,
) -> None:
    """Look through a finished book for anything that could identify someone; status 2 if there is."""
    from coprod.audit import audit as look
    from coprod.panel import read_panel

    use_min_cell(min_cell)
    found = look(book, read_panel(panel, mapping)[0])
    if found.faults:
        raise BookError(f"{found.said}; what was found, by file", found.faults)
    say(found.said)
