"""Tells how a build goes: a bar on a terminal, plain lines elsewhere, nothing when quiet."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape

__all__ = ["Reporter"]


class Reporter:
    """Says how a build goes: a bar on a terminal, plain lines elsewhere, nothing when quiet."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self.console = Console(highlight=False)
        self.bar: Any = None
        self.totals: dict[str, Any] = {}

    def __enter__(self) -> Reporter:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def say(self, sentence: str) -> None:
        """Say a sentence."""
        if not self.quiet:
            self.console.print(escape(sentence), soft_wrap=True)

    def progress(self, chapter: str, done: int, total: int) -> None:
        """Say how many cells of a chapter are done."""
        if self.quiet:
            return
        if not self.console.is_terminal:
            if done == total:
                self.say(f"{chapter}: {total} cells")
            return
        if self.bar is None:
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

            self.bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=30),
                MofNCompleteColumn(),
                console=self.console,
            )
            self.bar.start()
        if chapter not in self.totals:
            self.totals[chapter] = self.bar.add_task(chapter, total=total)
        self.bar.update(self.totals[chapter], completed=done)

    def close(self) -> None:
        """Put the bar away."""
        if self.bar is not None:
            self.bar.stop()
            self.bar = None
