"""Question before something is changed."""

from __future__ import annotations

import sys
from typing import Final

import click

YES: Final = click.Option(["-y", "--yes"], is_flag=True, help="Do it without a question.")


def confirm(question: str, *, yes: bool) -> None:
    """Ask whether to go on, and end the command after a no.

    Raises:
        click.UsageError: Nobody is there to answer, and ``--yes`` was not given.
        click.ClickException: The answer was no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"nobody can answer here: {question} Give --yes to do it without a question")
    if not click.confirm(question, err=True):
        raise click.ClickException("nothing was changed")
