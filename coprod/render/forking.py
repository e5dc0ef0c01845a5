"""The process from which kernels are forked: it may have imported what they need, and computes nothing.

It is run as a file, and so never imports `coprod`: a kernel that it makes reads the package as it is
then. It takes one request a line, and answers each with the process it has made, or with its end:

    {"start": NUMBER, "arguments": [...], "folder": "...", "environment": {...}}
    {"started": NUMBER, "process": PID}
    {"ended": PID, "status": STATUS}

When whoever asks is gone, so is this process, and all that it made: its kernels, and whatever their cells
have started. With the argument `preload` it imports first what most kernels need.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import select
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

# Not what draws: Matplotlib's backend for notebooks sets itself up for the kernel that loads it.
PRELOADED = (
    *("numpy", "pandas", "scipy.stats", "scipy.optimize", "scipy.linalg", "scipy.special"),
    *("scipy.sparse", "statsmodels.stats.multitest", "matplotlib.pyplot", "seaborn"),
    *("great_tables", "yaml", "pyarrow.csv", "pyarrow.parquet", "joblib", "jsonschema"),
    *("ipykernel.kernelapp", "ipykernel.ipkernel"),
)
# Of Linux: which signal a process gets when its parent ends, and that it is given the orphans below it.
PARENT_ENDS, TAKES_ORPHANS = 1, 36


def main() -> None:
    """Import, then fork a kernel for each request, until there is nobody to ask."""
    here = os.getpid()
    control = ctypes.CDLL(None).prctl
    control(TAKES_ORPHANS, 1)
    if "preload" in sys.argv:
        # It would not see in the meantime that there is nobody to ask.
        control(PARENT_ENDS, signal.SIGKILL)
        os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
        # What is imported stays: to look again and again whether it is still needed takes a fifth of the time, and
        # would have each kernel copy it.
        gc.disable()
        for name in PRELOADED:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
        gc.freeze()
        gc.enable()
        control(PARENT_ENDS, 0)
    # A pipe that a child's end wakes.
    woken, wakes = os.pipe()
    os.set_blocking(wakes, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes)
    # Ctrl-C is for whoever asks; it ends what it asked for.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    alive: set[int] = set()
    waiting = b""
    while True:
        ready, _, _ = select.select([0, woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
            _bury(alive)
        if 0 in ready:
            given = os.read(0, 65536)
            if not given:
                break
            *lines, waiting = (waiting + given).split(b"\n")
            for line in lines:
                request = json.loads(line)
                process = os.fork()
                if not process:
                    control(PARENT_ENDS, signal.SIGKILL)
                    if os.getppid() != here:  # it has ended already
                        os._exit(1)
                    _become_kernel(request)
                alive.add(process)
                _say(started=request["start"], process=process)
    _end_all(alive)
    # Whoever asked may wait for it, and to take down all that was imported takes a while.
    os._exit(0)


def _end_all(kernels: set[int]) -> None:
    """End the kernels with their groups, and then what has left those, which this process is given."""
    for process in kernels:
        # The process too, which may not lead its group yet.
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(OSError):
                kill(process, signal.SIGKILL)
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    with contextlib.suppress(OSError):
        while below := [int(process) for process in children.read_text().split()]:
            for process in below:
                os.kill(process, signal.SIGKILL)
                os.waitpid(process, 0)


def _bury(alive: set[int]) -> None:
    for process in list(alive):
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            alive.discard(process)
            _say(ended=process, status=os.waitstatus_to_exitcode(status))


def _say(**facts: int) -> None:
    # Whoever asked may be gone: the kernels are still to be ended.
    with contextlib.suppress(OSError):
        os.write(1, json.dumps(facts).encode() + b"\n")


def _become_kernel(request: dict[str, Any]) -> None:
    """Be a kernel as a process of its own would be; never returns."""
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        for each in (signal.SIGCHLD, signal.SIGINT):
            signal.signal(
                each, signal.SIG_DFL if each == signal.SIGCHLD else signal.default_int_handler
            )
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
        time.tzset()
        sys.path.insert(0, "")  # before what PYTHONPATH names, not over it
        from ipykernel.kernelapp import IPKernelApp

        sys.argv = ["ipykernel_launcher.py", *request["arguments"]]
        # It ends itself when its parent is gone.
        IPKernelApp.launch_instance(request["arguments"], parent_handle=os.getppid())
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # nothing above must go on in this process
        traceback.print_exc()
    finally:
        os._exit(status)


if __name__ == "__main__":
    main()
