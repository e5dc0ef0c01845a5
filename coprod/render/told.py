"""What a build tells the kernels of its chapters, piece by piece.

Each piece that a chapter asks for is noted, so that its results are kept only while the piece stays.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["ASKED", "BUILD_VARIABLE", "READ_VARIABLE", "UNSEEN", "telling", "told"]

BUILD_VARIABLE = "COPROD_BUILD"
"""Where the file stands that holds the pieces."""
READ_VARIABLE = "COPROD_READ"
"""Where a kernel notes what its cells read."""
UNSEEN = "unseen"
"""What a kernel notes when its cells may read what it cannot note."""
ASKED = "coprod.told"
"""The audit event of asking for a piece."""


@contextmanager
def telling(pieces: Mapping[str, Any]) -> Iterator[None]:
    """Let the kernels that are started here know of each piece, by its name.

    By a file, since systems limit how long a variable may be, and a large book has much to tell.
    """
    before = os.environ.get(BUILD_VARIABLE)
    with tempfile.TemporaryDirectory(prefix="coprod-", ignore_cleanup_errors=True) as folder:
        file = Path(folder) / "told.json"
        file.write_text(json.dumps(pieces), encoding="utf-8")
        os.environ[BUILD_VARIABLE] = str(file)
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
    file = os.environ.get(BUILD_VARIABLE)
    return json.loads(Path(file).read_text(encoding="utf-8")).get(name) if file else None
