"""Token source of a grant, for one client: the token of its owner, refreshed over the connections of this client."""

import asyncio
import inspect
import logging
from collections.abc import Coroutine
from typing import NamedTuple

import attrs

from evenergy._codec.secret import Secret
from evenergy.auth import AuthorizationCode, ClientCredentials, OnToken, Token
from evenergy.errors import AuthenticationError, ClosedError, EvEnergyError, ProblemFields

from .attempts import Attempts
from .callers_code import TIME, PlainThread, StoreCalls, StuckError, bounded
from .connections import Connections
from .exchange import Exchange
from .oauth_endpoints import Form, Grant, OAuthEndpoints, OAuthHeaders, is_invalid_grant
from .retry import Retry, RetryBudget
from .token_owner import SHORTEST_LIFE, AbandonedError, Refresh, TokenOwner, owner_of, refresh_around, remaining_life

_log = logging.getLogger(__name__)


class RetryPolicy(NamedTuple):
    """Retries of a token request: a call of its own, whose outcome all who wait for the token share."""

    retry: Retry
    budget: RetryBudget
    max_wait: float | None


class RefreshingTokenSource:
    """Token source of a grant: one refresh at a time for all who share the grant, whoever waits or gives up."""

    def __init__(self, endpoints: OAuthEndpoints, policy: RetryPolicy, *, is_blocking: bool) -> None:
        """Prepare the source; nothing is sent before a token is needed.

        Args:
            endpoints: The OAuth endpoints, over the connections of a client.
            policy: The retries of that client.
            is_blocking: Whether the client is a blocking one, so that a plain ``on_token`` may block.
        """
        self.endpoints: OAuthEndpoints = endpoints
        self._owner: TokenOwner = owner_of(endpoints.app, endpoints.token_url)
        self._policy = policy
        self._is_blocking = is_blocking
        self._begun: Refresh | None = None  # the last one over the connections of this client
        self._is_closed = False

    def ready(self) -> Secret | None:
        """Return a token that is valid now, or None without waiting; renew it in the background before it expires."""
        now = asyncio.get_running_loop().time()
        held = self._owner.valid(now)
        if held is None:
            return None
        if now >= held.renew_at and not self._is_closed:
            self._owner.join(self._begin)
        return held.token.access

    async def access_token(self) -> str:
        """Return a token that is valid now.

        Raises:
            AuthenticationError: The user has to authorize the application first, or again.
            EvEnergyError: The token endpoint has no token now, or the client was closed.
        """
        while True:
            access = self.ready() or self._inside_refresh()
            if access is not None:
                return access.reveal()
            if self._is_closed:
                raise ClosedError("the client was closed while it waited for a token")
            refresh = self._owner.join(self._begin)
            try:
                await refresh.wait()
            except AbandonedError:
                refresh.owner.leave(refresh)  # and take over
                continue
            except ClosedError:
                if refresh is self._begun:
                    raise
                continue  # it was the client of somebody else
            if refresh.token is not None:
                return refresh.token.access_token

    def invalidate(self, token: str) -> None:
        """Request another token at the next call: the API rejected this one."""
        self._owner.reject(Secret(token))

    def is_rejected(self, token: Secret) -> bool:
        """Return whether the API rejected this token, to whichever client of the grant."""
        return self._owner.is_rejected(token)

    async def stored_token(self) -> Token | None:
        """Return the newest token, from the store when this process has none."""
        token = self._owner.token(asyncio.get_running_loop().time())
        return token if token is not None else await StoreCalls(self.endpoints.app.store).load()

    async def store(self, token: Token, requested_at: float) -> None:
        """Use a token that was just issued, store it, and hand it to the caller."""
        _publish(token, requested_at, self._owner)
        store = StoreCalls(self.endpoints.app.store)
        async with store.lock():
            await _save(store, token)
        await self._hand_over(token)

    async def forget(self) -> None:
        """Drop the token, which was revoked, here and in the store."""
        self._owner.forget()
        store = StoreCalls(self.endpoints.app.store)
        async with store.lock():
            await _save(store, None)

    async def close(self) -> None:
        """End the refresh that this client began, but not before a new token that is on its way was stored."""
        self._is_closed = True
        try:
            if self._begun is not None:
                await self._begun.finish()
        finally:
            self._begun = None
            self._owner = TokenOwner(self.endpoints.app)  # the shared one lives as long as the clients that use it

    def _begin(self, refresh: Refresh) -> Coroutine[object, object, None]:
        self._begun = refresh
        return self._renew(refresh)

    def _inside_refresh(self) -> Secret | None:
        """Return the token for a call of the caller's code within the refresh, which must not wait for its end."""
        refresh = refresh_around()
        if refresh is None or refresh.owner is not self._owner or refresh.is_over:
            return None
        if refresh.token is None:
            raise EvEnergyError(
                "a token store called the API with the client that is waiting for its token; give the store a client of"
                " its own"
            )
        return refresh.token.access

    async def _renew(self, refresh: Refresh) -> None:
        """Take a newer token from the store, or request one, store it, hand it to the caller, and use it."""
        known = refresh.newest()
        store = StoreCalls(self.endpoints.app.store)
        if known is None and _adopt(await store.load(), known, refresh):
            return
        try:
            async with store.lock():
                stored = await store.load()
                if _adopt(stored, known, refresh):
                    return
                issued = await self._issue(refresh, known, stored, store)
                if issued is None or refresh.newest() is not known:
                    refresh.keep(None)  # exchanged, revoked or assigned meanwhile: this one is of the grant before
                    return
                refresh.keep(issued)
                refresh.owner.announce(issued)
                await _save(store, issued)
            await self._hand_over(issued)
        finally:  # also when it could not be stored: what it renewed is used up
            if refresh.token is not None and refresh.newest() in (known, refresh.token):
                _publish(refresh.token, refresh.requested_at, refresh.owner)

    async def _issue(
        self, refresh: Refresh, known: Token | None, stored: Token | None, store: StoreCalls
    ) -> Token | None:
        """Request a token; return None when a newer one turned up meanwhile."""
        app = self.endpoints.app
        if isinstance(app, ClientCredentials):
            scope = {"scope": " ".join(app.scopes)} if app.scopes else {}
            return await self._request(refresh, Form(grant_type="client_credentials", **scope))
        candidates = [stored, known] if stored is not None and _is_newer(stored, known) else [known, stored]
        rejected: list[Secret] = []
        failed: AuthenticationError | None = None
        while (token := _untried(candidates, rejected)) is not None:
            try:
                issued = await self._request(refresh, Form(grant_type="refresh_token", refresh_token=token.reveal()))
                return attrs.evolve(issued, refresh=issued.refresh or token)  # it may not be rotated
            except AuthenticationError as error:
                if not is_invalid_grant(error):
                    raise
                failed = error
            # Somebody else may have used it: look once more before the user is sent away.
            again = None if rejected else await store.load()
            if _adopt(again, known, refresh):
                return None
            rejected.append(token)
            candidates.insert(0, again)
        raise failed or _no_token(known)

    async def _request(self, refresh: Refresh, form: Form) -> Token:
        """Request a token, and retry what may succeed later."""
        policy = self._policy
        # As a GET: a token request changes nothing but the token, for which everybody waits.
        attempts = Attempts("GET", policy.retry, policy.budget, max_wait=policy.max_wait, deadline=None)

        async def attempt() -> Token:
            attempts.begin()
            try:
                return await refresh.request(self.endpoints, form)
            except EvEnergyError as error:
                if refresh.owner.valid(refresh.loop.time()) is not None:  # nobody waits
                    attempts.give_up(error)
                raise

        return await attempts.run(attempt)

    async def _hand_over(self, token: Token) -> None:
        """Call ``on_token``."""
        app = self.endpoints.app
        if isinstance(app, AuthorizationCode) and app.on_token is not None:
            call = PlainThread().call if self._is_blocking else _call
            try:
                await bounded(call(app.on_token, token))
            except StuckError:
                _log.warning("on_token did not return within %g s: the new token is used, but may not be stored", TIME)


def source_of(
    grant: Grant,
    origin: str,
    connections: Connections,
    timeout: float | None,
    policy: RetryPolicy,
    *,
    is_blocking: bool,
) -> RefreshingTokenSource:
    """Return the token source of a grant, which ends with the connections."""
    exchange = Exchange(connections, OAuthHeaders(connections.network.user_agent), timeout)
    source = RefreshingTokenSource(OAuthEndpoints(grant, origin, exchange), policy, is_blocking=is_blocking)
    connections.own(source)
    return source


async def _call(on_token: OnToken, token: Token) -> None:
    result = on_token(token)
    if inspect.isawaitable(result):
        await result


async def _save(store: StoreCalls, token: Token | None) -> None:
    try:
        await store.save(token)
    except StuckError:
        _log.warning("the token store did not save within %g s: the new token is used, but may not be stored", TIME)


def _publish(token: Token, requested_at: float, owner: TokenOwner) -> None:
    owner.publish(token, requested_at, max(remaining_life(token), SHORTEST_LIFE))


def _adopt(stored: Token | None, known: Token | None, refresh: Refresh) -> bool:
    """Use a token of the store if it is newer and still valid: another process has renewed it.

    Return whether there is nothing left to do, also because the caller has put a token into the grant meanwhile.
    """
    owner = refresh.owner
    if refresh.newest() is not known:
        return True
    if stored is None or owner.is_rejected(stored.access) or not _is_newer(stored, known):
        return False
    life = remaining_life(stored)
    if life <= 0:
        return False
    owner.publish(stored, refresh.loop.time(), life)
    return True


def _is_newer(stored: Token, known: Token | None) -> bool:
    if known is None or stored.expires_at is None or known.expires_at is None:
        return stored != known
    return stored != known and stored.expires_at >= known.expires_at


def _untried(candidates: list[Token | None], rejected: list[Secret]) -> Secret | None:
    """Return the first refresh token that was not rejected yet."""
    tokens = [token.refresh for token in candidates if token is not None and token.refresh is not None]
    return next((token for token in tokens if token not in rejected), None)


def _no_token(known: Token | None) -> AuthenticationError:
    title = "No token yet" if known is None else "The token has expired, and there is no refresh token"
    return AuthenticationError(
        f"401 {title}: send the user to client.oauth.authorization_request().url,"
        " then call client.oauth.exchange() with the code that comes back",
        **ProblemFields(status=401, title=title),
    )
