"""The claims and their verdicts as text: for a terminal or a pipe, and for a page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from textwrap import fill
from typing import Any

import pandas as pd
from IPython.display import Markdown

from coprod.panel import Panel
from coprod.show import words

__all__ = ["STYLES", "claim_entries", "claims_report", "level", "source_name"]

STYLES = {"supported": "bold green", "not supported": "bold red", "inconclusive": "bold yellow"}
"""How a verdict is coloured where there is colour."""

INDENT = " " * 4
BUILT_IN = (
    "Built in: the design was set so that the claim holds of the synthetic panel, so that its verdict "
    "says nothing about the world."
)


def claims_report(table: pd.DataFrame, panel: Panel, width: int = 80) -> Iterator[tuple[str, str]]:
    """Text and its style, piece by piece; a piece without a line end goes on in the next.

    Parameters
    ----------
    table
        As of :func:`coprod.claims.verdicts`.
    panel
        The panel.
    width
        The longest line.
    """
    yield fill(f"Claims held against a {panel.describe()}.", width) + "\n", ""
    if table["built_in"].any():
        yield fill(BUILT_IN, width) + "\n", ""
    for source, part in table.groupby("source", sort=False):
        yield f"\n{source_name(str(source))}\n", "bold"
        for row in part.itertuples():
            yield f"  {row.id}: ", ""
            yield row.verdict, STYLES.get(row.verdict, "bold")
            yield f"{' (built in)' if row.built_in else ''}\n", ""
            for line in (row.title, row.reason or evidence(row._asdict())):
                yield fill(line, width, initial_indent=INDENT, subsequent_indent=INDENT) + "\n", ""
    counts = table["verdict"].value_counts(sort=False)
    summary = words.listing(f"{number} {verdict}" for verdict, number in counts.items())
    yield "\n" + fill(f"{len(table)} claims: {summary}.", width) + "\n", ""


def source_name(key: str) -> str:
    """A key of the bibliography as a name and a year.

    Examples
    --------
    >>> source_name("bovaird2016")
    'Bovaird 2016'
    """
    return re.sub(r"(\D+)(\d+)", r"\1 \2", key).capitalize()


def evidence(row: Mapping[str, Any]) -> str:
    """The deciding estimate with its interval, and the rule, of a row of the verdicts."""
    estimate = words.measured(row["estimate"], row["unit"])
    ends = words.measured_interval(row["low"], row["high"], row["unit"])
    region = words.region(row["lower"], row["upper"], row["unit"])
    said = f"{estimate} ({level(row['level'])} interval {ends})"
    if row["estimates"] == 1:
        return f"{said}; rule: {region}"
    wanted = {"all": "all", "any": "one"}[row["combine"]]
    inside = f"{row['inside']} of {row['estimates']} inside"
    return f"{said} [{row['label']}]; rule: {wanted} must be {region}, {inside}"


def level(share: float) -> str:
    """A level of confidence as a percentage.

    Examples
    --------
    >>> level(0.95), level(0.993)
    ('95%', '99.3%')
    """
    return f"{100 * share:.3g}%"


def claim_entries(table: pd.DataFrame, panel: Panel) -> Markdown:
    """Each claim with its verdict, what decides it, its rule and where it is dealt with.

    Each stands in a block with the identifier ``claim-`` and its id, so that it can be linked to.

    Parameters
    ----------
    table
        Some rows of :func:`coprod.claims.verdicts`.
    panel
        The panel.
    """
    return Markdown("\n\n".join(_entry(row) for row in table.to_dict("records")))


def _entry(row: Mapping[str, Any]) -> str:
    said = f"[**{words.plain(row['title'])}**](#claim-{row['id']})**: {row['verdict']}.**"
    points = {"Why not": row["reason"]}
    if not row["reason"]:
        points = {"Estimated": f"{row['estimand']}.", "Found": _decided(row), "Rule": _rule(row)}
    points["Mind"] = row["note"]
    lines = [f"- *{name}:* {words.plain(text)}" for name, text in points.items() if text]
    if row["built_in"]:
        names = words.listing(f"`{name}`" for name in row["built_in_by"].split(", "))
        lines.append(f"- *Built in,* by {names} in the design.")
    lines.append(f"- *More:* @{row['chapter']}.")
    text = "\n".join([f"{said} {words.plain(row['claim'])}", "", *lines])
    return f"::: {{#claim-{row['id']}}}\n{text}\n:::"


def _decided(row: Mapping[str, Any]) -> str:
    """What was found, in a sentence or two."""
    estimate = words.measured(row["estimate"], row["unit"])
    ends = words.measured_interval(row["low"], row["high"], row["unit"])
    found = f"{estimate} ({level(row['level'])} interval {ends})"
    if row["estimates"] == 1:
        return f"{found}."
    label = row["label"][0].lower() + row["label"][1:]
    counts = (
        f"{words.number(row['inside'])} of {words.number(row['estimates'])} intervals lie inside, "
        f"{words.number(row['outside'])} outside"
    )
    test = "" if pd.isna(row["test"]) else f" The joint test has p {words.p_value(row['p'])}."
    return f"{counts}. What decides: {label}, {found}.{test}"


def _rule(row: Mapping[str, Any]) -> str:
    region = words.region(row["lower"], row["upper"], row["unit"])
    if row["estimates"] == 1:
        return f"{region}. {row['why']}"
    wanted = {"all": "every one must be", "any": "at least one must be"}[row["combine"]]
    return f"{wanted} {region}. {row['why']}"
