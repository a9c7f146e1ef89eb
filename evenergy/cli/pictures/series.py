"""Series of what vehicles reported: segments without gaps, bands, and grids."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Final, TypeAlias

from evenergy.resources.vehicles import VehicleStatusLog

Point: TypeAlias = tuple[datetime, float]
Band: TypeAlias = tuple[datetime, datetime]
Grid: TypeAlias = list[list[float | None]]

_SHORTEST_GAP: Final = timedelta(hours=1)
_USUAL: Final = 6
"""Times the usual interval: a longer one is a gap."""


def by_vehicle(logs: Iterable[VehicleStatusLog], vehicle_ids: Sequence[str]) -> dict[str, list[VehicleStatusLog]]:
    """Return the logs of each vehicle with a time, the oldest first; an empty list for one without any."""
    found: dict[str, list[VehicleStatusLog]] = {one.rstrip("/").rpartition("/")[2]: [] for one in vehicle_ids}
    for log in logs:
        if log.sampled_at is not None and log.vehicle_id is not None:
            found.setdefault(log.vehicle_id, []).append(log)
    for series in found.values():
        series.sort(key=_time)
    return found


def gap_of(logs: Sequence[VehicleStatusLog]) -> timedelta:
    """Return how long a vehicle may be silent until that is a gap: as it usually reports, and an hour at least."""
    times = [_time(log) for log in logs]
    intervals = [(after - before).total_seconds() for before, after in pairwise(times)]
    return max(_SHORTEST_GAP, timedelta(seconds=_USUAL * median(intervals))) if intervals else _SHORTEST_GAP


def segments(logs: Sequence[VehicleStatusLog], value: Callable[[VehicleStatusLog], float | None]) -> list[list[Point]]:
    """Return the points of a measurement, cut where the vehicle was silent or did not report it."""
    gap = gap_of(logs)
    found: list[list[Point]] = []
    last: datetime | None = None
    for log in logs:
        reported, time = value(log), _time(log)
        if reported is None:
            continue
        if last is None or time - last > gap:
            found.append([])
        found[-1].append((time, reported))
        last = time
    return found


def bands(logs: Sequence[VehicleStatusLog], value: Callable[[VehicleStatusLog], bool | None]) -> list[Band]:
    """Return the spans in which something was so: from each log that says so to the next log, up to a gap."""
    gap = gap_of(logs)
    found: list[Band] = []
    for log, following in pairwise([*logs, None]):
        if log is None or not value(log):
            continue
        begin = _time(log)
        # Nobody knows what was in a gap, nor after the last log.
        end = begin if following is None else min(_time(following), begin + gap)
        if found and found[-1][1] == begin:
            found[-1] = (found[-1][0], end)
        else:
            found.append((begin, end))
    return [band for band in found if band[0] < band[1]]


def grid(series: Iterable[Sequence[VehicleStatusLog]], since: datetime, until: datetime, columns: int) -> Grid:
    """Return the newest known state of charge in each of so many equal spans, for each vehicle.

    It is known from a log to the next one, up to a gap; it is None where nothing is known.
    """
    return [_row(logs, since, (until - since) / columns, columns) for logs in series]


def _row(logs: Sequence[VehicleStatusLog], since: datetime, step: timedelta, columns: int) -> list[float | None]:
    row: list[float | None] = [None] * columns
    for piece in segments(logs, lambda log: log.state_of_charge_percentage):
        for (begin, value), (end, _) in pairwise([*piece, piece[-1]]):
            low, high = (begin - since) // step, (end - since) // step
            for at in range(max(low, 0), min(high, columns - 1) + 1):
                row[at] = value
    return row


def _time(log: VehicleStatusLog) -> datetime:
    if log.sampled_at is None:
        raise ValueError("a log without a time has no place in a series")
    return log.sampled_at
