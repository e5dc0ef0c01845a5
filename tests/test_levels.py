"""Levels against R's survey package, the rules for small and odd domains, and invariances."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coprod import background
from coprod.design_based import SurveyDesign
from coprod.errors import ValidityError
from coprod.levels import gaps, means, shares
from coprod.panel import Panel, open_panel
from coprod.paths import PANEL
from tests.panels import made, small
from tests.reference import assert_agrees, load_reference

TOLERANCE = 1e-8


@pytest.fixture(scope="module")
def panel() -> Panel:
    return open_panel(PANEL)


@pytest.fixture(scope="module")
def reference() -> pd.DataFrame:
    return load_reference("levels")


def test_shares_agree_with_svymean(panel: Panel, reference: pd.DataFrame) -> None:
    table, keys = shares(panel), ["issue", "form", "item", "answer"]
    assert len(table) == 72
    assert_agrees(reference, "shares", table, keys, TOLERANCE)
    assert_agrees(reference, "svyciprop", table, keys, 1e-7)


@pytest.mark.parametrize("by", [("issue",), ("area",), ("issue", "area"), ()])
def test_means_and_gaps_agree_with_survey(
    panel: Panel, reference: pd.DataFrame, by: tuple[str, ...]
) -> None:
    # `keys` in R's file name the domain: as many parts as `by` has, or 'all'
    names = {"issue": list(panel.instrument.issues), "area": list(panel.instrument.areas)}
    domains = (
        ["/".join(key) for key in pd.MultiIndex.from_product([names[b] for b in by])]
        if (len(by) > 1)
        else (names[by[0]] if by else ["all"])
    )
    for name, table, prefix in (
        ("means", means(panel, by), ["individual/", "collective/"]),
        ("gaps", gaps(panel, by), [""]),
    ):
        chosen = reference[
            (reference["table"] == name)
            & reference["keys"].isin([start + domain for start in prefix for domain in domains])
        ]
        table = table if by else table.assign(pooled="all")
        keys = [*(["form"] if name == "means" else []), *(by or ["pooled"])]
        assert len(table) == len(prefix) * len(domains)
        assert_agrees(chosen, name, table, keys, TOLERANCE)


def test_background_agrees_with_svyglm(panel: Panel, reference: pd.DataFrame) -> None:
    assert_agrees(
        reference,
        "by_background",
        background.means(panel),
        ["variable", "form", "level"],
        TOLERANCE,
    )
    assert_agrees(
        reference, "background_tests", background.wald_tests(panel), ["variable", "form"], TOLERANCE
    )


def test_a_mean_and_its_error_by_hand() -> None:
    """Two areas, one of two and one of three respondents, weights 1 and 2."""
    frame = pd.DataFrame(
        {
            "respondent": list("abcde"),
            "area": list("XXYYY"),
            "weight": [1.0, 1, 2, 2, 2],
            "y": [0.0, 4, 1, 2, 6],
        }
    )
    found = SurveyDesign.of(frame).mean(frame["y"])
    assert found.value[0] == pytest.approx(22 / 8)
    # weighted residuals / 8: X -2.75 1.25, Y -3.5 -1.5 6.5, centred in the area, n/(n-1)
    variance = (2 * (2**2 + 2**2) + 1.5 * (4**2 + 2**2 + 6**2)) / 64
    assert found.standard_error[0] == pytest.approx(np.sqrt(variance))
    assert found.degrees_of_freedom[0] == 3
    assert found.respondents[0] == 5


def test_a_domain_keeps_the_respondents_outside_it_in_the_design() -> None:
    """The size of a domain is random: leaving the others out understates the error of a total."""
    frame = small()
    design = SurveyDesign.of(frame)
    women = (frame["gender"] == "woman").to_numpy()
    y = frame["safety_efficacy"].fillna(3)
    inside = design.mean(y, women)
    alone = SurveyDesign.of(frame[women]).mean(y[women])
    assert inside.value[0] == pytest.approx(alone.value[0], abs=1e-12)
    assert inside.standard_error[0] != pytest.approx(alone.standard_error[0], abs=1e-6)
    assert inside.degrees_of_freedom[0] == alone.degrees_of_freedom[0] == women.sum() - 5


def test_the_gap_is_that_of_people_who_have_both_indices() -> None:
    frame = small()
    items = [f"safety_col_{number}" for number in range(1, 5)]
    frame.loc[:9, items] = np.nan
    table = gaps(made(frame, ["safety"]))
    assert table["n"].iloc[0] <= len(frame) - 10
    assert table["gap"].iloc[0] == pytest.approx(
        table["individual"].iloc[0] - table["collective"].iloc[0]
    )
    individual = means(made(frame, ["safety"])).query("form == 'individual'")
    assert individual["n"].iloc[0] > len(frame) - 10


def test_unweighted_gives_everybody_the_same_weight() -> None:
    frame = small()
    equal = frame.assign(weight=1.0)
    for function in (shares, means, gaps, background.means, background.wald_tests):
        pd.testing.assert_frame_equal(
            function(made(frame), weighted=False), function(made(equal)), check_exact=True
        )
    assert not means(made(frame))["mean"].equals(means(made(equal))["mean"])


FUNCTIONS: list[Callable[[Panel], pd.DataFrame]] = [
    shares,
    means,
    lambda panel: means(panel, ("issue", "area")),
    gaps,
    background.means,
    background.wald_tests,
]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_scaled_weights_and_shuffled_rows_change_nothing(
    function: Callable[[Panel], pd.DataFrame],
) -> None:
    frame = small()
    before = function(made(frame))
    scaled = frame.assign(weight=frame["weight"] * 1_000)
    shuffled = frame.sample(frac=1, random_state=3).reset_index(drop=True)
    for changed in (scaled, shuffled):
        pd.testing.assert_frame_equal(function(made(changed)), before, rtol=1e-9, atol=1e-9)


cells = st.lists(
    st.tuples(st.sampled_from("XY"), st.floats(0.1, 9), st.integers(0, 8)), min_size=3, max_size=25
)


@settings(max_examples=60)
@given(cells, st.integers(2, 4))
def test_copies_of_a_panel_shrink_the_error_as_they_should(
    rows: list[tuple[str, float, int]], copies: int
) -> None:
    """In one area, k copies of everybody: the same mean, variance times (n - 1) / (kn - 1)."""
    frame = pd.DataFrame(rows, columns=["area", "weight", "y"]).assign(area="X")
    frame["respondent"] = np.arange(len(frame))
    many = pd.concat([frame.assign(copy=copy) for copy in range(copies)], ignore_index=True)
    many["respondent"] = many["respondent"].astype(str) + "-" + many["copy"].astype(str)
    one, more = (SurveyDesign.of(table).mean(table["y"]) for table in (frame, many))
    n = len(frame)
    assert more.value[0] == pytest.approx(one.value[0], abs=1e-10)
    assert more.standard_error[0] ** 2 == pytest.approx(
        one.standard_error[0] ** 2 * (n - 1) / (copies * n - 1), abs=1e-10
    )


@settings(max_examples=60)
@given(cells)
def test_a_respondent_in_several_rows_counts_once(rows: list[tuple[str, float, int]]) -> None:
    """Each row twice under one name, with the same weight, says no more than once."""
    frame = pd.DataFrame(rows, columns=["area", "weight", "y"])
    frame = frame[frame.groupby("area")["y"].transform("size") > 1].reset_index(drop=True)
    frame["respondent"] = np.arange(len(frame))
    if frame.empty:
        return
    twice = pd.concat([frame, frame], ignore_index=True)
    one, two = (SurveyDesign.of(table).mean(table["y"]) for table in (frame, twice))
    assert two.value[0] == pytest.approx(one.value[0], abs=1e-10)
    assert two.standard_error[0] == pytest.approx(one.standard_error[0], abs=1e-10)
    assert two.respondents[0] == one.respondents[0]
    assert two.degrees_of_freedom[0] == one.degrees_of_freedom[0]


def people(**columns: list[Any]) -> pd.DataFrame:
    rows = len(next(iter(columns.values())))
    base = {
        "respondent": [str(n) for n in range(rows)],
        "area": ["X"] * rows,
        "weight": [1.0] * rows,
    }
    return pd.DataFrame(base | columns)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (people(area=["X", "X", "Y"]), "area: Y has one respondent"),  # lonely.psu = "fail"
        (people(weight=[1.0, -1, 1]), "weight: must be a number of zero or more"),
        (people(weight=[1.0, np.nan, 1]), "weight: must be a number of zero or more"),
        (people(weight=[0.0, 0, 0]), "weight: no respondent has a weight above zero"),
        (people(area=["X", None, "X"]), "area: is missing"),
        (
            people(respondent=["a", "a", "b", "c"], area=["X", "Y", "X", "Y"]),
            "area: respondent a stands in more than one area",
        ),
    ],
)
def test_a_design_that_allows_no_interval_says_why(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(ValidityError, match=message):
        SurveyDesign.of(frame)


def test_a_share_of_none_or_all_has_an_interval() -> None:
    """Clopper and Pearson: no event among 20 bounds the share by 1 - 0.025^(1/20)."""
    design = SurveyDesign.of(people(y=[0] * 20))
    low, high = design.mean([0.0] * 20).share_interval()
    assert (low[0], high[0]) == (0, pytest.approx(1 - 0.025 ** (1 / 20)))
    low, high = design.mean([1.0] * 20).share_interval()
    assert (low[0], high[0]) == (pytest.approx(0.025 ** (1 / 20)), 1)
    uneven = SurveyDesign.of(people(y=[0] * 20, weight=[1.0] * 10 + [3.0] * 10))
    assert uneven.mean([0.0] * 20).share_interval()[1][0] == pytest.approx(1 - 0.025 ** (1 / 16))


def test_one_respondent_in_a_domain_has_a_mean_and_no_error() -> None:
    design = SurveyDesign.of(people(y=[1, 2, 3]))
    found = design.mean([1.0, 2, 3], [False, True, False])
    assert found.value[0] == 2 and np.isnan(found.standard_error[0])
    assert np.isnan(found.interval()).all()


def test_a_domain_of_zero_weights_is_left_out() -> None:
    frame = small()
    frame.loc[frame["area"] == "C", "weight"] = 0.0
    table = means(made(frame), ("area",))
    assert set(table["area"]) == {"A", "B", "D", "E"}
    pooled = means(made(frame), ()).set_index("form")["n"]
    assert (pooled <= (frame["area"] != "C").sum()).all()
    frame["weight"] = np.where(frame["area"] == "C", 1.0, 0.0)
    assert means(made(frame), ("area",))["area"].unique().tolist() == ["C"]


def test_a_single_area_is_one_stratum() -> None:
    frame = small()
    frame = frame[frame["area"] == "A"].reset_index(drop=True)
    table = means(made(frame), ("area",))
    assert table["area"].unique().tolist() == ["A"]
    pd.testing.assert_frame_equal(
        table.drop(columns="area"), means(made(frame), ()), check_exact=True
    )


def test_a_single_issue() -> None:
    panel = made(small(), ["health"])
    assert means(panel)["issue"].tolist() == ["health", "health"]
    pd.testing.assert_frame_equal(
        gaps(panel).drop(columns="issue"), gaps(panel, ()), check_exact=True
    )
    assert set(shares(panel)["issue"]) == {"health"}


def test_an_item_that_nobody_answered_is_named() -> None:
    frame = small().assign(environment_ind_3=np.nan)
    with pytest.raises(ValidityError, match="environment_ind_3"):
        shares(made(frame))
    assert means(made(frame))["n"].gt(0).all()  # three answered items still make an index


def test_an_item_that_does_not_vary_has_shares_of_none_and_all() -> None:
    frame = small().assign(safety_ind_1=2.0)
    table = shares(made(frame)).query("issue == 'safety' and item == 'ind_1'")
    assert table["share"].tolist() == [0, 0, 1]
    assert table[["low", "high"]].notna().all().all()


def test_nobody_with_an_index_is_an_error_that_names_the_form() -> None:
    frame = small()
    frame[frame.filter(like="_col_").columns] = np.nan
    with pytest.raises(ValidityError, match="collective: no respondent"):
        means(made(frame))
    with pytest.raises(ValidityError, match="gap: no respondent"):
        gaps(made(frame))


def test_no_gap_has_no_standardised_size() -> None:
    frame = small()
    for issue in ("safety", "environment", "health"):
        for number in range(1, 5):
            frame[f"{issue}_ind_{number}"] = frame[f"{issue}_col_{number}"] = 1.0
    table = gaps(made(frame))
    assert (table["gap"] == 0).all() and (table["standard_error"] == 0).all()
    assert table["standardised"].isna().all()


def test_categories_without_respondents_are_left_out() -> None:
    frame = small()
    frame.loc[frame["education"] == "no_qualifications", "education"] = "school"
    table = background.means(made(frame)).query("variable == 'education'")
    assert set(table["level"]) == {"school", "college", "degree"}
    assert table["reference"].str.startswith("School").all()
    assert table.loc[table["level"] == "school", "difference"].isna().all()
    tests = background.wald_tests(made(frame)).query("variable == 'education'")
    assert (tests["df"] == 2).all()


def test_a_category_of_one_has_a_mean_and_is_compared_with_nothing() -> None:
    frame = small()
    frame.loc[frame["employment"] == "other", "employment"] = "full_time"
    frame.loc[5, "employment"] = "other"
    table = background.means(made(frame)).query("level == 'other'")
    assert (table["n"] == 1).all() and table["mean"].notna().all()
    assert table[["mean_low", "difference", "standard_error", "p", "p_holm"]].isna().all().all()
    tests = background.wald_tests(made(frame)).query("variable == 'employment'")
    assert (tests["df"] == 3).all() and tests["p"].notna().all()


def test_a_background_that_does_not_vary_is_not_tested() -> None:
    frame = small().assign(minority="no")
    assert "minority" not in set(background.wald_tests(made(frame))["variable"])
    row = background.means(made(frame)).query("variable == 'minority'")
    assert row["difference"].isna().all() and len(row) == 2


def test_holm_covers_every_difference_of_the_table(panel: Panel) -> None:
    table = background.means(panel)
    p = table["p"].dropna().sort_values()
    expected = (p * np.arange(len(p), 0, -1)).cummax().clip(upper=1)
    found = table.loc[p.index, "p_holm"]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("by", [("gender",), ("issue", "issue"), "issue"])
def test_domains_are_issues_and_areas(by: Any) -> None:
    for function in (means, gaps):
        with pytest.raises(ValidityError, match="allowed are 'issue', 'area'"):
            function(made(small()), by)
