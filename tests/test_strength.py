"""From willingness to people: against another logit, against what is true, and its refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from coprod import open_panel
from coprod.errors import ValidityError
from coprod.experiment_recovery import true_effects, with_effects
from coprod.instrument import load_instrument
from coprod.panel import Panel
from coprod.power import Trial, power
from coprod.strength import extra_people, needed, strength
from coprod.synthetic import synthesise


@pytest.fixture(scope="module")
def panel() -> Panel:
    return open_panel()


@pytest.mark.parametrize("weighted", [True, False])
def test_extra_people_are_those_of_a_logit_with_robust_errors(panel: Panel, weighted: bool) -> None:
    frame = panel.frame.dropna(subset=["willing", "signup"])
    sd = frame.loc[frame["arm"] == "control", "willing"].std(ddof=0)
    columns = pd.get_dummies(frame[["arm", "area"]], drop_first=True, dtype=float)
    x = sm.add_constant(columns.assign(willing=frame["willing"] / sd))
    weights = frame["weight"] / frame["weight"].mean() if weighted else None
    model = sm.GLM(frame["signup"], x, sm.families.Binomial(), var_weights=weights)
    fit = model.fit(cov_type="HC0")
    w = np.ones(len(frame)) if weights is None else weights.to_numpy()
    control = x.copy()
    control[[name for name in x if name.startswith("arm_")]] = 0.0

    def rise(parameters: np.ndarray, strength: float) -> float:
        there = control.assign(willing=control["willing"] + strength)
        change = 1 / (1 + np.exp(-there @ parameters)) - 1 / (1 + np.exp(-control @ parameters))
        return float(1000 * np.average(change, weights=w))

    found = extra_people(panel, [0.1, 0.5], weighted).set_index("strength")
    n, k = x.shape
    for size, row in found.iterrows():
        at = fit.params.to_numpy()
        assert row["extra"] == pytest.approx(rise(at, float(size)), rel=1e-6)
        step = 1e-5 * np.eye(k)
        slope = [(rise(at + s, float(size)) - rise(at - s, float(size))) / 2e-5 for s in step]
        variance = slope @ fit.cov_params().to_numpy() @ slope * n / (n - 1) * (n - 1) / (n - k)
        assert row["standard_error"] == pytest.approx(np.sqrt(variance), rel=1e-4)
        assert row["n"] == n


def test_strong_nudges_bring_as_many_people_as_the_link_says() -> None:
    """Where the assumption holds, as in the generator, the link finds what is true."""
    instrument = load_instrument()
    frame = synthesise(respondents=40_000, seed=4)
    drawn = Panel(frame, instrument, source="test", synthetic=True)
    known = true_effects(with_effects({"norm": 0.2, "efficacy": 0.5}), people=200_000, seed=5)
    known = known.set_index(["arm", "outcome"])
    for arm in ("norm", "efficacy"):
        willing = known.loc[(arm, "willing")]
        row = extra_people(drawn, [willing["truth"] / willing["control_sd"]], False).iloc[0]
        true = 1000 * known.loc[(arm, "signup"), "truth"]
        # Rounded answers, from 0 to 10, carry the link a little less than willingness itself.
        assert row["extra"] == pytest.approx(true, rel=0.12)


def test_needed_turns_extra_people_round(panel: Panel) -> None:
    row = needed(panel, 30).iloc[0]
    assert extra_people(panel, [row["strength"]])["extra"].item() == pytest.approx(30)
    assert extra_people(panel, [row["low"]])["high"].item() == pytest.approx(30)
    assert extra_people(panel, [row["high"]])["low"].item() == pytest.approx(30)


def test_the_marks_are_what_their_own_functions_say(panel: Panel) -> None:
    table = strength(panel).set_index("mark")
    assert table.loc["found", "power"] == pytest.approx(0.8)
    assert table.loc["corrected", "power"] > 0.8
    assert table.loc["noticeable", "extra"] == pytest.approx(50)
    signup = Trial.of(panel, "signup")
    expected = power(signup, [0.05])["power"].item()
    assert table.loc["noticeable", "power_signup"] == pytest.approx(expected)
    assert (table["n"] == extra_people(panel, [0])["n"].item()).all()


def changed(panel: Panel, **columns: object) -> Panel:
    return Panel(panel.frame.assign(**columns), panel.instrument, source="test", synthetic=True)


def test_what_is_not_possible_is_named(panel: Panel) -> None:
    frame = panel.frame
    for extra in (0, -5, 1_000, float("nan")):
        with pytest.raises(ValidityError, match=r"extra: .* people in 1,000"):
            needed(panel, extra)
    level = frame["willing"].where(frame["arm"] != "control", 5.0)
    with pytest.raises(ValidityError, match="willing: control does not vary"):
        extra_people(changed(panel, willing=level), [0.1])
    with pytest.raises(ValidityError, match="signup"):
        extra_people(changed(panel, signup=0.0), [0.1])
    known = frame["signup"].where(frame["willing"].isna(), 0.0)
    with pytest.raises(ValidityError, match="signup"):
        extra_people(changed(panel, signup=known), [0.1])
    nobody = frame["signup"].where(frame["arm"] != "norm", 0.0)
    with pytest.raises(ValidityError, match="arm: tells"):
        extra_people(changed(panel, signup=nobody), [0.1])
    with pytest.raises(ValidityError, match="no experiment"):
        strength(changed(panel, arm=np.nan))


def test_one_area_and_one_nudge_are_enough(panel: Panel) -> None:
    frame = panel.frame
    part = frame[(frame["area"] == "A") & frame["arm"].isin(["control", "norm"])]
    small = Panel(part, panel.instrument, source="test", synthetic=True)
    assert strength(small)["extra"].notna().all()
