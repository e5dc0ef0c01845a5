"""Kernels that are forked from one process: as good as new ones, and gone with whoever asked."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from coprod.render.environment import kernel_environment
from coprod.render.kernels import kernel_manager
from coprod.render.nursery import FORKS, Nursery, nursery

pytestmark = pytest.mark.skipif(not FORKS, reason="kernels are forked on Linux only")


def said(kernels: Nursery, folder: Path, code: str, private: Path) -> str:
    """What a forked kernel prints."""
    notebook = new_notebook(cells=[new_code_cell(code)])

    manager = kernel_manager(private, kernels)

    async def run() -> None:
        client = NotebookClient(
            notebook,
            km=manager,
            resources={"metadata": {"path": str(folder)}},
        )
        await client.async_start_new_kernel(env=kernel_environment() | {"GIVEN": "yes"})
        await client.async_start_new_kernel_client()
        await client.async_execute_cell(notebook["cells"][0], 0)
        await manager.shutdown_kernel(now=True)
        assert client.kc is not None
        client.kc.stop_channels()

    asyncio.run(run())
    return str(notebook["cells"][0]["outputs"][0]["text"])


def gone(process: int) -> bool:
    """Whether a process has ended, be it that nobody has asked for its end yet."""
    stat = Path(f"/proc/{process}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"


def test_a_forked_kernel_is_where_and_what_it_should_be(tmp_path: Path) -> None:
    (tmp_path / "module_beside.py").write_text("found = 1\n")
    code = (
        "import sys, os\n"
        "before = 'coprod' in sys.modules, 'pandas' in sys.modules\n"
        "import module_beside, matplotlib, coprod\n"
        "print(before, os.environ['GIVEN'], os.getcwd(), matplotlib.get_backend(), __name__,"
        " hash('a'), len(sys.argv))"
    )
    with nursery(kernel_environment()) as kernels:
        assert kernels is not None
        first, second = (said(kernels, tmp_path, code, tmp_path) for _ in range(2))
    assert first == second
    assert first.startswith(f"(False, True) yes {tmp_path} ")
    assert "inline" in first and "__main__" in first


def test_what_a_module_prints_that_is_imported_is_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('Welcome', 12)\nprint(13)\nprint([1])\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with nursery(kernel_environment(), preload=False) as kernels:
        assert kernels is not None
        assert said(kernels, tmp_path, "print(1 + 1)", tmp_path) == "2\n"


def test_where_the_path_of_a_socket_would_be_too_long_kernels_take_ports(tmp_path: Path) -> None:
    assert kernel_manager(Path("/k"), None).transport == "ipc"
    assert kernel_manager(tmp_path / ("long" * 25), None).transport == "tcp"


def test_kernels_end_with_the_process_that_made_them(tmp_path: Path) -> None:
    kernels = Nursery(kernel_environment())
    arguments = ["-f", str(tmp_path / "kernel.json")]
    forked = kernels.start(arguments, str(tmp_path), os.environ)
    assert forked.poll() is None
    kernels.process.send_signal(signal.SIGKILL)
    kernels.process.wait()
    for _ in range(50):
        if gone(forked.pid) and forked.poll() is not None:
            break
        time.sleep(0.1)
    assert gone(forked.pid)
    assert forked.poll() == -signal.SIGKILL
    with pytest.raises(OSError, match=r"no kernel|Broken pipe"):
        kernels.start(arguments, str(tmp_path), os.environ)


def test_closing_ends_the_kernels_that_are_left(tmp_path: Path) -> None:
    with nursery(kernel_environment()) as kernels:
        assert kernels is not None
        forked = kernels.start(["-f", str(tmp_path / "kernel.json")], str(tmp_path), os.environ)
    assert kernels.process.returncode == 0
    time.sleep(0.2)
    assert gone(forked.pid)


@pytest.mark.parametrize(("room", "noted"), [(10_000, True), (20, False)])
def test_notes_that_cannot_be_written_whole_are_none_and_stop_no_cell(
    tmp_path: Path, room: int, noted: bool
) -> None:
    code = f"""
import resource
from pathlib import Path
from coprod.render.kernel import _note_what_is_read
resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, {room}))
_note_what_is_read(Path("notes"))
print(Path("read.txt").read_text(), Path("read.txt").read_text())
"""
    (tmp_path / "read.txt").write_text("found")
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert run.stdout == "found found\n"
    notes = tmp_path / "notes"
    assert notes.exists() is noted
    if noted:
        assert f"file {tmp_path / 'read.txt'}" in notes.read_text().splitlines()
