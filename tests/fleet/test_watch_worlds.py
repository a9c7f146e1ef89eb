"""No watch is over its budget, stale, or tells anything twice, in any world; and each mistake in it is found.

``EVENERGY_WORLDS`` sets how many worlds are tried, as in `test_simulation`.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from evenergy import Change, VehicleNow, Watch
from evenergy.fleet import watch
from evenergy.fleet.watch import Allowance
from tests.fleet.simulation import BrokenPromiseError
from tests.fleet.watched import simulate

WORLDS = int(os.environ.get("EVENERGY_WORLDS", "24"))
BATCH = 12
MOST_WORLDS = 120


@pytest.mark.parametrize("first", range(0, WORLDS, BATCH))
def test_a_watch_is_never_over_budget_never_stale_and_tells_nothing_twice(first: int) -> None:
    total: Counter[str] = Counter()
    for seed in range(first, min(first + BATCH, WORLDS)):
        total += simulate(seed)
    # Worlds in which little happens would show little.
    assert total["changes"] > 50
    assert total["failures"] > 0


def test_a_world_is_the_same_each_time() -> None:
    assert simulate(3) == simulate(3)


class CountsAtOnce(Allowance):
    """A mistake: requests are dated when they are decided on, before they wait for the rate limit."""

    def spend(self) -> bool:
        spent = super().spend()
        super().settle()
        return spent

    def settle(self) -> None:
        pass


class CountsNoRetries(Allowance):
    """A mistake: retries cost nothing."""

    def spend(self) -> bool:
        return self._in_flight > 0 or super().spend()


class ForgetsEarly(Allowance):
    """A mistake: there is room again after fifty minutes."""

    def _has_room(self, requests: int, now: float) -> bool:
        while self._sent and self._sent[0] + 3000 <= now:
            self._sent.popleft()
        return super()._has_room(requests, now)


class KnowsTooMuch(Watch):
    """A mistake: what was seen counts as handed out."""

    def _compare(self, vehicle: VehicleNow, now: Any) -> None:
        super()._compare(vehicle, now)
        self.known[vehicle.id] = vehicle


class ForgetsValues(Watch):
    """A mistake: what is handed out is not known afterwards."""

    def _hand_out(self, entry: Change) -> None:
        pass


class Pushes(Watch):
    """A mistake: the next page is requested before the changes of the last one were taken."""

    async def __anext__(self) -> Change:
        while len(self._ready) < 2:
            await self._advance()
        return self.take()


def replaced(_: VehicleNow, vehicle: VehicleNow) -> VehicleNow:
    """Return the vehicle as it is: a mistake, since None is no news."""
    return vehicle


@pytest.mark.parametrize("kind", [KnowsTooMuch, ForgetsValues, Pushes])
def test_a_mistake_in_a_watch_is_found(kind: type[Watch]) -> None:
    find(lambda seed: simulate(seed, kind))


@pytest.mark.parametrize(
    ("name", "mistake"),
    [
        ("Allowance", CountsAtOnce),
        ("Allowance", CountsNoRetries),
        ("Allowance", ForgetsEarly),
        ("_GONE", 1),
        ("_GONE", 1_000_000),
        ("_merged", replaced),
    ],
)
def test_a_mistake_in_a_part_of_it_is_found(name: str, mistake: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, name, mistake)
    find(simulate)


def find(attempt: Callable[[int], object]) -> None:
    """Try worlds until one finds the mistake."""
    with pytest.raises(BrokenPromiseError):
        worlds(attempt)


def worlds(attempt: Callable[[int], object]) -> None:
    for seed in range(MOST_WORLDS):
        attempt(seed)
