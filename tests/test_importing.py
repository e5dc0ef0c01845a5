"""Any survey file: what each format holds is read alike, and what is found out is said."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyreadstat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coprod import load_instrument, open_panel
from coprod.cli import run
from coprod.errors import PanelError
from coprod.paths import PANEL
from coprod.reading import read_table

INSTRUMENT = load_instrument()
SHIPPED = pd.read_csv(PANEL, dtype=str, keep_default_na=False)
NUMERIC = [n for n, v in INSTRUMENT.variables.items() if v.kind in ("integer", "number")]


def typed() -> pd.DataFrame:
    """The shipped panel as other programs hold it: numbers as numbers."""
    frame = SHIPPED.copy()
    for name in NUMERIC:
        frame[name] = pd.to_numeric(frame[name].replace("", None))
    return frame


def comma(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(weight=frame["weight"].str.replace(".", ","))


WRITERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "semicolons": (".csv", lambda f: SHIPPED.to_csv(f, index=False, sep=";")),
    "tabs": (".txt", lambda f: SHIPPED.to_csv(f, index=False, sep="\t")),
    "bars": (".csv", lambda f: SHIPPED.to_csv(f, index=False, sep="|")),
    "UTF-16": (".csv", lambda f: SHIPPED.to_csv(f, index=False, sep="\t", encoding="utf-16")),
    "decimal comma": (".csv", lambda f: comma(SHIPPED).to_csv(f, index=False, sep=";")),
    "quoted decimal comma": (".csv", lambda f: comma(SHIPPED).to_csv(f, index=False, quoting=1)),
    "sep line": (
        ".csv",
        lambda f: f.write_text("sep=;\r\n" + SHIPPED.to_csv(index=False, sep=";")),
    ),
    "Excel": (".xlsx", lambda f: typed().to_excel(f, index=False)),
    "SPSS": (".sav", lambda f: pyreadstat.write_sav(typed(), f)),
    "compressed SPSS": (".zsav", lambda f: pyreadstat.write_sav(typed(), f, compress=True)),
    "Stata": (".dta", lambda f: pyreadstat.write_dta(typed(), f)),
    "old Stata": (".dta", lambda f: pyreadstat.write_dta(typed(), f, version=12)),
    "Parquet": (".parquet", lambda f: typed().to_parquet(f)),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_panel(name: str, tmp_path: Path) -> None:
    suffix, write = WRITERS[name]
    file = tmp_path / f"panel{suffix}"
    write(file)
    pd.testing.assert_frame_equal(open_panel(file).frame, open_panel(PANEL).frame)


@pytest.mark.parametrize("content,said", [
    ("a;b\nZoë;1,5\n".encode("cp1252"), ["Windows-1252 (found out, as it is not UTF-8, from 'Zoë')",
     "semicolons (found out)", "decimal comma (found out from '1,5')"]),
    ("a\tb\nZoë\t1.5\n".encode("utf-16"), ["UTF-16", "tabs"]),
    (b"a,b\nx,1.5\n", ["text in UTF-8", "commas"]),
])  # fmt: skip
def test_what_is_found_out_is_said(content: bytes, said: list[str], tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_bytes(content)
    table, _ = read_table(tmp_path / "f.csv")
    assert table.header == ["a", "b"]
    assert all(part in "; ".join(table.format) for part in said)


def test_text_of_two_encodings_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "f.csv"
    file.write_bytes(SHIPPED.head(3).to_csv(index=False).encode() + "Zoë\n".encode() + b"Zo\xeb\n")
    with pytest.raises(PanelError, match="line 6: neither UTF-8 nor Windows-1252"):
        open_panel(file)


@settings(max_examples=60, deadline=None)
@given(
    cells=st.lists(
        st.lists(st.text("abc é;,|\t\"'12", min_size=0, max_size=6), min_size=3, max_size=3),
        min_size=3,
        max_size=6,
    ),
    mark=st.sampled_from([",", ";", "\t", "|"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
)
def test_quoted_cells_come_back_as_they_were(
    cells: list[list[str]], mark: str, encoding: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("t") / "f.csv"
    pd.DataFrame([["x", *row] for row in cells], columns=["one", "two", "three", "four"]).to_csv(
        file, index=False, sep=mark, quoting=1, encoding=encoding
    )
    table, _ = read_table(file)
    found = [list(row) for _, columns in table.chunks for row in zip(*columns, strict=True)]
    assert found == [["x", *row] for row in cells]


def test_what_spss_declares_missing_is_kept_and_counted(tmp_path: Path) -> None:
    file = tmp_path / "f.sav"
    frame = pd.DataFrame({"a": [1.0, -9.0, -8.0, np.nan, 99.0], "b": ["x", "REF", "y", "", "x"]})
    labels = {"a": {-9.0: "Refused", 1.0: "Yes"}}
    ranges: Any = {"a": [{"lo": -9, "hi": -5}, 99], "b": ["REF"]}
    pyreadstat.write_sav(frame, file, missing_ranges=ranges, variable_value_labels=labels)
    table, _ = read_table(file)
    assert table.missing == {"a": {"-9": 1, "-8": 1, "99": 1}, "b": {"REF": 1}}
    assert table.labels == {"a": {"-9": "Refused", "1": "Yes"}}


def zipped(name: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, "x")
    return stream.getvalue()


BROKEN: dict[str, tuple[str, bytes, str]] = {
    "zip named csv": ("p.csv", zipped("readme.txt"), "it is a zip archive; unpack it first"),
    "damaged workbook": ("p.xlsx", zipped("xl/workbook.xml"), "it is a damaged Excel workbook"),
    "cut zip": ("p.xlsx", b"PK\3\4" + b"x" * 50, "damaged Excel workbook or zip archive"),
    "locked workbook": ("p.xlsx", b"\xd0\xcf\x11\xe0" + b"x" * 99, "locked with a password"),
    "locked SPSS": ("p.sav", b"\x1c" + b"\0" * 7 + b"ENCRYPTEDSAV", "locked with a password"),
    "cut SPSS": ("p.sav", b"$FL2@(#) SPSS" + b"\0" * 200, "damaged, though it starts as an SPSS"),
    "cut Stata": ("p.dta", b"<stata_dta><header>", "damaged, though it starts as a Stata"),
    "false name": ("p.sav", b"a,b\n1,2\n", "not an SPSS file, whatever its name says"),
    "empty": ("p.xlsx", b"", "it is empty"),
    "bytes": ("p.csv", bytes(range(256)), "it is not a text file"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_get_one_clear_message(name: str, tmp_path: Path) -> None:
    file_name, content, said = BROKEN[name]
    (tmp_path / file_name).write_bytes(content)
    with pytest.raises(PanelError, match=said) as caught:
        open_panel(tmp_path / file_name)
    assert len(caught.value.faults) == 1


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "p.csv"
    with file.open("wb") as stream:
        stream.truncate(3_000_000_000)
    with pytest.raises(PanelError, match=r"3\.0 GB; up to 1 GB"):
        open_panel(file)


def test_formulas_without_results_are_no_gaps(tmp_path: Path) -> None:
    file = tmp_path / "p.xlsx"
    pd.DataFrame({"area": ["A", "B"], "age": [40, "=20+1"]}).to_excel(file, index=False)
    with pytest.raises(PanelError, match="row 3: formulas without their results"):
        open_panel(file)


def test_check_says_what_was_read_or_all_that_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, report = tmp_path / "p.csv", tmp_path / "report.html"
    SHIPPED.to_csv(file, index=False, sep=";")
    assert run(["check", str(file)]) == 0
    said = capsys.readouterr().out
    assert "Respondents: 2,624" in said
    assert "semicolons (found out)" in said
    assert [entry.name for entry in tmp_path.iterdir()] == ["p.csv"]
    hostile = "<script>alert(1)</script>"
    SHIPPED.assign(gender=hostile, age="7", extra="x").to_csv(file, index=False)
    assert run(["check", str(file), "--report", str(report)]) == 2
    wrong = capsys.readouterr().err
    assert all(f"column {name}" in wrong for name in ("gender", "age", "extra"))
    text = report.read_text(encoding="utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert run(["check", str(file), "--report", str(file)]) == 2
