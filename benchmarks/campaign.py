"""What the campaigns share: a place of their own for builds, and what is to be seen there afterwards."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "PROJECT",
    "Place",
    "Result",
    "contents",
    "place",
    "processes_in",
    "table",
    "unprivileged",
]

PROJECT = Path(__file__).resolve().parent.parent
PATIENCE = 900
"""After how many seconds a build is taken to hang."""


@dataclass(frozen=True)
class Result:
    """What a build has come to."""

    status: int
    said: str

    def faults(self) -> list[str]:
        """What is wrong with how it ended: it is quiet when all is well, and else says one thing once."""
        if self.status == 0:
            return [f"a good build said: {self.said}"] if self.said else []
        found = []
        if self.status != 2:
            found.append(f"the status is {self.status}")
        lines = self.said.splitlines()
        if "Traceback" in self.said or sum(line.startswith("Error:") for line in lines) != 1:
            found.append(f"not one clear message: {self.said}")
        return found


@dataclass
class Place:
    """A folder with a project, and with the only home and temporary folder that its builds know."""

    folder: Path
    package: Path = PROJECT

    def __post_init__(self) -> None:
        self.project = self.folder / "project"
        self.temporary = self.folder / "t"
        self.home = self.folder / "home"
        for each in (self.temporary, self.home):
            each.mkdir()

    def environment(self) -> dict[str, str]:
        """Nothing of the environment of whoever runs the campaign, but for where programs are."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "PYTHONPATH": str(self.package),
            "LANG": "C.UTF-8",
            "OPENBLAS_NUM_THREADS": "1",
        }

    def start(
        self,
        *options: str,
        project: Path | None = None,
        largest: int | None = None,
        machine: Mapping[str, str | None] | None = None,
    ) -> subprocess.Popen[str]:
        """Start a build; no file that it writes may be larger than is said.

        What is said of the machine stands in the place of variables of its environment.
        """
        changed = self.environment() | dict(machine or {})
        environment = {name: value for name, value in changed.items() if value is not None}

        def prepare() -> None:
            # In the background Ctrl-C is ignored, and so it would be by what is started there.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            if largest is not None:
                import resource  # not every system has it

                resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

        command = [sys.executable, "-m", "coprod", "render", "--engine", "embedded", "--quiet"]
        return subprocess.Popen(
            [*unprivileged(), *command, "--project", str(project or self.project), *options],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            preexec_fn=prepare,
            start_new_session=True,
        )

    def build(self, *options: str, project: Path | None = None) -> Result:
        """Build, and wait for it."""
        return ended(self.start(*options, project=project))

    def book(self) -> dict[str, str]:
        """The bytes of the book that is there."""
        return contents(self.project / "_book")

    def seconds_to_quiet(self, limit: float = 10) -> float | None:
        """How long it takes until no process is left; None where that is too long."""
        started = time.monotonic()
        while processes_in(self.temporary):
            if time.monotonic() - started > limit:
                return None
            time.sleep(0.02)
        return time.monotonic() - started

    def litter(self) -> list[str]:
        """Files that a build has left, and that are neither the book nor what is kept."""
        left = [path for path in self.project.glob(".*") if path.name != ".cache"]
        left += self.temporary.iterdir()
        cache = self.project / ".cache"
        left += [path for path in cache.rglob("*") if path.suffix in (".part", ".tmp", ".new")]
        return sorted(str(path.relative_to(self.folder)) for path in left)


def ended(process: subprocess.Popen[str]) -> Result:
    """What a build has come to, when it has ended."""
    try:
        said, _ = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        return Result(process.wait(), f"it hung for {PATIENCE} seconds")
    return Result(process.returncode, said.strip())


@contextlib.contextmanager
def place(package: Path = PROJECT, disk: str | None = None) -> Iterator[tuple[Place, bool]]:
    """A place that goes with all that is in it, and whether it is a disk of its own, where one is wanted."""
    # A short name, not below one's own temporary folder: sockets go there.
    folder = Path(tempfile.mkdtemp(prefix="campaign-", dir="/tmp" if os.name == "posix" else None))
    own = False
    # Ended like this, too, it goes with all that is in it.
    main_thread = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM)
    if main_thread:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if disk and hasattr(os, "geteuid") and os.geteuid() == 0:
            mount = ["mount", "-t", "tmpfs", "-o", f"size={disk}", "tmpfs", str(folder)]
            own = subprocess.run(mount, stderr=subprocess.DEVNULL, check=False).returncode == 0
        yield Place(folder, package), own
    finally:
        for process in processes_in(folder / "t"):
            with contextlib.suppress(OSError):
                os.kill(process, 9)
        if own:
            subprocess.run(["umount", "--lazy", str(folder)], check=False)
        shutil.rmtree(folder, ignore_errors=True)
        if main_thread:
            signal.signal(signal.SIGTERM, before)


@functools.cache
def unprivileged() -> tuple[str, ...]:
    """What starts a command that may not do everything: to root, no permission would ever be wrong."""
    if not hasattr(os, "geteuid") or os.geteuid():
        return ()
    command = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--")
    try:
        subprocess.run([*command, "true"], stderr=subprocess.DEVNULL, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ()
    return command


def contents(folder: Path) -> dict[str, str]:
    """Every file below a folder with the checksum of its bytes."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def differing(book: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """The files in which two books differ, as `contents` gives them."""
    return sorted(name for name in book.keys() | other.keys() if book.get(name) != other.get(name))


def processes_in(temporary: Path) -> list[int]:
    """The processes that were told to put their temporary files into a folder, or below it."""
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if os.fsencode(temporary) in environment.read_bytes():
                found.append(int(environment.parent.name))
    return found


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Rows as a table of plain text."""
    texts = [list(head), *([str(each) for each in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in texts
    )
