"""How access tokens are had, and renewed: the provider's OAuth endpoints, and one fetch at a time.

OAuth 2.0 is RFC 6749, PKCE RFC 7636, revocation RFC 7009.
"""

import asyncio
import base64
import hashlib
import hmac
import inspect
import random
import re
import secrets
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote_plus, urlencode

import attrs
import msgspec
from multidict import CIMultiDict

from evenergy._codec.secret import Secret
from evenergy.auth import AuthorizationCode, AuthorizationRequest, ClientCredentials, Token
from evenergy.errors import (
    AuthenticationError,
    ClosedError,
    DecodeError,
    EvEnergyError,
    InvalidArgumentError,
    ProblemFields,
    RateLimitError,
    error_class,
)

from .exchange import Exchange
from .headers import retry_after
from .request import Request, Response

_CODE = re.compile(r"[a-z_]{1,40}")  # what is no code may be an echo
_FINAL = frozenset({"invalid_client", "invalid_grant", "invalid_scope", "unauthorized_client"})
_SHOWN = ("Date", "Content-Type", "Retry-After")  # of an response's headers
_DEFAULT_LIFE = 3600.0  # seconds, when the token endpoint tells none (RFC 6749, 5.1: it should)
_SHORTEST_LIFE = 60.0  # seconds; a token endpoint that says less is not believed, or each call would fetch one
_EARLY = 300.0  # seconds before its end a token is renewed behind the callers' backs
_MARGIN = 30.0  # seconds before its end a token is used no more


class Form(dict[str, str]):
    """The fields of an OAuth request, which hold secrets."""

    def __repr__(self) -> str:
        return "<form>"


class OAuthHeaders:
    """Headers of a form for an OAuth endpoint."""

    def of(self, _: Request[Any], basic: Secret | None) -> CIMultiDict[str]:
        """Return the headers of a form, with HTTP Basic where the client has a secret."""
        headers = CIMultiDict({"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"})
        if basic is not None:
            headers["Authorization"] = basic.reveal()
        return headers

    def authorization(self, basic: Secret | None) -> Secret | None:
        """Return the value of the Authorization header, or None for none."""
        return basic


class OAuthEndpoints:
    """The provider's OAuth endpoints on one origin, for one application."""

    def __init__(self, app: ClientCredentials | AuthorizationCode, origin: str, exchange: Exchange) -> None:
        self.app: ClientCredentials | AuthorizationCode = app
        self._origin = origin
        self._exchange = exchange

    def authorization_request(self, app: AuthorizationCode, state: str | None) -> AuthorizationRequest:
        """The URL that asks the user, with a challenge that only this process can response."""
        verifier = secrets.token_urlsafe(64)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        state = state if state is not None else secrets.token_urlsafe(32)
        parameters = {
            "response_type": "code",
            "client_id": app.client_id,
            "redirect_uri": app.redirect_uri,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        if app.scopes:
            parameters["scope"] = " ".join(app.scopes)
        return AuthorizationRequest(f"{self._origin}/o/authorize/?{urlencode(parameters)}", state, Secret(verifier))

    async def token(self, grant: Form) -> Token:
        """A new token for a grant.

        Raises:
            AuthenticationError: The endpoint refused for good.
            ServerError, TransportError, DecodeError: It could not be had now.
        """
        url = self.app.token_url or f"{self._origin}/o/token/"
        found = _token_response(url, await self._post(url, grant))
        if isinstance(found, Token):
            return found
        raise found

    async def revoke(self, token: Token) -> None:
        """End a token, and the one that renews it (RFC 7009)."""
        url = f"{self._origin}/o/revoke_token/"  # without the last slash the provider responses 405
        for kind, value in (("refresh_token", token.refresh), ("access_token", token.access)):
            if value is not None:
                form = Form(token=value.reveal(), token_type_hint=kind)
                found = _revocation_response(url, await self._post(url, form))
                if found is not None:
                    raise found

    async def _post(self, url: str, form: Form) -> Response:
        if self.app.client_secret is None:
            form = Form(form, client_id=self.app.client_id)
        request = Request("POST", url, _as_it_is, body=urlencode(form).encode())
        response = await self._exchange.send(request, url, self._basic(), _always)
        if response is None:
            raise ClosedError("the client is closed")
        return response

    def _basic(self) -> Secret | None:
        """HTTP Basic of the form-encoded id and secret (RFC 6749, section 2.3.1); none for a public client."""
        if self.app.client_secret is None:
            return None
        pair = f"{quote_plus(self.app.client_id)}:{quote_plus(self.app.client_secret.reveal())}"
        return Secret("Basic " + base64.b64encode(pair.encode()).decode())


def _as_it_is(response: Response) -> Response:
    return response


def _always(_: float) -> bool:
    return True


class RefreshingTokenSource:
    """The token source of a grant: one fetch at a time, in a task of its own, whoever waits and whoever gives up.

    Its end is counted on the monotonic clock from before the request, so a wrong wall clock locks nobody out.
    """

    def __init__(self, endpoints: OAuthEndpoints) -> None:
        self._endpoints = endpoints
        self._current: Token | None = None
        self._good_until = self._renew_at = 0.0
        self._task: asyncio.Task[None] | None = None

    @property
    def endpoints(self) -> OAuthEndpoints:
        """Where the tokens come from."""
        return self._endpoints

    async def access_token(self) -> str:
        """A token that is good now; it is renewed ahead of its end without anybody waiting."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._current is None:
            self._restore(now)
        if self._current is None or now >= self._good_until:
            fetch = self._fetch(loop)
            try:
                await asyncio.shield(fetch)  # the waiter may go, the fetch stays
            except asyncio.CancelledError:
                if fetch.cancelled():  # only `close` does that
                    raise ClosedError("the client was closed while it fetched a token") from None
                raise
        elif now >= self._renew_at:
            self._fetch(loop)
        if self._current is None:  # revoked while it was fetched
            self._grant()
        return cast("Token", self._current).access_token

    def invalidate(self, token: str) -> None:
        """The API refused this token; a newer one stays."""
        if self._current is not None and hmac.compare_digest(self._current.access_token.encode(), token.encode()):
            self._good_until = 0.0

    async def store(self, token: Token, asked: float) -> None:
        """Take a token that was just issued: hand it to who stores it, then use it."""
        app = self._endpoints.app
        try:
            if isinstance(app, AuthorizationCode):
                app.token = token
                stored = None if app.on_token is None else app.on_token(token)
                if inspect.isawaitable(stored):
                    await stored
        finally:  # also when it could not be stored: what it renewed is spent
            self._keep(token, asked, max(_life(token), _SHORTEST_LIFE))

    def forget(self) -> None:
        """The token was revoked."""
        self._current = None
        if isinstance(self._endpoints.app, AuthorizationCode):
            self._endpoints.app.token = None

    async def close(self) -> None:
        """End a fetch that is under way; one that spends a refresh token ends by itself, within the timeout."""
        task = self._task
        if task is not None and task.get_loop() is asyncio.get_running_loop():
            if isinstance(self._endpoints.app, ClientCredentials):  # else a refresh token may be spent: let it end
                task.cancel()
            await asyncio.wait([task])

    def _fetch(self, loop: asyncio.AbstractEventLoop) -> asyncio.Task[None]:
        if self._task is None or self._task.get_loop() is not loop:
            self._task = loop.create_task(self._renew())
            self._task.add_done_callback(self._done)
        return self._task

    def _done(self, task: asyncio.Task[None]) -> None:
        if self._task is task:
            self._task = None
        if not task.cancelled() and task.exception() is not None:  # read it: nobody may be waiting any more
            self._renew_at = task.get_loop().time() + _MARGIN  # while the old one is good, do not ask at each call

    async def _renew(self) -> None:
        asked = asyncio.get_running_loop().time()
        renewed = self._current
        token = await self._endpoints.token(self._grant())
        if self._current is not renewed:  # exchanged or revoked meanwhile: this one belongs to the grant before
            return
        if token.refresh_token is None and self._current is not None:
            token = attrs.evolve(token, refresh=self._current.refresh)  # not rotated
        await self.store(token, asked)

    def _grant(self) -> Form:
        app = self._endpoints.app
        if isinstance(app, ClientCredentials):
            scope = {"scope": " ".join(app.scopes)} if app.scopes else {}
            return Form(grant_type="client_credentials", **scope)
        if self._current is None or self._current.refresh_token is None:
            title = "No token yet" if self._current is None else "The token has ended, and nothing renews it"
            raise AuthenticationError(
                f"401 {title}: send the user to client.oauth.authorization_request().url,"
                " then call client.oauth.exchange() with the code that comes back",
                **ProblemFields(status=401, title=title),
            )
        return Form(grant_type="refresh_token", refresh_token=self._current.refresh_token)

    def _restore(self, now: float) -> None:
        """Take a stored token. How long it still lives only the wall clock can tell; a 401 corrects a wrong one."""
        app = self._endpoints.app
        if isinstance(app, AuthorizationCode) and app.token is not None:
            self._keep(app.token, now, _life(app.token))

    def _keep(self, token: Token, asked: float, life: float) -> None:
        self._current = token
        self._good_until = asked + life - min(_MARGIN, 0.1 * life)
        # Spread, so that many processes do not renew at the same moment.
        self._renew_at = asked + life - min(_EARLY, 0.5 * life) * random.uniform(0.8, 1.0)


def _token_response(url: str, response: Response) -> Token | EvEnergyError:
    """What the token endpoint gave, as a value: no frame that an error passes holds the endpoint's words."""
    document = _document(response.body)
    if response.status == HTTPStatus.OK and document.get("access_token"):
        try:
            return Token.from_dict(document)
        except InvalidArgumentError as error:
            return DecodeError(
                f"the token endpoint's response cannot be read: {error}", status=response.status, url=url
            )
    return _token_error(response, document, url)


def _revocation_response(url: str, response: Response) -> EvEnergyError | None:
    return None if response.status == HTTPStatus.OK else _token_error(response, _document(response.body), url)


def _life(token: Token) -> float:
    """Seconds until a token ends."""
    return _DEFAULT_LIFE if token.expires_at is None else (token.expires_at - datetime.now(UTC)).total_seconds()


def _token_error(response: Response, document: dict[str, object], url: str) -> EvEnergyError:
    """What a refusal of an OAuth endpoint means.

    Of its response only ``error`` and a few headers are shown; the rest may echo secrets.
    """
    status = response.status
    said = document.get("error")
    error = said if isinstance(said, str) and _CODE.fullmatch(said) else ""
    if error in _FINAL:
        title = f"The token endpoint refused: {error}"
        hint = (
            "check client_id and client_secret" if error == "invalid_client" else "authorize again, or check the scopes"
        )
        return AuthenticationError(
            f"401 {title} · {hint} (POST {url})", **ProblemFields(status=401, title=title, method="POST", url=url)
        )
    headers = {name: response.headers[name] for name in _SHOWN if name in response.headers}
    title = f"The token endpoint failed{': ' + error if error else ''}"
    members = ProblemFields(status=status, title=title, method="POST", url=url, headers=headers)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        wait = retry_after(headers, status) or 0.0
        return RateLimitError(f"{status} {title} (POST {url})", retry_after=wait, **members)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or (error and status >= HTTPStatus.BAD_REQUEST):
        return error_class(status)(f"{status} {title} (POST {url})", **members)
    return DecodeError(
        f"the token endpoint's response ({status}) holds neither a token nor an OAuth error (POST {url})",
        status=status,
        method="POST",
        url=url,
        malformed=True,
    )


def _document(body: bytes) -> dict[str, object]:
    try:
        document: Any = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, object]", document) if isinstance(document, dict) else {}
