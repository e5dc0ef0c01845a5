"""The specification curve: every estimate, sorted, above the choices that gave it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from coprod.palette import PALETTE
from coprod.panel import Panel
from coprod.show.spoken import estimated, says
from coprod.show.theme import INK, PAPER, QUIET, draw_estimate, grid, new_figure, sign
from coprod.show.words import number, out_of, span

__all__ = ["specification_curve"]

FAINT = PALETTE["faint"]
"""Of what cannot be told from zero."""

CURVE, ROW = 1.9, 0.132
"""Heights of the curve and of a row of choices, in inches."""

TICK: dict[str, Any] = {"linewidth": 0.7 * 72 * ROW, "solid_capstyle": "butt"}


def specification_curve(
    table: pd.DataFrame,
    choices: Mapping[str, tuple[str, Mapping[str, str]]],
    own: Mapping[str, str],
    panel: Panel,
    unit: str,
    colour: str = INK,
) -> Figure:
    """Draw the estimates of a curve, sorted, and below each the choices that were made.

    Whether an interval leaves zero out is said by colour and by a row of its own. Lines of one look
    are one path, so that hundreds of specifications stay a small file.

    Parameters
    ----------
    table
        As of `coprod.specification_curve.efficacy_curve` or
        `coprod.nudge_specifications.nudge_curve`.
    choices
        Choices and options with labels, as of `choices` of the module of the design.
    own
        What the book itself chooses; it is marked.
    panel
        Where the numbers come from.
    unit
        What an estimate is measured in.
    colour
        Of estimates that leave zero out.
    """
    fitted = table[table["estimate"].notna()].sort_values("estimate", kind="stable")
    fitted = fitted.reset_index(drop=True)
    clear = ((fitted["low"] > 0) | (fitted["high"] < 0)).to_numpy()
    present = {
        name: (label, {o: said for o, said in options.items() if (fitted[name] == o).any()})
        for name, (label, options) in choices.items()
    }
    shown = {name: found for name, found in present.items() if len(found[1]) > 1}
    rows = 1 + sum(1 + len(options) for _, options in shown.values())
    figure, [above, below] = new_figure(
        CURVE + ROW * (rows + 1) + 0.5, rows=2, height_ratios=[CURVE, ROW * (rows + 1)], sharex=True
    )
    _draw_estimates(above, fitted, clear, colour)
    _speak(above, fitted, shown, own)
    at = np.flatnonzero((fitted[list(own)] == pd.Series(own)).all(axis=1))
    for place in at:
        value = fitted["estimate"].iloc[place]
        above.plot(place, value, "D", color=PAPER, markeredgecolor=INK, markersize=6, zorder=5)
        below.axvline(float(place), color=INK, linewidth=0.6)
    if len(at):
        # Beside the mark, on the side that has room, in the upper half where no interval is.
        right = at[0] < len(fitted) / 2
        above.annotate(
            "the book’s own",
            (at[0], fitted["estimate"].iloc[at[0]]),
            xytext=(14 if right else -14, 34),
            textcoords="offset points",
            ha="left" if right else "right",
            fontsize=8,
            arrowprops={"arrowstyle": "-", "color": INK, "linewidth": 0.6, "shrinkB": 4},
        )
    above.set_ylabel(unit)
    above.tick_params(bottom=False)
    _draw_choices(below, fitted, clear, shown, colour)
    count = int(clear.sum())
    title = (
        f"{number(len(fitted))} specifications give {span(fitted['estimate'], 2)} SD; "
        f"{out_of(count, len(fitted))} intervals leave zero out"
    )
    return sign(figure, panel, title)


def _paths(low: NDArray[np.floating], high: NDArray[np.floating]) -> NDArray[np.float64]:
    """The ends of many lines as one path with gaps."""
    return np.column_stack([low, high, np.full(len(low), np.nan)]).ravel()


def _draw_estimates(
    axes: Axes, fitted: pd.DataFrame, clear: NDArray[np.bool_], colour: str
) -> None:
    places = np.arange(len(fitted))
    axes.axhline(0, color=QUIET, linewidth=0.8, zorder=1)
    for some, look in ((~clear, FAINT), (clear, colour)):
        ends = _paths(*fitted.loc[some, ["low", "high"]].to_numpy(float).T)
        axes.plot(np.repeat(places[some], 3), ends, color=look, linewidth=0.6, alpha=0.6, zorder=2)
    axes.plot(places, fitted["estimate"], color=INK, linewidth=1.6, zorder=3)
    axes.set_xlim(-1, len(fitted))
    grid(axes, "y")


def _speak(
    axes: Axes,
    fitted: pd.DataFrame,
    shown: Mapping[str, tuple[str, Mapping[str, str]]],
    own: Mapping[str, str],
) -> None:
    """Let each place of the curve say its estimate, and what was chosen unlike the book's own."""
    every = number(len(fitted))
    for place, row in enumerate(fitted.to_dict("records")):
        ends = (row["estimate"], row["low"], row["high"])
        unlike = [
            f"{name}: {said[row[key]]}"
            for key, (name, said) in shown.items()
            if row[key] != own.get(key)
        ]
        chosen = "; ".join(unlike) or "The book’s own"
        mark = draw_estimate(axes, ends, place, True, marker="s", markersize=1.0)
        words = f"{number(place + 1)} of {every}: {estimated(ends, 2, ' SD')}. {chosen}"
        says(mark, words, seen=False)


def _draw_choices(
    axes: Axes,
    fitted: pd.DataFrame,
    clear: NDArray[np.bool_],
    shown: Mapping[str, tuple[str, Mapping[str, str]]],
    colour: str,
) -> None:
    labels: list[str] = ["Interval leaves zero out"]
    bold = [True]
    chosen = [clear]
    for name, (heading, options) in shown.items():
        labels += [heading, *options.values()]
        bold += [True, *[False] * len(options)]
        none = np.zeros(len(fitted), dtype=bool)
        chosen += [none, *((fitted[name] == option).to_numpy() for option in options)]
    for row, some in enumerate(chosen):
        for part, look in ((some & ~clear, FAINT), (some & clear, colour)):
            # Neighbours are drawn as one, which keeps the file small.
            starts, ends = np.flatnonzero(np.diff(np.pad(part.astype(int), 1))).reshape(-1, 2).T
            drawn = _paths(starts.astype(float) - 0.42, ends.astype(float) - 0.58)
            if len(drawn):
                axes.plot(drawn, np.full(len(drawn), row), color=look, **TICK)
    axes.set_yticks(range(len(labels)), labels, fontsize=7.5)
    for text, heavy in zip(axes.get_yticklabels(), bold, strict=True):
        text.set_fontweight("bold" if heavy else "normal")
        text.set_color(INK if heavy else QUIET)
    axes.set_ylim(len(labels) - 0.4, -0.8)
    axes.tick_params(length=0)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.set_xlabel("Specifications, sorted by their estimate")
