"""Rules for the prose: numbers are computed, figures explained, the data named on every page."""

from __future__ import annotations

import re

import pytest

from coprod.paths import PROJECT
from coprod.render.chapter import Cell, Chapter, Prose, read_chapters
from coprod.render.project import open_book

CHAPTERS = read_chapters(open_book(PROJECT))
NAMES = [chapter.entry.source for chapter in CHAPTERS]
READ = [chapter for chapter in CHAPTERS if "references" not in chapter.entry.source]
ANALYSES = [
    chapter
    for chapter in READ
    if not chapter.entry.appendix and chapter.entry.source != "index.qmd"
]

# Numbers that are part of a method's or a measure's name, not results.
CONSTANTS = [
    r"90% interval",
    r"95% interval",
    r"at the 5% level",
    r"scale from 0 to 100",
    r"from 0 to 100",
    r"index of 0",
    r"exactly 0",
    r"; 100 that",
    r"0, 1 or 2",
    r"CC BY 4\.0",
]


def prose(chapter: Chapter) -> str:
    """What is typed: no expressions, code, mathematics, links or citations."""
    text = "\n".join(block.text for block in chapter.blocks if isinstance(block, Prose))
    for pattern in (
        r"(?m)^\d+\. ",
        r"`\{python\}[^`]*`",
        r"`[^`]*`",
        r"\$\$.*?\$\$",
        r"\$[^$]*\$",
        r"\{[^}]*\}",
        r"\]\([^)]*\)",
        r"\[?-?@[\w-]+(?:[;, ]+@[\w-]+)*\]?",
    ):
        text = re.sub(pattern, " ", text, flags=re.DOTALL)
    return text


@pytest.mark.parametrize("chapter", READ, ids=lambda chapter: chapter.entry.source)
def test_no_number_is_typed_into_prose(chapter: Chapter) -> None:
    text = re.sub("|".join(CONSTANTS), " ", re.sub(r"\s+", " ", prose(chapter)))
    assert re.findall(r"\S*\d\S*", text) == []


@pytest.mark.parametrize("chapter", READ, ids=lambda chapter: chapter.entry.source)
def test_every_page_says_what_its_data_are(chapter: Chapter) -> None:
    assert [cell.label for cell in chapter.cells].count("notice") == 1


@pytest.mark.parametrize("chapter", ANALYSES, ids=lambda chapter: chapter.entry.source)
def test_a_chapter_opens_with_its_answer_and_ends_with_key_points(chapter: Chapter) -> None:
    text = "\n".join(block.text for block in chapter.blocks if isinstance(block, Prose))
    assert text.index("**In short:**") < text.index("\n## ")
    last = text.rindex("\n## ")
    assert text[last:].startswith("\n## Key points {.unnumbered}")
    assert text[last:].count("\n- ") >= 3


@pytest.mark.parametrize("chapter", READ, ids=lambda chapter: chapter.entry.source)
def test_every_figure_and_table_is_spoken_of(chapter: Chapter) -> None:
    text = "\n".join(block.text for block in chapter.blocks if isinstance(block, Prose))
    floats = [cell.label for cell in chapter.cells if cell.float]
    assert [
        label for label in floats if f"@{label}" not in text and chapter.entry.source != "index.qmd"
    ] == []


@pytest.mark.parametrize("chapter", READ, ids=lambda chapter: chapter.entry.source)
def test_labels_carry_the_chapters_name_and_alternatives_no_numbers(chapter: Chapter) -> None:
    slug = re.sub(r".*/|\.qmd", "", chapter.entry.source)
    for cell in chapter.cells:
        if cell.label not in ("notice", "start"):
            assert slug in cell.label or cell.label == "fig-answer", cell.label
        alternative = str(cell.options.get("fig-alt", ""))
        assert not re.search(r"\d", alternative.replace("from 0 to 100", "")), cell.label


@pytest.mark.parametrize("chapter", READ, ids=lambda chapter: chapter.entry.source)
def test_cells_are_short(chapter: Chapter) -> None:
    for cell in chapter.cells:
        if isinstance(cell, Cell) and cell.options.get("include", True):
            assert len(cell.code) <= 6, f"{cell.start.place}: {len(cell.code)} lines"


def test_no_word_stands_before_a_cross_reference() -> None:
    for chapter in CHAPTERS:
        for line in chapter.lines:
            assert not re.search(
                r"(?i)\b(figure|table|section|chapter|equation) @(fig|tbl|sec|eq)-", line.text
            ), line.place


# A finding that is typed stays when the numbers beside it turn: each of these did.
TYPED = re.compile(
    r"(?i)hardly (?:anyone|depends)|most people|many (?:do|join)|\b(?:is|are) (?:common|rare)\b"
    r"|loosely|far from|cost little|\bonly `\{python\}|clearly more alone|need telling apart"
)


@pytest.mark.parametrize("chapter", READ, ids=lambda chapter: chapter.entry.source)
def test_no_finding_is_typed(chapter: Chapter) -> None:
    text = " ".join(block.text for block in chapter.blocks if isinstance(block, Prose))
    assert TYPED.findall(re.sub(r"\s+", " ", text)) == []


def test_prose_is_british() -> None:
    american = re.compile(
        r"\b\w*(?:ization|izing|ized|izes|ize|behavior|neighbor|favor|color|center(?!:))\w*\b", re.I
    )
    for chapter in READ:
        found = [
            word
            for word in american.findall(prose(chapter))
            if not re.match(r"(?i)citizen|sizes?$|sized$", word)
        ]
        assert found == [], chapter.entry.source
