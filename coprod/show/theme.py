"""The look of every figure: colours, type, and the notice that says what data it shows."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any, Literal

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from coprod.palette import PALETTE
from coprod.panel import Panel
from coprod.show.drawn import draw_coarsely
from coprod.show.spoken import estimated, says

__all__ = [
    "APART",
    "BAND",
    "BOTH",
    "COLLECTIVE",
    "COLOURS",
    "INDIVIDUAL",
    "INK",
    "LINE",
    "MARKERS",
    "NEITHER",
    "OVER_DARK",
    "OVER_LIGHT",
    "OVER_SHADES",
    "PAPER",
    "QUIET",
    "SHADES",
    "WIDTH",
    "draw_estimate",
    "draw_point",
    "folded",
    "grid",
    "index_limits",
    "name_forms",
    "new_figure",
    "sign",
    "use_theme",
]

INK, QUIET, LINE = PALETTE["ink"], PALETTE["quiet"], PALETTE["line"]
PAPER, BAND = PALETTE["paper"], PALETTE["band"]
OVER_DARK, OVER_LIGHT = PALETTE["over-dark"], PALETTE["over-light"]
INDIVIDUAL, COLLECTIVE = PALETTE["individual"], PALETTE["collective"]
BOTH, NEITHER = PALETTE["both"], PALETTE["neither"]
COLOURS = {"individual": INDIVIDUAL, "collective": COLLECTIVE}
# Never colour alone: each form has a mark of its own too.
MARKERS = {"individual": "o", "collective": "D"}
# How far from its row the mark of each form stands where both would cover each other.
APART = {"individual": -0.17, "collective": 0.17}
SHADES = {
    form: (PALETTE["never"], PALETTE[f"{form}-some"], colour) for form, colour in COLOURS.items()
}
# Words on each of these, from "never" to "often".
OVER_SHADES = (INK, OVER_LIGHT, OVER_DARK)

WIDTH = 6.6  # inches: the measure of the text, on the page and on paper

POINT: dict[str, Any] = {"markersize": 5.5, "linewidth": 1.4, "solid_capstyle": "butt"}


def use_theme() -> None:
    """Set the look of all figures that follow."""
    sns.set_theme(
        style="white",
        font="DejaVu Sans",
        rc={
            "figure.facecolor": PAPER,
            "axes.facecolor": PAPER,
            "figure.dpi": 96,
            "font.size": 9,
            "axes.titlesize": 10.5,
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "axes.titlepad": 10,
            "axes.labelsize": 9,
            "axes.labelcolor": QUIET,
            "axes.edgecolor": LINE,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.spines.left": False,
            "axes.unicode_minus": True,
            "xtick.labelsize": 9,
            "ytick.labelsize": 9,
            "xtick.color": QUIET,
            "ytick.color": INK,
            "text.color": INK,
            "grid.color": LINE,
            "grid.linewidth": 0.6,
            "legend.frameon": False,
            "legend.fontsize": 8.5,
            # A dollar sign is one: no text of a figure is a formula.
            "text.parse_math": False,
            "svg.fonttype": "path",
            "svg.hashsalt": "coprod",
        },
    )


def new_figure(
    height: float, rows: int = 1, columns: int = 1, **more: Any
) -> tuple[Figure, list[Axes]]:
    """A figure as wide as the text, with its axes in one list.

    Parameters
    ----------
    height
        Inches.
    rows, columns
        How many axes.
    more
        Passed to `matplotlib.pyplot.subplots`.
    """
    use_theme()
    figure, axes = plt.subplots(
        rows, columns, figsize=(WIDTH, height), layout="constrained", squeeze=False, **more
    )
    figure.get_layout_engine().set(hspace=0.08, wspace=0.06)
    return figure, list(axes.ravel())


def sign(figure: Figure, panel: Panel | str, title: str = "") -> Figure:
    """Give a figure its title and, small, the notice of what data it shows.

    Parameters
    ----------
    figure
        The figure.
    panel
        Where its data come from; a text where that is no panel.
    title
        What the figure shows, computed.
    """
    if title:
        # Where it wraps lines itself, Matplotlib measures what stands between dollar signs as formulas.
        money = "$" in title
        figure.suptitle(
            folded(title, 72) if money else title,
            x=0.0,
            ha="left",
            fontsize=10.5,
            fontweight="bold",
            color=INK,
            wrap=not money,
        )
    said = panel if isinstance(panel, str) else panel.describe()
    if not isinstance(panel, str) and panel.min_cell:
        draw_coarsely(figure)
    figure.supxlabel(
        f"{said[0].upper()}{said[1:]}",
        x=1.0,
        ha="right",
        fontsize=6.5,
        color=QUIET,
    )
    plt.close(figure)
    return figure


def folded(label: str, width: int = 36) -> str:
    """A label on as many lines as it needs, so that a long one leaves room for what is drawn."""
    return textwrap.fill(label, width)


def grid(axes: Axes, axis: Literal["x", "y"] = "x") -> None:
    """Draw quiet lines behind the marks, and no ticks."""
    axes.grid(axis=axis)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)


def index_limits(ends: pd.DataFrame) -> tuple[float, float]:
    """An axis from 0 that holds every end of the intervals, in steps of 20, at most to 100."""
    return 0.0, float(min(100, max(20, 20 * np.ceil(np.nanmax(ends.to_numpy(float)) / 20))))


def draw_point(
    axes: Axes,
    ends: pd.Series,
    position: float,
    form: str,
    label: str,
    decimals: int = 1,
    unit: str = "",
) -> None:
    """Draw an estimate with its interval, in the colour and mark of its form.

    Parameters
    ----------
    axes
        Where.
    ends
        The estimate, and the low and the high end of its interval, in this order.
    position
        The row.
    form
        Of the estimate.
    label
        What is estimated, which the mark says together with the numbers.
    decimals, unit
        As of :func:`coprod.show.spoken.estimated`.
    """
    mark = draw_estimate(axes, ends, position, color=COLOURS[form], marker=MARKERS[form])
    if words := estimated(ends, decimals, unit):
        says(mark, f"{label}, {form}: {words}")


def draw_estimate(
    axes: Axes, ends: Sequence[float], position: float, upright: bool = False, **look: Any
) -> Line2D:
    """Draw an estimate with its interval as one mark.

    Parameters
    ----------
    axes, ends, position
        As of :func:`draw_point`.
    upright
        Whether the interval stands, and the position is a column.
    look
        Passed to `matplotlib.axes.Axes.plot`.
    """
    value, low, high = ends
    along, across = [low, value, high], [position] * 3
    [mark] = axes.plot(
        *((across, along) if upright else (along, across)),
        # Only the estimate itself has a mark.
        **{"markevery": [1], "zorder": 3, "clip_on": False, **POINT, **look},
    )
    return mark


def name_forms(figure: Figure, panel: Panel) -> None:
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
