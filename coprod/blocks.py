"""How much of the variation of an index each block of correlates accounts for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import factorial

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from coprod.crossproducts import crossproduct, eliminate, resampled
from coprod.disclosure import counts_rounded
from coprod.panel import Panel
from coprod.regression import BLOCKS, ModelMatrix, Regression, wald

__all__ = ["block_statistics", "blocks"]

Floats = NDArray[np.float64]
Subset = frozenset[int]


def _explained(matrices: Floats, start: int, sizes: Sequence[int]) -> dict[Subset, Floats]:
    """R² of every subset of the blocks, beside the `start` columns that are always in.

    The columns are the intercept, the rest of the start, the blocks, the outcome. Each subset is
    reached once: a block is either partialled out or dropped, the large first block only once.
    """
    found: dict[Subset, Floats] = {}

    def visit(rest: Floats, block: int, subset: Subset) -> None:
        if block == len(sizes):
            found[subset] = 1 - rest[..., 0, 0] / total
            return
        size = sizes[block]
        visit(rest[..., size:, size:], block + 1, subset)
        visit(eliminate(rest, size), block + 1, subset | {block})

    centred = eliminate(matrices, 1)
    total = centred[..., -1, -1]
    visit(eliminate(centred, start - 1), 0, frozenset())
    return found


def block_statistics(matrices: Floats, start: int, sizes: Sequence[int]) -> Floats:
    """What each block adds in order and last, its Shapley value, and R²: ... × (3 blocks + 1)."""
    explained = _explained(matrices, start, sizes)
    number = len(sizes)
    every = frozenset(range(number))
    order = [explained[frozenset(range(b + 1))] - explained[frozenset(range(b))] for b in every]
    last = [explained[every] - explained[every - {block}] for block in every]
    shapley = []
    for block in every:
        value = np.zeros_like(explained[every])
        for subset, r2 in explained.items():
            if block not in subset:
                before, after = len(subset), number - len(subset) - 1
                share = factorial(before) * factorial(after) / factorial(number)
                value = value + share * (explained[subset | {block}] - r2)
        shapley.append(value)
    return np.stack([*order, *last, *shapley, explained[every]], axis=-1)


def blocks(
    panel: Panel,
    form: str,
    issue: str | None = None,
    draws: int = 2_000,
    seed: int = 20160201,
    weighted: bool = True,
    references: Mapping[str, str] | None = None,
    without: Sequence[str] = (),
) -> pd.DataFrame:
    r"""Share of the variance of an index that goes with each block of correlates.

    One fixed sample, the rows that lack nothing, and the model of :func:`coprod.correlates.fit`;
    area and issue are always in. What a block adds to R² is given when it enters in order
    (background, performance, outreach, efficacy), when it enters last, and as its Shapley value:
    the mean of what it adds over all orders,
    :math:`\phi_b = \sum_{S \not\ni b} \frac{|S|!\,(B-|S|-1)!}{B!}\,(R^2_{S \cup b} - R^2_S)`,
    so that the four values add up to R² beyond area and issue (Lindeman, Merenda and Gold 1980;
    ``relaimpo::calc.relimp(type = "lmg", groups = …, always = …)`` in R).

    R² is biased upwards, and so is all that is added. Values are corrected by the bootstrap
    (:math:`2\hat\theta - \bar\theta^*`, respondents drawn again within areas), intervals are
    normal about the corrected value. An interval can reach below zero: the block may add nothing.
    With more than 20,000 respondents, as many random groups of them are drawn again in their place
    (:mod:`coprod.resampling`).

    Parameters
    ----------
    panel
        The panel.
    form
        'individual' or 'collective'.
    issue
        One issue, or None for all of them pooled.
    draws
        Bootstrap samples, at least 2.
    seed
        Of the bootstrap.
    weighted, references, without
        As in :func:`coprod.correlates.fit`.

    Returns
    -------
    DataFrame
        One row a block: `block`, `label`; `ordered`, `last`, `shapley` (R², 0-1, bias-corrected),
        each with `…_raw` (uncorrected), `…_standard_error`, `…_low`, `…_high` (95 %);
        `statistic`, `df`, `df_residual`, `p` (robust Wald F of the block when it enters in order),
        `last_statistic`, `last_df`, `last_df_residual`, `last_p` (the same with all others in);
        `r2`, `r2_raw`, `r2_standard_error`, `r2_low`, `r2_high` and `r2_adjusted` (1 - (1 - raw R²)
        (n - 1)/(n - k)) of the whole model, the same in every row; `n` (rows), `clusters`
        (respondents). A block whose variables are all left out has no row.

    Raises
    ------
    ValidityError
        As :func:`coprod.correlates.fit`.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> found = blocks(open_panel(), "collective", draws=100).set_index("block")
    >>> found["shapley"].idxmax()
    'efficacy'
    """
    model = ModelMatrix.of(panel, [form], issue, weighted, references, without)
    terms = model.terms["block"]
    present = [name for name in BLOCKS if (terms == name).any()]
    sizes = [int((terms == name).sum()) for name in present]
    start = len(terms) - sum(sizes)
    full = Regression(model)
    columns = np.column_stack([model.predictors, model.outcomes[:, 0]])
    observed = crossproduct(model.design, columns)
    # On one scale, so that `eliminate` can tell what is left of a variable from rounding.
    unit = np.sqrt(np.outer(np.diagonal(observed), np.diagonal(observed)))
    raw = block_statistics(observed / unit, start, sizes)
    draw = np.concatenate(
        [
            block_statistics(matrices / unit, start, sizes)
            for matrices in resampled(model.design, columns, draws, seed)
        ]
    )
    corrected, error = 2 * raw - draw.mean(axis=0), draw.std(axis=0, ddof=1)
    margin = stats.norm.isf(0.025) * error
    values = {
        "": corrected,
        "_raw": raw,
        "_standard_error": error,
        "_low": corrected - margin,
        "_high": corrected + margin,
    }
    number = len(present)
    table = pd.DataFrame({"block": present, "label": [BLOCKS[name] for name in present]})
    for place, name in enumerate(("ordered", "last", "shapley")):
        for suffix, found in values.items():
            table[name + suffix] = found[place * number : (place + 1) * number]
    tests = []
    for position, name in enumerate(present):
        entered = Regression(model, np.arange(start + sum(sizes[: position + 1])))
        row: dict[str, float] = {}
        for prefix, regression in (("", entered), ("last_", full)):
            chosen = model.block(name)
            covariance = regression.covariance[np.ix_(chosen, chosen)]
            value = regression.coefficients[chosen, 0]
            test = wald(value, covariance, regression.df_residual).row()
            row |= {prefix + key: found for key, found in test.items()}
        tests.append(row)
    table = pd.concat([table, pd.DataFrame(tests)], axis=1)
    for suffix, found in values.items():
        table["r2" + suffix] = found[-1]
    n, k = model.predictors.shape
    table = table.assign(
        r2_adjusted=1 - (1 - raw[-1]) * (n - 1) / (n - k), n=n, clusters=len(model.design.strata)
    )
    return counts_rounded(table, panel, also=["last_df_residual"])
