"""The errors found in the book, as a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from IPython.display import Markdown

from coprod.render.provenance import spoken_date
from coprod.show.words import plain

__all__ = ["errata"]


def errata(errors: Sequence[dict[str, Any]]) -> Markdown:
    """The errors of `coprod.errata.load_errata`, one an entry; a sentence where none is known.

    Examples
    --------
    >>> errata([]).data
    'No error is known in any version of this book.'
    """
    if not errors:
        return Markdown("No error is known in any version of this book.")
    return Markdown("\n".join(_entry(error) for error in errors))


def _entry(error: dict[str, Any]) -> str:
    where, since, corrected, said, right = (
        plain(error[key] or "") for key in ("where", "since", "corrected", "said", "right")
    )
    until = f"corrected in {corrected}" if corrected else "not corrected yet"
    found = spoken_date(error["found"])
    return f"- **{where}**, since version {since}, {until} (found on {found}). It said: {said} Right is: {right}"
