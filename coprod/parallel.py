"""The same function on many arguments, in one process or several, in a fixed order."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from coprod.errors import ValidityError

__all__ = ["Progress", "run", "show_progress"]

Progress = Callable[[int, int], None]
"""Told how many are done, and of how many."""


def run(
    function: Callable[..., object],
    arguments: Sequence[tuple[object, ...]],
    jobs: int,
    progress: Progress | None = None,
) -> Iterator[object]:
    """Results of a function in the order of its arguments, from one process or several.

    Parameters
    ----------
    function
        Of a module, so that another process finds it.
    arguments
        Its arguments, one tuple a call.
    jobs
        Processes.
    progress
        Told how many calls are done, and of how many, after each.
    """
    if jobs < 1:
        raise ValidityError(f"jobs: {jobs} is not possible; it takes at least one process")
    pool = ProcessPoolExecutor(jobs, get_context("spawn")) if jobs > 1 else None
    try:
        results = (
            pool.map(function, *zip(*arguments, strict=True))
            if pool
            else (function(*given) for given in arguments)
        )
        for done, result in enumerate(results, 1):
            if progress:
                progress(done, len(arguments))
            yield result
    finally:
        if pool:
            pool.shutdown(cancel_futures=True)


def show_progress(done: int, total: int) -> None:
    """How far a run is, on one line of the standard error stream."""
    sys.stderr.write(f"\r{done:,} of {total:,}" + ("\n" if done == total else ""))
    sys.stderr.flush()
