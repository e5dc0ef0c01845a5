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

# Where a reader who runs services, and no statistics, has something to do.
FOR_PRACTITIONERS = [
    *("levels", "forms", "correlates", "robustness", "nudges", "design", "claims", "yours"),
]

# Pictures whose numbers do not stand beside them, and the table that has them.
NUMBERS_ELSEWHERE = {"fig-answer": "tbl-levels-gap"}

# Chapters that turn with the panel from beginning to end, and so are computed where they name its kind.
ABOUT_THE_PANEL = ["measurement", "levels", "forms", "correlates", "robustness", "nudges"]

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


def counted(text: str) -> int:
    """The words of running prose; what is computed counts as one, links by what they show."""
    text = re.sub(r"(?m)^(?:#{1,6} |\{\{<).*$", "", text)
    text = re.sub(r"`\{python\}[^`]*`", "computed", text)
    text = re.sub(r"\[([^\]\[]*)\]\([^)]*\)", r"\1", text)
    return len(re.findall(r"\w[\w’'-]*", re.sub(r"\{[^}]*\}", "", text)))


@pytest.mark.parametrize("chapter", ANALYSES, ids=lambda chapter: chapter.entry.source)
def test_a_chapter_opens_with_its_answer_and_ends_with_key_points(chapter: Chapter) -> None:
    text = "\n".join(block.text for block in chapter.blocks if isinstance(block, Prose))
    opening = re.split(r"\n\s*\n", text[: text.index("\n## ")].strip())
    assert opening[0].startswith("# ")
    *question, answer = opening[1:]
    assert any("?" in paragraph for paragraph in question)
    assert not any("{python}" in each and "In short" in each for each in question)
    assert answer.startswith("**In short:**"), (
        "the answer is one paragraph, the last before the data"
    )
    assert counted(answer) <= 90
    last = text.rindex("\n## ")
    assert text[last:].startswith("\n## Key points {.unnumbered}")
    assert 3 <= text[last:].count("\n- ") <= 5


@pytest.mark.parametrize("name", FOR_PRACTITIONERS)
def test_a_chapter_with_something_to_do_has_a_box_for_those_who_do_it(name: str) -> None:
    chapter = next(each for each in READ if each.entry.source == f"chapters/{name}.qmd")
    text = "\n".join(block.text for block in chapter.blocks if isinstance(block, Prose))
    [box] = re.findall(r"(?s)::: \{\.callout-tip\}\n## For practitioners\n(.*?)\n:::", text)
    assert 25 <= counted(box) <= 90


def test_the_front_page_is_read_in_a_minute() -> None:
    front = READ[0]
    text = "\n".join(block.text for block in front.blocks if isinstance(block, Prose))
    assert counted(text) <= 250
    sections = re.split(r"(?m)^## (.*) \{\.unnumbered\}$", text)
    assert len(re.findall(r"(?m)^- \*\*.*`\{python\}", sections[2])) == 3, "three computed answers"
    assert [cell.label for cell in front.cells if cell.float] == ["fig-answer"], "one picture"
    assert sections[3].startswith("What is real")
    for reader in ("decide about services", "teach or study", "a panel of your own", "the code"):
        assert re.search(rf"(?m)^- \*\*You [^*]*{reader}:\*\* .*\]\(chapters/", sections[-1])


@pytest.mark.parametrize("chapter", READ, ids=lambda chapter: chapter.entry.source)
def test_every_figure_and_table_is_spoken_of(chapter: Chapter) -> None:
    text = "\n".join(block.text for block in chapter.blocks if isinstance(block, Prose))
    floats = [cell.label for cell in chapter.cells if cell.float]
    assert [
        label for label in floats if f"@{label}" not in text and chapter.entry.source != "index.qmd"
    ] == []


def tabsets(chapter: Chapter) -> list[list[str]]:
    """The labels of the figures and tables of each tabset of a chapter, and of each heading in it."""
    found: list[list[str]] = []
    depth, inside = 0, False
    for block in chapter.blocks:
        if isinstance(block, Cell):
            if inside and block.float:
                found[-1].append(block.label)
            continue
        for line in block.lines:
            fence = re.match(r":{3,}\s*(\S?)", line.text)
            opens = bool(fence and fence[1])
            if opens and "panel-tabset" in line.text:
                assert not inside, f"{line.place}: tabs nest nowhere"
                inside, depth = True, 0
                found.append([])
            elif inside and fence:
                depth += 1 if opens else -1
                inside = depth >= 0
    assert not inside
    return found


@pytest.mark.parametrize("chapter", READ, ids=lambda chapter: chapter.entry.source)
def test_every_picture_has_its_numbers_one_tab_away(chapter: Chapter) -> None:
    shown = [cell.label for cell in chapter.cells if cell.float == "fig"]
    together = tabsets(chapter)
    alone = [
        label
        for label in shown
        if not any(
            label in labels and any(other.startswith("tbl-") for other in labels)
            for labels in together
        )
    ]
    assert [label for label in alone if label not in NUMBERS_ELSEWHERE] == []


def test_what_has_its_numbers_elsewhere_is_a_picture_whose_numbers_are_there() -> None:
    labels = {cell.label for chapter in READ for cell in chapter.cells if cell.float}
    for figure, table in NUMBERS_ELSEWHERE.items():
        assert {figure, table} <= labels


@pytest.mark.parametrize("chapter", READ, ids=lambda chapter: chapter.entry.source)
def test_what_only_draws_shows_no_code_and_a_table_in_tabs_does(chapter: Chapter) -> None:
    for cell in chapter.cells:
        if cell.float == "fig":
            assert cell.options.get("echo") is False, cell.label
    in_tabs = {label for labels in tabsets(chapter) for label in labels if label.startswith("tbl-")}
    for cell in chapter.cells:
        if cell.label in in_tabs:
            assert cell.options.get("echo", True) and cell.options.get("code-summary"), cell.label


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


@pytest.mark.parametrize("name", ABOUT_THE_PANEL)
def test_prose_about_the_panel_does_not_take_it_for_the_one_that_ships(name: str) -> None:
    chapter = next(each for each in READ if each.entry.source == f"chapters/{name}.qmd")
    assert "synthetic" not in prose(chapter).lower()


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
