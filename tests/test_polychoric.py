"""Polychoric correlations: polycor and scipy at stated tolerances, and what cannot be computed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from coprod.errors import ValidityError
from coprod.panel import open_panel
from coprod.paths import PANEL
from coprod.polychoric import bivariate_normal, polychoric, polychoric_matrix
from tests.reference import assert_agrees, load_reference


def test_correlations_agree_with_polycor() -> None:
    panel = open_panel(PANEL)
    instrument = panel.instrument
    stems = [stem for form in instrument.forms for stem in instrument.stems(form)]
    found = []
    for issue in instrument.issues:
        items = [f"{issue}_{stem}" for stem in stems]
        matrix = polychoric_matrix(panel.frame[items])
        assert list(matrix.columns) == items
        assert np.array_equal(matrix, matrix.T) and (np.diag(matrix) == 1).all()
        matrix.index, matrix.columns = pd.Index(stems), pd.Index(stems)
        found += [
            (issue, first, second, matrix.loc[first, second])
            for place, first in enumerate(stems)
            for second in stems[place + 1 :]
        ]
    table = pd.DataFrame(found, columns=["issue", "first", "second", "correlation"])
    assert_agrees(load_reference("scales"), "polychoric", table, ["issue", "first", "second"], 1e-4)


@given(st.floats(-3.5, 3.5), st.floats(-3.5, 3.5), st.floats(-0.99, 0.99))
def test_bivariate_normal_agrees_with_scipy(x: float, y: float, correlation: float) -> None:
    covariance = [[1, correlation], [correlation, 1]]
    expected = multivariate_normal.cdf([x, y], cov=covariance, abseps=1e-13, releps=1e-13)
    assert float(bivariate_normal(x, y, correlation)) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("truth", [-0.7, 0.0, 0.35, 0.9])
def test_cut_normals_give_back_their_correlation(truth: float) -> None:
    generator = np.random.default_rng(5)
    draws = generator.multivariate_normal([0, 0], [[1, truth], [truth, 1]], size=40_000)
    x = np.digitize(draws[:, 0], [-0.2, 0.9])
    y = np.digitize(draws[:, 1], [0.6, 1.4, 2.0])
    assert polychoric(x, y) == pytest.approx(truth, abs=0.025)
    assert polychoric(y, x) == pytest.approx(polychoric(x, y), abs=1e-6)
    assert polychoric(-x, y) == pytest.approx(-polychoric(x, y), abs=1e-6)


def test_two_by_two_at_the_medians_has_a_closed_form() -> None:
    """Tetrachoric at medians: r = sin(pi/2 (4p - 1)) with p the share below both."""
    x = np.repeat([0, 0, 1, 1], [35, 15, 15, 35])
    y = np.repeat([0, 1, 0, 1], [35, 15, 15, 35])
    assert polychoric(x, y) == pytest.approx(np.sin(np.pi / 2 * (4 * 0.35 - 1)), abs=1e-6)


def test_only_respondents_with_both_answers_count() -> None:
    x = pd.Series([0, 1, 2, 1, 0, 2, None, 1], dtype="Int64")
    y = pd.Series([0, 1, 2, 2, 1, 2, 1, None], dtype="Int64")
    assert polychoric(x, y) == polychoric(x[:6].astype(float), y[:6].astype(float))


def test_perfect_agreement_ends_at_the_border() -> None:
    x = np.tile([0, 1, 2], 20)
    assert polychoric(x, x) == pytest.approx(0.9999, abs=1e-4)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (pd.Series([1, 1, 1], name="a"), [0, 1, 2], "a: .* found 1"),
        ([0, 1, 2], pd.Series([np.nan] * 3, name="b"), "b: .* found 0$"),
        (
            [0, 1, 2, np.nan],
            pd.Series([1, 1, 1, 2], name="b"),
            "b: .* found 1 among those who gave both",
        ),
        ([0, 1, 2], [5, 5, 5], "second: .* found 1$"),
        ([0, 1], [0, 1, 2], "not 2 and 3"),
    ],
)
def test_what_has_no_correlation_says_so(x: object, y: object, message: str) -> None:
    with pytest.raises(ValidityError, match=message):
        polychoric(x, y)  # type: ignore[arg-type]  # lists and Series, as a caller gives them


def test_the_matrix_names_a_column_of_one_answer() -> None:
    frame = pd.DataFrame({"a": [0, 1, 2, 1], "b": [0, 0, 0, 0], "c": [1, 0, 1, 2]})
    with pytest.raises(ValidityError, match=r"b: .* found 1"):
        polychoric_matrix(frame)
