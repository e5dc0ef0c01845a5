"""Figures of how near the program is to R, and of what both find in published studies."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from coprod.palette import PALETTE
from coprod.show.spoken import estimated, says, shortly
from coprod.show.theme import INK, LINE, QUIET, grid, new_figure, sign
from coprod.show.words import scientific

__all__ = ["differences_from_r", "studies_beside_r"]

OURS = PALETTE["jade"]  # of Okabe and Ito's palette, where no form has it


def differences_from_r(table: pd.DataFrame) -> Figure:
    """Draw how far each comparison may be from R, and how far it is.

    Parameters
    ----------
    table
        As of `coprod.validation.read_validation`; comparisons of random numbers are left out.
    """
    here = table[table["unit"] == ""].reset_index(drop=True)
    groups = list(dict.fromkeys(here["group"]))
    # A row a comparison, and half a row's room between groups.
    rows = here.index.to_numpy() + 1.2 * here["group"].map(groups.index).to_numpy()
    figure, [axes] = new_figure(0.095 * rows.max() + 1.1)
    axes.hlines(rows, here["largest"], here["tolerance"], color=LINE, linewidth=1.2)
    axes.plot(
        here["tolerance"], rows, marker="|", color=INK, markersize=7, linestyle="none",
        markeredgewidth=1.6, label="allowed at most",
    )  # fmt: skip
    for at, row in zip(rows, here.itertuples(), strict=True):
        [mark] = axes.plot(
            row.largest, at, marker="o", color=OURS, markersize=4.5, linestyle="none",
            label="seen at most" if row.Index == 0 else "",
        )  # fmt: skip
        most = f"{scientific(row.largest)} at most, {scientific(row.tolerance)} allowed"
        says(mark, f"{row.what}: {most}")
    middles = pd.Series(rows).groupby(here["group"], sort=False).mean()
    axes.set_yticks(middles, middles.index)
    axes.set_xscale("log")
    axes.set(
        ylim=(rows.max() + 1, -1),
        xlabel="Difference from R's number; each line is a thousand times the one before",
    )
    axes.set_xticks([10.0**power for power in range(-15, -2, 3)])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: scientific(value)))
    axes.set_xlim(3e-16, 1e-3)
    grid(axes)
    figure.legend(
        loc="outside lower left", ncols=2, fontsize=8.5, handletextpad=0.3, columnspacing=1.4,
        borderaxespad=0.0,
    )  # fmt: skip
    beyond = int((here["largest"] > here["tolerance"]).sum())
    title = (
        f"All {len(here)} comparisons with R stay within the difference allowed"
        if not beyond
        else f"{beyond} of {len(here)} comparisons with R go beyond the difference allowed"
    )
    return sign(figure, "On the panel that comes with the book, and on real studies", title)


def studies_beside_r(experiments: pd.DataFrame, information: pd.DataFrame) -> Figure:
    """Draw what the program and R find in three published studies.

    Parameters
    ----------
    experiments
        Rows of `coprod.studies.rock_the_vote` and `default_option`, beside R.
    information
        `coprod.studies.political_information`, beside R; thresholds are left out.
    """
    figure, axes = new_figure(3.1, rows=2, height_ratios=[len(experiments) + 0.6, 6.6])
    slopes = information[information["label"] != ""]
    for place, rows, scale, label in (
        (axes[0], experiments, 100, "Effect in percentage points, with 95% interval"),
        (axes[1], slopes, 1, "Coefficient of the ordered probit, with 95% interval"),
    ):
        at = np.arange(len(rows))
        place.axvline(0, color=QUIET, linewidth=0.8)
        place.hlines(at, scale * rows["low"], scale * rows["high"], color=OURS, linewidth=1.6)
        for place_of, row in zip(at, rows.itertuples(), strict=True):
            [mark] = place.plot(
                scale * row.estimate, place_of, "o", color=OURS, markersize=7,
                label="this program" if place_of == 0 else "",
            )  # fmt: skip
            ends = [scale * each for each in (row.estimate, row.low, row.high)]
            decimals = 1 if scale == 100 else 2
            same = f"R has {shortly(scale * row.r_estimate, decimals)}"
            says(mark, f"{row.label}: {estimated(ends, decimals)}; {same}")
        place.plot(
            scale * rows["r_estimate"], at, "x", color=INK, markersize=5, markeredgewidth=1.5,
            label="R",
        )  # fmt: skip
        place.set_yticks(at, rows["label"].tolist())
        place.set(ylim=(len(rows) - 0.5, -0.5), xlabel=label)
        grid(place)
    handles = axes[0].get_legend_handles_labels()[0]
    figure.legend(handles=handles, loc="outside lower left", ncols=2, fontsize=8.5,
                  handletextpad=0.1, columnspacing=1.2, borderaxespad=0.0)  # fmt: skip
    apart = max(experiments["apart"].max(), slopes["apart"].max())
    title = (
        "In three published studies the program and R find the same"
        if apart < 1e-6
        else "In three published studies the program and R do not find the same"
    )
    return sign(figure, "Real data: RockTheVote, social_insure, politicalInformation", title)
