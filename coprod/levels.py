"""Who does how much: weighted levels of both forms, the gap between them, and differences.

Every level uses all respondents who gave what it needs. Intervals are 95 %, design-based (see
:mod:`coprod.design_based`): weights fixed, respondents as sampling units, areas as strata. With
``weighted=False`` every respondent counts alike, with the same treatment of areas and respondents.
Domains in which nobody has a weight above zero are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from coprod import activity_told, disclosure
from coprod.design_based import SurveyDesign, domains, numbers, occupied
from coprod.errors import ValidityError
from coprod.instrument import level_codes
from coprod.multiplicity import with_holm
from coprod.once import once
from coprod.panel import Panel
from coprod.scales import indices

__all__ = ["background_tests", "by_background", "gaps", "means", "shares"]


def shares(panel: Panel, weighted: bool = True) -> pd.DataFrame:
    """Share of people who give each answer to each action item.

    Equivalent in R: ``svymean(~factor(item), design, na.rm = TRUE)``; intervals as
    ``svyciprop(method = "logit")``.

    Parameters
    ----------
    panel
        The panel.
    weighted
        Whether the weights count.

    Returns
    -------
    DataFrame
        One row an item and answer: `issue`, `form`, `item` (stem), `label`, `question`, `answer`
        (0, 1, 2), `answer_label`, `share` (0-1), `standard_error`, `low`, `high`, `n` (respondents
        who answered the item). NaN for a form on an issue that cannot be told of a real panel.

    Raises
    ------
    ValidityError
        If nobody answered an item; on a real panel, if no form on any issue can be told.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> answers = shares(open_panel()).groupby(["issue", "item"])["share"].sum()
    >>> bool(((answers - 1).abs() < 1e-12).all())
    True
    """
    instrument, frame = panel.instrument, panel.frame
    design = SurveyDesign.of(frame, weighted)
    tables = []
    for issue, form in product(instrument.issues, instrument.forms):
        items = instrument.items(issue, form)
        for item, stem in zip(items, instrument.stems(form), strict=True):
            answers = numbers(frame, [item])
            given = np.where(np.isnan(answers), np.nan, answers == list(instrument.answers))
            estimates = design.mean(given)
            low, high = estimates.share_interval()
            table = pd.DataFrame(
                {
                    "issue": issue,
                    "form": form,
                    "item": stem,
                    "label": instrument.variables[item].label,
                    "question": instrument.variables[item].question,
                    "answer": list(instrument.answers),
                    "answer_label": list(instrument.answers.values()),
                    "share": estimates.value,
                    "standard_error": estimates.standard_error,
                    "low": low,
                    "high": high,
                    "n": estimates.respondents,
                }
            )
            tables.append(occupied(table, item))
    return activity_told.answers_told(pd.concat(tables, ignore_index=True), panel)


def means(panel: Panel, by: Sequence[str] = ("issue",), weighted: bool = True) -> pd.DataFrame:
    """Mean index of each form, and the share of people who do none of it.

    Equivalent in R: ``svyby(~individual, ~issue, design, svymean, na.rm = TRUE)`` on the long view
    with ``ids = ~respondent``.

    Parameters
    ----------
    panel
        The panel.
    by
        Any of 'issue' and 'area'; () pools people and issues.
    weighted
        Whether the weights count.

    Returns
    -------
    DataFrame
        One row a form and domain: `form`, a column each name in `by`, `mean` (0-100),
        `standard_error`, `low`, `high`, `zero` (share whose index is exactly 0),
        `zero_standard_error`, `zero_low`, `zero_high`, `n` (respondents). Of a real panel the share
        at zero is NaN for areas, and where one of them cannot be told.

    Raises
    ------
    ValidityError
        If `by` is not possible, or nobody has an index of a form; on a real panel, if a mean cannot
        be told.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> list(means(open_panel(), by=("issue", "area"))[["form", "issue", "area"]].iloc[-1])
    ['collective', 'health', 'E']
    """
    frame = indices(panel)
    design = SurveyDesign.of(frame, weighted)
    keys, inside = domains(panel, frame, by)
    tables = []
    for form in panel.instrument.forms:
        values = frame[form].to_numpy()[:, None]
        mean = design.mean(values, inside)
        zero = design.mean(np.where(np.isnan(values), np.nan, values == 0), inside)
        low, high = mean.interval()
        zero_low, zero_high = zero.share_interval()
        table = keys.assign(
            form=form,
            mean=mean.value,
            standard_error=mean.standard_error,
            low=low,
            high=high,
            zero=zero.value,
            zero_standard_error=zero.standard_error,
            zero_low=zero_low,
            zero_high=zero_high,
            n=mean.respondents,
        )
        table.insert(0, "form", table.pop("form"))
        tables.append(occupied(table, form))
    return activity_told.levels_told(pd.concat(tables, ignore_index=True), panel, by)


def gaps(panel: Panel, by: Sequence[str] = ("issue",), weighted: bool = True) -> pd.DataFrame:
    r"""How far individual co-production stands above collective, person by person.

    The standardised gap divides the mean difference by the standard deviation of the differences,
    both weighted with sums of weights as divisors; its error is linearised through both:
    :math:`(d - g)/s - g\,((d - g)^2 - s^2) / (2 s^3)`. Equivalent in R:
    ``svycontrast(svymean(~d + I(d^2), design), quote(d / sqrt(`I(d^2)` - d^2)))``.

    Parameters
    ----------
    panel
        The panel.
    by
        Any of 'issue' and 'area'; () pools people and issues.
    weighted
        Whether the weights count.

    Returns
    -------
    DataFrame
        One row a domain, of people who have both indices: a column each name in `by`,
        `individual`, `collective` (their means, 0-100), `gap` (points), `standard_error`, `low`,
        `high`, `standardised` (gap in standard deviations of the difference),
        `standardised_error`, `standardised_low`, `standardised_high`, `n` (respondents). The
        standardised gap is NaN where the difference is the same for everybody.

    Raises
    ------
    ValidityError
        If `by` is not possible, or nobody has both indices; on a real panel, if a mean cannot be
        told.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> by_issue = gaps(open_panel())
    >>> (by_issue["low"] < by_issue["gap"]).all()
    np.True_
    """
    frame = indices(panel)
    design = SurveyDesign.of(frame, weighted)
    keys, inside = domains(panel, frame, by)
    inside = inside & frame[["individual", "collective"]].notna().all(axis=1).to_numpy()[:, None]
    difference = (frame["individual"] - frame["collective"]).to_numpy()[:, None]
    gap = design.mean(difference, inside)
    deviation = difference - gap.value
    variance = design.mean(deviation**2, inside).value
    variance = np.where(variance > 1e-12, variance, np.nan)
    spread = np.sqrt(variance)
    scores = deviation / spread - gap.value * (deviation**2 - variance) / (2 * spread**3)
    standardised = design.linearised(gap.value / spread, scores, inside)
    ends, standardised_ends = gap.interval(), standardised.interval()
    table = occupied(
        keys.assign(
            individual=design.mean(frame["individual"].to_numpy()[:, None], inside).value,
            collective=design.mean(frame["collective"].to_numpy()[:, None], inside).value,
            gap=gap.value,
            standard_error=gap.standard_error,
            low=ends[0],
            high=ends[1],
            standardised=standardised.value,
            standardised_error=standardised.standard_error,
            standardised_low=standardised_ends[0],
            standardised_high=standardised_ends[1],
            n=gap.respondents,
        ),
        "gap",
    )
    return activity_told.levels_told(table, panel, by)


@dataclass(frozen=True)
class _Compared:
    """Means of a form in the categories of a variable, and their differences from the first.

    The table has a row a category; its column `compared` says which have a difference, in the order
    of what follows. `freedom` is the residual degrees of freedom, `people` how many have an index.
    """

    table: pd.DataFrame
    value: NDArray[np.float64]
    covariance: NDArray[np.float64]
    tests: dict[str, NDArray[np.float64]]
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
            means = design.mean(frame[form].to_numpy()[:, None], inside)
            able = np.flatnonzero(~np.isnan(means.standard_error))
            others = able[1:]
            contrast = np.zeros((len(others), len(labels)))
            contrast[:, able[:1]] = -1
            contrast[np.arange(len(others)), others] = 1
            low, high = means.interval()
            table = pd.DataFrame(
                {
                    "variable": name,
                    "variable_label": variable.label,
                    "level": list(map(str, labels)),
                    "label": list(labels.values()),
                    "reference": list(labels.values())[able[0]] if len(able) else "",
                    "form": form,
                    "mean": means.value,
                    "mean_standard_error": means.standard_error,
                    "mean_low": low,
                    "mean_high": high,
                    "n": disclosure.at_least(means.respondents, people, panel.min_cell).astype(int),
                    "compared": np.isin(np.arange(len(labels)), others),
                }
            )
            known = inside.any(axis=1) & frame[form].notna().to_numpy() & (design.weights > 0)
            everybody, areas = design.counts(known)
            freedom = float(everybody - areas - len(others))
            differences = means.contrast(contrast)
            p, low, high = differences.tests(freedom)
            tests = {
                "difference": differences.value,
                "standard_error": differences.standard_error,
                "low": low,
                "high": high,
                "p": p,
            }
            yield _Compared(
                table, differences.value, differences.covariance, tests, freedom, everybody
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


def by_background(panel: Panel, weighted: bool = True) -> pd.DataFrame:
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
    >>> table = by_background(open_panel())
    >>> table.loc[table["difference"].isna(), "label"].unique()[:3].tolist()
    ['18 to 29', 'Man', 'No qualifications']
    """
    tables = []
    for compared in _comparisons(panel, weighted):
        table = compared.table.copy()
        for name, found in compared.tests.items():
            table[name] = np.nan
            table.loc[table["compared"], name] = found
        tables.append(table)
    if not tables:
        raise disclosure.withheld(panel, "How much people do by their background")
    result = with_holm(occupied(pd.concat(tables, ignore_index=True), "by_background"))
    n = result.pop("n")
    result = result.drop(columns="compared").assign(n=n)
    return disclosure.coarse(
        result, panel, [name for name in result if str(name).startswith("mean")]
    )


def background_tests(panel: Panel, weighted: bool = True) -> pd.DataFrame:
    """Whether a form differs by a background variable at all: one Wald test each.

    F statistic of all differences of :func:`by_background` together. Holm over one family of its
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
    >>> tests = background_tests(open_panel())
    >>> (tests["p_holm"] >= tests["p"]).all()
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
