"""A chapter's source: prose and cells, each line knowing the file and line it came from."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from coprod.errors import BookError, Fault
from coprod.render.contract import CELL_OPTIONS
from coprod.render.project import CONFIG, Book, Entry
from coprod.render.rules import (
    CAPTIONS,
    PICTURE,
    REFERABLE,
    check_div,
    check_divs_close,
    check_options,
    check_picture,
    check_tabsets,
)
from coprod.render.source import FENCE, Line, fence_tracker, load
from coprod.schema import check_mapping, read_yaml

__all__ = ["Cell", "Chapter", "Inline", "Prose", "read_chapters"]


INLINE = re.compile(r"(?<!`)`\{python\}\s+(?P<code>[^`]+)`(?!`)")
CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
ATTRIBUTE_ID = re.compile(r"\{[^{}]*?#([\w.:-]+)[^{}]*\}")


@dataclass(frozen=True)
class Inline:
    """An expression in a line of prose."""

    code: str
    line: Line


@dataclass(frozen=True)
class Prose:
    """Lines of Markdown between two cells, and the expressions in them."""

    lines: tuple[Line, ...]
    inlines: tuple[Inline, ...]

    @property
    def text(self) -> str:
        """The Markdown as written, includes and shortcodes filled in."""
        return "\n".join(line.text for line in self.lines)

    def filled(self, values: Sequence[str]) -> str:
        """The Markdown with each expression replaced by its value."""
        rest = iter(values)
        inside = fence_tracker()
        return "\n".join(
            line.text if inside(line.text) else INLINE.sub(lambda _: next(rest), line.text)
            for line in self.lines
        )


@dataclass(frozen=True)
class Cell:
    """A cell of Python with its options."""

    options: dict[str, Any]
    body: tuple[Line, ...]
    code: tuple[Line, ...]
    start: Line
    number: int

    @property
    def label(self) -> str:
        """The cell's label, or none."""
        return str(self.options.get("label", ""))

    @property
    def name(self) -> str:
        """What to call the cell in a message."""
        return f"cell '{self.label}'" if self.label else f"cell {self.number}"

    @property
    def float(self) -> str | None:
        """``fig`` or ``tbl`` where the cell makes a numbered figure or table."""
        kind = self.label.partition("-")[0]
        return kind if f"{kind}-cap" in CAPTIONS else None

    @property
    def runs(self) -> bool:
        """Whether the cell is run at all."""
        return self.options.get("eval", True) is not False

    @property
    def text(self) -> str:
        """The code without its options and without blank lines around it."""
        return "\n".join(line.text for line in self.code)


@dataclass(frozen=True)
class Chapter:
    """A chapter's source, read and checked.

    Attributes
    ----------
    entry
        Its place in the book.
    blocks
        Prose and cells in order.
    files
        Every file that was read for it, from the project's folder.
    """

    entry: Entry
    blocks: tuple[Prose | Cell, ...]
    files: tuple[str, ...]
    labels: dict[str, Line] = field(default_factory=dict, repr=False)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells alone."""
        return tuple(block for block in self.blocks if isinstance(block, Cell))

    @property
    def title(self) -> str:
        """Its title as written, without attributes; empty where it has none."""
        line = next((line.text for line in self.lines if line.text.startswith("# ")), "")
        return re.sub(r"\s*\{[^}]*\}\s*$", "", line.removeprefix("# "))

    @property
    def lines(self) -> Iterator[Line]:
        """Every line of prose and code."""
        for block in self.blocks:
            yield from block.lines if isinstance(block, Prose) else block.body

    def find(self, text: str) -> str:
        """Where a text first stands in the prose, as file and line, or the chapter's file."""
        whole = re.compile(rf"(?<![\w-]){re.escape(text)}(?![\w-]|[.:]\w)")
        return next(
            (line.place for line in self.lines if whole.search(line.text)), self.entry.source
        )


def read_chapters(book: Book) -> list[Chapter]:
    """Read every chapter of a book and hold it against the contract.

    Raises
    ------
    BookError
        Naming everything outside the contract in all chapters, each with file and line.
    """
    faults: list[Fault] = []
    chapters = [_read_chapter(book, entry, faults) for entry in book.entries]
    defined: dict[str, Line] = {}
    for chapter in chapters:
        for label, line in chapter.labels.items():
            if label in defined:
                faults.append(
                    Fault(
                        line.place,
                        f"the label '{label}' stands twice",
                        f"it was given first at {defined[label].place}; choose another",
                    )
                )
            defined.setdefault(label, line)
    if faults:
        raise BookError("the book cannot be rendered", faults)
    return chapters


def _read_chapter(book: Book, entry: Entry, faults: list[Fault]) -> Chapter:
    lines = load(book, PurePosixPath(entry.source), faults, f"{CONFIG}:{entry.line}")
    blocks: list[Prose | Cell] = []
    labels: dict[str, Line] = {}
    prose: list[Line] = []
    cells = 0

    def close() -> None:
        if any(line.text.strip() for line in prose):
            blocks.append(_read_prose(book, entry, tuple(prose), faults, labels))
        prose.clear()

    inside = fence_tracker()
    index = 0
    while index < len(lines):
        line = lines[index]
        match = FENCE.match(line.text)
        if not inside(line.text):
            prose.append(line)
            index += 1
            continue
        end = index + 1
        while end < len(lines) and inside(lines[end].text):
            end += 1
            closing = FENCE.match(lines[end - 1].text)
            if (
                closing
                and match
                and closing["fence"].startswith(match["fence"])
                and not closing["info"]
            ):
                break
        else:
            faults.append(
                Fault(
                    line.place, "this fenced block is never closed", "close it with the same fence"
                )
            )
        info = match["info"] if match else ""
        if info == "{python}":
            if match and match["indent"]:
                faults.append(Fault(line.place, "a cell must start in the first column"))
            close()
            cells += 1
            body = lines[index + 1 : end - 1]
            blocks.append(_read_cell(entry, line, body, cells, faults, labels))
        else:
            if info.startswith("{") and info != "{=html}" and not info.startswith(("{.", "{#")):
                faults.append(
                    Fault(
                        line.place,
                        f"a block of '{info}' is unknown",
                        "allowed are {python} and {=html}",
                    )
                )
            prose += lines[index:end]
        index = end
    close()
    if lines and lines[0].text == "---":
        faults.append(
            Fault(
                lines[0].place,
                "front matter is not used in a chapter",
                "start it with a line '# Title'",
            )
        )
    passages = [block.lines for block in blocks if isinstance(block, Prose)]
    check_divs_close(passages, faults)
    check_tabsets(lines, faults)
    files = tuple(dict.fromkeys([entry.source, *(line.file for line in lines)]))
    return Chapter(entry, tuple(blocks), files, labels)


def _read_cell(
    entry: Entry,
    start: Line,
    body: list[Line],
    number: int,
    faults: list[Fault],
    labels: dict[str, Line],
) -> Cell:
    count = next((i for i, line in enumerate(body) if not line.text.startswith("#|")), len(body))
    text = "\n".join(line.text.removeprefix("#|").removeprefix(" ") for line in body[:count])
    options, places, wrong = (
        read_yaml(text, start.file, start.number + 1) if count else ({}, {}, [])
    )
    if not wrong and not isinstance(options, dict):
        wrong = [Fault(body[0].place, "a cell's options must be keys", "write '#| label: …'")]
    elif not wrong:
        wrong = check_mapping(options, CELL_OPTIONS, places, start.file)
    faults += wrong
    options = options if isinstance(options, dict) and not wrong else {}
    faults += [
        Fault(line.place, "an option stands after code", "options stand first in a cell")
        for line in body[count:]
        if line.text.startswith("#| ")
    ]
    code = body[count:]
    while code and not code[0].text.strip():
        code = code[1:]
    while code and not code[-1].text.strip():
        code = code[:-1]
    cell = Cell(options, tuple(body), tuple(code), start, number)
    at = Line("", start.file, places.get(("label",), start.number))
    if cell.label:
        if not re.fullmatch(r"\w[\w-]*\w|\w", cell.label):
            faults.append(
                Fault(
                    at.place,
                    f"the label '{cell.label}' has a sign that no label may have",
                    "use letters, digits and -",
                )
            )
        # A label that nothing refers to, such as `setup`, may stand in several chapters, so its key
        # holds the chapter; one that can be referred to may stand only once in the book.
        key = (
            cell.label
            if cell.label.partition("-")[0] in REFERABLE
            else f"{entry.source}: {cell.label}"
        )
        _add_label(key, at, labels, faults)
    check_options(cell.name, cell.float, options, at.place, faults)
    for index, _ in enumerate(
        options.get("fig-subcap", []) if isinstance(options.get("fig-subcap"), list) else []
    ):
        _add_label(f"{cell.label}-{index + 1}", at, labels, faults)
    return cell


def _add_label(label: str, line: Line, labels: dict[str, Line], faults: list[Fault]) -> None:
    if label in labels:
        shown = label.rpartition(": ")[2]
        faults.append(
            Fault(
                line.place,
                f"the label '{shown}' stands twice",
                f"it was given first at {labels[label].place}; choose another",
            )
        )
    labels.setdefault(label, line)


def _is_one_expression(code: str) -> bool:
    """Whether code is one value: two, or none, would give later expressions their neighbours' values."""
    try:
        tree = ast.parse(f"one({code},)", mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        # The last two come of what is far too long.
        return False
    return (
        isinstance(tree, ast.Call)
        and isinstance(tree.func, ast.Name)
        and len(tree.args) == 1
        and not tree.keywords
        and not isinstance(tree.args[0], ast.Starred)
    )


def _read_prose(
    book: Book, entry: Entry, lines: tuple[Line, ...], faults: list[Fault], labels: dict[str, Line]
) -> Prose:
    inlines: list[Inline] = []
    inside = fence_tracker()
    for line in lines:
        if inside(line.text):
            continue
        found = [Inline(match["code"].strip(), line) for match in INLINE.finditer(line.text)]
        inlines += found
        faults += [
            Fault(
                line.place,
                f"'{inline.code}' is not one expression",
                "write `{python} expression`, with a tuple in brackets",
            )
            for inline in found
            if not _is_one_expression(inline.code)
        ]
        if line.text.count("`{python}") > len(found):
            faults.append(
                Fault(
                    line.place,
                    "an inline expression must stand on one line",
                    "write `{python} expression`",
                )
            )
        text = CODE_SPAN.sub("", line.text)
        for match in ATTRIBUTE_ID.finditer(text):
            if match[1].partition("-")[0] in REFERABLE and "-" in match[1]:
                _add_label(match[1], line, labels, faults)
        for match in PICTURE.finditer(text):
            check_picture(book, line, match, faults)
        check_div(line, faults)
        if re.fullmatch(r"-{3,}\s*|\.{3}\s*", line.text):
            faults.append(
                Fault(
                    line.place, "a rule or front matter stands in the chapter", "take the line out"
                )
            )
        if entry.source == "index.qmd":
            for match in re.finditer(r"@(sec-[\w-]+)", text):
                faults.append(
                    Fault(
                        line.place,
                        f"'@{match[1]}' stands on the front page, where Quarto prints a title for it",
                        "write [words](chapters/file.qmd)",
                    )
                )
    return Prose(lines, tuple(inlines))
