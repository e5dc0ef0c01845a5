"""Small panels for tests: of some issues, or with cells changed."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import pandas as pd

from coprod.instrument import Instrument, load_instrument
from coprod.panel import Panel, open_panel
from coprod.paths import PANEL

__all__ = ["limited", "made", "small"]


def limited(issues: list[str]) -> Instrument:
    """The questionnaire with some of its issues only."""
    whole = load_instrument()
    return replace(
        whole,
        issues={name: whole.issues[name] for name in issues},
        variables={
            name: variable
            for name, variable in whole.variables.items()
            if variable.issue is None or variable.issue in issues
        },
    )


def made(frame: pd.DataFrame, issues: list[str] | None = None) -> Panel:
    """A panel of a frame as it stands."""
    instrument = load_instrument() if issues is None else limited(issues)
    return Panel(frame=frame, instrument=instrument, source="test", synthetic=True)


@lru_cache
def _shipped() -> pd.DataFrame:
    return open_panel(PANEL).frame


def small(respondents: int = 300, seed: int = 1) -> pd.DataFrame:
    """Some respondents of the panel that comes with the project, free to be changed."""
    return _shipped().sample(respondents, random_state=seed).reset_index(drop=True)
