"""A panel of very many respondents: what it costs, and that short cuts change no result."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from coprod import background, balance, levels, nudges, ordered, randomisation, resampling, sampled
from coprod.correlates import blocks, compare_blocks, compare_forms, fit
from coprod.experiment import Contrast
from coprod.instrument import load_instrument
from coprod.mixed import intraclass
from coprod.panel import Panel, open_panel
from coprod.randomisation import assignments, counted, rerandomise, shares_drawn
from coprod.scales import reliability
from coprod.show import tables
from coprod.synthetic import synthesise
from tests.panels import made

FEW, MANY = 10_000, 80_000
ESTIMATORS: dict[str, Callable[[Panel], pd.DataFrame]] = {
    "means": levels.means,
    "background_tests": background.wald_tests,
    "fit": lambda panel: fit(panel, "collective"),
    "blocks": lambda panel: blocks(panel, "collective", draws=25),
    "effects": lambda panel: nudges.effects(panel, weights=["weighted"], outcomes=["willing"]),
    "randomisation_test": lambda panel: nudges.randomisation_test(panel, draws=500),
}


@cache
def drawn(people: int) -> Panel:
    panel = Panel(synthesise(respondents=people, seed=7), load_instrument(), "drawn", True)
    assert len(panel.long) == 3 * people  # made once, not in what is measured
    return panel


@pytest.mark.parametrize("name", ESTIMATORS)
def test_eight_times_the_people_cost_not_much_more_than_eight_times_as_much(name: str) -> None:
    function = ESTIMATORS[name]

    def processor(people: int) -> float:
        panel = drawn(people)
        started = time.process_time()
        function(panel)
        return time.process_time() - started

    processor(FEW)  # imports, and the first use of the libraries
    few = min(processor(FEW) for _ in range(2))
    # 8^1.1 is 10; whatever grows with the square takes 64 times as long, however often it is tried.
    assert any(processor(MANY) < 25 * max(few, 0.02) for _ in range(3))


@pytest.mark.parametrize("name", ESTIMATORS)
def test_memory_for_a_million_fits_into_eight_gigabytes(name: str) -> None:
    panel = drawn(MANY)
    tracemalloc.start()
    try:
        ESTIMATORS[name](panel)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The panel itself, wide and long, has another 1.4 GB.
    assert peak * 1_000_000 / MANY < 6e9


def test_rows_taken_some_at_a_time_give_the_same_regression(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    panel = open_panel()

    def tables_of() -> list[pd.DataFrame]:
        return [
            fit(panel, "collective"),
            compare_blocks(panel),
            blocks(panel, "individual", draws=20),
            nudges.effects(panel, outcomes=["signup"]),
        ]

    whole = tables_of()
    for module in ("triangle", "regression", "crossproducts"):
        monkeypatch.setattr(f"coprod.{module}.AT_ONCE", 500)
    for one, other in zip(whole, tables_of(), strict=True):
        pd.testing.assert_frame_equal(one, other, rtol=1e-9, atol=1e-11)


def test_rows_of_a_respondent_need_not_stand_together() -> None:
    panel = open_panel()
    order = np.random.default_rng(3).permutation(len(panel.frame))
    shuffled = replace(panel, frame=panel.frame.iloc[order].reset_index(drop=True))
    # Every respondent's first row, then every second, then every third.
    by_issue = panel.long.sort_values("issue", kind="stable").reset_index(drop=True)
    apart = replace(panel)
    apart.__dict__["long"] = by_issue
    expected = compare_forms(panel).drop(columns=["term_label"])
    for other in (shuffled, apart):
        found = compare_forms(other).drop(columns=["term_label"])
        pd.testing.assert_frame_equal(expected, found, rtol=1e-9, atol=1e-11)


def test_random_groups_give_the_errors_of_single_respondents(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    panel = open_panel()
    names = ["shapley_standard_error", "r2_standard_error"]
    single = blocks(panel, "collective", draws=1_000)
    monkeypatch.setattr(resampling, "GROUPS", 800)
    together = blocks(panel, "collective", draws=1_000)
    # Half of 1/sqrt(800) and of 1/sqrt(1000) are the errors of the two; three of both at the most.
    np.testing.assert_allclose(together[names], single[names], rtol=3 * 0.5 * np.sqrt(0.00325))
    np.testing.assert_allclose(
        together["shapley"], single["shapley"], atol=0.2 * single["shapley_standard_error"].min()
    )


def test_groups_lie_within_areas_and_are_of_one_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resampling, "GROUPS", 30)
    areas = np.repeat([0, 1], [70, 35])
    number, strata = resampling.random_groups(areas, seed=1)
    assert np.bincount(strata).tolist() == [20, 10]
    assert (strata[number] == areas).all()
    sizes = np.bincount(number)
    assert np.ptp(sizes[strata == 0]) <= 1 and np.ptp(sizes[strata == 1]) <= 1


def test_random_groups_give_the_interval_of_alpha(monkeypatch: pytest.MonkeyPatch) -> None:
    single = reliability(open_panel(), draws=1_000)
    monkeypatch.setattr(resampling, "GROUPS", 800)
    together = reliability(open_panel(), draws=1_000)
    width = single["alpha_high"] - single["alpha_low"]
    np.testing.assert_allclose(together["alpha_high"] - together["alpha_low"], width, rtol=0.2)


def people(size: int = 300, seed: int = 11) -> Contrast:
    generator = np.random.default_rng(seed)
    strata = generator.integers(0, 3, size)
    treated = (generator.random(size) < 0.4).astype(float)
    outcome = generator.integers(0, 5, size) + treated * generator.integers(0, 2, size)
    return Contrast(outcome.astype(float), treated, np.ones(size), strata, ("a", "b", "c"))


def test_counted_people_give_the_test_of_single_people() -> None:
    contrast = people()
    kinds = counted(contrast)
    drawn = np.vstack(
        [*assignments(contrast.treated, contrast.strata, 200, np.random.default_rng(2))]
    )
    keys = np.column_stack([contrast.strata, contrast.outcome, contrast.treated])
    own = np.column_stack([kinds.strata, kinds.outcome, kinds.treated])
    belongs = (keys[:, None, :] == own).all(axis=2).astype(float)
    single = rerandomise(contrast, iter([drawn]))
    together = rerandomise(kinds, iter([drawn @ belongs / kinds.weights]))
    assert together.p == single.p
    np.testing.assert_allclose(together.draws, single.draws, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(
        [together.estimate, together.low, together.high],
        [single.estimate, single.low, single.high],
        rtol=1e-9,
    )


def test_shares_are_drawn_as_people_are() -> None:
    contrast = people()
    kinds = counted(contrast)
    shares = np.vstack([*shares_drawn(kinds, 4_000, np.random.default_rng(5))])
    number = shares * kinds.weights
    for stratum in range(3):
        inside = kinds.strata == stratum
        treated = contrast.treated[contrast.strata == stratum]
        assert (number[:, inside].sum(axis=1).round(9) == treated.sum()).all()
        # Without replacement: mean m K/N, variance m K/N (1 - K/N) (N - m)/(N - 1).
        size, sought = len(treated), treated.sum()
        part = kinds.weights[inside] / size
        variance = sought * part * (1 - part) * (size - sought) / (size - 1)
        error = np.sqrt(variance / 4_000)
        assert (np.abs(number[:, inside].mean(axis=0) - sought * part) < 4.5 * error).all()
        np.testing.assert_allclose(number[:, inside].var(axis=0), variance, rtol=0.15)


def test_many_people_are_counted_and_few_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(1)
    assert randomisation.again(people(900), 5, generator)[0].weights.max() == 1
    monkeypatch.setattr(randomisation, "MANY", 800)
    assert randomisation.again(people(700), 5, generator)[0].weights.max() == 1
    assert randomisation.again(people(900), 5, generator)[0].weights.max() > 1
    unlike = replace(people(900), outcome=np.arange(900.0))
    assert len(randomisation.again(unlike, 5, generator)[0].outcome) == 900


def test_balance_of_very_many_is_that_of_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    by_draws = nudges.balance_test(open_panel(), draws=2_000).iloc[0]
    assert by_draws["draws"] == 2_000
    assert by_draws["p"] == pytest.approx(by_draws["p_asymptotic"], abs=0.04)
    monkeypatch.setattr(balance, "MOST", 2_000)
    limit = nudges.balance_test(open_panel(), draws=2_000).iloc[0]
    assert limit["draws"] == 0
    assert limit["p"] == limit["p_asymptotic"] == by_draws["p_asymptotic"]


def test_evidence_beyond_all_numbers_is_infinite() -> None:
    frame = drawn(FEW).frame
    given = frame["willing"].mask(frame["arm"] == "norm", 10.0)
    table = nudges.equivalence(made(frame.assign(willing=given)), {"willing": 0.2}, "strata")
    factors = table.set_index("arm")["bayes_factor"]
    assert np.isinf(factors["norm"]) and factors["efficacy"] < 1


def test_checks_of_a_large_panel_take_a_sample_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = made(open_panel().frame)
    monkeypatch.setattr(sampled, "MOST", 1_000)
    part = sampled.sampled(panel)
    assert len(part.frame) == pytest.approx(1_000, abs=3)
    assert sampled.sampled(panel) is part
    shares = panel.frame["area"].value_counts(normalize=True)
    np.testing.assert_allclose(
        part.frame["area"].value_counts(normalize=True)[shares.index], shares, atol=0.002
    )
    icc = intraclass(panel, "collective")
    assert icc["sampled_from"].item() == len(panel.frame)
    assert icc["clusters"].item() <= len(part.frame)
    everywhere = fit(panel, "collective")
    assert "sampled_from" not in everywhere and everywhere["clusters"].iloc[0] > 1_500
    effects = ordered.marginal_effects(panel, "collective")
    note = "Of a random sample of 1,000 of the 2,624 respondents, drawn within areas."
    assert note in tables.marginal_effects(effects, panel)._repr_html_()
    latent = compare_blocks(panel, scale="latent")
    assert latent["clusters"].iloc[0] <= len(part.frame)
    assert "sampled_from" not in compare_blocks(panel)


def test_a_small_panel_is_checked_whole() -> None:
    panel = open_panel()
    assert sampled.sampled(panel) is panel
    assert "sampled_from" not in intraclass(panel, "individual")
