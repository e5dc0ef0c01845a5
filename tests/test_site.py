"""The website's pages: what stands on them, where they lead, and what is written beside them."""

from __future__ import annotations

import datetime
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit
from xml.etree import ElementTree

import pypandoc
import pytest
from bs4 import BeautifulSoup, Tag
from pagefind_bin import get_executable

from coprod.errors import BookError
from coprod.render.citing import Citing
from coprod.render.project import open_book
from coprod.render.site import TEMPLATES, Heading, Page, write_site
from tests.books import CONFIG, write_book

MADE_WITH = "coprod 0 (Pandoc 0, Typst 0)"
FRONT = Page(
    "index.qmd",
    "index.html",
    "",
    False,
    None,
    "Preface",
    "Preface",
    "<p>Words.</p>",
    id="preface",
)
ONE = Page(
    "chapters/one.qmd",
    "chapters/one.html",
    "1",
    False,
    "Results",
    "One &amp; <em>all</em>",
    "One & all",
    '<p>Badgers.</p><h2 id="a">A</h2><h3 id="b">B</h3><h4 id="c">C</h4>',
    (Heading(2, "1.1", "A", "a"), Heading(3, "1.1.1", "B", "b"), Heading(4, "1.1.1.1", "C", "c")),
    'Badgers & "setts".',
)
LAST = Page(
    "chapters/references.qmd",
    "chapters/references.html",
    "A",
    True,
    None,
    "Codes",
    "Codes",
    "<p>Codes.</p>",
)
PAGES = (FRONT, ONE, LAST)


def site(
    folder: Path,
    config: str = CONFIG,
    notice: str = "Synthetic data",
    date: datetime.date | None = None,
    paper: bool = True,
    pages: tuple[Page, ...] = PAGES,
) -> Path:
    """Write the three pages as a site."""
    book = open_book(write_book(folder / "project", config=config))
    out = folder / "out"
    out.mkdir()
    write_site(book, pages, out, MADE_WITH, date, notice, paper=paper)
    return out


def read(page: Path) -> BeautifulSoup:
    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


def only(soup: BeautifulSoup | Tag, selector: str) -> Tag:
    (found,) = soup.select(selector)
    return found


def value(node: Tag, name: str) -> str:
    found = node[name]
    return found if isinstance(found, str) else " ".join(found)


def text(node: Tag) -> str:
    return " ".join(node.get_text().split())


def pages_of(book: Path) -> list[Path]:
    found = sorted(path for path in book.rglob("*.html") if path.name != "404.html")
    assert len(found) > 2
    return found


def test_every_link_of_the_book_leads_somewhere(conformance_book: Path) -> None:
    ids = {
        page: {value(node, "id") for node in read(page).find_all(id=True)}
        for page in pages_of(conformance_book)
    }
    for page, own in ids.items():
        soup = read(page)
        assert len(own) == len(soup.find_all(id=True)), f"an id stands twice on {page.name}"
        for node in soup.select("[href], [src]"):
            target = str(node.get("href") or node.get("src"))
            if urlsplit(target).scheme in ("http", "https") and node.name == "a":
                continue
            path, fragment = urldefrag(target)
            assert not urlsplit(path).scheme and not path.startswith("/"), f"{page.name}: {target}"
            file = (page.parent / unquote(path)).resolve() if path else page
            assert file.is_file(), f"{page.name}: {target}"
            if fragment and file.suffix == ".html":
                assert fragment in ids[file] or fragment.startswith("cb"), f"{page.name}: {target}"


def test_every_reference_to_an_element_finds_it(conformance_book: Path) -> None:
    for page in pages_of(conformance_book):
        soup = read(page)
        own = {value(node, "id") for node in soup.find_all(id=True)}
        for name in ("aria-labelledby", "aria-describedby", "aria-controls", "for"):
            for node in soup.select(f"[{name}]"):
                assert set(value(node, name).split()) <= own, f"{page.name}: {node}"


def test_titles(tmp_path: Path) -> None:
    out = site(tmp_path)
    front, one, last = (read(out / page.path) for page in PAGES)
    assert text(only(front, "title")) == "A small book"
    assert text(only(one, "title")) == "1 One & all – A small book"
    assert text(only(last, "title")) == "Appendix A — Codes – A small book"
    assert text(only(front, "main > header h1")) == "A small book"
    assert text(only(one, "h1")) == "1 One & all"
    assert str(only(one, "h1 em")) == "<em>all</em>"
    assert text(only(last, "h1")) == "Appendix A — Codes"
    assert [len(page.find_all("h1")) for page in (front, one, last)] == [1, 1, 1]
    assert value(only(one, "meta[name=description]"), "content") == 'Badgers & "setts".'
    assert not front.select("meta[name=description]")
    assert {value(only(page, "html"), "lang") for page in (front, one, last)} == {"en-GB"}


def test_the_chapters_stand_in_order_and_this_one_is_marked(tmp_path: Path) -> None:
    out = site(tmp_path)
    for page in PAGES:
        soup = read(out / page.path)
        nav = soup.find_all("nav")[0]
        assert value(nav, "id") == "quarto-sidebar"
        links = nav.find_all("a")
        assert [text(link) for link in links] == ["Preface", "1 One & all", "A Codes"]
        assert [text(group) for group in nav.select("li.group > p")] == ["Results", "Appendices"]
        (current,) = soup.select('[aria-current="page"]')
        assert ((out / page.path).parent / value(current, "href")).resolve() == (
            out / page.path
        ).resolve()


def test_previous_and_next(tmp_path: Path) -> None:
    out = site(tmp_path)
    turns = {
        page.path: [
            (value(link, "rel"), value(link, "href"))
            for link in read(out / page.path).select("nav.turn a")
        ]
        for page in PAGES
    }
    assert turns == {
        "index.html": [("next", "chapters/one.html")],
        "chapters/one.html": [("prev", "../index.html"), ("next", "../chapters/references.html")],
        "chapters/references.html": [("prev", "../chapters/one.html")],
    }


def test_the_contents_of_a_page_go_as_deep_as_asked(tmp_path: Path) -> None:
    def contents(name: str, keys: str) -> list[str]:
        (tmp_path / name).mkdir()
        config = CONFIG.replace("    code-fold: true\n", f"    code-fold: true\n{keys}")
        return [
            text(link) for link in read(site(tmp_path / name, config) / ONE.path).select(".toc a")
        ]

    assert contents("default", "") == ["1.1 A", "1.1.1 B"]
    assert contents("shallow", "    toc-depth: 2\n") == ["1.1 A"]
    assert contents("none", "    toc: false\n") == []


def test_what_the_project_leaves_out_is_not_on_the_page(tmp_path: Path) -> None:
    config = CONFIG.replace("book:\n", "book:\n  page-navigation: false\n  bread-crumbs: false\n")
    soup = read(site(tmp_path, config, notice="", paper=False) / ONE.path)
    assert not soup.select("nav.turn, .breadcrumb, .notice, .download")
    assert ".pdf" not in str(soup)


def test_every_page_says_what_data_it_rests_on_and_what_made_it(tmp_path: Path) -> None:
    footer = '  page-footer:\n    left: "Left & right"\n  date: "2026-01-31"\n'
    config = CONFIG.replace("book:\n", f"book:\n{footer}") + 'license: "CC BY"\n'
    out = site(tmp_path, config, date=datetime.date(2020, 5, 1))
    for page in PAGES:
        soup = read(out / page.path)
        said = text(only(soup, "body > footer"))
        for words in (
            "Synthetic data",
            "Left & right",
            "Licence: CC BY",
            f"Made with {MADE_WITH}, 31 January 2026",
        ):
            assert words in said
        assert text(only(soup, "header.site .notice")) == "Synthetic data"
        assert value(only(soup, ".download a"), "href").endswith("A-small-book.pdf")


def test_the_date_of_the_build_is_shown_where_the_project_gives_none(tmp_path: Path) -> None:
    assert "1 May 2020" in text(
        only(read(site(tmp_path, date=datetime.date(2020, 5, 1)) / "index.html"), ".title-page")
    )


def test_words_of_the_project_are_no_markup(tmp_path: Path) -> None:
    config = CONFIG.replace(
        '"A small book"', '"A <b>small</b> & \'quick\' book"\n  output-file: "a b#c"'
    )
    soup = read(site(tmp_path, config, notice="<i>made up</i>") / ONE.path)
    assert text(only(soup, ".book-title")) == "A <b>small</b> & 'quick' book"
    assert text(only(soup, ".site-foot .notice")) == "<i>made up</i>"
    assert value(only(soup, ".download a"), "href") == "../a%20b%23c.pdf"


def test_the_same_pages_give_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b c").mkdir()
    first, second = site(tmp_path / "a"), site(tmp_path / "b c")
    names = [
        sorted(p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file())
        for out in (first, second)
    ]
    assert names[0] == names[1]
    assert [(first / name).read_bytes() == (second / name).read_bytes() for name in names[0]] == [
        True
    ] * len(names[0])


def test_only_what_the_search_needs_is_kept(tmp_path: Path) -> None:
    kept = {path.name for path in (site(tmp_path) / "pagefind").iterdir()}
    assert {"pagefind.js", "pagefind-entry.json", "index", "fragment"} <= kept
    assert not [name for name in kept if "ui" in name or "highlight" in name]


def test_nothing_is_fetched_from_elsewhere(conformance_book: Path) -> None:
    for page in pages_of(conformance_book):
        for node in read(page).select(
            "script[src], link[href], img[src], iframe, source, video, audio"
        ):
            assert not urlsplit(str(node.get("src") or node.get("href"))).netloc
        assert not read(page).select('script[type="module"]')
    assert "url(" not in (conformance_book / "assets" / "style.css").read_text(encoding="utf-8")
    assert "http" not in (conformance_book / "assets" / "book.js").read_text(
        encoding="utf-8"
    ).replace("http.server", "").replace("http://localhost", "")


def test_a_style_sheet_and_an_icon_of_the_projects_own(tmp_path: Path) -> None:
    config = CONFIG.replace("    code-fold: true\n", "    css: look/own.css\n").replace(
        "book:\n", "book:\n  favicon: look/own.svg\n"
    )
    with pytest.raises(
        BookError, match=r"_quarto\.yml: the icon 'look/own\.svg' does not exist; mend the path"
    ):
        site(tmp_path, config)
    look = tmp_path / "project" / "look"
    look.mkdir()
    (look / "own.svg").write_text("<svg/>")
    (look / "own.css").write_text("p {}")
    (tmp_path / "out").rmdir()
    out = site(tmp_path, config)
    hrefs = [
        value(link, "href")
        for link in read(out / ONE.path).select("link[rel=stylesheet], link[rel=icon]")
    ]
    assert hrefs == ["../assets/style.css", "../look/own.css", "../look/own.svg"]
    assert (out / "look" / "own.css").read_text() == "p {}"


def test_what_pagefind_says_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'the disc is full' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr("coprod.render.search.get_executable", lambda: broken)
    with pytest.raises(BookError, match="Pagefind could not index the book\n  the disc is full"):
        site(tmp_path)
    (tmp_path / "out" / "index.html").unlink()
    broken.unlink()
    book = open_book(tmp_path / "project")
    with pytest.raises(BookError, match=r"Pagefind could not index the book\n  .*No such file"):
        write_site(book, PAGES, tmp_path / "out", MADE_WITH, None, "")


def test_what_pagefind_could_not_write_whole_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited = tmp_path / "limited"
    for blocks in (0, 1, 8, 60):
        limited.write_text(
            f"#!/bin/sh\ntrap '' XFSZ\nulimit -f {blocks}\nexec '{get_executable()}' \"$@\"\n"
        )
        limited.chmod(0o755)
        with monkeypatch.context() as patch:
            patch.setattr("coprod.render.search.get_executable", lambda: limited)
            shutil.rmtree(tmp_path / "project", ignore_errors=True)
            shutil.rmtree(tmp_path / "out", ignore_errors=True)
            with pytest.raises(BookError, match="was not written whole; the disk may be full"):
                site(tmp_path)


# On the web ----------------------------------------------------------------------------------------


SITE = CONFIG.replace("book:\n", 'book:\n  site-url: "https://example.org/a%20book/"\n')


def metas(page: BeautifulSoup, name: str) -> list[str]:
    return [value(node, "content") for node in page.select(f'meta[name="{name}"]')]


def test_search_engines_for_literature_are_told_what_quarto_tells_them(tmp_path: Path) -> None:
    cited = {"type": "book", "title": "Bayes", "authors": ["Simon Jackman"], "year": "2009"}
    config = SITE + "google-scholar: true\nkeywords: [badgers, setts]\n"
    pages = (FRONT, replace(ONE, cited=(cited,)), LAST)
    out = site(tmp_path, config, date=datetime.date(2020, 5, 1), pages=pages)
    front, one = read(out / FRONT.path), read(out / ONE.path)
    for page in (front, one):
        assert metas(page, "citation_author") == ["Ada Example"]
        assert metas(page, "citation_publication_date") == ["2020-05-01"]
        assert metas(page, "citation_year") == ["2020"]
        assert metas(page, "citation_keywords") == ["badgers; setts"]
        assert metas(page, "citation_language") == ["en-GB"]
        assert metas(page, "citation_pdf_url") == ["https://example.org/a%20book/A-small-book.pdf"]
    assert metas(front, "citation_title") == ["A small book"]
    assert metas(one, "citation_title") == ["One & all"]
    assert metas(front, "citation_inbook_title") == []
    assert metas(one, "citation_inbook_title") == ["A small book"]
    address = "https://example.org/a%20book/chapters/one.html"
    assert metas(one, "citation_fulltext_html_url") == [address]
    assert value(only(one, "link[rel=canonical]"), "href") == address
    assert value(only(one, 'meta[property="og:url"]'), "content") == address
    assert value(only(one, 'meta[property="og:title"]'), "content") == "1 One & all"
    assert value(only(one, 'meta[property="og:description"]'), "content") == 'Badgers & "setts".'
    said = "citation_title=Bayes;,citation_author=Simon Jackman;,citation_publication_date=2009;"
    assert metas(one, "citation_reference") == [said]
    assert metas(front, "citation_reference") == []


def test_without_an_address_no_page_names_one(tmp_path: Path) -> None:
    out = site(tmp_path, CONFIG + "google-scholar: true\n")
    soup = read(out / ONE.path)
    assert metas(soup, "citation_title") == ["One & all"]
    assert not metas(soup, "citation_fulltext_html_url") and not metas(soup, "citation_pdf_url")
    assert not soup.select('link[rel=canonical], meta[property="og:url"]')
    assert not (out / "sitemap.xml").exists() and not (out / "robots.txt").exists()


def test_a_book_that_does_not_ask_for_it_tells_search_engines_nothing(tmp_path: Path) -> None:
    assert not read(site(tmp_path) / ONE.path).select('meta[name^="citation_"]')


def test_the_sitemap_names_every_page(tmp_path: Path) -> None:
    out = site(tmp_path, SITE, date=datetime.date(2020, 5, 1))
    tree = ElementTree.parse(out / "sitemap.xml")
    space = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9"}
    assert [node.text for node in tree.findall("s:url/s:loc", space)] == [
        f"https://example.org/a%20book/{page.path}" for page in PAGES
    ]
    assert {node.text for node in tree.findall("s:url/s:lastmod", space)} == {"2020-05-01"}
    assert (out / "robots.txt").read_text() == "Sitemap: https://example.org/a%20book/sitemap.xml\n"


@pytest.mark.parametrize(("config", "top"), [(CONFIG, "/"), (SITE, "/a%20book/")])
def test_the_page_in_place_of_another_leads_home_from_any_depth(
    tmp_path: Path, config: str, top: str
) -> None:
    out = site(tmp_path, config)
    soup = read(out / "404.html")
    assert text(only(soup, "h1")) == "There is no such page"
    assert metas(soup, "robots") == ["noindex"]
    assert not soup.select("[data-pagefind-body], .turn, .cite, .breadcrumb")
    assert value(only(soup, "html"), "data-root") == top
    links = [
        str(node.get("href") or node.get("src")) for node in soup.select("[href], script[src]")
    ]
    assert len(links) > 8
    for link in links:
        if link != "#content":
            assert link.startswith(top), link
            assert (out / unquote(link.removeprefix(top))).is_file() or link.endswith(".pdf"), link
    assert [text(node) for node in soup.select(".text li")] == ["Preface", "1 One & all", "A Codes"]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("", []),
        ("repo-url: https://example.org/r/", ["/edit/main/chapters/one.qmd"]),
        (
            "repo-url: https://example.org/r\n  repo-actions: source",
            ["/blob/main/chapters/one.qmd"],
        ),
        (
            "repo-url: https://example.org/r\n  repo-actions: [edit, source, issue]\n"
            "  repo-branch: dev\n  repo-subdir: book",
            [
                "/edit/dev/book/chapters/one.qmd",
                "/blob/dev/book/chapters/one.qmd",
                "/issues/new",
            ],
        ),
        ("repo-url: 'javascript:alert(1)'", []),
    ],
)
def test_a_chapter_leads_to_where_its_source_is_kept(
    tmp_path: Path, keys: str, expected: list[str]
) -> None:
    config = CONFIG.replace("book:\n", f"book:\n  {keys}\n") if keys else CONFIG
    soup = read(site(tmp_path, config) / ONE.path)
    found = [value(node, "href") for node in soup.select(".uses a")]
    assert found == [f"https://example.org/r{path}" for path in expected]


def test_a_chapter_says_how_it_is_cited_if_the_book_does(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    assert not read(site(tmp_path / "a") / ONE.path).select(".cite")
    (tmp_path / "b").mkdir()
    config = SITE + 'citation: true\ndata-title: "Synthetic data"\n'
    out = site(tmp_path / "b", config, date=datetime.date(2020, 5, 1))
    one, front = read(out / ONE.path), read(out / FRONT.path)
    assert text(only(one, ".cite > summary")) == "Cite this chapter"
    assert text(only(one, "#cite-words")) == (
        "Ada Example (2020). One & all. In: A small book, chapter 1. Synthetic data. "
        "https://example.org/a%20book/chapters/one.html"
    )
    assert text(only(front, ".cite > summary")) == "Cite this book"
    assert text(only(front, "#cite-words")) == (
        "Ada Example (2020). A small book. Synthetic data. https://example.org/a%20book/"
    )
    assert text(only(read(out / LAST.path), "#cite-words")).startswith(
        "Ada Example (2020). Codes. In: A small book, appendix A. Synthetic data."
    )


def test_pandoc_reads_the_bibtex_entries_as_they_were_meant(tmp_path: Path) -> None:
    config = SITE.replace("A small book", "A & B: 50% of_it").replace(
        "    - name: Ada", "    - name: The Council of X\n    - name: Ada"
    )
    citing = Citing(open_book(write_book(tmp_path, config=config)), datetime.date(2026, 1, 31))
    (book,) = json.loads(pypandoc.convert_text(citing.bibtex(), "csljson", format="bibtex"))
    (chapter,) = json.loads(pypandoc.convert_text(citing.bibtex(ONE), "csljson", format="bibtex"))
    assert [book["type"], chapter["type"]] == ["book", "chapter"]
    assert book["title"] == chapter["container-title"] == "A & B: 50% of_it"
    assert chapter["title"] == "One & all"
    assert chapter["URL"] == "https://example.org/a%20book/chapters/one.html"
    for entry in (book, chapter):
        names = [author["literal"] for author in entry["author"]]
        assert names == ["The Council of X", "Ada Example"]
        assert entry["issued"]["date-parts"] == [[2026]]


@pytest.mark.parametrize(
    ("given", "year"), [("2024-01-31", "2024"), ("in spring 2023", "2023"), ("some day", "n.d.")]
)
def test_the_date_of_the_project_goes_before_that_of_the_build(
    tmp_path: Path, given: str, year: str
) -> None:
    config = CONFIG.replace("book:\n", f'book:\n  date: "{given}"\n')
    citing = Citing(open_book(write_book(tmp_path, config=config)), datetime.date(2026, 1, 31))
    assert citing.words() == f"Ada Example ({year}). A small book."
    assert ("year" in citing.bibtex()) == (year != "n.d.")


def test_a_book_by_nobody_is_cited_by_its_title(tmp_path: Path) -> None:
    config = CONFIG.replace("  author:\n    - name: Ada Example\n", "")
    citing = Citing(open_book(write_book(tmp_path, config=config)), None)
    assert citing.words() == "A small book (n.d.)."
    assert citing.words(ONE) == "One & all (n.d.). In: A small book, chapter 1."
    assert "author" not in citing.bibtex()


def test_the_sizes_of_type_are_those_of_the_paper() -> None:
    style, paper = (
        (TEMPLATES / name).read_text(encoding="utf-8") for name in ("style.css", "paper.typ")
    )
    text = re.search(r'font: "Libertinus Serif", size: ([\d.]+)pt', paper)
    title = re.search(r"text\(size: ([\d.]+)pt,[^)]*, title\)", paper)
    headings = re.search(r"let size = \(([\d.]+)em, ([\d.]+)em, ([\d.]+)em, ([\d.]+)em\)", paper)
    assert text and title and headings
    on_paper = [float(title[1]) / float(text[1]), *map(float, headings.groups())]
    names = ("title", "h1", "h2", "h3", "h4")
    on_screen = [float(re.findall(rf"--{name}: ([\d.]+)em;", style)[0]) for name in names]
    assert on_screen == pytest.approx(on_paper, abs=0.01)
    assert all(f"var(--{name})" in style for name in names)
