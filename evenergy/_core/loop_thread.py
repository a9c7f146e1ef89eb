"""Event loop of a blocking client and of its views, in a thread of its own."""

import sys
import weakref
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from evenergy.errors import ClosedError, EvEnergyError

from .wakers import process
from .worker import Worker

P = ParamSpec("P")
R = TypeVar("R")


class LoopThread:
    """Event loop of a blocking client and of its views: started by the first call, and anew in a forked child."""

    def __init__(self, cleanup: Callable[[], Coroutine[Any, Any, None]], unclosed: str) -> None:
        self._cleanup, self._unclosed = cleanup, unclosed
        self._workers: dict[object, tuple[Worker, weakref.finalize[..., Any]]] = {}
        self._is_closed = False

    def run(self, function: Callable[P, Coroutine[Any, Any, R]], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a coroutine function on the loop, and block until it has ended."""
        return self.worker().call(function, *args, **kwargs)

    def close(self) -> None:
        """End the loop and its thread. It may be called anywhere, also in a signal handler."""
        self._is_closed = True
        worker, finalizer = self._workers.get(process[0]) or (None, None)
        if worker is not None and finalizer is not None:
            worker.end()
            finalizer.detach()
            worker.join()

    def worker(self) -> Worker:
        """Return the worker that runs the calls of this process.

        Raises:
            ClosedError: The client is closed.
            EvEnergyError: A library has replaced the threads of Python by its own.
        """
        found = self._workers.get(process[0])
        return self._make() if found is None or self._is_closed else found[0]

    def _make(self) -> Worker:
        if self._is_closed:
            raise ClosedError("the client is closed; make a new one")
        made_in = process[0]
        _check_threads()
        worker = Worker(self._cleanup)
        finalizer = weakref.finalize(self, worker.drop, self._unclosed)  # when the client is collected, or at exit
        worker, first = self._workers.setdefault(made_in, (worker, finalizer))  # another thread may have been first
        if first is not finalizer:
            finalizer.detach()
        if self._is_closed:  # looked at behind the table, as `close` looks at the table behind it
            worker.end()
            raise ClosedError("the client is closed; make a new one")
        return worker


def loop_of(resource: object) -> LoopThread | None:
    """Return the event loop of a resource, or None for one of an `AsyncClient`."""
    loop: LoopThread | None = getattr(resource, "_loop", None)
    return loop


def _check_threads() -> None:
    """Raise where a caller that waits would hold up the loop, since both run in one thread of the system."""
    for module, function, parts in (
        ("gevent.monkey", "is_module_patched", ("threading", "select")),
        ("eventlet.patcher", "is_monkey_patched", ("thread", "select")),
    ):
        is_patched: Callable[[str], bool] | None = getattr(sys.modules.get(module), function, None)
        if is_patched is not None and any(map(is_patched, parts)):
            raise EvEnergyError(
                f"Client needs real threads, and {module.partition('.')[0]} has replaced them: leave {parts[0]} and"
                f" {parts[1]} unpatched, or use evenergy in a process that is not patched"
            )
