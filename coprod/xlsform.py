"""The questionnaire as an XLSForm, the workbook from which ODK and KoboToolbox make a form.

Issue and arm are drawn on the respondent's own device, each respondent apart from all others and
once: `once()` keeps the first value, `random()` draws it. So the number in each arm is itself a
matter of chance, and the analysis takes the numbers in each area as they came.
"""

from __future__ import annotations

import datetime
import hashlib
import io
import json
import re
import unicodedata
import zipfile

from coprod.errors import Fault, PanelError
from coprod.instrument import Instrument, Variable
from coprod.questions import (
    AREA_QUESTION,
    CONSENT,
    CONTACT,
    PLACEHOLDERS,
    allowed_range,
    area_labels,
    sections,
)

__all__ = ["FORM_ID", "NOTES", "Sheets", "label", "sheets", "xlsform"]

FORM_ID = "coproduction_panel"
SURVEY = (
    "type",
    "name",
    "label",
    "hint",
    "required",
    "relevant",
    "constraint",
    "constraint_message",
    "calculation",
)
CHOICES = ("list_name", "name", "label")
SETTINGS = ("form_title", "form_id", "version", "style")
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*", re.ASCII)
JOINER = "\u2060"
MOMENT = datetime.datetime(1980, 1, 1)

# What a note of the form is called; an export has an empty column for it.
NOTES = re.compile(r"note_\w+")

Row = dict[str, str]
Sheets = dict[str, tuple[tuple[str, ...], list[Row]]]


def xlsform(instrument: Instrument) -> bytes:
    """The workbook.

    Parameters
    ----------
    instrument
        The questionnaire.

    Returns
    -------
    bytes
        An Excel workbook with the sheets `survey`, `choices` and `settings`: the same bytes for
        the same questionnaire. Its questions have the names of the panel's columns.

    Raises
    ------
    PanelError
        When a level has a name that no form can hold.

    Examples
    --------
    >>> from coprod.instrument import load_instrument
    >>> xlsform(load_instrument())[:2]
    b'PK'
    """
    # Only here: whoever opens a panel needs no spreadsheets, which take their time to import.
    from openpyxl import Workbook
    from openpyxl.styles import Alignment, Font

    book = Workbook()
    book.remove(book.active)
    for title, (columns, rows) in sheets(instrument).items():
        sheet = book.create_sheet(title)
        for number, values in enumerate([dict(zip(columns, columns, strict=True)), *rows], 1):
            for at, column in enumerate(columns, 1):
                if text := values.get(column, ""):
                    cell = sheet.cell(number, at, text)
                    # Text, whatever it starts with: never a formula, not even when it is edited.
                    cell.data_type = "s"
                    cell.quotePrefix = text[0] in "=+-@"
                    cell.font = Font(bold=number == 1)
                    cell.alignment = Alignment(wrap_text=True, vertical="top")
        sheet.freeze_panes = "A2"
        for at, column in enumerate(columns):
            wide = {"label": 70, "hint": 40, "form_title": 40}
            sheet.column_dimensions["ABCDEFGHI"[at]].width = wide.get(column, 24)
    book.properties.creator, book.properties.created = "coprod", MOMENT
    buffer = io.BytesIO()
    book.save(buffer)
    return _same(buffer.getvalue())


def _same(workbook: bytes) -> bytes:
    """The workbook without the time at which it was written."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook)) as old,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            content = old.read(name)
            if name == "docProps/core.xml":
                time = MOMENT.isoformat().encode() + b"Z"
                content = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>" + time, content)
            entry = zipfile.ZipInfo(name, MOMENT.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(entry, content)
    return buffer.getvalue()


def sheets(instrument: Instrument) -> Sheets:
    """Columns and rows of each sheet of the workbook; a row is values by column.

    Raises
    ------
    PanelError
        As `xlsform`.
    """
    _named(instrument)
    choices: dict[str, dict[str, str]] = {
        "consent": {"agree": CONSENT["agree"], "decline": CONSENT["decline"]}
    }
    survey = [
        *_introduction(),
        {"type": "calculate", "name": "source", "calculation": "'survey'"},
        {"type": "calculate", "name": "nudge_issue", "calculation": drawn(instrument.issues)},
        {"type": "calculate", "name": "arm", "calculation": drawn(instrument.arms)},
    ]
    for section in sections(instrument):
        start = {"type": "begin_group", "name": section.name, "label": label(section.title)}
        survey.append(start | {"relevant": "${consent} = 'agree'"})
        if section.shows_arm:
            survey += _shown(instrument)
        survey += [_question(variable, instrument, choices) for variable in section.variables]
        if section.shows_arm:
            note = _note("contact", CONTACT)
            survey.append(note | {"relevant": "${signup} = 1"})
        survey.append({"type": "end_group"})
    listed = [
        {"list_name": name, "name": level, "label": label(said)}
        for name, levels in choices.items()
        for level, said in levels.items()
    ]
    content = json.dumps([survey, listed], sort_keys=True).encode()
    settings = {
        "form_title": label(instrument.title),
        "form_id": FORM_ID,
        # Of the content, so that a server takes a changed form for a new version of it.
        "version": hashlib.sha256(content).hexdigest()[:12],
        # A page for each group, so that the text of an arm is not seen before its time.
        "style": "pages",
    }
    return {
        "survey": (SURVEY, survey),
        "choices": (CHOICES, listed),
        "settings": (SETTINGS, [settings]),
    }


def drawn(names: dict[str, str]) -> str:
    """A form's calculation that draws one of some names, all equally likely, and keeps it.

    Examples
    --------
    >>> drawn({"safety": "Community safety", "health": "Health and wellbeing"})
    "once(selected-at('safety health', int(random() * 2)))"
    """
    return f"once(selected-at('{' '.join(names)}', int(random() * {len(names)})))"


def label(text: str) -> str:
    r"""Text as a form shows it: no reference to a question, no HTML, no Markdown is left in it.

    Examples
    --------
    >>> label("a *b* c_d")
    'a \\*b\\* c\\_d'
    >>> label("${age}") == "${age}"
    False
    """
    kept = "".join(
        " " if character.isspace() else character
        for character in text
        if character.isspace() or unicodedata.category(character)[0] != "C"
    )
    marked = re.sub(r"([\\*_#])", r"\\\1", " ".join(kept.split()))
    # An invisible character that joins words, between marks that mean something together.
    return re.sub(r"\$(?=\{)|<(?=\S)|\](?=\()", lambda found: found[0] + JOINER, marked)


def _introduction() -> list[Row]:
    return [
        {"type": "begin_group", "name": "introduction", "label": label(CONSENT["title"])},
        *(_note(name, text) for name, text in PLACEHOLDERS.items()),
        {
            "type": "select_one consent",
            "name": "consent",
            "label": label(CONSENT["question"]),
            "required": "yes",
        },
        {"type": "end_group"},
    ]


def _note(name: str, text: str) -> Row:
    return {"type": "note", "name": f"note_{name}", "label": label(text)}


def _shown(instrument: Instrument) -> list[Row]:
    """What a respondent reads of the issue and of the arm that were drawn."""
    issues = [
        _note(f"issue_{name}", f"The next questions are about this issue: {title}.")
        | {"relevant": f"${{nudge_issue}} = '{name}'"}
        for name, title in instrument.issues.items()
    ]
    arms = [
        _note(f"arm_{name}", text) | {"relevant": f"${{arm}} = '{name}'"}
        for name, text in instrument.shown.items()
    ]
    return issues + arms


def _question(
    variable: Variable, instrument: Instrument, choices: dict[str, dict[str, str]]
) -> Row:
    asked = {"name": variable.name, "label": label(variable.question or AREA_QUESTION)}
    if not variable.missing_allowed:
        asked["required"] = "yes"
    if not variable.levels:
        low, high = variable.minimum, variable.maximum
        bounds = [f". >= {low:.0f}" if low is not None else ""]
        bounds += [f". <= {high:.0f}" if high is not None else ""]
        message = allowed_range(variable)
        return asked | {
            "type": "integer" if variable.kind == "integer" else "decimal",
            "hint": message,
            "constraint": " and ".join(filter(None, bounds)),
            "constraint_message": message,
        }
    levels = area_labels(instrument) if variable.name == "area" else variable.levels
    wanted = {str(level): said for level, said in levels.items()}
    for name, known in choices.items():
        if known == wanted:
            return asked | {"type": f"select_one {name}"}
    choices[variable.name] = wanted
    return asked | {"type": f"select_one {variable.name}"}


def _named(instrument: Instrument) -> None:
    """Refuse names that a form would take for several, or for something else."""
    faults = [
        Fault(f"{variable.name}, level {str(level)[:40]!r}", "not a name that a form can hold")
        for variable in instrument.variables.values()
        for level in variable.levels
        if not NAME.fullmatch(str(level))
    ]
    if faults:
        allowed = "names have letters without accents, digits, and _ . + - within"
        raise PanelError(f"The questionnaire cannot be written: {allowed}", faults)
