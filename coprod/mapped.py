"""A survey's table as a mapping has it: columns renamed, values recoded, scales turned and fitted."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from math import floor

from coprod.errors import Fault
from coprod.fielded import WEIGHT, parts
from coprod.importing.table import SHOWN, Places, Rows, Table, listed, note, shown
from coprod.instrument import Instrument, Variable, load_instrument
from coprod.mapping import Column, PanelMapping
from coprod.mapping_schema import REST, number

__all__ = ["mapped"]

RESPONDENT = "respondent"
HALF = Fraction(1, 2)
# More values than this are not listed in a message.
MOST = 12


def mapped(table: Table, mapping: PanelMapping) -> tuple[Table, Instrument, list[Fault]]:
    """The table with the columns and the values of the codebook.

    Parameters
    ----------
    table
        As it was read.
    mapping
        What to make of it.

    Returns
    -------
    table : Table
        Places are those of the file. Faults of values are added as the chunks are read.
    instrument : Instrument
        The questionnaire, without what is a fault already: variables and parts that the file lacks.
    faults : list of Fault
        Of the mapping, and of the names of columns.
    """
    named = _Names(table, mapping)
    faults = [*mapping.faults, *named.faults]
    readers = {
        name: _Reader(column, table)
        for name, (_, column) in named.sources.items()
        if column and column.recoded
    }
    for reader in readers.values():
        faults += [*reader.contradictions(), *reader.turned()]
    said = [f"columns and values by the mapping {shown(mapping.file.name)}"]
    header = list(named.sources)
    unit = (mapping.margins is not None or WEIGHT in mapping.without) and WEIGHT not in header
    numbered = RESPONDENT not in header
    if numbered:
        said.append("Respondents are numbered from R0001, in the order of the file.")
    late = list(table.faults)

    def chunks() -> Iterator[Rows]:
        people = 0
        for places, cells in table.chunks:
            columns: list[Sequence[str]] = []
            for name, (position, _) in named.sources.items():
                column = cells[position]
                columns.append(readers[name].add(column, places) if name in readers else column)
            if unit:
                columns.append(["1"] * len(places))
            if numbered:
                columns.append([f"R{people + at:04d}" for at in range(1, len(places) + 1)])
            people += len(places)
            yield places, columns
        # The faults of the file itself, too, are complete only now.
        late[:] = table.faults
        for reader in readers.values():
            late.extend(reader.faults())

    kept = [name for name in named.sources if name not in readers]
    names = {name: table.header[position] for name, (position, _) in named.sources.items()}
    result = replace(
        table,
        header=[*header, *[WEIGHT] * unit, *[RESPONDENT] * numbered],
        chunks=chunks(),
        faults=late,
        format=[*table.format, *said],
        labels={name: table.labels.get(names[name], {}) for name in kept},
        titles={name: table.titles.get(own, "") for name, own in names.items()},
        missing={name: table.missing[names[name]] for name in kept if names[name] in table.missing},
        names=names,
        emptied={name: reader.emptied for name, reader in readers.items()},
        weighted=mapping.margins is not None or (table.weighted and not unit),
    )
    gone = mapping.columns.keys() - named.sources.keys()
    gone |= {name for part in named.absent for name in parts(mapping.instrument)[part]}
    asked = {name: v for name, v in mapping.instrument.variables.items() if name not in gone}
    return result, replace(mapping.instrument, variables=asked), faults


class _Names:
    """Which column of the file each variable is taken from, and what is wrong with their names."""

    def __init__(self, table: Table, mapping: PanelMapping) -> None:
        self.table, self.mapping = table, mapping
        self.faults: list[Fault] = []
        self.counts = Counter(table.header)
        self.known = parts(load_instrument())
        # By variable, the position in the file and what becomes of the values.
        self.sources: dict[str, tuple[int, Column | None]] = {}
        self.mapped()
        used = {column.column for column in mapping.columns.values()}
        left = self.ignored(used)
        self.own(used | left)
        self.absent = self.parts()

    def mapped(self) -> None:
        for name, column in self.mapping.columns.items():
            if count := self.counts[column.column]:
                self.sources[name] = (self.table.header.index(column.column), column)
                if count > 1:
                    said = f"the file has {count} columns '{shown(column.column)}'"
                    self.faults.append(Fault(column.where, said, "one is allowed"))
            else:
                self.no_column(column.where, column.column)

    def no_column(self, where: str, name: str) -> None:
        near = difflib.get_close_matches(name[:64], [n for n in self.counts if n], n=1)
        hint = f"did you mean '{shown(near[0])}'?" if near else ""
        self.faults.append(Fault(where, f"the file has no column '{shown(name)}'", hint))

    def ignored(self, used: set[str]) -> set[str]:
        for entry in self.mapping.ignored:
            if entry.column not in self.counts:
                self.no_column(entry.where, entry.column)
            elif entry.column in used:
                said = f"'{shown(entry.column)}' is mapped, and ignored"
                self.faults.append(Fault(entry.where, said, "one of the two is allowed"))
        return {entry.column for entry in self.mapping.ignored}

    def own(self, done: set[str]) -> None:
        """Columns that the mapping does not name: the codebook's own, or faults."""
        variables = self.mapping.instrument.variables
        unknown: list[Fault] = []
        for at, name in enumerate(self.table.header):
            if name in done:
                continue
            done.add(name)
            refusal = self.refusal(name, variables)
            if not refusal:
                self.sources[name] = (at, None)
                if self.counts[name] > 1:
                    said = f"there {self.counts[name]} times"
                    self.faults.append(Fault(f"column {name}", said, "once is allowed"))
            elif not self.mapping.rest and not (name == WEIGHT and not self.table.weighted):
                where = f"column {shown(name)}" if name else f"column {at + 1}"
                hint = f"map it, or list it under 'ignore' (or say 'ignore: {REST}')"
                unknown.append(Fault(where, refusal, self.near(name) or hint))
        self.faults += unknown[: 4 * SHOWN]
        if len(unknown) > 4 * SHOWN:
            said = f"{len(unknown) - 4 * SHOWN:,} more columns that are neither mapped nor ignored"
            self.faults.append(Fault("", said))

    def refusal(self, name: str, variables: dict[str, Variable]) -> str:
        """Why a column cannot be taken as it is; '' where it can."""
        mapping = self.mapping
        if not name:
            return "has no name"
        if name in mapping.columns:
            return f"the mapping takes {name} from '{shown(mapping.columns[name].column)}'"
        if name == WEIGHT and WEIGHT in mapping.without:
            return f"'without' leaves out the {WEIGHT}"
        if name == WEIGHT and mapping.margins is not None:
            return "the weights are raked to margins"
        for part in mapping.without:
            if name in self.known[part]:
                return f"is of {part}, which 'without' leaves out"
        return "" if name in variables else "neither mapped nor ignored"

    def near(self, name: str) -> str:
        known = [v for v in self.mapping.instrument.variables if v not in self.sources]
        if name in load_instrument().variables:
            return ""
        near = difflib.get_close_matches(name.lower()[:64], known, n=1)
        return f"did you mean {near[0]}? Map it, or list it under 'ignore'" if near else ""

    def parts(self) -> list[str]:
        """Parts of several columns of which the file has none, where others are there."""
        instrument = self.mapping.instrument
        absent = [
            part
            for part, columns in parts(instrument).items()
            if len(columns) > 1
            and not set(columns) & (set(self.sources) | set(self.mapping.columns))
        ]
        if set(instrument.issues) <= set(absent):
            return []
        for part in absent:
            count = len(parts(instrument)[part])
            said = f"none of the {count} columns of {part} is there"
            hint = f"map them, or list {part} under 'without'"
            self.faults.append(Fault(self.mapping.file.name, said, hint))
        return absent


class _Reader:
    """Recodes the cells of one column; each distinct value is looked at once."""

    def __init__(self, column: Column, table: Table) -> None:
        self.column, self.variable = column, column.variable
        self.place, self.decimal = table.place, table.decimal
        # What the file calls its values, and which of them it declares to be missing.
        self.labels = table.labels.get(column.column, {})
        self.declared = table.missing.get(column.column, {})
        self.known: dict[str, str | None] = {}
        self.emptied: dict[str, int] = {}
        self.wrong: Places = {}
        self.halves: Places = {}
        # Stands in for what is wrong, so that it is not said twice.
        self.filler = str(next(iter(self.variable.levels), self.variable.maximum or 1))

    def add(self, cells: Sequence[str], places: list[int]) -> list[str]:
        counts = Counter(cells)
        if len(self.known) > 10 * len(cells):
            self.known = {}
        for text in counts.keys() - self.known.keys():
            self.known[text] = self.read(text.strip())
        for text, count in counts.items():
            if self.known[text] == "" and (name := text.strip()):
                self.emptied[name] = self.emptied.get(name, 0) + count
        if any(self.known[text] is None for text in counts):
            for text, place in zip(cells, places, strict=True):
                if self.known[text] is None:
                    name = text.strip()
                    note(self.halves if self.halved(name) else self.wrong, name, place)
        return [self.filler if value is None else value for value in map(self.known.get, cells)]

    def read(self, text: str) -> str | None:
        """The value of the codebook; '' where there is no answer, None where it is wrong."""
        column = self.column
        label = self.labels.get(text, "").strip()
        if not text or text in self.declared:
            return ""
        if text in column.missing or (label and label in column.missing):
            return ""
        if column.values:
            key = text if text in column.values else label
            if key in column.values:
                text = column.values[key]
                if self.variable.kind == "number" and not column.scale:
                    text = text.replace(".", self.decimal)
            elif self.variable.levels:
                return None
            elif column.scale:
                text = self.pointed(text)
        elif column.scale:
            text = self.pointed(text)
        return self.fitted(text) if column.scale else text

    def pointed(self, text: str) -> str:
        return text.replace(",", ".") if self.decimal == "," and "." not in text else text

    def fitted(self, text: str) -> str | None:
        """A number of the file's scale on the codebook's."""
        value = self.on_scale(text)
        if value is None:
            return None
        if self.variable.kind == "number":
            return f"{float(value):.12g}".replace(".", self.decimal)
        if value.denominator == 2 and not self.column.halves:
            return None
        whole = (
            floor(value)
            if value.denominator == 2 and self.column.halves == "down"
            else floor(value + HALF)
        )
        return str(whole)

    def on_scale(self, text: str) -> Fraction | None:
        value = number(text)
        scale, variable = self.column.scale, self.variable
        if value is None or scale is None or not scale[0] <= value <= scale[1]:
            return None
        low, high = Fraction(variable.minimum or 0), Fraction(variable.maximum or 0)
        share = (value - scale[0]) / (scale[1] - scale[0])
        return low + (1 - share if self.column.reverse else share) * (high - low)

    def halved(self, text: str) -> bool:
        """Whether a value is wrong only because nobody said where halves go."""
        key = text if text in self.column.values else self.labels.get(text, "").strip()
        text = self.column.values.get(key, self.pointed(text))
        value = self.on_scale(text)
        return value is not None and value.denominator == 2

    @property
    def where(self) -> str:
        return f"column {shown(self.column.column)} ({self.variable.name})"

    def faults(self) -> list[Fault]:
        found = []
        if self.wrong:
            said = listed(self.wrong, self.place, "", self.hint)
            found.append(Fault(self.where, said, self.allowed()))
        if self.halves:
            said = listed(self.halves, self.place, "", lambda text: " falls between two answers")
            hint = "the mapping must say 'halves: up' or 'halves: down'"
            found.append(Fault(self.where, said, hint))
        return found

    def contradictions(self) -> list[Fault]:
        """Values that the mapping recodes and the file declares to be missing."""
        called = {self.labels.get(text, text) for text in self.declared} | set(self.declared)
        both = [shown(value) for value in self.column.values if value in called]
        if not both:
            return []
        said = f"the file declares {', '.join(both)} to be missing"
        return [Fault(self.column.where, said, "leave it out of 'values', or mend the file")]

    def turned(self) -> list[Fault]:
        """Whether a scale runs the other way than the file's own labels say.

        Only labels that the codebook has, too, tell; two of them are enough for a direction.
        """
        if not self.column.scale or self.column.values:
            return []
        own = {label.lower(): level for level, label in self.variable.levels.items()}
        known = [
            (value, label, level, read)
            for value, label in self.labels.items()
            if (level := own.get(label.strip().lower())) is not None
            and (read := self.on_scale(self.pointed(value))) is not None
        ]
        known.sort(key=lambda entry: int(entry[2]))
        if len(known) < 2 or known[0][3] <= known[-1][3]:
            return []
        said = "; ".join(
            f"the file calls {shown(value)} '{shown(label)}', the codebook {level}"
            for value, label, level, _ in (known[0], known[-1])
        )
        hint = "leave out 'reverse'" if self.column.reverse else "say 'reverse: true'"
        return [Fault(self.where, f"runs the wrong way: {said}", hint)]

    def hint(self, text: str) -> str:
        label = self.labels.get(text, "").strip()
        called = f", which the file calls '{shown(label)}'" if label else ""
        names = {key.lower(): key for key in self.column.values}
        near = difflib.get_close_matches(text.lower()[:64], list(names), n=1, cutoff=0.7)
        return called + (f" (did you mean '{shown(names[near[0]])}'?)" if near else "")

    def allowed(self) -> str:
        column = self.column
        if column.values and (self.variable.levels or not column.scale):
            keys = [shown(key) for key in column.values]
            said = ", ".join(keys[:MOST]) + (f" and {len(keys) - MOST} more" if keys[MOST:] else "")
            said = f"the mapping names {said}"
        else:
            low, high = column.scale or (0, 0)
            said = f"allowed: numbers from {float(low):g} to {float(high):g}"
        gone = sorted(map(shown, column.missing))
        return f"{said}; {', '.join(gone)} as missing" if gone else said
