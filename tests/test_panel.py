"""Panel files: good ones are read whatever their format, broken ones give every fault at once."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from coprod import load_instrument, open_panel
from coprod.errors import PanelError
from coprod.panel import read_panel
from coprod.paths import PANEL
from coprod.synthetic import synthesise, write_frame

INSTRUMENT = load_instrument()
NAMES = list(INSTRUMENT.variables)


class File:
    """The lines of a good panel of twenty, to be broken."""

    def __init__(self, lines: list[list[str]]) -> None:
        self.lines = lines

    def put(self, line: int, column: str, value: str) -> None:
        """Line 1 is the header."""
        self.lines[line - 1][self.lines[0].index(column)] = value

    def rename(self, column: str, name: str) -> None:
        self.lines[0][self.lines[0].index(column)] = name

    def drop(self, column: str) -> None:
        at = self.lines[0].index(column)
        for line in self.lines:
            del line[at]

    def add(self, column: str, value: str) -> None:
        for number, line in enumerate(self.lines):
            line.append(value if number else column)

    def text(self, delimiter: str = ",", end: str = "\n") -> str:
        return "".join(delimiter.join(line) + end for line in self.lines)


@pytest.fixture
def good() -> File:
    """The areas are contiguous in the panel, so that every tenth line holds all five."""
    header, *rows = PANEL.read_text(encoding="utf-8").splitlines()
    return File([header.split(","), *(row.split(",") for row in rows[::131][:20])])


def refused(file: Path) -> str:
    with pytest.raises(PanelError) as caught:
        open_panel(file)
    said = str(caught.value)
    assert len(said) < 12_000
    assert all(len(str(fault)) < 2_000 for fault in caught.value.faults)
    assert all(c.isprintable() or c == "\n" for c in said)
    assert "Traceback" not in said
    return said


def faults(file: Path) -> list[str]:
    return [line.strip() for line in refused(file).splitlines()[1:]]


# Cells that are wrong --------------------------------------------------------------------------

CELLS: dict[str, tuple[list[tuple[int, str, str]], list[str]]] = {
    "a level that is none": (
        [(3, "gender", "female")],
        ["column gender: 'female' on line 3; allowed: man, woman"],
    ),
    "the label in place of the level": (
        [(3, "employment", "Work full time"), (4, "safety_ind_1", "Often")],
        [
            "column employment: 'Work full time' on line 3 (did you mean 'full_time'?); allowed: "
            "full_time, part_time, unemployed, retired, other, or empty",
            "column safety_ind_1: 'Often' on line 4 (did you mean '2'?); allowed: whole numbers "
            "from 0 to 2, or empty",
        ],
    ),
    "a level in capitals": (
        [(2, "arm", "Norm")],
        ["column arm: 'Norm' on line 2 (did you mean 'norm'?)"],
    ),
    "out of range below": (
        [(2, "age", "17"), (5, "age", "-3")],
        ["column age: '17' on line 2; '-3' on line 5; allowed: whole numbers from 18 to 110"],
    ),
    "out of range above": (
        [(2, "safety_state", "6"), (2, "willing", "11")],
        [
            "column safety_state: '6' on line 2; allowed: whole numbers from 1 to 5, or empty",
            "column willing: '11' on line 2; allowed: whole numbers from 0 to 10, or empty",
        ],
    ),
    "words where a number is due": (
        [(9, "years", "twelve")],
        ["column years: 'twelve' on line 9; allowed: whole numbers from 0 to 110, or empty"],
    ),
    "decimals in an item": (
        [(9, "health_col_4", "1.5")],
        ["column health_col_4: '1.5' on line 9; allowed: whole numbers from 0 to 2, or empty"],
    ),
    "an unknown area": (
        [(4, "area", "F"), (6, "area", "a")],
        ["column area: 'F' on line 4; 'a' on line 6 (did you mean 'A'?); allowed: A, B, C, D, E"],
    ),
    "an unknown issue": (
        [(4, "nudge_issue", "helth")],
        ["column nudge_issue: 'helth' on line 4 (did you mean 'health'?)"],
    ),
    "a negative weight": (
        [(4, "weight", "-1")],
        ["column weight: '-1' on line 4; allowed: numbers of 0.000001 or more"],
    ),
    "no weight": (
        [(4, "weight", "0"), (5, "weight", ""), (6, "weight", "NaN")],
        ["column weight: '0' on line 4; empty on line 5; 'NaN' on line 6; allowed: numbers of"],
    ),
    "an infinite weight": (
        [(4, "weight", "inf"), (5, "weight", "1e999"), (6, "weight", "-Infinity")],
        ["'inf' on line 4; '1e999' on line 5; '-Infinity' on line 6"],
    ),
    "codes for missing": (
        [(4, "tenure", "NA"), (5, "intends", "-99"), (6, "years", "n/a"), (7, "age", "NA")],
        [
            "column tenure: 'NA' on line 4 (leave the cell empty where nothing was answered)",
            "column intends: '-99' on line 5 (leave the cell empty where nothing was answered)",
            "column years: 'n/a' on line 6 (leave",
            "column age: 'NA' on line 7; allowed: whole numbers from 18 to 110",
        ],
    ),
    "empty where that is not allowed": (
        [(4, "gender", ""), (5, "area", ""), (6, "respondent", ""), (7, "age", " ")],
        [
            "column gender: empty on line 4; allowed: man, woman",
            "column area: empty on line 5; allowed: A, B, C, D, E",
            "column respondent: empty on line 6; allowed: up to 64 printable characters",
            "column age: empty on line 7",
        ],
    ),
    "a respondent who is there twice": (
        [(4, "respondent", "X1"), (9, "respondent", "X1"), (12, "respondent", "X1 ")],
        ["column respondent: 'X1' again on lines 9 and 12, first on line 4; each once"],
    ),
    "an arm without an issue": (
        [(4, "nudge_issue", ""), (7, "arm", "")],
        [
            "column nudge_issue: empty on line 4, where arm is not",
            "column arm: empty on line 7, where nudge_issue is not",
            "column arm: empty on line 7, where willing is not",
            "column arm: empty on line 7, where signup is not",
        ],
    ),
    "two kinds of data": (
        [(4, "source", "survey")],
        ["column source: both synthetic and survey; a panel is one or the other"],
    ),
    "numbers that Python alone would take": (
        [(4, "age", "4_0"), (5, "age", "٤٠"), (6, "age", "0x30"), (7, "years", "1 2")],
        ["'4_0' on line 4; '٤٠' on line 5; '0x30' on line 6", "column years: '1 2' on line 7"],
    ),
    "a control character and a very long cell": (
        [(4, "respondent", "R\x1b[31m"), (5, "gender", "x" * 3000), (6, "arm", "no\u202erm")],
        [
            r"column respondent: 'R\x1b[31m' on line 4",
            "column gender: '" + "x" * 40 + "…' on line 5",
            r"'no\u202erm' on line 6",
        ],
    ),
    "many wrong cells": (
        [(line, "age", "x") for line in range(2, 20)]
        + [(line, "years", f"y{line}") for line in range(2, 20)],
        [
            "column age: 'x' on lines 2, 3, 4, 5, 6 and 13 more; allowed",
            "'y6' on line 6; 13 other values in 13 cells; allowed",
        ],
    ),
}


@pytest.mark.parametrize("name", CELLS)
def test_wrong_cells(tmp_path: Path, good: File, name: str) -> None:
    cells, wanted = CELLS[name]
    for line, column, value in cells:
        good.put(line, column, value)
    file = tmp_path / "panel.csv"
    file.write_text(good.text(), encoding="utf-8")
    said = refused(file)
    for text in wanted:
        assert text in said
    # One fault a column, or one a pair of columns that do not go together: nothing spills over.
    columns = {column for _, column, _ in cells}
    assert len(said.splitlines()) - 1 == max(len(columns), len(wanted))


# Columns that are wrong ------------------------------------------------------------------------

COLUMNS: dict[str, tuple[Callable[[File], object], list[str]]] = {
    "a missing column": (lambda f: f.drop("weight"), ["column weight: missing"]),
    "three missing columns": (
        lambda f: [f.drop(name) for name in ("area", "age", "signup")],
        ["column area: missing", "column age: missing", "column signup: missing"],
    ),
    "an extra column": (
        lambda f: f.add("postcode", "B1"),
        ["column postcode: not in the codebook"],
    ),
    "a misspelt column": (
        lambda f: f.rename("safety_satisfied", "safety_satisfed"),
        [
            "column safety_satisfied: missing",
            "column safety_satisfed: not in the codebook; did you mean safety_satisfied?",
        ],
    ),
    "a column in capitals": (
        lambda f: f.rename("gender", "Gender"),
        ["column gender: missing", "column Gender: not in the codebook; did you mean gender?"],
    ),
    "a column that is there twice": (
        lambda f: f.add("age", "40"),
        ["column age: there 2 times; once is allowed"],
    ),
    "a column without a name": (lambda f: f.add("", ""), ["column 58: has no name"]),
    "a hostile name": (
        lambda f: f.add("<b>\x07" + "z" * 900, "1"),
        [r"column <b>\x07" + "z" * 36 + "…: not in the codebook"],
    ),
    "thirty extra columns": (
        lambda f: [f.add(f"q{n}", "1") for n in range(30)],
        ["column q0: not in the codebook", "10 more columns that are not in the codebook"],
    ),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_wrong_columns(tmp_path: Path, good: File, name: str) -> None:
    spoil, wanted = COLUMNS[name]
    spoil(good)
    file = tmp_path / "panel.csv"
    file.write_text(good.text(), encoding="utf-8")
    said = faults(file)
    for text in wanted:
        assert text in said or any(line.startswith(text) for line in said)
    if name != "thirty extra columns":
        assert len(said) == len(wanted)


# Files that are wrong --------------------------------------------------------------------------

FILES: dict[str, tuple[Callable[[File], bytes], list[str]]] = {
    "empty": (lambda f: b"", ["it is empty"]),
    "blank": (lambda f: b"\xef\xbb\xbf\n \n\n", ["it is empty"]),
    "header only": (
        lambda f: (",".join(NAMES) + "\n").encode(),
        ["a header and no respondents"],
    ),
    "no header": (
        lambda f: "\n".join(f.text().splitlines()[1:]).encode(),
        ["line 1: no column of the codebook (synthetic, R0001, A,", "the columns are source, resp"],
    ),
    "a workbook": (
        lambda f: b"PK\x03\x04\x14\0",
        ["it is a damaged Excel workbook or zip archive"],
    ),
    "an SPSS file": (
        lambda f: b"$FL2@(#) SPSS",
        ["it is damaged, though it starts as an SPSS file"],
    ),
    "bytes": (lambda f: bytes(range(256)) * 9, ["it is not a text file"]),
    "a damaged Parquet file": (lambda f: b"PAR1" + b"x" * 99, ["it is a damaged Parquet file"]),
    "ragged rows": (
        lambda f: (
            f.text().replace("R0001,", "R0001,,").replace("\nsynthetic,R0132,", "\n").encode()
        ),
        ["line 3: 55 cells; the header has 57", "line 2: 58 cells; the header has 57"],
    ),
    "a comma for a point": (
        lambda f: f.text().replace("0.", "0,").encode(),
        ["58 cells; the header has 57"],
    ),
    "a quotation mark that is not closed": (
        lambda f: f.text().replace("R0132", '"R0132').replace("R0001", "").encode(),
        [
            "line 3: quotation marks that do not match; nothing after it could be read",
            "column respondent: empty on line 2",
        ],
    ),
    "text after a quotation": (
        lambda f: f.text().replace("R0132", '"R"0132').encode(),
        ["line 3: quotation marks that do not match"],
    ),
    "a cell of two lines": (
        lambda f: f.text().replace("R0132", '"R\n0132"').encode(),
        [r"column respondent: 'R\n0132' on line 4"],
    ),
    "an endless cell": (
        lambda f: f.text().replace("R0132", '"' + "R" * 200_000).encode(),
        ["line 3: a cell of more than 131,072 characters; is a quotation mark missing?"],
    ),
    "a page of the web": (
        lambda f: b"<!DOCTYPE html>\n<html><body>Not found</body></html>\n",
        ["line 1: no column of the codebook (<!DOCTYPE html>, "],
    ),
    "numbers alone": (lambda f: b"1,2,3\n4,5,6\n", ["line 1: no column of the codebook (1, 2, 3"]),
}


@pytest.fixture
def standard_limit() -> Iterator[None]:
    """Packages such as frictionless raise the length of a cell for the whole process."""
    before = csv.field_size_limit(131_072)
    yield
    csv.field_size_limit(before)


@pytest.mark.usefixtures("standard_limit")
@pytest.mark.parametrize("name", FILES)
def test_wrong_files(tmp_path: Path, good: File, name: str) -> None:
    spoil, wanted = FILES[name]
    file = tmp_path / "panel.csv"
    file.write_bytes(spoil(good))
    said = refused(file)
    for text in wanted:
        assert text in said


def test_no_file_a_folder_and_a_false_name(tmp_path: Path) -> None:
    assert faults(tmp_path / "none.csv") == ["there is no such file"]
    assert faults(tmp_path) == ["it is a folder; give a CSV, Excel, SPSS, Stata or Parquet file"]
    assert faults(tmp_path / ("x" * 5000)) != []
    assert "there is no such file" in faults(tmp_path / "nul\x1b.csv")
    (tmp_path / "panel.parquet").write_text("source,respondent\n")
    assert faults(tmp_path / "panel.parquet") == ["not a Parquet file, whatever its name says"]


def test_all_kinds_of_faults_in_one_message(tmp_path: Path, good: File) -> None:
    good.put(3, "gender", "x")
    good.put(4, "age", "7")
    good.put(5, "respondent", good.lines[5][1])
    good.put(8, "nudge_issue", "")
    good.drop("tenure")
    good.add("postcode", "B1")
    good.lines[9].append("more")
    file = tmp_path / "panel.csv"
    file.write_text(good.text(), encoding="utf-8")
    said = refused(file)
    assert said.startswith(f"The panel {file} cannot be used: 7 faults\n")
    for text in (
        "column tenure: missing",
        "column postcode: not in the codebook",
        "line 10: 58 cells; the header has 57",
        "column gender: 'x' on line 3",
        "column age: '7' on line 4",
        "again on line 6, first on line 5",
        "column nudge_issue: empty on line 8, where arm is not",
    ):
        assert text in said


# Files that are right --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "write",
    [
        lambda f: f.text().encode("utf-8-sig"),
        lambda f: f.text(end="\r\n").encode(),
        lambda f: f.text(end="\r").encode(),
        lambda f: f.text().replace("\n", "\r\n", 5).encode(),
        lambda f: f.text().rstrip("\n").encode(),
        lambda f: ("\n" + f.text().replace("\n", "\n\n") + "\n,,\n" + "," * 56).encode(),
        lambda f: f.text(delimiter=" , ").encode(),
        lambda f: "\n".join(
            ",".join(f'"{cell}"' for cell in line) for line in f.lines
        ).encode(),
        lambda f: f.text().replace(",2,", ",2.0,").replace(",1,", ",+1,").encode(),
    ],
    ids=[
        "byte order mark", "Windows", "old Mac", "mixed line ends", "no last line end",
        "blank lines", "spaces", "quotation marks", "whole numbers with a point",
    ],
)  # fmt: skip
def test_formats_are_forgiven(tmp_path: Path, good: File, write: Callable[[File], bytes]) -> None:
    plain, other = tmp_path / "plain.csv", tmp_path / "other.csv"
    plain.write_text(good.text(), encoding="utf-8")
    other.write_bytes(write(good))
    pd.testing.assert_frame_equal(open_panel(other).frame, open_panel(plain).frame)


def test_order_of_columns_does_not_matter(tmp_path: Path, good: File) -> None:
    plain, other = tmp_path / "plain.csv", tmp_path / "other.csv"
    plain.write_text(good.text(), encoding="utf-8")
    good.lines = [line[::-1] for line in good.lines]
    other.write_text(good.text(), encoding="utf-8")
    pd.testing.assert_frame_equal(open_panel(other).frame, open_panel(plain).frame)


@pytest.mark.parametrize("value", ["survey", None])
def test_a_real_panel_is_not_synthetic(tmp_path: Path, good: File, value: str | None) -> None:
    for line in range(2, len(good.lines) + 1):
        good.put(line, "source", value or "")
    if value is None:
        good.drop("source")
    file = tmp_path / "council.csv"
    file.write_text(good.text(), encoding="utf-8")
    panel, _ = read_panel(file)
    assert not panel.synthetic
    assert panel.seed is None
    assert panel.describe() == "panel of 20 respondents in five areas, read from council.csv"


def test_another_synthetic_panel_does_not_claim_the_seed(tmp_path: Path) -> None:
    file = tmp_path / "panel.csv"
    write_frame(synthesise(respondents=1000, seed=4), file)
    said = open_panel(file).describe()
    assert said == (
        "synthetic panel of 1,000 respondents in five areas, drawn from data/design.yml"
    )


def test_parquet_gives_what_csv_gives(tmp_path: Path) -> None:
    panel = open_panel(PANEL)
    file = tmp_path / "panel.parquet"
    panel.frame.to_parquet(file)
    pd.testing.assert_frame_equal(open_panel(file).frame, panel.frame)
    # As other programs write it: plain text and small whole numbers.
    plain = panel.frame.astype(
        {
            name: "str" if v.kind == "category" else "Int64"
            for name, v in INSTRUMENT.variables.items()
            if v.kind in ("category", "integer")
        }
    )
    plain.to_parquet(file)
    pd.testing.assert_frame_equal(open_panel(file).frame, panel.frame)


def test_a_wrong_parquet_file_says_column_row_and_value(tmp_path: Path) -> None:
    file = tmp_path / "panel.parquet"
    frame = open_panel(PANEL).frame.astype({"gender": "str"})
    frame.loc[2, "gender"] = "x"
    frame.loc[[4, 5], "age"] = [17.5, np.inf]
    frame.drop(columns="years").to_parquet(file)
    assert faults(file) == [
        "column years: missing; if it was not asked, list it under 'without' in a mapping",
        "column age: '17.5' on row 5; 'inf' on row 6; allowed: whole numbers from 18 to 110",
        "column gender: 'x' on row 3; allowed: man, woman",
    ]
    pd.DataFrame({"respondent": [["a"], ["b"]]}).to_parquet(file)
    assert "one value a cell" in faults(file)[0]


@pytest.mark.parametrize(
    "values",
    [
        pa.array([2**62, 1], pa.timestamp("us")),
        pa.array([2**62, 1], pa.duration("s")),
        pa.array([1, 1], pa.timestamp("us", "Mars/Phobos")),
        pa.array([b"\xff", b"a"]).cast(pa.string(), safe=False),
    ],
    ids=["time", "duration", "zone", "text"],
)
def test_parquet_values_that_cannot_be_read_are_one_fault(values: pa.Array, tmp_path: Path) -> None:
    file = tmp_path / "panel.parquet"
    pq.write_table(pa.table({"area": ["A", "B"], "age": values}), file)
    assert faults(file) == [f"column age: holds values of type {values.type} that cannot be read"]


def test_the_panel_says_what_it_is() -> None:
    panel = open_panel()
    assert panel.synthetic
    assert panel.source == "data/panel.csv"
    assert panel.checksum == hashlib.sha256(PANEL.read_bytes()).hexdigest()
    assert panel.describe() == (
        "synthetic panel of 2,624 respondents in five areas, "
        f"drawn from data/design.yml with seed {panel.seed}"
    )
    assert list(panel.frame) == NAMES


def test_the_environment_names_the_panel(
    tmp_path: Path, good: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "other.csv"
    file.write_text(good.text(), encoding="utf-8")
    monkeypatch.setenv("COPROD_PANEL", str(file))
    assert len(open_panel().frame) == 20
    assert len(open_panel(PANEL).frame) == 2624
    monkeypatch.setenv("COPROD_PANEL", str(tmp_path / "gone.csv"))
    with pytest.raises(PanelError, match="there is no such file"):
        open_panel()


def test_the_long_view_is_the_wide_one_by_issue() -> None:
    panel = open_panel()
    long = panel.long
    assert long is panel.long
    assert len(long) == 3 * len(panel.frame)
    assert list(long)[:3] == ["respondent", "area", "weight"]
    assert long["issue"].tolist()[:4] == ["safety", "environment", "health", "safety"]
    for issue in INSTRUMENT.issues:
        rows = long[long["issue"] == issue].reset_index(drop=True)
        for stem in [*INSTRUMENT.perceptions, "ind_1", "ind_4", "col_2"]:
            assert rows[stem].equals(panel.frame[f"{issue}_{stem}"].rename(stem))
        assert rows["respondent"].equals(panel.frame["respondent"])
        assert rows["education"].equals(panel.frame["education"])
