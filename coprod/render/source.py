"""The lines of a chapter's files, includes and shortcodes filled in, each knowing its place."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from coprod.errors import Fault
from coprod.render.project import CONFIG, Book

__all__ = ["FENCE", "Line", "fence_tracker", "leads_out", "load", "resolve"]

FENCE = re.compile(r"^(?P<indent>\s*)(?P<fence>`{3,}|~{3,})\s*(?P<info>.*?)\s*$")
DEEPEST = 20
"""So deep may includes stand in each other."""
SHORTCODE = re.compile(r"\{\{<\s*(?P<name>\S+)(?P<rest>.*?)>\}\}")


@dataclass(frozen=True)
class Line:
    """A line of text and where it came from."""

    text: str
    file: str
    number: int

    @property
    def place(self) -> str:
        """The file and the line, as ``chapters/one.qmd:12``."""
        return f"{self.file}:{self.number}"


def fence_tracker() -> Callable[[str], bool]:
    """A function that tells of each line in turn whether it stands in, or marks, a fenced block."""
    open_fence = ""

    def inside(text: str) -> bool:
        nonlocal open_fence
        match = FENCE.match(text)
        if open_fence:
            closes = match and match["fence"].startswith(open_fence) and not match["info"]
            if closes:
                open_fence = ""
            return True
        if match and not (match["fence"][0] == "`" and "`" in match["info"]):
            open_fence = match["fence"]
            return True
        return False

    return inside


def load(
    book: Book, path: PurePosixPath, faults: list[Fault], asked: str, within: tuple[str, ...] = ()
) -> list[Line]:
    """A file's lines, its includes put in their places."""
    name = str(path)
    if name in within:
        faults.append(Fault(asked, f"the include of '{name}' includes itself"))
        return []
    if len(within) > DEEPEST:
        faults.append(Fault(asked, f"includes stand in each other more than {DEEPEST} deep"))
        return []
    try:
        text = (book.folder / path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        faults.append(Fault(name, "the file is not UTF-8", "save it as UTF-8"))
        return []
    except (OSError, ValueError):
        faults.append(
            Fault(
                asked, f"the included file '{name}' does not exist", "create it, or mend the path"
            )
        )
        return []
    if "\0" in text:
        faults.append(Fault(name, "the file holds a sign that no text has (NUL)", "take it out"))
        return []
    lines: list[Line] = []
    inside = fence_tracker()
    # Not splitlines, which also ends a line at a form feed and other signs that no editor counts.
    for number, line_text in enumerate(text.removesuffix("\n").split("\n"), 1):
        line = Line(line_text, name, number)
        if not inside(line_text):
            include = re.fullmatch(r"\{\{<\s*include\s+(\S+)\s*>\}\}\s*", line_text)
            if include:
                target = resolve(path.parent, include[1])
                if leads_out(target):
                    said = f"the include of '{include[1]}' leads out of the project"
                    faults.append(Fault(line.place, said, "keep it in the project"))
                    continue
                lines += load(book, target, faults, line.place, (*within, name))
                continue
            line = Line(_fill_shortcodes(book, line, faults), name, number)
        lines.append(line)
    return lines


def resolve(folder: PurePosixPath, target: str) -> PurePosixPath:
    """A path as written in a file of a folder, from the project's folder."""
    parts: list[str] = []
    for part in (folder / target).parts:
        if part == ".." and parts:
            parts.pop()
        elif part != ".":
            parts.append(part)
    return PurePosixPath(*parts)


def leads_out(path: PurePosixPath) -> bool:
    """Whether a path, from the project's folder, names something outside it."""
    return path.is_absolute() or ".." in path.parts


def _fill_shortcodes(book: Book, line: Line, faults: list[Fault]) -> str:
    def fill(match: re.Match[str]) -> str:
        name, rest = match["name"], match["rest"].strip()
        if name == "meta":
            value = book.get(*rest.split("."))
            if isinstance(value, str | int | float):
                return str(value)
            faults.append(
                Fault(
                    line.place,
                    f"there is no '{rest}' in {CONFIG} for the shortcode 'meta'",
                    "add the key",
                )
            )
        elif name == "include":
            faults.append(Fault(line.place, "an include must stand on a line of its own"))
        else:
            faults.append(
                Fault(
                    line.place, f"the shortcode '{name}' is unknown", "allowed are include and meta"
                )
            )
        return match[0]

    return SHORTCODE.sub(fill, line.text)
