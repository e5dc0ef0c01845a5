"""What prose may hold beside plain Markdown: pictures, and blocks of colons that are known."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from coprod.errors import Fault
from coprod.render.contract import FORMATS
from coprod.render.project import Book
from coprod.render.source import Line, fence_tracker, resolve

__all__ = ["PICTURE", "check_div", "check_divs_close", "check_picture", "check_tabsets"]

PICTURE = re.compile(
    r"!\[(?P<caption>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<path>[^)\s]+)[^)]*\)(?P<attributes>\{[^}]*\})?"
)
DIV = re.compile(r"^\s*:{3,}\s*(?P<attributes>\{[^}]*\}|[\w-]+)\s*:*\s*$")
HEADING = re.compile(r"^#{1,6}\s")
DIV_END = re.compile(r"^\s*:{3,}\s*$")
WHEN = re.compile(r"when-format=\"?(?P<format>[\w-]*)\"?")
CALLOUTS = ("note", "tip", "warning", "caution", "important")


def check_picture(book: Book, line: Line, match: re.Match[str], faults: list[Fault]) -> None:
    """A picture is in the project, and one with a caption has an alternative text."""
    path, attributes = match["path"], match["attributes"] or ""
    if "://" in path:
        faults.append(
            Fault(
                line.place,
                f"the picture '{path}' is on the network",
                "keep pictures in the project",
            )
        )
    elif not (book.folder / resolve(PurePosixPath(line.file).parent, path)).is_file():
        faults.append(
            Fault(line.place, f"the picture '{path}' does not exist", "create it, or mend the path")
        )
    if "fig-alt=" not in attributes:
        caption = "a caption and " if match["caption"] else ""
        faults.append(
            Fault(line.place, f"the picture has {caption}no alternative text", 'add {fig-alt="…"}')
        )


def check_divs_close(passages: Iterable[Iterable[Line]], faults: list[Fault]) -> None:
    """A block of colons may hold cells, so its end is looked for in the whole chapter."""
    opened: list[Line] = []
    for lines in passages:
        inside = fence_tracker()
        for line in lines:
            if inside(line.text):
                continue
            if DIV_END.match(line.text):
                if opened:
                    opened.pop()
                else:
                    faults.append(
                        Fault(
                            line.place,
                            "this ::: closes nothing",
                            "take it out, or open a block before it",
                        )
                    )
            elif DIV.match(line.text):
                opened.append(line)
    faults += [
        Fault(line.place, "this block is never closed", "close it with :::") for line in opened
    ]


def check_tabsets(lines: Iterable[Line], faults: list[Fault]) -> None:
    """A block of tabs starts with the heading of the first, since what stands before it is lost."""
    inside = fence_tracker()
    opened = False
    for line in lines:
        fenced = inside(line.text)
        if opened and line.text.strip():
            if fenced or not HEADING.match(line.text):
                faults.append(
                    Fault(
                        line.place,
                        "this stands in a tabset before its first tab, and would be lost",
                        "start the tabset with a heading, which names the tab",
                    )
                )
            opened = False
        div = None if fenced else DIV.match(line.text)
        if div and re.search(r"(?<![\w-])panel-tabset(?![\w-])", div["attributes"]):
            opened = True


def check_div(line: Line, faults: list[Fault]) -> None:
    """A block of colons has no class or condition that one of the engines would not know."""
    div = DIV.match(line.text)
    if not div:
        return
    attributes = div["attributes"]
    classes = re.findall(r"\.([\w-]+)", attributes)
    for name in classes:
        kind = name.removeprefix("callout-")
        if name.startswith("callout-") and kind not in CALLOUTS:
            faults.append(
                Fault(
                    line.place,
                    f"the callout '{kind}' is unknown",
                    f"allowed are {', '.join(CALLOUTS)}",
                )
            )
        if name.startswith("column-"):
            faults.append(
                Fault(
                    line.place,
                    f"the class '{name}' changes the whole layout of the paper",
                    "leave it out",
                )
            )
    if {"content-visible", "content-hidden"} & set(classes):
        when = WHEN.search(attributes)
        if not when or when["format"] not in FORMATS:
            faults.append(
                Fault(
                    line.place,
                    "this condition is unknown",
                    f'write when-format="{FORMATS[0]}" or "{FORMATS[1]}"',
                )
            )
