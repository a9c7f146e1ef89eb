"""What each operation sends: method, path, query and body, by both clients."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta, timezone
from operator import attrgetter
from typing import Any
from urllib.parse import parse_qsl

import attrs
import pytest
from aiohttp import web

import evenergy
from evenergy import (
    UNSET,
    AsyncClient,
    ChargingRegion,
    Client,
    ConnectorType,
    InvalidArgumentError,
    User,
    VehicleClass,
    VehicleMake,
    VehicleModel,
)

MAKE = "vmak01HRFHBCM7VBSWRPVYFBQMH2BR"
MODEL = "vmod01HRFHBCM7VBSWRPVYFBQMH2BR"
TRIM = "trim01HRFHBCM7VBSWRPVYFBQMH2BR"
USER = "user01HN2NJ9NMRZBXT1H6FT9N7735"
VEHICLE = "vhcl01HRFF3SEVSCRAV9B3CHVDFN0H"
PROGRAM = "prog01HRFF3SEVSCRAV9B3CHVDFN0H"
API = "https://api.ev.energy/v2"
KEY = "2024-01-01T11:11:11.1111Z"
SINCE = datetime(2024, 1, 1, 12, 30, tzinfo=timezone(timedelta(hours=1)))
UNTIL = datetime(2024, 1, 2, 0, 0, 0, 500_000, tzinfo=UTC)
SIZE = ("page_size", "100")
BASE = "{base}"
"""Stands for the base URL in a body that is expected."""


EMPTY: list[dict[str, object]] = [{}]


@attrs.frozen
class Row:
    """An operation with arguments, what it sends, and what it gives for a minimal answer."""

    name: str
    given: tuple[Any, ...]
    sent: str
    options: dict[str, Any] = attrs.field(factory=dict[str, Any])
    query: list[tuple[str, str]] = attrs.field(factory=list[tuple[str, str]])
    body: object = None
    answer: object = attrs.field(factory=dict[str, object])
    gives: str = ""
    headers: dict[str, str] = attrs.field(factory=dict[str, str])


def logs(name: str, time: str, kind: str) -> list[Row]:
    path, get = f"GET /vehicles/{VEHICLE}/{name}", f"vehicles.{name}.get"
    return [
        Row(f"vehicles.{name}.list", (VEHICLE,), path, query=[SIZE], answer=EMPTY, gives=kind),
        Row(
            f"vehicles.{name}.list",
            (f"{API}/vehicles/{VEHICLE}/",),
            path,
            {"since": SINCE, "until": UNTIL, "expand": ["vehicle", "vehicle.trim"], "page_size": 7},
            [
                ("page_size", "7"),
                (f"{time}__gte", "2024-01-01T11:30:00Z"),
                (f"{time}__lte", "2024-01-02T00:00:00.500000Z"),
                ("expand", "vehicle"),
                ("expand", "vehicle.trim"),
            ],
            answer=EMPTY,
            gives=kind,
        ),
        Row(get, (VEHICLE, KEY), f"{path}/{KEY}", gives=kind),
        Row(get, (VEHICLE, SINCE), f"{path}/2024-01-01T11:30:00Z", gives=kind),
        Row(get, (VEHICLE, UNTIL), f"{path}/2024-01-02T00:00:00.500000Z", gives=kind),
        Row(
            get,
            (VEHICLE, f"{API}/vehicles/{VEHICLE}/{name}/{KEY}"),
            f"{path}/{KEY}",
            {"expand": ("vehicle.user",)},
            [("expand", "vehicle.user")],
            gives=kind,
        ),
    ]


ROWS = [
    Row("root", (), "GET /", answer={"vehicles": "https://x"}, gives="dict"),
    Row("users.get", (USER,), f"GET /users/{USER}", answer={"id": USER}, gives="User"),
    Row(
        "users.get",
        (f"{API}/users/{USER}",),
        f"GET /users/{USER}",
        {"expand": ["default_location.tariff"]},
        [("expand", "default_location.tariff")],
        answer={"id": USER},
        gives="User",
    ),
    Row("users.list", (), "GET /users", query=[SIZE], answer=[{"id": USER}], gives="User"),
    Row(
        "users.list",
        (),
        "GET /users",
        {"email": "a+b@example.com&x=1", "expand": ("default_location.tariff",), "page_size": 1},
        [("page_size", "1"), ("email", "a+b@example.com&x=1"), ("expand", "default_location.tariff")],
        answer=[],
    ),
    Row("vehicle_makes.get", (MAKE,), f"GET /vehicle_makes/{MAKE}", answer={"id": MAKE}, gives="VehicleMake"),
    Row("vehicle_makes.list", (), "GET /vehicle_makes", query=[SIZE], answer=[{"id": MAKE}], gives="VehicleMake"),
    Row(
        "vehicle_makes.list",
        (),
        "GET /vehicle_makes",
        {"ordering": "-name", "available_for_user_id": f"{API}/users/{USER}/"},
        [SIZE, ("ordering", "-name"), ("available_for_user_id", USER)],
        answer=[],
    ),
    Row("vehicle_models.get", (MODEL,), f"GET /vehicle_models/{MODEL}", answer={"id": MODEL}, gives="VehicleModel"),
    Row(
        "vehicle_models.get",
        (MODEL,),
        f"GET /vehicle_models/{MODEL}",
        {"expand": ["make"]},
        [("expand", "make")],
        answer={"id": MODEL, "make": {"id": MAKE}},
        gives="VehicleModel",
    ),
    Row(
        "vehicle_models.list",
        (),
        "GET /vehicle_models",
        {
            "make_id": f"{API}/vehicle_makes/{MAKE}",
            "ordering": "name",
            "available_for_user_id": USER,
            "expand": ["make"],
        },
        [SIZE, ("make_id", MAKE), ("ordering", "name"), ("available_for_user_id", USER), ("expand", "make")],
        answer=[{"id": MODEL}],
        gives="VehicleModel",
    ),
    *(
        Row(
            "vehicle_models.create",
            (),
            "POST /vehicle_models",
            {"name": "Volt", "make": make},
            body={"name": "Volt", "make": f"{BASE}/vehicle_makes/{MAKE}"},
            answer={"id": MODEL},
            gives="VehicleModel",
        )
        for make in (MAKE, f"{API}/vehicle_makes/{MAKE}", VehicleMake(MAKE))
    ),
    Row(
        "vehicle_models.update",
        (MODEL,),
        f"PATCH /vehicle_models/{MODEL}",
        {"default_connector_type": ConnectorType.CCS},
        body={"default_connector_type": "CCS"},
        answer={"id": MODEL},
        gives="VehicleModel",
    ),
    Row(
        "vehicle_models.update",
        (MODEL,),
        f"PATCH /vehicle_models/{MODEL}",
        {"default_connector_type": None},
        body={"default_connector_type": None},
        answer={"id": MODEL},
        gives="VehicleModel",
    ),
    Row(
        "vehicle_models.connectors.get",
        (MODEL, ChargingRegion.EUROPE),
        f"GET /vehicle_models/{MODEL}/connectors/EUROPE",
        gives="VehicleModelConnector",
    ),
    Row(
        "vehicle_models.connectors.get",
        (MODEL, "a/b?c"),
        f"GET /vehicle_models/{MODEL}/connectors/a%2Fb%3Fc",
        gives="VehicleModelConnector",
    ),
    Row(
        "vehicle_models.connectors.list",
        (MODEL,),
        f"GET /vehicle_models/{MODEL}/connectors",
        {"page_size": 3},
        [("page_size", "3")],
        answer=EMPTY,
        gives="VehicleModelConnector",
    ),
    Row(
        "vehicle_models.connectors.create",
        (MODEL,),
        f"POST /vehicle_models/{MODEL}/connectors",
        {"region": "EUROPE", "connector_type": ConnectorType.CCS, "source": None, "verified_at": UNTIL},
        body={
            "region": "EUROPE",
            "connector_type": "CCS",
            "source": None,
            "verified_at": "2024-01-02T00:00:00.500000Z",
        },
        gives="VehicleModelConnector",
    ),
    Row(
        "vehicle_models.connectors.update",
        (MODEL, "EUROPE"),
        f"PATCH /vehicle_models/{MODEL}/connectors/EUROPE",
        {"connector_type": "NEW_PLUG", "confidence": None},
        body={"connector_type": "NEW_PLUG", "confidence": None},
        gives="VehicleModelConnector",
    ),
    Row("vehicle_trims.get", (TRIM,), f"GET /vehicle_trims/{TRIM}", answer={"id": TRIM}, gives="VehicleTrim"),
    Row(
        "vehicle_trims.get",
        (TRIM,),
        f"GET /vehicle_trims/{TRIM}",
        {"expand": ["model.make"]},
        [("expand", "model.make")],
        answer={"id": TRIM},
        gives="VehicleTrim",
    ),
    Row(
        "vehicle_trims.list",
        (),
        "GET /vehicle_trims",
        {"model_id": MODEL, "ordering": "-name", "expand": ["model", "model.make"]},
        [SIZE, ("model_id", MODEL), ("ordering", "-name"), ("expand", "model"), ("expand", "model.make")],
        answer=[{"id": TRIM}],
        gives="VehicleTrim",
    ),
    *(
        Row(
            "vehicle_trims.create",
            (),
            "POST /vehicle_trims",
            {"name": "Long", "model": model, "battery_size_watt_hours": 60_000},
            body={"name": "Long", "model": f"{BASE}/vehicle_models/{MODEL}", "battery_size_watt_hours": 60_000},
            answer={"id": TRIM},
            gives="VehicleTrim",
        )
        for model in (MODEL, f"{API}/vehicle_models/{MODEL}/", VehicleModel(MODEL))
    ),
    Row(
        "vehicle_compatibility.check",
        (MODEL,),
        "GET /vehicle_compatibility/check",
        query=[("vehicle_model_id", MODEL)],
        gives="VehicleCompatibility",
    ),
    Row(
        "vehicle_compatibility.check",
        (f"{API}/vehicle_models/{MODEL}",),
        "GET /vehicle_compatibility/check",
        {"country": "GB", "program_id": PROGRAM, "client_id": "app", "language": "en-GB"},
        [("vehicle_model_id", MODEL), ("country", "GB"), ("client_id", "app"), ("program_id", PROGRAM)],
        gives="VehicleCompatibility",
        headers={"Accept-Language": "en-GB"},
    ),
    Row(
        "vehicle_onboarding.start",
        (USER,),
        "GET /vehicle_onboarding",
        {"client_id": "app", "make_id": MAKE, "model_id": MODEL, "trim_id": TRIM, "redirect_uri": "https://app/x?y=1"},
        [
            ("user_id", USER),
            ("client_id", "app"),
            ("make_id", MAKE),
            ("model_id", MODEL),
            ("trim_id", TRIM),
            ("response_type", "json"),
            ("redirect_uri", "https://app/x?y=1"),
        ],
        answer={"authorization_request_id": "7"},
        gives="VehicleOnboarding",
    ),
    Row(
        "vehicle_onboarding.complete",
        (),
        "POST /vehicle_onboarding/complete",
        {"authorization_request_id": "7", "auth_code": "code"},
        body={"authorization_request_uid": "7", "auth_code": "code"},
        answer={"vehicles": [{"id": VEHICLE}]},
        gives="CompletedOnboarding",
    ),
    Row(
        "vehicle_onboarding.complete",
        (),
        "POST /vehicle_onboarding/complete",
        {"authorization_request_id": "7", "auth_code": "code", "smartcar_user_id": None},
        body={"authorization_request_uid": "7", "auth_code": "code", "smartcar_user_id": None},
        gives="CompletedOnboarding",
    ),
    *(
        Row(
            "vehicle_onboarding.send_link",
            (),
            "POST /vehicle_onboarding/onboarding_link",
            {"email": "a@example.com", "make": make},
            body={"email": "a@example.com", "make": MAKE},
            gives="NoneType",
        )
        for make in (MAKE, f"{API}/vehicle_makes/{MAKE}", VehicleMake(MAKE))
    ),
    *(
        Row(
            "vehicle_waitlist.create",
            (),
            "POST /vehicle_waitlist",
            {"email": "a@example.com", "vehicle_model": model, "client_id": "app", "language": "de"},
            [("client_id", "app")],
            {"email": "a@example.com", "vehicle_model_id": MODEL},
            {"id": "7"},
            "WaitlistEntry",
            {"Accept-Language": "de"},
        )
        for model in (MODEL, f"{API}/vehicle_models/{MODEL}", VehicleModel(MODEL))
    ),
    Row(
        "vehicle_waitlist.create",
        (),
        "POST /vehicle_waitlist",
        {"email": "é@x", "vehicle_make_name": "Make", "vehicle_model_name": "Model", "program_id": PROGRAM},
        body={"email": "é@x", "vehicle_make_name": "Make", "vehicle_model_name": "Model", "program_id": PROGRAM},
        answer={"id": "7"},
        gives="WaitlistEntry",
    ),
    Row("vehicles.get", (VEHICLE,), f"GET /vehicles/{VEHICLE}", answer={"id": VEHICLE}, gives="Vehicle"),
    Row(
        "vehicles.get",
        (f"{API}/vehicles/{VEHICLE}/?expand=user",),
        f"GET /vehicles/{VEHICLE}",
        {"expand": ["trim.model", "latest_status_log"]},
        [("expand", "trim.model"), ("expand", "latest_status_log")],
        answer={"id": "vhcl00000000000000000000000000"},
        gives="Vehicle",
    ),
    Row(
        "vehicles.list",
        (),
        "GET /vehicles",
        {"expand": ["latest_status_log"]},
        [SIZE, ("expand", "latest_status_log")],
        answer=[{"id": VEHICLE}],
        gives="Vehicle",
    ),
    Row(
        "vehicles.create",
        (),
        "POST /vehicles",
        {"model": MODEL},
        body={"model": f"{BASE}/vehicle_models/{MODEL}"},
        answer={"id": VEHICLE},
        gives="Vehicle",
    ),
    *(
        Row(
            "vehicles.create",
            (),
            "POST /vehicles",
            {
                "model": VehicleModel(MODEL),
                "battery_size_watt_hours": 60_000,
                "description": "Ours",
                "vehicle_class": VehicleClass.COMMERCIAL,
                "user": user,
                "expand": ["user", "trim"],
            },
            [("expand", "user"), ("expand", "trim")],
            {
                "model": f"{BASE}/vehicle_models/{MODEL}",
                "battery_size_watt_hours": 60_000,
                "description": "Ours",
                "vehicle_class": "COMMERCIAL",
                "user": f"{BASE}/users/{USER}",
            },
            {"id": VEHICLE},
            "Vehicle",
        )
        for user in (USER, f"{API}/users/{USER}/", User(USER))
    ),
    Row(
        "vehicles.update",
        (VEHICLE,),
        f"PATCH /vehicles/{VEHICLE}",
        {"vehicle_class": None},
        body={"vehicle_class": None},
        answer={"id": VEHICLE},
        gives="Vehicle",
    ),
    Row("vehicles.update", (VEHICLE,), f"PATCH /vehicles/{VEHICLE}", body={}, answer={"id": VEHICLE}, gives="Vehicle"),
    Row(
        "vehicles.update",
        (VEHICLE,),
        f"PATCH /vehicles/{VEHICLE}",
        {
            "maximum_charge_limit_percentage": 80,
            "smart_charging_enabled": False,
            "vehicle_class": "SUBMARINE",
            "battery_size_watt_hours": UNSET,
            "expand": ["user"],
        },
        [("expand", "user")],
        {"maximum_charge_limit_percentage": 80, "smart_charging_enabled": False, "vehicle_class": "SUBMARINE"},
        {"id": VEHICLE},
        "Vehicle",
    ),
    Row("vehicles.delete", (VEHICLE,), f"DELETE /vehicles/{VEHICLE}", answer={"vehicles": 1}, gives="NoneType"),
    Row(
        "vehicles.reconnect", (VEHICLE,), f"POST /vehicles/{VEHICLE}/reconnect", body={}, gives="VehicleReconnectionUrl"
    ),
    Row(
        "vehicles.disconnect",
        (VEHICLE,),
        f"POST /vehicles/{VEHICLE}/disconnect",
        answer={"id": VEHICLE},
        gives="Vehicle",
    ),
    Row("vehicles.vpp_modes", (VEHICLE,), f"GET /vehicles/{VEHICLE}/vpp_modes", gives="VPPModes"),
    Row("vehicles.connectors.get", (VEHICLE,), f"GET /vehicles/{VEHICLE}/connectors", gives="VehicleConnectors"),
    Row(
        "vehicles.connectors.update",
        (VEHICLE,),
        f"PATCH /vehicles/{VEHICLE}/connectors",
        {"native_connector": None, "adaptors": {ConnectorType.NACS: 1, "NEW_PLUG": 2}},
        body={"native_connector": None, "adaptors": ["NACS", "NEW_PLUG"]},
        gives="VehicleConnectors",
    ),
    Row(
        "vehicles.connectors.update",
        (VEHICLE,),
        f"PATCH /vehicles/{VEHICLE}/connectors",
        {"adaptors": ()},
        body={"adaptors": []},
        gives="VehicleConnectors",
    ),
    Row(
        "vehicles.state_of_charge.get",
        (VEHICLE,),
        f"GET /vehicles/{VEHICLE}/state_of_charge",
        gives="VehicleStateOfCharge",
    ),
    *(
        Row(
            "vehicles.state_of_charge.update",
            (VEHICLE,),
            f"PATCH /vehicles/{VEHICLE}/state_of_charge",
            {"state_of_charge_percentage": charge},
            body={"state_of_charge_percentage": charge},
            gives="VehicleStateOfCharge",
        )
        for charge in (70, 0, None)
    ),
    *logs("status_logs", "sampled_at", "VehicleStatusLog"),
    *logs("location_logs", "sampled_at", "VehicleLocationLog"),
    *logs("error_logs", "logged_at", "VehicleErrorLog"),
    *logs("command_logs", "logged_at", "VehicleCommandLog"),
    Row(
        "request",
        ("post", f"{API}/anything/7?x=1"),
        "POST /anything/7",
        {"params": {"y": [1, True], "z": None, "since": SINCE}, "json": {"a": [None]}},
        [("x", "1"), ("y", "1"), ("y", "true"), ("since", "2024-01-01T11:30:00Z")],
        {"a": [None]},
        gives="Response",
    ),
    Row("request", ("GET", "/vehicles"), "GET /vehicles", {"into": list[evenergy.Vehicle]}, answer=[]),
    Row(
        "pages",
        (f"{API}/vehicle_models?make_id={MAKE}&page_size=10&ordering=name",),
        "GET /vehicle_models",
        {"into": VehicleModel, "ordering": "-name"},
        [("make_id", MAKE), ("page_size", "10"), ("ordering", "-name")],
        answer=[{"id": MODEL}],
        gives="VehicleModel",
    ),
    Row("pages", ("/vehicle_models",), "GET /vehicle_models", {"into": VehicleModel}, [SIZE], answer=[]),
]


class Server:
    """Keeps what it was asked, and answers what it was told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[tuple[str, str]], object]] = []
        self.headers: list[dict[str, str]] = []
        self.answer: object = None
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        path = request.rel_url.raw_path.removeprefix("/v2")
        query = parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True)
        self.asked.append((f"{request.method} {path}", query, json.loads(body) if body else None))
        self.headers.append(dict(request.headers))
        return web.json_response(self.answer)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v2"
    yield server
    await runner.cleanup()


def assert_as_expected(row: Row, server: Server, result: object) -> None:
    expected = json.loads(json.dumps(row.body).replace(BASE, server.url))
    assert server.asked == [(row.sent, row.query, expected)]
    headers = server.headers[0]
    assert headers["Authorization"] == "Bearer token"
    assert headers["EvEnergy-Version"] == "2"
    assert headers["EvEnergy-User"] == f"{server.url}/users/{USER}"
    assert (headers.get("Content-Type") == "application/json") == row.sent.startswith(("POST", "PATCH"))
    assert headers.get("Accept-Language") == row.headers.get("Accept-Language")
    assert kind_of(result) == (f"[{row.gives}]" if isinstance(row.answer, list) else row.gives)


def kind_of(result: Any) -> str:
    if hasattr(result, "append"):
        return f"[{', '.join(kind_of(item) for item in result)}]"
    return type(result).__name__


def collected(result: Any) -> Any:
    return result.collect() if hasattr(result, "collect") else result


async def awaited(method: Any, *given: Any, **options: Any) -> object:
    return await collected(method(*given, **options))


each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)


@each_row
async def test_async(row: Row, server: Server) -> None:
    server.answer = row.answer
    async with AsyncClient("token", user=USER, base_url=server.url) as client:
        result = await awaited(attrgetter(row.name)(client), *row.given, **row.options)
    assert_as_expected(row, server, result)


@each_row
async def test_blocking(row: Row, server: Server) -> None:
    def called() -> object:
        with Client("token", user=USER, base_url=server.url) as client:
            return collected(attrgetter(row.name)(client)(*row.given, **row.options))

    server.answer = row.answer
    assert_as_expected(row, server, await asyncio.to_thread(called))


def operations(collection: Any, path: str = "") -> Iterator[str]:
    for name in dir(collection):
        thing = getattr(collection, name)
        if name.startswith("_") or name == "oauth":
            continue
        if callable(thing):
            yield path + name
        elif type(thing).__module__.startswith("evenergy."):
            yield from operations(thing, f"{path}{name}.")


def test_each_operation_has_a_row() -> None:
    elsewhere = {"close", "fan_out", "with_options"}
    assert set(operations(AsyncClient("token"))) == {row.name for row in ROWS} | elsewhere


REFUSED: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("vehicle_makes.get", ("vmak",), {}),
    ("vehicle_makes.get", (VEHICLE,), {}),
    ("vehicle_makes.list", (), {"available_for_user_id": VEHICLE}),
    ("vehicle_makes.list", (), {"page_size": 101}),
    ("vehicle_models.list", (), {"make_id": ""}),
    ("vehicle_models.create", (), {"name": "x", "make": "Volvo"}),
    ("vehicle_models.connectors.get", (MODEL, ".."), {}),
    ("vehicle_models.connectors.get", (MODEL, ""), {}),
    ("vehicle_trims.create", (), {"name": "x", "model": VehicleMake(MAKE), "battery_size_watt_hours": 1000}),
    ("vehicle_compatibility.check", (MODEL,), {"language": "de\r\nX-Evil: 1"}),
    ("vehicle_compatibility.check", (MODEL,), {"program_id": USER}),
    ("vehicle_waitlist.create", (), {"email": "x", "vehicle_model": ""}),
    ("vehicles.get", (f"{VEHICLE}/status_logs",), {}),
    ("vehicles.get", (VEHICLE,), {"expand": "user"}),
    ("vehicles.create", (), {"model": MODEL, "user": VEHICLE}),
    ("vehicles.create", (), {"model": MODEL, "description": "\ud800"}),
    ("vehicles.status_logs.list", (VEHICLE,), {"since": datetime(2024, 1, 1)}),  # noqa: DTZ001
    ("vehicles.status_logs.get", (VEHICLE, datetime(2024, 1, 1)), {}),  # noqa: DTZ001
    ("vehicles.status_logs.get", (VEHICLE, "latest"), {}),
    ("users.list", (), {"email": "\ud800"}),
    ("request", ("GET", "https://evil.example/v2/vehicles"), {}),
    ("request", ("GET", "/a/%2e%2e/b"), {}),
    ("request", ("POST", "/vehicles"), {"json": object()}),
    ("request", ("POST", "/vehicles"), {"json": {"x": "\ud800"}}),
    ("pages", ("https://evil.example/v2/vehicles",), {"into": VehicleMake}),
    ("pages", ("/vehicles",), {"into": VehicleMake, "page_size": 0}),
]


@pytest.mark.parametrize(("name", "given", "options"), REFUSED)
async def test_what_is_refused_is_not_sent(
    name: str, given: tuple[Any, ...], options: dict[str, Any], server: Server
) -> None:
    server.answer = []
    async with AsyncClient("token", base_url=server.url) as client:
        with pytest.raises(InvalidArgumentError, match="expected"):
            await awaited(attrgetter(name)(client), *given, **options)
    assert server.asked == []
