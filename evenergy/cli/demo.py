"""Display of ``evenergy demo``: a simulated fleet, and what its vehicles reported of late."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TypeAlias

import attrs

from evenergy import (
    AsyncClient,
    ClientCredentials,
    Vehicle,
    VehicleMake,
    VehicleModel,
    VehicleStatusLog,
    VehicleTrim,
)
from evenergy.sandbox import Sandbox

OnProgress: TypeAlias = Callable[[int, int, int | None], object]
"""Called with how many vehicles are done, how many of them failed, and how many there are."""

_NOT_ASKED = "not asked: the rate limit had refused another vehicle"
_BLOCKS = "▁▂▃▄▅▆▇█"
_GAP = " "
_HOUR = timedelta(hours=1)
_DAYS = 7  # of logs, at least: the same fleet as `evenergy sandbox` serves
_MOST_REQUESTS = 1000  # in an hour, as the API allows them by default


@attrs.frozen
class Row:
    """Row of a vehicle. A value that it did not report is None.

    Attributes:
        make: The name of the manufacturer.
        model: The name of the model.
        state_of_charge_percentage: The newest that is known, 0 to 100.
        is_plugged_in: As of the newest log, like all below.
        charge_rate_watts: The power that it receives.
        last_seen: When the newest log was measured.
        state_of_charge_by_hour: The newest of each hour, the oldest hour first; None for an hour without any.
        error: Why there are no logs, or None.
    """

    id: str
    make: str | None = None
    model: str | None = None
    state_of_charge_percentage: int | None = None
    is_plugged_in: bool | None = None
    is_charging: bool | None = None
    charge_rate_watts: int | None = None
    last_seen: datetime | None = None
    state_of_charge_by_hour: tuple[int | None, ...] = ()
    error: str | None = None


@attrs.frozen
class Totals:
    """Requests and time that it took.

    Attributes:
        failed: How many of the vehicles have no logs because of an error.
        requests: How many were spent, all in all; tokens cost none.
        requests_left: In this hour.
        seconds: From the first request to the last answer.
    """

    vehicles: int
    failed: int
    logs: int
    requests: int
    requests_left: int
    seconds: float


@attrs.frozen
class Report:
    """The fleet, and what it took to read it.

    Attributes:
        until: The end of the time that was asked for.
        hours: How long that was.
    """

    until: datetime
    hours: int
    vehicles: tuple[Row, ...]
    totals: Totals


async def run(vehicles: int, hours: int, seed: int, on_progress: OnProgress | None = None) -> Report:
    """Start a sandbox, and read its fleet.

    Args:
        vehicles: How many there are.
        hours: How far back their logs are read.
        seed: What the fleet is drawn from.
        on_progress: Called after each vehicle.

    Raises:
        EvEnergyError: The fleet could not be listed.
    """
    limit = rate_limit(vehicles, hours)
    sandbox = Sandbox(vehicles, days=max(_DAYS, -(-hours // 24)), seed=seed, rate_limit=limit)
    auth = ClientCredentials(sandbox.client_id, sandbox.client_secret)
    async with sandbox, AsyncClient(auth, base_url=sandbox.base_url) as client:
        until, started = datetime.now(UTC), time.perf_counter()
        # The environment may name a user, whom the sandbox does not know.
        rows, logs = await gather(client.with_options(user=None), until, hours, on_progress)
        totals = Totals(
            vehicles=len(rows),
            failed=sum(row.error is not None for row in rows),
            logs=logs,
            # Counted where they arrive: responses to many requests at once come in any order, so the last of them need
            # not tell the least that is left.
            requests=sandbox.requests,
            requests_left=limit - sandbox.requests,
            seconds=round(time.perf_counter() - started, 3),
        )
    return Report(until, hours, rows, totals)


async def gather(
    client: AsyncClient, until: datetime, hours: int, on_progress: OnProgress | None = None
) -> tuple[tuple[Row, ...], int]:
    """List the fleet that a client sees, and read the latest logs of all its vehicles at once.

    Args:
        client: Whose fleet it is.
        until: Now.
        hours: How far back from there.
        on_progress: Called when the fleet is known, and after each vehicle.

    Returns:
        The vehicles in the API's order, and how many logs they have together. A vehicle that failed is among them.

    Raises:
        EvEnergyError: The fleet could not be listed.
    """
    since = until - hours * _HOUR
    fleet = await client.vehicles.list(expand=["trim.model.make"]).collect()
    rows = {vehicle.id: _unasked(vehicle, hours) for vehicle in fleet}
    if on_progress is not None:
        on_progress(0, 0, len(rows))
    count = 0
    outcomes = client.fan_out(client.vehicles.status_logs.list, list(rows), since=since, on_progress=on_progress)
    async with aclosing(outcomes):
        async for outcome in outcomes:
            row = rows[outcome.item]
            if outcome.error is not None:
                rows[row.id] = attrs.evolve(row, error=str(outcome.error))
                continue
            logs = outcome.unwrap()
            count += len(logs)
            rows[row.id] = _told(row, logs, since, hours)
    return tuple(rows.values()), count


def rate_limit(vehicles: int, hours: int) -> int:
    """The requests that a sandbox must allow for so many vehicles.

    A vehicle that drives all the time leaves fewer than 25 logs an hour, and a page holds 100; twice that is plenty.
    """
    return max(_MOST_REQUESTS, 2 * vehicles * (1 + hours // 4))


def by_hour(logs: Sequence[VehicleStatusLog], since: datetime, hours: int) -> tuple[int | None, ...]:
    """The newest known state of charge of each hour, the oldest hour first.

    Args:
        logs: Newest first, as the API gives them.
        since: Where the first hour begins.
        hours: How many there are.
    """
    known: list[int | None] = [None] * hours
    for log in reversed(logs):
        if log.sampled_at is not None and log.state_of_charge_percentage is not None:
            hour = (log.sampled_at - since) // _HOUR
            # What was measured while the fleet was read belongs to the last hour.
            known[min(max(hour, 0), hours - 1)] = log.state_of_charge_percentage
    return tuple(known)


def condensed(values: Sequence[int | None], width: int) -> tuple[int | None, ...]:
    """At most so many values: neighbours become one, which is the last known of them."""
    if len(values) <= width:
        return tuple(values)
    edges = [place * len(values) // width for place in range(width + 1)]
    return tuple(_first_known(values[low:high][::-1]) for low, high in pairwise(edges))


def sparkline(percentages: Sequence[int | None]) -> str:
    """A block for each percentage, from empty to full, and a gap for None."""
    return "".join(_GAP if value is None else _block(value) for value in percentages)


def _block(percentage: int) -> str:
    step = percentage * len(_BLOCKS) // 100
    return _BLOCKS[min(max(step, 0), len(_BLOCKS) - 1)]


def _unasked(vehicle: Vehicle, hours: int) -> Row:
    make, model = _names(vehicle)
    return Row(vehicle.id, make, model, state_of_charge_by_hour=(None,) * hours, error=_NOT_ASKED)


def _told(row: Row, logs: Sequence[VehicleStatusLog], since: datetime, hours: int) -> Row:
    newest = logs[0] if logs else VehicleStatusLog()
    return attrs.evolve(
        row,
        state_of_charge_percentage=_first_known([log.state_of_charge_percentage for log in logs]),
        is_plugged_in=newest.is_plugged_in,
        is_charging=newest.is_charging,
        charge_rate_watts=newest.charge_rate_watts,
        last_seen=newest.sampled_at,
        state_of_charge_by_hour=by_hour(logs, since, hours),
        error=None,
    )


def _names(vehicle: Vehicle) -> tuple[str | None, str | None]:
    """Make and model, where they came along with the vehicle."""
    trim = vehicle.trim
    model = trim.model if isinstance(trim, VehicleTrim) else None
    if not isinstance(model, VehicleModel):
        return None, None
    return model.make.name if isinstance(model.make, VehicleMake) else None, model.name


def _first_known(values: Sequence[int | None]) -> int | None:
    return next((value for value in values if value is not None), None)
