"""The website in a real browser: what moves, what the keyboard reaches, and what axe finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from tests.browsing import browsing, hear, scrolls_sideways, served

pytestmark = pytest.mark.browser

DESKTOP: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 844}
PATHS = (
    "index.html",
    "chapters/one.html",
    "chapters/two.html",
    "chapters/three.html",
    "chapters/references.html",
    "chapters/codebook.html",
)
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def address(conformance_book: Path) -> Iterator[str]:
    """Where the book is served."""
    with served(conformance_book) as address:
        yield address


@pytest.fixture(scope="module")
def browser(conformance_book: Path, chromium: str) -> Iterator[Browser]:
    """Chromium. It starts after the book is made, since its event loop would be in the way."""
    with browsing(chromium) as browser:
        yield browser


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Open]:
    """Opens a page, and holds every page to it that nothing fails and nothing leaves the machine."""
    contexts: list[BrowserContext] = []
    heard: list[str] = []

    def open_page(path: str = "chapters/one.html", root: str = address, **settings: Any) -> Page:
        context = browser.new_context(
            **({"viewport": DESKTOP, "reduced_motion": "reduce"} | settings)
        )
        contexts.append(context)
        page = context.new_page()
        hear(page, address, heard)
        page.goto(f"{root}/{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert heard == []


# Search ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["/", "Control+k"])
def test_search_finds_a_word_of_another_chapter_and_enter_opens_it(
    visit: Open, address: str, key: str
) -> None:
    page = visit("chapters/one.html")
    page.keyboard.press(key)
    words = page.get_by_label("Search the book", exact=True).and_(page.locator("input"))
    expect(words).to_be_focused()
    page.keyboard.type("clustered respondent")
    first = page.locator("#search-results a").first
    expect(first).to_contain_text("3.1 What a cell can write")
    expect(first).to_contain_text("3 Results that are computed")
    expect(first.locator("mark").first).to_have_text("clustered")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{address}/chapters/three.html#sec-writes")


def test_enter_need_not_wait_for_the_results(visit: Open, address: str) -> None:
    page = visit("index.html")
    page.keyboard.press("/")
    page.keyboard.type("permanent codebook variables")
    page.keyboard.press("Control+a")
    page.keyboard.type("quotation")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{address}/chapters/two.html#words")


def test_results_are_walked_with_the_arrows_and_left_with_escape(visit: Open) -> None:
    page = visit("chapters/two.html")
    page.get_by_role("button", name="Search").click()
    page.keyboard.type("table")
    results = page.locator("#search-results a")
    expect(results.nth(2)).to_be_visible()
    expect(page.locator("#search-status")).to_contain_text("places in")
    page.keyboard.press("ArrowDown")
    expect(results.nth(0)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(results.nth(1)).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(page.locator("#search-words")).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("zyzzyva")
    expect(page.locator("#search-status")).to_have_text("Nothing found for “zyzzyva”")
    assert results.count() == 0
    page.keyboard.press("Escape")
    expect(page.locator("#search")).to_be_hidden()
    expect(page.get_by_role("button", name="Search")).to_be_focused()


def test_code_and_what_stands_on_every_page_are_not_searched(visit: Open) -> None:
    page = visit()
    page.keyboard.press("/")
    # In quotation marks, since Pagefind falls back to words that start alike.
    for words in ('"subplots"', '"Breadcrumb"', '"Licence"'):
        page.locator("#search-words").fill(words)
        expect(page.locator("#search-status")).to_have_text(f"Nothing found for “{words}”")


def test_a_page_read_from_a_file_works_and_says_what_search_needs(
    visit: Open, conformance_book: Path
) -> None:
    page = visit("chapters/two.html", conformance_book.as_uri())
    expect(page.locator("html")).to_have_class("js")
    page.get_by_role("tab", name="Collective").click()
    expect(page.get_by_text("Second pane.")).to_be_visible()
    page.get_by_role("button", name="Dark mode").click()
    page.keyboard.press("/")
    expect(page.locator("#search-status")).to_contain_text("python -m http.server")
    expect(page.locator("#search-close")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#search")).to_be_hidden()
    page.get_by_role("link", name="Chapter 1").click()
    page.wait_for_url("file:///**/chapters/one.html")
    assert page.locator("#fig-bars svg path").count() > 0


# Light and dark ------------------------------------------------------------------------------------


@pytest.mark.parametrize("system", ["light", "dark"])
def test_the_choice_of_light_or_dark_survives_a_reload(
    visit: Open, address: str, system: str
) -> None:
    page = visit(color_scheme=system)
    button = page.get_by_role("button", name="Dark mode")
    ground = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(ground)
    expect(button).to_have_attribute("aria-pressed", str(system == "dark").lower())
    button.click()
    chosen = page.evaluate(ground)
    assert chosen != before
    page.reload()
    assert page.evaluate(ground) == chosen
    expect(button).to_have_attribute("aria-pressed", str(system != "dark").lower())
    page.goto(f"{address}/index.html")
    assert page.evaluate(ground) == chosen


def test_the_system_decides_until_the_reader_does(visit: Open) -> None:
    page = visit(color_scheme="light")
    page.emulate_media(color_scheme="dark")
    expect(page.get_by_role("button", name="Dark mode")).to_have_attribute("aria-pressed", "true")


# Code, tabs, links ---------------------------------------------------------------------------------


def test_folded_code_opens_by_keyboard_and_is_copied(visit: Open) -> None:
    page = visit("chapters/three.html", permissions=["clipboard-read", "clipboard-write"])
    summary = page.get_by_text("How the gap is computed")
    block = page.locator("details.code").filter(has=summary)
    expect(block.locator("pre")).to_be_hidden()
    summary.focus()
    page.keyboard.press("Enter")
    expect(block.locator("pre")).to_be_visible()
    page.keyboard.press("Tab")
    copy = block.get_by_role("button", name="Copy this code")
    expect(copy).to_be_focused()
    page.keyboard.press("Enter")
    expect(copy).to_have_text("Copied")
    expect(page.locator("#said")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "gap = 61.25 - 23.5\ngap"
    expect(copy).to_have_text("Copy")


def test_tabs_work_by_mouse_and_keyboard(visit: Open) -> None:
    page = visit("chapters/two.html")
    first, second = (
        page.get_by_role("tab", name="Individual"),
        page.get_by_role("tab", name="Collective"),
    )
    panes = page.get_by_text("First pane."), page.get_by_text("Second pane.")
    expect(panes[0]).to_be_visible()
    expect(panes[1]).to_be_hidden()
    second.click()
    expect(panes[0]).to_be_hidden()
    expect(panes[1]).to_be_visible()
    expect(second).to_have_attribute("aria-selected", "true")
    for key, tab in (
        ("ArrowRight", first),
        ("ArrowLeft", second),
        ("Home", first),
        ("End", second),
    ):
        page.keyboard.press(key)
        expect(tab).to_be_focused()
        expect(tab).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Tab")
    expect(page.get_by_role("tabpanel", name="Collective")).to_be_focused()


def test_a_link_into_a_hidden_tab_shows_it(visit: Open) -> None:
    page = visit("chapters/three.html#tbl-tab")
    expect(page.locator("#tbl-tab table")).to_be_in_viewport()
    page.get_by_role("link", name="Figure 3.2", exact=True).click()
    expect(page.locator("#fig-tab svg")).to_be_in_viewport()
    expect(page.locator("#tbl-tab table")).to_be_hidden()


def test_the_page_says_where_the_reader_is(visit: Open) -> None:
    page = visit("chapters/two.html")
    page.locator("#sec-callouts").evaluate("heading => heading.scrollIntoView()")
    expect(page.locator(".toc [aria-current]")).to_have_text("2.2 Callouts")
    page.keyboard.press("End")
    expect(page.locator(".toc [aria-current]")).to_have_text("An unnumbered end")


def test_a_heading_s_address_is_copied(visit: Open, address: str) -> None:
    page = visit("chapters/two.html", permissions=["clipboard-read", "clipboard-write"])
    heading = page.locator("#sec-tables")
    expect(heading).to_have_accessible_name("2.1 Tables")
    button = page.locator(".heading", has=heading).get_by_role("button")
    expect(button).to_have_accessible_name("Copy the link to this section: Tables")
    button.focus()
    expect(button).to_have_css("opacity", "1")
    page.keyboard.press("Enter")
    expect(button).to_have_text("Copied")
    expect(page.locator("#said")).to_have_text("Copied")
    there = f"{address}/chapters/two.html#sec-tables"
    assert page.evaluate("navigator.clipboard.readText()") == there
    assert page.url == there
    expect(button).to_have_text("")


def test_without_scripts_a_heading_has_a_link_to_itself(visit: Open, address: str) -> None:
    page = visit("chapters/two.html", java_script_enabled=False)
    page.get_by_role("link", name="Link to this section: Tables").click()
    page.wait_for_url(f"{address}/chapters/two.html#sec-tables")


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE])
def test_the_keyboard_reaches_everything_and_shows_where_it_is(
    visit: Open, viewport: ViewportSize
) -> None:
    page = visit("chapters/two.html", viewport=viewport)
    reached: list[str] = []
    shown = (
        "() => { const node = document.activeElement; const style = getComputedStyle(node);"
        " return [node.textContent.replace(/\\s+/g, ' ').trim(),"
        " node === document.body || style.outlineStyle !== 'none'"
        " || node.matches('.skip')]; }"
    )
    for _ in range(80):
        page.keyboard.press("Tab")
        words, visible = page.evaluate(shown)
        if page.evaluate("document.activeElement === document.body"):
            break
        assert visible, f"no focus is shown on {words!r}"
        reached.append(words)
    assert reached[0] == "Skip to the text"
    menu = "Figures" if viewport is DESKTOP else "Contents"
    assert any(menu in words for words in reached)
    for words in ("Individual", "link out", "Folded", "Figure 1.1"):
        assert words in reached
    assert reached[-1].startswith("Next")


def test_the_skip_link_leads_to_the_text(visit: Open) -> None:
    page = visit("chapters/two.html")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator(".breadcrumb a")).to_be_focused()


# Screens, paper, and no script ---------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
def test_a_phone_never_scrolls_sideways(visit: Open, path: str) -> None:
    page = visit(path, viewport={"width": 320, "height": 640}, is_mobile=True, has_touch=True)
    assert not scrolls_sideways(page)
    page.evaluate(
        "document.querySelectorAll('main details').forEach(details => details.open = true)"
    )
    assert not scrolls_sideways(page)
    page.locator(".menu > summary").tap()
    assert not scrolls_sideways(page)


def test_the_chapters_unfold_on_a_phone(visit: Open, address: str) -> None:
    page = visit("chapters/one.html", viewport=PHONE, is_mobile=True, has_touch=True)
    chapters = page.locator("#quarto-sidebar")
    expect(chapters).to_be_hidden()
    page.locator(".menu > summary").tap()
    expect(chapters).to_be_visible()
    page.keyboard.press("Escape")
    expect(chapters).to_be_hidden()
    page.locator(".menu > summary").tap()
    chapters.get_by_role("link", name="2 Tables and words").tap()
    page.wait_for_url(f"{address}/chapters/two.html")
    page.set_viewport_size(DESKTOP)
    expect(chapters).to_be_visible()


def test_the_first_column_of_a_wide_table_stays(visit: Open) -> None:
    page = visit("chapters/two.html", viewport={"width": 320, "height": 640})
    first = page.locator("#tbl-great tbody tr:not(.group) > :first-child").first
    scroll = page.locator("#tbl-great .scroll")
    scroll.evaluate(
        "region => { region.querySelector('table').style.width = '60rem'; region.scrollLeft = 200; }"
    )
    assert scroll.evaluate("region => region.scrollLeft") == 200
    assert first.evaluate(
        "cell => cell.getBoundingClientRect().left >= cell.closest('.scroll').getBoundingClientRect().left"
    )


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE])
def test_without_scripts_a_page_is_complete(visit: Open, viewport: ViewportSize) -> None:
    page = visit("chapters/two.html", viewport=viewport, java_script_enabled=False)
    for words in ("First pane.", "Second pane.", "The end."):
        expect(page.get_by_text(words)).to_be_visible()
    expect(page.locator("#quarto-sidebar")).to_be_visible()
    for selector in (".tools", ".tablist", ".copy", "#search"):
        expect(page.locator(selector)).to_be_hidden()
    page.locator(".callout summary").click()
    expect(page.get_by_text("Inside is")).to_be_visible()


def test_paper_shows_what_a_screen_folds(visit: Open) -> None:
    page = visit("chapters/two.html")
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    for words in ("First pane.", "Second pane.", "Inside is"):
        expect(page.get_by_text(words)).to_be_visible()
    names = page.locator("[role=tabpanel]").evaluate_all(
        "panes => panes.map(p => getComputedStyle(p, '::before').content)"
    )
    assert names == ['"Individual"', '"Collective"']
    for selector in ("header.site", ".tablist", ".turn"):
        expect(page.locator(selector)).to_be_hidden()


def test_lines_are_of_a_length_that_reads_well(visit: Open) -> None:
    page = visit("chapters/two.html")
    average = page.locator("main .text").evaluate(
        """text => {
          const probe = document.createElement("span");
          const sentence = "The index is the mean of the answered items, as the equation has it, and so on. ";
          probe.textContent = sentence.repeat(4);
          probe.style.whiteSpace = "nowrap";
          text.append(probe);
          return text.clientWidth / (probe.getBoundingClientRect().width / probe.textContent.length);
        }"""
    )
    assert 60 <= average <= 76


# Accessibility -------------------------------------------------------------------------------------


def violations(page: Page) -> str:
    results = Axe().run(page)
    return results.generate_report() if results.violations_count else ""


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(visit: Open, address: str, viewport: ViewportSize, scheme: str) -> None:
    page = visit(viewport=viewport, color_scheme=scheme)
    for path in PATHS:
        page.goto(f"{address}/{path}")
        assert not violations(page), path
        page.evaluate(
            "document.querySelectorAll('details').forEach(details => details.open = true)"
        )
        page.evaluate(
            "document.querySelectorAll('[role=tab]:last-child').forEach(tab => tab.click())"
        )
        assert not violations(page), f"{path}, unfolded"
    page.locator("#search-open").click()
    page.keyboard.type("table")
    expect(page.locator("#search-results a").first).to_be_visible()
    assert not violations(page), "search"
