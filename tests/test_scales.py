"""Indices and reliability: rules on small frames, psych at a stated tolerance, the bootstrap."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from coprod.errors import ValidityError
from coprod.panel import Panel, open_panel
from coprod.paths import PANEL
from coprod.scales import (
    factor_summary,
    index,
    indices,
    omega,
    one_factor,
    reliability,
    two_factors,
)
from tests.panels import made, small
from tests.reference import assert_agrees, load_reference


@pytest.fixture(scope="module")
def panel() -> Panel:
    return open_panel(PANEL)


@pytest.fixture(scope="module")
def reference() -> pd.DataFrame:
    return load_reference("scales")


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([0, 0, 0, 0], 0.0),
        ([2, 2, 2, 2], 100.0),
        ([2, 1, 0, 1], 50.0),
        ([2, None, None, 1], 75.0),  # half answered
        ([2, None, None, None], None),  # fewer than half
        ([None, None, None, None], None),
    ],
)
def test_index_is_the_mean_of_answered_items(
    answers: list[int | None], expected: float | None
) -> None:
    frame = pd.DataFrame([answers], columns=list("abcd"), index=["R1"], dtype="Int64")
    found = index(frame, list("abcd"))
    assert list(found.index) == ["R1"]
    assert found.iloc[0] == expected if expected is not None else np.isnan(found.iloc[0])


@pytest.mark.parametrize(
    ("frame", "items", "message"),
    [
        ({"a": [0, 1], "b": [1, 3]}, ["a", "b"], "b: an answer lies outside 0 to 2"),
        ({"a": [0, -1], "b": [1, 2]}, ["a", "b"], "a: an answer lies outside 0 to 2"),
        ({"a": [0, 1]}, ["a", "z"], "z: there is no such variable"),
        ({"a": ["often", "never"]}, ["a"], "a: holds"),
        ({"a": [0, 1]}, [], "at least one item"),
    ],
)
def test_index_says_what_is_wrong(
    frame: dict[str, list[object]], items: list[str], message: str
) -> None:
    with pytest.raises(ValidityError, match=message):
        index(pd.DataFrame(frame), items)


def test_indices_keep_rows_and_leave_out_who_answered_too_little() -> None:
    frame = small()
    frame.loc[3, [f"safety_col_{number}" for number in (1, 2, 3)]] = np.nan
    table = indices(made(frame))
    assert len(table) == 3 * len(frame)
    row = table[(table["respondent"] == frame.loc[3, "respondent"]) & (table["issue"] == "safety")]
    assert row["collective"].isna().all() and row["individual"].notna().all()


def test_reliability_agrees_with_psych(panel: Panel, reference: pd.DataFrame) -> None:
    table = reliability(panel, draws=10)
    keys = ["issue", "form"]
    assert_agrees(reference, "reliability", table, keys, 1e-12, ["n", "alpha"])
    assert_agrees(reference, "reliability", table, keys, 1e-6, ["omega"])


def test_one_factor_and_total_omega_agree_with_psych(panel: Panel, reference: pd.DataFrame) -> None:
    instrument = panel.instrument
    loadings, totals = [], []
    for issue in instrument.issues:
        for form in instrument.forms:
            correlations = panel.frame[instrument.items(issue, form)].dropna().corr().to_numpy()
            found = one_factor(correlations)
            loadings += [
                (issue, form, stem, value)
                for stem, value in zip(instrument.stems(form), found, strict=True)
            ]
            totals.append((issue, form, 1 - (1 - found**2).sum() / correlations.sum()))
    table = pd.DataFrame(loadings, columns=["issue", "form", "item", "loading"])
    assert_agrees(reference, "one_factor", table, ["issue", "form", "item"], 1e-5)
    table = pd.DataFrame(totals, columns=["issue", "form", "omega_total"])
    assert_agrees(reference, "psych_omega", table, ["issue", "form"], 1e-5)


def test_two_factors_agree_with_psych(panel: Panel, reference: pd.DataFrame) -> None:
    # R's own polychoric correlations differ by up to 1e-4 (its search stops there), and so do these
    assert_agrees(reference, "two_factors", two_factors(panel), ["issue", "item"], 2e-4)
    assert_agrees(reference, "factor_summary", factor_summary(panel), ["issue"], 2e-4)


def test_factors_are_named_by_the_items_they_carry(panel: Panel) -> None:
    table = two_factors(panel)
    individual = table["form"] == "individual"
    assert (table.loc[individual, "factor_individual"] > 0.4).all()
    assert (table.loc[~individual, "factor_collective"] > 0.4).all()
    assert (table.loc[individual, "factor_collective"].abs() < 0.2).all()
    assert (table.loc[~individual, "factor_individual"].abs() < 0.2).all()


def test_reversed_items_do_not_turn_a_factor_round(panel: Panel) -> None:
    """The sign of a factor is that of its own items' loadings, whatever the rotation gave."""
    frame = panel.frame.copy()
    items = panel.instrument.items("safety", "individual")
    frame[items] = 2 - frame[items]
    turned = made(frame, ["safety"])
    before = factor_summary(made(panel.frame, ["safety"]))["factor_correlation"].iloc[0]
    after = factor_summary(turned)["factor_correlation"].iloc[0]
    assert after == pytest.approx(-before, abs=1e-6)
    assert (two_factors(turned).query("form == 'individual'")["factor_individual"] > 0).all()


@given(st.lists(st.floats(0.15, 0.95), min_size=3, max_size=6))
def test_one_factor_finds_the_loadings_of_an_exact_model(values: list[float]) -> None:
    loadings = np.array(values)
    exact = np.outer(loadings, loadings) + np.diag(1 - loadings**2)
    np.testing.assert_allclose(one_factor(exact), loadings, atol=1e-5)


def test_omega_needs_three_items_and_does_not_depend_on_units_of_the_sum() -> None:
    covariance = np.array([[2.0, 0.8, 0.6], [0.8, 1.5, 0.5], [0.6, 0.5, 1.0]])
    assert omega(9 * covariance) == pytest.approx(omega(covariance), abs=1e-12)
    with pytest.raises(ValidityError, match="at least three items, not 2"):
        omega(covariance[:2, :2])


def test_bootstrap_interval_agrees_with_a_plain_loop() -> None:
    """A second implementation: rows drawn again, one sample at a time."""
    panel = made(small(300), ["safety"])
    table = reliability(panel, draws=4_000).set_index("form")
    generator = np.random.default_rng(7)
    frame = panel.frame
    groups = [rows.to_numpy() for rows in frame.groupby("area", observed=True).groups.values()]
    for form in panel.instrument.forms:
        answers = frame[panel.instrument.items("safety", form)].to_numpy(dtype=float)
        values = []
        for _ in range(1_500):
            drawn = answers[np.concatenate([generator.choice(rows, len(rows)) for rows in groups])]
            covariance = np.cov(drawn[~np.isnan(drawn).any(axis=1)].T)
            values.append(4 / 3 * (1 - np.trace(covariance) / covariance.sum()))
        ends = np.quantile(values, [0.025, 0.975])
        width = ends[1] - ends[0]
        found = table.loc[form, ["alpha_low", "alpha_high"]].to_numpy(dtype=float)
        np.testing.assert_allclose(found, ends, atol=0.1 * width)


def test_bootstrap_is_the_same_with_any_number_of_threads_and_the_same_seed(panel: Panel) -> None:
    with threadpool_limits(1):
        one = reliability(panel, draws=300)
    with threadpool_limits(2):
        two = reliability(panel, draws=300)
    pd.testing.assert_frame_equal(one, two, check_exact=True)
    assert not one.equals(reliability(panel, draws=300, seed=1))


@pytest.mark.parametrize("value", [1.0, np.nan])
def test_an_item_that_does_not_vary_is_named(value: float) -> None:
    frame = small()
    frame["health_col_2"] = value
    with pytest.raises(ValidityError, match="health_col_2: does not vary among the"):
        reliability(made(frame))
    with pytest.raises(ValidityError, match="health_col_2"):
        two_factors(made(frame))
