"""Run of the command: from its arguments to the exit code, with one line for each error."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from evenergy.errors import EvEnergyError

from . import stdout
from .context import PipeClosedError, Settings
from .errors import Exit, exit_code, line
from .main import command
from .nearest import in_words
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
        say(in_words(error))
        return error.exit_code
    except EvEnergyError as error:
        if error is not settings.said:
            say(line(error))
        return _told(settings, error)
    except (OSError, PipeClosedError) as error:
        return _not_written(error)
    return code if isinstance(code, int) else Exit.DONE


def _told(settings: Settings, error: EvEnergyError) -> int:
    """Write the error as JSON where JSON was requested, and return the exit code."""
    try:
        settings.write_error(error)
        sys.stdout.flush()
    except OSError as unwritten:
        return _not_written(unwritten)
    return exit_code(error)


def _not_written(error: OSError | PipeClosedError) -> int:
    """Return the exit code where standard output could not be written; any other error is raised again."""
    if not isinstance(error, OSError):
        return stdout.ended(BrokenPipeError())
    found = stdout.cause(error)
    if found is None:
        raise error
    return stdout.ended(found)
