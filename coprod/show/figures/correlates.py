"""Figures of who engages: coefficients, their differences, blocks and predictions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from coprod.panel import Panel
from coprod.regression import BLOCKS, PERCEPTIONS
from coprod.show.spoken import estimated, says
from coprod.show.theme import (
    APART,
    COLOURS,
    INK,
    LINE,
    MARKERS,
    PAPER,
    QUIET,
    draw_estimate,
    draw_point,
    folded,
    grid,
    name_forms,
    new_figure,
    sign,
)
from coprod.show.words import out_of, percent, term_name

__all__ = ["block_shares", "coefficients", "differences", "predictions_by_issue"]


def _rows(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The blocks of a table of coefficients, in the order in which they enter."""
    for block, label in BLOCKS.items():
        here = table[table["block"] == block]
        if len(here):
            yield label, here


def _list_terms(axes: Axes, table: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Name the rows of an axes, block by block; where each coefficient stands."""
    places: dict[tuple[str, str], float] = {}
    labels: list[str] = []
    position = 0.0
    for label, here in _rows(table):
        axes.annotate(
            label,
            (0, position),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            fontweight="bold",
            fontsize=8.5,
            va="center",
        )
        position += 1
        for row in here.itertuples():
            places[row.term, row.level] = position
            labels.append(term_name(row.term_label, row.label if row.level else ""))
            position += 1
        position += 0.2
    axes.set_yticks(list(places.values()), labels, fontsize=8.5)
    axes.set_ylim(position - 0.7, -0.8)
    return places


def coefficients(table: pd.DataFrame, panel: Panel, issue: str | None = None) -> Figure:
    """Draw every coefficient of both forms with its interval, block by block.

    Parameters
    ----------
    table
        `coprod.correlates.fit` of both forms, one below the other, with a column `form`.
    panel
        Where the numbers come from.
    issue
        The issue that it is about, for the title; by default all of them.
    """
    first = table[table["form"] == next(iter(COLOURS))]
    shown = first[first["block"].isin(list(BLOCKS))]
    figure, [axes] = new_figure(0.18 * (len(shown) + 1.2 * shown["block"].nunique()) + 1.0)
    axes.axvline(0, color=QUIET, linewidth=0.8)
    places = _list_terms(axes, shown)
    for form, shift in APART.items():
        here = table[table["form"] == form].set_index(["term", "level"])
        for key, position in places.items():
            row = here.loc[key]
            name = term_name(row["term_label"], row["label"] if key[1] else "")
            draw_point(axes, row[["estimate", "low", "high"]], position + shift, form, name)
    axes.set_xlabel(
        "Points of the index (0 to 100) per SD, or against the first group; 95% interval"
    )
    grid(axes)
    name_forms(figure, panel)
    strongest = (
        table[table["block"].isin(list(BLOCKS)) & (table["level"] == "")]
        .assign(size=lambda rows: rows["estimate_sd"].abs())
        .sort_values("size")
        .groupby("form", observed=True)["term_label"]
        .last()
    )
    names = [strongest[form] for form in COLOURS]
    if names[0] == names[1]:
        title = f"{names[0]} has the largest coefficient per SD for both forms"
    else:
        title = (
            f"The largest coefficient per SD is that of {names[0].lower()} for individual, "
            f"of {names[1].lower()} for collective activity"
        )
    if issue:
        title = f"{panel.instrument.issues[issue]}: {title[0].lower()}{title[1:]}"
    return sign(figure, panel, title)


def differences(table: pd.DataFrame, panel: Panel) -> Figure:
    """Draw how far each coefficient of one form lies from that of the other, with intervals.

    Parameters
    ----------
    table
        As of `coprod.correlates.compare_forms` with ``scale="sd"``.
    panel
        Where the numbers come from.
    """
    figure, [axes] = new_figure(0.18 * (len(table) + 1.2 * table["block"].nunique()) + 1.1)
    axes.axvline(0, color=QUIET, linewidth=0.8)
    places = _list_terms(axes, table)
    for row in table.itertuples():
        apart = row.p_holm < 0.05
        ends = (row.difference, row.low, row.high)
        mark = draw_estimate(
            axes,
            ends,
            places[row.term, row.level],
            color=INK if apart else QUIET,
            marker="o",
            markerfacecolor=INK if apart else PAPER,
        )
        name = term_name(row.term_label, row.label if row.level else "")
        says(mark, f"{name}: {estimated(ends, 2, ' SD')}")
    limit = 1.08 * float(np.nanmax(np.abs(table[["low", "high"]].to_numpy(float))))
    axes.set(
        xlim=(-limit, limit),
        xlabel="Coefficient for individual less that for collective activity, in SD of each index",
    )
    for side, form in ((-1, "collective"), (1, "individual")):
        axes.annotate(
            f"higher for {form}",
            (0.5 + side * 0.25, 1),
            xycoords="axes fraction",
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            color=COLOURS[form],
            fontsize=8.5,
            fontweight="bold",
        )
    grid(axes)
    tested = table["p_holm"].notna()
    clear = int((table["p_holm"] < 0.05).sum())
    some = out_of(clear, int(tested.sum())).capitalize()
    title = (
        f"{some} coefficients {'is' if clear == 1 else 'are'} clearly different, after Holm "
        "(filled marks)"
    )
    return sign(figure, panel, title)


def block_shares(table: pd.DataFrame, panel: Panel) -> Figure:
    """Draw the Shapley share of each block in the variance of both indices, with intervals.

    Parameters
    ----------
    table
        `coprod.correlates.blocks` of both forms, one below the other, with a column `form`.
    panel
        Where the numbers come from.
    """
    blocks = list(dict.fromkeys(table["block"]))
    figure, [axes] = new_figure(0.46 * len(blocks) + 1.15)
    axes.axvline(0, color=QUIET, linewidth=0.8)
    for form, shift in APART.items():
        here = table[table["form"] == form].set_index("block")
        for position, block in enumerate(blocks):
            ends = 100 * here.loc[block, ["shapley", "shapley_low", "shapley_high"]]
            draw_point(axes, ends, position + shift, form, BLOCKS[block], unit="%")
    axes.set_yticks(range(len(blocks)), [BLOCKS[block] for block in blocks])
    axes.set(
        ylim=(len(blocks) - 0.5, -0.5),
        xlabel="% of the variance of the index that goes with the block, with 95% interval",
    )
    grid(axes)
    name_forms(figure, panel)
    said = []
    for form in COLOURS:
        here = table[table["form"] == form].set_index("block")
        most = here["shapley"].idxmax()
        said.append(f"{BLOCKS[most].lower()} for {form} ({percent(here.loc[most, 'shapley'], 1)})")
    return sign(figure, panel, f"The largest share is that of {said[0]} and of {said[1]}")


def predictions_by_issue(table: pd.DataFrame, panel: Panel) -> Figure:
    """Draw the adjusted prediction of both indices over a perception's answers, issue by issue.

    Parameters
    ----------
    table
        As of `coprod.correlates.predict_over`.
    panel
        Where the numbers come from.
    """
    issues = [issue for issue in panel.instrument.issues if (table["issue"] == issue).any()]
    label = PERCEPTIONS[table["variable"].iloc[0]][1]
    figure, axes = new_figure(2.9, columns=len(issues), sharey=True)
    for place, issue in zip(axes, issues, strict=True):
        for form in COLOURS:
            here = table[(table["issue"] == issue) & (table["form"] == form)]
            place.fill_between(
                here["answer"],
                here["low"],
                here["high"],
                color=COLOURS[form],
                alpha=0.16,
                linewidth=0,
            )
            place.plot(
                here["answer"],
                here["prediction"],
                color=COLOURS[form],
                linewidth=1.4,
            )
            for row in here.itertuples():
                [mark] = place.plot(
                    row.answer,
                    row.prediction,
                    color=COLOURS[form],
                    marker=MARKERS[form],
                    markersize=4.5,
                )
                name = f"{panel.instrument.issues[issue]}, {label.lower()} {row.answer:g}, {form}"
                says(mark, f"{name}: {estimated((row.prediction, row.low, row.high))}")
        place.set_title(folded(panel.instrument.issues[issue], 26), fontsize=9)
        answers = here["answer"].to_numpy()
        place.set_xticks(answers, [f"{answer:g}" for answer in answers])
        grid(place, "y")
    top = float(np.ceil(max(table["high"].max(), 20) / 20) * 20)
    axes[0].set_ylim(min(0.0, float(table["low"].min())), top)
    axes[0].set_ylabel("Predicted index")
    ends = [here["label"].iloc[at] for at in (0, -1)]
    axes[len(axes) // 2].set_xlabel(
        f"{label}: {answers[0]:g} {ends[0].lower()}, {answers[-1]:g} {ends[1].lower()}"
    )
    for place in axes:
        place.axhline(0, color=LINE, linewidth=1)
    name_forms(figure, panel)
    rises = {
        form: table[table["form"] == form]
        .groupby("issue", observed=True)["prediction"]
        .agg(lambda value: value.iloc[-1] - value.iloc[0])
        for form in COLOURS
    }
    more = int((rises["collective"] > rises["individual"]).sum())
    title = (
        f"From the lowest to the highest answer, collective activity rises more than "
        f"individual on {out_of(more, len(issues), 'issue')}"
    )
    return sign(figure, panel, title)
