"""Figures of how much people do. Each takes a tidy frame and returns a figure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from coprod.disclosure import withheld
from coprod.fielded import need_issue
from coprod.panel import Panel
from coprod.show.spoken import says, shortly
from coprod.show.theme import (
    COLOURS,
    LINE,
    OVER_SHADES,
    PAPER,
    QUIET,
    SHADES,
    draw_point,
    folded,
    grid,
    index_limits,
    name_forms,
    new_figure,
    sign,
)
from coprod.show.words import direction, listing, number, out_of, percent, span

__all__ = ["answers_by_item", "gaps_by_area", "levels_by_background", "levels_by_issue"]

ENDS = ["mean", "low", "high"]


def answers_by_item(shares: pd.DataFrame, panel: Panel, issue: str) -> Figure:
    """Draw how often each action on one issue is done: bars from never to often.

    Parameters
    ----------
    shares
        As of `coprod.levels.shares`.
    panel
        Where the numbers come from.
    issue
        The issue to show.

    Raises
    ------
    ValidityError
        When the panel was not asked about it.
    """
    need_issue(panel.instrument, issue)
    here = shares[shares["issue"] == issue]
    often = here[here["answer"] == here["answer"].max()]
    figure, [axes] = new_figure(4.1)
    position = 0.0
    ticks: list[float] = []
    labels: list[str] = []
    told = often.groupby("form", observed=True)["share"].agg(lambda share: share.notna().all())
    forms = {form: label for form, label in panel.instrument.forms.items() if told.get(form)}
    if not forms:
        raise withheld(
            panel, f"How often people do each action for {panel.instrument.issues[issue]}"
        )
    for form, form_label in forms.items():
        items = often[often["form"] == form].sort_values("share", ascending=False)
        axes.text(
            0,
            position - 0.75,
            form_label,
            color=COLOURS[form],
            fontweight="bold",
            fontsize=9,
            va="center",
        )
        for item, label in zip(items["item"], items["label"], strict=True):
            row = here[(here["form"] == form) & (here["item"] == item)].sort_values("answer")
            _stack(
                axes,
                position,
                label,
                row["share"].to_numpy(float),
                SHADES[form],
                row["answer_label"].tolist(),
            )
            ticks.append(position)
            labels.append(folded(label, 46))
            position += 1
        position += 1.1
    axes.set_yticks(ticks, labels)
    axes.set(xlim=(0, 1), ylim=(position - 1.5, -1.2))
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(length=0)
    done = here[here["answer"] > 0].groupby(["form", "item"], observed=True)["share"].sum()
    said = [
        f"{percent(done[form].min())} to {percent(done[form].max())} did each {label.lower()} action"
        for form, label in forms.items()
    ]
    return sign(figure, panel, f"{panel.instrument.issues[issue]}: {listing(said)}")


def _stack(
    axes: Axes,
    position: float,
    label: str,
    shares: np.ndarray,
    shades: Sequence[str],
    names: Sequence[str],
) -> None:
    left = 0.0
    for share, shade, over, name in zip(shares, shades, OVER_SHADES, names, strict=True):
        [bar] = axes.barh(
            position, share, left=left, height=0.74, color=shade, edgecolor=PAPER, linewidth=0.8
        )
        said = f"{label}: {name.lower()} {shortly(100 * share, 0)}%"
        says(bar, said)
        if share >= 0.065:
            words = f"{name} {percent(share)}" if share >= 0.225 else percent(share)
            above = axes.text(
                left + share / 2,
                position,
                words,
                ha="center",
                va="center",
                fontsize=8,
                color=over,
            )
            says(above, said)
        left += share


def levels_by_issue(means: pd.DataFrame, panel: Panel) -> Figure:
    """Draw the mean index of both forms on each issue, with intervals and the gap between them.

    Parameters
    ----------
    means
        As of `coprod.levels.means(panel, by=("issue",))`.
    panel
        Where the numbers come from.
    """
    issues = panel.instrument.issues
    figure, [axes] = new_figure(2.7)
    apart = dict.fromkeys(COLOURS, 0)
    rows = [issue for issue in issues if (means["issue"] == issue).any()]
    for position, issue in enumerate(rows):
        here = means[means["issue"] == issue].set_index("form")
        low, high = sorted(here["mean"])
        axes.plot(
            [low, high],
            [position, position],
            color=LINE,
            linewidth=3,
            zorder=1,
            solid_capstyle="round",
        )
        axes.text(
            (low + high) / 2,
            position - 0.18,
            f"{number(high - low)} points apart",
            ha="center",
            fontsize=8.5,
            color=QUIET,
        )
        for form in COLOURS:
            draw_point(axes, here.loc[form, ENDS], position, form, issues[issue])
        for form, other in zip(COLOURS, reversed(COLOURS), strict=True):
            apart[form] += bool(here.loc[form, "low"] > here.loc[other, "high"])
        if position == 0:
            for form, label in panel.instrument.forms.items():
                axes.text(
                    here.loc[form, "mean"],
                    -0.42,
                    label,
                    color=COLOURS[form],
                    ha="center",
                    fontweight="bold",
                    fontsize=9,
                )
    axes.set_yticks(range(len(rows)), [folded(issues[issue]) for issue in rows])
    axes.set(
        xlim=(0, 100),
        ylim=(len(rows) - 0.5, -0.75),
        xlabel="Mean index, 0 (nothing) to 100 (everything, often)",
    )
    grid(axes)
    found = {"individual": "more alone than together", "collective": "more together than alone"}
    said = [
        f"{found[form]} on {out_of(times, len(rows), 'issue')}"
        for form, times in apart.items()
        if times
    ]
    title = (
        f"People do clearly {listing(said)}" if said else "No issue sets the forms clearly apart"
    )
    return sign(figure, panel, title)


def gaps_by_area(means: pd.DataFrame, panel: Panel) -> Figure:
    """Draw the mean index of both forms by issue and area, with intervals.

    Parameters
    ----------
    means
        As of `coprod.levels.means(panel, by=("issue", "area"))`.
    panel
        Where the numbers come from.
    """
    issues = [issue for issue in panel.instrument.issues if (means["issue"] == issue).any()]
    areas = [area for area in panel.instrument.areas if (means["area"] == area).any()]
    figure, axes = new_figure(
        0.32 * len(areas) + 1.5, columns=len(issues), sharey=True, sharex=True
    )
    for place, issue in zip(axes, issues, strict=True):
        here = means[means["issue"] == issue]
        for position, area in enumerate(areas):
            both = here[here["area"] == area].set_index("form")
            place.plot(both["mean"], [position] * len(both), color=LINE, linewidth=2.5, zorder=1)
            name = f"{panel.instrument.issues[issue]}, {panel.instrument.areas[area]}"
            for form in COLOURS:
                draw_point(place, both.loc[form, ENDS], position, form, name)
        place.set_title(folded(panel.instrument.issues[issue], 26), fontsize=9)
        place.set(xlim=index_limits(means[["low", "high"]]), ylim=(len(areas) - 0.5, -0.5))
        grid(place)
    axes[0].set_yticks(range(len(areas)), [folded(panel.instrument.areas[area]) for area in areas])
    axes[len(axes) // 2].set_xlabel("Mean index, with 95% interval")
    name_forms(figure, panel)
    wide = means.pivot(index=["issue", "area"], columns="form", values="mean")
    gap = wide["individual"] - wide["collective"]
    ahead = direction(
        gap.min(), gap.max(), "More alone than together", "More together than alone", ""
    )
    title = (
        f"{ahead} in every area and on every issue: {span(gap.abs())} points"
        if ahead
        else f"Individual less collective activity is {span(gap)} points, by area and issue"
    )
    return sign(figure, panel, title)


def levels_by_background(differences: pd.DataFrame, panel: Panel) -> Figure:
    """Draw the mean index of both forms for each group of people, with intervals.

    Parameters
    ----------
    differences
        As of `coprod.background.means`.
    panel
        Where the numbers come from.
    """
    variables = list(dict.fromkeys(differences["variable"]))
    rows = differences.drop_duplicates(["variable", "level"])
    figure, [axes] = new_figure(0.145 * (len(rows) + 1.25 * len(variables)) + 0.9)
    position = 0.0
    ticks: list[float] = []
    labels: list[str] = []
    for variable in variables:
        here = differences[differences["variable"] == variable]
        axes.text(
            0.6,
            position,
            here["variable_label"].iloc[0],
            fontweight="bold",
            fontsize=8.5,
            va="center",
        )
        position += 1
        for level in dict.fromkeys(here["level"]):
            both = here[here["level"] == level].set_index("form")
            name = f"{both['variable_label'].iloc[0]}: {both['label'].iloc[0]}"
            for form in COLOURS:
                ends = both.loc[form, ["mean", "mean_low", "mean_high"]]
                draw_point(axes, ends, position, form, name)
            ticks.append(position)
            labels.append(both["label"].iloc[0])
            position += 1
        position += 0.25
    axes.set_yticks(ticks, labels, fontsize=8)
    axes.set(
        xlim=index_limits(differences[["mean_low", "mean_high"]]),
        ylim=(position - 0.8, -0.9),
        xlabel="Mean index over the issues, with 95% interval",
    )
    grid(axes)
    name_forms(figure, panel)
    spread = differences.groupby(["form", "variable"], observed=True)["mean"].agg(
        lambda mean: mean.max() - mean.min()
    )
    widest = {form: spread[form].max() for form in COLOURS}
    title = (
        f"Groups differ by up to {number(widest['individual'])} points in individual activity, "
        f"and up to {number(widest['collective'])} in collective"
    )
    return sign(figure, panel, title)
