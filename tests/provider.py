"""Provider of the tests: a token endpoint and an API that takes the newest token."""

import asyncio
import json
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from evenergy import AuthorizationCode, Token
from tests.server import MAKE


class Provider:
    """Token endpoint that issues token-1, token-2, …, and an API that takes the newest.

    Attributes:
        responses: Responses of the token endpoint before it issues tokens.
        life: The ``expires_in`` of its tokens.
        same: Whether it issues the same token again and again.
        rotates: Whether it issues refresh tokens, each of which is good once.
        requested: Requests of the token endpoint.
        calls: Requests of the API.
        rejected: Those of them that came with another token than the newest.
        gate: The token endpoint waits for it.
    """

    def __init__(
        self, *responses: tuple[int, Any], life: Any = 36000, same: bool = False, rotates: bool = False
    ) -> None:
        self.responses = list(responses)
        self.life = life
        self.same = same
        self.rotates = rotates
        self.issued = self.requested = self.calls = self.rejected = 0
        self.forms: list[dict[str, str]] = []
        self.agents: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.takes_none = False

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if request.path != "/o/token/":
            self.calls += 1
            good = not self.takes_none and request.headers.get("Authorization") == f"Bearer token-{self.issued}"
            self.rejected += not good
            return web.json_response(MAKE if good else {"title": "Unauthorized"}, status=200 if good else 401)
        self.requested += 1
        form = dict(parse_qsl(await request.text()))
        self.forms.append(form)
        self.agents.append(request.headers["User-Agent"].partition(" ")[0])
        await self.gate.wait()
        if self.responses:
            status, body = self.responses.pop(0)
            return web.Response(status=status, body=body if isinstance(body, bytes) else json.dumps(body).encode())
        return self._issue(form)

    def _issue(self, form: dict[str, str]) -> web.Response:
        if self.rotates and form.get("refresh_token") not in (None, f"refresh-{self.issued}"):
            return web.json_response({"error": "invalid_grant"}, status=400)
        self.issued = 1 if self.same else self.issued + 1
        token = {"access_token": f"token-{self.issued}", "expires_in": self.life}
        return web.json_response({**token, "refresh_token": f"refresh-{self.issued}"} if self.rotates else token)


def token(number: int, *, expires_at: float | None = 1.0) -> Token:
    """Return a token of the provider, expired unless it is said otherwise."""
    return Token.from_dict(
        {"access_token": f"token-{number}", "refresh_token": f"refresh-{number}", "expires_at": expires_at}
    )


def expired_grant(**options: Any) -> AuthorizationCode:
    """Return the grant of a user whose token has expired, and can be refreshed once."""
    options.setdefault("token", token(0))
    return AuthorizationCode("app", "https://app.example/back", client_secret="client-secret-value", **options)
