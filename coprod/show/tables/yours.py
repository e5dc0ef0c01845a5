"""Tables of how a survey becomes a panel: what was read, what a mapping does, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from coprod.errors import Fault
from coprod.mapping import Column, PanelMapping
from coprod.show import words
from coprod.show.table import Table, table

__all__ = ["faults_found", "mapped_columns", "what_was_read"]


def what_was_read(lines: Sequence[tuple[str, str]], data: str) -> Table:
    """What `coprod check` says of a file that can be used.

    Parameters
    ----------
    lines
        As of `coprod.importing.report.summary`.
    data
        What file it is.
    """
    frame = pd.DataFrame(lines, columns=["what", "found"])
    columns = {"what": "About", "found": "What was read"}
    return table(frame, "yours-read", columns, stub="what", data=data)


def mapped_columns(mapping: PanelMapping, data: str) -> Table:
    """What a mapping makes of each column of a survey.

    Parameters
    ----------
    mapping
        As of `coprod.mapping.read_mapping`.
    data
        What mapping it is.
    """
    rows = [
        (column.variable.label, column.column, _becomes(column))
        for column in mapping.columns.values()
        if column.variable.issue in (None, next(iter(mapping.instrument.issues)))
    ]
    frame = pd.DataFrame(rows, columns=["variable", "column", "becomes"])
    columns = {"variable": "In the book", "column": "In the survey", "becomes": "Values"}
    return table(frame, "yours-mapping", columns, stub="variable", data=data)


def _becomes(column: Column) -> str:
    if column.values:
        named = {str(level): label for level, label in column.variable.levels.items()}
        return "; ".join(
            f"{given}: {named.get(taken, taken)}" for given, taken in column.values.items()
        )
    said = "turned round" if column.reverse else ""
    low, high = column.variable.minimum, column.variable.maximum
    if column.scale and column.scale != (low, high):
        ends = f"{column.scale[0]} to {column.scale[1]} become {words.number(low or 0)} to {words.number(high or 0)}"
        said = f"{ends}, halves {column.halves}" if column.halves else ends
    return said or "as they are"


def faults_found(faults: Sequence[Fault], data: str) -> Table:
    """What is wrong with a file or a mapping: all of it, as the refusal has it.

    Parameters
    ----------
    faults
        Of the error.
    data
        What was refused.
    """
    rows = [(fault.where, fault.what, fault.allowed) for fault in faults]
    frame = pd.DataFrame(rows, columns=["where", "what", "allowed"])
    columns = {"where": "Where", "what": "What is wrong", "allowed": "What helps"}
    return table(frame, "yours-faults", columns, stub="where", data=data)
