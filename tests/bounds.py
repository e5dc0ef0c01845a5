"""What linear constraints leave possible for unknown numbers of people: least and most, by HiGHS."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil, floor, inf, log10

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import LinearConstraint, milp

from coprod.disclosure import at_least

Floats = NDArray[np.float64]


@dataclass
class Bounds:
    """Constraints on unknown numbers of people, none below zero."""

    size: int
    rows: list[Floats] = field(default_factory=list)
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)

    def between(self, row: NDArray[np.number], low: float, high: float) -> None:
        self.rows.append(np.asarray(row, dtype=float))
        self.low.append(low)
        self.high.append(high)

    def ratio(self, part: NDArray[np.number], whole: NDArray[np.number], value: float) -> None:
        """Part over whole is a published number, known to its last digit."""
        if np.isnan(value):
            return
        unit = 10.0 ** (floor(log10(abs(value))) - (2 if abs(value) > 1 else 1)) if value else 0.0
        half = 0.5000001 * unit + 1e-9
        self.between(part - (value - half) * whole, 0, inf)
        self.between(part - (value + half) * whole, -inf, 0)

    def count(self, row: NDArray[np.number], told: float, total: int, least: int) -> None:
        """A published count of a known total: all that is rounded down to it."""
        if np.isnan(told):
            return
        possible = np.arange(total + 1)
        fits = possible[at_least(possible, total, least) == told]
        self.between(row, fits.min(), fits.max())

    def recovered(self, cells: dict[str, Floats], least: int) -> dict[str, tuple[int, int]]:
        """The cells that are left fewer values than `least`, with those."""
        constraint = LinearConstraint(sparse.csr_array(np.array(self.rows)), self.low, self.high)
        names = list(cells)
        wanted = np.array([cells[name] for name in names])
        lowest, highest = np.full(len(names), inf), np.full(len(names), -inf)

        def solve(objective: Floats) -> None:
            found = milp(objective, constraints=constraint)
            assert found.x is not None, found.message
            values = wanted @ found.x
            np.minimum(lowest, values, out=lowest)
            np.maximum(highest, values, out=highest)

        # What one solution spreads need not be looked for: a few go for all cells at once.
        rng = np.random.default_rng(1)
        for _ in range(2):
            mix = rng.random(len(names)) @ wanted
            solve(mix)
            solve(-mix)
        for at in range(len(names)):
            for sign in (1, -1):
                if _values(lowest[at], highest[at]) < least:
                    solve(sign * wanted[at])
        return {
            name: (ceil(lowest[at] - 1e-6), floor(highest[at] + 1e-6))
            for at, name in enumerate(names)
            if _values(lowest[at], highest[at]) < least
        }


def _values(low: float, high: float) -> int:
    return floor(high + 1e-6) - ceil(low - 1e-6) + 1
