"""The embedded engine renders what Quarto renders: the facts of the conformance book, site and paper."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pikepdf
import pytest
from pypdf import PdfReader

from coprod.render.contract import PROJECT_KEYS
from coprod.render.project import open_book
from coprod.schema import check_mapping, read_yaml
from tests.conformance import facts

CONFORMANCE = Path(__file__).parent / "conformance"


def folded(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace("\xa0", " "))


@pytest.fixture(scope="session")
def paper(conformance_book: Path) -> Path:
    return conformance_book / "Conformance-book.pdf"


def test_the_site_has_the_facts_of_quartos(conformance_book: Path) -> None:
    expected = json.loads((CONFORMANCE / "expected.json").read_text(encoding="utf-8"))
    found = facts.differences(expected, facts.book_facts(conformance_book))
    assert not found, "\n".join(found)


def test_a_changed_fact_is_noticed(conformance_book: Path) -> None:
    expected = json.loads((CONFORMANCE / "expected.json").read_text(encoding="utf-8"))
    expected["pages"]["chapters/two.html"]["callouts"][0]["title"] = "Another title"
    assert len(facts.differences(expected, facts.book_facts(conformance_book))) == 1


def test_the_paper_has_the_text_of_quartos(paper: Path) -> None:
    expected = json.loads((CONFORMANCE / "expected_pdf.json").read_text(encoding="utf-8"))
    text = folded(" ".join(page.extract_text() for page in PdfReader(paper).pages))
    assert [string for string in expected["present"] if string not in text] == []
    assert [string for string in expected["absent"] if string in text] == []


def test_every_key_that_quarto_takes_is_allowed() -> None:
    text = (CONFORMANCE / "keys.yml").read_text(encoding="utf-8")
    value, places, faults = read_yaml(text, "keys.yml")
    assert faults == []
    assert check_mapping(value, PROJECT_KEYS, places, "keys.yml") == []


def test_the_paper_is_tagged_and_says_what_it_is(paper: Path) -> None:
    with pikepdf.open(paper) as pdf:
        root = pdf.Root
        assert root.MarkInfo.Marked
        assert str(root.Lang) == "en-GB"
        assert root.ViewerPreferences.DisplayDocTitle
        with pdf.open_metadata() as metadata:
            assert metadata["dc:title"] == "Conformance book"
            assert "Ada Example" in str(metadata["dc:creator"])
            assert str(metadata["pdfuaid:part"]) == "1"


def structure(node: pikepdf.Object) -> list[pikepdf.Object]:
    """Every element of a PDF's tag tree."""
    found: list[pikepdf.Object] = []
    if isinstance(node, pikepdf.Array):
        for child in node:
            found += structure(child)
    elif isinstance(node, pikepdf.Dictionary):
        if "/S" in node:
            found.append(node)
        if "/K" in node:
            found += structure(node.K)
    return found


def test_pictures_and_equations_have_their_alternative_texts(paper: Path) -> None:
    with pikepdf.open(paper) as pdf:
        elements = structure(pdf.Root.StructTreeRoot.K)
        alternatives = {str(element.Alt) for element in elements if "/Alt" in element}
        tags = [str(element.S) for element in elements]
    for text in (
        "Bar chart of four values rising from 2 to 7.",
        "Line that falls.",
        "A dark square.",
        r"\hat\beta = 0.12",
    ):
        assert text in alternatives
    assert any(text.startswith("I_{ij} = \\frac{100}") for text in alternatives)
    assert tags.count("/Figure") >= 6
    assert tags.count("/TH") > 10


def test_the_papers_fonts_are_all_embedded(paper: Path) -> None:
    with pikepdf.open(paper) as pdf:
        fonts = [
            obj
            for obj in pdf.objects
            if isinstance(obj, pikepdf.Dictionary) and obj.get("/Type") == "/FontDescriptor"
        ]
        assert fonts
        for font in fonts:
            assert any(key in font for key in ("/FontFile", "/FontFile2", "/FontFile3")), (
                font.FontName
            )


def test_references_in_the_paper_can_be_followed(paper: Path) -> None:
    with pikepdf.open(paper) as pdf:
        links = [
            annotation
            for page in pdf.pages
            for annotation in page.get("/Annots", [])
            if annotation.get("/Subtype") == "/Link"
        ]
    assert len(links) > 40


def test_the_keys_of_the_book_are_read(tmp_path: Path) -> None:
    book = open_book(CONFORMANCE / "book")
    assert book.authors == ("Ada Example", "Ben Sample")
    assert [entry.part for entry in book.entries] == [
        None,
        "Results",
        "Results",
        "Results",
        None,
        None,
    ]
    assert [entry.appendix for entry in book.entries] == [False] * 5 + [True]
