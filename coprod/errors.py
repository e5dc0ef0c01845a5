"""What can go wrong for a user, said in one message without a traceback."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["BookError", "CoprodError", "Fault", "PanelError", "ValidityError"]


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: where it stands, what it is, and what is allowed."""

    where: str
    what: str
    allowed: str = ""

    def __str__(self) -> str:
        said = f"{self.where}: {self.what}" if self.where else self.what
        return f"{said}; {self.allowed}" if self.allowed else said


class CoprodError(Exception):
    """A mistake that its user can mend.

    Parameters
    ----------
    summary
        One line that says what could not be done.
    faults
        Every fault found, in the order of their places.
    """

    def __init__(self, summary: str, faults: Sequence[Fault] = ()) -> None:
        self.summary = summary
        self.faults = tuple(faults)
        super().__init__("\n".join([summary, *(f"  {fault}" for fault in self.faults)]))


class PanelError(CoprodError):
    """A panel of respondents, a codebook or a design that cannot be used."""


class BookError(CoprodError):
    """A book that cannot be rendered: its project file, a chapter or a cell."""


class ValidityError(CoprodError, ValueError):
    """A statistic that was asked for with arguments or data that do not allow it."""
