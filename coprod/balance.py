"""Whether chance did its work: who went where in the experiment, and how alike the arms were."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from coprod.arms import OUTCOMES, Experiment
from coprod.design import load_design
from coprod.disclosure import at_least, coarse, counts_rounded, thin
from coprod.errors import ValidityError
from coprod.panel import Panel
from coprod.randomisation import assignments

__all__ = ["balance", "balance_test", "flow"]

Floats = NDArray[np.float64]

MOST = 20_000
"""Of more people than this no assignments of all arms are drawn."""


def flow(panel: Panel, invited: Mapping[str, int] | None = None) -> pd.DataFrame:
    """How many people came how far, by area and arm: the numbers of a CONSORT diagram.

    Parameters
    ----------
    panel
        The panel.
    invited
        How many were invited in each area. For the panel that comes with the project, what
        `data/design.yml` says; otherwise unknown.

    Returns
    -------
    DataFrame
        One row an area and arm, with 'all' for all areas and all arms: `area`, `area_label`, `arm`,
        `label`, `invited` (NaN for an arm, and where unknown), `answered` (respondents; NaN for an
        arm), `randomised`, and analysed by outcome, `willing` and `signup` (those who answered it).
        Of a real panel, counts other than of all who answered are rounded down, and NaN for the arms
        in each area where any has too few in one.

    Raises
    ------
    ValidityError
        If the panel has no experiment, or `invited` names an area that does not exist.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> table = flow(open_panel())
    >>> table.query("area == 'all' and arm == 'all'")["randomised"].item()
    2624
    """
    experiment = Experiment.of(panel)
    instrument = panel.instrument
    if invited is None and panel.seed is not None:
        invited = load_design()["sample.invited"]
    if unknown := set(invited or ()) - set(instrument.areas):
        known = ", ".join(instrument.areas)
        raise ValidityError(f"invited: no area {', '.join(sorted(unknown))}; areas are {known}")
    frame = experiment.frame
    present = [area for area in instrument.areas if (panel.frame["area"] == area).any()]
    rows = []
    for area in (*present, "all"):
        for arm in ("all", *instrument.arms):
            here = np.ones(len(frame), dtype=bool)
            here &= (area == "all") | (frame["area"] == area).to_numpy()
            here &= (arm == "all") | (frame["arm"] == arm).to_numpy()
            asked, answered = np.nan, np.nan
            if arm == "all":
                areas = present if area == "all" else [area]
                answered = float(panel.frame["area"].isin(areas).sum())
                asked = float(sum((invited or {}).get(a, np.nan) for a in areas))
            rows.append(
                {
                    "area": area,
                    "area_label": instrument.areas.get(area, "All areas"),
                    "arm": arm,
                    "label": instrument.arms.get(arm, "All arms"),
                    "invited": asked,
                    "answered": answered,
                    "randomised": int(here.sum()),
                    **{name: int(frame.loc[here, name].notna().sum()) for name in OUTCOMES},
                }
            )
    return _flow_told(pd.DataFrame(rows), panel.min_cell)


def _flow_told(table: pd.DataFrame, least: int) -> pd.DataFrame:
    """Counts rounded down; no arms of single areas where any has too few in one of them."""
    if not least:
        return table
    counts = ["randomised", *OUTCOMES]
    arms = table["arm"] != "all"
    whole = table.groupby("area")["answered"].transform("first")
    people = table["randomised"].where(arms, whole)
    inside = arms & (table["area"] != "all")
    # One area left out alone would follow from the others and all of them.
    small = inside & thin(table.loc[inside, "randomised"], least)
    rounded = {name: at_least(table[name], people, least) for name in OUTCOMES}
    rounded["randomised"] = at_least(table["randomised"], whole, least)
    table = table.assign(**rounded)
    table.loc[small, counts] = np.nan
    return table


def balance(panel: Panel) -> pd.DataFrame:
    r"""How far each arm differs from control in what was so before the experiment.

    The difference within areas (that of strata effects), and over the mean spread of both groups,
    :math:`\sqrt{(s_1^2 + s_0^2)/2}` (Austin 2009). Chance makes differences; their size matters to
    the estimates, their significance does not. Unweighted. In R: the coefficient of
    ``lm(x ~ treated + area)`` over ``sqrt((var(x1) + var(x0)) / 2)``.

    Parameters
    ----------
    panel
        The panel.

    Returns
    -------
    DataFrame
        One row an arm (and 'pooled') and variable or level of one (not the first of two): `arm`,
        `label`, `family`, `variable`, `variable_label`, `level` ('' for a number), `level_label`,
        `mean_arm`, `mean_control` (in the variable's units, or a share), `difference` (within
        areas), `standardised`, `n` (people of both with a value). NaN where nobody has a value, or,
        for `standardised`, where nothing varies. Of a real panel a variable is left out that has a
        level with too few people in some arm.

    Raises
    ------
    ValidityError
        If the panel has no experiment.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> bool(balance(open_panel())["standardised"].abs().max() < 0.2)
    True
    """
    experiment = Experiment.of(panel)
    columns = _columns(experiment)
    small = {name for name, level, values in columns if level and experiment.few(values)}
    rows = []
    for comparison in experiment.comparisons():
        for variable, level, values in columns:
            if variable in small:
                continue
            known = comparison.rows & ~np.isnan(values)
            x, treated, area = values[known], comparison.treated[known], experiment.area[known]
            means, variances = [np.nan, np.nan], [np.nan, np.nan]
            for group in (0, 1):
                part = x[treated == group]
                means[group] = part.mean() if len(part) else np.nan
                variances[group] = part.var(ddof=1) if len(part) > 1 else np.nan
            left = _within(treated.astype(float)[:, None], area)[:, 0]
            square = float(left @ left)
            apart = float(left @ x) / square if square > 0 else np.nan
            spread = float(np.sqrt(sum(variances) / 2))
            described = panel.instrument.variables[variable]
            rows.append(
                {
                    **comparison.named,
                    "variable": variable,
                    "variable_label": described.label,
                    "level": level,
                    "level_label": described.levels.get(level, "") if level else "",
                    "mean_arm": means[1],
                    "mean_control": means[0],
                    "difference": apart,
                    "standardised": apart / spread if spread > 0 else np.nan,
                    "n": int(known.sum()),
                }
            )
    table = coarse(pd.DataFrame(rows), panel, ["mean_arm", "mean_control", "difference"])
    return counts_rounded(table, panel, experiment.sizes(table["arm"]))


def balance_test(panel: Panel, draws: int = 10_000, seed: int = 20160201) -> pd.DataFrame:
    """One test that chance alone placed people in arms, over all variables and arms at once.

    The quadratic form of the sums of every variable in every arm, less what they are expected to
    be, in the inverse of their covariance when arms are permuted within areas (Hansen and Bowers
    2008). A gap takes the mean of its area. With more than 20,000 people nothing is drawn: p is that
    of the limit of the draws, chi-squared, from which 10,000 of them could not be told. Equivalent in
    R: ``coin::independence_test(x1 + x2 + … ~ arm | area, teststat = "quadratic")``.

    Parameters
    ----------
    panel
        The panel.
    draws
        How many assignments, of all arms at once; of more than 20,000 people none.
    seed
        Of the assignments.

    Returns
    -------
    DataFrame
        One row: `statistic`, `df`, `p` ((1 + draws with a statistic at least as large) / (1 +
        draws)), `p_asymptotic` (chi-squared), `draws` (0 where p is `p_asymptotic`), `n`, `variables` (how many vary).

    Raises
    ------
    ValidityError
        If the panel has no experiment, no variable varies, or `draws` is below 1.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> balance_test(open_panel(), draws=500)[["df", "n"]].values.tolist()
    [[45, 2624]]
    """
    experiment = Experiment.of(panel)
    area = experiment.area
    names, columns = [], []
    for covariate in experiment.covariates():
        values = covariate.values[:, 1:] if covariate.values.shape[1] > 1 else covariate.values
        values = _within(values, area)
        scale = np.sqrt((values**2).sum(axis=0))
        varies = scale > 1e-9
        if varies.any():
            names.append(covariate.name)
            columns.append(values[:, varies] / scale[varies])
    if not columns:
        raise ValidityError("nothing that is known of people before the experiment varies")
    x = np.column_stack(columns)
    arms = [code for code in np.unique(experiment.arm) if code > 0]
    given = _within((experiment.arm[:, None] == arms).astype(float), area)
    width = len(arms) * x.shape[1]
    covariance = np.zeros((width, width))
    for place in np.unique(area):
        rows = area == place
        if rows.sum() > 1:
            parts = given[rows].T @ given[rows], x[rows].T @ x[rows]
            covariance += np.kron(*parts) / (rows.sum() - 1)
    variances, axes = np.linalg.eigh(covariance)
    kept = variances > 1e-9 * variances.max()
    if not kept.any():
        raise ValidityError("arm: no area has people of two arms, so that nothing can be compared")
    root = axes[:, kept] / np.sqrt(variances[kept])

    def statistic(assigned: Floats) -> Floats:
        sums = np.concatenate([(assigned == code).astype(float) @ x for code in arms], axis=1)
        return np.asarray(((sums @ root) ** 2).sum(axis=1))

    arm = experiment.arm.astype(float)
    observed, df = float(statistic(arm[None, :])[0]), int(kept.sum())
    limit = float(stats.chi2.sf(observed, df))
    drawn = assignments(arm, area, draws, np.random.default_rng(seed))
    if len(area) > MOST:
        draws, p = 0, limit
    else:
        beyond = sum(int((statistic(part) >= observed * (1 - 1e-9)).sum()) for part in drawn)
        p = (1 + beyond) / (1 + draws)
    row = {
        "statistic": observed,
        "df": df,
        "p": p,
        "p_asymptotic": limit,
        "draws": draws,
        "n": len(area),
        "variables": len(names),
    }
    return counts_rounded(pd.DataFrame([row]), panel)


def _columns(experiment: Experiment) -> list[tuple[str, str, Floats]]:
    """Variable, level and values of each row of the balance table."""
    found = []
    for name in ("intends", *experiment.instrument.background):
        variable = experiment.instrument.variables[name]
        answers = experiment.frame[name]
        if variable.kind != "category":
            found.append((name, "", answers.to_numpy(dtype=float)))
            continue
        levels = list(variable.levels)
        for level in levels[1:] if len(levels) == 2 else levels:
            has = (answers == level).to_numpy(dtype=float)
            found.append((name, level, np.where(answers.isna(), np.nan, has)))
    return found


def _within(values: Floats, area: NDArray[np.intp]) -> Floats:
    """Columns less their means in each area; 0, the mean, where nothing is known."""
    known = ~np.isnan(values)
    left = np.where(known, values, 0.0)
    for place in np.unique(area):
        rows = area == place
        mean = left[rows].sum(axis=0) / np.maximum(known[rows].sum(axis=0), 1)
        left[rows] = np.where(known[rows], left[rows] - mean, 0.0)
    return left
