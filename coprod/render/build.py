"""Makes a book: with Quarto where there is one, else with the embedded engine."""

from __future__ import annotations

import copy
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from nbformat import NotebookNode

from coprod.errors import BookError, Fault
from coprod.labels import plain
from coprod.programs import programs
from coprod.render.chapter import Chapter, read_chapters
from coprod.render.document import PANDOC, Converted, convert
from coprod.render.downloads import write_pngs
from coprod.render.execute import Progress, kernel_environment, run_chapters
from coprod.render.kept import Kept
from coprod.render.notebook import has_code, notebook_name, notebook_text
from coprod.render.paper import write_paper
from coprod.render.place import check_output, fresh_folder
from coprod.render.project import CONFIG, Book, open_book
from coprod.render.provenance import Provenance, gather, write_record
from coprod.render.site import Page, write_site
from coprod.render.told import telling

__all__ = ["ENGINES", "TARGETS", "Built", "choose_engine", "render", "write_notebooks"]

ENGINES = ("auto", "quarto", "embedded")
TARGETS = ("html", "pdf", "all")
OLDEST_QUARTO = (1, 9)


@dataclass(frozen=True)
class Built:
    """A finished book.

    Attributes
    ----------
    out
        Its folder.
    engine
        What made it, with versions.
    seconds
        How long that took.
    pdf
        The PDF, where one was asked for.
    """

    out: Path
    engine: str
    seconds: float
    pdf: Path | None


def quarto_version() -> str | None:
    """The version of the Quarto on the PATH, or none."""
    try:
        run = subprocess.run(
            ["quarto", "--version"], capture_output=True, text=True, check=True, timeout=60
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"\d+\.\d+(\.\d+)*", run.stdout)
    return found[0] if found else None


def choose_engine(engine: str = "auto") -> tuple[str, str]:
    """Choose what makes the book.

    Parameters
    ----------
    engine
        ``quarto``, ``embedded``, or ``auto``: Quarto if one of 1.9 or newer is on the PATH, else the
        embedded engine.

    Returns
    -------
    name, description
        The engine, and what to call it, with versions.

    Raises
    ------
    BookError
        When Quarto is asked for and there is none, or one that is too old.
    """
    found = quarto_version() if engine != "embedded" else None
    fits = found is not None and tuple(map(int, found.split(".")[:2])) >= OLDEST_QUARTO
    if engine == "quarto" and not fits:
        what = f"the quarto on the PATH is {found}" if found else "there is no quarto on the PATH"
        oldest = ".".join(map(str, OLDEST_QUARTO))
        raise BookError(
            "Quarto cannot make the book",
            [Fault("", what, f"install Quarto {oldest} or newer, or use --engine embedded")],
        )
    if engine != "embedded" and fits:
        return "quarto", f"Quarto {found}"
    pandoc = subprocess.run(
        [str(PANDOC), "--version"], capture_output=True, text=True, check=True
    ).stdout.split()[1]
    return "embedded", f"coprod {version('coprod')} (Pandoc {pandoc}, Typst {version('typst')})"


def render(
    project: str | Path,
    engine: str = "auto",
    to: str = "all",
    out: str | Path | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
    announce: Callable[[str], None] | None = None,
    notice: str | None = None,
    title: str | None = None,
    authors: Sequence[str] | None = None,
    cache: bool = True,
) -> Built:
    """Make a book from a project.

    Parameters
    ----------
    project
        The folder that holds ``_quarto.yml``.
    engine
        ``auto``, ``quarto`` or ``embedded``.
    to
        ``html``, ``pdf`` or ``all``.
    out
        Where the book goes; by default where ``_quarto.yml`` says.
    jobs
        How many chapters run at once; by default as many as there are processors.
    progress
        Told after each cell.
    announce
        Told, in a sentence, what happens.
    notice
        What data the book rests on, for every page; by default ``data-title`` of ``_quarto.yml``.
    title, authors
        Of the book, in place of those of ``_quarto.yml``.
    cache
        Whether the embedded engine takes results of earlier builds, and keeps its own.

    Returns
    -------
    Built
        The finished book.

    Raises
    ------
    BookError
        For everything that is wrong with the project or its chapters. The previous book then stays
        as it was.
    """
    started = time.monotonic()
    book = open_book(project).renamed(title, authors, notice)
    target = (Path(out) if out else book.output).resolve()
    check_output(target, book.folder)
    name, description = choose_engine(engine)
    announce = announce or (lambda sentence: None)
    announce(f"Engine: {description}")
    chapters = read_chapters(book)
    provenance = gather(book.folder, description)
    pieces = _pieces(provenance, chapters)
    with fresh_folder(target) as fresh, telling(pieces):
        if name == "quarto":
            _render_with_quarto(book, to, fresh, provenance)
        else:
            kept = Kept(book, pieces, target) if cache else None
            jobs = jobs or os.cpu_count() or 1
            notebooks = run_chapters(book, chapters, jobs, progress=progress, kept=kept)
            _render_embedded(book, chapters, notebooks, to, fresh, provenance, announce)
        write_record(provenance, fresh)
    pdf = target / book.pdf_name if to != "html" else None
    return Built(target, description, time.monotonic() - started, pdf)


def _render_embedded(
    book: Book,
    chapters: Sequence[Chapter],
    notebooks: Sequence[NotebookNode],
    to: str,
    fresh: Path,
    provenance: Provenance,
    announce: Callable[[str], None],
) -> None:
    if to != "pdf":
        announce("Website")
        converted = convert(book, chapters, notebooks, "html", fresh)
        pages = [Page.from_converted(each) for each in converted]
        _copy_files(book, converted, fresh)
        _copy_resources(book, fresh)
        if book.get("data-downloads", default=False):
            write_pngs(fresh)
        write_site(
            book,
            pages,
            fresh,
            provenance.engine,
            provenance.date,
            book.get("data-title", default=""),
            paper=to == "all",
        )
    if to != "html":
        announce("PDF")
        with tempfile.TemporaryDirectory(prefix="coprod-") as temporary:
            folder = Path(temporary).resolve()
            converted = convert(book, chapters, notebooks, "typst", folder)
            _copy_files(book, converted, folder)
            date = book.get("book", "date") or provenance.date
            write_paper(
                book,
                converted,
                folder,
                fresh / book.pdf_name,
                provenance.engine,
                date,
                provenance.epoch,
            )


def write_notebooks(
    project: str | Path, folder: Path, progress: Progress | None = None
) -> list[Path]:
    """Run every chapter and write it as a notebook that is the same text for the same results.

    Parameters
    ----------
    project
        The folder that holds ``_quarto.yml``.
    folder
        Where the notebooks go. Notebooks of chapters that are no more are removed.
    progress
        Told after each cell.

    Returns
    -------
    list of Path
        The notebooks of the chapters that run code.
    """
    book = open_book(project)
    chapters = [chapter for chapter in read_chapters(book) if has_code(chapter)]
    ran = run_chapters(book, chapters, os.cpu_count() or 1, progress=progress)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for chapter, notebook in zip(chapters, ran, strict=True):
        path = folder / notebook_name(chapter)
        path.write_text(notebook_text(notebook), encoding="utf-8", newline="\n")
        written.append(path)
    for path in set(folder.glob("*.ipynb")) - set(written):
        path.unlink()
    return written


def _pieces(provenance: Provenance, chapters: Sequence[Chapter]) -> dict[str, Any]:
    """What the kernels may ask the build for."""
    return {
        "provenance": asdict(provenance),
        "programs": programs(chapters).to_dict("records"),
    }


def _copy_files(book: Book, converted: Sequence[Converted], folder: Path) -> None:
    for each in converted:
        for file in each.files:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(book.folder / file, folder / file)


def _copy_resources(book: Book, folder: Path) -> None:
    patterns = book.get("project", "resources", default=[])
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        for name in sorted(path.relative_to(book.folder) for path in book.folder.glob(pattern)):
            if (book.folder / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(book.folder / name, folder / name)


def _render_with_quarto(book: Book, to: str, fresh: Path, provenance: Provenance) -> None:
    """Let Quarto render a copy of the project, so that what it leaves behind is not ours to tidy."""
    with tempfile.TemporaryDirectory(prefix="coprod-") as temporary:
        project = Path(temporary) / "project"
        left_out = shutil.ignore_patterns(".*", book.output.name, fresh.name, "__pycache__")
        shutil.copytree(book.folder, project, ignore=left_out)
        (project / CONFIG).write_text(_quarto_config(book, provenance), encoding="utf-8")
        # Without --to, Quarto makes every format of the book in one go.
        wanted = {"html": ["--to", "html"], "pdf": ["--to", "typst"], "all": []}[to]
        run = subprocess.run(
            ["quarto", "render", str(project), *wanted],
            capture_output=True,
            text=True,
            check=False,
            env=kernel_environment() | {"QUARTO_PYTHON": sys.executable},
        )
        if run.returncode:
            said = (run.stderr or run.stdout).strip().splitlines()[-15:]
            raise BookError("Quarto could not make the book", [Fault("", line) for line in said])
        shutil.copytree(project / book.output.name, fresh, dirs_exist_ok=True)


def _quarto_config(book: Book, provenance: Provenance) -> str:
    """The project file with what only this build knows: the engine in the footer, and the date.

    Quarto reads title and authors as Markdown. Those that somebody gave for this build are none.
    """
    config = copy.deepcopy(book.config)
    written = open_book(book.folder)
    if book.title != written.title:
        config["book"]["title"] = plain(book.title)
    if book.authors != written.authors:
        config["book"]["author"] = [{"name": plain(name)} for name in book.authors]
    footer = config["book"].setdefault("page-footer", {})
    footer["center"] = " · ".join(
        filter(None, [footer.get("center"), f"Made with {provenance.engine}"])
    )
    if provenance.date:
        config["book"].setdefault("date", provenance.date)
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
