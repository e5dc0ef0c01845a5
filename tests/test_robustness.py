"""One coefficient under several models: each is that of its own function."""

from __future__ import annotations

import pytest

from coprod.correlates import fit
from coprod.errors import ValidityError
from coprod.fractional import fit_fractional
from coprod.mixed import fit_mixed
from coprod.robustness import across_models
from tests.panels import made, small


def test_each_model_gives_its_own_coefficient() -> None:
    panel = made(small(500))
    table = across_models(panel, "informed").set_index(["model", "form"])
    assert len(table) == 2 * 8
    for model, found in {
        "linear": fit(panel, "individual"),
        "health": fit(panel, "individual", "health"),
        "unweighted": fit(panel, "individual", weighted=False),
        "fractional": fit_fractional(panel, "individual"),
        "mixed": fit_mixed(panel, "individual"),
    }.items():
        row = found.set_index("term").loc["informed"]
        for name in ("estimate", "standard_error", "low", "high", "n"):
            assert table.loc[(model, "individual"), name] == row[name]
    # All who were asked count where gaps are filled, and on the same scale.
    assert table.loc[("imputed", "individual"), "n"] == 3 * 500
    spread = table.xs("individual", level="form")["estimate"]
    assert spread["imputed"] == pytest.approx(spread["linear"], abs=2)


def test_a_panel_of_one_issue_has_no_mixed_model() -> None:
    table = across_models(made(small(400), ["health"]))
    assert "mixed" not in set(table["model"])
    assert {"linear", "health", "imputed"} <= set(table["model"])


@pytest.mark.parametrize("term", ["gender", "income", "intercept"])
def test_a_group_has_no_coefficient_per_sd(term: str) -> None:
    with pytest.raises(
        ValidityError, match=f"term: '{term}' is not a number .*: age, years, state"
    ):
        across_models(made(small(400)), term)


def test_the_chapters_statistics_take_less_than_a_minute(statistics_seconds: float) -> None:
    """Every cell of both chapters, imputation and specification curves included, as a first build."""
    assert 0 < statistics_seconds < 60
