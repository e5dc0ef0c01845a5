"""Each claim of the literature as a test that any panel can be held against.

`data/claims.yml` has the claims and their rules; :mod:`coprod.claim_estimates` the functions that the
rules may name. A rule is a region. A claim is supported when the interval of its estimate lies inside
the region, not supported when it lies outside, and else inconclusive.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, nan
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from coprod.claim_estimates import COLUMNS, estimators
from coprod.claim_rules import Claim, Rule, load_claims
from coprod.disclosure import counts_rounded
from coprod.errors import ValidityError
from coprod.panel import Panel

__all__ = [
    "HERE",
    "INCONCLUSIVE",
    "NOT_SUPPORTED",
    "SUPPORTED",
    "UNTESTABLE",
    "document",
    "estimates",
    "judged",
    "ledger",
    "load_claims",
    "verdicts",
]

SUPPORTED, NOT_SUPPORTED, INCONCLUSIVE = "supported", "not supported", "inconclusive"
UNTESTABLE = "not testable by a survey"
HERE = "cannot be tested here"


def estimates(panel: Panel, claims: Mapping[str, Claim] | None = None) -> pd.DataFrame:
    """Every estimate that a claim rests on, with its interval and where it lies.

    Parameters
    ----------
    panel
        The panel.
    claims
        Those of `data/claims.yml` where None.

    Returns
    -------
    DataFrame
        One row an estimate: `id` (of the claim), `issue` ('all' for all together), `form`, `term`
        (coefficient, block, arm or item), `level` (of a category), `against` (what it is compared
        with), each '' where it does not apply; `label`, `estimate`, `low`, `high` (at the rule's
        level; of a size its absolute value), `standard_error`, `df`, `unit` ('SD' or 'share'),
        `lower`, `upper` (the region), `distance` (from the nearest end of the region in half-widths
        of the interval, above zero inside), `zone` ('inside', 'outside', 'between'), `p` (of the
        joint test). A claim without estimates has one row of NaN with `reason`, '' elsewhere.

    Raises
    ------
    ValidityError
        As :func:`load_claims`.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> claims = {name: load_claims()[name] for name in ("c2", "c4")}
    >>> estimates(open_panel(), claims)[["id", "zone"]].value_counts(sort=False).to_dict()
    {('c2', 'inside'): 3, ('c4', ''): 1}
    """
    tables = [_estimated(panel, claim) for claim in (claims or load_claims()).values()]
    return counts_rounded(pd.concat(tables, ignore_index=True), panel, also=["df"])


def _estimated(panel: Panel, claim: Claim) -> pd.DataFrame:
    reason = claim.untestable
    if claim.rule:
        estimator = estimators()[claim.function]
        try:
            table = estimator.function(panel, **claim.arguments)
        except ValidityError as error:
            reason = error.summary
        else:
            return judged(table, claim.rule, estimator.size).assign(id=claim.id, reason="")[ORDER]
    row = dict.fromkeys(ORDER, nan) | dict.fromkeys((*COLUMNS, "label", "unit", "zone"), "")
    return pd.DataFrame([row | {"id": claim.id, "reason": reason}])


ORDER = [
    *("id", *COLUMNS, "label", "estimate", "low", "high", "standard_error", "df", "unit"),
    *("lower", "upper", "distance", "zone", "p", "reason"),
]


def judged(table: pd.DataFrame, rule: Rule, size: bool = False) -> pd.DataFrame:
    """Where the interval of each estimate lies: inside the region of a rule, outside, or between.

    Parameters
    ----------
    table
        `estimate`, `standard_error` and `df`.
    rule
        The rule.
    size
        Whether the absolute value counts.

    Returns
    -------
    DataFrame
        The same with `low`, `high`, `lower`, `upper`, `distance` and `zone`.

    Examples
    --------
    >>> table = pd.DataFrame({"estimate": [0.0, 0.5, 0.9], "standard_error": 0.1, "df": np.inf})
    >>> judged(table, Rule(0.4, inf, 0.95, "all", None, ""))["zone"].tolist()
    ['outside', 'between', 'inside']
    """
    value = table["estimate"].to_numpy(float)
    margin = stats.t.isf((1 - rule.level) / 2, table["df"].to_numpy(float))
    margin = margin * table["standard_error"].to_numpy(float)
    low, high = value - margin, value + margin
    if size:
        nearest_zero = np.where((low < 0) & (high > 0), 0.0, np.minimum(abs(low), abs(high)))
        value, low, high = abs(value), nearest_zero, np.maximum(abs(low), abs(high))
    inside = (low >= rule.lower) & (high <= rule.upper)
    outside = (high < rule.lower) | (low > rule.upper)
    with np.errstate(invalid="ignore", divide="ignore"):
        half = (high - low) / 2
        distance = np.minimum(low - rule.lower, rule.upper - high) / half + 1
    return table.assign(
        estimate=value,
        low=low,
        high=high,
        lower=rule.lower,
        upper=rule.upper,
        distance=distance,
        zone=np.select([inside, outside], ["inside", "outside"], "between"),
    )


def ledger(panel: Panel, claims: Mapping[str, Claim] | None = None) -> pd.DataFrame:
    """The verdict on each claim: :func:`verdicts` of :func:`estimates`.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> claims = {name: load_claims()[name] for name in ("c2", "c4")}
    >>> ledger(open_panel(), claims)["verdict"].tolist()
    ['supported', 'not testable by a survey']
    """
    claims = claims or load_claims()
    return verdicts(estimates(panel, claims), panel, claims)


def verdicts(
    found: pd.DataFrame, panel: Panel, claims: Mapping[str, Claim] | None = None
) -> pd.DataFrame:
    """The verdict on each claim, with the estimate that decides it.

    The deciding estimate is the one furthest from the region's inside where all must be there, and
    the one furthest inside where any may be.

    Parameters
    ----------
    found
        As of :func:`estimates`.
    panel
        The panel.
    claims
        Those of `data/claims.yml` where None.

    Returns
    -------
    DataFrame
        One row a claim: `id`, `source`, `title`, `claim`, `estimand`, `verdict` ('supported', 'not
        supported', 'inconclusive', 'not testable by a survey', 'cannot be tested here'), `reason`
        (of the last two, else ''), `label`, `estimate`, `low`, `high`, `unit`, `distance` (of the
        deciding estimate), `lower`, `upper`, `level` (of the interval), `combine`, `test`, `p` (of
        the joint test), `estimates` (how many there are), `inside`, `outside` (of them), `built_in`
        (whether the panel is synthetic and its design was set so that the claim holds),
        `built_in_by` (by which parameters), `chapter`, `why` (of the rule), `note`.
    """
    claims = claims or load_claims()
    rows = []
    for name, group in found.groupby("id", sort=False):
        claim = claims[str(name)]
        rule = claim.rule
        first = group.iloc[0]
        inside, outside = ((group["zone"] == zone).sum() for zone in ("inside", "outside"))
        if rule and not first["reason"]:
            verdict = _verdict(group, rule)
            distance = group["distance"].fillna(-inf if rule.combine == "any" else 0.0)
            first = group.loc[distance.idxmin() if rule.combine == "all" else distance.idxmax()]
        else:
            verdict = HERE if rule else UNTESTABLE
        rows.append(
            {
                field: getattr(claim, field)
                for field in ("id", "source", "title", "claim", "estimand")
            }
            | {"verdict": verdict}
            | {
                key: first[key]
                for key in ("reason", "label", "estimate", "low", "high", "unit", "distance")
            }
            | {
                "lower": rule.lower if rule else nan,
                "upper": rule.upper if rule else nan,
                "level": rule.level if rule else nan,
                "combine": rule.combine if rule else "",
                "test": nan if rule is None or rule.test is None else rule.test,
                "p": first["p"],
                "estimates": 0 if first["reason"] else len(group),
                "inside": int(inside),
                "outside": int(outside),
                "built_in": panel.synthetic and bool(claim.built_in),
                "built_in_by": ", ".join(claim.built_in) if panel.synthetic else "",
                "chapter": claim.chapter,
                "why": rule.why if rule else "",
                "note": " ".join(filter(None, [claim.note, claim.drawn * panel.synthetic])),
            }
        )
    return pd.DataFrame(rows)


def _verdict(group: pd.DataFrame, rule: Rule) -> str:
    inside, outside = group["zone"] == "inside", group["zone"] == "outside"
    supported = inside.all() if rule.combine == "all" else inside.any()
    refuted = outside.any() if rule.combine == "all" else outside.all()
    if supported and (rule.test is None or group["p"].iloc[0] < rule.test):
        return SUPPORTED
    return NOT_SUPPORTED if refuted else INCONCLUSIVE


def document(
    found: pd.DataFrame, panel: Panel, claims: Mapping[str, Claim] | None = None
) -> dict[str, Any]:
    """Estimates and verdicts as JSON has them; what ``coprod claims --json`` writes.

    Parameters
    ----------
    found
        As of :func:`estimates`.
    panel, claims
        As for :func:`verdicts`.

    Returns
    -------
    dict
        `panel`: `description`, `source` (file), `synthetic`, `checksum`; `claims`: a list with one
        object a claim, which has the columns of :func:`verdicts`, and under `all_estimates` a list
        of objects with those of :func:`estimates`. What is missing or infinite is null.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> claims = {"c4": load_claims()["c4"]}
    >>> document(estimates(open_panel(), claims), open_panel(), claims)["claims"][0]["verdict"]
    'not testable by a survey'
    """
    entries = []
    for entry in _records(verdicts(found, panel, claims)):
        own = found[(found["id"] == entry["id"]) & (found["reason"] == "")]
        entries.append(entry | {"all_estimates": _records(own.drop(columns=["id", "reason"]))})
    about = {
        "description": panel.describe(),
        "source": panel.source,
        "synthetic": panel.synthetic,
        "checksum": panel.checksum,
    }
    return {"panel": about, "claims": entries}


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as JSON can write them."""
    known = table.astype(object).replace([np.inf, -np.inf], np.nan)
    rows: list[dict[str, Any]] = known.where(known.notna(), None).to_dict("records")
    return rows
