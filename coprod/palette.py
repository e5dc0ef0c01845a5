"""The colours of the figures, by name: what is drawn by day, and what a page finds them by.

A page replaces each by a variable of its style sheet, which has another value in the dark. So each has a
value of its own here, and those that look alike differ by a hair.
"""

from __future__ import annotations

__all__ = ["PALETTE"]

PALETTE = {
    # Text, lines and what they stand on.
    "ink": "#1d1f23",
    "quiet": "#5a6068",
    "line": "#d5d9de",
    "paper": "#ffffff",
    "band": "#eef0f2",
    # Words on bars: on those that are dark by day, and on those that are light.
    "over-dark": "#fefefe",
    "over-light": "#1e1f23",
    # Okabe and Ito's palette, which people with any colour vision can tell apart; its vermilion is
    # darker here, so that words in it can be read.
    "individual": "#0072b2",
    "collective": "#bf5400",
    "both": "#cc79a7",
    "jade": "#009e73",
    "amber": "#e69f00",
    "sky": "#56b4e9",
    # From "never" to "often", darker and darker in the colour of the form.
    "never": "#e9ecef",
    "individual-some": "#8cbdda",
    "collective-some": "#edb28a",
    # Nothing done, and what says little: greys, which stand for no series.
    "neither": "#b8bdc4",
    "faint": "#8f969e",
    "open": "#7a828a",
    "plum": "#8b3a74",
    "inside": "#eef6f2",
}
"""Names and values, as ``#rrggbb`` in small letters."""
