"""Credentials of a client at work: their token, and the rate limit that they share."""

from typing import Any

from evenergy._codec.secret import Secret
from evenergy.auth import Auth, BearerToken, TokenSource
from evenergy.errors import ClosedError

from .rate_limiter import RateLimiter
from .timeouts import ExpiredError, Timeouts
from .token_source import RefreshingTokenSource


class CredentialState:
    """Token and rate limit of one set of credentials: an application, or a user of one."""

    def __init__(self, auth: Auth | None, source: TokenSource | None) -> None:
        self.auth: Auth | None = auth
        self.source: TokenSource | None = source
        self.limiter: RateLimiter = RateLimiter()
        # A source of the caller's knows nothing of `close`, so the wait for it needs a bound.
        self._is_ours = source is None or isinstance(source, BearerToken | RefreshingTokenSource)
        self._token: Secret | None = None

    async def token(self, timeouts: Timeouts) -> Secret | None:
        """Return the access token, or None for anonymous calls.

        Raises:
            EvEnergyError: The source has none.
            ClosedError: The client was closed meanwhile.
        """
        source = self.source
        if source is None:
            return None
        if self._is_ours:
            text = await source.access_token()
        else:
            try:
                text = await timeouts.bounded(source.access_token(), None)
            except ExpiredError:
                raise ClosedError("the client was closed while it waited for a token") from None
        token = self._token
        if token is None or text is not token.reveal():  # the same object spares comparing, and merging the headers
            token = self._token = Secret(text)
        return token

    def is_rejected(self, token: Secret | None) -> bool:
        """Return whether the API rejected this token, and its source has not insisted on it since."""
        return False

    def invalidate(self, token: Secret) -> None:
        """Tell the source that the API rejected this token."""
        invalidate: Any = getattr(self.source, "invalidate", None)
        if invalidate is not None:
            invalidate(token.reveal())
