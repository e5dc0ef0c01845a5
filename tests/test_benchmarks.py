"""What the benchmark claims of the randomisation tests, and the same on a few draws."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.randomisation import compare
from benchmarks.results import table
from coprod.panel import open_panel
from coprod.paths import PANEL

FOLDER = Path(__file__).parent.parent / "benchmarks"


def test_the_committed_tests_took_five_seconds_and_the_loop_twenty_times_as_long() -> None:
    measured = json.loads((FOLDER / "results.json").read_text(encoding="utf-8"))
    assert (FOLDER / "RESULTS.md").read_text(encoding="utf-8") == table(measured)
    found = measured["randomisation"]
    assert found["draws"] == 10_000 and found["tests"] == 8 and found["respondents"] >= 2_600
    assert found["seconds"] <= 5
    scaled = found["looped_seconds"] * found["draws"] / found["looped_draws"]
    assert found["scaled_seconds"] == pytest.approx(scaled, rel=0.01)
    assert found["ratio"] >= 20
    assert found["ratio"] == pytest.approx(scaled / found["seconds"], rel=0.01)
    assert found["apart"] < 1e-10


def test_the_tests_are_twenty_times_as_fast_here_too_and_the_same() -> None:
    found = compare(open_panel(PANEL), draws=1_000, looped=4)
    assert found.ratio >= 20
    assert found.apart < 1e-10
