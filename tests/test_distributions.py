"""The spread of every variable, held against counting by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from coprod import levels, open_panel
from coprod.distributions import SUMMARY, distributions
from tests.panels import made, small


def repeated(values: pd.Series, times: pd.Series) -> np.ndarray:
    """Each value as often as its weight says, sorted, as if so many people had answered."""
    given = values.notna()
    return np.sort(np.repeat(values[given].to_numpy(float), times[given].to_numpy(int)))


def test_whole_weights_count_as_so_many_people() -> None:
    frame = small(200)
    frame["weight"] = np.random.default_rng(1).integers(1, 6, len(frame)).astype(float)
    found = distributions(made(frame)).set_index(["variable", "statistic"])["value"]
    for name in ("age", "years", "willing"):
        people = repeated(frame[name], frame["weight"])
        for statistic, share in SUMMARY.items():
            at = max(int(np.ceil(share * len(people))) - 1, 0)
            assert found[name, statistic] == people[at], (name, statistic)


def test_shares_are_those_of_the_levels_chapter() -> None:
    panel = open_panel()
    found = distributions(panel)
    shares = levels.shares(panel)
    for name, part in found[found["variable"].str.contains("_col_|_ind_")].groupby("variable"):
        issue, _, item = str(name).partition("_")
        theirs = shares[(shares["issue"] == issue) & (shares["item"] == item)]
        np.testing.assert_allclose(part["value"], theirs["share"], rtol=1e-12)
        assert set(part["n"]) == set(theirs["n"])


def test_the_weights_are_not_weighted_by_themselves() -> None:
    frame = small(101)
    found = distributions(made(frame)).set_index(["variable", "statistic"])["value"]
    assert found["weight", "median"] == frame["weight"].median()


def test_every_variable_is_there_but_texts_and_what_nobody_answered() -> None:
    frame = small(100)
    frame["years"] = np.nan
    frame = frame.drop(columns="signup")
    found = distributions(made(frame))
    asked = [v.name for v in made(frame).instrument.variables.values()]
    missing = set(asked) - set(found["variable"])
    assert missing == {"respondent", "years", "signup"}
    sums = found[found["statistic"] == "share"].groupby("variable")["value"].sum()
    assert sums.to_numpy() == pytest.approx(1)
