"""The experiment against R, real experiments, odd panels, and effects that are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from coprod import nudges
from coprod.design import load_design
from coprod.errors import ValidityError
from coprod.experiment import Contrast, Covariate, difference
from coprod.panel import Panel, open_panel
from coprod.paths import PANEL
from coprod.robust import least_squares
from coprod.studies import default_option, rock_the_vote
from tests.panels import made, small
from tests.reference import assert_agrees, load_reference

TOLERANCE = 1e-8


@pytest.fixture(scope="module")
def panel() -> Panel:
    return open_panel(PANEL)


@pytest.fixture(scope="module")
def reference() -> pd.DataFrame:
    return load_reference("nudges")


@pytest.fixture(scope="module")
def effects(panel: Panel) -> pd.DataFrame:
    return nudges.effects(panel)


def test_effects_errors_and_holm_agree_with_r(
    effects: pd.DataFrame, reference: pd.DataFrame
) -> None:
    assert len(effects) == 2 * 2 * 2 * 4
    keys = ["weights", "adjustment", "outcome", "arm"]
    assert_agrees(reference, "effects", effects, keys, TOLERANCE)


def test_interactions_agree_with_r(panel: Panel, reference: pd.DataFrame) -> None:
    table = pd.concat(
        nudges.heterogeneity(panel, weighted=weighted).assign(weighted=str(weighted).upper())
        for weighted in (False, True)
    )
    keys = ["weighted", "moderator", "outcome", "arm", "contrast"]
    assert_agrees(reference, "heterogeneity", table, keys, TOLERANCE)
    differences = table[table["contrast"] == "difference"]
    assert differences["p_holm"].notna().all() and table["p_holm"].notna().sum() == 32
    assert (differences["detectable"] / differences["standard_error"]).between(2.80, 2.81).all()


def test_balance_and_its_test_agree_with_r(panel: Panel, reference: pd.DataFrame) -> None:
    table = nudges.balance(panel)
    assert_agrees(reference, "balance", table, ["arm", "variable", "level"], TOLERANCE)
    assert table.query("arm == 'pooled'")["variable"].nunique() == 10
    test = nudges.balance_test(panel, draws=2_000).assign(key="all")
    assert_agrees(reference, "balance_test", test, ["key"], TOLERANCE)
    row = test.iloc[0]
    error = np.sqrt(row["p_asymptotic"] * (1 - row["p_asymptotic"]) / 2_000)
    assert abs(row["p"] - row["p_asymptotic"]) < 3.5 * error + 0.005


def test_rock_the_vote_agrees_with_r(reference: pd.DataFrame) -> None:
    """Green and Vavreck (2008): 85 cable systems in 40 strata; a row is a cluster."""
    found = rock_the_vote(draws=99)
    assert_agrees(reference, "RockTheVote", found, ["key"], TOLERANCE)
    assert (found["strata"] == 40).all()


def test_the_default_option_among_farmers_agrees_with_r(reference: pd.DataFrame) -> None:
    """`social_insure`: the default never varies within an address, 8 villages never vary."""
    found = default_option()
    assert_agrees(reference, "social_insure", found, ["key"], TOLERANCE)
    assert found["constant"].item() == 8


def test_units_are_those_that_they_say(effects: pd.DataFrame) -> None:
    table = effects.set_index(["weights", "adjustment", "outcome", "arm"])
    assert (table["high_sd"] - table["low_sd"]).gt(0).all()
    shares = table.xs("signup", level="outcome")
    assert np.allclose(shares["estimate_percentage_points"], 100 * shares["estimate"])
    assert table.xs("willing", level="outcome")["estimate_percentage_points"].isna().all()
    assert (table["n"] == table["n_arm"] + table["n_control"]).all()
    lin, strata = table.xs("lin", level="adjustment"), table.xs("strata", level="adjustment")
    willing = lin.xs("willing", level="outcome")["standard_error"]
    assert (willing < 0.9 * strata.xs("willing", level="outcome")["standard_error"]).all()
    assert (
        lin["covariates"]
        .eq(
            "intends, age, gender, education, employment, tenure, disability, children, minority, years"
        )
        .all()
    )


def test_without_strata_hc2_is_neymans_variance() -> None:
    generator = np.random.default_rng(3)
    treated = (np.arange(40) % 4 == 0).astype(float)
    outcome = generator.normal(size=40) * (1 + treated)
    contrast = Contrast(outcome, treated, np.ones(40), np.zeros(40, np.intp), ("all",))
    groups = [outcome[treated == g] for g in (0, 1)]
    variance = sum(g.var(ddof=1) / len(g) for g in groups)
    for adjustment in ("strata", "lin"):
        found = contrast.estimate(adjustment)
        assert found.estimate == pytest.approx(groups[1].mean() - groups[0].mean())
        assert found.standard_error == pytest.approx(np.sqrt(variance))


def test_equivalence_is_two_one_sided_tests(panel: Panel, effects: pd.DataFrame) -> None:
    table = nudges.equivalence(panel).set_index(["outcome", "arm"])
    base = effects.query("adjustment == 'lin' and weights == 'unweighted'")
    base = base.set_index(["outcome", "arm"]).loc[table.index]
    willing = (table["unit"] == "SD").to_numpy()
    np.testing.assert_allclose(
        table["estimate"], np.where(willing, base["estimate_sd"], base["estimate"])
    )
    assert ((table["p"] < 0.05) == (table["verdict"] == "negligible")).all()
    assert (table["margin"] == np.where(willing, 0.20, 0.05)).all()
    # A margin just beyond the largest effect is passed, one just within is not.
    for (outcome, arm), row in table.iterrows():
        for factor, verdict in ((1.001, "negligible"), (0.999, "inconclusive")):
            again = nudges.equivalence(panel, {outcome: factor * row["largest"]})
            if arm == "norm":
                assert again.set_index("arm").loc[arm, "verdict"] == verdict
        if arm == "norm":
            continue
    inside = stats.t(table["df"])
    both = inside.cdf((table["margin"] - table["estimate"]) / table["standard_error"])
    both -= inside.cdf((-table["margin"] - table["estimate"]) / table["standard_error"])
    np.testing.assert_allclose(table["probability_negligible"], both, atol=1e-12)


def test_the_bayes_factor_is_that_of_rouder(panel: Panel, effects: pd.DataFrame) -> None:
    """Over 1,000 people t is nearly normal about the effect size, whose prior is a Cauchy."""
    table = nudges.equivalence(panel, {"willing": 0.2}).set_index("arm")
    base = effects.query("adjustment == 'lin' and weights == 'unweighted' and outcome == 'willing'")
    for arm, row in base.set_index("arm").iterrows():
        t, root = row["statistic"], np.sqrt(row["n_arm"] * row["n_control"] / row["n"])
        sizes = np.linspace(-3, 3, 60_001)
        likelihood = stats.norm.pdf(t - sizes * root) * stats.cauchy.pdf(sizes, scale=0.707)
        expected = integrate.simpson(likelihood, x=sizes) / stats.norm.pdf(t)
        assert table.loc[arm, "bayes_factor"] == pytest.approx(expected, rel=5e-3)


@pytest.mark.parametrize(
    ("effect", "verdict"), [(0.0, "negligible"), (3.0, "relevant"), (-3.0, "relevant")]
)
def test_verdicts(effect: float, verdict: str) -> None:
    frame = small(1_000)
    noise = np.random.default_rng(2).normal(size=1_000)
    frame["willing"] = noise + effect * (frame["arm"] != "control")
    table = nudges.equivalence(made(frame), {"willing": 0.5}, adjustment="strata")
    assert (table["verdict"] == verdict).all()
    probability = table["probability_positive"]
    assert (probability > 0.999).all() if effect > 0 else (probability < 0.99).all()


def test_flow_counts_people(panel: Panel) -> None:
    table = nudges.flow(panel).set_index(["area", "arm"])
    whole = table.loc[("all", "all")]
    frame = panel.frame
    assert whole["answered"] == whole["randomised"] == len(frame)
    assert whole["invited"] == sum(load_design()["sample.invited"].values())
    assert whole["willing"] == frame["willing"].notna().sum()
    arms = table.drop(index="all", level="arm")
    counts = ["randomised", "willing", "signup"]
    pd.testing.assert_series_equal(
        arms.drop(index="all", level="area")[counts].sum(), whole[counts].astype("int64"),
        check_names=False,
    )  # fmt: skip
    assert arms["invited"].isna().all()
    other = nudges.flow(made(small()))
    assert other["invited"].isna().all() and other["answered"].max() == 300
    with pytest.raises(ValidityError, match="invited: no area F; areas are A, B"):
        nudges.flow(panel, {"F": 3})


# Odd panels


def no_experiment(frame: pd.DataFrame) -> pd.DataFrame:
    names = ["intends", "nudge_issue", "arm", "willing", "signup"]
    return frame.assign(**dict.fromkeys(names, np.nan))


def without_arm(frame: pd.DataFrame, *arms: str) -> pd.DataFrame:
    return frame[~frame["arm"].isin(arms)].reset_index(drop=True)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (no_experiment, "this panel has no experiment"),
        (lambda frame: frame.drop(columns="arm"), "this panel has no experiment"),
        (lambda frame: without_arm(frame, "control"), "arm: nobody is in 'control'"),
        (
            lambda frame: without_arm(frame, "norm", "efficacy", "invitation"),
            "arm: everybody is in 'control'",
        ),
        (lambda frame: frame.assign(willing=np.nan), "willing: nobody in the experiment"),
        (lambda frame: frame.assign(willing=4.0), "willing: is 4 for everybody"),
        (lambda frame: frame.assign(signup=0.0), "signup: is 0 for everybody"),
        (
            lambda frame: frame.assign(willing=frame["willing"].mask(frame["arm"] == "norm")),
            "willing, arm norm: nobody with an outcome is in the treated group",
        ),
        (lambda frame: frame.assign(weight=0.0), "weight: must be a number of zero or more"),
    ],
)
def test_what_cannot_be_compared_is_named(
    change: Callable[[pd.DataFrame], pd.DataFrame], said: str
) -> None:
    with pytest.raises(ValidityError, match=said):
        nudges.effects(made(change(small())), adjustments=["strata"])


@pytest.mark.parametrize(
    "function",
    [
        nudges.flow, nudges.balance, nudges.balance_test, nudges.effects, nudges.equivalence,
        nudges.randomisation_test, nudges.heterogeneity,
    ],
)  # fmt: skip
def test_every_function_says_that_there_is_no_experiment(
    function: Callable[[Panel], pd.DataFrame],
) -> None:
    with pytest.raises(ValidityError, match="this panel has no experiment"):
        function(made(no_experiment(small())))


def test_an_arm_that_nobody_is_in_gets_no_row() -> None:
    table = nudges.effects(made(without_arm(small(), "norm")), adjustments=["strata"])
    assert set(table["arm"]) == {"efficacy", "invitation", "pooled"}
    one = nudges.effects(made(without_arm(small(), "norm", "efficacy")), adjustments=["strata"])
    assert set(one["arm"]) == {"invitation"}
    both = nudges.balance_test(made(without_arm(small(), "norm", "efficacy")), draws=50)
    assert both["df"].item() == 15


def test_arms_of_other_names() -> None:
    frame = small()
    names = {"control": "none", "norm": "letter", "efficacy": "call", "invitation": "visit"}
    renamed = frame.assign(arm=frame["arm"].astype(str).map(names))
    panel = made(renamed)
    labels = {name: name.upper() for name in names.values()}
    panel = replace(panel, instrument=replace(panel.instrument, arms=labels))
    table = nudges.effects(panel, adjustments=["strata"])
    expected = nudges.effects(made(frame), adjustments=["strata"])
    np.testing.assert_allclose(table["estimate"], expected["estimate"])
    assert table["label"].iloc[:4].tolist() == ["LETTER", "CALL", "VISIT", "Any nudge"]
    with pytest.raises(ValidityError, match="arm: no control, efficacy, invitation, norm; arms"):
        nudges.effects(replace(made(frame), instrument=panel.instrument))


def test_one_area_needs_no_strata() -> None:
    frame = open_panel(PANEL).frame.query("area == 'A'").reset_index(drop=True)
    table = nudges.effects(made(frame), weights=["unweighted"]).set_index(
        ["adjustment", "outcome", "arm"]
    )
    groups = frame.groupby("arm", observed=True)["willing"].mean()
    found = table.loc[("strata", "willing", "norm"), "estimate"]
    assert found == pytest.approx(groups["norm"] - groups["control"])
    for function in (nudges.balance, nudges.equivalence, nudges.heterogeneity):
        assert function(made(frame))["n"].gt(300).all()


def test_small_cells_use_fewer_covariates_and_say_so() -> None:
    table = nudges.effects(made(small(160)), adjustments=["lin"], outcomes=["willing"])
    assert table["smallest_cell"].lt(20).all() and table["p"].notna().all()
    assert (table["covariates"] == "intends").all()
    assert table["left_out"].str.startswith("age, gender, education").all()


@pytest.mark.parametrize(
    ("change", "left_out"),
    [
        (lambda frame: frame.assign(minority="no"), "minority"),
        (lambda frame: frame.assign(intends=np.nan), "intends"),
        (lambda frame: frame.assign(children=np.nan), "children"),
        (lambda frame: frame.assign(years=frame["age"] - 18), "years"),
    ],
)
def test_covariates_that_say_nothing_are_left_out_by_name(
    change: Callable[[pd.DataFrame], pd.DataFrame], left_out: str
) -> None:
    frame = change(small(2_000))
    options = {"adjustments": ["lin"], "weights": ["unweighted"], "outcomes": ["willing"]}
    table = nudges.effects(made(frame), **options)  # type: ignore[arg-type]
    assert (table["left_out"] == left_out).all()
    rest = nudges.balance(made(frame))
    assert rest.loc[rest["variable"] != left_out, "standardised"].notna().all()


def test_a_level_of_one_person_is_no_covariate() -> None:
    generator = np.random.default_rng(1)
    treated = np.repeat([0.0, 1.0], 30)
    level = np.zeros(60)
    level[[3, 40, 41, 42]] = 1  # one of the control group
    rare = Covariate("rare", np.column_stack([1 - level, level]))
    other = Covariate("other", generator.normal(size=(60, 1)))
    plain = (generator.normal(size=60), treated, np.ones(60), np.zeros(60, np.intp), ("all",))
    found = Contrast(*plain, (rare, other)).estimate("lin")
    assert (found.covariates, found.left_out) == (("other",), ("rare",))
    alone = Contrast(*plain, (other,)).estimate("lin")
    assert found.standard_error == pytest.approx(alone.standard_error)


def test_a_leverage_of_one_is_an_error() -> None:
    design = np.column_stack([np.ones(6), np.arange(6) == 2]).astype(float)
    with pytest.raises(ValidityError, match="1 of 6 people have a leverage of 1"):
        least_squares(np.arange(6.0), design, np.ones(6))
    frame = small()
    e = frame.index[frame["area"] == "E"]
    lonely = frame.drop(index=e[frame.loc[e, "arm"].ne("control")])
    alone = lonely.drop(index=lonely.index[lonely["area"] == "E"][1:]).reset_index(drop=True)
    with pytest.raises(
        ValidityError, match=r"willing, arm norm: area E .*: has one person only, a lev"
    ):
        nudges.effects(made(alone), adjustments=["strata"])
    # An area without an arm adds nothing to the differences within areas, and has no Lin estimate.
    panel = made(lonely.reset_index(drop=True))
    gone = made(lonely.query("area != 'E'").reset_index(drop=True))
    table = nudges.effects(panel, adjustments=["strata"], weights=["unweighted"])
    rest = nudges.effects(gone, adjustments=["strata"], weights=["unweighted"])
    for name in ("estimate", "standard_error"):
        np.testing.assert_allclose(table[name], rest[name])
    with pytest.raises(ValidityError, match=r"area E .*: has 0 of the treated group"):
        nudges.effects(panel, adjustments=["lin"])


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda p: nudges.effects(p, adjustments=("ols",)), "allowed are"),  # type: ignore[arg-type]
        (lambda p: nudges.effects(p, weights=["raked"]), "allowed are 'unweighted' and 'weighted'"),
        (lambda p: nudges.effects(p, outcomes=["age"]), "outcomes are willing, signup"),
        (lambda p: nudges.equivalence(p, {"willing": 0.0}), "willing has 0.0; it must be above"),
        (lambda p: nudges.equivalence(p, {"age": 1.0}), "outcomes are willing, signup"),
        (lambda p: nudges.balance_test(p, draws=0), "draws: 0 is too few"),
        (
            lambda p: nudges.heterogeneity(
                made(p.frame.assign(**{f"{i}_efficacy": 3.0 for i in p.instrument.issues}))
            ),
            "efficacy: is unknown or the same for everybody",
        ),
        (lambda p: difference(p.frame, "willing", "arm", "area"), "arm: holds category"),
        (lambda p: difference(p.frame, "willing", "age", "area"), "age: must be 0 or 1"),
        (lambda p: difference(p.frame, "willing", "signup", "town"), "strata: there is no column"),
    ],
)
def test_arguments_that_are_not_possible(call: Callable[[Panel], object], said: str) -> None:
    with pytest.raises(ValidityError, match=said):
        call(made(small()))


def test_order_and_scale_of_weights_change_nothing() -> None:
    frame = small(600)
    moved = frame.sample(frac=1, random_state=3).assign(weight=frame["weight"] * 7)
    base, again = nudges.effects(made(frame)), nudges.effects(made(moved))
    numbers = ["estimate", "standard_error", "p_holm", "estimate_sd"]
    np.testing.assert_allclose(again[numbers], base[numbers], rtol=1e-8, atol=1e-10)
    zero = frame.assign(weight=frame["weight"].where(frame.index > 49, 0.0))
    options = {"adjustments": ["strata"], "weights": ["weighted"]}
    pd.testing.assert_frame_equal(
        nudges.effects(made(zero), **options),  # type: ignore[arg-type]
        nudges.effects(made(frame.iloc[50:].reset_index(drop=True)), **options),  # type: ignore[arg-type]
    )


# Known effects


def points(latent: np.ndarray) -> np.ndarray:
    scale = load_design()["experiment.willing"]
    return np.clip(np.round(scale["mean"] + scale["spread"] * latent), 0, 10)


def mean_points(effect: float, sd: float) -> float:
    """The mean of :func:`points` of a normal latent, from the probability of every answer."""
    scale = load_design()["experiment.willing"]
    edges = (np.arange(10) + 0.5 - scale["mean"]) / scale["spread"]
    return float(stats.norm.sf(edges, effect, sd).sum())


def test_known_effects_are_recovered_and_the_null_arm_is_found_as_often_as_it_should() -> None:
    """1,500 experiments of the design, in bands of 3.5 Monte Carlo standard errors."""
    design = load_design()
    willing, intends = design["experiment.willing"], design["experiment.intends"]
    truth = design["experiment.effects"]
    arms, times = list(truth), 1_500
    # A quarter of the size of the study: bias, coverage and size do not hang on it.
    area = np.repeat(np.arange(5), [180, 152, 128, 108, 88])
    names = tuple("ABCDE")
    generator = np.random.default_rng(4)
    rows = []
    spread = np.hypot(intends["propensity"], intends["noise"])
    sd = np.hypot(willing["intends"] * spread, willing["noise"])
    expected = {arm: mean_points(truth[arm], sd) - mean_points(0, sd) for arm in arms}
    for _ in range(times):
        arm = np.empty(len(area), int)
        for a in range(5):
            here = np.flatnonzero(area == a)
            arm[here] = generator.permutation(np.arange(len(here)) % 4)
        before = spread * generator.standard_normal(len(area))
        noise = willing["noise"] * generator.standard_normal(len(area))
        effect = np.array(list(truth.values()))[arm]
        answered = points(willing["intends"] * before + noise + effect)
        asked = np.clip(np.round(intends["mean"] + intends["spread"] * before), 0, 10)[:, None]
        for code in (1, 2, 3):
            for adjustment in ("strata", "lin"):
                chosen = np.isin(arm, (0, code))
                contrast = Contrast(
                    answered[chosen], (arm[chosen] == code).astype(float), np.ones(chosen.sum()),
                    area[chosen], names, (Covariate("intends", asked[chosen]),),
                )  # fmt: skip
                found = contrast.estimate(adjustment).row()
                rows.append(
                    (arms[code], adjustment, *(found[k] for k in ("estimate", "low", "high", "p")))
                )
    table = pd.DataFrame(rows, columns=["arm", "adjustment", "estimate", "low", "high", "p"])
    band = 3.5 * np.sqrt(0.05 * 0.95 / times)
    for (arm, _), found in table.groupby(["arm", "adjustment"]):
        known = expected[str(arm)]
        error = found["estimate"].std() / np.sqrt(times)
        assert abs(found["estimate"].mean() - known) < 3.5 * error
        assert abs(((found["low"] <= known) & (known <= found["high"])).mean() - 0.95) < band
    null = table[table["arm"] == "efficacy"].groupby("adjustment")["p"]
    assert (null.apply(lambda p: abs((p < 0.05).mean() - 0.05)) < band).all()
    errors = table.groupby("adjustment")["estimate"].std()
    assert errors["lin"] < 0.9 * errors["strata"]
