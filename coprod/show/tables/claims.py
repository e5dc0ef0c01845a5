"""Tables of the claims: verdicts, how often they are wrong, and the article's own numbers."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from coprod.panel import Panel
from coprod.show import words
from coprod.show.report import level, source_name
from coprod.show.table import INTERVAL, Table, side_by_side, table

__all__ = ["claim_errors", "claim_ledger", "published_numbers"]


def claim_ledger(frame: pd.DataFrame, panel: Panel) -> Table:
    """The verdict on each claim, from :func:`coprod.claims.verdicts`."""
    rows = frame.to_dict("records")
    tested = [not row["reason"] for row in rows]
    shown = frame.assign(
        of=frame["source"].map(source_name),
        verdict=frame["verdict"].str.capitalize(),
        found=[
            words.measured(row["estimate"], row["unit"]) if test else "–"
            for row, test in zip(rows, tested, strict=True)
        ],
        interval=[
            f"{words.measured_interval(row['low'], row['high'], row['unit'])} ({level(row['level'])})"
            if test
            else "–"
            for row, test in zip(rows, tested, strict=True)
        ],
        rule=[_rule(row) for row in rows],
        made=frame["built_in"].map({True: "Yes", False: "No"}),
    )
    columns = {
        "title": "Claim",
        "verdict": "Verdict",
        "found": "Estimate",
        "interval": "Interval",
        "rule": "Rule",
    }
    return table(
        shown,
        "claims-ledger",
        columns | ({"made": "Built in"} if panel.synthetic else {}),
        stub="title",
        group="of",
        notes=[
            "The estimate is the one that decides. SD: standard deviations of the index, or of the "
            "control group; a coefficient is per SD of the correlate."
        ],
        panel=panel,
    )


def _rule(row: Mapping[str, object]) -> str:
    region = words.region(row["lower"], row["upper"], str(row["unit"]))  # type: ignore[arg-type]
    number = row["estimates"]
    if number in (0, 1):
        return region
    return f"{'all' if row['combine'] == 'all' else 'any'} of {number} {region}"


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
    shown = frame[frame["current"]].assign(
        title=frame["id"].map(titles),
        holds=frame["true"].map({True: "yes", False: "no"}),
        right=right,
    )
    own = {"holds": "True", "right": "Right", "errors": "Wrong"}
    wide, columns, spanners = side_by_side(shown, ["title"], "scenario", scenarios, own)
    panels = words.listing(words.number(value) for value in frame["panels"].unique())
    return table(
        wide,
        "claims-errors",
        {"title": "Claim", **columns},
        formats={name: 0 for name in columns if not name.startswith("holds")},
        stub="title",
        spanners=spanners,
        notes=[
            f"Of {panels} panels in each scenario: True, whether the claim is true there; Right, "
            "panels that find what is true; Wrong, panels that find the opposite; the rest are "
            "inconclusive. Drawn from data/design.yml."
        ],
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
        panel=panel,
    )


def _typed(row: Mapping[str, object], name: str) -> str:
    """What somebody has typed in, or that nobody has."""
    if pd.isna(row["published"]):
        return "not filled in" if name == "published" else "–"
    return words.measured(float(row[name]), str(row["unit"]))  # type: ignore[arg-type]
