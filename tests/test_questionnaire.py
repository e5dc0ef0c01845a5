"""The questionnaire: forms that validate, ask all of the codebook, and bring answers back."""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from pyxform.xls2xform import convert

from coprod import load_instrument, open_panel
from coprod.cli import run
from coprod.errors import PanelError
from coprod.field_export import field_export
from coprod.instrument import Instrument, Variable
from coprod.panel import read_panel
from coprod.questionnaire import FORMATS, questionnaire, readable
from coprod.questions import GIVEN
from coprod.render.engine import PANDOC
from coprod.xlsform import label, xlsform
from tests.panels import small

INSTRUMENT = load_instrument()
HOSTILE = [
    "=1+1",
    "+44 20",
    "-5",
    "@SUM(A1)",
    "<script>alert(1)</script>",
    "<b>bold</b> <!-- gone -->",
    "**bold** _slanted_ # heading",
    "[link](javascript:alert)",
    "${age} ${nothing}",
    "{{< include x >}} `{python} 1`",
    "| a | b |",
    "1. list",
    "a) list",
    "(i) list",
    "- [ ] task",
    "![x](y.png) $x^2$ \\alpha &amp; &lt;",
    "~~gone~~ H~2~O :smile: @fig-x [@key] ^[note]",
    '\'; drop "quoted"',
]


def rows(workbook: bytes, sheet: str) -> list[dict[str, str]]:
    cells = openpyxl.load_workbook(io.BytesIO(workbook))[sheet].iter_rows(values_only=True)
    header, *rest = [[value or "" for value in row] for row in cells]
    return [dict(zip(header, row, strict=True)) for row in rest]


def relabelled(text: str) -> Instrument:
    """The questionnaire with a text wherever a text can stand."""

    def changed(variable: Variable) -> Variable:
        levels = dict.fromkeys(variable.levels, text)
        question = text if variable.question else ""
        return replace(variable, label=text, question=question, levels=levels)

    return replace(
        INSTRUMENT,
        title=text,
        issues=dict.fromkeys(INSTRUMENT.issues, text),
        arms=dict.fromkeys(INSTRUMENT.arms, text),
        shown=dict.fromkeys(INSTRUMENT.shown, text),
        areas=dict.fromkeys(INSTRUMENT.areas, text),
        variables={name: changed(v) for name, v in INSTRUMENT.variables.items()},
    )


@pytest.fixture(scope="module")
def workbook() -> bytes:
    return xlsform(INSTRUMENT)


# The XLSForm -----------------------------------------------------------------------------------


def test_pyxform_takes_the_form_without_a_warning(workbook: bytes) -> None:
    warnings: list[str] = []
    form = convert(workbook, warnings=warnings, file_type=".xlsx")
    assert warnings == []
    assert "<h:title>What people do for their area</h:title>" in form.xform


@pytest.mark.skipif(
    not (shutil.which("java") or os.environ.get("CI")), reason="java is not on the PATH"
)
@pytest.mark.parametrize("text", [None, "<b>*x*</b> ${age} =1"])
def test_odk_validate_takes_the_form(text: str | None) -> None:
    warnings: list[str] = []
    form = xlsform(relabelled(text) if text else INSTRUMENT)
    convert(form, warnings=warnings, validate=True, file_type=".xlsx")
    assert warnings == []


def test_every_variable_is_asked_drawn_or_given_at_import(workbook: bytes) -> None:
    survey = rows(workbook, "survey")
    structure = ("begin_group", "end_group", "note")
    asked = [row["name"] for row in survey if row["type"] not in structure]
    assert sorted([*asked, *GIVEN]) == sorted([*INSTRUMENT.variables, "consent"])
    for row in survey:
        if row["type"] == "calculate":
            assert row["name"] in ("source", "nudge_issue", "arm")
            assert row["calculation"]
        elif row["name"] in INSTRUMENT.variables and row["name"] != "area":
            assert row["label"] == INSTRUMENT.variables[row["name"]].question


def test_constraints_and_required_marks_are_the_codebooks(workbook: bytes) -> None:
    for row in rows(workbook, "survey"):
        variable = INSTRUMENT.variables.get(row["name"])
        if variable is None or row["type"] == "calculate":
            continue
        assert (row["required"] == "yes") is not variable.missing_allowed
        if row["type"].startswith("select_one"):
            assert row["constraint"] == ""
            continue
        assert row["type"] == "integer"
        assert row["constraint"] == f". >= {variable.minimum} and . <= {variable.maximum}"
        assert str(variable.minimum) in row["constraint_message"]
        assert str(variable.maximum) in row["constraint_message"]


def test_choices_are_the_codebooks_levels(workbook: bytes) -> None:
    lists: dict[str, dict[str, str]] = {}
    for row in rows(workbook, "choices"):
        lists.setdefault(row["list_name"], {})[row["name"]] = row["label"]
    for row in rows(workbook, "survey"):
        variable = INSTRUMENT.variables.get(row["name"])
        if variable is None or row["type"] == "calculate" or not variable.levels:
            continue
        found = lists[row["type"].removeprefix("select_one ")]
        assert list(found) == [str(level) for level in variable.levels]
        if variable.name == "area":
            assert all(said.startswith("[FILL IN: ") for said in found.values())
        else:
            assert list(found.values()) == list(variable.levels.values())


@pytest.mark.parametrize("name", ["nudge_issue", "arm"])
def test_issue_and_arm_are_drawn_once_apart_and_evenly(workbook: bytes, name: str) -> None:
    survey = {row["name"]: row for row in rows(workbook, "survey") if row["name"]}
    drawn = re.fullmatch(
        r"once\(selected-at\('([a-z_ ]+)', int\(random\(\) \* (\d+)\)\)\)",
        survey[name]["calculation"],
    )
    assert drawn
    names = drawn[1].split(" ")
    assert names == list(INSTRUMENT.variables[name].levels)
    assert int(drawn[2]) == len(names)
    assert survey[name]["relevant"] == ""


def test_everybody_reads_one_issue_and_one_arm_after_saying_what_they_intend(
    workbook: bytes,
) -> None:
    survey = rows(workbook, "survey")
    names = [row["name"] for row in survey]
    shown = {row["relevant"]: row["label"] for row in survey if row["name"].startswith("note_")}
    for arm, text in INSTRUMENT.shown.items():
        assert shown[f"${{arm}} = '{arm}'"] == text
    for issue, title in INSTRUMENT.issues.items():
        assert title in shown[f"${{nudge_issue}} = '{issue}'"]
    assert names.index("intends") < names.index("experiment") < names.index("note_arm_control")
    assert names.index("note_arm_control") < names.index("willing")
    groups = [row for row in survey if row["type"] == "begin_group"]
    assert {row["relevant"] for row in groups[1:]} == {"${consent} = 'agree'"}
    assert rows(workbook, "settings")[0]["style"] == "pages"


@pytest.mark.parametrize("level", ["two words", "it's", "", "é"])
def test_levels_that_no_form_can_hold_are_refused(level: str) -> None:
    gender = replace(INSTRUMENT.variables["gender"], levels={level: "Level"})
    changed = replace(INSTRUMENT, variables=INSTRUMENT.variables | {"gender": gender})
    with pytest.raises(PanelError, match="gender, level"):
        xlsform(changed)


# Text stays text -------------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_is_a_formula_and_no_label_refers_or_marks_up(text: str) -> None:
    made = xlsform(relabelled(text))
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        sheets = [name for name in archive.namelist() if name.startswith("xl/worksheets/")]
        assert not any(
            b"<f>" in archive.read(name) or b"<f " in archive.read(name) for name in sheets
        )
    book = openpyxl.load_workbook(io.BytesIO(made))
    found = 0
    for cell in (cell for sheet in book for row in sheet for cell in row if cell.value):
        assert cell.data_type == "s"
        if cell.value == label(text):
            found += 1
            assert cell.quotePrefix is (text[0] in "=+-@")
    assert found > sum(bool(v.question) for v in INSTRUMENT.variables.values()) > 50
    form = convert(made, file_type=".xlsx").xform
    page = BeautifulSoup(form, "xml")
    shown = {node.get_text() for node in page.find_all("label")}
    # What is left without the marks that take the meaning from others.
    assert text in {re.sub(r"\\([\\*_#])|\u2060", r"\1", said) for said in shown}
    assert not any(re.search(r"\$\{|<\w|<[/!]|\]\(", said) for said in shown)


def words(markdown: str, to: str = "plain") -> str:
    command = [str(PANDOC), "--from", "markdown-smart", "--to", to, "--wrap", "none"]
    made = subprocess.run(
        command, input=markdown, capture_output=True, encoding="utf-8", check=True
    )
    return made.stdout


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_and_word_show_text_as_it_is(text: str) -> None:
    said = readable(text)
    page = BeautifulSoup(words(f"{said}\n\n| a |\n|---|\n| {said} |\n", "html"), "html.parser")
    assert [p.get_text() for p in page.select("p, td")] == [" ".join(text.split())] * 2
    assert page.find(["script", "b", "strong", "em", "a", "img", "ol", "ul", "code", "h1"]) is None


@given(st.text(alphabet="ab 1.,;:?!()'-/*_#<>&[]{}`$\\|~^@=+\"", max_size=30))
@settings(max_examples=40, deadline=None)
def test_any_text_is_shown_as_it_is(text: str) -> None:
    page = BeautifulSoup(words(f"x{readable(text)}x\n\n{readable(text)}x", "html"), "html.parser")
    shown = [" ".join(p.get_text().split()) for p in page.find_all("p")]
    joined = " ".join(text.split())
    assert shown == [f"x{joined}x", f"{joined}x"]


# Paper -----------------------------------------------------------------------------------------


def test_the_paper_form_asks_what_the_screen_asks(workbook: bytes) -> None:
    text = questionnaire("md").decode()
    plain = words(text)
    survey = [row for row in rows(workbook, "survey") if row["name"] in INSTRUMENT.variables]
    asked = [row for row in survey if row["type"] != "calculate"]
    for number, row in enumerate(asked, 1):
        assert f"{number}.\u00a0{row['label']}" in plain
        assert f"| {number} | {readable(row['name'])} |" in text
    for variable in INSTRUMENT.variables.values():
        if variable.question:
            for said in variable.levels.values():
                assert f"\u2610\u00a0{said}" in plain
    count = len(INSTRUMENT.issues) * len(INSTRUMENT.arms)
    assert re.findall(r"^## Sheet (\d+)$", text, re.M) == [str(n + 1) for n in range(count)]
    for shown in INSTRUMENT.shown.values():
        assert plain.count(f"\n{shown}\n") == len(INSTRUMENT.issues)
    assert "CONSENT" in text
    assert "DATA PROTECTION" in text


def test_word_holds_the_text_of_the_markdown(tmp_path: Path) -> None:
    file = tmp_path / "form.docx"
    file.write_bytes(questionnaire("docx"))
    command = [str(PANDOC), "--from", "docx", "--to", "plain", "--wrap", "none", str(file)]
    made = subprocess.run(command, capture_output=True, encoding="utf-8", check=True).stdout
    wanted = words(questionnaire("md").decode().replace("\n* * *\n", "\n"))
    for mark in ("\u2610", "FILL IN", "Sheet "):
        assert made.count(mark) == wanted.count(mark) > 5
    # The widths of the table's columns differ, the words do not.
    assert re.sub(r"[\W_]+", " ", made) == re.sub(r"[\W_]+", " ", wanted)


@pytest.mark.parametrize("format", FORMATS)
def test_the_same_bytes_twice(format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = questionnaire(format)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert questionnaire(format) == first
    if format != "md":
        with zipfile.ZipFile(io.BytesIO(first)) as archive:
            assert {entry.date_time[0] for entry in archive.infolist()} == {1980}
            assert b"20" not in re.findall(
                rb"<dcterms:\w+[^>]*>(\d\d)", archive.read("docProps/core.xml")
            )


# Back into a panel -----------------------------------------------------------------------------

OWN = ["consent", "note_consent", "note_data_protection", "note_arm_norm", "note_contact"]


def answers(count: int = 60) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A panel as it ought to be read, and the same answers as the form names them."""
    wanted = small(count).assign(weight=1.0)
    wanted["respondent"] = pd.Series([f"R{n:04d}" for n in range(1, count + 1)], dtype="str")
    levels = list(INSTRUMENT.variables["source"].levels)
    wanted["source"] = pd.Categorical(
        ["survey"] * count, pd.Index(levels, dtype="str"), ordered=True
    )
    cells = pd.DataFrame(
        {
            name: [
                ""
                if pd.isna(value)
                else str(int(value))
                if isinstance(value, float)
                else str(value)
                for value in wanted[name]
            ]
            for name in INSTRUMENT.variables
            if name not in GIVEN
        }
    )
    cells["consent"] = "agree"
    for name in OWN[1:]:
        cells[name] = ""
    return wanted, cells


def grouped(workbook: bytes, mark: str) -> dict[str, str]:
    """Each name of the form with that of its group."""
    found, group = {}, ""
    for row in rows(workbook, "survey"):
        if row["type"] == "begin_group":
            group = row["name"] + mark
        elif row["type"] == "end_group":
            group = ""
        else:
            found[row["name"]] = group + row["name"]
    return found


def odk(cells: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """The columns in the order of ODK Central, newest submission first as it is in the file."""
    keys = [f"uuid:{n:08x}-0000-4000-8000-000000000000" for n in range(len(cells))]
    made = pd.DataFrame({"SubmissionDate": ["2026-03-01T10:00:00.000Z"] * len(cells)})
    made[["start", "end", "today", "deviceid"]] = "2026-03-01"
    made = pd.concat([made, cells.rename(columns=names)], axis=1)
    made["meta-instanceID"] = keys
    made["meta-instanceName"] = ""
    made["KEY"] = keys
    made[["SubmitterID", "SubmitterName"]] = ["7", "An Officer"]
    made[["AttachmentsPresent", "AttachmentsExpected"]] = "0"
    made[["Status", "ReviewState", "DeviceID"]] = ["", "", "collect:x"]
    made[["Edits", "FormVersion"]] = ["0", "abc"]
    return made


def kobo(cells: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    made = pd.DataFrame({"start": ["2026-03-01T10:00:00.000+00:00"] * len(cells), "end": ""})
    made = pd.concat([made, cells.rename(columns=names)], axis=1)
    made[["__version__", "meta/instanceID", "formhub/uuid"]] = ["v1", "uuid:x", "f"]
    made["_id"] = [str(1000 + n) for n in range(len(cells))]
    made["_uuid"] = [f"{n:08x}-0000-4000-8000-000000000000" for n in range(len(cells))]
    made["_submission_time"] = "2026-03-01T10:00:00"
    made[["_validation_status", "_notes", "_status", "_submitted_by", "_tags"]] = ""
    made["_index"] = [str(n + 1) for n in range(len(cells))]
    return made


def written(made: pd.DataFrame, file: Path, platform: str) -> Path:
    if platform == "odk":
        made.to_csv(file, index=False)
    else:
        made.to_csv(file, index=False, sep=";", quoting=csv.QUOTE_ALL, encoding="utf-8-sig")
    return file


@pytest.mark.parametrize("platform", ["odk", "kobo"])
@pytest.mark.parametrize("groups", [True, False])
def test_an_export_imports_without_a_mapping(
    tmp_path: Path, workbook: bytes, platform: str, groups: bool
) -> None:
    wanted, cells = answers()
    names = grouped(workbook, "-" if platform == "odk" else "/") if groups else {}
    made = (odk if platform == "odk" else kobo)(cells, names)
    panel, table = read_panel(written(made, tmp_path / "export.csv", platform))
    assert_frame_equal(panel.frame, wanted)
    assert not panel.synthetic
    said = " ".join(table.format)
    assert "weight 1" in said
    assert ("names of groups" in said) is groups
    for name in ("KEY", "Edits") if platform == "odk" else ("_uuid", "_tags"):
        assert name in said
    assert "0000-4000" not in said


def test_labelled_groups_and_excel_import_as_well(tmp_path: Path, workbook: bytes) -> None:
    wanted, cells = answers(30)
    file = tmp_path / "export.xlsx"
    kobo(cells, grouped(workbook, "/")).to_excel(file, index=False)
    assert_frame_equal(read_panel(file)[0].frame, wanted)


def test_people_who_declined_and_refused_submissions_are_left_out(tmp_path: Path) -> None:
    wanted, cells = answers(30)
    blank = [
        name for name in cells.columns if name not in ("consent", "arm", "nudge_issue", "source")
    ]
    cells.loc[3, blank] = ""
    cells.loc[3, "consent"] = "decline"
    made = odk(cells, {})
    made.loc[7, "ReviewState"] = "rejected"
    panel, table = read_panel(written(made, tmp_path / "export.csv", "odk"))
    kept = wanted.drop(index=[3, 7]).reset_index(drop=True).drop(columns="respondent")
    assert_frame_equal(panel.frame.drop(columns="respondent"), kept)
    assert list(panel.frame["respondent"]) == [f"R{n:04d}" for n in range(1, 29)]
    assert "1 row without consent left out." in table.format
    assert "1 row left out that ReviewState refuses." in table.format


def test_faults_of_an_export_are_told_by_the_lines_of_the_file(tmp_path: Path) -> None:
    _, cells = answers(30)
    cells.loc[2, "consent"] = "decline"
    cells.loc[9, "age"] = "17"
    cells["shoe_size"] = "42"
    made = odk(cells, {})
    made.loc[20, "KEY"] = made.loc[19, "KEY"]
    made.loc[25, "KEY"] = ""
    with pytest.raises(PanelError) as caught:
        open_panel(written(made, tmp_path / "export.csv", "odk"))
    faults = [str(fault) for fault in caught.value.faults]
    assert any("column age: '17' on line 11" in fault for fault in faults)
    assert any("again on line 22, first on line 21" in fault for fault in faults)
    assert any("column respondent: empty on line 27" in fault for fault in faults)
    assert any("shoe_size" in fault for fault in faults)
    assert len(faults) == 4


def test_two_groups_with_the_same_question_are_not_put_together(tmp_path: Path) -> None:
    _, cells = answers(20)
    made = odk(cells, {"age": "one-age"})
    made["two-age"] = "30"
    with pytest.raises(PanelError, match="column age: there 2 times"):
        open_panel(written(made, tmp_path / "export.csv", "odk"))


def test_weights_and_names_that_a_council_gave_are_kept() -> None:
    _, cells = answers(20)
    panel, said = field_export(odk(cells, {}).assign(weight="2", respondent="x"), INSTRUMENT)
    assert set(panel["weight"]) == {"2"}
    assert set(panel["respondent"]) == {"x"}
    assert not any("weight" in sentence for sentence in said)


# The command -----------------------------------------------------------------------------------


@pytest.mark.parametrize("format", FORMATS)
def test_the_command_writes_the_file(
    tmp_path: Path, format: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["questionnaire", "--format", format]) == 0
    assert [path.name for path in tmp_path.iterdir()] == [FORMATS[format]]
    assert (tmp_path / FORMATS[format]).read_bytes() == questionnaire(format)
    assert "FILL IN" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--format"),
        (["--format", "pdf"], "xlsform"),
        (["--format", "md", "--out", "no/such/folder/x.md"], "No such file"),
        (["--format", "md", "--out", "."], "cannot be written"),
        (["--format", "md", "--out", "a\0b"], "null byte"),
    ],
)
def test_what_cannot_be_written_is_one_message(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["questionnaire", *arguments]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told
    assert list(tmp_path.iterdir()) == []
