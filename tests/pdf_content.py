"""What the letters of a PDF's page say, where they stand, and which piece of the tag tree they belong to."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pikepdf
from pypdf import PdfReader

__all__ = ["Run", "read_runs", "read_texts"]

OPERATORS = "q Q cm BT ET Tf Td Tm Tj TJ BDC BMC EMC"
# All that a text may be written with, and what else is drawn by its name.
OF_TEXT = f"{OPERATORS} TD T* ' \" Tc Tw Tz TL Ts Tr Do"
Matrix = tuple[float, float, float, float, float, float]
SAME: Matrix = (1, 0, 0, 1, 0, 0)


@dataclass(frozen=True)
class Run:
    """Letters in one font beside each other, in points from the page's lower left corner.

    Attributes
    ----------
    left, right, base, size
        Its extent, the line on which the letters stand, and how large they are.
    piece
        The number of the piece of tagged content, or none for what is not read.
    running
        Whether it is not read since it is on every page, such as the page's number.
    """

    left: float
    right: float
    base: float
    size: float
    piece: int | None
    running: bool = False

    @property
    def top(self) -> float:
        """The height to which capitals reach."""
        return self.base + 0.7 * self.size

    @property
    def bottom(self) -> float:
        """The depth to which letters reach."""
        return self.base - 0.2 * self.size


def read_runs(page: pikepdf.Page) -> list[Run]:
    """The letters of a page, as far as they stand upright."""
    fonts: dict[str, dict[int, float]] = {}
    found: list[Run] = []
    state, kept = SAME, []
    text, font, size = SAME, "", 0.0
    marks: list[tuple[int | None, bool]] = []
    for instruction in pikepdf.parse_content_stream(page, OPERATORS):
        given = instruction.operands
        match str(instruction.operator):
            case "q":
                kept.append(state)
            case "Q":
                state = kept.pop()
            case "cm":
                state = _times(_matrix(given), state)
            case "BT":
                text = SAME
            case "Tf":
                font, size = str(given[0]), float(given[1])
                if font not in fonts:
                    fonts[font] = dict(_widths(page.resources.Font[font]))
            case "Td":
                text = _times((1, 0, 0, 1, float(given[0]), float(given[1])), text)
            case "Tm":
                text = _matrix(given)
            case "Tj" | "TJ":
                shown = given[0] if isinstance(given[0], pikepdf.Array) else [given[0]]
                width = _width(shown, fonts[font]) * size / 1000
                a, b, _, d, x, y = _times(text, state)
                if width and abs(b) < 0.01:
                    left, right = sorted((x, x + a * width))
                    piece = next((n for n, _ in reversed(marks) if n is not None), None)
                    running = any(runs for _, runs in marks)
                    found.append(Run(left, right, y, abs(d) * size, piece, running))
                text = _times((1, 0, 0, 1, width, 0), text)
            case "BDC":
                about: Any = given[1] if isinstance(given[1], pikepdf.Dictionary) else {}
                number = int(about["/MCID"]) if "/MCID" in about else None
                marks.append((number, about.get("/Subtype") in ("/Header", "/Footer")))
            case "BMC":
                marks.append((None, False))
            case "EMC":
                marks.pop()
    return found


def read_texts(file: Path) -> list[str]:
    """The text of each page of a PDF; the lines of its drawings, which take longest to read, are left out."""
    light = io.BytesIO()
    with pikepdf.open(file) as pdf:
        for page in pdf.pages:
            written = pikepdf.parse_content_stream(page, OF_TEXT)
            page.Contents = pdf.make_stream(pikepdf.unparse_content_stream(written))
        pdf.save(light)
    return [page.extract_text() for page in PdfReader(light).pages]


def _matrix(given: Any) -> Matrix:
    a, b, c, d, e, f = (float(number) for number in given)
    return (a, b, c, d, e, f)


def _times(first: Matrix, then: Matrix) -> Matrix:
    a, b, c, d, e, f = first
    k, m, n, o, p, q = then
    return (
        a * k + b * n,
        a * m + b * o,
        c * k + d * n,
        c * m + d * o,
        e * k + f * n + p,
        e * m + f * o + q,
    )


def _width(shown: Any, widths: dict[int, float]) -> float:
    """How wide some text is, in thousandths of its size, without white at its end."""
    total = 0.0
    for item in shown:
        if isinstance(item, pikepdf.String):
            letters = bytes(item)
            if widths.get(-1):  # two bytes a letter
                for high, low in zip(letters[::2], letters[1::2], strict=True):
                    total += widths.get(high * 256 + low, 0)
            else:
                total += sum(widths.get(letter, 0) for letter in letters)
        else:
            total -= float(item)
    return total


def _widths(font: pikepdf.Object) -> Iterator[tuple[int, float]]:
    """The width of each letter of a font; that of -1 tells that letters take two bytes."""
    if font.Subtype != "/Type0":
        scale = 1000 * float(font.FontMatrix[0]) if font.Subtype == "/Type3" else 1
        for letter, width in enumerate(font.Widths, int(font.FirstChar)):
            yield letter, float(width) * scale
        return
    yield -1, 1
    given = list(font.DescendantFonts[0].get("/W", []))
    at = 0
    while at < len(given):
        first, then = int(given[at]), given[at + 1]
        if isinstance(then, pikepdf.Array):
            for letter, width in enumerate(then, first):
                yield letter, float(width)
            at += 2
        else:
            for letter in range(first, int(then) + 1):
                yield letter, float(given[at + 2])
            at += 3
