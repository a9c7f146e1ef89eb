"""Deadlines: they cover a whole call, and cost its first attempt next to nothing."""

import pytest
from aiohttp import web

from evenergy import AsyncClient
from evenergy._transport.attempts import Attempts
from tests.server import MAKE, MAKE_ID, serving


async def ok(_: web.Request) -> web.Response:
    return web.json_response(MAKE)


@pytest.mark.parametrize("deadline", [None, 30.0])
async def test_a_call_that_succeeds_at_once_needs_no_retry_policy(
    deadline: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Attempts, "_policy", None)
    async with serving(ok) as server, AsyncClient("t", base_url=server.url, deadline=deadline) as client:
        assert (await client.vehicle_makes.get(MAKE_ID)).id == MAKE_ID
