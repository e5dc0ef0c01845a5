"""Figures of how the two forms are measured and go together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from coprod.panel import Panel
from coprod.show.spoken import estimated, says, shortly
from coprod.show.theme import (
    BOTH,
    COLLECTIVE,
    COLOURS,
    INDIVIDUAL,
    LINE,
    MARKERS,
    NEITHER,
    OVER_DARK,
    OVER_LIGHT,
    PAPER,
    draw_estimate,
    folded,
    grid,
    name_forms,
    new_figure,
    sign,
)
from coprod.show.words import out_of, percent, span

__all__ = ["loadings", "overlap_by_issue", "profiles_by_issue"]


def loadings(factors: pd.DataFrame, panel: Panel) -> Figure:
    """Draw each item's loadings on the two factors, issue by issue.

    Parameters
    ----------
    factors
        As of `coprod.scales.two_factors`.
    panel
        Where the numbers come from.
    """
    issues = list(dict.fromkeys(factors["issue"]))
    found = factors[["factor_individual", "factor_collective"]].to_numpy(float)
    limits = (min(-0.25, found.min() - 0.05), max(1.0, found.max() + 0.05))
    figure, axes = new_figure(1.95 * len(issues), rows=len(issues), sharex=True)
    for place, issue in zip(axes, issues, strict=True):
        here = factors[factors["issue"] == issue].reset_index(drop=True)
        place.axvline(0, color=LINE, linewidth=1)
        for form in COLOURS:
            look: dict[str, Any] = {"color": COLOURS[form], "marker": MARKERS[form]}
            for row in here.itertuples():
                loading = getattr(row, f"factor_{form}")
                [mark] = place.plot(loading, row.Index, markersize=5.5, **look)
                says(mark, f"{row.label}, on the {form} factor: {shortly(loading, 2)}")
        place.set_yticks(here.index, [folded(item, 46) for item in here["label"]], fontsize=8.5)
        for tick, form in zip(place.get_yticklabels(), here["form"], strict=True):
            tick.set_color(COLOURS[form])
        place.set(xlim=limits, ylim=(len(here) - 0.5, -0.7))
        place.set_title(folded(panel.instrument.issues[issue], 60), fontsize=9)
        grid(place)
    axes[-1].set_xlabel("Loading on the factor of each form")
    name_forms(figure, panel)
    own = np.where(
        factors["form"] == "individual", factors["factor_individual"], factors["factor_collective"]
    )
    cross = np.where(
        factors["form"] == "individual", factors["factor_collective"], factors["factor_individual"]
    )
    sides = int((np.abs(own) > np.abs(cross)).sum())
    these = "Every item goes" if sides == len(factors) else f"{sides} of {len(factors)} items go"
    return sign(figure, panel, f"{these} with the factor of its own form")


def overlap_by_issue(overlap: pd.DataFrame, panel: Panel) -> Figure:
    """Draw who does something alone, in groups, both or neither, issue by issue.

    Parameters
    ----------
    overlap
        As of `coprod.forms.overlap`.
    panel
        Where the numbers come from.
    """
    issues = [issue for issue in panel.instrument.issues if (overlap["issue"] == issue).any()]
    groups = list(dict.fromkeys(overlap["group"]))
    shades = dict(zip(groups, (NEITHER, INDIVIDUAL, COLLECTIVE, BOTH), strict=True))
    figure, [axes] = new_figure(2.5)
    wide = overlap.pivot(index="issue", columns="group", values="share")
    for position, issue in enumerate(issues):
        left = 0.0
        for group in groups:
            share = float(wide.loc[issue, group])
            [bar] = axes.barh(
                position,
                share,
                left=left,
                height=0.62,
                color=shades[group],
                edgecolor=PAPER,
                linewidth=0.8,
                label="" if position else group.capitalize(),
            )
            said = f"{panel.instrument.issues[issue]}: {group} {shortly(100 * share, 0)}%"
            says(bar, said)
            if share > 0.06:
                above = axes.text(
                    left + share / 2,
                    position,
                    percent(share),
                    ha="center",
                    va="center",
                    fontsize=8.5,
                    color=OVER_DARK if shades[group] in COLOURS.values() else OVER_LIGHT,
                )
                says(above, said)
            left += share
    axes.set_yticks(
        range(len(issues)), [folded(panel.instrument.issues[issue]) for issue in issues]
    )
    axes.set(xlim=(0, 1), ylim=(len(issues) - 0.5, -0.5))
    # A key in the order of the bars: a group may be too small to carry its name.
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=len(groups),
        handlelength=0.9,
        handleheight=0.9,
        handletextpad=0.4,
        columnspacing=1.2,
        borderaxespad=0.2,
        borderpad=0,
    )
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(length=0)
    title = (
        f"{span(wide[groups[3]], share=True)} do both; "
        f"{span(wide[groups[1]], share=True)} act alone only, "
        f"{span(wide[groups[2]], share=True)} in groups only"
    )
    return sign(figure, panel, title)


def profiles_by_issue(profiles: pd.DataFrame, panel: Panel) -> Figure:
    """Draw the share with any collective activity by level of individual activity, with intervals.

    Parameters
    ----------
    profiles
        As of `coprod.forms.profiles`.
    panel
        Where the numbers come from.
    """
    issues = [issue for issue in panel.instrument.issues if (profiles["issue"] == issue).any()]
    figure, axes = new_figure(2.8, columns=len(issues), sharey=True)
    for place, issue in zip(axes, issues, strict=True):
        here = profiles[profiles["issue"] == issue].reset_index(drop=True)
        place.plot(here.index, 100 * here["any"], color=COLLECTIVE, linewidth=1.4, clip_on=False)
        for at, row in here.iterrows():
            ends = 100 * row[["any", "any_low", "any_high"]].astype(float)
            mark = draw_estimate(
                place, ends, float(at), True, color=COLLECTIVE, marker=MARKERS["collective"]
            )
            name = f"{panel.instrument.issues[issue]}, individual activity {row['label'].lower()}"
            says(mark, f"{name}: {estimated(ends, 0, '%')} with any collective activity")
        place.set_xticks(
            here.index, [label.partition(" ")[0] for label in here["label"]], fontsize=8
        )
        place.set(xlim=(-0.4, len(here) - 0.6), ylim=(0, 100))
        place.set_title(folded(panel.instrument.issues[issue], 26), fontsize=9)
        grid(place, "y")
    axes[0].set_ylabel("% with any collective activity")
    axes[len(axes) // 2].set_xlabel("Individual activity on the same issue")
    ends = profiles.groupby("issue", observed=True)
    rising = int((ends["any_low"].last() > ends["any_high"].first()).sum())
    on = out_of(rising, len(ends))
    title = f"Who does most alone is clearly likelier to join a group too, on {on} issues"
    return sign(figure, panel, title)
