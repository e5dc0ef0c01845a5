"""Make every comparison with R and write down what it found, as `data/validation.csv`.

``python -m tests.reference.validation`` (``make validation``) runs the tests that compare with R, and no
others: those whose code calls `assert_agrees` or `assert_within`.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from coprod.paths import PROJECT, REFERENCE, VALIDATION
from tests.reference import FOUND, assert_agrees, assert_within

ROUNDING = 1e-8
"""Differences below are a computer's rounding, which varies from one to the next."""

KEYS = ["file", "table", "statistics"]


class OnlyComparisons:
    """Leaves out every test that compares nothing with R."""

    calls = frozenset({assert_agrees.__name__, assert_within.__name__})

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """As pytest asks for it."""
        items[:] = [
            item
            for item in items
            if isinstance(item, pytest.Function)
            and not self.calls.isdisjoint(item.function.__code__.co_names)
        ]


def upwards(value: float) -> float:
    """One significant digit, rounded up; the next power of ten where only rounding differs.

    >>> upwards(2.31e-6), upwards(3.4e-13), upwards(0.0)
    (3e-06, 1e-12, 1e-15)
    """
    size = round(float(np.log10(max(value, 1e-15))), 9)
    if value < ROUNDING:
        return float(f"1e{np.ceil(size):.0f}")
    step = 10 ** np.floor(size)
    return float(f"{np.ceil(round(value / step, 9)) * step:.0e}")


def made_with(file: str) -> tuple[str, dict[str, str]]:
    """The panel's checksum, and the versions of R and its packages, off a result's first lines."""
    with (REFERENCE / f"{file}.csv").open(encoding="utf-8") as lines:
        panel, made = next(lines), next(lines)
    versions = dict(re.findall(r"(\w+) ([\d.]+)", made.partition(" with ")[2]))
    return panel.removeprefix("# panel_sha256: ").strip(), versions


def table() -> pd.DataFrame:
    """What the comparisons made so far found: the columns of `coprod.validation`."""
    found = pd.DataFrame(FOUND).groupby([*KEYS, "tolerance", "unit"], as_index=False, sort=False)
    noted = found.agg({"numbers": "sum", "largest": "max"}).set_index(KEYS)
    if not noted.index.is_unique:
        raise SystemExit("a table of R's is compared at two tolerances: name the statistics")
    rows = []
    text = (REFERENCE / "comparisons.yml").read_text(encoding="utf-8")
    for group in yaml.safe_load(text):
        for said in group["comparisons"]:
            key = (said["file"], said["table"], said.get("statistics", ""))
            if key not in noted.index:
                raise SystemExit(f"comparisons.yml: no test compares {key}")
            now, (panel, versions) = noted.loc[key], made_with(said["file"])
            # What R brings itself has R's version.
            packages = dict.fromkeys(call.partition("::")[0] for call in said["r"].split(", "))
            brought = [f"{p} {versions[p]}" for p in packages if p in versions]
            rows.append(
                {
                    "group": group["group"],
                    "what": said["what"],
                    "function": said["function"],
                    "r": said["r"],
                    "packages": ", ".join(brought) or f"R {versions['R']}",
                    "numbers": now["numbers"],
                    "tolerance": now["tolerance"],
                    "unit": now["unit"],
                    "largest": min(upwards(now["largest"]), now["tolerance"]),
                    **dict(zip(KEYS, key, strict=True)),
                    "r_version": versions["R"],
                    "panel_sha256": panel,
                }
            )
    described = {tuple(row[key] for key in KEYS) for row in rows}
    if missing := set(noted.index) - described:
        raise SystemExit(f"comparisons.yml: does not describe {sorted(missing)}")
    return pd.DataFrame(rows)


def main(path: Path = VALIDATION) -> int:
    """Run the tests, write the file, and give what pytest gave."""
    files = [
        str(file)
        for file in sorted((PROJECT / "tests").glob("test_*.py"))
        if "from tests.reference import" in file.read_text(encoding="utf-8")
    ]
    # Without the options of the whole suite: no notebooks, no doctests, one process.
    options = ["-q", "-o", "addopts=--import-mode=importlib", "-p", "no:cacheprovider"]
    result = pytest.main([*options, *files], plugins=[OnlyComparisons()])
    if result == pytest.ExitCode.OK:
        table().to_csv(path, index=False, lineterminator="\n")
    return int(result)


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
