"""The worked example, from an SPSS file and a mapping to a book that nobody can be found in."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pandas as pd
import pyreadstat
import pytest
from bs4 import BeautifulSoup
from pypdf import PdfReader

from coprod import claims
from coprod.audit import audit
from coprod.cli import run
from coprod.errors import PanelError
from coprod.panel import Panel, open_panel, read_panel
from coprod.paths import EXAMPLE, EXAMPLE_FIRST_TRY, EXAMPLE_MAPPING, PROJECT
from examples.make import ARMS, WARDS, asked, example

TITLE = "What people do in Anyborough"


@pytest.fixture(scope="module")
def panel() -> Panel:
    return open_panel(EXAMPLE, mapping=EXAMPLE_MAPPING)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The book about Anyborough, by the command that the chapter gives."""
    out = tmp_path_factory.mktemp("example") / "anyborough"
    arguments = [
        "render",
        "--project",
        str(PROJECT),
        "--engine",
        "embedded",
        "--quiet",
        "--no-cache",
    ]
    arguments += ["--panel", str(EXAMPLE), "--map", str(EXAMPLE_MAPPING), "--title", TITLE]
    before = dict(os.environ)
    try:
        assert run([*arguments, "--authors", "Anyborough Council", "--out", str(out)]) == 0
    finally:
        os.environ.clear()
        os.environ.update(before)
    return out


@pytest.fixture(scope="module")
def pages(book: Path) -> dict[str, str]:
    return {
        path.relative_to(book).as_posix(): re.sub(
            r"\s+", " ", BeautifulSoup(path.read_text(), "html.parser").get_text(" ")
        )
        for path in sorted(book.rglob("*.html"))
    }


def test_the_file_is_the_one_that_the_script_makes() -> None:
    cells, meta = pyreadstat.read_sav(EXAMPLE, user_missing=True)
    wanted, titles, labels = example()
    pd.testing.assert_frame_equal(cells, wanted, check_dtype=False)
    assert meta.column_names_to_labels == titles
    assert meta.variable_value_labels == labels
    assert "fictitious" in str(meta.file_label)
    assert "Nobody was asked" in " ".join(meta.notes)


def test_the_mapping_leads_back_to_who_was_drawn(panel: Panel) -> None:
    truth = asked()
    assert panel.frame["area"].astype(str).tolist() == truth["area"].map(WARDS).tolist()
    number = {arm: str(at) for at, arm in enumerate(ARMS, 1)}
    assert panel.frame["arm"].astype(str).tolist() == truth["arm"].map(number).tolist()
    others = ("source", "respondent", "weight", "area", "arm")
    compared = [column for column in panel.frame if column not in others]
    assert len(compared) > 35
    for column in compared:
        ours, theirs = (frame[column].astype(object) for frame in (panel.frame, truth))
        assert (
            ours.where(ours.notna(), None).tolist() == theirs.where(theirs.notna(), None).tolist()
        )


def test_the_first_try_is_refused_for_all_of_its_faults() -> None:
    with pytest.raises(PanelError) as refusal:
        open_panel(EXAMPLE, mapping=EXAMPLE_FIRST_TRY)
    for what in (
        "a guess",
        "no column 'llt'",
        "minority: missing",
        "'5' on rows",
        "halves",
        "'Very satisfied'",
    ):
        assert what in str(refusal.value)


def test_every_page_is_about_anyborough(pages: dict[str, str], panel: Panel, book: Path) -> None:
    for name, text in pages.items():
        assert TITLE in text, name
        assert "Data from anyborough.sav" in text, name
        if name not in ("chapters/validation.html", "chapters/yours.html"):
            assert "synthetic panel of" not in text.lower(), name
            assert "Synthetic data Every number" not in text, name
        if not any(each in name for each in ("validation", "yours", "references", "404")):
            assert panel.describe() in text, name
    paper = " ".join(page.extract_text() for page in PdfReader(book / "coprod.pdf").pages[:8])
    assert TITLE in re.sub(r"\s+", " ", paper)
    assert "Data from anyborough.sav" in re.sub(r"\s+", " ", paper)


def test_every_claim_has_its_verdict(book: Path, pages: dict[str, str], panel: Panel) -> None:
    known = claims.load_claims()
    verdicts = claims.verdicts(claims.estimates(panel, known), panel, known)
    assert {claims.SUPPORTED, claims.INCONCLUSIVE} <= set(verdicts["verdict"])
    kept = pd.read_csv(book / "downloads" / "tbl-claims-ledger.csv")
    assert kept["verdict"].tolist() == verdicts["verdict"].tolist()
    for title in verdicts["title"]:
        assert title in pages["chapters/claims.html"]


def test_nobody_can_be_found_in_it(book: Path) -> None:
    whole, _ = read_panel(EXAMPLE, EXAMPLE_MAPPING)
    assert [str(fault) for fault in audit(book, whole).faults] == []
