"""Answers as ODK Central and KoboToolbox export them, as the columns of a panel.

Both write the form's own names as headers, with those of its groups before them or not, and add
columns about the submission. Nothing is guessed: only what the platforms are known to add, and what
the project's own form adds, is left out. Anything else stays, and is checked as in any other file.

ODK Central puts `-` between names and adds `SubmissionDate`, `KEY`, `meta-instanceID` and others;
KoboToolbox puts `/` between them, separates cells by semicolons, and adds names that start with `_`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pandas as pd

from coprod.importing.table import Rows, Table
from coprod.instrument import Instrument
from coprod.xlsform import NOTES

__all__ = ["field_export", "from_the_field", "is_field_export"]

# What the platforms add: columns of ODK Central, and questions about the device and the visit
# that a form of either may have. KoboToolbox's own start with an underscore.
PLATFORM = {
    "SubmissionDate",
    "KEY",
    "PARENT_KEY",
    "SubmitterID",
    "SubmitterName",
    "AttachmentsPresent",
    "AttachmentsExpected",
    "Status",
    "ReviewState",
    "DeviceID",
    "Edits",
    "FormVersion",
    "instanceID",
    "instanceName",
    "rootUuid",
    "deprecatedID",
    "start",
    "end",
    "today",
    "deviceid",
    "phonenumber",
    "username",
    "email",
    "audit",
    "start-geopoint",
    "formhub",
    "uuid",
}
# The groups in which platforms put some of them.
METADATA = {"meta", "formhub"}
# What tells one submission from another, best first.
IDENTIFIERS = ("KEY", "_uuid", "instanceID", "_id")
CONSENT = "consent"
# Submissions that whoever runs the survey has refused.
REFUSED = {
    "ReviewState": {"rejected"},
    "_validation_status": {"validation_status_not_approved", "Not Approved"},
}


def is_field_export(header: list[str], instrument: Instrument) -> bool:
    """Whether a header is that of an export of this questionnaire.

    Parameters
    ----------
    header
        The names of the columns.
    instrument
        The questionnaire.

    Returns
    -------
    bool
        True where there are an identifier and a time or state of submission as a platform adds
        them, at least one variable of the codebook, and no column `respondent`.

    Examples
    --------
    >>> from coprod.instrument import load_instrument
    >>> instrument = load_instrument()
    >>> is_field_export(["SubmissionDate", "about_you-age", "KEY"], instrument)
    True
    >>> is_field_export(["about_you/age", "_uuid", "_submission_time"], instrument)
    True
    >>> is_field_export(["respondent", "age", "KEY"], instrument)
    False
    """
    names = {_short(name, instrument) for name in header}
    added = {"SubmissionDate", "_submission_time", "instanceID", "_id", "_uuid"}
    return (
        "respondent" not in names
        and bool(names & set(IDENTIFIERS))
        and len(names & (added | {"KEY"})) > 1
        and bool(names & set(instrument.variables))
    )


def field_export(cells: pd.DataFrame, instrument: Instrument) -> tuple[pd.DataFrame, list[str]]:
    """The panel's columns of an export, and what was done to get them.

    Parameters
    ----------
    cells
        The file's cells as text, one row a submission, columns named as in the file.
    instrument
        The questionnaire.

    Returns
    -------
    panel : DataFrame
        The cells as text, one row a person who agreed to take part, with the index that these
        rows had: the columns of the form by their own names, `respondent` (R0001, R0002, ... in
        the order of the file; the same for the same submission), and `weight`, which is 1 for
        everybody where the file has none: a form cannot know how people were sampled.
    said : list of str
        What was left out, renamed and given, each in a sentence.

    Examples
    --------
    >>> from coprod.instrument import load_instrument
    >>> cells = pd.DataFrame({"about_you/age": ["44"], "_uuid": ["f3-a1"], "_submission_time": [""]})
    >>> panel, said = field_export(cells, load_instrument())
    >>> panel.to_dict("records")
    [{'respondent': 'R0001', 'weight': '1', 'age': '44'}]
    """
    said: list[str] = []
    names = [_short(name, instrument) for name in cells.columns]
    pairs = zip(names, cells.columns, strict=True)
    if cut := sum(short != name.strip() and short not in PLATFORM for short, name in pairs):
        said.append(f"The names of groups were taken from the names of {_count(cut, 'column')}.")
    short = cells.set_axis(names, axis=1)
    keep = pd.Series(True, index=short.index)
    if CONSENT in names:
        agreed = _column(short, CONSENT).str.strip() == "agree"
        if declined := int((~agreed).sum()):
            said.append(f"{_count(declined, 'row')} without consent left out.")
        keep &= agreed
    for name, states in REFUSED.items():
        if name in names:
            refused = _column(short, name).str.strip().isin(states) & keep
            if count := int(refused.sum()):
                said.append(f"{_count(count, 'row')} left out that {name} refuses.")
            keep &= ~refused
    short = short[keep]

    own = [name in (CONSENT,) or _added(name, instrument) for name in names]
    left = [name for name, added in zip(names, own, strict=True) if added]
    panel = short.loc[:, [not added for added in own]]
    if left:
        said.append(f"Columns left out, which the platform or the form adds: {', '.join(left)}.")
    if "weight" not in panel:
        panel.insert(0, "weight", "1")
        said.append("Every respondent has the weight 1, until there are margins to weight to.")
    if "respondent" not in panel:
        identifier = next(name for name in IDENTIFIERS if name in names)
        keys = _column(short, identifier).str.strip()
        numbers = {key: f"R{at:04d}" for at, key in enumerate(keys[keys != ""].unique(), 1)}
        panel.insert(0, "respondent", keys.map(numbers).fillna(""))
        said.append(f"Respondents are numbered from R0001, in place of {identifier}.")
    return panel, said


def from_the_field(table: Table, instrument: Instrument) -> Table:
    """The table of a file: an export's as a panel's, any other as it is.

    Parameters
    ----------
    table
        As it was read. `format` gets what was done.
    instrument
        The questionnaire.

    Returns
    -------
    Table
        Places are those of the file.
    """
    if not is_field_export(table.header, instrument):
        return table
    places: list[int] = []
    columns: list[list[str]] = [[] for _ in table.header]
    for rows, cells in table.chunks:
        places += rows
        for column, more in zip(columns, cells, strict=True):
            column += more
    frame = pd.DataFrame(dict(enumerate(columns)), index=places, dtype=object)
    panel, said = field_export(frame.set_axis(table.header, axis=1), instrument)

    def chunks() -> Iterator[Rows]:
        if len(panel):
            rows = [panel.iloc[:, at].tolist() for at in range(panel.shape[1])]
            yield panel.index.tolist(), rows

    return replace(
        table,
        header=list(panel.columns),
        chunks=chunks(),
        format=[*table.format, *said],
        weighted=any(_short(name, instrument) == "weight" for name in table.header),
    )


def _short(name: str, instrument: Instrument) -> str:
    """A column's name without those of its groups."""
    name = name.strip()
    for at, mark in enumerate(name):
        tail = name[at + 1 :]
        own = tail in instrument.variables or tail == CONSENT or NOTES.fullmatch(tail)
        if mark in "/-" and (own or (name[:at] in METADATA and tail in PLATFORM)):
            return tail
    return name


def _added(name: str, instrument: Instrument) -> bool:
    """Whether the platform, or a note of the form, makes the column."""
    if name in instrument.variables:
        return False
    return name in PLATFORM or name.startswith("_") or bool(NOTES.fullmatch(name))


def _column(cells: pd.DataFrame, name: str) -> pd.Series:
    """A column by name; the first, where there are several."""
    return cells.iloc[:, list(cells.columns).index(name)].astype(str)


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'s' * (number != 1)}"
