"""What the comparisons with R found: `data/validation.csv`, which ``make validation`` writes."""

from __future__ import annotations

import pandas as pd

from coprod.errors import ValidityError
from coprod.paths import VALIDATION

__all__ = ["read_validation"]


def read_validation() -> pd.DataFrame:
    """Every comparison of this project's numbers with R's.

    It is about the program and the panel that comes with it, whatever panel is loaded.

    Returns
    -------
    DataFrame
        One row a table of R's results (or those of its columns that share a tolerance): `group`
        and `what` (plain words), `function` (of `coprod`), `r` (the functions of R), `packages`
        (with versions), `numbers` (how many were compared), `tolerance`, `unit` (of tolerance and
        difference: empty where they are plain differences), `largest` (no number was further
        apart than this; one digit, rounded up), `file`, `table` and `statistics` (in
        `tests/reference/`), `r_version`, `panel_sha256`.

    Raises
    ------
    ValidityError
        If the file is not there; names the command that makes it.

    Examples
    --------
    >>> table = read_validation()
    >>> bool((table["largest"] <= table["tolerance"]).all())
    True
    """
    if not VALIDATION.exists():
        raise ValidityError(f"{VALIDATION.name} is not there; `make validation` makes it")
    return pd.read_csv(VALIDATION, keep_default_na=False, dtype={"r_version": str})
