"""Helpers of the tests of `RateLimiter`: a limiter with a quiet wall clock, and the steps of a session."""

import asyncio
import math
import random
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from evenergy._transport.rate_limiter import RateLimiter
from evenergy._transport.rate_window import RateWindow
from evenergy._transport.window import Permit
from evenergy.errors import RateLimitError
from tests.transport.fake_session import FakeSession
from tests.transport.virtual_time import Server


def limiter(wall_clock: Callable[[], float] = lambda: 0.0) -> RateLimiter:
    return RateLimiter(RateWindow(random.Random(1)), wall_clock)


def session(server: Server, *, delay: float = 0.1, concurrency: int = 32) -> FakeSession:
    return FakeSession(limiter(), server, random.Random(2), lambda: delay / 2, concurrency)


async def acquire(one: RateLimiter, max_wait: float = math.inf, ticket: int | None = None) -> Permit:
    return await one.acquire(ends=asyncio.get_running_loop().time() + max_wait, ticket=ticket)


def send(one: RateLimiter) -> Permit:
    """Take a permit that is free, and send."""
    loop = asyncio.get_running_loop()
    permit = one.take(loop)
    assert permit is not None
    one.sent(permit, loop.time())
    return permit


def fill(one: RateLimiter, limit: int) -> None:
    """Use up a bucket of which nothing is known yet."""
    for remaining in reversed(range(limit)):
        one.responded(send(one), 200, limit, remaining, None)


async def outcome(work: Coroutine[Any, Any, Permit]) -> RateLimitError:
    with pytest.raises(RateLimitError) as raised:
        await work
    return raised.value
