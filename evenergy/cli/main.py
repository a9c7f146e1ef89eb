"""Entry point of the command `evenergy`, and the table of its commands; a command is imported when it is used."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from evenergy._version import VERSION

if TYPE_CHECKING:
    import click

EXTRA = 'pip install "evenergy[cli]"'


class Command(NamedTuple):
    """Row of the table of commands.

    Attributes:
        section: The heading below which ``evenergy --help`` lists it.
        target: The module within `evenergy.cli`, and the `click.Command` in it.
        summary: One line for the list.
    """

    section: str
    target: str
    summary: str


READING, FLEET, CHANGING, ACCOUNT, TRYING, MORE = "Reading", "Fleet", "Changing", "Account", "Trying it out", "More"

COMMANDS: Final[dict[str, Command]] = {
    "fleet": Command(READING, "fleet:fleet", "Show each vehicle with its newest log."),
    "vehicles": Command(READING, "vehicles:vehicles", "List, show or update vehicles."),
    "logs": Command(READING, "logs:logs", "Show what vehicles reported, and when."),
    "chargers": Command(READING, "chargers:chargers", "List chargers."),
    "sessions": Command(READING, "sessions:sessions", "List charging sessions, with their energy."),
    "users": Command(READING, "users:users", "List users."),
    "makes": Command(READING, "makes:makes", "List makes of vehicles; needs no credentials."),
    "models": Command(READING, "models:models", "List models of vehicles; needs no credentials."),
    "request": Command(READING, "request:request", "Send any request, and print its JSON."),
    "sync": Command(FLEET, "sync:sync", "Store each new log once, in a database."),
    "export": Command(FLEET, "export:export", "Write a database of logs as Parquet, by month."),
    "watch": Command(FLEET, "watch:watch", "Print changes of the fleet as they come."),
    "plan": Command(FLEET, "plan:plan", "Say what a schedule costs in requests; sends nothing."),
    "budget": Command(FLEET, "budget:budget", "Say what is left of the hour's requests, and who holds it."),
    "proxy": Command(FLEET, "proxy:proxy", "Give all programs of this machine one token and one budget."),
    "boost": Command(CHANGING, "boost:boost", "Start or end a boost: charge now."),
    "login": Command(ACCOUNT, "login:login", "Sign in, and keep the credentials in a profile."),
    "logout": Command(ACCOUNT, "login:logout", "Revoke the token of a profile, and delete the profile."),
    "whoami": Command(ACCOUNT, "whoami:whoami", "Show the credentials in use; sends nothing."),
    "doctor": Command(ACCOUNT, "doctor.command:doctor", "Find out why requests fail, and say what to do."),
    "demo": Command(TRYING, "demo_command:demo", "Read a simulated fleet, and show it."),
    "sandbox": Command(TRYING, "sandbox:sandbox", "Serve a simulated API on this machine."),
    "record": Command(TRYING, "record:record", "Record your account without its data, and check against it."),
    "webhooks": Command(TRYING, "webhooks:webhooks", "Listen for webhooks, or trigger one in the sandbox."),
    "completion": Command(MORE, "completion:completion", "Print the script that completes commands in a shell."),
    "help": Command(MORE, "help:help_command", "Explain exit-codes, environment or formatting."),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command, and end the process.

    Args:
        arguments: None takes those of the process, which then ends at once: taking all modules apart first would cost
            as much as many a command.
    """
    try:
        code = _run(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:  # while modules were imported: a command that runs has its own end
        code = 130
    if arguments is not None:
        sys.exit(code)
    with contextlib.suppress(OSError):  # nobody reads them any more
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _run(arguments: Sequence[str]) -> int:
    if list(arguments) == ["--version"]:  # it needs nothing that would have to be imported
        return _write_version()
    gc.disable()  # until the client is open: imports leave nothing to collect, and looking for it costs a fifth of them
    try:
        from .run import run  # it needs the extra

        return run(arguments)
    except ModuleNotFoundError as error:
        if error.name not in {"click", "rich"}:
            raise
        print(f"evenergy: the command needs {error.name}, which is not installed: {EXTRA}", file=sys.stderr)
        return 1
    finally:
        gc.enable()


def _write_version() -> int:
    try:
        sys.stdout.write(f"evenergy {VERSION}\n")
        sys.stdout.flush()
    except OSError as error:
        from .stdout import ended  # --version imports nothing else

        return ended(error)
    return 0


def command() -> click.Group:
    """Return the command with all below it."""
    from .group import LazyGroup  # it needs the extra

    return LazyGroup(COMMANDS)
