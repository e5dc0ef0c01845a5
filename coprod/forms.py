"""How the two forms go together: correlations, who does which, and profiles.

People count who have both indices. Intervals are 95 %, design-based, as in :mod:`coprod.levels`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coprod.activity_told import told
from coprod.design_based import SurveyDesign, domains, occupied
from coprod.disclosure import coarse, counts_rounded, hardly_varies, withheld
from coprod.errors import ValidityError
from coprod.panel import Panel
from coprod.scales import indices

__all__ = ["GROUPS", "PROFILES", "correlations", "overlap", "profile", "profiles"]

GROUPS = ("neither", "individual only", "collective only", "both")
"""Who does which of the forms: an index above zero counts as doing it."""

PROFILES = {
    "none": "None (0)",
    "low": "Low (above 0 to 33⅓)",
    "middle": "Middle (above 33⅓ to 66⅔)",
    "high": "High (above 66⅔)",
}
"""Groups of the individual index: nothing at all, then the thirds of the scale (not of the people,
so that a group means the same on every issue and in every panel), and their labels."""

ERRORS = ("standard_error", "low", "high")


def _both(frame: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The two indices as columns, NaN where somebody lacks either."""
    pair = frame[["individual", "collective"]].to_numpy()
    pair = np.where(np.isnan(pair).any(axis=1, keepdims=True), np.nan, pair)
    return pair[:, [0]], pair[:, [1]]


def correlations(panel: Panel, weighted: bool = True) -> pd.DataFrame:
    r"""Correlation of the individual and the collective index, by issue and over all of them.

    The interval is that of Fisher's z with the linearised error of the weighted correlation, whose
    scores are :math:`z_x z_y - r (z_x^2 + z_y^2) / 2` with standardised indices; it needs no
    normality. Equivalent in R: ``cov.wt(cor = TRUE)`` for the value, ``svycontrast`` on the
    ``svymean`` of both indices, their squares and their product for the error.

    Parameters
    ----------
    panel
        The panel.
    weighted
        Whether the weights count.

    Returns
    -------
    DataFrame
        One row an issue and one with `issue` 'all' (people × issues pooled): `issue`,
        `correlation` (Pearson), `standard_error`, `low`, `high`, `n` (respondents with both
        indices).

    Raises
    ------
    ValidityError
        If nobody has both indices, or an index does not vary on an issue.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> correlations(open_panel())["issue"].tolist()
    ['safety', 'environment', 'health', 'all']
    """
    frame = indices(panel)
    design = SurveyDesign.of(frame, weighted)
    keys, inside = domains(panel, frame, ("issue",))
    inside = np.column_stack([inside, np.ones(len(frame), dtype=bool)])
    standard = []
    issues = [*keys["issue"], "all"]
    for form, values in zip(("individual", "collective"), _both(frame), strict=True):
        mean = design.mean(values, inside)
        variance = design.mean((values - mean.value) ** 2, inside).value
        constant = (mean.respondents > 0) & ~(variance > 1e-12)
        parts = [values[chosen, 0] for chosen in inside.T]
        if any(hardly_varies(part, panel.min_cell) for part in parts if len(part)):
            raise withheld(panel, "How the two forms go together")
        if constant.any():
            raise ValidityError(
                f"{form}: the index does not vary on {issues[int(constant.argmax())]}, so that it "
                "has no correlation"
            )
        standard.append((values - mean.value) / np.sqrt(variance))
    x, y = standard
    product = design.mean(x * y, inside)
    scores = x * y - product.value * (x**2 + y**2) / 2
    correlation = design.linearised(product.value, scores, product.inside)
    low, high = correlation.fisher_interval()
    table = pd.DataFrame(
        {
            "issue": issues,
            "correlation": correlation.value,
            "standard_error": correlation.standard_error,
            "low": low,
            "high": high,
            "n": correlation.respondents,
        }
    )
    return counts_rounded(occupied(table, "individual and collective"), panel)


def overlap(panel: Panel, by: Sequence[str] = ("issue",), weighted: bool = True) -> pd.DataFrame:
    """Who does which: people who do neither form, one of them, or both.

    Equivalent in R: ``svymean(~group, design, na.rm = TRUE)`` in each domain; intervals as
    ``svyciprop(method = "logit")``.

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
        One row a domain and group: a column each name in `by`, `group` (one of
        :data:`GROUPS`), `share` (0-1, of people with both indices), `standard_error`, `low`,
        `high`, `n` (respondents with both indices).

    Raises
    ------
    ValidityError
        If `by` is not possible, or nobody has both indices; on a real panel, if a group is too
        small on any issue.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> overlap(open_panel(), by=())["share"].sum().round(12)
    np.float64(1.0)
    """
    if not set(panel.instrument.issues) <= told(panel).overlaps:
        raise withheld(panel, "Who does which of the two forms")
    frame = indices(panel)
    design = SurveyDesign.of(frame, weighted)
    keys, inside = domains(panel, frame, by)
    if panel.min_cell and "area" in by:
        raise withheld(panel, "Who does which of the two forms in each area")
    individual, collective = _both(frame)
    group = np.where(np.isnan(individual), np.nan, (individual > 0) + 2.0 * (collective > 0))
    tables = []
    for code, name in enumerate(GROUPS):
        share = design.mean(np.where(np.isnan(group), np.nan, group == code), inside)
        low, high = share.share_interval()
        tables.append(
            keys.assign(
                group=name,
                share=share.value,
                standard_error=share.standard_error,
                low=low,
                high=high,
                n=share.respondents,
            )
        )
    table = pd.concat(tables).sort_index(kind="stable")
    table = occupied(table, "individual and collective")
    return counts_rounded(coarse(table, panel, ["share", *ERRORS]), panel)


def profile(individual: NDArray[np.float64]) -> NDArray[np.intp]:
    """The group of :data:`PROFILES` that each individual index belongs to, numbered.

    Examples
    --------
    >>> profile(np.array([0.0, 100 / 3, 50.0, 100.0])).tolist()
    [0, 1, 2, 3]
    """
    # Thirds have no last digit; what lies on an end by rounding belongs below it.
    ends = np.array([0, 100 / 3 + 1e-9, 200 / 3 + 1e-9])
    return np.searchsorted(ends, individual, side="left")


def profiles(panel: Panel, weighted: bool = True) -> pd.DataFrame:
    """How much people do together with others, by how much they do on their own.

    Equivalent in R: ``svyby(~collective, ~group, subset(design, issue == "safety"), svymean)``.

    Parameters
    ----------
    panel
        The panel.
    weighted
        Whether the weights count.

    Returns
    -------
    DataFrame
        One row an issue and group of the individual index: `issue`, `group` (a key of
        :data:`PROFILES`), `label`, `mean` (collective index, 0-100), `standard_error`, `low`,
        `high`, `any` (share with any collective activity, 0-1), `any_standard_error`, `any_low`,
        `any_high`, `n` (respondents). Groups without respondents are left out.

    Raises
    ------
    ValidityError
        If nobody has both indices; on a real panel, if a group with or without collective activity
        is too small on any issue.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> profiles(open_panel())["group"].unique().tolist()
    ['none', 'low', 'middle', 'high']
    """
    if not set(panel.instrument.issues) <= told(panel).profiles:
        raise withheld(panel, "How many join others, by how much they do alone,")
    frame = indices(panel)
    design = SurveyDesign.of(frame, weighted)
    keys, inside = domains(panel, frame, ("issue",))
    individual, collective = _both(frame)
    group = profile(individual)
    tables = []
    for code, (name, label) in enumerate(PROFILES.items()):
        domain = inside & (group == code)
        mean = design.mean(collective, domain)
        some = design.mean(np.where(np.isnan(collective), np.nan, collective > 0), domain)
        ends_of_mean, ends_of_some = mean.interval(), some.share_interval()
        tables.append(
            keys.assign(
                group=name,
                label=label,
                mean=mean.value,
                standard_error=mean.standard_error,
                low=ends_of_mean[0],
                high=ends_of_mean[1],
                any=some.value,
                any_standard_error=some.standard_error,
                any_low=ends_of_some[0],
                any_high=ends_of_some[1],
                n=mean.respondents,
            )
        )
    table = pd.concat(tables).sort_index(kind="stable")
    table = occupied(table, "individual and collective")
    shares = [str(name) for name in table if str(name).startswith("any")]
    return counts_rounded(coarse(table, panel, ["mean", *ERRORS, *shares]), panel)
