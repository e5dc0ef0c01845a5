"""What makes a book: Quarto where there is one, else the embedded engine with the Pandoc of its wheel."""

from __future__ import annotations

import os
import re
import subprocess
from importlib.metadata import version

from coprod.errors import BookError, Fault
from coprod.paths import package_folder

__all__ = ["ENGINES", "PANDOC", "choose_engine"]

ENGINES = ("auto", "quarto", "embedded")
OLDEST_QUARTO = (1, 9)
# The Pandoc that the wheel carries, never one of the machine's own.
PANDOC = package_folder("pypandoc") / "files" / ("pandoc.exe" if os.name == "nt" else "pandoc")


def quarto_version() -> str | None:
    """The version of the Quarto on the PATH, or none."""
    try:
        run = subprocess.run(
            ["quarto", "--version"], capture_output=True, text=True, check=True, timeout=60
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"\d+\.\d+(\.\d+)*", run.stdout)
    return found[0] if found else None


def choose_engine(engine: str = "auto") -> tuple[str, str]:
    """Choose what makes the book.

    Parameters
    ----------
    engine
        ``quarto``, ``embedded``, or ``auto``: Quarto if one of 1.9 or newer is on the PATH, else the
        embedded engine.

    Returns
    -------
    name, description
        The engine, and what to call it, with versions.

    Raises
    ------
    BookError
        When Quarto is asked for and there is none, or one that is too old.
    """
    found = quarto_version() if engine != "embedded" else None
    fits = found is not None and tuple(map(int, found.split(".")[:2])) >= OLDEST_QUARTO
    if engine == "quarto" and not fits:
        what = f"the quarto on the PATH is {found}" if found else "there is no quarto on the PATH"
        oldest = ".".join(map(str, OLDEST_QUARTO))
        raise BookError(
            "Quarto cannot make the book",
            [Fault("", what, f"install Quarto {oldest} or newer, or use --engine embedded")],
        )
    if engine != "embedded" and fits:
        return "quarto", f"Quarto {found}"
    try:
        run = subprocess.run([str(PANDOC), "--version"], capture_output=True, text=True, check=True)
        pandoc = run.stdout.split()[1]
    except (OSError, subprocess.CalledProcessError, IndexError) as error:
        raise BookError("Pandoc does not run", [Fault(str(PANDOC), str(error))]) from None
    return "embedded", f"coprod {version('coprod')} (Pandoc {pandoc}, Typst {version('typst')})"
