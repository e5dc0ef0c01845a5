"""What runs inside a chapter's kernel: the set-up, and the values of inline expressions."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from coprod.errors import ValidityError
from coprod.render.told import ASKED, READ_VARIABLE, UNSEEN

__all__ = ["InlineValues", "inline", "prepare"]


class InlineValues(tuple[str, ...]):
    """The values of a passage's inline expressions, shown as a JSON list of texts."""

    def __repr__(self) -> str:
        return json.dumps(list(self), ensure_ascii=False)


def prepare() -> None:
    """Make figures the same bytes in every run, and note what the cells read where that is asked for.

    A figure is an SVG without a date and with fixed ids.
    """
    import matplotlib
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    matplotlib.rcParams["svg.hashsalt"] = "coprod"
    set_matplotlib_formats("svg", metadata={"Date": None}, bbox_inches="tight")
    if notes := os.environ.get(READ_VARIABLE):
        _note_what_is_read(Path(notes))


READING = {
    "open": "file",
    "sqlite3.connect": "file",
    "os.listdir": "folder",
    "os.scandir": "folder",
}
# Nobody sees what another program reads.
STARTING = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty")


def _note_what_is_read(notes: Path) -> None:
    """Write a line for each file that is read, and for each piece that the build is asked for.

    One line says that more may have been read, by another program that was started. Where a line cannot be
    written whole, on a full disk say, there are no notes. In both cases nothing is kept.
    """
    noted = set()
    descriptor = os.open(notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if event == ASKED:
            line = f"told {arguments[0]}"
        elif event in STARTING:
            line = UNSEEN
        elif event in READING and isinstance(arguments[0], str | bytes | os.PathLike):
            # What is only written is not read: a file that cells add to has changed each time.
            if event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_WRONLY:
                return
            given = os.fsdecode(arguments[0])
            # A link stays one: it may lead elsewhere the next time.
            file = os.path.abspath(given)  # noqa: PTH100
            line = f"{READING[event]} {_source(file)}"
            if event == "sqlite3.connect" and given.startswith("file:"):
                line = UNSEEN
        else:
            return
        if "\n" in line:
            line = UNSEEN
        if line not in noted:
            noted.add(line)
            content = line.encode("utf-8", errors="surrogateescape") + b"\n"
            try:
                whole = os.write(descriptor, content) == len(content)
            except OSError:
                whole = False
            if not whole:
                notes.unlink(missing_ok=True)

    sys.addaudithook(note)
    # Processes of multiprocessing and joblib start without an event.
    with suppress(ImportError, AttributeError):
        starts: Any = importlib.import_module("_posixsubprocess")
        fork_exec = starts.fork_exec

        def noted_fork_exec(*arguments: Any) -> Any:
            note("os.fork", ())
            return fork_exec(*arguments)

        starts.fork_exec = noted_fork_exec


def _source(file: str) -> str:
    """The module in the place of what Python has compiled of it."""
    if not file.endswith(".pyc"):
        return file
    try:
        return importlib.util.source_from_cache(file)
    except ValueError:
        return file


def inline(*expressions: Callable[[], Any]) -> InlineValues:
    """What a reader sees of the value of each expression, as Quarto has it.

    An object that has a Markdown form gives that, a text itself, anything else its representation.
    Where a panel does not allow a value, the sentence that says so stands in its place.

    Examples
    --------
    >>> inline(lambda: 17, lambda: "a text", lambda: 0.5)
    ["17", "a text", "0.5"]
    """
    return InlineValues(_shown(expression) for expression in expressions)


def _shown(expression: Callable[[], Any]) -> str:
    try:
        value = expression()
        if isinstance(value, str):
            return str(value)
        markdown = getattr(value, "_repr_markdown_", None)
        return str(markdown()) if markdown else repr(value)
    except ValidityError as error:
        # Only where it is needed, since it imports all that draws.
        from coprod.show.absent import marked

        return marked(error)
