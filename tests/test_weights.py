"""Raking: margins met, agreement with another method, and failures that name the margin."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from coprod import load_instrument
from coprod.errors import ValidityError
from coprod.synthetic import synthesise
from coprod.weights import load_margins, rake

MARGINS = load_margins()


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    frame = synthesise(respondents=1500, seed=11)[["area", "gender", "age"]]
    return frame.assign(age=load_instrument().variables["age"].banded(frame["age"]))


def test_margins_are_reproduced_within_every_area(people: pd.DataFrame) -> None:
    weights, report = rake(people, MARGINS)
    assert report["difference"].abs().max() < 1e-10
    assert len(report) == 5 * (2 + 5)
    for row in report.itertuples():
        inside = people["area"] == row.area
        of_level = inside & (people[row.variable] == row.level)
        share = weights[of_level].sum() / weights[inside].sum()
        assert share == pytest.approx(row.target, abs=1e-9)
        assert row.unweighted == pytest.approx(of_level.sum() / inside.sum(), abs=1e-12)
    means = weights.groupby(people["area"], observed=True).mean()
    assert np.allclose(means, 1, atol=1e-9)


def test_weights_are_those_of_the_log_linear_model(people: pd.DataFrame) -> None:
    # Raking is w = exp(a + b) with the margins met: the minimum of a convex function.
    inside = people[people["area"] == "C"]
    gender, age = inside["gender"].cat.codes.to_numpy(), inside["age"].cat.codes.to_numpy()
    dummies = np.column_stack([np.eye(2)[gender], np.eye(5)[age]])
    target = MARGINS[MARGINS["area"] == "C"]["share"].to_numpy() * len(inside)

    def dual(slopes: np.ndarray) -> tuple[float, np.ndarray]:
        fitted = np.exp(dummies @ slopes)
        return fitted.sum() - target @ slopes, dummies.T @ fitted - target

    found = minimize(dual, np.zeros(7), jac=True, method="BFGS", options={"gtol": 1e-9})
    weights, _ = rake(people, MARGINS)
    assert np.allclose(weights[inside.index], np.exp(dummies @ found.x), atol=1e-8)


def test_order_of_rows_and_of_variables_does_not_matter(people: pd.DataFrame) -> None:
    weights, _ = rake(people, MARGINS)
    turned, _ = rake(people[::-1], MARGINS[::-1])
    assert np.allclose(turned.sort_index(), weights, atol=1e-8)


def test_one_margin_is_post_stratification() -> None:
    frame = pd.DataFrame({"area": "A", "gender": ["man"] * 3 + ["woman"] * 7})
    half = pd.DataFrame(
        {"area": "A", "variable": "gender", "level": ["man", "woman"], "share": 0.5}
    )
    weights, report = rake(frame, half)
    assert weights.to_numpy() == pytest.approx([5 / 3] * 3 + [5 / 7] * 7, abs=1e-12)
    assert report["rounds"].tolist() == [1, 1]


def test_margins_without_a_solution_are_named() -> None:
    # All men are young and all women old: 50 % men and 60 % young cannot both hold.
    frame = pd.DataFrame({"area": "A", "gender": ["man", "woman"] * 5, "age": ["young", "old"] * 5})
    margins = pd.DataFrame(
        {
            "area": "A",
            "variable": ["gender", "gender", "age", "age"],
            "level": ["man", "woman", "young", "old"],
            "share": [0.5, 0.5, 0.6, 0.4],
        }
    )
    with pytest.raises(ValidityError) as caught:
        rake(frame, margins, iterations=50)
    assert "area A, gender man: share 0.6" in str(caught.value)
    assert "after 50 rounds; target 0.500000" in str(caught.value)


def test_every_reason_not_to_rake_is_said_at_once(people: pd.DataFrame) -> None:
    frame = people.astype(object)
    frame.loc[frame.index[frame["area"] == "A"][:3], "gender"] = None
    frame = frame[~((frame["area"] == "B") & (frame["age"] == "75+"))]
    frame.loc[frame.index[frame["area"] == "E"], "area"] = "F"
    margins = MARGINS.copy()
    margins.loc[(margins["area"] == "C") & (margins["level"] == "man"), "share"] = 0.7
    with pytest.raises(ValidityError) as caught:
        rake(frame, margins)
    said = str(caught.value)
    assert "area: no margins for F" in said
    assert "area A, gender: 3 respondents without a level; one of man, woman" in said
    assert "area B, age 75+: no respondent; target share 0.1" in said
    assert "area C, gender: shares sum to 1.218" in said


def test_a_missing_column_is_named() -> None:
    with pytest.raises(ValidityError, match="no column gender, age"):
        rake(pd.DataFrame({"area": ["A"]}), MARGINS)
