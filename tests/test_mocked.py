"""The library under aioresponses, with which many programs test themselves."""

import pytest
from aioresponses import CallbackResult

import evenergy
from evenergy import AsyncClient
from tests.conftest import Answers
from tests.server import MAKE, MAKE_ID, VEHICLE_ID

BASE = "https://api.ev.energy/v2"


async def test_a_value(mocked: Answers) -> None:
    mocked.get(f"{BASE}/vehicle_makes/{MAKE_ID}", payload=MAKE)
    async with AsyncClient("a-token") as client:
        assert (await client.vehicle_makes.get(MAKE_ID)).name == "Volvo"


async def test_pages(mocked: Answers) -> None:
    logs = f"{BASE}/vehicles/{VEHICLE_ID}/status_logs?page_size=100"
    mocked.get(logs, payload=[{"state_of_charge_percentage": 70}], headers={"Link": '<?page_after=x>; rel="next"'})
    mocked.get(f"{logs}&page_after=x", payload=[{"state_of_charge_percentage": 60}])
    async with AsyncClient("a-token") as client:
        found = await client.vehicles.status_logs.list(VEHICLE_ID).collect()
    assert [log.state_of_charge_percentage for log in found] == [70, 60]


async def test_a_problem(mocked: Answers) -> None:
    mocked.get(f"{BASE}/vehicle_makes/{MAKE_ID}", status=404, payload={"title": "Not found", "detail": "No such make."})
    async with AsyncClient("a-token") as client:
        with pytest.raises(evenergy.NotFoundError, match="No such make"):
            await client.vehicle_makes.get(MAKE_ID)


async def test_the_request_is_sent_with_its_headers(mocked: Answers) -> None:
    def answer(_: object, **request: object) -> CallbackResult:
        assert request["data"] == b'{"maximum_charge_limit_percentage":80}'
        return CallbackResult(payload={"id": VEHICLE_ID, "maximum_charge_limit_percentage": 80})

    mocked.patch(f"{BASE}/vehicles/{VEHICLE_ID}", callback=answer)
    async with AsyncClient("a-token") as client:
        vehicle = await client.vehicles.update(VEHICLE_ID, maximum_charge_limit_percentage=80)
    assert vehicle.maximum_charge_limit_percentage == 80


async def test_no_connection(mocked: Answers) -> None:
    mocked.get(f"{BASE}/vehicle_makes/{MAKE_ID}", exception=OSError("no route"), repeat=True)
    async with AsyncClient("a-token", retry=evenergy.Retry(attempts=2, backoff=0.001)) as client:
        with pytest.raises(evenergy.TransportError, match="no route"):
            await client.vehicle_makes.get(MAKE_ID)
