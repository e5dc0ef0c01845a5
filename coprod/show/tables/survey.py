"""Tables of the panel itself, and of how it is measured."""

from __future__ import annotations

import numpy as np
import pandas as pd

from coprod.panel import Panel
from coprod.show.table import INTERVAL, Table, intervals, labels, named, table

__all__ = [
    "areas",
    "factor_fit",
    "loadings",
    "margins",
    "missing",
    "reliability",
]


def areas(frame: pd.DataFrame, panel: Panel) -> Table:
    """Respondents and weights of each area, from `coprod.sample.by_area`.

    Columns that a panel has nothing for are left out.
    """
    columns = {
        "label": "Area",
        "nation": "Nation",
        "respondents": "Respondents",
        "lightest": "Lightest",
        "heaviest": "Heaviest",
        "effective": "Effective respondents",
        "design_effect": "Design effect",
    }
    empty = [name for name in columns if frame[name].replace("", np.nan).isna().all()]
    columns = {name: heading for name, heading in columns.items() if name not in empty}
    decimals = {"respondents": 0, "lightest": 2, "heaviest": 2, "effective": 0, "design_effect": 2}
    weights = [name for name in ("lightest", "heaviest") if name in columns]
    return table(
        frame.assign(nation=frame["nation"].replace("", "–")),
        "study-areas",
        columns,
        formats={name: decimals[name] for name in decimals if name in columns},
        stub="label",
        spanners={"Weights": weights} if weights else {},
        notes=panel.put_together,
        panel=panel,
        numbers=frame,
    )


def margins(frame: pd.DataFrame, panel: Panel) -> Table:
    """Shares before and after weighting, from `coprod.sample.margins`, pooled over areas."""
    return table(
        frame.assign(of=frame["variable"].map(labels(panel))),
        "study-margins",
        {
            "label": "Group",
            "target": "Population",
            "unweighted": "Respondents",
            "weighted": "Weighted",
        },
        formats={"target": "%1", "unweighted": "%1", "weighted": "%1"},
        stub="label",
        group="of",
        notes=["Areas count by their number of respondents."],
        panel=panel,
        numbers=frame,
    )


def missing(frame: pd.DataFrame, panel: Panel) -> Table:
    """What was left unanswered, by kind of question, from `coprod.sample.missing`."""
    shown = (
        frame.groupby("role", sort=False)["share"]
        .agg(["size", "min", "median", "max"])
        .reset_index()
    )
    shown["role"] = shown["role"].str.capitalize()
    return table(
        shown,
        "study-missing",
        {
            "role": "Questions about",
            "size": "Questions",
            "min": "Least",
            "median": "Median",
            "max": "Most",
        },
        formats={"size": 0, "min": "%1", "median": "%1", "max": "%1"},
        stub="role",
        spanners={"Share of respondents who did not answer": ["min", "median", "max"]},
        panel=panel,
        numbers=frame,
    )


def reliability(frame: pd.DataFrame, panel: Panel) -> Table:
    """Alpha and omega of each index, from `coprod.scales.reliability`."""
    shown = named(frame, panel)
    shown["alpha_interval"] = intervals(frame, "alpha_low", "alpha_high", 2)
    shown["omega_interval"] = intervals(frame, "omega_low", "omega_high", 2)
    return table(
        shown,
        "measurement-reliability",
        {
            "form": "Form",
            "n": "Respondents",
            "alpha": "Alpha",
            "alpha_interval": INTERVAL,
            "omega": "Omega",
            "omega_interval": INTERVAL,
        },
        formats={"n": 0, "alpha": 2, "omega": 2},
        stub="form",
        group="issue",
        notes=["Intervals by a bootstrap over respondents, unweighted."],
        panel=panel,
        numbers=frame,
    )


def loadings(frame: pd.DataFrame, panel: Panel) -> Table:
    """Loadings on the two factors, from `coprod.scales.two_factors`."""
    return table(
        named(frame, panel),
        "measurement-loadings",
        {
            "label": "Action",
            "factor_individual": "Individual",
            "factor_collective": "Collective",
            "communality": "Communality",
        },
        formats={"factor_individual": 2, "factor_collective": 2, "communality": 2},
        stub="label",
        group="issue",
        spanners={"Loading on the factor": ["factor_individual", "factor_collective"]},
        notes=["Least squares on polychoric correlations, oblimin rotation, unweighted."],
        panel=panel,
    )


def factor_fit(frame: pd.DataFrame, panel: Panel) -> Table:
    """How well one and two factors fit, from `coprod.scales.factor_summary`."""
    eigenvalues = ["eigenvalue_1", "eigenvalue_2", "eigenvalue_3"]
    residuals = ["rmsr_one", "rmsr_two"]
    return table(
        named(frame, panel),
        "measurement-fit",
        {
            "issue": "Issue",
            "factor_correlation": "Correlation of the factors",
            **dict(zip(eigenvalues, ("First", "Second", "Third"), strict=True)),
            **dict(zip(residuals, ("One factor", "Two factors"), strict=True)),
        },
        formats={
            "factor_correlation": 2,
            **dict.fromkeys(eigenvalues, 2),
            **dict.fromkeys(residuals, 3),
        },
        stub="issue",
        spanners={"Eigenvalues": eigenvalues, "Root mean square residual": residuals},
        panel=panel,
    )
