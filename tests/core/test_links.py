"""Links of a listing over real sockets: they stay on the base URL, and lead to no loop."""

import itertools

import pytest
from aiohttp import web

import evenergy
from evenergy import AsyncClient
from tests.server import serving


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
