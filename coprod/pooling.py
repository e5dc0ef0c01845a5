"""What several imputations say together: Rubin's rules, with Barnard and Rubin's degrees of freedom."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from coprod.errors import ValidityError

__all__ = ["combine"]


def combine(estimates: ArrayLike, variances: ArrayLike, df_complete: float) -> pd.DataFrame:
    r"""Pool what several imputations gave, by Rubin's rules.

    With the mean estimate, the mean variance W and the variance B between m imputations, the total
    variance is :math:`T = W + (1 + 1/m) B`, and with :math:`\lambda = (1 + 1/m) B / T` and the
    degrees of freedom :math:`\nu` of complete data, those of t are

    .. math:: \left(\frac{\lambda^2}{m - 1}
              + \frac{\nu + 3}{\nu (\nu + 1) (1 - \lambda)}\right)^{-1}

    (Barnard and Rubin 1999, *Biometrika* 86, 948-955; Rubin 1987, *Multiple Imputation for
    Nonresponse in Surveys*, chapter 3). Equivalent in R: ``mice::pool.scalar``.

    Parameters
    ----------
    estimates, variances
        m × k: the k estimates of each imputation and their squared standard errors.
    df_complete
        Degrees of freedom if nothing were missing; may be infinite.

    Returns
    -------
    DataFrame
        One row an estimate: `estimate`, `within` (W), `between` (B), `standard_error`, `df`,
        `low`, `high` (95 %), `statistic` (t), `p`, `fraction_missing` (of the information),
        `relative_increase` (of the variance, (1 + 1/m) B / W). Both are 0 where all imputations
        agree.

    Raises
    ------
    ValidityError
        If there are fewer than two imputations, or the shapes differ or are not m × k.

    Examples
    --------
    >>> pooled = combine([[1.0], [2.0], [3.0]], [[0.5], [0.5], [0.5]], df_complete=100)
    >>> pooled[["estimate", "standard_error", "df"]].round(3).values.tolist()
    [[2.0, 1.354, 3.313]]
    """
    values, squares = np.asarray(estimates, dtype=float), np.asarray(variances, dtype=float)
    if values.ndim != 2 or values.shape != squares.shape:
        raise ValidityError(
            f"estimates and variances: have the shapes {values.shape} and {squares.shape}; both "
            "must have a row an imputation and a column an estimate"
        )
    m = len(values)
    if m < 2:
        raise ValidityError(f"imputations: {m} is too few; Rubin's rules need at least 2")
    estimate, within, between = values.mean(axis=0), squares.mean(axis=0), values.var(0, ddof=1)
    total = within + (1 + 1 / m) * between
    complete = np.inf if np.isinf(df_complete) else df_complete * (1 - 2 / (df_complete + 3))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (1 + 1 / m) * between / total
        df = 1 / (share**2 / (m - 1) + 1 / (complete * (1 - share)))
        increase = (1 + 1 / m) * between / within
        information = (increase + 2 / (df + 3)) / (increase + 1)
        statistic = estimate / np.sqrt(total)
    margin = stats.t.isf(0.025, df) * np.sqrt(total)
    return pd.DataFrame(
        {
            "estimate": estimate,
            "within": within,
            "between": between,
            "standard_error": np.sqrt(total),
            "df": df,
            "low": estimate - margin,
            "high": estimate + margin,
            "statistic": statistic,
            "p": 2 * stats.t.sf(np.abs(statistic), df),
            "fraction_missing": np.where(between == 0, 0.0, information),
            "relative_increase": increase,
        }
    )
