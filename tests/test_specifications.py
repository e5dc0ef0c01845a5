"""Specification curves: the book's own fits, refits by statsmodels, and joint tests of known size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.miscmodels.ordinal_model import OrderedModel
from statsmodels.multivariate.factor import Factor

from coprod import nudge_specification_tests as nudge_tests
from coprod import nudge_specifications as nudge_curves
from coprod import nudges, ordered, specification_curve
from coprod import specification_tests as tests
from coprod import specifications as curves
from coprod.codings import codings, item_weights
from coprod.correlates import fit
from coprod.errors import ValidityError
from coprod.experiment import difference
from coprod.fractional import fit_fractional
from coprod.imputation import compare_imputed
from coprod.panel import Panel, open_panel
from coprod.paths import PANEL
from coprod.regression import ModelMatrix
from coprod.scales import indices, one_factor
from coprod.specification_curve import efficacy_curve
from tests.panels import made, small

BASE = {
    "coding": "mean",
    "model": "linear",
    "controls": "all",
    "weights": "weighted",
    "area": "none",
    "missing": "complete",
    "outliers": "kept",
}
NUDGE = {
    "outcome": "willing",
    "adjustment": "strata",
    "weights": "unweighted",
    "area": "none",
    "issue": "none",
    "missing": "mean",
    "outliers": "kept",
}
SHIPPED = open_panel(PANEL)


def table(*changes: dict[str, str], base: dict[str, str] | None = None) -> pd.DataFrame:
    return pd.DataFrame([{**(base or BASE), **change} for change in changes])


def rows(panel: Panel, weighted: bool = True) -> pd.DataFrame:
    """The complete rows of a panel, chosen here anew, with all codings."""
    instrument = panel.instrument
    frame = pd.concat([indices(panel), codings(panel, item_weights(panel))], axis=1)
    needed = ["collective", *instrument.background, *instrument.perceptions]
    frame = frame.dropna(subset=needed)
    return frame[frame["weight"] > 0] if weighted else frame


def scaled(frame: pd.DataFrame, coding: str, weights: np.ndarray) -> tuple[float, float]:
    """SDs of efficacy and of an outcome, by numpy."""
    found = [
        np.sqrt(np.cov(frame[name], aweights=weights, ddof=0)) for name in ("efficacy", coding)
    ]
    return float(found[0]), float(found[1])


def controls(frame: pd.DataFrame, blocks: str) -> pd.DataFrame:
    """Dummies and numbers of a set of controls, by pandas."""
    names = {
        "nothing": [],
        "place": ["area", "issue"],
        "outreach": ["area", "issue", "informed", "consulted"],
        "performance": ["area", "issue", "state", "satisfied"],
    }[blocks]
    if not names:
        return pd.DataFrame(index=frame.index)
    plain = frame[names].copy()
    for name in ("area", "issue"):
        plain[name] = plain[name].astype(str)
    return pd.get_dummies(plain, drop_first=True, dtype=float)


# The design.


@pytest.mark.parametrize("areas", range(1, 7))
def test_every_pair_of_choices_that_can_go_together_does(areas: int) -> None:
    frame = small(400)
    names = [f"area{place}" for place in range(areas)]
    frame["area"] = np.resize(names, len(frame))
    panel = made(frame)
    instrument = replace(panel.instrument, areas={name: name for name in names})
    panel = replace(panel, instrument=instrument)
    for module, forbidden in ((curves, {"coding", "model"}), (nudge_curves, {"area", "issue"})):
        design = module.specifications(panel)
        assert not design.duplicated().any()
        options = {name: list(labels) for name, (_, labels) in module.choices(panel).items()}
        for first, second in combinations(options, 2):
            found = set(design[[first, second]].itertuples(index=False, name=None))
            every = len(options[first]) * len(options[second])
            if {first, second} == forbidden:
                expected = 10 if first == "coding" else len(options["area"]) + 3
                assert len(found) == expected
            else:
                assert len(found) == every, (first, second)
    assert (len(curves.specifications(panel)) == 264) == (areas == 1)


def test_the_curves_have_at_least_300_specifications_and_the_books_own() -> None:
    for module, base in ((curves, BASE), (nudge_curves, NUDGE)):
        design = module.specifications(SHIPPED)
        assert len(design) >= 300
        assert (design[list(base)] == pd.Series(base)).all(axis=1).sum() == 1
        assert design.equals(module.specifications(SHIPPED))


# Outcomes.


def test_codings_of_answers_by_hand() -> None:
    frame = small(4)
    columns = SHIPPED.instrument.items("safety", "collective")
    frame[columns] = [
        [0, 0, 0, 0],
        [2, 0, 1, 0],
        [1, np.nan, np.nan, 0],
        [np.nan, np.nan, np.nan, 2],
    ]
    panel = made(frame)
    found = codings(panel, np.array([0.4, 0.3, 0.2, 0.1]))[panel.long["issue"] == "safety"]
    assert found["mean"].tolist() == pytest.approx([0, 37.5, 25, np.nan], nan_ok=True)
    assert found["count"].tolist() == pytest.approx([0, 50, 50, np.nan], nan_ok=True)
    assert found["any"].tolist() == pytest.approx([0, 100, 100, np.nan], nan_ok=True)
    assert found["factor"].tolist() == pytest.approx([0, 50, 40, np.nan], nan_ok=True)


def test_the_factor_score_is_the_regression_score_of_statsmodels() -> None:
    answers = SHIPPED.long[SHIPPED.instrument.stems("collective")].dropna()
    standardised = (answers - answers.mean()) / answers.std(ddof=0)
    loadings = one_factor(np.corrcoef(answers.T))
    factor = Factor(standardised, n_factor=1, method="pa").fit(maxiter=10_000, tol=1e-12)
    assert np.abs(np.abs(factor.loadings[:, 0]) - loadings).max() < 1e-6
    score = factor.factor_scoring(method="regression")[:, 0]
    ours = answers.to_numpy() @ item_weights(SHIPPED)
    assert abs(np.corrcoef(score, ours)[0, 1]) == pytest.approx(1, abs=1e-6)


def test_an_item_that_nobody_does_is_named() -> None:
    frame = small(100)
    frame[[f"{issue}_col_2" for issue in SHIPPED.instrument.issues]] = 0.0
    with pytest.raises(ValidityError, match="col_2: is the same for all"):
        efficacy_curve(made(frame), table({}))


# Rows that are also rows of the book.


def test_linear_rows_are_those_of_the_books_regression() -> None:
    panel = made(small(700, seed=3))
    names = ["estimate", "standard_error", "low", "high"]
    for change, part, weighted in (
        ({}, panel, True),
        ({"weights": "unweighted"}, panel, False),
        ({"area": "C"}, made(panel.frame[panel.frame["area"] != "C"]), True),
        ({"outliers": "trimmed"}, curves.without_outliers(panel), True),
    ):
        mine = efficacy_curve(panel, table(change)).iloc[0]
        book = fit(part, "collective", weighted=weighted).set_index("term").loc["efficacy"]
        assert mine[names].tolist() == pytest.approx(
            book[[f"{name}_sd" for name in names]].tolist(), rel=1e-9
        )
        assert mine["p"] == pytest.approx(book["p"], rel=1e-7)
        assert (mine["n"], mine["clusters"]) == (book["n"], book["clusters"])


def test_fractional_and_ordered_rows_are_those_of_the_book() -> None:
    panel = made(small(700, seed=3))
    spread = ModelMatrix.of(panel, ["collective"]).spread[0]
    mine = efficacy_curve(panel, table({"model": "fractional"})).iloc[0]
    book = fit_fractional(panel, "collective").set_index("term").loc["efficacy"]
    for name in ("estimate", "standard_error", "low", "high"):
        assert mine[name] == pytest.approx(book[name] / spread, rel=1e-9)
    # The book's ordered logit has three bands: give them as the levels of the outcome.
    model = ModelMatrix.of(panel, ["collective"])
    bands = ordered.bands(model.outcomes[:, 0]).codes * 50.0
    value, _ = specification_curve._average_effect(model, bands, 2)
    effects = ordered.marginal_effects(panel).query("term == 'efficacy'")
    assert value == pytest.approx(effects["estimate"].to_numpy() @ [0, 50, 100], rel=1e-9)


def test_imputed_rows_are_pooled_as_in_the_book() -> None:
    panel = made(small(400, seed=4))
    book = compare_imputed(panel, "collective", imputations=3).set_index("term").loc["efficacy"]
    mine = efficacy_curve(panel, table({"missing": "imputed"}), imputations=3).iloc[0]
    # The book pools points, the curve SDs, whose units differ a little between imputations.
    for name in ("estimate", "standard_error"):
        assert mine[name] / mine["estimate"] == pytest.approx(
            book[name] / book["estimate"], rel=2e-3
        )
    assert mine["n"] == 3 * 400


def test_nudge_rows_are_those_of_the_book() -> None:
    effects = nudges.effects(SHIPPED)
    effects = effects[effects["arm"] == "pooled"].set_index(["outcome", "adjustment", "weights"])
    changes = [
        {"outcome": outcome, "adjustment": adjustment, "weights": weights}
        for outcome in ("willing", "signup")
        for adjustment in ("strata", "all")
        for weights in ("unweighted", "weighted")
    ]
    curve = nudge_curves.nudge_curve(SHIPPED, table(*changes, base=NUDGE))
    for row in curve.to_dict("records"):
        method = {"all": "lin"}.get(row["adjustment"], row["adjustment"])
        book = effects.loc[(row["outcome"], method, row["weights"])]
        for name in ("estimate", "standard_error", "low", "high"):
            assert row[name] == pytest.approx(book[f"{name}_sd"], rel=1e-9)
        assert (row["p"], row["n"]) == (pytest.approx(book["p"]), book["n"])


# Rows by another implementation.


@pytest.mark.parametrize("coding", ["mean", "count", "any", "factor"])
@pytest.mark.parametrize(
    ("blocks", "scheme"), [("nothing", "weighted"), ("outreach", "unweighted")]
)
def test_linear_rows_by_statsmodels(coding: str, blocks: str, scheme: str) -> None:
    mine = efficacy_curve(
        SHIPPED, table({"coding": coding, "controls": blocks, "weights": scheme})
    ).iloc[0]
    frame = rows(SHIPPED)
    weights = frame["weight"].to_numpy() if scheme == "weighted" else np.ones(len(frame))
    columns = sm.add_constant(frame[["efficacy"]].join(controls(frame, blocks)))
    model = sm.WLS(frame[coding], columns, weights=weights)
    result = model.fit(
        cov_type="cluster", cov_kwds={"groups": pd.factorize(frame["respondent"])[0]}, use_t=True
    )
    efficacy, outcome = scaled(frame, coding, weights)
    assert mine["estimate"] == pytest.approx(
        result.params["efficacy"] * efficacy / outcome, rel=1e-9
    )
    assert mine["standard_error"] == pytest.approx(
        result.bse["efficacy"] * efficacy / outcome, rel=1e-9
    )
    assert mine["p"] == pytest.approx(result.pvalues["efficacy"], rel=1e-6)


def test_logit_and_ordered_rows_by_statsmodels() -> None:
    panel = made(small(500, seed=5))
    frame = rows(panel, weighted=False)
    columns = frame[["efficacy"]].join(controls(frame, "performance"))
    efficacy, outcome = scaled(frame, "any", np.ones(len(frame)))
    chosen = {"controls": "performance", "weights": "unweighted"}
    mine = efficacy_curve(panel, table({"model": "logit", "coding": "any", **chosen})).iloc[0]
    logit = sm.Logit(frame["any"] / 100, sm.add_constant(columns)).fit(disp=False)
    slope = logit.get_margeff().summary_frame().loc["efficacy", "dy/dx"]
    assert mine["estimate"] == pytest.approx(100 * slope * efficacy / outcome, rel=1e-7)
    # An ordered logit, its effect on the expected outcome by differences.
    mine = efficacy_curve(panel, table({"model": "ordered", "coding": "count", **chosen})).iloc[0]
    answered = frame["count"].isin([0, 25, 50, 75, 100])
    assert answered.mean() > 0.9
    codes = np.rint(frame["count"] / 25)
    model = OrderedModel(codes, columns, distr="logit")
    result = model.fit(method="bfgs", disp=False, maxiter=1000, gtol=1e-9)
    moved = [
        model.predict(result.params, exog=columns.assign(efficacy=columns["efficacy"] + step))
        @ np.arange(5)
        for step in (-1e-4, 1e-4)
    ]
    slope = 25 * (moved[1] - moved[0]).mean() / 2e-4
    efficacy, outcome = scaled(frame, "count", np.ones(len(frame)))
    assert mine["estimate"] == pytest.approx(slope * efficacy / outcome, rel=1e-4)


def test_the_error_of_the_ordered_effect_is_that_of_a_bootstrap() -> None:
    panel = made(small(600, seed=6))
    row = efficacy_curve(panel, table({"model": "ordered", "controls": "place"})).iloc[0]
    generator = np.random.default_rng(1)
    one = table({"model": "ordered", "controls": "place"})
    drawn = []
    for _ in range(80):
        frame = panel.frame.groupby("area", observed=True).sample(
            frac=1, replace=True, random_state=generator.integers(2**31)
        )
        again = made(frame.reset_index(drop=True).assign(respondent=np.arange(len(frame))))
        drawn.append(efficacy_curve(again, one)["estimate"].iloc[0])
    assert row["standard_error"] == pytest.approx(np.std(drawn, ddof=1), rel=0.25)


def test_nudge_rows_by_hand_and_by_the_other_function() -> None:
    frame = SHIPPED.frame[SHIPPED.frame["nudge_issue"] != "health"].copy()
    frame["treated"] = (frame["arm"] != "control").astype(float)
    frame["top"] = (frame["willing"] >= 8).astype(float).where(frame["willing"].notna())
    chosen = {"outcome": "top", "issue": "health"}
    curve = nudge_curves.nudge_curve(
        SHIPPED, table({**chosen, "adjustment": "none"}, chosen, base=NUDGE)
    )
    known = frame.dropna(subset=["top"])
    groups = [known.loc[known["treated"] == group, "top"] for group in (1, 0)]
    mean = groups[0].mean() - groups[1].mean()
    error = np.sqrt(sum(group.var(ddof=1) / len(group) for group in groups))
    sd = groups[1].std(ddof=0)
    row = curve.iloc[0]
    assert (row["estimate"], row["standard_error"]) == pytest.approx((mean / sd, error / sd))
    assert row["high"] == pytest.approx((mean + stats.t.isf(0.025, len(known) - 2) * error) / sd)
    book = difference(frame, "top", "treated", "area").iloc[0]
    assert curve["estimate"].iloc[1] == pytest.approx(book["estimate"] / book["control_sd"])


def test_both_outcomes_are_one_mean_and_complete_people_the_same_for_all() -> None:
    trial = nudge_curves.Variations.of(SHIPPED)
    frame = SHIPPED.frame[["willing", "signup"]].astype(float)
    expected = ((frame - frame.mean()) / frame.std(ddof=0)).mean(axis=1, skipna=False)
    assert np.allclose(trial.outcomes["both"], expected, equal_nan=True)
    changes = [{"missing": "complete", "outcome": outcome} for outcome in trial.outcomes]
    curve = nudge_curves.nudge_curve(SHIPPED, table(*changes, base=NUDGE))
    needed = ["willing", "signup", "intends", *SHIPPED.instrument.background]
    assert set(curve["n"]) == {len(SHIPPED.frame.dropna(subset=needed))}


def test_unusual_people_are_those_of_the_hat_values() -> None:
    panel = made(small(500, seed=7))
    frame = rows(panel, weighted=False)
    columns = sm.add_constant(
        frame[["age", "years", "state", "satisfied", "informed", "consulted"]]
    )
    hat = sm.OLS(frame["mean"], columns.astype(float)).fit().get_influence().hat_matrix_diag
    leverage = pd.Series(hat).groupby(frame["respondent"].to_numpy()).sum()
    unusual = set(leverage[leverage > 2 * leverage.mean()].index)
    assert unusual
    kept = set(curves.without_outliers(panel).frame["respondent"])
    assert set(panel.frame["respondent"]) - kept == unusual


# The joint tests.


def test_permutations_keep_respondents_whole_within_area_and_pattern() -> None:
    panel = made(small(300, seed=8))
    drawn = tests.donors(panel, 20)
    people = np.arange(300)
    assert (drawn[0] == people).all()
    assert (np.sort(drawn, axis=1) == people).all()
    areas = panel.frame["area"].astype(str).to_numpy()
    pattern = curves.complete(panel, False).reshape(300, 3)
    assert (areas[drawn] == areas).all()
    assert (pattern[drawn] == pattern).all()
    assert (drawn[1:] != people).mean() > 0.5
    assert (drawn == tests.donors(panel, 20)).all()
    assert (drawn[1:] != tests.donors(panel, 20, seed=2)[1:]).any()


# Who is left out can leave a level behind that nobody has.
@pytest.mark.filterwarnings("ignore:The design matrix is rank-deficient")
@pytest.mark.parametrize("missing", ["complete", "imputed"])
def test_permutations_by_cross_products_are_refits(missing: str) -> None:
    panel = made(small(250, seed=9))
    changes = [
        {
            "coding": coding,
            "controls": blocks,
            "weights": scheme,
            "area": area,
            "outliers": outliers,
        }
        for coding, blocks, scheme, area, outliers in (
            ("mean", "all", "weighted", "none", "kept"),
            ("any", "nothing", "unweighted", "B", "kept"),
            ("factor", "outreach", "weighted", "E", "trimmed"),
            ("count", "background", "unweighted", "none", "trimmed"),
        )
    ]
    design = table(*({**change, "missing": missing} for change in changes))
    found = tests.efficacy_draws(panel, design, draws=6, seed=5, imputations=2)
    assert found[0] == pytest.approx(
        efficacy_curve(panel, design, imputations=2)["estimate"].to_numpy(), rel=1e-9
    )
    panels = [panel]
    if missing == "imputed":
        panels = specification_curve.imputation.impute(panel, 2)
    drawn = tests.donors(panel, 6, seed=5)
    expected = np.mean(
        [refitted(one, design, drawn, item_weights(panel)) for one in panels], axis=0
    )
    assert np.abs(found - expected).max() < 1e-9


def refitted(panel: Panel, design: pd.DataFrame, drawn: np.ndarray, item: np.ndarray) -> np.ndarray:
    """A loop of regressions by statsmodels with self-efficacy replaced, as the text says it."""
    frame = pd.concat([indices(panel), codings(panel, item)], axis=1)
    person, issue = np.divmod(np.arange(len(frame)), 3)
    needed = ["collective", *panel.instrument.background, *panel.instrument.perceptions]
    known = frame[needed].notna().all(axis=1).to_numpy()
    model = ModelMatrix.of(panel, ["collective"], weighted=False)
    blocks = model.terms["block"].to_numpy()
    every = np.full((len(frame), len(blocks)), np.nan)
    every[known] = model.predictors
    at = blocks != "efficacy"
    values = every[:, ~at][:, 0]
    predicted = np.full(len(frame), np.nan)
    predicted[known] = sm.OLS(values[known], every[known][:, at]).fit().fittedvalues
    residual = values - predicted
    usual = frame["respondent"].isin(curves.without_outliers(panel).frame["respondent"])
    found = np.empty((len(drawn), len(design)))
    for draw, donor in enumerate(drawn):
        efficacy = predicted + residual[3 * donor[person] + issue]
        for place, chosen in enumerate(design.to_dict("records")):
            held = ("intercept", *curves.CONTROLS[chosen["controls"]][1])
            rows = known & (frame["area"].astype(str) != chosen["area"]).to_numpy()
            if chosen["outliers"] == "trimmed":
                rows &= usual.to_numpy()
            weights = np.ones(rows.sum())
            if chosen["weights"] == "weighted":
                weights = frame.loc[rows, "weight"].to_numpy()
            y, x = frame.loc[rows, chosen["coding"]].to_numpy(), efficacy[rows]
            columns = np.column_stack([x, every[rows][:, np.isin(blocks, held)]])
            slope = sm.WLS(y, columns, weights=weights).fit().params[0]
            spread = np.sqrt(np.cov(np.vstack([x, y]), aweights=weights, ddof=0).diagonal())
            found[draw, place] = slope * spread[0] / spread[1]
    return found


def test_rerandomisations_by_cross_products_are_refits() -> None:
    changes = [
        {"outcome": "both", "adjustment": "all", "outliers": "trimmed"},
        {
            "outcome": "willing",
            "adjustment": "background",
            "weights": "weighted",
            "issue": "safety",
        },
        {"outcome": "top", "adjustment": "intends", "area": "D", "missing": "complete"},
        {"outcome": "signup", "adjustment": "strata", "weights": "weighted"},
        {"outcome": "willing", "adjustment": "none", "area": "A"},
    ]
    design = table(*changes, base=NUDGE)
    found = nudge_tests.nudge_draws(SHIPPED, design, draws=5, seed=3)
    assert found[0] == pytest.approx(
        nudge_curves.nudge_curve(SHIPPED, design)["estimate"].to_numpy(), rel=1e-9
    )
    trial = nudge_curves.Variations.of(SHIPPED)
    treated = trial.comparison.treated.astype(float)
    generator = np.random.default_rng(3)
    drawn = next(nudge_tests.assignments(treated, trial.experiment.area, 5, generator))
    for draw, assigned in enumerate(drawn, 1):
        for area in np.unique(trial.experiment.area):
            here = trial.experiment.area == area
            assert assigned[here].sum() == treated[here].sum()
        again = replace(trial, comparison=replace(trial.comparison, treated=assigned == 1))
        for place, chosen in enumerate(design.to_dict("records")):
            contrast = again.contrast(**chosen)
            estimate = contrast.estimate(nudge_curves.method(chosen["adjustment"])).estimate
            assert found[draw, place] == pytest.approx(estimate / contrast.control[1], rel=1e-8)


def test_the_joint_statistics_by_hand() -> None:
    generator = np.random.default_rng(2)
    estimates = generator.normal(size=(200, 5)).round(1)  # with ties
    found = tests.joint(estimates).set_index("statistic")
    medians = np.median(estimates, axis=1)
    clear = np.array(
        [
            [(estimates[:, s] >= value).sum() <= 5 for s, value in enumerate(row)]
            for row in estimates
        ]
    ).mean(axis=1)
    for name, values in (("median", medians), ("share", clear)):
        assert found.loc[name, "observed"] == values[0]
        assert found.loc[name, "p"] == (1 + (values[1:] >= values[0]).sum()) / 200
    missing = estimates.copy()
    missing[3, 0] = np.nan
    assert tests.joint(missing)["specifications"].tolist() == [4, 4]
    with pytest.raises(ValidityError, match="draws: 9 is too few"):
        tests.joint(estimates[:10])
    with pytest.raises(ValidityError, match="no specification has"):
        tests.joint(np.full((100, 2), np.nan))


def test_the_joint_test_of_efficacy_has_its_size_and_finds_what_is_there() -> None:
    """Panels in which self-efficacy is a stranger's, whole, of the same area: nothing to find."""
    generator = np.random.default_rng(7)
    chosen = curves.specifications(SHIPPED).query("model == 'linear' and missing == 'complete'")
    design = chosen.iloc[::8]
    columns = [f"{issue}_efficacy" for issue in SHIPPED.instrument.issues]
    rejected, p = np.zeros(2), []
    for _ in range(100):
        frame = small(200, seed=int(generator.integers(2**31)))
        for _, part in frame.groupby("area", observed=True):
            frame.loc[part.index, columns] = generator.permutation(part[columns].to_numpy())
        found = tests.joint(tests.efficacy_draws(made(frame), design, 99))
        rejected += found["p"].to_numpy() <= 0.05
        p.append(found["p"].iloc[0])
    # The share has many ties at nothing clear, so that its test may reject less often, not more.
    assert stats.binomtest(int(rejected[0]), 100, 0.05).pvalue > 0.005
    assert rejected[1] <= stats.binom.isf(0.005, 100, 0.05)
    assert stats.kstest(p, "uniform").pvalue > 0.01
    there = tests.joint(tests.efficacy_draws(made(small(600)), design, 99))
    assert (there["p"] == 0.01).all()


def test_the_joint_test_of_nudges_has_its_size_and_finds_what_is_there() -> None:
    generator = np.random.default_rng(8)
    design = nudge_curves.specifications(SHIPPED).iloc[::12]
    rejected, p = np.zeros(2), []
    for _ in range(100):
        frame = small(300, seed=int(generator.integers(2**31)))
        for _, part in frame.groupby("area", observed=True):
            frame.loc[part.index, "arm"] = generator.permutation(part["arm"].to_numpy())
        found = tests.joint(nudge_tests.nudge_draws(made(frame), design, 99))
        rejected += found["p"].to_numpy() <= 0.05
        p.append(found["p"].iloc[0])
    assert stats.binomtest(int(rejected[0]), 100, 0.05).pvalue > 0.005
    assert rejected[1] <= stats.binom.isf(0.005, 100, 0.05)
    assert stats.kstest(p, "uniform").pvalue > 0.01
    frame = SHIPPED.frame.copy()
    treated = (frame["arm"] != "control").to_numpy()
    frame["willing"] = np.where(treated, np.minimum(frame["willing"] + 2, 10), frame["willing"])
    frame["signup"] = np.where(treated & (frame["intends"] > 5), 1.0, frame["signup"])
    there = tests.joint(nudge_tests.nudge_draws(made(frame), design, 99))
    assert (there["p"] == 0.01).all()


# Summaries.


def test_a_curve_is_summed_up_by_its_intervals() -> None:
    curve = pd.DataFrame(
        {
            "weights": ["on", "on", "off", "off"],
            "estimate": [0.1, -0.3, 0.4, np.nan],
            "low": [0.05, -0.5, -0.1, np.nan],
            "high": [0.2, -0.1, 0.9, np.nan],
        }
    )
    row = curves.summarise(curve).iloc[0]
    assert row[["specifications", "fitted", "above", "below"]].tolist() == [4, 3, 1, 1]
    assert row[["median", "lowest", "highest"]].tolist() == [0.1, -0.3, 0.4]
    assert row[["share", "positive"]].tolist() == pytest.approx([2 / 3, 2 / 3])
    options = {"weights": ("Weights", {"on": "On", "off": "Off", "never": "Never"})}
    split = curves.by_choice(curve, options)
    assert split["option"].tolist() == ["on", "off"]
    assert split["median"].tolist() == pytest.approx([-0.1, 0.4])
    assert split["moves"].tolist() == pytest.approx([0.5, 0.5])


# Edges.


def test_one_area_cannot_be_left_out() -> None:
    panel = made(small(900)[lambda frame: frame["area"] == "A"].reset_index(drop=True))
    for module in (curves, nudge_curves):
        assert set(module.specifications(panel)["area"]) == {"none"}
    design = curves.specifications(panel)
    chosen = design[(design["missing"] == "complete") & (design["outliers"] == "kept")]
    curve = efficacy_curve(panel, chosen)
    assert curve["estimate"].notna().mean() > 0.9
    linear = chosen[chosen["model"] == "linear"]
    found = tests.efficacy_draws(panel, linear, 3)
    expected = curve.loc[(curve["model"] == "linear").to_numpy(), "estimate"]
    assert found[0] == pytest.approx(expected.to_numpy(), rel=1e-9)


def test_equal_weights_change_nothing() -> None:
    panel = made(small(300).assign(weight=1.0))
    curve = efficacy_curve(panel, table({}, {"weights": "unweighted"}))
    assert curve["estimate"].nunique() == 1
    nudge = nudge_curves.nudge_curve(panel, table({}, {"weights": "weighted"}, base=NUDGE))
    assert nudge["estimate"].iloc[0] == pytest.approx(nudge["estimate"].iloc[1], rel=1e-12)


def test_a_panel_without_weights_has_no_choice_of_weights() -> None:
    panel = replace(open_panel(PANEL), weighted=False)
    for module in (curves, nudge_curves):
        table = module.specifications(panel)
        assert 2 * len(table) == len(module.specifications(replace(panel, weighted=True)))
        options = module.choices(panel)
        assert set(table["weights"]) == set(options["weights"][1])
        curve = table.assign(estimate=1.0, low=0.0, high=2.0)
        assert "weights" not in set(curves.by_choice(curve, options)["choice"])


def test_too_few_who_sign_up_leave_the_curve_of_the_other_outcome() -> None:
    frame = small(300)
    frame["signup"] = 0.0
    panel = replace(made(frame), synthetic=False, min_cell=10)
    assert set(nudge_curves.specifications(panel)["outcome"]) <= {"willing", "top"}
    table = nudge_curves.specifications(panel).query("outcome == 'willing'").head(4)
    assert nudge_curves.nudge_curve(panel, table)["estimate"].notna().all()


def test_a_panel_without_the_experiment_says_so() -> None:
    panel = made(small(100).assign(arm=pd.NA))
    for function in (nudge_curves.nudge_curve, nudge_tests.nudge_test):
        with pytest.raises(ValidityError, match="this panel has no experiment"):
            function(panel)


def test_few_respondents_leave_gaps_that_say_why() -> None:
    panel = made(small(60, seed=2))
    design = curves.specifications(panel)
    curve = efficacy_curve(panel, design[design["missing"] == "complete"])
    missing = curve["estimate"].isna()
    assert missing.any() and not missing.all()
    assert (curve["fault"].ne("") == missing).all()
    assert curves.summarise(curve)["fitted"].item() == (~missing).sum()
    with pytest.raises(
        ValidityError, match=r"no specification can be fitted; the first: .*respond"
    ):
        efficacy_curve(made(small(20)), table({}))


@pytest.mark.parametrize(
    ("function", "base", "change", "said"),
    [
        (
            efficacy_curve,
            BASE,
            {"coding": "median"},
            "coding: median is no option; options are mean",
        ),
        (efficacy_curve, BASE, {"area": "Z"}, "area: Z is no option; options are none, A"),
        (nudge_curves.nudge_curve, NUDGE, {"issue": "noise"}, "issue: noise is no option"),
    ],
)
def test_options_that_do_not_exist_are_named(
    function: Callable[..., pd.DataFrame], base: dict[str, str], change: dict[str, str], said: str
) -> None:
    with pytest.raises(ValidityError, match=said):
        function(SHIPPED, table(change, base=base))


def test_a_choice_or_an_imputation_that_is_missing_is_named() -> None:
    with pytest.raises(ValidityError, match="weights: is missing"):
        efficacy_curve(SHIPPED, table({}).drop(columns="weights"))
    with pytest.raises(ValidityError, match="imputations: 1 is too few"):
        efficacy_curve(SHIPPED, table({}), imputations=1)


def test_a_curve_is_whole_and_the_same_from_two_processes_as_from_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """How long both curves and tests take is seen in the test of their chapter."""
    curve, found = efficacy_curve(SHIPPED), tests.efficacy_test(SHIPPED)
    assert curve["fault"].eq("").all()
    assert found["draws"].min() >= 500
    monkeypatch.setenv("COPROD_CACHE", "off")
    some = curve.iloc[::40].reset_index(drop=True)
    for jobs in (1, 2):
        pd.testing.assert_frame_equal(
            efficacy_curve(SHIPPED, some, jobs=jobs), some, check_exact=True
        )
