"""Each listing over three pages of its family, by both clients, behind links that name another host and path."""

from __future__ import annotations

from typing import Any, cast

import pytest
from aiohttp import web

from evenergy import AsyncClient, Vehicle
from evenergy._core.resource import paged
from evenergy._transport.request import ListRequest, unpaged_request
from tests.operations import OPERATIONS, Row
from tests.recorder import Handler, Perform, Recorder

LISTINGS = [row for row in OPERATIONS.values() if row.paging is not None]
CURSORS: dict[str, tuple[str, tuple[str, ...]]] = {
    "id": ("page_after", ("vhcl01HRFF3SEVSCRAV9B3CHVDFN0H", "vhcl01HRFF3SEVSCRAV9B3CHVDFN0J")),
    "time": ("page_after", ("2024-04-17T09:39:45.994584Z", "2024-04-17T09:39:45Z")),
    "number": ("page", ("2", "3")),
    "link": ("place", ("second", "third")),
    "none": ("", ()),
}

each_listing = pytest.mark.parametrize("row", LISTINGS, ids=lambda row: row.id)


def name_of(pair: tuple[str, str]) -> str:
    return pair[0]


def three_pages(row: Row, server: Recorder) -> Handler:
    """Return a handler whose links lead over the pages of a family, then to ``about:blank``."""
    name, places = CURSORS[str(row.paging)]

    async def respond(request: web.Request, body: bytes) -> web.Response:
        page = len(server.exchanges)
        links = [f'<https://gateway.example/other/path?{name}={place}>; rel="next"' for place in places]
        links += ['<about:blank>; rel="next"'] if places else []
        return web.json_response(row.responds[0], headers={"Link": links[page]} if links else {})

    return respond


@each_listing
def test_all_pages_with_the_same_filters(row: Row, perform: Perform, server: Recorder) -> None:
    name, places = CURSORS[str(row.paging)]
    server.handler = three_pages(row, server)
    items = cast("list[Any]", perform(row.called.on))
    exchanges = server.take()
    assert len(exchanges) == len(items) == 1 + len(places)
    expected = row.sent(server.base_url)
    for place, exchange in zip((None, *places), exchanges, strict=True):
        assert exchange.line == expected.line
        assert exchange.headers.get("Accept-Language") == expected.language
        cursor = [] if place is None else [(name, place)]
        assert sorted(exchange.query, key=name_of) == sorted([*expected.query, *cursor], key=name_of)


@each_listing
def test_only_the_pages_that_are_wanted(row: Row, perform: Perform, server: Recorder) -> None:
    server.handler = three_pages(row, server)
    assert len(perform(lambda client: row.called.on(client).collect(1))) == 1
    assert len(server.take()) == 1


class WithInbox(AsyncClient):
    """A client with a listing that takes a language."""

    @paged
    def inbox(self, *, language: str | None = None) -> ListRequest[Vehicle]:
        """List the messages."""
        return unpaged_request(Vehicle, "/inbox", language=language)


async def test_the_language_is_kept_on_all_pages(server: Recorder) -> None:
    row = Row("get-inbox", lambda c: c.root(), "GET /inbox", Vehicle, "link")
    server.handler = three_pages(row, server)
    async with WithInbox("a-token", base_url=server.base_url) as client:
        assert len(await client.inbox(language="de").collect()) == 3
    assert [exchange.headers["Accept-Language"] for exchange in server.take()] == ["de"] * 3


def test_every_listing_names_a_family() -> None:
    assert {row.paging for row in LISTINGS} <= CURSORS.keys()
    lists = {row.id for row in OPERATIONS.values() if row.called.method.endswith(".list")}
    assert lists == {row.id for row in LISTINGS}
