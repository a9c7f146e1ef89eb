"""Listings over a real server: odd items, pages that cannot be read, headers, several consumers."""

from __future__ import annotations

import asyncio
import json
import pickle
import threading
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

import evenergy
from evenergy import AsyncClient, Client, DecodeError, EvEnergyError, Retry, Vehicle, VehicleStatusLog
from evenergy._core.pagination import Pager
from evenergy._transport.request import list_request, unpaged_request
from tests.server import VEHICLE_ID, Handler, Server, serving

ODD = [
    [{"odometer_meters": 1}, {"odometer_meters": 70.5}, {"odometer_meters": 2}],
    [{"sampled_at": ""}, {"state": 7}, {"odometer_meters": 3.0}, 5],
    [],
    [{"odometer_meters": 4}],
]
"""Pages of logs: the items 1, 2, 3 and 4, and four that cannot be decoded."""

PLACES = ["$[1].odometer_meters", "$[0].sampled_at", "$[1].state", "$[3]"]
RAW = [{"odometer_meters": 70.5}, {"sampled_at": ""}, {"state": 7}, 5]
ONCE = Retry(attempts=1)


def paged(pages: list[Any], *, wrapped_in: str | None = None) -> Handler:
    """Return a handler for the pages of a listing; text is a body as it is."""

    async def handler(request: web.Request) -> web.Response:
        number = int(request.query.get("page", "0"))
        body = pages[number]
        if wrapped_in is not None:
            body = {"url": "https://x", wrapped_in: body}
        following = f'<{request.path}?page={number + 1}>; rel="next"' if number + 1 < len(pages) else "about:blank"
        text = body if isinstance(body, str) else json.dumps(body)
        return web.Response(text=text, content_type="application/json", headers={"Link": following})

    return handler


async def drained(items: Any) -> tuple[list[Any], list[DecodeError]]:
    """Return all items of an iterator, and all its errors."""
    found: list[Any] = []
    errors: list[DecodeError] = []
    while True:
        try:
            found.append(await anext(items))
        except DecodeError as error:
            errors.append(error)
        except StopAsyncIteration:
            return found, errors


def drained_blocking(items: Any) -> tuple[list[Any], list[DecodeError]]:
    found: list[Any] = []
    errors: list[DecodeError] = []
    while True:
        try:
            found.extend(items)
        except DecodeError as error:
            errors.append(error)
        else:
            return found, errors


def meters(logs: list[VehicleStatusLog]) -> list[int | None]:
    return [log.odometer_meters for log in logs]


def in_thread(server: Server, work: Callable[[Client], Any], **options: Any) -> Any:
    """Return an awaitable for what a blocking client gives in a thread of its own."""

    def run() -> Any:
        with Client("a-long-token", base_url=server.url, **options) as client:
            return work(client)

    return asyncio.to_thread(run)


async def test_an_odd_item_loses_no_other_and_no_request_is_sent_again() -> None:
    async with serving(paged(ODD)) as server, AsyncClient("t", base_url=server.url) as client:
        found, errors = await drained(aiter(client.vehicles.status_logs.list(VEHICLE_ID)))
    assert meters(found) == [1, 2, 3, 4]
    assert [error.where for error in errors] == PLACES
    assert [error.raw for error in errors] == RAW
    assert len(server.requests) == len(ODD)
    first = errors[0]
    assert (first.status, first.method) == (200, "GET")
    assert first.url == f"{server.url}/vehicles/{VEHICLE_ID}/status_logs?page_size=100"
    assert errors[1].url.endswith("/status_logs?page_size=100&page=1")
    assert str(first) == (
        "could not decode the response: expected a whole number, got 70.5 at $[1].odometer_meters"
        f" (200, GET {first.url})"
    )


async def test_an_odd_item_loses_no_other_in_the_blocking_client() -> None:
    async with serving(paged(ODD)) as server:
        found, errors = await in_thread(
            server, lambda client: drained_blocking(client.vehicles.status_logs.list(VEHICLE_ID))
        )
    assert meters(found) == [1, 2, 3, 4]
    assert [error.where for error in errors] == PLACES
    assert len(server.requests) == len(ODD)


async def test_items_and_errors_come_in_the_order_of_the_page() -> None:
    async with serving(paged(ODD)) as server, AsyncClient("t", base_url=server.url) as client:
        items = aiter(client.vehicles.status_logs.list(VEHICLE_ID))
        assert (await anext(items)).odometer_meters == 1
        with pytest.raises(DecodeError, match=r"\$\[1\]"):
            await anext(items)
        assert (await anext(items)).odometer_meters == 2


async def test_a_page_has_the_items_and_the_errors() -> None:
    async with serving(paged(ODD)) as server, AsyncClient("t", base_url=server.url) as client:
        pages = [page async for page in client.vehicles.status_logs.list(VEHICLE_ID).pages()]
        blocking = await in_thread(server, lambda one: list(one.vehicles.status_logs.list(VEHICLE_ID).pages()))
    for found in (pages, blocking):
        assert [meters(page.items) for page in found] == [[1, 2], [3], [], [4]]
        assert [[error.where for error in page.undecoded] for page in found] == [PLACES[:1], PLACES[1:], [], []]
        assert all(error.status == 200 for page in found for error in page.undecoded)


async def test_collect_raises_the_first_error_or_hands_all_to_a_function() -> None:
    async with serving(paged(ODD)) as server, AsyncClient("t", base_url=server.url) as client:
        listing = client.vehicles.status_logs.list(VEHICLE_ID)
        with pytest.raises(DecodeError) as caught:
            await listing.collect()
        assert caught.value.where == PLACES[0]
        errors: list[DecodeError] = []
        assert meters(await listing.collect(on_error=errors.append)) == [1, 2, 3, 4]
        assert [error.where for error in errors] == PLACES


async def test_collect_raises_nothing_that_lies_behind_the_limit() -> None:
    async with serving(paged(ODD)) as server, AsyncClient("t", base_url=server.url) as client:
        listing = client.vehicles.status_logs.list(VEHICLE_ID)
        errors: list[DecodeError] = []
        assert await listing.collect(0, on_error=errors.append) == []
        assert not server.requests
        assert meters(await listing.collect(1)) == [1]
        assert meters(await listing.collect(2, on_error=errors.append)) == [1, 2]
        assert len(errors) == len(server.requests[1:]) == 1


async def test_blocking_collect_calls_the_function_in_the_callers_thread() -> None:
    def work(client: Client) -> tuple[list[Any], list[str], set[threading.Thread]]:
        threads: set[threading.Thread] = set()
        places: list[str] = []

        def on_error(error: DecodeError) -> None:
            threads.add(threading.current_thread())
            places.append(error.where)
            client.root()  # a call of its own: no deadlock

        with pytest.raises(DecodeError):
            client.vehicles.status_logs.list(VEHICLE_ID).collect()
        logs = client.vehicles.status_logs.list(VEHICLE_ID).collect(on_error=on_error)
        assert threads == {threading.current_thread()}
        assert meters(client.vehicles.status_logs.list(VEHICLE_ID).collect(2, on_error=on_error)) == [1, 2]
        return logs, places, threads

    async def handler(request: web.Request) -> web.StreamResponse:
        return await (paged(ODD) if "vehicles" in request.path else paged(["{}"]))(request)

    async with serving(handler) as server:
        logs, places, _ = await in_thread(server, work)
    assert meters(logs) == [1, 2, 3, 4]
    assert places == [*PLACES, PLACES[0]]


async def test_a_function_that_raises_ends_the_collection() -> None:
    class StopError(Exception):
        pass

    def on_error(_: DecodeError) -> None:
        raise StopError

    async with serving(paged(ODD)) as server, AsyncClient("t", base_url=server.url) as client:
        with pytest.raises(StopError):
            await client.vehicles.status_logs.list(VEHICLE_ID).collect(on_error=on_error)
        assert len(server.requests) == 1
        with pytest.raises(StopError):
            await in_thread(server, lambda one: one.vehicles.status_logs.list(VEHICLE_ID).collect(on_error=on_error))


async def test_an_echoed_token_is_redacted_from_the_error() -> None:
    item = {"url": ["a-long-token"], "a-long-token": {"x": "Bearer a-long-token!"}, "state": "a-long-token"}
    async with serving(paged([[item, {}]])) as server:
        async with AsyncClient("a-long-token", base_url=server.url) as client:
            (page,) = [page async for page in client.vehicles.status_logs.list(VEHICLE_ID).pages()]
            with pytest.raises(DecodeError) as caught:
                await client.request("GET", "/x", into=Vehicle)
        (error,) = page.undecoded
    assert error.raw == {"url": ["***"], "***": {"x": "Bearer ***!"}, "state": "***"}
    assert caught.value.raw == [error.raw, {}]
    for one in (error, caught.value):
        for shown in (repr(one), str(one), repr(vars(one)), repr(one.__cause__), repr(pickle.dumps(one))):
            assert "a-long-token" not in shown


async def test_an_error_pickles_with_the_data_and_shows_it_in_short() -> None:
    body = [{"url": ["x" * 100_000]}]
    async with serving(paged([body])) as server, AsyncClient("t", base_url=server.url) as client:
        with pytest.raises(DecodeError) as caught:
            await client.vehicles.list().collect()
    assert caught.value.raw == {"url": ["x" * 100_000]}
    assert len(repr(caught.value)) + len(str(caught.value)) + len(str(caught.value.__cause__)) < 3000
    same = pickle.loads(pickle.dumps(caught.value))  # noqa: S301
    assert vars(same) == vars(caught.value)


async def test_a_single_resource_that_cannot_be_decoded_is_in_its_error() -> None:
    async with serving(paged([{"id": "v", "url": 7}])) as server, AsyncClient("t", base_url=server.url) as client:
        with pytest.raises(DecodeError) as caught:
            await client.vehicles.get(VEHICLE_ID)
        assert caught.value.raw == {"id": "v", "url": 7}
        with pytest.raises(DecodeError) as caught:
            await client.request("GET", "/vehicles", into=list[Vehicle])
        assert caught.value.raw == {"id": "v", "url": 7}


@pytest.mark.parametrize("body", [{"detail": "closed"}, None, "x", 5])
async def test_a_page_that_is_no_array_is_an_error_of_its_own(body: object) -> None:
    pages = [[{"odometer_meters": 1}], json.dumps(body), [{"odometer_meters": 2}]]
    async with serving(paged(pages)) as server, AsyncClient("t", base_url=server.url) as client:
        listing = client.vehicles.status_logs.list(VEHICLE_ID)
        found, (error,) = await drained(aiter(listing))
        assert meters(found) == [1, 2]
        assert (error.where, error.raw, error.status) == ("$", body, 200)
        found, (error,) = await drained(listing.pages())
        assert [meters(page.items) for page in found] == [[1], [2]]
        assert error.where == "$"
        assert len(server.requests) == 6
        with pytest.raises(DecodeError):
            await listing.collect()


async def test_a_malformed_page_is_requested_again() -> None:
    pages = [[{"odometer_meters": 1}], "[{", [{"odometer_meters": 3}]]
    async with serving(paged(pages)) as server, AsyncClient("t", base_url=server.url, retry=ONCE) as client:
        items = aiter(client.vehicles.status_logs.list(VEHICLE_ID))
        await anext(items)
        with pytest.raises(DecodeError, match="not a whole JSON document") as caught:
            await anext(items)
        assert (caught.value.malformed, caught.value.raw) == (True, None)
        pages[1] = [{"odometer_meters": 2}]
        assert meters([log async for log in items]) == [2, 3]


@pytest.mark.parametrize("link", ['<http://[>; rel="next"', '<?page=0>; rel="next"'])
async def test_the_items_before_a_bad_link_are_delivered_and_then_the_error_once(link: str) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.json_response([{"id": "a"}, {"id": "b"}], headers={"Link": link})

    async with serving(handler) as server, AsyncClient("t", base_url=server.url) as client:
        listing = client.pages("/vehicles", Vehicle, page=0)
        found, (error,) = await drained(aiter(listing))
        assert [vehicle.id for vehicle in found] == ["a", "b"]
        assert (error.where, error.status) == ("Link", 200)
        assert error.url.startswith(f"{server.url}/vehicles?")
        pages, (error,) = await drained(listing.pages())
        assert len(pages) == 1
        assert error.where == "Link"
    assert len(server.requests) == 2


@pytest.mark.parametrize("odd", [False, True])
async def test_an_array_in_a_field_of_an_object_is_a_listing_too(*, odd: bool) -> None:
    pages = [[{"odometer_meters": 1}, *([{"odometer_meters": "2"}] if odd else [])], [{"odometer_meters": 3}]]
    handler = paged(pages, wrapped_in="intensities")
    async with serving(handler) as server, AsyncClient("t", base_url=server.url) as client:
        for make in (list_request, unpaged_request):
            request = make(VehicleStatusLog, "/x", wrapped_in="intensities")
            found, errors = await drained(aiter(Pager(client._session, request)))
            assert meters(found) == [1, 3]
            assert [error.where for error in errors] == ["$.intensities[1].odometer_meters"] * odd


@pytest.mark.parametrize("body", ['{"url": "https://x"}', '{"intensities": {}}', "5"])
async def test_an_object_without_the_array_is_an_error(body: str) -> None:
    async with serving(paged([body])) as server, AsyncClient("t", base_url=server.url) as client:
        request = list_request(VehicleStatusLog, "/x", wrapped_in="intensities")
        with pytest.raises(DecodeError) as caught:
            await Pager(client._session, request).collect()
    assert caught.value.where == ("$" if body == "5" else "$.intensities")
    assert caught.value.raw == json.loads(body)


async def test_an_array_that_was_expected_in_an_object_may_come_bare() -> None:
    async with serving(paged([[{"odometer_meters": 1}]])) as server, AsyncClient("t", base_url=server.url) as client:
        request = list_request(VehicleStatusLog, "/x", wrapped_in="intensities")
        assert meters(await Pager(client._session, request).collect()) == [1]


async def test_all_pages_have_the_headers_and_the_hint_of_the_first() -> None:
    pages = paged([[{"id": "a"}], [{"id": "b"}], [{"id": "c"}]])

    async def handler(request: web.Request) -> web.StreamResponse:
        return web.json_response({}, status=400) if request.query.get("page") == "2" else await pages(request)

    async with serving(handler) as server, AsyncClient("t", base_url=server.url) as client:
        request = list_request(Vehicle, "/vehicles", language="de", needs_user=True, expand=["user"], email="x")
        with pytest.raises(evenergy.BadRequestError, match="this may need a user"):
            await Pager(client._session, request).collect()
    assert [one.headers["Accept-Language"] for one in server.requests] == ["de"] * 3
    assert [one.query_string for one in server.requests] == [
        "page_size=100&email=x&expand=user" + page for page in ("", "&page=1", "&page=2")
    ]


async def test_a_listing_without_pages_sends_no_page_size() -> None:
    async with serving(paged([[{"id": "a"}]])) as server, AsyncClient("t", base_url=server.url) as client:
        assert len(await Pager(client._session, unpaged_request(Vehicle, "/x")).collect()) == 1
    assert server.requests[0].query_string == ""


async def test_tasks_that_share_an_iterator_get_each_item_once() -> None:
    pages: list[Any] = [[{"id": f"{page}.{item}"} for item in range(3)] + [5] for page in range(6)]
    async with serving(paged(pages)) as server, AsyncClient("t", base_url=server.url) as client:
        items = aiter(client.vehicles.list())

        async def consume() -> tuple[list[Any], list[DecodeError]]:
            found: list[Any] = []
            errors: list[DecodeError] = []
            while True:
                try:
                    found.append(await anext(items))
                except DecodeError as error:
                    errors.append(error)
                except StopAsyncIteration:
                    return found, errors
                await asyncio.sleep(0)

        results = await asyncio.gather(*(consume() for _ in range(5)))
    assert sorted(vehicle.id for found, _ in results for vehicle in found) == [
        f"{page}.{item}" for page in range(6) for item in range(3)
    ]
    assert sorted(error.url for _, errors in results for error in errors) == sorted(
        str(request.url) for request in server.requests
    )
    assert len(server.requests) == 6


async def test_each_loop_over_a_pager_begins_anew() -> None:
    handler = paged([[{"id": "a"}], [{"id": "b"}]])
    async with serving(handler) as server, AsyncClient("t", base_url=server.url) as client:
        listing = client.vehicles.list()
        for _ in range(2):
            assert [vehicle.id async for vehicle in listing] == ["a", "b"]
    assert len(server.requests) == 4


async def test_threads_that_share_a_blocking_pager_get_each_item_once() -> None:
    pages: list[Any] = [[{"id": f"{page}.{item}"} for item in range(20)] for page in range(10)]

    def work(client: Client) -> list[str]:
        listing = client.vehicles.list()
        found: list[str] = []

        def consume() -> None:
            for vehicle in listing:
                found.append(vehicle.id)  # noqa: PERF401  one by one, as they come

        threads = [threading.Thread(target=consume) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found

    async with serving(paged(pages)) as server:
        found = await in_thread(server, work)
    assert sorted(found) == sorted(item["id"] for page in pages for item in page)
    assert len(server.requests) == 10


async def test_awaiting_a_listing_says_what_to_write() -> None:
    async with serving(paged([[]])) as server, AsyncClient("t", base_url=server.url) as client:
        listing: Any = client.vehicles.list()
        with pytest.raises(EvEnergyError, match=r"async for item in .*list\(\):.*collect\(\)"):
            await listing
        with pytest.raises(TypeError, match=r"async for page in .*pages\(\):"):
            await listing.pages()
        assert not server.requests
