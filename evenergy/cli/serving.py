"""Parts of the commands that serve until Ctrl-C."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress

import click


def terminated() -> asyncio.Event:
    """Return an event that SIGTERM sets, so that the command ends in the usual way."""
    event = asyncio.Event()
    with suppress(NotImplementedError):  # on Windows nobody sends it
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, event.set)
    return event


def cannot_listen(place: str, error: OSError) -> click.ClickException:
    """Return the error of a command that cannot listen at a place, such as ``port 8100``."""
    # The message of the error itself names the port as a Python tuple; that of a name look-up has a number below 0.
    has_number = error.errno is not None and error.errno > 0
    reason = os.strerror(error.errno) if has_number and error.errno else error.strerror or str(error)
    return click.ClickException(f"cannot listen on {place}: {reason}")
