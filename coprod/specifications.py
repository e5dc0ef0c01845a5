"""The specification curve of self-efficacy: its coefficient under every sound combination of choices.

Whoever regresses collective activity on self-efficacy has to choose how to make the index, whom to
weight, what to hold constant, which model to fit. None of these choices is the right one, so all
are made, and all results are shown (Simonsohn, Simmons and Nelson 2020, *Nature Human Behaviour* 4,
1208-1214). Everything is on one scale: average marginal effects in standard deviations of the
outcome per standard deviation of self-efficacy.

The design. Under the linear model, every combination of coding, weights, controls, missing answers
and outliers is fitted twice: with all areas, and with one left out, where the areas take turns. The
other models are fitted to every combination of coding, weights and controls, and take turns with
areas, missing answers and outliers. So every pair of choices that can go together does (for up to six
areas).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coprod.codings import CODINGS
from coprod.errors import ValidityError
from coprod.panel import Panel
from coprod.regression import BLOCKS, ModelMatrix
from coprod.scales import indices

__all__ = [
    "CONTROLS",
    "LEVERAGE",
    "OWN",
    "Choices",
    "by_choice",
    "checked",
    "choices",
    "complete",
    "left_out_areas",
    "only",
    "specifications",
    "summarise",
    "turns",
    "unusual",
    "weightings",
    "without_outliers",
]

Choices = dict[str, tuple[str, dict[str, str]]]

FORM = "collective"
TERM = "efficacy"

MODELS = {
    "linear": ("Linear", tuple(CODINGS)),
    "fractional": ("Fractional logit", ("mean", "count", "factor")),
    "ordered": ("Ordered logit", ("mean", "count")),
    "logit": ("Logit", ("any",)),
}
"""Label of each model, and the codings it can be fitted to."""

PLACE = ("area", "issue")
CONTROLS: dict[str, tuple[str, tuple[str, ...]]] = {
    "nothing": ("Nothing", ()),
    "place": ("Area and issue", PLACE),
    "background": ("Area, issue, background", (*PLACE, "background")),
    "performance": ("Area, issue, performance", (*PLACE, "performance")),
    "outreach": ("Area, issue, outreach", (*PLACE, "outreach")),
    "all": ("All", (*PLACE, *(block for block in BLOCKS if block != TERM))),
}
"""Label of each set of controls, and the blocks of columns that it holds constant."""

WEIGHTS = {"weighted": "Weighted", "unweighted": "Unweighted"}
MISSING = {"complete": "Complete answers", "imputed": "Imputed"}
OUTLIERS = {"kept": "Everybody", "trimmed": "Without unusual people"}

OWN = {
    "coding": "mean",
    "model": "linear",
    "controls": "all",
    "weights": "weighted",
    "area": "none",
    "missing": "complete",
    "outliers": "kept",
}
"""What the book itself chooses, in :func:`coprod.correlates.fit`."""

GOLDEN = (5**0.5 - 1) / 2

LEVERAGE = 2.0
"""Unusual is who has more than so many times the average leverage (Hoaglin and Welsch 1978)."""


def choices(panel: Panel) -> Choices:
    """Every choice of the curve of self-efficacy and its options, each with its label.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> list(choices(open_panel()))
    ['coding', 'model', 'controls', 'weights', 'area', 'missing', 'outliers']
    """
    return {
        "coding": ("Index", CODINGS),
        "model": ("Model", {name: label for name, (label, _) in MODELS.items()}),
        "controls": ("Held constant", {name: label for name, (label, _) in CONTROLS.items()}),
        "weights": ("Weights", weightings(panel, OWN["weights"])),
        "area": ("Area left out", {"none": "None", **left_out_areas(panel)}),
        "missing": ("Missing answers", MISSING),
        "outliers": ("Unusual people", OUTLIERS),
    }


def weightings(panel: Panel, own: str) -> dict[str, str]:
    """The ways to weight; only the curve's own where a panel came without weights.

    The others would give every result a second time.
    """
    return WEIGHTS if panel.weighted else {own: "Everybody alike"}


def left_out_areas(panel: Panel) -> dict[str, str]:
    """The areas that can be left out, with their labels: all, unless there is one."""
    found = set(panel.frame["area"].astype(str))
    areas = {name: label for name, label in panel.instrument.areas.items() if name in found}
    return areas if len(areas) > 1 else {}


def turns(values: Sequence[str], count: int) -> list[str]:
    """Values in turn for so many combinations, each about equally often.

    By steps of the golden ratio, so that no rhythm of the other choices falls in with theirs, and a
    value on the same option of another choice again and again.

    Examples
    --------
    >>> turns(["a", "b", "c"], 7)
    ['a', 'b', 'a', 'c', 'b', 'a', 'c']
    """
    size = len(values)
    return [values[int(place * GOLDEN % 1 * size)] for place in range(count)]


def specifications(panel: Panel) -> pd.DataFrame:
    """The combinations of choices that the curve of self-efficacy consists of.

    As the module describes them, for :func:`coprod.specification_curve.efficacy_curve`.

    Returns
    -------
    DataFrame
        One row a specification, one column a choice: `coding`, `model`, `controls`, `weights`,
        `area` (the one left out, 'none'), `missing`, `outliers`; values are those of
        :func:`choices`.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> specifications(open_panel())["model"].value_counts().to_dict()
    {'linear': 384, 'fractional': 36, 'ordered': 24, 'logit': 12}
    """
    areas = list(left_out_areas(panel))
    columns = ["missing", "outliers", "weights", "coding", "controls"]
    weights = weightings(panel, OWN["weights"])
    linear = pd.DataFrame(product(MISSING, OUTLIERS, weights, CODINGS, CONTROLS), columns=columns)
    linear["model"] = "linear"
    parts = [linear.assign(area="none")]
    if areas:
        parts.append(linear.assign(area=turns(areas, len(linear))))
    pairs = [(m, coding) for m, (_, able) in MODELS.items() if m != "linear" for coding in able]
    others = pd.DataFrame(
        [(*pair, w, controls) for pair, w, controls in product(pairs, weights, CONTROLS)],
        columns=["model", "coding", "weights", "controls"],
    )
    people = turns([f"{m} {o}" for m, o in product(MISSING, OUTLIERS)], len(others))
    others[["missing", "outliers"]] = [said.split() for said in people]
    others["area"] = turns(["none", *areas], len(others))
    table = pd.concat([*parts, others], ignore_index=True)
    return table[list(choices(panel))]


def complete(panel: Panel, weighted: bool) -> NDArray[np.bool_]:
    """The rows of the long view that a regression of the collective index has."""
    instrument = panel.instrument
    needed = [FORM, *instrument.background, *instrument.perceptions]
    known = indices(panel)[needed].notna().to_numpy().all(axis=1)
    return known & (panel.long["weight"].to_numpy(float) > 0) if weighted else known


def without_outliers(panel: Panel) -> Panel:
    """The panel without people whose answers are unusual: the one rule for outliers.

    Unusual is who has more than :data:`LEVERAGE` times the average leverage of a respondent in an
    unweighted regression on the numbers among the controls (age, years, other perceptions). Categories
    do not count, or the rule would drop the smallest groups of people; nor do self-efficacy and the
    outcome, so that the rule cannot take sides. Of a real panel at least as many are left out as a
    number may be told of, those with the most leverage, since the difference is theirs.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> panel = open_panel()
    >>> 0 < len(panel.frame) - len(without_outliers(panel).frame) < 100
    True
    """
    model = ModelMatrix.of(panel, [FORM], weighted=False)
    number = model.terms["scale"].notna() | (model.terms["block"] == "intercept")
    columns = model.predictors[:, (number & (model.terms["term"] != TERM)).to_numpy()]
    leverage = model.design.total((np.linalg.qr(columns)[0] ** 2).sum(axis=1))
    rows = np.flatnonzero(complete(panel, weighted=False))
    people = np.unique(rows // len(panel.instrument.issues))
    left_out = people[unusual(leverage, panel.min_cell)]
    return only(panel, ~np.isin(np.arange(len(panel.frame)), left_out))


def unusual(leverage: NDArray[np.float64], min_cell: int) -> NDArray[np.bool_]:
    """Who has more than :data:`LEVERAGE` times the average; of a real panel no fewer than may be told of.

    Examples
    --------
    >>> unusual(np.array([1.0, 1.0, 1.0, 9.0]), 0).tolist()
    [False, False, False, True]
    """
    bound = LEVERAGE * leverage.mean()
    if 0 < min_cell < len(leverage):
        bound = min(bound, np.sort(leverage)[-min_cell - 1])
    return np.asarray(leverage > bound)


def only(panel: Panel, people: NDArray[np.bool_]) -> Panel:
    """The panel of some of its people."""
    frame = panel.frame[people].reset_index(drop=True)
    return replace(panel, frame=frame, checksum="", seed=None)


def checked(table: pd.DataFrame, allowed: Choices) -> pd.DataFrame:
    """The choices of some specifications, numbered anew.

    Raises
    ------
    ValidityError
        If a choice is not there, or has an option that does not exist.
    """
    for name, (_, options) in allowed.items():
        if name not in table:
            raise ValidityError(f"{name}: is missing; a specification has {', '.join(allowed)}")
        unknown = sorted(set(table[name].astype(str)) - set(options))
        if unknown:
            raise ValidityError(
                f"{name}: {', '.join(unknown)} is no option; options are {', '.join(options)}"
            )
    return table[list(allowed)].astype(str).reset_index(drop=True)


def summarise(curve: pd.DataFrame) -> pd.DataFrame:
    """What a curve says in a few numbers.

    Parameters
    ----------
    curve
        As of :func:`coprod.specification_curve.efficacy_curve` or :func:`coprod.nudge_specifications.nudge_curve`.

    Returns
    -------
    DataFrame
        One row: `specifications`, `fitted` (how many could be), `median`, `lowest`, `highest` (of
        the estimates, SD), `positive` (share of estimates above zero), `above`, `below` (how many
        intervals lie above and below zero), `share` (of the fitted whose interval leaves zero
        out).

    Examples
    --------
    >>> curve = pd.DataFrame({"estimate": [0.1, 0.2, 0.4], "low": [-0.1, 0.1, 0.2],
    ...                       "high": [0.3, 0.3, 0.6]})
    >>> summarise(curve)[["median", "above", "below"]].values.tolist()
    [[0.2, 2.0, 0.0]]
    """
    fitted = curve[curve["estimate"].notna()]
    above, below = int((fitted["low"] > 0).sum()), int((fitted["high"] < 0).sum())
    row = {
        "specifications": len(curve),
        "fitted": len(fitted),
        "median": fitted["estimate"].median(),
        "lowest": fitted["estimate"].min(),
        "highest": fitted["estimate"].max(),
        "positive": (fitted["estimate"] > 0).mean(),
        "above": above,
        "below": below,
        "share": (above + below) / len(fitted),
    }
    return pd.DataFrame([row])


def by_choice(
    curve: pd.DataFrame, options: Mapping[str, tuple[str, dict[str, str]]]
) -> pd.DataFrame:
    """The curve summed up for every option of every choice, which shows what the result hangs on.

    Parameters
    ----------
    curve
        As of :func:`coprod.specification_curve.efficacy_curve` or :func:`coprod.nudge_specifications.nudge_curve`.
    options
        As of :func:`choices` or :func:`coprod.nudge_specifications.choices`.

    Returns
    -------
    DataFrame
        One row an option that has a specification, of a choice between two or more: `choice`, `choice_label`, `option`,
        `option_label`, the columns of :func:`summarise` over its specifications, and `moves` (the
        largest less the smallest median among the options of the choice, SD).

    Examples
    --------
    >>> curve = pd.DataFrame({"weights": ["on", "off"], "estimate": [0.1, 0.3],
    ...                       "low": [0.0, 0.1], "high": [0.2, 0.5]})
    >>> by_choice(curve, {"weights": ("Weights", {"on": "On", "off": "Off"})})["moves"].round(9).tolist()
    [0.2, 0.2]
    """
    tables = []
    for name, (label, named) in options.items():
        if len(named) < 2:
            continue
        rows = []
        for option, said in named.items():
            part = curve[(curve[name] == option) & curve["estimate"].notna()]
            if len(part):
                key = {"choice": name, "choice_label": label, "option": option}
                rows.append({**key, "option_label": said, **summarise(part).iloc[0]})
        table = pd.DataFrame(rows)
        tables.append(table.assign(moves=table["median"].max() - table["median"].min()))
    return pd.concat(tables, ignore_index=True)
