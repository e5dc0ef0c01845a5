"""Whether the regression of :func:`coprod.correlates.fit` can be trusted: what a careful reader asks.

Do the predictors overlap too much to be told apart? Does a coefficient hang on one respondent? Do
the residuals follow the fitted values? Is the effect of a perception a straight line? No table has
a row a respondent: what concerns one person is summed up before it is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coprod.disclosure import counts_rounded, refuse_one_person, thin, withheld
from coprod.errors import ValidityError
from coprod.multiplicity import adjusted
from coprod.panel import Panel
from coprod.regression import ModelMatrix, Regression, wald
from coprod.triangle import some_rows

__all__ = ["inflation", "influence", "leverage", "linearity", "residuals"]

Floats = NDArray[np.float64]

LEVERAGE = (0.0, 1.0, 2.0, 3.0, np.inf)
"""Edges of the bins of leverage, in multiples of the average."""


def inflation(
    panel: Panel,
    form: str = "collective",
    issue: str | None = None,
    weighted: bool = True,
    references: Mapping[str, str] | None = None,
    without: Sequence[str] = (),
) -> pd.DataFrame:
    r"""How far each predictor's variance is inflated because it overlaps with the others.

    The generalised factor of Fox and Monette (1992), which takes all levels of a category together:
    :math:`\det R_1 \det R_2 / \det R`, with the weighted correlations of the variable's own columns
    (:math:`R_1`), of the others (:math:`R_2`) and of all. For a number it is the usual
    1/(1 - R²). Equivalent in R: ``car::vif(lm(…, weights = weight))``.

    Parameters
    ----------
    panel, form, issue, weighted, references, without
        As in :func:`coprod.correlates.fit`. The form matters only in which rows are complete.

    Returns
    -------
    DataFrame
        One row a variable: `term`, `term_label`, `block`, `df` (columns), `factor`, `adjusted`
        (factor^(1/(2 df)), which compares with the square root of a number's factor), `n`.

    Raises
    ------
    ValidityError
        As :func:`coprod.correlates.fit`.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> bool((inflation(open_panel())["factor"] >= 1).all())
    True
    """
    model = ModelMatrix.of(panel, [form], issue, weighted, references, without)
    _ = Regression(model).coefficients  # refuses columns that follow from others, by name
    weights = model.design.weights / model.design.weights.sum()
    columns = model.predictors[:, 1:]
    centred = (columns - weights @ columns) * np.sqrt(weights)[:, None]
    centred = centred / np.linalg.norm(centred, axis=0)
    correlations = centred.T @ centred
    terms = model.terms.iloc[1:].reset_index(drop=True)
    whole = np.linalg.slogdet(correlations)[1]
    rows = []
    for name, part in terms.groupby("term", sort=False):
        own = np.isin(np.arange(len(terms)), part.index)
        apart = sum(np.linalg.slogdet(correlations[np.ix_(of, of)])[1] for of in (own, ~own))
        factor = float(np.exp(apart - whole))
        first = part.iloc[0]
        rows.append(
            {
                "term": name,
                "term_label": first["term_label"],
                "block": first["block"],
                "df": len(part),
                "factor": factor,
                "adjusted": factor ** (1 / (2 * len(part))),
                "n": len(columns),
            }
        )
    return counts_rounded(pd.DataFrame(rows), panel)


def _by_respondent(regression: Regression) -> tuple[Floats, Floats]:
    """Leverage of each respondent, and how far each coefficient moves when they are left out.

    Exact, without refits: for the rows g of a respondent, with the bread B = (X'WX)⁻¹,
    b - b(g) = B X_g'W_g (I - X_g B X_g'W_g)⁻¹ e_g (Belsley, Kuh and Welsch 1980, chapter 2).
    """
    model = regression.model
    design, x = model.design, model.predictors
    bread = np.linalg.inv(x.T @ (x * design.weights[:, None]))
    error = model.outcomes[:, 0] - x @ regression.coefficients[:, 0]
    order = np.argsort(design.clusters, kind="stable")
    size = np.bincount(design.clusters)
    start = np.cumsum(size) - size
    leverages = np.empty(len(size))
    moves = np.empty((len(size), x.shape[1]))
    groups = (np.flatnonzero(size == count) for count in np.unique(size))
    # Some thousand people at a time, so that their matrices need little memory.
    for people in (some for group in groups for some in _in_parts(group)):
        count = int(size[people[0]])
        rows = order[start[people][:, None] + np.arange(count)]  # people × rows
        own = x[rows]
        carried = np.swapaxes(own * design.weights[rows][:, :, None], 1, 2)  # X_g'W_g
        hat = own @ bread @ carried
        leverages[people] = np.trace(hat, axis1=1, axis2=2)
        # Not solve: somebody who alone has a level cannot be left out of its coefficient.
        rest = np.linalg.pinv(np.eye(count) - hat) @ error[rows][:, :, None]
        moves[people] = (bread @ carried @ rest)[:, :, 0]
    return leverages, moves


def _in_parts(people: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    return [people[rows] for rows in some_rows(len(people))]


def influence(
    panel: Panel,
    form: str,
    issue: str | None = None,
    weighted: bool = True,
    references: Mapping[str, str] | None = None,
    without: Sequence[str] = (),
) -> pd.DataFrame:
    """Each coefficient when any one respondent is left out: the smallest and the largest.

    All answers of the respondent go at once. Equivalent in R: ``lm`` fitted again without each
    respondent, with numbers standardised as before.

    Parameters
    ----------
    panel, form, issue, weighted, references, without
        As in :func:`coprod.correlates.fit`.

    Returns
    -------
    DataFrame
        One row a coefficient of the blocks: `term`, `term_label`, `level`, `label`, `block`,
        `reference`, `estimate`, `standard_error` (points), `lowest`, `highest` (the estimate when
        one respondent is left out), `shift` (the larger of the two moves, in standard errors),
        `clusters`. NaN for a level that one respondent has.

    Raises
    ------
    ValidityError
        As :func:`coprod.correlates.fit`, and of a real panel: this is one person's.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> moved = influence(open_panel(), "collective").set_index("term")
    >>> bool(moved.loc["efficacy", "shift"] < 1)
    True
    """
    refuse_one_person(panel, "How far one respondent moves a coefficient")
    regression = Regression(ModelMatrix.of(panel, [form], issue, weighted, references, without))
    model = regression.model
    moves = _by_respondent(regression)[1]
    value = regression.coefficients[:, 0]
    error = np.sqrt(np.diagonal(regression.covariance))
    moves[:, model.terms["lonely"].to_numpy()] = np.nan
    lowest, highest = value - moves.max(axis=0), value - moves.min(axis=0)
    table = model.terms.drop(columns=["mean", "scale", "lonely"]).assign(
        estimate=value,
        standard_error=error,
        lowest=lowest,
        highest=highest,
        shift=np.maximum(value - lowest, highest - value) / error,
        clusters=len(moves),
    )
    inside = ~table["block"].isin(["intercept", "area", "issue"])
    return table[inside].reset_index(drop=True)


def leverage(
    panel: Panel,
    form: str = "collective",
    issue: str | None = None,
    weighted: bool = True,
    references: Mapping[str, str] | None = None,
    without: Sequence[str] = (),
) -> pd.DataFrame:
    """How many respondents have how much pull: leverage in multiples of the average.

    A respondent's leverage is the sum of the hat values of their rows; the average is coefficients
    over respondents (``hatvalues`` in R, summed by respondent).

    Parameters
    ----------
    panel, form, issue, weighted, references, without
        As in :func:`coprod.correlates.fit`.

    Returns
    -------
    DataFrame
        One row a bin: `above`, `upto` (multiples of the average), `respondents`, `share` (of
        respondents), `pull` (their share of all leverage), `largest` (of all respondents, in
        multiples, the same in every row).

    Raises
    ------
    ValidityError
        As :func:`coprod.correlates.fit`, and of a real panel: this is one person's.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> bins = leverage(open_panel())
    >>> round(float(bins["pull"].sum()), 6)
    1.0
    """
    refuse_one_person(panel, "How much pull the respondent with the most has")
    regression = Regression(ModelMatrix.of(panel, [form], issue, weighted, references, without))
    found = _by_respondent(regression)[0]
    multiple = found / found.mean()
    place = np.searchsorted(LEVERAGE[1:-1], multiple, side="left")
    count = np.bincount(place, minlength=len(LEVERAGE) - 1)
    pull = np.bincount(place, weights=found, minlength=len(LEVERAGE) - 1)
    return pd.DataFrame(
        {
            "above": LEVERAGE[:-1],
            "upto": LEVERAGE[1:],
            "respondents": count,
            "share": count / len(found),
            "pull": pull / found.sum(),
            "largest": multiple.max(),
        }
    )


def residuals(
    panel: Panel,
    form: str,
    issue: str | None = None,
    bins: int = 20,
    weighted: bool = True,
    references: Mapping[str, str] | None = None,
    without: Sequence[str] = (),
) -> pd.DataFrame:
    """Mean residual of rows with like fitted values, as a binned plot shows it.

    Bins hold about equally many rows. Where a straight line fits, means lie about zero; a floor
    shows as means above zero at the low end (Gelman and Hill 2007, chapter 5).

    Parameters
    ----------
    panel, form, issue, weighted, references, without
        As in :func:`coprod.correlates.fit`.
    bins
        How many, at least 2; fewer come out where fitted values are equal, and of a real panel so
        many that each has enough people.

    Returns
    -------
    DataFrame
        One row a bin, by fitted value: `fitted`, `residual` (weighted means, points of the index),
        `standard_error`, `low`, `high` (95 %, respondents as clusters), `deviation` (weighted
        standard deviation of the residuals in the bin), `n` (rows).

    Raises
    ------
    ValidityError
        If `bins` is below 2, or as :func:`coprod.correlates.fit`.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> binned = residuals(open_panel(), "collective", bins=10)
    >>> binned["fitted"].is_monotonic_increasing, len(binned)
    (True, 10)
    """
    if bins < 2:
        raise ValidityError(f"bins: {bins} is too few; allowed are 2 and more")
    regression = Regression(ModelMatrix.of(panel, [form], issue, weighted, references, without))
    model = regression.model
    fitted = model.predictors @ regression.coefficients[:, 0]
    error = model.outcomes[:, 0] - fitted
    # Rounded, so that rows with equal predictors cannot be parted by rounding errors.
    inside = _bins(fitted.round(9), bins)
    while thin(model.design.people(inside), panel.min_cell):
        if bins == 2:
            raise withheld(panel, "How far the model is off")
        bins -= 1
        inside = _bins(fitted.round(9), bins)
    means = model.design.mean(error, inside)
    squares = model.design.mean((error[:, None] - means.value) ** 2, inside)
    low, high = means.interval()
    table = pd.DataFrame(
        {
            "fitted": model.design.mean(fitted, inside).value,
            "residual": means.value,
            "standard_error": means.standard_error,
            "low": low,
            "high": high,
            "deviation": np.sqrt(squares.value),
            "n": inside.sum(axis=0),
        }
    )
    return counts_rounded(table, panel)


def _bins(values: Floats, bins: int) -> NDArray[np.bool_]:
    """Which of about equally full bins each value lies in: values × bins."""
    code = pd.qcut(values, bins, labels=False, duplicates="drop")
    return np.asarray(code[:, None] == np.unique(code))


def linearity(
    panel: Panel,
    form: str,
    issue: str | None = None,
    weighted: bool = True,
    references: Mapping[str, str] | None = None,
    without: Sequence[str] = (),
) -> pd.DataFrame:
    """Whether each step of a perception counts the same: dummies for its answers against a line.

    One regression a perception, with a column for each answer but two beside the line itself; the
    robust Wald test asks whether they add anything. Answers that fewer than two respondents gave
    get no column. Equivalent in R: ``lm(y ~ … + efficacy + factor(efficacy))`` and
    ``clubSandwich::Wald_test(vcov = "CR1S", test = "Naive-F")`` on what the factor adds.

    Parameters
    ----------
    panel, form, issue, weighted, references, without
        As in :func:`coprod.correlates.fit`.

    Returns
    -------
    DataFrame
        One row a perception: `term`, `term_label`, `block`, `statistic` (F), `df`, `df_residual`,
        `p`, `p_holm` (over the table), `n`, `clusters`. NaN where two answers were given only.

    Raises
    ------
    ValidityError
        As :func:`coprod.correlates.fit`.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> linearity(open_panel(), "individual")["df"].tolist()
    [3, 3, 3, 3, 3]
    """
    model = ModelMatrix.of(panel, [form], issue, weighted, references, without)
    rows = []
    for place in np.flatnonzero(model.terms["term"].isin(panel.instrument.perceptions)):
        term = model.terms.iloc[place]
        answer = np.rint(model.predictors[:, place] * term["scale"] + term["mean"])
        values = np.unique(answer)
        people = dict(zip(values, model.design.people(answer[:, None] == values), strict=True))
        # Two answers lie on the line; the rest have a column each, if two people gave them.
        commonest = sorted(people, key=lambda value: -people[value])
        fewest = max(2, panel.min_cell)
        columns = [answer == value for value in commonest[2:] if people[value] >= fewest]
        k = model.predictors.shape[1]
        extended = replace(
            model,
            predictors=np.column_stack([model.predictors, *columns]).astype(float),
            terms=pd.concat([model.terms, pd.DataFrame([term] * len(columns))], ignore_index=True),
        )
        regression = Regression(extended)
        added = np.arange(k, k + len(columns))
        test = wald(
            regression.coefficients[added, 0],
            regression.covariance[np.ix_(added, added)],
            regression.df_residual,
        )
        described = {name: term[name] for name in ("term", "term_label", "block")}
        rows.append(described | test.row())
    table = pd.DataFrame(rows)
    table = table.assign(
        p_holm=adjusted(table["p"]), n=len(model.predictors), clusters=len(model.design.strata)
    )
    return counts_rounded(table, panel)
