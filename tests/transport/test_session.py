"""The request core over real sockets: what is sent, what is sent again, and what comes of it."""

import asyncio
import base64
import gzip
import itertools
import json
import pickle
import ssl
from collections.abc import Callable
from datetime import datetime
from tempfile import NamedTemporaryFile
from typing import Any

import aiohttp
import msgspec
import pytest
import trustme
from aiohttp import web

import evenergy
from evenergy import AsyncClient, ClientCredentials, Retry
from evenergy._transport.failures import MAX_BODY
from tests.server import (
    MAKE,
    MAKE_ID,
    USER_ID,
    VEHICLE_ID,
    Handler,
    answer,
    raw_serving,
    run_jumping,
    serving,
)

QUICK = Retry(attempts=3, backoff=0.001, max_backoff=0.001)
BODY = json.dumps(MAKE).encode()


def statuses(*codes: int, headers: dict[str, str] | None = None) -> Handler:
    """The n-th request gets the n-th status, later ones the last."""
    left = list(codes)

    async def handler(_: web.Request) -> web.Response:
        code = left.pop(0) if len(left) > 1 else left[0]
        if code == 200:
            return web.json_response(MAKE)
        return web.json_response(
            {"title": "No", "status": code}, status=code, content_type="application/problem+json", headers=headers
        )

    return handler


async def test_what_a_request_carries() -> None:
    async with (
        serving(statuses(200)) as server,
        AsyncClient("tok-1", base_url=server.url + "/", user=f"https://api.ev.energy/v2/users/{USER_ID}/") as client,
    ):
        make = await client.vehicle_makes.get(MAKE_ID)
    assert make == evenergy.VehicleMake(id=MAKE_ID, url=MAKE["url"], name="Volvo")
    request = server.requests[0]
    assert request.path == f"/v2/vehicle_makes/{MAKE_ID}"
    assert request.headers["Authorization"] == "Bearer tok-1"
    assert request.headers["EvEnergy-Version"] == "2"
    assert request.headers["EvEnergy-User"] == f"{server.url}/users/{USER_ID}"
    assert request.headers["User-Agent"].startswith("evenergy/")
    assert "application/problem+json" in request.headers["Accept"]


async def test_anonymous_calls_carry_no_credentials_and_the_401_says_how_to_set_them() -> None:
    async with serving(statuses(401)) as server, AsyncClient(base_url=server.url) as client:
        with pytest.raises(evenergy.AuthenticationError, match="EVENERGY_CLIENT_ID"):
            await client.vehicle_makes.get(MAKE_ID)
    assert "Authorization" not in server.requests[0].headers
    assert len(server.requests) == 1


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


def test_waiting_for_the_first_answer_is_no_wait_for_the_rate_limit() -> None:
    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(10)
        return web.json_response(MAKE, headers={"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "90"})

    async def main() -> None:
        async with serving(slow) as server, AsyncClient("t", base_url=server.url, max_wait=0) as client:
            assert len(await asyncio.gather(*(client.vehicle_makes.get(MAKE_ID) for _ in range(50)))) == 50

    run_jumping(main())


def test_a_server_that_hangs_is_a_timeout_for_all_and_no_rate_limit() -> None:
    async def main() -> None:
        once = Retry(attempts=1)
        async with (
            serving(_stalling) as server,
            AsyncClient("t", base_url=server.url, timeout=1, max_wait=2, retry=once) as client,
        ):
            found = await asyncio.gather(
                *(client.vehicle_makes.get(MAKE_ID) for _ in range(50)), return_exceptions=True
            )
            assert {type(one) for one in found} == {evenergy.RequestTimeoutError}

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


async def test_a_deadline_does_not_use_up_the_retries() -> None:
    async with serving(statuses(200)) as server, AsyncClient("t", base_url=server.url, deadline=30) as client:
        client._session.retry_budget._left = 100
        for _ in range(10):
            await client.vehicle_makes.get(MAKE_ID)
        assert client._session.retry_budget._left == 110


async def test_nothing_is_sent_after_close_on_an_injected_session_either() -> None:
    waiting, go = asyncio.Event(), asyncio.Event()

    class Slow:
        async def access_token(self) -> str:
            waiting.set()
            await go.wait()
            return "a-token"

    async with serving(statuses(200)) as server, aiohttp.ClientSession() as session:
        client = AsyncClient(Slow(), base_url=server.url, session=session)
        call = asyncio.create_task(client.request("POST", "/vehicles"))
        await waiting.wait()
        await client.close()
        go.set()
        with pytest.raises(evenergy.ClosedError):
            await call
    assert not server.requests


async def test_what_swallows_a_cancellation_leaves_none_behind() -> None:
    class Stubborn:
        async def access_token(self) -> str:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise LookupError from None
            return ""

    async with AsyncClient(Stubborn(), base_url="http://127.0.0.1:1/v2", deadline=0.01) as client:
        with pytest.raises(LookupError):
            await client.root()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


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


async def test_a_delete_with_a_body_says_that_it_is_json() -> None:
    async with serving(statuses(200)) as server, AsyncClient("t", base_url=server.url) as client:
        await client.request("DELETE", "/x", json=[1])
        await client.request("DELETE", "/x")
    assert [request.headers.get("Content-Type") for request in server.requests] == ["application/json", None]
    assert server.bodies == [b"[1]", b""]


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


async def test_an_answer_pickles() -> None:
    async with serving(statuses(200)) as server, AsyncClient("t", base_url=server.url) as client:
        found = await client.request("GET", "/x")
    same = pickle.loads(pickle.dumps(found))  # noqa: S301
    assert (same, same.json()) == (found, MAKE)
    assert same.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize("into", [[evenergy.Vehicle], "Vehicle", evenergy.Vehicle | evenergy.User, object(), 5])
async def test_what_an_answer_cannot_be_read_into_is_refused_before_anything_is_sent(into: Any) -> None:
    async with AsyncClient("t", base_url="http://127.0.0.1:9/v2") as client:
        with pytest.raises(evenergy.InvalidArgumentError, match="expected a type such as"):
            await client.request("GET", "/x", into=into)
        with pytest.raises(evenergy.InvalidArgumentError, match="expected a type such as"):
            client.pages("/x", into=into)


class Fleet(msgspec.Struct):
    """A class of a caller's, which holds a value of the library."""

    vehicles: list[evenergy.Vehicle]
    size: int = 0


async def test_an_answer_is_read_into_classes_of_the_callers_too() -> None:
    body = b'{"vehicles": [{"id": "v", "unknown": 1}], "size": 1.0}'
    async with raw_serving(answer(body)) as server, AsyncClient("t", base_url=server.url) as client:
        fleet = await client.request("GET", "/x", into=Fleet)
    assert (fleet.vehicles[0].id, fleet.size) == ("v", 1)


@pytest.mark.parametrize("body", [float("nan"), {"at": datetime(2024, 1, 1)}, [{"x": (float("inf"),)}], {1j}])  # noqa: DTZ001
async def test_a_body_that_json_cannot_hold_is_refused(body: object) -> None:
    async with AsyncClient("t") as client:
        with pytest.raises(evenergy.InvalidArgumentError):
            await client.request("POST", "/x", json=body)


CUT = {
    "by length": b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + BODY,
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n" + BODY[:5] + b"\r\n",
    "without a length": b"HTTP/1.1 200 OK\r\n\r\n" + BODY[:-5],
    "gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(BODY)[:-20],
    "html": answer(b"<html>busy</html>"),
    "headers only": b"HTTP/1.1 200 OK\r\nContent-Le",
    "nothing": b"",
    "not http": b"hello\r\n\r\n",
}


async def test_a_body_cut_short_is_told_without_the_names_of_the_libraries_below() -> None:
    async with raw_serving(CUT["by length"]) as server, AsyncClient("t", base_url=server.url, retry=QUICK) as client:
        with pytest.raises(evenergy.TransportError, match=r"cut short.*.* of 500 bytes") as caught:
            await client.root()
    assert "Error" not in str(caught.value)


@pytest.mark.parametrize("cut", CUT.values(), ids=CUT.keys())
async def test_a_200_that_is_not_whole_is_asked_for_again(cut: bytes) -> None:
    async with raw_serving(cut, answer(BODY)) as server, AsyncClient("t", base_url=server.url, retry=QUICK) as client:
        assert (await client.vehicle_makes.get(MAKE_ID)).name == "Volvo"
    assert len(server.heads) == 2


async def test_what_is_no_json_to_the_end_is_a_decode_error() -> None:
    async with raw_serving(CUT["html"]) as server, AsyncClient("t", base_url=server.url, retry=QUICK) as client:
        with pytest.raises(evenergy.DecodeError) as raised:
            await client.vehicle_makes.get(MAKE_ID)
    assert (raised.value.status, raised.value.where, raised.value.method) == (200, "$", "GET")
    assert len(server.heads) == 3


async def test_an_answer_of_the_wrong_shape_is_not_asked_for_again_and_names_the_place() -> None:
    wrong = answer(b'[{"sampled_at": "2024-01-01T00:00:00Z"}, {"sampled_at": "yesterday"}]')
    async with raw_serving(wrong) as server, AsyncClient("t", base_url=server.url, retry=QUICK) as client:
        with pytest.raises(evenergy.DecodeError, match=r"\$\[1\]\.sampled_at") as raised:
            await client.vehicles.status_logs.list(VEHICLE_ID).collect()
    assert raised.value.where == "$[1].sampled_at"
    assert len(server.heads) == 1


async def test_a_redirect_is_an_error_that_names_the_place_without_its_query() -> None:
    redirect = answer(b"", "307 Temporary Redirect", "Location: https://elsewhere.example/v2/x?token=abc")
    async with raw_serving(redirect) as server, AsyncClient("t", base_url=server.url, retry=QUICK) as client:
        with pytest.raises(evenergy.TransportError, match=r"https://elsewhere\.example/v2/x") as raised:
            await client.vehicle_makes.get(MAKE_ID)
    assert "abc" not in str(raised.value)
    assert len(server.heads) == 1


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_that_is_too_large_is_refused(announced: bool) -> None:
    bomb = gzip.compress(b" " * (MAX_BODY + 1))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
    small = head + b"Content-Length: %d\r\n\r\n" % len(bomb) + bomb
    large = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY + 1)
    async with (
        raw_serving(large if announced else small, keep_alive=True) as server,
        AsyncClient("t", base_url=server.url, retry=QUICK) as client,
    ):
        with pytest.raises(evenergy.TransportError, match="8 MiB"):
            await client.vehicle_makes.get(MAKE_ID)
    assert len(server.heads) == 1


def test_the_timeout_covers_a_body_that_drips() -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(1)

    async def main() -> None:
        async with serving(drip) as server, AsyncClient("t", base_url=server.url, timeout=10, retry=QUICK) as client:
            started = asyncio.get_running_loop().time()
            with pytest.raises(evenergy.RequestTimeoutError, match="10 s"):
                await client.vehicle_makes.get(MAKE_ID)
            assert asyncio.get_running_loop().time() - started == pytest.approx(30, abs=1)
        assert len(server.requests) == 3

    run_jumping(main())


@pytest.mark.parametrize("pool", ["concurrency", "session"])
def test_waiting_for_a_connection_is_no_part_of_the_timeout(pool: str) -> None:
    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(3)
        return web.json_response(MAKE)

    async def main() -> None:
        async with (
            serving(slow) as server,
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=2)) as session,
            AsyncClient(
                "t",
                base_url=server.url,
                timeout=5,
                retry=Retry(attempts=1),
                concurrency=2 if pool == "concurrency" else 32,
                session=session if pool == "session" else None,
            ) as client,
        ):
            makes = await asyncio.gather(*(client.vehicle_makes.get(MAKE_ID) for _ in range(8)))
        assert len(makes) == 8

    run_jumping(main())


def test_a_deadline_covers_attempts_and_the_waits_between_them() -> None:
    async def main() -> None:
        handler = statuses(503, headers={"Retry-After": "20"})
        async with serving(handler) as server, AsyncClient("t", base_url=server.url, deadline=30) as client:
            started = asyncio.get_running_loop().time()
            with pytest.raises(evenergy.RequestTimeoutError, match=r"deadline of 30 s .*; before that: 503 ") as raised:
                await client.vehicle_makes.get(MAKE_ID)
            assert isinstance(raised.value.__cause__, evenergy.ServerError)
            assert asyncio.get_running_loop().time() - started == pytest.approx(30, abs=1)
        assert len(server.requests) == 2

    run_jumping(main())


def test_a_wait_for_the_rate_limit_that_outlasts_the_deadline_is_refused_at_once() -> None:
    async def main() -> None:
        handler = statuses(429, headers={"Retry-After": "60"})
        async with (
            serving(handler) as server,
            AsyncClient("t", base_url=server.url, deadline=5, max_wait=None) as client,
        ):
            started = asyncio.get_running_loop().time()
            with pytest.raises(evenergy.RateLimitError, match="429 No") as first:
                await client.root()
            with pytest.raises(evenergy.RateLimitError, match=r"Not sent.*\(GET http") as second:
                await client.root()
            assert asyncio.get_running_loop().time() - started < 1
            assert 59 < second.value.retry_after <= 62
            assert first.value.retry_after == 60
            with pytest.raises(evenergy.RateLimitError, match=r"Not sent.*\(GET http"):
                await client.with_options(max_wait=0).root()
        assert len(server.requests) == 1

    run_jumping(main())


async def test_a_404_below_a_base_url_without_a_path_asks_whether_v2_is_missing() -> None:
    async with serving(statuses(404)) as server:
        async with AsyncClient("t", base_url=server.origin) as client:
            with pytest.raises(evenergy.NotFoundError, match="is /v2 missing"):
                await client.root()
        async with AsyncClient("t", base_url=server.url) as client:
            with pytest.raises(evenergy.NotFoundError) as raised:
                await client.root()
        assert "/v2 missing" not in str(raised.value)


async def test_what_is_no_json_is_told_with_its_type() -> None:
    page = answer(b"<html>log in</html>").replace(b"application/json", b"text/html")
    async with raw_serving(page) as server, AsyncClient("t", base_url=server.url, retry=QUICK) as client:
        with pytest.raises(evenergy.DecodeError, match=r"not a whole JSON document.*\(200, text/html, GET http"):
            await client.root()


def test_a_deadline_during_a_write_leaves_its_outcome_unknown() -> None:
    async def stall(_: web.Request) -> web.Response:
        await asyncio.sleep(1000)
        return web.json_response(MAKE)

    async def main() -> None:
        async with serving(stall) as server, AsyncClient("t", base_url=server.url, deadline=5) as client:
            with pytest.raises(evenergy.OutcomeUnknownError):
                await client.request("PATCH", "/vehicles", json={})

    run_jumping(main())


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


SESSIONS: dict[str, dict[str, Any]] = {
    "raise_for_status": {"raise_for_status": True},
    "auto_decompress": {"auto_decompress": False},
    "base_url": {"base_url": "https://elsewhere.example/"},
    "total timeout": {"timeout": aiohttp.ClientTimeout(total=1e-9)},
    "headers": {"headers": {"Accept": "text/html", "X-Own": "1"}},
}


@pytest.mark.parametrize("options", SESSIONS.values(), ids=SESSIONS.keys())
async def test_an_injected_session_may_have_options_of_its_own(options: dict[str, Any]) -> None:
    async def handler(request: web.Request) -> web.Response:
        if request.path.endswith("users"):
            return web.json_response({"title": "No"}, status=403)
        response = web.json_response(MAKE)
        response.enable_compression(web.ContentCoding.gzip)
        return response

    async with serving(handler) as server, aiohttp.ClientSession(**options) as session:
        before = dict(session.headers)
        async with AsyncClient("t", base_url=server.url, session=session) as client:
            assert (await client.vehicle_makes.get(MAKE_ID)).name == "Volvo"
            with pytest.raises(evenergy.PermissionDeniedError):
                await client.request("GET", "/users")
        assert not session.closed
        assert dict(session.headers) == before


async def test_the_middlewares_of_an_injected_session_still_run() -> None:
    seen: list[str] = []

    async def middleware(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        seen.append(request.method)
        return await handler(request)

    async with (
        raw_serving(None, answer(BODY)) as server,
        aiohttp.ClientSession(middlewares=[middleware]) as session,
        AsyncClient("t", base_url=server.url, session=session, retry=QUICK) as client,
    ):
        await client.vehicle_makes.get(MAKE_ID)
    assert seen == ["GET", "GET"]
    assert len(server.heads) == 2


def trusted() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    with NamedTemporaryFile() as file:
        file.write(authority.issue_cert("localhost").private_key_and_cert_chain_pem.bytes())
        file.flush()
        server.load_cert_chain(file.name)
    client.load_verify_locations(cadata=authority.cert_pem.bytes().decode())
    return server, client


async def test_tls_is_verified_and_a_failure_is_final() -> None:
    context, trust = trusted()
    async with serving(statuses(200), ssl=context) as server:
        async with AsyncClient("t", base_url=server.url, retry=QUICK) as client:
            with pytest.raises(evenergy.TransportError, match="TLS failed"):
                await client.vehicle_makes.get(MAKE_ID)
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust)) as session,
            AsyncClient("t", base_url=server.url, session=session) as client,
        ):
            await client.vehicle_makes.get(MAKE_ID)
    assert len(server.requests) == 1


async def test_an_answer_that_arrived_unasked_is_never_taken_for_the_next_one() -> None:
    stale = answer(BODY, keep_alive=True) + answer(json.dumps({**MAKE, "name": "Stale"}).encode())
    right = answer(json.dumps({**MAKE, "name": "Right"}).encode())
    async with raw_serving(stale, right, keep_alive=True) as server, AsyncClient("t", base_url=server.url) as client:
        assert (await client.vehicle_makes.get(MAKE_ID)).name == "Volvo"
        assert (await client.vehicle_makes.get(MAKE_ID)).name == "Right"
    assert server.connections == 2


async def test_pages_stay_on_the_host_that_was_asked() -> None:
    async def other(_: web.Request) -> web.Response:
        raise AssertionError("the token went to another host")

    async with serving(other) as elsewhere:

        async def handler(request: web.Request) -> web.Response:
            after = request.query.get("page_after")
            link = f'<{elsewhere.origin}/vehicles?page_size=100&page_after=2>; rel="next"' if not after else ""
            return web.json_response([{"id": after or "1"}], headers={"Link": link or '<about:blank>; rel="next"'})

        async with serving(handler) as server, AsyncClient("t", base_url=server.url) as client:
            vehicles = await client.vehicles.list(expand=["user"]).collect()
        assert [vehicle.id for vehicle in vehicles] == ["1", "2"]
        assert [r.query_string for r in server.requests] == [
            "page_size=100&expand=user",
            "expand=user&page_size=100&page_after=2",
        ]
        assert not elsewhere.requests


async def test_a_link_that_leads_back_is_an_error_and_no_loop() -> None:
    async def handler(request: web.Request) -> web.Response:
        after = "b" if request.query.get("page_after") == "a" else "a"
        return web.json_response([{"id": after}], headers={"Link": f'<?page_after={after}>; rel="next"'})

    async with serving(handler) as server, AsyncClient("t", base_url=server.url) as client:
        vehicles = aiter(client.vehicles.list())
        found = [(await anext(vehicles)).id for _ in range(3)]
        with pytest.raises(evenergy.DecodeError, match="leads back"):
            await anext(vehicles)
    assert found == ["a", "b", "a"]
    assert len(server.requests) == 3


async def test_a_link_that_leads_back_in_another_spelling_is_an_error_too() -> None:
    spellings = iter(["page_after=a%3A&page_size=100", "page_size=100&page_after=a:"])

    async def handler(_: web.Request) -> web.Response:
        return web.json_response([{"id": "a"}], headers={"Link": f'<?{next(spellings)}>; rel="next"'})

    async with serving(handler) as server, AsyncClient("t", base_url=server.url) as client:
        with pytest.raises(evenergy.DecodeError, match="leads back"):
            await client.vehicles.list().collect()
    assert len(server.requests) == 2


async def test_a_cursor_that_comes_again_among_other_parameters_is_an_error_too() -> None:
    numbers = itertools.count()

    async def handler(_: web.Request) -> web.Response:
        return web.json_response([], headers={"Link": f'<?page_after=a&_={next(numbers)}>; rel="next"'})

    async with serving(handler) as server, AsyncClient("t", base_url=server.url) as client:
        with pytest.raises(evenergy.DecodeError, match="leads back"):
            await client.vehicles.list().collect()
    assert len(server.requests) == 2


async def test_a_page_knows_its_neighbours_on_the_base_url() -> None:
    async def handler(_: web.Request) -> web.Response:
        links = '<http://other/v2/vehicles?page_before=x>; rel="previous", <http://other/?page_after=y>; rel="next"'
        return web.json_response([], headers={"Link": links, "X-RateLimit-Limit": "10", "X-RateLimit-Remaining": "7"})

    async with serving(handler) as server, AsyncClient("t", base_url=server.url) as client:
        page = await anext(client.vehicles.list(page_size=7).pages())
        assert page.next_url == f"{server.url}/vehicles?page_size=7&page_after=y"
        assert page.previous_url == f"{server.url}/vehicles?page_size=7&page_before=x"
        assert page.rate_limit is not None
        assert page.rate_limit.remaining == 7
        await anext(client.pages(page.next_url or "", evenergy.Vehicle).pages())
        assert server.requests[-1].query_string == "page_size=7&page_after=y"


async def test_requests_reach_any_operation() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response({"path": request.path, "query": request.query_string})

    async with serving(handler) as server, AsyncClient("t", base_url=server.url) as client:
        urls = [
            "/evses",
            "evses",
            f"{server.url}/evses",
            "https://api.ev.energy/v2/evses",
            "https://api.ev.energy/evses",
        ]
        for url in urls:
            response = await client.request("get", url + "?a=1", params={"b": [True, 2], "c": None})
            assert response.json() == {"path": "/v2/evses", "query": "a=1&b=true&b=2"}
        for bad in ("https://evil.example/v2/evses", "//evil.example/x", "/../admin", "/a/%2e%2e/b", "a\\b", "a b", ""):
            with pytest.raises(evenergy.InvalidArgumentError):
                await client.request("GET", bad)
    assert len(server.requests) == len(urls)


async def test_credentials_go_into_basic_form_encoded() -> None:
    async def handler(request: web.Request) -> web.Response:
        if request.path == "/o/token/":
            return web.json_response({"access_token": "fresh", "expires_in": 36000})
        return web.json_response(MAKE)

    async with (
        serving(handler) as server,
        AsyncClient(ClientCredentials("id:1", "s/e+c%r é t", ["vehicle:read"]), base_url=server.url) as client,
    ):
        await client.vehicle_makes.get(MAKE_ID)
    token, call = server.requests
    assert base64.b64decode(token.headers["Authorization"].removeprefix("Basic ")) == b"id%3A1:s%2Fe%2Bc%25r+%C3%A9+t"
    assert server.bodies[0] == b"grant_type=client_credentials&scope=vehicle%3Aread"
    assert call.headers["Authorization"] == "Bearer fresh"


async def test_a_custom_source_of_tokens() -> None:
    class Source:
        def __init__(self) -> None:
            self.given = ["old", "new"]
            self.refused: list[str] = []

        async def access_token(self) -> str:
            return self.given[0]

        def invalidate(self, token: str) -> None:
            self.refused.append(token)
            self.given.pop(0)

    async def handler(request: web.Request) -> web.Response:
        good = request.headers["Authorization"] == "Bearer new"
        return web.json_response(MAKE if good else {"title": "No"}, status=200 if good else 401)

    source = Source()
    async with serving(handler) as server, AsyncClient(source, base_url=server.url) as client:
        await client.request("POST", "/vehicles", json={})
    assert source.refused == ["old"]
    assert len(server.requests) == 2


async def test_a_token_that_stays_refused_is_not_sent_again() -> None:
    async with serving(statuses(401)) as server, AsyncClient("same", base_url=server.url) as client:
        with pytest.raises(evenergy.AuthenticationError) as raised:
            await client.vehicle_makes.get(MAKE_ID)
    assert len(server.requests) == 1
    assert "attempts" not in str(raised.value)


STEPS: dict[str, Callable[[], Handler]] = {
    "stall": lambda: _stalling,
    "drip": lambda: _dripping,
    "backoff": lambda: statuses(503, headers={"Retry-After": "50"}),
    "rate limit": lambda: statuses(429, headers={"Retry-After": "50"}),
}


async def _stalling(_: web.Request) -> web.Response:
    await asyncio.sleep(1000)
    return web.json_response(MAKE)


async def _dripping(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await asyncio.sleep(1000)
    return response


@pytest.mark.parametrize("step", STEPS)
def test_a_timeout_of_the_caller_ends_a_call_cleanly(step: str) -> None:
    async def main() -> None:
        async with serving(STEPS[step]()) as server, AsyncClient("t", base_url=server.url) as client:
            with pytest.raises(TimeoutError) as raised:
                async with asyncio.timeout(5):
                    await client.vehicle_makes.get(MAKE_ID)
            assert not isinstance(raised.value, evenergy.EvEnergyError)
            assert len(asyncio.all_tasks()) <= 3  # this one, and those of the server

    run_jumping(main())


async def test_closing_ends_the_calls_under_way() -> None:
    async with serving(_stalling) as server:
        client = AsyncClient("t", base_url=server.url, max_wait=None)
        calls = [asyncio.create_task(client.vehicle_makes.get(MAKE_ID)) for _ in range(5)]
        while not server.requests:  # noqa: ASYNC110  the server has no event to wait for
            await asyncio.sleep(0)
        await client.close()
        await client.close()
        for call in calls:
            with pytest.raises(evenergy.ClosedError):
                await call
        with pytest.raises(evenergy.ClosedError):
            await client.vehicle_makes.get(MAKE_ID)
