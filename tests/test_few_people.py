"""What an attack on the book of a small panel found: results that fewer people stand behind than may be told of."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from coprod import (
    background,
    correlates,
    diagnostics,
    forms,
    nudges,
    open_panel,
    ordered,
    scales,
)
from coprod.disclosure import digits
from coprod.errors import BookError, ValidityError
from coprod.panel import Panel
from coprod.paths import PROJECT
from coprod.render.provenance import PANEL_VARIABLE, gather, refuse_changed
from coprod.show import figures
from coprod.specifications import without_outliers
from tests.test_disclosure import LEAST, as_real

ISSUES = ("safety", "environment", "health")


@cache
def _shipped() -> pd.DataFrame:
    frame = open_panel().frame
    return frame[frame["area"].isin(list("ABC"))].groupby("area", observed=True).head(87)


def people() -> pd.DataFrame:
    """Some 260 people in three areas."""
    return _shipped().reset_index(drop=True)


def _answered_by(count: int) -> Panel:
    """Sixteen unemployed people, of whom so many answered everything."""
    frame = people()
    jobs = frame["employment"].astype(object)
    there = np.flatnonzero(jobs == "unemployed")
    more = np.flatnonzero(jobs == "full_time")[: 16 - len(there)]
    frame.loc[more, "employment"] = "unemployed"
    silent = np.concatenate([there, more[: 16 - len(there) - count]])
    frame.loc[silent, [f"{issue}_efficacy" for issue in ISSUES]] = np.nan
    return as_real(frame)


def test_a_coefficient_of_few_who_answered_everything_is_not_told() -> None:
    panel = _answered_by(3)
    assert "unemployed" in panel.instrument.variables["employment"].levels
    tables = (
        correlates.fit(panel, "collective"),
        correlates.compare_forms(panel),
        ordered.marginal_effects(panel),
    )
    for table in tables:
        own = table[table["level"] == "unemployed"]
        numbers = own.select_dtypes("float").drop(columns="scale", errors="ignore")
        assert len(own) and numbers.isna().all(axis=None)
        assert table.loc[table["level"] == "retired", "standard_error"].notna().all()


def _few_do_anything() -> Panel:
    frame = people()
    frame[[f"safety_col_{item}" for item in range(1, 5)]] = 0.0
    frame.loc[[5, 99, 200], "safety_col_1"] = [1.0, 2.0, 2.0]
    return as_real(frame)


def _few_do_one_thing() -> Panel:
    frame = people()
    frame[[name for name in frame if "_col_" in name]] = 0.0
    frame.loc[[5, 99, 200], "safety_col_1"] = 2.0
    return as_real(frame)


def _item_of(count: int) -> Panel:
    frame = people().assign(safety_col_3=0.0)
    frame.loc[:count, "safety_col_3"] = 1.0
    frame.loc[count:, "safety_col_3"] = 0.0
    return as_real(frame)


def _few_do_much() -> Panel:
    frame = people()
    for issue in ISSUES:
        items = [f"{issue}_col_{item}" for item in range(1, 5)]
        much = frame[items].mean(axis=1) >= 1
        frame.loc[much, items] = [1.0, 0.0, 0.0, 0.0]
    frame.loc[[1, 50, 120, 180], [f"health_col_{item}" for item in range(1, 5)]] = 2.0
    return as_real(frame)


def _willing(count: int) -> Panel:
    frame = people().assign(willing=5.0)
    frame.loc[: count - 1, "willing"] = 9.0
    return as_real(frame)


REFUSED: dict[str, tuple[Callable[[], Panel], Callable[[Panel], object]]] = {
    "correlates of few": (_few_do_anything, lambda p: correlates.fit(p, "collective", "safety")),
    "predictions of few": (_few_do_anything, correlates.predict_over),
    "correlation of few": (_few_do_anything, forms.correlations),
    "moderator of few": (_few_do_one_thing, lambda p: nudges.heterogeneity(p, ["willing"])),
    "loadings": (lambda: _item_of(3), scales.two_factors),
    "alpha": (lambda: _item_of(3), lambda p: scales.reliability(p, draws=2)),
    "alpha of nobody": (lambda: _item_of(0), lambda p: scales.reliability(p, draws=2)),
    "bands": (_few_do_much, ordered.fit_bands),
    "willing alike": (lambda: _willing(0), lambda p: nudges.effects(p, outcomes=["willing"])),
    "willing but two": (lambda: _willing(2), lambda p: nudges.effects(p, outcomes=["willing"])),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_result_of_few_people_is_refused(what: str) -> None:
    panel, function = REFUSED[what][0](), REFUSED[what][1]
    with pytest.raises(ValidityError):
        function(panel)


def test_few_and_nobody_are_refused_in_the_same_words() -> None:
    said = []
    for count in (0, 3):
        with pytest.raises(ValidityError) as error:
            scales.reliability(_item_of(count), draws=2)
        said.append(error.value.summary)
    assert said[0] == said[1]


def test_enough_people_who_differ_are_told_of() -> None:
    assert scales.reliability(_item_of(3 * LEAST), draws=2)["alpha"].notna().all()


def test_degrees_of_freedom_do_not_say_whether_one_or_two_gave_an_answer() -> None:
    found = []
    for count in (1, 2):
        frame = people()
        frame["safety_efficacy"] = frame["safety_efficacy"].clip(upper=4)
        frame.loc[: count - 1, "safety_efficacy"] = 5.0
        table = diagnostics.linearity(as_real(frame), "collective", "safety").set_index("term")
        found.append(table.loc["efficacy", "df"])
    assert found[0] == found[1]


def test_what_is_adjusted_for_does_not_say_that_somebody_is_alone() -> None:
    frame = open_panel().frame
    frame = frame[frame["area"].isin(["A", "B"])].groupby("area", observed=True).head(150)
    frame = frame.reset_index(drop=True)
    treated = np.arange(len(frame)) % 2 == 1
    frame["arm"] = frame["arm"].mask(treated, "norm").where(treated, "control")
    frame.loc[frame["employment"] == "unemployed", "employment"] = "retired"
    frame.loc[np.flatnonzero(treated)[:20], "employment"] = "unemployed"
    said = []
    for count in (1, 2):
        some = frame.copy()
        some.loc[np.flatnonzero(~treated)[:count], "employment"] = "unemployed"
        table = nudges.effects(as_real(some), ["lin"], ["unweighted"], ["willing"])
        said.append(table["left_out"].tolist())
    assert said[0] == said[1] and "employment" in said[0][0]


def test_leaving_out_unusual_people_leaves_out_enough_of_them() -> None:
    panel = as_real(people())
    assert len(panel.frame) - len(without_outliers(panel).frame) >= LEAST


def _drawn(panel: Panel) -> np.ndarray:
    """Every end of an interval in the picture of the effects."""
    effects = nudges.effects(panel, ["strata"], ["unweighted"], ["willing"])
    equivalence = nudges.equivalence(panel, {"willing": 0.2}, "strata")
    figure = figures.arm_effects(effects, equivalence, panel)
    return np.concatenate([line.get_xdata() for axes in figure.axes for line in axes.lines])


def test_no_picture_has_more_digits_than_a_file() -> None:
    # The lengths of a thick and a thin interval to the last digit give how many answered, exactly.
    drawn = _drawn(as_real(people()))
    assert len(drawn) and np.array_equal(drawn, digits(drawn))
    exact = _drawn(open_panel())
    assert not np.array_equal(exact, digits(exact))


def test_a_panel_that_is_replaced_while_the_book_is_made_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "council.csv"
    file.write_text("a,b\n1,2\n3,4\n", encoding="utf-8")
    monkeypatch.setenv(PANEL_VARIABLE, str(file))
    before = gather(PROJECT, "")
    refuse_changed(before, PROJECT)
    file.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(BookError, match=r"council\.csv: changed"):
        refuse_changed(before, PROJECT)


def test_degrees_of_freedom_say_no_more_than_the_count() -> None:
    """Each is a count less another known number; rounded on their own they left four values of it."""
    panel = as_real(people())
    tables = (
        background.wald_tests(panel),
        nudges.effects(panel, outcomes=["willing"]),
        nudges.heterogeneity(panel, ["willing"]),
    )
    for table in tables:
        freedom = table["df_residual"] if "df_residual" in table else table["df"]
        assert (table["n"] % LEAST == 0).all() and (freedom % LEAST != 0).any()
    tests = tables[0]
    areas = panel.frame["area"].nunique()
    assert (tests["df_residual"] == tests["n"] - areas - tests["df"]).all()


def test_counts_of_an_arm_leave_open_how_few_of_it_did_not_answer() -> None:
    panel = as_real(people())
    sizes = panel.frame["arm"].astype(object).value_counts()
    table = nudges.effects(panel, ["strata"], ["unweighted"], ["willing"])
    own = table[table["family"] == "arms"]
    assert (own["arm"].map(sizes) - own["n_arm"] >= LEAST).all()
    assert (sizes["control"] - own["n_control"] >= LEAST).all()
