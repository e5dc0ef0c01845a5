"""Truth: the functions' own values on a population, its error, its file and when that is stale."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from coprod import background, forms, levels, truth
from coprod.correlates import blocks, compare_forms, fit, predict_over, rank_agreement
from coprod.design import load_design
from coprod.errors import ValidityError
from coprod.instrument import load_instrument
from coprod.panel import Panel
from coprod.paths import TRUTH
from coprod.recovery import exchangeable
from coprod.synthetic import draw_population
from coprod.synthetic import truth as shipped
from coprod.truth import KEYS, draw_truth, fingerprint, read_truth, write_truth
from tests.elsewhere import scattered

INSTRUMENT = load_instrument()
ISSUES = [*INSTRUMENT.issues, "all"]
PEOPLE = 4_000


@pytest.fixture(scope="module")
def population() -> Panel:
    frame = draw_population(PEOPLE, seed=7)
    frame = frame.assign(respondent=np.arange(PEOPLE), weight=1.0)
    return Panel(frame, INSTRUMENT, source="population", synthetic=True)


@pytest.fixture(scope="module")
def values(population: Panel) -> pd.Series:
    moments = truth._Moments.of(population)
    found = list(truth._estimands(moments, INSTRUMENT))
    assert len(dict(found)) == len(found)
    index = pd.MultiIndex.from_tuples([key for key, _ in found], names=KEYS)
    return pd.Series([value for _, value in found], index)


def estimates(panel: Panel) -> pd.Series:
    """The same estimands from the functions of the chapters."""
    tables = []

    def add(
        estimand: str,
        table: pd.DataFrame,
        statistics: list[str],
        keys: dict[str, str] | None = None,
    ) -> None:
        """`keys` gives a column of the table or, behind an =, what stands in every row."""
        rows = {key: table.get(key, "") for key in KEYS}
        for key, source in (keys or {}).items():
            rows[key] = source[1:] if source.startswith("=") else table[source].astype(str)
        for name in statistics:
            column, _, statistic = name.partition(":")
            found = pd.DataFrame(rows, index=table.index).assign(
                estimand=estimand, statistic=statistic or column, value=table[column]
            )
            tables.append(found[found["value"].notna()])

    for issue in ISSUES:
        one, there = (None if issue == "all" else issue), {"issue": f"={issue}"}
        for form in INSTRUMENT.forms:
            both = there | {"form": f"={form}"}
            table = fit(panel, form, one)
            add("fit", table, ["estimate", "estimate_sd"], both)
            if form == "individual":
                add("fit", table, ["scale"], there)
            first = table.iloc[[0]].assign(spread=table["estimate"] / table["estimate_sd"])
            add("fit", first, ["spread"], both | {"term": "="})
            table = blocks(panel, form, one, draws=2)
            raw = [f"{name}_raw:{name}" for name in ("ordered", "last", "shapley")]
            add("blocks", table, raw, both | {"term": "block"})
            add("blocks", table.iloc[[0]], ["r2_raw:r2"], both)
        add("compare_forms", compare_forms(panel, one), ["difference"], there)
        table = compare_forms(panel, one, "sd")
        add("compare_forms", table, ["difference:difference_sd"], there)
        add("rank_agreement", rank_agreement(panel, one, draws=2), ["correlation"], there)
    for variable in INSTRUMENT.perceptions:
        table = predict_over(panel, variable)
        add("predict_over", table, ["prediction"], {"term": "variable", "level": "answer"})
    for by in ((), ("issue",), ("area",), ("issue", "area")):
        named = {} if "issue" in by else {"issue": "=all"}
        named |= {"term": "=area", "level": "area"} if "area" in by else {}
        add("means", levels.means(panel, by), ["mean", "zero"], named)
        add("gaps", levels.gaps(panel, by), ["gap", "standardised"], named)
        if "area" not in by:
            grouped = named | {"term": "=group", "level": "group"}
            add("overlap", forms.overlap(panel, by), ["share"], grouped)
    add("shares", levels.shares(panel), ["share"], {"term": "item", "level": "answer"})
    table = background.means(panel)
    add("by_background", table, ["mean", "difference"], {"issue": "=all", "term": "variable"})
    add("correlations", forms.correlations(panel), ["correlation"])
    add("profiles", forms.profiles(panel), ["mean", "any"], {"term": "=group", "level": "group"})
    return pd.concat(tables).set_index(list(KEYS))["value"]


def test_every_value_is_what_the_functions_give_on_the_same_people(
    population: Panel, values: pd.Series
) -> None:
    found = estimates(population)
    assert set(found.index) == set(values.index) and len(found) == len(values)
    np.testing.assert_allclose(found[values.index], values, rtol=1e-9, atol=1e-9)


def test_a_population_with_gaps_is_no_population(population: Panel) -> None:
    frame = population.frame.assign(
        safety_efficacy=population.frame["safety_efficacy"].mask([True] + [False] * (PEOPLE - 1))
    )
    with pytest.raises(ValidityError, match="lacks an answer"):
        truth._Moments.of(replace(population, frame=frame))


def test_the_seed_decides_and_where_it_runs_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[tuple[int, int]] = []
    first = draw_truth(people=8_000, seed=1, progress=lambda *now: done.append(now))
    with monkeypatch.context() as patched:
        patched.setattr("coprod.truth.run", scattered)
        there = draw_truth(people=8_000, seed=1)
    pd.testing.assert_frame_equal(there, first, check_exact=True)
    assert done == [(chunk, 20) for chunk in range(1, 21)]
    assert not first["value"].equals(draw_truth(people=8_000, seed=2)["value"])


def test_the_shipped_values_are_those_of_the_generator_as_it_is_now() -> None:
    """Another population, of other people: as far apart as the two errors say."""
    drawn, known = draw_truth(people=150_000, seed=3), shipped()
    pd.testing.assert_frame_equal(drawn[list(KEYS)], known[list(KEYS)])
    distance = (drawn["value"] - known["value"]) / np.hypot(drawn["error"], known["error"])
    ranks = known["estimand"] == "rank_agreement"  # lumpy: may not move at all
    # t with 19 degrees of freedom over a thousand values, many of them correlated.
    assert distance[~ranks].abs().max() < 6
    assert 0.8 < (distance[~ranks] ** 2).mean() < 1.5
    assert (drawn["value"] - known["value"])[ranks].abs().max() < 0.2


def test_the_shipped_error_is_far_below_what_is_recovered() -> None:
    table = shipped()
    assert table["people"].min() >= 40_000_000
    assert not table.duplicated(list(KEYS)).any()
    assert np.isfinite(table[["value", "error"]]).all(axis=None)
    numbers = table[(table["statistic"] == "estimate_sd") & (table["level"] == "")]
    assert numbers.loc[numbers["term"] != "intercept", "error"].max() < 0.0003
    assert table.loc[table["estimand"] == "blocks", "error"].max() < 0.0002
    assert table.loc[table["estimand"] == "means", "error"].max() < 0.02


def test_exchangeable_forms_have_no_true_difference() -> None:
    table = draw_truth(exchangeable(), people=60_000, seed=4)
    table = table[table["estimand"] == "compare_forms"]
    assert len(table) == 152
    assert (table["value"] / table["error"]).abs().max() < 6
    assert set(table["design"]) == {fingerprint(exchangeable())} != {fingerprint()}


def test_values_of_another_design_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "truth.csv"
    with pytest.raises(ValidityError, match=r"truth\.csv is not there; `make truth`"):
        read_truth(file)
    table = shipped()
    write_truth(table, file)
    pd.testing.assert_frame_equal(read_truth(file), table)
    assert file.read_bytes() == TRUTH.read_bytes()
    other = fingerprint(load_design(changes={"propensity.perceptions.collective.efficacy": 0.3}))
    write_truth(table.assign(design=other), file)
    with pytest.raises(ValidityError, match=r"another design\.yml.*`make truth`"):
        read_truth(file)


def test_too_few_people_or_processes() -> None:
    with pytest.raises(ValidityError, match="few"):
        draw_truth(people=600)
    with pytest.raises(ValidityError, match="jobs: 0"):
        draw_truth(people=20_000, jobs=0)
