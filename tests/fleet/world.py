"""Sandbox whose clock a test sets, and the logs that a run over it should bring."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from evenergy import AsyncClient, ClientCredentials, NewLogs, VehicleStatusLog
from evenergy.sandbox import Sandbox

Page = NewLogs[VehicleStatusLog]
Key = tuple[str | None, datetime | None]

DAY = timedelta(days=1)
SIZE = 110
SWEEP = 2  # requests


class World:
    """A sandbox whose clock a test sets."""

    def __init__(self, vehicles: int = SIZE) -> None:
        self.now = time.time() - 86_400  # so that a day can pass before a log lies in the future
        self.sandbox = Sandbox(vehicles=vehicles, days=2, rate_limit=1_000_000, clock=lambda: self.now)

    @property
    def auth(self) -> ClientCredentials:
        return ClientCredentials(self.sandbox.client_id, self.sandbox.client_secret)

    def pass_hours(self, hours: float) -> None:
        self.now += hours * 3600


def keys(pages: list[Page]) -> list[Key]:
    return [(one.vehicle_id, one.sampled_at) for page in pages for one in page.logs]


async def truth(client: AsyncClient, world: World, since: datetime) -> set[Key]:
    lists = [client.vehicles.status_logs.list(one, since=since) for one in world.sandbox.vehicle_ids]
    return {(one.vehicle_id, one.sampled_at) for each in lists for one in await each.collect()}


def marks_of(pages: list[Page]) -> dict[str, str]:
    return {name: text for page in pages for name, text in page.marks.items()}
