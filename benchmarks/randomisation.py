"""How long the randomisation tests of the experiment take: ``make bench``.

The tests of the book, and the same tests written as a loop over regressions with
``smf.ols("outcome ~ treated + C(area)")``, on one core. The loop goes over fewer assignments and is
scaled to as many. Both must give the same differences for the same assignments.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.results import update
from coprod.arms import OUTCOMES, Experiment
from coprod.experiment import Contrast
from coprod.nudges import randomisation_test
from coprod.panel import Panel, open_panel
from coprod.paths import PANEL
from coprod.randomisation import assignments, rerandomise

DRAWS = 10_000
LOOPED = 50
"""Assignments of each comparison that the loop goes over."""


@dataclass(frozen=True)
class Compared:
    """The tests of all comparisons and outcomes, and the loop, in processor seconds on one core."""

    respondents: int
    tests: int
    draws: int
    seconds: float
    looped_draws: int
    looped_seconds: float
    scaled_seconds: float
    """Of the loop over as many assignments as the tests."""
    ratio: float
    apart: float
    """The largest difference between the two for the same assignment, in points or shares."""


def contrasts(panel: Panel) -> Iterator[Contrast]:
    """Every comparison of both outcomes, as the tests make them."""
    experiment = Experiment.of(panel)
    for outcome in OUTCOMES:
        values, weights = experiment.outcome(outcome), experiment.weights(False)
        for comparison in experiment.comparisons():
            yield experiment.contrast(comparison, values, weights, what=outcome)


def loop(contrast: Contrast, drawn: NDArray[np.float64]) -> NDArray[np.float64]:
    """The difference of each assignment, by a regression each."""
    frame = pd.DataFrame({"outcome": contrast.outcome, "area": contrast.strata})
    found = []
    for treated in drawn:
        frame["treated"] = treated
        found.append(smf.ols("outcome ~ treated + C(area)", frame).fit().params["treated"])
    return np.array(found)


@threadpool_limits.wrap(limits=1)
def compare(panel: Panel, draws: int = DRAWS, looped: int = LOOPED) -> Compared:
    """Time the tests and the loop, and hold what they give for the same assignments together."""
    randomisation_test(panel, draws=100)  # imports, and the first use of the libraries
    started = time.process_time()
    tests = len(randomisation_test(panel, draws=draws))
    seconds = time.process_time() - started
    spent, apart = 0.0, 0.0
    generator = np.random.default_rng(1)
    for contrast in contrasts(panel):
        started = time.process_time()
        drawn = np.concatenate(
            list(assignments(contrast.treated, contrast.strata, looped, generator))
        )
        found = loop(contrast, drawn)
        spent += time.process_time() - started
        apart = max(apart, np.abs(found - rerandomise(contrast, iter([drawn])).draws).max())
    scaled = spent * draws / looped
    return Compared(
        respondents=len(panel.frame),
        tests=tests,
        draws=draws,
        seconds=round(seconds, 2),
        looped_draws=looped,
        looped_seconds=round(spent, 2),
        scaled_seconds=round(scaled, 1),
        ratio=round(scaled / seconds, 1),
        apart=float(apart),
    )


def main() -> None:
    """Measure, and write both files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--looped", type=int, default=LOOPED)
    found = compare(open_panel(PANEL), looped=parser.parse_args().looped)
    print(
        f"{found.tests} tests of {found.draws:,} draws: {found.seconds:.1f} s; as a loop "
        f"{found.scaled_seconds:.0f} s, {found.ratio:.0f} times as long"
    )
    update(randomisation=asdict(found))


if __name__ == "__main__":
    main()
