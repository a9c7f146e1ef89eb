"""Helpers of the sandbox's tests: a clock to set, and a bare HTTP client."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import aiohttp
import attrs

from evenergy.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

MARCH = 1_741_600_000.25  # a Monday, 2025-03-10


@attrs.define
class Clock:
    now: float = MARCH

    def __call__(self) -> float:
        return self.now


@attrs.frozen
class Response:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def link(self, relation: str) -> str:
        found = re.search(rf'<([^>]*)>; rel="{relation}"', self.headers["Link"])
        assert found is not None
        return found[1]


@attrs.frozen
class Api:
    sandbox: Sandbox
    clock: Clock
    session: aiohttp.ClientSession
    headers: dict[str, str]

    @property
    def origin(self) -> str:
        return self.sandbox.base_url.removesuffix("/v2")

    async def send(self, method: str, url: str, **options: Any) -> Response:
        if not url.startswith("http"):
            url = self.sandbox.base_url + url
        options["headers"] = {**self.headers, **options.get("headers", {})}
        async with self.session.request(method, url, allow_redirects=False, **options) as response:
            return Response(response.status, response.headers, await response.read())

    async def get(self, url: str, **options: Any) -> Response:
        return await self.send("GET", url, **options)

    async def data(self, url: str, **options: Any) -> Any:
        response = await self.get(url, **options)
        assert response.status == 200, response
        return response.json()

    async def all(self, url: str, relation: str = "next") -> list[Any]:
        items: list[Any] = []
        while url != "about:blank":
            response = await self.get(url)
            assert response.status == 200, response
            items = [*items, *response.json()] if relation == "next" else [*response.json(), *items]
            url = response.link(relation)
        return items

    async def token(self, **form: str) -> Response:
        auth = {"Authorization": basic(self.sandbox.client_id, self.sandbox.client_secret)}
        return await self.send("POST", self.origin + "/o/token/", data=form, headers=auth)

    async def renew(self) -> None:
        """Take a new token, as the last one may have expired by the clock."""
        response = await self.token(grant_type="client_credentials")
        self.headers["Authorization"] = f"Bearer {response.json()['access_token']}"

    def bearing(self, token: str | None) -> Api:
        return attrs.evolve(self, headers={} if token is None else {"Authorization": f"Bearer {token}"})


def basic(client_id: str, client_secret: str) -> str:
    return "Basic " + b64encode(f"{quote_plus(client_id)}:{quote_plus(client_secret)}".encode()).decode()


@asynccontextmanager
async def serving(**options: Any) -> AsyncGenerator[Api]:
    """Serve a sandbox, and act as its application."""
    clock = options.setdefault("clock", Clock())
    async with Sandbox(**options) as sandbox, connected(sandbox, clock) as api:
        yield api


@asynccontextmanager
async def connected(sandbox: Sandbox, clock: Clock) -> AsyncGenerator[Api]:
    """Act as the application of a sandbox that is served."""
    async with aiohttp.ClientSession() as session:
        api = Api(sandbox, clock, session, {})
        await api.renew()
        yield api


def assert_problem(response: Response, status: int, *words: str) -> None:
    assert response.status == status, response
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert problem["title"]
    for word in words:
        assert word in response.body.decode()
