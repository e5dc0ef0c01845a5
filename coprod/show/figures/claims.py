"""The picture of the verdicts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from coprod.claims import INCONCLUSIVE, NOT_SUPPORTED, SUPPORTED
from coprod.palette import PALETTE
from coprod.panel import Panel
from coprod.show.report import evidence, source_name
from coprod.show.spoken import says
from coprod.show.theme import INK, PAPER, QUIET, draw_estimate, grid, new_figure, sign
from coprod.show.words import counted, number

__all__ = ["claim_verdicts"]

# Colours of Okabe and Ito's palette that no form has, and a mark each.
LOOKS: dict[str, dict[str, Any]] = {
    SUPPORTED: {"color": PALETTE["jade"], "marker": "o", "markerfacecolor": PALETTE["jade"]},
    INCONCLUSIVE: {"color": PALETTE["open"], "marker": "o", "markerfacecolor": PAPER},
    NOT_SUPPORTED: {"color": PALETTE["plum"], "marker": "X", "markerfacecolor": PALETTE["plum"]},
}
FURTHEST = 5.0
"""Where the axis ends, in half-widths; what is further off is drawn at its end, with its number."""


def claim_verdicts(table: pd.DataFrame, panel: Panel) -> Figure:
    """Draw each claim's deciding estimate against the region of its rule.

    All stand on one scale: how far the estimate lies inside the region, in half-widths of its
    interval. So every interval reaches one to each side, and crosses the line where it is undecided.

    Parameters
    ----------
    table
        As of :func:`coprod.claims.verdicts`.
    panel
        Where the numbers come from.
    """
    sources = table["source"].unique()
    figure, [axes] = new_figure(0.235 * (len(table) + 1.1 * len(sources)) + 1.0)
    axes.axvspan(0, FURTHEST + 1, color=PALETTE["inside"], linewidth=0, zorder=0)
    axes.axvline(0, color=QUIET, linewidth=1)
    positions, labels = [], []
    at = 0.0
    for source in sources:
        axes.annotate(
            source_name(str(source)), (0, at), xycoords=("axes fraction", "data"),
            xytext=(-6, 0), textcoords="offset points", ha="right", va="center",
            fontsize=9, fontweight="bold", color=INK, annotation_clip=False,
        )  # fmt: skip
        at += 0.9
        for _, row in table[table["source"] == source].iterrows():
            positions.append(at)
            labels.append(f"{row['title']}{' *' if row['built_in'] else ''}")
            look = LOOKS.get(row["verdict"])
            if look is None or not np.isfinite(row["distance"]):
                axes.text(0.12, at, row["verdict"], va="center", fontsize=8.5, color=QUIET)
            else:
                words = f"{row['title']}: {row['verdict']}; {evidence(row.to_dict())}"
                _draw(axes, float(row["distance"]), at, look, words)
            at += 1
        at += 0.35
    axes.set_yticks(positions, labels, fontsize=9)
    axes.set(ylim=(at - 0.6, -0.7), xlim=(-FURTHEST - 1, FURTHEST + 1))
    axes.set_xticks([-4, -2, 0, 2, 4])
    axes.set_xlabel(
        "Half-widths of the interval inside (right)\nor outside (left) the region of the rule"
    )
    grid(axes)
    present = [verdict for verdict in LOOKS if (table["verdict"] == verdict).any()]
    handles = [
        Line2D([], [], linestyle="none", markersize=5.5, label=verdict, **LOOKS[verdict])
        for verdict in present
    ]
    if table["built_in"].any():
        handles.append(
            Line2D(
                [],
                [],
                linestyle="none",
                marker=(6, 2, 0),
                color=INK,
                markersize=5,
                label="built in",
            )
        )
    axes.legend(
        handles=handles,
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        ncols=len(handles),
        fontsize=8.5,
        handletextpad=0.1,
        columnspacing=1.2,
        borderaxespad=0.2,
    )
    counts = {verdict: int((table["verdict"] == verdict).sum()) for verdict in LOOKS}
    tested = sum(counts.values())
    title = (
        f"Of {counted(tested, 'claim')} that were tested, {number(counts[SUPPORTED])} "
        f"{'is' if counts[SUPPORTED] == 1 else 'are'} supported, {number(counts[NOT_SUPPORTED])} not, "
        f"{number(counts[INCONCLUSIVE])} left open"
    )
    return sign(figure, panel, title)


def _draw(axes: Axes, distance: float, at: float, look: dict[str, Any], words: str) -> None:
    """An interval, or at the axis's end an arrow and the number."""
    if abs(distance) <= FURTHEST:
        ends = (distance, distance - 1, distance + 1)
        says(draw_estimate(axes, ends, at, linewidth=1.6, markersize=6, **look), words)
        return
    end = np.sign(distance) * FURTHEST
    inner = end - 1.2 * np.sign(distance)
    axes.annotate("", (end + 0.7 * np.sign(distance), at), (inner, at),
                  arrowprops={"arrowstyle": "->", "color": look["color"], "linewidth": 1.6})  # fmt: skip
    [mark] = axes.plot(end - 0.3 * np.sign(distance), at, markersize=6, zorder=3, **look)
    says(mark, words)
    axes.text(inner - 0.15 * np.sign(distance), at, number(distance), va="center", fontsize=8.5,
              ha="right" if distance > 0 else "left", color=QUIET)  # fmt: skip
