"""Whether a build ever leaves a mess: ``python -m benchmarks.faults``.

Builds of a small book are killed at random moments, run out of disk, find what is kept damaged, and run two
at once. After each, the book must be the old or a new good one; after the next build, the bytes of a clean
one. No process may stay, no file that the next build does not take away, and what goes wrong is said once.
The same seed draws the same cases; when a process is hit within them, no seed decides.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.campaign import PROJECT, Place, contents, differing, ended, place, table
from tests.books import write_book

BOOK = PROJECT / "tests" / "conformance" / "book"
ONE, TWO, THREE = (f"chapters/{name}.qmd" for name in ("one", "two", "three"))
# The same book with one thing changed: the file, what is there, what stands in its place.
VARIANTS = (
    (ONE, "[2, 3, 5, 7]", "[2, 3, 5, 7]"),
    (ONE, "[2, 3, 5, 7]", "[2, 3, 5, 8]"),
    (TWO, "Back to @fig-bars", "Again to @fig-bars"),
    (THREE, "gap = 2624, 37.75", "gap = 2624, 38.75"),
)
# And of the smallest book that runs anything, for more cases in less time.
SMALL_VARIANTS = (
    (ONE, "2 + 3", "2 + 3"),
    (ONE, "2 + 3", "2 + 4"),
    (ONE, "The sum", "Their sum"),
)
Variant = tuple[str, str, str]
DISK = "96m"
COUNTS = {
    "kill": 100,
    "kill a process": 20,
    "stop": 20,
    "full disk": 20,
    "damaged cache": 20,
    "two at once": 20,
}


@dataclass
class Tally:
    """What came of all cases of a kind."""

    cases: int = 0
    came_to: collections.Counter[str] = field(default_factory=collections.Counter)
    faults: list[str] = field(default_factory=list)
    slowest: float = 0


class Campaign:
    """Builds of one book that are harmed, each after another.

    Parameters
    ----------
    place
        Where.
    book, variants
        The book, and what is changed in it between builds.
    seed
        Of what is drawn.
    own_disk
        Whether the place is a disk of its own, which can be filled.
    """

    def __init__(
        self, place: Place, book: Path, variants: Sequence[Variant], seed: int, own_disk: bool
    ) -> None:
        self.place, self.source, self.variants = place, book, variants
        self.random = random.Random(seed)
        self.own_disk = own_disk
        self.known: dict[tuple[int, str], dict[str, str]] = {}
        self.tallies: dict[str, Tally] = {}
        ignored = shutil.ignore_patterns(".cache", "_book")
        shutil.copytree(book, place.project, ignore=ignored)
        shutil.copytree(book, place.folder / "clean", ignore=ignored)
        self.now = 0
        started = time.monotonic()
        self.reference(0)
        self.cold = self.warm = time.monotonic() - started
        if faults := place.build().faults():
            raise SystemExit(f"the book cannot be built at all: {faults}")

    def reference(self, variant: int, to: str = "all") -> dict[str, str]:
        """The bytes of a variant of the book, made from nothing elsewhere."""
        if (variant, to) not in self.known:
            clean = self.place.folder / "clean"
            self.write(variant, clean)
            result = self.place.build("--no-cache", "--to", to, project=clean)
            if result.status:
                raise SystemExit(f"variant {variant} cannot be built: {result.said}")
            self.known[variant, to] = contents(clean / "_book")
        return self.known[variant, to]

    def write(self, variant: int, project: Path | None = None) -> None:
        """Make the project a variant of the book."""
        project = project or self.place.project
        for file, _, _ in self.variants:
            text = (self.source / file).read_text(encoding="utf-8")
            changed, old, new = self.variants[variant]
            if file == changed:
                assert old in text, f"{file} has no {old!r}"
                text = text.replace(old, new, 1)
            # Only what differs: no more than an editor would.
            if (project / file).read_text(encoding="utf-8") != text:
                (project / file).write_text(text, encoding="utf-8")

    def another(self) -> int:
        """Turn to another variant; return the one before."""
        before = self.now
        self.now = self.random.choice([n for n in range(len(self.variants)) if n != before])
        self.write(self.now)
        return before

    def run(
        self, counts: Mapping[str, int], tell: Callable[[str], None] = lambda said: None
    ) -> None:
        """All cases of each kind."""
        for kind, count in counts.items():
            tally = self.tallies[kind] = Tally()
            for number in range(count):
                faults = self.case(kind, tally)
                tally.cases += 1
                tally.faults += [f"{kind} {number + 1}: {fault}" for fault in faults]
                for fault in faults:
                    tell(f"FAULT {kind} {number + 1}: {fault}")
                if (number + 1) % 10 == 0:
                    tell(f"{kind}: {number + 1} of {count}, {len(tally.faults)} faults")

    def case(self, kind: str, tally: Tally) -> list[str]:
        """One case: harm, then look, build again, and look again."""
        harm = {
            "kill": self.kill,
            "kill a process": self.kill_a_process,
            "stop": self.stop,
            "full disk": self.full_disk,
            "damaged cache": self.damaged_cache,
            "two at once": self.two_at_once,
        }[kind]
        faults, allowed = harm()
        quiet = self.place.seconds_to_quiet()
        if quiet is None:
            faults.append("a process is left")
        else:
            tally.slowest = max(tally.slowest, quiet)
        book = self.place.book()
        found = [name for name, good in allowed.items() if book == good]
        tally.came_to[found[0] if found else "neither"] += 1
        if not found:
            which = " and ".join(some(differing(book, good)) for good in allowed.values())
            faults.append(f"the book is neither the old nor a new one: differing {which}")
        started = time.monotonic()
        again = self.place.build()
        if again.status or again.said:
            faults.append(f"the next build: {again.status} {again.said}")
        if (book := self.place.book()) != (good := self.reference(self.now)):
            faults.append(
                f"the next build's book is not a clean one: differing {some(differing(book, good))}"
            )
        if left := self.place.litter():
            faults.append(f"left: {left}")
        if self.place.seconds_to_quiet(2) is None:
            faults.append("a process of the next build is left")
        self.warm = 0.7 * self.warm + 0.3 * (time.monotonic() - started)
        return faults

    # Each kind of harm gives the faults it saw, and the books that may be there now.

    def started(self) -> tuple[subprocess.Popen[str], dict[str, dict[str, str]]]:
        """A build of a changed book, with or without what was kept, that has run for some time."""
        before = self.another()
        lasts = self.warm
        if self.random.random() < 0.25:
            shutil.rmtree(self.place.project / ".cache", ignore_errors=True)
            lasts = self.cold
        allowed = {"old": self.reference(before), "new": self.reference(self.now)}
        build = self.place.start()
        with contextlib.suppress(subprocess.TimeoutExpired):
            build.wait(self.random.uniform(0, 1.1 * lasts))
        return build, allowed

    def kill(self) -> tuple[list[str], dict[str, dict[str, str]]]:
        """The build is killed, and cannot see it coming."""
        build, allowed = self.started()
        build.kill()
        result = ended(build)
        return [] if result.status == -signal.SIGKILL else result.faults(), allowed

    def kill_a_process(self) -> tuple[list[str], dict[str, dict[str, str]]]:
        """Something that the build has started is killed."""
        build, allowed = self.started()
        with contextlib.suppress(psutil.Error):
            if below := psutil.Process(build.pid).children(recursive=True):
                self.random.choice(below).kill()
        return ended(build).faults(), allowed

    def stop(self) -> tuple[list[str], dict[str, dict[str, str]]]:
        """The build is told to end: it does so at once, and leaves nothing even before the next."""
        build, allowed = self.started()
        number = self.random.choice([signal.SIGINT, signal.SIGTERM])
        running = build.poll() is None
        started = time.monotonic()
        build.send_signal(number)
        result = ended(build)
        faults = []
        if running and (took := time.monotonic() - started) > 3:
            faults.append(f"it took {took:.1f} s to end")
        if result.status not in (0, 128 + number, -number):
            faults.append(f"the status is {result.status}: {result.said}")
        if "Traceback" in result.said:
            faults.append(f"a traceback: {result.said}")
        if result.status and (left := self.place.litter()):
            faults.append(f"left at once: {left}")
        return faults, allowed

    def full_disk(self) -> tuple[list[str], dict[str, dict[str, str]]]:
        """There is little room, or no large file may be written."""
        before = self.another()
        if self.random.random() < 0.5:
            shutil.rmtree(self.place.project / ".cache", ignore_errors=True)
        room = int(math.exp(self.random.uniform(math.log(1e3), math.log(4e6))))
        allowed = {"old": self.reference(before), "new": self.reference(self.now)}
        if not self.own_disk:
            return ended(self.place.start(largest=room)).faults(), allowed
        ballast = self.place.folder / "ballast"
        free = shutil.disk_usage(self.place.folder).free
        try:
            with ballast.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, max(free - room, 1))
            return self.place.build().faults(), allowed
        finally:
            ballast.unlink()

    def damaged_cache(self) -> tuple[list[str], dict[str, dict[str, str]]]:
        """What is kept is not what it was: the build is a good one all the same."""
        cache = self.place.project / ".cache"
        for path in [cache, *cache.rglob("*")]:  # as an earlier case may have left it
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() else 0o644)
        if self.random.random() < 0.5:
            self.another()
        files = sorted(path for path in cache.rglob("*") if path.is_file())
        damaged = self.random.choice(files)
        content = damaged.read_bytes()
        kind = self.random.choice(
            ("flip", "cut", "foreign", "folder", "no rights", "no rights to the folder", "link")
        )
        if kind == "flip":
            changed = bytearray(content)
            for _ in range(self.random.choice((1, 1, 50))):
                changed[self.random.randrange(len(changed))] ^= 1 << self.random.randrange(8)
            damaged.write_bytes(changed)
        elif kind == "cut":
            damaged.write_bytes(content[: self.random.randrange(len(content))])
        elif kind == "foreign":
            shutil.copyfile(self.random.choice(files), self.place.folder / "foreign")
            (self.place.folder / "foreign").replace(damaged)
        elif kind == "no rights":
            damaged.chmod(0)
        elif kind == "no rights to the folder":
            damaged.parent.chmod(self.random.choice((0, 0o555)))
        else:
            damaged.unlink()
            if kind == "folder":
                (damaged / "inside").mkdir(parents=True)
            else:
                damaged.symlink_to(self.place.folder / "nowhere")
        result = self.place.build()
        faults = result.faults() + (["it failed"] if result.status else [])
        return [f"{kind} of {damaged.name}: {each}" for each in faults], {
            "new": self.reference(self.now)
        }

    def two_at_once(self) -> tuple[list[str], dict[str, dict[str, str]]]:
        """Two builds of one book, of the same state or not, with other options perhaps."""
        before = self.another()
        options = [self.random.choice(([], ["--no-cache"], ["--to", "html"])) for _ in range(2)]
        first = self.place.start(*options[0])
        time.sleep(self.random.uniform(0, self.warm))
        between = self.now
        if self.random.random() < 0.3:
            self.another()
        second = self.place.start(*options[1])
        results = [ended(first), ended(second)]
        faults = [fault for result in results for fault in result.faults()]
        faults += ["a build failed" for result in results if result.status]
        allowed = {
            f"{name}{' website' if to == 'html' else ''}": self.reference(variant, to)
            for name, variant in (("new", self.now), ("first", between), ("old", before))
            for to in ("all", "html")
            if to == "all" or ["--to", "html"] in options
        }
        return faults, allowed

    def report(self) -> str:
        """All that was seen, as a table."""
        return table(
            ["harm", "cases", "faults", "last process gone after", "the book then"],
            [
                (
                    kind,
                    tally.cases,
                    len(tally.faults),
                    f"{tally.slowest:.2f} s",
                    ", ".join(f"{name} {count}" for name, count in sorted(tally.came_to.items())),
                )
                for kind, tally in self.tallies.items()
            ],
        )

    def faults(self) -> list[str]:
        """Everything that was wrong."""
        return [fault for tally in self.tallies.values() for fault in tally.faults]


def some(names: list[str]) -> str:
    """The first of some names."""
    return ", ".join(names[:4])


def main() -> None:
    """Run all of it; the status is 1 where anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=20161)
    parser.add_argument("--share", type=float, default=1.0, help="of the cases of each kind")
    parser.add_argument("--only", choices=COUNTS)
    parser.add_argument("--small", action="store_true", help="take the smallest book")
    given = parser.parse_args()
    status = 0
    if sys.platform != "linux":
        sys.exit("only Linux lists processes so that one can see what is left of them")
    counts = {
        kind: math.ceil(count * given.share)
        for kind, count in COUNTS.items()
        if given.only in (None, kind)
    }
    with place(disk=DISK) as (where, own_disk):
        small = write_book(where.folder / "small") if given.small else None
        book, variants = (small, SMALL_VARIANTS) if small else (BOOK, VARIANTS)
        campaign = Campaign(where, book, variants, given.seed, own_disk)
        print(f"Disks are {'filled' if own_disk else 'limited'}; seed {given.seed}", flush=True)
        try:
            campaign.run(counts, lambda said: print(said, flush=True))
        except KeyboardInterrupt:
            print("Stopped before the end")
            status = 1
    print(campaign.report())
    for fault in campaign.faults():
        print(fault)
    sys.exit(1 if campaign.faults() else status)


if __name__ == "__main__":
    main()
