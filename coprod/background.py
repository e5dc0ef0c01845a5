"""Who does more than whom: both forms by one background variable at a time, and tests of the differences.

Intervals are 95 %, design-based (see :mod:`coprod.design_based`), as those of :mod:`coprod.levels`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from coprod import disclosure
from coprod.design_based import SurveyDesign, occupied
from coprod.errors import ValidityError
from coprod.instrument import level_codes
from coprod.multiplicity import with_holm
from coprod.once import once
from coprod.panel import Panel
from coprod.scales import indices

__all__ = ["means", "wald_tests"]


@dataclass(frozen=True)
class _Compared:
    """Means of a form in the categories of a variable, and their differences from the first.

    The table has a row a category; its column `compared` says which have a difference, in the order
    of what follows. `freedom` is the residual degrees of freedom, `people` how many have an index.
    """

    table: pd.DataFrame
    value: NDArray[np.float64]
    covariance: NDArray[np.float64]
    columns: dict[str, NDArray[np.float64]]
    freedom: float
    people: int


def _comparisons(panel: Panel, weighted: bool) -> list[_Compared]:
    """For each background variable and form, the categories and their differences.

    A category of one respondent has no error of its own, so nothing is compared with it.
    """
    return once(panel, ("background", weighted), lambda: list(_compared(panel, weighted)))


def _compared(panel: Panel, weighted: bool) -> Iterator[_Compared]:
    frame = indices(panel)
    design = SurveyDesign.of(frame, weighted)
    if not panel.instrument.background:
        raise ValidityError(
            "this panel does not say who people are, so that no groups are compared"
        )
    for name in panel.instrument.background:
        variable = panel.instrument.variables[name]
        labels = variable.bands or variable.levels
        values = variable.banded(frame[name]) if variable.bands else frame[name]
        codes = level_codes(values, labels)
        inside = np.asfortranarray(codes[:, None] == np.arange(len(labels)))
        if not _enough(panel, frame, design, inside):
            continue
        people = design.people(inside)
        for form in panel.instrument.forms:
            found = design.mean(frame[form].to_numpy()[:, None], inside)
            able = np.flatnonzero(~np.isnan(found.standard_error))
            others = able[1:]
            contrast = np.zeros((len(others), len(labels)))
            contrast[:, able[:1]] = -1
            contrast[np.arange(len(others)), others] = 1
            low, high = found.interval()
            table = pd.DataFrame(
                {
                    "variable": name,
                    "variable_label": variable.label,
                    "level": list(map(str, labels)),
                    "label": list(labels.values()),
                    "reference": list(labels.values())[able[0]] if len(able) else "",
                    "form": form,
                    "mean": found.value,
                    "mean_standard_error": found.standard_error,
                    "mean_low": low,
                    "mean_high": high,
                    "n": disclosure.at_least(found.respondents, people, panel.min_cell).astype(int),
                    "compared": np.isin(np.arange(len(labels)), others),
                }
            )
            known = inside.any(axis=1) & frame[form].notna().to_numpy() & (design.weights > 0)
            everybody, areas = design.counts(known)
            freedom = float(everybody - areas - len(others))
            differences = found.contrast(contrast)
            p, low, high = differences.tests(freedom)
            columns = {
                "difference": differences.value,
                "standard_error": differences.standard_error,
                "low": low,
                "high": high,
                "p": p,
            }
            yield _Compared(
                table, differences.value, differences.covariance, columns, freedom, everybody
            )


def _enough(
    panel: Panel, frame: pd.DataFrame, design: SurveyDesign, inside: NDArray[np.bool_]
) -> bool:
    """Whether each category has enough people above zero and below 100 of both forms."""
    if not panel.min_cell:
        return True
    index = frame[list(panel.instrument.forms)].to_numpy()
    sides = np.column_stack([inside & side[:, None] for side in (*(index > 0).T, *(index < 100).T)])
    return not disclosure.thin(design.people(sides), panel.min_cell)


def means(panel: Panel, weighted: bool = True) -> pd.DataFrame:
    """Both forms by who people are: mean index of each category, and its distance from the first.

    Unadjusted for anything else, pooled over issues, numbers (age, years in the area) in the bands
    of the codebook. The first category that at least two respondents belong to is the reference.
    p-values are Holm-adjusted over one family: all differences of the table, background × form.
    Equivalent in R: ``svyglm(individual ~ factor(education), design)`` on the long view, with its
    residual degrees of freedom.

    Parameters
    ----------
    panel
        The panel.
    weighted
        Whether the weights count.

    Returns
    -------
    DataFrame
        One row a variable, form and category: `variable`, `variable_label`, `level`, `label`,
        `reference` (label of the reference category), `form`, `mean` (0-100),
        `mean_standard_error`, `mean_low`, `mean_high`, `difference` (points from the reference;
        this and the next five are NaN for the reference itself and for a category of one
        respondent), `standard_error`, `low`, `high`, `p`, `p_holm`, `n` (respondents). Categories
        without respondents are left out; of a real panel, every variable that has a category with
        too few people above zero, or below 100.

    Raises
    ------
    ValidityError
        If nobody has an index, or no variable can be told.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> table = means(open_panel())
    >>> table.loc[table["difference"].isna(), "label"].unique()[:3].tolist()
    ['18 to 29', 'Man', 'No qualifications']
    """
    tables = []
    for compared in _comparisons(panel, weighted):
        table = compared.table.copy()
        for name, column in compared.columns.items():
            table[name] = np.nan
            table.loc[table["compared"], name] = column
        tables.append(table)
    if not tables:
        raise disclosure.withheld(panel, "How much people do by their background")
    result = with_holm(occupied(pd.concat(tables, ignore_index=True), "background"))
    n = result.pop("n")
    result = result.drop(columns="compared").assign(n=n)
    return disclosure.coarse(
        result, panel, [name for name in result if str(name).startswith("mean")]
    )


def wald_tests(panel: Panel, weighted: bool = True) -> pd.DataFrame:
    """Whether a form differs by a background variable at all: one Wald test each.

    F statistic of all differences of :func:`means` together. Holm over one family of its
    own: all tests of the table, background × form. Equivalent in R:
    ``regTermTest(svyglm(individual ~ factor(education), design), ~factor(education))``.

    Parameters
    ----------
    panel
        The panel.
    weighted
        Whether the weights count.

    Returns
    -------
    DataFrame
        One row a variable and form: `variable`, `variable_label`, `form`, `statistic` (F), `df`,
        `df_residual` (respondents - areas - df), `p`, `p_holm`, `n` (respondents). A variable with
        fewer than two categories to compare is left out.

    Raises
    ------
    ValidityError
        If no variable can be tested.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> tested = wald_tests(open_panel())
    >>> (tested["p_holm"] >= tested["p"]).all()
    np.True_
    """
    rows = []
    for compared in _comparisons(panel, weighted):
        tested, freedom = len(compared.value), compared.freedom
        if not tested or freedom <= 0:
            continue
        distance = np.linalg.pinv(compared.covariance, hermitian=True) @ compared.value
        statistic = float(compared.value @ distance) / tested
        first = compared.table.iloc[0]
        rows.append(
            {
                "variable": first["variable"],
                "variable_label": first["variable_label"],
                "form": first["form"],
                "statistic": statistic,
                "df": tested,
                "df_residual": freedom,
                "p": float(stats.f.sf(statistic, tested, freedom)),
                "n": compared.people,
            }
        )
    if not rows:
        raise ValidityError("no background of this panel has two groups to compare")
    return disclosure.counts_rounded(with_holm(pd.DataFrame(rows)), panel)
