"""Several tests at once: p-values adjusted over their family."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

__all__ = ["adjusted", "with_holm"]


def adjusted(p: pd.Series, method: Literal["holm", "fdr_bh"] = "holm") -> pd.Series:
    """P-values adjusted over all of them; one that is missing stays so, and does not count.

    Parameters
    ----------
    p
        The family.
    method
        'holm' (Holm 1979) or 'fdr_bh' (Benjamini and Hochberg 1995); ``p.adjust`` in R.

    Examples
    --------
    >>> adjusted(pd.Series([0.01, np.nan, 0.04])).tolist()
    [0.02, nan, 0.04]
    """
    tested = p.notna().to_numpy()
    found = np.full(len(p), np.nan)
    if tested.any():
        # statsmodels collects garbage at every call; it need not look at what is here already.
        gc.freeze()
        try:
            found[tested] = multipletests(p.to_numpy()[tested], method=method)[1]
        finally:
            gc.unfreeze()
    return pd.Series(found, p.index)


def with_holm(table: pd.DataFrame, by: Sequence[str] = ()) -> pd.DataFrame:
    """The table with `p_holm` after `p`, adjusted within each family that `by` makes of its rows.

    Examples
    --------
    >>> with_holm(pd.DataFrame({"p": [0.01, 0.04], "n": 9})).columns.tolist()
    ['p', 'p_holm', 'n']
    """
    p = table["p"]
    within = p.groupby([table[name] for name in by]).transform(adjusted) if by else adjusted(p)
    before = list(table)[: list(table).index("p") + 1]
    return table.assign(p_holm=within)[[*before, "p_holm", *list(table)[len(before) :]]]
