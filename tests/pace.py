"""Processor seconds as they are on a machine of one pace, however busy this one is."""

from __future__ import annotations

import json
import select
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

__all__ = ["Pace", "measured_pace"]

# What the piece of work takes beside a build on the machine class that benchmarks/RESULTS.md names, in a quiet hour.
USUAL_SECONDS = 0.0125
EVERY_SECONDS = 1.0


@dataclass
class Pace:
    """Processor time that was spent, and how long a piece of work of known length took meanwhile.

    The same computations were seen to take twice the processor time in another hour, as what runs beside them shares
    caches and memory with them. What that piece takes longer than usual is taken off.
    """

    spent: float = 0.0
    took: list[float] = field(default_factory=list)

    @property
    def slowness(self) -> float:
        """How many times as long as usual the piece of work took."""
        return statistics.fmean(self.took) / USUAL_SECONDS

    @property
    def seconds(self) -> float:
        """What was spent here and in processes that were started and have ended, at the usual pace."""
        return self.spent / self.slowness


@contextmanager
def measured_pace() -> Iterator[Pace]:
    """Do the piece of work now and then while something else is done; the answer is whole when that has ended."""
    pace = Pace()
    started = _processor_seconds()
    command = [sys.executable, "-P", __file__]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield pace
        said, _ = process.communicate()
    pace.took, itself = json.loads(said)
    pace.spent = _processor_seconds() - started - itself


def _processor_seconds() -> float:
    # Here, since not every system has it.
    import resource

    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def main() -> None:
    """Work on cross-products, groups and plain Python, which is what chapters are made of, until told to end."""
    import numpy as np
    import pandas as pd

    drawn = np.random.default_rng(1)
    # More than fits into a processor's own cache.
    frame = pd.DataFrame(drawn.normal(size=(20_000, 30)))
    groups = drawn.integers(0, 50, len(frame))
    took = []
    while True:
        started = time.process_time()
        values = frame.to_numpy()
        np.linalg.solve(values.T @ values, values.T @ values[:, 0])
        frame.groupby(groups).mean()
        words = [f"{number}" for number in range(50_000)]
        dict(zip(words, map(len, words), strict=True))
        took.append(time.process_time() - started)
        if select.select([sys.stdin], [], [], EVERY_SECONDS)[0]:
            break
    print(json.dumps([took, time.process_time()]))


if __name__ == "__main__":
    main()
