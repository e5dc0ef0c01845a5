"""The explorer: its arithmetic is that of coprod.power, and everybody can use it."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, Page, expect, sync_playwright

from coprod import open_panel
from coprod.paths import PROJECT
from coprod.power import Trial, detectable, errors
from coprod.show.explorer import explorer

PANEL = open_panel()
TRIAL = Trial.of(PANEL, "signup", adjustment="strata")
MADE = explorer(TRIAL, PANEL).html
STYLE = (PROJECT / "coprod" / "render" / "templates" / "style.css").read_text(encoding="utf-8")
PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Explorer</title>'
    f"<style>{STYLE}</style></head><body><main><h1>Design</h1><h2>Power</h2>{MADE}</main></body></html>"
)


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: asked.append(str(error)))
    page.set_content(PAGE)
    yield page
    assert asked == []
    context.close()


def shown(page: Page) -> dict[str, str]:
    """What the page says, by name."""
    found = page.locator("[data-says]")
    return {
        str(found.nth(i).get_attribute("data-says")): str(found.nth(i).text_content())
        for i in range(found.count())
    }


@pytest.mark.browser
def test_the_arithmetic_is_that_of_the_package(page: Page) -> None:
    designs = itertools.product(
        (50, 525, 3000), (1, 5, 20), (2, 4, 6), (0.01, 0.13, 0.6), (0.0, 0.005, 0.03, 0.2)
    )
    compute = "given => document.querySelector('.explorer').compute(given)"
    for respondents, areas, arms, baseline, effect in designs:
        trial = Trial(respondents, areas, arms, baseline=baseline)
        row = errors(trial, [effect]).iloc[0]
        names = ("respondents", "areas", "arms", "baseline", "effect")
        given = (respondents, areas, arms, baseline, effect)
        found = page.evaluate(compute, dict(zip(names, given, strict=True)))
        expected = {
            "power": row["power"],
            "detectable": detectable(trial)["detectable"].item(),
            "extra": row["extra"],
            "exaggeration": row["type_m"],
        }
        for name, value in expected.items():
            if math.isnan(value):
                assert math.isnan(found[name]), (name, given)
            else:
                assert found[name] == pytest.approx(value, rel=1e-9, abs=1e-10), (name, given)


@pytest.mark.browser
def test_the_page_starts_from_what_python_wrote(page: Page, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    without = context.new_page()
    without.set_content(PAGE)
    assert shown(without) == shown(page)
    expect(without.locator("form")).to_be_hidden()
    expect(page.locator("form")).to_be_visible()
    context.close()


@pytest.mark.browser
def test_the_keyboard_moves_every_slider(page: Page) -> None:
    labels = [
        "Areas",
        "Respondents an area",
        "Arms, with control",
        "Sign up without a nudge",
        "True effect of the nudge",
    ]
    for label in labels:
        slider = page.get_by_role("slider", name=re.compile(f"^{label}"))
        expect(slider).to_have_count(1)
        slider.focus()
        before, said = shown(page), slider.get_attribute("aria-valuetext")
        page.keyboard.press("End")
        assert slider.get_attribute("aria-valuetext") != said
        assert shown(page) != before, label
        page.keyboard.press("Home")
        assert "NaN" not in "".join(shown(page).values())


@pytest.mark.browser
def test_no_slider_leads_to_more_than_everybody(page: Page) -> None:
    for name in ("baseline", "effect"):
        page.locator(f"#explorer-{name}").focus()
        page.keyboard.press("End")
    page.locator("#explorer-arms").focus()
    page.keyboard.press("End")
    page.locator("#explorer-respondents").focus()
    page.keyboard.press("Home")
    page.locator("#explorer-areas").focus()
    page.keyboard.press("Home")
    found = shown(page)
    assert found["extra"] == "200" and found["power"].endswith("%")


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing(browser: Browser, scheme: str, width: int) -> None:
    context = browser.new_context(
        color_scheme=scheme,  # type: ignore[arg-type]
        viewport={"width": width, "height": 800},
    )
    page = context.new_page()
    page.set_content(PAGE)
    found = Axe().run(page).response["violations"]
    assert [violation["id"] for violation in found] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()


def test_every_slider_has_a_label_and_the_page_names_its_data() -> None:
    soup = BeautifulSoup(MADE, "html.parser")
    for slider in soup.find_all("input"):
        assert soup.find("label", attrs={"for": slider["id"]})
    assert "synthetic panel" in soup.get_text().lower()
    assert "http" not in MADE


def test_a_panel_larger_than_the_sliders_stretches_them() -> None:
    large = Trial(respondents=9_990, areas=40, arms=9, baseline=0.7)
    soup = BeautifulSoup(explorer(large, PANEL).html, "html.parser")
    for slider in soup.find_all("input"):
        low, value, high = (float(str(slider[name])) for name in ("min", "value", "max"))
        assert low <= value <= high
