"""Takes the README's pictures of a finished book: ``make pictures``.

They show a figure on a desktop, in light, and how a chapter begins on a phone, in the dark.
"""

from __future__ import annotations

import argparse
import io
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

PROJECT = Path(__file__).resolve().parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
COLOURS = 256
"""So many tell text, figures and their shades apart, in a third of the bytes."""


@dataclass(frozen=True)
class Picture:
    """What is seen, and on what.

    Attributes
    ----------
    name
        Of the file, in ``docs``.
    page
        In the book.
    shown, above
        What stands at the top, and the room that is left above it.
    width, height, scale
        The screen, and how many dots it has for each of its pixels.
    scheme
        Light or dark.
    """

    name: str
    page: str
    shown: str
    above: int
    width: int
    height: int
    scale: int
    scheme: Literal["light", "dark"]


PICTURES = (
    Picture("desktop.png", "chapters/levels.html", "#sec-levels-gap", 32, 1280, 844, 1, "light"),
    # There, a bar stays at the top.
    Picture("phone.png", "chapters/nudges.html", "#sec-nudges", 104, 390, 844, 2, "dark"),
)


def main() -> None:
    """Take both pictures."""
    parser = argparse.ArgumentParser(prog="make pictures", description=__doc__)
    parser.add_argument("--book", type=Path, default=PROJECT / "_book", help="the book's folder")
    parser.add_argument("--out", type=Path, default=PROJECT / "docs", help="where they go")
    given = parser.parse_args()
    for picture in PICTURES:
        if not (given.book / picture.page).is_file():
            parser.error(f"{given.book} has no {picture.page}; run make render")
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        parser.error(f"one of {', '.join(BROWSERS)} must be on the PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        for picture in PICTURES:
            file = given.out / picture.name
            take(browser, given.book, picture).save(file, optimize=True)
            print(f"{file}: {file.stat().st_size // 1000} kB")
        browser.close()


def take(browser: Browser, book: Path, picture: Picture) -> Image.Image:
    """One picture of a page as it is seen."""
    tab = browser.new_page(
        viewport={"width": picture.width, "height": picture.height},
        device_scale_factor=picture.scale,
        color_scheme=picture.scheme,
        reduced_motion="reduce",
    )
    tab.goto((book / picture.page).resolve().as_uri())
    tab.evaluate("document.fonts.ready")
    tab.locator(picture.shown).evaluate(
        "(element, above) => window.scrollTo({"
        "  top: element.getBoundingClientRect().top + window.scrollY - above, behavior: 'instant'})",
        picture.above,
    )
    with Image.open(io.BytesIO(tab.screenshot(animations="disabled"))) as seen:
        small = seen.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    tab.close()
    return small


if __name__ == "__main__":
    main()
