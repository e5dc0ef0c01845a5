"""What a claim can point to: the sections of the chapters, and the entries of the bibliography.

A build tells its kernels both, so that they need not read the chapters: a chapter with claims is then
run anew where a section comes or goes, and not at every change of prose.
"""

from __future__ import annotations

import re
from functools import lru_cache

from coprod.paths import CHAPTERS, REFERENCES
from coprod.render.told import told

__all__ = ["anchors", "sections", "sources"]


def anchors() -> dict[str, list[str]]:
    """Both, as they stand in the files.

    Examples
    --------
    >>> "sec-claims" in anchors()["sections"], "bovaird2016" in anchors()["sources"]
    (True, True)
    """
    texts = [file.read_text(encoding="utf-8") for file in sorted(CHAPTERS.glob("*.qmd"))]
    entries = REFERENCES.read_text(encoding="utf-8")
    return {
        "sections": [name for text in texts for name in re.findall(r"\{#(sec-[\w-]+)", text)],
        "sources": re.findall(r"^@\w+\{([^,\s]+),", entries, re.MULTILINE),
    }


@lru_cache
def sections() -> frozenset[str]:
    """The sections of the chapters that can be linked to."""
    return frozenset(told("sections") or anchors()["sections"])


@lru_cache
def sources() -> frozenset[str]:
    """The keys of the bibliography."""
    return frozenset(told("sources") or anchors()["sources"])
