"""Uses and misuses of both clients. A line that type checkers must reject ends in a mark with their names.

It is never run: `test_typing` compares the errors of mypy and pyright with these marks.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine
from datetime import UTC, datetime
from typing import Any, assert_type

from evenergy import (
    UNSET,
    AsyncClient,
    BlockingFanOut,
    BlockingPager,
    Client,
    ClientCredentials,
    FanOut,
    Outcome,
    Page,
    Pager,
    RateLimit,
    Response,
    Token,
    User,
    Vehicle,
    VehicleCommandLog,
    VehicleExpand,
    VehicleMake,
    VehicleModelConnector,
    VehicleStatusLog,
)

NOW = datetime.now(UTC)


async def results(client: AsyncClient) -> None:
    waiting: Coroutine[Any, Any, Vehicle] = client.vehicles.get("v")
    assert_type(await waiting, Vehicle)
    assert_type(await client.vehicles.get("v", expand=["user", "trim.model"]), Vehicle)
    assert_type(await client.vehicle_makes.get("m"), VehicleMake)
    assert_type(await client.vehicles.status_logs.get("v", NOW), VehicleStatusLog)
    assert_type(await client.vehicles.command_logs.get("v", "2024-01-01T11:11:11Z"), VehicleCommandLog)
    assert_type(await client.vehicle_models.connectors.update("m", "EUROPE", confidence=None), VehicleModelConnector)
    assert_type(await client.root(), dict[str, str])
    assert_type(await client.oauth.exchange("code"), Token)
    assert_type(client.oauth.authorization_request().url, str)
    assert_type(client.rate_limit, RateLimit | None)
    await client.vehicles.delete("v")
    await client.vehicles.update("v", vehicle_class=None, battery_size_watt_hours=UNSET)
    await client.oauth.revoke()


def blocking_results(client: Client) -> None:
    assert_type(client.vehicles.get("v", expand=["user", "trim.model"]), Vehicle)
    assert_type(client.vehicle_makes.get("m"), VehicleMake)
    assert_type(client.vehicles.status_logs.get("v", NOW), VehicleStatusLog)
    assert_type(client.vehicles.command_logs.get("v", "2024-01-01T11:11:11Z"), VehicleCommandLog)
    assert_type(client.vehicle_models.connectors.update("m", "EUROPE", confidence=None), VehicleModelConnector)
    assert_type(client.root(), dict[str, str])
    assert_type(client.oauth.exchange("code"), Token)
    assert_type(client.rate_limit, RateLimit | None)
    client.vehicles.delete("v")


async def listings(client: AsyncClient) -> None:
    assert_type(client.vehicles.list(), Pager[Vehicle])
    assert_type(client.vehicles.status_logs.list("v", since=NOW), Pager[VehicleStatusLog])
    async for log in client.vehicles.status_logs.list("v", since=NOW, until=None, expand=["vehicle.user"]):
        assert_type(log, VehicleStatusLog)
    async for page in client.vehicles.list().pages():
        assert_type(page, Page[Vehicle])
        assert_type(page.items, list[Vehicle])
        assert_type(page.next_url, str | None)
    assert_type(await client.users.list(email="a@example.com").collect(limit=3), list[User])


def blocking_listings(client: Client) -> None:
    assert_type(client.vehicles.list(), BlockingPager[Vehicle])
    for log in client.vehicles.status_logs.list("v", since=NOW, until=None, expand=["vehicle.user"]):
        assert_type(log, VehicleStatusLog)
    for page in client.vehicles.list().pages():
        assert_type(page, Page[Vehicle])
    assert_type(client.users.list(email="a@example.com").collect(limit=3), list[User])


async def generic_calls(client: AsyncClient) -> None:
    assert_type(await client.request("GET", "/vehicles"), Response)
    assert_type(await client.request("GET", "/vehicles/v", into=Vehicle), Vehicle)
    assert_type(await client.request("GET", "/vehicles", params={"page_size": 5}, into=list[Vehicle]), list[Vehicle])
    assert_type(client.pages("/vehicles", into=Vehicle, page_size=5), Pager[Vehicle])
    assert_type(client.with_options(user="u", timeout=None), AsyncClient)
    assert_type(client.with_options(auth=None).vehicles.list(), Pager[Vehicle])


def blocking_generic_calls(client: Client) -> None:
    assert_type(client.request("GET", "/vehicles"), Response)
    assert_type(client.request("GET", "/vehicles/v", into=Vehicle), Vehicle)
    assert_type(client.request("GET", "/vehicles", params={"page_size": 5}, into=list[Vehicle]), list[Vehicle])
    assert_type(client.pages("/vehicles", into=Vehicle, page_size=5), BlockingPager[Vehicle])
    assert_type(client.with_options(user="u", timeout=None), Client)
    assert_type(client.with_options(auth=None).vehicles.list(), BlockingPager[Vehicle])


async def fan_outs(client: AsyncClient, later: AsyncIterator[str]) -> None:
    assert_type(client.fan_out(client.vehicles.get, ["v"]), FanOut[str, Vehicle])
    assert_type(client.fan_out(client.vehicles.get, later, concurrency=3, expand=["user"]), FanOut[str, Vehicle])
    logs = client.fan_out(client.vehicles.status_logs.list, ["v", "w"], since=NOW)
    assert_type(logs, FanOut[str, list[VehicleStatusLog]])
    async for outcome in logs:
        assert_type(outcome, Outcome[str, list[VehicleStatusLog]])
        assert_type(outcome.item, str)
        assert_type(outcome.value, list[VehicleStatusLog] | None)
        assert_type(outcome.error, Exception | None)
        assert_type(outcome.unwrap(), list[VehicleStatusLog])

    async def count(vehicle: Vehicle) -> int:
        return len(await client.vehicles.status_logs.list(vehicle.id).collect())

    assert_type(client.fan_out(count, [Vehicle("v")]), FanOut[Vehicle, int])


def blocking_fan_outs(client: Client) -> None:
    assert_type(client.fan_out(client.vehicles.get, ["v"]), BlockingFanOut[str, Vehicle])
    logs = client.fan_out(client.vehicles.status_logs.list, ["v", "w"], since=NOW)
    assert_type(logs, BlockingFanOut[str, list[VehicleStatusLog]])
    for outcome in logs:
        assert_type(outcome.unwrap(), list[VehicleStatusLog])


def references(vehicle: Vehicle, expand: VehicleExpand) -> None:
    assert_type(vehicle.user, str | User | None)
    assert_type(vehicle.user_id, str | None)
    _fields: list[VehicleExpand] = [expand, "trim.model.make"]


def misused_construction() -> None:
    Client(ClientCredentials("id", "secret"), user=None, timeout=None)
    Client("token", session=None)  # E: mypy pyright
    AsyncClient("token", "user")  # E: mypy pyright
    AsyncClient(5)  # E: mypy pyright


async def misused(client: AsyncClient) -> None:
    await client.vehicles.get()  # E: mypy pyright
    await client.vehicles.get(vehicle_id="v")  # E: mypy pyright
    await client.vehicles.get("v", ["user"])  # E: mypy pyright
    await client.vehicles.get(5)  # E: mypy pyright
    await client.vehicles.get("v", expnd=["user"])  # E: mypy pyright
    await client.vehicles.get("v", expand=["usr"])  # E: mypy pyright
    await client.vehicles.get("v", expand="user")  # E: mypy pyright
    await client.vehicles.status_logs.get("v")  # E: mypy pyright
    await client.vehicles.update("v", maximum_charge_limit_percentage="80")  # E: mypy pyright
    await client.vehicles.update("v", maximum_charge_limit_percentage=None)  # E: mypy pyright
    await client.vehicle_trims.create(name="n", model="m")  # E: mypy pyright
    client.vehicles.list("v")  # E: mypy pyright
    client.vehicles.status_logs.list("v", since="2024-01-01")  # E: mypy pyright
    client.vehicles.status_logs.list("v", expand=["user"])  # E: mypy pyright
    client.vehicle_makes.list(ordering="names")  # E: mypy pyright
    client.vehicles.gett("v")  # E: mypy pyright
    client.vehicle.get("v")  # E: mypy pyright
    client.pages("/vehicles")  # E: mypy pyright
    client.with_options(concurrency=3)  # E: mypy pyright
    await client.request("GET", "/vehicles", param={})  # E: mypy pyright
    client.fan_out(client.vehicles.get, 5)  # E: mypy pyright
    client.fan_out(client.vehicles.get, [5])  # E: mypy pyright


async def not_awaited(client: AsyncClient) -> None:
    client.vehicles.get("v")  # E: mypy pyright
    vehicle: Vehicle = client.vehicles.get("v")  # E: mypy pyright
    client.vehicles.get("v").id  # E: mypy pyright
    client.request("GET", "/vehicles").status  # E: mypy pyright
    vehicles: list[Vehicle] = client.vehicles.list().collect()  # E: mypy pyright
    for _ in client.vehicles.list():  # E: mypy pyright
        pass


async def misused_blocking(client: Client) -> None:
    client.vehicles.get()  # E: mypy pyright
    client.vehicles.get(vehicle_id="v")  # E: mypy pyright
    client.vehicles.get("v", ["user"])  # E: mypy pyright
    client.vehicles.get("v", expand=["usr"])  # E: mypy pyright
    client.vehicles.status_logs.list("v", expand=["user"])  # E: mypy pyright
    client.pages("/vehicles")  # E: mypy pyright
    client.fan_out(client.vehicles.get, [5])  # E: mypy pyright
    await client.vehicles.get("v")  # E: mypy pyright
    await client.request("GET", "/vehicles")  # E: mypy pyright
    await client.vehicles.list().collect()  # E: mypy pyright
    async for _ in client.vehicles.list():  # E: mypy pyright
        pass
