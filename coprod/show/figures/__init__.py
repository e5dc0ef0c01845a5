"""The figures of the chapters. Each takes a tidy frame and returns a figure; none computes."""

from __future__ import annotations

from coprod.show.figures.correlates import (
    block_shares,
    coefficients,
    differences,
    predictions_by_issue,
)
from coprod.show.figures.forms import loadings, overlap_by_issue, profiles_by_issue
from coprod.show.figures.levels import (
    answers_by_item,
    gaps_by_area,
    levels_by_background,
    levels_by_issue,
)
from coprod.show.figures.robustness import across_models, residuals_by_fitted

__all__ = [
    "across_models",
    "answers_by_item",
    "block_shares",
    "coefficients",
    "differences",
    "gaps_by_area",
    "levels_by_background",
    "levels_by_issue",
    "loadings",
    "overlap_by_issue",
    "predictions_by_issue",
    "profiles_by_issue",
    "residuals_by_fitted",
]
