"""The mixed model against lme4 and statsmodels, at its edges, and on odd panels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.regression.mixed_linear_model import MixedLM

from coprod.correlates import fit
from coprod.errors import ValidityError
from coprod.mixed import _RandomIntercept, fit_mixed, intraclass
from coprod.panel import Panel, open_panel
from coprod.paths import PANEL
from coprod.regression import ModelMatrix
from tests.panels import made, small
from tests.reference import assert_agrees, load_reference

FORMS = ("individual", "collective")
ISSUES = ("safety", "environment", "health")


@pytest.fixture(scope="module")
def panel() -> Panel:
    return open_panel(PANEL)


def test_coefficients_and_variances_agree_with_lme4(panel: Panel) -> None:
    """Variances of hundreds of points², from likelihoods that agree to 1e-13: seen 2e-5."""
    reference = load_reference("mixed")
    fits = pd.concat(fit_mixed(panel, form).assign(form=form) for form in FORMS)
    assert_agrees(reference, "fit_mixed", fits, ["form", "term", "level"], 1e-5)
    shares = pd.concat(intraclass(panel, form) for form in FORMS)
    assert_agrees(reference, "intraclass", shares, ["form"], 1e-4)


def test_it_is_what_statsmodels_finds() -> None:
    """Errors are left to lme4: those of statsmodels also allow for the variances' own."""
    panel = made(small(400))
    model = ModelMatrix.of(panel, ["collective"], weighted=False)
    other = MixedLM(model.outcomes[:, 0], model.predictors, model.design.clusters).fit(reml=True)
    assert other.converged
    ours = fit_mixed(panel, "collective")
    np.testing.assert_allclose(ours["estimate"], other.fe_params, atol=1e-4)
    shares = intraclass(panel, "collective").iloc[0]
    assert shares["variance_residual"] == pytest.approx(other.scale, rel=1e-4)
    assert shares["variance_respondent"] == pytest.approx(other.cov_re.item(), rel=1e-4)


def test_the_interval_of_the_share_holds_the_truth() -> None:
    """Indices of a known share: 95 % of intervals hold it, within 3.5 Monte Carlo errors."""
    generator = np.random.default_rng(5)
    model = ModelMatrix.of(made(small(150)), ["individual"], weighted=False)
    held, draws = 0, 400
    for _ in range(draws):
        shared = generator.normal(size=len(model.design.strata))[model.design.clusters]
        index = np.sqrt(0.3) * shared + np.sqrt(0.7) * generator.normal(size=len(shared))
        low, high = _RandomIntercept(replace(model, outcomes=index[:, None])).interval()
        held += low <= 0.3 <= high
    assert abs(held / draws - 0.95) < 3.5 * np.sqrt(0.95 * 0.05 / draws)


def test_respondents_no_more_alike_than_others_have_a_share_of_nothing() -> None:
    """Answers that differ more within people than between: least squares, and 0."""
    frame = small(300)
    shift = {"safety": 1.0, "environment": 0.0, "health": -1.0}
    sign = np.where(np.arange(300) % 2 == 0, 1, -1)
    for issue, step in shift.items():
        noise = np.random.default_rng(len(issue)).normal(0, 0.1, 300)
        for item in range(1, 5):
            frame[f"{issue}_col_{item}"] = np.clip(1 + 0.5 * step * sign + noise, 0, 2)
    panel = made(frame)
    found = intraclass(panel, "collective").iloc[0]
    assert found["icc"] == found["icc_low"] == found["variance_respondent"] == 0
    assert 0 < found["icc_high"] < 0.2
    np.testing.assert_allclose(
        fit_mixed(panel, "collective")["estimate"],
        fit(panel, "collective", weighted=False)["estimate"],
        atol=1e-9,
    )


def test_a_respondent_who_says_the_same_of_every_issue() -> None:
    frame = small(300)
    for issue in ISSUES:
        for item in range(1, 5):
            frame[f"{issue}_ind_{item}"] = frame[f"safety_ind_{item}"]
    without = ["state", "satisfied", "informed", "consulted", "efficacy"]
    for function in (fit_mixed, intraclass):
        with pytest.raises(ValidityError, match=r"individual: .*no variance.*within respondents"):
            function(made(frame), "individual", without=without)


def test_one_issue_is_not_enough() -> None:
    for function in (fit_mixed, intraclass):
        with pytest.raises(ValidityError, match="issue: every respondent has one complete row"):
            function(made(small(), ["health"]), "individual")


def test_what_cannot_be_estimated_is_named() -> None:
    frame = small()
    for change, said in (
        ({"years": frame["age"] - 18}, "years: follows exactly from age"),
        ({"years": 7.0}, "years: is '7' for all"),
        ({"children": np.nan}, "children: nobody"),
    ):
        with pytest.raises(ValidityError, match=said):
            fit_mixed(made(frame.assign(**change)), "collective")
    with pytest.raises(ValidityError, match="forms are individual, collective"):
        intraclass(made(frame), "joint")


def test_one_area_references_and_what_is_left_out() -> None:
    frame = small(600)
    panel = made(frame[frame["area"] == frame["area"].mode()[0]])
    table = fit_mixed(panel, "individual", {"gender": "woman"}, ["employment"])
    assert "area" not in set(table["term"]) and "employment" not in set(table["term"])
    assert table["p"].notna().all()
    (men,) = table.query("term == 'gender'").to_dict("records")
    assert (men["level"], men["reference"]) == ("man", "Woman")


def test_nothing_missing_balanced_rows_have_a_closed_form() -> None:
    """With three rows each and predictors of the respondent: the analysis of variance."""
    frame = small(200).ffill().bfill()
    panel = made(frame)
    without = ["state", "satisfied", "informed", "consulted", "efficacy"]
    model = ModelMatrix.of(panel, ["individual"], None, False, None, without)
    assert (np.bincount(model.design.clusters) == 3).all()
    y = model.outcomes[:, 0]
    means = (model.design.total(y[:, None]) / 3)[:, 0]
    issue = (model.terms["block"] == "issue").to_numpy()
    within = y - means[model.design.clusters]
    x = model.predictors[:, issue] - 1 / 3
    inner = within - x @ np.linalg.lstsq(x, within, rcond=None)[0]
    residual = (inner**2).sum() / (2 * 200 - 2)
    outer = model.predictors[::3][:, ~issue]
    left = means - outer @ np.linalg.lstsq(outer, means, rcond=None)[0]
    between = 3 * (left**2).sum() / (200 - outer.shape[1])
    found = intraclass(panel, "individual", without=without).iloc[0]
    assert found["variance_residual"] == pytest.approx(residual, rel=1e-6)
    assert found["variance_respondent"] == pytest.approx((between - residual) / 3, rel=1e-6)
    table = fit_mixed(panel, "individual", without=without)
    statistic = table["estimate"] / table["standard_error"]
    np.testing.assert_allclose(table["p"], 2 * stats.t.sf(abs(statistic), 199))
