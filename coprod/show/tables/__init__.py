"""The tables of the chapters. Each takes a tidy frame and returns a table ready to be shown."""

from __future__ import annotations

from coprod.show.tables.codebook import arms, build, questions, variables
from coprod.show.tables.correlates import (
    block_comparison,
    block_shares,
    coefficients,
    comparison,
)
from coprod.show.tables.robustness import (
    across_models,
    imputed,
    linearity,
    marginal_effects,
    overlap_and_pull,
    proportional_odds,
    respondent_share,
)
from coprod.show.tables.survey import (
    areas,
    background_tests,
    correlations,
    factor_fit,
    gaps,
    items,
    loadings,
    margins,
    missing,
    overlap,
    reliability,
)

__all__ = [
    "across_models",
    "areas",
    "arms",
    "background_tests",
    "block_comparison",
    "block_shares",
    "build",
    "coefficients",
    "comparison",
    "correlations",
    "factor_fit",
    "gaps",
    "imputed",
    "items",
    "linearity",
    "loadings",
    "marginal_effects",
    "margins",
    "missing",
    "overlap",
    "overlap_and_pull",
    "proportional_odds",
    "questions",
    "reliability",
    "respondent_share",
    "variables",
]
