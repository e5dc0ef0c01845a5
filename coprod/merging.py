"""Groups of a panel that are too small to be shown are put together before anything is computed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from math import ceil

import numpy as np
import pandas as pd

from coprod.errors import PanelError
from coprod.instrument import Instrument, Variable, ordered

__all__ = ["enough", "merged", "merged_margins"]

ORDERED = ("education",)
"""Categories whose order means something, beside all that are bands of a number."""

OTHERS, OTHER_AREAS = "others", "Other areas"

Sizes = dict[str, int]


def enough(min_cell: int) -> int:
    """How many respondents a group needs: half as many again as the fewest of whom a number is told.

    Some leave a question out. With the margin, those who answered are enough as a rule.

    Examples
    --------
    >>> enough(10), enough(3)
    (15, 5)
    """
    return min_cell + ceil(min_cell / 2)


def merged(
    frame: pd.DataFrame, instrument: Instrument, min_cell: int
) -> tuple[pd.DataFrame, Instrument, tuple[str, ...]]:
    """A panel in which every area and every group of a background has enough respondents.

    A group with too few joins another: a band of a number, or a step of something that has an
    order, the smaller of its neighbours; any other the smallest of the rest. A variable that has
    two groups left, one of them too small, is left out. Areas with too few become one, with the
    next smallest as long as they are still too few together.

    Parameters
    ----------
    frame
        As `Panel.frame`.
    instrument
        The questionnaire of the panel.
    min_cell
        The fewest respondents of whom a number may be told; with 0 nothing is changed.

    Returns
    -------
    frame : DataFrame
    instrument : Instrument
        With the groups that the frame now has.
    sentences
        What was put together or left out.

    Raises
    ------
    PanelError
        When the panel is too small for two groups.

    Examples
    --------
    >>> from coprod import open_panel
    >>> panel = open_panel()
    >>> small = panel.frame.iloc[:200].copy()
    >>> _, instrument, sentences = merged(small, panel.instrument, 10)
    >>> instrument.areas, sentences[0]
    ({'A': 'Area A'}, 'Employment: “Unemployed” and “Other: studying, caring, unable to work” are put together.')
    """
    if not min_cell:
        return frame, instrument, ()
    need = enough(min_cell)
    if len(frame) < 2 * need:
        raise PanelError(
            f"the panel has {len(frame):,} respondents; with numbers of no fewer than {min_cell} "
            f"people, {2 * need} are the least of whom anything can be told"
        )
    frame, instrument, sentences = _areas(frame, instrument, need)
    for name in list(instrument.background):
        variable = instrument.variables[name]
        if variable.bands or variable.kind == "category":
            frame, instrument, said = _background(frame, instrument, variable, need)
            sentences += said
    return frame, instrument, tuple(sentences)


def merged_margins(
    margins: pd.DataFrame,
    before: tuple[pd.DataFrame, Instrument],
    after: tuple[pd.DataFrame, Instrument],
) -> pd.DataFrame:
    """The margins of a population in the groups that a panel has after :func:`merged`.

    Areas that were put together count by their number of respondents, as their weights do.

    Parameters
    ----------
    margins
        As of `coprod.weights.load_margins`.
    before, after
        Frame and instrument of the panel as it was and as it is.

    Examples
    --------
    >>> from coprod import open_panel
    >>> from coprod.weights import load_margins
    >>> panel = open_panel()
    >>> small = panel.frame.iloc[:200].copy()
    >>> frame, instrument, _ = merged(small, panel.instrument, 30)
    >>> own = merged_margins(load_margins(), (small, panel.instrument), (frame, instrument))
    >>> own["level"].tolist(), own.groupby("variable")["share"].sum().round(9).tolist()
    (['man', 'woman', '18-44', '45-59', '60+'], [1.0, 1.0])
    """
    (old, codebook), (new, instrument) = before, after
    sizes = pd.crosstab(old["area"].astype(object), new["area"].astype(object))
    place = sizes.idxmax(axis=1)
    kept = margins["area"].isin(place.index) & margins["variable"].isin(list(instrument.variables))
    table = margins[kept].copy()
    table["share"] *= table["area"].map(sizes.sum(axis=1)) / table["area"].map(place).map(
        sizes.sum()
    )
    table["area"] = table["area"].map(place)
    for name in table["variable"].unique():
        was, now = codebook.variables[name], instrument.variables[name]
        if was.bands:
            to = dict(zip(was.bands, now.banded(pd.Series(was.edges)), strict=True))
        else:
            pairs = pd.DataFrame({"was": old[name], "now": new[name]}).dropna().drop_duplicates()
            to = dict(zip(pairs["was"], pairs["now"], strict=True))
        rows = table["variable"] == name
        table.loc[rows, "level"] = table.loc[rows, "level"].map(to)
    keys = ["area", "variable", "level"]
    return table.groupby(keys, sort=False, as_index=False)["share"].sum()


def _areas(
    frame: pd.DataFrame, instrument: Instrument, need: int
) -> tuple[pd.DataFrame, Instrument, list[str]]:
    sizes = frame["area"].value_counts().sort_values(kind="stable")
    sizes = sizes[sizes > 0]
    small = [str(area) for area in sizes.index[sizes < need]]
    total = int(sizes[sizes < need].sum())
    for area, size in sizes[sizes >= need].items():
        if not small or total >= need:
            break
        small.append(str(area))
        total += int(size)
    present = {a: label for a, label in instrument.areas.items() if a in sizes.index}
    kept = {area: label for area, label in present.items() if area not in small}
    sentences = []
    if small:
        name = OTHERS
        while name in kept:
            name += "_"
        label = OTHER_AREAS if kept else "All areas"
        names = _listed([present[area] for area in present if area in small])
        sentences = [f"Areas: {names} are put together as “{label}”."]
        kept[name] = label
        to = dict.fromkeys(small, name)
    else:
        to = {}
    codes = pd.Index(kept).get_indexer(frame["area"].astype(object).map(lambda a: to.get(a, a)))
    frame = frame.assign(area=ordered(np.asarray(codes), kept))
    instrument = replace(
        instrument,
        areas=kept,
        nations={area: instrument.nations.get(area, "") for area in kept},
        variables=_with(instrument, replace(instrument.variables["area"], levels=kept)),
    )
    return frame, instrument, sentences


def _background(
    frame: pd.DataFrame, instrument: Instrument, variable: Variable, need: int
) -> tuple[pd.DataFrame, Instrument, list[str]]:
    """The variable with fewer groups, or without it."""
    name = variable.name
    values = variable.banded(frame[name]) if variable.bands else frame[name]
    labels = variable.bands or variable.levels
    counts = values.astype(object).value_counts()
    # Each group as the groups that it is made of.
    groups = [[level] for level in labels]
    sizes = [int(counts.get(level, 0)) for level in labels]
    in_order = bool(variable.bands) or name in ORDERED
    while min(sizes) < need:
        if len(groups) == 2:
            left = [other for other in instrument.background if other != name]
            rest = {key: v for key, v in instrument.variables.items() if key != name}
            instrument = replace(instrument, background=left, variables=rest)
            said = f"{variable.label}: left out, since one of its groups is too small."
            return frame.drop(columns=name), instrument, [said]
        one = sizes.index(min(sizes))
        others = [at for at in range(len(sizes)) if at != one]
        if in_order:
            others = [at for at in others if abs(at - one) == 1]
        other = min(others, key=lambda at: sizes[at])
        first, second = sorted((one, other))
        groups[first] += groups.pop(second)
        sizes[first] += sizes.pop(second)
    if len(groups) == len(labels):
        return frame, instrument, []
    names, titles = _names(groups, labels, bool(variable.bands))
    to = {level: names[at] for at, group in enumerate(groups) for level in group}
    levels = dict(zip(names, titles, strict=True))
    if variable.bands:
        starts = dict(zip(variable.bands, variable.edges, strict=True))
        edges = tuple(starts[group[0]] for group in groups)
        changed = replace(variable, bands=levels, edges=edges)
    else:
        changed = replace(variable, levels=levels)
        codes = pd.Index(names).get_indexer(frame[name].astype(object).map(to))
        frame = frame.assign(**{name: ordered(np.asarray(codes), names)})
    sentences = [
        f"{variable.label}: {_listed([labels[level] for level in group])} are put together."
        for group in groups
        if len(group) > 1
    ]
    return frame, replace(instrument, variables=_with(instrument, changed)), sentences


def _with(instrument: Instrument, variable: Variable) -> dict[str, Variable]:
    return {**instrument.variables, variable.name: variable}


def _names(
    groups: list[list[str]], labels: Mapping[str, str], bands: bool
) -> tuple[list[str], list[str]]:
    """Value and label of each group; a band goes from the start of its first to the end of its last."""
    names, titles = [], []
    for group in groups:
        first, last = group[0], group[-1]
        if len(group) == 1:
            names.append(first)
            titles.append(labels[first])
        elif bands:
            names.append(_joined(first, last))
            titles.append(_joined(labels[first], labels[last]))
        else:
            names.append("_or_".join(group))
            short = [labels[level].partition(":")[0] for level in group]
            titles.append(" or ".join([short[0], *(s[:1].lower() + s[1:] for s in short[1:])]))
    return names, titles


def _joined(first: str, last: str) -> str:
    """'18 to 29' and '30 to 44' as '18 to 44', '60-74' and '75+' as '60+'."""
    start, end = re.match(r"\d+", first), re.match(r"\d+", last)
    return start[0] + last[end.end() :] if start and end else f"{first} or {last}"


def _listed(labels: list[str]) -> str:
    *first, final = [f"“{label}”" for label in labels]
    return f"{', '.join(first)} and {final}" if first else final
