"""Where access tokens come from (OAuth 2.0, RFC 6749; PKCE, RFC 7636; revocation, RFC 7009)."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol, Self, TypeAlias, cast, runtime_checkable

import attrs

from ._codec import urls, validate
from ._codec.secret import Secret
from .errors import InvalidArgumentError


@runtime_checkable
class TokenSource(Protocol):
    """Anything that gives access tokens; ``invalidate(token)`` is called, where it exists, for one that was refused."""

    async def access_token(self) -> str:
        """A token that is good now."""
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
            Secret(validate.secret("access_token", cast("str", access))),
            None if refresh is None else Secret(validate.secret("refresh_token", cast("str", refresh))),
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
        code_verifier: The secret half of PKCE, for `exchange`. Keep both until the browser comes back.
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


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
