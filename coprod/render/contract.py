"""What a book may contain: the keys of ``_quarto.yml`` and the options of a cell, with their types.

Quarto accepts far more. The embedded engine renders what stands here, both engines render it alike,
and anything else is named with its place, since no linter finds a misspelt key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from coprod.errors import Fault
from coprod.schema import FLAG, INTEGER, TEXT, TEXTS, Kind, one_of

__all__ = ["CELL_OPTIONS", "FORMATS", "PROJECT_KEYS"]

FORMATS = ("html", "typst")

LANGUAGE: Kind = (
    "a language such as en-GB",
    lambda value: isinstance(value, str) and bool(re.fullmatch(r"[a-z]{2,3}(-[A-Z]{2})?", value)),
)

NAME: Kind = (
    "a name without a folder",
    lambda value: isinstance(value, str) and bool(value) and not set(value) & set("/\\"),
)
INSIDE_ONE: Kind = (
    "a path inside the project",
    lambda value: isinstance(value, str) and _is_inside(value),
)
INSIDE: Kind = (
    "paths inside the project",
    lambda value: (
        TEXTS[1](value) and all(map(_is_inside, [value] if isinstance(value, str) else value))
    ),
)


def _is_inside(path: str) -> bool:
    """Whether a path or pattern can be read, and cannot lead out of the folder that it starts from."""
    parts = PurePosixPath(path).parts
    whole = all(part == "**" or "**" not in part for part in parts)
    plain = not path.startswith("/") and "\0" not in path
    return bool(parts) and plain and ".." not in parts and whole


FOLD = one_of(True, False, "show")


def check_chapters(
    value: Any, places: Mapping[tuple[Any, ...], int], file: str, path: tuple[Any, ...]
) -> list[Fault]:
    """Check a list of chapters, in which a part holds a list of its own."""
    if not isinstance(value, list) or not value:
        return [
            Fault(f"{file}:{places.get(path, 1)}", f"'{path[-1]}' must be a list of .qmd files")
        ]
    faults: list[Fault] = []
    for index, item in enumerate(value):
        here = (*path, index)
        if isinstance(item, dict):
            if (
                set(item) != {"part", "chapters"}
                or not isinstance(item["part"], str)
                or path[-1] == "appendices"
            ):
                faults.append(
                    Fault(
                        f"{file}:{places.get(here, 1)}",
                        "this is no part",
                        "a part has 'part', its name, and 'chapters'",
                    )
                )
            else:
                faults += check_chapters(item["chapters"], places, file, (*here, "chapters"))
        elif not isinstance(item, str) or Path(item).suffix != ".qmd":
            faults.append(
                Fault(
                    f"{file}:{places.get(here, 1)}",
                    f"{item!r} is no chapter",
                    "a chapter is a .qmd file",
                )
            )
        elif not _is_inside(item) or str(PurePosixPath(item)) != item:
            faults.append(
                Fault(
                    f"{file}:{places.get(here, 1)}",
                    f"the chapter '{item}' is not named from the project's folder",
                    "write it as chapters/one.qmd, without '..' and '.'",
                )
            )
    return faults


PROJECT_KEYS: dict[str, Any] = {
    "project": {
        "type": one_of("book"),
        "output-dir": TEXT,
        "resources": INSIDE,
        "preview": {"port": INTEGER},
    },
    "execute": {"echo": FLAG, "warning": FLAG, "freeze": one_of(False), "cache": one_of(False)},
    "book": {
        "title": TEXT,
        "subtitle": TEXT,
        "author": [{"name": TEXT}],
        "date": TEXT,
        "date-format": TEXT,
        "description": TEXT,
        "search": one_of(True),
        "favicon": INSIDE_ONE,
        "site-url": TEXT,
        "repo-url": TEXT,
        "repo-actions": TEXTS,
        "repo-branch": TEXT,
        "repo-subdir": TEXT,
        "reader-mode": FLAG,
        "back-to-top-navigation": FLAG,
        "page-navigation": FLAG,
        "bread-crumbs": FLAG,
        "output-file": NAME,
        "page-footer": {"left": TEXT, "center": TEXT, "right": TEXT},
        "sidebar": {"style": TEXT},
        "chapters": check_chapters,
        "appendices": check_chapters,
    },
    "bibliography": INSIDE_ONE,
    "lang": LANGUAGE,
    "citeproc": one_of(True),
    "data-title": TEXT,
    "data-downloads": FLAG,
    "license": TEXT,
    "keywords": TEXTS,
    "citation": FLAG,
    "google-scholar": FLAG,
    "format": {
        "html": {
            "theme": {"light": TEXT, "dark": TEXT},
            "css": INSIDE_ONE,
            "toc": FLAG,
            "toc-depth": INTEGER,
            "number-sections": FLAG,
            "code-fold": FOLD,
            "code-copy": FLAG,
            "code-tools": FLAG,
            "code-overflow": one_of("wrap", "scroll"),
            "anchor-sections": FLAG,
            "smooth-scroll": FLAG,
            "html-math-method": one_of("mathml"),
            "fig-format": one_of("svg"),
            "fig-cap-location": one_of("bottom"),
            "tbl-cap-location": one_of("top"),
            "link-external-newwindow": FLAG,
            "lightbox": one_of(False),
            "grid": {"body-width": TEXT},
        },
        "typst": {
            "toc": FLAG,
            "number-sections": FLAG,
            "papersize": one_of("a4"),
            "fig-format": one_of("svg"),
            "keep-typ": FLAG,
            "margin": {"x": TEXT, "y": TEXT},
            "fontsize": TEXT,
        },
    },
}

CELL_OPTIONS: dict[str, Any] = {
    "label": TEXT,
    "echo": FLAG,
    "include": FLAG,
    "output": FLAG,
    "eval": FLAG,
    "code-fold": FOLD,
    "code-summary": TEXT,
    "fig-cap": TEXT,
    "fig-alt": TEXTS,
    "fig-subcap": TEXTS,
    "layout-ncol": INTEGER,
    "tbl-cap": TEXT,
}
