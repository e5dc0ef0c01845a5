"""Diagnostics against statsmodels and against refits, and what they must notice."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.stats.outliers_influence import variance_inflation_factor

from coprod.diagnostics import inflation, influence, leverage, linearity, residuals
from coprod.errors import ValidityError
from coprod.panel import Panel, open_panel
from coprod.paths import PANEL
from coprod.regression import ModelMatrix, Regression
from tests.panels import made, small

EVERY = [inflation, influence, leverage, residuals, linearity]


@pytest.fixture(scope="module")
def panel() -> Panel:
    return open_panel(PANEL)


def test_the_factor_of_a_number_is_that_of_statsmodels(panel: Panel) -> None:
    model = ModelMatrix.of(panel, ["collective"], weighted=False)
    table = inflation(panel, weighted=False).set_index("term")
    numeric = np.flatnonzero(model.terms["scale"].notna())
    for place in numeric:
        name = model.terms["term"].iloc[place]
        expected = variance_inflation_factor(model.predictors, place)
        assert table.loc[name, "factor"] == pytest.approx(expected, rel=1e-9)


def test_a_factor_of_several_columns_is_the_ratio_of_confidence_ellipsoids(panel: Panel) -> None:
    # Fox and Monette define it by the volume of the joint region against that without overlap.
    model = ModelMatrix.of(panel, ["collective"])
    x, w = model.predictors, model.design.weights
    own = np.flatnonzero(model.terms["term"] == "employment")
    covariance = np.linalg.inv(x.T @ (x * w[:, None]))[np.ix_(own, own)]
    alone = x[:, [0, *own]]
    apart = np.linalg.inv(alone.T @ (alone * w[:, None]))[1:, 1:]
    expected = np.linalg.det(covariance) / np.linalg.det(apart)
    table = inflation(panel).set_index("term")
    assert table.loc["employment", "factor"] == pytest.approx(expected, rel=1e-9)
    assert table.loc["employment", "df"] == 4


@pytest.mark.parametrize("weighted", [True, False])
def test_leaving_a_respondent_out_is_a_refit_without_them(panel: Panel, weighted: bool) -> None:
    frame = small(250)
    model = ModelMatrix.of(made(frame), ["individual"], weighted=weighted)
    x, y, w = model.predictors, model.outcomes[:, 0], model.design.weights
    people = np.unique(model.design.clusters)
    refits = np.array(
        [
            sm.WLS(y[kept], x[kept], w[kept]).fit().params
            for kept in (model.design.clusters != who for who in people)
        ]
    )
    table = influence(made(frame), "individual", weighted=weighted)
    inside = ~model.terms["block"].isin(["intercept", "area", "issue"]) & ~model.terms["lonely"]
    known = table["lowest"].notna()
    np.testing.assert_allclose(table.loc[known, "lowest"], refits.min(axis=0)[inside], atol=1e-7)
    np.testing.assert_allclose(table.loc[known, "highest"], refits.max(axis=0)[inside], atol=1e-7)


def test_leverage_is_that_of_the_hat_matrix() -> None:
    frame = small(250)
    model = ModelMatrix.of(made(frame), ["collective"])
    root = np.sqrt(model.design.weights)[:, None]
    q = np.linalg.qr(model.predictors * root)[0]
    by_respondent = model.design.total((q**2).sum(axis=1)[:, None])[:, 0]
    multiple = by_respondent / by_respondent.mean()
    table = leverage(made(frame))
    assert table["respondents"].tolist() == np.histogram(multiple, [0, 1, 2, 3, 1e9])[0].tolist()
    assert table["largest"].iloc[0] == pytest.approx(multiple.max())
    assert table["pull"].sum() == pytest.approx(1)


def test_one_odd_respondent_is_seen() -> None:
    frame = small(300, seed=3)
    before = influence(made(frame), "collective").set_index("term").loc["years", "shift"]
    frame.loc[0, ["age", "years"]] = [95.0, 94.0]
    items = [name for name in frame if "_col_" in name]
    frame.loc[0, items] = 2.0
    frame.loc[0, "weight"] = 40.0
    after = influence(made(frame), "collective").set_index("term").loc["years", "shift"]
    assert after > 1 > before
    assert leverage(made(frame))["largest"].iloc[0] > 10


def test_binned_residuals_sum_to_nothing_and_show_the_floor(panel: Panel) -> None:
    model = ModelMatrix.of(panel, ["collective"])
    regression = Regression(model)
    fitted = model.predictors @ regression.coefficients[:, 0]
    table = residuals(panel, "collective", bins=10)
    code = pd.qcut(fitted.round(9), 10, labels=False)
    weight = np.bincount(code, weights=model.design.weights)
    assert weight @ table["residual"] == pytest.approx(0, abs=1e-6 * weight.sum())
    assert table["n"].sum() == len(model.predictors)
    first = code == 0
    error = (model.outcomes[:, 0] - fitted)[first]
    assert table["residual"].iloc[0] == pytest.approx(
        np.average(error, weights=model.design.weights[first])
    )
    # Where the prediction is lowest the floor at zero holds the index up.
    assert table["low"].iloc[0] > 0


def test_bins_have_to_be_two(panel: Panel) -> None:
    with pytest.raises(ValidityError, match="bins: 1 is too few; allowed are 2 and more"):
        residuals(panel, "collective", bins=1)


def test_linearity_is_the_wald_test_of_statsmodels(panel: Panel) -> None:
    model = ModelMatrix.of(panel, ["collective"])
    place = int(np.flatnonzero(model.terms["term"] == "consulted")[0])
    term = model.terms.iloc[place]
    answer = np.rint(model.predictors[:, place] * term["scale"] + term["mean"])
    added = np.column_stack([answer == value for value in (2, 3, 4)]).astype(float)
    x = np.column_stack([model.predictors, added])
    fitted = sm.WLS(model.outcomes[:, 0], x, model.design.weights).fit(
        cov_type="cluster", cov_kwds={"groups": model.design.clusters}, use_t=True
    )
    restriction = np.eye(x.shape[1])[-3:]
    expected = fitted.wald_test(restriction, use_f=True, scalar=True)
    row = linearity(panel, "collective").set_index("term").loc["consulted"]
    # Which two answers stay without a column does not matter.
    assert row["statistic"] == pytest.approx(float(expected.statistic), rel=1e-8)
    assert row["p"] == pytest.approx(float(expected.pvalue), rel=1e-7)
    assert (row["df"], row["df_residual"]) == (3, int(row["clusters"]) - 1)


def test_a_bend_is_seen(panel: Panel) -> None:
    frame = panel.frame.copy()
    for item in panel.instrument.items("safety", "collective"):
        frame[item] = frame[item].where(frame["safety_efficacy"] != 3, 2.0)
    table = linearity(made(frame), "collective", "safety").set_index("term")
    assert table.loc["efficacy", "p_holm"] < 1e-6
    assert table.loc["state", "p_holm"] > 0.01


def test_a_perception_of_two_answers_has_nothing_to_test() -> None:
    frame = small(600)
    for name in [name for name in frame if name.endswith("_efficacy")]:
        frame[name] = frame[name].clip(2, 3)
    row = linearity(made(frame), "collective").set_index("term").loc["efficacy"]
    assert row["df"] == 0
    assert np.isnan(row["p"])


@pytest.mark.parametrize("function", EVERY)
def test_odd_panels(function: Callable[..., pd.DataFrame]) -> None:
    one_issue = small(400)
    found = function(made(one_issue, ["health"]), "collective", "health")
    assert not found.drop(columns="reference", errors="ignore").empty
    one_area = small(2_000)
    one_area = one_area[one_area["area"] == "A"].reset_index(drop=True)
    assert not function(made(one_area), "individual").empty
    full = small(2_000).dropna().reset_index(drop=True)
    assert not function(made(full), "individual").empty
    frame = small(400)
    frame["years"] = 2 * frame["age"]
    with pytest.raises(ValidityError, match="years: follows exactly from age"):
        function(made(frame), "collective")
    frame["years"] = 7.0
    with pytest.raises(ValidityError, match="years: is '7' for all"):
        function(made(frame), "collective")
    frame["years"] = np.nan
    with pytest.raises(ValidityError, match="years: nobody with a weight"):
        function(made(frame), "collective")
    with pytest.raises(ValidityError):
        function(made(frame.iloc[:0]), "collective")
