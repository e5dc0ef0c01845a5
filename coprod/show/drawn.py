"""What figures of a real panel are drawn by: numbers with as few digits as its files have.

A picture of vectors has every coordinate to a millionth of a point. Who reads them off has the numbers that
were rounded everywhere else, to the last digit, and from such shares and differences follow exact counts.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle
from matplotlib.text import Annotation
from numpy.typing import ArrayLike, NDArray

from coprod.disclosure import digits

__all__ = ["draw_coarsely"]


def draw_coarsely(figure: Figure) -> None:
    """Give everything that is drawn from numbers three digits, and two where they are under one.

    Limits of axes too: where they follow from the numbers, they would give the largest away.

    Examples
    --------
    >>> figure = Figure()
    >>> line, = figure.subplots().plot([1 / 3, 59.4321], [0, 1])
    >>> draw_coarsely(figure)
    >>> line.get_xdata().tolist()
    [0.33, 59.4]
    """
    for axes in figure.axes:
        _axes(axes)


def _axes(axes: Axes) -> None:
    limits = _coarse(axes.get_xlim()), _coarse(axes.get_ylim())
    for line in axes.lines:
        line.set_data(_coarse(line.get_xdata(orig=False)), _coarse(line.get_ydata(orig=False)))
    for collection in axes.collections:
        if isinstance(collection, PathCollection):
            collection.set_offsets(_coarse(np.ma.filled(collection.get_offsets(), np.nan)))
            continue
        for path in collection.get_paths():
            path.vertices = _coarse(path.vertices)
    for patch in axes.patches:
        if isinstance(patch, Rectangle):
            start, end = _coarse(patch.get_bbox().p0), _coarse(patch.get_bbox().p1)
            patch.set_bounds(*start, *(end - start))
        elif isinstance(patch, Polygon):
            patch.set_xy(_coarse(patch.get_xy()))
    for text in axes.texts:
        text.set_position(tuple(_coarse(text.get_position())))
        if isinstance(text, Annotation):
            text.xy = tuple(_coarse(text.xy))
    axes.set_xlim(*limits[0])
    axes.set_ylim(*limits[1])


def _coarse(values: ArrayLike) -> NDArray[np.float64]:
    given = np.asarray(values, dtype=float)
    return digits(given.ravel()).reshape(given.shape)
