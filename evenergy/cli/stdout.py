"""Standard output, and the end of a command where it cannot be written."""

from __future__ import annotations

import os
import sys
import traceback

from .words import say


class StdoutError(OSError):
    """Standard output that cannot be written, as on a full disk; a closed pipe is a `BrokenPipeError`."""


def write(text: str) -> None:
    """Write text to standard output, and flush it.

    Raises:
        BrokenPipeError: The reader went away.
        StdoutError: It could not be written for another reason.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise StdoutError(error.errno, error.strerror) from error


def cause(error: OSError) -> OSError | None:
    """Return the error of standard output, or None where an error came from elsewhere.

    A short text that `click.echo` could not write is still in the buffer, and a flush fails again; a long one is not.
    """
    if isinstance(error, BrokenPipeError | StdoutError) or _is_of_echo(error):
        return error
    try:
        sys.stdout.flush()
    except OSError as again:
        return again
    return None


def _is_of_echo(error: OSError) -> bool:
    """Return whether `click.echo` failed to write to standard output, as for the help of a command."""
    import click  # `evenergy --version` needs none of it

    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__) if frame.f_code is click.echo.__code__]
    return any(not frame.f_locals.get("err") for frame in frames)


def ended(error: OSError) -> int:
    """Say why standard output could not be written, unless its reader went away, and return the exit code."""
    from .errors import Exit  # `evenergy --version` needs none of it

    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())  # the interpreter flushes it when it ends, and would complain
    os.close(nothing)
    if isinstance(error, BrokenPipeError):
        return Exit.PIPE_CLOSED
    say(f"standard output could not be written: {error.strerror}")
    return Exit.FAILED
