"""Figures of what a design can show. Each takes a tidy frame and returns a figure."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from coprod.palette import PALETTE
from coprod.panel import Panel
from coprod.show.spoken import estimated, says, says_at, shortly
from coprod.show.theme import INK, LINE, PAPER, QUIET, draw_estimate, grid, new_figure, sign
from coprod.show.words import number, out_of, percent

__all__ = [
    "exaggeration",
    "power_by_effect",
    "power_curves",
    "recovered",
    "strength_of_nudges",
]

# Okabe and Ito's palette without the two colours of the forms, from weak to strong.
EFFECTS = (PALETTE["sky"], PALETTE["jade"], INK)
STYLES = ("-", "--", ":")
ENOUGH = 0.8

CHANGED = {"respondents": "Respondents an area", "areas": "Areas", "arms": "Arms, with control"}


def _share(axes: Axes) -> None:
    """An axis of chances from none to certain, with a line where power is usually asked to be."""
    axes.set_ylim(0, 1.02)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.axhline(ENOUGH, color=QUIET, linewidth=0.8, linestyle=(0, (2, 3)))
    grid(axes, "y")


def _chance(share: float) -> str:
    return f"found by {shortly(100 * share, 0)}% of experiments"


def power_curves(table: pd.DataFrame, own: pd.DataFrame, panel: Panel) -> Figure:
    """Draw power over respondents an area, areas and arms, for some true effects.

    Parameters
    ----------
    table
        As of `coprod.power.curves`.
    own
        As of `coprod.power.power` for the design of the panel and the same effects.
    panel
        Where that comes from.
    """
    effects = list(dict.fromkeys(table["effect"]))
    figure, axes = new_figure(3.1, columns=len(CHANGED), sharey=True)
    for place, (changed, label) in zip(axes, CHANGED.items(), strict=True):
        here = table[table["changed"] == changed]
        for effect, colour, style in zip(effects, EFFECTS, STYLES, strict=False):
            line = here[here["effect"] == effect]
            place.plot(line["value"], line["power"], color=colour, linestyle=style, linewidth=1.6)
            at = own[own["effect"] == effect].iloc[0]
            for row in line.itertuples():
                said = f"{label}: {number(row.value)}; true effect {number(effect, 2)} SD"
                says_at(place, row.value, row.power, f"{said}: {_chance(row.power)}")
            [mark] = place.plot(at[changed], at["power"], "o", color=colour, markersize=5, zorder=5)
            says(mark, f"This design, true effect {number(effect, 2)} SD: {_chance(at['power'])}")
        place.set_xlabel(label)
        place.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        _share(place)
    for effect, colour, style in zip(effects, EFFECTS, STYLES, strict=False):
        axes[0].plot([], [], color=colour, linestyle=style, label=f"{number(effect, 2)} SD")
    figure.legend(
        title="True effect",
        loc="outside upper right",
        ncols=len(effects),
        title_fontsize=8.5,
        alignment="right",
    )
    axes[0].set_ylabel("Chance to find the effect")
    found = int((own["power"] >= ENOUGH).sum())
    title = (
        f"This design (dots) finds {out_of(found, len(own), 'effect')}\n"
        f"in at least {percent(ENOUGH)} of experiments"
    )
    figure.suptitle(title, x=0.0, ha="left", fontsize=10.5, fontweight="bold", color=INK)
    return sign(figure, panel)


def power_by_effect(table: pd.DataFrame, own: float, panel: Panel) -> Figure:
    """Draw power over the true effect on a share, for some numbers of respondents an area.

    Parameters
    ----------
    table
        As of `coprod.power.power`.
    own
        Respondents an area of the panel; its line is drawn strong.
    panel
        Where that comes from.
    """
    figure, [axes] = new_figure(3.2)
    for respondents, line in table.groupby("respondents"):
        here = bool(np.isclose(respondents, own))
        colour = INK if here else QUIET
        axes.plot(100 * line["effect"], line["power"], color=colour, linewidth=2.0 if here else 1.0)
        for row in line.itertuples():
            said = f"{number(respondents)} an area, true effect {shortly(100 * row.effect)} points"
            says_at(axes, 100 * row.effect, row.power, f"{said}: {_chance(row.power)}")
        # Each line is named where it passes a height of its own, clear of its neighbours.
        at = line.iloc[int((line["power"] - 0.62).abs().argmin())]
        axes.annotate(
            number(respondents),
            (100 * at["effect"], at["power"]),
            xytext=(-3, 3),
            textcoords="offset points",
            ha="right",
            fontsize=8.5,
            color=colour,
            fontweight="bold" if here else "normal",
        )
    axes.set(
        xlim=(0, 100 * table["effect"].max()),
        xlabel="True effect on signing up, in percentage points",
        ylabel="Chance to find the effect",
    )
    _share(axes)
    line = table[np.isclose(table["respondents"], own)].sort_values("effect")
    enough = np.interp(ENOUGH, line["power"], line["effect"], right=np.nan)
    found = f"{number(100 * enough, 1)} points" if enough > 0 else "no such effect"
    title = f"With {number(own)} respondents an area, {found} would mostly be found"
    return sign(figure, panel, title)


def exaggeration(table: pd.DataFrame, marks: pd.DataFrame, panel: Panel) -> Figure:
    """Draw by how much a found effect is exaggerated, and how often its sign is wrong.

    Parameters
    ----------
    table
        As of `coprod.power.errors`, over true effects above zero.
    marks
        As `table`, with a column `label`: effects to be marked.
    panel
        Where the design comes from.
    """
    figure, axes = new_figure(2.9, columns=2)
    for place, name in zip(axes, ("type_m", "type_s"), strict=True):
        place.plot(table["effect"], table[name], color=INK, linewidth=1.6)
        says_errors = {
            "type_m": lambda value: f"looks {shortly(value)} times as large, where it is found",
            "type_s": lambda value: f"wrong direction in {shortly(100 * value)}% of what is found",
        }[name]
        for row in table.to_dict("records"):
            said = f"True effect {shortly(row['effect'], 2)} SD: {says_errors(row[name])}"
            says_at(place, row["effect"], row[name], said)
        for row in marks.to_dict("records"):
            [mark] = place.plot(row["effect"], row[name], "o", color=INK, markersize=5, zorder=5)
            said = f"{row['label']}, {shortly(row['effect'], 2)} SD: {says_errors(row[name])}"
            says(mark, said[0].upper() + said[1:])
        for row in marks.to_dict("records"):
            place.annotate(
                str(row["label"]),
                (float(row["effect"]), float(row[name])),
                xytext=(5, 4),
                textcoords="offset points",
                fontsize=8,
                color=QUIET,
            )
        place.set_xlabel("True effect, in SD of willingness")
        place.set_xlim(0, float(table["effect"].max()))
        grid(place, "y")
    axes[0].set_title("Times as large as it is (type M)", fontsize=9)
    axes[0].set_ylim(0, 1.05 * float(table["type_m"].max()))
    axes[0].axhline(1, color=LINE, linewidth=1)
    axes[1].set_title("Wrong direction (type S)", fontsize=9)
    axes[1].set_ylim(0, max(0.05, 1.05 * float(table["type_s"].max())))
    axes[1].yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    weakest = marks.sort_values("effect").iloc[0]
    title = (
        f"If a nudge of {number(weakest['effect'], 2)} SD is found at all, it looks "
        f"{number(weakest['type_m'], 1)} times as large as it is"
    )
    return sign(figure, panel, title)


MARKS = {
    "strongest": "Strongest nudge here",
    "found": "Found in four of five experiments",
    "corrected": "The same, with Holm's correction",
    "noticeable": "Noticed by a council",
}


def strength_of_nudges(table: pd.DataFrame, panel: Panel) -> Figure:
    """Draw how strong nudges are, or must be, in SD of willingness and in people.

    Parameters
    ----------
    table
        As of `coprod.strength.strength`.
    panel
        Where the numbers come from.
    """
    shown = table.sort_values("strength").reset_index(drop=True)
    figure, [axes] = new_figure(0.5 * len(shown) + 1.3)
    for row in shown.itertuples():
        special = row.mark == "noticeable"
        axes.plot([0, row.strength], [row.Index] * 2, color=LINE, linewidth=3, zorder=1)
        [mark] = axes.plot(
            row.strength,
            row.Index,
            "o",
            color=INK,
            markersize=6,
            markerfacecolor=PAPER if special else INK,
        )
        extra = f"{number(row.extra)} people in 1,000"
        says(mark, f"{MARKS[row.mark]}: {shortly(row.strength, 2)} SD, {extra}")
        axes.annotate(
            extra,
            (row.strength, row.Index),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
            color=QUIET,
        )
    axes.axvline(0, color=QUIET, linewidth=0.8)
    axes.set_yticks(range(len(shown)), [MARKS[mark] for mark in shown["mark"]])
    least = min(0.0, float(shown["strength"].min()))
    axes.set(
        xlim=(1.1 * least, 1.55 * float(shown["strength"].max())),
        ylim=(len(shown) - 0.5, -0.6),
        xlabel="Strength of the nudge, in SD of willingness",
    )
    grid(axes)
    at = table.set_index("mark")["strength"]
    strongest = at["strongest"]
    times = at["noticeable"] / strongest if strongest > 0 else np.nan
    title = (
        f"A nudge that a council would notice is {number(times, 1)} times the strongest here"
        if strongest > 0
        else "No nudge here made people more willing; a council would notice "
        f"{number(at['noticeable'], 2)} SD"
    )
    return sign(figure, panel, title)


# What tells estimands apart, where a table has it.
NAMED = ("group", "outcome", "arm", "issue", "form", "term", "level", "statistic")
UNSAID = ("", "nan", "all", "estimate", "estimate_sd", "mean", "gap")
SAID = {
    "willing": "willingness",
    "signup": "signing up",
    "shapley": "mean over all orders",
    "ordered": "in the order shown",
    "last": "when it enters last",
    "r2": "all blocks",
}


def recovered(table: pd.DataFrame, drawn: str) -> Figure:
    """Draw how often the 95 % intervals of each estimator hold what is true.

    Parameters
    ----------
    table
        `group`, `coverage` and `coverage_error` of estimands, as of `coprod.recovery` and
        `coprod.experiment_recovery`.
    drawn
        What they were computed from.
    """
    groups = table.groupby("group", sort=False)
    figure, [axes] = new_figure(0.062 * len(table) + 0.26 * len(groups) + 1.1)
    axes.axvspan(0.94, 0.96, color=LINE, alpha=0.45, linewidth=0)
    axes.axvline(0.95, color=QUIET, linewidth=0.8)
    position = 0.0
    ticks: dict[str, float] = {}
    for group, part in groups:
        here = part.sort_values("coverage")
        rows = position + np.arange(len(here))
        for at, row in zip(rows, here.to_dict("records"), strict=True):
            reach = 1.96 * row["coverage_error"]
            ends = (row["coverage"], row["coverage"] - reach, row["coverage"] + reach)
            mark = draw_estimate(
                axes, ends, at, marker="o", markersize=3, linewidth=0.7, color=INK, clip_on=True
            )
            said = estimated([100 * end for end in ends], 1, "%")
            name = ", ".join(
                SAID.get(row[key], str(row[key]).replace("_", " "))
                for key in NAMED
                if str(row.get(key) or "") not in UNSAID
            )
            says(mark, f"{name}: {said} of intervals hold the truth" if name else said)
        ticks[str(group)] = float(rows.mean())
        position += len(here) + 3
    axes.set_yticks(list(ticks.values()), list(ticks))
    axes.set(ylim=(position - 2, -2), xlabel="Share of 95% intervals that hold the true value")
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    grid(axes)
    inside = int(table["coverage"].between(0.93, 0.97).sum())
    title = (
        f"{out_of(inside, len(table)).capitalize()} intervals hold the truth "
        f"{percent(0.93)} to {percent(0.97)} of the time"
    )
    return sign(figure, drawn, title)
