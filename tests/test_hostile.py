"""What is left of a hostile label: one line that can be seen, and can be told from the others."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from coprod.errors import PanelError
from coprod.fielded import fielded
from coprod.instrument import load_instrument
from coprod.labels import LONGEST, one_line
from coprod.panel import open_panel
from coprod.paths import PANEL
from coprod.show import words
from coprod.show.report import claims_report
from coprod.show.table import csv
from tests.hostile import TEXTS, Relabelled, formulas, unseen

HOSTILE = Relabelled(known := open_panel(PANEL), known.frame)


def test_a_questionnaire_keeps_no_text_that_cannot_be_shown() -> None:
    here = HOSTILE.panel.instrument
    kept = [here.title, *HOSTILE.labels.values(), *here.shown.values(), *here.nations.values()]
    kept += [variable.question for variable in here.variables.values()]
    assert not any(map(unseen, kept))
    assert all(0 < len(label) <= LONGEST for label in HOSTILE.labels.values())
    empty = fielded(load_instrument(), areas={"N": "\x00 \u202e", "S": "South"})
    assert empty.areas == {"N": "N", "S": "South"}


@pytest.mark.parametrize("what", ["areas", "arms"])
def test_two_groups_with_one_label_are_refused(what: str) -> None:
    with pytest.raises(PanelError, match=f"two {what} are called 'North'"):
        fielded(load_instrument(), **{what: {"N": "North", "S": " North\n"}})


@pytest.mark.parametrize("text", ["secret", "http://127.0.0.1:9/x"])
def test_a_text_that_names_a_file_or_an_address_is_not_read(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("what it holds", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert words.safe(text).data == words.plain(text)


def test_no_cell_of_a_download_is_a_formula() -> None:
    frame = pd.DataFrame({"text": [one_line(text) for text in TEXTS], "number": -1.5})
    written = csv(frame, "=1+1")
    assert formulas(frame.to_csv())
    assert not formulas(written)
    assert "a;'=1+1" in written


def test_the_verdicts_on_a_terminal_hold_nothing_that_it_obeys() -> None:
    labels = list(HOSTILE.labels.values())
    rows = pd.DataFrame({"id": "c1", "title": "One", "label": labels}).assign(
        source="bovaird2016", verdict="supported", reason="", built_in=False, unit="SD",
        estimate=1.0, low=0.5, high=1.5, lower=0.0, upper=9.0, level=0.95,
        estimates=2, inside=2, combine="all",
    )  # fmt: skip
    said = "".join(text for text, _ in claims_report(rows, HOSTILE.panel))
    assert HOSTILE.shown(said) == set(labels)
    assert not unseen(said)
