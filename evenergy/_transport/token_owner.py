"""Owners of tokens: one for each grant, whatever clients, views, threads and event loops use it.

A refresh is a task on the event loop of the caller that needed it, over the connections of that caller. Callers on
other loops wait for its end, and take over when that loop is gone.
"""

import asyncio
import concurrent.futures
import contextlib
import contextvars
import math
import os
import random
import threading
import time
import weakref
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import NamedTuple

from evenergy._codec.secret import Secret
from evenergy.auth import AuthorizationCode, ClientCredentials, Token
from evenergy.errors import EvEnergyError

from .failures import copied
from .oauth_endpoints import Form, Grant, OAuthEndpoints

SHORTEST_LIFE = 60.0
"""Seconds; a token endpoint that says less is not believed, or each call would request a token."""
_DEFAULT_LIFE = 3600.0  # seconds, when the token endpoint names none (RFC 6749, 5.1: it should)
_EARLY = 300.0  # seconds before its expiry a token is renewed in the background
_MARGIN = 30.0  # seconds before its expiry a token is used no more
_MOST_REJECTED = 8  # tokens to remember
_POLL = 0.5  # seconds between two looks at the loop of somebody else's refresh
_UNRESPONSIVE = 2.0  # seconds without a sign of life from that loop: it was stopped, or it is blocked
_GIVEN_UP = 60.0  # the same while a refresh token is on the wire, which must not be used twice (RFC 9700, 4.14.2)
_GRACE = 1.0  # seconds that `close` waits for the caller's code, which may be storing a new token


class AbandonedError(Exception):
    """Refresh that ended without an outcome: its client was closed, or another one took over."""


class Held(NamedTuple):
    """Token in use, and its times on the loop's clock: a wrong wall clock locks nobody out."""

    token: Token
    good_until: float
    renew_at: float


class TokenOwner:
    """Owner of the token of one grant, and of the refresh in progress."""

    def __init__(self, grant: Grant) -> None:
        # The grant in which the caller may put a token, or None.
        self._code = grant if isinstance(grant, AuthorizationCode) else None
        self._grant = grant  # kept alive: its id is the owner's key
        self._lock = threading.RLock()  # the collector may run in between, and call from this thread
        self._refresh: Refresh | None = None
        self._held: Held | None = None
        self._known: Token | None = None  # the one in the grant as it was last seen or set
        self._rejected: tuple[Secret, ...] = ()

    def valid(self, now: float) -> Held | None:
        """Return the token in use if it is valid now, or None."""
        self._look(now)
        held = self._held
        return held if held is not None and now < held.good_until else None

    def token(self, now: float) -> Token | None:
        """Return the newest token, which may be expired, or not yet in use, or None."""
        self._look(now)
        return self._known

    def announce(self, token: Token) -> None:
        """Put a new token into the grant; it is not used before it was stored."""
        with self._lock:
            self._set(token)

    def publish(self, token: Token, since: float, life: float) -> None:
        """Use a new token, for so many seconds since a time of the loop's clock."""
        with self._lock:
            self._set(token)
            self._use(token, since, life)

    def forget(self) -> None:
        """Drop the token, which was revoked."""
        with self._lock:
            self._set(None)
            self._held = None

    def reject(self, token: Secret) -> None:
        """Remember a token that the API rejected; a newer one stays in use."""
        with self._lock:
            if token not in self._rejected:
                self._rejected = (*self._rejected[1 - _MOST_REJECTED :], token)
            if self._held is not None and self._held.token.access == token:
                self._held = self._held._replace(good_until=-math.inf)

    def is_rejected(self, token: Secret) -> bool:
        """Return whether the API rejected this token, and it was not issued again since."""
        return bool(self._rejected) and token in self._rejected

    def postpone(self, now: float) -> None:
        """Begin no other renewal in the background for a while, after one that failed."""
        with self._lock:
            if self._held is not None:
                self._held = self._held._replace(renew_at=now + _MARGIN)

    def join(self, work: "Callable[[Refresh], Coroutine[object, object, None]]") -> "Refresh":
        """Return the refresh in progress, or begin one on this loop."""
        with self._lock:
            if self._refresh is None:
                self._refresh = Refresh(self)
                self._refresh.begin(work(self._refresh))
            return self._refresh

    def leave(self, refresh: "Refresh") -> None:
        """Let another refresh begin: this one has ended, or nothing comes of it."""
        with self._lock:
            refresh.abandon()
            if self._refresh is refresh:
                self._refresh = None

    def after_fork(self) -> None:
        """Forget the parent's refresh, and the lock that one of its threads may have held."""
        self._lock = threading.RLock()
        if self._refresh is not None:
            self._refresh.abandon()
            self._refresh = None

    def _look(self, now: float) -> None:
        """Use the token that the caller has put into the grant meanwhile, if there is one."""
        code = self._code
        if code is not None and code.token is not self._known:
            with self._lock:
                if code.token is not self._known:  # else another thread has just announced it
                    self._use(code.token, now)

    def _set(self, token: Token | None) -> None:
        self._known = token
        if self._code is not None:
            self._code.token = token  # where the caller reads it

    def _use(self, token: Token | None, since: float, life: float | None = None) -> None:
        self._known = token
        if token is None:
            self._held = None
            return
        life = remaining_life(token) if life is None else life
        self._rejected = tuple(one for one in self._rejected if one != token.access)
        self._held = Held(
            token,
            good_until=since + life - min(_MARGIN, 0.1 * life),
            # Spread, so that many processes do not renew at the same moment.
            renew_at=since + life - min(_EARLY, 0.5 * life) * random.uniform(0.8, 1.0),
        )


class Refresh:
    """Refresh in progress: a task on one event loop, and callers on any loop that wait for its end."""

    def __init__(self, owner: TokenOwner) -> None:
        self.owner: TokenOwner = owner
        self.token: Token | None = None
        """The new token, once it was issued."""
        self.is_over: bool = False
        self.loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        self.requested_at: float = 0.0
        self._error: BaseException | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_spending = False  # a refresh token is on the wire
        self._spent = asyncio.Event()
        self._end: concurrent.futures.Future[BaseException | None] = concurrent.futures.Future()
        self._end.set_running_or_notify_cancel()  # from here on no waiter can cancel it

    def begin(self, work: Coroutine[object, object, None]) -> None:
        """Begin the work, in a task of its own."""
        self._task = self.loop.create_task(self._run(work))
        self._task.add_done_callback(self._ended)

    async def request(self, endpoints: OAuthEndpoints, form: Form) -> Token:
        """Request a token.

        Raises:
            AbandonedError: Another refresh took over.
            EvEnergyError: As the endpoint's.
        """
        if self.is_over:
            raise AbandonedError
        self.requested_at = self.loop.time()
        self._is_spending = "refresh_token" in form
        self._spent.clear()
        try:
            self.token = await endpoints.token(form)
        finally:
            self._is_spending = False
            self._spent.set()
        return self.token

    def keep(self, token: Token | None) -> None:
        """Keep the new token as it is to be used, or None where the grant has another one meanwhile."""
        self.token = token

    def abandon(self) -> None:
        """Request nothing any more: it has ended, or another one takes over."""
        self.is_over = True

    def newest(self) -> Token | None:
        """Return the newest token of the grant."""
        return self.owner.token(self.loop.time())

    async def wait(self) -> None:
        """Wait for the end, on any loop.

        Raises:
            AbandonedError: It ended without an outcome, or its loop is gone.
            BaseException: The error with which it ended, a copy for each who waits.
        """
        loop, heard = asyncio.get_running_loop(), time.monotonic()

        def alive() -> None:
            nonlocal heard
            heard = time.monotonic()

        end = asyncio.wrap_future(self._end, loop=loop)
        try:
            while loop is not self.loop and not (await asyncio.wait([end], timeout=_POLL))[0]:
                silence, longest = time.monotonic() - heard, _GIVEN_UP if self._is_spending else _UNRESPONSIVE
                if self.loop.is_closed() or silence > longest:
                    raise AbandonedError
                with contextlib.suppress(RuntimeError):  # closed in between
                    self.loop.call_soon_threadsafe(alive)
            error = await end
        finally:
            end.cancel()  # nobody looks at it any more
        if error is not None:
            raise copied(error).with_traceback(error.__traceback__)

    async def finish(self) -> None:
        """End it for a client that is closing: at once, unless a new token is on its way, or is being stored."""
        task = self._task
        if task is None or task.done() or self.loop is not asyncio.get_running_loop() or refresh_around() is self:
            return
        if self._is_spending:
            with contextlib.suppress(TimeoutError):  # its request has a timeout, unless the client has none
                async with asyncio.timeout(_GIVEN_UP):
                    await self._spent.wait()
        if self.token is None:
            task.cancel()
        for _ in range(2):
            await asyncio.wait([task], timeout=_GRACE)
            task.cancel()

    async def _run(self, work: Coroutine[object, object, None]) -> None:
        _inside.set(weakref.ref(self))
        try:
            await work
        except asyncio.CancelledError:
            if self._task is None or self._task.cancelling():
                raise
            self._error = EvEnergyError("the token store or on_token ended with a CancelledError of its own")
        except BaseException as error:  # noqa: BLE001  a value, so that a SystemExit in it does not end the loop
            self._error = error.with_traceback(error.__traceback__ and error.__traceback__.tb_next)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.owner.leave(self)
        if self._error is not None and not isinstance(self._error, AbandonedError):
            self.owner.postpone(self.loop.time())
        self._end.set_result(AbandonedError() if task.cancelled() else self._error)


# A weak reference: the connections that are made in a refresh keep its context.
_inside: contextvars.ContextVar["weakref.ref[Refresh] | None"] = contextvars.ContextVar(
    "evenergy_refresh", default=None
)


def refresh_around() -> Refresh | None:
    """Return the refresh whose code is running, also in the tasks and threads that it starts, or None.

    A call there must not wait for its end.
    """
    reference = _inside.get()
    return None if reference is None else reference()


def remaining_life(token: Token) -> float:
    """Return the seconds until a token expires, by the wall clock."""
    return _DEFAULT_LIFE if token.expires_at is None else (token.expires_at - datetime.now(UTC)).total_seconds()


def owner_of(grant: Grant, token_url: str) -> TokenOwner:
    """Return the owner of a grant: of this very `AuthorizationCode`, or of equal credentials at one token endpoint."""
    key = (grant, token_url) if isinstance(grant, ClientCredentials) else id(grant)
    with _owners_lock:
        owner = _owners.get(key)
        if owner is None:
            owner = _owners[key] = TokenOwner(grant)
        return owner


_owners: "weakref.WeakValueDictionary[object, TokenOwner]" = weakref.WeakValueDictionary()
_owners_lock = threading.RLock()


def _after_fork() -> None:
    global _owners_lock  # noqa: PLW0603  a thread of the parent's may have held it
    _owners_lock = threading.RLock()
    for owner in list(_owners.values()):
        owner.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
