"""The population that a panel's owner knows of: margins read strictly, and weights raked to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from coprod.errors import Fault, ValidityError
from coprod.importing.table import shown
from coprod.instrument import Instrument, Variable
from coprod.schema import TEXT, Places, nearest, read_checked
from coprod.weights import margins_frame, rake

__all__ = ["banded", "raked", "read_margins"]

# Published shares are rounded, and so miss 1 by a little.
ROUNDED = 0.005


def banded(frame: pd.DataFrame, instrument: Instrument) -> pd.DataFrame:
    """The frame with numbers in the bands of the codebook, as margins have them.

    Examples
    --------
    >>> from coprod.instrument import load_instrument
    >>> banded(pd.DataFrame({"age": [44.0]}), load_instrument())["age"].tolist()
    ['30-44']
    """
    found = [v for v in instrument.variables.values() if v.bands and v.name in frame]
    return frame.assign(**{v.name: v.banded(frame[v.name]) for v in found})


def read_margins(file: Path, instrument: Instrument) -> pd.DataFrame:
    """Population shares within each area, as of `coprod.weights.load_margins`.

    Parameters
    ----------
    file
        A file like `data/margins.yml`; `why` and `source` may be left out, and shares may be
        rounded: they are made to sum to 1.
    instrument
        The questionnaire, whose areas, variables and levels the margins may name.

    Raises
    ------
    ValidityError
        With everything that is wrong in it, by line.

    Examples
    --------
    >>> from coprod.instrument import load_instrument
    >>> from coprod.paths import MARGINS
    >>> read_margins(MARGINS, load_instrument())["variable"].unique().tolist()
    ['gender', 'age']
    """
    known = {
        v.name: v
        for v in instrument.variables.values()
        if v.role == "background" and (v.bands or v.kind == "category")
    }
    entry = {"why": TEXT, "source": TEXT, "value": _anything}

    def faults(content: Any, places: Places) -> Iterator[Fault]:
        if not content:
            yield Fault(file.name, "no margins", nearest("", known))
        for name, given in content.items():
            yield from _Shares(file.name, name, known[name], instrument, places).faults(given)
        areas = {name: set(given.get("value") or ()) for name, given in content.items()}
        for name, own in areas.items():
            if lacking := set().union(*areas.values()) - own:
                where = f"{file.name}:{places.get((name,), 1)}"
                said = f"{name} has no shares for {', '.join(sorted(map(shown, lacking)))}"
                yield Fault(where, said)

    content = read_checked(file, dict.fromkeys(known, entry), faults, yaml.BaseLoader)
    exact = {
        name: {
            area: {
                level: float(share) / sum(map(float, shares.values()))
                for level, share in shares.items()
            }
            for area, shares in given["value"].items()
        }
        for name, given in content.items()
    }
    return margins_frame(exact)


def _anything(*given: object) -> list[Fault]:
    """What is checked later, with what else it must go with."""
    return []


class _Shares:
    """The shares of one variable."""

    def __init__(
        self, file: str, name: str, variable: Variable, instrument: Instrument, places: Places
    ) -> None:
        self.file, self.name, self.places = file, name, places
        self.areas = instrument.areas
        self.levels = list(variable.bands or variable.levels)

    def where(self, *path: str) -> str:
        return f"{self.file}:{self.places.get((self.name, *path), 1)}"

    def faults(self, given: Mapping[str, Any]) -> Iterator[Fault]:
        areas = given.get("value")
        if not isinstance(areas, dict) or not areas:
            yield Fault(self.where(), f"{self.name} has no 'value' with shares by area")
            return
        for area, shares in areas.items():
            at = self.where("value", area)
            if area not in self.areas:
                yield Fault(at, f"no area '{shown(area)}'", nearest(area, self.areas))
            if not isinstance(shares, dict) or not shares:
                yield Fault(at, f"{self.name} in {shown(area)} has no shares by level")
                continue
            wrong = [
                Fault(
                    self.where("value", area, level),
                    f"{self.name} has no level '{shown(level)}'",
                    nearest(level, self.levels),
                )
                for level in shares
                if level not in self.levels
            ]
            sizes = [_share(share) for share in shares.values()]
            wrong += [
                Fault(
                    self.where("value", area, level),
                    f"the share of {shown(level)} is '{shown(str(share))}'",
                    "it must be a number above 0 and up to 1",
                )
                for (level, share), size in zip(shares.items(), sizes, strict=True)
                if not size
            ]
            if not wrong and abs(sum(sizes) - 1) > ROUNDED:
                said = f"shares of {self.name} in {shown(area)} sum to {sum(sizes):.4g}"
                wrong = [Fault(at, said, "they must sum to 1")]
            yield from wrong


def _share(given: Any) -> float:
    """A share as a number; 0 where it is none."""
    try:
        share = float(given) if isinstance(given, str) and given.isascii() else 0.0
    except ValueError:
        return 0.0
    return share if 0 < share <= 1 else 0.0


def raked(
    frame: pd.DataFrame, margins: pd.DataFrame, instrument: Instrument
) -> tuple[pd.DataFrame, list[Fault]]:
    """The frame with weights raked to margins within each area, or what stands in the way.

    Examples
    --------
    >>> from coprod import open_panel
    >>> from coprod.weights import load_margins
    >>> panel = open_panel()
    >>> frame, faults = raked(panel.frame, load_margins(), panel.instrument)
    >>> bool((frame["weight"] - panel.frame["weight"]).abs().max() < 1e-5), faults
    (True, [])
    """
    try:
        weights, _ = rake(banded(frame, instrument), margins)
    except ValidityError as error:
        found = [
            Fault(f"margins, {fault.where}", fault.what, fault.allowed) for fault in error.faults
        ]
        return frame, found or [Fault("margins", error.summary)]
    least = instrument.variables["weight"].minimum or 0
    if few := int((weights < least).sum()):
        said = f"they give {few:,} respondent{'s' * (few != 1)} a weight of {weights.min():.3g}"
        return frame, [Fault("margins", said, f"the least is {least:f}")]
    return frame.assign(weight=weights), []
