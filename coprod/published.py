"""Numbers of the article beside those computed from a panel, where a reader has typed them in.

`data/published.yml` has a place for each and states none; this module computes what belongs beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from math import nan
from pathlib import Path
from typing import Any

import pandas as pd

from coprod.arms import OUTCOMES
from coprod.blocks import blocks
from coprod.claim_estimates import Estimator
from coprod.claim_rules import check_arguments
from coprod.correlates import fit
from coprod.errors import Fault, ValidityError
from coprod.instrument import load_instrument
from coprod.levels import means
from coprod.nudges import effects
from coprod.panel import Panel
from coprod.paths import PUBLISHED
from coprod.regression import PERCEPTIONS
from coprod.schema import NUMBER, TEXT, Places, nearest, read_checked

__all__ = ["beside_published", "load_published"]

Found = dict[str, Any]


def respondents(panel: Panel) -> Found:
    """How many people answered."""
    return {"computed": float(len(panel.frame)), "low": nan, "high": nan, "unit": "people"}


def mean_index(panel: Panel, form: str, issue: str) -> Found:
    """Weighted mean index, 0 to 100; over all issues where `issue` is 'all'."""
    table = means(panel, by=() if issue == "all" else ("issue",))
    table = table[table["form"] == form]
    row = table if issue == "all" else table[table["issue"] == issue]
    return _row(row, "mean", "low", "high", "points")


def coefficient(panel: Panel, term: str, form: str, issue: str) -> Found:
    """Coefficient of a perception, in SDs of the index per SD, other things equal."""
    table = fit(panel, form, None if issue == "all" else issue)
    return _row(table[table["term"] == term], "estimate_sd", "low_sd", "high_sd", "SD")


def explained(panel: Panel, form: str) -> Found:
    """Share of the variance that all correlates explain, with area and issue."""
    return _row(blocks(panel, form, draws=500), "r2", "r2_low", "r2_high", "share")


def nudges_together(panel: Panel, outcome: str) -> Found:
    """Effect of all nudges together: in SDs of control for willingness, else as a share."""
    table = effects(panel, ["lin"], ["unweighted"], [outcome])
    sd = "_sd" if outcome == "willing" else ""
    pooled = table[table["family"] == "pooled"]
    return _row(pooled, f"estimate{sd}", f"low{sd}", f"high{sd}", "SD" if sd else "share")


def _row(table: pd.DataFrame, value: str, low: str, high: str, unit: str) -> Found:
    if table.empty:
        raise ValidityError("the panel has nothing that this number is about")
    row = table.iloc[0]
    return {"computed": row[value], "low": row[low], "high": row[high], "unit": unit}


@lru_cache
def _functions() -> dict[str, Estimator]:
    instrument = load_instrument()
    forms, issues = list(instrument.forms), [*instrument.issues, "all"]
    return {
        "respondents": Estimator(respondents, {}),
        "mean_index": Estimator(mean_index, {"form": forms, "issue": issues}),
        "coefficient": Estimator(
            coefficient, {"term": list(PERCEPTIONS), "form": forms, "issue": issues}
        ),
        "explained": Estimator(explained, {"form": forms}),
        "nudges_together": Estimator(nudges_together, {"outcome": list(OUTCOMES)}),
    }


def _number(value: Any, places: Places, file: str, path: tuple[Any, ...]) -> list[Fault]:
    return [] if value is None or NUMBER[1](value) else _wrong(value, places, file, path, NUMBER[0])


def _text(value: Any, places: Places, file: str, path: tuple[Any, ...]) -> list[Fault]:
    return [] if value is None or TEXT[1](value) else _wrong(value, places, file, path, TEXT[0])


def _wrong(value: Any, places: Places, file: str, path: tuple[Any, ...], kind: str) -> list[Fault]:
    at = f"{file}:{places.get(path, 1)}"
    return [Fault(at, f"'{path[-1]}' is {value!r}", f"it must be {kind}, or null")]


SCHEMA: dict[str, Any] = {
    "numbers": [
        {
            **dict.fromkeys(("id", "group", "what", "function"), TEXT),
            "arguments": lambda *given: [],
            "published": _number,
            "where": _text,
        }
    ]
}


def load_published(path: Path | None = None) -> list[dict[str, Any]]:
    """Read the places for the article's numbers, and say everything that is wrong with them.

    Parameters
    ----------
    path
        A file of numbers; `data/published.yml` where None.

    Returns
    -------
    list of dict
        Each with `id`, `group`, `what`, `function`, `arguments`, `published` (None where nobody has typed a
        number) and `where` (it stands in the article).

    Raises
    ------
    ValidityError
        When the file cannot be read, or for every key, function, argument or number that is wrong.

    Examples
    --------
    >>> {number["published"] for number in load_published()}
    {None}
    """
    file = Path(path or PUBLISHED)

    def faults(content: Any, places: Places) -> Iterator[Fault]:
        return _faults(content.get("numbers") or [], places, file.name)

    content = read_checked(file, SCHEMA, faults)
    numbers: list[dict[str, Any]] = content["numbers"]
    return numbers


def _faults(numbers: Sequence[Mapping[str, Any]], places: Places, file: str) -> Iterator[Fault]:
    seen: set[str] = set()
    for index, entry in enumerate(numbers):
        where = f"{file}:{places.get(('numbers', index), 1)}: {entry.get('id', 'a number')}"
        for key in SCHEMA["numbers"][0]:
            if key not in entry:
                yield Fault(where, f"'{key}' is missing")
        if entry.get("id") in seen:
            yield Fault(where, "the id stands twice", "each once")
        seen.add(entry.get("id", ""))
        if "function" not in entry:
            continue
        known = _functions()
        if entry["function"] not in known:
            said = nearest(entry["function"], known)
            yield Fault(where, f"there is no function '{entry['function']}'", said)
        elif "arguments" in entry:
            yield from check_arguments(entry["arguments"], known[entry["function"]], where)


def beside_published(panel: Panel, path: Path | None = None) -> pd.DataFrame:
    """Each number of the article that somebody has typed in, beside the same computed here.

    Parameters
    ----------
    panel
        The panel.
    path
        A file of numbers; `data/published.yml` where None.

    Returns
    -------
    DataFrame
        One row a number: `id`, `group`, `what`, `unit` ('people', 'points', 'SD', 'share'), `published` (NaN
        where nobody has typed it in), `computed`, `low`, `high` (95 %), `difference` (computed less
        published), `where` (in the article, ''), `reason` (why nothing can be computed, else '').

    Raises
    ------
    ValidityError
        As :func:`load_published`.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> table = beside_published(open_panel())
    >>> table["published"].notna().any(), table["computed"].notna().all()
    (np.False_, np.True_)
    """
    rows = []
    for entry in load_published(path):
        published = nan if entry["published"] is None else float(entry["published"])
        row: Found = {name: entry[name] for name in ("id", "group", "what")}
        row |= {"published": published}
        row |= {"where": entry["where"] or "", "reason": ""}
        try:
            row |= _functions()[entry["function"]].function(panel, **entry["arguments"])
        except ValidityError as error:
            row |= dict.fromkeys(("computed", "low", "high"), nan)
            row |= {"unit": "", "reason": error.summary}
        rows.append(row | {"difference": row["computed"] - published})
    order = ["id", "group", "what", "unit", "published", "computed", "low", "high", "difference"]
    return pd.DataFrame(rows)[[*order, "where", "reason"]]
