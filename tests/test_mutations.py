"""Two hundred broken or hostile files: each is read right, or refused completely and in words."""

from __future__ import annotations

import contextlib
import io
import random
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coprod import cli
from coprod.check import check_table
from coprod.errors import PanelError
from coprod.field_export import from_the_field
from coprod.instrument import load_instrument
from coprod.panel import open_panel
from coprod.reading import read_table
from examples.make import EXAMPLE
from tests.mutations import (
    FORMATS,
    Planted,
    damaged,
    delimited,
    exported,
    good,
    labelled,
    mapped,
    planted,
    written,
)

INSTRUMENT = load_instrument()
SECONDS = 10
RANDOM = st.randoms(use_true_random=True)


def examples(count: int) -> settings:
    """The same files each time; together they are two hundred."""
    return settings(max_examples=count, derandomize=True, database=None, deadline=None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mutations")


@contextlib.contextmanager
def in_time() -> Iterator[None]:
    start = time.perf_counter()
    yield
    assert time.perf_counter() - start < SECONDS


def as_read(cells: pd.DataFrame) -> dict[str, list[float | str | None]]:
    """Cells as a panel holds them, told from the text alone."""
    return {
        name: [
            None if not text else float(text) if variable.kind in ("integer", "number") else text
            for text in cells[name]
        ]
        for name, variable in INSTRUMENT.variables.items()
    }


def right(made: Planted, file: Path) -> str:
    """What was planted is what is read, whoever is put together after."""
    table, _ = read_table(file)
    frame, faults = check_table(from_the_field(table, INSTRUMENT), INSTRUMENT)
    assert not faults, faults
    for name, wanted in as_read(made.wanted).items():
        found = frame[name].astype(object)
        assert found.where(found.notna(), None).tolist() == wanted, name
    panel = open_panel(file)
    assert len(panel.frame) == len(made.wanted)
    assert not panel.synthetic
    return "right"


def readable(error: PanelError) -> None:
    lines = str(error).split("\n")
    assert len(lines) == 1 + len(error.faults)
    for line in lines:
        assert line.isprintable(), line
        assert len(line) < 2_000, line
        assert "Traceback" not in line


def complete(made: Planted, file: Path) -> str:
    """Every planted fault has a line that names it."""
    with pytest.raises(PanelError) as caught:
        open_panel(file)
    readable(caught.value)
    lines = [str(fault) for fault in caught.value.faults]
    for parts in made.faults:
        assert any(all(part in line for part in parts) for line in lines), (parts, lines)
    return "refused"


def sound(file: Path, mapping: Path | None = None) -> str:
    """A panel of which every value is allowed, or a refusal in words."""
    try:
        panel = open_panel(file, mapping)
    except PanelError as error:
        readable(error)
        return "refused"
    for name, variable in panel.instrument.variables.items():
        values = panel.frame[name]
        given = values.dropna()
        assert variable.missing_allowed or len(given) == len(values)
        if variable.kind == "category":
            assert set(given) <= set(variable.levels)
        elif variable.kind == "text":
            assert all(0 < len(text) <= 64 and text.isprintable() for text in given)
            assert given.is_unique
        else:
            assert np.isfinite(given).all()
            assert variable.minimum is None or (given >= variable.minimum).all()
            assert variable.maximum is None or (given <= variable.maximum).all()
    return "read"


def told(made: Planted, file: Path) -> None:
    with in_time():
        (complete if made.faults else right)(made, file)


@examples(90)
@given(rng=RANDOM, form=st.sampled_from(list(FORMATS)))
def test_planted_faults_are_all_named_and_sound_cells_read(
    folder: Path, rng: random.Random, form: str
) -> None:
    made = planted(rng, form)
    told(made, written(made, form, folder))


@examples(15)
@given(rng=RANDOM)
def test_exports_of_the_form_are_read_or_their_faults_named(
    folder: Path, rng: random.Random
) -> None:
    told(*exported(rng, folder))


@examples(15)
@given(rng=RANDOM)
def test_what_an_spss_file_says_of_its_values_is_kept_or_refused(
    folder: Path, rng: random.Random
) -> None:
    told(*labelled(rng, folder))


@examples(20)
@given(rng=RANDOM)
def test_planted_faults_of_mapping_and_margins_are_all_named(
    folder: Path, rng: random.Random
) -> None:
    file, mapping, said = mapped(rng, folder)
    with in_time():
        if not said:
            frame = open_panel(file, mapping).frame
            pd.testing.assert_frame_equal(
                frame, open_panel(EXAMPLE, EXAMPLE.with_suffix(".yml")).frame
            )
            return
        with pytest.raises(PanelError) as caught:
            open_panel(file, mapping)
    readable(caught.value)
    for what in said:
        assert what in str(caught.value)


def check(*arguments: str | Path) -> tuple[int, str]:
    """Status and output of `coprod check`."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = cli.run(["check", *map(str, arguments)])
    return status, said.getvalue()


def checked(file: Path, mapping: Path | None = None) -> None:
    """A file is read or refused, and nothing but the report is written."""
    report = file.parent / "report.html"
    report.unlink(missing_ok=True)
    before = set(file.parent.iterdir())
    with in_time():
        result = sound(file, mapping)
    with in_time():
        plan: list[str | Path] = ["--map", mapping] if mapping else []
        status, output = check(file, *plan, "--report", report)
    assert status == {"read": 0, "refused": 2}[result]
    assert output
    assert "Traceback" not in output
    assert "Warning" not in output
    assert set(file.parent.iterdir()) - before == {report}
    assert report.read_text(encoding="utf-8").endswith("</html>\n")


@pytest.fixture(scope="module")
def contents(folder: Path) -> dict[str, bytes]:
    """A good file of every format."""
    whole = Planted(good(), good())
    return {form: written(whole, form, folder, "whole").read_bytes() for form in FORMATS}


@examples(50)
@given(
    rng=RANDOM, form=st.sampled_from(list(FORMATS)), other=st.sampled_from(list(FORMATS)),
    named=st.sampled_from([True, True, True, False]),
)  # fmt: skip
def test_damaged_bytes_are_read_as_what_is_allowed_or_refused_in_words(
    folder: Path,
    contents: dict[str, bytes],
    rng: random.Random,
    form: str,
    other: str,
    named: bool,
) -> None:
    # Some have the name of another format.
    file = folder / f"damaged{FORMATS[form if named else other][0]}"
    file.write_bytes(damaged(rng, contents[form], contents[other]))
    checked(file)


@examples(10)
@given(rng=RANDOM, at=st.sampled_from([0, 1]))
def test_damaged_mappings_are_refused_in_words(folder: Path, rng: random.Random, at: int) -> None:
    file, mapping, _ = mapped(rng, folder)
    victim = [mapping, folder / "anyborough-margins.yml"][at]
    content = victim.read_bytes()
    victim.write_bytes(damaged(rng, content, content))
    with in_time():
        sound(file, mapping)


def workbook(old: bytes, new: bytes) -> bytes:
    """The good workbook with something in its sheet changed."""
    made, packed = io.BytesIO(), io.BytesIO()
    good().to_excel(made, index=False)
    with (
        zipfile.ZipFile(made) as source,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            content = source.read(name)
            if name == "xl/worksheets/sheet1.xml":
                assert old in content
                content = content.replace(old, new, 1)
            target.writestr(name, content)
    return packed.getvalue()


def many_rows() -> bytes:
    """A Parquet file of a few bytes that says the same three million times."""
    stream = io.BytesIO()
    pd.DataFrame({"area": pd.Categorical(["A"]).repeat(3_000_000)}).to_parquet(stream)
    return stream.getvalue()


BOMBS = {
    "a row far away": ("p.xlsx", lambda: workbook(b'<row r="3"', b'<row r="99999999999"'),
                       "row 99999999999: it is a damaged Excel workbook"),
    "a row before the others": ("p.xlsx", lambda: workbook(b'<row r="3"', b'<row r="1"'),
                                "row 1: it is a damaged Excel workbook"),
    "cells before others": ("p.xlsx", lambda: workbook(b'r="C3"', b'r="XFD3"'), "row 3: it is a damaged"),
    "blanks without end": ("p.xlsx", lambda: workbook(b"</sheetData>", b" " * 20_000_000 + b"</sheetData>"),
                           "its sheets unpack to 20 MB"),
    "rows without end": ("p.parquet", many_rows, "3,000,000 rows of 1 columns in so small a file"),
    "one word": ("p.csv", lambda: b"a" * 300_000 + b",\xe9\n1,2\n", "line 1: a cell of more than 131,072"),
    "weights beyond counting": ("p.csv", lambda: delimited(good().assign(weight="1e200")),
                                "column weight: too large to be added up"),
    "a mark that parts nothing": ("p.csv", lambda: b'sep="\narea"age\nA"3\n', "column"),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_small_files_that_would_take_for_ever_are_refused_at_once(
    name: str, tmp_path: Path
) -> None:
    suffix, make, said = BOMBS[name]
    file = tmp_path / suffix
    file.write_bytes(make())
    with in_time(), pytest.raises(PanelError, match=said) as caught:
        open_panel(file)
    readable(caught.value)


@pytest.mark.parametrize("form", ["SPSS", "Stata", "Excel", "Parquet"])
def test_a_file_that_was_cut_short_is_refused(
    form: str, contents: dict[str, bytes], tmp_path: Path
) -> None:
    file = tmp_path / f"cut{FORMATS[form][0]}"
    for left in (0.5, 0.95):
        file.write_bytes(contents[form][: int(len(contents[form]) * left)])
        with pytest.raises(PanelError, match="damaged"):
            open_panel(file)


def test_a_process_of_its_own_shows_no_traceback(
    contents: dict[str, bytes], tmp_path: Path
) -> None:
    file, report = tmp_path / "panel.sav", tmp_path / "report.html"
    file.write_bytes(contents["SPSS"][:5_000])
    done = subprocess.run(
        [sys.executable, "-m", "coprod", "check", str(file), "--report", str(report)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("Error: ")
    assert "Traceback" not in done.stderr
    assert not done.stdout
    assert {entry.name for entry in tmp_path.iterdir()} == {"panel.sav", "report.html"}
