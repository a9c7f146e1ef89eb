"""Conveniences of charging and chargers: the open session of a vehicle, intervals, errors of OCPP; the boost."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from evenergy import (
    CarbonIntensity,
    ChargingSession,
    ChargingSubSession,
    DecodeError,
    EnergyUsage,
    EVSEOCPPCallResponse,
    EVSEOCPPLog,
    GridLevel,
    InvalidArgumentError,
    OCPPErrorCode,
    OutcomeUnknownError,
    Price,
    ScheduleInterval,
    Schedules,
    ServerError,
    SolarForecastLog,
    UsageInterval,
    Vehicle,
)
from evenergy._codec.decode import decode
from tests.operations._row import SUB_SESSION, ULID, VEHICLE
from tests.recorder import Handler, Perform, Recorder, responding

OTHER = f"vhcl{ULID[:-1]}X"
SESSION = f"cses{ULID}"


def session(number: int, vehicle: object, start: str, end: str | None) -> dict[str, Any]:
    return {
        "id": f"cses{number:026}",
        "vehicle": vehicle,
        "start": f"2026-11-{start}Z",
        "end": end and f"2026-11-{end}Z",
    }


def url(vehicle_id: str) -> str:
    return f"https://api.ev.energy/v2/vehicles/{vehicle_id}/"


def pages(server: Recorder, *documents: list[dict[str, Any]]) -> Handler:
    """Return a handler that responds with one page after another."""

    async def respond(request: web.Request, body: bytes) -> web.Response:
        page = len(server.exchanges)
        link = "about:blank" if page + 1 >= len(documents) else f"/v2/charging_sessions?page_after=cses{page:026}"
        return web.json_response(documents[page], headers={"Link": f'<{link}>; rel="next"'})

    return respond


def open_for(perform: Perform, vehicle: Vehicle | str) -> Any:
    return perform(lambda client: client.charging_sessions.open_for(vehicle))


@pytest.mark.parametrize("vehicle", [VEHICLE, url(VEHICLE), Vehicle(id=VEHICLE)], ids=["id", "URL", "model"])
@pytest.mark.parametrize("reference", [url(VEHICLE), {"id": VEHICLE}], ids=["a URL", "expanded"])
def test_the_open_session_of_a_vehicle(
    perform: Perform, server: Recorder, vehicle: Vehicle | str, reference: object
) -> None:
    others = [session(9, url(OTHER), "25T09:00:00", None), session(8, None, "25T08:00:00", None)]
    mine = [session(7, reference, "25T07:00:00", None), session(6, reference, "24T07:00:00", "24T09:00:00")]
    server.handler = pages(server, others, mine, [])
    found = open_for(perform, vehicle)
    assert type(found) is ChargingSession
    assert found.id == f"cses{7:026}"
    first, second = server.take()
    assert first.line == second.line == "GET /charging_sessions"
    assert first.query == (("page_size", "100"),)


def test_no_open_session_is_found_soon(perform: Perform, server: Recorder) -> None:
    """Behind a session that is over no other is open: the list is not read to its end."""
    over = [session(9, url(VEHICLE), "25T09:00:00", "25T10:00:00"), session(8, url(OTHER), "25T08:00:00", None)]
    server.handler = pages(server, over, [session(7, url(VEHICLE), "20T07:00:00", None)])
    assert open_for(perform, VEHICLE) is None
    assert len(server.take()) == 1


def test_sessions_of_the_same_time_come_in_any_order(perform: Perform, server: Recorder) -> None:
    same = [session(9, url(VEHICLE), "25T09:00:00", "25T09:00:00"), session(8, url(VEHICLE), "25T09:00:00", None)]
    server.handler = pages(server, same)
    assert open_for(perform, VEHICLE).id == f"cses{8:026}"
    server.take()


def test_a_vehicle_that_never_charged_has_no_open_session(perform: Perform, server: Recorder) -> None:
    server.handler = pages(server, [session(9, url(OTHER), "25T09:00:00", None)], [])
    assert open_for(perform, VEHICLE) is None
    assert len(server.take()) == 2


def test_an_odd_session_of_another_vehicle_does_no_harm(perform: Perform, server: Recorder) -> None:
    odd = session(9, url(OTHER), "25T09:00:00", "yesterday")
    server.handler = pages(server, [odd, session(8, url(VEHICLE), "25T08:00:00", None)])
    assert open_for(perform, VEHICLE).id == f"cses{8:026}"
    server.handler = pages(server, [odd], [session(8, url(VEHICLE), "25T08:00:00", "25T09:00:00")])
    server.take()
    assert open_for(perform, VEHICLE) is None
    server.take()


def test_an_odd_session_that_may_be_the_open_one_is_an_error(perform: Perform, server: Recorder) -> None:
    odd = session(9, {"id": VEHICLE}, "25T09:00:00", "yesterday")
    server.handler = pages(server, [odd, session(8, url(VEHICLE), "24T08:00:00", "24T09:00:00")])
    with pytest.raises(DecodeError) as raised:
        open_for(perform, VEHICLE)
    assert raised.value.raw == odd
    server.handler = pages(server, [odd, session(8, url(VEHICLE), "25T09:00:00", None)])
    server.take()
    assert open_for(perform, VEHICLE).id == f"cses{8:026}"
    server.take()


def test_an_open_session_is_of_a_vehicle(perform: Perform, server: Recorder) -> None:
    with pytest.raises(InvalidArgumentError, match="expected an id such as vhcl"):
        open_for(perform, SESSION)
    assert server.take() == []


@pytest.mark.parametrize("action", ["boost_start", "boost_end"])
def test_a_boost_is_never_sent_twice(perform: Perform, server: Recorder, action: str) -> None:
    def boost() -> object:
        return perform(lambda client: getattr(client.charging_sessions, action)(SESSION))

    async def cut(request: web.Request, body: bytes) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    server.handler = cut
    with pytest.raises(OutcomeUnknownError):
        boost()
    assert len(server.take()) == 1
    server.handler = responding({"title": "The vehicle did not respond"}, 503)
    with pytest.raises(ServerError, match="The vehicle did not respond"):
        boost()
    assert len(server.take()) == 1


def test_energy_of_a_hundred_sub_sessions_in_one_request(perform: Perform, server: Recorder) -> None:
    interval = {
        "started_at": "2026-11-25T09:00:00Z",
        "interval_seconds": 1800,
        "total_energy_delivered_watt_hours": 900,
    }
    usage = {"charging_sub_session": url(SUB_SESSION), "intervals": [interval]}
    server.handler = responding([{"id": SUB_SESSION, "energy_usage": usage}] * 100)
    items: Any = perform(lambda client: client.charging_sub_sessions.list(expand=["energy_usage"]))
    assert sum(len(item.energy_usage.delivered) for item in items) == 100
    assert {item.energy_usage.charging_sub_session_id for item in items} == {SUB_SESSION}
    assert len(server.take()) == 1


def test_intervals_with_energy_in_them() -> None:
    amounts = (0, 900, None, -100, 1)
    intervals = [UsageInterval(total_energy_delivered_watt_hours=amount) for amount in amounts]
    assert EnergyUsage(intervals=intervals).delivered == [intervals[1], intervals[4]]
    assert EnergyUsage().delivered == []


KINDS = (UsageInterval, ScheduleInterval, Price, CarbonIntensity, GridLevel, SolarForecastLog)


@pytest.mark.parametrize("kind", KINDS)
def test_ends_of_intervals(kind: Any) -> None:
    start = datetime(2026, 11, 25, 23, 45, tzinfo=UTC)
    assert kind(started_at=start, interval_seconds=1800).ends_at == datetime(2026, 11, 26, 0, 15, tzinfo=UTC)
    assert kind(started_at=start, interval_seconds=0).ends_at == start
    assert kind(started_at=start).ends_at is None
    assert kind(interval_seconds=1800).ends_at is None


def test_energy_by_price_is_one_object_or_a_list() -> None:
    one = decode(b'{"energy_delivered_by_price": {"price": "21.3"}}', UsageInterval)
    many = decode(b'{"energy_delivered_by_price": [{"price": "21.3"}]}', UsageInterval)
    assert many.energy_delivered_by_price == [one.energy_delivered_by_price]


def test_errors_of_ocpp() -> None:
    def error_of(code: str | None) -> OCPPErrorCode | None:
        return EVSEOCPPLog(
            response=EVSEOCPPCallResponse(error_code=None if code is None else OCPPErrorCode(code))
        ).error

    assert error_of("InternalError") is OCPPErrorCode.INTERNAL_ERROR
    assert error_of("NewError") == "NewError"
    assert error_of("NoError") is None
    assert error_of(None) is None
    assert EVSEOCPPLog().error is None


NESTED: dict[str, Any] = {
    "id": SUB_SESSION,
    "schedules": {"schedules": [], "charging_sub_session": {"id": SUB_SESSION, "flags": url("x")}},
}


def test_a_sub_session_and_its_details_hold_each_other() -> None:
    outer = decode(json.dumps(NESTED).encode(), ChargingSubSession)
    assert isinstance(outer.schedules, Schedules)
    inner = outer.schedules.charging_sub_session
    assert isinstance(inner, ChargingSubSession)
    assert outer.schedules.charging_sub_session_id == inner.id == SUB_SESSION


@pytest.mark.parametrize(
    "first", ["charging", "charging_diagnostics", "sub_sessions", "evse_logs", "ocpp", "ct_clamps"]
)
def test_modules_can_be_imported_in_any_order(first: str) -> None:
    code = f"""
import evenergy.resources.{first}
from evenergy._codec.decode import decode
from evenergy.resources.charging import ChargingSubSession
print(decode({json.dumps(NESTED).encode()!r}, ChargingSubSession).schedules.charging_sub_session.id)
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == SUB_SESSION
