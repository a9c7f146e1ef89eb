"""Blocks of `docs/webhooks.md`: those that print, and the recipe of each framework."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from evenergy.webhooks import WebhookReceiver
from tests.webhooks.helpers import OTHER, SECRET, body_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```)?", PAGE, re.MULTILINE | re.DOTALL)
FILES = {match[1]: code for code, _ in BLOCKS if (match := re.match(r"# (\w+)\.py\n", code))}
PRINTING = [(code, output) for code, output in BLOCKS if output]
PATH = "/webhooks/evenergy"


async def post_aiohttp(app: Any, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
    async with (
        TestServer(app) as server,
        ClientSession() as session,
        session.post(server.make_url(PATH), data=body, headers=headers) as response,
    ):
        return response.status, await response.text()


async def post_fastapi(app: Any, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        response = await client.post(PATH, content=body, headers=headers)
        return response.status_code, response.text


async def post_flask(app: Any, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
    response = app.test_client().post(PATH, data=body, headers=headers)
    return response.status_code, response.text


POSTS = {"app_aiohttp": post_aiohttp, "app_fastapi": post_fastapi, "app_flask": post_flask}


class Endpoint:
    """One recipe as it stands on the page, in a directory of its own."""

    def __init__(self, name: str, directory: Path) -> None:
        self._name = name
        self._post: Callable[..., Awaitable[tuple[int, str]]] = POSTS[name]
        self.database = directory / "webhooks.db"
        self.receiver = WebhookReceiver(SECRET)

    async def post(self, body: bytes, headers: dict[str, str] | None = None) -> tuple[int, str]:
        module = ModuleType(self._name)
        exec(compile(FILES[self._name], f"{self._name}.py", "exec"), vars(module))  # noqa: S102  the page's own code
        return await self._post(module.app, body, self.receiver.headers(body) if headers is None else headers)

    def stored(self) -> list[tuple[str, bytes]]:
        if not self.database.exists():
            return []
        with closing(sqlite3.connect(self.database)) as database:
            return database.execute("SELECT message_id, body FROM webhook").fetchall()


@pytest.fixture(params=POSTS)
def endpoint(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Endpoint:
    store = ModuleType("store")
    exec(compile(FILES["store"], "store.py", "exec"), vars(store))  # noqa: S102  the page's own code
    monkeypatch.setitem(sys.modules, "store", store)
    monkeypatch.setenv("EVENERGY_WEBHOOK_SECRET", SECRET)
    monkeypatch.chdir(tmp_path)
    return Endpoint(request.param, tmp_path)


def test_all_blocks_are_run() -> None:
    assert set(FILES) == {"store", *POSTS}
    assert len(PRINTING) + len(FILES) == len(BLOCKS) == PAGE.count("```python\n")


@pytest.mark.parametrize(("code", "output"), PRINTING, ids=range(len(PRINTING)))
def test_a_block_prints_what_the_page_says(code: str, output: str) -> None:
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == output, done.stderr


@pytest.mark.parametrize("kind", ["charging_sub_session.created", "charging_sub_session.ended", "something.new"])
async def test_each_event_is_stored_before_the_response(endpoint: Endpoint, kind: str) -> None:
    body = body_of(kind)
    headers = endpoint.receiver.headers(body)
    assert await endpoint.post(body, headers) == (204, "")
    assert endpoint.stored() == [(headers["svix-id"], body)]


async def test_a_repetition_is_stored_once_and_gets_the_same_response(endpoint: Endpoint) -> None:
    body = body_of()
    for _ in range(3):
        status, _ = await endpoint.post(body, endpoint.receiver.headers(body, message_id="msg_1"))
        assert status == 204
    assert endpoint.stored() == [("msg_1", body)]


async def test_a_webhook_that_is_not_genuine_is_a_bad_request_and_not_stored(endpoint: Endpoint) -> None:
    body = body_of()
    for headers, why in [
        ({}, "svix-id"),
        (WebhookReceiver(OTHER).headers(body), "no v1 signature"),
        (endpoint.receiver.headers(body + b" "), "no v1 signature"),
        (endpoint.receiver.headers(body, timestamp=0), "timestamp"),
    ]:
        status, text = await endpoint.post(body, headers)
        assert status == 400
        assert why in text
    assert endpoint.stored() == []


async def test_a_webhook_that_cannot_be_stored_or_decoded_is_sent_again(endpoint: Endpoint) -> None:
    status, _ = await endpoint.post(b'{"type": 7}')
    assert status == 500
    endpoint.database.mkdir()
    status, _ = await endpoint.post(body_of())
    assert status == 500


def test_the_messages_of_the_table_are_those_of_the_library() -> None:
    source = "".join(path.read_text() for path in Path(sys.modules["evenergy.webhooks"].__path__[0]).glob("*.py"))
    table = PAGE.partition("## When it fails")[2]
    rows = re.findall(r"^\| `(.*?)` \|", table, re.MULTILINE)
    assert len(rows) == 5
    for row in rows:
        for part in row.replace(" 1 ", "…").split("…"):
            assert part.strip() in source, part
