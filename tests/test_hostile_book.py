"""A small book with hostile texts in every way in: they show as typed, and nothing of them runs."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from bs4 import BeautifulSoup
from playwright.sync_api import sync_playwright
from pypdf import PdfReader

from coprod.cli import run
from coprod.errors import BookError
from coprod.importing.report import page as report_page
from coprod.labels import one_line, plain
from coprod.paths import PANEL, PROJECT
from coprod.render.build import render
from coprod.render.project import LONGEST, open_book
from tests.books import CONFIG, write_book
from tests.browsing import FLAGS, served
from tests.hostile import FLAG, SECRET, TEXTS, formulas, squeezed, unseen
from tests.test_build import fake_quarto

TITLE = (
    f'<script>window.{FLAG}=1</script> $x$ *b* {{{{< env HOME >}}}} \\input{{a}} #read("a") & "q"'
)
AUTHORS = [f"<img src=x onerror=window.{FLAG}=1>", '@nobody #eval("1/0")', "=1+1 [x](y) $"]
NAME = f"<img src=x onerror=window.{FLAG}=1> $x$ #read(1) *b* =1.csv"

ONE = "\n\n".join(
    [
        "# One {#sec-one}",
        """```{python}
#| include: false
import pandas as pd
from coprod import open_panel
from coprod.labels import label
from coprod.power import Trial
from coprod.show import claim_entries, notice, words
from coprod.show.explorer import explorer
from coprod.show.table import table
from coprod.show.theme import new_figure, sign
from tests.hostile import TEXTS, hostile

names = [label(text) for text in TEXTS]
real = open_panel()
panel = hostile(real)
frame = pd.DataFrame({"text": names, "number": range(len(names)), "more": names[::-1]})
claim = {"id": "c1", "chapter": "sec-one", "verdict": "supported", "reason": names[0], "built_in": False}
claim |= {"title": names[1], "claim": names[2], "note": names[25]}
```""",
        "```{python}\n#| echo: false\nnotice(panel)\n```",
        *(f"Text {at} is “`{{python}} words.safe(TEXTS[{at}])`” here." for at in range(len(TEXTS))),
        """```{python}
#| label: tbl-texts
#| tbl-cap: "Texts"
#| echo: false
heads = {"text": names[23], "number": names[23] + "2", "more": names[0]}
over = {names[23]: ["number"], names[17]: ["more"]}
table(frame, "texts", heads, formats={"number": 0}, stub="text", spanners=over, notes=names[:5], panel=panel)
```""",
        """```{python}
#| label: fig-texts
#| fig-cap: "Texts"
#| fig-alt: "Texts, one below the other."
#| echo: false
figure, [axes] = new_figure(16)
axes.set_yticks(range(len(names)), names)
sign(figure, panel, names[39])
```""",
        "```{python}\n#| echo: false\nclaim_entries(pd.DataFrame([claim]), panel)\n```",
        """::: {.content-visible when-format="html"}
```{python}
#| echo: false
explorer(Trial.of(real, "signup", adjustment="strata"), panel)
```
:::

See @tbl-texts and @fig-texts.
""",
    ]
)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small book with hostile texts in every place where a text can come in."""
    folder = tmp_path_factory.mktemp("hostile")
    project = write_book(folder / "project", one=ONE, config=CONFIG + "data-downloads: true\n")
    for place in (project, project / "chapters"):
        for name in ("secret", "secret.txt"):
            (place / name).write_text(SECRET, encoding="utf-8")
    panel = folder / NAME
    lines = PANEL.read_text(encoding="utf-8").replace("\nsynthetic,", "\nsurvey,").splitlines()
    panel.write_text("\n".join(lines), encoding="utf-8")
    before = dict(os.environ)
    os.environ["PYTHONPATH"] = str(PROJECT)
    arguments = ["render", "--project", str(project), "--engine", "embedded", "--quiet"]
    arguments += ["--panel", str(panel), "--title", TITLE, "--out", str(folder / "book")]
    try:
        assert (
            run([*arguments, "--authors", f"{AUTHORS[0]};{AUTHORS[1]}", "--authors", AUTHORS[2]])
            == 0
        )
    finally:
        os.environ.clear()
        os.environ.update(before)
    return folder / "book"


@pytest.fixture(scope="module")
def address(book: Path) -> Iterator[str]:
    """Where the book is served."""
    with served(book) as address:
        yield address


@pytest.mark.browser
def test_no_script_runs_and_every_text_shows_as_typed(
    address: str, book: Path, chromium: str
) -> None:
    heard: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page()
        page.set_content(TEXTS[0])
        assert page.evaluate(f"window.{FLAG}") == 1  # such a text does run where it can
        page.on("dialog", lambda dialog: heard.append(dialog.message))
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.on(
            "request",
            lambda request: None if request.url.startswith(address) else heard.append(request.url),
        )
        shown = {}
        for path in ("index.html", "chapters/one.html"):
            page.goto(f"{address}/{path}")
            shown[path] = page.inner_text("body")
            assert page.evaluate(f"window.{FLAG}") is None
            assert page.title().endswith(one_line(TITLE))
            assert page.locator('[href^="javascript:"], [onerror], [onload], iframe').count() == 0
        page.keyboard.press("/")
        page.keyboard.type("onerror window script")
        page.locator("#search-results a").first.wait_for()
        page.mouse.move(10, 10)
        assert page.evaluate(f"window.{FLAG}") is None
        for picture in book.rglob("*.svg"):
            page.goto(f"{address}/{picture.relative_to(book)}")
            assert page.evaluate(f"window.{FLAG}") is None
        browser.close()
    assert heard == []
    chapter = squeezed(shown["chapters/one.html"])
    for at, text in enumerate(TEXTS):
        assert squeezed(f"Text {at} is “{one_line(text)}” here.") in chapter
    front = squeezed(shown["index.html"])
    for text in (TITLE, *AUTHORS, f"Data from {NAME}"):
        assert squeezed(text) in front
    assert SECRET not in chapter
    assert "ynthetic" not in shown["index.html"]


def test_paper_shows_every_text_as_typed_and_reads_no_file(book: Path) -> None:
    [file] = book.glob("*.pdf")
    assert file.name == "A-small-book.pdf"
    reader = PdfReader(file)
    assert reader.metadata and reader.metadata.title == one_line(TITLE)
    paper = squeezed(" ".join(page.extract_text() for page in reader.pages))
    for text in (TITLE, *AUTHORS, f"Data from {NAME}"):
        assert squeezed(text) in paper
    missing = [text for text in TEXTS if squeezed(one_line(text)) not in paper]
    assert missing == []
    assert SECRET not in paper


def test_what_can_be_taken_away_is_text_too(book: Path) -> None:
    [cells] = book.glob("downloads/*.csv")
    assert not formulas(cells.read_text(encoding="utf-8"))
    assert "'=HYPERLINK" in cells.read_text(encoding="utf-8")
    [cited] = book.glob("downloads/*.bib")
    entry = cited.read_text(encoding="utf-8")
    assert "\\input" not in entry
    assert "{\\textbackslash}input\\{a\\}" in entry
    assert not any(
        SECRET in file.read_text(errors="ignore") for file in book.rglob("*") if file.is_file()
    )


def test_a_title_or_an_author_without_a_name_is_refused(tmp_path: Path) -> None:
    book = open_book(write_book(tmp_path))
    for changes in ({"title": "\x00 "}, {"authors": ["Ada", ""]}, {"title": "x" * (LONGEST + 1)}):
        with pytest.raises(BookError, match="the book cannot be rendered"):
            book.renamed(**changes)
    other = book.renamed("Another", ["Ada", "Grace"], "Data from ours.csv")
    assert (other.title, other.authors) == ("Another", ("Ada", "Grace"))
    assert (book.title, other.pdf_name) == ("A small book", book.pdf_name)


def test_quarto_is_given_title_and_authors_as_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_quarto(tmp_path / "bin", "1.10.18", 'mkdir "$2/_book" && cp "$2/_quarto.yml" "$2/_book/"')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    built = render(write_book(tmp_path / "project"), "quarto", "html", title=TITLE, authors=AUTHORS)
    given = yaml.safe_load((built.out / "_quarto.yml").read_text(encoding="utf-8"))["book"]
    assert given["title"] == plain(TITLE)
    assert given["author"] == [{"name": plain(name)} for name in AUTHORS]


# The check of a file --------------------------------------------------------------------------------


def test_what_a_file_holds_is_shown_and_never_obeyed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, page = tmp_path / NAME, tmp_path / "page.html"
    texts = [text for text in TEXTS if not {"\0", "\ud800"} & set(text)]  # no text file holds those
    with file.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows([texts, texts, texts])
    assert run(["check", str(file), "--report", str(page)]) == 2
    said = capsys.readouterr()
    assert not unseen(said.out + said.err)
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    assert not soup.find_all(["script", "img", "svg", "iframe", "a"])
    assert TEXTS[0] in soup.get_text()
    lines = [(one_line(text), one_line(text)) for text in TEXTS]
    soup = BeautifulSoup(report_page(TITLE, lines), "html.parser")
    assert [row.th.get_text() for row in soup.find_all("tr") if row.th] == [
        name for name, _ in lines
    ]
