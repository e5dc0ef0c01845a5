"""Kernels as Jupyter manages them: forked where there is a process to fork them from, else started one by one."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import subprocess
from pathlib import Path
from typing import Any, cast

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner

from coprod.render.nursery import Nursery

__all__ = ["UNHEARD", "ForkingProvisioner", "kernel_manager"]

ENDING = 5
"""For how many seconds a kernel that was told to end is waited for."""
# So many bytes has the path of a socket at most, on macOS and a few less than on Linux.
LONGEST_SOCKET = 104
# Jupyter prints tracebacks of what is raised too, and is said to the user once.
UNHEARD = logging.getLogger("coprod.kernels")
UNHEARD.addHandler(logging.NullHandler())
UNHEARD.propagate = False


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
