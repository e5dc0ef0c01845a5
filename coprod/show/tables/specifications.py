"""Tables of the specification curves: what each choice does, and whether it could all be chance."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from coprod.panel import Panel
from coprod.show.table import Table, intervals, side_by_side, table
from coprod.show.words import number, p_short

__all__ = ["joint_tests", "specification_choices"]


def specification_choices(frame: pd.DataFrame, name: str, panel: Panel) -> Table:
    """A curve by every option of every choice, from `coprod.specifications.by_choice`.

    The choice that moves the median most comes first.
    """
    choices = frame.sort_values("moves", ascending=False, kind="stable")
    return table(
        choices.assign(
            of=[
                f"{label}: moves the median by {number(moves, 2)}"
                for label, moves in zip(choices["choice_label"], choices["moves"], strict=True)
            ],
            range=intervals(choices, "lowest", "highest", 2),
        ),
        name,
        {
            "option_label": "Choice",
            "fitted": "Specifications",
            "median": "Median",
            "range": "From, to",
            "share": "Leave zero out",
        },
        formats={"fitted": 0, "median": 2, "share": "%"},
        stub="option_label",
        group="of",
        notes=["Estimates in SD. Leave zero out: the share whose 95% interval does."],
        panel=panel,
        numbers=frame,
    )


def joint_tests(tests: Mapping[str, pd.DataFrame], panel: Panel) -> Table:
    """Both statistics of each joint test, from `coprod.specification_tests`, by its label."""
    frame = pd.concat([test.assign(label=label) for label, test in tests.items()])
    frame = frame[["label", *(name for name in frame if name != "label")]]
    share = frame["statistic"] == "share"
    shown = frame.assign(
        value=[
            number(value * (100 if percent else 1), 0 if percent else 2) + "%" * percent
            for value, percent in zip(frame["observed"], share, strict=True)
        ],
        chance=[
            one if not percent else many
            for one, many, percent in zip(
                intervals(frame, "null_low", "null_high", 2),
                intervals(frame, "null_low", "null_high", 0, share=True),
                share,
                strict=True,
            )
        ],
    )
    wide, columns, spanners = side_by_side(
        shown,
        ["label", "specifications"],
        "statistic",
        {"median": "Median estimate, in SD", "share": "Share that is clear"},
        {"value": "Observed", "chance": "By chance", "p": "p"},
    )
    draws = frame["draws"].max()
    return table(
        wide,
        "robustness-joint",
        {"label": "Curve", "specifications": "Specifications", **columns},
        formats={"specifications": 0, "p_median": p_short, "p_share": p_short},
        stub="label",
        spanners=spanners,
        notes=[
            f"By chance: what 95% of {number(draws)} draws with nothing to find gave. An estimate "
            "is clear when at most 2.5% of its own draws are as large. Linear specifications; p is "
            "one-sided, for effects above zero.",
        ],
        panel=panel,
        numbers=frame,
    )
