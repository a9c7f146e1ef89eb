"""No token, secret or Authorization header in a log line, a repr, an error, a traceback or a pickle."""

import asyncio
import contextlib
import gc
import io
import logging
import pickle
import traceback
import types
from collections.abc import Awaitable, Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

import evenergy
from evenergy import AsyncClient, AuthorizationCode, Client, ClientCredentials, Retry, Token
from evenergy._transport import token_owner
from tests.server import MAKE, MAKE_ID, Server, answer, raw_serving, run_jumping, serving

TOKEN = "tokentokentoken"
SECRET = "secretsecretsecret"
REFRESH = "refreshrefreshrefresh"
CODE = "codecodecodecode"
BASIC = "YXBwOnNlY3JldHNlY3JldHNlY3JldA"  # of app:secretsecretsecret
HIDDEN = (TOKEN, SECRET, REFRESH, CODE, BASIC)
QUICK = Retry(attempts=2, backoff=0.001)


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and all that it is chained to."""
    seen: list[BaseException] = []
    left = [error]
    while left:
        one = left.pop()
        if one is not None and one not in seen:
            seen.append(one)
            left += [one.__cause__, one.__context__]
            yield one


def everything(error: BaseException) -> str:
    """All that a careless reporter could show of an error: with the locals of each frame of the library and below."""
    shown: list[str] = []
    for one in chain(error):
        shown += [repr(one), str(one), repr(vars(one))]
        shown += traceback.TracebackException.from_exception(one, capture_locals=False).format()
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if "tests" not in frame.f_code.co_filename:
                shown += [repr(value) for value in frame.f_locals.values()]
    return "\n".join(shown)


async def echo(request: web.Request) -> web.Response:
    """A debugging proxy, which sends back what it got."""
    text = f"{dict(request.headers)} {await request.text()}"
    status = int(request.query.get("status", "400"))
    return web.json_response(
        {"title": text, "detail": text, "type": text, "field_errors": {"x": [text]}},
        status=status,
        headers={"X-Echo": text.replace("\n", " "), "Set-Cookie": f"t={TOKEN}"},
    )


async def failing(client: AsyncClient, status: int) -> None:
    await client.request("POST", "/x", params={"status": status}, json={})


@pytest.mark.parametrize("status", [307, 400, 401, 403, 404, 429, 500, 503])
async def test_no_answer_can_make_an_error_show_the_token(status: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with serving(echo) as server, AsyncClient(TOKEN, base_url=server.url, retry=QUICK, max_wait=0) as client:
        with pytest.raises(evenergy.EvEnergyError) as raised:
            await failing(client, status)
    shown = everything(raised.value) + caplog.text + repr(client) + repr(vars(client._session))
    shown += pickle.dumps(raised.value).decode("latin-1")
    assert not [hidden for hidden in HIDDEN if hidden in shown]


ECHOES = {
    "escaped letter": answer(b'{"title": "no", "detail": "you sent tok\\u0065ntokentoken"}', "401 Unauthorized"),
    "escaped slash": answer(b'{"notification": {"text": ["to/kentokentoken", "tokentokentok\\u0065n"]}}', "400 Bad"),
    "in a name": answer(b'{"field_errors": {"tok\\u0065ntokentoken": ["x"]}}', "422 Unprocessable"),
    "redirect": answer(b"", "302 Found", f"Location: /x/{TOKEN}/y"),
    "wrong type": answer(f'[{{"id": 7, "url": "{TOKEN}", "trim": ["{TOKEN}"]}}]'.encode()),
    "no number": f"HTTP/1.1 200 OK\r\nContent-Length: zz {TOKEN}\r\n\r\n".encode(),
    "no header": f"HTTP/1.1 200 OK\r\nBad\x01{TOKEN}: x\r\n\r\n".encode(),
}

BROKEN = {
    **ECHOES,
    "half a head": f"HTTP/1.1 200 OK\r\nSet-Cookie: {TOKEN}\r\nX: {SECRET}\r\n".encode(),
    "hung up": None,
    "cut": b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{",
    "no http": b"hello\r\n\r\n",
    "no json": answer(b"<html>"),
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd",
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_no_failure_can_make_an_error_show_the_token(
    broken: bytes | None, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with raw_serving(broken) as server, AsyncClient(TOKEN, base_url=server.url, retry=QUICK) as client:
        with pytest.raises(evenergy.EvEnergyError) as raised:
            await client.request(method, "/vehicles", json=None if method == "GET" else {}, into=list[evenergy.Vehicle])
    assert raised.value.__cause__ is not None or broken in ECHOES.values()
    shown = everything(raised.value) + caplog.text + pickle.dumps(raised.value).decode("latin-1")
    assert not [hidden for hidden in HIDDEN if hidden in shown]


def test_neither_a_timeout_nor_a_cancellation_shows_the_token() -> None:
    async def stall(_: web.Request) -> web.Response:
        await asyncio.sleep(1000)
        return web.Response()

    async def main() -> list[BaseException]:
        async with serving(stall) as server, AsyncClient(TOKEN, base_url=server.url, retry=QUICK, timeout=5) as client:
            found: list[BaseException] = []
            for call in (client.root(), client.with_options(deadline=1).root()):
                with pytest.raises(evenergy.RequestTimeoutError) as raised:
                    await call
                found.append(raised.value)
            task = asyncio.create_task(client.root())
            await asyncio.sleep(1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError) as cancelled:
                await task
            return [*found, cancelled.value]

    for error in run_jumping(main()):
        assert TOKEN not in everything(error)


async def refusing(request: web.Request) -> web.Response:
    text = await request.text() + str(dict(request.headers))
    return web.json_response({"error": "invalid_grant", "error_description": text}, status=400)


async def exchange(server: Server) -> None:
    app = AuthorizationCode("app", "https://x", client_secret=SECRET)
    async with AsyncClient(app, base_url=server.url, retry=QUICK) as client:
        await client.oauth.exchange(CODE, code_verifier=REFRESH)


async def refresh(server: Server) -> None:
    token = Token.from_dict({"access_token": TOKEN, "refresh_token": REFRESH, "expires_at": 1})
    app = AuthorizationCode("app", "https://x", client_secret=SECRET, token=token)
    async with AsyncClient(app, base_url=server.url, retry=QUICK) as client:
        await client.root()


async def revoke(server: Server) -> None:
    token = Token.from_dict({"access_token": TOKEN, "refresh_token": REFRESH})
    app = AuthorizationCode("app", "https://x", client_secret=SECRET, token=token)
    async with AsyncClient(app, base_url=server.url, retry=QUICK) as client:
        await client.oauth.revoke()


async def credentials(server: Server) -> None:
    async with AsyncClient(ClientCredentials("app", SECRET), base_url=server.url, retry=QUICK) as client:
        await client.root()


async def hanging_up(_: web.Request) -> web.StreamResponse:
    raise ConnectionResetError


@pytest.mark.parametrize("flow", [exchange, refresh, revoke, credentials])
@pytest.mark.parametrize("handler", [refusing, hanging_up])
@pytest.mark.filterwarnings("ignore")  # the server of the tests says what it thinks of its handler
async def test_no_grant_shows_its_secrets(
    flow: Callable[[Server], Awaitable[None]],
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "evenergy")
    async with serving(handler) as server:
        with pytest.raises(evenergy.EvEnergyError) as raised:
            await flow(server)
    log = "".join(record.getMessage() for record in caplog.records if record.name.startswith("evenergy"))
    shown = everything(raised.value) + log + pickle.dumps(raised.value).decode("latin-1")
    assert not [hidden for hidden in HIDDEN if hidden in shown]


NEW = "newnewnewnew"
"""A token that the endpoint has just issued; its refresh token is `REFRESH`."""


def stored_grant(**options: Any) -> AuthorizationCode:
    expired = Token.from_dict({"access_token": TOKEN, "refresh_token": REFRESH, "expires_at": 1})
    return AuthorizationCode("app", "https://x", client_secret=SECRET, token=expired, **options)


def failing_on_token(_: Token) -> None:
    raise LookupError("no keyring")


class Store:
    """Store that fails in one of its methods, with what it was given among the locals of its frames."""

    def __init__(self, where: str) -> None:
        self._where = where

    def _fail(self, where: str) -> None:
        if self._where == where:
            raise LookupError("no database")

    def load(self) -> Token:
        self._fail("load")
        return Token.from_dict({"access_token": TOKEN, "refresh_token": REFRESH, "expires_at": 1})

    def save(self, _: Token | None, /) -> None:
        self._fail("save")

    @contextlib.contextmanager
    def lock(self) -> Generator[None]:
        self._fail("lock")
        yield


class PlainSource:
    """Source whose first token is rejected, and whose second attempt fails."""

    def __init__(self) -> None:
        self.is_rejected = False

    def access_token(self) -> str:
        if self.is_rejected:
            raise LookupError("no keyring")
        return TOKEN

    def invalidate(self, token: str) -> None:
        assert token == TOKEN
        self.is_rejected = True


RENEWALS: dict[str, Callable[[Path], evenergy.Auth]] = {
    "on_token": lambda _: stored_grant(on_token=failing_on_token),
    "load": lambda _: stored_grant(store=Store("load")),
    "save": lambda _: stored_grant(store=Store("save")),
    "lock": lambda _: stored_grant(store=Store("lock")),
    "shared": lambda _: ClientCredentials("app", SECRET, store=Store("save")),
    "full disk": lambda path: stored_grant(store=evenergy.FileTokenStore(path / "token.json")),
    "plain source": lambda _: PlainSource(),
}


@pytest.mark.parametrize("kind", [AsyncClient, Client])
@pytest.mark.parametrize("make", RENEWALS.values(), ids=RENEWALS.keys())
async def test_no_code_of_the_caller_makes_a_renewal_show_its_secrets(
    make: Callable[[Path], evenergy.Auth],
    kind: type[AsyncClient | Client],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)

    async def issue(request: web.Request) -> web.Response:
        if request.path == "/o/token/":
            return web.json_response({"access_token": NEW, "refresh_token": REFRESH, "expires_in": 36000})
        return web.json_response({"title": "Unauthorized"}, status=401)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    async with serving(issue) as server:
        auth = make(tmp_path)
        client = kind(auth, base_url=server.url, retry=QUICK)
        call = client.root() if isinstance(client, AsyncClient) else asyncio.to_thread(client.root)
        with pytest.raises((LookupError, evenergy.EvEnergyError), match=r"keyring|database|No space") as raised:
            await call
        shown = everything(raised.value) + caplog.text + repr(client) + repr(vars(client._session.credentials))
        shown += repr(auth) + repr(list(token_owner._owners.values()))
        if isinstance(client, AsyncClient):
            await client.close()
        else:
            await asyncio.to_thread(client.close)
    assert not [hidden for hidden in (*HIDDEN, NEW) if hidden in shown]


async def test_a_rejection_that_other_calls_share_shows_no_token() -> None:
    async def reject(_: web.Request) -> web.Response:
        return web.json_response({"title": f"no {TOKEN}"}, status=401)

    async with serving(reject) as server, AsyncClient(TOKEN, base_url=server.url, concurrency=1) as client:
        found = await asyncio.gather(*(client.root() for _ in range(5)), return_exceptions=True)
    assert sum("not sent" in str(error) for error in found) == 4
    for error in found:
        assert isinstance(error, evenergy.AuthenticationError)
        assert TOKEN not in everything(error) + pickle.dumps(error).decode("latin-1")


def test_clients_do_not_pickle() -> None:
    for client in (AsyncClient(TOKEN), Client(TOKEN)):
        with pytest.raises(TypeError):
            pickle.dumps(client)


async def test_the_log_shows_method_url_status_and_time(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "evenergy")
    ok = answer(b'{"id": "' + MAKE_ID.encode() + b'"}')
    async with raw_serving(None, ok) as server, AsyncClient(TOKEN, base_url=server.url, retry=QUICK) as client:
        await client.vehicle_makes.get(MAKE_ID)
    lost, found = [record.getMessage() for record in caplog.records if record.name == "evenergy._transport.exchange"]
    url = f"{server.url}/vehicle_makes/{MAKE_ID}"
    assert lost.startswith(f"GET {url}: TransportError, ")
    assert found.startswith(f"GET {url}: 200, ")
    assert found.endswith(" ms")


def test_the_log_is_switched_on_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    from evenergy import _logging  # noqa: PLC0415

    logger = logging.getLogger("evenergy")
    kept, level = list(logger.handlers), logger.level
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # as in a program that does not set logging up
    try:
        monkeypatch.setenv("EVENERGY_LOG", "debug")
        _logging.configure()
        logging.getLogger("evenergy._transport.exchange").debug("hello")
        assert stream.getvalue().rstrip().endswith("DEBUG evenergy._transport.exchange: hello")
        written = stream.getvalue()
        monkeypatch.setattr(logging.getLogger(), "handlers", [logging.NullHandler()])  # the program's own, which write
        logging.getLogger("evenergy._transport.exchange").debug("hello")
        assert stream.getvalue() == written
        monkeypatch.setattr(logging.getLogger(), "handlers", [])
        monkeypatch.setenv("EVENERGY_LOG", "loud")
        _logging.configure()
        assert "EVENERGY_LOG" in stream.getvalue()
    finally:
        logger.handlers[:] = kept
        logger.setLevel(level)


async def test_an_error_keeps_no_response_or_session_alive() -> None:
    async def no(_: web.Request) -> web.Response:
        return web.json_response(MAKE, status=500)

    async with serving(no) as server, AsyncClient(TOKEN, base_url=server.url, retry=Retry(attempts=1)) as client:
        with pytest.raises(evenergy.ServerError) as raised:
            await client.root()
    kept: list[Any] = [raised.value.headers, raised.value.__cause__]
    gc.collect()
    assert not any(isinstance(value, types.FrameType) for value in kept)
