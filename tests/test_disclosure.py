"""Nobody in a real panel can be found: what is merged, withheld and rounded, and an attack on all of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coprod import background, claims, diagnostics, levels, nudges, open_panel, sample
from coprod.activity_told import told
from coprod.cli import run
from coprod.correlates import fit
from coprod.disclosure import at_least, counts_rounded, note, smallest_cell
from coprod.distributions import distributions
from coprod.errors import PanelError, ValidityError
from coprod.forms import overlap, profiles
from coprod.merging import enough, merged, merged_margins
from coprod.panel import Panel, protected
from coprod.paths import PANEL
from coprod.population import banded
from coprod.show import notice, tables
from coprod.show.table import csv
from coprod.weights import load_margins, rake
from tests.attack import attack, publish

LEAST = 10
KEPT = (1, 0.5, 0.2, 0.05)
LOST = (0, 0.01, 0.03, 0.08)


def as_real(frame: pd.DataFrame) -> Panel:
    """Respondents of the shipped panel as if they had answered, without weights."""
    people = len(frame)
    survey = pd.Categorical(["survey"] * people, ["synthetic", "survey"], ordered=True)
    frame = frame.reset_index(drop=True).assign(weight=1.0, source=survey)
    whole = replace(
        open_panel(), frame=frame, synthetic=False, seed=None, weighted=False, source="council.csv"
    )
    return protected(whole, LEAST)


def rare(seed: int) -> Panel:
    """A small panel of some areas, in which some actions are rare and some answers missing."""
    rng = np.random.default_rng(seed)
    panel = open_panel()
    people = int(rng.integers(150, 401))
    areas = rng.choice(list(panel.instrument.areas), int(rng.integers(2, 6)), replace=False)
    size = dict(zip(areas, rng.dirichlet(np.full(len(areas), 3.0)), strict=True))
    chance = panel.frame["area"].astype(object).map(size).fillna(0).to_numpy(float)
    frame = panel.frame.sample(people, weights=chance, random_state=seed).sort_index()
    for variable in panel.instrument.variables.values():
        if variable.role == "activity":
            less = (rng.random(people) > rng.choice(KEPT)) & (frame[variable.name] > 0)
            frame.loc[less, variable.name] -= 1
        if variable.role == "activity" or variable.name in ("education", "employment", "tenure"):
            frame.loc[rng.random(people) < rng.choice(LOST), variable.name] = np.nan
    return as_real(frame)


@cache
def council() -> Panel:
    """Six hundred people in three areas."""
    frame = open_panel().frame
    parts = [frame[frame["area"] == area].iloc[:200] for area in "ABC"]
    return as_real(pd.concat(parts))


# The attack


@pytest.mark.parametrize("seed", range(20))
def test_linear_programming_finds_nobody(seed: int) -> None:
    panel = rare(seed)
    issues = list(panel.instrument.issues)
    assert attack(panel, publish(panel), LEAST, [issues[seed % len(issues)]]) == {}


def test_the_attack_succeeds_where_nothing_is_protected() -> None:
    panel = rare(3)
    open_tables = publish(replace(panel, min_cell=0))
    found = attack(panel, open_tables, LEAST, ["safety"], rounded=0)
    assert any(" col_" in cell for cell in found)
    assert any(", any " in cell for cell in found)


def test_the_attack_succeeds_where_only_the_small_cells_are_left_out() -> None:
    panel = rare(3)
    primary = publish(replace(panel, min_cell=0))
    for name, value in (("shares", "share"), ("spread", "value")):
        small = primary[name][value] * primary[name]["n"] < LEAST
        primary[name] = primary[name].assign(**{value: primary[name][value].mask(small)})
    del primary["overlap"], primary["profiles"], primary["missing"]
    found = attack(panel, primary, LEAST, ["safety"], rounded=0)
    assert any(" col_" in cell for cell in found)


# The rules


@given(
    count=st.integers(0, 400),
    total=st.integers(0, 400),
    least=st.integers(3, 15),
)
@settings(max_examples=200, deadline=None)
def test_a_rounded_count_leaves_enough_values_for_it_and_for_the_rest(
    count: int, total: int, least: int
) -> None:
    total = max(count, total)
    possible = np.arange(total + 1)
    rounded = at_least(possible, total, least)
    alike = possible[rounded == rounded[count]]
    assert (rounded <= possible).all()
    assert len(alike) >= min(least, total + 1)


def test_a_synthetic_panel_is_left_as_it_is() -> None:
    panel = open_panel()
    assert panel.min_cell == 0
    assert note(panel) == ""
    table = pd.DataFrame({"n": [2_617]})
    assert counts_rounded(table, panel) is table
    assert len(told(panel).answers) == 6


@pytest.mark.parametrize("said", ["2", "0", "ten", "-10", "3.5"])
def test_a_setting_that_protects_nobody_is_refused(
    said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COPROD_MIN_CELL", said)
    with pytest.raises(PanelError, match="whole numbers from 3"):
        smallest_cell()


def test_the_setting_is_ten_unless_something_else_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COPROD_MIN_CELL", raising=False)
    assert smallest_cell() == 10
    monkeypatch.setenv("COPROD_MIN_CELL", "20")
    assert smallest_cell() == 20


@pytest.mark.parametrize("seed", range(5))
def test_every_group_has_enough_after_merging(seed: int) -> None:
    panel = rare(seed)
    need = enough(LEAST)
    assert panel.frame["area"].value_counts().min() >= need
    assert list(panel.frame["area"].cat.categories) == list(panel.instrument.areas)
    for name in panel.instrument.background:
        variable = panel.instrument.variables[name]
        values = panel.frame[name]
        if variable.bands:
            values = variable.banded(values)
        elif variable.kind != "category":
            continue
        assert values.value_counts().min() >= need, name
        assert list(values.cat.categories) == list(variable.bands or variable.levels)


def test_an_order_is_kept_and_a_group_of_two_is_left_out() -> None:
    frame = open_panel().frame.iloc[:300].copy()
    frame["gender"] = np.where(np.arange(300) < 8, "man", "woman")
    thin = frame["education"] == "college"
    frame.loc[thin & (thin.cumsum() > 5), "education"] = "school"
    found, instrument, sentences = merged(frame, open_panel().instrument, LEAST)
    assert "gender" not in instrument.background
    assert "gender" not in found
    assert "Gender: left out, since one of its groups is too small." in sentences
    # The smaller neighbour of "college" is "degree", though "no_qualifications" may be smaller yet.
    assert list(instrument.variables["education"].levels) == [
        "no_qualifications",
        "school",
        "college_or_degree",
    ]
    assert instrument.variables["education"].levels["college_or_degree"] == (
        "College or degree or higher"
    )


def test_areas_that_are_too_small_become_one() -> None:
    frame = open_panel().frame
    sizes = {"A": 100, "B": 60, "C": 8, "D": 4}
    parts = [frame[frame["area"] == area].iloc[:size] for area, size in sizes.items()]
    found, instrument, sentences = merged(pd.concat(parts), open_panel().instrument, LEAST)
    assert list(instrument.areas.values()) == ["Area A", "Other areas"]
    assert found["area"].value_counts().tolist() == [100, 72]
    assert sentences[0].startswith("Areas: “Area B”, “Area C” and “Area D”")


def test_weights_still_meet_the_margins_of_what_was_put_together() -> None:
    whole = open_panel()
    parts = [
        whole.frame[whole.frame["area"] == area].iloc[:n] for area, n in (("A", 200), ("B", 60))
    ]
    frame = pd.concat(parts).reset_index(drop=True)
    targets = load_margins()
    frame["weight"], _ = rake(banded(frame, whole.instrument), targets)
    found, instrument, _ = merged(frame, whole.instrument, 60)
    assert list(instrument.areas) == ["others"]
    assert len(instrument.variables["age"].bands) < 5
    own = merged_margins(targets, (frame, whole.instrument), (found, instrument))
    people = banded(found, instrument)
    for _, variable, level, share in own.itertuples(index=False):
        has = people[variable].astype(object) == level
        assert np.average(has, weights=found["weight"]) == pytest.approx(share, abs=1e-8)


def test_a_panel_too_small_to_tell_anything_of_is_refused() -> None:
    with pytest.raises(PanelError, match="12 respondents"):
        merged(open_panel().frame.iloc[:12], open_panel().instrument, LEAST)


# What is told of a panel of ordinary size


PUBLISHED: dict[str, Callable[[Panel], pd.DataFrame]] = {
    "shares": levels.shares,
    "means": levels.means,
    "areas": lambda panel: levels.means(panel, by=("issue", "area")),
    "background": background.means,
    "tests": background.wald_tests,
    "spread": distributions,
    "flow": nudges.flow,
    "effects": lambda panel: nudges.effects(panel, outcomes=["willing"]),
    "fit": lambda panel: fit(panel, "collective"),
    "residuals": lambda panel: diagnostics.residuals(panel, "collective"),
    "linearity": lambda panel: diagnostics.linearity(panel, "collective"),
}
COUNTS = ("n", "n_arm", "n_control", "clusters", "randomised", "willing", "smallest_cell")


@pytest.mark.parametrize("name", PUBLISHED)
def test_counts_are_multiples_and_never_near_the_total(name: str) -> None:
    panel = council()
    table = PUBLISHED[name](panel)
    counts = table[[column for column in COUNTS if column in table]].to_numpy(float)
    counts = counts[~np.isnan(counts)]
    assert len(counts)
    assert (counts % LEAST == 0).all()
    everyone = len(panel.frame)
    assert not ((everyone - LEAST < counts) & (counts <= everyone)).any()


def test_bins_hold_enough_people() -> None:
    small = rare(3)
    table = diagnostics.residuals(small, "individual")
    assert 2 <= len(table) <= 20
    assert (table["n"] >= LEAST).all()


@pytest.mark.parametrize("function", [diagnostics.influence, diagnostics.leverage])
def test_what_is_about_one_person_is_not_told(function: Callable[..., pd.DataFrame]) -> None:
    with pytest.raises(ValidityError, match="about one person"):
        function(council(), "collective")


def test_no_extreme_is_told() -> None:
    spread = distributions(council())
    extremes = spread[spread["statistic"].isin(["minimum", "maximum"])]
    assert len(extremes)
    assert extremes["value"].isna().all()
    assert sample.by_area(council())[["lightest", "heaviest"]].isna().all(axis=None)


def test_signing_up_is_not_analysed_where_few_of_an_arm_did() -> None:
    panel = council()
    frame = panel.frame.copy()
    control = frame["arm"] == "control"
    frame.loc[control, "signup"] = 0.0
    frame.loc[frame.index[control][:9], "signup"] = 1.0
    with pytest.raises(ValidityError, match="Signing up is not analysed"):
        nudges.effects(replace(panel, frame=frame), ["strata"], outcomes=["signup"])
    assert len(nudges.effects(replace(panel, frame=frame), ["strata"], outcomes=["willing"]))


def test_answers_are_withheld_by_issue_and_form() -> None:
    panel = council()
    frame = panel.frame.copy()
    often = frame["health_col_4"] == 2
    frame.loc[often & (often.cumsum() > 9), "health_col_4"] = 1.0
    panel = replace(panel, frame=frame)
    table = levels.shares(panel)
    health = (table["issue"] == "health") & (table["form"] == "collective")
    assert table.loc[health, ["share", "low", "high", "standard_error"]].isna().all(axis=None)
    spread = distributions(panel)
    assert spread.loc[spread["variable"].str.startswith("health_col"), "value"].isna().all()
    with pytest.raises(ValidityError, match="not told"):
        claims.estimators()["item_gaps"].function(panel)


def test_who_does_which_is_withheld_with_what_follows_from_it() -> None:
    panel = council()
    frame = panel.frame.copy()
    items = panel.instrument.items("safety", "collective")
    alone = (frame[panel.instrument.items("safety", "individual")] == 0).all(axis=1)
    frame.loc[alone, items] = 0.0
    panel = replace(panel, frame=frame)
    for function in (overlap, profiles):
        with pytest.raises(ValidityError, match="not told"):
            function(panel)


def test_a_mean_near_the_floor_is_withheld() -> None:
    panel = council()
    frame = panel.frame.copy()
    items = panel.instrument.items("safety", "collective")
    frame[items] = 0.0
    frame.loc[frame.index[:9], items] = 2.0
    panel = replace(panel, frame=frame)
    for by in ((), ("issue",), ("issue", "area")):
        with pytest.raises(ValidityError, match="not told"):
            levels.means(panel, by=by)
        with pytest.raises(ValidityError, match="not told"):
            levels.gaps(panel, by=by)


def test_files_of_a_real_panel_are_rounded() -> None:
    frame = pd.DataFrame({"share": [0.123456, 59.4321], "n": [120, 1_230]})
    assert csv(frame, "", rounded=True) == "share,n\n0.12,120\n59.4,1230\n"
    made = tables.gaps(levels.gaps(council()), council())
    numbers = pd.read_csv(pd.io.common.StringIO(made.csv)).select_dtypes("float").stack()
    assert all(len(f"{abs(number):.10g}".replace(".", "").strip("0")) <= 3 for number in numbers)


def test_a_table_says_what_a_dash_means_where_it_has_one() -> None:
    gaps = levels.gaps(council())
    said = "– is withheld: fewer than 10 respondents"
    assert said not in tables.gaps(gaps, council())._repr_html_()
    assert said in tables.gaps(gaps.assign(gap=np.nan), council())._repr_html_()


# The commands


@pytest.fixture
def survey(tmp_path: Path) -> Path:
    """A file of a hundred and twenty people."""
    frame = pd.read_csv(PANEL, dtype=str, keep_default_na=False).iloc[:120]
    frame.assign(source="survey").to_csv(tmp_path / "survey.csv", index=False)
    return tmp_path / "survey.csv"


def test_a_file_of_people_is_protected_and_says_so(
    survey: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    panel = open_panel(survey)
    assert panel.min_cell == 10
    assert panel.put_together
    assert run(["check", str(survey)]) == 0
    said = capsys.readouterr().out
    assert all(sentence in said for sentence in panel.put_together)
    assert "rounded down to multiples" in notice(panel).data.replace("\\", "")


@pytest.mark.parametrize("command", ["claims", "render"])
def test_a_command_refuses_to_protect_nobody(
    command: str, survey: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([command, "--panel", str(survey), "--min-cell", "2"]) == 2
    assert "whole numbers from 3" in capsys.readouterr().err


def test_notebooks_are_made_of_the_projects_own_panel_only(
    survey: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COPROD_PANEL", str(survey))
    assert run(["notebooks", "--out", str(survey.parent / "notebooks")]) == 2
    assert "one of real people" in capsys.readouterr().err
    assert not (survey.parent / "notebooks").exists()
