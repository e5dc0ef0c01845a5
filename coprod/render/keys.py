"""What the results of every chapter rest on, as one key; and the hashes of files and texts."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import stat
import sys
import sysconfig
import time
from collections.abc import Mapping
from pathlib import Path

from coprod.paths import DATA, PROJECT
from coprod.render.environment import KEYED
from coprod.render.place import RECORD
from coprod.render.project import Book
from coprod.render.told import BUILD_VARIABLE, READ_VARIABLE

__all__ = [
    "DATA",
    "LOCK",
    "PACKAGE",
    "base_key",
    "changed_at",
    "file_hash",
    "installed",
    "looks",
    "of_looks",
    "outdated",
    "project_files",
    "text_hash",
]

LOCK = PROJECT / "requirements.lock"
PACKAGE = PROJECT / "coprod"
# How pages look and how they are written, within the package. No result rests on it unless a cell reads it.
LOOKS = ("render/templates", "render/filters")
# What changes from build to build, and is noted where a chapter asks for it.
NOTED = (BUILD_VARIABLE, READ_VARIABLE)
# Files that are read as text, so that it is noted, or by the build itself. Others hold data, which libraries read
# in a way that nobody sees.
TEXTS = (
    *("", ".qmd", ".md", ".bib", ".csl", ".css", ".js", ".html", ".svg", ".png", ".jpg", ".webp"),
    *(".py", ".R", ".lua", ".typ", ".sh", ".yml", ".yaml", ".toml", ".ipynb", ".lock"),
    *(".cff", ".in", ".pdf", ".docx"),
)
# What this process has read: how each file stood, and the hash of what was in it.
_read: dict[Path, tuple[tuple[int, ...], str]] = {}
SETTLES = 2_000_000_000
"""After how many nanoseconds a change is surely told from the next by the system's clock."""
# Since when this process has imported modules of the package.
BEGAN = time.time_ns()


def base_key(book: Book, out: Path, inputs: Mapping[str, str]) -> str:
    """What every chapter's results rest on; `inputs` are the checksums of a panel that is given."""
    digest = hashlib.sha256()

    def add(*parts: str) -> None:
        digest.update("\0".join(parts).encode("utf-8", errors="surrogateescape") + b"\n")

    add(platform.python_version(), platform.platform(), platform.machine(), *installed())
    add(str(book.folder))  # what is read is noted by where it stands
    for folder in (PACKAGE, DATA):
        for file in sorted(folder.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts and not of_looks(file):
                add(file.relative_to(folder).as_posix(), file_hash(file))
    add(file_hash(LOCK))
    for name, value in sorted(os.environ.items()):
        if name.startswith(KEYED) and name not in NOTED:
            add(name, value)
    add(json.dumps(inputs), json.dumps(book.get("execute", default={})))
    for name in project_files(book.folder, out, book.output.resolve()):
        file = book.folder / name
        add(name, file_hash(file) if file.suffix not in TEXTS else "")
    return digest.hexdigest()


def outdated() -> bool:
    """Whether this process runs modules of the package that have changed since: a preview may run for days."""
    files = [
        file
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] == "coprod" and (file := getattr(module, "__file__", None))
    ]
    return any(not Path(file).exists() or changed_at(Path(file)) > BEGAN for file in files)


def changed_at(file: Path) -> int:
    """When a file was last changed, in nanoseconds since 1970: by the system, which nobody can set back."""
    state = file.stat()
    return state.st_mtime_ns if os.name == "nt" else state.st_ctime_ns


def of_looks(file: Path) -> bool:
    """Whether a file says only how pages look and how they are written."""
    return any(file.is_relative_to(PACKAGE / folder) for folder in LOOKS)


def looks() -> dict[str, str]:
    """The hash of each file that says only how pages look and how they are written."""
    files = sorted(file for folder in LOOKS for file in (PACKAGE / folder).iterdir())
    return {str(file.relative_to(PACKAGE)): file_hash(file) for file in files}


def installed() -> list[str]:
    """The packages that are there, with their versions: no lock file can say what is."""
    folders = {sysconfig.get_path(kind) for kind in ("purelib", "platlib")}
    return sorted(path.name for folder in folders for path in Path(folder).glob("*.dist-info"))


def project_files(folder: Path, *books: Path) -> list[str]:
    """The names of a project's files: whether one is there can be asked without reading it.

    Finished `books` are no part of it, nor others that stand there, nor what an editor leaves beside a file.
    """
    found = []
    for here, folders, files in os.walk(folder):
        if RECORD in files and Path(here) != folder:
            folders.clear()
            continue
        kept = [name for name in folders if name != "__pycache__" and not name.startswith(".")]
        folders[:] = sorted(name for name in kept if Path(here, name).resolve() not in books)
        inside = Path(here).relative_to(folder)
        found += [
            str(inside / name)
            for name in sorted(files)
            if not name.startswith(".") and not name.endswith("~")
        ]
    return found


def file_hash(path: Path) -> str:
    """The hash of a file's content; '' where it cannot be read, or is no file: a pipe would be waited for.

    What this process has read before is not read again while the system says that it stands as it did. That
    holds only of what had not been touched for a while: of two changes at once, the clock may not show the second.
    """
    try:
        state = path.stat()
        if not stat.S_ISREG(state.st_mode):
            return ""
        stands = (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
        known = _read.get(path)
        if known and known[0] == stands:
            return known[1]
        settled = os.name != "nt" and time.time_ns() - state.st_ctime_ns > SETTLES
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if settled:
            _read[path] = stands, found
        return found
    except OSError:
        return ""


def text_hash(text: str) -> str:
    """The hash of a text."""
    return hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).hexdigest()
