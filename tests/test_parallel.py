"""Runs in one process, several and on a real Dask cluster: the same numbers, and no remains."""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import cache

import numpy as np
import pandas as pd
import psutil
import pytest

from coprod import parallel
from coprod.errors import ValidityError
from coprod.parallel import add_arguments, command, run, show_progress
from tests.elsewhere import busy, simulate


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a scheduler with two workers, processes that end with the tests."""
    address = f"tcp://127.0.0.1:{free_port()}"
    dask = [sys.executable, "-m", "distributed.cli.dask_"]
    scheduled = ["scheduler", "--host", "127.0.0.1", "--port", address.rpartition(":")[2]]
    worker = ["worker", address, "--nthreads", "1", "--no-nanny", "--death-timeout", "20"]
    worker += ["--local-directory", str(tmp_path_factory.mktemp("dask"))]
    started = []
    try:
        for what, *given in (scheduled, worker, worker):
            line = [*dask[:2], dask[2] + what, *given, "--no-dashboard"]
            started.append(subprocess.Popen(line, stderr=subprocess.DEVNULL))
        await_listener(address)
        from distributed import Client

        with Client(address, timeout=20, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=30)
        yield address
    finally:
        for process in started:
            process.kill()
            process.wait()


def await_listener(address: str) -> None:
    port = int(address.rpartition(":")[2])
    for _ in range(200):
        with socket.socket() as line:
            if line.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("the scheduler did not start")


def workers() -> list[psutil.Process]:
    """The processes below this one that compute."""
    return [
        each
        for each in psutil.Process().children(recursive=True)
        if "popen_loky" in " ".join(each.cmdline())
    ]


@cache
def simulated(jobs: int) -> list[object]:
    seeds = np.random.SeedSequence(4).spawn(12)
    return list(run(simulate, [(seed,) for seed in seeds], jobs))


@pytest.mark.parametrize("jobs", [2, 3])
def test_any_number_of_processes_gives_the_same_numbers(jobs: int) -> None:
    assert simulated(jobs) == simulated(1)
    assert len(set(simulated(1))) == 12
    assert not workers()


def test_processes_are_others_with_one_thread_each() -> None:
    found = [divmod(int(str(each)), 1_000) for each in run(busy, [(i,) for i in range(12)], 2)]
    assert len({process for process, _ in found} - {os.getpid()}) == 2
    assert {threads for _, threads in found} == {1}
    assert list(run(busy, [(0,)], 1)) == [os.getpid() * 1_000 + 1]


def test_a_cluster_gives_the_same_numbers(scheduler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from coprod.recovery import recovery  # here, so that not every process has to import it

    alone = recovery(panels=2, draws=2)
    monkeypatch.setenv("COPROD_DASK", scheduler)
    with monkeypatch.context() as patched:
        patched.setattr(parallel, "_here", None)  # what runs here would fail
        there = recovery(panels=2, draws=2)
    pd.testing.assert_frame_equal(there, alone, check_exact=True)


def test_the_work_is_done_by_the_workers_of_the_cluster(scheduler: str) -> None:
    done = list(run(os.getpid, [()] * 60, scheduler))
    assert len(set(done)) == 2 and os.getpid() not in done
    commands = [" ".join(psutil.Process(int(str(process))).cmdline()) for process in set(done)]
    assert all("dask_worker" in line for line in commands)


@pytest.mark.parametrize("where", ["1", "2", "dask"])
def test_results_and_progress_come_in_order(where: str, request: pytest.FixtureRequest) -> None:
    jobs = request.getfixturevalue("scheduler") if where == "dask" else int(where)
    told: list[tuple[int, int]] = []
    found = list(run(divmod, [(i, 3) for i in range(50)], jobs, lambda *now: told.append(now)))
    assert found == [divmod(i, 3) for i in range(50)]
    assert told == [(i, 50) for i in range(1, 51)]


@pytest.mark.parametrize("where", ["1", "2", "dask"])
def test_an_exception_is_raised_as_it_is(where: str, request: pytest.FixtureRequest) -> None:
    jobs = request.getfixturevalue("scheduler") if where == "dask" else int(where)
    with pytest.raises(ZeroDivisionError, match="modulo"):
        list(run(divmod, [(7, 3 - i) for i in range(9)], jobs))
    assert not workers()


@pytest.mark.filterwarnings("error")
def test_a_run_that_is_stopped_leaves_nothing_behind() -> None:
    results = run(divmod, [(i, 3) for i in range(1_000)], 2)
    assert next(results) == (0, 0)
    assert workers()
    results.close()  # type: ignore[attr-defined]
    assert not workers()


@pytest.mark.parametrize("address", ["here", "tcp://", "http://127.0.0.1:80", "tcp://a:b"])
def test_what_is_no_address_is_said(address: str) -> None:
    with pytest.raises(ValidityError, match="is no address of a scheduler"):
        list(run(divmod, [(1, 1)], address))


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "PATIENCE", 0.5)
    address = f"tcp://127.0.0.1:{free_port()}"
    with pytest.raises(ValidityError, match=f"no scheduler answers at {address}"):
        list(run(divmod, [(1, 1)], address))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ValidityError, match=f"no scheduler answers at {address}"):
            list(run(divmod, [(1, 1)], address))


def test_a_cluster_that_loses_its_workers_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    from dask import config
    from distributed import LocalCluster

    monkeypatch.setattr(parallel, "PATIENCE", 0.5)
    with (
        LocalCluster(n_workers=0, processes=False, dashboard_address=":0", protocol="tcp") as none,
        pytest.raises(ValidityError, match="has no worker; `dask worker tcp"),
    ):
        list(run(divmod, [(1, 1)], none.scheduler_address))
    monkeypatch.setattr(parallel, "PATIENCE", 20)
    with (
        config.set({"distributed.scheduler.allowed-failures": 0}),
        LocalCluster(
            n_workers=1, threads_per_worker=1, dashboard_address=":0", silence_logs=50
        ) as cluster,
        pytest.raises(ValidityError, match="ended while they computed"),
    ):
        list(run(os._exit, [(1,)], cluster.scheduler_address))


def test_without_dask_the_package_to_install_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ValidityError, match=r'pip install "dask\[distributed\]"'):
        list(run(divmod, [(1, 1)], "tcp://127.0.0.1:8786"))


def test_less_than_one_process_is_refused() -> None:
    with pytest.raises(ValidityError, match="jobs: 0 is not possible"):
        list(run(divmod, [(1, 1)], 0))


def test_a_command_is_told_where_it_runs(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert parser.parse_args([]).jobs == os.cpu_count()
    assert parser.parse_args(["--jobs", "3"]).jobs == 3
    assert parser.parse_args(["--dask", "tcp://127.0.0.1:1"]).jobs == "tcp://127.0.0.1:1"
    with pytest.raises(SystemExit):
        parser.parse_args(["--dask", "tcp://127.0.0.1:1", "--jobs", "3"])
    assert "not allowed with" in capsys.readouterr().err


def test_a_mistake_on_a_command_line_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["coprod.recovery", "4", "--dask", "nowhere"])
    monkeypatch.setattr(parallel.signal, "signal", lambda *_: None)
    with pytest.raises(SystemExit, match="dask: 'nowhere' is no address"):
        command("coprod.recovery")


def test_progress_is_a_line_a_tenth_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for done in range(1, 2_001):
        show_progress(done, 2_000)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"{done:,} of 2,000" for done in range(200, 2_001, 200)]


def test_progress_is_a_bar_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    for done in range(1, 6):
        show_progress(done, 5)
    drawn = capsys.readouterr().err
    assert "━" in drawn and "5/5" in drawn
    assert drawn.rstrip("\n").endswith("\x1b[?25h") and show_progress.bar is None  # cursor is back
