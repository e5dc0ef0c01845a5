"""Passages of text that are made from a panel: the notice on every page, and the questionnaire."""

from __future__ import annotations

from IPython.display import Markdown

from coprod.instrument import Instrument, Variable
from coprod.panel import Panel
from coprod.show.words import plain

__all__ = ["notice", "questions"]

SYNTHETIC = """\
::: {{.callout-important}}
## Synthetic data
Every number on this page comes from a {described}. No person answered, and no number here is
a finding of the article that this book accompanies.
:::
"""
REAL = """\
::: {{.callout-note}}
## The data
Every number on this page comes from a {described}.
:::
"""


def notice(panel: Panel) -> Markdown:
    """A call-out that says what data a chapter rests on.

    Examples
    --------
    >>> from coprod import open_panel
    >>> "Synthetic data" in notice(open_panel()).data
    True
    """
    text = SYNTHETIC if panel.synthetic else REAL
    return Markdown(text.format(described=plain(panel.describe())))


def questions(instrument: Instrument) -> Markdown:
    """The questions about each issue as they are asked, with what may be answered."""
    parts: list[str] = []
    for issue, label in instrument.issues.items():
        parts.append(f"### {plain(label)}\n")
        parts += [_question(v) for v in instrument.variables.values() if v.issue == issue]
    return Markdown("\n".join(parts))


def _question(variable: Variable) -> str:
    answers = ", ".join(f"{value} {label.lower()}" for value, label in variable.levels.items())
    return f"{plain(variable.name)}\n:   {plain(variable.question)} *{plain(answers)}*\n"
