"""Results of chapters, kept by all that they follow from, so that a build runs only what has changed.

What every chapter rests on makes one key: all of the package, all data, the panel given, the lock file,
Python and the machine, the settings, and the names of all files of the project. To this a chapter adds
its own cells. What its cells read besides, wherever it stands, and what the build tells them is noted while
they run, and kept results count only while it is the same. Files of data can be read without anybody noticing:
those of the project make the key with all they hold. Anything in doubt is run anew.

Nobody sees what compiled code reads outside the project, nor what cells ask of other variables of the environment
than those that make the key: after such a change, `coprod clean` or `--no-cache` is for.

(`jupyter-cache` looks at the cells alone, and not at what they import and read.)
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Set
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

__all__ = ["Kept", "computed_anew", "forget", "read_now"]

FOLDER = Path(".cache") / "chapters"
# Python with its packages, whose names and versions make the key, and what the system says of itself.
ELSEWHERE = [Path(name) for name in (sys.prefix, sys.base_prefix, "/proc", "/sys", "/dev")]
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
        What the chapters that were found or kept have read, line by line of their notes, with its hashes.
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
            if entry["key"] == self._key(chapter) and entry["read"] == self._now(
                set(entry["read"])
            ):
                found = _with_results(chapter, entry["notebook"])
                self.read |= entry["read"]
                return found
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
            names = {name for name in lines if self._counts(name)}
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
        code = [cell["source"] for cell in chapter_cells(chapter) if cell["cell_type"] == "code"]
        return text_hash(json.dumps([self.base, chapter.entry.source, code]))

    def _now(self, names: Set[str]) -> dict[str, str]:
        """What each file, folder or piece that was read is now."""
        told = [name for name in names if name.startswith("told ")]
        pieces = {name: self.pieces.get(name.removeprefix("told "), "") for name in told}
        return read_now(names - pieces.keys()) | pieces

    def _counts(self, name: str) -> bool:
        """Whether what was read neither makes the key already nor is of Python, the system or this build alone."""
        kind, path = name.partition(" ")[0], _path(name)
        made = [PACKAGE, DATA, self.folder.parent, *ELSEWHERE, Path(tempfile.gettempdir())]
        if kind == "folder":  # the names of the project's files make the key
            return not any(map(path.is_relative_to, [*made, self.book.folder]))
        return kind == "told" or (
            kind == "file" and (of_looks(path) or not any(map(path.is_relative_to, made)))
        )

    def _changed(self, name: str) -> bool:
        """Whether a file that was read, or a link that leads to it, has changed since this was begun."""
        path = _path(name)
        if not name.startswith("file "):
            return False
        times = [each.lstat().st_ctime_ns for each in (path, *path.parents) if each.is_symlink()]
        times += [changed_at(path)] if path.exists() else []
        return any(each > self.began for each in times)


def _path(name: str) -> Path:
    """The file or folder that a line of notes names."""
    return Path(name.partition(" ")[2])


def read_now(names: Set[str]) -> dict[str, str]:
    """What files and folders that notes name hold now: hashes of content, and of the names in a folder."""

    def now(name: str) -> str:
        if name.startswith("folder "):
            with suppress(OSError):
                return text_hash("\n".join(sorted(path.name for path in _path(name).iterdir())))
        return file_hash(_path(name))

    return {name: now(name) for name in sorted(names)}


def _with_results(chapter: Chapter, kept: Mapping[str, Any]) -> dict[str, Any]:
    """The notebook of a chapter with the results that were kept of the same cells, whatever stands between them."""
    cells = chapter_cells(chapter)
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    before = [cell for cell in kept["cells"] if cell["cell_type"] == "code"]
    for cell, old in zip(code, before, strict=True):
        cell |= {name: old[name] for name in ("outputs", "execution_count")}
    return dict(kept) | {"cells": cells}


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
