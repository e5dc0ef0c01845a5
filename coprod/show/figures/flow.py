"""The figure of who was in the nudge experiment, and how far they came."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from coprod.panel import Panel
from coprod.show.theme import PAPER, QUIET, WIDTH, new_figure, sign
from coprod.show.words import number, percent

__all__ = ["arm_flow"]


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
    kept = min(everybody[name] / everybody["randomised"] for name in ("willing", "signup"))
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
        Rectangle((left, top), width, height, facecolor=PAPER, edgecolor=QUIET, linewidth=0.9)
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
