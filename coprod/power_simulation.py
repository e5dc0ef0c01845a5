"""Power by drawing experiments, to hold the formula of :mod:`coprod.power` against.

``python -m coprod.power_simulation`` (``make recovery``) does so for a grid of designs and writes
`data/power.csv`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from coprod.errors import ValidityError
from coprod.experiment import Contrast, Covariate
from coprod.parallel import Progress, Workers, add_arguments, command, run, show_progress
from coprod.paths import POWER
from coprod.power import Trial, detectable, errors, varied
from coprod.recovery import write_recovery

__all__ = ["grid", "read_power", "simulated_power"]

SEED = 20160205
EXPERIMENTS = 10_000
CHUNK = 500


def grid() -> list[tuple[Trial, float]]:
    """24 designs, each with an effect that it finds about half of the time.

    People assigned one by one or in groups, in one area or five, one arm against control or any of
    three nudges, outcomes in SDs and shares, with and without a covariate. A difference of two
    shares moves in steps of one person, and power with it: by a point or so where few are compared.

    Examples
    --------
    >>> len(grid())
    24
    """
    plain = Trial(respondents=520, areas=1, arms=2)
    trials: list[Trial] = []
    for trial in varied(plain, baseline=[None, 0.12, 0.4], areas=[1, 5], explained=[0.0, 0.05]):
        arms, covariates = (2 if trial.areas == 1 else 4), int(trial.explained > 0)
        trials.append(replace(trial, arms=arms, covariates=covariates))
    trials += varied(Trial(520, 1, 4, nudged=3), baseline=[None, 0.12], areas=[1, 5])
    grouped = Trial(500, 1, 2, alike=0.02, cluster=5)
    trials += varied(grouped, baseline=[None, 0.12], areas=[1, 5], cluster=[5, 10])
    halves = detectable(trials, chance=0.5)["detectable"]
    return [
        (trial, float(np.round(effect, 3))) for trial, effect in zip(trials, halves, strict=True)
    ]


def _drawn(trial: Trial, effect: float, generator: np.random.Generator) -> Contrast:
    """One experiment; everybody in the arms that are compared, as people or as groups."""
    each = round(trial.respondents / trial.arms / trial.cluster)
    sides = np.repeat([0.0, 1.0], [each, each * trial.nudged])
    treated = np.tile(sides, trial.areas)
    area = np.repeat(np.arange(trial.areas), len(sides))
    size = round(trial.cluster)
    groups = np.repeat(np.arange(len(treated)), size)
    person, place = treated[groups], area[groups]
    # What is known before, and what a group shares, are steps up or down: a share stays a share.
    known = generator.choice([-1.0, 1.0], len(person))
    shared = generator.choice([-1.0, 1.0], len(treated))[groups]
    moved = np.sqrt(trial.explained) * known + np.sqrt(trial.alike) * shared
    if trial.baseline is None:
        rest = np.sqrt(1 - trial.explained - trial.alike)
        outcome = (
            0.3 * place + effect * person + moved + rest * generator.standard_normal(len(person))
        )
    else:
        spread = np.sqrt(trial.baseline * (1 - trial.baseline))
        chance = trial.baseline + effect * person + spread * moved
        outcome = (generator.random(len(person)) < chance).astype(float)
    return Contrast(
        outcome,
        person,
        np.ones(len(person)),
        place,
        tuple(f"area {a}" for a in range(trial.areas)),
        (Covariate("known", known[:, None]),) if trial.explained else (),
        groups if size > 1 else None,
    ).aggregated()


def _found(trial: Trial, effect: float, times: int, seed: np.random.SeedSequence) -> list[float]:
    """How often experiments found something, and the sum of the sizes of what they found."""
    generator = np.random.default_rng(seed)
    found, size = 0, 0.0
    for _ in range(times):
        contrast = _drawn(trial, effect, generator)
        row = contrast.estimate("lin" if trial.explained else "strata").row()
        if row["p"] < 0.05 / trial.tests:
            found += 1
            size += abs(row["estimate"])
    return [found, size]


def simulated_power(
    designs: Sequence[tuple[Trial, float]],
    experiments: int = EXPERIMENTS,
    seed: int = SEED,
    jobs: Workers = 1,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Power and exaggeration by formula and by simulation.

    People are drawn, assigned within areas and analysed by :class:`coprod.experiment.Contrast`, as
    those of a panel are: by strata effects, by Lin's adjustment where there is a covariate, by the
    means of groups where groups were assigned.

    Parameters
    ----------
    designs
        Trials and their true effects.
    experiments
        How many of each.
    seed
        Of the experiments. The same seed gives the same numbers, whatever the number of processes.
    jobs, progress
        As for :func:`coprod.parallel.run`.

    Returns
    -------
    DataFrame
        As of :func:`coprod.power.errors`, with `simulated` (power), `simulated_error` (Monte Carlo
        standard error, of the power by formula), `apart` (difference in such errors),
        `simulated_type_m` and `experiments`.

    Examples
    --------
    >>> table = simulated_power([(Trial(respondents=60, areas=1, arms=2), 0.5)], experiments=500)
    >>> bool(table["apart"].abs().item() < 3.5)
    True
    """
    if experiments < CHUNK:
        raise ValidityError(f"experiments: {experiments} is too few; at least {CHUNK} are drawn")
    seeds = np.random.SeedSequence(seed).spawn(len(designs))
    chunks = experiments // CHUNK
    work = [
        (trial, effect, CHUNK, child)
        for (trial, effect), own in zip(designs, seeds, strict=True)
        for child in own.spawn(chunks)
    ]
    found = np.array(list(run(_found, work, jobs, progress)), dtype=float)
    times, sizes = found.reshape(len(designs), chunks, 2).sum(axis=1).T
    table = pd.concat([errors(trial, [effect]) for trial, effect in designs], ignore_index=True)
    n = chunks * CHUNK
    error = np.sqrt(table["power"] * (1 - table["power"]) / n)
    return table.assign(
        simulated=times / n,
        simulated_error=error,
        apart=(times / n - table["power"]) / error,
        simulated_type_m=sizes / times / table["effect"],
        experiments=n,
    )


def read_power(path: Path = POWER) -> pd.DataFrame:
    """The table as it was written; see :func:`simulated_power`.

    Raises
    ------
    ValidityError
        When it is not there: `make recovery` makes it.
    """
    if not path.exists():
        raise ValidityError(f"{path.name} is not there; `make recovery` makes it")
    return pd.read_csv(path)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write `data/power.csv`."""
    parser = argparse.ArgumentParser(prog="coprod.power_simulation", description=__doc__)
    parser.add_argument("experiments", nargs="?", type=int, default=EXPERIMENTS)
    add_arguments(parser)
    given = parser.parse_args(arguments)
    table = simulated_power(grid(), given.experiments, jobs=given.jobs, progress=show_progress)
    write_recovery(table, POWER)


if __name__ == "__main__":
    command("coprod.power_simulation")
