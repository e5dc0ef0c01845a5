"""Regressions and comparisons of forms against R, odd panels, and what must not change a result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from coprod.correlates import compare_blocks, compare_forms, fit, predict_over, rank_agreement
from coprod.crossproducts import eliminate, resampled
from coprod.errors import ValidityError
from coprod.panel import Panel, open_panel
from coprod.paths import PANEL
from coprod.regression import ModelMatrix, Regression
from tests.panels import made, small
from tests.reference import assert_agrees, load_reference

TOLERANCE = 1e-8
ISSUES = ("all", "safety", "environment", "health")


@pytest.fixture(scope="module")
def panel() -> Panel:
    return open_panel(PANEL)


@pytest.fixture(scope="module")
def reference() -> pd.DataFrame:
    return load_reference("correlates")


def on(issue: str) -> str | None:
    return None if issue == "all" else issue


def test_coefficients_and_clustered_errors_agree_with_r(
    panel: Panel, reference: pd.DataFrame
) -> None:
    table = pd.concat(
        fit(panel, form, on(issue), weighted=weights == "weighted").assign(
            weights=weights, issue=issue, form=form
        )
        for weights in ("weighted", "unweighted")
        for issue in ISSUES
        for form in ("individual", "collective")
    )
    keys = ["weights", "issue", "form", "term", "level"]
    assert_agrees(reference, "fit", table, keys, TOLERANCE)


@pytest.mark.parametrize(
    ("function", "keys"),
    [(compare_forms, ["term", "level"]), (compare_blocks, ["block"])],
)
def test_comparisons_agree_with_the_stacked_regression_in_r(
    panel: Panel, reference: pd.DataFrame, function: Callable[..., pd.DataFrame], keys: list[str]
) -> None:
    table = pd.concat(
        function(panel, on(issue), scale).assign(issue=issue, scale=scale)
        for scale in ("points", "sd")
        for issue in ISSUES
    )
    assert_agrees(reference, function.__name__, table, ["scale", "issue", *keys], TOLERANCE)


def test_predictions_agree_with_r(panel: Panel, reference: pd.DataFrame) -> None:
    table = predict_over(panel)
    assert len(table) == 3 * 2 * 5
    assert_agrees(reference, "predict_over", table, ["issue", "form", "answer"], TOLERANCE)


def test_a_prediction_steps_by_the_coefficient(panel: Panel) -> None:
    predicted = predict_over(panel, "consulted").query("issue == 'health' and form == 'individual'")
    row = fit(panel, "individual", "health").set_index("term").loc["consulted"]
    np.testing.assert_allclose(
        predicted["prediction"].diff().dropna(), row["estimate"] / row["scale"], rtol=1e-9
    )
    assert predicted["label"].iloc[0] == "Never"


def test_blocks_and_scales_of_the_terms(panel: Panel) -> None:
    table = fit(panel, "individual")
    assert table["block"].drop_duplicates().tolist() == [
        "intercept", "area", "issue", "background", "performance", "outreach", "efficacy",
    ]  # fmt: skip
    assert table["scale"].notna().sum() == 7
    assert not table[["estimate", "standard_error", "p"]].isna().any().any()
    women = table.query("term == 'gender'").iloc[0]
    assert (women["label"], women["reference"], women["level"]) == ("Woman", "Man", "woman")


def test_another_reference_level_moves_the_contrasts_only(panel: Panel) -> None:
    first = fit(panel, "collective").set_index(["term", "level"])
    other = fit(panel, "collective", references={"education": "degree", "area": "C"})
    other = other.set_index(["term", "level"])
    assert ("education", "degree") not in other.index
    assert (other.loc["education", "reference"] == "Degree or higher").all()
    for name in ("estimate", "standard_error", "p"):
        assert other.loc[("efficacy", ""), name] == pytest.approx(
            first.loc[("efficacy", ""), name], rel=1e-9
        )
    assert other.loc[("education", "school"), "estimate"] == pytest.approx(
        first.loc[("education", "school"), "estimate"]
        - first.loc[("education", "degree"), "estimate"]
    )


@pytest.mark.parametrize(
    ("references", "said"),
    [
        ({"education": "phd"}, r"education: 'phd' .* no_qualifications, school, college, degree"),
        ({"efficacy": "3"}, "references: efficacy has no levels"),
        ({"income": "low"}, "references: income has no levels"),
    ],
)
def test_references_that_do_not_exist(panel: Panel, references: dict[str, str], said: str) -> None:
    with pytest.raises(ValidityError, match=said):
        fit(panel, "individual", references=references)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"form": "joint"}, "forms are individual, collective"),
        ({"form": "individual", "issue": "roads"}, "issues are safety, environment, health"),
        ({"form": "individual", "without": ["income"]}, "without: no 'income'"),
    ],
)
def test_arguments_that_do_not_exist(panel: Panel, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidityError, match=said):
        fit(panel, **arguments)
    with pytest.raises(ValidityError, match="'points', 'sd' and 'latent'"):
        compare_forms(panel, scale="logit")  # type: ignore[arg-type]
    with pytest.raises(ValidityError, match="perceptions are state, satisfied"):
        predict_over(panel, "age")


def collinear(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(years=frame["age"] - 18)


def owners_disabled(frame: pd.DataFrame) -> pd.DataFrame:
    """Tenure says the same as disability."""
    same = frame["disability"].map({"no": "rents", "yes": "owns"})
    return frame.assign(tenure=pd.Categorical(same, ["rents", "owns"], ordered=True))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (collinear, "years: follows exactly from age"),
        (owners_disabled, "disability: follows exactly from tenure"),
        (lambda frame: frame.assign(years=7.0), "years: is '7' for all"),
        (lambda frame: frame.assign(minority="no"), "minority: is 'No' for all"),
        (lambda frame: frame.assign(children=np.nan), "children: nobody"),
        (lambda frame: frame.assign(years=np.nan), "years: nobody"),
        (lambda frame: frame.assign(safety_efficacy=3.0), "efficacy: is '3' for all"),
        (lambda frame: frame.assign(safety_efficacy=np.nan), "efficacy: nobody"),
        (
            lambda frame: frame.assign(**{f"safety_col_{i}": 0.0 for i in range(1, 5)}),
            "collective: the index is the same for everybody",
        ),
        (
            lambda frame: frame.assign(**{f"safety_col_{i}": np.nan for i in range(1, 5)}),
            "collective: nobody",
        ),
    ],
)
def test_what_cannot_be_estimated_is_named(
    change: Callable[[pd.DataFrame], pd.DataFrame], said: str
) -> None:
    with pytest.raises(ValidityError, match=said):
        fit(made(change(small()), ["safety"]), "collective")


def test_more_coefficients_than_respondents() -> None:
    frame = small().query("area in ('A', 'B')")[:20]
    with pytest.raises(ValidityError, match="needs more respondents than coefficients"):
        fit(made(frame), "individual")


def test_alternately_missing_answers_leave_nobody() -> None:
    frame = small()
    half = np.arange(len(frame)) % 2 == 0
    frame.loc[half, "years"] = np.nan
    frame.loc[~half, "safety_efficacy"] = np.nan
    with pytest.raises(ValidityError, match=r"nobody answered everything; (years|efficacy)"):
        fit(made(frame, ["safety"]), "individual")


def test_left_out_variables_let_the_rest_be_estimated() -> None:
    frame = small().assign(minority="no", years=np.nan)
    table = fit(made(frame), "individual", without=["minority", "years"])
    assert not {"minority", "years"} & set(table["term"]) and table["p"].notna().all()
    panel = made(small())
    assert "efficacy" not in set(compare_blocks(panel, without=["efficacy"])["block"])


def test_one_issue_or_one_area_needs_no_effect_of_it() -> None:
    one = made(small(), ["health"])
    pd.testing.assert_frame_equal(fit(one, "individual"), fit(one, "individual", "health"))
    assert "issue" not in set(fit(one, "individual")["block"])
    frame = small(600)
    area = made(frame[frame["area"] == frame["area"].mode()[0]])
    table = fit(area, "collective")
    assert "area" not in set(table["block"]) and table["p"].notna().all()
    assert compare_forms(area)["p"].notna().all()


def test_nothing_missing_uses_every_row() -> None:
    frame = small()
    items = [c for c in frame if c.startswith(("safety_", "environment_", "health_"))]
    for name in [*items, "age", "years"]:
        frame[name] = frame[name].fillna(frame[name].median())
    for name in frame.select_dtypes("category"):
        frame[name] = frame[name].fillna(frame[name].mode()[0])
    table = fit(made(frame), "individual")
    assert (table["n"] == 900).all() and (table["clusters"] == 300).all()


def test_a_category_that_nobody_has_gets_no_row() -> None:
    frame = small()
    frame.loc[frame["employment"] == "full_time", "employment"] = "part_time"
    table = fit(made(frame), "individual").query("term == 'employment'")
    assert set(table["level"]) == {"unemployed", "retired", "other"}
    assert table["reference"].str.startswith("Work part time").all()


def test_the_error_of_a_category_of_one_is_not_made_up() -> None:
    """One person fits exactly: the residual is zero and the error of the level would be too small."""
    frame = small()
    frame.loc[frame["employment"] == "other", "employment"] = "full_time"
    complete = frame.dropna().index
    frame.loc[complete[0], "employment"] = "other"
    panel = made(frame)
    table = fit(panel, "individual").set_index(["term", "level"])
    other = table.loc[("employment", "other")]
    assert np.isfinite(other["estimate"])
    assert other[["standard_error", "low", "p"]].isna().all()
    assert table.drop(index=("employment", "other"))["p"].notna().all()
    differences = compare_forms(panel)
    assert differences["p_holm"].isna().sum() == 1
    tests = compare_blocks(panel).set_index("block")
    assert tests.loc["background", "df"] == len(differences.query("block == 'background'")) - 1
    assert tests["p"].notna().all() and predict_over(panel)["low"].notna().all()


def test_zero_weights_leave_a_respondent_out() -> None:
    frame = small()
    frame.loc[:49, "weight"] = 0.0
    zero = fit(made(frame, ["safety"]), "individual")
    gone = fit(made(frame.iloc[50:].reset_index(drop=True), ["safety"]), "individual")
    pd.testing.assert_frame_equal(zero, gone)


def test_order_and_units_change_nothing() -> None:
    frame = small()
    base = fit(made(frame), "collective")
    moved = frame.sample(frac=1, random_state=3).assign(
        age=frame["age"] * 12, weight=frame["weight"] * 7
    )
    again = fit(made(moved), "collective")
    numbers = ["estimate", "standard_error", "p", "estimate_sd"]
    np.testing.assert_allclose(again[numbers], base[numbers], rtol=1e-8, atol=1e-10)


def test_equal_forms_do_not_differ() -> None:
    frame = small()
    for issue in ("safety", "environment", "health"):
        for number in range(1, 5):
            frame[f"{issue}_col_{number}"] = frame[f"{issue}_ind_{number}"]
    model = ModelMatrix.of(made(frame), ["individual", "collective"])
    coefficients = Regression(model).coefficients
    np.testing.assert_allclose(coefficients[:, 0], coefficients[:, 1], atol=1e-9)
    for function in (compare_forms, compare_blocks):
        with pytest.raises(ValidityError, match="the difference is the same for everybody"):
            function(made(frame))
    ranks = rank_agreement(made(frame), draws=50).iloc[0]
    assert ranks["correlation"] == ranks["low"] == ranks["high"] == pytest.approx(1)


def test_rank_agreement_is_spearmans_over_numbers(panel: Panel) -> None:
    table = compare_forms(panel)
    numbers = table[table["level"] == ""]
    found = rank_agreement(panel, draws=300)
    expected = stats.spearmanr(numbers["individual"], numbers["collective"]).statistic
    assert found["correlation"].item() == pytest.approx(expected, abs=1e-12)
    assert found["low"].item() < expected and found["high"].item() <= 1
    pd.testing.assert_frame_equal(found, rank_agreement(panel, draws=300))


def test_resampled_cross_products_are_those_of_resampled_rows() -> None:
    """The draw's own counts, applied to rows, give the same regression."""
    model = ModelMatrix.of(made(small()), ["individual"])
    columns = np.column_stack([model.predictors, model.outcomes])
    matrix = next(resampled(model.design, columns, 2, seed=5))[1]
    generator = np.random.default_rng(5)
    counts = np.zeros(len(model.design.strata))
    for area in np.unique(model.design.strata):
        people = np.flatnonzero(model.design.strata == area)
        drawn = generator.integers(0, len(people), size=(2, len(people)))
        np.add.at(counts, people[drawn[1]], 1)
    weights = model.design.weights * counts[model.design.clusters]
    np.testing.assert_allclose(matrix, columns.T @ (columns * weights[:, None]), rtol=1e-9)


def test_eliminating_leaves_the_residual_cross_products() -> None:
    values = np.random.default_rng(1).normal(size=(50, 6))
    values[:, 2] = values[:, 0] - values[:, 1]  # follows from others: changes nothing
    values /= np.linalg.norm(values, axis=0)
    left = values[:, 3:]
    residuals = left - values[:, :2] @ np.linalg.lstsq(values[:, :2], left, rcond=None)[0]
    found = eliminate(values.T @ values, 3)
    np.testing.assert_allclose(found, residuals.T @ residuals, atol=1e-12)
