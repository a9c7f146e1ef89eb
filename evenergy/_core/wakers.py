"""Wakers, by which one thread wakes another, and what a fork does to them."""

import contextlib
import os
import threading
import weakref
from collections.abc import Callable
from typing import TypeAlias

process: list[object] = [object()]
"""Mark of this process. A forked child gets another, and so knows what it inherited."""

_POLL = 0.25  # seconds between two looks where there is no eventfd; Ctrl-C waits for it on Windows


class EventfdWaker:
    """Waker made of an eventfd. It gives up the GIL while it wakes: a lock wakes a thread that then waits for the GIL.

    A forked child shares the kernel's counter with its parent. So that neither takes the other's wake, the child gets
    a new counter under the same number. A handler may fork in the middle of any method, so the new counter is at one:
    nobody waits in the child for what happened in the parent.
    """

    def __init__(self) -> None:
        before = process[0]
        self._fd = os.eventfd(0, os.EFD_CLOEXEC)
        _eventfds.add(self)
        if before is not process[0]:
            self.renew()

    def fileno(self) -> int:
        """Return the descriptor that the loop watches."""
        return self._fd

    def wake(self) -> None:
        """Wake the thread that waits, or that will."""
        os.eventfd_write(self._fd, 1)

    def wait(self) -> None:
        """Wait until it is woken, or a signal handler has run: callers look whether there was a reason."""
        try:  # noqa: SIM105  a handler would run within `suppress`, and its error have this one for a context
            os.eventfd_read(self._fd)
        except InterruptedError:
            pass

    def renew(self) -> None:
        """Replace the counter in a forked child."""
        fresh = os.eventfd(1, os.EFD_CLOEXEC)
        os.dup2(fresh, self._fd, inheritable=False)
        os.close(fresh)

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        """Close the descriptor. At the end of the interpreter `os` may be None here, but not the default."""
        if hasattr(self, "_fd"):
            close(self._fd)


class LockWaker:
    """Waker made of a lock, where the system has no eventfd or none left. Its wait ends after a quarter of a second."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def wake(self) -> None:
        """Wake the thread that waits, or that will."""
        with contextlib.suppress(RuntimeError):  # it was woken before
            self._lock.release()

    def wait(self) -> None:
        """Wait until it is woken, or for a quarter of a second: callers look whether there was a reason."""
        self._lock.acquire(timeout=_POLL)


Waker: TypeAlias = EventfdWaker | LockWaker

_eventfds: "weakref.WeakSet[EventfdWaker]" = weakref.WeakSet()


def new_waker() -> Waker:
    """Return the fastest waker that the system has."""
    try:
        return EventfdWaker()
    except (AttributeError, OSError):
        return LockWaker()


def _after_fork() -> None:
    process[0] = object()
    for waker in list(_eventfds):
        waker.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
