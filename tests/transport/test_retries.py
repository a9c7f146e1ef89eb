"""Retries over real sockets: what is sent again, and what is not."""

import asyncio

import pytest
from aiohttp import web

import evenergy
from evenergy import AsyncClient, Retry
from tests.server import MAKE, MAKE_ID, VEHICLE_ID, answer, raw_serving, run_jumping, serving
from tests.transport.responding import BODY, CUT, QUICK, statuses


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_get_is_sent_again_after_a_passing_failure(status: int) -> None:
    async with (
        serving(statuses(status, status, 200)) as server,
        AsyncClient("t", base_url=server.url, retry=QUICK) as c,
    ):
        assert (await c.vehicle_makes.get(MAKE_ID)).name == "Volvo"
    assert len(server.requests) == 3


async def test_attempts_end() -> None:
    async with serving(statuses(503)) as server, AsyncClient("t", base_url=server.url, retry=QUICK) as client:
        with pytest.raises(evenergy.ServerError) as raised:
            await client.vehicle_makes.get(MAKE_ID)
    assert (raised.value.status, raised.value.title, raised.value.method) == (503, "No", "GET")
    assert len(server.requests) == 3


@pytest.mark.parametrize("status", [400, 403, 404, 405, 406, 409, 413, 422, 501])
async def test_a_refusal_is_final(status: int) -> None:
    async with serving(statuses(status)) as server, AsyncClient("t", base_url=server.url, retry=QUICK) as client:
        with pytest.raises(evenergy.ProblemError) as raised:
            await client.vehicle_makes.get(MAKE_ID)
    assert raised.value.status == status
    assert len(server.requests) == 1


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_a_write_is_not_sent_again_after_a_5xx(method: str) -> None:
    async with serving(statuses(503, 200)) as server, AsyncClient("t", base_url=server.url, retry=QUICK) as client:
        with pytest.raises(evenergy.ServerError):
            await client.request(method, "/vehicles", json={})
    assert len(server.requests) == 1


@pytest.mark.parametrize("method", ["POST", "PATCH", "GET", "DELETE"])
def test_every_method_is_sent_again_after_a_429(method: str) -> None:
    async def main() -> None:
        handler = statuses(429, 429, 200, headers={"Retry-After": "0"})
        async with serving(handler) as server, AsyncClient("t", base_url=server.url, retry=Retry(attempts=1)) as client:
            assert (await client.request(method, "/vehicles")).status == 200
        assert len(server.requests) == 3

    run_jumping(main())


def test_a_429_without_any_header_is_one_too() -> None:
    async def main() -> None:
        bare = b"HTTP/1.1 429 Slow Down\r\n\r\n"
        async with raw_serving(bare, answer(BODY)) as server, AsyncClient("t", base_url=server.url) as client:
            assert (await client.vehicle_makes.get(MAKE_ID)).name == "Volvo"
        assert len(server.heads) == 2

    run_jumping(main())


def test_429s_that_ask_for_no_wait_end_all_the_same() -> None:
    async def main() -> None:
        handler = statuses(429, headers={"Retry-After": "0"})
        async with serving(handler) as server, AsyncClient("t", base_url=server.url, max_wait=5) as client:
            with pytest.raises(evenergy.RateLimitError):
                await client.vehicle_makes.get(MAKE_ID)
        assert len(server.requests) <= 7

    run_jumping(main())


async def test_more_left_than_the_limit_is_no_mistake_of_the_caller() -> None:
    async def odd(_: web.Request) -> web.Response:
        return web.json_response(MAKE, headers={"X-RateLimit-Limit": "10", "X-RateLimit-Remaining": "20"})

    async with serving(odd) as server, AsyncClient("t", base_url=server.url) as client:
        for _ in range(30):
            await client.vehicle_makes.get(MAKE_ID)


@pytest.mark.parametrize("codes", [(404,), (503, 503, 503), (503, 404)])
async def test_a_traceback_shows_nothing_of_the_libraries_below(codes: tuple[int, ...]) -> None:
    async with serving(statuses(*codes)) as server, AsyncClient("t", base_url=server.url, retry=QUICK) as client:
        with pytest.raises(evenergy.ProblemError) as raised:
            await client.vehicle_makes.get(MAKE_ID)
    files = [entry.path for entry in raised.traceback]
    assert not [path for path in files if "tenacity" in str(path) or "concurrent" in str(path)]
    assert raised.value.__context__ is None
    assert ("after" in str(raised.value)) == (len(codes) > 1)


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_the_outcome_of_a_write_whose_answer_was_lost_is_unknown(method: str) -> None:
    async with raw_serving(None) as server, AsyncClient("t", base_url=server.url, retry=QUICK) as client:
        with pytest.raises(evenergy.OutcomeUnknownError, match="may have taken effect"):
            await client.request(method, "/vehicles", json={})
    assert len(server.heads) == 1


async def test_a_get_that_was_lost_is_sent_again_and_never_by_aiohttp_itself() -> None:
    async with raw_serving(None) as server, AsyncClient("t", base_url=server.url, retry=QUICK) as client:
        with pytest.raises(evenergy.TransportError, match="connection was lost"):
            await client.vehicle_makes.get(MAKE_ID)
    assert len(server.heads) == 3


async def test_nothing_was_sent_when_there_was_no_connection_so_a_write_tries_again() -> None:
    async with raw_serving(None) as server:
        url = server.url
    async with AsyncClient("t", base_url=url, retry=QUICK) as client:
        with pytest.raises(evenergy.TransportError, match="no connection") as raised:
            await client.request("POST", "/vehicles", json={})
    assert not isinstance(raised.value, evenergy.OutcomeUnknownError)
    assert isinstance(raised.value.__cause__, OSError)


async def test_a_delete_whose_answer_was_lost_and_whose_repeat_finds_nothing_is_done() -> None:
    gone = answer(b'{"title": "Not found"}', "404 Not Found")
    async with raw_serving(None, gone) as server, AsyncClient("t", base_url=server.url, retry=QUICK) as client:
        await client.vehicles.delete(VEHICLE_ID)
        with pytest.raises(evenergy.NotFoundError):
            await client.vehicles.delete(VEHICLE_ID)
    assert len(server.heads) == 3


@pytest.mark.parametrize("status", ["502 Bad Gateway", "504 Gateway Timeout"])
async def test_a_proxy_that_loses_the_answer_to_a_delete_is_no_different(status: str) -> None:
    lost, gone = answer(b"<html>", status), answer(b'{"title": "Not found"}', "404 Not Found")
    async with raw_serving(lost, gone) as server, AsyncClient("t", base_url=server.url, retry=QUICK) as client:
        await client.vehicles.delete(VEHICLE_ID)
    assert len(server.heads) == 2


@pytest.mark.parametrize(("method", "empty"), [("GET", answer(b"", "204 No Content")), ("HEAD", answer(b""))])
async def test_an_answer_without_a_body_is_not_asked_for_again(method: str, empty: bytes) -> None:
    async with raw_serving(empty) as server, AsyncClient("t", base_url=server.url, retry=QUICK) as client:
        with pytest.raises(evenergy.DecodeError):
            await client.request(method, "/x", into=dict)
    assert len(server.heads) == 1


async def test_a_retry_after_at_the_end_of_the_calendar_is_a_long_wait() -> None:
    far = {"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT", "Date": "Fri, 01 Jan 1999 00:00:00 GMT"}
    async with serving(statuses(429, headers=far)) as server, AsyncClient("t", base_url=server.url) as client:
        for _ in range(2):
            with pytest.raises(evenergy.RateLimitError) as raised:
                await client.root()
            assert 3590 < raised.value.retry_after <= 3600
        assert len(server.requests) == 1


@pytest.mark.parametrize("cut", CUT.values(), ids=CUT.keys())
async def test_a_200_that_is_not_whole_is_asked_for_again(cut: bytes) -> None:
    async with raw_serving(cut, answer(BODY)) as server, AsyncClient("t", base_url=server.url, retry=QUICK) as client:
        assert (await client.vehicle_makes.get(MAKE_ID)).name == "Volvo"
    assert len(server.heads) == 2


def test_retry_after_is_the_lower_bound_of_the_wait_and_one_beyond_max_wait_is_refused() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        handler = statuses(503, 200, 503, headers={"Retry-After": "40"})
        async with serving(handler) as server, AsyncClient("t", base_url=server.url, max_wait=60) as client:
            started = loop.time()
            await client.vehicle_makes.get(MAKE_ID)
            assert 40 <= loop.time() - started < 61
            started = loop.time()
            with pytest.raises(evenergy.ServerError):
                await client.with_options(max_wait=30).vehicle_makes.get(MAKE_ID)
            assert loop.time() - started < 1

    run_jumping(main())


async def test_an_outage_is_not_answered_with_a_storm() -> None:
    async with serving(statuses(503)) as server, AsyncClient("t", base_url=server.url, retry=QUICK) as client:
        for _ in range(200):
            with pytest.raises(evenergy.ServerError):
                await client.vehicle_makes.get(MAKE_ID)
    assert len(server.requests) == 200 + 100  # 500 for retries at 5 each
