"""The website's search: Pagefind's index of the pages, and whether all of it was written."""

from __future__ import annotations

import gzip
import json
import subprocess
import zlib
from collections.abc import Sequence
from pathlib import Path

from pagefind_bin import get_executable

from coprod.errors import BookError, Fault

__all__ = ["write_index"]

FOLDER = "pagefind"
# The index leaves out code, and what stands on every page.
NOT_SEARCHED = (
    "details.code, div.sourceCode",
    "nav, .toc, .tablist, .downloads, .numbers, .cite",
    "script, svg",
)
# Pagefind also writes interfaces of its own, which no page uses.
NOT_USED = ("pagefind-ui*", "pagefind-modular-ui*", "pagefind-component-ui*", "pagefind-highlight*")
ENTRY = "pagefind-entry.json"
SCRIPTS = ("pagefind.js", "pagefind-worker.js")
COMPRESSED = (".pf_fragment", ".pf_index", ".pf_meta", ".pagefind")


def write_index(site: Path) -> None:
    """Let Pagefind index the pages of a website.

    Raises
    ------
    BookError
        When it fails, or has written only a part.
    """
    command = [str(get_executable()), "--site", ".", "--keep-index-url", "--silent"]
    command += ["--exclude-selectors", ", ".join(NOT_SEARCHED)]
    try:
        run = subprocess.run(
            command,
            cwd=site,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise _failed([str(error)]) from None
    folder = site / FOLDER
    if run.returncode or not (folder / SCRIPTS[0]).is_file():
        said = (run.stderr or run.stdout).strip().splitlines() or ["it said nothing"]
        raise _failed(said[-8:])
    # It does not say so itself where a disk is full.
    if cut := sorted({*_missing(folder), *_cut(folder)}):
        raise _failed([f"{name} was not written whole; the disk may be full" for name in cut[:8]])
    for pattern in NOT_USED:
        for file in folder.glob(pattern):
            file.unlink()


def _failed(said: Sequence[str]) -> BookError:
    return BookError("Pagefind could not index the book", [Fault("", line) for line in said])


def _missing(folder: Path) -> list[str]:
    """The files that the index speaks of and that are not there."""
    needed = [*SCRIPTS, ENTRY, "wasm.unknown.pagefind"]
    pages = 0
    try:
        languages = json.loads((folder / ENTRY).read_bytes())["languages"].values()
    except (OSError, ValueError):
        return [ENTRY]
    for language in languages:
        needed.append(f"pagefind.{language['hash']}.pf_meta")
        if language.get("wasm"):
            needed.append(f"wasm.{language['wasm']}.pagefind")
        pages += language["page_count"]
    missing = [name for name in needed if not (folder / name).is_file()]
    if len(list(folder.rglob("*.pf_fragment"))) < pages:
        missing.append("a page's part of the index")
    return missing


def _cut(folder: Path) -> list[str]:
    """The files that end before they should."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    cut = [file.name for file in files if file.suffix in COMPRESSED and not _unpacks(file)]
    for name in SCRIPTS:
        # Each ends with a list of names or a call.
        file = folder / name
        if file.is_file() and not file.read_bytes().rstrip().endswith((b"};", b")();")):
            cut.append(name)
    return cut


def _unpacks(file: Path) -> bool:
    """Whether a compressed file is whole; an empty one would count as valid, but holds nothing."""
    try:
        return bool(gzip.decompress(file.read_bytes()))
    except (OSError, EOFError, zlib.error):
        return False
