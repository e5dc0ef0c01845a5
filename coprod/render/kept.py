"""Results of chapters, kept by all that they follow from, so that a build runs only what has changed.

What every chapter rests on makes one key: all of the package, all data, the panel given, the lock file,
Python and the machine, the settings, and the names of all files of the project. To this a chapter adds
its own cells. What its cells read besides, of the project's files and of what the build tells them, is
noted while they run, and kept results count only while it is the same. Anything in doubt is run anew.

(`jupyter-cache` looks at the cells alone, and not at what they import and read.)
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from coprod.errors import BookError, Fault
from coprod.render import sealed
from coprod.render.chapter import Chapter
from coprod.render.keys import DATA, PACKAGE, base_key, file_hash, of_looks, text_hash
from coprod.render.notebook import chapter_cells, has_code, notebook_name
from coprod.render.project import Book

__all__ = ["Kept", "computed_anew", "forget"]

FOLDER = Path(".cache") / "chapters"
SINGLE = "COPROD_CACHE"
"""What names the folder of single results (:mod:`coprod.cache`)."""


class Kept:
    """The results that were kept of the chapters of a book.

    Parameters
    ----------
    book
        The book.
    pieces
        What the build tells its kernels.
    out
        Where the book goes; nothing there matters.
    base
        What all results rest on, where that is known; by default it is found out.
    """

    def __init__(
        self, book: Book, pieces: Mapping[str, Any], out: Path, base: str | None = None
    ) -> None:
        self.book = book
        self.folder = book.folder / FOLDER
        self.pieces = {name: text_hash(json.dumps(piece)) for name, piece in pieces.items()}
        self.now = lambda: base_key(book, out, pieces["provenance"]["inputs"])
        self.base = base or self.now()

    def find(self, chapter: Chapter) -> Mapping[str, Any] | None:
        """The notebook of a chapter with its results, or None where it must be run."""
        if not has_code(chapter):
            return {"cells": []}
        entry = sealed.load(self._file(chapter))
        try:
            if entry["key"] == self._key(chapter) and entry["read"] == self._now(entry["read"]):
                return dict(entry["notebook"])
        except (KeyError, TypeError, ValueError):
            pass  # nothing, or of another make
        return None

    def keep(self, chapter: Chapter, notebook: Mapping[str, Any], read: Path) -> None:
        """Keep the results of a chapter, with what its cells have read.

        Not where something has changed while it ran, since nobody knows what it saw.
        """
        with suppress(OSError):
            if self.now() != self.base:
                return
            names = dict.fromkeys(read.read_text(encoding="utf-8").splitlines())
            entry = {"key": self._key(chapter), "read": self._now(names), "notebook": notebook}
            sealed.save(self._file(chapter), entry)

    def _file(self, chapter: Chapter) -> Path:
        return self.folder / notebook_name(chapter)

    def _key(self, chapter: Chapter) -> str:
        cells = [(c["cell_type"], c["source"], c["metadata"]) for c in chapter_cells(chapter)]
        code = [cell for cell in cells if cell[0] == "code"]
        return text_hash(json.dumps([self.base, chapter.entry.source, code]))

    def _now(self, names: Mapping[str, Any]) -> dict[str, str]:
        """What each file or piece that was read is now; those that make the key already are left out."""
        found = {}
        for name in names:
            kind, _, rest = name.partition(" ")
            if kind == "told":
                found[name] = self.pieces.get(rest, "")
            elif (path := _of_project(rest, self.book.folder)) is not None:
                found[name] = file_hash(path)
        return found


@contextmanager
def computed_anew() -> Iterator[None]:
    """Let chapters that are run here share no single results but their own.

    Where the environment says whose they share, they share those.
    """
    if os.environ.get(SINGLE):
        yield
        return
    with tempfile.TemporaryDirectory(prefix="coprod-", ignore_cleanup_errors=True) as folder:
        os.environ[SINGLE] = folder
        try:
            yield
        finally:
            del os.environ[SINGLE]


def forget(folder: Path) -> None:
    """Throw away all that was kept for a project, of chapters and of single results."""
    kept = folder / FOLDER.parent
    try:
        if kept.is_dir():
            shutil.rmtree(kept)
    except OSError as error:
        fault = Fault(str(error.filename or kept), error.strerror or str(error))
        raise BookError("what is kept cannot be thrown away", [fault]) from None


def _of_project(name: str, folder: Path) -> Path | None:
    """A file of the project that does not make the key already, else None."""
    path = Path(os.path.normpath(name))
    if of_looks(path):
        return path
    if not path.is_relative_to(folder) or path.is_relative_to(PACKAGE) or path.is_relative_to(DATA):
        return None
    inside = path.relative_to(folder).parts
    return None if any(part.startswith(".") or part == "__pycache__" for part in inside) else path
