"""What may stand in a chapter beside plain Markdown: pictures, blocks of colons, options of cells."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from coprod.errors import Fault
from coprod.render.contract import FORMATS
from coprod.render.project import Book
from coprod.render.source import Line, fence_tracker, leads_out, resolve

__all__ = [
    "CAPTIONS",
    "PICTURE",
    "REFERABLE",
    "check_div",
    "check_divs_close",
    "check_options",
    "check_picture",
    "check_tabsets",
]

PICTURE = re.compile(
    r"!\[(?P<caption>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<path>[^)\s]+)[^)]*\)(?P<attributes>\{[^}]*\})?"
)
DIV = re.compile(r"^\s*:{3,}\s*(?P<attributes>\{[^}]*\}|[\w-]+)\s*:*\s*$")
HEADING = re.compile(r"^#{1,6}\s")
DIV_END = re.compile(r"^\s*:{3,}\s*$")
WHEN = re.compile(r"when-format=\"?(?P<format>[\w-]*)\"?")
CAPTIONS = ("fig-cap", "tbl-cap")
REFERABLE = ("fig", "tbl", "sec", "eq", "nte", "tip", "wrn", "cau", "imp")
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
    elif leads_out(target := resolve(PurePosixPath(line.file).parent, path)):
        said = f"the picture '{path}' is outside the project"
        faults.append(Fault(line.place, said, "keep pictures in the project"))
    elif not (book.folder / target).is_file():
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


def check_options(
    name: str, kind: str | None, options: Mapping[str, Any], place: str, faults: list[Fault]
) -> None:
    """A cell's caption, alternative text and label fit what it shows."""
    if kind and f"{kind}-cap" not in options:
        faults.append(Fault(place, f"{name} has no caption", f"give it '#| {kind}-cap: …'"))
    alternatives = options.get("fig-alt")
    said = [alternatives] if isinstance(alternatives, str) else alternatives or []
    if not all(text.strip() for text in said):
        alternatives = None
    for option in CAPTIONS:
        if re.search(r"`\{python\}|\{\{<", str(options.get(option, ""))):
            faults.append(
                Fault(
                    place,
                    f"the caption of {name} has an expression or a shortcode",
                    "write it out",
                )
            )
    if options.get("layout-ncol", 1) < 1:
        faults.append(Fault(place, f"{name} has no columns", "'layout-ncol' is one or more"))
    if ("fig-cap" in options or "fig-subcap" in options) and not alternatives:
        faults.append(
            Fault(
                place,
                f"the figure of {name} has a caption and no alternative text",
                "give it '#| fig-alt: …'",
            )
        )
    for option in CAPTIONS:
        needed = option.removesuffix("-cap")
        if option in options and kind != needed:
            faults.append(
                Fault(place, f"{name} has '{option}' and no label that starts with '{needed}-'")
            )
        if isinstance(options.get(option), str) and re.search(
            rf"\[-?@(?!(?:{'|'.join(REFERABLE)})-)", options[option]
        ):
            faults.append(
                Fault(
                    place,
                    f"the caption of {name} has a citation",
                    "cite in the text: Quarto drops it here",
                )
            )
