"""Credentials of a client at work: their token, and the rate limit that they share."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, cast

from evenergy._codec.secret import Secret
from evenergy._lazy import load
from evenergy.auth import Auth, AuthorizationCode, BearerToken, ClientCredentials, TokenSource
from evenergy.errors import AuthenticationError, ClosedError, reworded

from .callers_code import PlainThread
from .failures import copied
from .rate_limiter import RateLimiter
from .timeouts import Timeouts

if TYPE_CHECKING:  # at run time only where they are used
    from .budget import Budget
    from .ledger_window import SharedLedger
    from .shares import LocalBudget, LocalShares
    from .token_source import RefreshingTokenSource


class AccessToken(Secret):
    """Access token as its source returned it once. A rejection marks this object, and not its text."""

    __slots__ = ("rejection", "rejections")

    def __init__(self, text: str, rejections: int = 0) -> None:
        super().__init__(text)
        self.rejections: int = rejections
        """Rejections of this text in a row, before its source returned it again."""
        self.rejection: AuthenticationError | None = None
        """The error of the API that rejected it, or None."""

    def reject(self, rejection: AuthenticationError) -> None:
        """Keep the error of the API that rejected it."""
        self.rejection = copied(rejection)  # it has no traceback, which would keep the call alive


class CredentialState:
    """Token and rate limit of one set of credentials: an application, or a user of one."""

    def __init__(
        self,
        auth: Auth | None,
        source: TokenSource | None,
        *,
        is_blocking: bool = False,
        budget: Budget | LocalBudget | None = None,
        bucket: str = "",
    ) -> None:
        self.auth: Auth | None = auth
        self.source: TokenSource | None = source
        self.is_blocking: bool = is_blocking
        self.budget: Budget | LocalBudget | None = budget
        self.ledger: SharedLedger | None = None
        """The ledger that processes share, or None."""
        self._shares: LocalShares | SharedLedger | None = None
        if budget is not None:
            self._shares, self.ledger = load("._transport.ledger_window").shares_of(budget, bucket)
        self._limiters: dict[str, RateLimiter] = {}
        self.limiter: RateLimiter = (
            RateLimiter() if budget is None or self._shares is None else self.limiter_of(budget.share)
        )
        """The queue of calls that name no share."""
        is_grant = isinstance(auth, ClientCredentials | AuthorizationCode)
        self._refreshing: RefreshingTokenSource | None = cast("Any", source) if is_grant else None
        # One derived from it may return another token each time, be plain, or take its time.
        self._fixed: BearerToken | None = source if type(source) is BearerToken else None
        self._is_plain = source is not None and not inspect.iscoroutinefunction(source.access_token)
        self._thread = PlainThread()  # for a plain source of a blocking client
        self._token: AccessToken | None = None

    def limiter_of(self, share: str) -> RateLimiter:
        """Return the queue of a share: the one queue there is, where nothing is kept for shares."""
        if self._shares is None:
            return self.limiter
        found = self._limiters.get(share)
        return found or self._limiters.setdefault(share, RateLimiter(self._shares.view(share)))

    def token_at_hand(self) -> AccessToken | None:
        """Return the access token where nothing is to be awaited for it; None where `token` must find it."""
        token = self._token
        if token is None or token.rejection is not None:
            return None
        if self._refreshing is None:
            return None if self._fixed is None else token
        ready = self._refreshing.ready()
        return token if ready is not None and ready.reveal() is token.reveal() else None

    async def token(self, timeouts: Timeouts, instead_of: Secret | None = None) -> AccessToken | None:
        """Return the access token, or None for anonymous calls.

        Args:
            timeouts: The timeouts of the client: its `close` ends the wait.
            instead_of: The token that a waiting call holds, and does not send when it was rejected meanwhile.

        Raises:
            AuthenticationError: The source has no other token, and does not insist on this one.
            EvEnergyError: The source has none.
            ClosedError: The client was closed meanwhile.
        """
        source = self.source
        if source is None:
            return None
        access = None if self._refreshing is None else self._refreshing.ready()
        if access is not None:
            text = access.reveal()
        elif self._fixed is not None:
            text = await self._fixed.access_token()
        else:
            text, loop = "", asyncio.get_running_loop()
            with timeouts.watch(None, loop, loop.time()) as timeout:  # not `bounded`, which is one more frame
                found = self._request(source)
                text, found = found if isinstance(found, str) else await found, ""
            if timeout.expired:
                raise ClosedError("the client was closed while it waited for a token")
        token = self._token
        if token is None or (text is not token.reveal() and text != token.reveal()):
            token = self._token = AccessToken(text)
        elif token.rejection is not None:
            token = self._token = AccessToken(text, token.rejections + 1)
        del text  # no traceback shall show it
        if isinstance(instead_of, AccessToken) and instead_of.rejection is not None and instead_of == token:
            self._check_again(token, instead_of.rejection)
        return token

    def is_rejected(self, token: Secret | None) -> bool:
        """Return whether the API rejected this token, and its source has not returned it again since."""
        if isinstance(token, AccessToken) and token.rejection is not None:
            return True
        return token is not None and self._refreshing is not None and self._refreshing.is_rejected(token)

    def invalidate(self, token: Secret, rejection: AuthenticationError) -> None:
        """Remember that the API rejected this token, and tell its source."""
        if isinstance(token, AccessToken):
            token.reject(rejection)
        invalidate: Any = getattr(self.source, "invalidate", None)
        if invalidate is not None:
            invalidate(token.reveal())

    def _check_again(self, token: AccessToken, rejection: AuthenticationError) -> None:
        """Raise the rejection in a call that waited, unless the source insists on the token for the first time."""
        if token.rejections > 1 or not hasattr(self.source, "invalidate"):
            error = copied(rejection)
            raise reworded(error, f"not sent: the API rejected the access token in another call: {rejection}")

    def _request(self, source: TokenSource) -> Awaitable[str] | str:
        """Call the source, a plain one of a blocking client in a thread."""
        return self._thread.call(source.access_token) if self._is_plain and self.is_blocking else source.access_token()
