"""Imputation against known answers, against mice, and on odd panels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from coprod import imputation
from coprod.correlates import fit
from coprod.errors import ValidityError
from coprod.imputation import compare_imputed, impute
from coprod.instrument import load_instrument
from coprod.panel import Panel, open_panel
from coprod.paths import PANEL
from coprod.pooling import combine
from tests.panels import made, small
from tests.reference import assert_agrees, assert_within, load_reference

Floats = np.ndarray
FORMS = ("individual", "collective")
ISSUES = ("safety", "environment", "health")


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COPROD_CACHE", "off")


@pytest.fixture(scope="module")
def panel() -> Panel:
    return open_panel(PANEL)


@pytest.fixture(scope="module")
def reference() -> pd.DataFrame:
    return load_reference("imputation")


def pair(x: Floats, y: Floats) -> Panel:
    """A panel that knows two numbers of everybody, one of them with gaps."""
    whole = load_instrument()
    frame = pd.DataFrame({"area": "A", "weight": 1.0, "age": x, "years": y})
    variables = {name: whole.variables[name] for name in frame}
    instrument = replace(whole, issues={}, perceptions=[], variables=variables)
    return Panel(frame=frame, instrument=instrument, source="test", synthetic=True)


def missing_at_random(n: int, generator: np.random.Generator) -> tuple[Floats, Floats]:
    """Normal x and y = 1 + 0.8 x + e, missing for 15 % or 65 % by the sign of x; the mean is 1.

    Everywhere some are known: matching finds donors, and cannot go beyond them.
    """
    x = generator.normal(size=n)
    y = 1 + 0.8 * x + 0.6 * generator.normal(size=n)
    y[generator.random(n) < np.where(x > 0, 0.65, 0.15)] = np.nan
    return x, y


def pooled_mean(x: Floats, y: Floats, imputations: int, seed: int) -> pd.Series:
    filled = [one.frame["years"] for one in impute(pair(x, y), imputations, 1, seed)]
    means = [[column.mean()] for column in filled]
    errors = [[column.var() / len(column)] for column in filled]
    return combine(means, errors, len(x) - 1).iloc[0]


def test_rubins_rules_are_those_of_mice(reference: pd.DataFrame) -> None:
    given = reference[reference["table"] == "ten"]
    frames = []
    for form in FORMS:
        own = given[given["keys"].str.startswith(f"{form}/")]
        values, variances = (
            own.loc[own["statistic"] == name, ["value"]].to_numpy()
            for name in ("value", "variance")
        )
        frames.append(combine(values, variances, 2_623).assign(form=form))
    assert_agrees(reference, "combine", pd.concat(frames), ["form"], 1e-9)


def test_rubins_rules_on_hand_numbers() -> None:
    """Three slopes 1, 2, 3 with variance 1/2: W = 1/2, B = 1, T = 11/6, lambda = 8/11."""
    row = combine([[1.0], [2.0], [3.0]], [[0.5]] * 3, np.inf).iloc[0]
    assert row["standard_error"] ** 2 == pytest.approx(11 / 6)
    assert row["df"] == pytest.approx(2 * (11 / 8) ** 2)
    assert row["relative_increase"] == pytest.approx(8 / 3)
    assert row["fraction_missing"] == pytest.approx(
        (8 / 3 + 2 / (2 * (11 / 8) ** 2 + 3)) / (11 / 3)
    )
    few = combine([[1.0], [2.0], [3.0]], [[0.5]] * 3, 10).iloc[0]
    observed = 10 * 11 / 13 * 3 / 11
    assert few["df"] == pytest.approx(1 / (1 / row["df"] + 1 / observed))
    assert few["low"] < row["low"] < 2 < row["high"] < few["high"]


def test_imputations_that_agree_lose_nothing() -> None:
    row = combine([[2.0]] * 4, [[0.25]] * 4, 100).iloc[0]
    assert row["fraction_missing"] == row["relative_increase"] == row["between"] == 0
    assert row["df"] == pytest.approx(100 * 101 / 103) and row["standard_error"] == 0.5


@pytest.mark.parametrize(
    ("estimates", "variances", "said"),
    [
        ([[1.0]], [[1.0]], "imputations: 1 is too few"),
        ([1.0, 2.0], [1.0, 2.0], "a row an imputation"),
        ([[1.0], [2.0]], [[1.0, 1.0], [2.0, 2.0]], "a row an imputation"),
    ],
)
def test_what_cannot_be_pooled(estimates: Any, variances: Any, said: str) -> None:
    with pytest.raises(ValidityError, match=said):
        combine(estimates, variances, 10)


def test_mean_and_variance_have_a_closed_form() -> None:
    """The pooled mean is the regression estimator's, the variance between imputations that of
    the predictive distribution; donors' own residuals set them off a little."""
    x, y = missing_at_random(3_000, np.random.default_rng(11))
    found = pooled_mean(x, y, 200, seed=3)
    known = ~np.isnan(y)
    design = np.column_stack([np.ones(known.sum()), x[known]])
    value, rss = np.linalg.lstsq(design, y[known], rcond=None)[:2]
    absent, share = np.array([1.0, x[~known].mean()]), (~known).mean()
    spread = share / len(x) + share**2 * absent @ np.linalg.solve(design.T @ design, absent)
    expected = np.where(known, y, value[0] + value[1] * x).mean()
    assert found["estimate"] == pytest.approx(expected, abs=0.01)
    assert found["between"] == pytest.approx(spread * rss.item() / (known.sum() - 2), rel=0.3)
    assert np.nanmean(y) < 0.8 < found["low"] < 1 < found["high"]


def test_pooled_intervals_hold_the_truth() -> None:
    """Unbiased and 95 %, within 3.5 Monte Carlo errors, where complete cases are not."""
    generator = np.random.default_rng(17)
    draws = 200
    rows, naive = [], []
    for seed in range(draws):
        x, y = missing_at_random(500, generator)
        rows.append(pooled_mean(x, y, 10, seed))
        naive.append(np.nanmean(y))
    found = pd.DataFrame(rows)
    error = found["estimate"].std() / np.sqrt(draws)
    assert abs(found["estimate"].mean() - 1) < 3.5 * error < abs(np.mean(naive) - 1)
    assert found["standard_error"].mean() == pytest.approx(found["estimate"].std(), rel=0.2)
    held = ((found["low"] <= 1) & (found["high"] >= 1)).mean()
    assert abs(held - 0.95) < 3.5 * np.sqrt(0.95 * 0.05 / draws)


def test_the_regressions_agree_with_mice(panel: Panel, reference: pd.DataFrame) -> None:
    """Within three Monte Carlo errors of 20 imputations here and 200 there."""
    ours = pd.concat(compare_imputed(panel, form).assign(form=form) for form in FORMS)
    keys = ours[["form", "term", "level"]].agg("/".join, axis=1)
    ours = ours.set_index(keys)
    theirs = reference[reference["table"] == "compare_imputed"]
    theirs = theirs.pivot(index="keys", columns="statistic", values="value").loc[ours.index]
    assert len(ours) == 52
    error = np.sqrt(ours["between"] / 20 + theirs["between"] / 200)
    distance = (ours["estimate"] - theirs["estimate"]).abs() / error
    ratio = (ours["standard_error"] / theirs["standard_error"] - 1).abs()
    shares = pd.DataFrame({"ours": ours["fraction_missing"], "theirs": theirs["fraction_missing"]})
    mean = shares.mean()
    share = pd.Series({"mean": abs(mean["ours"] / mean["theirs"] - 1)})
    for statistic, difference, tolerance, unit in (
        ("estimate", distance, 3, "Monte Carlo errors"),
        ("standard_error", ratio, 0.02, "relative"),
        ("fraction_missing", share, 0.2, "relative"),
    ):
        assert_within(reference, "compare_imputed", difference, tolerance, statistic, unit)


def test_gaps_are_filled_with_given_answers_and_nothing_else_changes(panel: Panel) -> None:
    experiment = ["intends", "nudge_issue", "arm", "willing", "signup"]
    first, second = impute(panel, imputations=2)
    assert not first.frame.drop(columns=experiment).isna().any().any()
    for name, before in panel.frame.items():
        after = first.frame[name]
        assert after.dtype == before.dtype
        if name in experiment:
            pd.testing.assert_series_equal(after, before)
        known = before.notna()
        pd.testing.assert_series_equal(after[known], before[known])
        assert set(after.dropna()) == set(before.dropna())
    assert not first.frame.equals(second.frame)
    assert (first.checksum, first.seed) == ("", None) and first.synthetic
    assert first.describe() == "synthetic panel of 2,624 respondents in five areas, " + (
        "drawn from data/design.yml"
    )


def test_a_seed_gives_the_same_and_few_are_the_first_of_many() -> None:
    panel = made(small(200))
    many = [one.frame for one in impute(panel, 3, seed=4)]
    few = [one.frame for one in impute(panel, 2, seed=4)]
    for one, other in zip(few, many, strict=False):
        pd.testing.assert_frame_equal(one, other)
    assert not many[0].equals(impute(panel, 1, seed=5)[0].frame)


def test_a_category_is_imputed_as_others_like_them(panel: Panel) -> None:
    """Employment of the old is nearly always 'retired', of the young nearly never."""
    frame = panel.frame.copy()
    hidden = np.random.default_rng(1).random(len(frame)) < 0.3
    truth = frame["employment"].copy()
    frame.loc[hidden, "employment"] = np.nan
    (filled,) = impute(replace(panel, frame=frame), 1)
    for people in (frame["age"] >= 75, frame["age"] < 40, frame["gender"] == "woman"):
        at = people & hidden
        given = (filled.frame.loc[at, "employment"] == "retired").mean()
        assert given == pytest.approx((truth[at] == "retired").mean(), abs=0.08)
    assert set(filled.frame["employment"]) == set(truth.dropna())


def test_what_goes_with_what_is_missing_is_kept() -> None:
    """Efficacy predicts collective action after as before: an imputed answer is no noise."""
    frame = small(800)
    before = fit(made(frame), "collective", weighted=False).set_index("term").loc["efficacy"]
    hidden = np.random.default_rng(2).random((len(frame), 3)) < 0.25
    for column, issue in zip(hidden.T, ISSUES, strict=True):
        frame.loc[column, f"{issue}_efficacy"] = np.nan
    table = compare_imputed(made(frame), "collective", imputations=10, weighted=False)
    row, age = table.set_index("term").loc["efficacy"], table.set_index("term").loc["age"]
    assert abs(row["estimate"] - before["estimate"]) < before["standard_error"]
    assert 0.1 < row["fraction_missing"] < 0.6 and age["fraction_missing"] < 0.1
    assert age["standard_error"] < 0.95 * age["complete_standard_error"]
    assert row["n"] == 2_400 and row["n_complete"] < 1_700


def test_nothing_missing_changes_nothing() -> None:
    frame = small().ffill().bfill()
    panel = made(frame)
    for one in impute(panel, 2):
        pd.testing.assert_frame_equal(one.frame, frame)
    table = compare_imputed(panel, "individual", imputations=2)
    np.testing.assert_array_equal(table["estimate"], table["complete"])
    np.testing.assert_allclose(table["standard_error"], table["complete_standard_error"])
    assert (table["fraction_missing"] == 0).all() and (table["between"] == 0).all()


def test_references_are_those_of_the_complete_cases() -> None:
    """Nobody without qualifications is complete: school is the reference in every fit."""
    frame = small(400)
    frame.loc[frame["education"] == "no_qualifications", "education"] = "school"
    frame.loc[:29, "education"] = "no_qualifications"
    frame.loc[:29, "years"] = np.nan
    table = compare_imputed(made(frame), "individual", imputations=2).set_index(["term", "level"])
    assert set(table.loc["education", "reference"]) == {"School: GCSEs, O levels or similar"}
    gained = table.loc[("education", "no_qualifications")]
    assert np.isfinite(gained["estimate"]) and np.isnan(gained["complete"])
    chosen = {"education": "degree", "gender": "woman"}
    table = compare_imputed(
        made(frame), "individual", "health", 2, references=chosen, without=["employment"]
    ).set_index(["term", "level"])
    assert ("gender", "man") in table.index and ("education", "degree") not in table.index
    assert "employment" not in table.index.get_level_values("term")
    assert table.drop(index=("education", "no_qualifications")).notna().all().all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda frame: frame.assign(children=np.nan), "children: nobody"),
        (lambda frame: frame.assign(safety_efficacy=np.nan), "efficacy: nobody"),
        (lambda frame: frame.assign(years=frame["age"] - 18), "years: follows exactly from age"),
        (lambda frame: frame.assign(minority="no"), "minority: is 'No' for all"),
        (lambda frame: frame.assign(years=[np.nan, *[7.0] * 299]), "years: is '7' for all"),
        (lambda frame: frame[:0], "area|respondent|nobody"),
    ],
)
def test_what_cannot_be_estimated_is_named(
    change: Callable[[pd.DataFrame], pd.DataFrame], said: str
) -> None:
    with pytest.raises(ValidityError, match=said):
        compare_imputed(made(change(small()), ["safety"]), "collective", imputations=2)


def test_odd_variables_are_imputed_as_far_as_can_be() -> None:
    """Nobody's answer stays missing, one answer fills all gaps, twins and few people do no harm."""
    frame = small(25).assign(children=np.nan)
    frame["years"] = np.where(np.arange(25) < 5, np.nan, 7.0)
    frame["safety_state"] = frame["safety_satisfied"] = frame["safety_efficacy"]
    frame["health_ind_1"] = [2.0, *[np.nan] * 24]
    frame["environment_col_1"] = [np.nan, *[1.0] * 23, 2.0]
    (one,) = impute(made(frame), 1)
    assert one.frame["children"].isna().all()
    assert (one.frame["years"] == 7).all() and (one.frame["health_ind_1"] == 2).all()
    asked = [name for name in frame if str(name).startswith(ISSUES)]
    assert not one.frame[asked].isna().any().any()
    table = compare_imputed(
        made(small().assign(children=np.nan)), "individual", imputations=2, without=["children"]
    )
    assert table["p"].notna().all()


def test_one_issue_or_one_area() -> None:
    table = compare_imputed(made(small(), ["health"]), "collective", imputations=2)
    assert "issue" not in set(table["term"]) and table["p"].notna().all()
    frame = small(600)
    frame = frame[frame["area"] == frame["area"].mode()[0]]
    table = compare_imputed(made(frame), "individual", imputations=2)
    assert "area" not in set(table["term"]) and table["p"].notna().all()


def test_arguments_that_are_not_possible() -> None:
    panel = made(small(50))
    with pytest.raises(ValidityError, match="the panel has no respondents"):
        impute(made(small(50)[:0]))
    for arguments in ({"imputations": 0}, {"iterations": 0}):
        with pytest.raises(ValidityError, match=f"{next(iter(arguments))}: 0 is too few"):
            impute(panel, **arguments)
    with pytest.raises(ValidityError, match="imputations: 1 is too few"):
        compare_imputed(panel, "individual", imputations=1)
    with pytest.raises(ValidityError, match="forms are individual, collective"):
        compare_imputed(panel, "joint")


def test_imputations_are_shared_and_the_table_is_kept(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COPROD_CACHE", str(tmp_path))
    panel, calls = made(small()), []

    def counted(*given: Any) -> list[Panel]:
        calls.append(given)
        return impute(*given)

    monkeypatch.setattr(imputation, "impute", counted)
    first = [compare_imputed(panel, form, imputations=2) for form in FORMS]
    assert len(calls) == 1 and len(list(tmp_path.iterdir())) == 2
    again = [compare_imputed(made(small()), form, imputations=2) for form in FORMS]
    assert len(calls) == 1
    for one, other in zip(first, again, strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    compare_imputed(panel, FORMS[0], imputations=2, seed=7)
    assert len(calls) == 2
