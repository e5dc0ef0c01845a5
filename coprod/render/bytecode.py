"""Lets Python know compiled modules by the content of their sources, so that none that is stale is run.

By itself it trusts what it has compiled while the source's time and size stay. They do when a number of as many
digits is edited within the second, when a clock is set back, and when a copy keeps its times.
"""

from __future__ import annotations

import contextlib
import importlib.util
import py_compile
import sys
from collections.abc import Iterable
from pathlib import Path

__all__ = ["know_by_content"]

BY_CONTENT = 0b1
"""The mark of such a compiled module, in its second four bytes."""


def know_by_content(sources: Iterable[Path], all_of_them: bool = True) -> None:
    """Compile those of some modules that are not known by content; Python then keeps them so.

    Where nothing can be written, or a module cannot be compiled, all stays as it is.

    Parameters
    ----------
    sources
        The modules' files.
    all_of_them
        Whether those are meant, too, that have not been compiled yet.
    """
    if sys.dont_write_bytecode:
        return
    for source in sources:
        compiled = Path(importlib.util.cache_from_source(source))
        if (all_of_them or compiled.exists()) and not _is_by_content(compiled):
            with contextlib.suppress(OSError, py_compile.PyCompileError, ValueError):
                py_compile.compile(
                    str(source),
                    doraise=True,
                    invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH,
                )


def _is_by_content(compiled: Path) -> bool:
    try:
        with compiled.open("rb") as file:
            head = file.read(8)
    except OSError:
        return False
    magic = importlib.util.MAGIC_NUMBER
    return head.startswith(magic) and bool(head[len(magic)] & BY_CONTENT)
