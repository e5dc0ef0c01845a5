"""Who answered: counts, margins and missing answers on hand-made frames."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from coprod import open_panel, sample
from coprod.errors import ValidityError

PANEL = open_panel()


def test_each_area_is_counted_and_the_last_row_is_all() -> None:
    table = sample.by_area(PANEL)
    assert table["respondents"].iloc[:-1].sum() == table["respondents"].iloc[-1] == len(PANEL.frame)
    first = PANEL.frame[PANEL.frame["area"] == table["area"].iloc[0]]["weight"]
    assert table["effective"].iloc[0] == pytest.approx(
        first.sum() ** 2 / np.square(first).sum(), rel=1e-12
    )
    assert (table["design_effect"] >= 1).all()


def test_equal_weights_cost_nothing() -> None:
    equal = dataclasses.replace(PANEL, frame=PANEL.frame.assign(weight=2.5))
    table = sample.by_area(equal)
    assert table["effective"].to_numpy() == pytest.approx(table["respondents"].to_numpy())


def test_margins_hold_after_weighting_and_not_before() -> None:
    table = sample.margins(PANEL)
    assert table["difference"].abs().max() < 1e-6
    assert (table["unweighted"] - table["target"]).abs().max() > 0.02
    for _, rows in table.groupby(["area", "variable"]):
        assert rows["target"].sum() == pytest.approx(1)
        assert rows["unweighted"].sum() == pytest.approx(1)


def test_pooled_margins_are_the_areas_put_together() -> None:
    pooled = sample.margins(PANEL, pooled=True).set_index(["variable", "level"])
    woman = (PANEL.frame["gender"] == "woman").mean()
    assert pooled.loc[("gender", "woman"), "unweighted"] == pytest.approx(woman, rel=1e-12)


def test_one_area_alone_has_its_margins() -> None:
    one = dataclasses.replace(
        PANEL, frame=PANEL.frame[PANEL.frame["area"] == "B"].reset_index(drop=True)
    )
    assert set(sample.margins(one)["area"]) == {"B"}
    assert sample.by_area(one)["area"].tolist() == ["B", "all"]


def test_raking_that_cannot_meet_its_margins_is_an_error() -> None:
    men = dataclasses.replace(PANEL, frame=PANEL.frame[PANEL.frame["gender"] == "man"])
    with pytest.raises(ValidityError, match="gender"):
        sample.raking_rounds(men)


def test_missing_answers_are_counted() -> None:
    frame = PANEL.frame.copy()
    frame.loc[frame.index[:100], "education"] = None
    frame.loc[frame.index[100:], "education"] = frame["education"].mode()[0]
    table = sample.missing(dataclasses.replace(PANEL, frame=frame)).set_index("variable")
    assert table.loc["education", "missing"] == 100
    assert table.loc["education", "share"] == pytest.approx(100 / len(frame))
    assert "gender" not in table.index
