"""A panel file as a table of text, whatever its format; what cannot be read is said."""

from __future__ import annotations

from pathlib import Path

from coprod.errors import Fault
from coprod.importing.formats import kind_of, read_excel, read_parquet, read_spss, read_stata
from coprod.importing.table import SHOWN, Options, Table, refuse, shown, some
from coprod.importing.text import read_text

__all__ = ["SHOWN", "Options", "Table", "read_table", "refuse", "shown", "some"]

# More than this is no survey, and would not fit into memory several times.
LARGEST = 1_000_000_000
# The kinds of files that have what an option says of them.
BELONGS = {
    "delimiter": ("text",),
    "encoding": ("text", "spss", "stata"),
    "decimal": ("text",),
    "sheet": ("excel",),
}
NAMES = {
    "parquet": "a Parquet",
    "excel": "an Excel",
    "spss": "an SPSS",
    "stata": "a Stata",
    "text": "a text",
}
GIVE = "give a CSV, Excel, SPSS, Stata or Parquet file"


def read_table(file: Path, options: Options | None = None) -> tuple[Table, bytes]:
    """The table of a file, and its bytes.

    Parameters
    ----------
    file
        Delimited text, or an Excel (.xlsx), SPSS (.sav), Stata (.dta) or Parquet file; what it
        holds decides, not its name.
    options
        What shall not be found out about the file.

    Raises
    ------
    PanelError
        When there is no table in it.
    """
    content = _content(file)
    options = options or Options()
    kind = kind_of(file, content)
    for name, kinds in BELONGS.items():
        if getattr(options, name) and kind not in kinds:
            said = f"the mapping gives a {name}, which {NAMES[kind]} file does not have"
            raise refuse(file, [Fault("", said)])
    read = {
        "parquet": read_parquet,
        "excel": read_excel,
        "spss": read_spss,
        "stata": read_stata,
        "text": read_text,
    }[kind]
    return read(file, content, options), content


def _content(file: Path) -> bytes:
    try:
        if file.is_dir():
            raise refuse(file, [Fault("", "it is a folder", GIVE)])
        if not file.exists():
            raise refuse(file, [Fault("", "there is no such file")])
        if not file.is_file():
            raise refuse(file, [Fault("", "it is not a file", GIVE)])
        if (size := file.stat().st_size) > LARGEST:
            said = f"it has {size / 1e9:.1f} GB"
            raise refuse(file, [Fault("", said, f"up to {LARGEST / 1e9:.0f} GB can be read")])
        content = file.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise refuse(file, [Fault("", f"it cannot be read: {reason}")]) from error
    if not content.removeprefix(b"\xef\xbb\xbf").strip():
        raise refuse(file, [Fault("", "it is empty", "its first line names the columns")])
    return content
