"""What several tests share."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def find_browser() -> str | None:
    """The first browser on the PATH that the tests can drive."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


# Their tests take longest: they come first, so that no process is left with them at the end. Those that take
# the real book from another process come when it is made.
LONG = (
    "test_book.py",
    "test_faults.py",
    "test_example.py",
    "test_pages.py",
    "test_disclosure.py",
    "test_browser.py",
    "test_kept.py",
    "test_show.py",
    "test_broken_books.py",
    "test_experiment_recovery.py",
    "test_recovery.py",
    "test_claims.py",
    "test_parts.py",
    "test_specifications.py",
    "test_validation.py",
    "test_claim_recovery.py",
    "test_preview.py",
    "test_build.py",
    "test_parallel.py",
    "experiment_recovery.py",
    "claim_recovery.py",
)


def pytest_configure() -> None:
    """Let builds without a cache take what the statistics of this run have computed already."""
    # To look as often as usual for what is needed no longer, among all that tests import, takes a tenth of their time.
    gc.set_threshold(200_000, 50, 100)
    os.environ.setdefault("COPROD_CACHE", str(Path(__file__).parent.parent / ".cache"))


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


@contextmanager
def alone(tmp_path_factory: pytest.TempPathFactory, name: str) -> Iterator[Path]:
    """A folder of all processes of a run, for as long as the others wait."""
    # Here, since not every system has it.
    import fcntl

    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder / name


def render_once(
    tmp_path_factory: pytest.TempPathFactory, name: str, project: Path, cache: bool = False
) -> Path:
    """A book, rendered by the embedded engine once for all processes of a run."""
    # Here, since not every run needs it.
    from coprod.render.build import render

    with alone(tmp_path_factory, name) as folder:
        out = folder / "book"
        if not out.exists():  # it is moved there when it is whole
            render(project, "embedded", out=out, cache=cache)
    return out


@pytest.fixture(scope="session")
def statistics_seconds(tmp_path_factory: pytest.TempPathFactory) -> float:
    """How many processor seconds it takes to compute what chapters remember, of which nothing is there.

    At the usual pace, and once for all processes of a run. Builds of the real book then find it in the project's own
    folder.
    """
    from coprod.paths import CACHE, PROJECT
    from coprod.render.chapter import read_chapters
    from coprod.render.project import open_book
    from tests.pace import measured_pace

    with alone(tmp_path_factory, "statistics") as folder, pytest.MonkeyPatch.context() as patch:
        said = folder / "seconds"
        if not said.exists():
            patch.setenv("COPROD_CACHE", str(folder / "cache"))
            sources = ("chapters/correlates.qmd", "chapters/robustness.qmd")
            with measured_pace() as pace:
                for chapter in read_chapters(open_book(PROJECT)):
                    if chapter.entry.source in sources:
                        names: dict[str, object] = {}
                        for cell in chapter.cells:
                            exec("\n".join(line.text for line in cell.code), names)
                        assert "panel" in names
            shutil.copytree(folder / "cache", CACHE, dirs_exist_ok=True)
            said.write_text(str(pace.seconds))
        return float(said.read_text())


@pytest.fixture(scope="session")
def conformance_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The conformance book."""
    project = Path(__file__).parent / "conformance" / "book"
    return render_once(tmp_path_factory, "conformance", project)


@pytest.fixture(scope="session")
def real_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This book itself, of what an earlier build has kept: test_book.py holds it against one that computes all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("COPROD_CACHE")
        return render_once(tmp_path_factory, "real", Path(__file__).parent.parent, cache=True)
