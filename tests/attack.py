"""An attack on a real panel: bound every small cell by all that the chapters publish, by linear programming.

Unknown are the numbers of people with each pattern of answers, in each area. Every published number is a
linear constraint on them, as wide as its rounding. A cell is recovered when the constraints leave it fewer
possible values than the fewest people of whom a number is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from math import inf
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coprod import nudges, sample
from coprod.distributions import distributions
from coprod.errors import ValidityError
from coprod.forms import GROUPS, PROFILES, overlap, profile, profiles
from coprod.levels import gaps, means, shares
from coprod.panel import Panel
from tests.bounds import Bounds

Floats = NDArray[np.float64]
Tables = dict[str, pd.DataFrame]

MISSING = 3
PATTERNS = np.array(list(product(range(4), repeat=4)))
GIVEN = (PATTERNS != MISSING).sum(axis=1)
with np.errstate(invalid="ignore"):
    POINTS = np.where(PATTERNS == MISSING, 0, PATTERNS).sum(axis=1)
    INDEX = np.where(GIVEN >= 2, 50 * POINTS / np.maximum(GIVEN, 1), np.nan)


def publish(panel: Panel) -> Tables:
    """What the chapters publish, as far as they may."""

    def effects(outcome: str) -> pd.DataFrame:
        return nudges.effects(panel, ["strata"], ["unweighted"], [outcome])

    genders, areas = panel.instrument.variables["gender"].levels, panel.instrument.areas
    targets = pd.DataFrame(
        [(area, "gender", gender, 0.5) for area, gender in product(areas, genders)],
        columns=["area", "variable", "level", "share"],
    )
    functions: dict[str, Callable[[], pd.DataFrame]] = {
        "shares": lambda: shares(panel),
        "means": lambda: means(panel),
        "means in areas": lambda: means(panel, by=("issue", "area")),
        "gaps": lambda: gaps(panel),
        "gaps in areas": lambda: gaps(panel, by=("issue", "area")),
        "overlap": lambda: overlap(panel),
        "profiles": lambda: profiles(panel),
        "spread": lambda: distributions(panel),
        "missing": lambda: sample.missing(panel),
        "areas": lambda: sample.by_area(panel),
        "margins": lambda: sample.margins(panel, targets),
        "flow": lambda: nudges.flow(panel),
        "willing": lambda: effects("willing"),
        "signup": lambda: effects("signup"),
        "balance": lambda: nudges.balance(panel),
    }
    found = {}
    for name, function in functions.items():
        try:
            found[name] = function()
        except ValidityError:
            continue
    return found


def attack(
    panel: Panel,
    tables: Tables,
    least: int,
    issues: Sequence[str] | None = None,
    rounded: int | None = None,
) -> dict[str, tuple[int, int]]:
    """The cells of fewer people than `least` that published tables give away.

    Parameters
    ----------
    panel
        The panel, from which the attacker has no more than the tables.
    tables
        As of :func:`publish`.
    least
        What counts as small, and as few values.
    issues
        Whose activity is attacked; of all where None.
    rounded
        What counts are rounded down to a multiple of; `least` where None.
    """
    steps = least if rounded is None else rounded
    found: dict[str, tuple[int, int]] = {}
    for bounds, cells, truth in (
        *(_activity(panel, tables, issue, steps) for issue in issues or panel.instrument.issues),
        *_groups(panel, tables, steps),
    ):
        _check(bounds, truth)
        small = {name: row for name, row in cells.items() if row @ truth < least}
        found |= bounds.recovered(small, least) if small else {}
    return found


def _check(bounds: Bounds, truth: Floats) -> None:
    """The attacker's model must allow for what is so, or it proves nothing."""
    values = np.array(bounds.rows) @ truth
    wrong = (values < np.array(bounds.low) - 1e-6) | (values > np.array(bounds.high) + 1e-6)
    assert not wrong.any(), np.flatnonzero(wrong)


def _activity(
    panel: Panel, tables: Tables, issue: str, least: int
) -> tuple[Bounds, dict[str, Floats], Floats]:
    """Answers to the items of an issue: by form and area the patterns, then who does which form."""
    instrument, frame = panel.instrument, panel.frame
    areas, forms = list(instrument.areas), list(instrument.forms)
    people = [int((frame["area"] == area).sum()) for area in areas]
    everyone, width = len(frame), len(PATTERNS)
    joint = len(forms) * len(areas) * width
    size = joint + 5 * 3
    bounds, cells, truth = Bounds(size), {}, np.zeros(size)

    def row(form: int, chosen: NDArray[Any], area: int | None = None) -> Floats:
        found = np.zeros(size)
        for place in range(len(areas)) if area is None else [area]:
            start = (form * len(areas) + place) * width
            found[start : start + width] = chosen
        return found

    def group(alone: Any, together: Any) -> Floats:
        found = np.zeros((5, 3))
        found[alone, together] = 1
        return np.concatenate([np.zeros(joint), found.ravel()])

    index = {}
    for f, form in enumerate(forms):
        items = frame[instrument.items(issue, form)].fillna(MISSING).to_numpy(int)
        pattern = items @ [64, 16, 4, 1]
        index[form] = INDEX[pattern]
        for a, area in enumerate(areas):
            here = np.bincount(pattern[frame["area"] == area], minlength=width)
            truth += row(f, here, a)
            bounds.between(row(f, np.ones(width), a), people[a], people[a])
        for k, stem in enumerate(instrument.stems(form)):
            for answer in range(4):
                cells[f"{issue} {stem} = {answer}"] = row(f, PATTERNS[:, k] == answer)
        known = ~np.isnan(INDEX)
        cells[f"{issue} {form} without index"] = row(f, ~known)
        cells[f"{issue} {form} zero"] = row(f, INDEX == 0)
        cells[f"{issue} {form} above zero"] = row(f, INDEX > 0)
    code = np.where(np.isnan(index["individual"]), 4, profile(np.nan_to_num(index["individual"])))
    does = np.where(np.isnan(index["collective"]), 2, index["collective"] > 0).astype(int)
    np.add.at(truth, joint + 3 * code + does, 1)
    with np.errstate(invalid="ignore"):
        own = np.where(np.isnan(INDEX), 4, profile(np.nan_to_num(INDEX)))
    for g in range(5):
        bounds.between(row(0, own == g) - group(g, slice(None)), 0, 0)
    for c, chosen in enumerate((INDEX == 0, INDEX > 0, np.isnan(INDEX))):
        bounds.between(row(1, chosen) - group(slice(None), c), 0, 0)
    whole = group(slice(4), slice(2))
    who = {
        "neither": group(0, 0),
        "individual only": group(slice(1, 4), 0),
        "collective only": group(0, 1),
        "both": group(slice(1, 4), 1),
    }
    cells |= {f"{issue} {name}": who[name] for name in GROUPS}
    for g, name in enumerate(PROFILES):
        cells |= {f"{issue} {name}, any {c}": group(g, c) for c in (0, 1)}

    _items(bounds, panel, tables, issue, row, least)
    known = ~np.isnan(INDEX)
    level = np.where(known, INDEX, 0)
    for r in _rows(tables, "means", issue):
        f = forms.index(r["form"])
        bounds.ratio(row(f, level), row(f, known), r["mean"])
        bounds.ratio(row(f, INDEX == 0), row(f, known), r["zero"])
        bounds.count(row(f, known), r["n"], everyone, least)
    for r in _rows(tables, "means in areas", issue):
        f, a = forms.index(r["form"]), areas.index(r["area"])
        bounds.ratio(row(f, level, a), row(f, known, a), r["mean"])
        bounds.ratio(row(f, INDEX == 0, a), row(f, known, a), r["zero"])
        bounds.count(row(f, known, a), r["n"], people[a], least)
    if not any(np.isnan(values).any() for values in index.values()):
        for r in _rows(tables, "gaps", issue):
            for f, form in enumerate(forms):
                bounds.ratio(row(f, level), row(f, known), r[form])
        for r in _rows(tables, "gaps in areas", issue):
            a = areas.index(r["area"])
            for f, form in enumerate(forms):
                bounds.ratio(row(f, level, a), row(f, known, a), r[form])
    for r in _rows(tables, "overlap", issue):
        bounds.ratio(who[r["group"]], whole, r["share"])
        bounds.count(whole, r["n"], everyone, least)
    for r in _rows(tables, "profiles", issue):
        g = list(PROFILES).index(r["group"])
        bounds.ratio(group(g, 1), group(g, slice(2)), r["any"])
        bounds.count(group(g, slice(2)), r["n"], everyone, least)
    return bounds, cells, truth


def _items(
    bounds: Bounds,
    panel: Panel,
    tables: Tables,
    issue: str,
    row: Callable[..., Floats],
    least: int,
) -> None:
    everyone, width = len(panel.frame), len(PATTERNS)
    forms = list(panel.instrument.forms)
    places = {
        stem: (f, k)
        for f, form in enumerate(forms)
        for k, stem in enumerate(panel.instrument.stems(form))
    }
    published = [
        (r["item"], r["answer"], r["share"], r["n"]) for r in _rows(tables, "shares", issue)
    ]
    for r in tables["spread"].to_dict("records"):
        stem = str(r["variable"]).removeprefix(f"{issue}_")
        if stem in places and str(r["variable"]).startswith(issue):
            published.append((stem, int(r["level"]), r["value"], r["n"]))
    for stem, answer, share, n in published:
        f, k = places[stem]
        given = row(f, PATTERNS[:, k] != MISSING)
        bounds.ratio(row(f, PATTERNS[:, k] == int(answer)), given, share)
        bounds.count(given, n, everyone, least)
    for r in tables.get("missing", pd.DataFrame()).to_dict("records"):
        stem = str(r["variable"]).removeprefix(f"{issue}_")
        if stem in places and str(r["variable"]).startswith(issue):
            f, k = places[stem]
            bounds.count(row(f, PATTERNS[:, k] == MISSING), r["missing"], everyone, least)
            bounds.ratio(row(f, PATTERNS[:, k] == MISSING), row(f, np.ones(width)), r["share"])


def _groups(
    panel: Panel, tables: Tables, least: int
) -> Iterator[tuple[Bounds, dict[str, Floats], Floats]]:
    """Each variable that has levels, by area and arm; last is whether people signed up."""
    frame, instrument = panel.frame, panel.instrument
    areas, arms = list(instrument.areas), list(instrument.arms)
    area = pd.Index(areas).get_indexer(frame["area"].astype(object))
    arm = pd.Index(arms).get_indexer(frame["arm"].astype(object))
    named = [name for name in instrument.background if instrument.variables[name].levels]
    for name in [
        *named,
        "signup",
        *(f"{i}_{p}" for i in instrument.issues for p in instrument.perceptions),
    ]:
        levels = list(instrument.variables[name].levels)
        code = pd.Index(levels).get_indexer(frame[name].astype(object))
        code = np.where(code < 0, len(levels), code)
        shape = (len(areas), len(arms), len(levels) + 1)
        truth = np.zeros(shape)
        np.add.at(truth, (area, arm, code), 1)

        def row(*where: Any, shape: tuple[int, ...] = shape) -> Floats:
            found = np.zeros(shape)
            found[where] = 1
            return found.ravel()

        every, given = slice(None), slice(len(levels))
        bounds, everyone = Bounds(truth.size), len(frame)
        gap = row(every, every, len(levels))
        if not instrument.variables[name].missing_allowed:
            bounds.between(gap, 0, 0)
        cells = {f"{name} missing": gap} if instrument.variables[name].missing_allowed else {}
        cells |= {f"{name} = {level}": row(every, every, k) for k, level in enumerate(levels)}
        cells |= {f"{a}, {b}": row(i, j) for i, a in enumerate(areas) for j, b in enumerate(arms)}
        if name in [*named, "signup"]:
            cells |= {
                f"{name} = {level}, {a}": row(every, j, k)
                for (j, a), (k, level) in product(enumerate(arms), enumerate(levels))
            }
        if name == "gender":
            cells |= {
                f"{name} = {level}, {a}": row(i, every, k)
                for (i, a), (k, level) in product(enumerate(areas), enumerate(levels))
            }
        for r in tables["areas"].to_dict("records"):
            if r["area"] != "all":
                bounds.between(row(areas.index(r["area"])), r["respondents"], r["respondents"])
        for r in tables["spread"].to_dict("records"):
            if r["variable"] == name:
                k = [str(level) for level in levels].index(r["level"])
                bounds.ratio(row(every, every, k), row(every, every, given), r["value"])
                bounds.count(row(every, every, given), r["n"], everyone, least)
            if r["variable"] == "arm":
                bounds.ratio(row(every, arms.index(r["level"])), row(), r["value"])
        for r in tables["missing"].to_dict("records") if "missing" in tables else []:
            if r["variable"] == name:
                bounds.count(gap, r["missing"], everyone, least)
                bounds.ratio(gap, row(), r["share"])
        for r in tables["flow"].to_dict("records") if "flow" in tables else []:
            at = every if r["area"] == "all" else areas.index(r["area"])
            to = every if r["arm"] == "all" else arms.index(r["arm"])
            _part(bounds, row(at, to), row(at), r["randomised"], everyone, least)
            if name == "signup":
                _part(bounds, row(at, to, given), row(at, to), r["signup"], everyone, least)
        if name == "signup":
            for r in tables.get("signup", pd.DataFrame()).to_dict("records"):
                bounds.ratio(row(every, 0, 1), row(every, 0, given), r["control_mean"])
                if r["arm"] in arms:
                    answered = row(every, arms.index(r["arm"]), given)
                    given_arm = row(every, arms.index(r["arm"]))
                    _part(bounds, answered, given_arm, r["n_arm"], everyone, least)
        for r in tables.get("balance", pd.DataFrame()).to_dict("records"):
            if r["variable"] == name and r["arm"] in arms:
                k, j = levels.index(r["level"]), arms.index(r["arm"])
                bounds.ratio(row(every, j, k), row(every, j, given), r["mean_arm"])
                bounds.ratio(row(every, 0, k), row(every, 0, given), r["mean_control"])
        for r in tables["margins"].to_dict("records"):
            if r["variable"] == name:
                i, k = areas.index(r["area"]), levels.index(r["level"])
                bounds.ratio(row(i, every, k), row(i), r["unweighted"])
        yield bounds, cells, truth.ravel()


def _part(
    bounds: Bounds, row: Floats, whole: Floats, told: float, everyone: int, least: int
) -> None:
    """A count rounded down, at most a step further where it is nearly all of another."""
    if np.isnan(told):
        return
    if not least:
        bounds.between(row, told, told)
        return
    bounds.between(row, told, told + 2 * least - 1)
    # If it was not stepped down further, it is less than a step above what is told; if it was, the
    # rest is small: either way the whole is at least as far off as told.
    bounds.between(whole - row, 0, inf)


def _rows(tables: Tables, name: str, issue: str) -> list[dict[str, Any]]:
    if name not in tables:
        return []
    table = tables[name]
    rows: list[dict[str, Any]] = table[table["issue"] == issue].to_dict("records")
    return rows
