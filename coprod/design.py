"""The parameters from which the synthetic panel is drawn, as `data/design.yml` has them."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from coprod.errors import ValidityError
from coprod.instrument import read_yaml
from coprod.paths import DESIGN, MARGINS

__all__ = ["Design", "load_design"]


@dataclass(frozen=True)
class Design:
    """The parameters of the generator, by dotted name.

    Examples
    --------
    >>> load_design()["experiment.effects"]["efficacy"]
    0.0
    """

    values: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        value: Any = self.values
        for part in name.split("."):
            value = value[part]
        return value


def load_design(path: Path | None = None, changes: Mapping[str, Any] | None = None) -> Design:
    """Read the design, and the margins of the population with it.

    Parameters
    ----------
    path
        A design; `data/design.yml` where None.
    changes
        Parameters to replace, by dotted name: a scenario.

    Returns
    -------
    Design

    Raises
    ------
    ValidityError
        When a change names no parameter.

    Examples
    --------
    >>> changes = {"experiment.effects.norm": 0.2, "propensity.perceptions.collective.efficacy": 0}
    >>> load_design(changes=changes)["experiment.effects.norm"]
    0.2
    """
    values = {name: deepcopy(value) for name, value in _load(Path(path or DESIGN)).items()}
    for name, value in (changes or {}).items():
        *above, last = name.split(".")
        place: Any = values
        for part in above:
            place = place.get(part) if isinstance(place, dict) else None
        if not isinstance(place, dict) or last not in place:
            near = difflib.get_close_matches(name, list(_names(values)), n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ValidityError(f"the design has no parameter {name}{hint}")
        place[last] = value
    return Design(values)


@lru_cache
def _load(path: Path) -> dict[str, Any]:
    return {**_values(read_yaml(path)), "margins": _values(read_yaml(MARGINS))}


def _values(group: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: entry["value"] if "value" in entry else _values(entry)
        for name, entry in group.items()
    }


def _names(group: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for name, value in group.items():
        yield f"{above}{name}"
        if isinstance(value, dict):
            yield from _names(value, f"{above}{name}.")
