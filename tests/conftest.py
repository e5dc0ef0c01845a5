"""What several tests share."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from coprod.render.build import render

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def find_browser() -> str | None:
    """The first browser on the PATH that the tests can drive."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the browser tests out where there is no browser, but never in CI: there they fail."""
    if find_browser() or os.environ.get("CI"):
        return
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(
                pytest.mark.skip(reason=f"none of {', '.join(BROWSERS)} is on the PATH")
            )


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the browser."""
    found = find_browser()
    assert found, f"the browser tests need one of {', '.join(BROWSERS)} on the PATH"
    return found


@pytest.fixture(scope="session")
def conformance_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The conformance book, rendered once by the embedded engine."""
    project = Path(__file__).parent / "conformance" / "book"
    return render(project, "embedded", out=tmp_path_factory.mktemp("conformance") / "book").out
