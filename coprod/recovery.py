"""Whether the estimators give back what is known: many synthetic panels, held against the truth.

``python -m coprod.recovery`` (``make recovery``) draws panels from `data/design.yml`, estimates on
each what the chapters estimate, and writes bias, coverage and size to `data/recovery.csv`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from copy import deepcopy
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coprod.compare import Scale, compare_blocks, compare_forms
from coprod.correlates import blocks, fit
from coprod.design import Design, load_design
from coprod.errors import ValidityError
from coprod.instrument import load_instrument
from coprod.levels import gaps, means
from coprod.panel import Panel
from coprod.parallel import Progress, Workers, add_arguments, command, run, show_progress
from coprod.paths import RECOVERY
from coprod.synthetic import synthesise, truth
from coprod.truth import KEYS, fingerprint, read_kept

__all__ = [
    "accuracy",
    "drawn_panel",
    "exchangeable",
    "read_recovery",
    "recovery",
    "write_recovery",
]

Floats = NDArray[np.float64]

SEED = 20160203
PANELS = 2_000
DRAWS = 500
SCALES: tuple[Scale, ...] = ("points", "sd")
Estimate = tuple[tuple[str, ...], tuple[float, float, float, float]]
"""A key, then value, standard error, low and high (for a test: its p, then nothing)."""


def exchangeable(design: Design | None = None) -> Design:
    """The design with collective items and parameters made those of the individual form.

    Under it both forms have the same coefficients on any scale, so that a test of their equality
    rejects as often as it says. Equal slopes alone would not do: with other thresholds, equal
    propensities give unequal indices.

    Examples
    --------
    >>> exchangeable()["propensity.perceptions.collective.efficacy"]
    0.11
    """
    values = deepcopy((design or load_design()).values)

    def equalise(group: dict[str, object]) -> None:
        if "collective" in group:
            group["collective"] = deepcopy(group["individual"])
        for entry in group.values():
            if isinstance(entry, dict):
                equalise(entry)

    equalise(values)
    return Design(values)


def _estimates(panel: Panel, draws: int) -> Iterator[Estimate]:
    """What is recovered from one panel: key, value, standard error, low, high."""
    instrument = panel.instrument
    suffixes = {"estimate": "", "estimate_sd": "_sd"}
    for issue in [*instrument.issues, None]:
        for form in instrument.forms:
            table = fit(panel, form, issue)
            row = table[table["term"] == "efficacy"].iloc[0]
            for name, suffix in suffixes.items():
                found = row[
                    [name, *(f"{part}{suffix}" for part in ("standard_error", "low", "high"))]
                ]
                yield ("fit", issue or "all", form, "efficacy", "", name), tuple(found)
    for scale, name in zip(SCALES, ("difference", "difference_sd"), strict=True):
        table = compare_forms(panel, scale=scale)
        row = table[table["term"] == "efficacy"].iloc[0]
        found = row[["difference", "standard_error", "low", "high"]]
        yield ("compare_forms", "all", "", "efficacy", "", name), tuple(found)
    for form in instrument.forms:
        table = blocks(panel, form, draws=draws).set_index("block")
        parts = ("", "_standard_error", "_low", "_high")
        for block, row in table.iterrows():
            for name in ("ordered", "last", "shapley"):
                key = ("blocks", "all", form, str(block), "", name)
                yield key, tuple(row[[f"{name}{part}" for part in parts]])
        found = table.iloc[0][[f"r2{part}" for part in parts]]
        yield ("blocks", "all", form, "", "", "r2"), tuple(found)
    for row in means(panel).itertuples():
        found = (row.mean, row.standard_error, row.low, row.high)
        yield ("means", row.issue, row.form, "", "", "mean"), found
    for row in gaps(panel).itertuples():
        yield (
            ("gaps", row.issue, "", "", "", "gap"),
            (row.gap, row.standard_error, row.low, row.high),
        )


def _sizes(panel: Panel) -> Iterator[Estimate]:
    """p-values of the tests that the forms are alike."""
    for scale in SCALES:
        for row in compare_blocks(panel, scale=scale).itertuples():
            key = ("compare_blocks", "all", "", row.block, "", scale)
            yield key, (row.p, np.nan, np.nan, np.nan)


def drawn_panel(design: Design | None, seed: np.random.SeedSequence) -> Panel:
    """A panel drawn for a simulation, from `data/design.yml` where there is no other design."""
    frame = synthesise(design, seed=seed)
    return Panel(frame, load_instrument(), source="recovery", synthetic=True)


@lru_cache
def _alike() -> Design:
    return exchangeable()


def _panel(seed: np.random.SeedSequence, draws: int) -> list[Estimate]:
    """Everything from the panel of a seed, and from one with exchangeable forms.

    Without draws, the second only.
    """
    first, second = seed.spawn(2)
    alike = drawn_panel(_alike(), second)
    if not draws:
        return list(_sizes(alike))
    return [*_estimates(drawn_panel(None, first), draws), *_sizes(alike)]


def recovery(
    panels: int = PANELS,
    seed: int = SEED,
    jobs: Workers = 1,
    draws: int = DRAWS,
    progress: Progress | None = None,
    path: Path | None = None,
) -> pd.DataFrame:
    """Bias, coverage and size of the main estimators over synthetic panels.

    Each panel is drawn from `data/design.yml`, gaps in the answers included, and estimated as the
    chapters do. The tests whether a block has the same coefficients for both forms go over panels
    with :func:`exchangeable` forms, where they are to reject 5 % of the time; they go over two
    and a half times as many panels, since a share near 5 % needs more of them to be known.

    Parameters
    ----------
    panels
        How many, for bias and coverage.
    seed
        Of the panels; one seed each is spawned from it.
    jobs
        As for :func:`coprod.parallel.run`. They change no value.
    draws
        Bootstrap samples within each panel, for the shares of R².
    progress
        Told how many panels are done, and of how many.
    path
        Where the table of the panels so far is written after every 100, if anywhere.

    Returns
    -------
    DataFrame
        One row an estimand or test. Keys as in :func:`coprod.synthetic.truth`: `estimand`,
        `issue`, `form`, `term`, `level`, `statistic` (of `compare_blocks`: the scale, 'points' or
        'sd'). Of an estimand: `truth`, `mean` (of the estimates), `bias`, `bias_error` (Monte
        Carlo standard error, that of the truth included), `relative_bias` (share of the truth),
        `coverage` (share of 95 % intervals that hold the truth), `coverage_error`, `deviation`
        (SD of the estimates), `standard_error` (mean of those estimated). Of a test: `size`
        (share of p below .05), `size_error`. NaN where a column does not apply. Then `panels`
        (of this row), `draws`, `seed`, `design` (:func:`coprod.truth.fingerprint`).

    Raises
    ------
    ValidityError
        If there are fewer than two panels or draws, or the truth belongs to another design.

    Examples
    --------
    >>> table = recovery(panels=2, draws=10)
    >>> table["size"].notna().sum().item(), table["coverage"].notna().sum().item()
    (10, 53)
    """
    if panels < 2:
        raise ValidityError(f"panels: {panels} is too few; bias and coverage need at least 2")
    if draws < 2:
        raise ValidityError(f"draws: {draws} is too few; a bootstrap needs at least 2")
    known = truth().set_index(list(KEYS))[["value", "error"]]
    # The first seeds stay the same whatever their number.
    seeds = np.random.SeedSequence(seed).spawn(5 * panels // 2)
    work = [(child, draws if place < panels else 0) for place, child in enumerate(seeds)]
    constant = {"draws": draws, "seed": seed, "design": fingerprint()}
    keys: list[tuple[str, ...]] = []
    values: list[list[tuple[float, float, float, float]]] = []
    for found in run(_panel, work, jobs, progress):
        assert isinstance(found, list)
        keys = keys or [key for key, _ in found]
        left_out = [(np.nan,) * 4] * (len(keys) - len(found))
        values.append([*left_out, *(numbers for _, numbers in found)])
        if path and len(values) % 100 == 0:
            write_recovery(_summary(keys, np.array(values), known).assign(**constant), path)
    return _summary(keys, np.array(values), known).assign(**constant)


def accuracy(
    estimate: Floats, standard_error: Floats, low: Floats, high: Floats, true: Floats, error: Floats
) -> pd.DataFrame:
    """How near estimates come to what is true, and how often their intervals hold it.

    Parameters
    ----------
    estimate, standard_error, low, high
        Draws × estimands; NaN where a draw is without an estimand.
    true, error
        The true value of each estimand, and its Monte Carlo standard error.

    Returns
    -------
    DataFrame
        One row an estimand: `truth`, `mean`, `bias`, `bias_error` (that of the truth included),
        `coverage`, `coverage_error`, `deviation` (SD of the estimates), `standard_error` (mean).

    Examples
    --------
    >>> values = np.array([[1.0], [3.0]])
    >>> found = accuracy(values, values, values - 1, values + 1, np.array([2.5]), np.array([0.0]))
    >>> found[["bias", "coverage"]].values.tolist()
    [[-0.5, 0.5]]
    """
    draws = np.isfinite(estimate).sum(axis=0)
    mean, deviation = np.nanmean(estimate, axis=0), np.nanstd(estimate, axis=0, ddof=1)
    covered = ((low <= true) & (true <= high)).sum(axis=0) / draws
    return pd.DataFrame(
        {
            "truth": true,
            "mean": mean,
            "bias": mean - true,
            "bias_error": np.sqrt(deviation**2 / draws + error**2),
            "coverage": covered,
            "coverage_error": np.sqrt(covered * (1 - covered) / draws),
            "deviation": deviation,
            "standard_error": np.nansum(standard_error, axis=0) / draws,
        }
    )


def _summary(keys: Sequence[tuple[str, ...]], values: Floats, known: pd.DataFrame) -> pd.DataFrame:
    """From panels × keys × (value, standard error, low, high); NaN where a panel is without."""
    index = pd.MultiIndex.from_tuples(keys, names=KEYS)
    test = index.get_level_values("estimand") == "compare_blocks"
    true, error = known.reindex(index).to_numpy().T
    estimate, standard_error, low, high = np.moveaxis(values, 2, 0)
    panels = np.isfinite(estimate).sum(axis=0)
    rejected = (estimate < 0.05).sum(axis=0) / panels
    table = accuracy(estimate, standard_error, low, high, true, error)
    table.insert(table.columns.get_loc("bias_error") + 1, "relative_bias", table["bias"] / true)
    table.loc[test] = np.nan
    table["size"] = np.where(test, rejected, np.nan)
    table["size_error"] = np.sqrt(table["size"] * (1 - table["size"]) / panels)
    return pd.concat([index.to_frame(index=False), table], axis=1).assign(panels=panels)


def read_recovery(path: Path = RECOVERY) -> pd.DataFrame:
    """The table as it was written; see :func:`recovery`.

    Raises
    ------
    ValidityError
        When it is not there, or design or codebook have changed since: `make recovery` makes it.
    """
    return read_kept(path, "make recovery")


def write_recovery(table: pd.DataFrame, path: Path = RECOVERY) -> None:
    """Write the table with eight digits, more than any number of panels makes certain."""
    table.to_csv(path, index=False, float_format="%.8g", lineterminator="\n")


def main(arguments: Sequence[str] | None = None) -> None:
    """Write `data/recovery.csv`; a run that is stopped leaves the panels so far, by hundreds."""
    parser = argparse.ArgumentParser(prog="coprod.recovery", description=__doc__)
    parser.add_argument("panels", nargs="?", type=int, default=PANELS, help="how many to draw")
    add_arguments(parser)
    given = parser.parse_args(arguments)
    write_recovery(recovery(given.panels, jobs=given.jobs, progress=show_progress, path=RECOVERY))


if __name__ == "__main__":
    command("coprod.recovery")
