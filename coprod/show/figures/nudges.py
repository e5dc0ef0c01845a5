"""Figures of the nudge experiment: who was in it, how alike the arms were, what each nudge did."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from coprod.panel import Panel
from coprod.show.theme import INK, LINE, QUIET, WIDTH, grid, new_figure, sign
from coprod.show.words import number, out_of, p_short, percent, span, term_name

__all__ = ["arm_balance", "arm_effects", "arm_flow", "randomisation_histograms"]

# The rest of Okabe and Ito's palette: arms are series of their own, each with a mark.
SERIES = (
    ("#009E73", "s"),
    ("#CC79A7", "^"),
    ("#E69F00", "v"),
    ("#56B4E9", "P"),
    (QUIET, "X"),
)
TOGETHER = (INK, "h")
BAND = "#EEF0F2"
# Light colours need an edge to stand out from the page.
EDGE: dict[str, Any] = {"markeredgecolor": INK, "markeredgewidth": 0.5}
OUTCOMES = {"willing": "Willingness", "signup": "Sign-up"}
UNITS = {"willing": "SD of the control group", "signup": "percentage points"}


def _series(frame: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Colour and mark of each arm; all nudges together in ink."""
    arms = frame.loc[frame["family"] == "arms", "arm"].drop_duplicates()
    found = {arm: SERIES[place % len(SERIES)] for place, arm in enumerate(arms)}
    return found | dict.fromkeys(frame.loc[frame["family"] == "pooled", "arm"], TOGETHER)


def arm_flow(table: pd.DataFrame, panel: Panel) -> Figure:
    """Draw who came how far: invited, answered, randomised, and analysed by arm.

    Parameters
    ----------
    table
        As of `coprod.nudges.flow`.
    panel
        Where the numbers come from.
    """
    total = table[table["area"] == "all"].set_index("arm")
    everybody, arms = total.loc["all"], total.drop("all")
    arms = arms[arms["randomised"] > 0]
    asked, known = everybody["invited"], bool(pd.notna(everybody["invited"]))
    # Counts of a real panel are rounded down, so that no difference of two can be told.
    least = "≥ " if panel.min_cell else ""

    def told(count: float) -> str:
        return f"under {panel.min_cell}" if least and count == 0 else f"{least}{number(count)}"

    chain = [("Invited", asked)] if known else []
    chain += [("Answered", everybody["answered"]), ("Randomised", everybody["randomised"])]
    width = WIDTH / len(arms)
    names = [textwrap.fill(label, max(8, int(10 * width))) for label in arms["label"]]
    lines = max(name.count("\n") for name in names) + 2
    step, tall, middle = 0.62, 0.40, WIDTH / 2
    top, bottom = step * len(chain) + 0.16, 0.19 * lines + 0.12
    height = top + bottom + 0.22 + 0.72
    figure, [axes] = new_figure(height + 0.62)
    axes.set(xlim=(-0.02, WIDTH + 0.02), ylim=(height + 0.02, -0.02))
    axes.axis("off")
    for place, (name, people) in enumerate(chain):
        at = step * place
        of = least if name == "Randomised" else ""
        _box(axes, middle - 1.05, at, 2.1, tall, f"{name}: {of}{number(people)}", bold=True)
        if place + 1 < len(chain):
            _arrow(axes, middle, at + tall, middle, at + step)
            lost = people - chain[place + 1][1]
            said = "Did not answer" if name == "Invited" else "Not randomised"
            if name == "Invited" or (lost > 0 and not least):
                between = at + (tall + step) / 2
                _arrow(axes, middle, between, middle + 1.25, between)
                axes.text(
                    middle + 1.32, between, f"{said}: {number(lost)}", va="center", color=QUIET
                )
    fork = top - 0.16 - step + tall + 0.17
    axes.plot([middle, middle], [fork - 0.17, fork], color=QUIET, linewidth=0.9)
    ends = [width / 2, WIDTH - width / 2]
    axes.plot(ends, [fork, fork], color=QUIET, linewidth=0.9)
    for place, (name, row) in enumerate(zip(names, arms.itertuples(), strict=True)):
        left, centre = width * place + 0.06, width * (place + 0.5)
        _arrow(axes, centre, fork, centre, top)
        _box(
            axes,
            left,
            top,
            width - 0.12,
            bottom,
            f"{name}\n{told(row.randomised)}",
            bold=True,
        )
        _arrow(axes, centre, top + bottom, centre, top + bottom + 0.22)
        said = f"Analysed\nwilling: {told(row.willing)}\nsign-up: {told(row.signup)}"
        _box(axes, left, top + bottom + 0.22, width - 0.12, 0.72, said)
    kept = min(everybody[name] / everybody["randomised"] for name in OUTCOMES)
    first = f"{percent(everybody['answered'] / asked)} of those invited answered; " if known else ""
    second = f"at least {percent(np.floor(1000 * kept) / 1000, 1)} of those randomised are analysed"
    if least:
        second = f"at least {number(arms['randomised'].min())} people were in each arm"
    title = first + second
    return sign(figure, panel, title[0].upper() + title[1:])


def _box(
    axes: Axes, left: float, top: float, width: float, height: float, text: str, bold: bool = False
) -> None:
    axes.add_patch(
        Rectangle((left, top), width, height, facecolor="white", edgecolor=QUIET, linewidth=0.9)
    )
    axes.text(
        left + width / 2,
        top + height / 2,
        text,
        ha="center",
        va="center",
        fontsize=10 if bold else 9.5,
        fontweight="bold" if bold else "normal",
        linespacing=1.35,
    )


def _arrow(axes: Axes, x: float, y: float, to_x: float, to_y: float) -> None:
    axes.annotate(
        "",
        (to_x, to_y),
        (x, y),
        arrowprops={
            "arrowstyle": "-|>,head_width=0.18,head_length=0.35",
            "color": QUIET,
            "linewidth": 0.9,
            "shrinkA": 0,
            "shrinkB": 0,
        },
    )


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
    figure, [axes] = new_figure(0.235 * len(rows) + 1.25)
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
        axes.plot(here["standardised"], at, linestyle="none", markersize=6, clip_on=False, **style)
        label = here["label"].iloc[0]
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
            place.plot(wide, [at, at], color=colour, linewidth=1.2, zorder=2)
            place.plot(
                [unit * inner["low"], unit * inner["high"]],
                [at, at],
                color=colour,
                linewidth=3.4,
                solid_capstyle="butt",
                zorder=2,
            )
            place.plot(
                getattr(row, f"estimate_{column}"),
                at,
                marker=mark,
                markersize=7,
                color=colour,
                markerfacecolor=colour if filled else "white",
                markeredgecolor=INK if filled else colour,
                markeredgewidth=0.7 if filled else 1.5,
                zorder=3,
            )
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
    said = {"lin": "adjusted for intention and background", "strata": "areas only"}
    marks = [
        Line2D(
            [],
            [],
            color=QUIET,
            marker="s",
            linestyle="none",
            markersize=6,
            markerfacecolor="white" if place else QUIET,
            label=said[name],
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
        where.stairs(counts, edges, fill=True, color=LINE, linewidth=0)
        where.stairs(np.where(beyond, counts, 0), edges, fill=True, color=QUIET, linewidth=0)
        top = 1.5 * counts.max()
        where.plot([observed, observed], [0, 0.8 * top], color=colour, linewidth=2)
        where.plot(
            observed,
            0.8 * top,
            marker=series[arm][1],
            markersize=6,
            color=colour,
            **EDGE,
        )
        digits = 2 if outcome == "willing" else 1
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
