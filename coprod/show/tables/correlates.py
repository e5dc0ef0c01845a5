"""Tables of who engages: the regressions, their blocks, and how the forms compare."""

from __future__ import annotations

import pandas as pd

from coprod.panel import Panel
from coprod.regression import BLOCKS
from coprod.sampled import sample_note
from coprod.show import words
from coprod.show.table import INTERVAL, Table, intervals, named, side_by_side, table

__all__ = [
    "block_comparison",
    "block_shares",
    "coefficients",
    "coefficients_by_issue",
    "comparison",
    "predictions",
    "terms",
]


def terms(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with the name of each coefficient and of its block."""
    names = [
        # An area is called by its name, which keeps its capitals.
        row.label
        if row.block == "area"
        else words.term_name(row.term_label, row.label if row.level else "")
        for row in frame.itertuples()
    ]
    blocks = {**BLOCKS, "intercept": "Area and issue", "area": "Area and issue"}
    blocks |= {"issue": "Area and issue"}
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
    shown = terms(frame.assign(interval=intervals(frame, "low", "high", 1)))
    own = {"estimate": "Points", "interval": INTERVAL, "p": "p"}
    forms = panel.instrument.forms
    wide, columns, spanners = side_by_side(shown, ["of", "name"], "form", forms, own)
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
        {"name": "Correlate", **columns},
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
        numbers=frame,
    )


def coefficients_by_issue(frame: pd.DataFrame, panel: Panel) -> Table:
    """The regressions of each issue beside each other, from `coprod.correlates.fit` with `issue` and `form`."""
    inside = frame[frame["block"].isin(list(BLOCKS))]
    shown = named(terms(inside), panel).assign(interval=intervals(inside, "low", "high", 1))
    issues = {label: label for label in dict.fromkeys(shown["issue"])}
    wide, columns, spanners = side_by_side(
        shown, ["form", "of", "name"], "issue", issues, {"estimate": "Points", "interval": INTERVAL}
    )
    wide["of"] = wide["form"] + ": " + wide["of"].str.lower()
    return table(
        wide,
        "correlates-issues",
        {"name": "Correlate", **columns},
        formats={name: 1 for name in columns if name.startswith("estimate")},
        stub="name",
        group="of",
        spanners=spanners,
        notes=[
            "Weighted least squares, one regression an issue and form; area is held constant.",
            *_against(frame),
        ],
        panel=panel,
        numbers=frame,
    )


def predictions(frame: pd.DataFrame, panel: Panel) -> Table:
    """Predicted activity over the answers to a perception, from `coprod.correlates.predict_over`."""
    shown = named(frame, panel).assign(interval=intervals(frame, "low", "high", 1))
    forms = {label: label for label in panel.instrument.forms.values()}
    wide, columns, spanners = side_by_side(
        shown, ["issue", "label"], "form", forms, {"prediction": "Index", "interval": INTERVAL}
    )
    return table(
        wide,
        "correlates-efficacy",
        {"label": "Difference that people can make", **columns},
        formats={name: 1 for name in columns if name.startswith("prediction")},
        stub="label",
        group="issue",
        spanners=spanners,
        notes=["Everybody gives the same answer, and is otherwise as they are."],
        panel=panel,
        numbers=frame,
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
        numbers=frame,
    )


def comparison(frame: pd.DataFrame, panel: Panel) -> Table:
    """Each coefficient of both forms and their difference, from `correlates.compare_forms`."""
    forms = panel.instrument.forms
    return table(
        terms(frame.assign(interval=intervals(frame, "low", "high", 2))),
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
        numbers=frame,
    )


def block_comparison(frames: dict[str, pd.DataFrame], panel: Panel) -> Table:
    """Tests that a block is the same for both forms, one `correlates.compare_blocks` a scale."""
    shown = pd.concat([frame.assign(scale=scale) for scale, frame in frames.items()])
    own = {"statistic": "F", "p": "p"}
    scales = {scale: scale for scale in frames}
    wide, columns, spanners = side_by_side(shown, ["label", "df"], "scale", scales, own)
    return table(
        wide,
        "correlates-tests",
        {"label": "Block", "df": "Coefficients", **columns},
        formats={"df": 0}
        | {name: words.p_short if name.startswith("p") else 1 for name in columns},
        stub="label",
        spanners=spanners,
        notes=[
            "Robust Wald tests of equal coefficients; clustered by respondent.",
            *(
                f"{scale}: {note[0].lower()}{note[1:]}"
                for scale, frame in frames.items()
                for note in sample_note(frame)
            ),
        ],
        panel=panel,
        numbers=shown,
    )
