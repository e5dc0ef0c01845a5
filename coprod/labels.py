"""What a label may be: one line of printable text, whatever a file or a person has put into it."""

from __future__ import annotations

import re
import string
import unicodedata

__all__ = ["LONGEST", "label", "one_line", "plain"]

PUNCTUATION = re.compile(f"([{re.escape(string.punctuation)}])")

LONGEST = 80
"""More characters than this are no label; figures and tables have no room for them."""


def one_line(text: object) -> str:
    r"""A text on one line, without what is not seen.

    White space becomes single spaces. Control characters are dropped, and with them marks that turn
    the direction of writing, halves of characters and what has no character: nobody sees them, but
    terminals, files and pages act on them or break.

    Examples
    --------
    >>> one_line("North\n\tEnd\x00"), one_line("\u202eabc"), one_line("\ud800")
    ('North End', 'abc', '')
    """
    shown = "".join(
        " " if character.isspace() else character
        for character in str(text)
        if character.isspace() or unicodedata.category(character)[0] != "C"
    )
    return " ".join(shown.split())


def label(text: object, name: object = "") -> str:
    """A label as it can be shown: on one line, not longer than there is room for, not empty.

    Parameters
    ----------
    text
        What was given.
    name
        What is shown where nothing is left of it.

    Examples
    --------
    >>> label("North  End"), label("", "N"), len(label("long " * 90))
    ('North End', 'N', 80)
    """
    shown = one_line(text) or one_line(name)
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1].rstrip()}…"


def plain(text: object) -> str:
    r"""Any text as Markdown that shows it as it is, and does nothing.

    Every string that comes from a panel goes through this before it stands in Markdown. Each
    punctuation mark is escaped, so that no mark-up, citation, shortcode, formula or HTML is left.

    Examples
    --------
    >>> print(plain("<b>*x*</b> @fig-y"))
    \<b\>\*x\*\<\/b\> \@fig\-y
    """
    return PUNCTUATION.sub(r"\\\1", one_line(text))
