"""Credentials that callers pass as ``auth`` (OAuth 2.0, RFC 6749; PKCE, RFC 7636; revocation, RFC 7009)."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Protocol, Self, TypeAlias, cast, runtime_checkable

import attrs

from ._codec import urls, validate
from ._codec.secret import Secret, unframed, unframed_init
from .errors import InvalidArgumentError


@runtime_checkable
class TokenSource(Protocol):
    """Source of access tokens.

    ``access_token`` is a coroutine function, or a plain function: `AsyncClient` calls a plain one on its event loop, so
    it must return at once; `Client` calls it in a thread of its own, one call at a time.

    A source may also have ``invalidate(token: str)``: a plain function that is called with a token that the API
    rejected. A source with it that returns the same token again insists on it, and each call tries that once.
    """

    def access_token(self) -> Awaitable[str] | str:
        """Return a token that is valid now."""
        ...


def _token(value: str) -> Secret:
    return Secret(validate.secret("a token", value))


def _client_id(value: str) -> str:
    return validate.secret("client_id", value, encoded=True)


def _client_secret(value: str) -> Secret:
    return Secret(validate.secret("client_secret", value, encoded=True))


def _redirect_uri(value: str) -> str:
    return validate.header_value("redirect_uri", value)


def _scopes(scopes: Iterable[str]) -> tuple[str, ...]:
    if isinstance(scopes, str):
        raise InvalidArgumentError(f"expected scopes as a list such as [{scopes!r}], got the bare string {scopes!r}")
    return tuple(validate.header_value("a scope", scope) for scope in scopes)


def _optional_url(value: str | None) -> str | None:
    return None if value is None else urls.endpoint_url(value)


@unframed_init
@attrs.frozen
class BearerToken:
    """Access token that somebody else renews."""

    _token: Secret = attrs.field(converter=_token)

    async def access_token(self) -> str:
        """Return the token as it was given."""
        return self._token.reveal()


@attrs.frozen
class Token:
    """Access token, and the refresh token that renews it.

    `to_dict` returns it as plain data for a store of yours, `from_dict` reads that back.

    Attributes:
        access: The access token; `access_token` is its text.
        refresh: The refresh token, or None when there is none; `refresh_token` is its text.
        expires_at: The time of expiry (UTC), or None when the token endpoint named none.
        scope: The scopes, separated by blanks; empty when the token endpoint named none.
    """

    access: Secret
    refresh: Secret | None = None
    expires_at: datetime | None = None
    scope: str = ""

    @property
    def access_token(self) -> str:
        """Return the text that a request carries."""
        return self.access.reveal()

    @property
    def refresh_token(self) -> str | None:
        """Return the text that renews it, or None."""
        return None if self.refresh is None else self.refresh.reveal()

    def to_dict(self) -> dict[str, str | float | None]:
        """Return plain data, secrets included; ``expires_at`` in POSIX seconds, as Home Assistant keeps it."""
        return {
            "access_token": self.access_token,
            "refresh_token": self.refresh_token,
            "expires_at": None if self.expires_at is None else self.expires_at.timestamp(),
            "scope": self.scope,
            "token_type": "Bearer",
        }

    @classmethod
    @unframed
    def from_dict(cls, data: Mapping[str, object]) -> Self:
        """Return the token that `to_dict` wrote, or that a token endpoint sent.

        Raises:
            InvalidArgumentError: A part is missing or of the wrong type; no part of it is in the message.
        """
        access, refresh, scope = data.get("access_token"), data.get("refresh_token"), data.get("scope")
        expires_at, life = data.get("expires_at"), data.get("expires_in")
        end: datetime | None = None
        try:
            if _is_number(expires_at):
                end = datetime.fromtimestamp(cast("float", expires_at), UTC)
            elif _is_number(life):
                end = datetime.now(UTC) + timedelta(seconds=cast("float", life))
        except (OverflowError, ValueError, OSError):
            end = None  # beyond the calendar
        return cls(
            Secret(validate.secret("access_token", cast("str", access))),
            None if refresh is None else Secret(validate.secret("refresh_token", cast("str", refresh))),
            end,
            scope if isinstance(scope, str) else "",
        )


def _optional_token(value: Token | None) -> Token | None:
    if value is not None and not isinstance(cast("object", value), Token):
        raise InvalidArgumentError(
            f"expected token as a Token, such as Token.from_dict(data), or None, got {type(value).__name__}"
        )
    return value


class TokenStore(Protocol):
    """Store of one token, which processes, cron jobs and workers share; `FileTokenStore` is one in a file.

    Each method is a coroutine function or a plain one; plain ones run in a thread, those of one refresh in the same
    thread. The client calls ``load`` without the lock too. It refreshes a token with the lock held: it loads, sends the
    refresh when the store has no newer token, and saves.
    """

    def load(self) -> Awaitable[Token | None] | Token | None:
        """Return the stored token, or None when there is none."""
        ...

    def save(self, token: Token | None, /) -> Awaitable[object] | object:
        """Replace the stored token; None removes it, after it was revoked."""
        ...

    def lock(self) -> AbstractAsyncContextManager[object] | AbstractContextManager[object]:
        """Return a context manager that keeps all others who share the store out of their own ``lock()``."""
        ...


def _store(value: TokenStore | None) -> TokenStore | None:
    missing = [name for name in ("load", "save", "lock") if not callable(getattr(value, name, None))]
    if value is not None and (missing or isinstance(value, type)):
        raise InvalidArgumentError(
            "expected store as an object with load(), save(token) and lock(), such as FileTokenStore(path), or None,"
            f" got {type(value).__name__}{f' without {missing[0]}' if missing else ''}"
        )
    return value


def _store_identity(store: TokenStore | None) -> object:
    """Return the value by which two stores are compared: its own equality, or its identity when it has no hash."""
    try:
        hash(store)
    except TypeError:
        return id(store)
    return store


@unframed_init
@attrs.frozen
class ClientCredentials:
    """Application that acts for itself (RFC 6749, section 4.4).

    Clients with equal credentials share one token.

    Attributes:
        client_id: The id, given by ev.energy.
        client_secret: The secret, given with it; it is in no repr.
        scopes: The scopes to request, such as ``vehicle:read``; empty for all that the application may have.
        token_url: The URL of the token endpoint; None for ``/o/token/`` on the origin of the client's base URL.
        store: A store through which processes share the token, such as a `FileTokenStore`; None for none.
    """

    client_id: str = attrs.field(converter=_client_id)
    client_secret: Secret = attrs.field(converter=_client_secret)
    scopes: tuple[str, ...] = attrs.field(default=(), converter=_scopes)
    token_url: str | None = attrs.field(default=None, converter=_optional_url)
    store: TokenStore | None = attrs.field(default=None, converter=_store, kw_only=True, repr=False, eq=_store_identity)


OnToken: TypeAlias = Callable[[Token], Awaitable[None] | None]
"""Function that is called with each new token, to store it."""


@unframed_init
@attrs.define
class AuthorizationCode:
    """User who let an application act for them (RFC 6749, section 4.1, with PKCE).

    Pass it as ``auth``. ``client.oauth`` starts the flow, exchanges the code, and revokes. Clients and views that share
    this object share its token, and one refresh.

    A stored token goes in as ``token``; each new one, also after a refresh, comes out through ``on_token`` before it is
    used. Programs in several processes pass a ``store`` instead. A token that you assign to ``token`` later is used
    from then on.

    Attributes:
        client_id: The id, given by ev.energy.
        redirect_uri: The URL to which the user's browser comes back; registered with ev.energy.
        client_secret: The secret, given with the id, or None for a public client.
        scopes: The scopes to request.
        token: The current token, or None before the user has agreed.
        on_token: A function that is called with each new token; it may be a coroutine function. `AsyncClient` calls a
            plain one on its event loop, `Client` in a thread. It may use the client. After 10 seconds the client goes
            on without it, with a warning in the log.
        token_url: The URL of the token endpoint; None for ``/o/token/`` on the origin of the client's base URL.
        store: A store through which processes share the token, such as a `FileTokenStore`; None for none.
    """

    client_id: str = attrs.field(converter=_client_id)
    redirect_uri: str = attrs.field(converter=_redirect_uri)
    client_secret: Secret | None = attrs.field(
        default=None, converter=attrs.converters.optional(_client_secret), kw_only=True
    )
    scopes: tuple[str, ...] = attrs.field(default=(), converter=_scopes, kw_only=True)
    token: Token | None = attrs.field(default=None, converter=_optional_token, kw_only=True)
    on_token: OnToken | None = attrs.field(default=None, kw_only=True)
    token_url: str | None = attrs.field(default=None, converter=_optional_url, kw_only=True)
    store: TokenStore | None = attrs.field(default=None, converter=_store, kw_only=True, repr=False)


@attrs.frozen
class AuthorizationRequest:
    """Start of the authorization code flow.

    Attributes:
        url: The URL to send the user's browser to.
        state: A text that comes back with the code; compare it (`hmac.compare_digest`) before you trust the code.
        code_verifier: The secret half of PKCE, for `exchange`. Keep both until the browser comes back.
    """

    url: str
    state: str
    _verifier: Secret

    @property
    def code_verifier(self) -> str:
        """Return the secret half of PKCE; keep it until the code is exchanged."""
        return self._verifier.reveal()


Auth: TypeAlias = str | BearerToken | ClientCredentials | AuthorizationCode | TokenSource
"""Credentials, as a client takes them."""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
