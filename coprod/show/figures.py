"""The figures of measurement, levels and forms. Each takes a tidy frame and returns a figure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from coprod.panel import Panel
from coprod.show.theme import (
    BOTH,
    COLLECTIVE,
    COLOURS,
    INDIVIDUAL,
    INK,
    LINE,
    MARKERS,
    NEITHER,
    QUIET,
    SHADES,
    grid,
    new_figure,
    sign,
)
from coprod.show.words import count, listing, number, percent

__all__ = [
    "answers_by_item",
    "gaps_by_area",
    "levels_by_background",
    "levels_by_issue",
    "loadings",
    "overlap_by_issue",
    "profiles_by_issue",
]

POINT = {"markersize": 5.5, "capsize": 0, "linewidth": 1.4, "linestyle": "none"}
OFFSET = {"individual": -0.14, "collective": 0.14}


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
    """
    here = shares[shares["issue"] == issue]
    often = here[here["answer"] == here["answer"].max()]
    figure, [axes] = new_figure(4.1)
    position = 0.0
    ticks: list[float] = []
    labels: list[str] = []
    for form, form_label in panel.instrument.forms.items():
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
                row["share"].to_numpy(float),
                SHADES[form],
                row["answer_label"].tolist(),
            )
            ticks.append(position)
            labels.append(label)
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
        for form, label in panel.instrument.forms.items()
    ]
    return sign(figure, panel, f"{panel.instrument.issues[issue]}: {listing(said)}")


def _stack(
    axes: Axes, position: float, shares: np.ndarray, shades: Sequence[str], names: Sequence[str]
) -> None:
    left = 0.0
    for share, shade, name in zip(shares, shades, names, strict=True):
        axes.barh(
            position, share, left=left, height=0.74, color=shade, edgecolor="white", linewidth=0.8
        )
        if share >= 0.065:
            dark = shade in (INDIVIDUAL, COLLECTIVE, BOTH)
            words = f"{name} {percent(share)}" if share >= 0.225 else percent(share)
            axes.text(
                left + share / 2,
                position,
                words,
                ha="center",
                va="center",
                fontsize=7.5,
                color="white" if dark else INK,
            )
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
    apart = 0
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
            fontsize=8,
            color=QUIET,
        )
        for form in COLOURS:
            _point(axes, here.loc[form], position, form)
        apart += bool(here.loc["individual", "low"] > here.loc["collective", "high"])
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
    axes.set_yticks(range(len(rows)), [issues[issue] for issue in rows])
    axes.set(
        xlim=(0, 100),
        ylim=(len(rows) - 0.5, -0.75),
        xlabel="Mean index, 0 (nothing) to 100 (everything, often)",
    )
    grid(axes)
    on = "every issue" if apart == len(rows) else f"{count(apart)} of {count(len(rows))} issues"
    return sign(figure, panel, f"People do clearly more alone than together on {on}")


def _point(axes: Axes, row: pd.Series, position: float, form: str) -> None:
    spread = [[row["mean"] - row["low"]], [row["high"] - row["mean"]]]
    axes.errorbar(
        row["mean"],
        position,
        xerr=spread,
        color=COLOURS[form],
        marker=MARKERS[form],
        zorder=3,
        **POINT,
    )  # type: ignore[arg-type]


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
            for form in COLOURS:
                _point(place, both.loc[form], position, form)
        place.set_title(panel.instrument.issues[issue], fontsize=9)
        place.set(xlim=(0, 80), ylim=(len(areas) - 0.5, -0.5))
        grid(place)
    axes[0].set_yticks(range(len(areas)), [panel.instrument.areas[area] for area in areas])
    axes[len(axes) // 2].set_xlabel("Mean index, with 95% interval")
    _form_key(figure, panel)
    wide = means.pivot(index=["issue", "area"], columns="form", values="mean")
    gap = wide["individual"] - wide["collective"]
    return sign(
        figure,
        panel,
        f"The gap is {number(gap.min())} to {number(gap.max())} points in every area and issue",
    )


def _form_key(figure: Figure, panel: Panel) -> None:
    """Name the two forms in their colours, below the figure on the left."""
    marks = [
        Line2D(
            [],
            [],
            color=COLOURS[form],
            marker=MARKERS[form],
            linestyle="none",
            markersize=5.5,
            label=label,
        )
        for form, label in panel.instrument.forms.items()
    ]
    figure.legend(
        handles=marks,
        loc="outside lower left",
        ncols=2,
        fontsize=8.5,
        labelcolor="linecolor",
        handletextpad=0.1,
        columnspacing=1.2,
        borderaxespad=0.0,
    )


def levels_by_background(differences: pd.DataFrame, panel: Panel) -> Figure:
    """Draw the mean index of both forms for each group of people, with intervals.

    Parameters
    ----------
    differences
        As of `coprod.levels.by_background`.
    panel
        Where the numbers come from.
    """
    variables = list(dict.fromkeys(differences["variable"]))
    rows = differences.drop_duplicates(["variable", "level"])
    figure, [axes] = new_figure(0.235 * (len(rows) + 1.6 * len(variables)) + 0.9)
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
            for form in COLOURS:
                ends = both.loc[form, ["mean", "mean_low", "mean_high"]]
                _point(axes, ends.set_axis(["mean", "low", "high"]), position, form)
            ticks.append(position)
            labels.append(both["label"].iloc[0])
            position += 1
        position += 0.6
    axes.set_yticks(ticks, labels, fontsize=8)
    axes.set(
        xlim=(0, 80),
        ylim=(position - 0.8, -0.9),
        xlabel="Mean index over the issues, with 95% interval",
    )
    grid(axes)
    _form_key(figure, panel)
    spread = differences.groupby(["form", "variable"], observed=True)["mean"].agg(
        lambda mean: mean.max() - mean.min()
    )
    widest = {form: spread[form].max() for form in COLOURS}
    title = (
        f"Groups differ by up to {number(widest['individual'])} points in individual activity, "
        f"and up to {number(widest['collective'])} in collective"
    )
    return sign(figure, panel, title)


def loadings(factors: pd.DataFrame, panel: Panel) -> Figure:
    """Draw each item's loadings on the two factors, issue by issue.

    Parameters
    ----------
    factors
        As of `coprod.scales.two_factors`.
    panel
        Where the numbers come from.
    """
    issues = list(dict.fromkeys(factors["issue"]))
    figure, axes = new_figure(2.2 * len(issues), rows=len(issues), sharex=True)
    for place, issue in zip(axes, issues, strict=True):
        here = factors[factors["issue"] == issue].reset_index(drop=True)
        place.axvline(0, color=LINE, linewidth=1)
        for form in COLOURS:
            place.plot(
                here[f"factor_{form}"],
                here.index,
                color=COLOURS[form],
                marker=MARKERS[form],
                linestyle="none",
                markersize=5.5,
            )
        place.set_yticks(here.index, here["label"], fontsize=8)
        for tick, form in zip(place.get_yticklabels(), here["form"], strict=True):
            tick.set_color(COLOURS[form])
        place.set(xlim=(-0.25, 1.0), ylim=(len(here) - 0.5, -0.7))
        place.set_title(panel.instrument.issues[issue], fontsize=9)
        grid(place)
    axes[-1].set_xlabel("Loading on the factor of each form")
    _form_key(figure, panel)
    own = np.where(
        factors["form"] == "individual", factors["factor_individual"], factors["factor_collective"]
    )
    cross = np.where(
        factors["form"] == "individual", factors["factor_collective"], factors["factor_individual"]
    )
    sides = int((np.abs(own) > np.abs(cross)).sum())
    these = "Every item goes" if sides == len(factors) else f"{sides} of {len(factors)} items go"
    return sign(figure, panel, f"{these} with the factor of its own form")


def overlap_by_issue(overlap: pd.DataFrame, panel: Panel) -> Figure:
    """Draw who does something alone, in groups, both or neither, issue by issue.

    Parameters
    ----------
    overlap
        As of `coprod.forms.overlap`.
    panel
        Where the numbers come from.
    """
    issues = [issue for issue in panel.instrument.issues if (overlap["issue"] == issue).any()]
    groups = list(dict.fromkeys(overlap["group"]))
    shades = dict(zip(groups, (NEITHER, INDIVIDUAL, COLLECTIVE, BOTH), strict=True))
    figure, [axes] = new_figure(2.5)
    wide = overlap.pivot(index="issue", columns="group", values="share")
    for position, issue in enumerate(issues):
        left = 0.0
        for group in groups:
            share = float(wide.loc[issue, group])
            axes.barh(
                position,
                share,
                left=left,
                height=0.62,
                color=shades[group],
                edgecolor="white",
                linewidth=0.8,
            )
            if share > 0.06:
                axes.text(
                    left + share / 2,
                    position,
                    percent(share),
                    ha="center",
                    va="center",
                    fontsize=8.5,
                    color=INK if group == groups[0] else "white",
                )
            if position == 0 and share > 0.1:
                axes.text(
                    left + share / 2,
                    -0.5,
                    group.capitalize(),
                    ha="center",
                    fontsize=8.5,
                    color=shades[group],
                    fontweight="bold",
                )
            left += share
    axes.set_yticks(range(len(issues)), [panel.instrument.issues[issue] for issue in issues])
    axes.set(xlim=(0, 1), ylim=(len(issues) - 0.5, -0.75))
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(length=0)
    alone = wide[groups[2]]
    return sign(
        figure, panel, f"At most {percent(alone.max())} do something in groups and nothing alone"
    )


def profiles_by_issue(profiles: pd.DataFrame, panel: Panel) -> Figure:
    """Draw the share with any collective activity by level of individual activity, with intervals.

    Parameters
    ----------
    profiles
        As of `coprod.forms.profiles`.
    panel
        Where the numbers come from.
    """
    issues = [issue for issue in panel.instrument.issues if (profiles["issue"] == issue).any()]
    figure, axes = new_figure(2.8, columns=len(issues), sharey=True)
    for place, issue in zip(axes, issues, strict=True):
        here = profiles[profiles["issue"] == issue].reset_index(drop=True)
        spread = [here["any"] - here["any_low"], here["any_high"] - here["any"]]
        place.errorbar(
            here.index,
            100 * here["any"],
            yerr=[100 * each for each in spread],
            color=COLLECTIVE,
            marker=MARKERS["collective"],
            markersize=5.5,
            linewidth=1.4,
            capsize=0,
        )
        place.set_xticks(
            here.index, [label.partition(" ")[0] for label in here["label"]], fontsize=8
        )
        place.set(xlim=(-0.4, len(here) - 0.6), ylim=(0, 100))
        place.set_title(panel.instrument.issues[issue], fontsize=9)
        grid(place, "y")
    axes[0].set_ylabel("% with any collective activity")
    axes[len(axes) // 2].set_xlabel("Individual activity on the same issue")
    ends = profiles.groupby("issue", observed=True)["any"].agg(["first", "last"])
    rising = int((ends["last"] > ends["first"]).sum())
    on = "every issue" if rising == len(ends) else f"{count(rising)} of {count(len(ends))} issues"
    return sign(figure, panel, f"Who does more alone more often joins a group too, on {on}")
