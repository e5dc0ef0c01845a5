"""How the forms go together: against R's survey package, against a jackknife, and at the edges."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from coprod.errors import ValidityError
from coprod.forms import GROUPS, PROFILES, correlations, overlap, profiles
from coprod.levels import means
from coprod.panel import Panel, open_panel
from coprod.paths import PANEL
from coprod.scales import indices
from tests.panels import made, small
from tests.reference import assert_agrees, load_reference

TOLERANCE = 1e-8


@pytest.fixture(scope="module")
def panel() -> Panel:
    return open_panel(PANEL)


@pytest.fixture(scope="module")
def reference() -> pd.DataFrame:
    return load_reference("levels")


def test_correlations_agree_with_survey(panel: Panel, reference: pd.DataFrame) -> None:
    assert_agrees(reference, "correlations", correlations(panel), ["issue"], TOLERANCE)


def test_overlap_agrees_with_survey(panel: Panel, reference: pd.DataFrame) -> None:
    assert_agrees(reference, "overlap", overlap(panel), ["issue", "group"], TOLERANCE)


def test_profiles_agree_with_survey(panel: Panel, reference: pd.DataFrame) -> None:
    assert_agrees(reference, "profiles", profiles(panel), ["issue", "group"], TOLERANCE)


def test_the_error_of_a_correlation_agrees_with_a_jackknife() -> None:
    """A second implementation: leave out one respondent at a time, within areas."""
    panel = made(small(400), ["safety"])
    frame = indices(panel).dropna(subset=["individual", "collective"])
    values = frame[["individual", "collective"]].to_numpy()
    weight = frame["weight"].to_numpy()
    variance = 0.0
    for rows in frame.reset_index(drop=True).groupby("area", observed=True).groups.values():
        left = []
        for row in rows:
            without = weight.copy()
            without[row] = 0
            covariance = np.cov(values.T, aweights=without)
            left.append(covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1]))
        count = len(rows)
        variance += (count - 1) / count * ((np.array(left) - np.mean(left)) ** 2).sum()
    found = correlations(panel).set_index("issue")
    assert found.loc["safety", "standard_error"] == pytest.approx(np.sqrt(variance), rel=0.02)
    assert found.loc["all", "correlation"] == pytest.approx(found.loc["safety", "correlation"])


def test_overlap_is_a_partition_and_agrees_with_the_share_of_none(panel: Panel) -> None:
    table = overlap(panel, ())
    assert table["group"].tolist() == list(GROUPS)
    assert table["share"].sum() == pytest.approx(1, abs=1e-12)
    share = table.set_index("group")["share"].astype(float)
    none = means(panel, ()).set_index("form")["zero"]
    assert share["neither"] + share["collective only"] == pytest.approx(
        none["individual"], abs=0.01
    )
    assert list(overlap(panel, ("issue", "area")).columns[:3]) == ["issue", "area", "group"]


def test_profiles_part_the_people_at_the_thirds_of_the_scale() -> None:
    """With three items answered an index can lie on a third exactly; it belongs below."""
    frame = small()
    answers = [(0, 0), (1, 0), (1, 1), (2, 1), (2, 2)]  # items 1 and 2; the others as item 2
    for place, (first, rest) in enumerate(answers):
        frame.loc[place, "safety_ind_1"] = first
        frame.loc[place, ["safety_ind_2", "safety_ind_3"]] = rest
        frame.loc[place, "safety_ind_4"] = np.nan
    frame = frame.take(np.r_[0:5, 0:5]).reset_index(drop=True)
    frame["respondent"] = [f"R{number}" for number in range(10)]
    frame["area"] = "A"
    index = indices(made(frame, ["safety"]))["individual"]
    assert index[:5].round(1).tolist() == [0.0, 16.7, 50.0, 66.7, 100.0]
    table = profiles(made(frame, ["safety"])).set_index("group")
    assert table["n"].to_dict() == {"none": 2, "low": 2, "middle": 4, "high": 2}
    assert table["label"].to_dict() == PROFILES


def test_groups_without_respondents_are_left_out() -> None:
    frame = small()
    frame[[f"health_ind_{number}" for number in range(1, 5)]] = 2.0
    table = profiles(made(frame, ["health"]))
    assert table["group"].tolist() == ["high"]
    assert overlap(made(frame, ["health"])).set_index("group").loc["neither", "share"] == 0


def test_scaled_weights_and_shuffled_rows_change_nothing() -> None:
    frame = small()
    changed = frame.sample(frac=1, random_state=3).reset_index(drop=True)
    changed["weight"] *= 1_000
    for function in (correlations, overlap, profiles):
        pd.testing.assert_frame_equal(
            function(made(changed)), function(made(frame)), rtol=1e-9, atol=1e-9
        )


def test_unweighted_gives_everybody_the_same_weight() -> None:
    frame = small()
    for function in (correlations, overlap, profiles):
        pd.testing.assert_frame_equal(
            function(made(frame), weighted=False),
            function(made(frame.assign(weight=1.0))),
            check_exact=True,
        )


def test_an_index_that_does_not_vary_is_named() -> None:
    frame = small()
    frame[[f"safety_col_{number}" for number in range(1, 5)]] = 0.0
    with pytest.raises(ValidityError, match="collective: the index does not vary on safety"):
        correlations(made(frame))


def test_nobody_with_both_indices_is_an_error() -> None:
    frame = small()
    frame[frame.filter(like="_col_").columns] = np.nan
    for function in (correlations, overlap, profiles):
        with pytest.raises(ValidityError, match="individual and collective: no respondent"):
            function(made(frame))
