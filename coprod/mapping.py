"""A mapping from any survey onto the codebook: a YAML file, read strictly.

Every value in it is text as it was written: `no` is not false, and `01` is not 1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml

from coprod.check import LONGEST, allowed
from coprod.errors import Fault, PanelError, ValidityError
from coprod.fielded import WEIGHT, fielded, parts
from coprod.importing.table import Options, shown
from coprod.instrument import Instrument, Variable
from coprod.mapping_schema import REST, SCHEMA, TAB, number
from coprod.schema import Places, nearest, read_checked

__all__ = ["Column", "Ignored", "PanelMapping", "read_mapping", "rests_on"]


@dataclass(frozen=True)
class Column:
    """Where a variable comes from, and what becomes of its values.

    Attributes
    ----------
    variable
        Of the codebook, as it was asked.
    column
        Of the file.
    values
        What each value of the file is in the codebook; {} where values stay.
    missing
        Values that stand for no answer.
    reverse
        Whether the scale is turned round.
    scale
        The ends of the file's scale where it is turned or made another's; None elsewhere.
    halves
        'up' or 'down': where a half goes in a scale of whole numbers; '' where nobody said.
    where
        The place in the mapping.
    """

    variable: Variable
    column: str
    values: Mapping[str, str]
    missing: frozenset[str]
    reverse: bool
    scale: tuple[Fraction, Fraction] | None
    halves: str
    where: str

    @property
    def recoded(self) -> bool:
        """Whether any value changes."""
        return bool(self.values or self.missing or self.scale)


@dataclass(frozen=True)
class Ignored:
    """A column of the file that is left out."""

    column: str
    where: str


@dataclass(frozen=True)
class PanelMapping:
    """How a survey becomes a panel.

    Attributes
    ----------
    file
        The mapping.
    checksum
        SHA-256 of it.
    options
        How to read the survey's file.
    instrument
        The questionnaire as it was fielded.
    without
        The parts that were not asked.
    columns, ignored
        What becomes of the file's columns.
    rest
        Whether columns that it does not name are left out.
    margins
        A file of margins to which the weights are raked, or None.
    faults
        What is wrong with the mapping although it can be read.
    """

    file: Path
    checksum: str
    options: Options
    instrument: Instrument
    without: tuple[str, ...]
    columns: dict[str, Column]
    ignored: tuple[Ignored, ...]
    rest: bool
    margins: Path | None
    faults: list[Fault] = field(default_factory=list)


def read_mapping(file: Path, instrument: Instrument) -> PanelMapping:
    """The mapping of a file.

    Parameters
    ----------
    file
        A YAML file as `data/mapping-template.yml`.
    instrument
        The questionnaire.

    Returns
    -------
    PanelMapping
        Its `faults` say what is wrong with it apart from its form, guesses that nobody confirmed
        among them, so that they can be said together with those of the survey's file.

    Raises
    ------
    PanelError
        When it cannot be read, with every key and value that is not of the right kind.

    Examples
    --------
    >>> from coprod.instrument import load_instrument
    >>> from coprod.paths import MAPPING_TEMPLATE
    >>> mapping = read_mapping(MAPPING_TEMPLATE, load_instrument())
    >>> mapping.columns["age"].column, len(mapping.faults)
    ('Q1', 0)
    """
    places: dict[tuple[Any, ...], int] = {}

    def keep(content: Any, found: Places) -> Iterator[Fault]:
        places.update(found)
        yield from ()

    try:
        content = read_checked(file, SCHEMA, keep, yaml.BaseLoader)
        checksum = hashlib.sha256(file.read_bytes()).hexdigest()
    except ValidityError as error:
        raise PanelError(f"The mapping {error.summary}", error.faults) from error
    return _Reader(file, content, places, instrument).mapping(checksum)


def rests_on(file: Path) -> dict[str, Path]:
    """The files that a mapping brings to a book, by what they are; none where it cannot be read.

    Parameters
    ----------
    file
        The mapping.

    Examples
    --------
    >>> from coprod.paths import MAPPING_TEMPLATE
    >>> list(rests_on(MAPPING_TEMPLATE))
    ['Mapping']
    """
    try:
        content = yaml.load(file.read_bytes(), Loader=yaml.BaseLoader)
    except (OSError, yaml.YAMLError, ValueError, RecursionError):
        return {}
    margins = content.get("margins") if isinstance(content, dict) else None
    own = {"Margins of the panel": file.parent / margins} if isinstance(margins, str) else {}
    return {"Mapping": file, **own}


class _Reader:
    """Turns what a mapping says into what it means, and finds what cannot be meant."""

    def __init__(
        self, file: Path, content: Mapping[str, Any], places: Places, instrument: Instrument
    ) -> None:
        self.file, self.content, self.places = file, content, places
        self.faults: list[Fault] = []
        self.whole = instrument
        self.parts = parts(instrument)
        self.without = self.parts_left_out()
        groups = {key: self.group(key) for key in ("areas", "arms", "issues")}
        self.instrument = fielded(
            instrument,
            self.without,
            areas=groups["areas"] or None,
            arms=groups["arms"] or None,
            issues=groups["issues"] or None,
        )

    def group(self, key: str) -> dict[str, str]:
        """Names and labels of areas, arms or issues, without those that cannot stand."""
        given = self.stripped((key,), self.content.get(key, {}))
        if key == "arms" and len(given) == 1:
            self.fault((key,), "one arm is no experiment", "the first arm is the control")
        found: dict[str, str] = {}
        others = {
            name: label
            for name, label in (self.whole.issues if key == "issues" else {}).items()
            if name not in given and name not in self.without
        }
        taken = set(others.values())
        for name, label in given.items():
            if key == "issues" and name not in self.whole.issues:
                known = nearest(name, self.whole.issues)
                self.fault((key, name), f"no issue '{shown(name)}'", known)
            elif not name or not name.isprintable() or len(name) > LONGEST:
                said = f"the name '{shown(name)}' is empty, too long or not printable"
                self.fault((key, name), said, f"up to {LONGEST} printable characters")
            elif not label or label in taken:
                said = f"'{shown(label)}' is the label of another" if label else "no label"
                self.fault((key, name), said, "each needs a label of its own")
            else:
                found[name] = label
                taken.add(label)
        return found

    def stripped(self, path: tuple[Any, ...], given: Mapping[str, str]) -> dict[str, str]:
        """Names and what they stand for without the blanks around them, which nobody sees."""
        found: dict[str, str] = {}
        for name, value in given.items():
            if name.strip() in found:
                self.fault((*path, name), f"'{shown(name.strip())}' stands twice")
            found[name.strip()] = value.strip()
        return found

    def where(self, path: tuple[Any, ...]) -> str:
        return f"{shown(self.file.name, 100)}:{self.places.get(path, 1)}"

    def fault(self, path: tuple[Any, ...], what: str, hint: str = "") -> None:
        self.faults.append(Fault(self.where(path), what, hint))

    def parts_left_out(self) -> tuple[str, ...]:
        found = []
        given = self.content.get("without", [])
        for at, part in enumerate([given] if isinstance(given, str) else given):
            path = ("without", at) if isinstance(given, list) else ("without",)
            if part in self.parts:
                found.append(part)
            else:
                self.fault(path, f"no part '{shown(part)}'", nearest(part, self.parts))
        if set(self.whole.issues) <= set(found):
            self.fault(("without",), "a panel needs at least one issue")
            found = [part for part in found if part not in self.whole.issues]
        return tuple(dict.fromkeys(found))

    def mapping(self, checksum: str) -> PanelMapping:
        found = {}
        for name, entry in self.content.get("columns", {}).items():
            if column := self.column(name, {"column": entry} if isinstance(entry, str) else entry):
                found[name] = column
        left = []
        given = self.content.get("ignore", [])
        for at, entry in enumerate(given if isinstance(given, list) else []):
            if not isinstance(entry, str):
                self.guess(
                    ("ignore", at, "guess"), entry, f"'{shown(entry['column'])}' is left out"
                )
                entry = entry["column"]
            left.append(Ignored(entry.strip(), self.where(("ignore", at))))
        margins = self.content.get("margins")
        if margins is not None and WEIGHT in found:
            self.fault(("margins",), "weights are raked to margins", "leave out the column weight")
        if margins is not None and WEIGHT in self.without:
            said = f"'without' leaves out the {WEIGHT}, which these margins give"
            self.fault(("margins",), said, "leave out one of the two")
        about = self.content.get("file", {})
        return PanelMapping(
            file=self.file,
            checksum=checksum,
            options=Options(**about | {"delimiter": about.get("delimiter", "").replace(TAB, "\t")}),
            instrument=self.instrument,
            without=self.without,
            columns=found,
            ignored=tuple(left),
            rest=given == REST,
            margins=None if margins is None else self.file.parent / margins,
            faults=self.faults,
        )

    def guess(self, path: tuple[Any, ...], entry: Mapping[str, Any], said: str) -> None:
        if entry.get("guess") == "true":
            self.fault(path, f"{said}: a guess", "check it, then delete this line")

    def column(self, name: str, entry: Mapping[str, Any]) -> Column | None:
        path = ("columns", name)
        part = next((part for part in self.without if name in self.parts[part]), "")
        if part:
            self.fault(path, f"'{name}' is of {part}, which 'without' leaves out")
            return None
        if name not in self.instrument.variables:
            known = nearest(name, self.instrument.variables)
            self.fault(path, f"no variable '{shown(name)}' in the codebook", known)
            return None
        variable = self.instrument.variables[name]
        column = entry["column"].strip()
        self.guess((*path, "guess"), entry, f"{name} is taken from '{shown(column)}'")
        missing = entry.get("missing", [])
        missing = {missing} if isinstance(missing, str) else set(missing)
        given = self.stripped((*path, "values"), entry.get("values", {}))
        reverse = entry.get("reverse") == "true"
        scale = self.scale(variable, entry, reverse)
        if variable.kind == "text" and (given or missing):
            self.fault(path, f"{name} is text, whose values stay as they are")
            given, missing = {}, set()
        if missing and not variable.missing_allowed:
            self.fault((*path, "missing"), f"{name} must not be empty")
            missing = set()
        values = {}
        for key, value in given.items():
            here = (*path, "values", key)
            if key in missing:
                self.fault(here, f"'{shown(key)}' stands under 'missing', too", "once is allowed")
            target = _target(variable, value, scale)
            if target is None:
                self.fault(
                    here, f"'{shown(value)}' is no value of {name}", _allowed(variable, scale)
                )
            else:
                values[key] = target
        return Column(
            variable,
            column,
            values,
            frozenset(code.strip() for code in missing),
            reverse,
            scale,
            entry.get("halves", ""),
            self.where(path),
        )

    def scale(
        self, variable: Variable, entry: Mapping[str, Any], reverse: bool
    ) -> tuple[Fraction, Fraction] | None:
        path = ("columns", variable.name)
        if "halves" in entry and "rescale" not in entry:
            self.fault((*path, "halves"), "only a scale that is rescaled has halves")
        if "rescale" not in entry and not reverse:
            return None
        key = "rescale" if "rescale" in entry else "reverse"
        if variable.minimum is None or variable.maximum is None:
            hint = "recode it with 'values'" if variable.kind == "category" else ""
            self.fault((*path, key), f"{variable.name} has no scale with two ends", hint)
            return None
        low, high = entry.get("rescale", (variable.minimum, variable.maximum))
        return Fraction(low), Fraction(high)


def _target(variable: Variable, value: str, scale: tuple[Fraction, Fraction] | None) -> str | None:
    """The value of the codebook that a text names, by itself or by its label; None if none."""
    if scale is not None:
        found = number(value)
        return value if found is not None and scale[0] <= found <= scale[1] else None
    if value in map(str, variable.levels):
        return value
    called = [
        str(level) for level, label in variable.levels.items() if label.lower() == value.lower()
    ]
    if len(called) == 1:
        return called[0]
    if variable.levels or variable.kind not in ("integer", "number"):
        return None
    found = number(value)
    low, high = variable.minimum, variable.maximum
    good = (
        found is not None
        and (low is None or found >= low)
        and (high is None or found <= high)
        and (variable.kind == "number" or found.denominator == 1)
    )
    return value if good else None


def _allowed(variable: Variable, scale: tuple[Fraction, Fraction] | None) -> str:
    if scale is not None:
        return f"allowed: numbers from {float(scale[0]):g} to {float(scale[1]):g}"
    if variable.kind == "integer" and variable.levels:
        said = ", ".join(f"{level} ({label})" for level, label in variable.levels.items())
        return f"allowed: {said}"
    return f"allowed: {allowed(variable)}".removesuffix(", or empty")
