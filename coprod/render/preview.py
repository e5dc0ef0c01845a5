"""Shows the website on this machine, and makes it again when a file of the project changes."""

from __future__ import annotations

import functools
import http.server
import threading
import time
from collections.abc import Callable
from pathlib import Path

from coprod.errors import BookError, CoprodError, Fault
from coprod.render.build import render
from coprod.render.project import Book, open_book

__all__ = ["serve"]

INTERVAL = 0.5
WATCHED = (
    "*.qmd",
    "*.yml",
    "*.bib",
    "*.css",
    "*.csv",
    "*.svg",
    "*.png",
    "*.py",
    "*.html",
    "*.js",
    "*.lua",
)


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Serves files without a line on the terminal for each, and never from a browser's memory."""

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""

    def end_headers(self) -> None:
        """Let every page be asked for anew."""
        self.send_header("Cache-Control", "no-store")
        super().end_headers()


def watched_files(book: Book) -> dict[Path, int]:
    """When each file that the book is made from was last changed, in nanoseconds."""
    package = Path(__file__).parent.parent
    found: dict[Path, int] = {}
    for folder in (book.folder, package):
        for pattern in WATCHED:
            for path in folder.rglob(pattern):
                inside = path.relative_to(folder)
                if (
                    not any(part.startswith((".", "_book")) for part in inside.parts)
                    and path.is_file()
                ):
                    found[path] = path.stat().st_mtime_ns
    return found


def serve(
    project: Path, port: int, say: Callable[[str], None], stop: threading.Event | None = None
) -> None:
    """Make the website, serve it on the loopback address, and follow the project's files.

    Parameters
    ----------
    project
        The project's folder.
    port
        The port; 0 takes a free one.
    say
        Told what happens, a sentence at a time.
    stop
        Ends it when set; without one, Ctrl-C does.

    Raises
    ------
    BookError
        When the port is taken. What is wrong with a chapter is said, and awaits its mending.
    """
    stop = stop or threading.Event()
    book = open_book(project)
    _make(project, say)
    handler = functools.partial(_Handler, directory=str(book.output))
    try:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        raise BookError(
            "the preview cannot start",
            [Fault(f"port {port}", error.strerror or "", "choose another --port")],
        ) from None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    say(f"Open http://127.0.0.1:{server.server_address[1]}/ and leave with Ctrl-C")
    seen = watched_files(book)
    try:
        while not stop.wait(INTERVAL):
            now = watched_files(book)
            if now != seen:
                seen = now
                _make(project, say)
    finally:
        server.shutdown()
        server.server_close()


def _make(project: Path, say: Callable[[str], None]) -> None:
    started = time.monotonic()
    try:
        render(project, engine="embedded", to="html")
    except CoprodError as error:
        say(f"Error: {error}")
    else:
        say(f"Made in {time.monotonic() - started:.1f} s")
