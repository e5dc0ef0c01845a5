"""Could the whole specification curve of the nudges be chance? A joint test by re-randomisation.

Arms are drawn again within areas and every specification is fitted again to the same draws, so that
what specifications share stays shared; see :mod:`coprod.specification_tests`. The null is sharp: no
nudge changed anybody's answer.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coprod.cache import remembered
from coprod.errors import ValidityError
from coprod.experiment import Contrast
from coprod.nudge_specifications import Variations, method, specifications
from coprod.panel import Panel
from coprod.randomisation import assignments
from coprod.specification_tests import DRAWS, SEED, joint

__all__ = ["nudge_draws", "nudge_test"]

Floats = NDArray[np.float64]


def nudge_draws(panel: Panel, table: pd.DataFrame, draws: int = DRAWS, seed: int = SEED) -> Floats:
    """The pooled effect of the nudges under specifications as observed, and under the null.

    Arms are drawn again within areas among everybody in the experiment, so that each area keeps its
    numbers. Which covariates Lin's method takes is left as it was with the arms that were given.

    Parameters
    ----------
    panel
        The panel.
    table
        Specifications, as of :func:`coprod.nudge_specifications.specifications`.
    draws, seed
        How many, and of the assignments.

    Returns
    -------
    ndarray
        (1 + draws) × specifications, in SDs of who is in control; first what was observed. NaN
        where a specification cannot be fitted.
    """
    variations = Variations.of(panel)
    treated = variations.comparison.treated.astype(float)
    drawn = assignments(treated, variations.experiment.area, draws, np.random.default_rng(seed))
    assigned = np.vstack([treated, *drawn])
    found = np.full((1 + draws, len(table)), np.nan)
    for place, chosen in enumerate(table.to_dict("records")):
        rows = variations.rows(**{name: chosen[name] for name in chosen if name != "adjustment"})
        try:
            contrast = variations.contrast(**chosen)
            lin = method(chosen["adjustment"]) == "lin"
            columns = _centred(contrast) if lin else contrast.indicators
        except ValidityError:
            continue
        found[:, place] = _differences(contrast, columns, assigned[:, rows], lin)
    return found


def _centred(contrast: Contrast) -> Floats:
    """An intercept, and the strata and covariates that Lin's method takes, centred."""
    used = contrast.estimate("lin").covariates
    share = contrast.weights / contrast.weights.sum()
    strata = (contrast.indicators - share @ contrast.indicators)[:, 1:]
    covariates = [c.centred(contrast.weights) for c in contrast.covariates if c.name in used]
    return np.column_stack([np.ones(len(strata)), strata, *covariates])


def _differences(contrast: Contrast, columns: Floats, assigned: Floats, lin: bool) -> Floats:
    """Differences treated - control in SDs of control, one an assignment."""
    outcome, weights = contrast.outcome, contrast.weights
    own = weights[:, None] * np.column_stack([np.ones(len(outcome)), outcome, outcome**2])
    size, first, second = ((1 - assigned) @ own).T
    spread = np.sqrt(np.maximum(second / size - (first / size) ** 2, 0))
    if not lin:
        inverse = np.linalg.inv(columns.T @ (weights[:, None] * columns))
        carried = assigned @ (weights[:, None] * columns)
        partial = carried @ inverse
        above = assigned @ own[:, 1] - partial @ (columns.T @ own[:, 1])
        below = assigned @ weights - (partial * carried).sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(above / below / spread)
    # With everything interacted, each group has a regression of its own; at the mean of the
    # covariates, which is zero, they differ by their intercepts.
    k = columns.shape[1]
    first_of, second_of = np.triu_indices(k)
    products = columns[:, first_of] * (weights[:, None] * columns)[:, second_of]
    moments = columns * own[:, [1]]
    treated = assigned @ np.column_stack([products, moments])
    everybody = np.concatenate([products.sum(axis=0), moments.sum(axis=0)])
    intercepts = []
    for sums in (treated, everybody - treated):
        gram = np.empty((len(sums), k, k))
        gram[:, first_of, second_of] = gram[:, second_of, first_of] = sums[:, : len(first_of)]
        intercepts.append(_solved(gram, sums[:, len(first_of) :])[:, 0])
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((intercepts[0] - intercepts[1]) / spread)


def _solved(gram: Floats, moments: Floats) -> Floats:
    """Solutions of many systems; by the generalised inverse where a draw has none."""
    try:
        return np.asarray(np.linalg.solve(gram, moments[:, :, None])[:, :, 0])
    except np.linalg.LinAlgError:
        inverse = np.linalg.pinv(gram, rcond=1e-10, hermitian=True)
        return np.asarray((inverse @ moments[:, :, None])[:, :, 0])


def nudge_test(panel: Panel, draws: int = DRAWS, seed: int = SEED) -> pd.DataFrame:
    """Whether the nudges could have changed nobody's answer at all.

    Over all of :func:`coprod.nudge_specifications.specifications`, which are linear. The table is
    kept (:mod:`coprod.cache`).

    Parameters
    ----------
    panel, draws, seed
        As in :func:`nudge_draws`.

    Returns
    -------
    DataFrame
        As of :func:`joint`.

    Raises
    ------
    ValidityError
        As :func:`coprod.nudge_specifications.nudge_curve`.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> nudge_test(open_panel(), draws=40)["specifications"].tolist()
    [320, 320]
    """
    Variations.of(panel)  # says what an experiment lacks before anything is kept

    def compute() -> pd.DataFrame:
        return joint(nudge_draws(panel, specifications(panel), draws, seed))

    return remembered("nudge_test", panel, {"draws": draws, "seed": seed}, compute)
