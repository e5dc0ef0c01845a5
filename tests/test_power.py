"""Power: the formula against other implementations, against drawn experiments, and its edges."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats
from statsmodels.stats.power import TTestIndPower

from coprod import nudges, open_panel
from coprod.errors import ValidityError
from coprod.panel import Panel
from coprod.power import Trial, detectable, errors, power, varied
from coprod.power_simulation import grid, read_power, simulated_power
from tests.elsewhere import scattered

PLAIN = Trial(respondents=128, areas=1, arms=2)


@pytest.fixture(scope="module")
def panel() -> Panel:
    return open_panel()


@pytest.mark.parametrize("n", [4, 20, 64, 500])
@pytest.mark.parametrize("effect", [0.0, 0.1, 0.3, 0.5])
def test_two_groups_have_the_power_that_statsmodels_says(n: int, effect: float) -> None:
    # One area takes no coefficient more than the two groups: n1 + n0 - 2 degrees of freedom.
    found = power(Trial(respondents=2 * n, areas=1, arms=2), [effect])
    expected = TTestIndPower().power(effect, n, 0.05, 1.0)
    assert found["df"].item() == 2 * n - 2
    assert found["power"].item() == pytest.approx(expected, abs=1e-10)


def test_the_error_of_a_share_is_that_of_two_proportions() -> None:
    trial = Trial(respondents=400, areas=5, arms=4, baseline=0.12)
    expected = np.sqrt(0.2 * 0.8 / 500 + 0.12 * 0.88 / 500)
    assert trial.standard_error(0.08) == pytest.approx(expected)
    pooled = replace(trial, nudged=3)
    assert pooled.standard_error(0.08) == pytest.approx(
        np.sqrt(0.2 * 0.8 / 1500 + 0.12 * 0.88 / 500)
    )
    assert (trial.df, pooled.df) == (1000 - 6, 2000 - 6)
    with_covariates = replace(trial, covariates=3)
    assert with_covariates.df == 1000 - (2 + 2 * 3 + 2 * 4)


def test_the_errors_of_a_found_effect_are_those_of_a_truncated_distribution() -> None:
    """With a great many degrees of freedom everything is an integral over a normal."""
    trial = Trial(respondents=4_000_000, areas=1, arms=2)
    error = trial.standard_error()
    reach = stats.norm.isf(0.025)
    for ratio in (0.1, 0.5, 1.0, 2.8, 5.0):
        row = errors(trial, [ratio * error]).iloc[0]
        estimate = stats.norm(ratio)
        outside = [(-np.inf, -reach), (reach, np.inf)]
        chance = sum(estimate.cdf(high) - estimate.cdf(low) for low, high in outside)
        size = sum(
            integrate.quad(lambda z, at=ratio: abs(z) * stats.norm.pdf(z, at), low, high)[0]
            for low, high in outside
        )
        assert row["power"] == pytest.approx(chance, abs=1e-6)
        assert row["type_s"] == pytest.approx(estimate.cdf(-reach) / chance, abs=1e-6)
        assert row["type_m"] == pytest.approx(size / chance / ratio, rel=1e-5)


def test_gelman_and_carlins_example_is_reproduced() -> None:
    """Their section on beauty and sex: an effect of 0.1 with an error of 3.3 percentage points.

    Power .05, type S .46, exaggeration about 77 (Perspectives on Psychological Science 9, 646).
    """
    each = 0.25 * 2 / 0.033**2
    trial = Trial(respondents=2 * each, areas=1, arms=2, baseline=0.5)
    row = errors(trial, [0.001]).iloc[0]
    assert row["standard_error"] == pytest.approx(0.033, abs=1e-5)
    assert row["power"] == pytest.approx(0.05, abs=0.001)
    assert row["type_s"] == pytest.approx(0.46, abs=0.005)
    assert row["type_m"] == pytest.approx(77, abs=1.0)


def test_few_degrees_of_freedom_exaggerate_as_drawn() -> None:
    trial = Trial(respondents=12, areas=1, arms=2)
    row = errors(trial, [0.5]).iloc[0]
    generator = np.random.default_rng(3)
    drawn = generator.standard_normal((400_000, 12))
    treated, control = drawn[:, :6] + 0.5, drawn[:, 6:]
    estimate = treated.mean(axis=1) - control.mean(axis=1)
    error = np.sqrt((treated.var(axis=1, ddof=1) + control.var(axis=1, ddof=1)) / 6)
    found = np.abs(estimate / error) > stats.t.isf(0.025, 10)
    assert row["power"] == pytest.approx(found.mean(), abs=0.002)
    assert row["type_s"] == pytest.approx((estimate[found] < 0).mean(), abs=0.003)
    assert row["type_m"] == pytest.approx(np.abs(estimate[found]).mean() / 0.5, rel=0.005)


def test_what_is_detectable_has_the_power_asked_for() -> None:
    trials = [PLAIN, *varied(replace(PLAIN, baseline=0.12), areas=[1, 5], tests=[1, 6])]
    for trial in trials:
        for chance in (0.5, 0.8, 0.95):
            found = detectable(trial, chance)["detectable"].item()
            assert power(trial, [found])["power"].item() == pytest.approx(chance, abs=1e-8)


def test_what_cannot_be_found_is_not_a_number() -> None:
    small = Trial(respondents=8, areas=1, arms=2, baseline=0.9)
    assert np.isnan(detectable(small)["detectable"].item())
    assert not np.isnan(detectable(replace(small, respondents=2000))["detectable"].item())


def test_more_of_everything_that_helps_helps() -> None:
    base = Trial(respondents=300, areas=5, arms=4, baseline=0.12, cluster=10, alike=0.02)
    at = power(base, [0.05])["power"].item()
    for better in (
        {"respondents": 600},
        {"areas": 10},
        {"arms": 2},
        {"explained": 0.3},
        {"cluster": 1},
        {"alike": 0.0},
        {"nudged": 3},
    ):
        assert power(replace(base, **better), [0.05])["power"].item() > at, better
    assert power(replace(base, tests=6), [0.05])["power"].item() < at


def test_assigning_groups_costs_the_design_effect() -> None:
    alone = Trial(respondents=400, areas=5, arms=2)
    grouped = replace(alone, cluster=20, alike=0.05)
    assert grouped.spread == pytest.approx(1.95)
    assert grouped.standard_error() == pytest.approx(np.sqrt(1.95) * alone.standard_error())
    assert grouped.df == 5 * 400 // 20 - 6
    assert replace(grouped, alike=0.0).standard_error() == pytest.approx(alone.standard_error())


@pytest.mark.parametrize("outcome", ["willing", "signup"])
@pytest.mark.parametrize("adjustment", ["strata", "lin"])
@pytest.mark.parametrize("arm", ["", "pooled"])
def test_the_trial_of_a_panel_has_the_error_of_its_effects(
    panel: Panel, outcome: str, adjustment: str, arm: str
) -> None:
    trial = Trial.of(panel, outcome, arm, adjustment)  # type: ignore[arg-type]
    table = nudges.effects(panel, [adjustment], ["unweighted"], [outcome])  # type: ignore[list-item]
    here = table[table["arm"] == "pooled"] if arm else table[table["family"] == "arms"]
    suffix = "_sd" if outcome == "willing" else ""
    # Each estimate has a variance of its own, by what its people answered: the mean is compared.
    error = trial.standard_error(here[f"estimate{suffix}"].mean())
    assert error == pytest.approx(here[f"standard_error{suffix}"].mean(), rel=0.03)
    assert abs(trial.df - here["df"].mean()) < 10


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"respondents": 0}, "respondents: 0"),
        ({"respondents": float("nan")}, "respondents: nan"),
        ({"areas": 0}, "areas: 0"),
        ({"arms": 1}, "arms: 1"),
        ({"baseline": 1.0}, "baseline: 1.0"),
        ({"explained": 1.0}, "explained: 1.0"),
        ({"covariates": -1}, "covariates: -1"),
        ({"cluster": 200}, "cluster: 200"),
        ({"alike": -0.1}, "alike: -0.1"),
        ({"tests": 0}, "tests: 0"),
        ({"nudged": 2}, "nudged: 2"),
        ({"respondents": 2}, "too few people or groups"),
        ({"cluster": 64, "alike": 0.1}, "too few people or groups"),
        ({"covariates": 62}, "too few people or groups"),
    ],
)
def test_what_is_not_possible_is_named(change: dict[str, float], named: str) -> None:
    with pytest.raises(ValidityError, match=named):
        replace(PLAIN, **change)  # type: ignore[arg-type]


def test_effects_and_chances_that_are_not_possible_are_named() -> None:
    share = replace(PLAIN, baseline=0.9)
    for effect in (0.2, -0.95, float("nan")):
        with pytest.raises(ValidityError, match=f"effects: {effect}"):
            power(share, [effect])
    for chance in (0.05, 1.0):
        with pytest.raises(ValidityError, match="chance"):
            detectable(PLAIN, chance)
    with pytest.raises(ValidityError, match="experiments: 10"):
        simulated_power([(PLAIN, 0.3)], experiments=10)


def test_an_outcome_that_says_nothing_is_named(panel: Panel) -> None:
    frame = panel.frame
    control = frame["arm"] == "control"
    for column, values, said in (
        ("willing", frame["willing"].mask(control), "unknown for all of control"),
        ("willing", frame["willing"].where(control), "unknown for all of control, or for all nudg"),
        ("signup", frame["signup"].mask(control, 0.0), "is 0 for everybody in control"),
        ("signup", 1.0, "is 1 for everybody"),
        ("arm", np.nan, "no experiment"),
    ):
        changed = frame.assign(**{column: values})
        with pytest.raises(
            ValidityError, match=f"{said if column == 'arm' else column + ': .*' + said}"
        ):
            Trial.of(
                Panel(changed, panel.instrument, source="test", synthetic=True),
                "willing" if column == "arm" else column,
            )


def test_one_area_and_two_arms_are_a_trial(panel: Panel) -> None:
    frame = panel.frame
    part = frame[(frame["area"] == "B") & frame["arm"].isin(["control", "invitation"])]
    small = Panel(part, panel.instrument, source="test", synthetic=True)
    trial = Trial.of(small, "willing")
    assert (trial.areas, trial.arms) == (1, 2)
    assert trial.respondents == part["willing"].notna().sum()


def test_the_committed_simulation_agrees_with_the_formula() -> None:
    table = read_power()
    assert len(table) == 24 and (table["experiments"] >= 10_000).all()
    assert (table["apart"].abs() < 3.5).all()
    assert table["simulated"].between(0.4, 0.65).all()
    np.testing.assert_allclose(table["type_m"], table["simulated_type_m"], rtol=0.02)
    now = pd.concat([errors(trial, [effect]) for trial, effect in grid()], ignore_index=True)
    pd.testing.assert_frame_equal(table[list(now)], now, rtol=1e-6, check_dtype=False)


def test_a_small_simulation_agrees_wherever_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    designs = [grid()[place] for place in (0, 12, 7, 17, 22)]
    alone = simulated_power(designs, experiments=1_000, seed=8)
    assert (alone["apart"].abs() < 3.5).all()
    monkeypatch.setattr("coprod.power_simulation.run", scattered)
    there = simulated_power(designs[:2], experiments=1_000, seed=8)
    # The first seeds are the same whatever follows.
    pd.testing.assert_frame_equal(there, alone.iloc[:2])
