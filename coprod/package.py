"""The package for an archive: source, data, the built book and checksums in one file.

The same commit and book give the same bytes anywhere: names are sorted, times are the commit's,
rights are git's, and nothing is compressed, since compressors differ from one version to the next.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import subprocess
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path

import yaml

from coprod.crate import CRATE, crate_text
from coprod.errors import CoprodError, Fault
from coprod.paths import PROJECT
from coprod.render.project import open_book
from coprod.render.provenance import RECORD, Provenance, gather

__all__ = ["CHECKSUMS", "package"]

CHECKSUMS = "SHA256SUMS"
EXECUTABLE, PLAIN = 0o100755, 0o100644
SHOWN = 5


def package(out: Path | None = None, project: Path = PROJECT) -> Path:
    """Write the package of a clean project whose book was built from its commit.

    Parameters
    ----------
    out
        The file to write; by default `dist/coprod-VERSION.zip` in the project's folder.
    project
        The project's folder, a git repository.

    Returns
    -------
    Path
        The zip file. All of it is in one folder, `coprod-VERSION/`: every file of the commit, the
        book, `ro-crate-metadata.json` with the book's files, and `SHA256SUMS`.

    Raises
    ------
    CoprodError
        When a file is not as committed, when there is no book of this commit, or when the file
        cannot be written. Nothing is written then.
    """
    project = project.resolve()
    book = open_book(project)
    source = gather(project, engine="")
    faults = _not_clean(project, source) or _not_built(book.output, book.pdf_name, source)
    if faults or source.epoch is None:
        raise CoprodError("the package cannot be made", faults)

    moment = datetime.datetime.fromtimestamp(source.epoch, datetime.UTC)
    rights = _tracked(project)
    files = {name: (project / name).read_bytes() for name in rights}
    for path in book.output.rglob("*"):
        if path.is_file():
            files[path.relative_to(project).as_posix()] = path.read_bytes()
    files[CRATE] = crate_text(project, book.output, moment.date().isoformat()).encode("utf-8")
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    lines = [f"{checksum}  {name}\n" for name, checksum in sorted(sums.items())]
    files[CHECKSUMS] = "".join(lines).encode("utf-8")

    version = yaml.safe_load((project / "CITATION.cff").read_text(encoding="utf-8"))["version"]
    top = f"coprod-{version}"
    target = (out or project / "dist" / f"{top}.zip").absolute()
    _write(target, {f"{top}/{name}": files[name] for name in files}, rights, moment)
    return target


def _not_clean(project: Path, source: Provenance) -> list[Fault]:
    """What keeps the source from being that of a commit."""
    if source.clean is None:
        return [Fault(str(project), "this is no git repository", "package a clone of the project")]
    if source.clean:
        return []
    status = _git(project, "status", "--porcelain", "-z", "--no-renames")
    names = [entry[3:] for entry in status]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    what = f"not as committed: {', '.join(names[:SHOWN])}{more}"
    return [Fault("", what, "commit or remove what has changed, then run 'make render'")]


def _not_built(built: Path, pdf: str, source: Provenance) -> list[Fault]:
    """What keeps a book from being that of the commit."""

    def fault(what: str) -> list[Fault]:
        return [Fault(built.name, what, "run 'make render'")]

    try:
        record = json.loads((built / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return fault("there is no finished book")
    if record["commit"] != source.commit or not record["clean"]:
        return fault("the book was built from another state of the project")
    if record["panel"] is not None:
        return fault("the book was built on another panel than the one that comes with it")
    if not all((built / name).is_file() for name in ("index.html", pdf)):
        return fault("the book lacks its website or its PDF")
    return []


def _tracked(project: Path) -> dict[str, int]:
    """Every file of the commit, with the rights that git keeps."""
    entries = (entry.split("\t", 1) for entry in _git(project, "ls-files", "--stage", "-z"))
    return {name: int(mode.split()[0], 8) for mode, name in entries}


def _git(project: Path, *arguments: str) -> list[str]:
    run = subprocess.run(
        ["git", "-C", str(project), *arguments], capture_output=True, encoding="utf-8", check=True
    )
    return run.stdout.split("\0")[:-1]


def _write(
    target: Path, files: dict[str, bytes], rights: dict[str, int], moment: datetime.datetime
) -> None:
    """Write the zip file whole, or not at all."""
    temporary = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, suffix=".part")
        with os.fdopen(handle, "wb") as stream, zipfile.ZipFile(stream, "w") as archive:
            for name in sorted(files):
                entry = zipfile.ZipInfo(name, moment.timetuple()[:6])
                entry.create_system = 3  # Unix, so that the rights are read
                mode = rights.get(name.partition("/")[2], PLAIN)
                entry.external_attr = (EXECUTABLE if mode == EXECUTABLE else PLAIN) << 16
                archive.writestr(entry, files[name])
        Path(temporary).chmod(PLAIN & 0o777)
        Path(temporary).replace(target)
    except OSError as error:
        said = error.strerror or str(error)
        raise CoprodError("the package cannot be written", [Fault(str(target), said)]) from None
    finally:
        if temporary:
            with suppress(OSError):
                Path(temporary).unlink()
