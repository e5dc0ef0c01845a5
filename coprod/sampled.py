"""Checks that need many passes over everybody are made on a sample of a very large panel, and say so.

A check asks whether a finding holds by another method. Of ten thousand people it answers that as
well as of a million, whose answers would take it hours. The main results are of everybody.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from coprod.once import once
from coprod.panel import Panel

__all__ = ["MOST", "SAMPLED", "sample_note", "sampled", "with_size"]

MOST = 10_000
"""A check is made on as many respondents, drawn at random, where the panel has more."""

SAMPLED = "sampled_from"
"""The column of a check's table that says of how many respondents its sample was drawn, if it was."""

SEED = 20160201


def sampled(panel: Panel) -> Panel:
    """The panel itself, or a random sample of :data:`MOST` respondents of a larger one.

    Drawn within areas, each with its share of the panel's respondents and at least two, so that
    weights stay as they are. The same panel gives the same sample.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> panel = open_panel()
    >>> sampled(panel) is panel
    True
    """
    return panel if len(panel.frame) <= MOST else once(panel, SAMPLED, lambda: _drawn(panel))


def _drawn(panel: Panel) -> Panel:
    people = len(panel.frame)
    generator = np.random.default_rng(SEED)
    areas = pd.factorize(panel.frame["area"])[0]
    drawn = []
    for area in np.unique(areas):
        members = np.flatnonzero(areas == area)
        count = min(len(members), max(2, round(MOST * len(members) / people)))
        drawn.append(generator.choice(members, count, replace=False, shuffle=False))
    rows = np.sort(np.concatenate(drawn))
    return replace(panel, frame=panel.frame.iloc[rows].reset_index(drop=True))


def with_size(table: pd.DataFrame, panel: Panel) -> pd.DataFrame:
    """A check's table with the size of the panel that its sample was drawn from, if it was."""
    people = len(panel.frame)
    return table.assign(**{SAMPLED: people}) if people > MOST else table


def sample_note(*frames: pd.DataFrame) -> list[str]:
    """What the note of a table says of the sample behind any of some results.

    Examples
    --------
    >>> sample_note(pd.DataFrame({"estimate": [1.0]}))
    []
    >>> sample_note(pd.DataFrame({"estimate": [1.0], "sampled_from": [1_000_000]}))
    ['Of a random sample of 10,000 of the 1,000,000 respondents, drawn within areas.']
    """
    sizes = [frame[SAMPLED].max() for frame in frames if SAMPLED in frame]
    if not sizes or np.isnan(max(sizes)):
        return []
    return [
        f"Of a random sample of {MOST:,} of the {int(max(sizes)):,} respondents, drawn within areas."
    ]
