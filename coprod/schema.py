"""Files of keys and values, held against what they may contain: every fault, with its line.

A schema is a mapping of keys to kinds. A kind is a name with a test, a mapping of keys, a list of one
mapping, or a function that finds the faults of a value itself.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from math import isfinite
from pathlib import Path
from typing import Any

import yaml

from coprod.errors import Fault, ValidityError
from coprod.importing.table import shown

__all__ = [
    "FLAG",
    "INTEGER",
    "NUMBER",
    "TEXT",
    "TEXTS",
    "Kind",
    "check_mapping",
    "nearest",
    "one_of",
    "read_checked",
    "read_yaml",
]

Kind = tuple[str, Callable[[Any], bool]]
Places = Mapping[tuple[Any, ...], int]

MOST = 100_000
LARGEST = 500_000
"""Keys, and bytes: far more than anybody writes, and read in a few seconds."""
SHORT = 2_000
"""Letters: as few as the options of a cell, of which a book has hundreds."""

TEXT: Kind = ("text", lambda value: isinstance(value, str) and "\0" not in value)
FLAG: Kind = ("true or false", lambda value: isinstance(value, bool))
INTEGER: Kind = (
    "a whole number",
    lambda value: isinstance(value, int) and not isinstance(value, bool),
)
NUMBER: Kind = (
    "a number",
    lambda value: (
        isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    ),
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


def one_of(*allowed: Any) -> Kind:
    """A value from a list."""
    names = ", ".join("true or false" if v is True else str(v) for v in allowed if v is not False)
    return f"one of {names}", lambda value: any(
        type(value) is type(v) and value == v for v in allowed
    )


def nearest(name: str, allowed: Iterable[str]) -> str:
    """What is allowed, the nearest name first if one is near."""
    allowed = list(allowed)
    close = difflib.get_close_matches(name, allowed, n=1)
    return f"did you mean '{close[0]}'?" if close else f"allowed are {', '.join(allowed)}"


def read_yaml(
    text: str, file: str, line: int = 1, loader: type[Any] = yaml.SafeLoader
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
    loader
        Of PyYAML; its BaseLoader leaves every value the text that it is.

    Returns
    -------
    value, places, faults
        The value; the line of each key by its path; what is wrong with the YAML itself.
    """
    places: dict[tuple[Any, ...], int] = {}
    faults: list[Fault] = []

    def visit(node: yaml.Node | None, path: tuple[Any, ...]) -> None:
        # A few lines of YAML can refer to themselves a million times over.
        if len(places) > MOST:
            raise yaml.YAMLError(f"more than {MOST:,} keys")
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    continue  # the loader refuses it
                here = (*path, key.value)
                if here in places:
                    faults.append(
                        Fault(
                            f"{file}:{line + key.start_mark.line}",
                            f"'{shown(key.value)}' stands twice",
                        )
                    )
                places[here] = line + key.start_mark.line
                visit(value, here)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                places[(*path, index)] = line + value.start_mark.line
                visit(value, (*path, index))

    def read(with_loader: type[Any]) -> Any:
        reader = with_loader(text)
        try:
            node = reader.get_single_node()
            visit(node, ())
            return None if node is None else reader.construct_document(node)
        finally:
            reader.dispose()

    try:
        if fast := _fast(text, loader):
            with suppress(yaml.YAMLError, ValueError):
                return read(fast), places, faults
            # What is wrong with it, the slow one says better.
            places.clear()
            faults.clear()
        value = read(loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f"{file}:{line + mark.line}" if mark else file
        return None, {}, [Fault(at, f"this is not valid YAML: {error.problem}")]
    except RecursionError:
        return (
            None,
            {},
            [Fault(f"{file}:{line}", "this is not valid YAML: it is nested too deeply")],
        )
    except (yaml.YAMLError, ValueError) as error:
        return (
            None,
            {},
            [Fault(f"{file}:{line}", f"this is not valid YAML: {str(error).splitlines()[0]}")],
        )
    return value, places, faults


def _fast(text: str, loader: type[Any]) -> type[Any] | None:
    """The loader in C of the same name, for a text in which nothing can be nested too deeply for it."""
    return getattr(yaml, f"C{loader.__name__}", None) if len(text) < SHORT else None


def read_checked(
    file: Path,
    allowed: Mapping[str, Any],
    more: Callable[[Any, Places], Iterator[Fault]],
    loader: type[Any] = yaml.SafeLoader,
) -> Any:
    """The content of a YAML file that holds what it may, and nothing else.

    Parameters
    ----------
    file
        The file.
    allowed
        Keys with their types, as for :func:`check_mapping`.
    more
        Finds what else is wrong with a content whose keys and types are right; it is given the line
        of each key, too.
    loader
        As for :func:`read_yaml`.

    Raises
    ------
    ValidityError
        When the file cannot be read, or with everything that is wrong in it.
    """
    name = shown(file.name, 100)
    try:
        # What is no file, as a device, may have no end.
        if file.exists() and not file.is_file():
            raise ValidityError(f"{name} cannot be read: it is not a file")
        if file.is_file() and file.stat().st_size > LARGEST:
            raise ValidityError(f"{name} cannot be read: it has more than {LARGEST:,} bytes")
        text = file.read_text(encoding="utf-8")
    except ValidityError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ValidityError(f"{name} cannot be read: {shown(reason, 200)}") from error
    content, places, faults = read_yaml(text, name, loader=loader)
    faults = faults or check_mapping(content, allowed, places, name)
    faults = faults or list(more(content, places))
    if faults:
        count = f"{len(faults)} fault{'s' * (len(faults) > 1)}"
        raise ValidityError(f"{name} cannot be used: {count}", faults)
    return content


def check_mapping(
    value: Any,
    allowed: Mapping[str, Any],
    places: Places,
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
    inside = f"'{shown('.'.join(map(str, path)), 100)}'" if path else "the file"
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
                    f"the key '{shown(str(key))}' is not one that this book may use",
                    nearest(str(key), allowed),
                )
            )
            continue
        kind = allowed[key]
        if callable(kind):
            faults += kind(given, places, file, here)
        elif isinstance(kind, dict):
            faults += check_mapping(given, kind, places, file, here)
        elif isinstance(kind, list):
            if not isinstance(given, list) or not given:
                faults.append(Fault(at, f"'{key}' must be a list"))
                continue
            for index, item in enumerate(given):
                faults += check_mapping(item, kind[0], places, file, (*here, index))
        elif not kind[1](given):
            faults.append(
                Fault(at, f"'{key}' is {shown(repr(given), 100)}", f"it must be {kind[0]}")
            )
    return faults
