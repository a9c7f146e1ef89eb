"""Run of a coroutine that Ctrl-C ends at once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

T = TypeVar("T")

_PATIENCE: Final = 1.0  # seconds after Ctrl-C in which connections may close


def run_async(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine. Ctrl-C cancels it, and ends the process a second later where something holds it up.

    Raises:
        KeyboardInterrupt: Ctrl-C ended it.
    """
    return asyncio.run(_interruptible(main))


async def _interruptible(main: Coroutine[Any, Any, T]) -> T:
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(main)
    interrupted = False

    def interrupt() -> None:
        nonlocal interrupted
        interrupted = True
        task.cancel()
        loop.call_later(_PATIENCE, os._exit, 130)  # a name look-up that hangs would hold up the end

    with contextlib.suppress(NotImplementedError):  # Windows: asyncio's own handler has to do
        loop.add_signal_handler(signal.SIGINT, interrupt)
    try:
        return await task
    except asyncio.CancelledError:
        if interrupted:
            raise KeyboardInterrupt from None
        raise
