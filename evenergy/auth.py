"""Where access tokens come from (OAuth 2.0, RFC 6749; PKCE, RFC 7636; revocation, RFC 7009)."""

import asyncio
import base64
import hashlib
import hmac
import inspect
import random
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, NoReturn, Protocol, Self, TypeAlias, cast, runtime_checkable
from urllib.parse import quote_plus, urlencode

import attrs
import msgspec

from . import checks
from .errors import (
    AuthenticationError,
    BadRequestError,
    ClosedError,
    DecodeError,
    EvEnergyError,
    InvalidArgumentError,
    Members,
    ServerError,
    printable,
)

_FINAL = frozenset({"invalid_client", "invalid_grant", "invalid_scope", "unauthorized_client"})
_DEFAULT_LIFE = 3600.0  # seconds, when the token endpoint tells none (RFC 6749, 5.1: it should)
_SHORTEST_LIFE = 60.0  # seconds; a token endpoint that says less is not believed, or each call would fetch one
_EARLY = 300.0  # seconds before its end a token is renewed behind the callers' backs
_MARGIN = 30.0  # seconds before its end a token is used no more


class Secret:
    """Text that is shown nowhere: not in a repr, a log line or a pickle."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "<secret>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled or copied")


@runtime_checkable
class TokenSource(Protocol):
    """Anything that gives access tokens; ``invalidate(token)`` is called, where it exists, for one that was refused."""

    async def access_token(self) -> str:
        """A token that is good now."""
        ...


def _token(value: str) -> Secret:
    return Secret(checks.secret("a token", value))


def _client_id(value: str) -> str:
    return checks.secret("client_id", value)


def _client_secret(value: str) -> Secret:
    return Secret(checks.secret("client_secret", value))


def _redirect_uri(value: str) -> str:
    return checks.header("redirect_uri", value)


def _scopes(scopes: Iterable[str]) -> tuple[str, ...]:
    if isinstance(scopes, str):
        raise InvalidArgumentError(f"expected scopes as a list such as [{scopes!r}], got the bare string {scopes!r}")
    return tuple(checks.header("a scope", scope) for scope in scopes)


def _optional_url(value: str | None) -> str | None:
    return None if value is None else checks.endpoint_url(value)


@attrs.frozen
class BearerToken:
    """An access token that somebody else renews."""

    _token: Secret = attrs.field(converter=_token)

    async def access_token(self) -> str:
        """The token, as it was given."""
        return self._token.reveal()


@attrs.frozen
class ClientCredentials:
    """An application that acts for itself (RFC 6749, section 4.4).

    Attributes:
        client_id: Given by ev.energy.
        client_secret: Given with it; shown nowhere.
        scopes: What is asked for, such as ``vehicle:read``; empty for all that the application may have.
        token_url: Where tokens are had; None for ``/o/token/`` on the origin of the client's base URL.
    """

    client_id: str = attrs.field(converter=_client_id)
    client_secret: Secret = attrs.field(converter=_client_secret)
    scopes: tuple[str, ...] = attrs.field(default=(), converter=_scopes)
    token_url: str | None = attrs.field(default=None, converter=_optional_url)


@attrs.frozen
class Token:
    """An access token and what renews it. `to_dict` turns it to plain data for a store of yours, `from_dict` back.

    Attributes:
        access: What a request carries; `access_token` is its text.
        refresh: What renews it, or None; `refresh_token` is its text.
        expires_at: When it ends (UTC), or None when the API did not say.
        scope: What it is good for, separated by blanks; empty when the API did not say.
    """

    access: Secret
    refresh: Secret | None = None
    expires_at: datetime | None = None
    scope: str = ""

    @property
    def access_token(self) -> str:
        """What a request carries."""
        return self.access.reveal()

    @property
    def refresh_token(self) -> str | None:
        """What renews it, or None."""
        return None if self.refresh is None else self.refresh.reveal()

    def to_dict(self) -> dict[str, str | float | None]:
        """Plain data, secrets included; ``expires_at`` in POSIX seconds, as Home Assistant keeps it."""
        return {
            "access_token": self.access_token,
            "refresh_token": self.refresh_token,
            "expires_at": None if self.expires_at is None else self.expires_at.timestamp(),
            "scope": self.scope,
            "token_type": "Bearer",
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> Self:
        """The token that `to_dict` turned to data, or that a token endpoint answered with.

        Raises:
            InvalidArgumentError: A part is missing or of the wrong type; no part of it is in the message.
        """
        access, refresh, scope = data.get("access_token"), data.get("refresh_token"), data.get("scope")
        expires_at, life = data.get("expires_at"), data.get("expires_in")
        ends: datetime | None = None
        try:
            if _is_number(expires_at):
                ends = datetime.fromtimestamp(cast("float", expires_at), UTC)
            elif _is_number(life):
                ends = datetime.now(UTC) + timedelta(seconds=cast("float", life))
        except (OverflowError, ValueError, OSError):
            ends = None  # further off than the calendar goes
        return cls(
            Secret(checks.secret("access_token", cast("str", access))),
            None if refresh is None else Secret(checks.secret("refresh_token", cast("str", refresh))),
            ends,
            scope if isinstance(scope, str) else "",
        )


OnToken: TypeAlias = Callable[[Token], Awaitable[None] | None]
"""What is called with each new token, to store it."""


@attrs.define
class AuthorizationCode:
    """A user who let an application act for them (RFC 6749, section 4.1, with PKCE).

    Pass it as ``auth``. ``client.oauth`` starts the flow, exchanges the code, and revokes. A stored token goes in as
    ``token``; each new one, also after a refresh, comes out through ``on_token``, before it is used.

    Attributes:
        client_id: Given by ev.energy.
        redirect_uri: Where the user's browser is sent back to; registered with ev.energy.
        client_secret: Given with the id, or None for a public client.
        scopes: What is asked for.
        token: The current token, or None before the user has agreed.
        on_token: Called with each new token; it may be a coroutine function.
        token_url: Where tokens are had; None for ``/o/token/`` on the origin of the client's base URL.
    """

    client_id: str = attrs.field(converter=_client_id)
    redirect_uri: str = attrs.field(converter=_redirect_uri)
    client_secret: Secret | None = attrs.field(
        default=None, converter=attrs.converters.optional(_client_secret), kw_only=True
    )
    scopes: tuple[str, ...] = attrs.field(default=(), converter=_scopes, kw_only=True)
    token: Token | None = attrs.field(default=None, kw_only=True)
    on_token: OnToken | None = attrs.field(default=None, kw_only=True)
    token_url: str | None = attrs.field(default=None, converter=_optional_url, kw_only=True)


@attrs.frozen
class AuthorizationRequest:
    """The start of the authorization code flow.

    Attributes:
        url: Where to send the user's browser.
        state: Comes back with the code; compare it (`hmac.compare_digest`) before you trust the code.
    """

    url: str
    state: str
    _verifier: Secret

    @property
    def code_verifier(self) -> str:
        """The secret half of PKCE; keep it until the code is exchanged."""
        return self._verifier.reveal()


Auth: TypeAlias = str | BearerToken | ClientCredentials | AuthorizationCode | TokenSource
"""What a client takes as ``auth``."""


class Form(dict[str, str]):
    """The fields of an OAuth request, which hold secrets."""

    def __repr__(self) -> str:
        return "<form>"


class Post(Protocol):
    """Sends a form to an OAuth endpoint: its status and body, whatever the status."""

    async def __call__(self, url: str, form: Form, basic: Secret | None) -> tuple[int, bytes]:
        """Raises a TransportError when no answer came."""
        ...


class OAuthEndpoints:
    """The provider's OAuth endpoints on one origin, for one application."""

    def __init__(self, app: ClientCredentials | AuthorizationCode, origin: str, post: Post) -> None:
        self.app = app
        self._origin = origin
        self._post = post

    def authorization_request(self, app: AuthorizationCode, state: str | None) -> AuthorizationRequest:
        """The URL that asks the user, with a challenge that only this process can answer."""
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
        found = _token_answer(url, *await self._post(url, self._identified(grant), self._basic()))
        if isinstance(found, Token):
            return found
        raise found

    async def revoke(self, token: Token) -> None:
        """End a token, and the one that renews it (RFC 7009)."""
        url = f"{self._origin}/o/revoke_token/"  # without the last slash the provider answers 405
        for kind, value in (("refresh_token", token.refresh), ("access_token", token.access)):
            if value is not None:
                form = self._identified(Form(token=value.reveal(), token_type_hint=kind))
                found = _revocation_answer(url, *await self._post(url, form, self._basic()))
                if found is not None:
                    raise found

    def _identified(self, form: Form) -> Form:
        return form if self.app.client_secret is not None else Form(form, client_id=self.app.client_id)

    def _basic(self) -> Secret | None:
        """HTTP Basic of the form-encoded id and secret (RFC 6749, section 2.3.1); none for a public client."""
        if self.app.client_secret is None:
            return None
        pair = f"{quote_plus(self.app.client_id)}:{quote_plus(self.app.client_secret.reveal())}"
        return Secret("Basic " + base64.b64encode(pair.encode()).decode())


class RenewedToken:
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
        return cast("Token", self._current).access_token

    def invalidate(self, token: str) -> None:
        """The API refused this token; a newer one stays."""
        if self._current is not None and hmac.compare_digest(self._current.access_token.encode(), token.encode()):
            self._good_until = 0.0

    async def adopt(self, token: Token, asked: float) -> None:
        """Take a token that was just issued: hand it to who stores it, then use it."""
        self._keep(token, asked, max(_life(token), _SHORTEST_LIFE))
        app = self._endpoints.app
        if isinstance(app, AuthorizationCode):
            app.token = token
            stored = None if app.on_token is None else app.on_token(token)
            if inspect.isawaitable(stored):
                await stored

    def forget(self) -> None:
        """The token was revoked."""
        self._current = None
        if isinstance(self._endpoints.app, AuthorizationCode):
            self._endpoints.app.token = None

    async def close(self) -> None:
        """End a fetch that is under way."""
        task = self._task
        if task is not None and task.get_loop() is asyncio.get_running_loop():
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
        token = await self._endpoints.token(self._grant())
        if token.refresh_token is None and self._current is not None:
            token = attrs.evolve(token, refresh=self._current.refresh)  # not rotated
        await self.adopt(token, asked)

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
                **Members(status=401, title=title),
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


def _token_answer(url: str, status: int, body: bytes) -> Token | EvEnergyError:
    """What the token endpoint gave, as a value: no frame that an error passes holds the endpoint's words."""
    document = _document(body)
    if status == HTTPStatus.OK and document.get("access_token"):
        try:
            return Token.from_dict(document)
        except InvalidArgumentError as error:
            return DecodeError(f"the token endpoint's answer cannot be read: {error}", status=status, url=url)
    return _token_error(status, document, url)


def _revocation_answer(url: str, status: int, body: bytes) -> EvEnergyError | None:
    return None if status == HTTPStatus.OK else _token_error(status, _document(body), url)


def _life(token: Token) -> float:
    """Seconds until a token ends."""
    return _DEFAULT_LIFE if token.expires_at is None else (token.expires_at - datetime.now(UTC)).total_seconds()


def _token_error(status: int, document: dict[str, object], url: str) -> EvEnergyError:
    """What a refusal of an OAuth endpoint means; of its answer only ``error`` is shown, the rest may echo secrets."""
    said = document.get("error")
    error = printable(said) if isinstance(said, str) else ""
    if error in _FINAL:
        title = f"The token endpoint refused: {error}"
        hint = (
            "check client_id and client_secret" if error == "invalid_client" else "authorize again, or check the scopes"
        )
        return AuthenticationError(
            f"401 {title} · {hint} (POST {url})", **Members(status=401, title=title, method="POST", url=url)
        )
    if status >= HTTPStatus.BAD_REQUEST and (error or status >= HTTPStatus.INTERNAL_SERVER_ERROR):
        kind = ServerError if status >= HTTPStatus.INTERNAL_SERVER_ERROR else BadRequestError
        title = f"The token endpoint failed{': ' + error if error else ''}"
        return kind(f"{status} {title} (POST {url})", **Members(status=status, title=title, method="POST", url=url))
    return DecodeError(
        f"the token endpoint's answer ({status}) holds neither a token nor an OAuth error (POST {url})",
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


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
