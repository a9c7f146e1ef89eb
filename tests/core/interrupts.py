"""Signal handlers at every point where Python may run one: ``python -m tests.core.interrupts SCENARIO WAKER``.

Python runs the handler of a signal in the main thread between two instructions: after a call, at the beginning of a
function, and at the jump back of a loop. A scenario repeats an action, and runs the handler at the first of these
points, then at the second, and so on, until the action completes before the point is reached.
"""

import asyncio
import dis
import faulthandler
import functools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import Any, Self, cast

from evenergy import ClosedError, EvEnergyError
from evenergy._core import wakers
from evenergy._core.blocking import BlockingFanOut, blocking_fan_out
from evenergy._core.fan_out import Outcome
from evenergy._core.item_method import ItemMethod
from evenergy._core.loop_thread import LoopThread
from evenergy._core.resource import Blocking, Resource, coroutine

LIMIT = 100.0  # seconds for a scenario: one that takes longer hangs
PROMPT = 3.0  # seconds for `close`: less than any of its waits that ends without success
ITEMS = ["a", "b", "c"]


class Stop(BaseException):
    """The exception of a handler, as KeyboardInterrupt or that of a time limit."""


@functools.cache
def interruptible(code: CodeType) -> frozenset[int]:
    """Return the offsets of the instructions before which a handler may run."""
    found: set[int] = set()
    behind = False
    for instruction in dis.get_instructions(code):
        if behind:
            found.add(instruction.offset)
        name = instruction.opname
        behind = name == "RESUME" or name.startswith("CALL")
        if name.startswith("JUMP_BACKWARD"):
            found.add(int(instruction.argval))
    return frozenset(found)


class Interrupt:
    """Handler that runs once, at the n-th point of what this thread does within the block."""

    def __init__(self, point: int, handler: Callable[[], object]) -> None:
        self.has_run = False
        self._left = point
        self._handler = handler

    def __enter__(self) -> Self:
        sys.settrace(self._trace)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _trace(self, frame: FrameType, event: str, _: object) -> Any:
        if self.has_run or frame.f_code.co_name == "__exit__":
            return None
        frame.f_trace_opcodes = True
        if event == "opcode" and frame.f_lasti in interruptible(frame.f_code) and not _in_finalizer(frame):
            self._left -= 1
            if self._left < 0:
                self.has_run = True
                sys.settrace(None)
                self._handler()
        return self._trace


def _in_finalizer(frame: FrameType | None) -> bool:
    """Return whether Python would swallow an exception."""
    while frame is not None:
        if frame.f_code.co_name in ("__del__", "_remove"):  # the latter of a WeakSet
            return True
        frame = frame.f_back
    return False


def every_point(handler: Callable[[], object], action: Callable[[], object]) -> Iterator[BaseException | object]:
    """Yield the result or error of an action for each point of it at which the handler runs."""
    for point in range(100_000):
        interrupt = Interrupt(point, handler)
        try:
            with interrupt:
                result: BaseException | object = action()
        except BaseException as error:  # noqa: BLE001  the scenario judges it
            result = error.with_traceback(None)
        if not interrupt.has_run:
            assert point > 10, f"only {point} points"
            print(point, "points")  # noqa: T201  for the test that reads it
            return
        yield result


class Calls:
    """Coroutines that know how many of them run."""

    def __init__(self) -> None:
        self.running = 0

    async def echo(self, item: object) -> object:
        """Return the item, some turns of the loop later."""
        self.running += 1
        try:
            for _ in range(3):
                await asyncio.sleep(0)
            return item
        finally:
            self.running -= 1

    async def still_running(self) -> int:
        """Return how many run, and check that no other task does."""
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        assert not [task for task in tasks if "_serve" not in repr(task)], tasks
        return self.running


async def nothing() -> None:
    """Do nothing."""


def new_loop() -> LoopThread:
    return LoopThread(nothing, "unclosed")


def raise_stop(_: object = None) -> None:
    raise Stop


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]


def wait_for_threads() -> None:
    """Wait until all threads have ended."""
    until = time.monotonic() + PROMPT
    while threads() and time.monotonic() < until:
        time.sleep(0.001)
    assert not threads()


def closed_in_time(loop: LoopThread) -> None:
    """Close, as the handler of SIGTERM does."""
    began = time.monotonic()
    loop.close()
    assert time.monotonic() - began < PROMPT


def exception_in_a_call() -> None:
    loop, calls = new_loop(), Calls()
    loop.run(nothing)
    for result in every_point(raise_stop, lambda: loop.run(calls.echo, 1)):
        assert isinstance(result, Stop), result
        assert loop.run(calls.still_running) == 0
        assert loop.run(calls.echo, 2) == 2
    closed_in_time(loop)


def exception_in_the_first_call() -> None:
    calls = Calls()
    made: list[LoopThread] = []

    def first() -> object:
        made.append(new_loop())
        return made[-1].run(calls.echo, 1)

    for result in every_point(raise_stop, first):
        assert isinstance(result, Stop), result
        loop = made.pop() if made else new_loop()
        assert loop.run(calls.still_running) == 0
        assert loop.run(calls.echo, 2) == 2
        closed_in_time(loop)
        wait_for_threads()
    closed_in_time(made.pop())


def exception_in_close() -> None:
    for loop, result in _after_each_point(raise_stop, lambda loop: loop.close()):
        assert isinstance(result, Stop), result
        closed_in_time(loop)


def close_in_a_call() -> None:
    calls = Calls()
    for loop, result in _after_each_point(closed_in_time, lambda loop: loop.run(calls.echo, 1)):
        assert result == 1 or isinstance(result, ClosedError), result
        assert _is_closed(loop)


def close_in_the_first_call() -> None:
    calls = Calls()
    for loop, result in _after_each_point(closed_in_time, lambda loop: loop.run(calls.echo, 1), starts=False):
        assert result == 1 or isinstance(result, ClosedError), result
        assert _is_closed(loop)


def close_in_close() -> None:
    for _, result in _after_each_point(closed_in_time, lambda loop: loop.close()):
        assert result is None, result


def call_in_a_call() -> None:
    calls = Calls()

    def call(loop: LoopThread) -> None:
        assert loop.run(calls.echo, 2) == 2

    for starts in (True, False):
        for loop, result in _after_each_point(call, lambda loop: loop.run(calls.echo, 1), starts=starts):
            assert result == 1, result
            closed_in_time(loop)


def fork_in_a_call() -> None:
    calls = Calls()
    children: list[int] = []

    def fork(_: LoopThread) -> None:
        children.append(os.fork())

    for starts in (True, False):
        for loop, result in _after_each_point(fork, lambda loop: loop.run(calls.echo, 1), starts=starts):
            if children == [0]:
                _work_in_child(loop, calls, result)
            assert os.waitstatus_to_exitcode(os.waitpid(children.pop(), 0)[1]) == 0
            assert result == 1, result
            assert loop.run(calls.echo, 2) == 2
            closed_in_time(loop)


def exception_in_a_fan_out() -> None:
    loop, calls = new_loop(), Calls()
    loop.run(nothing)
    for result in every_point(raise_stop, lambda: list(fan_out(loop, calls))):
        assert isinstance(result, Stop), result
        assert loop.run(calls.still_running) == 0
        assert found(fan_out(loop, calls)) == ITEMS
    closed_in_time(loop)


def exception_in_a_fan_out_in_threads() -> None:
    loop, calls = new_loop(), Calls()
    loop.run(nothing)

    def work() -> list[Outcome[str, object]]:
        return list(fan_out_in_threads(loop, calls))

    for result in every_point(raise_stop, work):
        assert isinstance(result, Stop), result
        assert loop.run(calls.still_running) == 0
        assert found(fan_out_in_threads(loop, calls)) == ITEMS
    closed_in_time(loop)


def close_in_a_fan_out() -> None:
    for make in (fan_out, fan_out_in_threads):
        calls = Calls()
        work = functools.partial(_collected, make, calls)
        for loop, result in _after_each_point(closed_in_time, work):
            assert result == ITEMS or isinstance(result, ClosedError), result
            assert _is_closed(loop)


class Echo(Resource[Blocking]):
    """Resource whose method runs on the loop."""

    def __init__(self, loop: LoopThread, calls: Calls) -> None:
        super().__init__(cast("Any", None), loop)
        self._calls = calls

    @coroutine
    async def echo(self, item: str) -> object:
        """Return the item."""
        return await self._calls.echo(item)


def fan_out(loop: LoopThread, calls: Calls) -> BlockingFanOut[str, object]:
    """Return a fan-out whose method runs on the loop."""
    method = Echo(loop, calls).echo
    return blocking_fan_out(
        loop, method, ItemMethod(method, ITEMS, {}, is_ours=True), ITEMS, concurrency=2, on_progress=None
    )


def fan_out_in_threads(loop: LoopThread, calls: Calls) -> BlockingFanOut[str, object]:
    """Return a fan-out whose function runs in threads."""

    def echo(item: str) -> object:
        return loop.run(calls.echo, item)

    return blocking_fan_out(
        loop, echo, ItemMethod(echo, ITEMS, {}, is_ours=False), ITEMS, concurrency=2, on_progress=None
    )


def found(outcomes: BlockingFanOut[str, object]) -> list[str]:
    return sorted(map(str, (outcome.unwrap() for outcome in outcomes)))


def _collected(
    make: Callable[[LoopThread, Calls], BlockingFanOut[str, object]], calls: Calls, loop: LoopThread
) -> object:
    outcomes = list(make(loop, calls))
    errors = [outcome.error for outcome in outcomes if outcome.error is not None]
    return errors[0] if errors else sorted(outcome.item for outcome in outcomes)


def _after_each_point(
    handler: Callable[[LoopThread], object], action: Callable[[LoopThread], object], *, starts: bool = True
) -> Iterator[tuple[LoopThread, object]]:
    """Yield a loop of its own and the result for each point, and see that nothing of the loop is left."""
    loop = new_loop()

    def start() -> None:
        nonlocal loop
        loop = new_loop()
        if starts:
            loop.run(nothing)

    start()
    for result in every_point(lambda: handler(loop), lambda: action(loop)):
        yield loop, result
        wait_for_threads()
        start()
    closed_in_time(loop)


def _is_closed(loop: LoopThread) -> bool:
    try:
        loop.run(nothing)
    except ClosedError:
        return True
    return False


def _work_in_child(loop: LoopThread, calls: Calls, result: object) -> None:
    """End a forked child: with success, when the interrupted call ended and another one works."""
    code = 1
    try:
        assert result == 1 or isinstance(result, EvEnergyError), result
        assert loop.run(calls.echo, 2) == 2
        code = 0
    finally:
        os._exit(code)


SCENARIOS: dict[str, Callable[[], None]] = {
    scenario.__name__: scenario
    for scenario in (
        exception_in_a_call,
        exception_in_the_first_call,
        exception_in_close,
        close_in_a_call,
        close_in_the_first_call,
        close_in_close,
        call_in_a_call,
        fork_in_a_call,
        exception_in_a_fan_out,
        exception_in_a_fan_out_in_threads,
        close_in_a_fan_out,
    )
}

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    faulthandler.dump_traceback_later(LIMIT, exit=True)
    if "lock" in sys.argv[2:]:
        cast("dict[str, object]", os.__dict__).pop("eventfd", None)
        wakers._POLL = 0.01
    SCENARIOS[sys.argv[1]]()
