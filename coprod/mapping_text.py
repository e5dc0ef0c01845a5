"""Writes a first mapping of a survey's file, with what the file says of itself as comments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from coprod.errors import PanelError
from coprod.field_export import from_the_field
from coprod.importing.table import Options, shown
from coprod.instrument import Instrument, load_instrument
from coprod.mapping_guess import Guess, Held, guesses, held
from coprod.mapping_schema import TAB
from coprod.reading import read_table, refuse

__all__ = ["mapping_text", "write_mapping"]

MARK = "guess: true  # check, then delete this line"
MOST = 25


def write_mapping(file: Path, out: Path) -> tuple[int, int]:
    """Write a first mapping of a survey's file.

    Parameters
    ----------
    file
        The survey.
    out
        The mapping; it must not be there yet.

    Returns
    -------
    found, marked : int
        How many variables have a column, and how many guesses are to be confirmed.

    Raises
    ------
    PanelError
        When the survey cannot be read, or the mapping is there or cannot be written.
    """
    if out.exists():
        raise PanelError(f"{shown(str(out), 300)} is there already, and is not overwritten")
    instrument = load_instrument()
    table = from_the_field(read_table(file)[0], instrument)
    columns = held(table)
    if table.faults:
        raise refuse(file, table.faults)
    found = guesses(columns, instrument)
    text = mapping_text(shown(file.name, 100), table.options, columns, found, instrument)
    try:
        with out.open("xb") as stream:
            stream.write(text.encode("utf-8", "backslashreplace"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise PanelError(f"{shown(str(out), 300)} cannot be written: {reason}") from error
    return len(found), text.count(MARK)


def mapping_text(
    name: str,
    options: Options,
    columns: Sequence[Held],
    found: dict[str, Guess],
    instrument: Instrument,
) -> str:
    """A mapping of a file, each guess marked.

    Parameters
    ----------
    name
        The file's name.
    options
        How it was read.
    columns
        What its columns hold.
    found
        Which variable each could be.
    instrument
        The questionnaire.

    Returns
    -------
    str
        YAML. It shows no value that could be one person's: only those with a label in the file, and
        those that many respondents share.

    Examples
    --------
    >>> from coprod.instrument import load_instrument
    >>> from coprod.mapping_guess import Held, guesses
    >>> columns = [Held("sex", "", {"1": "Man", "2": "Woman"})]
    >>> instrument = load_instrument()
    >>> text = mapping_text("p.csv", Options(), columns, guesses(columns, instrument), instrument)
    >>> "gender:" in text and MARK in text
    True
    """
    return "\n".join(_lines(name, options, columns, found, instrument)) + "\n"


def _lines(
    name: str,
    options: Options,
    columns: Sequence[Held],
    found: dict[str, Guess],
    instrument: Instrument,
) -> Iterator[str]:
    yield f"# A first mapping of {name} onto the codebook, guessed from names, titles and labels."
    yield "# Nothing is read by it until every line 'guess: true' has been checked and deleted."
    yield "# What may stand here: data/mapping-template.yml. The codebook: data/codebook.yml."
    yield ""
    yield from _options(options)
    yield from _areas(found, instrument)
    yield from _arms(found, instrument)
    yield "# What was not asked: experiment, an issue, weight, a background variable."
    yield "# without: []"
    yield ""
    changed = {key: guess for key, guess in found.items() if not guess.certain}
    if changed:
        yield "columns:"
        for guess in changed.values():
            yield from _entry(guess)
    own = [key for key, guess in found.items() if guess.certain]
    if own:
        yield ""
        yield f"# In the file under their own names: {', '.join(own)}."
    absent = [v for v in instrument.variables.values() if v.name not in found and not v.optional]
    if absent:
        yield ""
        yield "# No column of the file is like these. Name one, or list the part under 'without'."
        yield "# (Without respondent, rows are numbered.)"
        if not changed:
            yield "# columns:"
        for variable in absent:
            yield f"#   {variable.name}:  # {shown(variable.question or variable.label, 100)}"
    used = {guess.held.name for guess in found.values()}
    rest = [column for column in columns if column.name not in used]
    if rest:
        yield ""
        yield "# Columns that are like no variable. Map them, or leave them out."
        yield "# (`ignore: rest` in place of the list leaves out all of them.)"
        yield "ignore:"
        for column in rest:
            yield from (f"  # {line}" for line in _about(column))
            yield f"  - column: {_scalar(column.name)}"
            yield f"    {MARK}"


def _options(options: Options) -> Iterator[str]:
    given = {
        "delimiter": TAB if options.delimiter == "\t" else options.delimiter,
        "encoding": options.encoding,
        "decimal": options.decimal,
        "sheet": options.sheet,
    }
    if any(given.values()):
        yield "# As it was found out."
        yield "file:"
        yield from (f"  {key}: {_quoted(value)}" for key, value in given.items() if value)
        yield ""


def _areas(found: dict[str, Guess], instrument: Instrument) -> Iterator[str]:
    """The areas of the file's column, where they are not the codebook's."""
    guess = found.get("area")
    values = guess.held.shown() if guess else []
    if not values or set(values) <= set(instrument.areas):
        return
    yield f"# As column {shown(guess.held.name if guess else '')} has them: name, and what the book calls it."
    yield "areas:"
    labels = guess.held.labels if guess else {}
    for value in values[: 8 * MOST]:
        yield f"  {_scalar(value)}: {_scalar(labels.get(value, value))}"
    yield ""


def _arms(found: dict[str, Guess], instrument: Instrument) -> Iterator[str]:
    guess = found.get("arm")
    if guess and guess.held.shown() and not guess.values:
        values = guess.held.shown()
        if not set(values) <= set(instrument.arms):
            yield "# The first must be the control."
            yield "arms:"
            labels = guess.held.labels
            for value in values[:MOST]:
                yield f"  {_scalar(value)}: {_scalar(labels.get(value, value))}"
            yield ""


def _entry(guess: Guess) -> Iterator[str]:
    variable, column = guess.variable, guess.held
    yield f"  {variable.name}:"
    asked = variable.question or variable.label
    yield f"    # Codebook: {shown(asked, 160)}"
    if variable.levels and variable.role not in ("stratum",) and variable.name != "arm":
        levels = ", ".join(f"{level} ({label})" for level, label in variable.levels.items())
        yield f"    # Its values: {levels}"
    yield from (f"    # {line}" for line in _about(column))
    yield f"    column: {_scalar(column.name)}"
    if guess.values or guess.unnamed:
        yield "    values:" if guess.values else "    # values:"
        yield from (
            f"      {_scalar(value)}: {_scalar(level)}" for value, level in guess.values.items()
        )
        yield from (f"      # {shown(value)}: name what this is" for value in guess.unnamed)
    if guess.missing:
        yield f"    missing: [{', '.join(map(_quoted, guess.missing))}]"
    if guess.offered:
        low, high = variable.minimum, variable.maximum
        yield f"    # rescale: [{', '.join(guess.offered)}]"
        yield f"    # if that is the whole of your scale: the codebook's goes from {low:g} to {high:g}"
    if guess.rescale:
        yield f"    rescale: [{', '.join(guess.rescale)}]"
        yield "    # halves: say up or down, where a value falls between two of the codebook's"
    yield f"    {MARK}"


def _about(column: Held) -> list[str]:
    """What the file says of a column, in lines; no value that could be one person's."""
    lines = [f"File: {shown(column.title, 160)}"] if column.title else []
    values = column.shown()
    if values:
        said = [
            f"{shown(value)} ({shown(column.labels[value])})"
            if column.labels.get(value, value) != value
            else shown(value)
            for value in values[:MOST]
        ]
        more = f" and {len(values) - MOST} more" if len(values) > MOST else ""
        lines.append(f"Holds: {', '.join(said)}{more}")
    else:
        lines.append("Holds: many different values, not shown")
    return lines


def _scalar(text: str) -> str:
    """A text in YAML, in quotation marks where it needs them."""
    plain = text.isascii() and text.replace("_", "").isalnum()
    return text if plain else _quoted(text)


def _quoted(text: str) -> str:
    dumped: str = yaml.safe_dump(text, default_style='"', allow_unicode=True, width=10**6)
    return dumped.strip()
