"""What is spent is counted here and in processes below, and taken at the pace of the machine."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests import pace
from tests.pace import Pace, measured_pace

BUSY = """
import time
until = time.process_time() + 1
while time.process_time() < until:
    pass
"""


def test_processor_time_is_counted_here_and_below_without_what_measures_it() -> None:
    with measured_pace() as paced:
        subprocess.run([sys.executable, "-c", BUSY], check=True)
        exec(BUSY)
    # One second here and one below, with the start of an interpreter; to measure takes half a second more.
    assert 1.9 < paced.spent < 2.3 * max(1, paced.slowness)
    assert all(seconds > 0 for seconds in paced.took)


def test_a_machine_that_is_half_as_fast_has_spent_half_as_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    paced = Pace(spent=10.0, took=[0.1, 0.3])
    monkeypatch.setattr(pace, "USUAL_SECONDS", 0.1)
    assert paced.slowness == pytest.approx(2)
    assert paced.seconds == pytest.approx(5)
