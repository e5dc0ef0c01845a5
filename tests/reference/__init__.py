"""What R found on the panel that comes with the project; see README.md in this folder."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from coprod.paths import PANEL

__all__ = ["assert_agrees", "load_reference"]

FOLDER = Path(__file__).parent


def load_reference(name: str) -> pd.DataFrame:
    """R's results: `table`, `keys` (joined by a slash), `statistic`, `value`.

    Fails the test that asks for it when the panel is no longer the one that R was given.
    """
    file = FOLDER / f"{name}.csv"
    first = file.read_text(encoding="utf-8").partition("\n")[0]
    given = first.removeprefix("# panel_sha256: ")
    now = hashlib.sha256(PANEL.read_bytes()).hexdigest()
    if given != now:
        pytest.fail(
            f"tests/reference/{name}.csv was computed on another data/panel.csv "
            f"({given[:12]}, now {now[:12]}): run Rscript tests/reference/{name}.R",
            pytrace=False,
        )
    return pd.read_csv(file, comment="#")


def assert_agrees(
    reference: pd.DataFrame, name: str, table: pd.DataFrame, keys: list[str], tolerance: float
) -> None:
    """Every value that R has of a table is in ours, and differs by no more than `tolerance`."""
    expected = reference[reference["table"] == name].set_index(["keys", "statistic"])["value"]
    joined = table[keys].astype(str).agg("/".join, axis=1)
    assert joined.is_unique
    statistics = expected.index.get_level_values("statistic").unique()
    found = table.set_index(joined)[list(statistics)].astype(float).stack()
    missing = expected.index.difference(found.index)
    assert len(expected) and missing.empty, f"{name}: R has {list(missing)[:5]}, we have not"
    difference = (found.reindex(expected.index) - expected).abs()
    worst = int(np.argmax(difference.to_numpy()))
    assert (difference <= tolerance).all(), (
        f"{name}: {expected.index[worst]} is {expected.iloc[worst]!r} in R, "
        f"{difference.iloc[worst]} away from ours, more than {tolerance}"
    )
