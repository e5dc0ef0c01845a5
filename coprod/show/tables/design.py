"""Tables of what a design can show. Each takes a tidy frame and returns a table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from coprod.arms import POOLED, TOGETHER
from coprod.panel import Panel
from coprod.regression import BLOCKS
from coprod.show.figures.design import CHANGED, MARKS
from coprod.show.table import INTERVAL, Table, intervals, side_by_side, table
from coprod.show.words import counted, number, percent

__all__ = [
    "grouped_assignment",
    "misleading",
    "power_by_effect",
    "power_check",
    "power_curves",
    "recovered_correlates",
    "recovered_effects",
    "recovered_levels",
    "sizes",
    "strength_of_nudges",
]

OUTCOMES = {"willing": "Willingness", "signup": "Signing up"}
METHODS = {"strata": "Areas only", "lin": "Adjusted (Lin)", "randomisation": "Randomisation test"}


def _some(values: pd.Series, most: int = 8) -> pd.Series:
    """Which rows have one of so many values of a column, evenly spread from the first to the last."""
    each = values.drop_duplicates().to_numpy()
    kept = each[np.unique(np.linspace(0, len(each) - 1, min(most, len(each))).round().astype(int))]
    return values.isin(kept)


def power_curves(frame: pd.DataFrame, panel: Panel) -> Table:
    """The chance to find each effect over respondents, areas and arms; the download has every value.

    Parameters
    ----------
    frame
        As of `coprod.power.curves`.
    panel
        Where the design comes from.
    """
    kept = frame.groupby("changed", sort=False)["value"].transform(_some)
    shown = frame[kept].assign(of=frame["changed"].map(CHANGED))
    effects = {value: f"{number(value, 2)} SD" for value in dict.fromkeys(frame["effect"])}
    wide, columns, _ = side_by_side(shown, ["of", "value"], "effect", effects, {"power": ""})
    columns = {f"power_{value}": label for value, label in effects.items()}
    return table(
        wide,
        "design-curves",
        {"value": "Number", **columns},
        formats={"value": 0} | dict.fromkeys(columns, "%"),
        group="of",
        spanners={"Chance to find an effect of": list(columns)},
        notes=[
            "All else as in this panel. Some values of each curve; the download has all of them."
        ],
        panel=panel,
        numbers=frame,
    )


def power_by_effect(frame: pd.DataFrame, panel: Panel) -> Table:
    """The chance to find an effect on signing up, by its size; the download has every size.

    Parameters
    ----------
    frame
        As of `coprod.power.power`, for several numbers of respondents an area.
    panel
        Where the design comes from.
    """
    shown = frame[_some(frame["effect"], 11)].assign(points=lambda rows: 100 * rows["effect"])
    sizes = {value: number(value) for value in sorted(set(frame["respondents"]))}
    wide, _, _ = side_by_side(shown, ["points"], "respondents", sizes, {"power": ""})
    columns = {f"power_{value}": label for value, label in sizes.items()}
    return table(
        wide,
        "design-effect",
        {"points": "Effect, percentage points", **columns},
        formats={"points": 1} | dict.fromkeys(columns, "%"),
        spanners={"Chance to find it, by respondents an area": list(columns)},
        notes=["Areas only. Some sizes; the download has all of them."],
        panel=panel,
        numbers=frame,
    )


def misleading(frame: pd.DataFrame, panel: Panel) -> Table:
    """Power and the errors of size and sign, by true effect.

    Parameters
    ----------
    frame
        As of `coprod.power.errors`.
    panel
        Where the design comes from.
    """
    return table(
        frame,
        "design-misleading",
        {
            "effect": "True effect, SD",
            "power": "Chance to find it",
            "type_m": "Times as large",
            "type_s": "Wrong direction",
        },
        formats={"effect": 2, "power": "%", "type_m": 1, "type_s": "%1"},
        panel=panel,
    )


def strength_of_nudges(frame: pd.DataFrame, panel: Panel) -> Table:
    """How strong nudges are, or must be, in SD of willingness, in points and in people.

    Parameters
    ----------
    frame
        As of `coprod.strength.strength`.
    panel
        Where the numbers come from.
    """
    strength = intervals(frame, "strength_low", "strength_high", 2)
    extra = intervals(frame, "extra_low", "extra_high", 0)
    fixed = (frame["mark"] == "noticeable").to_numpy()
    shown = frame.assign(
        label=frame["mark"].map(MARKS),
        interval=[a if f else b for a, b, f in zip(strength, extra, fixed, strict=True)],
        certain=["strength" if f else "people" for f in fixed],
    )
    return table(
        shown,
        "design-strength",
        {
            "label": "A nudge",
            "strength": "SD",
            "points": "Points",
            "extra": "People in 1,000",
            "interval": INTERVAL,
            "certain": "Interval of",
            "power": "Willingness",
            "power_signup": "Signing up",
        },
        formats={"strength": 2, "points": 2, "extra": 0, "power": "%", "power_signup": "%"},
        stub="label",
        spanners={
            "Strength": ["strength", "points"],
            "Chance to find it by": ["power", "power_signup"],
        },
        notes=[
            "Points of the scale from 0 to 10. Intervals hold the uncertainty of how willingness "
            "goes with signing up, not that of an estimated effect."
        ],
        panel=panel,
        numbers=frame,
    )


def grouped_assignment(frame: pd.DataFrame, panel: Panel) -> Table:
    """What it costs to assign whole neighbourhoods.

    Parameters
    ----------
    frame
        As of `coprod.power.detectable`, with `groups` (how many) and `spread` (the design effect).
    panel
        Where the design comes from.
    """
    return table(
        frame,
        "design-grouped",
        {
            "alike": "Likeness (ICC)",
            "cluster": "People in a group",
            "groups": "Groups in all",
            "spread": "Design effect",
            "detectable": "Least effect found, SD",
        },
        formats={"alike": 2, "cluster": 0, "groups": 0, "spread": 2, "detectable": 2},
        panel=panel,
    )


def recovered_correlates(frame: pd.DataFrame, panel: Panel) -> Table:
    """Bias and coverage of the correlates.

    Parameters
    ----------
    frame
        As of `coprod.recovery.read_recovery`.
    panel
        Whose labels are used.
    """
    issues = panel.instrument.issues | {"all": "All issues"}
    coefficients = frame[(frame["estimand"] == "fit") & (frame["statistic"] == "estimate_sd")]
    shares = frame[(frame["estimand"] == "blocks") & frame["statistic"].isin(["shapley", "r2"])]
    part = pd.concat(
        [
            coefficients.assign(
                group="Self-efficacy, SD per SD", label=coefficients["issue"].map(issues)
            ),
            shares.assign(
                group="Share of the variance",
                label=shares["term"].map(BLOCKS).where(shares["term"] != "", "All correlates"),
            ),
        ]
    )
    part = part.assign(bias_errors=part["bias"] / part["bias_error"])
    shown, columns, spanners = side_by_side(
        part,
        ["group", "label"],
        "form",
        panel.instrument.forms,
        {"truth": "True", "bias": "Bias", "coverage": "Coverage"},
    )
    decimals: dict[str, int | str] = {"truth": 3, "bias": 4, "coverage": "%1"}
    formats = {column: decimals[column.split("_")[0]] for column in columns}
    drawn = f"{number(frame['panels'].min())} synthetic panels drawn from data/design.yml"
    return table(
        shown,
        "design-correlates",
        {"label": "Estimate", **columns},
        formats=formats,
        stub="label",
        group="group",
        spanners=spanners,
        notes=[f"{drawn}."],
        numbers=part,
        data=drawn,
    )


def recovered_levels(frame: pd.DataFrame, panel: Panel) -> Table:
    """Bias and coverage of mean activity and of the gap between the forms.

    Parameters
    ----------
    frame
        As of `coprod.recovery.read_recovery`.
    panel
        Whose labels are used.
    """
    part = frame[frame["estimand"].isin(["means", "gaps"])]
    issues = panel.instrument.issues | {"all": "All issues"}
    forms = panel.instrument.forms | {"": "Individual less collective"}
    part = part.assign(
        group=part["form"].fillna("").map(forms),
        label=part["issue"].map(lambda at: issues.get(at, at)),
    )
    drawn = f"{number(frame['panels'].min())} synthetic panels drawn from data/design.yml"
    return table(
        part,
        "design-levels",
        {"label": "Issue", "truth": "True", "bias": "Bias", "coverage": "Coverage"},
        formats={"truth": 1, "bias": 3, "coverage": "%1"},
        stub="label",
        group="group",
        notes=[f"In points of the index. {drawn}."],
        numbers=part,
        data=drawn,
    )


def recovered_effects(frame: pd.DataFrame, panel: Panel) -> Table:
    """Bias and coverage of the effects of nudges, and how often they were found.

    Parameters
    ----------
    frame
        As of `coprod.experiment_recovery.read_experiments`.
    panel
        Whose labels are used.
    """
    part = frame[(frame["under"] == "design") & frame["coverage"].notna()]
    arms = panel.instrument.arms | {POOLED: TOGETHER}
    part = part.assign(
        group=part["outcome"].map(OUTCOMES), label=part["arm"].map(lambda arm: arms.get(arm, arm))
    )
    shown, columns, spanners = side_by_side(
        part,
        ["group", "label", "truth"],
        "method",
        {method: METHODS[method] for method in ("strata", "lin")},
        {"bias_sd": "Bias, SD", "coverage": "Coverage", "found": "Found"},
    )
    formats = {name: 4 if "bias" in name else "%1" for name in columns}
    drawn = _experiments(frame)
    return table(
        shown,
        "design-effects",
        {"label": "Nudge", "truth": "True effect", **columns},
        formats={"truth": 3, **formats},
        stub="label",
        group="group",
        spanners=spanners,
        notes=[
            f"True effect in points of willingness, and as a share that signs up. {drawn}.",
        ],
        numbers=part,
        data=drawn,
    )


def sizes(frame: pd.DataFrame, panel: Panel) -> Table:
    """How often each test finds something in experiments whose nudges do nothing.

    Parameters
    ----------
    frame
        As of `coprod.experiment_recovery.read_experiments`.
    panel
        Whose labels are used.
    """
    part = frame[frame["under"] == "nothing"]
    arms = panel.instrument.arms | {POOLED: TOGETHER}
    part = part.assign(
        group=part["outcome"].map(OUTCOMES | {"": "All together"}),
        label=part["arm"].map(lambda arm: arms.get(arm, "At least one arm, after Holm")),
    )
    shown, columns, _ = side_by_side(part, ["group", "label"], "method", METHODS, {"found": ""})
    columns = {f"found_{method}": label for method, label in METHODS.items()}
    last = shown["group"] == "All together"
    drawn = number(frame["experiments"].min())
    return table(
        pd.concat([shown[~last], shown[last]]),
        "design-sizes",
        {"label": "Test", **columns},
        formats=dict.fromkeys(columns, "%1"),
        stub="label",
        group="group",
        notes=[
            f"{drawn} synthetic experiments; randomisation tests with "
            f"{number(frame['draws'].min())} assignments each."
        ],
        numbers=part,
        data=_experiments(frame),
    )


def _experiments(frame: pd.DataFrame) -> str:
    """What a table of `coprod.experiment_recovery` was computed from."""
    drawn = number(frame["experiments"].min())
    return f"{drawn} synthetic experiments drawn from data/design.yml"


def power_check(frame: pd.DataFrame) -> Table:
    """Power by formula and by simulation.

    Parameters
    ----------
    frame
        As of `coprod.power_simulation.read_power`.
    """
    outcome = [
        "In SD" if pd.isna(share) else f"A share, {percent(share)} in control"
        for share in frame["baseline"]
    ]
    label = [f"{_analysis(row)}, {counted(row.areas, 'area')}" for row in frame.itertuples()]
    shown = frame.assign(outcome=outcome, label=label).sort_values("baseline", na_position="first")
    return table(
        shown,
        "design-power-check",
        {
            "label": "Design",
            "effect": "True effect",
            "power": "Formula",
            "simulated": "Simulation",
            "apart": "Apart, in errors",
        },
        formats={"effect": 3, "power": "%1", "simulated": "%1", "apart": 1},
        stub="label",
        group="outcome",
        spanners={"Chance to find it": ["power", "simulated", "apart"]},
        notes=[
            f"{number(frame['experiments'].min())} simulated experiments a row; the errors are "
            "those of so many."
        ],
        numbers=frame,
        data="simulated experiments",
    )


def _analysis(row: Any) -> str:
    if row.nudged > 1:
        return "any of three nudges"
    if row.cluster > 1:
        return f"groups of {number(row.cluster)}"
    return "one nudge, adjusted" if row.covariates else "one nudge"
