"""The preview serves the site on this machine only, follows its files, and outlives an error."""

from __future__ import annotations

import shutil
import threading
import time
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from coprod.errors import BookError
from coprod.render.preview import serve
from tests.books import FILES, WORDS, write_book


class Preview:
    """A preview in a thread, and all that it says."""

    def __init__(self, project: Path) -> None:
        self.said: list[str] = []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=serve, args=(project, 0, self.said.append, self.stop))

    def __enter__(self) -> Preview:
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop.set()
        self.thread.join(60)

    def wait(self, words: str, after: int = 0) -> str:
        """The first sentence after the given number that holds some words."""
        for _ in range(600):
            for sentence in self.said[after:]:
                if words in sentence:
                    return sentence
            time.sleep(0.1)
        raise AssertionError(f"{words!r} was never said: {self.said}")


def test_the_preview_follows_an_edit_and_says_what_is_wrong(tmp_path: Path) -> None:
    project = write_book(tmp_path)
    chapter = project / "chapters/one.qmd"
    with Preview(project) as preview:
        root = preview.wait("Open http").split()[1]
        assert root.startswith("http://127.0.0.1:")

        def page() -> str:
            with urllib.request.urlopen(f"{root}chapters/one.html") as answer:
                assert answer.headers["Cache-Control"] == "no-store"
                return str(answer.read().decode())

        assert "See" in page()
        seen = len(preview.said)
        chapter.write_text(FILES["chapters/one.qmd"] + "\nA new sentence.\n")
        preview.wait("Made in", seen)
        assert "A new sentence." in page()
        seen = len(preview.said)
        chapter.write_text(FILES["chapters/one.qmd"] + "\n{{< video x >}}\n")
        assert "chapters/one.qmd:12" in preview.wait("Error", seen)
        assert "A new sentence." in page()
        seen = len(preview.said)
        chapter.write_text(FILES["chapters/one.qmd"] + "\nMended.\n")
        preview.wait("Made in", seen)
        assert "Mended." in page()


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    project = write_book(tmp_path)
    with Preview(project) as preview:
        port = int(preview.wait("Open http").split("/")[2].split(":")[1])
        with pytest.raises(BookError, match=f"port {port}"):
            serve(project, port, lambda sentence: None, threading.Event())


@pytest.mark.browser
def test_the_open_page_follows_and_shows_what_is_wrong(tmp_path: Path) -> None:
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    if not executable:
        pytest.skip("no Chromium on the PATH")
    project = write_book(tmp_path, one=WORDS)
    chapter = project / "chapters/one.qmd"
    with Preview(project) as preview, sync_playwright() as playwright:
        root = preview.wait("Open http").split()[1]
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"{root}chapters/one.html")
        chapter.write_text(f"{WORDS}\nA new sentence.\n")
        expect(page.get_by_text("A new sentence.")).to_be_visible(timeout=20_000)
        chapter.write_text(f"{WORDS}\nSee @fig-nowhere.\n")
        error = page.get_by_role("alert")
        expect(error).to_contain_text("chapters/one.qmd:12", timeout=20_000)
        expect(error).to_contain_text("@fig-nowhere")
        expect(page.get_by_text("A new sentence.")).to_be_visible()
        # Whoever loads the page now is told as well, and so is whoever asks for one that is not there.
        page.reload()
        expect(page.get_by_role("alert")).to_contain_text("chapters/one.qmd:12")
        chapter.write_text(f"{WORDS}\nMended.\n")
        expect(page.get_by_text("Mended.")).to_be_visible(timeout=20_000)
        expect(page.get_by_role("alert")).to_have_count(0)
        answer = page.goto(f"{root}chapters/none.html")
        assert answer is not None and answer.status == 404
        browser.close()
    assert "coprod-changes" not in (project / "_book/chapters/one.html").read_text()
