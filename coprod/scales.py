"""The two indices of co-production, and how well their items measure them.

Measurement is described unweighted, as psych does: it is about how answers hang together among
those who gave them, not about how many people in the areas would give them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coprod.design_based import numbers
from coprod.disclosure import counts_rounded, hardly_varies, withheld
from coprod.errors import ValidityError
from coprod.panel import Panel
from coprod.polychoric import polychoric_matrix
from coprod.resampling import resampled_covariances

__all__ = [
    "factor_summary",
    "index",
    "indices",
    "omega",
    "one_factor",
    "reliability",
    "two_factors",
]

Floats = NDArray[np.float64]


def index(frame: pd.DataFrame, items: list[str], maximum: float = 2) -> pd.Series:
    """How much somebody does: 100 × mean of the answered items / `maximum`.

    Parameters
    ----------
    frame
        Answers as numbers from 0 to `maximum`, NaN where not answered.
    items
        The columns that make the index.
    maximum
        The highest answer of an item.

    Returns
    -------
    Series
        0 to 100, on the index of `frame`; NaN where fewer than half of the items are answered.

    Raises
    ------
    ValidityError
        If there is no item, an item is not in the frame, or an answer lies outside 0 to `maximum`.

    Examples
    --------
    >>> answers = pd.DataFrame({"a": [0, 2, 1], "b": [1, 2, None], "c": [2, None, None]})
    >>> index(answers, ["a", "b", "c"]).tolist()
    [50.0, 100.0, nan]
    """
    if not items:
        raise ValidityError("index: needs at least one item")
    answers = numbers(frame, items)
    outside = [
        item
        for item, given in zip(items, answers.T, strict=True)
        if ((given < 0) | (given > maximum)).any()
    ]
    if outside:
        raise ValidityError(f"{', '.join(outside)}: an answer lies outside 0 to {maximum}")
    answered = (~np.isnan(answers)).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.nansum(answers, axis=1) / answered
    return pd.Series(
        np.where(2 * answered >= len(items), 100 * mean / maximum, np.nan), frame.index
    )


def indices(panel: Panel) -> pd.DataFrame:
    """The long view of a panel with both indices.

    Returns
    -------
    DataFrame
        ``panel.long`` (one row a respondent and issue) and the columns `individual` and
        `collective`, 0 to 100, as :func:`index` makes them.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> panel = open_panel()
    >>> indices(panel)[["individual", "collective"]].max().tolist()
    [100.0, 100.0]
    """
    instrument = panel.instrument
    maximum = max(instrument.answers)
    return panel.long.assign(
        **{form: index(panel.long, instrument.stems(form), maximum) for form in instrument.forms}
    )


def one_factor(correlations: Floats) -> Floats:
    """Loadings of the one-factor model by least squares on the correlations (minres).

    Each loading in turn takes the value that is best given the others, until none moves; so many
    matrices can be fitted at once. Uniquenesses stay at 0.005 or above, as in psych. Equivalent in
    R: ``psych::fa(r, nfactors = 1, fm = "minres")``.

    Parameters
    ----------
    correlations
        ... × k × k, k at least 3.

    Returns
    -------
    ndarray
        ... × k, with a positive sum.

    Raises
    ------
    ValidityError
        If there are fewer than three items: the model is not identified.

    Examples
    --------
    >>> loadings = np.array([0.8, 0.7, 0.6])
    >>> one_factor(np.outer(loadings, loadings) + np.diag(1 - loadings**2)).round(6)
    array([0.8, 0.7, 0.6])
    """
    items = correlations.shape[-1]
    if items < 3:
        raise ValidityError(f"omega: one factor needs at least three items, not {items}")
    rest = correlations * (1 - np.eye(items))
    loadings = np.sqrt(np.maximum(np.abs(rest).max(axis=-1), 0.01))
    largest = np.sqrt(0.995)
    for _ in range(2_000):
        before = loadings.copy()
        for item in range(items):
            others = loadings.copy()
            others[..., item] = 0
            best = (rest[..., item] * others).sum(axis=-1) / (others**2).sum(axis=-1)
            loadings[..., item] = np.clip(best, -largest, largest)
        if not np.nanmax(np.abs(loadings - before), initial=0) > 1e-10:
            break
    return loadings * np.where(loadings.sum(axis=-1, keepdims=True) < 0, -1, 1)


def omega(covariances: Floats) -> Floats:
    r"""McDonald's omega of the one-factor model: the factor's share in the variance of the sum.

    .. math:: \omega = \frac{(\sum s_i\lambda_i)^2}
              {(\sum s_i\lambda_i)^2 + \sum s_i^2(1 - \lambda_i^2)}

    with standardised loadings :math:`\lambda_i` of :func:`one_factor` and standard deviations
    :math:`s_i`, since the index sums raw answers (McDonald 1999, *Test Theory*, chapter 6).

    Parameters
    ----------
    covariances
        ... × k × k; NaN comes out where an item does not vary.

    Returns
    -------
    ndarray
        ..., 0 to 1.

    Raises
    ------
    ValidityError
        If there are fewer than three items.

    Examples
    --------
    >>> loadings = np.array([0.8, 0.7, 0.6])
    >>> omega(np.outer(loadings, loadings) + np.diag(1 - loadings**2)).round(4)
    np.float64(0.7449)
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        deviations = np.sqrt(np.diagonal(covariances, axis1=-2, axis2=-1))
        scaled = deviations[..., :, None] * deviations[..., None, :]
        loadings = one_factor(covariances / scaled)
    common = (deviations * loadings).sum(axis=-1) ** 2
    unique = (deviations**2 * (1 - loadings**2)).sum(axis=-1)
    return np.asarray(common / (common + unique))


def _alpha(covariances: Floats) -> Floats:
    items = covariances.shape[-1]
    trace = np.trace(covariances, axis1=-2, axis2=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(items / (items - 1) * (1 - trace / covariances.sum(axis=(-2, -1))))


def reliability(panel: Panel, draws: int = 2_000, seed: int = 20160201) -> pd.DataFrame:
    """Cronbach's alpha and McDonald's omega of each scale, with bootstrap intervals.

    Respondents who answered all items of the scale. The intervals are percentiles over samples of
    respondents drawn again within areas: Feldt's closed form assumes normal answers and falls
    short for items that most people never do. Equivalent in R: ``psych::alpha`` (raw alpha) and
    ``psych::fa(nfactors = 1, fm = "minres")`` for omega, see :func:`omega`.

    Parameters
    ----------
    panel
        The panel.
    draws
        Bootstrap samples.
    seed
        Of the bootstrap; the same seed gives the same intervals whatever the number of threads.

    Returns
    -------
    DataFrame
        One row an issue and form: `issue`, `form`, `items` (how many), `n` (complete
        respondents), `alpha`, `alpha_low`, `alpha_high`, `omega`, `omega_low`, `omega_high`
        (95 %).

    Raises
    ------
    ValidityError
        If an item does not vary among respondents who answered the whole scale, or nobody did.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> quality = reliability(open_panel(), draws=200)
    >>> quality["alpha"].between(quality["alpha_low"], quality["alpha_high"]).all()
    np.True_
    """
    # Imported here, since it takes seconds and whoever wants an index does not need it.
    import pingouin

    frame, instrument = panel.frame, panel.instrument
    keys = [(issue, form) for issue in instrument.issues for form in instrument.forms]
    rows, values, scales = [], [], []
    for issue, form in keys:
        items = instrument.items(issue, form)
        answers = pd.DataFrame(numbers(frame, items), columns=items)
        complete = answers.dropna()
        for some, who in ((answers, "answered it"), (complete, "answered its whole scale")):
            for item in items:
                if hardly_varies(some[item], panel.min_cell):
                    raise withheld(panel, "How well the questions measure each form")
                if some[item].nunique() < 2:
                    raise ValidityError(
                        f"{item}: does not vary among the {some[item].count()} respondents who "
                        f"{who}; alpha and omega need an item that varies"
                    )
        alpha, _ = pingouin.cronbach_alpha(data=complete, nan_policy="listwise")
        values.append((float(alpha), float(omega(complete.cov().to_numpy()))))
        rows.append({"issue": issue, "form": form, "items": len(items), "n": len(complete)})
        scales.append(answers.to_numpy())
    areas = pd.factorize(frame["area"])[0]
    drawn = resampled_covariances(scales, areas, draws, seed)
    for row, pair, covariances in zip(rows, values, drawn, strict=True):
        for name, value, statistic in zip(("alpha", "omega"), pair, (_alpha, omega), strict=True):
            low, high = np.nanquantile(statistic(covariances), [0.025, 0.975])
            row |= {name: value, f"{name}_low": low, f"{name}_high": high}
    return counts_rounded(pd.DataFrame(rows), panel)


def _factors(panel: Panel, issue: str) -> tuple[pd.DataFrame, float, Floats, tuple[float, float]]:
    """Loadings, factor correlation, eigenvalues and both models' residuals of one issue."""
    from statsmodels.multivariate.factor import Factor

    instrument = panel.instrument
    forms = {form: instrument.items(issue, form) for form in instrument.forms}
    items = [item for form in forms for item in forms[form]]
    if any(hardly_varies(panel.frame[item], panel.min_cell) for item in items):
        raise withheld(panel, "How the answers go together")
    matrix = polychoric_matrix(panel.frame[items])
    observed = matrix.to_numpy()
    fits, rmsr = [], []
    for count in (1, 2):
        fit = Factor(corr=observed, n_factor=count, method="pa").fit(maxiter=5_000, tol=1e-10)
        residual = observed - fit.loadings_no_rot @ fit.loadings_no_rot.T
        pairs = residual[np.triu_indices(len(items), 1)]
        fits.append(fit)
        rmsr.append(float(np.sqrt((pairs**2).mean())))
    rotated = fits[1]
    rotated.rotate("oblimin")
    loadings = np.asarray(rotated.loadings)
    turn = np.asarray(rotated.rotation_matrix)
    correlation = (turn.T @ turn)[0, 1]
    # Rotation leaves order and sign of the factors open: name each by the items it carries.
    individual = np.isin(items, forms["individual"])
    weight = np.abs(loadings[individual]).sum(axis=0) - np.abs(loadings[~individual]).sum(axis=0)
    order = np.argsort(-weight)
    loadings = loadings[:, order]
    signs = np.sign([loadings[individual, 0].sum(), loadings[~individual, 1].sum()])
    table = pd.DataFrame(
        {
            "issue": issue,
            "item": [stem for form in forms for stem in instrument.stems(form)],
            "form": [form for form in forms for _ in forms[form]],
            "label": [instrument.variables[item].label for item in items],
            "question": [instrument.variables[item].question for item in items],
            "factor_individual": loadings[:, 0] * signs[0],
            "factor_collective": loadings[:, 1] * signs[1],
            "communality": np.asarray(rotated.communality),
        }
    )
    eigenvalues = np.linalg.eigvalsh(observed)[::-1]
    return table, float(correlation * signs.prod()), eigenvalues, (rmsr[0], rmsr[1])


def two_factors(panel: Panel) -> pd.DataFrame:
    """The two-factor solution of each issue, which shows whether items part by form.

    Least squares (minres, found by iterated principal axes) on the polychoric correlations of the
    issue's items, rotated obliquely (direct oblimin, gamma 0). Equivalent in R:
    ``psych::fa(r, nfactors = 2, fm = "minres", rotate = "oblimin")``.

    Returns
    -------
    DataFrame
        One row an issue and item: `issue`, `item` (stem), `form`, `label`, `question`,
        `factor_individual` and `factor_collective` (pattern loadings on the factor that carries
        that form's items), `communality`.

    Raises
    ------
    ValidityError
        If an item has one answer only.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> loadings = two_factors(open_panel()).set_index("form")
    >>> (loadings["factor_individual"] > loadings["factor_collective"]).groupby("form").mean()
    form
    collective    0.0
    individual    1.0
    dtype: float64
    """
    return pd.concat(
        [_factors(panel, issue)[0] for issue in panel.instrument.issues], ignore_index=True
    )


def factor_summary(panel: Panel) -> pd.DataFrame:
    """How far one and two factors account for each issue's polychoric correlations.

    Returns
    -------
    DataFrame
        One row an issue: `issue`, `factor_correlation` (of the oblique factors of
        :func:`two_factors`), `eigenvalue_1`, `eigenvalue_2`, `eigenvalue_3` (of the correlation
        matrix), `rmsr_one`, `rmsr_two` (root mean squared residual correlation, off the diagonal,
        of the models with one and with two factors; ``fa(...)$rms`` in psych).

    Raises
    ------
    ValidityError
        If an item has one answer only.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> fit = factor_summary(open_panel())
    >>> (fit["rmsr_two"] < fit["rmsr_one"]).all()
    np.True_
    """
    rows = []
    for issue in panel.instrument.issues:
        _, correlation, eigenvalues, rmsr = _factors(panel, issue)
        row: dict[str, object] = {"issue": issue, "factor_correlation": correlation}
        row |= {f"eigenvalue_{place + 1}": eigenvalues[place] for place in range(3)}
        rows.append(row | {"rmsr_one": rmsr[0], "rmsr_two": rmsr[1]})
    return pd.DataFrame(rows)
