"""Shows the website on this machine, and makes it again when a file of the project changes.

Each page that it serves asks to be told of the next build. It then loads itself anew, or shows what is
wrong until that is mended. Nothing of this is in the book.
"""

from __future__ import annotations

import functools
import http.server
import json
import threading
import time
from collections.abc import Callable
from html import escape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

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
BROKEN = """<!DOCTYPE html>
<html lang="en-GB"><head><meta charset="utf-8"><title>There is no such page</title></head>
<body><h1>There is no such page</h1><p>%s</p></body></html>
"""


class _Builds:
    """How many builds there were, and what was wrong with the last."""

    def __init__(self) -> None:
        self.number = 0
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
            said = escape(self.builds.error or "The book has no page of this name.")
            self._answer(404, "text/html; charset=utf-8", self._followed(BROKEN % said))

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
    project: Path,
    port: int,
    say: Callable[[str], None],
    stop: threading.Event | None = None,
    show: Callable[[str], None] | None = None,
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

    Raises
    ------
    BookError
        When the port is taken. What is wrong with a chapter is said, and awaits its mending.
    """
    stop = stop or threading.Event()
    book = open_book(project)
    builds = _Builds()
    _make(project, say, builds)
    handler = functools.partial(_Handler, directory=str(book.output), builds=builds)
    try:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        raise BookError(
            "the preview cannot start",
            [Fault(f"port {port}", error.strerror or "", "choose another --port")],
        ) from None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    (show or say)(f"Open http://127.0.0.1:{server.server_address[1]}/ and leave with Ctrl-C")
    seen = watched_files(book)
    try:
        while not stop.wait(INTERVAL):
            now = watched_files(book)
            if now != seen:
                seen = now
                _make(project, say, builds)
    finally:
        server.shutdown()
        server.server_close()


def _make(project: Path, say: Callable[[str], None], builds: _Builds) -> None:
    started = time.monotonic()
    try:
        render(project, engine="embedded", to="html")
    except CoprodError as error:
        say(f"Error: {error}")
        builds.done(str(error))
    else:
        say(f"Made in {time.monotonic() - started:.1f} s")
        builds.done()
