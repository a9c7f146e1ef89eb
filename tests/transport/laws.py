"""The laws of the rate limiter, as checks of what a simulation recorded."""

import math
from collections.abc import Iterable

from evenergy._transport.rate_limiter import RateLimiter
from evenergy._transport.rate_window import RateWindow
from tests.transport.fake_session import Record, Rejection, Sent
from tests.transport.virtual_time import WINDOW, Server

_EPSILON = 1e-6  # seconds: two things at one time


def first_come_first_served(record: Record) -> None:
    assert record.overtaken == 0, f"{record.overtaken} permits went to callers behind others"


def a_pause_is_for_all(sent: Iterable[Sent]) -> None:
    """After a 429 has come, nothing is sent before its time."""
    requests = sorted(sent, key=lambda one: one.at)
    ends = pauses = 0.0
    rejected = sorted(
        (one.landed_at or 0.0, one.reply.retry_after or 0.0)
        for one in requests
        if one.reply is not None and one.reply.status == 429
    )
    position = 0
    for one in requests:
        while position < len(rejected) and rejected[position][0] < one.at - _EPSILON:
            landed, retry_after = rejected[position]
            ends = max(ends, landed + min(max(retry_after, 1.0), WINDOW))
            pauses += 1
            position += 1
        assert one.at >= ends - _EPSILON, f"sent at {one.at}, {ends - one.at} s before the end of a pause"
        assert one.was_held, "sent with a void permit"


def one_trial(sent: Iterable[Sent]) -> None:
    """While nothing is known, at first or after a 429, one request is in flight of those that were sent since."""
    moments: list[tuple[float, int, Sent]] = []
    for one in sent:
        moments.append((one.at, 1, one))
        moments.append((one.landed_at if one.landed_at is not None else math.inf, 0, one))
    is_known, in_flight, since = False, set[int](), -math.inf
    for time, is_start, one in sorted(moments, key=lambda moment: (moment[0], moment[1])):
        if is_start:
            if not is_known:
                assert not in_flight, f"at {time}: a second trial, while one is in flight"
            in_flight.add(id(one))
            continue
        in_flight.discard(id(one))
        if one.reply is None:
            continue
        if one.reply.status == 429:
            is_known, since = False, time
            in_flight.clear()
        elif one.at >= since and one.reply.remaining is not None:
            is_known = True


def rejections_are_told(rejections: Iterable[Rejection]) -> None:
    for one in rejections:
        assert 0 < one.retry_after <= WINDOW, f"retry_after {one.retry_after}"


def is_wrong(one: Rejection, server: Server, margin: float) -> bool:
    """Return whether a caller was rejected whom a server without other callers would have served in time."""
    ends = max(one.ends, one.at) - margin
    free = server.limit - sum(1 for at in server.history if at + WINDOW > ends)
    return free - one.granted - one.ahead >= 1


def nothing_stays(limiter: RateLimiter, held: int = 0) -> None:
    assert limiter.queued == 0
    assert limiter._timer is None
    assert limiter._review is None
    assert not limiter._queue
    assert not limiter._patience
    assert not limiter._late
    if isinstance(limiter._window, RateWindow):
        assert len(limiter._window._in_flight) == held
        assert not limiter._window._trials
