"""Stores that take what a run hands out, in the ways that keep the promise *once*, and in some that break it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable

import attrs

from evenergy.fleet.run import Changes
from tests.fleet.server import Delivered


class CrashError(Exception):
    """The process of a run dies."""


@attrs.frozen
class Chaos:
    """The probabilities of what goes wrong."""

    rng: random.Random
    crash: float = 0.0
    fault: float = 0.0

    def maybe_crash(self) -> None:
        if self.crash and self.rng.random() < self.crash:
            raise CrashError

    def fails(self) -> bool:
        return self.fault > 0 and self.rng.random() < self.fault


@attrs.define
class Store:
    """Logs and marks in one transaction; a mark is replaced only where it is still the one that the run knew."""

    marks: dict[str, str] = attrs.Factory(dict[str, str])
    delivered: Counter[Delivered] = attrs.Factory(Counter[Delivered])
    conflicts: int = 0

    def save(self, base: dict[str, str], changes: Changes[Delivered], chaos: Chaos) -> set[str]:
        """Save one page, and return the vehicles that it was saved for. A crash may come between two writes."""
        saved = self.swap(base, changes.marks)
        self.deliver(log for log in changes.logs if log[0] in saved)
        return saved

    def swap(self, base: dict[str, str], marks: dict[str, str]) -> set[str]:
        saved = {one for one in marks if self.marks.get(one) == base.get(one)}
        self.conflicts += len(marks) - len(saved)
        for one in saved:  # after a conflict the base stays, so that all later pages of this vehicle are dropped
            self.marks[one] = base[one] = marks[one]
        return saved

    def deliver(self, logs: Iterable[Delivered]) -> None:
        self.delivered.update(logs)


class KeyedStore(Store):
    """Logs first and marks after them, with a primary key. There is one run at a time."""

    def save(self, base: dict[str, str], changes: Changes[Delivered], chaos: Chaos) -> set[str]:
        self.deliver(log for log in changes.logs if log not in self.delivered)
        chaos.maybe_crash()
        return self.swap(base, changes.marks)


class NoSwapStore(Store):
    """A mistake: marks are replaced without a look at what they were."""

    def swap(self, base: dict[str, str], marks: dict[str, str]) -> set[str]:
        base.update(marks)
        self.marks.update(marks)
        return set(marks)


class MarksFirstStore(Store):
    """A mistake: marks in one write, logs in a second one."""

    def save(self, base: dict[str, str], changes: Changes[Delivered], chaos: Chaos) -> set[str]:
        saved = self.swap(base, changes.marks)
        chaos.maybe_crash()
        self.deliver(log for log in changes.logs if log[0] in saved)
        return saved


class NoKeyStore(Store):
    """A mistake: logs in one write, marks in a second one, and no primary key."""

    def save(self, base: dict[str, str], changes: Changes[Delivered], chaos: Chaos) -> set[str]:
        self.deliver(changes.logs)
        chaos.maybe_crash()
        return self.swap(base, changes.marks)
