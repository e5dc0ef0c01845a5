"""Results of chapters, kept by all that they follow from, so that a build runs only what has changed.

What every chapter rests on makes one key: all of the package, all data, the panel given, the lock file,
Python and the machine, the settings, and the names of all files of the project. To this a chapter adds
its own cells. What its cells read besides, wherever it stands, and what the build tells them is noted while
they run, and kept results count only while it is the same. Files of data can be read without anybody noticing:
those of the project make the key with all they hold. Anything in doubt is run anew.

(`jupyter-cache` looks at the cells alone, and not at what they import and read.)
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from coprod.errors import BookError, Fault
from coprod.render import sealed
from coprod.render.chapter import Chapter
from coprod.render.keys import (
    DATA,
    PACKAGE,
    base_key,
    changed_at,
    file_hash,
    of_looks,
    outdated,
    text_hash,
)
from coprod.render.notebook import chapter_cells, has_code, notebook_name
from coprod.render.project import Book
from coprod.render.provenance import checksums
from coprod.render.told import UNSEEN

__all__ = ["Kept", "computed_anew", "forget"]

FOLDER = Path(".cache") / "chapters"
# Python with its packages, whose names and versions make the key, and what the system says of itself.
ELSEWHERE = [Path(name) for name in (sys.prefix, sys.base_prefix, "/proc", "/sys", "/dev")]
FILE = "file "
"""What a note of a file starts with."""
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

    Attributes
    ----------
    read
        What the chapters that were found or kept have read, with its hashes.
    certain
        Whether that is all that was read.
    """

    def __init__(
        self, book: Book, pieces: Mapping[str, Any], out: Path, base: str | None = None
    ) -> None:
        self.book = book
        self.folder = book.folder / FOLDER
        self.pieces = {name: text_hash(json.dumps(piece)) for name, piece in pieces.items()}
        self.now = lambda: base_key(book, out, checksums(book.folder))
        self.base = base or self.now()
        self.began = time.time_ns()
        self.read: dict[str, str] = {}
        self.certain = True

    def find(self, chapter: Chapter) -> Mapping[str, Any] | None:
        """The notebook of a chapter with its results, or None where it must be run."""
        if not has_code(chapter):
            return {"cells": []}
        entry = sealed.load(self._file(chapter))
        try:
            if entry["key"] == self._key(chapter) and entry["read"] == self._now(entry["read"]):
                self.read |= entry["read"]
                return dict(entry["notebook"])
        except (KeyError, TypeError, ValueError):
            pass  # nothing, or of another make
        return None

    def keep(self, chapter: Chapter, notebook: Mapping[str, Any], noted: Path) -> None:
        """Keep the results of a chapter, with what its cells have read.

        Not where something has changed while it ran, since nobody knows what it saw, and not where it may have
        read what was not noted, through another program say.
        """
        kept = False
        with suppress(OSError):
            lines = noted.read_bytes().decode("utf-8", errors="surrogateescape").split("\n")
            names = [name for name in dict.fromkeys(lines) if self._counts(name)]
            read = self._now(names)
            doubtful = UNSEEN in lines or any(map(self._changed, names)) or outdated()
            if not doubtful and self.now() == self.base:
                entry = {"key": self._key(chapter), "read": read, "notebook": notebook}
                sealed.save(self._file(chapter), entry)
                self.read |= read
                kept = True
        self.certain = self.certain and kept

    def _file(self, chapter: Chapter) -> Path:
        return self.folder / notebook_name(chapter)

    def _key(self, chapter: Chapter) -> str:
        cells = [(c["cell_type"], c["source"], c["metadata"]) for c in chapter_cells(chapter)]
        code = [cell for cell in cells if cell[0] == "code"]
        return text_hash(json.dumps([self.base, chapter.entry.source, code]))

    def _now(self, names: Iterable[str]) -> dict[str, str]:
        """What each file or piece that was read is now."""
        pieces = {f"told {name}": piece for name, piece in self.pieces.items()}
        return {
            name: file_hash(_file(name)) if name.startswith(FILE) else pieces.get(name, "")
            for name in names
        }

    def _counts(self, name: str) -> bool:
        """Whether what was read neither makes the key already nor is of Python, the system or this build alone."""
        if not name.startswith(FILE):
            return name.startswith("told ")
        made = (PACKAGE, DATA, self.folder.parent, *ELSEWHERE, Path(tempfile.gettempdir()))
        return of_looks(_file(name)) or not any(map(_file(name).is_relative_to, made))

    def _changed(self, name: str) -> bool:
        """Whether a file that was read has changed since this was begun."""
        file = _file(name)
        return name.startswith(FILE) and file.exists() and changed_at(file) > self.began


def _file(name: str) -> Path:
    """The file that a line of notes names."""
    return Path(name.removeprefix(FILE))


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
