"""Who does how much: weighted levels of both forms, and the gap between them.

Every level uses all respondents who gave what it needs. Intervals are 95 %, design-based (see
:mod:`coprod.design_based`): weights fixed, respondents as sampling units, areas as strata. With
``weighted=False`` every respondent counts alike, with the same treatment of areas and respondents.
Domains in which nobody has a weight above zero are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd

from coprod import activity_told
from coprod.design_based import SurveyDesign, domains, numbers, occupied
from coprod.panel import Panel
from coprod.scales import indices

__all__ = ["gaps", "means", "shares"]


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
