"""Puts a finished book in its place: all of it or nothing, and leaves nothing else behind."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from coprod.errors import BookError, Fault

__all__ = ["RECORD", "abandon", "check_output", "fresh_folder", "remove", "tidy", "write_sealed"]

RECORD = "build.json"
"""The file that every finished book holds: what state of the project it shows, and that it is a book."""

# What the builds of this process have begun. Whoever is ended at once takes it away first.
BEGUN: list[Path] = []


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
    try:
        if out.is_file():
            raise BookError("the book cannot go there", [Fault(str(out), "this is a file")])
        inside = {path.name for path in out.iterdir()} if out.is_dir() else set()
    except OSError as error:
        fault = Fault(str(out), error.strerror or str(error), "choose a folder of your own")
        raise BookError("the book cannot go there", [fault]) from None
    if inside and (RECORD not in inside or inside & {".git", "_quarto.yml", "index.qmd"}):
        raise BookError(
            "the book cannot go there",
            [Fault(str(out), "the folder holds files that are no book", "choose a new folder")],
        )


@contextlib.contextmanager
def fresh_folder(
    out: Path, announce: Callable[[str], None] = lambda sentence: None
) -> Iterator[Path]:
    """A new folder beside a book's place, which takes that place when all has gone well.

    Until then the previous book stays as it was. A second build of the same book waits for the first,
    and says so. All temporary files of the build, and of the processes that it starts, stand in one
    folder, whose name follows from that of the new one: so the next build finds them.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with _lock(_lock_file(out), announce):
            _mend(out)
            fresh = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".new", dir=out.parent))
            BEGUN.append(fresh)
            try:
                fresh.chmod(0o755)
                with _temporary_files(_temporary_folder(fresh)):
                    yield fresh
                _exchange(fresh, out)
            finally:
                remove(fresh)
                BEGUN.remove(fresh)
    except OSError as error:
        said = error.strerror or str(error)
        raise BookError(
            "the book cannot be written", [Fault(str(error.filename or out), said)]
        ) from None


def tidy(out: Path) -> None:
    """Take away what a killed build of a book has left, unless another build is at work there."""
    file = _lock_file(out)
    with contextlib.suppress(OSError):
        if file.exists() or _left(out) or _aside(out).exists():
            with _lock(file, None):
                _mend(out)


def abandon() -> None:
    """Take away what the builds of this process have begun."""
    for path in reversed(BEGUN):
        remove(path)


def write_sealed(file: Path, text: str) -> None:
    """Write a file that says itself whether it is whole, in the place of whatever stands there.

    It is written where it belongs, without a temporary file that a killed build would leave.

    Raises
    ------
    OSError
        Where it cannot be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    remove(file)
    file.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def _temporary_files(folder: Path) -> Iterator[None]:
    """Let all temporary files stand in a folder that only this user can read, and take it away."""
    before = os.environ.get("TMPDIR"), tempfile.tempdir
    folder.mkdir(mode=0o700)
    BEGUN.append(folder)
    try:
        os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
        yield
    finally:
        tempfile.tempdir = before[1]
        os.environ.pop("TMPDIR")
        if before[0] is not None:
            os.environ["TMPDIR"] = before[0]
        remove(folder)
        BEGUN.remove(folder)


def _temporary_folder(fresh: Path) -> Path:
    """Where the temporary files of a build stand: sockets, that is, whose paths must be short."""
    return Path(tempfile.gettempdir()).resolve() / f"coprod-{fresh.suffixes[-2].strip('.')}"


@contextlib.contextmanager
def _lock(path: Path, announce: Callable[[str], None] | None) -> Iterator[None]:
    """Hold a lock that ends with this process, however it ends; wait for it where one can say so.

    Raises
    ------
    BlockingIOError
        When somebody else holds it, and nobody is to be told of waiting.
    """
    if os.name == "nt":
        yield
        return
    import fcntl

    while True:
        with path.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if announce is None:
                    raise
                announce("Waiting for another build of this book")
                fcntl.flock(file, fcntl.LOCK_EX)
            # Whoever held it before has removed the file: then this is the lock of nothing.
            if not _is_at(file.fileno(), path):
                continue
            BEGUN.append(path)
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
                BEGUN.remove(path)
            return


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def _mend(out: Path) -> None:
    """Mend what a killed build left: half-made folders, and a book moved aside but not replaced."""
    for left in _left(out):
        # First what only the second's name leads to.
        remove(_temporary_folder(left))
        remove(left)
    aside = _aside(out)
    if aside.exists():
        if out.exists():
            remove(aside)
        else:
            aside.rename(out)


def _left(out: Path) -> list[Path]:
    """The new folders of builds of a book, and not of one whose name starts alike."""
    name = re.compile(rf"\.{re.escape(out.name)}\.\w{{8}}\.new")
    return [path for path in out.parent.iterdir() if name.fullmatch(path.name)]


def _lock_file(out: Path) -> Path:
    return out.with_name(f".{out.name}.lock")


def _aside(out: Path) -> Path:
    return out.with_name(f".{out.name}.old")


def remove(path: Path) -> None:
    """Remove a file or a folder with all that is in it, if that can be done at all."""
    try:
        folder = stat.S_ISDIR(path.lstat().st_mode)
        if not folder:
            path.unlink()
            return
        shutil.rmtree(path, ignore_errors=True)
        if path.exists():  # what one may not enter, one may still let oneself into
            path.chmod(0o700)
            for here, folders, _ in os.walk(path):
                for inside in (Path(here, each) for each in folders):
                    if not inside.is_symlink():
                        inside.chmod(0o700)
            shutil.rmtree(path, ignore_errors=True)
    except OSError:
        return


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
    aside = _aside(out)
    out.rename(aside)
    try:
        fresh.rename(out)
    except OSError:
        aside.rename(out)
        raise
    remove(aside)
