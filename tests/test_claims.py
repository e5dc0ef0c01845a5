"""The claims: zones and verdicts, panels on which each is true, false or open, and strict reading."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from functools import cache
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import yaml
from scipy import stats

from coprod import correlates, load_instrument, open_panel
from coprod.claim_estimates import estimators
from coprod.claim_recovery import claim_truth, scenario
from coprod.claim_rules import Rule, load_claims
from coprod.claims import (
    HERE,
    INCONCLUSIVE,
    NOT_SUPPORTED,
    SUPPORTED,
    UNTESTABLE,
    document,
    estimates,
    judged,
    ledger,
    verdicts,
)
from coprod.cli import run
from coprod.design import Design, load_design
from coprod.errors import ValidityError
from coprod.experiment_recovery import with_effects
from coprod.panel import Panel
from coprod.paths import CHAPTERS, CLAIMS, PANEL
from coprod.recovery import exchangeable
from coprod.scales import indices
from coprod.synthetic import synthesise

CLAIMED = load_claims()
TESTED = {name: claim for name, claim in CLAIMED.items() if claim.rule}
SHIPPED = open_panel()
# Made when first asked for: every process of a parallel run imports this.
FOUND = cache(lambda: estimates(SHIPPED))
LEDGER = cache(lambda: verdicts(FOUND(), SHIPPED))

ALONE = "propensity.perceptions.individual."
JOINT = "propensity.perceptions.collective."
BACKGROUND = "propensity.background.individual."


def drawn(design: Design, respondents: int, seed: int) -> Panel:
    frame = synthesise(design, respondents, np.random.SeedSequence(seed))
    return Panel(frame, load_instrument(), source="drawn", synthetic=True)


# Zones and verdicts, by hand


def test_zones_are_those_of_the_interval() -> None:
    rng = np.random.default_rng(1)
    table = pd.DataFrame(
        {
            "estimate": rng.normal(0, 0.3, 500),
            "standard_error": rng.uniform(0.01, 0.2, 500),
            "df": rng.integers(3, 50, 500),
        }
    )
    for lower, upper, level in ((-inf, 0.1, 0.95), (0.1, inf, 0.90), (-0.2, 0.2, 0.90)):
        rule = Rule(lower, upper, level, "all", None, "")
        found = judged(table, rule)
        for row in found.itertuples():
            low, high = stats.t.interval(level, row.df, row.estimate, row.standard_error)
            assert (row.low, row.high) == pytest.approx((low, high))
            inside = all(lower <= end <= upper for end in (low, high))
            outside = high < lower or low > upper
            assert row.zone == ("inside" if inside else "outside" if outside else "between")
            assert (row.distance >= 1) == inside and (row.distance < -1) == outside
        assert set(found["zone"]) == {"inside", "outside", "between"}


def test_a_size_has_the_interval_of_the_absolute_value() -> None:
    table = pd.DataFrame({"estimate": [-0.5, 0.05, -0.1], "standard_error": 0.1, "df": inf})
    found = judged(table, Rule(0.2, inf, 0.95, "any", None, ""), size=True)
    assert found["estimate"].tolist() == [0.5, 0.05, 0.1]
    assert found["low"].tolist() == pytest.approx([0.5 - 0.196, 0, 0], abs=1e-4)
    assert found["high"].tolist() == pytest.approx([0.5 + 0.196, 0.246, 0.296], abs=1e-4)
    assert found["zone"].tolist() == ["inside", "between", "between"]


def test_an_estimate_without_error_decides_nothing() -> None:
    table = pd.DataFrame({"estimate": [0.5], "standard_error": [np.nan], "df": [10]})
    assert judged(table, Rule(0.2, inf, 0.95, "all", None, ""))["zone"].item() == "between"


@pytest.mark.parametrize(
    ("zones", "combine", "p", "verdict"),
    [
        ("inside inside", "all", np.nan, SUPPORTED),
        ("inside between", "all", np.nan, INCONCLUSIVE),
        ("between between", "all", np.nan, INCONCLUSIVE),
        ("inside outside", "all", np.nan, NOT_SUPPORTED),
        ("between outside", "all", np.nan, NOT_SUPPORTED),
        ("inside outside", "any", 0.01, SUPPORTED),
        ("inside outside", "any", 0.30, INCONCLUSIVE),
        ("between outside", "any", 0.01, INCONCLUSIVE),
        ("outside outside", "any", 0.01, NOT_SUPPORTED),
        ("outside outside", "any", 0.30, NOT_SUPPORTED),
    ],
)
def test_a_verdict_follows_from_zones(zones: str, combine: str, p: float, verdict: str) -> None:
    test = None if np.isnan(p) else 0.05
    rule = Rule(0.1, inf, 0.95, combine, test, "")
    claim = dataclasses.replace(TESTED["c2"], rule=rule)
    parts = zones.split()
    place = {"inside": 3.0, "between": 0.0, "outside": -3.0}
    found = FOUND()[FOUND()["id"] == "c2"].iloc[: len(parts)]
    found = found.assign(zone=parts, distance=[place[zone] for zone in parts], p=p)
    row = verdicts(found, SHIPPED, {"c2": claim}).iloc[0]
    assert row["verdict"] == verdict
    decides = min(place[z] for z in parts) if combine == "all" else max(place[z] for z in parts)
    assert row["distance"] == decides


# Panels on which each claim is true, false, and open

CHANGED = {
    f"{ALONE}efficacy": 0.0,
    f"{ALONE}state": 0.1,
    f"{ALONE}satisfied": 0.3,
    f"{ALONE}informed": -0.12,
    f"{ALONE}consulted": -0.12,
    f"{BACKGROUND}gender": {"woman": -0.3},
    f"{BACKGROUND}age": -0.3,
}


def everything_false() -> Design:
    """Both forms alike, with every correlate the other way round, and very strong nudges."""
    arms = list(load_instrument().arms)[1:]
    return exchangeable(with_effects(dict.fromkeys(arms, 1.0), load_design(changes=CHANGED)))


def in_between() -> Design:
    """Near the edges of the regions; with few people nothing can be decided."""
    return load_design(
        changes={
            "items.thresholds": {
                "individual": [-0.7, -0.2, 0.3, 0.5],
                "collective": [0.2, 1.6, 2.2, 2.6],
            },
            f"{JOINT}informed": 0.08,
            f"{JOINT}consulted": 0.08,
            f"{JOINT}efficacy": 0.2,
            f"{BACKGROUND}age": 0.05,
        }
    )


NOT_BY_DESIGN = ("parrado2013-sectors", "alford2016-outreach")


def test_claims_that_are_true_are_supported() -> None:
    truth = claim_truth(people=40_000).set_index("id")["true"]
    assert truth[~truth].index.tolist() == list(NOT_BY_DESIGN)
    found = ledger(drawn(load_design(), 20_000, 7), TESTED).set_index("id")["verdict"]
    assert (found.drop(list(NOT_BY_DESIGN)) == SUPPORTED).all(), found
    assert found["alford2016-outreach"] == NOT_SUPPORTED


def test_the_two_claims_that_the_design_makes_false_can_be_true() -> None:
    nothing = {
        f"{form}{term}": 0.0 for form in (ALONE, JOINT) for term in ("informed", "consulted")
    }
    panel = drawn(load_design(changes=nothing), 10_000, 3)
    # On one issue what people do has nothing to do with who they are and what they think.
    items = [
        name for form in panel.instrument.forms for name in panel.instrument.items("health", form)
    ]
    order = np.random.default_rng(1).permutation(len(panel.frame))
    shuffled = panel.frame.assign(**{name: panel.frame[name].to_numpy()[order] for name in items})
    mixed = dataclasses.replace(panel, frame=shuffled)
    chosen = {name: TESTED[name] for name in NOT_BY_DESIGN}
    found = ledger(mixed, chosen).set_index("id")["verdict"]
    assert (found == SUPPORTED).all(), found


def test_claims_that_are_false_are_not_supported() -> None:
    design = everything_false()
    truth = claim_truth(design, people=40_000).set_index("id")["true"]
    assert not truth.any(), truth
    found = ledger(drawn(design, 40_000, 7), TESTED).set_index("id")["verdict"]
    assert (found == NOT_SUPPORTED).all(), found


def test_claims_that_a_small_panel_cannot_decide_are_left_open() -> None:
    panels = [drawn(in_between(), 300, seed) for seed in range(5)]
    found = pd.DataFrame([ledger(panel, TESTED).set_index("id")["verdict"] for panel in panels])
    left_open = (found == INCONCLUSIVE).sum()
    assert (left_open >= 3).all(), left_open


def test_an_experiment_that_never_was_cannot_be_judged() -> None:
    asked = ["intends", "nudge_issue", "arm", "willing", "signup"]
    frame = SHIPPED.frame.assign(
        **{name: SHIPPED.frame[name].where(np.zeros(len(SHIPPED.frame), bool)) for name in asked}
    )
    chosen = {name: CLAIMED[name] for name in ("c2", "c3", "c4")}
    table = ledger(dataclasses.replace(SHIPPED, frame=frame), chosen).set_index("id")
    assert table["verdict"].tolist() == [SUPPORTED, HERE, UNTESTABLE]
    assert "no experiment" in table.loc["c3", "reason"]
    assert table.loc["c3", ["estimates", "inside", "outside"]].tolist() == [0, 0, 0]
    assert table.loc[["c3", "c4"], ["estimate", "low", "high"]].isna().all().all()


def test_built_in_is_said_of_synthetic_panels_only() -> None:
    assert LEDGER().set_index("id").loc["c2", "built_in"]
    assert not LEDGER().set_index("id").loc[list(NOT_BY_DESIGN), "built_in"].any()
    real = dataclasses.replace(SHIPPED, synthetic=False, source="ours.csv", seed=None)
    assert not verdicts(FOUND(), real)["built_in"].any()
    assert set(verdicts(FOUND(), real)["built_in_by"]) == {""}


# The estimates, by other ways


def test_coefficients_are_those_of_the_chapter() -> None:
    found = FOUND()[FOUND()["id"] == "alford2016-efficacy"]
    for row in found.itertuples():
        table = correlates.fit(SHIPPED, row.form, row.issue).set_index("term")
        names = ["estimate_sd", "standard_error_sd", "low_sd", "high_sd"]
        expected = table.loc["efficacy", names].tolist()
        assert [row.estimate, row.standard_error, row.low, row.high] == pytest.approx(expected)


def by_statsmodels(issue_specific: bool) -> Any:
    """The regression of collective activity by statsmodels, everything by issue or on safety only."""
    frame = indices(SHIPPED)
    instrument = SHIPPED.instrument
    numeric = ["age", "years", *instrument.perceptions]
    frame = frame.dropna(subset=["individual", "collective", *instrument.background, *numeric])
    weight = frame["weight"] / frame["weight"].sum()
    if not issue_specific:
        frame = frame[frame["issue"] == "safety"]
        weight = frame["weight"] / frame["weight"].sum()
    columns = {"one": pd.Series(1.0, frame.index)}
    for name in numeric:
        mean = (weight * frame[name]).sum()
        columns[name] = (frame[name] - mean) / np.sqrt((weight * (frame[name] - mean) ** 2).sum())
    for name in ["area", *(n for n in instrument.background if n not in numeric)]:
        dummies = pd.get_dummies(frame[name].astype(str), prefix=name, dtype=float)
        columns |= {column: dummies[column] for column in list(dummies)[1:]}
    wide = pd.DataFrame(columns)
    if issue_specific:
        issues = frame["issue"].astype(str)
        wide = pd.concat(
            {i: wide.mul((issues == i).astype(float), axis=0) for i in instrument.issues}, axis=1
        )
        wide.columns = [f"{issue}:{name}" for issue, name in wide.columns]
    index = frame["collective"]
    spread = np.sqrt((weight * (index - (weight * index).sum()) ** 2).sum())
    return sm.WLS(index / spread, wide, weights=frame["weight"]).fit(
        cov_type="cluster",
        cov_kwds={"groups": frame["respondent"].astype("category").cat.codes.to_numpy()},
        use_t=True,
    )


def test_leads_and_issue_differences_are_those_of_statsmodels() -> None:
    fitted = by_statsmodels(issue_specific=False)
    rows = FOUND()[(FOUND()["id"] == "parrado2013-efficacy") & (FOUND()["form"] == "collective")]
    for row in rows[rows["issue"] == "safety"].itertuples():
        sign = np.sign(fitted.params[row.against])
        test = fitted.t_test(f"efficacy {'-' if sign > 0 else '+'} {row.against} = 0")
        assert row.estimate == pytest.approx(test.effect.item(), rel=1e-6)
        assert row.standard_error == pytest.approx(test.sd.item(), rel=1e-6)
    fitted = by_statsmodels(issue_specific=True)
    rows = FOUND()[(FOUND()["id"] == "parrado2013-sectors") & (FOUND()["form"] == "collective")]
    n, k = len(fitted.fittedvalues), len(fitted.params)
    # Errors of both forms stacked, as where they are compared: 2n rows and 2k coefficients.
    stacked = np.sqrt((2 * n - 1) / (2 * n - 2 * k) / ((n - 1) / (n - k)))
    names = list(fitted.params.index)
    for row in rows.itertuples():
        contrast = np.zeros(k)
        contrast[names.index(f"{row.issue}:{row.term}")] = 1
        contrast[names.index(f"{row.against}:{row.term}")] = -1
        test = fitted.t_test(contrast)
        assert row.estimate == pytest.approx(abs(test.effect.item()), rel=1e-6)
        assert row.standard_error == pytest.approx(test.sd.item() * stacked, rel=1e-6)


def test_item_gaps_are_differences_of_weighted_shares() -> None:
    frame = SHIPPED.frame
    rows = FOUND()[FOUND()["id"] == "alford2016-forms"]
    assert len(rows) == 3 * 16
    for row in rows.sample(12, random_state=1).itertuples():
        shares = []
        for stem in (row.term, row.against):
            answered = frame[frame[f"{row.issue}_{stem}"].notna()]
            done = answered[f"{row.issue}_{stem}"] > 0
            shares.append(np.average(done, weights=answered["weight"]))
        assert row.estimate == pytest.approx(shares[0] - shares[1])


def test_one_issue_alone_cannot_differ_from_another() -> None:
    one = dataclasses.replace(SHIPPED.instrument, issues={"safety": "Safety"})
    panel = dataclasses.replace(SHIPPED, instrument=one)
    with pytest.raises(ValidityError, match="one issue"):
        estimators()["issue_differences"].function(panel, terms=["age"], forms=["collective"])


# The file


def changed(tmp_path: Path, change: Callable[[dict[str, dict[str, Any]]], object]) -> Path:
    content = yaml.safe_load(CLAIMS.read_text(encoding="utf-8"))
    change({entry["id"]: entry for entry in content["claims"]})
    file = tmp_path / "claims.yml"
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("bounds", "verdict"),
    [
        ({"lower": 0.10}, SUPPORTED),
        ({"lower": 0.19}, INCONCLUSIVE),
        ({"lower": 0.30}, NOT_SUPPORTED),
        ({"lower": 0.10, "upper": 0.15}, NOT_SUPPORTED),
    ],
)
def test_a_bound_changed_in_the_file_changes_the_verdict(
    tmp_path: Path, bounds: dict[str, float], verdict: str
) -> None:
    file = changed(tmp_path, lambda claims: claims["c2"]["rule"].update(bounds))
    claims = {"c2": load_claims(file)["c2"]}
    assert ledger(SHIPPED, claims)["verdict"].item() == verdict


WRONG: dict[str, tuple[Callable[[dict[str, dict[str, Any]]], object], str]] = {
    "unknown key": (lambda c: c["c1"].update(sauce="x"), "the key 'sauce'"),
    "unknown key of a rule": (lambda c: c["c1"]["rule"].update(floor=1), "did you mean"),
    "unknown function": (lambda c: c["c1"].update(function="coeficients"), "'coefficients'?"),
    "unknown argument": (lambda c: c["c2"]["arguments"].update(issue="x"), "takes no 'issue'"),
    "missing argument": (lambda c: c["c2"]["arguments"].pop("forms"), "'forms' is missing"),
    "unknown term": (lambda c: c["c2"]["arguments"].update(terms=["luck"]), "has 'luck'"),
    "one where several": (lambda c: c["c2"]["arguments"].update(terms="age"), "must be a list"),
    "several where one": (lambda c: c["c3"]["arguments"].update(outcome=["signup"]), "one value"),
    "a term twice": (lambda c: c["c1"]["arguments"]["terms"].append("age"), "something twice"),
    "unknown source": (lambda c: c["c1"].update(source="bovaird2061"), "no 'bovaird2061'"),
    "unknown section": (lambda c: c["c1"].update(chapter="sec-luck"), "no chapter has a section"),
    "missing source": (lambda c: c["c1"].pop("source"), "'source' is missing"),
    "empty claim": (lambda c: c["c1"].update(claim=" "), "'claim' is empty"),
    "no rule": (lambda c: c["c1"].pop("rule"), "'rule' is missing"),
    "no bound": (lambda c: c["c2"]["rule"].pop("lower"), "no bound"),
    "bounds crossed": (lambda c: c["c3"]["rule"].update(lower=0.3), "not below the upper bound"),
    "infinite bound": (lambda c: c["c3"]["rule"].update(lower=inf), "must be a number"),
    "text as bound": (lambda c: c["c3"]["rule"].update(lower="low"), "must be a number"),
    "level": (lambda c: c["c3"]["rule"].update(level=95), "between 0.5 and 1"),
    "combine": (lambda c: c["c3"]["rule"].update(combine="most"), "one of all, any"),
    "no reason": (lambda c: c["c3"]["rule"].pop("why"), "no 'why'"),
    "negative size": (lambda c: c["c1"]["rule"].update(lower=-0.1), "size is below zero"),
    "same id": (lambda c: c["c2"].update(id="c1"), "stands twice"),
    "no anchor": (lambda c: c["c2"].update(id="C 2"), "is no anchor"),
    "both": (lambda c: c["c2"].update(untestable="no"), "the one or the other"),
    "no parameter": (lambda c: c["c2"].update(built_in=["experiment.luck"]), "'experiment.luck'"),
    "built in": (lambda c: c["c2"].update(built_in=True), "must be false or a list"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_in_the_file_is_named_with_its_line(tmp_path: Path, name: str) -> None:
    change, said = WRONG[name]
    with pytest.raises(ValidityError) as error:
        load_claims(changed(tmp_path, change))
    assert said in str(error.value)
    assert all(re.match(r"claims\.yml:\d+", fault.where) for fault in error.value.faults)


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    def several(claims: dict[str, dict[str, Any]]) -> None:
        claims["c1"].update(source="nobody", chapter="sec-nowhere")
        claims["c2"]["rule"].update(level=2)
        claims["c3"].update(function="nothing")

    with pytest.raises(ValidityError) as error:
        load_claims(changed(tmp_path, several))
    assert len(error.value.faults) == 4
    assert "4 faults" in error.value.summary


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValidityError, match=r"claims\.yml cannot be read"):
        load_claims(tmp_path / "claims.yml")
    (tmp_path / "claims.yml").write_text("claims: [\n", encoding="utf-8")
    with pytest.raises(ValidityError, match="not valid YAML"):
        load_claims(tmp_path / "claims.yml")


def test_every_study_is_there_and_every_claim_of_it_has_a_place_in_the_chapter() -> None:
    sources = {claim.source for claim in CLAIMED.values()}
    assert sources == {"bovaird2016", "parrado2013", "bovaird2015", "alford2016"}
    chapter = (CHAPTERS / "claims.qmd").read_text(encoding="utf-8")
    assert set(re.findall(r'^entries\("(\w+)"\)', chapter, re.M)) == sources
    assert all(f"@{source}]" in chapter for source in sources)
    assert {"c1", "c2", "c3", "c4", "c5", "c6"} <= set(CLAIMED)
    assert [n for n, c in CLAIMED.items() if c.untestable] == ["c4", "c5-activation", "c6"]


def test_the_rules_are_those_that_were_decided() -> None:
    assert {CLAIMED[name].rule.level for name in ("c3", "c3-signup")} == {0.9}  # type: ignore[union-attr]
    for name in ("alford2016-satisfaction", "alford2016-outreach"):
        rule = CLAIMED[name].rule
        assert rule and (rule.lower, rule.upper, rule.level) == (-0.05, 0.05, 0.9)
    assert CLAIMED["c2"].arguments["by_issue"] and CLAIMED["c2"].rule.combine == "all"  # type: ignore[union-attr]
    assert CLAIMED["c1"].rule.test == 0.05  # type: ignore[union-attr]


# The command


def output(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(["claims", *arguments]) == 0
    return capsys.readouterr().out


def test_the_command_says_every_verdict_on_lines_of_80(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    said = output(capsys)
    assert "\x1b" not in said and said.isascii()
    assert max(map(len, said.splitlines())) <= 80
    for row in LEDGER().itertuples():
        assert f"  {row.id}: {row.verdict}{' (built in)' if row.built_in else ''}\n" in said
    assert "synthetic panel" in said


def test_the_command_gives_json(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(output(capsys, "--json", "--panel", str(PANEL)))
    assert set(found) == {"panel", "claims"}
    assert found["panel"]["synthetic"] is True
    assert [entry["verdict"] for entry in found["claims"]] == LEDGER()["verdict"].tolist()
    by_name = {entry["id"]: entry for entry in found["claims"]}
    assert len(by_name["c1"]["all_estimates"]) == 7
    assert by_name["c2"]["upper"] is None and by_name["c4"]["estimate"] is None
    assert by_name["c2"]["estimate"] == pytest.approx(
        LEDGER().set_index("id").loc["c2", "estimate"]
    )


def test_json_has_no_number_that_json_does_not_know() -> None:
    text = json.dumps(document(FOUND(), SHIPPED), allow_nan=False)
    assert json.loads(text)["claims"]


def test_a_panel_that_cannot_be_read_is_one_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.csv").write_text("respondent,area\nR1,A\n", encoding="utf-8")
    assert run(["claims", "--panel", str(tmp_path / "bad.csv")]) == 2
    said = capsys.readouterr().err
    assert "bad.csv" in said and "Traceback" not in said


def test_the_panel_of_the_scenario_without_efficacy_refuses_the_claim() -> None:
    panel = drawn(scenario("no efficacy"), 2_624, 1)
    table = ledger(panel, {"c2": CLAIMED["c2"]})
    assert table["verdict"].item() == NOT_SUPPORTED
