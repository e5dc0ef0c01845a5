"""Blocks: R² and Wald tests against R, Shapley values against all orders, and the bootstrap."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from coprod.blocks import blocks
from coprod.compare import rank_agreement
from coprod.errors import ValidityError
from coprod.panel import Panel, open_panel
from coprod.paths import PANEL
from coprod.regression import BLOCKS, ModelMatrix
from tests.panels import made, small
from tests.reference import assert_agrees, load_reference


@pytest.fixture(scope="module")
def panel() -> Panel:
    return open_panel(PANEL)


def r_squared(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> float:
    """By rows, with no cross-products."""
    root = np.sqrt(weights)
    rest = (
        y * root - x * root[:, None] @ np.linalg.lstsq(x * root[:, None], y * root, rcond=None)[0]
    )
    centred = (y - np.average(y, weights=weights)) * root
    return float(1 - rest @ rest / (centred @ centred))


def test_r_squared_and_wald_tests_agree_with_r(panel: Panel) -> None:
    table = pd.concat(
        blocks(panel, form, None if issue == "all" else issue, draws=2).assign(
            issue=issue, form=form
        )
        for issue in ("all", *panel.instrument.issues)
        for form in panel.instrument.forms
    )
    keys = ["issue", "form", "block"]
    assert_agrees(load_reference("correlates"), "blocks", table, keys, 1e-8)


@pytest.mark.parametrize("form", ["individual", "collective"])
def test_shapley_values_are_the_mean_over_all_orders(panel: Panel, form: str) -> None:
    model = ModelMatrix.of(panel, [form])
    own = model.terms["block"].to_numpy()
    start = np.flatnonzero(~np.isin(own, list(BLOCKS)))
    added: dict[str, list[float]] = {name: [] for name in BLOCKS}
    known: dict[frozenset[str], float] = {}

    def explained(names: frozenset[str]) -> float:
        if names not in known:
            columns = np.concatenate([start, np.flatnonzero(np.isin(own, list(names)))])
            known[names] = r_squared(
                model.predictors[:, columns], model.outcomes[:, 0], model.design.weights
            )
        return known[names]

    for order in permutations(BLOCKS):
        for position, name in enumerate(order):
            before = frozenset(order[:position])
            added[name].append(explained(before | {name}) - explained(before))
    table = blocks(panel, form, draws=2).set_index("block")
    for name in BLOCKS:
        assert table.loc[name, "shapley_raw"] == pytest.approx(np.mean(added[name]), abs=1e-10)
    assert table["shapley_raw"].sum() == pytest.approx(
        table["r2_raw"].iloc[0] - explained(frozenset()), abs=1e-10
    )
    assert table["shapley"].sum() == pytest.approx(table["ordered"].sum(), abs=1e-10)


def test_values_are_corrected_by_the_bootstrap_and_intervals_are_normal_about_them() -> None:
    """Draw by draw from rows, with the same generator."""
    panel, draws = made(small(200), ["safety"]), 12
    table = blocks(panel, "individual", draws=draws, seed=4).iloc[0]
    model = ModelMatrix.of(panel, ["individual"])
    members = [np.flatnonzero(model.design.strata == a) for a in np.unique(model.design.strata)]
    generator, often = np.random.default_rng(4), np.zeros((draws, len(model.design.strata)))
    for people in members:
        drawn = generator.integers(0, len(people), size=(draws, len(people)))
        for draw in range(draws):
            np.add.at(often[draw], people[drawn[draw]], 1)
    found = [
        r_squared(
            model.predictors,
            model.outcomes[:, 0],
            model.design.weights * counts[model.design.clusters],
        )
        for counts in often
    ]
    corrected, error = 2 * table["r2_raw"] - np.mean(found), np.std(found, ddof=1)
    assert table["r2"] == pytest.approx(corrected, abs=1e-10)
    assert table["r2_standard_error"] == pytest.approx(error, abs=1e-10)
    assert table["r2_high"] == pytest.approx(corrected + 1.959963984540054 * error, abs=1e-10)
    assert table["r2_low"] == pytest.approx(corrected - 1.959963984540054 * error, abs=1e-10)


def test_noise_that_explains_nothing_is_corrected_towards_nothing() -> None:
    """Background drawn at random: raw R² is well above zero, the corrected one is not."""
    raw, corrected = [], []
    for seed in range(6):
        frame = small(400, seed=seed + 1)
        rng = np.random.default_rng(seed)
        for name in ("age", "gender", "education", "employment", "tenure", "children", "minority",
                     "disability", "years"):  # fmt: skip
            frame[name] = frame[name].to_numpy()[rng.permutation(len(frame))]
        row = blocks(made(frame), "collective", draws=200).set_index("block").loc["background"]
        raw.append(row["ordered_raw"])
        corrected.append(row["ordered"])
        assert row["ordered_low"] < 0.01
    assert np.mean(raw) > 0.015
    assert abs(np.mean(corrected)) < np.mean(raw) / 2


def test_the_seed_decides_the_draws(panel: Panel) -> None:
    first = blocks(panel, "collective", "health", draws=130)
    pd.testing.assert_frame_equal(first, blocks(panel, "collective", "health", draws=130))
    other = blocks(panel, "collective", "health", draws=130, seed=2)
    assert not np.allclose(first["shapley"], other["shapley"], atol=1e-9)
    np.testing.assert_allclose(first["shapley"], other["shapley"], atol=0.01)


def test_too_few_draws_or_coefficients() -> None:
    panel = made(small())
    with pytest.raises(ValidityError, match="at least 2"):
        blocks(panel, "individual", draws=1)
    with pytest.raises(ValidityError, match="at least 2"):
        rank_agreement(panel, draws=0)
    few = ["age", "years", "state", "satisfied", "informed"]
    with pytest.raises(ValidityError, match="only 2 coefficients are left"):
        rank_agreement(panel, without=few)


def test_a_category_that_a_draw_lacks_breaks_nothing() -> None:
    """Two respondents have the level: a seventh of the draws have neither."""
    frame = small()
    frame.loc[frame["employment"] == "other", "employment"] = "full_time"
    frame.loc[frame.dropna().index[:2], "employment"] = "other"
    table = blocks(made(frame), "individual", draws=200)
    assert np.isfinite(table.select_dtypes("number").to_numpy()).all()
    assert table["ordered_standard_error"].between(0, 0.2).all()


def test_reference_levels_do_not_matter_and_a_block_can_be_left_out(panel: Panel) -> None:
    first = blocks(panel, "individual", draws=60)
    levels = {"education": "college", "area": "D", "gender": "woman"}
    second = blocks(panel, "individual", draws=60, references=levels)
    for name in ("ordered", "last", "shapley", "statistic", "r2_low"):
        np.testing.assert_allclose(first[name], second[name], rtol=1e-7)
    assert list(blocks(panel, "individual", draws=2, without=["efficacy"])["block"]) == [
        "background", "performance", "outreach",
    ]  # fmt: skip
