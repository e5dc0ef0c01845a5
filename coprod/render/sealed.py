"""Files of what was made before. Each is sealed by its hash and name: a damaged or a foreign one counts as none."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from coprod.render.keys import text_hash
from coprod.render.place import write_sealed

__all__ = ["load", "save"]


def load(file: Path) -> Any:
    """What was saved, or None where it is not there, cannot be read or is not as it was saved.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "numbers.json"
    ...     save(file, [1, 2])
    ...     before = load(file)
    ...     copied = file.with_name("letters.json").write_text(file.read_text())
    ...     changed = file.write_text(file.read_text().replace("2", "3"))
    ...     before, load(file), load(file.with_name("letters.json"))
    ([1, 2], None, None)
    """
    try:
        if not file.is_file():
            return None
        seal, _, content = file.read_text(encoding="utf-8").partition("\n")
        return json.loads(content) if seal == _seal(file, content) else None
    except (OSError, ValueError):
        return None


def save(file: Path, content: Any) -> None:
    """Save what JSON can hold; silently not where nothing can be written."""
    text = json.dumps(content)
    with suppress(OSError):
        write_sealed(file, f"{_seal(file, text)}\n{text}")


def _seal(file: Path, content: str) -> str:
    return text_hash(f"{file.name}\n{content}")
