"""Listings that are interrupted anywhere, and gone on with: no page is skipped, and no item is delivered twice."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, cast

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from evenergy import DecodeError, Pager, Response, TransportError, Vehicle
from evenergy._codec import strict
from evenergy._core import blocking, pagination
from evenergy._core.blocking import BlockingPager
from evenergy._core.loop_thread import LoopThread
from evenergy._transport.request import Request, list_request
from evenergy._transport.session import Session

PAGES: list[list[Any]] = [[{"id": "a"}, {"id": "b"}], [], [{"id": "c"}, 7, {"id": "d"}], [{"id": "e"}]]
EXPECTED = ["a", "b", "c", "$[1]", "d", "e"]
CODE = {blocking.__file__, pagination.__file__}
assert strict.__file__  # imported here: an import in the other thread is none of these tests


class Interrupted(BaseException):
    """Exception of a signal's handler."""


class Responses:
    """Session without a network, whose requests take some turns of the loop."""

    def __init__(self) -> None:
        self.options = cast("Any", self)
        self.base_url = "https://api.ev.energy/v2"
        self.requests = 0

    async def send(self, request: Request[Any]) -> Any:
        for _ in range(3):
            await asyncio.sleep(0)
        self.requests += 1
        _, _, after = request.query.partition("page=")
        number = int(after or 0)
        links = {"Link": f'<?page={number + 1}>; rel="next"'} if number + 1 < len(PAGES) else {}
        headers = CIMultiDictProxy(CIMultiDict(links))
        return request.read(Response(200, headers, json.dumps(PAGES[number]).encode()))


def listing(responses: Responses) -> Pager[Vehicle]:
    return Pager(cast("Session", responses), list_request(Vehicle, "/vehicles"))


async def nothing() -> None:
    """Clean nothing up."""


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    thread = LoopThread(nothing, "unclosed")
    yield thread
    thread.close()


def names(entries: list[Any]) -> list[Any]:
    """Return the ids of vehicles, the places of errors, and lists of both for pages."""
    return [
        names([*entry.items, *entry.undecoded])
        if hasattr(entry, "undecoded")
        else entry.where
        if isinstance(entry, DecodeError)
        else entry.id
        for entry in entries
    ]


def consume(items: Iterator[Any], found: list[Any]) -> None:
    """Take all that is left of an iterator, through errors of items; an interrupt loses nothing here."""
    while True:
        try:
            for item in items:
                found.append(item)  # noqa: PERF402  one by one: it may be interrupted
        except DecodeError as error:
            found.append(error)
        else:
            return


def take(items: Iterator[Any], found: list[Any]) -> None:
    """Do the same with `next`, under a tracer."""
    while True:
        try:
            found.append(next(items))
        except DecodeError as error:
            found.append(error)
        except StopIteration:
            return


def lines(interrupt: Callable[[], None]) -> Any:
    """Return a tracer that calls a function at each line and return of the pager's code."""

    def trace(frame: FrameType, event: str, arg: object) -> Any:
        if frame.f_code.co_filename not in CODE:
            return None
        failing = event == "exception" or (event == "return" and arg is None)  # of an error under way
        if not failing:
            interrupt()
        return trace

    return trace


def opcodes(interrupt: Callable[[], None]) -> Any:
    def trace(frame: FrameType, event: str, _: object) -> Any:
        if frame.f_code.co_filename not in CODE:
            return None
        frame.f_trace_opcodes = True
        if event in ("call", "opcode"):
            interrupt()
        return trace

    return trace


def profile(interrupt: Callable[[], None]) -> Any:
    def report(frame: FrameType, event: str, arg: object) -> None:
        if frame.f_code.co_filename in CODE and not (event == "return" and arg is None):
            interrupt()

    return report


def interrupted_at(number: int, install: Callable[[Any], None], make: Any, work: Callable[[], None]) -> bool:
    """Run some work with an interrupt at one event; return whether there were so many events."""
    events = itertools.count()
    fired = False

    def interrupt() -> None:
        nonlocal fired
        if next(events) == number and not fired:
            fired = True
            raise Interrupted

    before = sys.gettrace()
    install(make(interrupt))
    try:
        work()
    except Interrupted:
        pass
    finally:
        install(before if install is sys.settrace else None)
    return fired


@pytest.mark.parametrize("take_all", [consume, take])
@pytest.mark.parametrize(
    ("install", "make"),
    [(sys.settrace, lines), (sys.settrace, opcodes), (sys.setprofile, profile)],
    ids=["lines", "opcodes", "profile"],
)
def test_a_blocking_loop_interrupted_at_any_event_goes_on_where_it_was(
    install: Callable[[Any], None], make: Any, take_all: Any, loop: LoopThread
) -> None:
    for number in itertools.count():
        responses, found = Responses(), list[Any]()
        items = BlockingPager(listing(responses), loop)
        fired = interrupted_at(number, install, make, lambda: take_all(items, found))  # noqa: B023  called at once
        take_all(items, found)
        assert names(found) == EXPECTED, number
        assert responses.requests <= len(PAGES) + 1
        if not fired:
            assert number > 15
            return


@pytest.mark.parametrize("make", [lines, opcodes])
def test_blocking_pages_interrupted_at_any_event_go_on_where_they_were(make: Any, loop: LoopThread) -> None:
    for number in itertools.count():
        responses, found = Responses(), list[Any]()
        pages = BlockingPager(listing(responses), loop).pages()
        fired = interrupted_at(number, sys.settrace, make, lambda: consume(pages, found))  # noqa: B023  called at once
        consume(pages, found)
        assert names(found) == [["a", "b"], [], ["c", "d", "$[1]"], ["e"]], number
        if not fired:
            assert number > 15
            return


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="Windows has no timers by signal")
def test_a_blocking_loop_interrupted_by_signals_goes_on_where_it_was(
    loop: LoopThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "unraisablehook", id)  # an interrupt in a weak reference's callback is none for the caller

    def handler(_: int, __: FrameType | None) -> None:
        raise Interrupted

    seed = random.Random(7)
    before = signal.signal(signal.SIGALRM, handler)
    hits = 0
    try:
        for _ in range(100):
            items, found = BlockingPager(listing(Responses()), loop), list[Any]()
            for _ in range(3):
                try:
                    signal.setitimer(signal.ITIMER_REAL, seed.uniform(1e-6, 2e-3))
                    consume(items, found)
                    signal.setitimer(signal.ITIMER_REAL, 0)
                except Interrupted:
                    hits += 1
            consume(items, found)
            assert names(found) == EXPECTED
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert hits


@pytest.mark.parametrize("pages", [False, True])
async def test_an_async_loop_cancelled_at_any_turn_goes_on_where_it_was(*, pages: bool) -> None:
    async def consume(items: Any, found: list[Any]) -> None:
        while True:
            try:
                async for item in items:
                    found.append(item)
                    await asyncio.sleep(0)
            except DecodeError as error:
                found.append(error)
            else:
                return

    for turns in itertools.count():
        responses, found = Responses(), list[Any]()
        pager = listing(responses)
        items: Any = pager.pages() if pages else aiter(pager)
        task = asyncio.create_task(consume(items, found))
        for _ in range(turns):
            await asyncio.sleep(0)
        done = task.done()
        task.cancel()
        await asyncio.wait([task])
        await consume(items, found)
        assert names(found) == ([["a", "b"], [], ["c", "d", "$[1]"], ["e"]] if pages else EXPECTED), turns
        assert responses.requests <= len(PAGES) + 1
        if done:
            assert turns > 10
            return


async def test_a_cancelled_consumer_holds_up_no_other() -> None:
    items: Any = aiter(listing(Responses()))
    first, second = (asyncio.create_task(anext(items)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).id == "a"
    assert [vehicle.id for vehicle in [await anext(items) for _ in range(2)]] == ["b", "c"]


def test_a_listing_goes_on_on_another_loop() -> None:
    items: Any = aiter(listing(Responses()))

    async def cut() -> None:
        task = asyncio.ensure_future(anext(items))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not task.done()

    async def rest() -> list[str]:
        found: list[Any] = []
        while True:
            try:
                found += [vehicle.id async for vehicle in items]
            except DecodeError:
                continue
            else:
                return found

    asyncio.run(cut())
    found = asyncio.run(rest())
    assert found[-1] == "e"


def test_a_page_that_failed_is_requested_again(loop: LoopThread) -> None:
    class Failing(Responses):
        async def send(self, request: Request[Any]) -> Any:
            if request.query and self.requests == 1:
                self.requests += 1
                raise TransportError("lost")
            return await super().send(request)

    items: BlockingPager[Vehicle] = BlockingPager(listing(Failing()), loop)
    assert names([next(items), next(items)]) == ["a", "b"]
    with pytest.raises(TransportError):
        next(items)
    assert next(items).id == "c"
