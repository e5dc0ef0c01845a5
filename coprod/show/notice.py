"""The notice that says, on every page, what data it was computed from."""

from __future__ import annotations

from IPython.display import Markdown

from coprod.panel import Panel
from coprod.show.words import plain

__all__ = ["notice"]

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
