"""Kernels that start in a fraction of the time and end with the build: forked from one process.

A kernel spends two seconds on importing what every chapter needs. For many kernels that process does it once
for all. It ends them when the build ends, however that ends, with all that their cells have started. Where the
system cannot fork safely, kernels are started one by one, as Jupyter does.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from queue import Queue
from typing import Any, cast

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner

__all__ = ["UNHEARD", "Nursery", "kernel_manager", "nursery"]

# Elsewhere, forking after imports is known to crash (macOS) or is not there (Windows).
FORKS = sys.platform == "linux"
PROGRAM = Path(__file__).parent / "forking.py"
ENDING = 5
"""For how many seconds a kernel that was told to end is waited for."""
# So many bytes has the path of a socket at most, on macOS and a few less than on Linux.
LONGEST_SOCKET = 104
# Jupyter prints tracebacks of what is raised too, and is said to the user once.
UNHEARD = logging.getLogger("coprod.kernels")
UNHEARD.addHandler(logging.NullHandler())
UNHEARD.propagate = False


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
            said = json.loads(line)
            if "started" in said:
                self.started.pop(said["started"]).put(said["process"])
            else:
                self.ended[said["ended"]] = said["status"]
        self.gone = True
        for waiting in self.started.values():
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


class ForkingProvisioner(LocalProvisioner):
    """Starts a kernel by forking instead of by a command."""

    nursery: Nursery

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start the kernel that a command would start, whose arguments follow the module's name."""
        arguments = cmd[cmd.index("ipykernel_launcher") + 1 :]
        # In a thread, since the first waits until all is imported.
        forked = await asyncio.to_thread(
            self.nursery.start, arguments, kwargs["cwd"], kwargs["env"]
        )
        self.process = cast("subprocess.Popen[bytes]", forked)
        self.pid = self.pgid = forked.pid
        return self.connection_info

    async def kill(self, restart: bool = False) -> None:
        """End the kernel and wait until it has, for which Jupyter would look only ten times a second."""
        forked = self.process
        await super().kill(restart)
        # As long as Jupyter would wait: a process that the system holds may not end at once.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ENDING):
                while forked and forked.poll() is None:
                    await asyncio.sleep(0.005)
                await self.wait()


@contextlib.contextmanager
def nursery(environment: Mapping[str, str], preload: bool = True) -> Iterator[Nursery | None]:
    """The process that forks kernels, for as long as they are needed; None where none can be."""
    if not FORKS:
        yield None
        return
    made = Nursery(environment, preload)
    try:
        yield made
    finally:
        made.close()


def kernel_manager(folder: Path, kernels: Nursery | None) -> AsyncKernelManager:
    """The manager of one kernel, whose connection file and sockets stand in a folder."""
    file = folder / "k.json"
    short = len(os.fsencode(file)) + len("-ipc-5") < LONGEST_SOCKET
    manager = AsyncKernelManager(
        log=UNHEARD,
        connection_file=str(file),
        transport="ipc" if os.name == "posix" and short else "tcp",
        # No user's kernel of the same name: the interpreter that runs this.
        kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),
    )
    if kernels is not None:
        manager.provisioner = ForkingProvisioner(
            kernel_id="", kernel_spec=manager.kernel_spec, parent=manager
        )
        manager.provisioner.nursery = kernels
    return manager
