"""What a machine has of what the project needs, and the command that mends what is missing."""

from __future__ import annotations

import codecs
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from coprod.paths import PROJECT

__all__ = ["Finding", "examine"]

OLDEST_PYTHON = (3, 11)
ROOM = 1_000_000_000
"""Bytes: a book, its kept results, and what stands in temporary files while it is made."""
PATIENCE = 30
"""For how many seconds a program may take to say its version."""
SMALL = 3
"""No more packages than this are named one by one."""
LOCKED = re.compile(r"^([\w.-]+)==([\w.+!-]+)(?: ; ([^\\\n]+))?", re.MULTILINE)


@dataclass(frozen=True)
class Finding:
    """One thing that the project needs, or can use.

    Attributes
    ----------
    name, purpose
        What it is, and what it is for.
    found
        Its version, or what there is of it; '' where there is none.
    needed
        Whether no book can be made without it.
    mend
        What to do where it is missing or too old; '' where all is well.
    """

    name: str
    purpose: str
    found: str
    needed: bool
    mend: str


@dataclass(frozen=True)
class Program:
    """A program outside Python.

    Attributes
    ----------
    names
        What it may be called.
    purpose
        What it is for.
    asked
        The option by which it says its version.
    packages
        What it is called by the programs that install it.
    """

    names: tuple[str, ...]
    purpose: str
    packages: dict[str, str]
    asked: str = "--version"


PROGRAMS = {
    "git": Program(("git",), "commit and date in the colophon", {}),
    "make": Program(("make",), "the commands of the Makefile", {}),
    "Chromium": Program(
        ("chromium", "chromium-browser", "google-chrome"),
        "tests in a browser",
        {"brew": "--cask chromium"},
    ),
    "Poppler": Program(
        ("pdftotext",),
        "tests of the PDF",
        {"apt-get": "poppler-utils", "dnf": "poppler-utils", "brew": "poppler"},
        "-v",
    ),
    "Java": Program(
        ("java",),
        "the test of the XLSForm",
        {"apt-get": "default-jre-headless", "dnf": "java-latest-openjdk-headless"}
        | {"brew": "openjdk"},
        "-version",
    ),
    "R": Program(
        ("Rscript",),
        "writing R's reference results anew",
        {"apt-get": "r-base", "dnf": "R", "brew": "r"},
    ),
}
INSTALLERS = ("apt-get", "dnf", "brew")


def examine(project: Path = PROJECT) -> list[Finding]:
    """Look at this machine.

    Parameters
    ----------
    project
        The project's folder, whose lock file says which versions belong to it.

    Examples
    --------
    >>> [finding.name for finding in examine()][:4]
    ['Python', 'packages', 'Pandoc', 'Typst']
    """
    asked: list[Callable[[], Finding]] = [
        _python,
        lambda: _packages(project),
        lambda: _pandoc(project),
        lambda: _package("Typst", "typst", "the PDF", project),
        lambda: _package("Pagefind", "pagefind", "the website's search", project),
        lambda: _fonts(project),
        lambda: _room("disk", "the book and kept results", project),
        lambda: _room("temporary files", "a build's work", Path(tempfile.gettempdir())),
        _locale,
        _quarto,
        *(lambda name=name: _program(name) for name in PROGRAMS),
    ]
    # Each waits for a program to say its version.
    with ThreadPoolExecutor(len(asked)) as at_once:
        return list(at_once.map(lambda each: each(), asked))


def _python() -> Finding:
    oldest = ".".join(map(str, OLDEST_PYTHON))
    fits = sys.version_info >= OLDEST_PYTHON
    mend = "" if fits else f"{_installed(f'python{oldest}', {})}; then: make clean render"
    return Finding(
        "Python", f"everything; {oldest} or newer", platform.python_version(), True, mend
    )


def _packages(project: Path) -> Finding:
    """The packages that the lock file names, against those that there are."""
    locked = list(_locked(project / "requirements.lock"))
    missing, other = [], []
    for name, belongs in locked:
        here = _version(name)
        if not here:
            missing.append(f"{name} {belongs}")
        elif here != belongs:
            other.append(f"{name} {here} in place of {belongs}")
    wrong = [f"no {each}" for each in missing] + other
    said = ", ".join(wrong[:SMALL]) + (f" and {len(wrong) - SMALL} more" if wrong[SMALL:] else "")
    return Finding(
        "packages",
        "as in requirements.lock" + (f", but {said}" if said else "") if locked else "no lock file",
        f"{len(locked) - len(wrong)} of {len(locked)}" if locked else "",
        bool(missing),
        _install(project) if wrong or not locked else "",
    )


def _locked(file: Path) -> Iterator[tuple[str, str]]:
    """The packages that a lock file names for this system, with their versions."""
    from packaging.markers import Marker

    try:
        text = file.read_text(encoding="utf-8")
    except OSError:
        return
    for name, belongs, marker in LOCKED.findall(text):
        if not marker or Marker(marker).evaluate():
            yield name, belongs


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _install(project: Path) -> str:
    """The command that installs what the lock file names, where this Python looks."""
    if Path(sys.prefix).resolve() == (project / ".venv").resolve():
        # Make looks at the stamp alone.
        return "rm -f .venv/render.stamp && make render"
    python = shlex.quote(sys.executable)
    return f"{python} -m pip install --require-hashes -r requirements.lock"


def _package(name: str, package: str, purpose: str, project: Path) -> Finding:
    found = _version(package)
    return Finding(name, purpose, found, True, "" if found else _install(project))


def _pandoc(project: Path) -> Finding:
    try:
        from coprod.render.engine import PANDOC
    except ImportError:
        found = ""
    else:
        found = _said([str(PANDOC), "--version"]) if PANDOC.is_file() else ""
    return Finding("Pandoc", "the embedded engine", found, True, "" if found else _install(project))


def _fonts(project: Path) -> Finding:
    try:
        from coprod.render.paper import FONTS
    except ImportError:
        found = ""
    else:
        found = "with Matplotlib" if (FONTS / "DejaVuSans.ttf").is_file() else ""
    purpose = "the PDF's second typeface"
    return Finding("DejaVu Sans", purpose, found, True, "" if found else _install(project))


def _room(name: str, purpose: str, folder: Path) -> Finding:
    """Whether something can be written to a folder, and how much."""
    shown = shlex.quote(str(folder))
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
    except OSError as error:
        mend = f'sudo chown -R "$(id -un)" {shown}'
        return Finding(name, f"{purpose}, but {error.strerror or error}", "", True, mend)
    free = shutil.disk_usage(folder).free
    enough = free >= ROOM
    said = (
        "" if enough else f"make room for {ROOM / 1e9:.0f} GB in {shown}; coprod clean gives some"
    )
    return Finding(name, purpose, f"{free / 1e9:.1f} GB free", not enough, said)


def _locale() -> Finding:
    """Whether files with any name can be read, and text of any language be written."""
    found = codecs.lookup(sys.getfilesystemencoding()).name
    spoken = codecs.lookup(getattr(sys.stdout, "encoding", None) or "utf-8").name
    both = found if found == spoken else f"{found}, {spoken}"
    fits = found == spoken == "utf-8"
    setting = "set PYTHONUTF8=1" if os.name == "nt" else "export LC_ALL=C.UTF-8"
    return Finding("locale", "names of files, and messages", both, False, "" if fits else setting)


def _quarto() -> Finding:
    try:
        from coprod.render.engine import OLDEST_QUARTO, quarto_version
    except ImportError:
        return Finding("Quarto", "the other engine", "", False, "")
    found = quarto_version() or ""
    fits = bool(found) and tuple(map(int, found.split(".")[:2])) >= OLDEST_QUARTO
    oldest = ".".join(map(str, OLDEST_QUARTO))
    mend = "" if fits else "conda env create -f environment.yml && conda activate coprod"
    return Finding("Quarto", f"the other engine; {oldest} or newer", found, False, mend)


def _program(name: str) -> Finding:
    program = PROGRAMS[name]
    path = next(filter(None, map(shutil.which, program.names)), None)
    found = _said([path, program.asked]) if path else ""
    mend = "" if found else _installed(program.names[0], program.packages)
    return Finding(name, program.purpose, found, False, mend)


def _installed(name: str, packages: dict[str, str]) -> str:
    """The command that installs a program on this machine."""
    for installer in INSTALLERS:
        if shutil.which(installer):
            root = installer != "brew" and hasattr(os, "geteuid") and os.geteuid() != 0
            return f"{'sudo ' if root else ''}{installer} install {packages.get(installer, name)}"
    return f"install {name}"


def _said(command: list[str]) -> str:
    """The version that a program says it has."""
    try:
        run = subprocess.run(
            command,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=True,
            timeout=PATIENCE,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    number = re.search(r"\d+(\.\d+)+", run.stdout + run.stderr)
    return number[0] if number else "found"
