"""Loopback redirect of a sign-in: a server that takes one redirect from the user's browser (RFC 8252, section 7.3)."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import html
from collections.abc import AsyncGenerator
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qs, urlsplit

from evenergy._codec.secret import Secret
from evenergy.errors import EvEnergyError, RequestTimeoutError, printable

_HOST: Final = "127.0.0.1"
_PATH: Final = "/callback"
_PATIENCE: Final = 5.0  # seconds in which a connection has to send its request
_LONGEST: Final = 16_384  # bytes of a request
_PAGE: Final = (
    "<!doctype html><html lang=en><meta charset=utf-8><title>evenergy</title>"
    "<body style='font:1.2em system-ui;margin:4em auto;max-width:32em'><h1>{title}</h1><p>{text}</p>"
)


class Redirect:
    """Server for the redirect of one sign-in.

    Attributes:
        uri: The URL to which the browser has to come back.
    """

    def __init__(self, port: int) -> None:
        self.uri: str = f"http://{_HOST}:{port}{_PATH}"
        self._state = Secret("")
        self._code: asyncio.Future[Secret] = asyncio.get_running_loop().create_future()
        self._foreign = False

    def expect(self, state: str) -> None:
        """Take a redirect with this state, and no other."""
        self._state = Secret(state)

    async def code(self, seconds: float) -> Secret:
        """Wait for the code.

        Raises:
            RequestTimeoutError: No redirect came in time.
            EvEnergyError: The user, or the provider, said no.
        """
        try:
            async with asyncio.timeout(seconds):
                return await self._code
        except TimeoutError:
            foreign = "; a redirect with another state came, and was ignored" if self._foreign else ""
            raise RequestTimeoutError(
                f"nobody signed in within {seconds:.0f} s{foreign}: run `evenergy login` again, with --no-browser if no"
                " browser opened"
            ) from None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Respond to one connection."""
        with contextlib.suppress(TimeoutError, ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(_PATIENCE):
                line = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n", 1)[0].decode("latin-1")
                writer.write(self._response(line))
                await writer.drain()
        writer.close()

    def _response(self, line: str) -> bytes:
        method, _, rest = line.partition(" ")
        try:
            target = urlsplit(rest.partition(" ")[0])
        except ValueError:
            return _page(HTTPStatus.BAD_REQUEST, "Not understood", "This is no redirect of a sign-in.")
        if method != "GET" or target.path != _PATH:
            return _page(HTTPStatus.NOT_FOUND, "Nothing here", "This address takes the redirect of a sign-in only.")
        if self._code.done():
            return _page(HTTPStatus.GONE, "Over", "This sign-in has ended. Go back to the terminal.")
        query = {name: values[0] for name, values in parse_qs(target.query).items()}
        if not self._state.reveal() or not hmac.compare_digest(
            query.get("state", "").encode(), self._state.reveal().encode()
        ):
            self._foreign = True
            return _page(HTTPStatus.BAD_REQUEST, "Not this sign-in", "The state is that of another sign-in.")
        return self._settled(query)

    def _settled(self, query: dict[str, str]) -> bytes:
        code, error = query.get("code"), query.get("error")
        if code and error is None:
            self._code.set_result(Secret(code))
            return _page(HTTPStatus.OK, "Thank you", "Go back to the terminal; this window can be closed.")
        self._code.set_exception(EvEnergyError(_reason(error or "", query.get("error_description", ""))))
        return _page(HTTPStatus.OK, "Not signed in", "Go back to the terminal, which says why.")


@contextlib.asynccontextmanager
async def listening(port: int) -> AsyncGenerator[Redirect]:
    """Serve the redirect of one sign-in on loopback; 0 takes a free port.

    Raises:
        EvEnergyError: The port is in use.
    """
    served: list[Redirect] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await served[0].serve(reader, writer)

    try:
        server = await asyncio.start_server(serve, _HOST, port, limit=_LONGEST)
    except OSError as error:
        raise EvEnergyError(
            f"cannot listen on port {port} for the redirect ({error.strerror or error}): choose another --port"
        ) from None
    try:
        served.append(Redirect(server.sockets[0].getsockname()[1]))
        yield served[0]
    finally:
        server.close()


def _reason(error: str, description: str) -> str:
    detail = f" ({printable(description)})" if description else ""
    match error:
        case "access_denied":
            return f"not signed in: access was denied in the browser{detail}"
        case "invalid_scope":
            return f"not signed in: the application may not have one of the scopes{detail}; try without --scope"
        case "":
            return "not signed in: the redirect held neither a code nor an error"
        case _:
            return f"not signed in: the provider said {printable(error)}{detail}"


def _page(status: HTTPStatus, title: str, text: str) -> bytes:
    body = _PAGE.format(title=html.escape(title), text=html.escape(text)).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: text/html; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n"
        "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
