"""Takes chapters through Pandoc and its Lua filters: those alone whose text, or what it rests on, has changed.

What a chapter's text rests on of the others is small: their numbers, labels, ids and the works that they
cite, which is called a chapter's face. Kept texts count only while the faces of all chapters stay, and
with them the bibliography, the filters and Pandoc. Anything in doubt is converted anew.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coprod.errors import BookError, Fault
from coprod.render import sealed
from coprod.render.engine import PANDOC
from coprod.render.keys import file_hash, text_hash

__all__ = ["FOLDER", "run_pandoc"]

FOLDER = Path(".cache") / "converted"
FILTERS = Path(__file__).parent / "filters"


def run_pandoc(job: Mapping[str, Any], kept: Path | None = None) -> dict[str, Any]:
    """Convert the chapters of a book.

    Parameters
    ----------
    job
        What `filters/book.lua` reads: ``target``, ``lang``, ``bibliography`` and ``chapters``.
    kept
        The file that holds what an earlier build converted for the same target, and will hold what
        this one does; by default all is converted.

    Returns
    -------
    dict
        ``faults``, and the parts of each chapter under ``chapters`` if there are none.

    Raises
    ------
    BookError
        When Pandoc fails.
    """
    setting = _setting(job)
    keys = [text_hash(json.dumps(chapter)) for chapter in job["chapters"]]
    before = (kept and sealed.load(kept)) or {}
    result = None
    # The face that others see of a chapter can also come from its place in the book.
    places = [chapter["source"] for chapter in job["chapters"]]
    if before and before["setting"] == setting and before["places"] == places:
        result = _with_known(job, keys, before)
    if result is None:
        result = _converted(job)
    if kept and not result["faults"]:
        parts = {name: result[name] for name in ("chapters", "faces", "citations")}
        sealed.save(kept, {"setting": setting, "places": places, "keys": keys, **parts})
    return result


def _with_known(
    job: Mapping[str, Any], keys: list[str], before: Mapping[str, Any]
) -> dict[str, Any] | None:
    """The result where chapters that are as before are not converted; None where all must be."""
    same = [key == old for key, old in zip(keys, before["keys"], strict=True)]
    if all(same):
        return {"faults": [], **before}
    if not any(same):
        return None
    names = ("source", "path", "appendix")
    chapters = [
        {name: chapter[name] for name in names} | {"known": face} if known else chapter
        for chapter, face, known in zip(job["chapters"], before["faces"], same, strict=True)
    ]
    result = _converted({**job, "chapters": chapters, "citations": before["citations"]})
    if result["faults"] or result["faces"] != before["faces"]:
        return None
    result["chapters"] = [
        made or old for made, old in zip(result["chapters"], before["chapters"], strict=True)
    ]
    return result


def _setting(job: Mapping[str, Any]) -> str:
    """All that a conversion rests on but the chapters."""
    rest = {name: value for name, value in job.items() if name != "chapters"}
    files = [
        Path(__file__),
        *sorted(FILTERS.glob("*.lua")),
        *([Path(job["bibliography"])] * bool(job["bibliography"])),
    ]
    state = PANDOC.stat()
    return text_hash(
        json.dumps([rest, [file_hash(file) for file in files], state.st_size, state.st_mtime_ns])
    )


def _converted(job: Mapping[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="coprod-") as temporary:
        given, made = Path(temporary) / "job.json", Path(temporary) / "result.json"
        given.write_text(json.dumps(job), encoding="utf-8")
        command = [str(PANDOC), "lua", str(FILTERS / "book.lua"), str(given), str(made)]
        # In a locale without UTF-8, Pandoc would not find its filters in a folder named in other letters.
        # With more memory for what is new, it looks less often for what is no longer needed, a fifth of its time
        # for a whole book; for some chapters, to be given so much takes longer.
        some = any("known" in chapter for chapter in job["chapters"])
        run = subprocess.run(
            command,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
            env=os.environ | {"LC_ALL": "C.UTF-8", "GHCRTS": "-A32m" if some else "-A256m"},
        )
        if run.returncode or not made.exists():
            said = run.stderr.strip().splitlines() or ["it said nothing"]
            raise BookError(
                "Pandoc could not convert the book", [Fault("", line) for line in said[:8]]
            )
        result: dict[str, Any] = json.loads(made.read_text(encoding="utf-8"))
    return result
