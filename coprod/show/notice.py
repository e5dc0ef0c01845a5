"""The notice that says, on every page, what data it was computed from."""

from __future__ import annotations

from IPython.display import Markdown

from coprod.disclosure import note
from coprod.panel import Panel
from coprod.show.words import plain

__all__ = ["comparison_notice", "example_notice", "notice"]

SYNTHETIC = """\
::: {{.callout-important}}
## Synthetic data
Every result on this page comes from a {described}, unless another study is named for it. No person
answered, and no number here is a finding of the article that this book accompanies.
:::
"""
REAL = """\
::: {{.callout-note}}
## The data
Every result on this page comes from a {described}, unless another study is named for it. {protected}
:::
"""
COMPARISONS = """\
::: {{.callout-important}}
## What these numbers are
The comparisons with R were made on the {described}, whatever panel the other pages are about. Nobody
answered it. The published studies are about real people. No number here is a finding of the article
that this book accompanies.
:::
"""
EXAMPLE = """\
::: {{.callout-important}}
## An invented council
There is no Anyborough. The survey on this page was drawn by a computer, so that every step can be shown;
nobody answered it. The program takes it for what a real survey is: {protected}
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
    protected = plain(note(panel))
    return Markdown(text.format(described=plain(panel.describe()), protected=protected))


def comparison_notice(shipped: Panel) -> Markdown:
    """The same for a page about the program: its numbers do not turn with the panel.

    Parameters
    ----------
    shipped
        The panel that comes with the project.

    Examples
    --------
    >>> from coprod import open_panel
    >>> "whatever panel" in comparison_notice(open_panel()).data
    True
    """
    return Markdown(COMPARISONS.format(described=plain(shipped.describe())))


def example_notice(example: Panel) -> Markdown:
    """The same for the page that shows each step on the worked example.

    Parameters
    ----------
    example
        The panel of the example.

    Examples
    --------
    >>> from coprod import open_panel
    >>> from coprod.paths import EXAMPLE, EXAMPLE_MAPPING
    >>> "no Anyborough" in example_notice(open_panel(EXAMPLE, mapping=EXAMPLE_MAPPING)).data
    True
    """
    said = note(example)
    return Markdown(EXAMPLE.format(protected=plain(said[0].lower() + said[1:])))
