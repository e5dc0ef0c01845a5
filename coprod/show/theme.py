"""The look of every figure: colours, type, and the notice that says what data it shows."""

from __future__ import annotations

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from coprod.panel import Panel

__all__ = [
    "COLLECTIVE",
    "COLOURS",
    "INDIVIDUAL",
    "INK",
    "MARKERS",
    "QUIET",
    "WIDTH",
    "new_figure",
    "sign",
    "use_theme",
]

# Okabe and Ito's palette, which people with any colour vision can tell apart.
INDIVIDUAL = "#0072B2"
COLLECTIVE = "#D55E00"
BOTH = "#7B4A7D"
NEITHER = "#B8BDC4"
COLOURS = {"individual": INDIVIDUAL, "collective": COLLECTIVE}
# Never colour alone: each form has a mark of its own too.
MARKERS = {"individual": "o", "collective": "D"}
# From "never" to "often", darker and darker in the colour of the form.
SHADES = {
    "individual": ("#E9ECEF", "#8CBDDA", INDIVIDUAL),
    "collective": ("#E9ECEF", "#EDB28A", COLLECTIVE),
}

INK = "#1d1f23"
QUIET = "#5a6068"
LINE = "#D5D9DE"
WIDTH = 6.6  # inches: the measure of the text, on the page and on paper


def use_theme() -> None:
    """Set the look of all figures that follow."""
    sns.set_theme(
        style="white",
        font="DejaVu Sans",
        rc={
            "figure.facecolor": "white",
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
            "svg.fonttype": "path",
            "svg.hashsalt": "coprod",
        },
    )


def new_figure(
    height: float, rows: int = 1, columns: int = 1, **more: object
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
    figure.get_layout_engine().set(hspace=0.08, wspace=0.06)  # type: ignore[union-attr]
    return figure, list(axes.ravel())


def sign(figure: Figure, panel: Panel, title: str = "") -> Figure:
    """Give a figure its title and, small, the notice of what data it shows.

    Parameters
    ----------
    figure
        The figure.
    panel
        Where its data come from.
    title
        What the figure shows, computed.
    """
    if title:
        figure.suptitle(
            title, x=0.0, ha="left", fontsize=10.5, fontweight="bold", color=INK, wrap=True
        )
    said = panel.describe()
    figure.supxlabel(
        f"{said[0].upper()}{said[1:]}",
        x=1.0,
        ha="right",
        fontsize=6.5,
        color=QUIET,
        parse_math=False,
    )
    plt.close(figure)
    return figure


def grid(axes: Axes, axis: str = "x") -> None:
    """Draw quiet lines behind the marks, and no ticks."""
    axes.grid(axis=axis)  # type: ignore[arg-type]
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
