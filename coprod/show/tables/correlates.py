"""Tables of who engages: the regressions, their blocks, and how the forms compare."""

from __future__ import annotations

import pandas as pd

from coprod.panel import Panel
from coprod.regression import BLOCKS
from coprod.show import words
from coprod.show.table import INTERVAL, Table, intervals, table

__all__ = ["block_comparison", "block_shares", "coefficients", "comparison"]


def _terms(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with the name of each coefficient and of its block."""
    names = [
        words.term_name(row.term_label, row.label if row.level else "")
        for row in frame.itertuples()
    ]
    blocks = {**BLOCKS, "intercept": "Area and issue", "area": "Area and issue"}
    blocks |= {"issue": "Area and issue", "threshold": "Thresholds"}
    return frame.assign(name=names, of=frame["block"].map(blocks))


def _against(frame: pd.DataFrame) -> list[str]:
    """A note that names the reference levels."""
    first = frame[frame["reference"] != ""].drop_duplicates("term")
    named = words.listing(
        f"{row.term_label.lower()}: {row.reference.partition(':')[0].lower()}"
        if row.term != "area"
        else row.reference
        for row in first.itertuples()
    )
    return [f"Categories are compared with a reference ({named}); numbers are per SD."]


def coefficients(frame: pd.DataFrame, panel: Panel) -> Table:
    """The full regression of both forms, from `coprod.correlates.fit` with a column `form`."""
    shown = _terms(frame.assign(interval=intervals(frame, "low", "high", 1)))
    keys = ["of", "name"]
    wide = shown.drop_duplicates(keys)[keys]
    columns: dict[str, str] = {"name": "Correlate"}
    spanners = {}
    for form, label in panel.instrument.forms.items():
        part = shown[shown["form"] == form][[*keys, "estimate", "interval", "p"]]
        part = part.rename(columns={name: f"{name}_{form}" for name in part if name not in keys})
        wide = wide.merge(part, on=keys, how="left")
        own = {"estimate": "Points", "interval": INTERVAL, "p": "p"}
        columns |= {f"{name}_{form}": title for name, title in own.items()}
        spanners[label] = [f"{name}_{form}" for name in own]
    # Last in the model's order, first in the reader's interest: the blocks before area and issue.
    wide = wide.sort_values("of", key=lambda of: of == "Area and issue", kind="stable")
    counts = frame.drop_duplicates("form")
    rows = words.listing(
        f"{row.n:,} answers of {row.clusters:,} respondents for {row.form} activity"
        for row in counts.itertuples()
    )
    return table(
        wide,
        "correlates-coefficients",
        columns,
        formats={
            name: words.p_short if name.startswith("p_") else 1
            for name in columns
            if name.startswith(("estimate", "p_"))
        },
        stub="name",
        group="of",
        spanners=spanners,
        notes=[
            "Weighted least squares; intervals and p by errors clustered by respondent.",
            *_against(frame),
            f"{rows}.",
        ],
        panel=panel,
    )


def block_shares(frame: pd.DataFrame, panel: Panel) -> Table:
    """What each block accounts for, from `coprod.blocks.blocks` with a column `form`."""
    shown = frame.assign(
        of=frame["form"].map(panel.instrument.forms),
        interval=intervals(frame, "shapley_low", "shapley_high", 1, share=True),
    )
    note = words.listing(
        f"{words.percent(row.r2, 1)} for {row.form} activity "
        f"({words.interval(row.r2_low, row.r2_high, 1, share=True)})"
        for row in frame.drop_duplicates("form").itertuples()
    )
    return table(
        shown,
        "correlates-blocks",
        {
            "label": "Block",
            "shapley": "Share",
            "interval": INTERVAL,
            "ordered": "In order",
            "last": "Last",
            "last_statistic": "F",
            "last_p": "p",
        },
        formats={
            "shapley": "%1",
            "ordered": "%1",
            "last": "%1",
            "last_statistic": 1,
            "last_p": words.p_short,
        },
        stub="label",
        group="of",
        spanners={
            "Shapley share": ["shapley", "interval"],
            "Added to R²": ["ordered", "last"],
            "Wald test, entered last": ["last_statistic", "last_p"],
        },
        notes=[
            "Shares of the variance, corrected for bias by the bootstrap. R² with area and issue, "
            f"corrected: {note}.",
        ],
        panel=panel,
    )


def comparison(frame: pd.DataFrame, panel: Panel) -> Table:
    """Each coefficient of both forms and their difference, from `correlates.compare_forms`."""
    forms = panel.instrument.forms
    return table(
        _terms(frame.assign(interval=intervals(frame, "low", "high", 2))),
        "correlates-comparison",
        {
            "name": "Correlate",
            **forms,
            "difference": "Difference",
            "interval": INTERVAL,
            "p": "p",
            "p_holm": "Holm",
            "p_bh": "BH",
        },
        formats={
            **dict.fromkeys([*forms, "difference"], 2),
            **dict.fromkeys(["p", "p_holm", "p_bh"], words.p_short),
        },
        stub="name",
        group="of",
        spanners={
            "Coefficient": list(forms),
            "Individual less collective": ["difference", "interval"],
        },
        notes=[
            "In SD of each index. Holm, BH: p adjusted for the table by Holm and by Benjamini and "
            "Hochberg.",
            *_against(frame),
        ],
        panel=panel,
    )


def block_comparison(frames: dict[str, pd.DataFrame], panel: Panel) -> Table:
    """Tests that a block is the same for both forms, one `correlates.compare_blocks` a scale."""
    first = next(iter(frames.values()))
    shown = first[["block", "label", "df"]]
    columns: dict[str, str] = {"label": "Block", "df": "Coefficients"}
    spanners = {}
    for scale, frame in frames.items():
        shown = shown.assign(**{f"f_{scale}": frame["statistic"], f"p_{scale}": frame["p"]})
        columns |= {f"f_{scale}": "F", f"p_{scale}": "p"}
        spanners[scale] = [f"f_{scale}", f"p_{scale}"]
    return table(
        shown,
        "correlates-tests",
        columns,
        formats={
            name: words.p_short if name.startswith("p_") else 0 if name == "df" else 1
            for name in columns
            if name != "label"
        },
        stub="label",
        spanners=spanners,
        notes=["Robust Wald tests of equal coefficients; clustered by respondent."],
        panel=panel,
    )
