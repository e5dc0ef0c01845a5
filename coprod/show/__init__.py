"""How results look: words, tables and figures. Nothing here computes a statistic."""

from __future__ import annotations

from coprod.show import figures, tables, words
from coprod.show.absent import guard_cells, if_told, needs
from coprod.show.notice import comparison_notice, example_notice, notice
from coprod.show.programs import program_entries
from coprod.show.report import claim_entries
from coprod.show.theme import COLLECTIVE, COLOURS, INDIVIDUAL, use_theme

__all__ = [
    "COLLECTIVE",
    "COLOURS",
    "INDIVIDUAL",
    "claim_entries",
    "comparison_notice",
    "example_notice",
    "figures",
    "guard_cells",
    "if_told",
    "needs",
    "notice",
    "program_entries",
    "tables",
    "use_theme",
    "words",
]
