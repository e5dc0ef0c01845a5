"""The package for an archive: the same bytes anywhere, whole, and refused where it would mislead."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from coprod.cli import run
from coprod.errors import CoprodError
from coprod.package import CHECKSUMS, package
from coprod.paths import PROJECT
from coprod.render.build import render
from coprod.render.project import open_book
from coprod.render.provenance import RECORD, gather, write_record
from tests.books import write_book

TOP = "coprod-0.1.0/"


def git(folder: Path, *arguments: str) -> str:
    person = ["-c", "user.name=A Reader", "-c", "user.email=reader@example.org"]
    command = ["git", "-C", str(folder), *person, *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return run.stdout.strip()


def clone(folder: Path) -> Path:
    """This project as committed, with a small stand-in for its book."""
    git(PROJECT, "clone", "--quiet", "--no-hardlinks", str(PROJECT), str(folder))
    book = open_book(folder)
    (book.output / "chapters" / "é").mkdir(parents=True)
    (book.output / "index.html").write_text("<h1>A page</h1>\n", encoding="utf-8")
    (book.output / book.pdf_name).write_bytes(b"%PDF-1.7\n")
    (book.output / "chapters" / "é" / "fig-x-1.svg").write_text("<svg/>\n", encoding="utf-8")
    write_record(gather(folder, "an engine"), book.output)
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clone(tmp_path_factory.mktemp("one") / "project")


@pytest.fixture(scope="module")
def archive(project: Path) -> Path:
    return package(project=project)


def content(archive: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as opened:
        return {name.removeprefix(TOP): opened.read(name) for name in opened.namelist()}


def test_folder_time_zone_locale_and_umask_do_not_change_a_byte(
    archive: Path, tmp_path: Path
) -> None:
    elsewhere = clone(tmp_path / "ein anderer Ordner é")
    for path in elsewhere.rglob("*"):
        os.utime(path, (1e9, 1e9))
    for path in [elsewhere / "README.md", open_book(elsewhere).output / "index.html"]:
        path.chmod(0o600)
    out = tmp_path / "out" / "package.zip"
    changed = {"TZ": "Pacific/Kiritimati", "LC_ALL": "C", "HOME": str(tmp_path), "USER": "someone"}
    command = [sys.executable, "-m", "coprod", "package", "--project", str(elsewhere)]
    subprocess.run(
        [*command, "--out", str(out)],
        cwd=tmp_path,
        env=os.environ | changed,
        umask=0o077,
        check=True,
        capture_output=True,
    )
    assert out.read_bytes() == archive.read_bytes()
    assert stat.S_IMODE(out.stat().st_mode) == 0o644


def test_it_holds_every_file_of_the_commit_and_of_the_book_and_nothing_else(
    archive: Path, project: Path
) -> None:
    found = content(archive)
    book = open_book(project).output
    tracked = set(git(project, "-c", "core.quotepath=off", "ls-files").splitlines())
    built = {path.relative_to(project).as_posix() for path in book.rglob("*") if path.is_file()}
    assert set(found) == tracked | built | {CHECKSUMS, "ro-crate-metadata.json"}
    assert not {name.split("/")[0] for name in found} & {".venv", ".git", ".cache", "dist"}
    for name in (tracked | built) - {"ro-crate-metadata.json"}:
        assert found[name] == (project / name).read_bytes(), name


def test_its_names_times_and_rights_are_fixed(archive: Path, project: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        assert opened.testzip() is None
        entries = opened.infolist()
    names = [entry.filename for entry in entries]
    assert names == sorted(names)
    assert all(name.startswith(TOP) for name in names)
    *moment, second = time.gmtime(int(git(project, "log", "-1", "--format=%ct")))[:6]
    assert {entry.date_time for entry in entries} == {(*moment, second // 2 * 2)}
    rights = {entry.filename.removeprefix(TOP): entry.external_attr >> 16 for entry in entries}
    assert rights[".ci/run"] == 0o100755
    assert rights["README.md"] == rights["_book/index.html"] == 0o100644
    assert {entry.compress_type for entry in entries} == {zipfile.ZIP_STORED}


def test_its_checksums_are_right(archive: Path) -> None:
    found = content(archive)
    lines = found.pop(CHECKSUMS).decode("utf-8").splitlines()
    sums = {name: checksum for checksum, name in (line.split("  ", 1) for line in lines)}
    assert sums == {name: hashlib.sha256(text).hexdigest() for name, text in found.items()}


def test_unpacked_it_works(archive: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(tmp_path)
    folder = tmp_path / TOP
    command = [sys.executable, "-m", "coprod", "lint"]
    lint = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert "keep to the contract" in lint.stdout
    with pytest.raises(CoprodError, match="this is no git repository"):
        package(project=folder)


def refusal(project: Path, tmp_path: Path) -> str:
    out = tmp_path / "none.zip"
    with pytest.raises(CoprodError) as raised:
        package(out, project)
    assert not out.exists()
    assert raised.value.summary == "the package cannot be made"
    assert len(raised.value.faults) == 1
    return str(raised.value)


def test_a_changed_or_a_new_file_is_named(project: Path, tmp_path: Path) -> None:
    readme = project / "README.md"
    before = readme.read_bytes()
    for number in range(7):
        (project / f"new {number}.txt").write_text("new")
    readme.write_bytes(before + b"more")
    try:
        said = refusal(project, tmp_path)
    finally:
        readme.write_bytes(before)
        for path in project.glob("new *.txt"):
            path.unlink()
    assert "not as committed: README.md, new 0.txt" in said
    assert "and 3 more" in said
    assert "commit or remove" in said
    package(tmp_path / "again.zip", project)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"commit": "0" * 40}, "another state"),
        ({"clean": False}, "another state"),
        ({"panel": "ours.csv"}, "another panel"),
    ],
)
def test_a_book_of_something_else_is_refused(
    project: Path, tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    record = open_book(project).output / RECORD
    before = record.read_text(encoding="utf-8")
    record.write_text(json.dumps(json.loads(before) | changes), encoding="utf-8")
    try:
        refused = refusal(project, tmp_path)
    finally:
        record.write_text(before, encoding="utf-8")
    assert said in refused
    assert "run 'make render'" in refused


def test_without_a_whole_book_it_is_refused_in_one_message(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    book = open_book(project)
    (book.output / book.pdf_name).rename(tmp_path / "paper.pdf")
    try:
        assert "lacks its website or its PDF" in refusal(project, tmp_path)
    finally:
        (tmp_path / "paper.pdf").rename(book.output / book.pdf_name)
    shutil.move(book.output, tmp_path / "book")
    try:
        assert "there is no finished book" in refusal(project, tmp_path)
        assert run(["package", "--project", str(project)]) == 2
    finally:
        shutil.move(tmp_path / "book", book.output)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "Error: the package cannot be made",
        "  _book: there is no finished book; run 'make render'",
    ]


def test_one_that_cannot_be_written_leaves_the_old_one(project: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CoprodError, match="cannot be written"):
        package(tmp_path / "file" / "package.zip", project)
    (tmp_path / "folder").mkdir()
    with pytest.raises(CoprodError, match="cannot be written"):
        package(tmp_path / "folder", project)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_a_built_book_says_what_it_was_made_from(tmp_path: Path) -> None:
    folder = write_book(tmp_path / "book")
    (folder / ".gitignore").write_text("/_book/\n/._book*\n")
    git(tmp_path, "init", "--quiet", str(folder))
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "A small book")
    built = render(folder, "embedded", "html")
    record = json.loads((built.out / RECORD).read_text(encoding="utf-8"))
    assert record["commit"] == git(folder, "rev-parse", "HEAD")
    assert record["clean"] is True
    assert record["panel"] is None
    assert record["engine"] == built.engine
    (folder / "index.qmd").write_text("# Another preface {.unnumbered}\n\nA page.\n")
    built = render(folder, "embedded", "html")
    assert json.loads((built.out / RECORD).read_text(encoding="utf-8"))["clean"] is False
