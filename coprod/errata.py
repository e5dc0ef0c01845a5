"""The errors found in released versions of the book: `errata.yml`."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from coprod.errors import BookError, Fault
from coprod.paths import ERRATA
from coprod.schema import TEXT, Kind, check_mapping, read_yaml

__all__ = ["load_errata"]

DAY: Kind = ("a day such as 2027-01-31", lambda value: isinstance(value, datetime.date))
VERSION: Kind = ("a version, or null", lambda value: value is None or isinstance(value, str))
SCHEMA: dict[str, Any] = {
    "found": DAY,
    "since": TEXT,
    "corrected": VERSION,
    "where": TEXT,
    "said": TEXT,
    "right": TEXT,
}


def load_errata(path: Path | None = None) -> list[dict[str, Any]]:
    """Read the errors found so far, and say everything that is wrong with the file.

    Parameters
    ----------
    path
        A file of errors; `errata.yml` where None.

    Returns
    -------
    list of dict
        Each with `found` (a day), `since` and `corrected` (versions; the second None while the error
        stands), `where`, `said` and `right`.

    Raises
    ------
    BookError
        For every key or value that is wrong, with its line.

    Examples
    --------
    >>> [error["where"] for error in load_errata()]
    []
    """
    file = path or ERRATA
    errors, places, faults = read_yaml(file.read_text(encoding="utf-8"), file.name)
    if not faults and not isinstance(errors, list):
        faults = [Fault(f"{file.name}:1", "the file must hold a list", "[] where there is none")]
    if not faults:
        for index, error in enumerate(errors):
            faults += check_mapping(error, SCHEMA, places, file.name, (index,))
            if isinstance(error, dict):
                at = f"{file.name}:{places[(index,)]}"
                faults += [Fault(at, f"'{key}' is missing") for key in SCHEMA if key not in error]
    if faults:
        raise BookError("the list of errors cannot be used", faults)
    return errors
