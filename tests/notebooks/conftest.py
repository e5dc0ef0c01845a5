"""How nbval runs the notebooks: as the build runs their chapters, with pictures compared by being there."""

from __future__ import annotations

import functools
import os
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from unittest import mock

import pytest
from jupyter_client.manager import KernelManager
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, NbvalKernelspecManager, RunningKernel
from nbval.plugin import IPyNbFile

from coprod.paths import PROJECT
from coprod.render.chapter import read_chapters
from coprod.render.environment import kernel_environment
from coprod.render.execute import STARTING
from coprod.render.kernels import ForkingProvisioner
from coprod.render.notebook import CSV, notebook_name
from coprod.render.nursery import Nursery, nursery
from coprod.render.project import open_book

# A picture's last digits differ between processors, so a kept notebook only names it (PICTURE in
# coprod.render.notebook). A picture that is missing or one too many still fails.
PICTURES = {r"\A<\?xml [\s\S]*</svg>\s*\Z": "a picture", r"\AiVBORw0KGgo[\w+/=\s]*\Z": "a picture"}

# Open until the tests of this process end.
OPEN = ExitStack()


@functools.cache
def forking() -> Nursery | None:
    """What forks the kernels of all notebooks, as in a build: each would take seconds to import the same."""
    return OPEN.enter_context(nursery(kernel_environment()))


def pytest_unconfigure() -> None:
    OPEN.close()


class ForkedKernel(RunningKernel):
    """A kernel that is forked, for whatever nbval asks of one."""

    def __init__(self, folder: str, kernels: Nursery) -> None:
        self.km = KernelManager(
            kernel_name=CURRENT_ENV_KERNEL_NAME, kernel_spec_manager=NbvalKernelspecManager()
        )
        self.km.provisioner = ForkingProvisioner(
            kernel_id="", kernel_spec=self.km.kernel_spec, parent=self.km
        )
        self.km.provisioner.nursery = kernels
        self.km.start_kernel(cwd=folder, env=kernel_environment())
        self.kc = self.km.client()
        self.kc.start_channels()
        self.kc.wait_for_ready(timeout=STARTING)
        self._ensure_iopub_up()


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
        folder = str(folders.get(self.path.name, self.path.parent))
        if kernels := forking():
            self.kernel = ForkedKernel(folder, kernels)
        else:
            with mock.patch.dict(os.environ, kernel_environment()):
                self.kernel = RunningKernel(CURRENT_ENV_KERNEL_NAME, cwd=folder)


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
