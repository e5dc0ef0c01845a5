"""Figures of how much a finding depends on the method, and of how well the model fits."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from coprod.palette import PALETTE
from coprod.panel import Panel
from coprod.show.spoken import estimated, says, shortly
from coprod.show.theme import (
    APART,
    COLOURS,
    MARKERS,
    QUIET,
    draw_estimate,
    draw_point,
    grid,
    name_forms,
    new_figure,
    sign,
)
from coprod.show.words import counted, out_of, span

__all__ = ["across_models", "residuals_by_fitted"]


def across_models(table: pd.DataFrame, panel: Panel) -> Figure:
    """Draw one coefficient of both forms under every model, with intervals.

    Parameters
    ----------
    table
        As of `coprod.robustness.across_models`.
    panel
        Where the numbers come from.
    """
    models = table.drop_duplicates("model")
    figure, [axes] = new_figure(0.36 * len(models) + 1.2)
    axes.axvline(0, color=QUIET, linewidth=0.8)
    for form, shift in APART.items():
        here = table[table["form"] == form].set_index("model")
        first = here.loc[models["model"].iloc[0], "estimate"]
        axes.axvline(first, color=COLOURS[form], linewidth=0.8, alpha=0.45)
        for position, (model, label) in enumerate(
            zip(models["model"], models["label"], strict=True)
        ):
            ends = here.loc[model, ["estimate", "low", "high"]]
            draw_point(axes, ends, position + shift, form, label, unit=" points")
    axes.set_yticks(range(len(models)), models["label"].tolist())
    axes.set(
        ylim=(len(models) - 0.5, -0.5),
        xlabel="Points of the index per SD of self-efficacy, with 95% interval",
    )
    grid(axes)
    name_forms(figure, panel)
    ranges = table.groupby("form", observed=True)["estimate"].agg(lambda value: span(value, 1))
    title = (
        f"Under {counted(len(models), 'model')}, the estimate is {ranges['collective']} points for "
        f"collective, {ranges['individual']} for individual activity"
    )
    return sign(figure, panel, title)


def residuals_by_fitted(table: pd.DataFrame, panel: Panel) -> Figure:
    """Draw the mean residual of rows with like predictions, for both forms.

    Parameters
    ----------
    table
        `coprod.diagnostics.residuals` of both forms, one below the other, with a column `form`.
    panel
        Where the numbers come from.
    """
    figure, axes = new_figure(2.8, columns=len(COLOURS), sharey=True)
    away = {}
    for place, (form, label) in zip(axes, panel.instrument.forms.items(), strict=True):
        here = table[table["form"] == form]
        place.axhline(0, color=QUIET, linewidth=0.8)
        for row in here.itertuples():
            ends = (row.residual, row.low, row.high)
            mark = draw_estimate(
                place,
                ends,
                row.fitted,
                True,
                color=PALETTE["faint"],
                marker=MARKERS[form],
                markersize=4.5,
                markerfacecolor=COLOURS[form],
                markeredgecolor=COLOURS[form],
            )
            says(mark, f"Predicted {shortly(row.fitted)}, {form}: off by {estimated(ends)}")
        place.set_title(label, fontsize=9, color=COLOURS[form])
        place.set_xlabel("Predicted index")
        grid(place, "y")
        away[form] = (int(((here["low"] > 0) | (here["high"] < 0)).sum()), len(here))
    limit = float(np.nanmax(np.abs(table[["low", "high"]].to_numpy(float)))) * 1.05
    axes[0].set_ylim(-limit, limit)
    axes[0].set_ylabel("Observed less predicted")
    said = [f"{out_of(*count)} bins for {form}" for form, count in away.items()]
    title = f"The line is clearly off in {said[0]} and {said[1]} activity"
    return sign(figure, panel, title)
