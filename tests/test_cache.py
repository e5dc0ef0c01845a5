"""What is remembered is the same to the bit, and anything that could change it makes it anew."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from coprod import cache
from coprod.cache import remembered
from coprod.errors import ValidityError
from coprod.panel import Panel
from tests.panels import limited, made, small


class Counted:
    """A result with every kind of column that tables have, and how often it was made."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> pd.DataFrame:
        self.times += 1
        return pd.DataFrame(
            {
                "term": ["efficacy", "", "år"],
                "estimate": [0.1 + 0.2, -0.0, np.nan],
                "high": [np.inf, 5e-324, 1 / 3],
                "n": [1, 2, 3],
                "significant": [True, False, True],
                "level": pd.Categorical(["a", "b", "a"], ["b", "a"], ordered=True),
            }
        )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COPROD_CACHE", str(tmp_path / "kept"))
    return tmp_path / "kept"


@pytest.fixture(scope="module")
def panel() -> Panel:
    return made(small(50))


def same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(found, expected, check_exact=True, check_freq=True)
    for name in ("estimate", "high"):
        assert found[name].to_numpy().tobytes() == expected[name].to_numpy().tobytes()


def test_it_is_made_once_and_the_same_to_the_bit(folder: Path, panel: Panel) -> None:
    compute = Counted()
    first = remembered("some", panel, {"form": "individual"}, compute)
    second = remembered("some", panel, {"form": "individual"}, compute)
    assert compute.times == 1 and [f.suffix for f in folder.iterdir()] == [".parquet"]
    same(first, Counted()())
    same(second, first)


def test_what_starts_with_nothing_but_its_inputs_finds_it(folder: Path) -> None:
    """The same panel built twice in memory, and arguments in another order."""
    compute = Counted()
    for arguments in ({"a": 1, "b": {"c": "x", "d": None}}, {"b": {"d": None, "c": "x"}, "a": 1}):
        remembered("some", made(small(50)), arguments, compute)
    assert compute.times == 1


def changed(panel: Panel, column: str, value: Any) -> Panel:
    frame = panel.frame.copy()
    frame.loc[7, column] = value
    return replace(panel, frame=frame)


@pytest.mark.parametrize(
    "other",
    [
        lambda panel: changed(panel, "years", 93.0),
        lambda panel: changed(panel, "safety_col_3", np.nan),
        lambda panel: changed(panel, "respondent", "R9999"),
        lambda panel: replace(panel, frame=panel.frame[::-1]),
        lambda panel: replace(panel, frame=panel.frame.astype({"age": "float32"})),
        lambda panel: replace(panel, frame=panel.frame.rename(columns={"arm": "arms"})),
        lambda panel: replace(panel, instrument=limited(["safety"])),
        lambda panel: replace(panel, checksum="another file"),
    ],
)
def test_another_panel_is_another_result(
    folder: Path, panel: Panel, other: Callable[[Panel], Panel]
) -> None:
    compute = Counted()
    for one in (panel, other(panel)):
        remembered("some", one, {}, compute)
    assert compute.times == 2


def test_other_arguments_sources_or_versions_are_another_result(
    folder: Path, panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    compute = Counted()
    for arguments in ({"seed": 1}, {"seed": 2}, {"seed": "1"}, {"seed": [1]}, {"seeds": 1}):
        remembered("some", panel, arguments, compute)
    assert compute.times == 5
    remembered("other", panel, {"seed": 1}, compute)
    monkeypatch.setattr(cache, "MADE_BY", cache.MADE_BY + " ")
    remembered("some", panel, {"seed": 1}, compute)
    assert compute.times == 7


def test_an_edited_source_file_changes_what_it_is_made_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deep").mkdir()
    source = tmp_path / "deep" / "scales.py"
    source.write_text("x = 1\n")
    monkeypatch.setattr(cache, "__file__", str(tmp_path / "cache.py"))
    before = cache._made_by()
    source.write_text("x = 2\n")
    assert cache._made_by() != before
    source.write_text("x = 1\n")
    assert cache._made_by() == before
    monkeypatch.setattr(cache, "version", lambda name: "0")
    assert cache._made_by() != before


def test_a_damaged_file_is_made_anew(folder: Path, panel: Panel) -> None:
    expected = remembered("some", panel, {}, Counted())
    (file,) = folder.iterdir()
    whole = file.read_bytes()
    step = len(whole) // 150
    flipped = (
        whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :]
        for at in range(0, len(whole), step)
    )
    remade = 0
    for damaged in (b"", whole[:-1], whole[: len(whole) // 2], b"PAR1" * 20, *flipped):
        file.write_bytes(damaged)
        compute = Counted()
        same(remembered("some", panel, {}, compute), expected)
        remade += compute.times
        assert not compute.times or file.read_bytes() == whole
    assert remade > 75


def test_a_file_of_another_result_is_not_believed(folder: Path, panel: Panel) -> None:
    compute = Counted()
    remembered("some", panel, {"of": 1}, compute)
    (file,) = folder.iterdir()
    remembered("some", panel, {"of": 2}, compute)
    (other,) = set(folder.iterdir()) - {file}
    other.replace(file)
    same(remembered("some", panel, {"of": 1}, compute), compute())
    assert compute.times == 4
    compute().to_parquet(file)
    remembered("some", panel, {"of": 1}, compute)
    assert compute.times == 6


def test_what_has_not_been_used_for_longest_is_forgotten(
    folder: Path, panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "MOST", 3)
    compute = Counted()
    remembered("other", panel, {}, compute)
    known = set(folder.iterdir())
    for number in range(3):
        remembered("some", panel, {"of": number}, compute)
        (made,) = set(folder.iterdir()) - known
        os.utime(made, (number, number))
        known.add(made)
    remembered("some", panel, {"of": 0}, compute)
    assert compute.times == 4  # the oldest, and used last now
    remembered("some", panel, {"of": 3}, compute)
    assert len(list(folder.iterdir())) == 4
    for number, times in ((0, 5), (2, 5), (3, 5), (1, 6)):
        remembered("some", panel, {"of": number}, compute)
        assert compute.times == times, number
    assert len(list(folder.glob("other-*"))) == 1


def test_a_table_that_nobody_can_compare_is_made_anew(folder: Path, panel: Panel) -> None:
    compute = Counted()
    remembered("some", panel, {}, compute)
    (file,) = folder.iterdir()
    pq.write_table(pa.table({"a": [[1, 2], [3]]}), file)
    same(remembered("some", panel, {}, compute), compute())
    assert compute.times == 3


def test_where_nothing_can_be_written_nothing_is_kept(
    tmp_path: Path, panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    occupied = tmp_path / "file"
    occupied.write_text("not a folder")
    monkeypatch.setenv("COPROD_CACHE", str(occupied))
    compute = Counted()
    for _ in range(2):
        same(remembered("some", panel, {}, compute), Counted()())
    assert compute.times == 2 and occupied.read_text() == "not a folder"


def test_a_full_disk_leaves_nothing_behind(
    folder: Path, panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(table: object, where: str) -> None:
        Path(where).write_bytes(b"PAR1 half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    same(remembered("some", panel, {}, Counted()), Counted()())
    assert list(folder.iterdir()) == []


def test_off_keeps_nothing(tmp_path: Path, panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COPROD_CACHE", "off")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cache, "CACHE", tmp_path / "default")
    compute = Counted()
    for _ in range(2):
        remembered("some", panel, {}, compute)
    assert compute.times == 2 and list(tmp_path.iterdir()) == []
    monkeypatch.setenv("COPROD_CACHE", "")
    for _ in range(2):
        remembered("some", panel, {}, compute)
    assert compute.times == 3 and len(list((tmp_path / "default").iterdir())) == 1


@pytest.mark.parametrize("where", ["off", "kept"])
def test_rows_of_respondents_are_never_kept(
    folder: Path, panel: Panel, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if where == "off":
        monkeypatch.setenv("COPROD_CACHE", "off")
    with pytest.raises(ValidityError, match="rows of respondents are never kept"):
        remembered("some", panel, {}, lambda: panel.frame)
    assert not folder.exists()


def test_a_mistake_is_said_and_not_kept(folder: Path, panel: Panel) -> None:
    def wrong() -> pd.DataFrame:
        raise ValidityError("years: is constant")

    for _ in range(2):
        with pytest.raises(ValidityError, match="years: is constant"):
            remembered("some", panel, {}, wrong)
    assert not folder.exists()
