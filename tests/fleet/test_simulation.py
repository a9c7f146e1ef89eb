"""No log is lost and none delivered twice, in any world.

``EVENERGY_WORLDS`` sets how many worlds are tried: a few hundred in the usual suite, thousands before a release.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest

from tests.fleet.load import constant_load, nights, wrong_clocks
from tests.fleet.simulation import Engine, simulate

WORLDS = int(os.environ.get("EVENERGY_WORLDS", "320"))
BATCH = 40


@pytest.mark.parametrize("first", range(0, WORLDS, BATCH))
def test_nothing_is_lost_and_nothing_comes_twice(first: int) -> None:
    total: Counter[str] = Counter()
    for seed in range(first, min(first + BATCH, WORLDS)):
        total += simulate(seed)
    # Worlds in which little goes wrong would show little.
    if first + BATCH <= WORLDS:
        assert total["crashes"] > BATCH
        assert total["conflicts"] > 0
        assert total["stored too late for a promise"] > 0
        assert total["logs"] > 20 * BATCH


def test_a_world_is_the_same_each_time() -> None:
    assert [simulate(seed) for seed in range(3)] == [simulate(seed) for seed in range(3)]


def test_under_constant_load_everybody_is_read_in_turn_and_history_moves_on() -> None:
    constant_load(Engine())


def test_a_run_a_night_is_complete_for_a_vehicle_that_is_dated_ahead() -> None:
    nights(Engine())


def test_a_clock_here_that_was_wrong_puts_off_nothing() -> None:
    wrong_clocks(Engine())
