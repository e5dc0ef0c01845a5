"""The words of figures, for the paper: text in place of the shapes of its letters.

Matplotlib draws each letter as a shape, so that a figure looks the same on every reader's machine. The paper carries
its fonts with it: there text can be searched and copied, and a figure takes less room and less time to set.
"""

from __future__ import annotations

import re
from html import escape, unescape

__all__ = ["lettered"]

# The face whose letters are drawn, by how Matplotlib names its shapes.
FACES = {"": "", "-Bold": ' font-weight="bold"', "-Oblique": ' font-style="italic"'}
GLYPH = re.compile(r'<path id="DejaVuSans[^>]*/>')
NUMBER = r"-?[\d.]+"
# One line of text: what it says, and a shape after the other on its line. Formulas have shapes off it.
LINE = re.compile(
    r'<!-- (?P<words>[^<>\n]*?) -->\s*<g(?P<style>(?: style="[^"]*")?) '
    rf'transform="(?P<place>translate\({NUMBER} {NUMBER}\)(?: rotate\({NUMBER}\))?) '
    rf'scale\((?P<scale>{NUMBER}) {NUMBER}\)">\s*(?:<defs>\s*</defs>\s*)?'
    r'(?P<shapes>(?:<use xlink:href="#DejaVuSans(?P<face>(?:-Bold|-Oblique)?)-[0-9a-f]+"'
    rf'(?: transform="translate\({NUMBER} 0\)")?/>\s*)+)</g>'
)
# Matplotlib's sizes are of a font of a hundred units.
UNITS = 100


def lettered(picture: str) -> str:
    """A figure that Matplotlib drew, with text in place of shapes wherever that is surely the same.

    Parameters
    ----------
    picture
        SVG. One that is not Matplotlib's, or in another font than its own, stays as it is.

    Examples
    --------
    >>> shape = '<use xlink:href="#DejaVuSans-24"/>'
    >>> lettered(f'<!-- A --> <g transform="translate(1 2) scale(0.09 -0.09)">{shape}</g>')
    '<text transform="translate(1 2)" font-family="DejaVu Sans" font-size="9px">A</text>'
    """
    made = LINE.sub(_text, GLYPH.sub("", picture))
    if '"#DejaVuSans' in made:
        # What is still drawn may have been defined where another line stood.
        shapes = "".join(dict.fromkeys(GLYPH.findall(picture)))
        inside, end, after = made.rpartition("</svg>")
        made = f"{inside}<defs>{shapes}</defs>{end}{after}"
    return made


def _text(line: re.Match[str]) -> str:
    """The element for a line; where it cannot be known what the line says, the line itself.

    Several letters may share a shape, but none has two; and a comment cannot hold two hyphens, so that
    Matplotlib puts a space between them.
    """
    words = unescape(line["words"])
    faces = set(re.findall(r"#DejaVuSans((?:-Bold|-Oblique)?)-", line["shapes"]))
    if len(faces) > 1 or "- -" in words or line["shapes"].count("<use") > len(words):
        return line[0]
    size = f"{float(line['scale']) * UNITS:g}px"
    return (
        f'<text{line["style"]} transform="{line["place"]}" font-family="DejaVu Sans"'
        f' font-size="{size}"{FACES[line["face"]]}>{escape(words, quote=False)}</text>'
    )
