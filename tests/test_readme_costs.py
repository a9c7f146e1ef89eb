"""Each figure of the README's table of costs, counted by the sandbox."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from evenergy import AsyncClient, ClientCredentials, Retry
from evenergy.sandbox import Sandbox

README = (Path(__file__).parent.parent / "README.md").read_text()
TABLE = README.partition("## What it costs in requests")[2].partition("\n## ")[0]
FIGURES = dict(re.findall(r"^\| (.+?) \| .+ \| (.+?) \|$", TABLE, re.MULTILINE))

SIZE = 250
SWEEP = 3


class Fleet(NamedTuple):
    """A client of a sandbox whose time stands still between two steps."""

    client: AsyncClient
    sandbox: Sandbox


@pytest.fixture
async def fleet() -> AsyncIterator[Fleet]:
    begin = time.time() - 86_400
    async with Sandbox(vehicles=SIZE, days=2, rate_limit=1_000_000, clock=lambda: begin) as sandbox:
        auth = ClientCredentials(sandbox.client_id, sandbox.client_secret)
        retry = Retry(attempts=3, backoff=0.001, max_backoff=0.001)
        async with AsyncClient(auth, base_url=sandbox.base_url, retry=retry) as client:
            yield Fleet(client, sandbox)


async def run(fleet: Fleet, marks: dict[str, str], within: timedelta = timedelta(0), budget: int | None = None) -> None:
    async for page in fleet.client.fleet.new_status_logs(marks, within=within, budget=budget):
        marks.update(page.marks)


async def after_news(fleet: Fleet) -> tuple[dict[str, str], int]:
    """Do a first run, let an hour pass, and return the marks and the number of vehicles with news."""
    marks: dict[str, str] = {}
    await run(fleet, marks)
    before = [one.latest_status_log for one in await fleet.client.fleet.snapshot().collect()]
    fleet.sandbox.advance(hours=1)
    after = [one.latest_status_log for one in await fleet.client.fleet.snapshot().collect()]
    news = sum(old != new for old, new in zip(before, after, strict=True))
    assert 100 < news < SIZE
    return marks, news


async def counted(fleet: Fleet, work: Awaitable[object]) -> int:
    before = fleet.sandbox.requests
    await work
    return fleet.sandbox.requests - before


async def listing(fleet: Fleet) -> str:
    return f"{await counted(fleet, fleet.client.vehicles.list().collect())}"


async def snapshot(fleet: Fleet) -> str:
    return f"{await counted(fleet, fleet.client.fleet.snapshot().collect())}"


async def first_run(fleet: Fleet) -> str:
    return f"{await counted(fleet, run(fleet, {}))}"


async def no_news(fleet: Fleet) -> str:
    marks: dict[str, str] = {}
    await run(fleet, marks)
    return f"{await counted(fleet, run(fleet, marks))}"


async def with_news(fleet: Fleet) -> str:
    marks, news = await after_news(fleet)
    return f"{await counted(fleet, run(fleet, marks)) - news} + news"


async def within(fleet: Fleet) -> str:
    marks, news = await after_news(fleet)
    hours = timedelta(hours=6)
    first = await counted(fleet, run(fleet, marks, hours))
    again = await counted(fleet, run(fleet, marks, hours))
    later = await counted(fleet, run(fleet, marks))  # as if the six hours were over
    assert again == first
    return f"{first}, later {later - news} + news"


async def with_budget(fleet: Fleet) -> str:
    marks, news = await after_news(fleet)
    first = await counted(fleet, run(fleet, marks, budget=100))
    assert await counted(fleet, run(fleet, marks)) == SWEEP + news - (100 - SWEEP)
    return f"{first}"


async def watching(fleet: Fleet) -> str:
    watch = fleet.client.fleet.watch(budget=100)
    before = fleet.sandbox.requests
    assert len({(await anext(watch)).vehicle_id for _ in range(SIZE)}) == SIZE
    return f"{fleet.sandbox.requests - before}"


async def each_vehicle(fleet: Fleet) -> str:
    logs = fleet.client.vehicles.status_logs

    async def read() -> None:
        async for outcome in fleet.client.fan_out(lambda one: logs.list(one).collect(limit=100), ids):
            outcome.unwrap()

    ids = fleet.sandbox.vehicle_ids
    return f"{await counted(fleet, read())}"


async def energy(fleet: Fleet) -> str:
    sessions = fleet.client.charging_sub_sessions.list(expand=["energy_usage"])
    spent = await counted(fleet, sessions.collect(limit=100))
    return f"{spent} for 100"


async def retry(fleet: Fleet) -> str:
    fleet.sandbox.fail(times=1, status=503, path="/vehicles*")
    attempts: list[object] = []
    view = fleet.client.with_options(on_attempt=attempts.append)
    assert await counted(fleet, view.vehicles.list().collect(limit=1)) <= len(attempts)
    return f"{len(attempts) - 1} more"


async def token(fleet: Fleet) -> str:
    async with AsyncClient(fleet.client._session.credentials.auth, base_url=fleet.sandbox.base_url) as client:
        return f"{await counted(fleet, client.vehicles.list().collect()) - SWEEP}"


COUNTS: dict[str, Callable[[Fleet], Awaitable[str]]] = {
    "`client.vehicles.list()`, or another listing": listing,
    "`client.fleet.snapshot()`: each vehicle with its newest log": snapshot,
    "`client.fleet.new_status_logs({})`, the first run": first_run,
    "`client.fleet.new_status_logs(marks)`, with no news": no_news,
    "`client.fleet.new_status_logs(marks)`, with news": with_news,
    "the same, `within=timedelta(hours=6)`": within,
    "the same, `budget=100`": with_budget,
    "`client.fleet.watch(budget=100)`": watching,
    "`client.fan_out(client.vehicles.status_logs.list, ids)`": each_vehicle,
    '`client.charging_sub_sessions.list(expand=["energy_usage"])`': energy,
    "a retry": retry,
    "a token": token,
}


@pytest.mark.parametrize("line", FIGURES)
async def test_a_line_of_the_table_costs_what_it_says(line: str, fleet: Fleet) -> None:
    assert await COUNTS[line](fleet) == FIGURES[line]


def test_every_line_is_counted() -> None:
    assert list(FIGURES) == list(COUNTS)
