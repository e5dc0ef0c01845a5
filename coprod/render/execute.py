"""Runs chapters: each in a kernel of its own, several at once, with errors that name their line."""

from __future__ import annotations

import asyncio
import contextlib
import re
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode, ValidationError

from coprod.errors import BookError, Fault
from coprod.render.bytecode import know_by_content
from coprod.render.chapter import Cell, Chapter
from coprod.render.environment import kernel_environment
from coprod.render.kept import Kept
from coprod.render.kernels import UNHEARD, kernel_manager
from coprod.render.keys import PACKAGE, project_files
from coprod.render.notebook import chapter_notebook, has_code, source_lines
from coprod.render.nursery import Nursery
from coprod.render.project import Book
from coprod.render.told import READ_VARIABLE

__all__ = ["TIMEOUT", "Progress", "run_chapters"]

# Called with a chapter's source, the number of cells run so far and the number in all.
Progress = Callable[[str, int, int], None]

TIMEOUT = 600
"""After how many seconds a cell is stopped, unless a build says otherwise."""
STARTING = 120
"""For how many seconds a kernel is waited for: long, since a machine may be busy."""
LONGEST = 2_000
"""The most characters that are said of what a cell has raised."""
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def run_chapters(
    book: Book,
    chapters: Sequence[Chapter],
    kernels: Nursery | None,
    jobs: int = 2,
    timeout: int = TIMEOUT,
    progress: Progress | None = None,
    kept: Kept | None = None,
) -> list[NotebookNode]:
    """Run chapters.

    Parameters
    ----------
    book
        The project.
    chapters
        Its chapters.
    kernels
        What forks their kernels (:func:`coprod.render.nursery.nursery_for`); with none, each is started anew.
    jobs
        How many chapters run at once.
    timeout
        After how many seconds a cell is stopped.
    progress
        Told after each cell.
    kept
        Where their results are kept, if anywhere.

    Returns
    -------
    list of NotebookNode
        The chapters' notebooks with their outputs, in the order given.

    Raises
    ------
    BookError
        When a cell raises, hangs or kills its kernel: chapter, cell, line and exception.
    """

    async def run_all() -> list[NotebookNode]:
        limit = asyncio.Semaphore(jobs)

        async def run(chapter: Chapter) -> NotebookNode:
            async with limit:
                return await _run_chapter(book, chapter, kernels, timeout, progress, kept)

        tasks = [asyncio.create_task(run(chapter)) for chapter in wanted]
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    done = {c.entry.source: chapter_notebook(c) for c in chapters if not has_code(c)}
    # Those with the most code first: the one that takes longest should not be the last to begin.
    wanted = sorted(
        (chapter for chapter in chapters if chapter.entry.source not in done),
        key=lambda chapter: -sum(len(cell.text) for cell in chapter.cells),
    )
    if wanted:
        know_by_content(sorted(PACKAGE.rglob("*.py")))
        own = (book.folder / name for name in project_files(book.folder, book.output.resolve()))
        know_by_content((file for file in own if file.suffix == ".py"), all_of_them=False)
        ran = asyncio.run(run_all())
        done |= {chapter.entry.source: each for chapter, each in zip(wanted, ran, strict=True)}
    return [done[chapter.entry.source] for chapter in chapters]


async def _run_chapter(
    book: Book,
    chapter: Chapter,
    kernels: Nursery | None,
    timeout: int,
    progress: Progress | None,
    kept: Kept | None,
) -> NotebookNode:
    notebook = chapter_notebook(chapter)
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    source = chapter.entry.source
    current: list[NotebookNode] = []
    done = 0

    def started(cell: NotebookNode, cell_index: int) -> None:
        current[:] = [cell]

    def finished(cell: NotebookNode, cell_index: int, execute_reply: Any) -> None:
        nonlocal done
        done += 1
        if progress:
            progress(source, done, len(code))

    # The connection file and the sockets stand in a folder that only this user can read.
    # Its name is short, as those of sockets have to be.
    with tempfile.TemporaryDirectory(prefix="k", ignore_cleanup_errors=True) as private:
        manager = kernel_manager(Path(private), kernels)
        client = NotebookClient(
            notebook,
            km=manager,
            log=UNHEARD,
            # What prepares the kernel is not the reader's: on a busy machine it takes as long as it takes.
            timeout_func=lambda cell: _limit(cell, timeout),
            allow_errors=False,
            store_widget_state=False,
            record_timing=False,
            extra_arguments=["--HistoryManager.enabled=False"],
            resources={"metadata": {"path": str((book.folder / source).parent)}},
            on_cell_execute=started,
            on_cell_executed=finished,
        )
        read = Path(private) / "read"
        environment = {**kernel_environment(), "IPYTHONDIR": private}
        if kept:
            environment[READ_VARIABLE] = str(read)
        try:
            # Not the client's own context, which takes Ctrl-C for itself.
            try:
                await client.async_start_new_kernel(env=environment)
                client.kc = manager.client()
                client.kc.start_channels()
                await _answers(client.kc, manager)
            except (OSError, RuntimeError) as error:
                raise _not_started(source, kernels, error) from None
            client.kc.allow_stdin = False
            for index, cell in enumerate(notebook["cells"]):
                await client.async_execute_cell(cell, index)
            if kept:
                kept.keep(chapter, notebook, read)
        except CellExecutionError as error:
            raise _fault(
                chapter, current[0], _line(error.traceback), f"{error.ename}: {error.evalue}"
            ) from None
        except ValidationError as error:
            said = f"it gives what no notebook can hold: {error.message}"
            raise _fault(chapter, current[0], None, said) from None
        except CellTimeoutError:
            raise _fault(
                chapter,
                current[0],
                None,
                f"it was stopped after {_limit(current[0], timeout)} seconds",
            ) from None
        except DeadKernelError:
            # The client takes being cancelled for a dead kernel.
            task = asyncio.current_task()
            if task and task.cancelling():
                raise asyncio.CancelledError from None
            raise _fault(
                chapter, current[0], None, "its kernel died, perhaps for lack of memory"
            ) from None
        finally:
            if manager.has_kernel:
                await manager.shutdown_kernel(now=True)
            if client.kc is not None:
                client.kc.stop_channels()
    return notebook


async def _answers(client: AsyncKernelClient, manager: AsyncKernelManager) -> None:
    """Wait until a kernel answers on both of its channels; Jupyter's own wait takes a fifth of a second longer.

    Raises
    ------
    RuntimeError
        When it has ended, or does not answer in time.
    """
    until = time.monotonic() + STARTING
    while time.monotonic() < until:
        client.kernel_info()
        with contextlib.suppress(Empty):
            await client.get_shell_msg(timeout=1)
            # A kernel says what it does only to those who have begun to listen.
            await client.get_iopub_msg(timeout=0.2)
            return
        if not await manager.is_alive():
            raise RuntimeError("it ended before it answered")
    raise RuntimeError(f"it did not answer in {STARTING} seconds")


def _limit(cell: NotebookNode, timeout: int) -> int:
    """For how many seconds a cell may run: the set-up, which no chapter holds, as long as a start takes."""
    written = cell["metadata"]["coprod"]["block"] >= 0
    return timeout if written else max(timeout, STARTING)


def _not_started(source: str, kernels: Nursery | None, error: Exception) -> BookError:
    """What a kernel has said that could not start, or what was said of it."""
    said = (kernels.last_words() if kernels else "") or str(error)
    return BookError(f"the book cannot be rendered: no kernel for {source}", [Fault("", said)])


def _line(traceback: str) -> int | None:
    """The line of the cell at which it failed: the last frame that stands in a cell."""
    frames = re.findall(r"Cell In\[\d+\],? line (\d+)", COLOUR.sub("", traceback))
    return int(frames[-1]) if frames else None


def _fault(chapter: Chapter, cell: NotebookNode, line: int | None, what: str) -> BookError:
    lines = source_lines(chapter, cell)
    first = next(
        (index for index, each in enumerate(lines, 1) if not each.text.startswith("#|")), 1
    )
    place = lines[min(line or first, len(lines)) - 1].place
    index = cell["metadata"]["coprod"]["block"]
    block = chapter.blocks[index] if index >= 0 else None
    name = (
        block.name if isinstance(block, Cell) else "an inline expression" if block else "the set-up"
    )
    said = COLOUR.sub("", what).strip() or what
    said = said if len(said) <= LONGEST else f"{said[:LONGEST]} …"
    return BookError(
        f"the book cannot be rendered: {name} of {chapter.entry.source} failed",
        [Fault(place, said)],
    )
