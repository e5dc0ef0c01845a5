"""How the answers to every question of the codebook are spread."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coprod.activity_told import told
from coprod.disclosure import coarse, counts_rounded, thin
from coprod.instrument import Variable
from coprod.panel import Panel

__all__ = ["SUMMARY", "distributions"]

SUMMARY = {
    "minimum": 0.0,
    "lower_quartile": 0.25,
    "median": 0.5,
    "upper_quartile": 0.75,
    "maximum": 1,
}
"""The five numbers by which a number is summarised, and the share of people at or below each."""

COLUMNS = ["variable", "label", "statistic", "level", "level_label", "value", "n"]


def distributions(panel: Panel) -> pd.DataFrame:
    """Shares of the answers of every variable, or five numbers where the answer is a number.

    What the codebook says of a panel's answers is here and nowhere else.

    Equivalent in R: ``survey::svymean(~factor(variable), design, na.rm = TRUE)`` and
    ``survey::svyquantile(~variable, design, quantiles, na.rm = TRUE, qrule = "math")``.

    Parameters
    ----------
    panel
        The panel. Everything is weighted but the weights themselves.

    Returns
    -------
    DataFrame
        One row a variable of the panel and answer, or number of `SUMMARY`, in the order of the
        codebook: `variable`, `label`, `statistic` ('share' or the name of the number), `level` (the
        answer as it is kept, as text) and `level_label` (both '' for a number), `value` (a share of
        those who answered, 0-1, or the number; NaN where it cannot be told of a real panel), `n`
        (who answered). A variable that holds text, or that nobody answered, has no row.

    Examples
    --------
    >>> from coprod import open_panel
    >>> spread = distributions(open_panel()).set_index(["variable", "statistic"])
    >>> bool(abs(spread.loc[("gender", "share"), "value"].sum() - 1) < 1e-12)
    True
    >>> spread.loc[("age", "minimum"), "value"].item()
    18.0
    """
    frame = panel.frame
    rows: list[dict[str, object]] = []
    for variable in panel.instrument.variables.values():
        if variable.kind == "text" or variable.name not in frame:
            continue
        values = frame[variable.name]
        given = values.notna().to_numpy()
        if not given.any():
            continue
        weights = frame["weight"].to_numpy(float)[given]
        if variable.role == "weight":
            weights = np.ones_like(weights)
        named = {"variable": variable.name, "label": variable.label, "n": int(given.sum())}
        may = _may_be_told(variable, values, panel)
        rows += [
            named | row | ({} if row["statistic"] in may else {"value": np.nan})
            for row in _spread(variable, values[given], weights)
        ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    return counts_rounded(coarse(table, panel, ["value"]), panel)


def _may_be_told(variable: Variable, values: pd.Series, panel: Panel) -> set[str]:
    """The statistics that may be told: no extreme of a real panel, nor a share with a small one."""
    least, every = panel.min_cell, {"share", *SUMMARY}
    if not least or variable.role == "source":
        return every
    if variable.role == "activity":
        return every if (variable.issue, variable.form) in told(panel).answers else set()
    if variable.levels:
        counts = [(values == level).sum() for level in variable.levels]
        return set() if thin(counts, least) else every
    # A quartile is the value of one person too, but lies among those of many.
    return {"lower_quartile", "median", "upper_quartile"} if values.count() >= 4 * least else set()


def _spread(
    variable: Variable, values: pd.Series, weights: NDArray[np.float64]
) -> Iterator[dict[str, object]]:
    if variable.levels:
        for level, label in variable.levels.items():
            share = np.average((values == level).to_numpy(), weights=weights)
            yield {
                "statistic": "share",
                "level": str(level),
                "level_label": label,
                "value": float(share),
            }
        return
    # The least number that so many people, counted by their weights, do not exceed.
    found = np.quantile(
        values.to_numpy(float), list(SUMMARY.values()), weights=weights, method="inverted_cdf"
    )
    for statistic, value in zip(SUMMARY, found, strict=True):
        yield {"statistic": statistic, "level": "", "level_label": "", "value": float(value)}
