"""Vehicles with all that they will ever report, and a server that shows it as the API does."""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right, insort
from typing import NamedTuple, TypeAlias

import attrs

from evenergy.fleet.marks import Log, micros
from evenergy.fleet.run import Read

Delivered: TypeAlias = tuple[str, int]
"""A log as a store knows it: vehicle and key."""
LogResponse: TypeAlias = tuple[list[Log[Delivered]], bool]
"""A page of logs, newest first, and True when there is a next page."""


class Report(NamedTuple):
    """A log, and when the API shows it: up to some seconds after `logged`."""

    key: int
    logged: int
    visible: int


@attrs.define
class Vehicle:
    """All that a vehicle will ever report."""

    reports: list[Report]  # in the order of `visible`
    deletions: dict[int, int]  # key to time, in the order of time
    hidden: tuple[int, int]
    keys: list[int] = attrs.Factory(list[int])
    shown: dict[int, Report] = attrs.Factory(dict[int, Report])
    to_show: list[Report] = attrs.field(init=False)
    to_delete: list[tuple[int, int]] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.to_show = self.reports[::-1]
        self.to_delete = list(self.deletions.items())[::-1]

    def advance(self, now: int) -> None:
        """Show what has become visible, and drop what was deleted."""
        while self.to_show and self.to_show[-1].visible <= now:
            report = self.to_show.pop()
            insort(self.keys, report.key)
            self.shown[report.key] = report
        while self.to_delete and self.to_delete[-1][1] <= now:
            key, _ = self.to_delete.pop()
            self.keys.remove(key)
            del self.shown[key]

    def stored_last(self) -> int:
        """Return the key of the visible log that was stored last."""
        return max(self.shown.values(), key=lambda report: (report.logged, report.key)).key


@attrs.define
class Server:
    """Vehicles in the order of their ids; logs newest first; both bounds inclusive."""

    vehicles: dict[str, Vehicle]
    newest_is_stored_last: bool  # the meaning of "latest" in the list
    rounding: int  # of the bounds, outwards
    now: int = 0
    requests: int = 0

    def listed(self, vehicle_id: str) -> bool:
        begin, end = self.vehicles[vehicle_id].hidden
        return not begin <= self.now < end

    def list_page(self, after: str | None, size: int) -> tuple[list[tuple[str, Log[Delivered] | None]], str | None]:
        self.requests += 1
        ids = [one for one in self.vehicles if self.listed(one) and (after is None or one > after)]
        page = [(one, self.newest(one)) for one in ids[:size]]
        return page, ids[size - 1] if len(ids) > size else None

    def newest(self, vehicle_id: str) -> Log[Delivered] | None:
        vehicle = self.vehicles[vehicle_id]
        vehicle.advance(self.now)
        if not vehicle.keys:
            return None
        return self._log(vehicle_id, vehicle.stored_last() if self.newest_is_stored_last else vehicle.keys[-1])

    def logs(self, read: Read, size: int) -> LogResponse | None:
        self.requests += 1
        if not self.listed(read.vehicle_id):
            return None
        vehicle = self.vehicles[read.vehicle_id]
        vehicle.advance(self.now)
        low = micros(read.since)
        begin = bisect_left(vehicle.keys, low - low % self.rounding)
        end = len(vehicle.keys)
        if read.until is not None:
            end = bisect_right(vehicle.keys, -(-micros(read.until) // self.rounding) * self.rounding)
        page = vehicle.keys[max(begin, end - size) : max(begin, end)]
        return [self._log(read.vehicle_id, key) for key in reversed(page)], end - size > begin

    def _log(self, vehicle_id: str, key: int) -> Log[Delivered]:
        return Log(key, self.vehicles[vehicle_id].shown[key].logged, (vehicle_id, key))


def reports_of(rng: random.Random, *, step: int, end: int, lookback: int) -> list[tuple[int, int]]:
    """Return key and `logged` of all that a vehicle reports: garages, wrong clocks, and logs that are stored late."""
    pace = step * rng.choice((1, 1, 2, 4))
    skew = rng.choice((0, 0, 0, 0, 4 * step, -4 * step, step // 100))
    keys: set[int] = set()
    logs: list[tuple[int, int]] = []
    held: list[int] = []
    silent_until = 0
    now = rng.randint(0, end) if rng.random() < 0.15 else rng.randint(0, pace)
    while now < end:
        if rng.random() < 0.04 and not held:
            silent_until = now + rng.choice((2, 8, 40)) * step
        key = now + (rng.choice((2, 40, 4000)) * step if rng.random() < 0.02 else skew)
        while key in keys:
            key += 1
        keys.add(key)
        if now < silent_until:
            held.append(key)
        else:
            logs += told(rng, key, held, now, step)
            held = []
            if rng.random() < 0.1:
                last, logged = logs.pop()
                bound = rng.choice((lookback, lookback, 2 * lookback + 4 * step))
                logs.append((last, max(logged, now + rng.randint(0, bound))))
        now += max(1, int(pace * rng.uniform(0.3, 1.7)))
    return logs + [(key, end + 1) for key in held]


def told(rng: random.Random, key: int, held: list[int], now: int, step: int) -> list[tuple[int, int]]:
    """Return what a vehicle tells when it has a connection again: in order, newest first, or in disorder."""
    newest_first = rng.random() < 0.5
    order = [key, *held[::-1]] if newest_first else [*held, key]
    if rng.random() < 0.3:
        rng.shuffle(order)
    pause = rng.choice((step // 100, step // 3, 2 * step))
    logs: list[tuple[int, int]] = []
    for one in order:
        now += rng.randint(0, pause if logs else step // 100)
        logs.append((one, now))
    return logs


def vehicle_of(rng: random.Random, *, step: int, end: int, lookback: int, last_word_newest: bool) -> Vehicle:
    """Return a vehicle. Its last report comes so late that all late logs come before it."""
    logs = reports_of(rng, step=step, end=end, lookback=lookback)
    last = max([end, *(logged for _, logged in logs)]) + 100 * step
    key = max([last, *(key for key, _ in logs)]) + 1 if last_word_newest or rng.random() < 0.5 else last
    taken = {key for key, _ in logs}
    while key in taken:
        key += 1
    reports = [Report(key, logged, logged + rng.choice((0, 0, rng.randint(0, step // 100)))) for key, logged in logs]
    deleted = rng.sample(reports, min(len(reports), rng.choice((0, 0, 0, 3))))
    times = sorted((report.visible + rng.randint(0, 20 * step), report.key) for report in deleted)
    reports.append(Report(key, last, last))
    hidden = (-1, -1)
    if rng.random() < 0.3:
        begin = rng.randint(0, end)
        hidden = (begin, begin + rng.choice((1, 10, 40)) * step)
    return Vehicle(sorted(reports, key=lambda report: report.visible), {key: at for at, key in times}, hidden)
