"""Energy statistics over any span: cut into parts that the API allows, by the clock on the wall."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from evenergy import (
    AsyncClient,
    Attempt,
    BadRequestError,
    Client,
    ClientCredentials,
    EvEnergyError,
    HEMSystemEnergyStatsBucket,
    InvalidArgumentError,
    Retry,
    ServerError,
)
from evenergy.sandbox import Sandbox
from tests.operations._row import HEM_SYSTEM
from tests.sandbox.helpers import Clock

LONDON = ZoneInfo("Europe/London")
SPANS = {
    "PT30M over a day": ("PT30M", datetime(2025, 3, 8, tzinfo=LONDON), datetime(2025, 3, 9, tzinfo=LONDON), 48, 1),
    "PT30M as clocks go forward": (
        *("PT30M", datetime(2024, 3, 30, tzinfo=LONDON), datetime(2024, 4, 2, tzinfo=LONDON)),
        *(142, 3),
    ),
    "PT30M as clocks go back": (
        *("PT30M", datetime(2024, 10, 26, tzinfo=LONDON), datetime(2024, 10, 29, tzinfo=LONDON)),
        *(146, 4),
    ),
    "P1D as clocks go back": ("P1D", datetime(2024, 10, 1, tzinfo=LONDON), datetime(2024, 12, 1, tzinfo=LONDON), 61, 2),
    "P1D over a month": ("P1D", datetime(2024, 12, 1, tzinfo=LONDON), datetime(2025, 1, 1, tzinfo=LONDON), 31, 1),
    "P1M over years": ("P1M", datetime(2020, 1, 1, tzinfo=LONDON), datetime(2025, 2, 1, tzinfo=LONDON), 61, 6),
}


class Calls:
    """A client of the sandbox, a home of it, and what was sent."""

    def __init__(self, sandbox: Sandbox, client: AsyncClient, system_id: str, attempts: list[Attempt]) -> None:
        self.sandbox, self.client, self.system_id, self.attempts = sandbox, client, system_id, attempts


@pytest.fixture
async def home() -> AsyncIterator[Calls]:
    attempts: list[Attempt] = []
    async with Sandbox(vehicles=25, clock=Clock()) as sandbox:
        auth = ClientCredentials(sandbox.client_id, sandbox.client_secret)
        async with AsyncClient(auth, base_url=sandbox.base_url, on_attempt=attempts.append) as client:
            home = await in_london(client)
            attempts.clear()
            yield Calls(sandbox, client, home, attempts)


async def in_london(client: AsyncClient) -> str:
    """Return the id of a home in London."""
    async for user in client.users.list():
        if user.default_location is not None and user.default_location.city == "London":
            async for system in client.with_options(user=user.id).hem_systems.list():
                return system.id
    pytest.fail("no home of the sandbox is in London")


@pytest.mark.parametrize(("resolution", "start", "end", "buckets", "requests"), SPANS.values(), ids=SPANS)
async def test_any_span_is_read_in_as_few_requests_as_the_api_allows(
    home: Calls, resolution: str, start: datetime, end: datetime, buckets: int, requests: int
) -> None:
    found = await home.client.hem_systems.energy_buckets(
        home.system_id, start=start, end=end, resolution=resolution
    ).collect()
    assert len(found) == buckets
    assert len(home.attempts) == requests
    assert found[0].period_start == start
    assert found[-1].period_end == end
    assert all(one.period_end == other.period_start for one, other in pairwise(found))


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (datetime(2024, 10, 27, 1, 30, tzinfo=LONDON, fold=1), datetime(2024, 10, 27, 1, 45, tzinfo=LONDON)),
        (datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)),
        (datetime(2024, 1, 1), datetime(2024, 1, 2, tzinfo=UTC)),  # noqa: DTZ001  the mistake
    ],
)
def test_a_span_that_is_none_is_rejected_before_anything_is_sent(start: datetime, end: datetime) -> None:
    client = AsyncClient("t")
    with pytest.raises(InvalidArgumentError, match=r"expected (end to be later than start|an aware datetime)"):
        client.hem_systems.energy_buckets(HEM_SYSTEM, start=start, end=end, resolution="P1D")


async def test_an_unknown_resolution_and_the_end_of_time_are_one_request(home: Calls) -> None:
    with pytest.raises(BadRequestError, match="resolution"):
        await home.client.hem_systems.energy_buckets(
            home.system_id,
            start=datetime(2020, 1, 1, tzinfo=UTC),
            end=datetime(2025, 1, 1, tzinfo=UTC),
            resolution="P1Y",
        ).collect()
    end = datetime(9999, 12, 31, tzinfo=UTC)
    with pytest.raises(EvEnergyError):
        await home.client.hem_systems.energy_buckets(
            home.system_id, start=end - timedelta(days=5), end=end, resolution="P1M"
        ).collect()
    assert len(home.attempts) == 2


async def test_a_part_that_fails_is_asked_for_again_and_no_other(home: Calls) -> None:
    pager = home.client.with_options(retry=Retry(attempts=1)).hem_systems.energy_buckets(
        home.system_id,
        start=datetime(2024, 1, 1, tzinfo=LONDON),
        end=datetime(2024, 4, 1, tzinfo=LONDON),
        resolution="P1D",
    )
    found, listing = list[HEMSystemEnergyStatsBucket](), aiter(pager)
    while len(found) < 31:
        found.append(await anext(listing))
    home.sandbox.fail(times=1, status=503)
    with pytest.raises(ServerError):
        await anext(listing)
    found += [bucket async for bucket in listing]
    assert len(found) == len({bucket.period_start for bucket in found}) == 91
    assert len(home.attempts) == 4


def test_the_blocking_client_pages_likewise() -> None:
    with Sandbox(vehicles=25, clock=Clock()) as sandbox:
        auth = ClientCredentials(sandbox.client_id, sandbox.client_secret)
        with Client(auth, base_url=sandbox.base_url) as client:
            system = next(
                home for user in client.users.list() for home in client.with_options(user=user.id).hem_systems.list()
            )
            start = datetime(2025, 3, 8, tzinfo=UTC)
            pager = client.hem_systems.energy_buckets(
                system.id, start=start, end=start + timedelta(hours=30), resolution="PT30M"
            )
            assert [len(page.items) for page in pager.pages()] == [48, 12]
