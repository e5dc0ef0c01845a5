"""What the estimators cost as a panel grows, beside statsmodels and R: ``make bench``.

Each task at each size runs in a process of its own, on one core, on a synthetic panel that is drawn
before the clock starts. The same estimates are made by formulas and loops of statsmodels, and by R's
``survey`` and ``estimatr`` where Rscript and they are installed. A loop that would run for days goes
round a few times; its time is scaled, and said to be. Results go to ``benchmarks/results.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import loops
from benchmarks.results import update
from coprod import background, levels, nudges
from coprod.correlates import blocks, by_form, compare_blocks, compare_forms, fit, rank_agreement
from coprod.instrument import load_instrument
from coprod.panel import Panel
from coprod.scales import indices
from coprod.synthetic import synthesise

SIZES = (10_000, 100_000, 1_000_000)
LOOPED_SIZES = (10_000, 100_000)
SEED = 20160201
SCRIPT = Path(__file__).with_name("estimators.R")

TASKS: dict[str, tuple[str, Callable[[Panel], object]]] = {
    "means": ("mean indices by issue", levels.means),
    "regression": ("clustered regression", lambda panel: fit(panel, "collective")),
    "forms": ("comparison of forms", compare_forms),
    "blocks": ("blocks and Shapley shares, 2,000 samples", lambda p: blocks(p, "collective")),
    "effects": ("effects of the nudges", lambda p: nudges.effects(p, weights=["unweighted"])),
    "randomisation": ("randomisation tests, 10,000 draws", nudges.randomisation_test),
    "everything": (
        "all levels, regressions, blocks, comparisons and the experiment",
        lambda panel: everything(panel),
    ),
}
"""What is measured: its name in the table, and the call."""


def everything(panel: Panel) -> None:
    """What the chapters on levels, correlates and nudges ask for, once each."""
    levels.shares(panel)
    for by in ((), ("issue",), ("issue", "area")):
        levels.means(panel, by)
    for function in (levels.gaps, background.means, background.wald_tests):
        function(panel)
    by_form(fit, panel)
    by_form(blocks, panel)
    for compared in (compare_forms, compare_blocks, rank_agreement):
        compared(panel)
    for step in (
        nudges.flow,
        nudges.balance,
        nudges.balance_test,
        nudges.effects,
        nudges.equivalence,
        nudges.heterogeneity,
        nudges.randomisation_test,
    ):
        step(panel)


@dataclass(frozen=True)
class Cost:
    """One task at one size.

    Attributes
    ----------
    task, by, respondents
        What was done, by 'coprod', 'statsmodels' or 'R', of how many.
    wall_seconds, processor_seconds, peak_megabytes
        The last is of the whole process, with the panel and the libraries.
    scaled
        By how much the time was multiplied, where a loop went round fewer times; 1 where not.
    """

    task: str
    by: str
    respondents: int
    wall_seconds: float
    processor_seconds: float
    peak_megabytes: float
    scaled: float = 1.0


def drawn(respondents: int) -> Panel:
    """A synthetic panel of this size."""
    frame = synthesise(respondents=respondents, seed=SEED)
    return Panel(frame, load_instrument(), "synthetic", synthetic=True)


def here(task: str, by: str, respondents: int) -> Cost:
    """Do a task in this process."""
    panel, scaled = drawn(respondents), 1.0
    small = drawn(2_000)
    if by == "coprod":
        TASKS[task][1](small)  # imports, and the first use of the libraries
        wall, processor = time.monotonic(), time.process_time()
        TASKS[task][1](panel)
    else:
        function = loops.TASKS[task]
        function(small)
        wall, processor = time.monotonic(), time.process_time()
        scaled = function(panel)
    wall, processor = time.monotonic() - wall, time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Cost(task, by, respondents, wall * scaled, processor * scaled, peak, scaled)


def apart(task: str, by: str, respondents: int) -> Cost:
    """Do a task in a process of its own, with one thread."""
    one = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "benchmarks.estimators", "--one", task, by, str(respondents)]
    done = subprocess.run(
        command, env=os.environ | one, stdout=subprocess.PIPE, text=True, check=True
    )
    return Cost(**json.loads(done.stdout))


def in_r(respondents: int, tasks: list[str]) -> list[Cost]:
    """The tasks by R's survey and estimatr; none, with a word, where they are not installed."""
    program = shutil.which("Rscript")
    needed = "for (p in c('survey', 'estimatr')) library(p, character.only = TRUE)"
    if program is None or subprocess.run([program, "-e", needed], capture_output=True).returncode:
        print("R with survey and estimatr is not installed: nothing is compared with it")
        return []
    panel = drawn(respondents)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        long, wide = Path(folder) / "long.csv", Path(folder) / "wide.csv"
        loops.complete(panel).to_csv(long, index=False)
        indices(panel)[["respondent", "area", "issue", "weight", *panel.instrument.forms]].to_csv(
            Path(folder) / "all.csv", index=False
        )
        loops.experiment(panel).to_csv(wide, index=False)
        for task in tasks:
            done = subprocess.run(
                [program, "--vanilla", str(SCRIPT), task, folder],
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            wall, processor, peak = map(float, done.stdout.split()[-3:])
            found.append(Cost(task, "R", respondents, wall, processor, peak))
    return found


def exponent(costs: list[Cost]) -> float:
    """The power of the number of respondents with which the processor time grows, on log-log."""
    people = np.log([cost.respondents for cost in costs])
    seconds = np.log([max(cost.processor_seconds, 1e-3) for cost in costs])
    return float(np.polyfit(people, seconds, 1)[0])


def commands(respondents: int) -> list[Cost]:
    """Drawing a panel into a file, and checking that file, as the commands do."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "panel.csv")
        for task, arguments in {
            "synthesise": ["--respondents", str(respondents), "--out", file],
            "check": [file],
        }.items():
            started = time.monotonic()
            process = subprocess.Popen(
                [sys.executable, "-m", "coprod", task, *arguments], stdout=subprocess.DEVNULL
            )
            _, status, usage = os.wait4(process.pid, 0)
            if status:
                raise SystemExit(f"coprod {task} failed")
            wall, processor = time.monotonic() - started, usage.ru_utime + usage.ru_stime
            found.append(Cost(task, "coprod", respondents, wall, processor, usage.ru_maxrss / 1024))
    return found


def measure(sizes: list[int], looped: list[int]) -> dict[str, object]:
    """All tasks: what each costs, and the power with which that grows."""
    costs: list[Cost] = []

    def add(*new: Cost) -> None:
        for cost in new:
            costs.append(cost)
            print(
                f"{cost.task}, {cost.by}, {cost.respondents:,}: {cost.processor_seconds:.1f} s "
                f"processor, {cost.wall_seconds:.1f} s wall, {cost.peak_megabytes:.0f} MB",
                flush=True,
            )

    for size in sizes:
        add(*commands(size))
        add(*(apart(task, "coprod", size) for task in TASKS))
    for size in looped:
        add(*(apart(task, "statsmodels", size) for task in loops.TASKS))
        add(*in_r(size, ["means", "regression", "effects"]))
    own = pd.DataFrame([asdict(cost) for cost in costs if cost.by == "coprod"])
    grows = {
        str(task): round(
            exponent([cost for cost in costs if cost.by == "coprod" and cost.task == task]), 2
        )
        for task in dict.fromkeys(own["task"])
        if len(sizes) > 1
    }
    return {
        "costs": [
            {k: round(v, 2) if isinstance(v, float) else v for k, v in asdict(cost).items()}
            for cost in costs
        ],
        "exponents": grows,
        "labels": {name: label for name, (label, _) in TASKS.items()},
    }


def main() -> None:
    """Measure, and write both files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", nargs=3, metavar=("TASK", "BY", "RESPONDENTS"))
    parser.add_argument("--sizes", nargs="+", type=int, default=list(SIZES))
    parser.add_argument("--looped", nargs="*", type=int, default=list(LOOPED_SIZES))
    given = parser.parse_args()
    if given.one:
        task, by, respondents = given.one
        print(json.dumps(asdict(here(task, by, int(respondents)))))
        return
    update(estimators=measure(given.sizes, given.looped))


if __name__ == "__main__":
    main()
