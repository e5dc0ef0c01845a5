"""Takes the README's picture of a page of a finished book: ``.venv/bin/python docs/picture.py [PAGE]``."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

PROJECT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Open the page and take the picture, light, 1280 by 900."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", nargs="?", default="chapters/levels.html", help="within the book")
    parser.add_argument("--book", type=Path, default=PROJECT / "_book", help="the book's folder")
    parser.add_argument("--out", type=Path, default=PROJECT / "docs" / "page.png")
    given = parser.parse_args()
    page = (given.book / given.page).resolve()
    if not page.is_file():
        parser.error(f"the book has no {given.page}; make it with make render")
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if not browser:
        parser.error("chromium or google-chrome must be on the PATH")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        tab = chromium.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light")
        tab.goto(page.as_uri())
        tab.screenshot(path=given.out)
        chromium.close()
    print(f"Written to {given.out}")


if __name__ == "__main__":
    main()
