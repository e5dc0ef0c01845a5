"""The questionnaire as a form to fill in: on paper as Markdown or Word, on screen as an XLSForm.

The paper form and the XLSForm ask the same questions in the same order. On paper a sheet of its
own holds the issue and the text of an arm; one is put into each form by chance.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from coprod.errors import CoprodError, Fault
from coprod.instrument import Instrument, Variable, load_instrument
from coprod.questions import (
    AREA_QUESTION,
    CONSENT,
    CONTACT,
    PLACEHOLDERS,
    allowed_range,
    area_labels,
    sections,
)
from coprod.show.words import listing, plain
from coprod.xlsform import xlsform

__all__ = ["FORMATS", "questionnaire", "write_questionnaire"]

# What can be written, and how the file is called.
FORMATS = {"xlsform": "questionnaire.xlsx", "docx": "questionnaire.docx", "md": "questionnaire.md"}

BOX = "\u2610"
# Spaces at which no line breaks, and one as wide as a letter.
FIXED, WIDE = "\u00a0", "\u2003"
LINE = "\\_" * 12
# A question about few numbers has a box for each.
BOXES = 12
NEW_PAGE = '```{=openxml}\n<w:p><w:r><w:br w:type="page"/></w:r></w:p>\n```'
# Any fixed moment: the file is to be the same whenever it is made.
MOMENT = str(315532800)


def questionnaire(format: str, instrument: Instrument | None = None) -> bytes:
    """The questionnaire in one of the formats.

    Parameters
    ----------
    format
        'xlsform' for ODK and KoboToolbox, 'docx' for paper, 'md' for the same text as Markdown.
    instrument
        The questionnaire; that of `data/codebook.yml` where None.

    Returns
    -------
    bytes
        The content of the file: the same for the same questionnaire.

    Raises
    ------
    CoprodError
        When there is no such format, or when a level has a name that no form can hold.

    Examples
    --------
    >>> print(questionnaire("md").decode().splitlines()[0])
    # What people do for their area
    """
    if format not in FORMATS:
        raise CoprodError(f"no format {format!r}; formats are {', '.join(FORMATS)}")
    instrument = instrument or load_instrument()
    if format == "xlsform":
        return xlsform(instrument)
    if format == "md":
        return _markdown(instrument, "* * *").encode("utf-8")
    return _docx(_markdown(instrument, NEW_PAGE))


def write_questionnaire(
    format: str, out: Path | None = None, instrument: Instrument | None = None
) -> Path:
    """Write the questionnaire, whole or not at all.

    Parameters
    ----------
    format, instrument
        As `questionnaire`.
    out
        The file to write; the format's own name in the current folder where None.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    CoprodError
        As `questionnaire`, and when the file cannot be written.
    """
    content = questionnaire(format, instrument)
    target = out or Path(FORMATS[format])
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(dir=target.absolute().parent, suffix=".part")
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(target)
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise CoprodError(
            "the questionnaire cannot be written", [Fault(str(target), said)]
        ) from None
    finally:
        if temporary:
            with suppress(OSError):
                Path(temporary).unlink()
    return target


def _docx(text: str) -> bytes:
    from coprod.render.engine import PANDOC

    with tempfile.TemporaryDirectory(prefix="coprod-") as folder:
        made = Path(folder) / "questionnaire.docx"
        run = subprocess.run(
            [str(PANDOC), "--from", "markdown-smart", "--output", str(made)],
            input=text,
            capture_output=True,
            encoding="utf-8",
            check=False,
            env=os.environ | {"LC_ALL": "C.UTF-8", "SOURCE_DATE_EPOCH": MOMENT},
        )
        if run.returncode:
            raise CoprodError("Pandoc could not write the form", [Fault("", run.stderr.strip())])
        return made.read_bytes()


def _markdown(instrument: Instrument, new_page: str) -> str:
    """The paper form, the sheets to put in, and what to do with both."""
    parts = [
        f"# {readable(instrument.title)}",
        f"Form number {LINE}",
        *_introduction(),
        *_questions(instrument),
        "Thank you.",
        new_page,
        *_sheets(instrument, new_page),
        *_guide(instrument),
    ]
    return "\n\n".join(parts) + "\n"


def _introduction() -> Iterator[str]:
    yield f"## {CONSENT['title']}"
    yield from map(readable, PLACEHOLDERS.values())
    yield f"**{readable(CONSENT['question'])}**"
    yield WIDE.join(_box(CONSENT[answer]) for answer in ("agree", "decline"))
    yield (
        "Please tick one box for each question, or write a number on the line. Leave out any "
        "question that you would rather not answer."
    )


def _questions(instrument: Instrument) -> Iterator[str]:
    number = 0
    for section in sections(instrument):
        yield f"## {readable(section.title)}"
        if section.shows_arm:
            yield (
                f"Please read the sheet that came with this form, and copy its number: {LINE} "
                "The next questions are about the issue on the sheet."
            )
        for variable in section.variables:
            number += 1
            yield f"**{number}.{FIXED}{readable(variable.question or AREA_QUESTION)}**"
            yield _answers(variable, instrument)
        if section.shows_arm:
            yield readable(CONTACT)


def _answers(variable: Variable, instrument: Instrument) -> str:
    """Where the answer goes: boxes beside each other, or a line for a number."""
    levels = area_labels(instrument) if variable.name == "area" else variable.levels
    low, high = variable.minimum, variable.maximum
    if levels:
        return WIDE.join(_box(said) for said in levels.values())
    if low is not None and high is not None and high - low < BOXES:
        return WIDE.join(_box(str(value)) for value in range(int(low), int(high) + 1))
    return f"{LINE} ({readable(allowed_range(variable))})"


def readable(text: str) -> str:
    r"""Text that Markdown shows as it is, and that a person can read unrendered as well.

    What is escaped, and after the first word does nothing where it stands, is left alone.

    Examples
    --------
    >>> print(readable("Do people's children (under 18) *live* here?"))
    Do people's children (under 18) \*live\* here?
    """
    marks = r"\\([,;?!()])|(?<=\w)\\([:.])(?=\s|$)|(?<=\w)\\(['-])(?=\w)"

    def mark(found: re.Match[str]) -> str:
        kept: str = found[1] or found[2] or found[3]
        return kept if " " in found.string[: found.start()] else found[0]

    return re.sub(marks, mark, plain(text))


def _box(text: str) -> str:
    return f"{BOX}{FIXED}{readable(text)}"


def _numbered(instrument: Instrument) -> Iterator[tuple[int, str, str]]:
    """Number, issue and arm of each sheet."""
    pairs = [(issue, arm) for issue in instrument.issues for arm in instrument.arms]
    for number, (issue, arm) in enumerate(pairs, 1):
        yield number, issue, arm


def _sheets(instrument: Instrument, new_page: str) -> Iterator[str]:
    for number, issue, arm in _numbered(instrument):
        yield f"## Sheet {number}"
        yield f"This sheet is about one issue: **{readable(instrument.issues[issue])}**."
        yield readable(instrument.shown[arm])
        yield new_page


def _guide(instrument: Instrument) -> Iterator[str]:
    count = len(instrument.issues) * len(instrument.arms)
    yield "## For those who run the survey"
    yield "Keep this part: respondents do not get it."
    yield (
        "1. Fill in everything that says FILL IN. In the question on the area, put the names of "
        "your own areas in the order of the codes below, and strike out what is too much.\n"
        f"2. Number the forms. Print the {count} sheets equally often, one page each. Within each "
        "area put them in random order, with random numbers from a computer and not by hand, and "
        "put the next sheet into the next form before it gets a name and address. Nobody who "
        "hands out forms may choose a sheet.\n"
        "3. Enter one row for each form of a person who agreed to take part. The columns are those "
        "of the tables below; an empty answer is an empty cell. `respondent` is the number of the "
        "form. `weight` is 1 in every row, until there are margins to weight to.\n"
        "4. Keep any list that links numbers to names apart from the answers, and destroy it when "
        "it is no longer needed."
    )
    yield "### Sheets"
    yield _table(
        ("Sheet", "nudge_issue", "arm"),
        [(str(number), issue, arm) for number, issue, arm in _numbered(instrument)],
    )
    yield "### Questions"
    asked = [variable for section in sections(instrument) for variable in section.variables]
    yield _table(
        ("Question", "Column", "Enter"),
        [(str(at), variable.name, _codes(variable)) for at, variable in enumerate(asked, 1)],
    )


def _codes(variable: Variable) -> str:
    if not variable.levels:
        return allowed_range(variable)
    if variable.name == "area":
        return listing(variable.levels)
    return "; ".join(f"{level}: {said}" for level, said in variable.levels.items())


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A pipe table; Pandoc takes the widths of wide ones from the line of hyphens."""
    lines = [header, *rows]
    written = [f"| {' | '.join(map(readable, cells))} |" for cells in lines]
    written.insert(1, "|:----------|:------------------------|:---------------------------------|")
    return "\n".join(written)
