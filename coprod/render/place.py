"""Puts a finished book in its place: all of it or nothing."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from coprod.errors import BookError, Fault

__all__ = ["check_output", "fresh_folder"]


def check_output(out: Path, project: Path) -> None:
    """Refuse to replace a folder that is not a book.

    Raises
    ------
    BookError
        When the folder holds the project, or holds something that no build made.
    """
    if out == project or out in project.parents:
        raise BookError(
            "the book cannot go there", [Fault(str(out), "this folder holds the project itself")]
        )
    if out.is_file():
        raise BookError("the book cannot go there", [Fault(str(out), "this is a file")])
    if out.is_dir():
        inside = {path.name for path in out.iterdir()}
        book = "index.html" in inside or any(name.endswith(".pdf") for name in inside)
        if inside and (not book or inside & {".git", "_quarto.yml", "index.qmd"}):
            raise BookError(
                "the book cannot go there",
                [Fault(str(out), "the folder holds files that are no book", "choose a new folder")],
            )


@contextlib.contextmanager
def fresh_folder(out: Path) -> Iterator[Path]:
    """A new folder beside a book's place, which takes that place when all has gone well.

    Until then the previous book stays as it was. A second build of the same book waits for the first.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with _lock(out.with_name(f".{out.name}.lock")):
            _tidy(out)
            fresh = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".new", dir=out.parent))
            fresh.chmod(0o755)
            try:
                yield fresh
                _exchange(fresh, out)
            finally:
                shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        said = error.strerror or str(error)
        raise BookError(
            "the book cannot be written", [Fault(str(error.filename or out), said)]
        ) from None


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Hold a lock that ends with this process, however it ends."""
    if os.name == "nt":
        yield
        return
    import fcntl

    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _tidy(out: Path) -> None:
    """Mend what a killed build left: half-made folders, and a book moved aside but not replaced."""
    for left in out.parent.glob(f".{out.name}.*.new"):
        shutil.rmtree(left, ignore_errors=True)
    aside = out.with_name(f".{out.name}.old")
    if aside.exists():
        if out.exists():
            shutil.rmtree(aside, ignore_errors=True)
        else:
            aside.rename(out)


def _exchange(fresh: Path, out: Path) -> None:
    """Let the fresh folder take the old one's place, in one step where the system has one."""
    if not out.exists():
        fresh.rename(out)
        return
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        current_folder, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
        if hasattr(libc, "renameat2") and not libc.renameat2(
            current_folder, os.fsencode(fresh), current_folder, os.fsencode(out), exchange
        ):
            return
    aside = out.with_name(f".{out.name}.old")
    out.rename(aside)
    fresh.rename(out)
    shutil.rmtree(aside, ignore_errors=True)
