"""The commands. Each imports what it needs when it runs, so that help and refusals come at once."""

from __future__ import annotations

import json
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from coprod.errors import BookError, CoprodError, PanelError
from coprod.progress import Reporter

__all__ = ["main", "run"]

app = typer.Typer(
    name="coprod",
    help="A reproducible companion to the study of individual and collective co-production.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

ProjectFolder = Annotated[
    Path, typer.Option("--project", help="The folder that holds _quarto.yml.", show_default="here")
]
PanelFile = Annotated[
    Path | None, typer.Option("--panel", help="A panel file: CSV, Excel, SPSS, Stata or Parquet.")
]
MapFile = Annotated[
    Path | None,
    typer.Option("--map", help="A mapping of the panel's columns and values onto the codebook."),
]
MinCell = Annotated[
    int | None,
    typer.Option(
        "--min-cell",
        help="The fewest respondents of whom a number of a real panel is told, at least 3. Publish a panel "
        "with one number only: the same counts rounded in two ways give each other away.",
        show_default="10",
    ),
]


class Engine(StrEnum):
    """What makes the book."""

    AUTO = "auto"
    QUARTO = "quarto"
    EMBEDDED = "embedded"


class Form(StrEnum):
    """What the questionnaire is written as."""

    XLSFORM = "xlsform"
    DOCX = "docx"
    MD = "md"


class Target(StrEnum):
    """What is made."""

    HTML = "html"
    PDF = "pdf"
    ALL = "all"


@app.command()
def render(
    project: ProjectFolder = Path(),
    engine: Annotated[
        Engine,
        typer.Option(help="auto takes Quarto 1.9 or newer from the PATH, else the embedded one."),
    ] = Engine.AUTO,
    to: Annotated[Target, typer.Option(help="What to make.")] = Target.ALL,
    out: Annotated[
        Path | None, typer.Option(help="Where the book goes.", show_default="as _quarto.yml says")
    ] = None,
    panel: PanelFile = None,
    mapping: MapFile = None,
    min_cell: MinCell = None,
    title: Annotated[
        str | None,
        typer.Option(help="The title of this book.", show_default="as _quarto.yml says"),
    ] = None,
    authors: Annotated[
        list[str] | None,
        typer.Option(
            help="Who answers for this book, parted by semicolons.",
            show_default="as _quarto.yml says",
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, help="How many chapters run at once.", show_default="the processors"),
    ] = None,
    cache: Annotated[
        bool,
        typer.Option(
            "--cache/--no-cache", help="Whether results of earlier builds are taken and kept."
        ),
    ] = True,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Say nothing unless something is wrong.")
    ] = False,
) -> None:
    """Make the website and the PDF."""
    from coprod.render.build import render as build

    _use_min_cell(min_cell)
    notice = _use_panel(panel, mapping)
    names = [name for given in authors for name in given.split(";")] if authors else None
    with Reporter(quiet) as reporter:
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
        )
        reporter.close()
        index = built.out / "index.html"
        reporter.say(f"The book is in {_near(built.out)} ({built.seconds:.1f} s)")
        if to != Target.PDF:
            reporter.say(f"Open {index.as_uri()}")
        if built.pdf:
            reporter.say(f"Paper {_near(built.pdf)}")


@app.command()
def clean(project: ProjectFolder = Path()) -> None:
    """Throw away the results that earlier builds have kept."""
    from coprod.render.kept import forget
    from coprod.render.project import open_book

    forget(open_book(project).folder)
    print("Nothing is kept: the next build runs everything")


@app.command()
def lint(project: ProjectFolder = Path()) -> None:
    """Hold the project and its chapters against what both engines render."""
    from coprod.render.chapter import read_chapters
    from coprod.render.project import open_book

    chapters = read_chapters(open_book(project))
    print(f"{len(chapters)} chapters keep to the contract")


@app.command()
def notebooks(
    project: ProjectFolder = Path(),
    out: Annotated[Path, typer.Option(help="The folder for the notebooks.")] = Path(
        "tests/notebooks"
    ),
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Say nothing unless something is wrong.")
    ] = False,
) -> None:
    """Write each chapter as an executed notebook."""
    from coprod.panel import open_panel
    from coprod.render.build import write_notebooks

    if not open_panel().synthetic:
        raise PanelError(
            "Notebooks are kept and shared with the project, and so are made of its own panel only; "
            "COPROD_PANEL names one of real people"
        )
    with Reporter(quiet) as reporter:
        written = write_notebooks(project, out, reporter.progress)
        reporter.close()
        reporter.say(f"{len(written)} notebooks in {_near(out)}")


@app.command()
def synthesise(
    out: Annotated[
        Path | None, typer.Option(help="The file to write.", show_default="data/panel.csv")
    ] = None,
    respondents: Annotated[
        int | None,
        typer.Option(min=1, help="How many respondents.", show_default="as data/design.yml says"),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="The seed.", show_default="as data/design.yml says")
    ] = None,
) -> None:
    """Draw the synthetic panel from data/design.yml."""
    from coprod.paths import PANEL
    from coprod.synthetic import write_panel

    target = out or PANEL
    write_panel(target, respondents=respondents, seed=seed)
    print(f"The synthetic panel is in {_near(target)}")


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="CSV, Excel, SPSS, Stata or Parquet.")],
    mapping: MapFile = None,
    report: Annotated[
        Path | None, typer.Option(help="A page to write, of what was read or what is wrong.")
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
        print(f"{name}: {said}")


@app.command("map")
def write_map(
    file: Annotated[Path, typer.Argument(help="CSV, Excel, SPSS, Stata or Parquet.")],
    out: Annotated[Path, typer.Option(help="The file to write; none is overwritten.")] = Path(
        "mapping.yml"
    ),
) -> None:
    """Write a first mapping of a survey onto the codebook, each guess marked for you to confirm."""
    from coprod.mapping_text import write_mapping

    found, guesses = write_mapping(file, out)
    print(f"The mapping is in {_near(out)}: {found} variables found, {guesses} guesses to check.")
    print("Open it in a text editor. Check each guess, and delete its line 'guess: true'. Then:")
    print(f"  python -m coprod check {_near(file)} --map {_near(out)}")


@app.command()
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

    _use_min_cell(min_cell)
    known = load_claims()
    opened = open_panel(panel, mapping)
    found = estimates(opened, known)
    if as_json:
        print(json.dumps(document(found, opened, known), indent=2))
        return
    from coprod.show.report import claims_report
    from coprod.show.words import MINUS

    console = Console(highlight=False)
    for text, style in claims_report(verdicts(found, opened, known), opened):
        # A hyphen, which every terminal knows and every program reads as a minus.
        said = escape(text.replace(MINUS, "-"))
        console.print(said, style=style or None, end="", soft_wrap=True)


@app.command()
def audit(
    book: Annotated[Path, typer.Argument(help="The folder of a finished book.")],
    panel: PanelFile = None,
    mapping: MapFile = None,
    min_cell: MinCell = None,
) -> None:
    """Look through a finished book for anything that could identify someone; status 2 if there is."""
    from coprod.audit import audit as look
    from coprod.panel import read_panel

    _use_min_cell(min_cell)
    found = look(book, read_panel(panel, mapping)[0])
    if found.faults:
        raise BookError(f"{found.said}; what was found, by file", found.faults)
    print(found.said)


@app.command()
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
        typer.Option(help="The file to write.", show_default="questionnaire.xlsx, .docx or .md"),
    ] = None,
) -> None:
    """Write the questionnaire, to be fielded once what says FILL IN is filled in."""
    from coprod.questionnaire import write_questionnaire

    print(f"The questionnaire is in {_near(write_questionnaire(form, out))}")
    print("Before you ask anyone, fill in everything that says FILL IN.")


@app.command()
def reproducing(
    book: Annotated[Path, typer.Option(help="A finished book.")] = Path("_book"),
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("REPRODUCING.md"),
) -> None:
    """Write REPRODUCING.md: what a rebuild needs, and which cell makes which figure and table."""
    from coprod.reproducing import reproducing as text

    out.write_text(text(book), encoding="utf-8", newline="\n")
    print(f"Written to {_near(out)}")


@app.command()
def package(
    project: ProjectFolder = Path(),
    out: Annotated[
        Path | None,
        typer.Option(help="The file to write.", show_default="dist/coprod-VERSION.zip"),
    ] = None,
) -> None:
    """Write source, data and the built book with checksums as one file for an archive."""
    from coprod.package import package as write

    print(f"The package is {_near(write(out, project))}")


@app.command()
def doctor() -> None:
    """Say what this machine has and lacks, and how to mend it; status 2 if no book can be made."""
    from coprod.doctor import examine

    console = Console(highlight=False)
    findings = examine()
    for each in findings:
        mark, style = (
            ("ok", "green") if not each.mend else ("--", "red" if each.needed else "yellow")
        )
        said = f"{mark}  {each.name:<13} {each.found or 'none':<15} {each.purpose}"
        console.print(escape(said), style=style, soft_wrap=True)
        if each.mend:
            console.print(escape(f"    {each.mend}"), soft_wrap=True)
    if lacking := [each.name for each in findings if each.mend and each.needed]:
        raise BookError(f"this machine lacks what a book needs: {', '.join(lacking)}")
    print("A book can be made on this machine")


@app.command()
def preview(
    project: ProjectFolder = Path(),
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port on this machine; 0 takes a free one.")
    ] = 4200,
) -> None:
    """Make the website, show it on this machine, and make it again when a file changes."""
    from coprod.render.preview import serve

    serve(project, port, lambda sentence: print(sentence, flush=True))


def _use_min_cell(given: int | None) -> None:
    """Let the chapters' kernels know of how few respondents nothing is told."""
    if given is not None:
        from coprod.disclosure import smallest_cell

        os.environ["COPROD_MIN_CELL"] = str(smallest_cell(given))


def _use_panel(panel: Path | None, mapping: Path | None = None) -> str | None:
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


def _near(path: Path) -> str:
    """A path as it is from here, where that is shorter."""
    path = path.resolve()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def run(arguments: list[str] | None = None) -> int:
    """Run a command and return its status; a user's mistake is one message and status 2."""
    try:
        app(arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except CoprodError as error:
        console = Console(stderr=True, highlight=False)
        console.print(f"[bold red]Error:[/] {escape(error.summary)}", soft_wrap=True)
        for fault in error.faults:
            console.print(f"  {escape(str(fault))}", soft_wrap=True)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def main() -> None:
    """Run the command that the command line names."""
    sys.exit(run())
