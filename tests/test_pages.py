"""Every page of this book in a real browser: whole, light, quick, still, and open to everybody."""

from __future__ import annotations

import gzip
import io
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, BrowserContext, Page, Response, expect
from pypdf import PdfReader

from tests.browsing import browsing, hear, scrolls_sideways, served

pytestmark = pytest.mark.browser

DESKTOP = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
MODES: dict[str, dict[str, Any]] = {
    f"{scheme} {name}": {**screen, "color_scheme": scheme, "reduced_motion": "reduce"}
    for name, screen in (("desktop", DESKTOP), ("phone", PHONE))
    for scheme in ("light", "dark")
}
# The target size is of WCAG 2.2 and asked for by name.
AXE = """async () => {
  const options = { resultTypes: ["violations"], rules: { "target-size": { enabled: true } } };
  const found = await axe.run(document, options);
  return found.violations.flatMap((rule) =>
    rule.nodes.slice(0, 3).map((node) => `${rule.id}: ${node.html.slice(0, 150)} ${node.any[0]?.message ?? ""}`));
}"""
# What hides and folds comes to light, so that one look sees all of a page.
UNFOLD = """() => {
  for (const details of document.querySelectorAll("main details")) details.open = true;
  for (const pane of document.querySelectorAll("[role=tabpanel]")) pane.hidden = false;
}"""
# The colours of a table's rows are alike, a picture counts as one thing, and most of axe's time goes into
# them: one mode looks at all.
SHORTEN = """() => {
  for (const part of document.querySelectorAll("svg[role=img] > *")) part.remove();
  for (const row of document.querySelectorAll("tbody tr:nth-child(n+5)")) row.hidden = true;
}"""
WATCH = """
window.seen = { shift: 0, paint: 0 };
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.seen.shift += entry.value;
}).observe({ type: "layout-shift", buffered: true });
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.seen.paint = entry.startTime;
}).observe({ type: "largest-contentful-paint", buffered: true });
"""
# As WCAG 1.4.12 has it.
SPACING = """
* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important; }
p { margin-bottom: 2em !important; }
"""


@pytest.fixture(scope="module")
def paths(real_book: Path) -> list[str]:
    found = sorted(path.relative_to(real_book).as_posix() for path in real_book.rglob("*.html"))
    assert len(found) > 15
    return found


@pytest.fixture(scope="module")
def address(real_book: Path) -> Iterator[str]:
    with served(real_book) as address:
        yield address


@pytest.fixture(scope="module")
def browser(real_book: Path, chromium: str) -> Iterator[Browser]:
    with browsing(chromium) as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page with the settings of the test's mark, in which nothing fails and that nothing leaves."""
    marker = request.node.get_closest_marker("settings")
    heard: list[str] = []
    context = browser.new_context(**(marker.kwargs if marker else MODES["light desktop"]))
    page = context.new_page()
    hear(page, address, heard)
    yield page
    context.close()
    assert heard == []


@pytest.mark.parametrize("mode", MODES)
def test_every_page_is_open_to_everybody(
    browser: Browser, address: str, paths: list[str], mode: str
) -> None:
    """Nothing leaves the machine, fails, moves or is too wide, and axe finds nothing."""
    heard: list[str] = []
    wrong: list[tuple[str, str]] = []
    context = browser.new_context(**MODES[mode])
    context.add_init_script(WATCH)
    page = context.new_page()
    hear(page, address, heard)
    for path in paths:
        page.goto(f"{address}/{path}")
        if scrolls_sideways(page):
            wrong.append((path, "scrolls sideways"))
        # More than a table's columns, which settle while its rows arrive from a slow machine.
        if (shift := page.evaluate("window.seen.shift")) > 0.01:
            wrong.append((path, f"shifts by {shift}"))
        page.evaluate(UNFOLD)
        if scrolls_sideways(page):
            wrong.append((path, "scrolls sideways where all is unfolded"))
        if mode != "light desktop":
            page.evaluate(SHORTEN)
        page.evaluate(AXE_SCRIPT)
        wrong += [(path, found) for found in page.evaluate(AXE)]
    context.close()
    assert wrong == []
    assert heard == []


def test_a_fault_is_noticed(page: Page, address: str) -> None:
    page.goto(f"{address}/chapters/glossary.html")
    page.evaluate(AXE_SCRIPT)
    page.evaluate("document.querySelector('main p').style.color = '#aaa'")
    small = '<button style="width: 9px; height: 9px; padding: 0">a</button>'
    deep = f"'<h4>Deep</h4><button></button>{small}{small}'"
    page.evaluate(f"document.querySelector('h1').insertAdjacentHTML('afterend', {deep})")
    found = " ".join(page.evaluate(AXE))
    for rule in ("color-contrast", "heading-order", "button-name", "target-size"):
        assert rule in found


@pytest.mark.settings(**{"viewport": {"width": 320, "height": 256}})
def test_at_400_percent_no_page_scrolls_both_ways(
    page: Page, address: str, paths: list[str]
) -> None:
    """Neither as it is nor with as much space between letters, words and lines as a reader may ask."""
    wrong = []
    for path in paths:
        page.goto(f"{address}/{path}")
        page.evaluate(UNFOLD)
        if scrolls_sideways(page):
            wrong.append(path)
        page.add_style_tag(content=SPACING)
        if scrolls_sideways(page):
            wrong.append(f"{path}, spaced")
    assert wrong == []


def test_headings_are_in_order_and_tables_say_what_heads_what(
    real_book: Path, paths: list[str]
) -> None:
    tables = 0
    for path in paths:
        soup = BeautifulSoup((real_book / path).read_text(encoding="utf-8"), "html.parser")
        levels = [int(node.name[1]) for node in soup.find_all(re.compile("^h[1-6]$"))]
        assert levels[0] == 1 and levels.count(1) == 1, path
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
        for landmark in ("header.site", "main", "footer", "nav#quarto-sidebar"):
            assert len(soup.select(landmark)) == 1, f"{path}: {landmark}"
        for table in soup.select("main table"):
            tables += 1
            heads = table.select("thead th")
            assert heads, f"{path}: a table without a head"
            assert all(head.get("scope") in ("col", "colgroup") for head in heads), path
            region = table.find_parent(class_="scroll")
            assert region is not None, path
            assert region.get("aria-labelledby") or region.get("aria-label"), path
    assert tables > 30


# Weight and speed ----------------------------------------------------------------------------------


def loaded(context: BrowserContext, address: str, path: str, book: Path) -> dict[str, int]:
    """The compressed size of everything that a page loads by itself, by file."""
    found: dict[str, int] = {}

    def note(response: Response) -> None:
        file = book / response.url.removeprefix(f"{address}/").partition("?")[0]
        found[file.relative_to(book).as_posix()] = len(gzip.compress(file.read_bytes(), 6))

    page = context.new_page()
    page.on("response", note)
    page.goto(f"{address}/{path}", wait_until="load")
    page.close()
    return found


def test_no_page_is_heavy(
    browser: Browser, address: str, real_book: Path, paths: list[str]
) -> None:
    context = browser.new_context(**MODES["light desktop"])
    for path in (path for path in paths if path != "404.html"):
        files = loaded(context, address, path, real_book)
        assert {path, "assets/style.css", "assets/book.js"} <= files.keys()
        assert sum(files.values()) <= 600_000, f"{path}: {files}"
        if path == "index.html":
            bare = BeautifulSoup((real_book / path).read_bytes(), "html.parser")
            for drawing in bare.select("figure svg"):
                drawing.decompose()
            files[path] = len(gzip.compress(bare.encode(), 6))
            words = sum(size for name, size in files.items() if not name.endswith("-1.svg"))
            assert words <= 150_000, files
    context.close()


@pytest.mark.parametrize("path", ["index.html", "chapters/nudges.html"])
def test_a_page_is_seen_at_once_and_stands_still(browser: Browser, address: str, path: str) -> None:
    """At the best of five times, since other tests may have the processors."""
    seen: list[dict[str, float]] = []
    while len(seen) < 5 and not any(at["paint"] < 1000 and at["shift"] == 0 for at in seen):
        context = browser.new_context(**MODES["light desktop"])
        context.add_init_script(WATCH)
        page = context.new_page()
        page.goto(f"{address}/{path}", wait_until="load")
        page.wait_for_function("window.seen.paint > 0")
        page.mouse.wheel(0, 30_000)
        seen.append(page.evaluate("window.seen"))
        context.close()
    assert any(0 < at["paint"] < 1000 and at["shift"] == 0 for at in seen), seen


# Tools ---------------------------------------------------------------------------------------------


def test_search_finds_what_stands_in_another_chapter(page: Page, address: str) -> None:
    page.goto(f"{address}/index.html")
    page.keyboard.press("/")
    page.keyboard.type("raking")
    page.locator("#search-results a", has_text="Glossary").first.click()
    page.wait_for_url(f"{address}/chapters/glossary.html#*")
    # What stands on every page, or in its head, is not found.
    page.keyboard.press("Control+k")
    page.keyboard.type('"incollection"')
    expect(page.locator("#search-status")).to_have_text('Nothing found for “"incollection"”')


def test_the_choice_of_dark_is_kept(page: Page, address: str) -> None:
    page.goto(f"{address}/chapters/levels.html")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_role("button", name="Dark mode").click()
    dark = page.evaluate(ground)
    assert dark != light
    page.reload()
    assert page.evaluate(ground) == dark
    page.goto(f"{address}/index.html")
    assert page.evaluate(ground) == dark


@pytest.mark.settings(**MODES["light desktop"], permissions=["clipboard-read", "clipboard-write"])
def test_code_folds_and_is_copied_and_so_is_the_reference(page: Page, address: str) -> None:
    page.goto(f"{address}/chapters/measurement.html")
    block = page.locator("details.code:visible").first
    code = block.locator("code.sourceCode")
    expect(code).to_be_hidden()
    block.locator("summary").click()
    expect(code).to_be_visible()
    block.get_by_role("button", name="Copy this code").click()
    copied = "navigator.clipboard.readText()"
    assert page.evaluate(copied) == code.text_content()
    page.get_by_role("link", name="Cite this chapter").click()  # which unfolds it
    page.get_by_role("button", name="Copy the reference").click()
    assert "In: Alone and together" in page.evaluate(copied)
    page.get_by_role("button", name="Copy the BibTeX entry").click()
    assert page.evaluate(copied).startswith("@incollection{coprod")


def test_a_figure_leads_to_its_numbers_in_the_next_tab(page: Page, address: str) -> None:
    page.goto(f"{address}/chapters/levels.html")
    figure = page.locator("#fig-levels-safety")
    picture = figure.get_by_role("img").first
    expect(picture).to_have_accessible_description(
        re.compile(r"^The numbers are in Table\s3\.1\.$")
    )
    expect(page.locator("#tbl-levels-items")).to_be_hidden()
    figure.get_by_role("link", name="Table 3.1", exact=True).click()
    expect(page.locator("#tbl-levels-items table")).to_be_in_viewport()


@pytest.mark.settings(**MODES["light phone"])
def test_what_data_it_is_stays_in_sight(page: Page, address: str) -> None:
    page.goto(f"{address}/chapters/nudges.html")
    for depth in (0, 0.5, 1):
        page.evaluate(f"scrollTo(0, document.body.scrollHeight * {depth})")
        expect(page.locator("header.site .notice")).to_be_in_viewport()


def test_a_page_that_is_missing_leads_home_from_any_depth(browser: Browser, address: str) -> None:
    context = browser.new_context(**MODES["light desktop"])
    page = context.new_page()
    answer = page.goto(f"{address}/chapters/deeper/still/none.html")
    assert answer is not None and answer.status == 404
    expect(page.locator("h1")).to_have_text("There is no such page")
    page.keyboard.press("/")
    page.keyboard.type("raking")
    page.locator("#search-results a", has_text="Glossary").first.click()
    page.wait_for_url(f"{address}/chapters/glossary.html#*")
    page.go_back()
    page.locator("main").get_by_role("link", name="3 How much people do").click()
    page.wait_for_url(f"{address}/chapters/levels.html")
    context.close()


# The keyboard --------------------------------------------------------------------------------------

# Whether the element that has the focus shows it, is in sight, and lies under nothing else.
FOCUSED = """() => {
  const node = document.activeElement;
  if (node === document.body) return null;
  const style = getComputedStyle(node);
  const box = node.getClientRects()[0];
  const bar = document.querySelector("header.site");
  const inBar = bar.contains(node) || node.matches(".skip");
  const top = getComputedStyle(bar).position === "sticky" && innerWidth < 992 && !inBar
    ? bar.getBoundingClientRect().bottom : 0;
  return {
    name: (node.getAttribute("aria-label") || node.textContent).replace(/\\s+/g, " ").trim().slice(0, 60),
    shown: style.outlineStyle !== "none" || node.matches(".skip"),
    obscured: box.bottom <= top || box.top >= innerHeight,
  };
}"""


@pytest.mark.parametrize("mode", ["light desktop", "light phone"])
def test_a_page_is_read_with_the_keyboard_alone(browser: Browser, address: str, mode: str) -> None:
    context = browser.new_context(**MODES[mode])
    page = context.new_page()
    page.goto(f"{address}/chapters/levels.html")
    reached = []
    for _ in range(400):
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUSED)
        if found is None:
            break
        assert found["shown"], f"no focus is shown on {found['name']!r}"
        assert not found["obscured"], f"{found['name']!r} has the focus out of sight"
        reached.append(found["name"])
    assert reached[0] == "Skip to the text"
    assert reached[-1].startswith("Next")
    for name in ("Safety", "PNG of Figure 3.1", "Table 3.1", "Cite this chapter"):
        assert name in [each.replace("\\xa0", " ") for each in reached]
    # Back into the tabs, along them, and into the table that they hide.
    tab = page.get_by_role("tab", name="Safety")
    tab.focus()
    page.keyboard.press("End")
    numbers = page.get_by_role("tab", name="Numbers").first
    expect(numbers).to_be_focused()
    expect(page.locator("#tbl-levels-items table")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("tabpanel", name="Numbers").first).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Copy this code").first).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.locator("#tbl-levels-items .scroll")).to_be_focused()
    # Search, and back to where one was.
    page.keyboard.press("Control+k")
    expect(page.locator("#search-words")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#tbl-levels-items .scroll")).to_be_focused()
    context.close()


# No script, forced colours, paper --------------------------------------------------------------------


@pytest.mark.settings(**MODES["light phone"], java_script_enabled=False)
def test_without_scripts_a_page_is_whole(page: Page, address: str) -> None:
    page.goto(f"{address}/chapters/levels.html")
    for label in ("#fig-levels-safety", "#fig-levels-health", "#tbl-levels-items"):
        expect(page.locator(label)).to_be_visible()
    expect(page.locator("#quarto-sidebar")).to_be_visible()
    for hidden in (".tools", ".tablist", ".copy", "#search"):
        expect(page.locator(hidden).first).to_be_hidden()
    page.locator("#cite > summary").click()
    expect(page.get_by_text("@incollection{coprod")).to_be_visible()
    assert not scrolls_sideways(page)


@pytest.mark.settings(**MODES["light desktop"], forced_colors="active")
def test_where_colours_are_forced_one_still_sees_where_one_is(page: Page, address: str) -> None:
    page.goto(f"{address}/chapters/levels.html")
    for selector in ('#quarto-sidebar [aria-current="page"]', '[role="tab"][aria-selected="true"]'):
        expect(page.locator(selector).first).to_have_css("outline-style", "solid")
    chosen, other = (
        page.locator(f'[role="tab"][aria-selected="{value}"]').first for value in ("true", "false")
    )
    expect(other).to_have_css("outline-style", "none")
    expect(chosen).to_be_visible()


def test_a_page_is_printed_whole_and_without_what_a_screen_needs(page: Page, address: str) -> None:
    page.goto(f"{address}/chapters/levels.html")
    sheets = PdfReader(io.BytesIO(page.pdf(format="A4", prefer_css_page_size=True))).pages
    texts = [sheet.extract_text() for sheet in sheets]
    whole = re.sub(r"\s+", " ", " ".join(texts).replace("\xa0", " "))
    for words in ("How much people do", "Figure 3.1", "Figure 3.3", "Table 3.1", "Synthetic data"):
        assert words in whole
    assert "In: Alone and together" in whole  # how to cite it is not folded
    for words in ("Search", "Skip to the text", "On this page", "Download", "Next"):
        assert words not in whole.split()
    assert all(len(text.split()) > 5 for text in texts)
