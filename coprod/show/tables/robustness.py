"""Tables of how much the findings on correlates depend on the method."""

from __future__ import annotations

import pandas as pd

from coprod.panel import Panel
from coprod.regression import BLOCKS
from coprod.sampled import sample_note
from coprod.show import words
from coprod.show.table import INTERVAL, Table, intervals, side_by_side, table
from coprod.show.tables.correlates import terms

__all__ = [
    "across_models",
    "imputed",
    "linearity",
    "marginal_effects",
    "overlap_and_pull",
    "proportional_odds",
    "residuals",
    "respondent_share",
]


def _inside(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of the four blocks, named."""
    return terms(frame[frame["block"].isin(list(BLOCKS))])


def across_models(frame: pd.DataFrame, panel: Panel) -> Table:
    """One coefficient under every model, from `coprod.robustness.across_models`."""
    shown = frame.assign(interval=intervals(frame, "low", "high", 1))
    forms, own = (
        panel.instrument.forms,
        {"estimate": "Points", "interval": INTERVAL, "n": "Answers"},
    )
    wide, columns, spanners = side_by_side(shown, ["label"], "form", forms, own)
    return table(
        wide,
        "robustness-models",
        {"label": "Model", **columns},
        formats={f"estimate_{form}": 1 for form in forms} | {f"n_{form}": 0 for form in forms},
        stub="label",
        spanners=spanners,
        notes=[
            "Points of the index per SD; of the fractional logit, the average marginal effect.",
            *(f"Last three: {note[0].lower()}{note[1:]}" for note in sample_note(frame)),
        ],
        panel=panel,
        numbers=frame,
    )


def marginal_effects(frame: pd.DataFrame, panel: Panel) -> Table:
    """How each correlate moves the chance of each band, from `coprod.ordered.marginal_effects`."""
    points = frame.assign(**{end: 100 * frame[end] for end in ("estimate", "low", "high")})
    shown = _inside(points.assign(interval=intervals(points, "low", "high", 1)))
    own = {"estimate": "Effect", "interval": INTERVAL}
    bands = {band: str(band).capitalize() for band in dict.fromkeys(shown["band"])}
    wide, columns, spanners = side_by_side(shown, ["of", "name"], "band", bands, own)
    return table(
        wide,
        "robustness-bands",
        {"name": "Correlate", **columns},
        formats={name: 1 for name in columns if name.startswith("estimate_")},
        stub="name",
        group="of",
        spanners=spanners,
        notes=[
            "Average change in the chance of each band, in percentage points, per SD or against "
            "the reference; weighted ordered logit, errors clustered by respondent.",
            *sample_note(frame),
        ],
        panel=panel,
        numbers=frame,
    )


def proportional_odds(frame: pd.DataFrame, panel: Panel) -> Table:
    """Whether a correlate moves both steps alike, from `coprod.ordered.proportional_odds`."""
    return table(
        frame,
        "robustness-odds",
        {
            "term_label": "Correlate",
            "cut_1": "Any",
            "cut_2": "Much",
            "statistic": "F",
            "df": "Coefficients",
            "p": "p",
        },
        formats={"cut_1": 2, "cut_2": 2, "statistic": 1, "df": 0, "p": words.p_short},
        stub="term_label",
        spanners={"Coefficient (log odds)": ["cut_1", "cut_2"]},
        notes=[
            "Robust Wald tests that both coefficients are equal; groups have several at once.",
            *sample_note(frame),
        ],
        panel=panel,
    )


def respondent_share(frame: pd.DataFrame, panel: Panel) -> Table:
    """What stays with the respondent, from `coprod.mixed.intraclass` of both forms."""
    return table(
        frame.assign(
            label=frame["form"].map(panel.instrument.forms),
            interval=intervals(frame, "icc_low", "icc_high", 2),
        ),
        "robustness-respondents",
        {
            "label": "Form",
            "variance_respondent": "Respondent",
            "variance_residual": "Rest",
            "icc": "Share",
            "interval": INTERVAL,
        },
        formats={"variance_respondent": 0, "variance_residual": 0, "icc": 2},
        stub="label",
        spanners={"Variance": ["variance_respondent", "variance_residual"]},
        notes=[
            "Linear mixed model with the correlates, area and issue fixed; unweighted. Share: that "
            "of the respondent, the intraclass correlation.",
            *sample_note(frame),
        ],
        panel=panel,
        numbers=frame,
    )


def imputed(frame: pd.DataFrame, panel: Panel) -> Table:
    """Complete cases beside imputed ones, from `imputation.compare_imputed` of both forms."""
    own = {
        "complete": "Complete",
        "estimate": "Imputed",
        "standard_error": "SE",
        "fraction_missing": "Missing",
    }
    forms = panel.instrument.forms
    wide, columns, spanners = side_by_side(_inside(frame), ["of", "name"], "form", forms, own)
    return table(
        wide,
        "robustness-imputed",
        {"name": "Correlate", **columns},
        formats={name: "%" if name.startswith("fraction") else 2 for name in columns},
        stub="name",
        group="of",
        spanners=spanners,
        notes=[
            "Points of the index, per SD or against the reference. SE: that of the imputed "
            "coefficient. Missing: the share of information that the gaps cost.",
            *sample_note(frame),
        ],
        panel=panel,
        numbers=frame,
    )


def linearity(frame: pd.DataFrame, panel: Panel) -> Table:
    """Whether each step of an answer counts the same, from `diagnostics.linearity`."""
    return table(
        frame.assign(of=frame["form"].map(panel.instrument.forms)),
        "robustness-linearity",
        {
            "term_label": "Answer on",
            "statistic": "F",
            "df": "Coefficients",
            "p": "p",
            "p_holm": "Holm",
        },
        formats={"statistic": 1, "df": 0, "p": words.p_short, "p_holm": words.p_short},
        stub="term_label",
        group="of",
        notes=["Robust Wald tests of a free step for each answer against a straight line."],
        panel=panel,
        numbers=frame,
    )


def overlap_and_pull(
    inflation: pd.DataFrame, influence: dict[str, pd.DataFrame], panel: Panel
) -> Table:
    """Overlap of each correlate and the pull of one respondent, from `coprod.diagnostics`."""
    inside = inflation[inflation["block"].isin(list(BLOCKS))]
    shown = inside.assign(of=inside["block"].map(BLOCKS))
    for form, moved in influence.items():
        largest = moved.groupby("term", sort=False)["shift"].max()
        shown = shown.assign(**{form: shown["term"].map(largest)})
    forms = {form: panel.instrument.forms[form] for form in influence}
    return table(
        shown,
        "robustness-pull",
        {"term_label": "Correlate", "factor": "Factor", "adjusted": "Adjusted", **forms},
        formats={"factor": 2, "adjusted": 2, **dict.fromkeys(forms, 2)},
        stub="term_label",
        group="of",
        spanners={
            "Variance inflation": ["factor", "adjusted"],
            "Most that one respondent moves a coefficient, in SE": list(forms),
        },
        panel=panel,
    )


def residuals(frame: pd.DataFrame, panel: Panel) -> Table:
    """What is left in bins of like predictions, from `coprod.diagnostics.residuals` with `form`."""
    shown = frame.assign(
        of=frame["form"].map(panel.instrument.forms),
        interval=intervals(frame, "low", "high", 1),
    )
    return table(
        shown,
        "robustness-residuals",
        {
            "fitted": "Predicted",
            "residual": "Observed less predicted",
            "interval": INTERVAL,
            "n": "Answers",
        },
        formats={"fitted": 1, "residual": 1, "n": 0},
        group="of",
        panel=panel,
        numbers=frame,
    )
