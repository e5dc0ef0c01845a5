"""What a copy says it was made from: the same for the same commit, with checksums of its inputs."""

from __future__ import annotations

import hashlib
import json
import subprocess
from dataclasses import asdict
from pathlib import Path

import pytest

from coprod.paths import PROJECT
from coprod.render import provenance
from coprod.render.provenance import INPUTS, PANEL_VARIABLE, gather
from coprod.render.told import BUILD_VARIABLE, telling
from coprod.render.told import told as find


def told(folder: Path = PROJECT) -> dict[str, str]:
    with telling({"provenance": asdict(gather(folder, "coprod 0"))}):
        return dict(provenance.table().set_index("what")["value"])


def test_the_inputs_have_the_checksums_of_their_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PANEL_VARIABLE, raising=False)
    rows = told()
    for what, name in INPUTS.items():
        assert rows[f"{what}, {name}"] == hashlib.sha256((PROJECT / name).read_bytes()).hexdigest()


def test_another_panel_is_named_without_its_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "ours.csv").write_text("a\n1\n")
    monkeypatch.setenv(PANEL_VARIABLE, str(tmp_path / "ours.csv"))
    rows = told()
    assert rows["Panel, ours.csv"] == hashlib.sha256(b"a\n1\n").hexdigest()
    assert not any(str(tmp_path) in text for pair in rows.items() for text in pair)


def test_the_time_is_the_benchmarks_and_no_clock_is_read() -> None:
    measured = json.loads((PROJECT / "benchmarks/results.json").read_text())
    rows = told()
    assert rows["Benchmark"].startswith(f"{measured['cases'][0]['wall_seconds']:.0f} s")
    assert measured["machine"] in rows["Benchmark"]
    assert told() == rows


def test_a_book_with_none_of_these_files_says_nothing_of_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(PANEL_VARIABLE, raising=False)
    rows = told(tmp_path)
    assert rows["Commit"] == "unknown"
    assert "Benchmark" not in rows
    assert not any(", data/" in what for what in rows)


def test_outside_a_build_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(BUILD_VARIABLE, raising=False)
    assert provenance.table()["value"].tolist() == ["none: this was run outside a build"]


def test_a_large_book_has_much_to_tell() -> None:
    # More than a system allows in one variable.
    with telling({"programs": "a" * 300_000, "other": 1}):
        assert len(find("programs")) == 300_000 and find("other") == 1 and find("none") is None
        subprocess.run(["true"], check=True)


@pytest.mark.parametrize("text", ["{", "[]", '{"cases": []}', '{"cases": [1]}'])
def test_a_benchmark_that_is_half_written_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks/results.json").write_text(text)
    assert gather(tmp_path, "coprod 0").measured == ""
