"""Tables of the appendices: the questionnaire, and what a copy of the book was made from."""

from __future__ import annotations

from math import nan

import pandas as pd

from coprod.errors import ValidityError
from coprod.fielded import need_issue
from coprod.instrument import Instrument, Variable
from coprod.panel import Panel
from coprod.show.table import Table, table
from coprod.show.words import number, percent

__all__ = ["arms", "build", "questions", "variables"]

SHARES = "In brackets: the share of those who answered, weighted."


def variables(spread: pd.DataFrame, panel: Panel) -> Table:
    """The variables of a panel that belong to no issue, by role.

    Parameters
    ----------
    spread
        As of `coprod.distributions.distributions`.
    panel
        The panel.
    """
    inside = [v for v in panel.instrument.variables.values() if v.issue is None]
    # The ends of the range are one person's each, and not told of a real panel.
    whole = "the middle half and the whole range"
    and_range = "and the middle half" if panel.min_cell else whole
    rows = [
        {
            "name": v.name,
            "label": v.label,
            "answers": _answers(v, spread) if v.levels else _range(v, spread),
            "n": _answered(v, spread),
            "role": v.role.capitalize(),
        }
        for v in inside
    ]
    return table(
        pd.DataFrame(rows),
        "codebook-variables",
        {"name": "Variable", "label": "What it is", "answers": "Values", "n": "Known"},
        formats={"n": 0},
        stub="name",
        group="role",
        notes=[
            f"{SHARES} Of a number: what is allowed, then the median, {and_range} of what was "
            "answered, weighted but for the weights themselves.",
            *panel.put_together,
        ],
        panel=panel,
        numbers=_of(inside, spread),
    )


def questions(spread: pd.DataFrame, panel: Panel, issue: str) -> Table:
    """The questions about an issue as they are asked, with what was answered.

    Parameters
    ----------
    spread
        As of `coprod.distributions.distributions`.
    panel
        The panel.
    issue
        An issue of the questionnaire.

    Raises
    ------
    ValidityError
        When the panel was not asked about it.
    """
    need_issue(panel.instrument, issue)
    inside = [v for v in panel.instrument.variables.values() if v.issue == issue]
    rows = [
        {
            "name": v.name,
            "question": v.question,
            "answers": _answers(v, spread, codes=True),
            "n": _answered(v, spread),
        }
        for v in inside
    ]
    return table(
        pd.DataFrame(rows),
        f"codebook-{issue}",
        {"name": "Variable", "question": "Question as asked", "answers": "Answers", "n": "Known"},
        formats={"n": 0},
        stub="name",
        notes=[SHARES],
        panel=panel,
        numbers=_of(inside, spread),
    )


def arms(instrument: Instrument) -> Table:
    """What each arm of the experiment reads.

    Raises
    ------
    ValidityError
        When there was no experiment, or its texts did not come with the panel.
    """
    return arm_texts(instrument, "codebook-arms")


def arm_texts(instrument: Instrument, name: str) -> Table:
    """The same, with another identifier in the page."""
    if "arm" not in instrument.variables:
        raise ValidityError("this panel has no experiment, so that it says nothing about nudges")
    if not any(instrument.shown.values()):
        raise ValidityError("the texts of this experiment did not come with the panel")
    rows = [{"arm": label, "text": instrument.shown[arm]} for arm, label in instrument.arms.items()]
    return table(pd.DataFrame(rows), name, {"arm": "Arm", "text": "Text"}, stub="arm")


def build(frame: pd.DataFrame) -> Table:
    """What a copy of the book was made from, from `coprod.render.provenance.table`."""
    return table(
        frame.assign(value=frame["value"].map(_grouped)),
        "colophon-build",
        {"what": "What", "value": "This copy"},
        stub="what",
        group="of",
        numbers=frame,
    )


def _of(variables: list[Variable], spread: pd.DataFrame) -> pd.DataFrame:
    return spread[spread["variable"].isin([v.name for v in variables])]


def _answers(variable: Variable, spread: pd.DataFrame, codes: bool = False) -> str:
    """Each answer with its share, if there is one."""
    part = spread[spread["variable"] == variable.name]
    shares = dict(zip(part["level"], part["value"], strict=True))
    return "; ".join(
        (f"{level} {label.lower()}" if codes else label)
        + (f"\u00a0({percent(shares[str(level)])})" if shares.get(str(level), nan) >= 0 else "")
        for level, label in variable.levels.items()
    )


def _range(variable: Variable, spread: pd.DataFrame) -> str:
    """What a number may be and what it was."""
    if variable.kind == "text":
        return "any text, each once"
    lowest = number(variable.minimum or 0, 0)
    most = variable.maximum
    allowed = f"{lowest} or more" if most is None else f"{lowest} to {number(most)}"
    part = spread[spread["variable"] == variable.name].set_index("statistic")["value"]
    if part.empty:
        return allowed
    decimals = 0 if variable.kind == "integer" else 2
    told = {name: number(value, decimals) for name, value in part.dropna().items()}
    parts = {"median": "median {median}", "lower_quartile": "{lower_quartile} to {upper_quartile}"}
    parts |= {"minimum": "{minimum} to {maximum}"}
    said = [text.format(**told) for name, text in parts.items() if name in told]
    return "; ".join([allowed, ", ".join(said)] if said else [allowed])


def _answered(variable: Variable, spread: pd.DataFrame) -> float:
    found = spread.loc[spread["variable"] == variable.name, "n"]
    return float(found.iloc[0]) if len(found) else float("nan")


def _grouped(value: str) -> str:
    """A checksum with room to break in a narrow column."""
    if len(value) != 64 or " " in value:
        return value
    return " ".join(value[start : start + 16] for start in range(0, 64, 16))
