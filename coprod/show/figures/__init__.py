"""The figures of the chapters. Each takes a tidy frame and returns a figure; none computes."""

from __future__ import annotations

from coprod.show.figures.claims import claim_verdicts
from coprod.show.figures.correlates import (
    block_shares,
    coefficients,
    differences,
    predictions_by_issue,
)
from coprod.show.figures.design import (
    exaggeration,
    power_by_effect,
    power_curves,
    recovered,
    strength_of_nudges,
)
from coprod.show.figures.flow import arm_flow
from coprod.show.figures.forms import loadings, overlap_by_issue, profiles_by_issue
from coprod.show.figures.levels import (
    answers_by_item,
    gaps_by_area,
    levels_by_background,
    levels_by_issue,
)
from coprod.show.figures.nudges import (
    arm_balance,
    arm_effects,
    randomisation_histograms,
)
from coprod.show.figures.robustness import across_models, residuals_by_fitted
from coprod.show.figures.specifications import specification_curve
from coprod.show.figures.validation import differences_from_r, studies_beside_r

__all__ = [
    "across_models",
    "answers_by_item",
    "arm_balance",
    "arm_effects",
    "arm_flow",
    "block_shares",
    "claim_verdicts",
    "coefficients",
    "differences",
    "differences_from_r",
    "exaggeration",
    "gaps_by_area",
    "levels_by_background",
    "levels_by_issue",
    "loadings",
    "overlap_by_issue",
    "power_by_effect",
    "power_curves",
    "predictions_by_issue",
    "profiles_by_issue",
    "randomisation_histograms",
    "recovered",
    "residuals_by_fitted",
    "specification_curve",
    "strength_of_nudges",
    "studies_beside_r",
]
