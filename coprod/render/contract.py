"""What a book may contain: the keys of ``_quarto.yml`` and the options of a cell, with their types.

Quarto accepts far more. The embedded engine renders what stands here, both engines render it alike,
and anything else is named with its place, since no linter finds a misspelt key.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from coprod.errors import Fault

__all__ = ["CELL_OPTIONS", "FORMATS", "PROJECT_KEYS", "check_mapping", "read_yaml"]

FORMATS = ("html", "typst")

# A type is a name with a test; a mapping of keys; or a list of one type.
Kind = tuple[str, Callable[[Any], bool]]

TEXT: Kind = ("text", lambda value: isinstance(value, str))
FLAG: Kind = ("true or false", lambda value: isinstance(value, bool))
INTEGER: Kind = (
    "a whole number",
    lambda value: isinstance(value, int) and not isinstance(value, bool),
)
LANGUAGE: Kind = (
    "a language such as en-GB",
    lambda value: isinstance(value, str) and bool(re.fullmatch(r"[a-z]{2,3}(-[A-Z]{2})?", value)),
)
TEXTS: Kind = (
    "text, or a list of texts",
    lambda value: (
        isinstance(value, str)
        or (
            isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)
        )
    ),
)


NAME: Kind = (
    "a name without a folder",
    lambda value: isinstance(value, str) and bool(value) and not set(value) & set("/\\"),
)
INSIDE: Kind = (
    "paths inside the project",
    lambda value: (
        TEXTS[1](value) and all(map(_is_inside, [value] if isinstance(value, str) else value))
    ),
)


def _is_inside(path: str) -> bool:
    """Whether a path cannot lead out of the folder that it starts from."""
    return bool(path) and not path.startswith("/") and ".." not in PurePosixPath(path).parts


def one_of(*allowed: Any) -> Kind:
    """A value from a list."""
    names = ", ".join("true or false" if v is True else str(v) for v in allowed if v is not False)
    return f"one of {names}", lambda value: any(
        type(value) is type(v) and value == v for v in allowed
    )


FOLD = one_of(True, False, "show")
CHAPTERS: list[Any] = ["chapters"]  # a list of paths, or of parts that hold such lists

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
        "favicon": TEXT,
        "site-url": TEXT,
        "repo-url": TEXT,
        "repo-actions": TEXTS,
        "reader-mode": FLAG,
        "back-to-top-navigation": FLAG,
        "page-navigation": FLAG,
        "bread-crumbs": FLAG,
        "output-file": NAME,
        "page-footer": {"left": TEXT, "center": TEXT, "right": TEXT},
        "sidebar": {"style": TEXT},
        "chapters": CHAPTERS,
        "appendices": CHAPTERS,
    },
    "bibliography": TEXT,
    "lang": LANGUAGE,
    "citeproc": one_of(True),
    "data-title": TEXT,
    "license": TEXT,
    "keywords": TEXTS,
    "citation": FLAG,
    "google-scholar": FLAG,
    "format": {
        "html": {
            "theme": {"light": TEXT, "dark": TEXT},
            "css": TEXT,
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


def nearest(name: str, allowed: Iterable[str]) -> str:
    """What is allowed, the nearest name first if one is near."""
    allowed = list(allowed)
    close = difflib.get_close_matches(name, allowed, n=1)
    return f"did you mean '{close[0]}'?" if close else f"allowed are {', '.join(allowed)}"


def read_yaml(
    text: str, file: str, line: int = 1
) -> tuple[Any, dict[tuple[Any, ...], int], list[Fault]]:
    """Read YAML and remember on which line each key stands.

    Parameters
    ----------
    text
        The YAML.
    file
        The file's name, for faults.
    line
        The line of the file on which the text starts.

    Returns
    -------
    value, places, faults
        The value; the line of each key by its path; what is wrong with the YAML itself.
    """
    places: dict[tuple[Any, ...], int] = {}
    faults: list[Fault] = []

    def visit(node: yaml.Node | None, path: tuple[Any, ...]) -> None:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                here = (*path, key.value)
                if here in places:
                    faults.append(
                        Fault(f"{file}:{line + key.start_mark.line}", f"'{key.value}' stands twice")
                    )
                places[here] = line + key.start_mark.line
                visit(value, here)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                places[(*path, index)] = line + value.start_mark.line
                visit(value, (*path, index))

    try:
        visit(yaml.compose(text, Loader=yaml.SafeLoader), ())
        value = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f"{file}:{line + mark.line}" if mark else file
        return None, {}, [Fault(at, f"this is not valid YAML: {error.problem}")]
    except (yaml.YAMLError, ValueError) as error:
        return (
            None,
            {},
            [Fault(f"{file}:{line}", f"this is not valid YAML: {str(error).splitlines()[0]}")],
        )
    return value, places, faults


def check_mapping(
    value: Any,
    allowed: Mapping[str, Any],
    places: Mapping[tuple[Any, ...], int],
    file: str,
    path: tuple[Any, ...] = (),
) -> list[Fault]:
    """Hold a mapping against the keys and types that are allowed; return every fault.

    Parameters
    ----------
    value
        What was read.
    allowed
        Keys with their types.
    places
        The line of each key by its path, from :func:`read_yaml`.
    file
        The file's name, for faults.
    path
        Where in the file the mapping stands.
    """
    at = f"{file}:{places.get(path, 1)}"
    inside = f"'{'.'.join(map(str, path))}'" if path else "the file"
    if not isinstance(value, dict):
        return [Fault(at, f"{inside} must hold keys", f"allowed are {', '.join(allowed)}")]
    faults: list[Fault] = []
    for key, given in value.items():
        here = (*path, key)
        at = f"{file}:{places.get(here, 1)}"
        if key not in allowed:
            faults.append(
                Fault(
                    at,
                    f"the key '{key}' is not one that this book may use",
                    nearest(str(key), allowed),
                )
            )
            continue
        kind = allowed[key]
        if kind is CHAPTERS:
            faults += check_chapters(given, places, file, here)
        elif isinstance(kind, dict):
            faults += check_mapping(given, kind, places, file, here)
        elif isinstance(kind, list):
            if not isinstance(given, list) or not given:
                faults.append(Fault(at, f"'{key}' must be a list"))
                continue
            for index, item in enumerate(given):
                faults += check_mapping(item, kind[0], places, file, (*here, index))
        elif not kind[1](given):
            faults.append(Fault(at, f"'{key}' is {given!r}", f"it must be {kind[0]}"))
    return faults


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
    return faults
