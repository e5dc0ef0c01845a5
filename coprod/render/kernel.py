"""What runs inside a chapter's kernel: the set-up, and the values of inline expressions."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["InlineValues", "inline", "prepare"]


class InlineValues(tuple[str, ...]):
    """The values of a passage's inline expressions, shown as a JSON list of texts."""

    def __repr__(self) -> str:
        return json.dumps(list(self), ensure_ascii=False)


def prepare() -> None:
    """Make figures the same bytes in every run: SVG without a date and with fixed ids."""
    import matplotlib
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    matplotlib.rcParams["svg.hashsalt"] = "coprod"
    set_matplotlib_formats("svg", metadata={"Date": None}, bbox_inches="tight")


def inline(*values: Any) -> InlineValues:
    """What a reader sees of each value, as Quarto has it.

    An object that has a Markdown form gives that, a text itself, anything else its representation.

    Examples
    --------
    >>> inline(17, "a text", 0.5)
    ["17", "a text", "0.5"]
    """
    return InlineValues(_shown(value) for value in values)


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return str(value)
    markdown = getattr(value, "_repr_markdown_", None)
    return str(markdown()) if markdown else repr(value)
