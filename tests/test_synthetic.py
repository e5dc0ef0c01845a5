"""The generator: the same bytes each time, the design's numbers, and what they are to give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from coprod import load_instrument, open_panel
from coprod.design import Design, load_design
from coprod.errors import ValidityError
from coprod.paths import DATA, DESIGN, MARGINS, PANEL
from coprod.synthetic import draw_population, synthesise, write_panel
from coprod.weights import load_margins

INSTRUMENT = load_instrument()
SOURCES = {"assumption", "C2", "C3", "C5", "parrado2013", "bovaird2015", "alford2016"}


def parameters(group: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, entry in group.items():
        if not isinstance(entry, dict) or {"value", "why", "source"} & set(entry):
            yield above + name, entry
        else:
            yield from parameters(entry, f"{above}{name}.")


@pytest.fixture(scope="module")
def population() -> pd.DataFrame:
    return draw_population(200_000, seed=5)


@pytest.fixture(scope="module")
def indices(population: pd.DataFrame) -> dict[tuple[str, str], pd.Series]:
    return {
        (issue, form): 50 * population[INSTRUMENT.items(issue, form)].mean(axis=1)
        for issue in INSTRUMENT.issues
        for form in INSTRUMENT.forms
    }


@pytest.mark.parametrize("file", [DESIGN, MARGINS], ids=["design", "margins"])
def test_every_parameter_says_value_why_and_source(file: Path) -> None:
    found = dict(parameters(yaml.safe_load(file.read_text(encoding="utf-8"))))
    assert found
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    for name, entry in found.items():
        assert set(entry) == {"value", "why", "source"}, name
        assert len(entry["why"]) > 15, name
        assert entry["source"] in SOURCES, name
        assert f"`{entry['source']}`" in readme, name


def test_the_generator_reads_every_parameter_of_the_design() -> None:
    read: set[str] = set()

    class Noting(Design):
        def __getitem__(self, name: str) -> Any:
            read.add(name)
            return super().__getitem__(name)

    synthesise(Noting(load_design().values))
    found = parameters(yaml.safe_load(DESIGN.read_text(encoding="utf-8")))
    # How many were invited is for the flow of respondents; another test holds it to the rates.
    assert {name for name, _ in found} - read == {"sample.invited"}


def test_the_shipped_panel_is_drawn_again_to_the_byte(tmp_path: Path) -> None:
    write_panel(tmp_path / "panel.csv")
    assert (tmp_path / "panel.csv").read_bytes() == PANEL.read_bytes()


def test_what_is_drawn_is_what_is_read() -> None:
    pd.testing.assert_frame_equal(open_panel(PANEL).frame, synthesise())


def test_seeds() -> None:
    first, again, other = (synthesise(respondents=800, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not first["safety_ind_1"].equals(other["safety_ind_1"])


def test_sizes_follow_the_design() -> None:
    counts = synthesise()["area"].value_counts(sort=False)
    assert counts.to_dict() == load_design()["sample.respondents"]
    assert len(synthesise(respondents=1003, seed=1)) == 1003
    with pytest.raises(ValidityError, match="cannot be raked"):
        synthesise(respondents=12, seed=1)


def test_invited_and_respondents_agree_with_the_response_rates() -> None:
    design = load_design()
    for area, invited in design["sample.invited"].items():
        gender = sum(
            share * design["sample.response_gender"][level]
            for level, share in design["margins.gender"][area].items()
        )
        age = sum(
            share * design["sample.response_age"][band]
            for band, share in design["margins.age"][area].items()
        )
        expected = invited * gender * age
        assert design["sample.respondents"][area] == pytest.approx(expected, rel=0.002)


def test_every_area_gives_each_arm_the_same_number() -> None:
    counts = synthesise().groupby(["area", "arm"], observed=True).size().unstack()
    assert (counts.nunique(axis=1) == 1).all()
    # With a remainder, arms differ by one at most.
    counts = synthesise(respondents=1003, seed=1).groupby(["area", "arm"], observed=True).size()
    assert np.ptp(counts.unstack().to_numpy(), axis=1).max() == 1


def test_levels_of_the_indices(indices: dict[tuple[str, str], pd.Series]) -> None:
    means = {key: index.mean() for key, index in indices.items()}
    wanted = dict(
        zip(means, [59, 21, 60, 20, 56, 19], strict=True),
    )
    assert means == pytest.approx(wanted, abs=0.6)
    zero = pd.concat([indices[issue, "collective"] for issue in INSTRUMENT.issues]).eq(0).mean()
    assert 0.43 <= zero <= 0.47


def test_alpha_and_the_correlation_of_the_forms(
    population: pd.DataFrame, indices: dict[tuple[str, str], pd.Series]
) -> None:
    for issue in INSTRUMENT.issues:
        for form, wanted in (("individual", 0.72), ("collective", 0.73)):
            items = population[INSTRUMENT.items(issue, form)]
            alpha = 4 / 3 * (1 - items.var().sum() / items.sum(axis=1).var())
            assert alpha == pytest.approx(wanted, abs=0.012)
        correlation = indices[issue, "individual"].corr(indices[issue, "collective"])
        assert 0.365 <= correlation <= 0.395


def explained(outcome: np.ndarray, columns: list[np.ndarray]) -> tuple[float, np.ndarray]:
    design = np.column_stack([np.ones(len(outcome)), *columns])
    slopes = np.linalg.solve(design.T @ design, design.T @ outcome)
    return 1 - (outcome - design @ slopes).var() / outcome.var(), slopes


@pytest.mark.parametrize(
    ("form", "background", "outreach", "efficacy"),
    [("individual", 0.06, 0.006, 0.08), ("collective", 0.007, 0.045, 0.225)],
)
def test_what_explains_the_indices(
    population: pd.DataFrame,
    indices: dict[tuple[str, str], pd.Series],
    form: str,
    background: float,
    outreach: float,
    efficacy: float,
) -> None:
    issues = list(INSTRUMENT.issues)
    outcome = np.concatenate([indices[issue, form] for issue in issues])
    dummies = pd.get_dummies(population[["area", *INSTRUMENT.background]], drop_first=True)
    area = [c for c in dummies if str(c).startswith("area")]
    known = [np.tile(dummies[c].to_numpy(float), 3) for c in [*area, *dummies.columns.drop(area)]]
    which = [np.repeat(row, len(population)) for row in np.eye(3)[1:]]
    asked = {
        stem: np.concatenate([population[f"{issue}_{stem}"] for issue in issues])
        for stem in INSTRUMENT.perceptions
    }
    base = [*which, *known[: len(area)]]
    people = [*which, *known]
    performance = [*people, asked["state"], asked["satisfied"]]
    out = [*performance, asked["informed"], asked["consulted"]]
    r_base, r_people, r_performance, r_outreach = (
        explained(outcome, columns)[0] for columns in (base, people, performance, out)
    )
    _, slopes = explained(outcome, [*out, asked["efficacy"]])
    assert r_people - r_base == pytest.approx(background, rel=0.1)
    assert r_outreach - r_performance == pytest.approx(outreach, rel=0.1)
    standardised = slopes[-1] * asked["efficacy"].std() / outcome.std()
    assert standardised == pytest.approx(efficacy, abs=0.008)


def test_the_experiment_works_as_designed() -> None:
    drawn = draw_population(400_000, seed=6)
    control = drawn["arm"] == "control"
    for arm, effect in load_design()["experiment.effects"].items():
        shown = drawn.loc[drawn["arm"] == arm, "willing"].mean() - drawn["willing"][control].mean()
        assert shown / drawn["willing"][control].std() == pytest.approx(effect, abs=0.015)
    assert drawn["signup"][control].mean() == pytest.approx(0.12, abs=0.005)
    assert drawn["intends"].corr(drawn["willing"]) == pytest.approx(0.6, abs=0.02)
    # The issue was drawn at random, and intention comes before arm and issue.
    assert drawn["nudge_issue"].value_counts(normalize=True).to_numpy() == pytest.approx(
        [1 / 3] * 3, abs=0.005
    )
    assert np.ptp(drawn.groupby("arm", observed=True)["intends"].mean()) < 0.04


def test_gaps_are_few_and_depend_on_what_is_always_known() -> None:
    frame = synthesise(respondents=200_000, seed=3)
    gaps = frame.isna().mean()
    never = {
        "source",
        "respondent",
        "area",
        "weight",
        "age",
        "gender",
        "nudge_issue",
        "arm",
        "signup",
    }
    assert set(gaps.index[gaps == 0]) == never
    assert gaps[gaps > 0].between(0.010, 0.015).all()
    old = frame["age"] >= 75
    assert frame[old].isna().mean().mean() > 1.4 * frame[~old].isna().mean().mean()


def test_weights_vary_and_restore_the_margins() -> None:
    frame = synthesise()
    assert 0.2 < frame["weight"].std() < 0.5
    assert frame["weight"].between(0.4, 3).all()
    banded = frame.assign(age=INSTRUMENT.variables["age"].banded(frame["age"]))
    for row in load_margins().itertuples():
        inside = banded[banded["area"] == row.area]
        share = inside.loc[inside[row.variable] == row.level, "weight"].sum()
        assert share / inside["weight"].sum() == pytest.approx(row.share, abs=1e-6)
    weighted = np.average(frame["age"], weights=frame["weight"])
    assert frame["age"].mean() > weighted + 1


def test_a_scenario_changes_its_parameter_and_nothing_else() -> None:
    plain = draw_population(4000, seed=9)
    design = load_design(changes={"experiment.effects.invitation": 1.0})
    strong = draw_population(4000, design, seed=9)
    told = plain["arm"] == "invitation"
    assert strong["willing"][told].mean() > plain["willing"][told].mean() + 1
    pd.testing.assert_frame_equal(
        strong[~told].drop(columns="signup"), plain[~told].drop(columns="signup")
    )
    # The design that others read is as it was.
    assert load_design()["experiment.effects.invitation"] == 0.1


def test_exchangeable_forms_can_be_had() -> None:
    names = [
        "propensity.constant", "propensity.respondent", "propensity.issue", "items.loadings",
        "items.thresholds", "items.spread", "propensity.background", "propensity.area",
        "propensity.perceptions", "items.issue",
    ]  # fmt: skip
    design = load_design()
    same = {f"{name}.individual": design[f"{name}.collective"] for name in names}
    drawn = draw_population(100_000, load_design(changes=same), seed=2)
    for issue in INSTRUMENT.issues:
        means = [drawn[INSTRUMENT.items(issue, form)].mean().mean() for form in INSTRUMENT.forms]
        assert means[0] == pytest.approx(means[1], abs=0.01)


def test_an_unknown_parameter_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValidityError, match=r"did you mean experiment\.effects\.norm\?"):
        load_design(changes={"experiment.effect.norm": 0.1})


def test_a_population_in_chunks_is_no_repetition() -> None:
    chunks = np.random.SeedSequence(1).spawn(2)
    first, second = (draw_population(2000, seed=chunk) for chunk in chunks)
    assert not first["safety_ind_1"].equals(second["safety_ind_1"])
