"""A reproducible companion to the study of individual and collective co-production."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coprod.instrument import load_instrument
    from coprod.panel import Panel, open_panel

__all__ = ["Panel", "__version__", "load_instrument", "open_panel"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # pandas takes half a second to import: it waits until a panel is wanted.
    if name == "load_instrument":
        from coprod.instrument import load_instrument

        return load_instrument
    if name in ("Panel", "open_panel"):
        from coprod import panel

        return getattr(panel, name)
    raise AttributeError(f"module 'coprod' has no attribute {name!r}")
