"""Rate limit that one process leaves to the next: its laws, over the wire's own numbers."""

from __future__ import annotations

import asyncio
import math

import attrs
import msgspec
import pytest
from hypothesis import example, given, strategies as st

from evenergy._transport.limit_state import LimitState
from evenergy._transport.rate_limiter import RateLimiter
from evenergy._transport.usage import WINDOW, OthersUsage, OwnUsage
from evenergy._transport.window import State
from evenergy.sandbox.rate_window import RollingWindow
from tests.server import run_jumping
from tests.transport.limiter_client import fill, limiter, outcome, send
from tests.transport.window_client import Client, closed_client, open_client

WALL = 1_800_000_000.0
MOMENT = 1_800_000_000_000  # the same in milliseconds

_times = st.floats(0, 2 * WINDOW)
_trips = st.one_of(st.floats(0, 2), st.floats(0, 30), st.floats(0, WINDOW))


@attrs.define(eq=False)
class Request:
    sent_at: float
    first: float
    second: float
    is_counted: bool
    settled_before: int = 0
    gone_before: int = 0
    is_cut: bool = False

    @property
    def counted_at(self) -> float:
        return math.inf if self.is_cut else self.sent_at + self.first

    @property
    def ended_at(self) -> float:
        return self.sent_at + self.first + self.second


_requests = st.lists(st.builds(Request, _times, _trips, _trips, st.sampled_from([True, True, False])), max_size=25)


def left(client: Client, wall: float = WALL) -> LimitState:
    """Return the state that a window leaves, through JSON."""
    state = client.window.export_state(client.now, wall)
    assert state is not None
    return msgspec.json.decode(msgspec.json.encode(state), type=LimitState)


def heir(state: LimitState, wall: float, now: float = 50.0) -> Client:
    """Return a window of another process, whose clock began at another time."""
    client = Client(now)
    client.window.import_state(state, now, wall)
    return client


@given(_requests, st.lists(st.floats(0, 3 * WINDOW), max_size=4), st.floats(-1e4, 1e4))
def test_the_bounds_hold_from_process_to_process(requests: list[Request], ends: list[float], lead: float) -> None:
    usage, process = OwnUsage(), 0
    began: dict[Request, int] = {}
    moments = [(one.sent_at, 0, one) for one in requests] + [(one.ended_at, 1, one) for one in requests]
    moments += [(at, 2, Request(at, 0, 0, is_counted=False)) for at in ends]
    for now, kind, one in sorted(moments, key=lambda moment: moment[:2]):
        usage.roll(now)
        if kind == 0:
            usage.send(now)
            one.settled_before, one.gone_before, began[one] = usage.settled, usage.gone, process
        elif kind == 2:
            usage = OwnUsage.from_state(*usage.export_state(now, lead), lead)
            process += 1
            for other in began:  # the end of a process closes its connections
                other.is_cut = other.is_cut or now < other.counted_at
        elif began[one] == process:
            usage.complete(now, counted=one.is_counted)
            at = one.counted_at
            reached = [other for other in requests if other.sent_at <= now]
            truth = sum(other.counted_at <= at < other.counted_at + WINDOW for other in reached)
            if one.is_counted:
                assert truth <= usage.most(one.gone_before)
        here = [other for other in requests if other.counted_at < now < other.counted_at + WINDOW]
        assert usage.completed + usage.in_flight >= len(here)


@given(st.lists(st.floats(0, 2 * WINDOW), min_size=1, max_size=60), st.floats(0, WINDOW), st.floats(-1e6, 1e6))
def test_nothing_frees_earlier_in_the_next_process(sent: list[float], later: float, lead: float) -> None:
    usage = OwnUsage()
    for at in sorted(sent):
        usage.roll(at)
        usage.send(at)
        usage.complete(at, counted=True)
    now = max(sent) + later
    usage.roll(now)
    copied = OwnUsage.from_state(*usage.export_state(now, lead), lead)
    copied.roll(now)
    assert usage.completed <= copied.completed <= usage.completed + sum(at + WINDOW <= now for at in sent)
    for count in range(1, usage.completed + 1):
        assert 0 <= copied.frees_at(count, now) - usage.frees_at(count, now) <= 1.01
    assert copied.least(copied.settled) <= usage.least(usage.settled)


_steps = st.lists(st.tuples(st.floats(0, 1500), st.integers(1, 12), st.booleans()), max_size=25)


@given(_steps, st.integers(1, 15))
@example([(1.6304615792149662, 1, False), (0.0, 1, True), (1.688808117285248, 1, True)], 2)  # rounded up past a sibling
def test_no_run_after_another_is_rejected(steps: list[tuple[float, int, bool]], limit: int) -> None:
    """Send as much as each run may, and let each process leave its state to the next."""
    wall, sent = WALL, list[float]()
    server, client = RollingWindow(limit, lambda: wall), Client()
    for gap, count, is_new in steps:
        wall, client.now = wall + gap, client.now + gap
        state = client.window.export_state(client.now, wall)
        if is_new and state is not None:
            client = heir(state, wall, now=client.now % 1000)
        for _ in range(count):
            if (permit := client.take()) is None:
                assert sum(at + WINDOW > wall - 2 for at in sent) >= limit  # it is full, to two seconds
                break
            client.window.sent(permit, client.now)
            assert server.acquire() == 0
            sent.append(wall)
            client.respond(permit, 200, limit, server.remaining)
    client.now += WINDOW + 2
    assert client.take() is not None


def test_requests_that_are_proven_of_others_are_kept() -> None:
    others = OthersUsage()
    others.observe(300, 310, 0, 1)
    others.observe(200, 400, 20, 21.5)
    copied = OthersUsage.from_state(others.export_state(1000.0), 1000.0)
    assert copied.number == 300
    assert 0 <= copied.frees_at() - others.frees_at() < 1


def test_an_open_window_goes_on_with_what_is_left() -> None:
    client = open_client(10, 3)  # one request of ours, six of others
    again = heir(left(client), WALL + 100)
    assert again.state is State.OPEN
    assert again.window.reading == (10, 3, 1e9)
    assert again.window._free() == client.window._free() == 3


def test_a_full_window_frees_when_it_would_have() -> None:
    client = Client()
    for remaining in reversed(range(5)):
        client.now += 10
        client.exchange(5, remaining)
    state = left(client)  # the first of five came 40 s before
    again = heir(state, WALL + 60, now=7.0)
    assert again.take() is None
    assert again.window.expected(7.0, 0) == pytest.approx(7.0 + WINDOW - 100, abs=1.1)
    again.now = 7.0 + WINDOW - 98
    assert again.grants() == 1


def test_a_closed_window_stays_closed_until_its_time() -> None:
    client = closed_client(120.0)
    until = client.window.expected(client.now, 0) - client.now
    again = heir(left(client), WALL + 50)
    assert again.state is State.CLOSED
    assert again.take() is None
    assert again.window.expected(again.now, 0) - again.now == pytest.approx(until - 50)
    again.now += until - 49.99
    assert again.grants() == 1  # a trial


def test_rejections_in_a_row_are_counted_on() -> None:
    client = closed_client(1.0)
    assert left(client).rejections == 1
    again = heir(left(client), WALL + 5)
    again.respond(again.send(), 429, 1000, 0, 1.0)
    assert left(again).rejections == 2


@pytest.mark.parametrize("later", [-0.5, -7200, WINDOW, WINDOW + 1, 1e7])
def test_a_state_of_an_hour_ago_and_one_of_the_future_say_nothing(later: float) -> None:
    again = heir(left(open_client(10, 0)), WALL + later)
    assert again.state is State.UNKNOWN
    assert again.window.reading is None
    assert again.grants() == 1


SPOILT: list[dict[str, object]] = [
    {"limit": 0},
    {"limit": 10**12},
    {"rejections": -1},
    {"trial_at": WALL + WINDOW + 1},
    {"told_at": WALL + 100},
    {"completed": [(MOMENT + 100_000, 1)]},
    {"completed": [(MOMENT, 1), (MOMENT - 9, 1)]},
    {"completed": [(MOMENT, 10**9)]},
    {"sent": [(MOMENT, -1)]},
    {"settles": [(MOMENT + 3_000_000, 1)]},
    {"others": [(MOMENT - 9, 5), (MOMENT, 7)]},
    {"others": [(MOMENT, -7)]},
]


@pytest.mark.parametrize("change", SPOILT, ids=str)
def test_numbers_that_make_no_sense_are_ignored(change: dict[str, object]) -> None:
    changed = {**msgspec.to_builtins(left(open_client())), **change}
    state = msgspec.convert(changed, LimitState)
    assert heir(state, WALL + 1).state is State.UNKNOWN


def test_nothing_is_exported_before_a_response() -> None:
    assert Client().window.export_state(0, WALL) is None
    assert RateLimiter().export_state() is None


def test_many_processes_in_a_row_change_next_to_nothing() -> None:
    client, wall = open_client(1000, 999), WALL
    for _ in range(200):
        wall += 0.013
        client = heir(left(client, wall), wall + 0.000_01)
    client.now += 1
    frees_in = client.window._own.frees_at(1, client.now) - client.now
    assert WINDOW - 200 * 0.013 - 1 <= frees_in <= WINDOW + 0.3


def test_a_request_in_flight_counts_as_sent() -> None:
    client = open_client(10, 9)
    client.send()
    client.send()
    state = left(client)
    assert sum(number for _, number in state.completed) == 3
    assert sum(number for _, number in state.settles) == 2
    assert heir(state, WALL + 1).window._free() == 7


def test_the_file_of_a_busy_hour_is_small() -> None:
    client = open_client(100_000, 99_999)
    for number in range(20_000):
        client.now += 0.1
        client.exchange(100_000, 99_998 - number)
    assert len(msgspec.json.encode(left(client))) < 150_000


def test_the_second_limiter_knows_how_long_to_wait() -> None:
    wall = WALL

    async def fills() -> LimitState:
        one = limiter(lambda: wall)
        fill(one, 3)
        state = one.export_state()
        assert state is not None
        return state

    async def waits(state: LimitState) -> float:
        one = limiter(lambda: wall)
        one.import_state(state)
        assert one.take(asyncio.get_running_loop()) is None
        assert one.rate_limit is not None
        assert one.rate_limit.remaining == 0
        error = await outcome(one.acquire(ends=asyncio.get_running_loop().time() + 60))
        return error.retry_after

    state = run_jumping(fills())
    wall += 600
    assert run_jumping(waits(state)) == pytest.approx(WINDOW - 600, abs=1.1)


def test_the_state_is_used_once_and_not_in_place_of_a_newer_one() -> None:
    async def main() -> None:
        one = limiter(lambda: WALL)
        one.responded(send(one), 200, 1000, 999, None)
        state = one.export_state()
        assert state is not None
        one.import_state(msgspec.structs.replace(state, limit=5))
        one.responded(send(one), 200, 1000, 998, None)
        assert one.rate_limit is not None
        assert one.rate_limit.limit == 1000

    run_jumping(main())


def test_proof_of_others_that_was_rounded_up_stays_in_order() -> None:
    others = OthersUsage.from_state([(1_631, 3)], 0.0)
    others.observe(1, 310, 1.6304, 1.6304)  # before the moment that was rounded up
    moments = [moment for moment, _ in others.export_state(0.0)]
    assert moments == sorted(moments)
    assert [number for _, number in others.export_state(0.0)] == [3, 1]
