"""What a machine has of what the project needs, and the command that mends what is missing."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from coprod.paths import PROJECT

__all__ = ["Finding", "examine"]

OLDEST_PYTHON = (3, 11)
INSTALL = "run 'make render', which installs everything in .venv"
PACKAGES = ("numpy", "pandas", "scipy", "statsmodels", "matplotlib", "great-tables", "nbclient")
# Programs outside Python: what each is for, how it says its version, and where it comes from.
PROGRAMS = {
    "git": ("commit and date in the colophon", "--version", "install git"),
    "quarto": ("the other engine", "--version", "install Quarto 1.9 or newer: quarto.org"),
    "chromium": ("tests in a browser", "--version", "apt-get install chromium"),
    "java": ("the test of the XLSForm", "-version", "apt-get install default-jre-headless"),
    "Rscript": ("writing R's reference results anew", "--version", "apt-get install r-base"),
}


@dataclass(frozen=True)
class Finding:
    """One thing that the project needs, or can use.

    Attributes
    ----------
    name, purpose
        What it is, and what it is for.
    found
        Its version; '' where there is none.
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


def examine(project: Path = PROJECT) -> list[Finding]:
    """Look at this machine.

    Parameters
    ----------
    project
        The project's folder, whose lock file says which versions belong to it.

    Examples
    --------
    >>> [finding.name for finding in examine()][:3]
    ['Python', 'numpy', 'pandas']
    """
    wanted = ".".join(map(str, OLDEST_PYTHON))
    python = Finding(
        "Python",
        "everything",
        platform.python_version(),
        True,
        "" if sys.version_info >= OLDEST_PYTHON else f"install Python {wanted} or newer",
    )
    return [python, *_packages(project), *_engine(), *map(_program, PROGRAMS)]


def _packages(project: Path) -> list[Finding]:
    locked = _locked(project / "requirements.lock")
    found = []
    for name in PACKAGES:
        try:
            here = version(name)
        except PackageNotFoundError:
            here = ""
        belongs = locked.get(name, here)
        other = f"another version than the lock file's {belongs}: {INSTALL}" if here else INSTALL
        found.append(
            Finding(
                name,
                "statistics and pages",
                here,
                True,
                other if here != belongs or not here else "",
            )
        )
    return found


def _locked(file: Path) -> dict[str, str]:
    """The versions that a lock file names."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError:
        return {}
    return dict(re.findall(r"^([\w.-]+)==([\w.+-]+)", text, re.MULTILINE))


def _engine() -> list[Finding]:
    """Pandoc, Typst and the fonts, which come with packages."""
    from coprod.render.engine import PANDOC

    pandoc = _said([str(PANDOC), "--version"]) if PANDOC.is_file() else ""
    try:
        typst = version("typst")
    except PackageNotFoundError:
        typst = ""
    fonts = _fonts()
    return [
        Finding("Pandoc", "the embedded engine", pandoc, True, "" if pandoc else INSTALL),
        Finding("Typst", "the PDF", typst, True, "" if typst else INSTALL),
        Finding("DejaVu Sans", "the PDF's second typeface", fonts, True, "" if fonts else INSTALL),
    ]


def _fonts() -> str:
    try:
        from coprod.render.paper import FONTS
    except ImportError:
        return ""
    return "with Matplotlib" if (FONTS / "DejaVuSans.ttf").is_file() else ""


def _program(name: str) -> Finding:
    purpose, asked, mend = PROGRAMS[name]
    path = shutil.which(name)
    found = _said([path, asked]) if path else ""
    return Finding(name, purpose, found, False, "" if found else mend)


def _said(command: list[str]) -> str:
    """The version that a program says it has."""
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return ""
    number = re.search(r"\d+(\.\d+)+", run.stdout + run.stderr)
    return number[0] if number else "found"
