"""Ordered models against R, by derivatives, on odd panels; forms on the latent scale."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from coprod.correlates import compare_blocks, compare_forms
from coprod.cumulative import CumulativeLink, average_effects
from coprod.design import load_design
from coprod.errors import ValidityError
from coprod.ordered import bands, fit_bands, marginal_effects, proportional_odds, steps
from coprod.panel import Panel, open_panel
from coprod.paths import PANEL
from coprod.regression import ModelMatrix, Regression
from coprod.studies import political_information
from coprod.synthetic import draw_population
from tests.panels import made, small
from tests.reference import assert_agrees, load_reference

TOLERANCE = 1e-4
"""polr minimises by BFGS and takes its information from differences of gradients."""

FUNCTIONS = (fit_bands, marginal_effects, proportional_odds)


@pytest.fixture(scope="module")
def panel() -> Panel:
    return open_panel(PANEL)


@pytest.fixture(scope="module")
def reference() -> pd.DataFrame:
    return load_reference("ordered")


def on(issue: str) -> str | None:
    return None if issue == "all" else issue


def by_issue_and_form(
    function: Callable[..., pd.DataFrame], panel: Panel, issues: tuple[str, ...], **options: bool
) -> pd.DataFrame:
    return pd.concat(
        function(panel, form, on(issue), **options).assign(issue=issue, form=form)
        for issue in issues
        for form in ("individual", "collective")
    )


def test_bands_agree_with_polr_and_survey(panel: Panel, reference: pd.DataFrame) -> None:
    issues = ("all", "safety", "environment", "health")
    weighted = by_issue_and_form(fit_bands, panel, issues).assign(weights="weighted")
    unweighted = by_issue_and_form(fit_bands, panel, ("all",), weighted=False)
    table = pd.concat([weighted, unweighted.assign(weights="unweighted")])
    keys = ["issue", "form", "term", "level"]
    assert_agrees(reference, "fit_bands", table, ["weights", *keys], TOLERANCE)
    slopes = table[table["block"] != "threshold"]
    assert_agrees(reference, "odds", slopes, ["weights", *keys], TOLERANCE)
    assert_agrees(reference, "svyolr", weighted, keys, TOLERANCE)


def test_errors_from_the_information_agree_with_polr(panel: Panel, reference: pd.DataFrame) -> None:
    for form in ("individual", "collective"):
        regression = Regression(ModelMatrix.of(panel, [form], weighted=False))
        codes = bands(regression.model.outcomes[:, 0]).codes.astype(np.intp)
        fit = CumulativeLink.of(regression, codes)
        keys = fit_bands(panel, form, weighted=False)[["term", "level"]]
        error = np.sqrt(np.diagonal(fit.covariance))
        table = keys.assign(weights="unweighted", issue="all", form=form, standard_error=error)
        own = reference[reference["keys"].str.contains(f"/{form}/")]
        names = ["weights", "issue", "form", "term", "level"]
        assert_agrees(own, "hessian", table, names, TOLERANCE)


def test_marginal_effects_agree_with_brute_force_in_r(
    panel: Panel, reference: pd.DataFrame
) -> None:
    table = by_issue_and_form(marginal_effects, panel, ("all", "safety"))
    keys = ["issue", "form", "term", "level", "band"]
    assert_agrees(reference, "marginal_effects", table, keys, TOLERANCE)
    sums = table.groupby(keys[:-1])["estimate"].sum()
    np.testing.assert_allclose(sums, 0, atol=1e-12)


def test_proportional_odds_agree_with_stacked_logits_in_r(
    panel: Panel, reference: pd.DataFrame
) -> None:
    table = by_issue_and_form(proportional_odds, panel, ("all", "safety"))
    for name in ("proportional_odds", "cuts"):
        assert_agrees(reference, name, table, ["issue", "form", "term"], 1e-7)
    assert table.query("term == 'education'")["cut_1"].isna().all()


def test_latent_comparison_agrees_with_polr(panel: Panel, reference: pd.DataFrame) -> None:
    issues = ("all", "safety", "environment", "health")
    for function, keys in ((compare_forms, ["term", "level"]), (compare_blocks, ["block"])):
        table = pd.concat(
            function(panel, on(issue), "latent").assign(scale="latent", issue=issue)
            for issue in issues
        )
        assert_agrees(reference, function.__name__, table, ["scale", "issue", *keys], TOLERANCE)


def test_ordered_probit_of_a_real_study(reference: pd.DataFrame) -> None:
    """Political information in the ANES 2000; its model is that of pscl's help page."""
    found = political_information()
    rows = pd.DataFrame({"key": ["rows"], "n": found["n"].iloc[0]})
    table = pd.concat([found.drop(columns="n"), rows])
    assert_agrees(reference, "political", table, ["key"], 1e-6)


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_scores_and_information_are_derivatives(link: str) -> None:
    generator = np.random.default_rng(1)
    predictors, weights = generator.normal(size=(80, 3)), generator.uniform(0.2, 3, 80)
    codes = generator.permutation(np.arange(80) % 4)
    fit = CumulativeLink(codes, predictors, weights, list("abc"), link)  # type: ignore[arg-type]
    at = fit.parameters + 0.1 * np.array([1, -1, 2, -1, 0, 1])
    scores, information = fit._derivatives(at)

    def likelihood(parameters: np.ndarray) -> float:
        return float(weights @ np.log(fit._bounds(parameters)[2]))

    for place, step in enumerate(1e-5 * np.eye(len(at))):
        slope = (likelihood(at + step) - likelihood(at - step)) / 2e-5
        assert slope == pytest.approx(scores[:, place].sum(), abs=1e-6)
        up, down = fit._derivatives(at + step)[0], fit._derivatives(at - step)[0]
        bend = (up - down).sum(axis=0) / 2e-5
        np.testing.assert_allclose(bend, -information[place], atol=1e-5)
    np.testing.assert_allclose(fit._derivatives(fit.parameters)[0].sum(axis=0), 0, atol=1e-8)


def test_the_jacobian_of_the_effects_is_their_derivative(panel: Panel) -> None:
    model = ModelMatrix.of(panel, ["collective"], "health")
    codes = bands(model.outcomes[:, 0]).codes.astype(np.intp)
    parameters = CumulativeLink.of(Regression(model), codes).parameters
    jacobian = average_effects(model, parameters)[1]
    for place in range(len(parameters)):
        step = np.zeros(len(parameters))
        step[place] = 1e-5
        up, down = (average_effects(model, parameters + sign * step)[0] for sign in (1, -1))
        np.testing.assert_allclose(jacobian[:, :, place], (up - down) / 2e-5, atol=1e-9)


def test_bands_and_steps_at_their_edges() -> None:
    assert list(bands([0, 12.5, 49.9, 50, 100])) == ["none", "some", "some", "much", "much"]
    assert bands([np.nan]).codes.tolist() == [-1]
    assert steps([0, 12.5, 100, 100 / 3], 8).tolist() == [0, 1, 3, 2]


def test_scaling_the_weights_and_turning_the_order_change_what_they_should() -> None:
    frame = small()
    first = fit_bands(made(frame))
    again = fit_bands(made(frame.assign(weight=frame["weight"] * 9)))
    numbers = ["estimate", "standard_error", "p"]
    np.testing.assert_allclose(again[numbers], first[numbers], rtol=1e-7, atol=1e-10)
    zero = frame.assign(weight=frame["weight"].where(frame.index >= 40, 0.0))
    pd.testing.assert_frame_equal(fit_bands(made(zero)), fit_bands(made(frame.iloc[40:])))
    regression = Regression(ModelMatrix.of(made(frame), ["collective"]))
    codes = bands(regression.model.outcomes[:, 0]).codes.astype(np.intp)
    turned = CumulativeLink.of(regression, 2 - codes)
    np.testing.assert_allclose(-turned.slopes, first["estimate"][:-2], atol=1e-8)
    np.testing.assert_allclose(-turned.thresholds[::-1], first["estimate"][-2:], atol=1e-8)


def test_a_weight_of_two_is_the_same_row_twice() -> None:
    generator = np.random.default_rng(3)
    predictors, codes = generator.normal(size=(60, 2)), generator.permutation(np.arange(60) % 3)
    weights = generator.integers(1, 4, 60)
    once = CumulativeLink(codes, predictors, weights.astype(float), ["a", "b"])
    rows = np.repeat(np.arange(60), weights)
    twice = CumulativeLink(codes[rows], predictors[rows], np.ones(len(rows)), ["a", "b"])
    np.testing.assert_allclose(once.parameters, twice.parameters, atol=1e-10)
    np.testing.assert_allclose(once.covariance, twice.covariance, atol=1e-10)


def collinear(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(years=frame["age"] - 18)


def separated(frame: pd.DataFrame) -> pd.DataFrame:
    """Nobody of a minority does anything in a group."""
    changed = frame.copy()
    changed.loc[changed["minority"] == "yes", [f"safety_col_{i}" for i in range(1, 5)]] = 0.0
    return changed


def little(frame: pd.DataFrame) -> pd.DataFrame:
    """Nobody does much."""
    items = [f"safety_col_{i}" for i in range(1, 5)]
    return frame.assign(**{items[0]: frame[items[0]].clip(upper=1), items[1]: 0.0, items[2]: 0.0})


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (collinear, "years: follows exactly from age"),
        (separated, "minority: tells some categories of the outcome apart"),
        (little, "collective: nobody who answered everything is in the band 'much'"),
        (lambda frame: frame.assign(minority="no"), "minority: is 'No' for all"),
        (lambda frame: frame.assign(years=np.nan), "years: nobody"),
        (
            lambda frame: frame.assign(**{f"safety_col_{i}": np.nan for i in range(1, 5)}),
            "collective: nobody",
        ),
    ],
)
def test_what_cannot_be_estimated_is_named(
    function: Callable[..., pd.DataFrame],
    change: Callable[[pd.DataFrame], pd.DataFrame],
    said: str,
) -> None:
    with pytest.raises(ValidityError, match=said):
        function(made(change(small()), ["safety"]))


def test_what_the_core_refuses() -> None:
    x = np.random.default_rng(1).normal(size=(20, 1))
    codes, weights = np.arange(20) % 3, np.ones(20)
    with pytest.raises(ValidityError, match="'logit' or 'probit'"):
        _ = CumulativeLink(codes, x, weights, ["x"], "cauchit").slopes  # type: ignore[arg-type]
    with pytest.raises(ValidityError, match="at least two categories, none of them empty"):
        _ = CumulativeLink(codes, x, np.where(codes == 1, 0.0, 1.0), ["x"]).slopes
    with pytest.raises(ValidityError, match="2 rows; it needs more rows"):
        _ = CumulativeLink(codes[:2], x[:2], weights[:2], ["x"]).slopes
    with pytest.raises(ValidityError, match="x: tells some categories"):
        _ = CumulativeLink((x[:, 0] > 0.3).astype(np.intp), x, weights, ["x"]).slopes


def test_latent_comparison_names_what_separates_a_form() -> None:
    with pytest.raises(ValidityError, match="minority: tells some categories of the outcome apart"):
        compare_forms(made(separated(small()), ["safety"]), scale="latent")


def test_one_issue_or_one_area_needs_no_effect_of_it() -> None:
    frame = small(600)
    area = made(frame[frame["area"] == frame["area"].mode()[0]])
    one = made(small(), ["health"])
    for function in FUNCTIONS:
        pd.testing.assert_frame_equal(function(one), function(one, issue="health"))
        assert "issue" not in set(function(one)["term"])
        table = function(area)
        assert "area" not in set(table["term"]) and table["p"].notna().all()
    assert compare_forms(area, scale="latent")["p"].notna().all()


def test_the_error_of_a_category_of_one_is_not_made_up() -> None:
    frame = small()
    frame.loc[frame["employment"] == "other", "employment"] = "full_time"
    someone = frame.dropna().index[0]
    frame.loc[someone, "employment"] = "other"
    # The one person does none, some and much, and so separates no band.
    for answer, issue in enumerate(("safety", "environment", "health")):
        frame.loc[someone, [f"{issue}_col_{i}" for i in range(1, 5)]] = answer
    panel = made(frame)
    for table in (fit_bands(panel), marginal_effects(panel), compare_forms(panel, scale="latent")):
        other = (table["term"] == "employment") & (table["level"] == "other")
        assert other.any() and table.loc[other, ["standard_error", "p"]].isna().all().all()
        assert table.loc[~other, ["standard_error", "p"]].notna().all().all()
    tests = proportional_odds(panel, without=["age"]).set_index("term")
    assert tests.loc["employment", "df"] == 3 and tests["p"].notna().all()


def test_equal_forms_do_not_differ_on_the_latent_scale_either() -> None:
    frame = small()
    for issue in ("safety", "environment", "health"):
        for number in range(1, 5):
            frame[f"{issue}_col_{number}"] = frame[f"{issue}_ind_{number}"]
    with pytest.raises(ValidityError, match="the difference is the same for everybody"):
        compare_forms(made(frame), scale="latent")


def equal_correlates() -> Panel:
    """Many people, the same correlates of both forms, and collective items that few ever do."""
    design = load_design()
    parts = ("background", "perceptions", "area")
    changes = {
        f"propensity.{part}.individual": design[f"propensity.{part}.collective"] for part in parts
    } | {
        "propensity.respondent": {"individual": 0.8, "collective": 0.8},
        "propensity.issue": {"individual": 0.75, "collective": 0.75},
        "items.loadings.individual": design["items.loadings.collective"],
        "items.spread.individual": design["items.spread.collective"],
        "items.thresholds.collective": [3.0, 3.4, 3.8, 4.1],
    }
    frame = draw_population(20_000, load_design(changes=changes), seed=5)
    return made(frame.assign(respondent=np.arange(len(frame)).astype(str), weight=1.0))


def test_a_floor_is_not_mistaken_for_a_different_correlate() -> None:
    """A difference of .05 SD would matter (it is the margin of equivalence of the claims)."""
    panel = equal_correlates()
    index = compare_forms(panel, scale="sd").set_index("term").loc["efficacy"]
    latent = compare_forms(panel, scale="latent").set_index("term").loc["efficacy"]
    assert index["p"] < 1e-10 and index["high"] > 0.05
    assert abs(latent["difference"]) < 0.4 * index["difference"]
    assert latent["low"] > -0.05 and latent["high"] < 0.05
    tests = compare_blocks(panel, scale="latent").set_index("block")
    assert tests.loc["all", "p"] > 0.05 > compare_blocks(panel, scale="sd")["p"].iloc[-1]
