"""Verdicts against the truth: the committed table within its bound, and a small run of the same."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from coprod.claim_recovery import (
    SCENARIOS,
    claim_recovery,
    claim_truth,
    read_claim_errors,
    scenario,
)
from coprod.claim_rules import load_claims
from coprod.errors import ValidityError
from tests.elsewhere import scattered

CLAIMS = load_claims()
TESTED = {name: claim for name, claim in CLAIMS.items() if claim.rule}


@pytest.fixture(scope="module")
def committed() -> pd.DataFrame:
    return read_claim_errors()


def test_the_committed_table_is_whole_and_of_the_rules_that_are_there(
    committed: pd.DataFrame,
) -> None:
    expected = {(name, claim) for name in SCENARIOS for claim in TESTED}
    assert set(zip(committed["scenario"], committed["id"], strict=True)) == expected
    assert len(committed) == len(expected)
    assert committed["current"].all()
    assert (committed["panels"] >= 100).all()
    verdicts = committed[["supported", "not_supported", "inconclusive"]].sum(axis=1)
    assert (verdicts == committed["panels"]).all()


def test_a_verdict_is_seldom_the_opposite_of_the_truth(committed: pd.DataFrame) -> None:
    opposite = committed["not_supported"].where(committed["true"], committed["supported"])
    assert (opposite == committed["errors"]).all()
    assert (opposite <= 0.13 * committed["panels"]).all()


def test_the_scenarios_make_true_claims_false(committed: pd.DataFrame) -> None:
    true = committed.pivot(index="id", columns="scenario", values="true")
    assert not true.loc[["c2", "parrado2013-efficacy", "alford2016-efficacy"], "no efficacy"].any()
    assert not true.loc[["c3", "c3-signup"], "strong nudges"].any()
    different = ["c1", "c2", "c5", "bovaird2015-gulf", "alford2016-forms"]
    assert not true.loc[different, "equal forms"].any()
    assert true.loc[[*different, "c3", "c3-signup"], "design"].all()
    found = committed.set_index(["scenario", "id"])["not_supported"]
    for name, claim in (("no efficacy", "c2"), ("strong nudges", "c3"), ("equal forms", "c1")):
        expected = 0 if claim == "c1" else 90
        assert found[name, claim] >= expected


def test_true_values_are_far_enough_from_the_bounds_to_be_known(committed: pd.DataFrame) -> None:
    assert (committed["margin"].abs() > 0.004).all()
    assert ((committed["margin"] >= 0) == committed["true"]).all()


def test_the_truth_is_that_of_the_kept_values_for_the_design() -> None:
    found = claim_truth(people=40_000).set_index("id")
    assert found.loc["c2", "value"] == pytest.approx(0.2256, abs=5e-4)
    assert found.loc["c5", "value"] == pytest.approx(0.0070, abs=5e-4)
    other = claim_truth(scenario("strong nudges"), {"c3": TESTED["c3"]}, people=40_000)
    assert other["value"].item() == pytest.approx(0.59, abs=0.02)


def test_a_small_run_counts_verdicts_wherever_they_are_reached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = claim_recovery(2, seed=1, people=10_000, names=["design"])
    assert one[["supported", "not_supported", "inconclusive"]].sum(axis=1).eq(2).all()
    assert one.set_index("id").loc["c2", "supported"] == 2
    for module in ("claim_recovery", "experiment_recovery"):
        monkeypatch.setattr(f"coprod.{module}.run", scattered)
    two = claim_recovery(2, seed=1, people=10_000, names=["design"])
    pd.testing.assert_frame_equal(one, two)


def test_a_changed_rule_is_seen_not_to_be_the_one_that_was_tried() -> None:
    rule = TESTED["c2"].rule
    assert rule
    changed = dataclasses.replace(TESTED["c2"], rule=dataclasses.replace(rule, lower=0.2))
    table = read_claim_errors(claims=CLAIMS | {"c2": changed})
    assert set(table.loc[~table["current"], "id"]) == {"c2"}
    worded = dataclasses.replace(TESTED["c2"], rule=dataclasses.replace(rule, why="Other words."))
    assert read_claim_errors(claims=CLAIMS | {"c2": worded})["current"].all()


def test_scenarios_change_what_they_say() -> None:
    design = scenario("design")
    nothing = scenario("no efficacy")
    assert nothing["propensity.perceptions.individual.efficacy"] == 0
    assert nothing["experiment.effects"] == design["experiment.effects"]
    strong = scenario("strong nudges")
    assert set(strong["experiment.effects"].values()) == {0.0, 0.6}
    assert strong["propensity.perceptions"] == design["propensity.perceptions"]
    alike = scenario("equal forms")
    assert alike["items.thresholds"]["individual"] == alike["items.thresholds"]["collective"]
    with pytest.raises(ValidityError, match="allowed are design, no efficacy"):
        scenario("luck")


def test_no_panel_is_too_few() -> None:
    with pytest.raises(ValidityError, match="panels: 0"):
        claim_recovery(0)


def test_half_of_a_coin_would_be_seen(committed: pd.DataFrame) -> None:
    """The bound of 13 in 100 holds verdicts that err 5 % of the time, and not those that err 25 %."""
    rng = np.random.default_rng(1)
    assert (rng.binomial(100, 0.05, 10_000) > 13).mean() < 0.001
    assert (rng.binomial(100, 0.25, 10_000) <= 13).mean() < 0.005
    assert committed["errors"].max() <= 13
