"""Results that took long, remembered by everything they follow from.

A result is taken from the folder only where the panel, the arguments, every source file of the
package and the versions below it are those that made it; any change, of a comment even, makes it
anew. (``joblib.Memory`` and ``diskcache`` look at the source of one function, not of what it
calls, and keep pickles, which run as code when a stranger's file is read.)
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from coprod.errors import ValidityError
from coprod.panel import Panel
from coprod.paths import CACHE

__all__ = ["remembered"]


def _made_by() -> str:
    """What computes: the package's sources, what they run on, and the kind of machine."""
    digest = hashlib.sha256()
    package = Path(__file__).parent
    for file in sorted(package.rglob("*.py")):
        digest.update(f"{file.relative_to(package).as_posix()}\n".encode() + file.read_bytes())
    versions = [version(name) for name in ("numpy", "pandas", "scipy", "statsmodels", "pyarrow")]
    return f"{digest.hexdigest()} {platform.python_version()} {platform.machine()} {versions}"


# When the package is imported, so that it is the code that runs, whatever is edited later.
MADE_BY = _made_by()
MOST = 40
"""So many results of a name are kept: those that were used last."""


def _fingerprint(frame: pd.DataFrame) -> str:
    """A digest of a frame's values to the bit, its columns, types, categories and index."""
    digest = hashlib.sha256()
    for name, column in frame.items():
        categories = column.cat.categories.tolist() if hasattr(column, "cat") else None
        digest.update(f"{name!r} {column.dtype!r} {categories!r}\n".encode())
        digest.update(pd.util.hash_pandas_object(column, index=False).to_numpy().tobytes())
    digest.update(pd.util.hash_pandas_object(frame.index).to_numpy().tobytes())
    return digest.hexdigest()


def remembered(
    name: str,
    panel: Panel,
    arguments: Mapping[str, object],
    compute: Callable[[], pd.DataFrame],
) -> pd.DataFrame:
    """A result of a panel, computed once.

    Kept as Parquet in the project's folder `.cache`, or in the folder that the environment
    variable COPROD_CACHE names; ``COPROD_CACHE=off`` keeps nothing. Of each name, the results that
    were used last are kept, forty of them. Only aggregated results may be
    kept, never rows of respondents: a panel may be of real people, and a copy of their answers
    that nobody knows of would outlive the file that they consented to. A file that is damaged, or
    is not of this result, is made anew; a folder that cannot be written to keeps nothing. Kept or
    not, the result is the same to the bit.

    Parameters
    ----------
    name
        What is computed; the file starts with it.
    panel
        What it is computed of: its file, its frame and its questionnaire.
    arguments
        Everything else the result depends on, as JSON can write it.
    compute
        Makes the result.

    Returns
    -------
    DataFrame
        What `compute` gives.

    Raises
    ------
    ValidityError
        If the result has a column `respondent`; and what `compute` raises.

    Examples
    --------
    >>> from coprod.panel import open_panel
    >>> remembered("count", open_panel(), {"of": 1}, lambda: pd.DataFrame({"n": [2_624]}))
          n
    0  2624
    """
    where = os.environ.get("COPROD_CACHE") or str(CACHE)
    if where == "off":
        return _aggregated(name, compute())
    inputs = [
        name,
        panel.checksum,
        panel.min_cell,
        _fingerprint(panel.frame),
        repr(panel.instrument),
        json.dumps(dict(arguments), sort_keys=True, default=repr),
        MADE_BY,
    ]
    key = hashlib.sha256(json.dumps(inputs).encode()).hexdigest()
    file = Path(where) / f"{name}-{key[:32]}.parquet"
    found = _read(file, key)
    if found is None:
        found = _aggregated(name, compute())
        _write(file, key, found)
        _forget_oldest(file.parent, name)
    return found


def _aggregated(name: str, table: pd.DataFrame) -> pd.DataFrame:
    if "respondent" in table:
        raise ValidityError(f"{name}: rows of respondents are never kept, only what sums them up")
    return table


def _read(file: Path, key: str) -> pd.DataFrame | None:
    """What the file holds, or None where it is not there or not whole and of this key."""
    try:
        table = pq.read_table(file)
        frame = table.to_pandas()
        content = _fingerprint(frame)
    except Exception:  # a damaged file fails in whatever way it likes, and is made anew
        return None
    marks = table.schema.metadata or {}
    expected = {b"coprod_key": key, b"coprod_content": content}
    if any(marks.get(name) != value.encode() for name, value in expected.items()):
        return None
    with suppress(OSError):
        os.utime(file)  # it was used last now
    return frame


def _write(file: Path, key: str, frame: pd.DataFrame) -> None:
    """Keep a result, whole or not at all."""
    table = pa.Table.from_pandas(frame)
    marks = {"coprod_key": key, "coprod_content": _fingerprint(frame)}
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), **marks})
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # In its place: half a file is noticed, a temporary one of a kernel that is killed stays for good.
        # Whoever reads what was there still has it.
        file.unlink(missing_ok=True)
        pq.write_table(table, file)
    except (OSError, pa.ArrowException):
        with suppress(OSError):
            file.unlink()


def _forget_oldest(folder: Path, name: str) -> None:
    """Remove what has not been used for longest: results of panels and of code that are no more."""
    with suppress(OSError):  # others may do the same at once
        files = sorted(folder.glob(f"{name}-*.parquet"), key=lambda file: file.stat().st_mtime)
        for file in files[:-MOST]:
            file.unlink()
