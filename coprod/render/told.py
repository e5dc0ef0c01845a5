"""What a build tells the kernels of its chapters, piece by piece.

Each piece that a chapter asks for is noted, so that its results are kept only while the piece stays.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

__all__ = ["ASKED", "BUILD_VARIABLE", "READ_VARIABLE", "telling", "told"]

BUILD_VARIABLE = "COPROD_BUILD"
READ_VARIABLE = "COPROD_READ"
"""Where a kernel notes what its cells read."""
ASKED = "coprod.told"
"""The audit event of asking for a piece."""


@contextmanager
def telling(pieces: Mapping[str, Any]) -> Iterator[None]:
    """Let the kernels that are started here know of each piece, by its name."""
    before = os.environ.get(BUILD_VARIABLE)
    os.environ[BUILD_VARIABLE] = json.dumps(pieces)
    try:
        yield
    finally:
        if before is None:
            del os.environ[BUILD_VARIABLE]
        else:
            os.environ[BUILD_VARIABLE] = before


def told(name: str) -> Any:
    """A piece, or None where no build is running.

    Examples
    --------
    >>> with telling({"engine": "a pen"}):
    ...     told("engine")
    'a pen'
    """
    sys.audit(ASKED, name)
    return json.loads(os.environ.get(BUILD_VARIABLE) or "{}").get(name)
