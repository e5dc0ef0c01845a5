"""Ends a build at once when it is told to: no process stays, nothing half made, and the old book as it was.

A build may be in the middle of anything: Pandoc runs, Typst cannot be interrupted, kernels compute. It does
not wait for them, since it has to survive a sudden death anyway.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from coprod.render.place import abandon

__all__ = ["ended_at_once"]

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
# How often it is looked for processes that other threads have started meanwhile.
ROUNDS = 20


@contextlib.contextmanager
def ended_at_once(farewell: Callable[[], None]) -> Iterator[None]:
    """While this lasts, Ctrl-C and a request to end are obeyed at once, with the status that shells expect.

    Parameters
    ----------
    farewell
        Called before, to leave the terminal as it was.
    """

    def end(number: int, frame: FrameType | None) -> None:
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        farewell()
        end_children()
        abandon()
        os._exit(128 + number)

    before = {}
    if threading.current_thread() is threading.main_thread():
        # What is ignored stays so: a build in the background is not ended by Ctrl-C.
        before = {
            each: handler
            for each in SIGNALS
            if (handler := signal.getsignal(each)) not in (signal.SIG_IGN, None)
        }
        for each in before:
            signal.signal(each, end)
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def end_children() -> None:
    """End every process that this one has started, and theirs."""
    import psutil  # it comes with ipykernel

    for _ in range(ROUNDS):
        children = psutil.Process().children(recursive=True)
        if not children:
            return
        for child in children:
            with contextlib.suppress(psutil.Error):
                child.kill()
        psutil.wait_procs(children, timeout=1)
