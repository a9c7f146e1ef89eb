"""Signal handlers that raise, close, call or fork, at every point of a blocking call or fan-out."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.core import interrupts

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="signals and forks as POSIX has them"),
    pytest.mark.skipif(sys.version_info[:2] == (3, 12), reason="its sys.settrace tells of no instructions"),
]

ROOT = Path(__file__).parents[2]
FORK_WARNING = "ignore:This process:DeprecationWarning"  # from Python 3.12 on: this is what these tests are about
CASES = [
    (scenario, waker)
    for scenario in interrupts.SCENARIOS
    for waker in ("eventfd", "lock")
    if waker == "eventfd" or "fan_out" not in scenario
]


@pytest.mark.parametrize(("scenario", "waker"), CASES)
def test_at_every_point(scenario: str, waker: str) -> None:
    command = [sys.executable, "-W", "error", "-W", FORK_WARNING, "-m", "tests.core.interrupts", scenario, waker]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    assert "points" in run.stdout
