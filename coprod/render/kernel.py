"""What runs inside a chapter's kernel: the set-up, and the values of inline expressions."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from coprod.errors import ValidityError

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


def inline(*expressions: Callable[[], Any]) -> InlineValues:
    """What a reader sees of the value of each expression, as Quarto has it.

    An object that has a Markdown form gives that, a text itself, anything else its representation.
    Where a panel does not allow a value, the sentence that says so stands in its place.

    Examples
    --------
    >>> inline(lambda: 17, lambda: "a text", lambda: 0.5)
    ["17", "a text", "0.5"]
    """
    return InlineValues(_shown(expression) for expression in expressions)


def _shown(expression: Callable[[], Any]) -> str:
    try:
        value = expression()
        if isinstance(value, str):
            return str(value)
        markdown = getattr(value, "_repr_markdown_", None)
        return str(markdown()) if markdown else repr(value)
    except ValidityError as error:
        # Only where it is needed, since it imports all that draws.
        from coprod.show.absent import marked

        return marked(error)
