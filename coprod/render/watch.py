"""Notices at once which files of a project have changed, by asking only when each was last written."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

__all__ = ["INTERVAL", "Watch"]

INTERVAL = 0.15
"""Seconds between two looks. A look at this project takes a few thousandths of a second."""
SETTLED = 0.04
"""For so many seconds nothing must change, since an editor may write a file in several steps."""
ENDINGS = {
    *(
        ".qmd",
        ".yml",
        ".yaml",
        ".bib",
        ".csl",
        ".md",
        ".py",
        ".lua",
        ".html",
        ".js",
        ".css",
        ".typ",
    ),
    *(".csv", ".tsv", ".json", ".txt", ".cff", ".svg", ".png", ".jpg", ".jpeg", ".webp", ".pdf"),
    *(".xlsx", ".sav", ".dta", ".parquet", ".feather"),
}
"""Of what books are made of: not of what editors leave beside."""

State = dict[str, tuple[int, int, int]]


class Watch:
    """The files of some folders, as they were at the last look.

    Parameters
    ----------
    folders
        Watched with all folders in them; not what is hidden, and not what links lead to.
    files
        Watched besides.
    left_out
        Folders that are not watched.
    """

    def __init__(
        self, folders: Iterable[Path], files: Iterable[Path] = (), left_out: Iterable[Path] = ()
    ) -> None:
        self.folders = [str(folder.resolve()) for folder in folders]
        self.files = [file.resolve() for file in files]
        self.left_out = {str(folder.resolve()) for folder in left_out}
        self.seen = self._look()

    def changed(self, stop: threading.Event) -> list[Path]:
        """Wait for a change: the files that were written, have come or are gone; none when stopped."""
        while not stop.wait(INTERVAL):
            now = self._look()
            if now == self.seen:
                continue
            while not stop.wait(SETTLED) and (later := self._look()) != now:
                now = later
            before, self.seen = self.seen, now
            differing = {name for name, _ in before.items() ^ now.items()}
            return [Path(name) for name in sorted(differing)]
        return []

    def _look(self) -> State:
        found: State = {}
        for folder in self.folders:
            found.update(_inside(folder, self.left_out))
        for file in self.files:
            try:
                said = file.stat()
            except OSError:
                continue
            found[str(file)] = (said.st_mtime_ns, said.st_size, said.st_ino)
        return found


def _inside(folder: str, left_out: set[str]) -> Iterator[tuple[str, tuple[int, int, int]]]:
    try:
        with os.scandir(folder) as entries:
            inside = list(entries)
    except OSError:  # it has gone meanwhile
        return
    for entry in inside:
        if entry.name.startswith((".", "#")) or entry.name == "__pycache__":
            continue
        try:
            if entry.is_dir(follow_symlinks=False):
                if entry.path not in left_out:
                    yield from _inside(entry.path, left_out)
            elif f".{entry.name.rpartition('.')[2].lower()}" in ENDINGS:
                said = entry.stat()
                # A file that took another's place may have been written at the same time as that one.
                yield entry.path, (said.st_mtime_ns, said.st_size, said.st_ino)
        except OSError:
            continue
