"""The tables of the chapters. Each takes a tidy frame and returns a table ready to be shown."""

from __future__ import annotations

from coprod.show.tables.claims import claim_errors, claim_ledger, published_numbers
from coprod.show.tables.codebook import arms, build, questions, variables
from coprod.show.tables.correlates import (
    block_comparison,
    block_shares,
    coefficients,
    comparison,
)
from coprod.show.tables.design import (
    grouped_assignment,
    misleading,
    power_check,
    recovered_correlates,
    recovered_effects,
    sizes,
    strength_of_nudges,
)
from coprod.show.tables.nudges import (
    arm_effects,
    arm_flow,
    arm_texts,
    balance,
    equivalence,
    heterogeneity,
    randomisation,
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
from coprod.show.tables.specifications import joint_tests, specification_choices
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
from coprod.show.tables.validation import (
    comparisons,
    experiments_beside_r,
    functions_compared,
    information_beside_r,
)
from coprod.show.tables.yours import faults_found, mapped_columns, what_was_read

__all__ = [
    "across_models",
    "areas",
    "arm_effects",
    "arm_flow",
    "arm_texts",
    "arms",
    "background_tests",
    "balance",
    "block_comparison",
    "block_shares",
    "build",
    "claim_errors",
    "claim_ledger",
    "coefficients",
    "comparison",
    "comparisons",
    "correlations",
    "equivalence",
    "experiments_beside_r",
    "factor_fit",
    "faults_found",
    "functions_compared",
    "gaps",
    "grouped_assignment",
    "heterogeneity",
    "imputed",
    "information_beside_r",
    "items",
    "joint_tests",
    "linearity",
    "loadings",
    "mapped_columns",
    "marginal_effects",
    "margins",
    "misleading",
    "missing",
    "overlap",
    "overlap_and_pull",
    "power_check",
    "proportional_odds",
    "published_numbers",
    "questions",
    "randomisation",
    "recovered_correlates",
    "recovered_effects",
    "reliability",
    "respondent_share",
    "sizes",
    "specification_choices",
    "strength_of_nudges",
    "variables",
    "what_was_read",
]
