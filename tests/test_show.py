"""Figures and tables: the notice, the colours, the same bytes, and nothing empty or random."""

from __future__ import annotations

import dataclasses
import gzip
import io
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from xml.etree import ElementTree

import matplotlib
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from matplotlib.figure import Figure
from matplotlib.text import Text

from coprod import (
    background,
    claims,
    correlates,
    diagnostics,
    forms,
    imputation,
    levels,
    mixed,
    nudge_specifications,
    nudges,
    open_panel,
    ordered,
    robustness,
    sample,
    scales,
    specifications,
    studies,
    validation,
)
from coprod.claim_recovery import SCENARIOS, read_claim_errors
from coprod.distributions import distributions
from coprod.experiment_recovery import read_experiments
from coprod.nudge_specification_tests import nudge_test
from coprod.palette import PALETTE
from coprod.panel import Panel
from coprod.power import Trial, curves, detectable, errors, power
from coprod.power_simulation import read_power
from coprod.published import beside_published
from coprod.recovery import read_recovery
from coprod.render import provenance
from coprod.show import COLLECTIVE, INDIVIDUAL, claim_entries, figures, notice, tables
from coprod.show.table import Table
from coprod.specification_curve import efficacy_curve
from coprod.specification_tests import efficacy_test
from coprod.strength import strength
from tests.hostile import Relabelled, formulas, unseen
from tests.panels import small

PANEL = open_panel()
# Made when first asked for: every process of a parallel run imports this.
SPREAD = cache(lambda: distributions(PANEL))
FITS = cache(lambda: correlates.by_form(correlates.fit, PANEL))
SHARES = cache(lambda: correlates.by_form(correlates.blocks, PANEL, draws=50))
COMPARED = cache(lambda: correlates.compare_forms(PANEL, scale="sd"))
RESIDUALS = cache(lambda: correlates.by_form(diagnostics.residuals, PANEL))
BENT = cache(lambda: correlates.by_form(diagnostics.linearity, PANEL))
MODELS = cache(lambda: robustness.across_models(PANEL))
EFFECTS = cache(lambda: nudges.effects(PANEL))
SAMPLE = cache(lambda: EFFECTS()[EFFECTS()["weights"] == "unweighted"])
JUDGED = cache(
    lambda: pd.concat([nudges.equivalence(PANEL, adjustment=a) for a in ("strata", "lin")])
)
CHANCE = cache(lambda: nudges.randomisation_test(PANEL, draws=400))
CLAIMS = claims.load_claims()
ESTIMATES = cache(lambda: claims.estimates(PANEL))
IMPUTED = cache(lambda: correlates.by_form(imputation.compare_imputed, PANEL))
CURVE = cache(lambda: efficacy_curve(PANEL))
CHOICES = specifications.choices(PANEL)
TRIAL = Trial.of(PANEL, "willing")
STRENGTHS = [0.05, 0.10, 0.20]
STRONG = cache(lambda: strength(PANEL))
NUDGED = cache(lambda: nudge_specifications.nudge_curve(PANEL))
NUDGE_CHOICES = nudge_specifications.choices(PANEL)

FIGURES: dict[str, Callable[[Panel], Figure]] = {
    "answers": lambda panel: figures.answers_by_item(levels.shares(panel), panel, "health"),
    "issue": lambda panel: figures.levels_by_issue(levels.means(panel, by=("issue",)), panel),
    "area": lambda panel: figures.gaps_by_area(levels.means(panel, by=("issue", "area")), panel),
    "background": lambda panel: figures.levels_by_background(background.means(panel), panel),
    "loadings": lambda panel: figures.loadings(scales.two_factors(panel), panel),
    "overlap": lambda panel: figures.overlap_by_issue(forms.overlap(panel), panel),
    "profiles": lambda panel: figures.profiles_by_issue(forms.profiles(panel), panel),
    "coefficients": lambda panel: figures.coefficients(FITS(), panel),
    "differences": lambda panel: figures.differences(COMPARED(), panel),
    "shares": lambda panel: figures.block_shares(SHARES(), panel),
    "predictions": lambda panel: figures.predictions_by_issue(
        correlates.predict_over(panel), panel
    ),
    "models": lambda panel: figures.across_models(MODELS(), panel),
    "claims": lambda panel: figures.claim_verdicts(claims.verdicts(ESTIMATES(), panel), panel),
    "residuals": lambda panel: figures.residuals_by_fitted(RESIDUALS(), panel),
    "efficacy": lambda panel: figures.specification_curve(
        CURVE(), CHOICES, specifications.OWN, panel, "SD per SD", COLLECTIVE
    ),
    "nudged": lambda panel: figures.specification_curve(
        NUDGED(), NUDGE_CHOICES, nudge_specifications.OWN, panel, "SD"
    ),
    "power": lambda panel: figures.power_curves(
        curves(TRIAL, STRENGTHS), power(TRIAL, STRENGTHS), panel
    ),
    "effect": lambda panel: figures.power_by_effect(
        power([TRIAL, replace(TRIAL, respondents=100)], [0.0, 0.1, 0.2]), TRIAL.respondents, panel
    ),
    "errors": lambda panel: figures.exaggeration(
        errors(TRIAL, [0.02, 0.1, 0.2]),
        errors(TRIAL, STRENGTHS).assign(label=["weak", "middling", "strong"]),
        panel,
    ),
    "strength": lambda panel: figures.strength_of_nudges(STRONG(), panel),
    "flow": lambda panel: figures.arm_flow(nudges.flow(panel), panel),
    "balance": lambda panel: figures.arm_balance(nudges.balance(panel), panel),
    "effects": lambda panel: figures.arm_effects(SAMPLE(), JUDGED(), panel),
    "chance": lambda panel: figures.randomisation_histograms(
        nudges.randomisation_distribution(panel, draws=400), CHANCE(), panel
    ),
}
TABLES: dict[str, Callable[[Panel], Table]] = {
    "areas": lambda panel: tables.areas(sample.by_area(panel), panel),
    "margins": lambda panel: tables.margins(sample.margins(panel, pooled=True), panel),
    "missing": lambda panel: tables.missing(sample.missing(panel), panel),
    "reliability": lambda panel: tables.reliability(scales.reliability(panel), panel),
    "loadings": lambda panel: tables.loadings(scales.two_factors(panel), panel),
    "fit": lambda panel: tables.factor_fit(scales.factor_summary(panel), panel),
    "items": lambda panel: tables.items(levels.shares(panel), panel),
    "gaps": lambda panel: tables.gaps(levels.gaps(panel, by=("issue",)), panel),
    "area gaps": lambda panel: tables.gaps_by_area(levels.gaps(panel, by=("issue", "area")), panel),
    "background": lambda panel: tables.levels_by_background(background.means(panel), panel),
    "profiles": lambda panel: tables.profiles(forms.profiles(panel), panel),
    "tests": lambda panel: tables.background_tests(background.wald_tests(panel), panel),
    "correlations": lambda panel: tables.correlations(forms.correlations(panel), panel),
    "overlap": lambda panel: tables.overlap(forms.overlap(panel), panel),
    "coefficients": lambda panel: tables.coefficients(FITS(), panel),
    "issues": lambda panel: tables.coefficients_by_issue(
        pd.concat(
            [
                correlates.by_form(correlates.fit, panel, issue=issue).assign(issue=issue)
                for issue in panel.instrument.issues
            ]
        ),
        panel,
    ),
    "predictions": lambda panel: tables.predictions(correlates.predict_over(panel), panel),
    "shares": lambda panel: tables.block_shares(SHARES(), panel),
    "comparison": lambda panel: tables.comparison(COMPARED(), panel),
    "equality": lambda panel: tables.block_comparison(
        {"In points": correlates.compare_blocks(panel)}, panel
    ),
    "models": lambda panel: tables.across_models(MODELS(), panel),
    "claims": lambda panel: tables.claim_ledger(claims.verdicts(ESTIMATES(), panel), panel),
    "errors": lambda panel: tables.claim_errors(
        read_claim_errors(), {name: claim.title for name, claim in CLAIMS.items()}, SCENARIOS
    ),
    "published": lambda panel: tables.published_numbers(beside_published(panel), panel),
    "bands": lambda panel: tables.marginal_effects(ordered.marginal_effects(panel), panel),
    "odds": lambda panel: tables.proportional_odds(ordered.proportional_odds(panel), panel),
    "respondents": lambda panel: tables.respondent_share(
        correlates.by_form(mixed.intraclass, panel), panel
    ),
    "imputed": lambda panel: tables.imputed(IMPUTED(), panel),
    "residuals": lambda panel: tables.residuals(RESIDUALS(), panel),
    "linearity": lambda panel: tables.linearity(BENT(), panel),
    "pull": lambda panel: tables.overlap_and_pull(
        diagnostics.inflation(panel),
        {"collective": diagnostics.influence(panel, "collective")},
        panel,
    ),
    "texts": lambda panel: tables.arm_texts(panel),
    "flow": lambda panel: tables.arm_flow(nudges.flow(panel), panel),
    "balance": lambda panel: tables.balance(nudges.balance(panel), panel),
    "effects": lambda panel: tables.arm_effects(SAMPLE(), panel),
    "population": lambda panel: tables.arm_effects(
        EFFECTS()[EFFECTS()["weights"] == "weighted"], panel
    ),
    "chance": lambda panel: tables.randomisation(
        CHANCE(), SAMPLE()[SAMPLE()["adjustment"] == "strata"], panel
    ),
    "equivalence": lambda panel: tables.equivalence(JUDGED(), panel),
    "heterogeneity": lambda panel: tables.heterogeneity(nudges.heterogeneity(panel), panel),
    "choices": lambda panel: tables.specification_choices(
        specifications.by_choice(NUDGED(), NUDGE_CHOICES), "robustness-nudges", panel
    ),
    "joint": lambda panel: tables.joint_tests(
        {"Self-efficacy": efficacy_test(panel), "All nudges": nudge_test(panel)}, panel
    ),
    "curves": lambda panel: tables.power_curves(curves(TRIAL, STRENGTHS), panel),
    "effect": lambda panel: tables.power_by_effect(
        power([TRIAL, replace(TRIAL, respondents=100)], [0.0, 0.1, 0.2]), panel
    ),
    "recovered levels": lambda panel: tables.recovered_levels(read_recovery(), panel),
    "misleading": lambda panel: tables.misleading(errors(TRIAL, STRENGTHS), panel),
    "strength": lambda panel: tables.strength_of_nudges(STRONG(), panel),
    "grouped": lambda panel: tables.grouped_assignment(
        detectable(TRIAL).assign(groups=2600, spread=1.0), panel
    ),
    "recovered": lambda panel: tables.recovered_correlates(read_recovery(), panel),
    "recovered effects": lambda panel: tables.recovered_effects(read_experiments(), panel),
    "sizes": lambda panel: tables.sizes(read_experiments(), panel),
    "power": lambda _: tables.power_check(read_power()),
    "variables": lambda panel: tables.variables(SPREAD(), panel),
    "questions": lambda panel: tables.questions(SPREAD(), panel, "safety"),
    "arms": lambda panel: tables.arms(panel.instrument),
    "build": lambda panel: tables.build(provenance.table()),
    "comparisons": lambda panel: tables.comparisons(validation.read_validation()),
    "functions": lambda panel: tables.functions_compared(validation.read_validation()),
    "experiments": lambda panel: tables.experiments_beside_r(
        studies.beside_r(studies.default_option(), "nudges", "social_insure").assign(study="one")
    ),
    "information": lambda panel: tables.information_beside_r(
        studies.beside_r(studies.political_information(), "ordered", "political")
    ),
}


def svg(figure: Figure) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def swap(frame: pd.DataFrame) -> pd.DataFrame:
    """The same numbers with the forms in each other's place."""
    other = {"individual": "collective", "collective": "individual"}
    return frame.assign(form=frame["form"].astype(str).map(other))


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if isinstance(text, Text)]


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_says_its_data_and_is_the_same_bytes_twice(name: str) -> None:
    figure = FIGURES[name](PANEL)
    assert any("Synthetic panel of" in text for text in texts(figure))
    assert figure.get_suptitle()
    assert svg(figure) == svg(FIGURES[name](PANEL))
    assert "<dc:date>" not in svg(figure)


@pytest.mark.parametrize("name", ["answers", "issue", "area", "background", "loadings"])
def test_the_forms_have_their_colours(name: str) -> None:
    drawn = svg(FIGURES[name](PANEL)).lower()
    assert INDIVIDUAL.lower() in drawn
    assert COLLECTIVE.lower() in drawn


@pytest.mark.parametrize("name", FIGURES)
def test_every_colour_of_a_figure_has_a_name(name: str) -> None:
    root = ElementTree.fromstring(svg(FIGURES[name](PANEL)))
    found = {
        colour.lower()
        for element in root.iter()
        for key in ("style", "fill", "stroke")
        for colour in re.findall(r"#[0-9a-fA-F]{3,8}\b", element.get(key, ""))
    }
    assert found
    assert found <= set(PALETTE.values())


# Who came how far stands in words in its boxes.
@pytest.mark.parametrize("name", [name for name in FIGURES if name != "flow"])
def test_marks_say_their_values_and_no_more_than_a_table(name: str) -> None:
    titles = [
        "".join(element.itertext())
        for element in ElementTree.fromstring(svg(FIGURES[name](PANEL))).iter()
        if element.tag.endswith("}title") and "purl.org" not in element.tag
    ]
    assert titles
    assert len(set(titles)) > len(titles) / 3
    for title in titles:
        numbers = re.findall(r"\d[\d,]*\.\d+", title)
        assert re.search(r"\d", title)
        assert all(len(number.replace(".", "").lstrip("0")) <= 3 for number in numbers), title


@pytest.mark.parametrize("name", FIGURES)
def test_a_real_panels_figure_claims_nothing_synthetic(name: str) -> None:
    real = dataclasses.replace(PANEL, synthetic=False, source="ours.csv", seed=None)
    said = " ".join(texts(FIGURES[name](real)))
    assert "ynthetic" not in said
    assert "read from ours.csv" in said


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_an_identifier_and_no_empty_heading(name: str) -> None:
    table, again = TABLES[name](PANEL), TABLES[name](PANEL)
    soup = BeautifulSoup(table._repr_html_(), "html.parser")
    assert table._repr_html_() == again._repr_html_()
    assert repr(table) == repr(again)
    assert re.fullmatch(r"[a-z-]+", str(soup.select("div")[0]["id"]))
    heads = soup.select("thead th")
    assert heads
    assert all(head.get_text(strip=True) for head in heads)
    body = soup.select("tbody td")
    assert body
    assert all(cell.get_text(strip=True) for cell in body)
    assert not any(re.search(r"\bnan\b|\d\.\d{5,}", cell.get_text()) for cell in body)


def test_titles_follow_the_numbers() -> None:
    means = levels.means(PANEL, by=("issue",))
    by_area = levels.means(PANEL, by=("issue", "area"))
    for turn, ahead in (
        (lambda frame: frame, "alone than together"),
        (swap, "together than alone"),
    ):
        title = figures.levels_by_issue(turn(means), PANEL).get_suptitle()
        assert title == f"People do clearly more {ahead} on all three issues"
        title = figures.gaps_by_area(turn(by_area), PANEL).get_suptitle()
        assert title.startswith(f"More {ahead} in every area and on every issue: ")
    level = means.assign(mean=50.0, low=40.0, high=60.0)
    title = figures.levels_by_issue(level, PANEL).get_suptitle()
    assert title == "No issue sets the forms clearly apart"
    mixed = pd.concat([by_area[by_area["area"] == "A"], swap(by_area[by_area["area"] != "A"])])
    assert "Individual less collective" in figures.gaps_by_area(mixed, PANEL).get_suptitle()


def test_titles_of_the_correlates_follow_the_numbers() -> None:
    assert figures.coefficients(FITS(), PANEL).get_suptitle() == (
        "The largest coefficient per SD is that of age for individual, "
        "of self-efficacy for collective activity"
    )
    here = figures.coefficients(FITS(), PANEL, "safety").get_suptitle()
    assert here.startswith("Community safety: the largest coefficient per SD")
    turned = figures.coefficients(swap(FITS()), PANEL).get_suptitle()
    assert "of self-efficacy for individual, of age for collective" in turned
    same = FITS().assign(estimate_sd=FITS()["estimate_sd"].where(FITS()["term"] == "efficacy", 0.0))
    said = figures.coefficients(same, PANEL).get_suptitle()
    assert said == "Self-efficacy has the largest coefficient per SD for both forms"
    nothing = COMPARED().assign(p_holm=1.0)
    assert (
        figures.differences(nothing, PANEL).get_suptitle().startswith("None of 19 coefficients are")
    )
    predicted = correlates.predict_over(PANEL)
    assert "on all three issues" in figures.predictions_by_issue(predicted, PANEL).get_suptitle()
    turned = figures.predictions_by_issue(swap(predicted), PANEL).get_suptitle()
    assert "on none of three issues" in turned
    assert "in two of 20 bins for individual" in (
        figures.residuals_by_fitted(RESIDUALS(), PANEL).get_suptitle()
    )


def test_titles_of_the_experiment_follow_the_numbers() -> None:
    def title(effects: pd.DataFrame, judged: pd.DataFrame) -> str:
        return figures.arm_effects(effects, judged, PANEL).get_suptitle()

    said = "None of six effects of single nudges are clear after Holm; five of six are shown to be"
    assert title(SAMPLE(), JUDGED()).startswith(said)
    # Only the adjusted estimates are spoken of, which are drawn filled.
    strata = SAMPLE()["adjustment"] == "strata"
    assert title(SAMPLE().assign(p_holm=SAMPLE()["p_holm"].mask(strata, 0.0)), JUDGED()).startswith(
        said
    )
    turned = title(SAMPLE().assign(p_holm=0.01), JUDGED().assign(verdict="relevant"))
    assert turned.startswith("All six effects of single nudges are clear after Holm; none of six")
    balance = nudges.balance(PANEL)
    size = balance.loc[balance["family"] == "arms", "standardised"].abs()
    said = figures.arm_balance(balance, PANEL).get_suptitle()
    assert said.startswith(f"{(size <= 0.1).sum()} of {len(size)} differences")
    nothing = figures.arm_balance(balance.assign(standardised=0.0), PANEL).get_suptitle()
    assert nothing.endswith("within 0.1; the largest is 0.00")


def test_a_flow_diagram_counts_everybody() -> None:
    frame = PANEL.frame.copy()
    frame.loc[frame.index[:40], "arm"] = None
    frame.loc[frame.index[40:70], "willing"] = float("nan")
    real = dataclasses.replace(PANEL, frame=frame, synthetic=False, source="ours.csv", seed=None)
    said = texts(figures.arm_flow(nudges.flow(real), real))
    people = len(frame)
    assert f"Answered: {people:,}" in said
    assert f"Randomised: {people - 40:,}" in said
    assert "Not randomised: 40" in said
    assert not any("nvited" in text for text in said)
    for arm, label in PANEL.instrument.arms.items():
        here = frame[frame["arm"] == arm]
        analysed = f"willing: {here['willing'].notna().sum()}\nsign-up: {len(here)}"
        assert f"Analysed\n{analysed}" in said
        assert any(" ".join(text.split()) == f"{label} {len(here)}" for text in said)


def test_one_nudge_of_three_areas_is_drawn_under_the_name_it_was_given() -> None:
    name = "A letter that offers $5 or $6, and a visit by somebody who lives near you"
    names = PANEL.instrument.arms | {"norm": name}
    frame = PANEL.frame[PANEL.frame["arm"].isin(["control", "norm"])]
    frame = frame[frame["area"].isin(["A", "B", "E"])].reset_index(drop=True)
    instrument = dataclasses.replace(PANEL.instrument, arms=names)
    panel = dataclasses.replace(PANEL, frame=frame, instrument=instrument, seed=None)
    tests = nudges.randomisation_test(panel, draws=200)
    made = {
        "flow": figures.arm_flow(nudges.flow(panel), panel),
        "balance": figures.arm_balance(nudges.balance(panel), panel),
        "effects": figures.arm_effects(
            nudges.effects(panel, ["strata"], ["unweighted"]),
            nudges.equivalence(panel, adjustment="strata"),
            panel,
        ),
        "chance": figures.randomisation_histograms(
            nudges.randomisation_distribution(panel, draws=200), tests, panel
        ),
    }
    for what, figure in made.items():
        said = [" ".join(text.split()) for text in texts(figure)]
        assert any(name in text for text in said), what
        assert not any("Personal" in text or "Any nudge" in text for text in said), what
        assert svg(figure), what
    assert "both are shown" in made["effects"].get_suptitle()


def test_the_tables_of_the_experiment_count_a_share_in_percentage_points() -> None:
    def cells(table: Table) -> list[str]:
        soup = BeautifulSoup(table._repr_html_(), "html.parser")
        return [cell.get_text(strip=True) for cell in soup.select("tbody td")]

    row = SAMPLE()[(SAMPLE()["adjustment"] == "lin") & (SAMPLE()["arm"] == "invitation")]
    willing, signup = (row[row["outcome"] == name].iloc[0] for name in ("willing", "signup"))
    shown = [text.replace("\u2212", "-") for text in cells(tables.arm_effects(SAMPLE(), PANEL))]
    assert f"{willing['estimate']:.2f}" in shown
    assert f"{signup['estimate_percentage_points']:.2f}" in shown
    low, high = signup["low_percentage_points"], signup["high_percentage_points"]
    assert f"{low:.2f}\u00a0to\u00a0{high:.2f}" in shown
    judged = cells(tables.equivalence(JUDGED()[JUDGED()["adjustment"] == "lin"], PANEL))
    assert judged.count("too\u00a0small") == 7
    assert judged.count("not\u00a0settled") == 1


def test_the_picture_and_the_entries_of_claims_follow_the_verdicts() -> None:
    table = claims.verdicts(ESTIMATES(), PANEL)
    tested = table["reason"] == ""
    title = figures.claim_verdicts(table, PANEL).get_suptitle()
    assert title.startswith(f"Of {tested.sum()} claims that were tested, ")
    for verdict, said in (
        (claims.SUPPORTED, "16 are supported, 0 not, 0 left open"),
        (claims.NOT_SUPPORTED, "0 are supported, 16 not, 0 left open"),
        (claims.INCONCLUSIVE, "0 are supported, 0 not, 16 left open"),
    ):
        turned = table.assign(verdict=table["verdict"].where(~tested, verdict))
        assert said in figures.claim_verdicts(turned, PANEL).get_suptitle()
        entries = claim_entries(turned, PANEL).data
        assert entries.count(f"**: {verdict}.**") == tested.sum()
    entries = claim_entries(table, PANEL).data
    for row in table.itertuples():
        assert f"::: {{#claim-{row.id}}}" in entries
        assert f"@{row.chapter}" in entries
    assert entries.count("*Built in,*") == table["built_in"].sum()
    real = dataclasses.replace(PANEL, synthetic=False)
    assert "Built in" not in claim_entries(claims.verdicts(ESTIMATES(), real), real).data
    # A claim far from the edge is drawn at the axis's end, and one without an error is named.
    far = table.assign(distance=[-40.0, float("nan"), 40.0, *table["distance"][3:]])
    drawn = texts(figures.claim_verdicts(far, PANEL))
    assert "−40" in drawn and "40" in drawn


def test_a_table_of_coefficients_names_its_references() -> None:
    text = BeautifulSoup(tables.coefficients(FITS(), PANEL)._repr_html_(), "html.parser").get_text()
    assert "gender: man" in text
    assert "Area B" in text and "area b" not in text
    assert "Area A" in text
    assert f"{FITS()['n'].iloc[0]:,} answers of {FITS()['clusters'].iloc[0]:,} respondents" in text


def test_no_mark_is_cut_off_where_a_panel_does_more() -> None:
    numbers = ["mean", "low", "high"]
    means = levels.means(PANEL, by=("issue", "area"))
    high = means.assign(**{name: means[name] + 34 for name in numbers})
    groups = background.means(PANEL)
    ends = ["mean", "mean_low", "mean_high"]
    more = groups.assign(**{name: groups[name] + 30 for name in ends})
    factors = scales.two_factors(PANEL)
    turned = factors.assign(factor_collective=-1.2 * factors["factor_collective"])
    for figure, least, most in (
        (figures.gaps_by_area(high, PANEL), 0, high["high"].max()),
        (figures.levels_by_background(more, PANEL), 0, more["mean_high"].max()),
        (figures.loadings(turned, PANEL), turned["factor_collective"].min(), 0),
    ):
        for axes in figure.axes:
            assert axes.get_xlim()[0] <= least
            assert most <= axes.get_xlim()[1] <= 100


def test_every_group_of_people_is_named_however_small() -> None:
    figure = figures.overlap_by_issue(forms.overlap(PANEL), PANEL)
    legend = figure.axes[0].get_legend()
    assert legend
    named = [text.get_text() for text in legend.get_texts()]
    assert named == ["Neither", "Individual only", "Collective only", "Both"]


def test_shares_in_a_table_are_those_of_the_statistic() -> None:
    overlap = forms.overlap(PANEL)
    soup = BeautifulSoup(tables.overlap(overlap, PANEL)._repr_html_(), "html.parser")
    cells = [cell.get_text(strip=True) for cell in soup.select("tbody td")]
    assert cells[0] == f"{100 * overlap['share'].iloc[0]:.1f}%"


def test_the_notice_says_what_the_data_are() -> None:
    assert "Synthetic data" in notice(PANEL).data
    real = dataclasses.replace(PANEL, synthetic=False, source="<b>ours</b>.csv", seed=None)
    text = notice(real).data
    assert "ynthetic" not in text
    assert r"\<b\>ours\<\/b\>\.csv" in text


def test_every_question_is_in_the_codebook() -> None:
    for issue in PANEL.instrument.issues:
        table = tables.questions(SPREAD(), PANEL, issue)
        text = BeautifulSoup(table._repr_html_(), "html.parser").get_text()
        asked = [v for v in PANEL.instrument.variables.values() if v.issue == issue]
        assert asked
        for variable in asked:
            assert variable.question in text


def test_missing_numbers_are_dashes() -> None:
    differences = sample.missing(PANEL).assign(share=float("nan"))
    assert "–" in tables.missing(differences, PANEL)._repr_html_()


def test_a_curve_says_which_estimates_leave_zero_out_and_follows_the_numbers() -> None:
    drawn = {
        name: figures.specification_curve(
            table, NUDGE_CHOICES, nudge_specifications.OWN, PANEL, "SD", COLLECTIVE
        )
        for name, table in {
            "clear": NUDGED().assign(low=0.1),
            "unclear": NUDGED().assign(low=-0.1, high=0.1),
            "gaps": NUDGED().assign(
                estimate=NUDGED()["estimate"].where(NUDGED()["area"] == "none")
            ),
        }.items()
    }
    assert "; all 320 intervals leave zero out" in drawn["clear"].get_suptitle()
    assert "; none of 320 intervals leave zero out" in drawn["unclear"].get_suptitle()
    assert COLLECTIVE.lower() in svg(drawn["clear"]).lower()
    assert COLLECTIVE.lower() not in svg(drawn["unclear"]).lower()
    assert "Interval leaves zero out" in texts(drawn["clear"])
    # A choice of which one option is left says nothing, and has no row.
    assert "Area left out" in texts(drawn["clear"])
    assert "Area left out" not in texts(drawn["gaps"])
    count = int((NUDGED()["area"] == "none").sum())
    assert drawn["gaps"].get_suptitle().startswith(f"{count} specifications")


@pytest.mark.parametrize("name", ["efficacy", "nudged"])
def test_a_curve_is_a_small_file(name: str) -> None:
    drawn = svg(FIGURES[name](PANEL))
    assert len(drawn) < 400_000
    assert len(gzip.compress(drawn.encode())) < 70_000


def test_the_choice_that_moves_most_comes_first() -> None:
    split = specifications.by_choice(NUDGED(), NUDGE_CHOICES)
    table = tables.specification_choices(split, "robustness-nudges", PANEL)
    soup = BeautifulSoup(table._repr_html_(), "html.parser")
    first = split.loc[split["moves"].idxmax()]
    heading = soup.select_one("tbody .gt_group_heading")
    assert heading
    assert heading.get_text(strip=True) == (
        f"{first['choice_label']}: moves the median by {first['moves']:.2f}"
    )


def test_titles_of_the_design_follow_the_numbers() -> None:
    weak = STRONG().assign(
        strength=STRONG()["strength"].where(STRONG()["mark"] != "strongest", -0.02)
    )
    assert "No nudge here" in str(figures.strength_of_nudges(weak, PANEL).get_suptitle())
    own = power(TRIAL, STRENGTHS)
    for share, said in ((0.0, "none of three"), (1.0, "all three")):
        figure = figures.power_curves(curves(TRIAL, STRENGTHS), own.assign(power=share), PANEL)
        assert said in str(figure.get_suptitle())
    few = power([TRIAL], [0.0, 0.01])
    title = str(figures.power_by_effect(few, TRIAL.respondents, PANEL).get_suptitle())
    assert "no such effect" in title
    drawn = figures.recovered(
        read_experiments().dropna(subset=["coverage"]).assign(group="Effects"), "5,000 experiments"
    )
    assert "5,000 experiments" in texts(drawn)


HOSTILE = Relabelled(PANEL, small(800))
# They show words of the design and of the literature, none of the questionnaire.
WITHOUT_LABELS = {"claims", "power", "effect", "errors", "strength"}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_draws_a_hostile_label_as_text(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "figures", HOSTILE.of(figures))
    figure = FIGURES[name](HOSTILE.panel)
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        drawn = ElementTree.fromstring(svg(figure))
    for element in drawn.iter():
        assert element.tag.rpartition("}")[2] not in {"script", "a", "foreignObject", "image"}
        for key, value in element.attrib.items():
            assert not key.lower().startswith("on")
            assert not key.endswith("href") or value.startswith("#")
    shown = HOSTILE.shown(" ".join(texts(figure)))
    assert shown <= HOSTILE.shown(" ".join(drawn.itertext()))
    assert bool(shown) is (name not in WITHOUT_LABELS)


# The two that are left out take long, and show no word of the questionnaire.
@pytest.mark.parametrize("name", [name for name in TABLES if name not in ("published", "joint")])
def test_a_table_shows_a_hostile_label_as_text(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "tables", HOSTILE.of(tables))
    table = TABLES[name](HOSTILE.panel)
    soup = BeautifulSoup(table._repr_html_(), "html.parser")
    made = {"div", "style", "table", "thead", "tbody", "tfoot", "tr", "th", "td", "span"}
    assert {tag.name for tag in soup.find_all()} <= made
    allowed = {"id", "class", "style", "scope", "rowspan", "colspan", "headers"}
    for tag in soup.find_all():
        assert {key for key in tag.attrs if not key.startswith("data-quarto-")} <= allowed
    assert not unseen(soup.get_text())
    assert not formulas(table.csv)
