"""Tables of how near the program is to R, and of what both find in published studies."""

from __future__ import annotations

import pandas as pd

from coprod.show import words
from coprod.show.table import INTERVAL, Table, intervals, table
from coprod.studies import CERTAIN

__all__ = ["comparisons", "experiments_beside_r", "functions_compared", "information_beside_r"]

OURS = "This program"


def _far(value: float, unit: str) -> str:
    """A difference or a tolerance in its unit."""
    if unit == "relative":
        return words.percent(value, 0 if value >= 0.01 else 1)
    return f"{words.number(value)} {unit}" if unit else words.scientific(value)


def comparisons(frame: pd.DataFrame) -> Table:
    """How near every comparison is, from `coprod.validation.read_validation`."""
    shown = frame.assign(
        **{
            name: [_far(*pair) for pair in zip(frame[name], frame["unit"], strict=True)]
            for name in ("tolerance", "largest")
        }
    )
    return table(
        shown,
        "validation-comparisons",
        {
            "what": "What is compared",
            "packages": "With",
            "numbers": "Numbers",
            "tolerance": "Allowed",
            "largest": "Seen, at most",
        },
        formats={"numbers": 0},
        stub="what",
        group="group",
        notes=[
            "Differences of one number from R's; where answers are imputed at random, in Monte Carlo "
            f"errors or in per cent. R {words.listing(frame['r_version'].unique())}; panel with the "
            f"checksum {words.listing(value[:12] for value in frame['panel_sha256'].unique())}."
        ],
        numbers=frame,
        data="the synthetic panel of data/panel.csv, with this program and with R",
    )


def functions_compared(frame: pd.DataFrame) -> Table:
    """Which function of ours is held against which of R, from the same."""
    return table(
        frame,
        "validation-functions",
        {"what": "What is compared", "function": "Function of coprod", "r": "Functions of R"},
        stub="what",
        group="group",
        numbers=frame,
        data="the synthetic panel of data/panel.csv, with this program and with R",
    )


def experiments_beside_r(frame: pd.DataFrame) -> Table:
    """Effects in two published experiments, from `coprod.studies`, beside R."""
    ends = {
        name: 100 * frame[name]
        for name in ("estimate", "low", "high", "r_estimate", "r_low", "r_high")
    }
    points = frame.assign(**ends)
    return table(
        points.assign(
            interval=intervals(points, "low", "high", 2),
            r_interval=intervals(points, "r_low", "r_high", 2),
        ),
        "validation-experiments",
        {
            "label": "Comparison",
            "estimate": "Effect",
            "interval": INTERVAL,
            "r_estimate": "Effect",
            "r_interval": INTERVAL,
            "decimals": "Decimals alike",
        },
        formats={"estimate": 2, "r_estimate": 2, "decimals": _agree},
        stub="label",
        group="study",
        spanners={OURS: ["estimate", "interval"], "R": ["r_estimate", "r_interval"]},
        notes=[
            "Percentage points. Decimals alike: of all that R gives as shares of one, errors and "
            "p-values among them."
        ],
        numbers=frame,
        data="published experiments, with this program and with R",
    )


def information_beside_r(frame: pd.DataFrame) -> Table:
    """The ordered probit of political information, from `coprod.studies`, beside R."""
    named = frame["label"].where(
        frame["label"] != "", frame["key"].str.replace("|", " to ", regex=False)
    )
    kind = frame["label"].eq("").map({False: "Coefficients", True: "Thresholds between ratings"})
    return table(
        frame.assign(name=named, of=kind),
        "validation-information",
        {
            "name": "Correlate",
            "estimate": "Estimate",
            "standard_error": "Error",
            "r_estimate": "Estimate",
            "r_standard_error": "Error",
            "decimals": "Decimals alike",
        },
        formats={
            **dict.fromkeys(["estimate", "standard_error", "r_estimate", "r_standard_error"], 4),
            "decimals": _agree,
        },
        stub="name",
        group="of",
        spanners={
            OURS: ["estimate", "standard_error"],
            "R": ["r_estimate", "r_standard_error"],
        },
        data="a published study, with this program and with R",
    )


def _agree(decimals: float) -> str:
    """How many decimals agree."""
    return f"{words.number(decimals)}{' or more' if decimals == CERTAIN else ''}"
