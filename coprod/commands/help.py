"""Help that reads well on any terminal: commands by group, options, examples, and what a status means."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rich.text import Text
from typer.core import TyperCommand, TyperGroup

from coprod.terminal import results, width, wrapped

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["STATUS", "Command", "Group", "examples"]

STATUS = {
    "0": "All went well.",
    "1": "An error of the program itself, or its output could not be written.",
    "2": "Something to mend: the command as typed, a file, the book or this machine. Each fault is named.",
    "130": "Stopped by Ctrl-C.",
}
WIDE_TERM = 26
"""A term up to this long stands beside its text, a longer one above it."""
NARROW = 60
"""On a narrower terminal every term stands above its text."""


def examples(command: Any) -> list[str]:
    """What a command's help shows as examples, each as it is typed.

    Examples
    --------
    >>> from typer.main import get_command
    >>> from coprod.cli import app
    >>> examples(get_command(app).commands["lint"])
    ['coprod lint']
    """
    return [f"coprod {line}" for line in (command.epilog or "").splitlines()]


class Command(TyperCommand):
    """A command whose help is ours."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help where results are written."""
        _show(self, ctx)


class Group(TyperGroup):
    """All commands, with help that is ours."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help where results are written."""
        _show(self, ctx)


def _show(command: Command | Group, ctx: Any) -> None:
    console = results()
    pieces = re.sub("[{}]", "", " ".join(command.collect_usage_pieces(ctx)))
    _write(console, f"Usage: {ctx.command_path} {pieces}", rest=" " * 4, bold=6)
    for paragraph in (command.help or "").split("\n\n"):
        console.print()
        _write(console, " ".join(paragraph.split()))
    sections = dict(_commands(command, ctx)) if isinstance(command, Group) else {}
    sections |= {"Arguments": [], "Options": []}
    params: list[Any] = list(command.get_params(ctx))
    for param in params:
        if not getattr(param, "hidden", False):
            kind = "Options" if param.param_type_name == "option" else "Arguments"
            sections[kind].append((_term(param, ctx), param.help or ""))
    if isinstance(command, Group):
        sections["Status"] = list(STATUS.items())
    for title, records in sections.items():
        if title == "Status":
            _examples(console, command)
        if records:
            _section(console, title, records)
    if "Status" not in sections:
        _examples(console, command)


def _commands(group: Group, ctx: Any) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The names of groups, and the commands of each with the first line of their help."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        if command is not None and not command.hidden:
            panel = str(getattr(command, "rich_help_panel", None) or "Commands")
            found.setdefault(panel, []).append((name, (command.help or "").split("\n\n")[0]))
    yield from found.items()


def _term(param: Any, ctx: Any) -> str:
    """A parameter as it is typed."""
    if param.param_type_name == "argument":
        return str(param.metavar or param.name)
    term = ", ".join([*sorted(param.opts, key=len), *param.secondary_opts])
    return term if param.is_flag else f"{term} {param.make_metavar(ctx).strip('<>')}"


def _section(console: Console, title: str, records: list[tuple[str, str]]) -> None:
    """Terms and what they are: side by side, or one above the other where that would be too narrow."""
    beside = max((len(term) for term, _ in records if len(term) <= WIDE_TERM), default=0)
    wide = width(console) >= NARROW
    indent = " " * (beside + 4 if wide else 6)
    console.print()
    _write(console, title, bold=len(title))
    for term, text in records:
        if wide and len(term) <= beside:
            _write(console, text, f"  {term:<{beside}}  ", indent, term=len(term))
        else:
            _write(console, "", f"  {term}", term=len(term))
            _write(console, text, indent, indent)


def _examples(console: Console, command: Any) -> None:
    console.print()
    _write(console, "Examples", bold=8)
    for line in examples(command):
        # Never in two lines, since it is there to be copied.
        console.print(f"  {line}")


def _write(
    console: Console, text: str, first: str = "", rest: str = "", bold: int = 0, term: int = 0
) -> None:
    lines = wrapped(" ".join(text.split()), width(console), first, rest) if text else [first]
    shown = Text("\n".join(lines))
    shown.stylize("bold", 0, bold)
    shown.stylize("cyan", 2, 2 + term if term else 0)
    console.print(shown)
