"""How long the book takes to make, and how much memory: ``make bench``.

Each case is run in a process of its own, from a fresh folder. Wall time, the processor time of all
processes and the peak of their memory together go to ``benchmarks/results.json``, from which
``benchmarks/RESULTS.md`` and ``REPRODUCING.md`` are written.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from benchmarks.results import update

PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Measured:
    """One case, the median run of several."""

    case: str
    wall_seconds: float
    processor_seconds: float
    peak_megabytes: float
    runs: int


def measure(command: list[str]) -> tuple[float, float, float]:
    """Run a command; return wall seconds, processor seconds and peak megabytes of all its processes."""
    before = os.times()
    started = time.monotonic()
    process = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, memory(process))
        time.sleep(0.05)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{process.stderr.read().decode()}")
    after = os.times()
    processor = (
        after.children_user + after.children_system - before.children_user - before.children_system
    )
    return time.monotonic() - started, processor, peak


def memory(process: psutil.Process) -> float:
    """The memory of a process and all below it, what they share counted once, in megabytes."""
    total = 0
    for each in [process, *process.children(recursive=True)]:
        try:
            full = each.memory_full_info()
            total += getattr(full, "pss", full.rss)
        except psutil.Error:
            continue
    return total / 2**20


def cases(folder: Path) -> dict[str, list[str]]:
    """The commands to measure."""
    render = [
        sys.executable,
        "-m",
        "coprod",
        "render",
        "--engine",
        "embedded",
        "--quiet",
        "--out",
        str(folder / "book"),
    ]
    conformance = PROJECT / "tests" / "conformance" / "book"
    return {
        "this book, website and PDF": [*render, "--project", str(PROJECT)],
        "this book, website only": [*render, "--project", str(PROJECT), "--to", "html"],
        "the conformance book, website and PDF": [*render, "--project", str(conformance)],
    }


def main() -> None:
    """Measure, and write both files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    measured = []
    for case in cases(Path()):
        found = []
        for _ in range(runs):
            with tempfile.TemporaryDirectory() as temporary:
                found.append(measure(cases(Path(temporary))[case]))
        wall, processor, peak = sorted(found)[runs // 2]
        measured.append(Measured(case, round(wall, 2), round(processor, 2), round(peak, 1), runs))
        print(f"{case}: {wall:.1f} s wall, {processor:.1f} s processor, {peak:.0f} MB")
    update(cases=[asdict(each) for each in measured])


if __name__ == "__main__":
    main()
