"""What other processes are given to do, in a file that they import quickly."""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from threadpoolctl import threadpool_info

__all__ = ["busy", "scattered", "simulate"]


def busy(_: int) -> int:
    """A number with the process that does this and the threads that its linear algebra may use."""
    time.sleep(0.05)
    return os.getpid() * 1_000 + max(found["num_threads"] for found in threadpool_info())


def simulate(seed: np.random.SeedSequence) -> float:
    """A number that depends on the order in which linear algebra adds up."""
    drawn = np.random.default_rng(seed).normal(size=(300, 300))
    return float(np.linalg.svd(drawn @ drawn.T, compute_uv=False).std())


def scattered(
    function: Callable[..., object],
    arguments: Sequence[tuple[object, ...]],
    *_: object,
) -> Iterator[object]:
    """In place of :func:`coprod.parallel.run`: the last call first, each on copies of its own.

    Processes would take seconds to start. What a call would leave behind for the next, or take
    from one before, changes the results. That processes themselves change nothing is shown of
    `run`, by its own tests.
    """
    calls = [pickle.dumps((function, given)) for given in arguments]
    results = []
    for call in reversed(calls):
        copied, given = pickle.loads(call)
        results.append(copied(*given))
    yield from reversed(results)
