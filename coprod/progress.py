"""Tells how a build goes: a bar on a terminal, plain lines elsewhere, nothing when quiet."""

from __future__ import annotations

from typing import Any

from coprod.terminal import is_live, messages, say, width

__all__ = ["Reporter"]

ROOM = 72
"""A terminal of fewer columns has room for a short bar only."""


class Reporter:
    """Says how a build goes: a bar on a terminal, plain lines elsewhere, nothing when quiet."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self.console = messages()
        self.bar: Any = None
        self.totals: dict[str, Any] = {}

    def __enter__(self) -> Reporter:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def say(self, sentence: str) -> None:
        """Say how it goes."""
        if not self.quiet:
            say(sentence, to=self.console)

    def result(self, sentence: str) -> None:
        """Say what has come of it."""
        self.close()
        if not self.quiet:
            say(sentence)

    def stopped(self) -> None:
        """Say that it has been stopped."""
        self.close()
        say("Stopped", to=self.console)

    def progress(self, chapter: str, done: int, total: int) -> None:
        """Say how many cells of a chapter are done."""
        if self.quiet:
            return
        if not is_live(self.console):
            if done == total:
                self.say(f"{chapter}: {total} cells")
            return
        if self.bar is None:
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

            self.bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=30 if width(self.console) >= ROOM else 8),
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
            self.totals = {}
