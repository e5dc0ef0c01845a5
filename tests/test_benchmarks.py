"""What the benchmark claims of the randomisation tests, and the same on a few draws."""

from __future__ import annotations

import datetime
import itertools
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import results
from benchmarks.build import CASES
from benchmarks.campaign import contents
from benchmarks.randomisation import compare
from benchmarks.results import floors, table
from coprod.panel import open_panel
from coprod.paths import PANEL, PROJECT
from tests.books import write_book

ONE = """\
# One {#sec-one}

```{python}
import time
until = time.process_time() + 0.5
while time.process_time() < until:
    pass
"done"
```

It took `{python} 1 + 1` things, says @jackman2009.
"""
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


def test_what_was_measured_on_another_day_keeps_its_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = json.loads((FOLDER / "results.json").read_text(encoding="utf-8"))
    for each in measured["of"].values():
        each["date"] = "2001-02-03"
    (tmp_path / "results.json").write_text(json.dumps(measured))
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(results, "TABLE", tmp_path / "RESULTS.md")

    def dates() -> list[str]:
        return re.findall(
            r"^Measured on (\S+)", (tmp_path / "RESULTS.md").read_text(), re.MULTILINE
        )

    today = datetime.date.today().isoformat()
    results.update(cases=measured["cases"])
    assert dates() == [today, "2001-02-03", "2001-02-03"]
    results.update(estimators=measured["estimators"])
    assert dates() == [today, "2001-02-03", today]


def test_the_tests_are_twenty_times_as_fast_here_too_and_the_same() -> None:
    found = compare(open_panel(PANEL), draws=1_000, looped=4)
    assert found.ratio >= 20
    assert found.apart < 1e-10


def test_what_a_build_cannot_do_without_is_measured(tmp_path: Path) -> None:
    project = write_book(tmp_path, one=ONE)
    command = [sys.executable, "-m", "benchmarks.floor", str(project)]
    run = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    found = json.loads(run.stdout)
    assert set(found) == {"cells", "pandoc", "typst"}
    # The cell itself computes for half a second, and nothing of it is lost or counted elsewhere.
    assert found["cells"]["processor_seconds"] >= 0.5
    assert 0 < found["pandoc"]["processor_seconds"] < 5 and found["typst"]["wall_seconds"] > 0
    command.append("chapters/one.qmd")
    run = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    alone = json.loads(run.stdout)
    assert set(alone) == {"imports", "cells"} and alone["cells"]["processor_seconds"] >= 0.5
    assert alone["imports"]["wall_seconds"] > 0.1


def test_what_each_case_changes_is_there(tmp_path: Path) -> None:
    for name in ("chapters", "coprod"):
        shutil.copytree(PROJECT / name, tmp_path / name)
    changing = 0
    for change, _ in CASES.values():
        said = [contents(tmp_path)]
        for run in range(3):
            change(tmp_path, run)
            said.append(contents(tmp_path))
        changed = [before != after for before, after in itertools.pairwise(said)]
        assert all(changed) or not any(changed)
        changing += all(changed)
    assert changing == 3


def test_a_build_is_compared_with_what_it_cannot_do_without() -> None:
    steps = {
        "cells": {"wall_seconds": 30.0, "processor_seconds": 36.0},
        "typst": {"wall_seconds": 10.0, "processor_seconds": 4.0},
    }
    case = {"case": "a book", "wall_seconds": 20.0, "processor_seconds": 50.0}
    edited = {"case": "one cell edited", "wall_seconds": 9.0}
    cells = {"one cell edited": {"imports": {"wall_seconds": 1.1}, "cells": {"wall_seconds": 6.6}}}
    text = "\n".join(floors({"a book": steps}, [case, edited], cells))
    assert "| a book | together | 40.0 | 40.0 |" in text
    assert "- a book: 0.50 times the wall time, 1.25 times the processor time." in text
    assert "the cells of its chapter take 6.6 s" in text and "all else takes 1.3 s" in text
    assert "no Quarto" in text
    quarto = case | {"case": "quarto render, no freeze"}
    assert "no Quarto" not in "\n".join(floors({"a book": steps}, [case, quarto], {}))
