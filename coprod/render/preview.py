"""Shows the website on this machine, and makes it again when a file of the project changes.

Each page that it serves asks to be told of the next build. It then loads itself anew, or shows what is
wrong until that is mended. Nothing of this is in the book.
"""

from __future__ import annotations

import functools
import http.server
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from coprod.errors import BookError, CoprodError, Fault
from coprod.render.build import render
from coprod.render.keys import PACKAGE, outdated
from coprod.render.project import open_book
from coprod.render.watch import Watch

if TYPE_CHECKING:
    from coprod.render.execute import Progress

__all__ = ["serve"]

CHANGES = "/coprod-changes"
PATIENCE = 25
"""For how many seconds a page is let wait for the next build before it must ask again."""
SCRIPT = """<script>
(async () => {
  let seen = %d, told = "";
  const show = (error) => {
    document.getElementById("coprod-error")?.remove();
    if (!error) return;
    const box = document.createElement("pre");
    box.id = "coprod-error";
    box.setAttribute("role", "alert");
    box.style.cssText = "position:fixed;inset:auto 0 0 0;z-index:99;margin:0;padding:1rem 1.5rem;" +
      "max-height:60vh;overflow:auto;white-space:pre-wrap;background:#7a1020;color:#fff;font-size:.9rem";
    box.textContent = error;
    document.body.append(box);
  };
  for (;;) {
    try {
      const answer = await (await fetch(`CHANGES?seen=${seen}`)).json();
      if (answer.build > seen && !answer.error) return location.reload();
      seen = answer.build;
      if (answer.error !== told) show(told = answer.error);
    } catch {
      await new Promise((after) => setTimeout(after, 1000));
    }
  }
})();
</script>
""".replace("CHANGES", CHANGES)
WITHOUT = """<!DOCTYPE html>
<html lang="en-GB"><head><meta charset="utf-8"><title>{0}</title></head>
<body><h1>{0}</h1><p>{1}</p></body></html>
"""


class _Builds:
    """How many builds there were, and what was wrong with the last."""

    def __init__(self) -> None:
        # By the clock, so that a page of an earlier preview follows this one too.
        self.first = self.number = time.time_ns() // 1_000_000
        self.error = ""
        self.changed = threading.Condition()

    def done(self, error: str = "") -> None:
        with self.changed:
            self.number, self.error = self.number + 1, error
            self.changed.notify_all()

    def after(self, seen: int) -> dict[str, object]:
        """The state after a build that was seen, or as it is when patience ends."""
        with self.changed:
            self.changed.wait_for(lambda: self.number > seen, PATIENCE)
            return {"build": self.number, "error": self.error}


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Serves files without a line on the terminal for each, and never from a browser's memory."""

    def __init__(self, *arguments: object, builds: _Builds, **more: object) -> None:
        self.builds = builds
        super().__init__(*arguments, **more)  # type: ignore[arg-type]

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""

    def end_headers(self) -> None:
        """Let every page be asked for anew."""
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def do_GET(self) -> None:
        """Answer with a file, with a page that follows the builds, or with the next build."""
        asked = urlsplit(self.path)
        if asked.path == CHANGES:
            seen = parse_qs(asked.query).get("seen", ["0"])[0]
            state = self.builds.after(int(seen) if seen.isdigit() else 0)
            self._answer(200, "application/json", json.dumps(state))
            return
        file = Path(self.translate_path(self.path))
        page = file / "index.html" if file.is_dir() else file
        if page.suffix != ".html" or not asked.path.endswith(("/", ".html")):
            super().do_GET()
        elif page.is_file():
            self._answer(200, "text/html; charset=utf-8", self._followed(page.read_text("utf-8")))
        else:
            title, said = "There is no such page", "The book has no page of this name."
            if self.builds.number == self.builds.first:
                title, said = "The book is being made", "This page shows it as soon as it is there."
            page_of_none = WITHOUT.format(title, escape(self.builds.error or said))
            self._answer(404, "text/html; charset=utf-8", self._followed(page_of_none))

    def _followed(self, page: str) -> str:
        # A page that is loaded after a failed build is told of it at once.
        seen = self.builds.number - bool(self.builds.error)
        return page.replace("</body>", f"{SCRIPT % seen}</body>")

    def _answer(self, status: int, kind: str, text: str) -> None:
        content = text.encode("utf-8")
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class _Server(http.server.ThreadingHTTPServer):
    """A server that says nothing of a browser that has gone away."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Let only what is no lost connection be seen."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def serve(
    project: Path,
    port: int,
    say: Callable[[str], None],
    stop: threading.Event | None = None,
    show: Callable[[str], None] | None = None,
    progress: Progress | None = None,
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
    show
        Told where the website is; by default as `say`.
    progress
        Told after each cell that is run.

    Raises
    ------
    BookError
        When the port is taken. What is wrong with a chapter is said, and awaits its mending.
    """
    stop = stop or threading.Event()
    book = open_book(project)
    builds = _Builds()
    handler = functools.partial(_Handler, directory=str(book.output), builds=builds)
    # Before the first build, so that nobody waits for it in vain.
    try:
        server = _Server(("127.0.0.1", port), handler)
    except OSError as error:
        raise BookError(
            "the preview cannot start",
            [
                Fault(
                    f"port {port}",
                    error.strerror or "",
                    "choose another --port, or 0 for a free one",
                )
            ],
        ) from None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        (show or say)(f"Open http://127.0.0.1:{server.server_address[1]}/ and leave with Ctrl-C")
        # As it is before a build: what changes while that goes on is for the next.
        watch = Watch([book.folder, PACKAGE], _panel(), [book.output])
        say(_make(project, builds, progress))
        while changed := watch.changed(stop):
            names = [_name(path, book.folder) for path in changed]
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            said = _make(project, builds, progress)
            say(f"{names[0]}{more}: {said}")
            if outdated():
                say("The program itself has changed: leave and start again to see all of that")
    finally:
        server.shutdown()
        server.server_close()


def _panel() -> list[Path]:
    """The panel and the mapping that the book is made from, where they are given."""
    return [Path(os.environ[name]) for name in ("COPROD_PANEL", "COPROD_MAP") if name in os.environ]


def _name(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else path.name


def _make(project: Path, builds: _Builds, progress: Progress | None) -> str:
    """Make the website; what has come of it."""
    started = time.monotonic()
    try:
        render(project, engine="embedded", to="html", progress=progress)
    except (CoprodError, OSError) as error:  # a file that an editor has taken away for a moment
        builds.done(str(error))
        return f"Error: {error}"
    builds.done()
    return f"Made in {time.monotonic() - started:.1f} s"
