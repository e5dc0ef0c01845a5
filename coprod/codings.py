"""Collective activity as an outcome in every coding that the specification curve tries."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coprod.design_based import numbers
from coprod.errors import ValidityError
from coprod.panel import Panel
from coprod.scales import one_factor

__all__ = ["CODINGS", "codings", "item_weights"]

Floats = NDArray[np.float64]

FORM = "collective"

CODINGS = {
    "mean": "Mean of the items",
    "count": "Share of items done at all",
    "any": "Anything done at all",
    "factor": "Factor score",
}
"""How the items become an outcome."""


def item_weights(panel: Panel) -> Floats:
    r"""Weights of the collective items in the factor score, which sum to 1.

    The regression score of one factor: :math:`\lambda_i / (1 - \lambda_i^2)` over the item's SD,
    with the loadings of :func:`coprod.scales.one_factor` on the correlations of all answers on all
    issues together. Equivalent in R, but for a constant:
    ``psych::fa(x, nfactors = 1, fm = "minres", scores = "regression")``.

    Raises
    ------
    ValidityError
        If an item does not vary among complete answers, or there are fewer than three items.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> float(item_weights(open_panel()).sum().round(9))
    1.0
    """
    items = panel.instrument.stems(FORM)
    answers = numbers(panel.long, items)
    answers = answers[~np.isnan(answers).any(axis=1)]
    spread = answers.std(axis=0) if len(answers) else np.zeros(len(items))
    for item, sd in zip(items, spread, strict=True):
        if not sd > 0:
            raise ValidityError(f"{item}: is the same for all; a factor score needs it to vary")
    loadings = one_factor(np.asarray(np.corrcoef(answers.T)))
    weights = loadings / (1 - loadings**2) / spread
    return np.asarray(weights / weights.sum())


def codings(panel: Panel, weights: Floats) -> pd.DataFrame:
    """The collective activity of each row of the long view in every coding, all from 0 to 100.

    Parameters
    ----------
    panel
        The panel.
    weights
        Of the items in the factor score, as of :func:`item_weights`.

    Returns
    -------
    DataFrame
        The rows of ``panel.long``: `mean` (the index), `count` (share of the answered items that
        are done at all), `any` (100 if one is), `factor` (weighted mean of the answered items).
        NaN where fewer than half of the items are answered.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> table = codings(open_panel(), np.full(4, 0.25))
    >>> bool(np.allclose(table["mean"], table["factor"], equal_nan=True))
    True
    """
    instrument = panel.instrument
    answers = numbers(panel.long, instrument.stems(FORM))
    known = ~np.isnan(answers)
    given = np.where(known, answers, 0.0)
    enough = 2 * known.sum(axis=1) >= answers.shape[1]
    with np.errstate(invalid="ignore", divide="ignore"):
        found = {
            "mean": given.sum(axis=1) / known.sum(axis=1) / max(instrument.answers),
            "count": (given > 0).sum(axis=1) / known.sum(axis=1),
            "any": (given > 0).any(axis=1).astype(float),
            "factor": given @ weights / (known @ weights) / max(instrument.answers),
        }
    return pd.DataFrame(
        {name: np.where(enough, 100 * value, np.nan) for name, value in found.items()}
    )
