"""The same function on many arguments, in one process, several or a cluster, in a fixed order.

Every call computes with one thread, so that linear algebra adds up in the same order wherever it
runs: results are the same for any number of processes.
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import socket
import sys
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import CancelledError
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from threadpoolctl import threadpool_limits

from coprod.errors import CoprodError, ValidityError

if TYPE_CHECKING:
    from distributed import Client, Future

__all__ = ["Progress", "Workers", "add_arguments", "command", "run", "show_progress"]

Progress = Callable[[int, int], None]
"""Told how many are done, and of how many."""

Workers = int | str
"""How many processes of this machine, or the address of a Dask scheduler."""

Results = Generator[object, None, None]

PATIENCE = 5
"""Seconds that a scheduler has to answer, and a worker to be there."""

AHEAD = 4
"""Calls for each thread of a cluster that are handed over before their results are asked for."""


def run(
    function: Callable[..., object],
    arguments: Sequence[tuple[object, ...]],
    jobs: Workers,
    progress: Progress | None = None,
) -> Iterator[object]:
    """Results of a function in the order of its arguments, as they come.

    Nothing stays behind when the results are all there, a call fails or the run is stopped.

    Parameters
    ----------
    function
        Of a module, so that another process finds it.
    arguments
        Its arguments, one tuple a call.
    jobs
        How many processes: 1 is this one, more are started by joblib. Or the address of a Dask
        scheduler, e.g. 'tcp://127.0.0.1:8786', whose workers must be processes of the same
        environment, so that they import the same `coprod`. The environment variable
        ``COPROD_DASK`` is such an address for every run that is given a number.
    progress
        Told how many calls are done, and of how many, after each.

    Yields
    ------
    object
        Results. An exception of a call is raised as it is.

    Raises
    ------
    ValidityError
        If there is less than one process, Dask is not installed, the address is none, nothing
        answers there, no worker is there, or the workers fail.

    Examples
    --------
    >>> list(run(divmod, [(7, 2), (9, 4)], jobs=1))
    [(3, 1), (2, 1)]
    """
    address = jobs if isinstance(jobs, str) else os.environ.get("COPROD_DASK")
    if isinstance(jobs, int) and jobs < 1:
        raise ValidityError(f"jobs: {jobs} is not possible; it takes at least one process")
    if address:
        results = _on_cluster(function, arguments, address)
    elif jobs == 1:
        results = _here(function, arguments)
    else:
        results = _in_processes(function, arguments, int(jobs))
    with closing(results):
        for done, result in enumerate(results, 1):
            if progress:
                progress(done, len(arguments))
            yield result


def _here(function: Callable[..., object], arguments: Sequence[tuple[object, ...]]) -> Results:
    for given in arguments:
        with threadpool_limits(1):
            result = function(*given)
        yield result


def _call(function: Callable[..., object], given: tuple[object, ...]) -> object:
    """One call in a worker, which keeps to one thread from then on."""
    threadpool_limits(1)
    return function(*given)


def _in_processes(
    function: Callable[..., object], arguments: Sequence[tuple[object, ...]], jobs: int
) -> Results:
    from joblib import Parallel, delayed
    from joblib.externals.loky import get_reusable_executor

    parallel = Parallel(jobs, backend="loky", return_as="generator")
    results = parallel(delayed(_call)(function, given) for given in arguments)
    try:
        for result in results:  # noqa: UP028 - a run that is stopped is to close it below
            yield result
    except BrokenProcessPool:
        raise ValidityError(
            "jobs: a process ended while it computed, perhaps for lack of memory; give fewer of them"
        ) from None
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            results.close()
    # joblib would keep its processes for another run. When one fails or stops, it ends them.
    get_reusable_executor(reuse=True).shutdown()


def _on_cluster(
    function: Callable[..., object], arguments: Sequence[tuple[object, ...]], address: str
) -> Results:
    # Not through joblib's Dask backend: it waits for ever when a worker or the scheduler is lost.
    with _connected(address) as client:
        ahead = AHEAD * sum(client.nthreads().values())
        waiting: deque[Future] = deque()
        for given in arguments:
            waiting.append(client.submit(_call, function, given, pure=False))
            if len(waiting) > ahead:
                yield _result(waiting.popleft(), address)
        while waiting:
            yield _result(waiting.popleft(), address)


def _connected(address: str) -> Client:
    """A client of the scheduler, when it answers and has a worker."""
    try:
        parts = urlsplit(address)
        named = parts.scheme == "tcp" and bool(parts.hostname) and bool(parts.port)
    except ValueError:
        named = False
    if not named:
        raise ValidityError(
            f"dask: {address!r} is no address of a scheduler; one is like tcp://127.0.0.1:8786"
        )
    try:
        from distributed import Client
    except ImportError:
        raise ValidityError(
            f'dask: {address} needs Dask, which is not installed: pip install "dask[distributed]"'
        ) from None
    try:
        # A scheduler speaks first. Dask itself would wait for ever for one that does not.
        with socket.create_connection((parts.hostname, parts.port), PATIENCE) as line:
            if not line.recv(1):
                raise ConnectionError
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError):
        raise ValidityError(
            f"dask: no scheduler answers at {address}; `dask scheduler` starts one"
        ) from None
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError:
        client.close()
        raise ValidityError(
            f"dask: the scheduler at {address} has no worker; `dask worker {address}` starts one"
        ) from None
    return client


def _result(future: Future, address: str) -> object:
    from distributed import KilledWorker

    try:
        return future.result()
    except KilledWorker as error:
        raise ValidityError(f"dask: workers at {address} ended while they computed") from error
    except CancelledError as error:
        raise ValidityError(f"dask: the scheduler at {address} was lost") from error
    except ModuleNotFoundError as error:
        raise ValidityError(
            f"dask: workers at {address} lack the module {error.name}; they must be processes of "
            "the environment in which coprod is installed"
        ) from error


class _Bar:
    """How far a run is, on the standard error stream: a bar on a terminal, else a line a tenth."""

    def __init__(self) -> None:
        self.bar: Any = None

    def __call__(self, done: int, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

        console = Console(stderr=True, highlight=False)
        if not console.is_terminal:
            if done * 10 // total > (done - 1) * 10 // total:
                console.print(f"{done:,} of {total:,}")
            return
        if self.bar is None:
            columns = BarColumn(bar_width=30), MofNCompleteColumn(), TimeRemainingColumn()
            self.bar = Progress(*columns, console=console)
            self.bar.add_task("", total=total)
            self.bar.start()
        self.bar.update(self.bar.task_ids[0], completed=done)
        if done == total:
            self.close()

    def close(self) -> None:
        """Leave the bar as it is; the next call draws another."""
        if self.bar is not None:
            self.bar.stop()
            self.bar = None


show_progress = _Bar()
"""The progress that commands show."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Let a command be told where it runs; what was said is `jobs`, as :func:`run` takes it.

    Examples
    --------
    >>> parser = argparse.ArgumentParser()
    >>> add_arguments(parser)
    >>> parser.parse_args(["--jobs", "3"]).jobs
    3
    >>> parser.parse_args(["--dask", "tcp://127.0.0.1:8786"]).jobs
    'tcp://127.0.0.1:8786'
    """
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--jobs",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="how many processes; as many as there are processors unless said",
    )
    where.add_argument(
        "--dask",
        dest="jobs",
        metavar="ADDRESS",
        default=argparse.SUPPRESS,
        help="a Dask scheduler, e.g. tcp://127.0.0.1:8786, to run on its cluster (or COPROD_DASK)",
    )


def command(module: str) -> None:
    """Run the `main` of a module as a command: a mistake is one message, a stop is silent.

    The module is imported by its name, since what stands in `__main__` no other machine finds.
    """
    # Told to end, it ends its processes too, as when it is stopped from the keyboard.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        importlib.import_module(module).main()
    except CoprodError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        show_progress.close()
