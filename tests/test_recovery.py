"""Recovery: the committed table within its bands, a small run of the same, and its arithmetic."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from coprod import recovery as module
from coprod.design import load_design
from coprod.errors import ValidityError
from coprod.instrument import load_instrument
from coprod.recovery import exchangeable, read_recovery, recovery, write_recovery
from coprod.regression import BLOCKS
from coprod.truth import KEYS

INSTRUMENT = load_instrument()
COUNTS = {"fit": 16, "compare_forms": 2, "blocks": 26, "means": 6, "gaps": 3, "compare_blocks": 10}


@pytest.fixture(scope="module")
def committed() -> pd.DataFrame:
    return read_recovery()


@pytest.fixture(scope="module")
def reduced() -> pd.DataFrame:
    return recovery(panels=24, seed=11, draws=50)


def of(table: pd.DataFrame, *estimands: str) -> pd.DataFrame:
    return table[table["estimand"].isin(estimands)].set_index(list(KEYS))


def unbiased(rows: pd.DataFrame, errors: float) -> pd.Series:
    """Bias under 2 % of the true value, or so many Monte Carlo standard errors."""
    return rows["bias"].abs() < np.maximum(0.02 * rows["truth"].abs(), errors * rows["bias_error"])


def test_the_committed_table_is_whole(committed: pd.DataFrame) -> None:
    assert committed["estimand"].value_counts().to_dict() == COUNTS
    assert (committed["panels"] >= 2_000).all() and (committed["draws"] >= 500).all()
    assert committed["seed"].nunique() == 1
    assert not committed.duplicated(list(KEYS)).any()


def test_efficacy_is_recovered_on_each_issue_and_form(committed: pd.DataFrame) -> None:
    rows = of(committed, "fit", "compare_forms")
    assert unbiased(rows, 3).all()
    assert rows["coverage"].between(0.93, 0.97).all()
    assert (rows["standard_error"] / rows["deviation"]).between(0.95, 1.05).all()


def test_shares_of_r_squared_are_recovered(committed: pd.DataFrame) -> None:
    rows = of(committed, "blocks")
    assert (rows["bias"].abs() < 0.002).all()
    assert rows["coverage"].between(0.90, 0.98).all()


def test_levels_are_recovered(committed: pd.DataFrame) -> None:
    rows = of(committed, "means", "gaps")
    assert unbiased(rows, 3).all()
    assert rows["coverage"].between(0.93, 0.97).all()


def test_the_tests_across_exchangeable_forms_keep_their_size(committed: pd.DataFrame) -> None:
    rows = of(committed, "compare_blocks")
    assert set(rows.index.get_level_values("term")) == {*BLOCKS, "all"}
    assert rows["size"].between(0.035, 0.065).all()


def test_a_small_run_recovers_within_its_own_error(reduced: pd.DataFrame) -> None:
    assert reduced["estimand"].value_counts().to_dict() == COUNTS
    rows = of(reduced, "fit", "compare_forms", "blocks", "means", "gaps")
    assert unbiased(rows, 3.5).all()
    assert (rows["standard_error"] / rows["deviation"]).between(0.6, 1.6).all()
    # The errors of a 95 % coverage and of a 5 % size, not of what was found, which can be 1 or 0.
    assert (rows["coverage"] > 0.95 - 3.5 * np.sqrt(0.95 * 0.05 / 24)).all()
    tests = of(reduced, "compare_blocks")
    assert (tests["panels"] == 60).all() and (rows["panels"] == 24).all()
    assert (tests["size"] < 0.05 + 3.5 * np.sqrt(0.95 * 0.05 / 60)).all()


def test_a_small_run_agrees_with_the_committed_one(
    reduced: pd.DataFrame, committed: pd.DataFrame
) -> None:
    """So that a change of an estimator does not go by a table made before it."""
    pd.testing.assert_frame_equal(reduced[list(KEYS)], committed[list(KEYS)])
    pd.testing.assert_series_equal(reduced["truth"], committed["truth"], rtol=1e-7)
    pd.testing.assert_series_equal(reduced["design"], committed["design"])
    distance = (reduced["mean"] - committed["mean"]) / reduced["bias_error"]
    assert distance.abs().max() < 4
    ratio = reduced["standard_error"] / committed["standard_error"]
    assert ratio.dropna().between(0.85, 1.15).all()


def test_exchangeable_forms_share_every_parameter() -> None:
    design = exchangeable()

    def check(group: dict[str, object]) -> int:
        pairs = int("collective" in group)
        if pairs:
            assert group["individual"] == group["collective"]
        return pairs + sum(check(entry) for entry in group.values() if isinstance(entry, dict))

    assert check(design.values) == 10
    assert load_design()["items.thresholds.collective"] == [2.0, 2.4, 2.8, 3.1]


def test_the_summary_by_hand() -> None:
    keys = [
        ("means", "all", "individual", "", "", "mean"),
        ("compare_blocks", "all", "", "all", "", "sd"),
    ]
    known = pd.DataFrame(
        {"value": [10.0], "error": [0.3]}, pd.MultiIndex.from_tuples(keys[:1], names=KEYS)
    )
    estimate = np.array([[9.0, 1, 7, 11], [12.0, 1, 10.5, 14], [11.0, 2, 7, 15], [12.0, 2, 8, 16]])
    p = np.array([[0.01], [0.05], [0.2], [0.04]]) * [1, np.nan, np.nan, np.nan]
    table = module._summary(keys, np.stack([estimate, p], axis=1), known)
    found = table.iloc[0]
    assert found[["truth", "mean", "bias", "relative_bias", "coverage"]].tolist() == [
        10,
        11,
        1,
        0.1,
        0.75,
    ]
    assert found["deviation"] == pytest.approx(np.sqrt(2))
    assert found["bias_error"] == pytest.approx(np.sqrt(2 / 4 + 0.09))
    assert found["coverage_error"] == pytest.approx(np.sqrt(0.75 * 0.25 / 4))
    assert found["standard_error"] == 1.5 and np.isnan(found["size"])
    tested = table.iloc[1]
    assert tested["size"] == 0.5 and tested["size_error"] == 0.25
    assert tested[["truth", "mean", "bias", "coverage", "deviation"]].isna().all()


def test_a_run_that_is_stopped_leaves_the_panels_so_far(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = ("means", "safety", "individual", "", "", "mean")
    values = iter(range(101))
    monkeypatch.setattr(module, "_panel", lambda *_: [(key, (float(next(values)), 1.0, 0.0, 99.0))])
    file = tmp_path / "recovery.csv"
    with pytest.raises(RuntimeError):
        recovery(panels=200, path=file)
    table = read_recovery(file)
    assert table["panels"].item() == 100 and table["mean"].item() == 49.5


def test_a_table_of_another_design_is_refused(tmp_path: Path, committed: pd.DataFrame) -> None:
    file = tmp_path / "recovery.csv"
    with pytest.raises(ValidityError, match="`make recovery`"):
        read_recovery(file)
    write_recovery(committed, file)
    pd.testing.assert_frame_equal(read_recovery(file), committed)
    write_recovery(committed.assign(design="0"), file)
    with pytest.raises(ValidityError, match=r"another design\.yml.*`make recovery`"):
        read_recovery(file)


def test_too_few_panels() -> None:
    with pytest.raises(ValidityError, match="panels: 1 is too few"):
        recovery(panels=1)
    with pytest.raises(ValidityError, match="draws: 0 is too few"):
        recovery(panels=2, draws=0)
