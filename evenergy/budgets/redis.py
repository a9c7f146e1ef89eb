"""A budget in Redis or Valkey: for all processes of many hosts. It needs the extra ``redis``."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import secrets
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import attrs

from evenergy._lazy import load
from evenergy._transport.budget import Settlement, Slot, Wait
from evenergy._transport.shares import reserve_of, share_name
from evenergy._transport.usage import WINDOW
from evenergy._transport.window import State
from evenergy.errors import BudgetError, EvEnergyError, InvalidArgumentError

from .report import BucketUse, Holding, bucket_use
from .scripts import SETTLE, TAKE, USES
from .slots import Timing
from .sqlite import holder_name

if TYPE_CHECKING:
    from redis.asyncio import Redis, RedisCluster

_TIMEOUT = 2.0  # seconds for a connection, and for a response: a healthy server takes less than a millisecond
_KEYS = ("log", "taken", "air", "lost", "facts")
_SHA = {script: hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest() for script in (TAKE, SETTLE, USES)}


@attrs.define(eq=False)
class _Link:
    """A client of redis-py on one event loop.

    Attributes:
        client: The client.
        calls: The calls in progress.
        is_closing: Whether the last of them closes it.
    """

    client: Redis | RedisCluster
    calls: int = 0
    is_closing: bool = False

    def enter(self) -> None:
        """Begin a call."""
        self.calls += 1

    def leave(self) -> bool:
        """End a call, and return whether to close the client now."""
        self.calls -= 1
        return self.is_closing and not self.calls

    def end(self) -> bool:
        """Close the client with the last call, and return whether to do it now."""
        self.is_closing = True
        return not self.calls

    def keep(self) -> None:
        """Go on after `end`."""
        self.is_closing = False


class RedisBudget:
    """Budget that processes of many hosts share, in Redis, Valkey or a cluster; pass it as ``budget`` to their clients.

    The time is the server's, so clocks of hosts may differ. All keys expire by themselves. It needs the extra
    ``redis``. It does not pickle, since its URL may hold a password: make one in each process.

    Args:
        url: The URL as redis-py takes it: ``redis://user:password@host:6379/0``, ``rediss://`` for TLS (with
            ``?ssl_ca_certs=/path`` for certificates of your own), ``unix://`` for a socket.
        cluster: Whether the URL is that of a node of a Redis Cluster.
        share: The share of clients that name none.
        reserve: The parts of the rate limit, from 0 to 1, that are kept for shares, such as ``{"app": 0.3}``. A share
            draws on its own part and on what no other part is kept for. It holds for all who use the bucket.
        required: Whether calls fail with a `BudgetError` while the server cannot be reached. Else the process counts
            for itself meanwhile, with one warning, and tries again every 30 seconds.
        bucket: A name for credentials that have no id of their own: a token source of yours, or an
            `AuthorizationCode` without ``user``. None where there are none.
        prefix: The beginning of all keys.
        window: The seconds of the API's rolling window.
        flight: The seconds after which a process that took a slot has sent its request, or has died.
        clock: A function that returns the time; None for the server's clock.

    Raises:
        InvalidArgumentError: An argument is invalid.
        EvEnergyError: The extra ``redis`` is not installed.
    """

    def __init__(
        self,
        url: str,
        *,
        cluster: bool = False,
        share: str = "",
        reserve: Mapping[str, float] | None = None,
        required: bool = False,
        bucket: str | None = None,
        prefix: str = "evenergy",
        window: float = WINDOW,
        flight: float = 60.0,
        clock: Callable[[], float] | None = None,
    ) -> None:
        if urlsplit(url).scheme not in {"redis", "rediss", "unix"}:
            raise InvalidArgumentError("expected url of a budget to begin with redis://, rediss:// or unix://")
        try:
            load("redis.asyncio")  # fails here, not in the first call
        except ImportError as error:
            raise EvEnergyError(f"redis could not be imported ({error}): pip install 'evenergy[redis]'") from None
        self.share: str = share_name(share)
        self.reserve: Mapping[str, float] = reserve_of(reserve)
        self.required: bool = required
        self.bucket: str | None = bucket
        self._url, self._cluster, self._prefix = url, cluster, prefix
        self._timing = Timing(window, flight, flight)
        self._clock = clock
        self._rng = random.SystemRandom()
        self._known: dict[str, tuple[str, int]] = {}  # by bucket: its life, and how often it withdrew slots
        self._links: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Link] = weakref.WeakKeyDictionary()

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError(
            "a RedisBudget does not pickle, since its URL may hold a password: make one in each process, such as from"
            " an environment variable"
        )

    def __repr__(self) -> str:
        return f"<RedisBudget {urlsplit(self._url).hostname or 'socket'}>"

    async def take(self, bucket: str, share: str, *, hurry: bool = False) -> Slot | Wait:
        """Return a slot, or the times until one can be had.

        Raises:
            BudgetError: The server cannot be reached.
        """
        reserve = json.dumps(dict(self.reserve))
        found = await self._run(TAKE, bucket, share, holder_name(), "1" if hurry else "", reserve)
        if found[0]:
            _, member, life, taken_at, epoch, void, settled, gone = found
            slot = Slot(bucket, _text(member), _text(life), float(taken_at), epoch, void, settled, gone)
            self._know(bucket, slot.life, void)
            return slot
        self._know(bucket, _text(found[10]), found[11])
        return Wait(
            seconds=float(found[1]),
            state=State(_text(found[2])),
            trial=float(found[3]),
            free=found[4],
            in_flight=found[5],
            completed=found[6],
            in_doubt=bool(found[7]),
            learning=bool(found[8]),
            unreserved=float(found[9]),
            frees=tuple(float(time) for time in found[12]),
            window=self._timing.kept,
        )

    async def settle(self, slot: Slot, settlement: Settlement) -> None:
        """Record the end of a slot, and what the API said of the bucket.

        Raises:
            BudgetError: The server cannot be reached.
        """
        numbers = (settlement.limit, settlement.remaining, settlement.retry_after)
        life, void = await self._run(
            SETTLE,
            slot.bucket,
            repr(self._rng.random()),
            slot.id,
            slot.life,
            f"{slot.taken_at:.6f}",
            slot.epoch,
            slot.settled,
            slot.gone,
            settlement.kind,
            settlement.status,
            *("" if number is None else repr(number) for number in numbers),
        )
        self._know(slot.bucket, _text(life), void)

    def holds(self, slot: Slot) -> bool:
        """Return whether a slot is still good as far as this process knows: no 429 came since, in any process."""
        return self._known.get(slot.bucket, (slot.life, slot.void)) == (slot.life, slot.void)

    async def uses(self) -> Sequence[BucketUse]:
        """Return who holds what, a value a bucket.

        Raises:
            BudgetError: The server cannot be reached.
        """
        return [await self._use(bucket) for bucket in sorted(await self._buckets())]

    async def close(self) -> None:
        """Close the connections on this event loop, when the calls in progress are complete; the next use opens it."""
        link = self._links.get(asyncio.get_running_loop())
        if link is not None:
            await self._close(link, is_due=link.end())

    async def _use(self, bucket: str) -> BucketUse:
        limit, foreign, state, trial, owners, reserve = await self._run(USES, bucket)
        found: list[Holding] = []
        for owner, in_flight, completed in owners:
            share, _, holder = _text(owner).partition("|")
            found.append(Holding(share, holder, in_flight, completed))
        parts = {_text(share): float(part) for share, part in reserve}
        return bucket_use(bucket, limit, foreign, State(_text(state)), float(trial), parts, found)

    def _know(self, bucket: str, life: str, void: int) -> None:
        """Note how often the ledger withdrew slots; replies may overtake each other."""
        known = self._known.get(bucket)
        if known is None or known[0] != life or known[1] < void:
            self._known[bucket] = (life, void)

    # The server

    def keys(self, bucket: str) -> list[str]:
        """Return the keys of a bucket; a cluster has them in one place, by the tag in braces."""
        return [f"{self._prefix}:{{{bucket}}}:{name}" for name in _KEYS]

    async def _run(self, script: str, bucket: str, *arguments: str | float) -> Any:
        clock = "" if self._clock is None else f"{self._clock():.6f}"
        timing = self._timing
        base: list[str | float] = [
            clock,
            timing.window,
            timing.flight,
            timing.late,
            repr(self._rng.random()),
            secrets.token_hex(8),
        ]
        return await self._call(script, self.keys(bucket), [*base, *arguments])

    async def _call(self, script: str, keys: list[str], arguments: list[str | float]) -> Any:
        """Run a script on the server."""
        errors: Any = load("redis.exceptions")
        link = self._link()
        link.enter()
        client = cast("Any", link.client)
        try:
            try:
                return await client.evalsha(_SHA[script], len(keys), *keys, *arguments)
            except errors.NoScriptError:  # the server is new, or was restarted
                return await client.eval(script, len(keys), *keys, *arguments)
        except (errors.RedisError, OSError, TimeoutError) as error:
            raise self._unreachable(error) from None  # its frames may hold the URL
        finally:
            await self._close(link, is_due=link.leave())

    async def _buckets(self) -> set[str]:
        errors: Any = load("redis.exceptions")
        pattern, client = f"{self._prefix}:{{*}}:facts", cast("Any", self._link().client)
        try:
            return {_text(key).split("{", 1)[1].split("}", 1)[0] async for key in client.scan_iter(match=pattern)}
        except (errors.RedisError, OSError, TimeoutError) as error:
            raise self._unreachable(error) from None

    def _unreachable(self, error: Exception) -> BudgetError:
        host = urlsplit(self._url).hostname or "socket"
        password = urlsplit(self._url).password
        text = str(error) if not password else str(error).replace(password, "[redacted]")
        return BudgetError(f"the budget at {host} cannot be used: {type(error).__name__}: {text}")

    def _link(self) -> _Link:
        loop = asyncio.get_running_loop()
        link = self._links.get(loop)
        if link is None:
            link = self._links[loop] = _Link(self._connect())
        link.keep()
        return link

    def _connect(self) -> Redis | RedisCluster:
        asynchronous: Any = load("redis.asyncio")
        errors: Any = load("redis.exceptions")
        backoff: Any = load("redis.backoff")
        retry: Any = load("redis.asyncio.retry")
        options: dict[str, Any] = {"socket_timeout": _TIMEOUT, "socket_connect_timeout": _TIMEOUT}
        maker = asynchronous.RedisCluster if self._cluster else asynchronous.Redis
        if not self._cluster:  # one connection is enough, and a server closes those that were idle
            options["single_connection_client"] = True
            options["retry"] = retry.Retry(backoff.NoBackoff(), 1, supported_errors=(errors.ConnectionError,))
        client: Redis | RedisCluster = maker.from_url(self._url, **options)
        return client

    async def _close(self, link: _Link, *, is_due: bool) -> None:
        """Close a client that nobody uses any more."""
        if is_due:
            loop = asyncio.get_running_loop()
            if self._links.get(loop) is link:
                del self._links[loop]
            await link.client.aclose()


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode()
