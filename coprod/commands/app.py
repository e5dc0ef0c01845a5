"""The program that all commands belong to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import typer

from coprod.commands.help import Command, Group

__all__ = ["BOOK", "PANEL", "UPKEEP", "app", "command"]

BOOK = "The book"
PANEL = "A panel of your own"
UPKEEP = "The project"

Function = TypeVar("Function", bound=Callable[..., Any])

app = typer.Typer(
    name="coprod",
    cls=Group,
    no_args_is_help=True,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    subcommand_metavar="COMMAND ...",
    epilog="render --to html\ncheck examples/anyborough.sav --map examples/anyborough.yml\ndoctor",
)


def _version(wanted: bool) -> None:
    if wanted:
        from coprod import __version__

        print(f"coprod {__version__}")
        raise typer.Exit


@app.callback()
def _everything(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Say which version it is."
        ),
    ] = False,
) -> None:
    """A book on individual and collective co-production that computes itself, and its tools.

    Every command says with --help what it does, and shows an example.
    """


def command(group: str, *examples: str, name: str | None = None) -> Callable[[Function], Function]:
    """Make a function a command.

    Parameters
    ----------
    group
        Under which heading it stands.
    examples
        What follows ``coprod`` in examples of its use; each runs as it stands.
    name
        The command's name, where it is not the function's.
    """
    return app.command(name, cls=Command, rich_help_panel=group, epilog="\n".join(examples))
