"""Figures of the nudge experiment: how alike the arms were, what each nudge did."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from coprod.palette import PALETTE
from coprod.panel import Panel
from coprod.show.spoken import estimated, says, shortly
from coprod.show.theme import (
    BAND,
    BOTH,
    INK,
    LINE,
    NEITHER,
    PAPER,
    QUIET,
    draw_estimate,
    grid,
    new_figure,
    sign,
)
from coprod.show.words import number, out_of, p_short, p_value, span, term_name

__all__ = ["arm_balance", "arm_effects", "randomisation_histograms"]

# The rest of Okabe and Ito's palette: arms are series of their own, each with a mark.
SERIES = (
    (PALETTE["jade"], "s"),
    (BOTH, "^"),
    (PALETTE["amber"], "v"),
    (PALETTE["sky"], "P"),
    (QUIET, "X"),
)
TOGETHER = (INK, "h")
# Light colours need an edge to stand out from the page.
EDGE: dict[str, Any] = {"markeredgecolor": INK, "markeredgewidth": 0.5}
OUTCOMES = {"willing": "Willingness", "signup": "Sign-up"}
ADJUSTED = {"lin": "adjusted for intention and background", "strata": "areas only"}
UNITS = {"willing": "SD of the control group", "signup": "percentage points"}


def _series(frame: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Colour and mark of each arm; all nudges together in ink."""
    arms = frame.loc[frame["family"] == "arms", "arm"].drop_duplicates()
    found = {arm: SERIES[place % len(SERIES)] for place, arm in enumerate(arms)}
    return found | dict.fromkeys(frame.loc[frame["family"] == "pooled", "arm"], TOGETHER)


def arm_balance(table: pd.DataFrame, panel: Panel) -> Figure:
    """Draw the standardised difference of each arm from control in what was so before (love plot).

    Parameters
    ----------
    table
        As of `coprod.nudges.balance`.
    panel
        Where the numbers come from.
    """
    shown = table[table["family"] == "arms"]
    rows = shown.drop_duplicates(["variable", "level"])
    places = {key: at for at, key in enumerate(zip(rows["variable"], rows["level"], strict=True))}
    series = _series(shown)
    figure, [axes] = new_figure(0.205 * len(rows) + 1.25)
    axes.axvline(0, color=QUIET, linewidth=0.8)
    for line in (-0.1, 0.1):
        axes.axvline(line, color=QUIET, linewidth=0.8, linestyle=(0, (3, 3)))
    for line in range(len(rows)):
        axes.axhline(line, color=LINE, linewidth=0.5, zorder=0)
    marks = []
    for arm, (colour, mark) in series.items():
        here = shown[shown["arm"] == arm]
        at = [places[key] for key in zip(here["variable"], here["level"], strict=True)]
        style: dict[str, Any] = {"marker": mark, "color": colour, **EDGE}
        label = here["label"].iloc[0]
        for row, place in zip(here.itertuples(), at, strict=True):
            [point] = axes.plot(row.standardised, place, markersize=6, clip_on=False, **style)
            if np.isfinite(row.standardised):
                said = f"{term_name(row.variable_label, row.level_label)}, {label}"
                says(point, f"{said}: {shortly(row.standardised, 2)} SD from control")
        marks.append(Line2D([], [], linestyle="none", markersize=6, label=label, **style))
    names = [
        term_name(*pair) for pair in zip(rows["variable_label"], rows["level_label"], strict=True)
    ]
    axes.set_yticks(range(len(rows)), names, fontsize=8.5)
    size = shown["standardised"].abs()
    limit = max(0.16, 1.1 * float(np.nanmax([*size, 0.0])))
    axes.set(
        xlim=(-limit, limit),
        ylim=(len(rows) - 0.4, -0.6),
        xlabel="Standardised difference from control (dashed: 0.1 either way)",
    )
    grid(axes)
    longest = 5 + int(shown["label"].str.len().max())
    _name(figure, marks, min(len(marks), max(1, 84 // longest)))
    within, compared = int((size <= 0.1).sum()), int(size.notna().sum())
    title = (
        f"{number(within)} of {number(compared)} differences from control are within 0.1; "
        f"the largest is {number(size.max(), 2)}"
    )
    return sign(figure, panel, title)


def arm_effects(effects: pd.DataFrame, equivalence: pd.DataFrame, panel: Panel) -> Figure:
    """Draw the effect of each nudge on both outcomes, with intervals and what would matter.

    Parameters
    ----------
    effects
        `coprod.nudges.effects` with one kind of weights. The last adjustment is drawn first.
    equivalence
        `coprod.nudges.equivalence` with the same weights, of each adjustment one below the other:
        90 % intervals and margins.
    panel
        Where the numbers come from.
    """
    series, adjustments = _series(effects), list(dict.fromkeys(effects["adjustment"]))[::-1]
    labels = effects.drop_duplicates("arm").set_index("arm")["label"]
    gaps = [0.3 if arm == "pooled" else 0.0 for arm in series]
    places = {arm: at + gap for at, (arm, gap) in enumerate(zip(series, gaps, strict=True))}
    shift = 0.0 if len(adjustments) == 1 else 0.19
    outcomes = [outcome for outcome in OUTCOMES if (effects["outcome"] == outcome).any()]
    figure, axes = new_figure(0.62 * len(series) + 1.75, columns=len(outcomes), sharey=True)
    for place, outcome in zip(axes, outcomes, strict=True):
        column = "sd" if outcome == "willing" else "percentage_points"
        unit = 1.0 if outcome == "willing" else 100.0
        here = equivalence[equivalence["outcome"] == outcome]
        margin = unit * float(here["margin"].iloc[0])
        place.axvspan(-margin, margin, color=BAND, zorder=0, linewidth=0)
        for edge in (-margin, margin):
            place.axvline(edge, color=QUIET, linewidth=0.8, linestyle=(0, (3, 3)))
        place.axvline(0, color=QUIET, linewidth=0.8)
        for row in effects[effects["outcome"] == outcome].itertuples():
            colour, mark = series[row.arm]
            filled = row.adjustment == adjustments[0]
            at = places[row.arm] + (-shift if filled else shift)
            wide = [getattr(row, f"{end}_{column}") for end in ("low", "high")]
            inner = here[(here["arm"] == row.arm) & (here["adjustment"] == row.adjustment)].iloc[0]
            estimate = getattr(row, f"estimate_{column}")
            place.plot(
                [unit * inner["low"], unit * inner["high"]],
                [at, at],
                color=colour,
                linewidth=3.4,
                solid_capstyle="butt",
                zorder=2,
            )
            point = draw_estimate(
                place,
                (estimate, *wide),
                at,
                marker=mark,
                markersize=7,
                linewidth=1.2,
                clip_on=True,
                color=colour,
                markerfacecolor=colour if filled else PAPER,
                markeredgecolor=INK if filled else colour,
                markeredgewidth=0.7 if filled else 1.5,
            )
            decimals, sd = (2, " SD") if outcome == "willing" else (1, " percentage points")
            name = f"{labels[row.arm]}, {OUTCOMES[outcome].lower()}, {ADJUSTED[row.adjustment]}"
            says(point, f"{name}: {estimated((estimate, *wide), decimals, sd)}")
        ends = effects.loc[effects["outcome"] == outcome, [f"low_{column}", f"high_{column}"]]
        limit = 1.12 * max(margin, float(ends.abs().max().max()))
        place.set(xlim=(-limit, limit), xlabel=UNITS[outcome])
        place.set_title(OUTCOMES[outcome], fontsize=9)
        grid(place)
    names = [textwrap.fill(labels[arm], 16) for arm in series]
    axes[0].set_yticks(list(places.values()), names)
    axes[0].set_ylim(max(places.values()) + 0.6, -0.6)
    _name(figure, _key(adjustments), 2)
    tested = effects[(effects["family"] == "arms") & (effects["adjustment"] == adjustments[0])]
    judged = equivalence.merge(tested[["arm", "outcome", "adjustment"]])
    clear, small = (
        int((tested["p_holm"] < 0.05).sum()),
        int((judged["verdict"] == "negligible").sum()),
    )
    title = (
        f"{out_of(clear, len(tested)).capitalize()} effects of single nudges "
        f"{'is' if clear == 1 else 'are'} clear after Holm; "
        f"{out_of(small, len(judged))} {'is' if small == 1 else 'are'} shown to be too small to matter"
    )
    return sign(figure, panel, title)


def _key(adjustments: list[str]) -> list[Artist]:
    marks = [
        Line2D(
            [],
            [],
            color=QUIET,
            marker="s",
            linestyle="none",
            markersize=6,
            markerfacecolor=PAPER if place else QUIET,
            label=ADJUSTED[name],
        )
        for place, name in enumerate(adjustments)
    ]
    return [
        *marks,
        Line2D([], [], color=QUIET, linewidth=1.2, label="95% interval; thick: 90%"),
        Patch(facecolor=BAND, edgecolor=QUIET, linestyle=(0, (3, 3)), label="too small to matter"),
    ]


def _name(figure: Figure, marks: Sequence[Artist], columns: int) -> None:
    """Say below the figure what marks stand for; an empty row leaves room for the notice."""
    rows = -(-len(marks) // columns)
    blank = Line2D([], [], linestyle="none", label=" ")
    cells: list[Artist] = []
    for start in range(0, len(marks), rows):
        part = marks[start : start + rows]
        cells += [*part, *[blank] * (rows + 1 - len(part))]
    legend = figure.legend(
        handles=cells,
        loc="outside lower left",
        ncols=columns,
        fontsize=8.5,
        handletextpad=0.5,
        columnspacing=1.4,
        borderaxespad=0.0,
    )
    for text in legend.get_texts():
        if text.get_text() == " ":
            text.set_fontsize(17)


def randomisation_histograms(drawn: pd.DataFrame, tests: pd.DataFrame, panel: Panel) -> Figure:
    """Draw the differences that chance alone gives, and the one observed among them.

    Parameters
    ----------
    drawn
        As of `coprod.nudges.randomisation_distribution`.
    tests
        `coprod.nudges.randomisation_test` of the same draws.
    panel
        Where the numbers come from.
    """
    series, outcomes = _series(tests), list(dict.fromkeys(tests["outcome"]))
    figure, axes = new_figure(
        1.02 * len(series) + 0.95, rows=len(series), columns=len(outcomes), sharex="col"
    )
    limits = dict.fromkeys(outcomes, 0.0)
    for place, (outcome, arm) in enumerate((o, a) for a in series for o in outcomes):
        where = axes[place]
        unit = 1.0 if outcome == "willing" else 100.0
        picked = (drawn["outcome"] == outcome) & (drawn["arm"] == arm)
        values = unit * drawn.loc[picked, "estimate"].to_numpy(float)
        row = tests[(tests["outcome"] == outcome) & (tests["arm"] == arm)].iloc[0]
        observed, colour = unit * row["estimate"], series[arm][0]
        counts, edges = np.histogram(values, _edges(values))
        middles = (edges[:-1] + edges[1:]) / 2
        beyond = np.abs(middles) >= abs(observed)
        where.stairs(counts, edges, fill=True, color=NEITHER, linewidth=0)
        far = where.stairs(np.where(beyond, counts, 0), edges, fill=True, color=INK, linewidth=0)
        found = f"{row['label']}, {OUTCOMES[outcome].lower()}"
        says(far, f"{found}: draws at least as far from zero, p {p_value(row['p'])}")
        top = 1.5 * counts.max()
        where.plot([observed, observed], [0, 0.8 * top], color=colour, linewidth=2)
        digits = 2 if outcome == "willing" else 1
        [point] = where.plot(
            observed,
            0.8 * top,
            marker=series[arm][1],
            markersize=6,
            color=colour,
            **EDGE,
        )
        says(point, f"{found}: {shortly(observed, digits)} found, p {p_value(row['p'])}")
        limits[outcome] = max(
            limits[outcome], 1.35 * float(max(np.abs(edges).max(), abs(observed)))
        )
        # Outwards, where there is room for it.
        room = abs(observed) < 0.8 * np.abs(edges).max()
        side = 1 if (observed >= 0) == room else -1
        where.annotate(
            f"{number(observed, digits)}, p {p_short(row['p'])}",
            (observed, 0.8 * top),
            xytext=(6 * side, 0),
            textcoords="offset points",
            ha="left" if side > 0 else "right",
            va="center",
            fontsize=8.5,
        )
        where.set(ylim=(0, top), yticks=[])
        where.tick_params(length=0)
        if place < len(outcomes):
            name = {"willing": "Willingness (points)", "signup": "Sign-up (percentage points)"}
            where.set_title(name[outcome], fontsize=9)
        if place % len(outcomes) == 0:
            where.set_ylabel(
                textwrap.fill(row["label"], 14),
                rotation=0,
                ha="left",
                va="center",
                color=INK,
            )
            where.yaxis.set_label_coords(-0.42, 0.4)
    for where, limit in zip(axes[-len(outcomes) :], limits.values(), strict=True):
        where.set(xlim=(-limit, limit), xlabel="Difference from control by chance")
    title = f"Chance alone gives differences as large in {span(tests['p'], 1, share=True)} of draws"
    return sign(figure, panel, title)


def _edges(values: np.ndarray) -> np.ndarray:
    """Ends of about forty bins that treat the steps of a share alike, or the pattern is a comb."""
    steps = np.diff(np.unique(np.round(values, 9)))
    reach = float(np.abs(values).max())
    width = 2 * reach / 40
    if len(steps) and steps.min() > width / 12:
        width = max(1, round(width / steps.min())) * float(steps.min())
    bins = int(np.ceil(reach / width + 0.5))
    start = values.min() - width / 2 if len(steps) and steps.min() > width / 12 else -bins * width
    return np.asarray(start + width * np.arange(2 * bins + 2))
