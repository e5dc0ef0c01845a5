"""What several tests share."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def find_browser() -> str | None:
    """The first browser on the PATH that the tests can drive."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


# Their tests take longest: they come first, so that no process is left with them at the end.
LONG = (
    "test_book.py",
    "test_faults.py",
    "test_pages.py",
    "test_example.py",
    "test_robustness.py",
    "test_recovery.py",
    "test_experiment_recovery.py",
    "test_preview.py",
    "test_validation.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the long files, and leave the browser tests out where there is no browser.

    But never in CI: there they fail.
    """
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))
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


def processor_seconds() -> float:
    """What this process and those that it started and ended have used."""
    import resource

    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def render_once(tmp_path_factory: pytest.TempPathFactory, name: str, project: Path) -> Path:
    """A book, rendered by the embedded engine once for all processes of a run.

    Beside it stands how many processor seconds that took.
    """
    # Here, since not every run needs them, nor has every system the first.
    import fcntl

    from coprod.render.build import render

    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    out = folder / name / "book"
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not out.exists():  # it is moved there when it is whole
            started = processor_seconds()
            render(project, "embedded", out=out, cache=False)
            (out.parent / "seconds").write_text(str(processor_seconds() - started))
    return out


@pytest.fixture(scope="session")
def conformance_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The conformance book."""
    project = Path(__file__).parent / "conformance" / "book"
    return render_once(tmp_path_factory, "conformance", project)


@pytest.fixture(scope="session")
def real_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This book itself."""
    return render_once(tmp_path_factory, "real", Path(__file__).parent.parent)
