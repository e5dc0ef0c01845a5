"""What marks of a figure say where a reader points at them: their values, in the words of the tables."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.lines import Line2D
from matplotlib.transforms import Bbox

from coprod.show.words import number

__all__ = ["estimated", "says", "says_at", "shortly"]

DIGITS = 3
"""As many as the tables of a real panel have: no mark tells more than they do."""


def says(artist: Artist, text: str, seen: bool = True) -> None:
    """Let a mark say something in an SVG: browsers show it where the pointer rests on the mark.

    The SVG has it as a title, in a group of the mark's own, so that whoever writes the figure writes it
    too. A thin line is met all over the box that holds it.

    Parameters
    ----------
    artist
        The mark.
    text
        What it says; a mark without words, as of an estimate that is withheld, says nothing.
    seen
        Whether the mark is drawn too.
    """
    draw = artist.draw

    def spoken(renderer: RendererBase) -> None:
        # Only what writes SVG has one.
        writer = getattr(renderer, "writer", None)
        if writer is None:
            if seen:
                draw(renderer)
            return
        writer.start("g", attrib={"pointer-events": "all"})
        writer.element("title", text=text)
        if isinstance(artist, Line2D):
            box = _visible(artist, renderer)
            if box is not None:
                corner = {"x": box.x0, "y": renderer.height - box.y1}  # type: ignore[attr-defined]
                sides = {"width": box.width, "height": box.height}
                place = {name: f"{value:.2f}" for name, value in (corner | sides).items()}
                writer.element("rect", attrib={**place, "style": "fill: none"})
        if seen:
            draw(renderer)
        writer.end("g")

    if text:
        # Of this mark alone: each figure draws its own.
        artist.draw = spoken  # type: ignore[method-assign]
    elif not seen:
        artist.set_visible(False)


def _visible(line: Line2D, renderer: RendererBase) -> Bbox | None:
    """The box of a line, as far as it is inside the axes that cut it off."""
    whole = line.get_window_extent(renderer)
    box: Bbox | None = whole
    if line.get_clip_on() and line.axes is not None:
        box = Bbox.intersection(whole, line.axes.get_window_extent(renderer))
    return box if box is not None and np.isfinite(box.get_points()).all() else None


def says_at(axes: Axes, x: float, y: float, text: str, size: float = 8.0) -> None:
    """Let a place say something where no mark is: a point of a curve.

    Parameters
    ----------
    axes, x, y
        Where.
    text
        What is said.
    size
        How wide the place is, in points.
    """
    if text:
        [mark] = axes.plot(x, y, marker="s", markersize=size, linestyle="none", zorder=4)
        says(mark, text, seen=False)


def shortly(value: float, decimals: int = 1) -> str:
    """A number with as many decimals as are wanted, but no more than three digits; a dash for a gap.

    Examples
    --------
    >>> shortly(58.349), shortly(-0.034, 2), shortly(100.0), shortly(12.345, 2), shortly(2624, 1)
    ('58.3', '−0.03', '100', '12.3', '2,624')
    """
    if math.isnan(value):
        return "–"
    rounded = round(value, decimals)
    whole = len(str(int(abs(rounded)))) if abs(rounded) >= 1 else 0
    return number(value, max(0, min(decimals, DIGITS - whole)))


def estimated(ends: Sequence[float], decimals: int = 1, unit: str = "", level: int = 95) -> str:
    """An estimate with its interval; nothing where it is withheld.

    Parameters
    ----------
    ends
        The estimate, and the low and the high end of its interval.
    decimals
        Of each.
    unit
        What follows the estimate, with its space.
    level
        Of the interval, in percent.

    Examples
    --------
    >>> estimated([58.31, 57.4, 59.2]), estimated([0.123, 0.05, float("nan")], 2, " SD")
    ('58.3 (95% interval 57.4 to 59.2)', '0.12 SD')
    >>> estimated([34.5, 30.1, 39.9], 0, "%", 90)
    '34% (90% interval 30% to 40%)'
    """
    value, low, high = (float(end) for end in ends)
    if math.isnan(value):
        return ""
    said = f"{shortly(value, decimals)}{unit}"
    if math.isnan(low) or math.isnan(high):
        return said
    of = unit if unit == "%" else ""
    return (
        f"{said} ({level}% interval {shortly(low, decimals)}{of} to {shortly(high, decimals)}{of})"
    )
