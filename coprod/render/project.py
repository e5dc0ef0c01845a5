"""A book's project: what ``_quarto.yml`` says, read and checked."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from coprod.errors import BookError, Fault
from coprod.labels import one_line
from coprod.render.contract import PROJECT_KEYS
from coprod.schema import check_mapping, read_yaml

__all__ = ["Book", "Entry", "open_book"]

CONFIG = "_quarto.yml"
LONGEST = 200
"""The most characters of a title or of an author's name: what has room on a page."""


@dataclass(frozen=True)
class Entry:
    """A chapter's place in the book.

    Attributes
    ----------
    source
        The chapter's file, from the project's folder, as ``chapters/one.qmd``.
    part
        The name of the part that holds it, or none.
    appendix
        Whether it stands among the appendices.
    line
        The line of ``_quarto.yml`` that names it.
    """

    source: str
    part: str | None
    appendix: bool
    line: int

    @property
    def path(self) -> str:
        """The page's path in the site, as ``chapters/one.html``."""
        return str(PurePosixPath(self.source).with_suffix(".html"))


@dataclass(frozen=True)
class Book:
    """A book's project.

    Attributes
    ----------
    folder
        The project's folder.
    config
        All of ``_quarto.yml``.
    entries
        The chapters in the order of the book, appendices last.
    """

    folder: Path
    config: dict[str, Any] = field(repr=False)
    entries: tuple[Entry, ...] = field(repr=False)

    def get(self, *path: str, default: Any = None) -> Any:
        """A value of ``_quarto.yml`` by its path, or the default where there is none."""
        value: Any = self.config
        for key in path:
            if not isinstance(value, dict) or key not in value:
                return default
            value = value[key]
        return value

    @property
    def title(self) -> str:
        """The book's title."""
        return str(self.get("book", "title"))

    @property
    def authors(self) -> tuple[str, ...]:
        """The names of the authors."""
        return tuple(author["name"] for author in self.get("book", "author", default=[]))

    @property
    def language(self) -> str:
        """The language as a BCP 47 tag."""
        return str(self.get("lang", default="en"))

    @property
    def output(self) -> Path:
        """The folder that the finished book goes into."""
        return self.folder / str(self.get("project", "output-dir", default="_book"))

    @property
    def pdf_name(self) -> str:
        """The name of the PDF in the book's folder."""
        name = self.get("book", "output-file") or self.title.replace("/", "-").replace(" ", "-")
        return f"{name}.pdf"

    def resources(self, out: Path) -> list[Path]:
        """The files that go into the website as they are, from the project's folder.

        What is hidden counts only where a pattern names it, and nothing of finished books.
        """
        patterns = self.get("project", "resources", default=[])
        found: set[Path] = set()
        for pattern in [patterns] if isinstance(patterns, str) else patterns:
            named = PurePosixPath(pattern).parts
            for path in self.folder.glob(pattern):
                inside = path.relative_to(self.folder)
                hidden = any(part.startswith(".") and part not in named for part in inside.parts)
                book = any(
                    map(path.resolve().is_relative_to, (out.resolve(), self.output.resolve()))
                )
                if path.is_file() and not hidden and not book:
                    found.add(inside)
        return sorted(found)

    def renamed(
        self,
        title: str | None = None,
        authors: Sequence[str] | None = None,
        data: str | None = None,
    ) -> Book:
        """The same book under another title, by other authors or about other data.

        Parameters
        ----------
        title, authors
            In place of those of ``_quarto.yml``, where given. The PDF keeps its name.
        data
            What every page is to say of the data, in place of ``data-title``.

        Raises
        ------
        BookError
            When a title or an author's name is empty or too long.
        """
        config = copy.deepcopy(self.config)
        if title is not None:
            config["book"]["output-file"] = self.pdf_name.removesuffix(".pdf")
            config["book"]["title"] = _name("title", title)
        if authors is not None:
            config["book"]["author"] = [{"name": _name("author", name)} for name in authors]
        if data is not None:
            config["data-title"] = one_line(data)
        return replace(self, config=config)


def _name(what: str, given: str) -> str:
    """A title or an author's name as every page, file and program can hold it."""
    shown = one_line(given)
    if not shown or len(shown) > LONGEST:
        said = f"the {what} has {len(shown)} characters" if shown else f"the {what} is empty"
        raise BookError(
            "the book cannot be rendered", [Fault("", said, f"1 to {LONGEST} are allowed")]
        )
    return shown


def open_book(folder: str | Path) -> Book:
    """Read and check a project's ``_quarto.yml``.

    Parameters
    ----------
    folder
        The project's folder.

    Raises
    ------
    BookError
        Naming every key that is not allowed, every value of a wrong type and every chapter that does
        not exist, each with its line.
    """
    folder = Path(folder).resolve()
    file = folder / CONFIG
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        raise BookError(
            f"there is no {CONFIG} in {folder}",
            [Fault("", "a book's project has one: see --project")],
        ) from None
    except UnicodeDecodeError:
        raise BookError(
            "the book cannot be rendered", [Fault(CONFIG, "the file is not UTF-8")]
        ) from None
    config, places, faults = read_yaml(text, CONFIG)
    if not faults:
        faults = check_mapping(config, PROJECT_KEYS, places, CONFIG)
    if not faults:
        faults = [
            Fault(CONFIG, f"'{'.'.join(path)}' is missing")
            for path in (("project", "type"), ("book", "title"), ("book", "chapters"))
            if path not in places
        ]
    if not faults and not config["book"]["title"].strip():
        faults = [Fault(f"{CONFIG}:{places['book', 'title']}", "the book's title is empty")]
    if faults:
        raise BookError("the book cannot be rendered", faults)

    entries = tuple(_entries(config["book"]["chapters"], places, ("book", "chapters")))
    entries += tuple(_entries(config["book"].get("appendices", []), places, ("book", "appendices")))
    seen: dict[str, str] = {}
    for entry in entries:
        at = f"{CONFIG}:{entry.line}"
        if not (folder / entry.source).is_file():
            faults.append(
                Fault(
                    at,
                    f"the chapter '{entry.source}' does not exist",
                    "create it, or take it out of the list",
                )
            )
        name = entry.source.replace("/", "-")
        if seen.get(name) == entry.source:
            faults.append(Fault(at, f"the chapter '{entry.source}' stands twice"))
        elif name in seen:
            said = f"the notebook of '{entry.source}' would have the name of that of '{seen[name]}'"
            faults.append(Fault(at, said, "rename one"))
        seen[name] = entry.source
    if entries and entries[0].source != "index.qmd":
        faults.append(
            Fault(
                f"{CONFIG}:{entries[0].line}", "the first chapter must be index.qmd, the front page"
            )
        )
    if faults:
        raise BookError("the book cannot be rendered", faults)
    return Book(folder, config, entries)


def _entries(
    items: list[Any],
    places: dict[tuple[Any, ...], int],
    path: tuple[Any, ...],
    part: str | None = None,
) -> list[Entry]:
    found: list[Entry] = []
    for index, item in enumerate(items):
        here = (*path, index)
        if isinstance(item, dict):
            found += _entries(item["chapters"], places, (*here, "chapters"), item["part"])
        else:
            found.append(Entry(item, part, path[1] == "appendices", places[here]))
    return found
