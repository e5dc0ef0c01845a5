"""The process that kernels are forked from, in a fraction of the time that each would take to start.

A kernel spends two seconds on importing what every chapter needs. Here one process does it once for all. It ends
them when the build ends, however that ends, with all that their cells have started. This module imports little,
so that the process is at work while the build still imports what it needs itself.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from queue import Queue

from coprod.render.chapter import Chapter
from coprod.render.environment import kernel_environment
from coprod.render.notebook import has_code

__all__ = ["FORKS", "Nursery", "nursery", "nursery_for"]

# Elsewhere, forking after imports is known to crash (macOS) or is not there (Windows).
FORKS = sys.platform == "linux"
PROGRAM = Path(__file__).parent / "forking.py"
# From so many chapters on, or where one needs what the statistics import, it takes less to import all that once
# and fork them.
MANY = 4
STATISTICS = re.compile(r"^\s*from coprod(\.show)? import", re.MULTILINE)


class Nursery:
    """The process that forks kernels, and what it says of them.

    Parameters
    ----------
    environment
        That of the process.
    preload
        Whether it imports what most kernels need.
    """

    def __init__(self, environment: Mapping[str, str], preload: bool = True) -> None:
        # What a kernel says before it is one, or when it cannot be one: no reader's business.
        self.heard = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        self.process = subprocess.Popen(
            [sys.executable, "-P", str(PROGRAM), *(["preload"] if preload else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.heard,
            env=dict(environment),
        )
        self.numbers = itertools.count()
        self.started: dict[int, Queue[int]] = {}
        self.ended: dict[int, int] = {}
        self.gone = False
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            # What a module prints that it imports is no answer.
            with contextlib.suppress(ValueError, TypeError, KeyError):
                said = json.loads(line)
                if "started" in said:
                    self.started.pop(said["started"]).put(said["process"])
                else:
                    self.ended[said["ended"]] = said["status"]
        self.gone = True
        for waiting in list(self.started.values()):
            waiting.put(0)

    def start(self, arguments: list[str], folder: str, environment: Mapping[str, str]) -> Forked:
        """A new kernel; raises an OSError where there can be none."""
        number, answer = next(self.numbers), Queue[int]()
        self.started[number] = answer
        request = {
            "start": number,
            "arguments": arguments,
            "folder": folder,
            "environment": dict(environment),
        }
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        if not (process := 0 if self.gone else answer.get()):
            raise OSError("no kernel could be started")
        return Forked(self, process)

    def close(self) -> None:
        """End it, and every kernel that is left."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.heard.close()

    def last_words(self) -> str:
        """The last line that it or one of its kernels has said, or nothing."""
        self.heard.seek(0)
        lines = self.heard.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


class Forked:
    """A kernel's process, with what Jupyter asks of a `subprocess.Popen`."""

    stdin = stdout = stderr = None

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self.nursery = nursery
        self.pid = pid

    def poll(self) -> int | None:
        return -signal.SIGKILL if self.nursery.gone else self.nursery.ended.get(self.pid)

    def wait(self) -> int | None:
        return self.poll()

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.killpg(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


@contextlib.contextmanager
def nursery(environment: Mapping[str, str], preload: bool = True) -> Iterator[Nursery | None]:
    """The process that forks kernels, for as long as they are needed; None where the system cannot fork safely.

    Kernels are then started one by one, as Jupyter does.
    """
    if not FORKS:
        yield None
        return
    made = Nursery(environment, preload)
    try:
        yield made
    finally:
        made.close()


def nursery_for(
    missing: Sequence[Chapter], chapters: Sequence[Chapter]
) -> AbstractContextManager[Nursery | None]:
    """What forks the kernels of the chapters that are to be run, as :func:`nursery`; None where they run nothing.

    What it imports before follows from all chapters of the book: a cell can see what is imported, and must see the
    same when its chapter is run alone.
    """
    if not any(has_code(chapter) for chapter in missing):
        return contextlib.nullcontext()
    code = [cell.text for chapter in chapters for cell in chapter.cells]
    many = sum(has_code(chapter) for chapter in chapters) >= MANY
    return nursery(kernel_environment(), many or any(map(STATISTICS.search, code)))
