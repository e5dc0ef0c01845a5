"""Who does how much: regressions of the two indices, their blocks, and how the forms differ.

The regression is a weighted projection of an index (0-100) on standardised numbers, categories,
area and issue; it describes who engages, and says nothing of causes. See
:mod:`coprod.regression` for the model and its errors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from coprod.blocks import blocks
from coprod.compare import compare_blocks, compare_forms, rank_agreement
from coprod.disclosure import counts_rounded, few_withheld
from coprod.errors import ValidityError
from coprod.panel import Panel
from coprod.regression import ModelMatrix, Regression

__all__ = [
    "blocks",
    "by_form",
    "compare_blocks",
    "compare_forms",
    "fit",
    "predict_over",
    "rank_agreement",
]


def fit(
    panel: Panel,
    form: str,
    issue: str | None = None,
    weighted: bool = True,
    references: Mapping[str, str] | None = None,
    without: Sequence[str] = (),
) -> pd.DataFrame:
    """Weighted linear regression of an index on all correlates, errors clustered by respondent.

    Rows that lack nothing. Age, years in the area and the five perceptions are standardised by
    their weighted mean and population SD over those rows. Equivalent in R:
    ``lm(y ~ area + issue + age + …, weights = weight)`` with
    ``sandwich::vcovCL(m, ~respondent, type = "HC1")``, t on respondents - 1.

    Parameters
    ----------
    panel
        The panel.
    form
        'individual' or 'collective'.
    issue
        One issue, or None for all of them pooled, with issue effects.
    weighted
        Whether the weights count.
    references
        Reference level by variable, e.g. ``{"education": "degree"}``; by default the first that
        at least two respondents have.
    without
        Variables to leave out.

    Returns
    -------
    DataFrame
        One row a coefficient, the intercept first: `term`, `term_label`, `level` (value of the
        category, '' for a number), `label`, `block` ('intercept', 'area', 'issue', 'background',
        'performance', 'outreach', 'efficacy'), `reference` (label of the reference level, '' for
        a number), `scale` (what one SD of a number is, in its own units; NaN for a level),
        `estimate` (points of the index per SD, or from the reference), `standard_error`, `low`,
        `high` (95 %), `statistic` (t), `p`, `estimate_sd`, `standard_error_sd`, `low_sd`,
        `high_sd` (the same in weighted SDs of the index, taken as known), `n` (rows), `clusters`
        (respondents). The error of a level that one respondent has is NaN: it cannot be
        estimated.

    Raises
    ------
    ValidityError
        If a form, issue, variable or level does not exist; if a variable is empty, constant or
        follows exactly from others (the message names it); if there are too few respondents.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> table = fit(open_panel(), "collective").set_index("term")
    >>> table.loc[["informed", "consulted", "efficacy"], "estimate"].idxmax()
    'efficacy'
    """
    model = ModelMatrix.of(panel, [form], issue, weighted, references, without)
    regression = Regression(model)
    value = regression.coefficients[:, 0]
    table = model.terms.drop(columns=["mean", "lonely"]).assign(
        estimate=value,
        **regression.inference(value, np.sqrt(np.diagonal(regression.covariance))),
    )
    for name in ("estimate", "standard_error", "low", "high"):
        table[f"{name}_sd"] = table[name] / model.spread[0]
    table = table.assign(n=len(model.predictors), clusters=len(model.design.strata))
    table = few_withheld(table, panel, model.terms["lonely"], ["estimate", "estimate_sd"])
    return counts_rounded(table, panel)


def by_form(function: Callable[..., pd.DataFrame], panel: Panel, **options: Any) -> pd.DataFrame:
    """A table of each form, one below the other.

    Parameters
    ----------
    function
        One that takes a panel and a form, as :func:`fit` and :func:`blocks` do.
    panel
        The panel.
    options
        What else the function takes.

    Returns
    -------
    DataFrame
        The rows of `function` for each form, with a first column `form`.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> by_form(fit, open_panel(), issue="safety").groupby("form")["n"].first().gt(2000).all()
    np.True_
    """
    forms = panel.instrument.forms
    tables = [function(panel, form, **options).assign(form=form) for form in forms]
    table = pd.concat(tables, ignore_index=True)
    return table[["form", *(name for name in table if name != "form")]]


def predict_over(
    panel: Panel,
    variable: str = "efficacy",
    weighted: bool = True,
    references: Mapping[str, str] | None = None,
    without: Sequence[str] = (),
) -> pd.DataFrame:
    """Adjusted predictions of both indices over the answers to a perception, issue by issue.

    What :func:`fit` of each form and issue predicts when everybody gives the same answer and is
    otherwise as they are: in a linear model, the prediction at the weighted means. Means are taken
    as known. A straight line knows no floor, so that an interval can reach below 0. Equivalent in
    R: ``marginaleffects::avg_predictions(m, variables = list(efficacy = 1:5), vcov = ~respondent)``.

    Parameters
    ----------
    panel
        The panel.
    variable
        A perception.
    weighted
        Whether the weights count.
    references, without
        As in :func:`fit`.

    Returns
    -------
    DataFrame
        One row an issue, form and answer: `issue`, `form`, `variable`, `answer` (1 to 5), `label`,
        `prediction` (0-100), `standard_error`, `low`, `high` (95 %, t on respondents - 1), `n`,
        `clusters`.

    Raises
    ------
    ValidityError
        If `variable` is no perception or is left out, or as :func:`fit`.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> predicted = predict_over(open_panel()).query("form == 'collective' and issue == 'safety'")
    >>> predicted["prediction"].is_monotonic_increasing
    True
    """
    instrument = panel.instrument
    allowed = [name for name in instrument.perceptions if name not in without]
    if variable not in allowed:
        raise ValidityError(f"variable: no {variable!r}; perceptions are {', '.join(allowed)}")
    tables = []
    for issue in instrument.issues:
        answers = instrument.variables[f"{issue}_{variable}"].levels
        for form in instrument.forms:
            model = ModelMatrix.of(panel, [form], issue, weighted, references, without)
            regression = Regression(model)
            at = int(np.flatnonzero(model.terms["term"] == variable)[0])
            means = model.design.weights @ model.predictors / model.design.weights.sum()
            points = np.tile(means, (len(answers), 1))
            term = model.terms.iloc[at]
            points[:, at] = (np.array(list(answers), dtype=float) - term["mean"]) / term["scale"]
            known = ~model.terms["lonely"].to_numpy()
            covariance = regression.covariance[np.ix_(known, known)]
            variance = np.einsum("ij,jk,ik->i", points[:, known], covariance, points[:, known])
            prediction = points @ regression.coefficients[:, 0]
            found = regression.inference(prediction, np.sqrt(variance))
            tables.append(
                pd.DataFrame(
                    {
                        "issue": issue,
                        "form": form,
                        "variable": variable,
                        "answer": list(answers),
                        "label": list(answers.values()),
                        "prediction": prediction,
                        **{name: found[name] for name in ("standard_error", "low", "high")},
                        "n": len(model.predictors),
                        "clusters": len(model.design.strata),
                    }
                )
            )
    return counts_rounded(pd.concat(tables, ignore_index=True), panel)
