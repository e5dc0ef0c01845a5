"""Weights: raked within area to the margins of gender and of age band."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from coprod.errors import Fault, ValidityError
from coprod.instrument import read_yaml
from coprod.paths import MARGINS

__all__ = ["load_margins", "rake"]


def load_margins(path: Path | None = None) -> pd.DataFrame:
    """Population shares of gender and of age band within each area.

    Parameters
    ----------
    path
        A file of margins; `data/margins.yml` where None.

    Returns
    -------
    DataFrame
        One row an area, variable and level: `area`, `variable`, `level`, `share` (0-1).

    Examples
    --------
    >>> margins = load_margins()
    >>> margins.groupby(["area", "variable"])["share"].sum().round(9).unique().tolist()
    [1.0]
    """
    return _load(Path(path or MARGINS)).copy()


@lru_cache
def _load(path: Path) -> pd.DataFrame:
    return margins_frame({name: entry["value"] for name, entry in read_yaml(path).items()})


def margins_frame(margins: dict[str, dict[str, dict[str, float]]]) -> pd.DataFrame:
    """Shares by variable, area and level as a tidy frame; see `load_margins`."""
    rows = [
        (area, variable, level, share)
        for variable, areas in margins.items()
        for area, shares in areas.items()
        for level, share in shares.items()
    ]
    return pd.DataFrame(rows, columns=["area", "variable", "level", "share"])


def rake(
    frame: pd.DataFrame,
    margins: pd.DataFrame,
    within: str = "area",
    tolerance: float = 1e-10,
    iterations: int = 500,
) -> tuple[pd.Series, pd.DataFrame]:
    """Weights that reproduce the margins of several variables within each stratum.

    Iterative proportional fitting (Deming and Stephan 1940): the weights are multiplied by
    target / current share, one variable after the other, until every share holds. They have
    the mean 1 within each stratum.

    Parameters
    ----------
    frame
        One row a respondent, with the column `within` and one column a variable of `margins`.
    margins
        Columns `within`, `variable`, `level`, `share`; shares of a variable sum to 1.
    within
        The stratum within which to rake.
    tolerance
        The largest difference of a share from its target that is allowed.
    iterations
        How many rounds may be needed.

    Returns
    -------
    weights : Series
        `weight`, with the index of `frame`.
    report : DataFrame
        One row a stratum, variable and level: `within`, `variable`, `level`, `target`,
        `unweighted` and `weighted` (shares), `difference` (weighted - target), `rounds`.

    Raises
    ------
    ValidityError
        When a target cannot be met: every stratum, variable and level that stands in the way.

    Notes
    -----
    In R: ``survey::rake(design, list(~gender, ~age), list(genders, ages))`` within each area.

    Examples
    --------
    >>> people = pd.DataFrame({"area": "A", "gender": ["man", "woman", "woman", "woman"]})
    >>> half = pd.DataFrame(
    ...     {"area": "A", "variable": "gender", "level": ["man", "woman"], "share": 0.5}
    ... )
    >>> weights, report = rake(people, half)
    >>> weights.round(3).tolist()
    [2.0, 0.667, 0.667, 0.667]
    """
    variables = list(dict.fromkeys(margins["variable"]))
    absent = [name for name in [within, *variables] if name not in frame]
    if absent:
        raise ValidityError(f"cannot rake: the frame has no column {', '.join(absent)}")
    weights = np.ones(len(frame))
    reports: list[pd.DataFrame] = []
    faults: list[Fault] = []
    strata = frame[within].astype(object).to_numpy()
    if unknown := sorted(set(strata) - set(margins[within]), key=str):
        faults.append(Fault(within, f"no margins for {', '.join(map(str, unknown))}"))
    for stratum, targets in margins.groupby(within, sort=False):
        rows = np.flatnonzero(strata == stratum)
        if not len(rows):
            continue
        table, wrong = _targets(frame.iloc[rows], targets, variables, f"{within} {stratum}")
        faults += wrong
        if wrong:
            continue
        weights[rows], report = _fit(table, len(rows), tolerance, iterations)
        report.insert(0, within, stratum)
        reports.append(report)
        for missed in report[~(report["difference"].abs() <= tolerance)].itertuples():
            faults.append(
                Fault(
                    f"{within} {stratum}, {missed.variable} {missed.level}",
                    f"share {missed.weighted:.6f} after {missed.rounds} rounds",
                    f"target {missed.target:.6f}",
                )
            )
    if faults:
        raise ValidityError("the weights cannot be raked to the margins", faults)
    return pd.Series(weights, frame.index, name="weight"), pd.concat(reports, ignore_index=True)


Table = list[tuple[str, list[str], np.ndarray, np.ndarray]]


def _targets(
    frame: pd.DataFrame, margins: pd.DataFrame, variables: list[str], where: str
) -> tuple[Table, list[Fault]]:
    """Each variable's levels, the level of each respondent and the target shares."""
    table: Table = []
    faults: list[Fault] = []
    for name in variables:
        target = margins[margins["variable"] == name]
        levels, shares = target["level"].tolist(), target["share"].to_numpy(float)
        codes = pd.Index(levels).get_indexer(frame[name].astype(object))
        place = f"{where}, {name}"
        if not np.all(shares > 0) or abs(shares.sum() - 1) > 1e-9:
            faults.append(Fault(place, f"shares sum to {shares.sum():.9g}", "above 0, sum 1"))
        if outside := int((codes < 0).sum()):
            faults.append(
                Fault(
                    place, f"{outside} respondents without a level", f"one of {', '.join(levels)}"
                )
            )
        faults += [
            Fault(f"{place} {level}", "no respondent", f"target share {share:.6g}")
            for code, (level, share) in enumerate(zip(levels, shares, strict=True))
            if not np.any(codes == code)
        ]
        table.append((name, levels, codes, shares))
    return table, faults


def _fit(
    table: Table, size: int, tolerance: float, iterations: int
) -> tuple[np.ndarray, pd.DataFrame]:
    weights = np.ones(size)
    rounds = 0
    shares = [np.bincount(codes, weights, len(target)) / size for _, _, codes, target in table]
    before = shares
    while rounds < iterations:
        rounds += 1
        for _, _, codes, target in table:
            weights *= (target * size / np.bincount(codes, weights, len(target)))[codes]
        shares = [np.bincount(codes, weights, len(target)) / size for _, _, codes, target in table]
        worst = max(
            float(np.abs(share - entry[3]).max())
            for share, entry in zip(shares, table, strict=True)
        )
        if worst <= tolerance:
            break
    report = pd.DataFrame(
        {
            "variable": [name for name, levels, _, _ in table for _ in levels],
            "level": [level for _, levels, _, _ in table for level in levels],
            "target": np.concatenate([target for *_, target in table]),
            "unweighted": np.concatenate(before),
            "weighted": np.concatenate(shares),
        }
    )
    report["difference"] = report["weighted"] - report["target"]
    report["rounds"] = rounds
    return weights, report
