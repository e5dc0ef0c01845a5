"""Any survey by a mapping: columns renamed, values recoded, scales fitted; every fault at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyreadstat
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from coprod import open_panel, sample
from coprod.cli import run
from coprod.errors import CoprodError, PanelError, ValidityError
from coprod.fielded import parts
from coprod.instrument import load_instrument
from coprod.mapping import read_mapping
from coprod.mapping_guess import Guess, Held, guesses
from coprod.mapping_text import MARK
from coprod.paths import MAPPING_TEMPLATE, PANEL
from coprod.render.provenance import gather
from coprod.weights import load_margins
from tests.pace import measured_pace

INSTRUMENT = load_instrument()
SHIPPED = pd.read_csv(PANEL, dtype=str, keep_default_na=False).iloc[::9].reset_index(drop=True)
ITEMS = [v.name for v in INSTRUMENT.variables.values() if v.role == "activity"]


def file_of(folder: Path, frame: pd.DataFrame, **options: Any) -> Path:
    file = folder / "survey.csv"
    frame.to_csv(file, index=False, **options)
    return file


def plan(folder: Path, text: str) -> Path:
    file = folder / "mapping.yml"
    file.write_text(text, encoding="utf-8")
    return file


def refused(file: Path, mapping: Path) -> list[str]:
    with pytest.raises(PanelError) as caught:
        open_panel(file, mapping)
    return [str(fault) for fault in caught.value.faults]


@lru_cache
def expected() -> pd.DataFrame:
    return open_panel(PANEL).frame.iloc[::9].reset_index(drop=True)


# One survey that differs from the codebook in all that a mapping can mend.
FOREIGN = SHIPPED.assign(
    gender=SHIPPED["gender"].map({"man": "1", "woman": "2"}),
    area=SHIPPED["area"].map(dict(zip("ABCDE", ["10", "20", "30", "40", "50"], strict=True))),
    safety_state=[str(6 - int(v)) if v else "99" for v in SHIPPED["safety_state"]],
    safety_ind_1=[str(2 * int(v) + 1) if v else "" for v in SHIPPED["safety_ind_1"]],
    interviewer="Jo",
).rename(columns={"age": "Q1", "gender": "Q2", "safety_state": "Q7", "safety_ind_1": "Q8"})
MAPPING = """
areas: {10: North, 20: South, 30: East, 40: West, 50: Centre}
columns:
  age: Q1
  gender: {column: Q2, values: {1: man, 2: woman}}
  safety_state: {column: Q7, reverse: true, missing: [98, 99]}
  safety_ind_1: {column: Q8, rescale: [1, 5]}
ignore: [interviewer]
"""


def typed(frame: pd.DataFrame) -> pd.DataFrame:
    """Numbers as numbers, as other programs hold them."""
    found = frame.copy()
    for name in frame:
        numbers = pd.to_numeric(frame[name].replace("", None), errors="coerce")
        if numbers.notna().sum() == (frame[name] != "").sum():
            found[name] = numbers
    return found


def sav(frame: pd.DataFrame, file: Path) -> None:
    labels: Any = {"Q2": {1.0: "Male", 2.0: "Female"}}
    ranges: Any = {"Q7": [99]}
    pyreadstat.write_sav(frame, file, variable_value_labels=labels, missing_ranges=ranges)


WRITERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "CSV": (".csv", lambda f: FOREIGN.to_csv(f, index=False)),
    "Excel": (".xlsx", lambda f: typed(FOREIGN).to_excel(f, index=False)),
    "SPSS": (".sav", lambda f: sav(typed(FOREIGN), f)),
    "Stata": (".dta", lambda f: pyreadstat.write_dta(typed(FOREIGN), f)),
    "Parquet": (".parquet", lambda f: typed(FOREIGN).to_parquet(f)),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_survey_of_any_format_becomes_the_panel_that_it_is(name: str, tmp_path: Path) -> None:
    suffix, write = WRITERS[name]
    file = tmp_path / f"survey{suffix}"
    write(file)
    panel = open_panel(file, plan(tmp_path, MAPPING))
    assert panel.instrument.areas["10"] == "North"
    assert panel.frame["area"].tolist() == FOREIGN["area"].tolist()
    others = [column for column in panel.frame if column != "area"]
    pd.testing.assert_frame_equal(panel.frame[others], expected()[others])


@pytest.mark.parametrize("keys", ["{Male: man, Female: woman}", "{1: Man, 2: Woman}"])
def test_labels_stand_for_values(keys: str, tmp_path: Path) -> None:
    sav(typed(FOREIGN), file := tmp_path / "survey.sav")
    mapping = plan(tmp_path, MAPPING.replace("{1: man, 2: woman}", keys))
    assert open_panel(file, mapping).frame["gender"].equals(expected()["gender"])


def test_what_the_file_declares_missing_stays_missing_and_cannot_be_recoded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sav(typed(FOREIGN), file := tmp_path / "survey.sav")
    mapping = plan(tmp_path, MAPPING.replace(", missing: [98, 99]", ""))
    assert open_panel(file, mapping).frame["safety_state"].equals(expected()["safety_state"])
    assert run(["check", str(file), "--map", str(mapping)]) == 0
    gone = int((SHIPPED["safety_state"] == "").sum())
    assert f"Missing in safety_state: as the mapping or the file says: 99 ({gone})" in (
        capsys.readouterr().out
    )
    values = "values: {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 99: 5}"
    mapping = plan(tmp_path, MAPPING.replace("reverse: true, missing: [98, 99]", values))
    said = "mapping.yml:6: the file declares 99 to be missing"
    assert refused(file, mapping)[0].startswith(said)


@pytest.mark.parametrize(
    "entry,result",
    [
        ("rescale: [1, 5], halves: up", [0, 1, 1, 2, 2]),
        ("rescale: [1, 5], halves: down", [0, 0, 1, 1, 2]),
        ("rescale: [1, 5], halves: up, reverse: true", [2, 2, 1, 1, 0]),
        ("rescale: [1, 5], halves: down, reverse: true", [2, 1, 1, 0, 0]),
        ("values: {1: Never, 2: Never, 3: sometimes, 4: 2, 5: Often}", [0, 0, 1, 2, 2]),
        ("values: {1: 0, 2: 0, 3: 5, 4: 10, 5: 10}, rescale: [0, 10]", [0, 0, 1, 2, 2]),
        ("values: {1: 0, 2: 0, 3: 1, 4: 2}, missing: 5", [0, 0, 1, 2, np.nan]),
    ],
)
def test_scales_are_fitted_turned_and_recoded(
    entry: str, result: list[float], tmp_path: Path
) -> None:
    frame = SHIPPED.head(50).rename(columns={"health_col_1": "Q"})
    frame["Q"] = ["1", "2", "3", "4", "5"] * 10
    mapping = plan(tmp_path, f"columns: {{health_col_1: {{column: Q, {entry}}}}}")
    found = open_panel(file_of(tmp_path, frame), mapping).frame["health_col_1"]
    np.testing.assert_array_equal(found, result * 10)


@pytest.mark.parametrize(
    ("right", "wrong", "first", "hint"),
    [("true", "false", 5, "say 'reverse: true'"), ("false", "true", 1, "leave out 'reverse'")],
)
def test_a_scale_that_runs_against_the_labels_of_the_file_is_refused(
    right: str, wrong: str, first: int, hint: str, tmp_path: Path
) -> None:
    low, high = ("Very dissatisfied", "Very satisfied")[:: 1 if first == 1 else -1]
    called: Any = {"safety_satisfied": {1: low, 4: high}}
    frame = SHIPPED.copy()
    frame["safety_satisfied"] = np.resize([1.0, 2.0, 3.0, 4.0], len(frame))
    file = tmp_path / "survey.dta"
    pyreadstat.write_dta(frame, file, variable_value_labels=called)
    entry = (
        "columns: {{safety_satisfied: {{column: safety_satisfied, rescale: [1, 4], reverse: {}}}}}"
    )
    found = open_panel(file, plan(tmp_path, entry.format(right))).frame["safety_satisfied"]
    assert found.iloc[0] == first
    said = refused(file, plan(tmp_path, entry.format(wrong)))
    assert len(said) == 1
    assert "runs the wrong way: the file calls" in said[0]
    assert hint in said[0]


def test_a_half_is_never_rounded_unless_the_mapping_says_where(tmp_path: Path) -> None:
    frame = SHIPPED.head(50).rename(columns={"health_col_1": "Q"}).assign(Q="3")
    frame.loc[[4, 7], "Q"] = "2"
    frame.loc[9, "Q"] = "6"
    mapping = plan(tmp_path, "columns: {health_col_1: {column: Q, rescale: [1, 5]}}")
    assert refused(file_of(tmp_path, frame), mapping) == [
        "column Q (health_col_1): '6' on line 11; allowed: numbers from 1 to 5",
        "column Q (health_col_1): '2' on lines 6 and 9 falls between two answers; the mapping must say "
        "'halves: up' or 'halves: down'",
    ]


@settings(max_examples=40, deadline=None)
@given(
    low=st.integers(-5, 5),
    width=st.integers(1, 12),
    share=st.integers(0, 12),
    turned=st.booleans(),
)
def test_rescaling_keeps_ends_and_order(
    low: int, width: int, share: int, turned: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("m")
    values = [
        low,
        low + width,
        low + share % (width + 1),
        low + min(width, share % (width + 1) + 1),
    ]
    frame = (
        SHIPPED.head(4).rename(columns={"safety_efficacy": "Q"}).assign(Q=list(map(str, values)))
    )
    entry = f"rescale: [{low}, {low + width}], halves: up, reverse: {str(turned).lower()}"
    mapping = plan(folder, f"columns: {{safety_efficacy: {{column: Q, {entry}}}}}")
    first, last, one, other = open_panel(file_of(folder, frame), mapping).frame["safety_efficacy"]
    assert (first, last) == ((5, 1) if turned else (1, 5))
    assert (one >= other) if turned else (one <= other)
    exact = 1 + 4 * (values[2] - low) / width
    assert abs(one - (6 - exact if turned else exact)) <= 0.5


def test_the_mapping_says_how_to_read_the_file(tmp_path: Path) -> None:
    frame = SHIPPED.assign(weight=SHIPPED["weight"].str.replace(".", ","), tenure="rents")
    file = tmp_path / "survey.txt"
    frame.to_csv(file, index=False, sep="\t", encoding="cp1252")
    mapping = plan(tmp_path, 'file: {delimiter: tab, encoding: cp1252, decimal: ","}')
    assert open_panel(file, mapping).frame["weight"].equals(expected()["weight"])
    with pd.ExcelWriter(book := tmp_path / "survey.xlsx") as writer:
        pd.DataFrame({"a": [1]}).to_excel(writer, sheet_name="Notes", index=False)
        typed(SHIPPED).to_excel(writer, sheet_name="Answers", index=False)
    assert len(open_panel(book, plan(tmp_path, "file: {sheet: Answers}")).frame) == len(SHIPPED)
    said = refused(file, plan(tmp_path, "file: {sheet: Answers}"))
    assert said == ["the mapping gives a sheet, which a text file does not have"]


def test_arms_issues_and_parts_are_those_of_the_panel(tmp_path: Path) -> None:
    gone = parts(INSTRUMENT)["health"]
    kept = SHIPPED[SHIPPED["nudge_issue"] != "health"].drop(columns=[*gone, "tenure"])
    arms = {"control": "c", "norm": "n", "efficacy": "e", "invitation": "i"}
    file = file_of(tmp_path, kept.assign(arm=kept["arm"].map(arms).fillna("")))
    text = """
    arms: {c: Nothing, n: Letter, e: Card, i: Call}
    issues: {safety: Crime and safety}
    without: [health, tenure]
    """
    panel = open_panel(file, plan(tmp_path, text))
    assert list(panel.instrument.arms.items())[1] == ("n", "Letter")
    assert panel.instrument.issues["safety"] == "Crime and safety"
    assert list(panel.instrument.issues) == ["safety", "environment"]
    assert "tenure" not in panel.instrument.background
    assert panel.has_experiment
    said = refused(file, plan(tmp_path, "arms: {c: N, n: L, e: C, i: C}\nissues: {heath: H}"))
    assert "mapping.yml:1: 'C' is the label of another; each needs a label of its own" in said
    assert "mapping.yml:2: no issue 'heath'; did you mean 'health'?" in said
    assert "mapping.yml: none of the 13 columns of health is there; map them, or list health " \
        "under 'without'" in said  # fmt: skip
    assert (
        "column tenure: missing; if it was not asked, list it under 'without' in a mapping" in said
    )
    assert not any("health_" in fault for fault in said)


def test_without_weights_everybody_counts_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = file_of(tmp_path, SHIPPED.drop(columns=["weight", "respondent"]))
    mapping = plan(tmp_path, "without: weight")
    panel = open_panel(file, mapping)
    assert not panel.weighted
    assert set(panel.frame["weight"]) == {1.0}
    assert panel.frame["respondent"].tolist()[:2] == ["R0001", "R0002"]
    assert run(["check", str(file), "--map", str(mapping)]) == 0
    said = capsys.readouterr().out
    assert "Weights: 1 for everybody" in said
    assert "Respondents are numbered from R0001" in said
    assert "Not asked: weight" in said


def margins_of(frame: pd.DataFrame) -> dict[str, Any]:
    """Margins that a sample can meet: its own shares of gender, women made a little more."""
    found: dict[str, Any] = {"gender": {"value": {}}}
    for area, people in frame.groupby("area"):
        women = round(min(0.9, float((people["gender"] == "woman").mean()) + 0.05), 3)
        found["gender"]["value"][str(area)] = {"man": round(1 - women, 3), "woman": women}
    return found


def test_weights_are_raked_to_the_margins_of_the_mapping(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = file_of(tmp_path, SHIPPED.drop(columns="weight"))
    shares = margins_of(SHIPPED)
    (tmp_path / "shares.yml").write_text(yaml.safe_dump(shares))
    mapping = plan(tmp_path, "margins: shares.yml")
    panel = open_panel(file, mapping)
    women = panel.frame["gender"] == "woman"
    for area, share in shares["gender"]["value"].items():
        here = panel.frame["area"] == area
        weight = panel.frame["weight"]
        assert weight[here & women].sum() / weight[here].sum() == pytest.approx(share["woman"])
    assert panel.weighted
    assert sample.margins(panel)["difference"].abs().max() < 1e-3
    assert run(["check", str(file), "--map", str(mapping)]) == 0
    assert "raked to margins of gender within each area" in capsys.readouterr().out
    file_of(tmp_path, SHIPPED)
    assert "column weight: the weights are raked to margins" in refused(file, mapping)[0]
    mapping = plan(tmp_path, "margins: shares.yml\nwithout: weight")
    assert "which these margins give" in refused(file, mapping)[0]


@pytest.mark.parametrize(
    "text,said",
    [
        ("gender: {value: {A: {man: 0.4, woman: 0.5}}}", "shares.yml:1: shares of gender in A sum to 0.9"),
        ("gender: {value: {A: {men: 1}}}", "gender has no level 'men'; did you mean 'man'?"),
        ("gender: {value: {Z: {man: 0.5, woman: 0.5}}}", "no area 'Z'"),
        ("gender: {value: {A: {man: half, woman: 0.5}}}", "the share of man is 'half'"),
        ("gender: [1]", "must hold keys"),
        ("gender: {why: none}", "gender has no 'value'"),
        ("gander: {value: {}}", "did you mean 'gender'?"),
        ("gender: {value: {A: {man: 0.5, woman: 0.5}}}\nage: {value: {B: {18-29: 1}}}",
         "age has no shares for A"),
        ("gender: {value: {A: {man: 0.5, woman: 0.5}}}", "margins, area: no margins for B, C"),
        ("{", "not valid YAML"),
        (None, "shares.yml cannot be read"),
    ],
)  # fmt: skip
def test_wrong_margins_say_what_is_wrong(text: str | None, said: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "shares.yml").write_text(text)
    file = file_of(tmp_path, SHIPPED.drop(columns="weight"))
    found = refused(file, plan(tmp_path, "margins: shares.yml"))
    assert any(said in fault for fault in found), found


def test_the_projects_margins_are_not_those_of_a_real_panel(tmp_path: Path) -> None:
    whole = pd.read_csv(PANEL, dtype=str, keep_default_na=False).drop(columns="source")
    panel = open_panel(file_of(tmp_path, whole))
    for function in (sample.margins, sample.raking_rounds):
        with pytest.raises(ValidityError, match="without shares of its population"):
            function(panel)
    assert len(sample.margins(panel, load_margins()))
    even = open_panel(
        file_of(tmp_path, whole.drop(columns="weight")), plan(tmp_path, "without: weight")
    )
    with pytest.raises(ValidityError, match="everybody counts the same"):
        sample.margins(even)


BROKEN: dict[str, tuple[str, list[str]]] = {
    "no YAML": ("columns: [", ["mapping.yml:1: this is not valid YAML"]),
    "a list": ("- a", ["'{}' must hold keys".replace("'{}'", "the file")]),
    "empty": ("", ["the file must hold keys"]),
    "unknown key": ("colums: {}", ["did you mean 'columns'?"]),
    "unknown entry": ("columns: {age: {colum: Q1}}", ["did you mean 'column'?"]),
    "no column": ("columns: {age: {guess: true}}", ["it must be with `column`"]),
    "several": (
        "file: {decimal: x}\nwithout: {a: b}\nareas: []\nignore: all\ncolumns: {age: [1]}",
        ["'decimal' is 'x'", "'without' cannot be read", "'areas' cannot be read",
         "'ignore' cannot be read", "'columns.age' must hold keys"],
    ),
    "file": ("file: {delimiter: xx, encoding: klingon}", ["'delimiter'", "'encoding'"]),
    "scale": ("columns: {age: {column: a, rescale: [5, 1]}}", ["it must be the lowest and"]),
    "aliases": ("areas: &a {x: *a}", ["not valid YAML"]),
    "twice": ("without: [health]\nwithout: [safety]", ["mapping.yml:2: 'without' stands twice"]),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_mapping_that_cannot_be_read_is_refused_by_line(name: str, tmp_path: Path) -> None:
    text, said = BROKEN[name]
    found = refused(file_of(tmp_path, SHIPPED.head(3)), plan(tmp_path, text))
    for part in said:
        assert any(part in fault for fault in found), found
    assert all(fault.startswith("mapping.yml:") for fault in found)


def test_faults_of_mapping_columns_and_values_come_in_one_message(tmp_path: Path) -> None:
    frame = FOREIGN.head(30).copy()
    frame.loc[3, "Q2"] = "3"
    frame.loc[5, "Q1"] = "7"
    frame.loc[6, "area"] = "30"
    text = """\
areas: {10: North}
without: [heath]
columns:
  age: Q1
  gender: {column: Q2, values: {1: man, 2: lady}}
  weigt: w
  tenure: {column: tenur, values: {1: owns}}
  years: {column: years, reverse: true, halves: up}
  employment: {column: employment, reverse: true}
  minority: minority
  children: {column: childen, guess: true}
  respondent: {column: respondent, missing: [1]}
ignore: [interviewer, Q99, minority]
"""
    said = refused(file_of(tmp_path, frame), plan(tmp_path, text))
    for part in [
        "mapping.yml:2: no part 'heath'; did you mean 'health'?",
        "mapping.yml:5: 'lady' is no value of gender; allowed: man, woman",
        "mapping.yml:6: no variable 'weigt' in the codebook; did you mean 'weight'?",
        "mapping.yml:7: the file has no column 'tenur'; did you mean 'tenure'?",
        "mapping.yml:8: only a scale that is rescaled has halves",
        "mapping.yml:9: employment has no scale with two ends; recode it with 'values'",
        "mapping.yml:11: children is taken from 'childen': a guess",
        "mapping.yml:11: the file has no column 'childen'; did you mean 'children'?",
        "mapping.yml:12: respondent is text",
        "mapping.yml:13: the file has no column 'Q99'",
        "mapping.yml:13: 'minority' is mapped, and ignored; one of the two",
        "column Q7: neither mapped nor ignored",
        "column Q2 (gender): '",
        "column Q1 (age): '7' on line 7; allowed: whole numbers from 18 to 110",
        "column area: '30' on line 8; allowed: 10",
    ]:
        assert any(part in fault for fault in said), (part, said)


def test_columns_of_the_file_are_mapped_ignored_or_named(tmp_path: Path) -> None:
    frame = SHIPPED.assign(old=SHIPPED["age"], phone="1", name="x")
    file = file_of(tmp_path, frame)
    said = refused(file, plan(tmp_path, "columns: {age: old}"))
    assert said[0].startswith("column age: the mapping takes age from 'old'")
    assert [fault.split(":")[0] for fault in said[1:]] == ["column phone", "column name"]
    mapping = plan(tmp_path, "columns: {age: old}\nignore: rest")
    assert open_panel(file, mapping).frame["age"].equals(expected()["age"])
    frame.insert(0, "old", "3", allow_duplicates=True)
    assert "mapping.yml:1: the file has 2 columns 'old'" in refused(
        file_of(tmp_path, frame), mapping
    )[0]  # fmt: skip


def test_one_column_may_answer_for_several_issues(tmp_path: Path) -> None:
    names = [f"{issue}_informed" for issue in INSTRUMENT.issues]
    frame = SHIPPED.drop(columns=names).assign(Q5="4")
    text = "columns: {" + ", ".join(f"{name}: Q5" for name in names) + "}"
    found = open_panel(file_of(tmp_path, frame), plan(tmp_path, text)).frame
    assert (found[names] == 4).all(axis=None)


def test_ages_that_are_text_are_named_and_the_others_stay(tmp_path: Path) -> None:
    frame = SHIPPED.copy()
    frame.loc[3, "age"] = "90 or over"
    mapping = plan(tmp_path, "columns: {age: {column: age, values: {90 or over: 90}}}")
    assert open_panel(file_of(tmp_path, frame), mapping).frame["age"][3] == 90


def test_the_environment_names_the_mapping_of_its_panel_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file, mapping = file_of(tmp_path, FOREIGN), plan(tmp_path, MAPPING)
    monkeypatch.setenv("COPROD_MAP", str(mapping))
    monkeypatch.delenv("COPROD_PANEL", raising=False)
    with pytest.raises(PanelError, match="needs the file of a panel"):
        open_panel()
    assert run(["render", "--quiet"]) == 2
    assert "A mapping needs the file of a panel" in capsys.readouterr().err
    assert len(open_panel(PANEL).frame) == 2624
    monkeypatch.setenv("COPROD_PANEL", str(file))
    panel = open_panel()
    assert len(panel.frame) == len(FOREIGN)
    inputs = gather(tmp_path, "coprod 0").inputs
    assert inputs["Mapping, mapping.yml"] == panel.mapping
    assert list(inputs) == ["Panel, survey.csv", "Mapping, mapping.yml"]


def test_the_template_can_be_read_and_names_only_what_is() -> None:
    mapping = read_mapping(MAPPING_TEMPLATE, INSTRUMENT)
    assert mapping.faults == []
    assert mapping.options.delimiter == ";"


def test_an_export_of_the_form_takes_a_mapping_and_margins(tmp_path: Path) -> None:
    frame = SHIPPED.drop(columns=["respondent", "weight", "source"])
    frame = frame.assign(
        area="ward " + SHIPPED["area"], KEY=SHIPPED["respondent"], SubmissionDate="x"
    )
    file = file_of(
        tmp_path, frame.rename(columns=lambda name: f"about_you-{name}" if name == "age" else name)
    )
    areas = "areas: {" + ", ".join(f"ward {a}: Ward {a}" for a in "ABCDE") + "}\n"
    panel = open_panel(file, plan(tmp_path, areas))
    assert not panel.weighted
    assert not panel.synthetic
    assert panel.instrument.areas["ward E"] == "Ward E"
    (tmp_path / "shares.yml").write_text(yaml.safe_dump(margins_of(frame)))
    weighted = open_panel(file, plan(tmp_path, areas + "margins: shares.yml"))
    assert weighted.weighted
    assert weighted.frame["weight"].nunique() > 1


@settings(max_examples=40, deadline=None)
@given(
    at=st.integers(0, len(MAPPING)),
    cut=st.integers(0, 9),
    put=st.one_of(
        st.text(max_size=4), st.sampled_from(["- ", "*a", "&a ", "? ", ": ", "{", "!!x "])
    ),
)
def test_a_damaged_mapping_is_right_or_refused_in_words(
    at: int, cut: int, put: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("m")
    mapping = folder / "mapping.yml"
    text = MAPPING[:at] + put + MAPPING[at + cut :]
    mapping.write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        panel = open_panel(file_of(folder, FOREIGN.head(20)), mapping)
    except PanelError as error:
        assert all(len(str(fault)) < 2000 for fault in error.faults)
        assert error.summary
    else:
        assert len(panel.frame) == 20


def test_claims_are_held_against_a_mapped_panel_and_nothing_is_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, mapping = file_of(tmp_path, FOREIGN), plan(tmp_path, MAPPING)
    assert run(["check", str(file), "--map", str(mapping), "--report", str(mapping)]) == 2
    assert "written over the panel or its mapping" in capsys.readouterr().err
    assert mapping.read_text() == MAPPING
    for wrong in (tmp_path, tmp_path / "none.yml"):
        assert run(["claims", "--panel", str(file), "--map", str(wrong)]) == 2
        assert "cannot be read" in capsys.readouterr().err


# What `coprod map` is to make of a survey with labels.
def labelled(file: Path) -> None:
    frame = typed(FOREIGN).drop(columns=["weight", "source"])
    frame["comment"] = [f"My name is number {at}" for at in range(len(frame))]
    frame["nick"] = (["Anna", "Bert"] + ["nobody"] * len(frame))[: len(frame)]
    variables = INSTRUMENT.variables
    titles = {"Q1": variables["age"].question, "Q2": "Gender", "Q7": variables["safety_state"].label,
              "Q8": variables["safety_ind_1"].question}  # fmt: skip
    labels: Any = {
        "Q2": {1.0: "Male", 2.0: "Female"},
        "Q7": {1.0: "Very safe", 2.0: "Fairly safe", 3.0: "Neither safe nor unsafe",
               4.0: "Fairly unsafe", 5.0: "Very unsafe", 99.0: "Don't know"},
        "area": {10.0: "North", 20.0: "South", 30.0: "East", 40.0: "West", 50.0: "Centre"},
    }  # fmt: skip
    column_labels: Any = [titles.get(name) for name in frame]
    pyreadstat.write_sav(frame, file, column_labels=column_labels, variable_value_labels=labels)


def test_a_first_mapping_is_guessed_refused_confirmed_and_right(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labelled(file := tmp_path / "survey.sav")
    out = tmp_path / "first.yml"
    assert run(["map", str(file), "--out", str(out)]) == 0
    text = out.read_text(encoding="utf-8")
    content = yaml.load(text, yaml.BaseLoader)
    assert content["areas"] == {
        "10": "North",
        "20": "South",
        "30": "East",
        "40": "West",
        "50": "Centre",
    }
    columns = content["columns"]
    assert columns["gender"]["values"] == {"1": "man", "2": "woman"}
    assert columns["safety_state"]["values"] == {"1": "5", "2": "4", "3": "3", "4": "2", "5": "1"}
    assert columns["safety_state"]["missing"] == ["99"]
    assert columns["safety_ind_1"]["rescale"] == ["1", "5"]
    assert columns["age"]["column"] == "Q1"
    assert {entry["column"] for entry in content["ignore"]} == {"interviewer", "comment", "nick"}
    assert all(entry["guess"] == "true" for entry in [*columns.values(), *content["ignore"]])
    # Nothing of one person's is in it.
    assert not any(word in text for word in ("My name", "Anna", "Bert", "R0001"))
    assert "# Holds: nobody" in text
    assert "#   weight:" in text
    capsys.readouterr()
    assert run(["check", str(file), "--map", str(out)]) == 2
    said = capsys.readouterr().err
    assert said.count("a guess; check it, then delete this line") == text.count(MARK) == len(
        columns
    ) + len(content["ignore"])  # fmt: skip
    confirmed = "".join(line for line in text.splitlines(True) if MARK not in line)
    mapping = plan(tmp_path, confirmed + "without: [weight]\n")
    panel = open_panel(file, mapping)
    for name in ("age", "gender", "safety_state", "safety_ind_1", "willing"):
        np.testing.assert_array_equal(panel.frame[name], expected()[name])
    before = out.read_bytes()
    assert run(["map", str(file), "--out", str(out)]) == 2
    assert "is not overwritten" in capsys.readouterr().err
    assert out.read_bytes() == before


def guessed(variable: str, labels: list[str] | dict[str, str], counts: dict[str, int]) -> Guess:
    """The guess for a column that has the variable's name, with labels or without."""
    named = labels if isinstance(labels, dict) else {str(n): x for n, x in enumerate(labels, 1)}
    column = Held(variable, "", named, counts or dict.fromkeys(named, 30))
    return guesses([column], INSTRUMENT)[variable]


FIVE = ["Very dissatisfied", "Dissatisfied", "Neither satisfied nor dissatisfied", "Satisfied"]
INFORMED = ["Very well informed", "Fairly well informed", "Not very well informed"]


@pytest.mark.parametrize(
    ("variable", "labels", "levels"),
    [
        ("safety_satisfied", [*FIVE, "Very satisfied"], "12345"),
        ("safety_satisfied", ["Satisfied", "Dissatisfied"], "42"),
        ("safety_satisfied", ["Extremely satisfied", "Quite satisfied", "Neither"], "543"),
        ("safety_state", ["Very safe", "Safe", "Unsafe", "Very unsafe"], "5421"),
        ("safety_informed", [*INFORMED, "Not at all well informed"], "5421"),
        ("safety_consulted", ["Very often", "Quite often", "Rarely", "Never"], "5421"),
        ("safety_consulted", ["Often", "Not often"], "4-"),
        ("safety_state", ["Excellent", "Fair", "Bad"], "---"),
        # Seven steps are not five: what is beyond both ends is for a person to say.
        (
            "safety_satisfied",
            ["Extremely dissatisfied", *FIVE, "Very satisfied", "Extremely satisfied"],
            "-12345-",
        ),
    ],
)
def test_an_answer_is_not_taken_for_its_opposite_nor_a_mild_one_for_a_strong_one(
    variable: str, labels: list[str], levels: str
) -> None:
    guess = guessed(variable, labels, {})
    wanted = {str(n): level for n, level in enumerate(levels, 1) if level != "-"}
    # Values that are the codebook's own need not be named.
    assert guess.values == ({} if all(n == level for n, level in wanted.items()) else wanted)
    assert guess.unnamed == [str(n) for n, level in enumerate(levels, 1) if level == "-"]


def answers(low: int, high: int, count: int = 30) -> dict[str, int]:
    return {str(value): count for value in range(low, high + 1)}


@pytest.mark.parametrize(
    ("variable", "labels", "counts", "rescale", "offered"),
    [
        ("willing", {}, answers(1, 5), ("1", "5"), None),
        ("willing", {"1": "Not at all", "5": "Completely"}, answers(1, 5, 3), ("1", "5"), None),
        ("willing", {}, answers(0, 100), ("0", "100"), None),
        ("willing", {}, answers(0, 20), ("0", "20"), None),
        ("willing", {}, answers(1, 10), None, ("1", "10")),
        ("willing", {}, answers(0, 10), None, None),
        # Of few people, some numbers may have been nobody's.
        ("willing", {}, answers(4, 8, 3), None, None),
        ("safety_state", {}, answers(0, 10), ("0", "10"), None),
        ("safety_state", {}, answers(1, 4), None, ("1", "4")),
        ("safety_state", {}, answers(1, 4, 3), None, None),
        ("safety_state", {}, answers(1, 5), None, None),
        # Years are counted, and on no scale.
        ("age", {}, answers(18, 38), None, None),
        ("years", {}, answers(0, 20), None, None),
    ],
)
def test_a_scale_of_another_range_is_offered_to_be_rescaled(
    variable: str,
    labels: dict[str, str],
    counts: dict[str, int],
    rescale: tuple[str, str] | None,
    offered: tuple[str, str] | None,
) -> None:
    guess = guessed(variable, labels, counts)
    assert (guess.rescale, guess.offered) == (rescale, offered)
    assert guess.certain is (rescale is offered is None)


def test_a_scale_of_another_range_is_fitted_once_it_is_confirmed(tmp_path: Path) -> None:
    willing = [str(1 + at % 5) for at in range(len(SHIPPED))]
    state = [str(1 + at % 4) for at in range(len(SHIPPED))]
    file = file_of(tmp_path, SHIPPED.assign(willing=willing, safety_state=state))
    out = tmp_path / "first.yml"
    assert run(["map", str(file), "--out", str(out)]) == 0
    text = out.read_text(encoding="utf-8")
    assert "    rescale: [1, 5]\n" in text
    offered = "    # rescale: [1, 4]\n    # if that is the whole of your scale: the codebook's goes from 1 to 5\n"
    assert offered in text
    confirmed = "".join(line for line in text.splitlines(True) if MARK not in line)
    halves = "    rescale: [1, 5]\n    halves: up\n"
    panel = open_panel(file, plan(tmp_path, confirmed.replace("    rescale: [1, 5]\n", halves)))
    assert panel.frame["willing"].tolist()[:5] == [0, 3, 5, 8, 10]
    assert panel.frame["safety_state"].tolist()[:5] == [1, 2, 3, 4, 1]


def test_a_file_that_cannot_be_read_gets_no_mapping(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "survey.csv"
    out = tmp_path / "first.yml"
    for content, said in [
        (b"age,sex\n1,2,3\n", "line 2: 3 cells"),
        (b"age,\xc3\xa9\n1,\xe9\n", "UTF-8"),
    ]:
        file.write_bytes(content)
        assert run(["map", str(file), "--out", str(out)]) == 2
        assert said in capsys.readouterr().err
    file.write_bytes(b"age\n44\n")
    assert run(["map", str(file), "--out", str(tmp_path / "no" / "folder.yml")]) == 2
    assert "cannot be written" in capsys.readouterr().err
    assert [entry.name for entry in tmp_path.iterdir()] == ["survey.csv"]


HOSTILE = [
    'a: "b"',
    "- x",
    "#c",
    "{}",
    "yes",
    "\u2028",
    "\x1b[31m",
    "'",
    "*a",
    "&a",
    "é",
    " ",
    "%",
    "\x85",
]


@settings(max_examples=30, deadline=None)
@given(
    texts=st.lists(
        st.one_of(st.text(max_size=12), st.sampled_from(HOSTILE)), min_size=2, max_size=4
    )
)
def test_any_text_of_a_file_stays_text_in_its_mapping(
    texts: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("m")
    frame = pd.DataFrame({"age": ["44"] * 20, "gender": [texts[0]] * 20, "area": [texts[1]] * 20})
    for text in texts:
        frame[text] = text
    file = folder / "survey.parquet"
    try:
        frame.to_parquet(file)
    except UnicodeEncodeError:
        return  # lone surrogates cannot stand in the file
    out = folder / "first.yml"
    assert run(["map", str(file), "--out", str(out)]) == 0
    content = yaml.load(out.read_text(encoding="utf-8"), yaml.BaseLoader)
    found = {entry["column"] for entry in content.get("ignore", [])}
    assert found <= {str(name).strip() for name in frame}
    with pytest.raises(CoprodError):
        open_panel(file, out)


BIG = """
import re, sys, time
from pathlib import Path
from coprod.panel import read_panel
start = time.process_time()
plain, survey, mapping = map(Path, sys.argv[1:])
print(len(read_panel(plain)[0].frame), len(read_panel(survey, mapping)[0].frame))
# Of this program alone: getrusage() counts what started it, too.
peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())
print(time.process_time() - start, int(peak[1]) // 1024)
"""


def test_a_large_file_is_read_quickly_and_in_little_memory(tmp_path: Path) -> None:
    files = []
    for name, frame in {"plain.csv": SHIPPED, "survey.csv": FOREIGN}.items():
        large = pd.concat([frame] * 35, ignore_index=True)
        large["respondent"] = [f"N{at}" for at in range(len(large))]
        large.to_csv(tmp_path / name, index=False)
        files.append(str(tmp_path / name))
    command = [sys.executable, "-c", BIG, *files, str(plan(tmp_path, MAPPING))]
    with measured_pace() as pace:
        run = subprocess.run(command, capture_output=True, text=True, check=True)
    plain, survey, seconds, megabytes = map(float, run.stdout.split())
    # A tenth of the 100,000 respondents that may take 15 s and 1.5 GB, twice.
    assert plain == survey == 35 * len(SHIPPED) > 10_000
    assert seconds / pace.slowness < 6
    assert megabytes < 500
