"""Whether the analyses of the experiment give back what is known: thousands of experiments.

``python -m coprod.experiment_recovery`` (``make recovery``) draws experiments from `data/design.yml`,
and again with nudges that do nothing, analyses each as the chapter on nudges does, and writes bias,
coverage and the share of false findings to `data/experiments.csv`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coprod.arms import OUTCOMES
from coprod.design import Design, load_design
from coprod.errors import ValidityError
from coprod.nudges import effects, randomisation_test
from coprod.panel import Panel
from coprod.parallel import Progress, Workers, add_arguments, command, run, show_progress
from coprod.paths import EXPERIMENTS
from coprod.recovery import accuracy, drawn_panel, write_recovery
from coprod.synthetic import synthesise
from coprod.truth import fingerprint, read_kept

__all__ = ["experiment_recovery", "read_experiments", "true_effects", "with_effects"]

Floats = NDArray[np.float64]

SEED = 20160204
EXPERIMENTS_DRAWN = 5_000
DRAWS = 999
PEOPLE = 2_000_000
CHUNKS = 20
FAMILY = "any of the arms"

Key = tuple[str, str, str, str]
KEYS = ("under", "method", "outcome", "arm")
Estimate = tuple[Key, tuple[float, float, float, float, float]]
"""A key, then value, standard error, low and high (NaN for a test), and p."""


def with_effects(
    effects: Mapping[str, float] | None = None, design: Design | None = None
) -> Design:
    """The design with other effects of the arms; with None, every arm does what control does.

    Parameters
    ----------
    effects
        In SDs of willingness, for some arms.
    design
        The design; `data/design.yml` where None.

    Examples
    --------
    >>> with_effects({"norm": 0.3})["experiment.effects"]
    {'control': 0.0, 'norm': 0.3, 'efficacy': 0.0, 'invitation': 0.1}
    >>> set(with_effects()["experiment.effects"].values())
    {0.0}
    """
    values = deepcopy((design or load_design()).values)
    before = values["experiment"]["effects"]
    values["experiment"]["effects"] = (
        dict.fromkeys(before, 0.0) if effects is None else before | dict(effects)
    )
    return Design(values)


def _everybody_given(design: Design, respondents: int, seed: np.random.SeedSequence) -> Floats:
    """Arms × outcomes: the mean change of everybody's answer; then the SD of control's answers."""
    own = design["experiment.effects"]
    outcomes = {}
    for effect in sorted({0.0, *own.values()}):
        # One seed: the same people with the same chances, in another arm.
        same = np.random.SeedSequence(seed.entropy, spawn_key=seed.spawn_key)
        given = with_effects(dict.fromkeys(own, effect), design)
        frame = synthesise(given, respondents, same)
        outcomes[effect] = frame[list(OUTCOMES)].to_numpy(dtype=float)
    rows = [np.nanmean(outcomes[effect] - outcomes[0.0], axis=0) for effect in own.values()]
    return np.array([*rows, np.nanstd(outcomes[own["control"]], axis=0)])


def true_effects(
    design: Design | None = None,
    people: int = PEOPLE,
    seed: int = SEED,
    jobs: Workers = 1,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """What each arm truly does: the same people, given the arm and given control.

    Parameters
    ----------
    design
        The design; `data/design.yml` where None.
    people
        How many who answer the survey are drawn, in chunks.
    seed
        Of the draws.
    jobs, progress
        As for :func:`coprod.parallel.run`.

    Returns
    -------
    DataFrame
        One row an arm but control, and 'pooled', and outcome: `arm`, `outcome`, `truth` (points of
        `willing`, share of `signup`), `truth_error` (Monte Carlo standard error), `control_sd`.

    Examples
    --------
    >>> found = true_effects(people=20_000).set_index(["arm", "outcome"])
    >>> found.loc[("efficacy", "willing"), "truth"].item()
    0.0
    """
    design = design or load_design()
    seeds = np.random.SeedSequence(seed).spawn(CHUNKS)
    work = [(design, people // CHUNKS, child) for child in seeds]
    found = np.array(list(run(_everybody_given, work, jobs, progress)))
    arms = list(design["experiment.effects"])
    rows = []
    for o, outcome in enumerate(OUTCOMES):
        nudged = {arm: found[:, a, o] for a, arm in enumerate(arms) if a}
        for arm, change in {**nudged, "pooled": np.mean(list(nudged.values()), axis=0)}.items():
            rows.append(
                {
                    "arm": arm,
                    "outcome": outcome,
                    "truth": float(change.mean()),
                    "truth_error": float(change.std(ddof=1) / np.sqrt(CHUNKS)),
                    "control_sd": float(found[:, -1, o].mean()),
                }
            )
    return pd.DataFrame(rows)


def _analysed(panel: Panel, under: str, draws: int, seed: int) -> Iterator[Estimate]:
    tables = [effects(panel, weights=["unweighted"])]
    if draws:
        tested = randomisation_test(panel, draws, seed)
        tables.append(tested.assign(adjustment="randomisation", standard_error=np.nan))
    for table in tables:
        for row in table.itertuples():
            key = (under, row.adjustment, row.outcome, row.arm)
            yield key, (row.estimate, row.standard_error, row.low, row.high, row.p)
        for method, part in table[table["family"] == "arms"].groupby("adjustment"):
            yield (under, str(method), "", FAMILY), (*[np.nan] * 4, part["p_holm"].min())


def _experiment(
    design: Design, nothing: Design, seed: np.random.SeedSequence, draws: int
) -> list[Estimate]:
    """One experiment with the design's effects, and one whose nudges do nothing."""
    found: list[Estimate] = []
    for scenario, under, child in zip(
        (design, nothing), ("design", "nothing"), seed.spawn(2), strict=True
    ):
        tests = draws if under == "nothing" else 0
        panel = drawn_panel(scenario, child)
        found += _analysed(panel, under, tests, int(child.generate_state(1)[0]))
    return found


def experiment_recovery(
    experiments: int = EXPERIMENTS_DRAWN,
    seed: int = SEED,
    jobs: Workers = 1,
    draws: int = DRAWS,
    people: int = PEOPLE,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Bias, coverage and false findings of the analyses of the experiment.

    Each experiment is drawn from `data/design.yml`, gaps in the answers included, and analysed by
    :func:`coprod.nudges.effects`; another, in which every arm does what control does, also by
    :func:`coprod.nudges.randomisation_test`.

    Parameters
    ----------
    experiments
        How many of each.
    seed
        Of the experiments; one seed each is spawned from it.
    jobs
        As for :func:`coprod.parallel.run`. They change no value.
    draws
        Assignments within each randomisation test.
    people
        Drawn for the true effects.
    progress
        Told how many experiments are done, and of how many.

    Returns
    -------
    DataFrame
        One row `under` which the experiments were drawn ('design', 'nothing'), `method` ('strata',
        'lin', 'randomisation'), `outcome` and `arm`. Of estimates under 'design': `truth`, `mean`,
        `bias`, `bias_error` (Monte Carlo standard error, that of the truth included), `bias_sd` (in
        SDs of control), `coverage` (of 95 % intervals), `coverage_error`, `deviation` (SD of the
        estimates), `standard_error` (mean of those estimated). Of all: `found`
        (share of p below .05; for 'any of the arms' the share of experiments with such a p after
        Holm), `found_error`, `false` (whether there is nothing to be found). Then `experiments`,
        `draws`, `seed`, `design`.

    Raises
    ------
    ValidityError
        If there are fewer than two experiments or nineteen draws.

    Examples
    --------
    >>> table = experiment_recovery(experiments=2, draws=19, people=40_000)
    >>> table.groupby("under")["method"].nunique().to_dict()
    {'design': 2, 'nothing': 3}
    """
    if experiments < 2:
        raise ValidityError(f"experiments: {experiments} is too few; at least 2 are needed")
    if draws < 19:
        raise ValidityError(f"draws: {draws} is too few; a p-value of .05 needs at least 19")
    design, nothing = load_design(), with_effects()
    seeds = np.random.SeedSequence(seed).spawn(experiments)
    work = [(design, nothing, child, draws) for child in seeds]
    keys: list[Key] = []
    values: list[list[tuple[float, ...]]] = []
    for found in run(_experiment, work, jobs, progress):
        assert isinstance(found, list)
        keys = [key for key, _ in found]
        values.append([numbers for _, numbers in found])
    known = true_effects(design, people, seed, jobs)
    constant = {"experiments": experiments, "draws": draws, "seed": seed, "design": fingerprint()}
    return _summary(keys, np.array(values), known).assign(**constant)


def _summary(keys: Sequence[Key], values: Floats, known: pd.DataFrame) -> pd.DataFrame:
    """From experiments × keys × (value, standard error, low, high, p)."""
    table = pd.DataFrame(keys, columns=list(KEYS)).merge(known, on=["arm", "outcome"], how="left")
    n, p = len(values), values[:, :, 4]
    estimated = np.flatnonzero((table["under"] == "design") & (table["arm"] != FAMILY))
    true, error, sd = table[["truth", "truth_error", "control_sd"]].to_numpy().T
    estimate, standard_error, low, high = np.moveaxis(values[:, estimated, :4], 2, 0)
    found = accuracy(estimate, standard_error, low, high, true[estimated], error[estimated])
    found.insert(list(found).index("bias_error") + 1, "bias_sd", found["bias"] / sd[estimated])
    table = table[list(KEYS)].join(found.set_index(estimated))
    table["found"] = (p < 0.05 + 1e-12).mean(axis=0)
    table["found_error"] = np.sqrt(table["found"] * (1 - table["found"]) / n)
    return table.assign(false=(table["under"] == "nothing") | (true == 0))


def read_experiments(path: Path = EXPERIMENTS) -> pd.DataFrame:
    """The table as it was written; see :func:`experiment_recovery`.

    Raises
    ------
    ValidityError
        When it is not there, or design or codebook have changed since: `make recovery` makes it.
    """
    return read_kept(path, "make recovery").fillna({"outcome": ""})


def main(arguments: Sequence[str] | None = None) -> None:
    """Write `data/experiments.csv`."""
    parser = argparse.ArgumentParser(prog="coprod.experiment_recovery", description=__doc__)
    parser.add_argument("experiments", nargs="?", type=int, default=EXPERIMENTS_DRAWN)
    add_arguments(parser)
    given = parser.parse_args(arguments)
    write_recovery(
        experiment_recovery(given.experiments, jobs=given.jobs, progress=show_progress), EXPERIMENTS
    )


if __name__ == "__main__":
    command("coprod.experiment_recovery")
