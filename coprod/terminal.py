"""What is said on a terminal: results to the standard output, all else to the standard error.

On a terminal, lines end between words. In a pipe or a file they are left whole, so that a path can be
found in them. Colour is where Rich has it: on a terminal that knows it, or with FORCE_COLOR; none with
NO_COLOR.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import sys
from textwrap import TextWrapper
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["flush", "is_live", "messages", "prepare", "results", "say", "width", "wrapped"]

WIDEST = 100
"""No line is made longer, since long lines are hard to read."""
NARROWEST = 20
# What is written in place of a character that a terminal does not know.
PLAIN = {"–": "-", "—": "-", "−": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "·": "*", "…": "..."}
PLAIN |= {"×": "x", "≥": ">=", "≤": "<=", "→": "->"}


def prepare() -> None:
    """Let no character, of a path or of a name, stop a command on a terminal that does not know it."""
    codecs.register_error("coprod.plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(errors="coprod.plain")


def _plain(error: UnicodeError) -> tuple[str | bytes, int]:
    """What is written for the first character that cannot be, and where to go on."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    unknown = error.object[error.start]
    if 0xDC80 <= ord(unknown) <= 0xDCFF:  # a byte of a path that is no text: as the system has it
        return bytes([ord(unknown) - 0xDC00]), error.start + 1
    known = PLAIN.get(unknown) or unknown.encode("ascii", "backslashreplace").decode()
    return known, error.start + 1


def results() -> Console:
    """Where results are written."""
    return _console(stderr=False)


def messages() -> Console:
    """Where progress and errors are written."""
    return _console(stderr=True)


def _console(stderr: bool) -> Console:
    from rich.console import Console

    # NO_COLOR leaves Rich its bold type, which comes by the same codes.
    colour = None if os.environ.get("NO_COLOR") else "auto"
    # Without emoji, for which a line number between colons would be taken.
    return Console(
        stderr=stderr,
        color_system=colour,  # type: ignore[arg-type]  # a literal, or None
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=True,
    )


def is_live(console: Console) -> bool:
    """Whether somebody sees what is written, on a terminal that can write it anew.

    Examples
    --------
    >>> import io
    >>> from rich.console import Console
    >>> is_live(Console(file=io.StringIO(), force_terminal=True))
    False
    """
    isatty = getattr(console.file, "isatty", None)
    return bool(isatty and isatty()) and not console.is_dumb_terminal


def width(console: Console) -> int:
    """How wide a line may be."""
    return max(NARROWEST, min(console.width, WIDEST))


def wrapped(text: str, width: int, first: str = "", rest: str = "") -> list[str]:
    """A text in lines that end between words. What is longer than a line, as a path, stays whole.

    Parameters
    ----------
    text
        The text; its own line ends stay.
    width
        The longest line.
    first, rest
        What the first line, and what all others begin with.

    Examples
    --------
    >>> wrapped("Open file:///books/book/index.html now", 12, "  ", "    ")
    ['  Open', '    file:///books/book/index.html', '    now']
    """
    wrapper = TextWrapper(
        width,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
    lines = []
    for line in text.splitlines() or [""]:
        lines += wrapper.wrap(line) or [""]
        wrapper.initial_indent = rest
    return lines


def say(
    text: str,
    style: str = "",
    to: Console | None = None,
    first: str = "",
    rest: str = "",
    styled: int | None = None,
) -> None:
    """Write a sentence: in lines on a terminal, whole elsewhere.

    Parameters
    ----------
    text
        The sentence.
    style
        How it looks where there is colour.
    to
        Where it is written; by default where results are.
    first, rest
        What its first line, and what all others begin with.
    styled
        How many characters at the beginning have the style; by default all.
    """
    from rich.text import Text

    console = to or results()
    isatty = getattr(console.file, "isatty", None)
    if isatty and isatty():
        lines = wrapped(text, width(console), first, rest)
    else:
        first_line, *others = text.splitlines() or [""]
        lines = [first + first_line, *(rest + line for line in others)]
    whole = Text("\n".join(lines))
    if style:
        whole.stylize(style, 0, styled)
    console.print(whole)


def flush() -> int:
    """Write all that is still to be written; the status where that cannot be done, else 0."""
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except OSError as error:
        # What is left would be tried, and would fail, once more at the end of the process.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        # Who reads no further, as `head`, has all that was wanted.
        if not isinstance(error, BrokenPipeError):
            with contextlib.suppress(OSError):
                say(f"Error: what was found cannot be written: {error.strerror}", to=messages())
        return 1
    return 0
