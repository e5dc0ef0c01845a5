"""Tables of how much the findings on correlates depend on the method."""

from __future__ import annotations

import pandas as pd

from coprod.panel import Panel
from coprod.regression import BLOCKS
from coprod.show import words
from coprod.show.table import INTERVAL, Table, intervals, table

__all__ = [
    "across_models",
    "imputed",
    "linearity",
    "marginal_effects",
    "overlap_and_pull",
    "proportional_odds",
    "respondent_share",
]


def _named_terms(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of the four blocks, with the name of each coefficient and of its block."""
    inside = frame[frame["block"].isin(list(BLOCKS))]
    names = [
        words.term_name(row.term_label, row.label if row.level else "")
        for row in inside.itertuples()
    ]
    return inside.assign(name=names, of=inside["block"].map(BLOCKS))


def across_models(frame: pd.DataFrame, panel: Panel) -> Table:
    """One coefficient under every model, from `coprod.robustness.across_models`."""
    shown = frame.assign(interval=intervals(frame, "low", "high", 1))
    wide = shown.drop_duplicates("model")[["model", "label"]]
    columns: dict[str, str] = {"label": "Model"}
    spanners = {}
    for form, title in panel.instrument.forms.items():
        own = {"estimate": "Points", "interval": INTERVAL, "n": "Answers"}
        part = shown.loc[shown["form"] == form, ["model", *own]]
        wide = wide.merge(part.rename(columns={name: f"{name}_{form}" for name in own}), on="model")
        columns |= {f"{name}_{form}": heading for name, heading in own.items()}
        spanners[title] = [f"{name}_{form}" for name in own]
    return table(
        wide,
        "robustness-models",
        columns,
        formats={
            f"{name}_{form}": decimals
            for form in panel.instrument.forms
            for name, decimals in (("estimate", 1), ("n", 0))
        },
        stub="label",
        spanners=spanners,
        notes=["Points of the index per SD; of the fractional logit, the average marginal effect."],
        panel=panel,
    )


def marginal_effects(frame: pd.DataFrame, panel: Panel) -> Table:
    """How each correlate moves the chance of each band, from `coprod.ordered.marginal_effects`."""
    points = frame.assign(**{end: 100 * frame[end] for end in ("estimate", "low", "high")})
    shown = _named_terms(points.assign(interval=intervals(points, "low", "high", 1)))
    wide = shown.drop_duplicates(["term", "level"])[["of", "name"]]
    columns: dict[str, str] = {"name": "Correlate"}
    spanners = {}
    for band in dict.fromkeys(shown["band"]):
        own = {"estimate": "Effect", "interval": INTERVAL}
        part = shown.loc[shown["band"] == band, ["of", "name", *own]]
        part = part.rename(columns={name: f"{name}_{band}" for name in own})
        wide = wide.merge(part, on=["of", "name"])
        columns |= {f"{name}_{band}": heading for name, heading in own.items()}
        spanners[str(band).capitalize()] = [f"{name}_{band}" for name in own]
    return table(
        wide,
        "robustness-bands",
        columns,
        formats={name: 1 for name in columns if name.startswith("estimate_")},
        stub="name",
        group="of",
        spanners=spanners,
        notes=[
            "Average change in the chance of each band, in percentage points, per SD or against "
            "the reference; weighted ordered logit, errors clustered by respondent.",
        ],
        panel=panel,
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
        notes=["Robust Wald tests that both coefficients are equal; groups have several at once."],
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
        ],
        panel=panel,
    )


def imputed(frame: pd.DataFrame, panel: Panel) -> Table:
    """Complete cases beside imputed ones, from `imputation.compare_imputed` of both forms."""
    shown = _named_terms(frame)
    own = {
        "complete": "Complete",
        "estimate": "Imputed",
        "standard_error": "SE",
        "fraction_missing": "Missing",
    }
    wide = shown.drop_duplicates(["term", "level"])[["of", "name"]]
    columns: dict[str, str] = {"name": "Correlate"}
    spanners = {}
    for form, title in panel.instrument.forms.items():
        part = shown.loc[shown["form"] == form, ["of", "name", *own]]
        wide = wide.merge(part.rename(columns={name: f"{name}_{form}" for name in own}))
        columns |= {f"{name}_{form}": heading for name, heading in own.items()}
        spanners[title] = [f"{name}_{form}" for name in own]
    return table(
        wide,
        "robustness-imputed",
        columns,
        formats={
            name: "%" if name.startswith("fraction") else 2 for name in columns if name != "name"
        },
        stub="name",
        group="of",
        spanners=spanners,
        notes=[
            "Points of the index, per SD or against the reference. SE: that of the imputed "
            "coefficient. Missing: the share of information that the gaps cost.",
        ],
        panel=panel,
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
