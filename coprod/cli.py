"""Runs the command that the command line names; what goes wrong is said in words, with a status."""

from __future__ import annotations

import errno
import re
import sys
import traceback
from difflib import get_close_matches
from typing import Any

import typer

# Each makes its commands known when it is imported; they are listed in this order.
from coprod.commands import book, panel, upkeep  # noqa: F401
from coprod.commands.app import app
from coprod.errors import CoprodError
from coprod.terminal import flush, messages, prepare, say

__all__ = ["app", "main", "run"]

FAULTY, INTERRUPTED = 1, 130
# What stands above every mistake in a command line: typer itself has no name for it.
USAGE_ERROR = typer.BadParameter.__mro__[1]


def run(arguments: list[str] | None = None) -> int:
    """Run a command and return its status; a user's mistake is one message and status 2."""
    try:
        # Always the one name, which completion needs; `python -m coprod` is the same program.
        status = app(arguments, prog_name="coprod", standalone_mode=False)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except CoprodError as error:
        _refuse(error.summary, *map(str, error.faults))
        return 2
    except OSError as error:
        if error.filename is None and error.errno != errno.ENOSPC:
            raise
        _refuse(f"{error.filename or 'what was found cannot be written'}: {error.strerror}")
        return 2 if error.filename else 1
    except KeyboardInterrupt:
        status = INTERRUPTED
    except Exception as error:
        if isinstance(error, ValueError) and "null byte" in str(error):  # of the system's calls
            _refuse("a null byte can stand in no name of a file")
            return 2
        if not isinstance(error, USAGE_ERROR):
            raise
        return _explain(error)
    if status == INTERRUPTED:
        say("Stopped", to=messages())
    return status if isinstance(status, int) else 0


def _refuse(summary: str, *faults: str) -> None:
    console = messages()
    say(f"Error: {summary}", "bold red", console, rest=" " * 2, styled=len("Error:"))
    for fault in faults:
        say(fault, to=console, first=" " * 2, rest=" " * 4)


def _explain(error: Any) -> int:
    """Say what is wrong with a command line, what was meant perhaps, and where help is."""
    if type(error).__name__ == "NoArgsIsHelpError":  # the help has been written
        return 2
    said = " ".join(error.format_message().split()).rstrip(".")
    said = re.sub(r"not a valid int( range)?$", "not a whole number", said)
    if meant := getattr(error, "possibilities", None):
        near = ", ".join(f"'{each}'" for each in sorted(meant))
        said = f"{error.message}. Did you mean {near}?"
    choices = getattr(getattr(error, "param", None), "type", None)
    given = said.split("'")[3] if said.count("'") > 3 else ""
    if close := get_close_matches(given, map(str, getattr(choices, "choices", None) or [])):
        said = f"{said}. Did you mean '{close[0]}'?"
    _refuse(said)
    if error.ctx is not None:
        say(f"Help: {error.ctx.command_path} --help", to=messages())
    return 2


def main() -> None:
    """Run the command that the command line names."""
    prepare()
    try:
        status = run()
    except Exception:
        traceback.print_exc()
        say(
            "Error: this is a fault of coprod itself; please report it, with all that stands above",
            to=messages(),
        )
        status = FAULTY
    sys.exit(flush() or status)
