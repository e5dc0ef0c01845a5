"""The questionnaire: complete, and told apart from what is none."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from coprod import load_instrument
from coprod.errors import PanelError
from coprod.paths import CODEBOOK

INSTRUMENT = load_instrument()


def test_every_issue_has_the_same_questions() -> None:
    for issue in INSTRUMENT.issues:
        asked = [v.stem for v in INSTRUMENT.variables.values() if v.issue == issue]
        stems = [s for form in INSTRUMENT.forms for s in INSTRUMENT.stems(form)]
        assert asked == [*INSTRUMENT.perceptions, *stems]


def test_four_actions_a_form_and_issue_each_worded_for_itself() -> None:
    items = [
        INSTRUMENT.variables[name]
        for issue in INSTRUMENT.issues
        for form in INSTRUMENT.forms
        for name in INSTRUMENT.items(issue, form)
    ]
    assert len(items) == 24
    for words in ([i.question for i in items], [i.label for i in items]):
        assert len(set(words)) == 24
    for item in items:
        assert item.levels == INSTRUMENT.answers == {0: "Never", 1: "Sometimes", 2: "Often"}
        assert item.question.startswith("In the last 12 months, how often have you")


def test_what_is_asked_has_a_question() -> None:
    asked = {"background", "perception", "activity"}
    for variable in INSTRUMENT.variables.values():
        assert variable.label
        if variable.role in asked:
            assert variable.question.endswith("?"), variable.name


def test_five_areas_one_of_them_in_wales_and_the_control_first() -> None:
    assert list(INSTRUMENT.areas) == list("ABCDE")
    assert list(INSTRUMENT.nations.values()).count("Wales") == 1
    assert list(INSTRUMENT.nations.values()).count("England") == 4
    assert list(INSTRUMENT.arms) == ["control", "norm", "efficacy", "invitation"]
    assert len(set(INSTRUMENT.shown.values())) == 4


def test_bands_hold_every_age_and_keep_gaps() -> None:
    age = INSTRUMENT.variables["age"]
    banded = age.banded(pd.Series([18.0, 29.0, 30.0, 74.0, 75.0, 110.0, None]))
    assert banded.astype(object).tolist()[:6] == ["18-29", "18-29", "30-44", "60-74", "75+", "75+"]
    assert banded.isna().tolist() == [False] * 6 + [True]
    assert banded.cat.ordered
    with pytest.raises(PanelError, match="gender has no bands"):
        INSTRUMENT.variables["gender"].banded(pd.Series([1.0]))


def test_unknown_names_are_refused_with_what_there_is() -> None:
    with pytest.raises(PanelError, match="issues are safety, environment, health"):
        INSTRUMENT.items("crime", "individual")
    with pytest.raises(PanelError, match="forms are individual, collective"):
        INSTRUMENT.stems("group")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("title:", "title: [", "not valid YAML"),
        ("type: number", "type: decimal", "weight has type 'decimal'"),
        ("role: stratum", "role: area", "area has role 'area'"),
        ("scales:", "scale:", "'scales'"),
    ],
)
def test_a_broken_codebook_is_one_message(tmp_path: Path, old: str, new: str, said: str) -> None:
    file = tmp_path / "codebook.yml"
    text = CODEBOOK.read_text(encoding="utf-8")
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(PanelError) as caught:
        load_instrument(file)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "cannot be read"), (b"- a\n- b\n", "names and values"), (b"a: \x80", "not valid YAML")],
)
def test_a_file_that_is_no_codebook(tmp_path: Path, content: bytes | None, said: str) -> None:
    file = tmp_path / "codebook.yml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(PanelError, match=said):
        load_instrument(file)
