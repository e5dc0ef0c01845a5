"""Tables of the claims: verdicts, how often they are wrong, and the article's own numbers."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

import pandas as pd

from coprod.claims import HERE, UNTESTABLE
from coprod.panel import Panel
from coprod.show import words
from coprod.show.report import source_name
from coprod.show.table import INTERVAL, Table, table

__all__ = ["claim_errors", "claim_ledger", "published_numbers"]

SHORT = {UNTESTABLE: "Not testable", HERE: "Not testable here"}


def claim_ledger(frame: pd.DataFrame, panel: Panel) -> Table:
    """The verdict on each claim, from :func:`coprod.claims.verdicts`."""
    rows = frame.to_dict("records")
    shown = frame.assign(
        of=frame["source"].map(source_name),
        verdict=frame["verdict"].map(SHORT).fillna(frame["verdict"].str.capitalize()),
        found=[_found(row) for row in rows],
        rule=[_rule(row) for row in rows],
        made=frame["built_in"].map({True: "Yes", False: "No"}),
    )
    columns = {
        "title": "Claim",
        "verdict": "Verdict",
        "found": "Estimate (interval)",
        "rule": "Rule",
    }
    return table(
        shown,
        "claims-ledger",
        columns | ({"made": "Built in"} if panel.synthetic else {}),
        stub="title",
        group="of",
        notes=[
            "The estimate is the one that decides; the level of its interval stands with the entry "
            "below. Rule: all or any of so many estimates must be there. SD: standard deviations of "
            "the index, or of the control group; a coefficient is per SD of the correlate."
        ],
        panel=panel,
        numbers=frame,
    )


def _found(row: Mapping[str, Any]) -> str:
    if row["reason"]:
        return "–"
    ends = words.measured_interval(row["low"], row["high"], row["unit"])
    return f"{whole(words.measured(row['estimate'], row['unit']))} {whole(f'({ends})')}"


def _rule(row: Mapping[str, Any]) -> str:
    """The region in signs, for which a table has room."""
    lower, upper, unit = row["lower"], row["upper"], row["unit"]
    if pd.isna(lower):
        return "–"
    if isfinite(lower) and isfinite(upper):
        region = words.region(lower, upper, unit).removeprefix("between ").replace(" and ", " to ")
    else:
        bound, sign = (lower, "≥") if isfinite(lower) else (upper, "≤")
        region = f"{sign} {words.measured(bound, unit) if bound else '0'}"
    several = f"{row['combine']} {row['estimates']}:"
    return f"{whole(several)} {whole(region)}" if row["estimates"] > 1 else whole(region)


def whole(text: str) -> str:
    """A text that is not broken at the end of a line."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def claim_errors(
    frame: pd.DataFrame, titles: Mapping[str, str], scenarios: Mapping[str, str]
) -> Table:
    """How often a verdict is right, and how often its opposite is, under each scenario.

    Parameters
    ----------
    frame
        As of :func:`coprod.claim_recovery.read_claim_errors`.
    titles
        Of the claims, by id.
    scenarios
        Their labels, by name.
    """
    right = frame["supported"].where(frame["true"], frame["not_supported"])
    shown = frame.assign(
        title=frame["id"].map(titles),
        cell=[
            whole(f"{'true' if true else 'false'}: {words.number(found)}, {words.number(wrong)}")
            for true, found, wrong in zip(frame["true"], right, frame["errors"], strict=True)
        ],
    )
    wide = shown[shown["current"]].pivot(index="title", columns="scenario", values="cell")
    wide = wide.reindex(shown["title"].unique()).dropna(how="all").reset_index()
    panels = words.listing(words.number(value) for value in frame["panels"].unique())
    return table(
        wide,
        "claims-errors",
        {"title": "Claim", **scenarios},
        stub="title",
        notes=[
            "In each cell: whether the claim is true of the population that the design describes; "
            f"of {panels} panels drawn from it, how many find so; and how many find the opposite. "
            "The rest are inconclusive."
        ],
        numbers=frame,
        data="synthetic panels drawn from data/design.yml",
    )


def published_numbers(frame: pd.DataFrame, panel: Panel) -> Table:
    """The article's numbers beside ours, from :func:`coprod.published.beside_published`."""
    rows = frame.to_dict("records")
    shown = frame.assign(
        published=[_typed(row, "published") for row in rows],
        here=[row["reason"] or words.measured(row["computed"], row["unit"]) for row in rows],
        interval=[
            "–"
            if pd.isna(row["low"])
            else words.measured_interval(row["low"], row["high"], row["unit"])
            for row in rows
        ],
        difference=[_typed(row, "difference") for row in rows],
    )
    return table(
        shown,
        "claims-published",
        {
            "what": "Number",
            "published": "In the article",
            "here": "Computed",
            "interval": INTERVAL,
            "difference": "Difference",
        },
        stub="what",
        group="group",
        notes=["A dash: nobody has typed the number in, or there is none."],
        panel=panel,
        numbers=frame,
    )


def _typed(row: Mapping[str, Any], name: str) -> str:
    """What somebody has typed in, or that nobody has."""
    if pd.isna(row["published"]):
        return "–"
    return words.measured(float(row[name]), str(row["unit"]))
