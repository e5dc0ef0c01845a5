"""Panels in which not everything was asked."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from coprod.cli import run
from coprod.errors import PanelError
from coprod.fielded import EXPERIMENT, fielded, parts
from coprod.instrument import load_instrument
from coprod.panel import open_panel
from coprod.paths import PANEL


def without(folder: Path, *names: str) -> Path:
    file = folder / "panel.csv"
    columns = [column for name in names for column in parts(load_instrument())[name]]
    pd.read_csv(PANEL, dtype=str).drop(columns=columns).to_csv(file, index=False)
    return file


def test_a_panel_without_experiment_and_an_issue_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = without(tmp_path, EXPERIMENT, "health")
    panel = open_panel(file)
    assert not panel.has_experiment
    assert list(panel.instrument.issues) == ["safety", "environment"]
    assert set(panel.long["issue"]) == {"safety", "environment"}
    assert run(["check", str(file)]) == 0
    assert "Not asked: experiment, health" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["weight", "tenure"])
def test_a_single_column_is_not_taken_to_be_left_out(tmp_path: Path, name: str) -> None:
    with pytest.raises(PanelError, match=f"column {name}: missing"):
        open_panel(without(tmp_path, name))


def test_a_panel_of_no_issue_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PanelError, match="column safety_ind_1: missing"):
        open_panel(without(tmp_path, "safety", "environment", "health"))


def test_other_areas_and_arms_take_the_place_of_the_questionnaires(tmp_path: Path) -> None:
    areas = {f"ward {number}": f"Ward {number}" for number in range(200)}
    here = fielded(load_instrument(), areas=areas, arms={"a": "Letter", "b": "Card"})
    assert here.variables["area"].levels == areas
    assert list(here.variables["arm"].levels) == ["a", "b"]
    with pytest.raises(PanelError, match="no part 'weather'"):
        fielded(here, ["weather"])
