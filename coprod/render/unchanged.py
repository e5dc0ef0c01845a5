"""Whether a finished book is still what a build would make, so that there is nothing to do.

It is when no file of the project has changed, nothing else that makes the key of kept results or that chapters
have read, and no byte of the book.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from coprod.render import sealed
from coprod.render.kept import Kept, read_now
from coprod.render.keys import base_key, file_hash, looks, outdated, project_files, text_hash
from coprod.render.project import Book

__all__ = ["Finished"]

FOLDER = Path(".cache") / "books"


class Finished:
    """What is known of the book that an earlier build has left.

    Parameters
    ----------
    book
        The project.
    out
        The folder of the finished book.
    to
        What was asked for.
    provenance
        What it is made from and with.

    Attributes
    ----------
    base
        What the results of every chapter rest on.
    """

    def __init__(self, book: Book, out: Path, to: str, provenance: Mapping[str, Any]) -> None:
        self.out = out
        self.record = book.folder / FOLDER / f"{text_hash(str(out))[:32]}.json"
        self.now = lambda: _keys(book, out, to, provenance)
        self.base, self.key = self.now()

    def is_there(self) -> bool:
        """Whether the book is whole and what a build would make."""
        known = sealed.load(self.record)
        try:
            # The book is read only where the key says that it may be the one.
            return bool(
                known
                and known["key"] == self.key
                and known["read"] == read_now(set(known["read"]))
                and known["book"] == _content(self.out)
            )
        except (OSError, KeyError, TypeError):
            return False

    def remember(self, made: Path, kept: Kept) -> None:
        """Take note of the book that was made in a folder, if nothing has changed meanwhile.

        Before it takes its place, where another build may put its own as soon as this one has. Not where nobody
        knows all that its chapters have read, or where this process runs a program that is no more.
        """
        if not kept.certain or outdated() or self.now()[1] != self.key:
            return
        read = {name: was for name, was in kept.read.items() if not name.startswith("told ")}
        with suppress(OSError):
            book = {"key": self.key, "read": read, "book": _content(made)}
            sealed.save(self.record, book)


def _content(folder: Path) -> str:
    """The hash of all that lies in a book's folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return text_hash(
        json.dumps([[str(path.relative_to(folder)), file_hash(path)] for path in files])
    )


def _keys(book: Book, out: Path, to: str, provenance: Mapping[str, Any]) -> tuple[str, str]:
    """What the results rest on, and what the whole book does."""
    names = project_files(book.folder, out, book.output.resolve())
    names += [str(name) for name in book.resources(out)]  # some may be hidden
    files = {name: file_hash(book.folder / name) for name in names}
    base = base_key(book, out, provenance["inputs"])
    whole = json.dumps([base, files, looks(), book.config, to, dict(provenance)])
    return base, text_hash(whole)
