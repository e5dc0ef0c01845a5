"""Tables of who does how much of each form, and of how the two go together."""

from __future__ import annotations

import pandas as pd

from coprod.panel import Panel
from coprod.show import words
from coprod.show.table import INTERVAL, Table, intervals, labels, named, side_by_side, table

__all__ = [
    "background_tests",
    "correlations",
    "gaps",
    "gaps_by_area",
    "items",
    "levels_by_background",
    "overlap",
    "profiles",
]


def items(frame: pd.DataFrame, panel: Panel) -> Table:
    """How often each action is done, from `coprod.levels.shares`."""
    never = frame[frame["answer"] == frame["answer"].min()]
    often = frame[frame["answer"] == frame["answer"].max()]
    shown = named(often, panel).assign(
        ever=1 - never["share"].to_numpy(), interval=intervals(often, "low", "high", 0, share=True)
    )
    shown["of"] = shown["issue"] + ": " + shown["form"].str.lower()
    return table(
        shown,
        "levels-items",
        {"label": "Action", "ever": "Ever", "share": "Often", "interval": INTERVAL, "n": "Answers"},
        formats={"ever": "%", "share": "%", "n": 0},
        stub="label",
        group="of",
        notes=["Weighted shares of all who answered; the interval is that of ‘often’."],
        panel=panel,
        numbers=frame,
    )


def gaps(frame: pd.DataFrame, panel: Panel) -> Table:
    """Both forms and the gap between them, by issue, from `coprod.levels.gaps`."""
    return table(
        named(frame, panel).assign(interval=intervals(frame, "low", "high", 1)),
        "levels-gap",
        {
            "issue": "Issue",
            "individual": "Individual",
            "collective": "Collective",
            "gap": "Gap",
            "interval": INTERVAL,
            "standardised": "Gap in SD",
            "n": "Respondents",
        },
        formats={"individual": 1, "collective": 1, "gap": 1, "standardised": 2, "n": 0},
        stub="issue",
        spanners={"Mean index": ["individual", "collective"]},
        notes=["SD: the standard deviation of the difference between a person's two indices."],
        panel=panel,
        numbers=frame,
    )


def gaps_by_area(frame: pd.DataFrame, panel: Panel) -> Table:
    """The same in each area, from `coprod.levels.gaps` by issue and area."""
    shown = named(frame, panel).assign(
        interval=intervals(frame, "low", "high", 1),
        label=frame["area"].astype(object).map(panel.instrument.areas),
    )
    return table(
        shown,
        "levels-area",
        {
            "label": "Area",
            "individual": "Individual",
            "collective": "Collective",
            "gap": "Gap",
            "interval": INTERVAL,
            "n": "Respondents",
        },
        formats={"individual": 1, "collective": 1, "gap": 1, "n": 0},
        stub="label",
        group="issue",
        spanners={"Mean index": ["individual", "collective"]},
        notes=["Gap: individual less collective activity, in points of the index."],
        panel=panel,
        numbers=frame,
    )


def levels_by_background(frame: pd.DataFrame, panel: Panel) -> Table:
    """The mean of both forms in each group of people, from `coprod.background.means`."""
    shown = frame.assign(interval=intervals(frame, "mean_low", "mean_high", 1))
    wide, columns, spanners = side_by_side(
        shown,
        ["variable_label", "label"],
        "form",
        panel.instrument.forms,
        {"mean": "Mean index", "interval": INTERVAL},
    )
    return table(
        wide,
        "levels-background",
        {"label": "Group", **columns},
        formats={name: 1 for name in columns if name.startswith("mean")},
        stub="label",
        group="variable_label",
        spanners=spanners,
        notes=["Weighted, over all issues, without adjustment for anything else."],
        panel=panel,
        numbers=frame,
    )


def background_tests(frame: pd.DataFrame, panel: Panel) -> Table:
    """One test a background and form, from `coprod.background.wald_tests`."""
    shown = frame.assign(label=frame["variable"].map(labels(panel)))
    forms, own = panel.instrument.forms, {"statistic": "F", "p_holm": "p"}
    wide, columns, spanners = side_by_side(shown, ["label", "df"], "form", forms, own)
    return table(
        wide,
        "levels-tests",
        {"label": "Background", "df": "Degrees of freedom", **columns},
        formats={"df": 0}
        | {name: words.p_short if name.startswith("p") else 1 for name in columns},
        stub="label",
        spanners=spanners,
        notes=["Design-based Wald tests; p after Holm over all backgrounds and both forms."],
        panel=panel,
        numbers=frame,
    )


def correlations(frame: pd.DataFrame, panel: Panel) -> Table:
    """Correlation of the two indices, from `coprod.forms.correlations`."""
    return table(
        named(frame, panel).assign(interval=intervals(frame, "low", "high", 2)),
        "forms-correlation",
        {"issue": "Issue", "correlation": "Correlation", "interval": INTERVAL, "n": "Respondents"},
        formats={"correlation": 2, "n": 0},
        stub="issue",
        notes=["Weighted; respondents are the units drawn, areas the strata."],
        panel=panel,
        numbers=frame,
    )


def overlap(frame: pd.DataFrame, panel: Panel) -> Table:
    """Who does which form at all, from `coprod.forms.overlap`."""
    shown = named(frame, panel).assign(interval=intervals(frame, "low", "high", 1, share=True))
    shown["group"] = shown["group"].astype(str).str.capitalize()
    return table(
        shown,
        "forms-overlap",
        {"group": "Does", "share": "Share", "interval": INTERVAL, "n": "Respondents on the issue"},
        formats={"share": "%1", "n": 0},
        stub="group",
        group="issue",
        panel=panel,
        numbers=frame,
    )


def profiles(frame: pd.DataFrame, panel: Panel) -> Table:
    """Who joins others, by how much they do alone, from `coprod.forms.profiles`."""
    shown = named(frame, panel).assign(
        interval=intervals(frame, "any_low", "any_high", 1, share=True)
    )
    return table(
        shown,
        "forms-profiles",
        {
            "label": "Does alone",
            "any": "Share",
            "interval": INTERVAL,
            "mean": "Mean index",
            "n": "Respondents",
        },
        formats={"any": "%1", "mean": 1, "n": 0},
        stub="label",
        group="issue",
        spanners={"Any collective activity": ["any", "interval"], "Collective": ["mean"]},
        panel=panel,
        numbers=frame,
    )
