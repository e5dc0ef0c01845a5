"""Numbers in the prose of a page that are the same whatever the panel says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

import numpy as np
import pandas as pd
from bs4 import BeautifulSoup, Tag

from coprod.instrument import load_instrument
from coprod.synthetic import synthesise

__all__ = ["other_people", "prose", "stayed"]

NUMBER = re.compile(r"\d")
# What is no prose, or is about the page itself.
NO_PROSE = (
    "figure, table, pre, code, math, script, header, nav, details, .toc, .equation, .downloads, "
    ".callout-important, .callout-note, .header-section-number, .quarto-xref, .citation, #refs, "
    "[role=tablist]"
)


def other_people(respondents: int = 900, seed: int = 77) -> pd.DataFrame:
    """People drawn with another seed, and changed so much that few numbers can stay by chance.

    They are fewer and leave more out. Whoever feels able to make little difference does nothing alone,
    whoever is over sixty seldom does anything together, nudges move people strongly, and a third of
    all other answers are drawn afresh from the lower half of the scale.
    """
    frame = synthesise(respondents=respondents, seed=seed).assign(source="survey")
    rng = np.random.default_rng(seed)
    for name, variable in load_instrument().variables.items():
        if variable.kind != "integer" or variable.minimum is None or variable.maximum is None:
            continue
        chosen = rng.random(respondents) < 1 / 3
        top = int(variable.minimum + min(variable.maximum, 95)) // 2
        value = rng.integers(int(variable.minimum), top + 1, respondents).astype(float)
        if variable.form == "individual":
            chosen, value = (
                (frame[f"{variable.issue}_efficacy"] < 3).to_numpy(),
                np.zeros(respondents),
            )
        elif variable.form == "collective":
            chosen = (frame["age"] > 60).to_numpy() & (rng.random(respondents) < 0.8)
            value = np.zeros(respondents)
        frame[name] = frame[name].mask(chosen & frame[name].notna(), value)
        if variable.missing_allowed:
            frame[name] = frame[name].mask(rng.random(respondents) < 0.03)
    nudged = (frame["arm"] != "control").to_numpy()
    frame["willing"] = (frame["willing"] + 2.0 * nudged).clip(upper=10)
    frame["signup"] = frame["signup"].mask(nudged & (rng.random(respondents) < 0.3), 1.0)
    return frame


def prose(page: BeautifulSoup, left_out: Sequence[str] = ()) -> list[str]:
    """The words of a page's paragraphs and lists, a mark after each.

    Parameters
    ----------
    page
        The page.
    left_out
        Identifiers of sections that do not count.
    """
    main = BeautifulSoup(str(page.find("main")), "html.parser")
    for identifier in left_out:
        for node in _section(main, identifier):
            node.decompose()
    for node in main.select(NO_PROSE):
        node.decompose()
    words: list[str] = []
    for node in main.select("p, li"):
        if not node.find(["p", "li"]):
            words += [*node.get_text(" ").replace("\xa0", " ").split(), "¶"]
    return words


def _section(main: BeautifulSoup, identifier: str) -> list[Tag]:
    heading = main.find(id=identifier)
    assert isinstance(heading, Tag) and isinstance(heading.parent, Tag), identifier
    # A heading stands in a block, beside the link to itself.
    nodes = [heading.parent]
    assert "heading" in heading.parent["class"]
    for node in heading.parent.find_next_siblings():
        if node.find(heading.name, recursive=False):
            break
        nodes.append(node)
    return nodes


def stayed(words: Sequence[str], others: Sequence[str], constants: Sequence[str]) -> Iterator[str]:
    """The numbers among some words that stand at the same place among others, in their context.

    Parameters
    ----------
    words, others
        The words of a page, and of the same page about other people.
    constants
        Patterns of what may stay.
    """
    text = " ".join(words)
    explained = [match.span() for each in constants for match in re.finditer(each, text)]
    starts = np.cumsum([0, *(len(word) + 1 for word in words)])
    for block in SequenceMatcher(None, words, others, autojunk=False).get_matching_blocks():
        for index in range(block.a, block.a + block.size):
            place = starts[index]
            if NUMBER.search(words[index]) and not any(
                low <= place + len(words[index].rstrip(".,;:)")) - 1 < high
                for low, high in explained
            ):
                yield " ".join(words[max(0, index - 6) : index + 5])
