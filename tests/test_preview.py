"""The preview serves the site on this machine only, follows its files at once, and outlives an error."""

from __future__ import annotations

import os
import re
import shutil
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from coprod.errors import BookError
from coprod.render.preview import serve
from coprod.render.watch import Watch
from tests.books import CONFIG, FILES, WORDS, write_book

CONFORMANCE = Path(__file__).parent / "conformance" / "book"
PATIENCE = 180_000
"""Milliseconds: far more than is wanted, since other tests may keep the processors busy."""


class Preview:
    """A preview in a thread, and all that it says."""

    def __init__(self, project: Path) -> None:
        self.said: list[str] = []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=serve, args=(project, 0, self.said.append, self.stop))

    def __enter__(self) -> Preview:
        self.thread.start()
        self.root = self.wait("Open http").split()[1]
        self.wait("Made in")
        return self

    def __exit__(self, *error: object) -> None:
        self.stop.set()
        self.thread.join(60)

    def wait(self, words: str, after: int = 0) -> str:
        """The first sentence after the given number that holds some words."""
        for _ in range(30_000):
            for sentence in self.said[after:]:
                if words in sentence:
                    return sentence
            time.sleep(0.01)
        raise AssertionError(f"{words!r} was never said: {self.said}")

    def read(self, page: str) -> str:
        with urllib.request.urlopen(f"{self.root}{page}") as answer:
            assert answer.headers["Cache-Control"] == "no-store"
            return str(answer.read().decode())


def test_the_preview_follows_an_edit_and_says_what_is_wrong(tmp_path: Path) -> None:
    project = write_book(tmp_path)
    chapter = project / "chapters/one.qmd"
    with Preview(project) as preview:
        assert preview.root.startswith("http://127.0.0.1:")
        assert "See" in preview.read("chapters/one.html")
        seen = len(preview.said)
        chapter.write_text(FILES["chapters/one.qmd"] + "\nA new sentence.\n")
        assert preview.wait("Made in", seen).startswith("chapters/one.qmd: ")
        assert "A new sentence." in preview.read("chapters/one.html")
        seen = len(preview.said)
        chapter.write_text(FILES["chapters/one.qmd"] + "\n{{< video x >}}\n")
        assert "chapters/one.qmd:12" in preview.wait("Error", seen)
        assert "A new sentence." in preview.read("chapters/one.html")
        seen = len(preview.said)
        chapter.write_text(FILES["chapters/one.qmd"] + "\nMended.\n")
        preview.wait("Made in", seen)
        assert "Mended." in preview.read("chapters/one.html")
        assert not list((project / "_book").glob("*.pdf"))


def test_it_says_when_it_is_itself_out_of_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from coprod.render import preview as module

    project = write_book(tmp_path, one=WORDS)
    with Preview(project) as preview:
        for now in (False, True):
            monkeypatch.setattr(module, "outdated", lambda now=now: now)
            seen = len(preview.said)
            (project / "chapters/one.qmd").write_text(f"{WORDS}\nA sentence, {now}.\n")
            preview.wait("Made in", seen)
            if not now:
                time.sleep(0.2)
                assert not any("start again" in said for said in preview.said)
        preview.wait("start again", seen)


def test_a_new_chapter_comes_and_a_deleted_one_goes(tmp_path: Path) -> None:
    project = write_book(tmp_path, one=WORDS)
    with Preview(project) as preview:
        # First what names it, as somebody would, and then what it names.
        seen = len(preview.said)
        new = CONFIG.replace(
            "    - chapters/one.qmd\n", "    - chapters/one.qmd\n    - chapters/two.qmd\n"
        )
        (project / "_quarto.yml").write_text(new)
        assert "'chapters/two.qmd' does not exist" in preview.wait("Error", seen)
        seen = len(preview.said)
        (project / "chapters/two.qmd").write_text("# Two {#sec-two}\n\nA second chapter.\n")
        preview.wait("Made in", seen)
        assert "A second chapter." in preview.read("chapters/two.html")
        seen = len(preview.said)
        (project / "_quarto.yml").write_text(CONFIG)
        preview.wait("Made in", seen)
        with pytest.raises(urllib.error.HTTPError) as caught:
            preview.read("chapters/two.html")
        assert caught.value.code == 404
        page = caught.value.read().decode()
        assert "The book has no page of this name" in page
        assert "coprod-changes" in page


def test_an_edit_while_a_build_goes_on_is_for_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from coprod.render import preview as module

    project = write_book(tmp_path, one=WORDS)
    chapter = project / "chapters/one.qmd"
    started, go_on = threading.Event(), threading.Event()
    render = module.render

    def slow(*given: object, **more: object) -> object:
        made = render(*given, **more)  # type: ignore[arg-type]
        started.set()
        go_on.wait(60)
        return made

    monkeypatch.setattr(module, "render", slow)
    go_on.set()
    with Preview(project) as preview:
        started.clear()
        go_on.clear()
        seen = len(preview.said)
        chapter.write_text(f"{WORDS}\nThe first edit.\n")
        assert started.wait(60)
        chapter.write_text(f"{WORDS}\nThe second edit.\n")
        go_on.set()
        preview.wait("Made in", seen)
        preview.wait("Made in", seen + 1)
        assert "The second edit." in preview.read("chapters/one.html")


def test_a_port_that_is_taken_is_said_before_anything_is_built(tmp_path: Path) -> None:
    project = write_book(tmp_path / "one", one=WORDS)
    other = write_book(tmp_path / "two", one=WORDS)
    with Preview(project) as preview:
        port = int(preview.root.split(":")[2].strip("/"))
        with pytest.raises(BookError, match=f"port {port}.*0 for a free one"):
            serve(other, port, lambda sentence: None, threading.Event())
    assert not (other / "_book").exists()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[tuple[Path, Watch, threading.Event]]:
    for name in ("a.qmd", "data/b.csv", "_book/c.html", ".cache/d.yml", "e.swp"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("old")
    stop = threading.Event()
    timer = threading.Timer(20, stop.set)
    timer.start()
    yield tmp_path, Watch([tmp_path], [], [tmp_path / "_book"]), stop
    timer.cancel()


def test_every_way_to_change_a_file_is_noticed(
    watched: tuple[Path, Watch, threading.Event],
) -> None:
    folder, watch, stop = watched
    chapter, written = folder / "a.qmd", (folder / "a.qmd").stat()
    chapter.write_text("new")
    assert watch.changed(stop) == [chapter]
    # As editors do: a new file takes the place of the old, here with its size and its time.
    (folder / "a.qmd~").write_text("abc")
    os.utime(folder / "a.qmd~", ns=(written.st_atime_ns, chapter.stat().st_mtime_ns))
    (folder / "a.qmd~").replace(chapter)
    assert watch.changed(stop) == [chapter]
    (folder / "new").mkdir()
    (folder / "new" / "f.qmd").write_text("")
    chapter.unlink()
    assert watch.changed(stop) == [chapter, folder / "new" / "f.qmd"]
    assert not stop.is_set()


def test_what_is_no_source_is_not_noticed(watched: tuple[Path, Watch, threading.Event]) -> None:
    folder, watch, stop = watched
    for name in ("_book/c.html", ".cache/d.yml", "e.swp", ".#a.qmd"):
        (folder / name).write_text("new")
    (folder / "data" / "__pycache__").mkdir()
    (folder / "data" / "__pycache__" / "x.py").write_text("")
    threading.Timer(0.5, stop.set).start()
    assert watch.changed(stop) == []


def test_a_file_that_is_still_being_written_is_waited_for(
    watched: tuple[Path, Watch, threading.Event],
) -> None:
    folder, watch, stop = watched
    chapter = folder / "a.qmd"

    def write() -> None:
        with chapter.open("w") as file:
            for _ in range(40):
                file.write("a word ")
                file.flush()
                time.sleep(0.01)

    writer = threading.Thread(target=write)
    writer.start()
    assert watch.changed(stop) == [chapter]
    assert not writer.is_alive() or chapter.stat().st_size > 7 * 30
    writer.join()


@pytest.fixture
def page() -> Iterator[Page]:
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    if not executable:
        pytest.skip("no Chromium on the PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser.new_page(viewport={"width": 800, "height": 500})
        browser.close()


@pytest.mark.browser
def test_the_open_page_follows_and_shows_what_is_wrong(tmp_path: Path, page: Page) -> None:
    long = WORDS + "\n\nA paragraph.\n" * 60
    project = write_book(tmp_path, one=long)
    chapter = project / "chapters/one.qmd"
    with Preview(project) as preview:
        page.goto(f"{preview.root}chapters/one.html")
        page.evaluate("window.scrollTo({top: 900, behavior: 'instant'})")
        chapter.write_text(f"{long}\nA new sentence.\n")
        expect(page.get_by_text("A new sentence.")).to_be_attached(timeout=PATIENCE)
        page.wait_for_function("Math.abs(window.scrollY - 900) < 2", timeout=PATIENCE)
        chapter.write_text(f"{WORDS}\nSee @fig-nowhere.\n")
        error = page.get_by_role("alert")
        expect(error).to_contain_text("chapters/one.qmd:12", timeout=PATIENCE)
        expect(error).to_contain_text("@fig-nowhere")
        expect(page.get_by_text("A new sentence.")).to_be_attached()
        # Whoever loads the page now is told as well, and so is whoever asks for one that is not there.
        page.reload()
        expect(page.get_by_role("alert")).to_contain_text("chapters/one.qmd:12")
        chapter.write_text(f"{WORDS}\nMended.\n")
        expect(page.get_by_text("Mended.")).to_be_visible(timeout=PATIENCE)
        expect(page.get_by_role("alert")).to_have_count(0)
        # A page that goes away says so, and one that comes shows itself.
        (project / "_quarto.yml").write_text(CONFIG.replace("    - chapters/one.qmd\n", ""))
        (project / "index.qmd").write_text("# Preface {.unnumbered}\n")
        expect(page.get_by_role("heading")).to_have_text("There is no such page", timeout=PATIENCE)
        (project / "_quarto.yml").write_text(CONFIG)
        expect(page.get_by_text("Mended.")).to_be_visible(timeout=PATIENCE)
    assert "coprod-changes" not in (project / "_book/chapters/one.html").read_text()


@pytest.mark.browser
def test_from_an_edit_of_prose_to_the_page_that_shows_it(
    tmp_path: Path, page: Page, capsys: pytest.CaptureFixture[str]
) -> None:
    """How long it takes on the conformance book; two seconds are wanted of a machine with nothing else to do."""
    project = tmp_path / "book"
    shutil.copytree(CONFORMANCE, project)
    chapter = project / "chapters/one.qmd"
    text = chapter.read_text(encoding="utf-8")
    seconds, builds = [], []
    with Preview(project) as preview:
        page.goto(f"{preview.root}chapters/one.html")
        for turn in range(3):
            seen = len(preview.said)
            started = time.monotonic()
            chapter.write_text(f"{text}\nSentence number {turn}.\n", encoding="utf-8")
            page.get_by_text(f"Sentence number {turn}.").wait_for(timeout=PATIENCE)
            seconds.append(time.monotonic() - started)
            made = re.search(r"Made in ([\d.]+) s", preview.wait("Made in", seen))
            assert made
            builds.append(float(made[1]))
        assert len(preview.said) == 5  # each edit is built once, and only once
    with capsys.disabled():
        best = min(seconds)
        print(
            f"\nFrom an edit to the page: {best:.2f} s, of which the build {builds[seconds.index(best)]} s"
        )
