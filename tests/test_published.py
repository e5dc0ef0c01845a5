"""The article's own numbers: none is stated, and one that is typed in stands beside ours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from coprod import correlates, levels, nudges, open_panel
from coprod.errors import ValidityError
from coprod.paths import PUBLISHED
from coprod.published import beside_published, load_published

PANEL = open_panel()


def changed(tmp_path: Path, change: Callable[[dict[str, dict[str, Any]]], object]) -> Path:
    content = yaml.safe_load(PUBLISHED.read_text(encoding="utf-8"))
    change({entry["id"]: entry for entry in content["numbers"]})
    file = tmp_path / "published.yml"
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return file


def test_no_number_of_the_article_is_stated() -> None:
    assert {entry["published"] for entry in load_published()} == {None}
    assert {entry["where"] for entry in load_published()} == {None}


def test_what_stands_beside_is_what_the_chapters_compute() -> None:
    table = beside_published(PANEL).set_index("id")
    assert table["published"].isna().all() and table["difference"].isna().all()
    assert (table["reason"] == "").all()
    means = levels.means(PANEL).set_index(["form", "issue"])
    row = means.loc["collective", "safety"]
    place = table.loc["mean-collective-safety"]
    assert [place["computed"], place["low"]] == pytest.approx([row["mean"], row["low"]])
    fit = correlates.fit(PANEL, "individual", "health").set_index("term").loc["efficacy"]
    place = table.loc["efficacy-individual-health"]
    assert [place["computed"], place["high"]] == pytest.approx([fit["estimate_sd"], fit["high_sd"]])
    effect = nudges.effects(PANEL, ["lin"], ["unweighted"], ["signup"]).set_index("arm")
    assert table.loc["nudges-signup", "computed"] == pytest.approx(effect.loc["pooled", "estimate"])
    assert table.loc["respondents", "computed"] == len(PANEL.frame)


def test_a_number_typed_in_is_compared(tmp_path: Path) -> None:
    typed = {"published": 20, "where": "an invented table"}
    file = changed(tmp_path, lambda numbers: numbers["mean-collective-all"].update(typed))
    row = beside_published(PANEL, file).set_index("id").loc["mean-collective-all"]
    assert row["published"] == 20 and row["where"] == "an invented table"
    assert row["difference"] == pytest.approx(row["computed"] - 20)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda n: n["respondents"].update(published="many"), "a number, or null"),
        (lambda n: n["respondents"].update(published=True), "a number, or null"),
        (lambda n: n["respondents"].update(publisehd=1), "did you mean 'published'?"),
        (lambda n: n["respondents"].update(where=3), "text, or null"),
        (lambda n: n["respondents"].update(function="respondent"), "did you mean 'respondents'?"),
        (lambda n: n["mean-collective-all"]["arguments"].update(form="x"), "'form' has 'x'"),
        (lambda n: n["mean-collective-all"]["arguments"].pop("issue"), "'issue' is missing"),
        (lambda n: n["mean-collective-all"].pop("what"), "'what' is missing"),
        (lambda n: n["mean-collective-all"].update(id="respondents"), "stands twice"),
    ],
)
def test_a_mistake_is_named_with_its_line(
    tmp_path: Path, change: Callable[[dict[str, dict[str, Any]]], object], said: str
) -> None:
    with pytest.raises(ValidityError) as error:
        load_published(changed(tmp_path, change))
    assert said in str(error.value)
    assert "published.yml:" in str(error.value)
