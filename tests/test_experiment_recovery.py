"""Recovery of the experiment: the committed table within its bands, and a small run of the same."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from coprod.design import load_design
from coprod.errors import ValidityError
from coprod.experiment_recovery import (
    experiment_recovery,
    read_experiments,
    true_effects,
    with_effects,
)
from tests.elsewhere import scattered

KEYS = ["under", "method", "outcome", "arm"]


@pytest.fixture(scope="module")
def committed() -> pd.DataFrame:
    return read_experiments()


def test_the_committed_table_is_whole(committed: pd.DataFrame) -> None:
    assert (committed["experiments"] >= 5_000).all() and (committed["draws"] == 999).all()
    assert not committed.duplicated(KEYS).any()
    assert committed.groupby("under")["method"].nunique().to_dict() == {"design": 2, "nothing": 3}
    assert committed.groupby(["under", "method"]).size().unique().tolist() == [9]


def test_effects_are_recovered(committed: pd.DataFrame) -> None:
    rows = committed[committed["coverage"].notna()]
    assert len(rows) == 16
    assert (rows["bias_sd"].abs() < 0.005).all()
    assert rows["coverage"].between(0.94, 0.96).all()
    assert (rows["standard_error"] / rows["deviation"]).between(0.97, 1.03).all()


def test_an_arm_that_does_nothing_is_found_as_often_as_a_test_says(committed: pd.DataFrame) -> None:
    none = committed[(committed["under"] == "design") & committed["false"]]
    assert set(none["arm"]) == {"efficacy"} and len(none) == 4
    assert none["found"].between(0.04, 0.06).all()


def test_tests_keep_their_size_when_nudges_do_nothing(committed: pd.DataFrame) -> None:
    nothing = committed[committed["under"] == "nothing"]
    single = nothing[nothing["outcome"] != ""]
    assert len(single) == 24
    assert single["found"].between(0.04, 0.06).all()
    family = nothing[nothing["outcome"] == ""]
    assert set(family["method"]) == {"strata", "lin", "randomisation"}
    assert (family["found"] <= 0.06).all()


def test_a_small_run_gives_the_same_within_its_own_error_wherever_it_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    alone = experiment_recovery(experiments=16, seed=3, draws=99, people=40_000)
    rows = alone[alone["coverage"].notna()]
    assert (rows["bias"].abs() < 3.5 * rows["bias_error"]).all()
    assert (rows["coverage"] > 0.95 - 3.5 * np.sqrt(0.95 * 0.05 / 16)).all()
    false = alone[alone["false"]]
    assert (false["found"] < 0.05 + 3.5 * np.sqrt(0.95 * 0.05 / 16)).all()
    # Fewer pieces are as much in another order, and most of their time goes into setting out.
    monkeypatch.setattr("coprod.experiment_recovery.CHUNKS", 4)
    here = experiment_recovery(experiments=4, seed=3, draws=19, people=10_000)
    monkeypatch.setattr("coprod.experiment_recovery.run", scattered)
    there = experiment_recovery(experiments=4, seed=3, draws=19, people=10_000)
    pd.testing.assert_frame_equal(there, here)


def test_true_effects_are_those_of_the_design() -> None:
    known = true_effects(people=100_000).set_index(["arm", "outcome"])
    assert known.loc[("efficacy", "willing"), "truth"] == 0
    for arm, size in load_design()["experiment.effects"].items():
        if arm == "control":
            continue
        row = known.loc[(arm, "willing")]
        # Answers end at 0 and 10, so that a little of an effect in SDs is lost.
        assert row["truth"] / row["control_sd"] == pytest.approx(size, rel=0.06)
    half = true_effects(people=100_000, seed=1).set_index(["arm", "outcome"])
    apart = (known["truth"] - half["truth"]).abs()
    error = np.hypot(known["truth_error"], half["truth_error"])
    assert (apart <= 4 * error + 1e-12).all()


def test_with_effects_changes_nothing_else() -> None:
    own = load_design()
    changed = with_effects({"norm": 0.4})
    assert changed["experiment.effects"]["norm"] == 0.4
    assert own["experiment.effects"]["norm"] != 0.4
    rest = changed.values["experiment"] | {"effects": own["experiment.effects"]}
    assert {**changed.values, "experiment": rest} == own.values


@pytest.mark.parametrize(
    ("given", "named"), [({"experiments": 1}, "experiments: 1"), ({"draws": 18}, "draws: 18")]
)
def test_too_few_are_refused(given: dict[str, int], named: str) -> None:
    with pytest.raises(ValidityError, match=named):
        experiment_recovery(**given)  # type: ignore[arg-type]
