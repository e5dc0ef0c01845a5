"""The fractional logit against R and statsmodels, and on odd panels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.tools.sm_exceptions import SpecificationWarning

from coprod.correlates import fit
from coprod.errors import ValidityError
from coprod.fractional import fit_fractional
from coprod.panel import Panel, open_panel
from coprod.paths import PANEL
from coprod.regression import ModelMatrix
from tests.panels import made, small
from tests.reference import assert_agrees, load_reference


@pytest.fixture(scope="module")
def panel() -> Panel:
    return open_panel(PANEL)


def test_coefficients_and_effects_agree_with_r(panel: Panel) -> None:
    reference = load_reference("ordered")
    table = pd.concat(
        fit_fractional(panel, form, None if issue == "all" else issue, weighted=weights).assign(
            weights="weighted" if weights else "unweighted", issue=issue, form=form
        )
        for weights, issues in (
            (True, ("all", "safety", "environment", "health")),
            (False, ("all",)),
        )
        for issue in issues
        for form in ("individual", "collective")
    )
    keys = ["weights", "issue", "form", "term", "level"]
    assert_agrees(reference, "fit_fractional", table, keys, 1e-8)
    assert_agrees(reference, "fractional_effects", table, keys, 1e-6)


def test_statsmodels_gives_the_same(panel: Panel) -> None:
    model = ModelMatrix.of(panel, ["collective"])
    share, x = model.outcomes[:, 0] / 100, model.predictors
    glm = sm.GLM(share, x, family=sm.families.Binomial(), var_weights=model.design.weights)
    groups = {"groups": model.design.clusters}
    with pytest.warns(SpecificationWarning, match="not fully supported with var_weights"):
        glm = glm.fit(tol=1e-14, cov_type="cluster", cov_kwds=groups)
    table = fit_fractional(panel, "collective")
    np.testing.assert_allclose(table["coefficient"], glm.params[1:], rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(table["coefficient_standard_error"], glm.bse[1:], rtol=1e-9)


def test_effects_are_near_those_of_the_straight_line(panel: Panel) -> None:
    """Where few indices are at an end, a curve and a line have nearly the same slope."""
    curve, line = fit_fractional(panel, "individual"), fit(panel, "individual")[1:]
    assert curve["term"].tolist() == line["term"].tolist()
    assert np.abs(curve["estimate"].to_numpy() - line["estimate"].to_numpy()).max() < 0.3
    np.testing.assert_allclose(curve["standard_error"], line["standard_error"], rtol=0.05)


def test_a_turned_index_turns_the_effects() -> None:
    frame = small()
    turned = frame.copy()
    items = [c for c in frame if c.startswith("health_ind_")]
    turned[items] = 2 - frame[items]
    table, again = (fit_fractional(made(f, ["health"]), "individual") for f in (frame, turned))
    for name in ("coefficient", "estimate"):
        np.testing.assert_allclose(again[name], -table[name], atol=1e-7)
    np.testing.assert_allclose(again["standard_error"], table["standard_error"], rtol=1e-7)


def idle(frame: pd.DataFrame) -> pd.DataFrame:
    changed = frame.copy()
    changed.loc[changed["minority"] == "yes", [f"safety_col_{i}" for i in range(1, 5)]] = 0.0
    return changed


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (idle, "minority: tells some categories of the outcome apart"),
        (lambda frame: frame.assign(years=frame["age"] - 18), "years: follows exactly from age"),
        (lambda frame: frame.assign(years=7.0), "years: is '7' for all"),
        (lambda frame: frame.assign(children=np.nan), "children: nobody"),
        (
            lambda frame: frame.assign(**{f"safety_col_{i}": 0.0 for i in range(1, 5)}),
            "collective: the index is the same for everybody",
        ),
    ],
)
def test_what_cannot_be_estimated_is_named(
    change: Callable[[pd.DataFrame], pd.DataFrame], said: str
) -> None:
    with pytest.raises(ValidityError, match=said):
        fit_fractional(made(change(small()), ["safety"]), "collective")


def test_one_issue_one_area_and_a_category_of_one() -> None:
    one = made(small(), ["health"])
    table = fit_fractional(one, "individual")
    pd.testing.assert_frame_equal(table, fit_fractional(one, "individual", "health"))
    frame = small(600)
    area = fit_fractional(made(frame[frame["area"] == frame["area"].mode()[0]]), "collective")
    assert "area" not in set(area["term"]) and area["p"].notna().all()
    frame = small()
    frame.loc[frame["employment"] == "other", "employment"] = "full_time"
    frame.loc[frame.dropna().index[0], "employment"] = "other"
    table = fit_fractional(made(frame), "individual").set_index(["term", "level"])
    errors = table[["coefficient_standard_error", "standard_error", "p"]]
    assert errors.loc[("employment", "other")].isna().all()
    assert errors.drop(index=("employment", "other")).notna().all().all()
