"""What R found on the panel that comes with the project; see README.md in this folder."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from coprod.paths import PANEL, REFERENCE

__all__ = ["FOUND", "Comparison", "assert_agrees", "assert_within", "load_reference"]


@dataclass(frozen=True)
class Comparison:
    """What one comparison with a table of R's found.

    Attributes
    ----------
    file, table
        Where R's numbers stand.
    statistics
        Which of the table's columns were compared, joined by commas; empty for all.
    numbers
        How many.
    tolerance, unit
        How far apart they may be; the unit is empty for a plain difference.
    largest
        How far apart they were at most.
    """

    file: str
    table: str
    statistics: str
    numbers: int
    tolerance: float
    unit: str
    largest: float


FOUND: list[Comparison] = []
"""Every comparison that was made since this module was imported, passed or not."""


def load_reference(name: str) -> pd.DataFrame:
    """R's results: `file`, `table`, `keys` (joined by a slash), `statistic`, `value`.

    Fails the test that asks for it when the panel is no longer the one that R was given.
    """
    file = REFERENCE / f"{name}.csv"
    first = file.read_text(encoding="utf-8").partition("\n")[0]
    given = first.removeprefix("# panel_sha256: ")
    now = hashlib.sha256(PANEL.read_bytes()).hexdigest()
    if given != now:
        pytest.fail(
            f"tests/reference/{name}.csv was computed on another data/panel.csv "
            f"({given[:12]}, now {now[:12]}): run Rscript tests/reference/{name}.R",
            pytrace=False,
        )
    return pd.read_csv(file, comment="#").assign(file=name)


def assert_agrees(
    reference: pd.DataFrame,
    name: str,
    table: pd.DataFrame,
    keys: list[str],
    tolerance: float,
    statistics: Sequence[str] = (),
) -> None:
    """Every value that R has of a table is in ours, and differs by no more than `tolerance`.

    `statistics` are those of R's columns that are compared, where not all have one tolerance.
    """
    chosen = reference[reference["table"] == name]
    if statistics:
        chosen = chosen[chosen["statistic"].isin(statistics)]
    expected = chosen.set_index(["keys", "statistic"])["value"]
    joined = table[keys].astype(str).agg("/".join, axis=1)
    assert joined.is_unique
    columns = expected.index.get_level_values("statistic").unique()
    found = table.set_index(joined)[list(columns)].astype(float).stack()
    missing = expected.index.difference(found.index)
    assert len(expected) and missing.empty, f"{name}: R has {list(missing)[:5]}, we have not"
    difference = (found.reindex(expected.index) - expected).abs()
    assert_within(reference, name, difference, tolerance, ",".join(statistics))


def assert_within(
    reference: pd.DataFrame,
    name: str,
    difference: pd.Series,
    tolerance: float,
    statistics: str = "",
    unit: str = "",
) -> None:
    """Our numbers and R's, of a table, are no further apart than `tolerance`; and keep note of it.

    Every comparison with R ends here: `python -m tests.reference.validation` makes `data/validation.csv` of
    what is noted.
    """
    [file] = set(reference["file"])
    largest = float(difference.max(skipna=False))
    FOUND.append(Comparison(file, name, statistics, len(difference), tolerance, unit, largest))
    worst = difference.index[int(np.argmax(difference.to_numpy()))]
    assert largest <= tolerance, (
        f"{name}: ours and R's are {largest} {unit} apart at {worst}, more than {tolerance}"
    )
