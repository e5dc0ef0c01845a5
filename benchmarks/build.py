"""How long the book takes to make, and how much memory: ``make bench``.

Everything happens in a clone, whose files are changed as a case says. Each run is a process of its
own. Wall time, the processor time of all processes and the peak of their memory together go to
``benchmarks/results.json``, from which ``benchmarks/RESULTS.md`` and ``REPRODUCING.md`` are written. The
same run measures what no build can do without (``benchmarks/floor.py``), and Quarto where it is on the PATH.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
import yaml

from benchmarks.results import floors, update

PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Measured:
    """One case, the median run of several."""

    case: str
    wall_seconds: float
    processor_seconds: float
    peak_megabytes: float
    runs: int


def measure(command: list[str], folder: Path) -> tuple[float, float, float]:
    """Run a command; return wall seconds, processor seconds and peak megabytes of all its processes."""
    before = os.times()
    started = time.monotonic()
    said = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 - as long as the process
    process = psutil.Popen(
        command, cwd=folder, env=environment(folder), stdout=subprocess.DEVNULL, stderr=said
    )
    peak = 0.0
    while process.poll() is None:
        looked = time.monotonic()
        peak = max(peak, memory(process))
        # To look takes the processes' own time: at most a twentieth of it.
        took = time.monotonic() - looked
        with contextlib.suppress(psutil.TimeoutExpired):
            process.wait(max(0.05, 20 * took))
    wall = time.monotonic() - started
    if process.returncode:
        said.seek(0)
        raise SystemExit(f"{' '.join(command)} failed:\n{said.read()}")
    said.close()
    after = os.times()
    processor = (
        after.children_user + after.children_system - before.children_user - before.children_system
    )
    return wall, processor, peak


def environment(folder: Path) -> dict[str, str]:
    """That of each run: the clone's own package, also in the kernels; what Python compiles is kept, as by default."""
    return os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": ""}


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


def least(project: Path, folder: Path, runs: int, *chapter: str) -> dict[str, dict[str, float]]:
    """What a book cannot be made without, or the cells of a chapter: wall and processor seconds.

    The median of several processes.
    """
    found = []
    for number in range(runs):
        from_nothing(folder, number)
        command = [sys.executable, "-m", "benchmarks.floor", str(project), *chapter]
        run = subprocess.run(
            command,
            cwd=folder,
            env=environment(folder) | KERNEL,
            stdout=subprocess.PIPE,
            check=True,
        )
        found.append(json.loads(run.stdout))
    found.sort(key=lambda each: sum(step["wall_seconds"] for step in each.values()))
    return dict(found[len(found) // 2])


def quarto(folder: Path, runs: int) -> list[Measured]:
    """Quarto's own builds of this book, with what it has frozen and without; none where there is no Quarto."""
    if shutil.which("quarto") is None:
        return []
    config = folder / "_quarto.yml"
    text = config.read_text(encoding="utf-8")
    measured = []
    for freeze in (False, "auto"):
        said = yaml.safe_load(text)
        said.setdefault("execute", {})["freeze"] = freeze
        config.write_text(yaml.safe_dump(said, sort_keys=False), encoding="utf-8")
        if freeze:
            measure(["quarto", "render"], folder)  # it freezes first
        found = [measure(["quarto", "render"], folder) for _ in range(runs)]
        measured.append(median(f"quarto render, {'all frozen' if freeze else 'no freeze'}", found))
    config.write_text(text, encoding="utf-8")
    return measured


def median(case: str, found: list[tuple[float, float, float]]) -> Measured:
    """The run in the middle by wall time."""
    wall, processor, peak = sorted(found)[len(found) // 2]
    return Measured(case, round(wall, 2), round(processor, 2), round(peak, 1), len(found))


# As the build lets its kernels compute.
KERNEL = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
RENDER = [sys.executable, "-m", "coprod", "render", "--engine", "embedded", "--quiet"]
CONFORMANCE = Path("tests") / "conformance" / "book"
COLD = "this book, website and PDF"
"""The case that the book itself speaks of."""
CELL_EDITED = "this book, one cell edited"
EDITED = "chapters/levels.qmd"
CONFORMANCE_COLD = "the conformance book, website and PDF"


def changed(file: str, old: str, new: str) -> Callable[[Path, int], None]:
    """A change of a file of the clone, another one for each run."""

    def change(folder: Path, run: int) -> None:
        path = folder / file
        text = path.read_text(encoding="utf-8").replace(f"{new} {run - 1}", old)
        if old not in text:
            raise SystemExit(f"{file} has no {old!r} to change")
        path.write_text(text.replace(old, f"{new} {run}", 1), encoding="utf-8")

    return change


def nothing(folder: Path, run: int) -> None:
    """No change."""


def from_nothing(folder: Path, run: int) -> None:
    """Not even single results are kept, which a build without a cache would still find."""
    shutil.rmtree(folder / ".cache", ignore_errors=True)


# What is measured, what is changed before each run, and the options of the build.
CASES: dict[str, tuple[Callable[[Path, int], None], list[str]]] = {
    COLD: (from_nothing, ["--no-cache"]),
    "this book, website only": (from_nothing, ["--no-cache", "--to", "html"]),
    CONFORMANCE_COLD: (
        from_nothing,
        ["--no-cache", "--project", str(CONFORMANCE)],
    ),
    "this book, first with what is kept": (from_nothing, []),
    "this book, nothing changed": (nothing, []),
    "this book, one paragraph edited": (
        changed(EDITED, "Each picture shows one issue.", "Each picture shows an issue."),
        [],
    ),
    CELL_EDITED: (
        # One that the reader sees, in a table and in the text.
        changed(
            EDITED,
            'gaps = levels.gaps(panel, by=("issue",))',
            'gaps = levels.gaps(panel, by=("issue",)); gaps["gap"] += 1 +',
        ),
        [],
    ),
    "this book, the package edited": (
        changed(
            "coprod/paths.py",
            "from __future__ import annotations",
            "from __future__ import annotations  #",
        ),
        [],
    ),
    "the conformance book, first with what is kept": (nothing, ["--project", str(CONFORMANCE)]),
    "the conformance book, nothing changed": (nothing, ["--project", str(CONFORMANCE)]),
}


def main() -> None:
    """Measure, and write both files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    measured = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "project"
        subprocess.run(["git", "clone", "--quiet", str(PROJECT), str(folder)], check=True)
        for case, (change, options) in CASES.items():
            found = []
            for run in range(runs if "first" not in case else 1):
                change(folder, run)
                found.append(measure([*RENDER, *options], folder))
            each = median(case, found)
            measured.append(each)
            print(
                f"{case}: {each.wall_seconds:.1f} s wall, {each.processor_seconds:.1f} s processor, "
                f"{each.peak_megabytes:.0f} MB",
                flush=True,
            )
        measured += quarto(folder, runs)
        floor = {
            case: least(folder / project, folder, runs)
            for case, project in ((COLD, Path()), (CONFORMANCE_COLD, CONFORMANCE))
        }
        edited = {CELL_EDITED: least(folder, folder, runs, EDITED)}
    cases = [asdict(each) for each in measured]
    update(cases=cases, floor=floor, edited=edited)
    print("\n".join(floors(floor, cases, edited)))


if __name__ == "__main__":
    main()
