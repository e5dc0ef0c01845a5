"""How nbval runs the notebooks: as the build runs their chapters, with pictures compared by being there."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from unittest import mock

import pytest
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, RunningKernel
from nbval.plugin import IPyNbFile

from coprod.paths import PROJECT
from coprod.render.chapter import read_chapters
from coprod.render.execute import kernel_environment
from coprod.render.notebook import CSV, notebook_name
from coprod.render.project import open_book

# A picture's last digits differ between processors, so a kept notebook only names it (PICTURE in
# coprod.render.notebook). A picture that is missing or one too many still fails.
PICTURES = {r"\A<\?xml [\s\S]*</svg>\s*\Z": "a picture", r"\AiVBORw0KGgo[\w+/=\s]*\Z": "a picture"}


class ChapterNotebook(IPyNbFile):
    """A chapter's notebook: its kernel stands in the chapter's folder."""

    skip_compare: tuple[str, ...]

    def setup(self) -> None:
        compared = (key for key in self.skip_compare if not key.startswith("image/"))
        self.skip_compare = (*compared, CSV)
        self.sanitize_patterns.update(PICTURES)
        folders = {
            notebook_name(chapter): (PROJECT / chapter.entry.source).parent
            for chapter in read_chapters(open_book(PROJECT))
        }
        with mock.patch.dict(os.environ, kernel_environment()):
            self.kernel = RunningKernel(
                CURRENT_ENV_KERNEL_NAME, cwd=str(folders.get(self.path.name, self.path.parent))
            )


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    return [
        ChapterNotebook.from_parent(parent, path=file_path)
        if isinstance(collector, IPyNbFile)
        else collector
        for collector in (yield)
    ]
