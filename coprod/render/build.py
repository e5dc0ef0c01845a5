"""Makes a book: with Quarto where there is one, else with the embedded engine."""

from __future__ import annotations

import copy
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from coprod.anchors import anchors
from coprod.errors import BookError, Fault
from coprod.labels import plain
from coprod.programs import program_rows
from coprod.render.chapter import Chapter, read_chapters
from coprod.render.engine import ENGINES, choose_engine
from coprod.render.environment import kernel_environment
from coprod.render.kept import Kept, computed_anew
from coprod.render.nursery import nursery_for
from coprod.render.place import check_output, fresh_folder, tidy
from coprod.render.project import CONFIG, Book, open_book
from coprod.render.provenance import Provenance, gather, refuse_changed, write_record
from coprod.render.told import telling
from coprod.render.unchanged import Finished

if TYPE_CHECKING:
    from coprod.render.execute import Progress

__all__ = ["ENGINES", "TARGETS", "Built", "choose_engine", "render", "write_notebooks"]

TARGETS = ("html", "pdf", "all")


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
    timeout: int | None = None,
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
    timeout
        After how many seconds the embedded engine stops a cell; by default after ten minutes.

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
    try:
        target = (Path(out) if out else book.output).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a link to itself, say
        raise BookError(
            "the book cannot go there", [Fault(str(out or book.output), str(error))]
        ) from None
    check_output(target, book.folder)
    tidy(target)
    name, description = choose_engine(engine)
    announce = announce or (lambda sentence: None)
    announce(f"Engine: {description}")
    provenance = gather(book.folder, description, target)
    pdf = target / book.pdf_name if to != "html" else None
    finished = (
        Finished(book, target, to, asdict(provenance)) if cache and name == "embedded" else None
    )
    if finished and finished.is_there():
        announce("Nothing has changed")
        return Built(target, description, time.monotonic() - started, pdf)
    chapters = read_chapters(book)
    kept: Kept | None = None
    pieces = {
        "provenance": asdict(replace(provenance, clean=None)),
        "programs": program_rows(chapters),
        **anchors(),
    }
    with fresh_folder(target, announce) as fresh, telling(pieces):
        if name == "quarto":
            _render_with_quarto(book, to, fresh, provenance)
        else:
            # Only where there is something to do, since it takes its time to import.
            from coprod.render.embedded import make_book
            from coprod.render.paper import LAST_PAPER

            if finished:
                kept = Kept(book, pieces, target, finished.base)
            last_paper = book.folder / LAST_PAPER if cache and pdf else None
            notebooks = _results(book, chapters, jobs, timeout, progress, kept, last_paper)
            make_book(book, chapters, notebooks, to, fresh, provenance, announce, cache)
        refuse_changed(provenance, book.folder)
        write_record(provenance, fresh)
        if finished and kept:
            finished.remember(fresh, kept)
    return Built(target, description, time.monotonic() - started, pdf)


def _results(
    book: Book,
    chapters: Sequence[Chapter],
    jobs: int | None,
    timeout: int | None,
    progress: Progress | None,
    kept: Kept | None,
    last_paper: Path | None,
) -> list[Mapping[str, Any]]:
    """The chapters' notebooks with their results, of which those that must be are run."""
    found = [kept.find(chapter) if kept else None for chapter in chapters]
    missing = [chapter for chapter, there in zip(chapters, found, strict=True) if there is None]
    ran: Iterator[Mapping[str, Any]] = iter(())
    if missing:
        with nullcontext() if kept else computed_anew(), nursery_for(missing, chapters) as kernels:
            from coprod.render.execute import TIMEOUT, run_chapters
            from coprod.render.paper import set_before

            workers, limit = jobs or os.cpu_count() or 1, timeout or TIMEOUT
            with set_before(last_paper, workers - len(missing)):
                ran = iter(run_chapters(book, missing, kernels, workers, limit, progress, kept))
    return [next(ran) if there is None else there for there in found]


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
    from coprod.render.execute import run_chapters
    from coprod.render.notebook import has_code, notebook_name, notebook_text

    book = open_book(project)
    chapters = [chapter for chapter in read_chapters(book) if has_code(chapter)]
    with nursery_for(chapters, chapters) as kernels:
        ran = run_chapters(book, chapters, kernels, os.cpu_count() or 1, progress=progress)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for chapter, notebook in zip(chapters, ran, strict=True):
        path = folder / notebook_name(chapter)
        path.write_text(notebook_text(notebook), encoding="utf-8", newline="\n")
        written.append(path)
    for path in set(folder.glob("*.ipynb")) - set(written):
        path.unlink()
    return written


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
        filter(None, [footer.get("center"), f"Made with {provenance.made_with}"])
    )
    if provenance.date:
        config["book"].setdefault("date", provenance.date)
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
