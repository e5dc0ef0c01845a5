"""The glossary: every term is explained, and linked from where each chapter first uses it."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from coprod.paths import PROJECT
from coprod.render.chapter import Chapter, Prose, read_chapters
from coprod.render.project import open_book

# The words in which a chapter's prose first speaks of a term.
FORMS = {
    "co-production": r"co-production",
    "form": r"(?:individual|collective) (?:activity|co-production)|individual and (?:in )?collective",
    "self-efficacy": r"(?:political )?self-efficacy",
    "citizen-panel": r"citizen panels?",
    "synthetic": r"synthetic (?:panels?|data|experiments?)",
    "weight": r"\bweights\b|\bweighted\b|\bweighting\b",
    "raking": r"\braked\b|\braking\b",
    "design-effect": r"design effect",
    "interval": r"(?:9[05]%\s+)?\bintervals?\b",
    "standard-error": r"standard\s+errors?",
    "p-value": r"\bp-values?",
    "standard-deviation": r"standard\s+deviations?",
    "percentage-point": r"percentage\s+points?",
    "index": r"\bindex\b|\bindices\b",
    "reliability": r"\breliability\b",
    "alpha": r"\balphas?\b",
    "omega": r"\bomega\b",
    "factor": r"factor analysis|two factors",
    "polychoric": r"polychoric(?: correlations?)?",
    "correlation": r"(?<!intraclass )\bcorrelations?\b",
    "correlate": r"\bcorrelates\b",
    "regression": r"\bregression\b|\bregressed\b",
    "block": r"\bblocks?\b",
    "accounts-for": r"\baccounts?\s+for\b",
    "shapley": r"Shapley shares?",
    "holm": r"Holm['’]s\s+correction",
    "ordered": r"ordered\s+(?:logit|probit|models?)",
    "mixed-model": r"mixed models?",
    "icc": r"intraclass correlation|\bICC\b",
    "cluster": r"\bclusters?\b|\bclustered\b",
    "stratum": r"\bstrata\b|\bstratum\b",
    "imputation": r"\bimputed\b|\bimputation\b",
    "bootstrap": r"\bbootstrap\b",
    "specification-curve": r"specification\s+curves?",
    "nudge": r"\bnudges?\b",
    "arm": r"\barms?\b",
    "control": r"\*control\*|control group|in control\b",
    "intention-to-treat": r"intention-to-treat",
    "randomisation-test": r"randomisation\s+tests?",
    "equivalence": r"equivalence\s+tests?|too\s+small\s+to\s+matter",
    "bayes": r"Bayes factors?",
    "power": r"\bpower\b",
    "type-m": r"too\s+large\s+on\s+average",
    "type-s": r"wrong\s+sign",
    "bias": r"right\s+on\s+average",
    "coverage": r"hold\s+the\s+truth",
    "false-finding": r"false\s+(?:alarm|finding)s?",
    "inconclusive": r"\binconclusive\b",
}

CHAPTERS = read_chapters(open_book(PROJECT))
READ = [
    chapter
    for chapter in CHAPTERS
    if not chapter.entry.appendix and "references" not in chapter.entry.source
]
GLOSSARY = next(chapter for chapter in CHAPTERS if "glossary" in chapter.entry.source)
LINK = re.compile(r"\[([^\]\[]*)\]\([\w/.]*glossary\.qmd#term-([\w-]+)\)")

# What is no running prose: headings, marks of blocks, code, formulas, shortcodes, links, citations.
NO_PROSE = (
    *(r"(?m)^#{1,6} .*$", r"(?m)^:::.*$", r"`[^`\n]*`"),
    *(r"(?s)\$\$.*?\$\$(?: *\{[^}]*\})?", r"\$[^$\n]*\$", r"\{\{<.*?>\}\}"),
    *(r"\[[^\]\[]*\]\([^)]*\)", r"\[?-?@[\w-]+(?:[;, ]+@[\w-]+)*\]?"),
)


def text_of(chapter: Chapter) -> str:
    return "\n".join(block.text for block in chapter.blocks if isinstance(block, Prose))


def prose(text: str, term: str) -> str:
    """The text with all that is no prose blotted out, but not the words of links to the term."""

    def blot(match: re.Match[str]) -> str:
        link = LINK.fullmatch(match[0])
        kept = match.start() + 1 + len(link[1]) if link and link[2] == term else match.start()
        blank = re.sub(r"[^\n]", " ", match[0][kept - match.start() :])
        return match[0][: kept - match.start()] + blank

    for pattern in NO_PROSE:
        text = re.sub(pattern, blot, text)
    return text


def explained() -> list[str]:
    return re.findall(r"\{#term-([\w-]+)\}\n\*\*", text_of(GLOSSARY))


def test_every_term_has_its_words() -> None:
    assert sorted(explained()) == sorted(FORMS)


def test_the_terms_are_in_alphabetical_order_and_in_few_sentences() -> None:
    entries = re.findall(
        r"::: \{#term-.*?\}\n\*\*(.*?)\.\*\*(.*?)\n:::", text_of(GLOSSARY), re.DOTALL
    )
    assert len(entries) == len(FORMS)
    names = [name.lower() for name, _ in entries]
    assert names == sorted(names)
    for name, said in entries:
        assert 1 <= len(re.findall(r"[.;](?:\s|$)", said)) <= 4, name


def test_every_term_is_linked() -> None:
    linked = {term for chapter in READ for _, term in LINK.findall(text_of(chapter))}
    assert sorted(set(FORMS) - linked) == []


@pytest.mark.parametrize("chapter", READ, ids=lambda chapter: chapter.entry.source)
def test_a_chapter_links_each_term_once_where_it_first_uses_it(chapter: Chapter) -> None:
    text = text_of(chapter)
    links = Counter(term for _, term in LINK.findall(text))
    assert [term for term, number in links.items() if number > 1] == []
    wrong = []
    for term, form in FORMS.items():
        first = re.search(form, prose(text, term), re.IGNORECASE)
        if first and not re.match(rf"\]\([\w/.]*glossary\.qmd#term-{term}\)", text[first.end() :]):
            wrong.append(
                f"link ‘{first[0]}’ to #term-{term}: …{text[first.start() - 30 : first.end() + 30]}…"
            )
    assert wrong == []


def test_a_use_that_is_not_linked_is_noticed() -> None:
    text = "## Power\n\nThe `power` of [power](glossary.qmd#term-power) and [power](x.qmd)."
    found = [match.start() for match in re.finditer("power", prose(text, "power"))]
    assert found == [text.index("[power](glossary") + 1]
    assert "power" not in prose(text, "arm").lower()
