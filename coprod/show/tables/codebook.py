"""Tables of the appendices: the questionnaire, and what a copy of the book was made from."""

from __future__ import annotations

import pandas as pd

from coprod.instrument import Instrument, Variable
from coprod.show.table import Table, table

__all__ = ["arms", "build", "questions", "variables"]


def variables(instrument: Instrument) -> Table:
    """The variables of a panel that belong to no issue, by role."""
    rows = [
        {"name": v.name, "label": v.label, "allowed": _allowed(v), "role": v.role.capitalize()}
        for v in instrument.variables.values()
        if v.issue is None
    ]
    return table(
        pd.DataFrame(rows),
        "codebook-variables",
        {"name": "Variable", "label": "What it is", "allowed": "What may stand in it"},
        stub="name",
        group="role",
    )


def questions(instrument: Instrument, issue: str) -> Table:
    """The questions about an issue as they are asked, with what may be answered."""
    rows = [
        {
            "name": v.name,
            "question": v.question,
            "answers": "; ".join(f"{value} {label.lower()}" for value, label in v.levels.items()),
        }
        for v in instrument.variables.values()
        if v.issue == issue
    ]
    return table(
        pd.DataFrame(rows),
        f"codebook-{issue}",
        {"name": "Variable", "question": "Question as asked", "answers": "Answers"},
        stub="name",
    )


def arms(instrument: Instrument) -> Table:
    """What each arm of the experiment reads."""
    rows = [{"arm": label, "text": instrument.shown[arm]} for arm, label in instrument.arms.items()]
    return table(pd.DataFrame(rows), "codebook-arms", {"arm": "Arm", "text": "Text"}, stub="arm")


def build(frame: pd.DataFrame) -> Table:
    """What a copy of the book was made from, from `coprod.render.provenance.table`."""
    return table(frame, "colophon-build", {"what": "What", "value": "This copy"}, stub="what")


def _allowed(variable: Variable) -> str:
    if variable.levels:
        return "; ".join(variable.levels.values())
    if variable.minimum is None:
        return "any text, each once"
    if variable.maximum is None:
        return f"{variable.minimum:g} or more"
    return f"{variable.minimum:g} to {variable.maximum:g}"
