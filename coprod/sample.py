"""Who answered: respondents by area, what the weights do, and what was left unanswered."""

from __future__ import annotations

import numpy as np
import pandas as pd

from coprod.disclosure import at_least, coarse, thin
from coprod.errors import ValidityError
from coprod.panel import Panel
from coprod.population import banded
from coprod.weights import load_margins, rake

__all__ = ["by_area", "margins", "missing", "raking_rounds"]


def by_area(panel: Panel) -> pd.DataFrame:
    r"""Respondents and weights of each area, and of all.

    The effective sample size is Kish's (1965), :math:`(\sum w)^2 / \sum w^2`: how many respondents
    of equal weight would give as much precision.

    Parameters
    ----------
    panel
        The panel.

    Returns
    -------
    DataFrame
        One row an area and a last one, ``all``: ``area``, ``label``, ``nation``, ``respondents``,
        ``lightest``, ``heaviest`` (weights), ``effective`` (respondents), ``design_effect``
        (respondents / effective). Of a real panel the weights are NaN: they are those of one person.

    Examples
    --------
    >>> from coprod import open_panel
    >>> by_area(open_panel())["area"].tolist()
    ['A', 'B', 'C', 'D', 'E', 'all']
    """
    instrument = panel.instrument
    rows = []
    for area in [*(a for a in instrument.areas if (panel.frame["area"] == a).any()), "all"]:
        inside = panel.frame["area"] == area if area != "all" else slice(None)
        weight = panel.frame.loc[inside, "weight"].to_numpy(float)
        effective = weight.sum() ** 2 / (weight**2).sum()
        rows.append(
            {
                "area": area,
                "label": instrument.areas.get(area, "All areas"),
                "nation": instrument.nations.get(area, ""),
                "respondents": len(weight),
                "lightest": np.nan if panel.min_cell else weight.min(),
                "heaviest": np.nan if panel.min_cell else weight.max(),
                "effective": effective,
                "design_effect": len(weight) / effective,
            }
        )
    return coarse(pd.DataFrame(rows), panel, ["effective", "design_effect"])


def margins(
    panel: Panel, targets: pd.DataFrame | None = None, pooled: bool = False
) -> pd.DataFrame:
    """How far the weights bring the panel to the margins of the population.

    Parameters
    ----------
    panel
        The panel.
    targets
        Population shares, as of `coprod.weights.load_margins`; where none, the panel's own, or those
        of the project where it is synthetic.
    pooled
        Whether areas are put together, each counting by its number of respondents.

    Returns
    -------
    DataFrame
        One row an area (not where pooled), variable and level: ``area``, ``variable``, ``level``, ``label``,
        ``target``, ``unweighted``, ``weighted`` (shares, 0-1), ``difference`` (weighted - target).
        Of a real panel a variable is NaN of which any row has too few respondents.

    Raises
    ------
    ValidityError
        When a real panel has no margins or no weights.

    Examples
    --------
    >>> from coprod import open_panel
    >>> bool(margins(open_panel())["difference"].abs().max() < 1e-6)
    True
    """
    targets = _targets(panel) if targets is None else targets
    frame = _banded(panel)
    rows = []
    for area, variable, level, share in targets.itertuples(index=False):
        here = frame["area"] == area
        if not here.any() or variable not in frame:
            continue
        there = (frame.loc[here, variable].astype(object) == level).to_numpy(float)
        weight = frame.loc[here, "weight"].to_numpy(float)
        of = panel.instrument.variables[variable]
        rows.append(
            {
                "area": area,
                "variable": variable,
                "level": level,
                "label": (of.bands or of.levels).get(level, str(level)),
                "target": share,
                "unweighted": there.mean(),
                "weighted": np.average(there, weights=weight),
                "people": there.sum(),
            }
        )
    if not rows:
        raise ValidityError("the shares of the population are of other areas than this panel")
    table = pd.DataFrame(rows)
    if pooled:
        shares = ["target", "unweighted", "weighted"]
        of_all = table["area"].map(frame["area"].value_counts(normalize=True)).astype(float)
        table[shares] = table[shares].mul(of_all, axis=0)
        keys = ["variable", "level", "label"]
        table = table.groupby(keys, sort=False, as_index=False)[[*shares, "people"]].sum()
    small = table.groupby("variable")["people"].transform(thin, panel.min_cell)
    table.loc[small, ["unweighted", "weighted"]] = np.nan
    table = coarse(table.drop(columns="people"), panel, ["unweighted", "weighted"])
    return table.assign(difference=table["weighted"] - table["target"])


def raking_rounds(panel: Panel, targets: pd.DataFrame | None = None) -> pd.DataFrame:
    """How many rounds of raking each area needs to meet its margins.

    Returns
    -------
    DataFrame
        One row an area: ``area``, ``rounds``, ``worst`` (the largest difference of a share left).

    Raises
    ------
    ValidityError
        When a margin cannot be met, or a real panel has no margins or no weights.

    Examples
    --------
    >>> from coprod import open_panel
    >>> bool((raking_rounds(open_panel())["rounds"] < 50).all())
    True
    """
    _, report = rake(_banded(panel), _targets(panel) if targets is None else targets)
    report["size"] = report["difference"].abs()
    return report.groupby("area", as_index=False).agg(
        rounds=("rounds", "max"), worst=("size", "max")
    )


def missing(panel: Panel) -> pd.DataFrame:
    """How much was left unanswered.

    Returns
    -------
    DataFrame
        One row a variable that can be left unanswered: ``variable``, ``label``, ``role``,
        ``missing`` (respondents), ``share`` (0-1). Of a real panel the number is rounded down, and
        both are NaN where few left it unanswered, or few did not.

    Raises
    ------
    ValidityError
        If all are small, on a real panel.

    Examples
    --------
    >>> from coprod import open_panel
    >>> bool((missing(open_panel())["share"] < 0.05).all())
    True
    """
    asked = [
        v
        for v in panel.instrument.variables.values()
        if v.missing_allowed and v.name in panel.frame
    ]
    people, least = len(panel.frame), panel.min_cell
    counts = np.array([panel.frame[variable.name].isna().sum() for variable in asked])
    small = (counts < least) | (people - counts < least) if least else np.zeros(len(asked), bool)
    if len(asked) and small.all():
        raise ValidityError(
            f"No question was left unanswered by {least} respondents or more; how many left one "
            "unanswered is not told"
        )
    table = pd.DataFrame(
        {
            "variable": [variable.name for variable in asked],
            "label": [variable.label for variable in asked],
            "role": [variable.role for variable in asked],
            "missing": np.where(small, np.nan, at_least(counts, people, least))
            if least
            else counts,
            "share": np.where(small, np.nan, counts / people),
        }
    )
    return coarse(table, panel, ["share"])


def _targets(panel: Panel) -> pd.DataFrame:
    """The shares of the population that a panel stands for."""
    if panel.margins is not None:
        return panel.margins
    if not panel.weighted:
        raise ValidityError("This panel came without weights, so that everybody counts the same")
    if not panel.synthetic:
        raise ValidityError(
            "This panel came without shares of its population, so that its weights cannot be held "
            "against them"
        )
    return load_margins()


def _banded(panel: Panel) -> pd.DataFrame:
    """The frame with numbers in the bands of the margins."""
    return banded(panel.frame, panel.instrument)
