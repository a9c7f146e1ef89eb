"""Run of the command: from its arguments to the exit code, with one line for each error."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from evenergy.errors import EvEnergyError

from .context import PipeClosedError, Settings
from .errors import Exit, exit_code, line
from .main import command
from .words import say


def run(arguments: Sequence[str]) -> int:
    """Run the command, and return its exit code."""
    settings = Settings()
    try:
        code = command().main(list(arguments), prog_name="evenergy", standalone_mode=False, obj=settings)
        sys.stdout.flush()
    except (KeyboardInterrupt, click.Abort):
        return Exit.INTERRUPTED
    except click.ClickException as error:
        say(error.format_message())
        return error.exit_code
    except EvEnergyError as error:
        say(line(error))
        return _told(settings, error)
    except (BrokenPipeError, PipeClosedError):
        return _pipe_closed()
    return code if isinstance(code, int) else Exit.DONE


def _told(settings: Settings, error: EvEnergyError) -> int:
    """Write the error as JSON where JSON was requested, and return the exit code."""
    try:
        settings.write_error(error)
        sys.stdout.flush()
    except BrokenPipeError:
        return _pipe_closed()
    return exit_code(error)


def _pipe_closed() -> int:
    """Let the interpreter flush into nothing when it ends, so that it has nothing to complain about."""
    with open(os.devnull, "wb") as nothing:  # noqa: PTH123  a descriptor is needed
        os.dup2(nothing.fileno(), sys.stdout.fileno())
    return Exit.PIPE_CLOSED
