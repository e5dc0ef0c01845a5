"""What two functions need of the same panel is made once, and forgotten with the panel."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from coprod.panel import Panel

__all__ = ["once"]

Made = TypeVar("Made")

_KEPT: WeakKeyDictionary[Panel, dict[Hashable, Any]] = WeakKeyDictionary()


def once(panel: Panel, key: Hashable, make: Callable[[], Made]) -> Made:
    """What was made of a panel under this key, or is made now.

    For small results only, which nobody changes: they live as long as the panel does.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> panel = open_panel()
    >>> once(panel, "people", lambda: len(panel.frame)), once(panel, "people", lambda: 0)
    (2624, 2624)
    """
    kept = _KEPT.setdefault(panel, {})
    if key not in kept:
        kept[key] = make()
    return kept[key]
