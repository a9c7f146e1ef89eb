"""Options of every command, and the client that they make."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import shutil
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs
import click

from evenergy.errors import EvEnergyError

from .interrupts import run_async
from .nearest import NearGroup
from .numbers import grouped
from .times import Duration
from .words import say

if TYPE_CHECKING:
    from evenergy import AsyncClient, Attempt, Budget, RateLimit
    from evenergy.sandbox import Sandbox

    from .memory import Memory
    from .output import Output, Shape
    from .progress import Progress

T = TypeVar("T")

_SANDBOX_DAYS: Final = 7
"""Days of history that the sandbox of ``--sandbox`` has."""

_SLACK: Final = timedelta(minutes=5)  # that the start of a sandbox takes at most

SHARED_ELSEWHERE: Final = "evenergy.cli.shared_elsewhere"
"""Key of a context's ``meta`` with which the help leaves out the options that all commands share."""


class PipeClosedError(Exception):
    """Reader of standard output that went away."""


@attrs.define
class Settings:
    """Options that all commands share, before or behind the name of the command.

    Attributes:
        sandbox: Whether a sandbox is started for this command.
        profile: The name of the profile whose credentials are used, or None.
        user: The user to act as, or None.
        base_url: The base URL of the API, or None for that of the environment, the profile, or the API's own.
        max_wait: How long a request may wait for the rate limit; `timedelta.max` for ever.
        budget: The place of a budget that processes share, or None for that of the environment.
        format: ``json``, ``jsonl``, ``csv``, or None for a table.
        fields: The columns to print, or None for those that the command chose.
        quiet: Whether nothing but errors goes to standard error.
        debug: Whether each attempt of a request is printed.
        output: The output that the command has begun, or None.
        said: The error that is on standard error already, or None.
    """

    sandbox: bool = False
    profile: str | None = None
    user: str | None = None
    base_url: str | None = None
    max_wait: timedelta = timedelta(seconds=60)
    budget: str | None = None
    format: str | None = None
    fields: list[str] | None = None
    quiet: bool = False
    debug: bool = False
    output: Output[Any] | None = None
    said: EvEnergyError | None = None

    def run(self, main: Callable[[App], Coroutine[Any, Any, T]], *, anonymous: bool = False) -> T:
        """Run a coroutine function with the open client.

        Args:
            main: The function.
            anonymous: Whether the API needs no credentials for it.

        Raises:
            SignInError: There are no credentials, and they are needed.
        """
        return run_async(self._with_client(main, anonymous=anonymous))

    async def _with_client(self, main: Callable[[App], Awaitable[T]], *, anonymous: bool) -> T:
        async with connected(self, anonymous=anonymous) as app:
            return await main(app)

    def use_json(self) -> None:
        """Print JSON unless another format was requested."""
        self.format = self.format or "json"

    def begin(self, output: Output[Any]) -> None:
        """Take over the output that the command begins."""
        self.output = output

    def say(self, error: EvEnergyError, message: str) -> None:
        """Write an error to standard error before the command ends; the end does not repeat it."""
        self.said = error
        say(message)

    def note(self, message: str) -> None:
        """Write a line to standard error, unless ``--quiet`` was given."""
        if not self.quiet:
            click.echo(message, err=True)

    def write_error(self, error: EvEnergyError) -> None:
        """Write an error to standard output, where JSON was requested, with what came before it."""
        if self.format in {"json", "jsonl"}:
            from .output import write_error

            write_error(self.format, self.output, error)


@attrs.define
class App:
    """Open client of a command, and what it has spent.

    Attributes:
        settings: The options.
        client: The client.
        sandbox: The sandbox of ``--sandbox``, or None.
        spent: The requests spent so far.
        memory: What earlier runs have learnt, or None with ``--sandbox``.
    """

    settings: Settings
    client: AsyncClient
    sandbox: Sandbox | None
    spent: Spent
    memory: Memory | None = None

    def output(self, shape: Shape[T], *, vertical: bool = False, streams: bool = False) -> Output[T]:
        """Return the output for values of a form."""
        from .output import Output

        return Output(self.settings, shape, vertical=vertical, streams=streams)

    def progress(self, noun: str, total: int | None = None) -> Progress:
        """Return the progress of what is counted, such as ``vehicles``."""
        from .progress import Progress

        return Progress(self, noun, total)

    def wait(self) -> float:
        """Return the seconds for which requests wait for the rate limit now; 0 where none waits."""
        limiter = self.client._session.credentials.limiter  # noqa: SLF001  no public property has it
        return limiter.wait_estimate(asyncio.get_running_loop().time()) if limiter.queued else 0.0

    def check_history(self, since: datetime | None) -> None:
        """Say how far the history of ``--sandbox`` goes back, where older data is requested."""
        begins = datetime.now(UTC) - timedelta(days=_SANDBOX_DAYS)
        if self.sandbox is not None and since is not None and since < begins - _SLACK:
            self.settings.note(
                f"note: the data of --sandbox begins {_SANDBOX_DAYS} days ago, at {begins:%Y-%m-%d %H:%M} UTC; there is"
                " none before that"
            )

    def ended(self, brought: str) -> None:
        """Write the last line: what a command brought, spent and left. Only at a terminal."""
        if sys.stderr.isatty():
            line = f"{brought} · {self.spent.words()}"
            fits = len(line) <= shutil.get_terminal_size().columns
            self.settings.note(line if fits else line.replace(" · ", "\n").replace(", ", "\n"))


@attrs.define
class Spent:
    """Requests that a command has spent.

    Attributes:
        requests: Attempts that were sent.
        rate_limit: The rate limit as the API last reported it, or None.
        debug: Whether each attempt is printed.
    """

    requests: int = 0
    rate_limit: RateLimit | None = None
    debug: bool = False

    def count(self, attempt: Attempt) -> None:
        """Count an attempt."""
        self.requests += 1
        self.rate_limit = attempt.rate_limit or self.rate_limit
        if self.debug:
            click.echo(_described(attempt), err=True)

    def words(self) -> str:
        """Return what was spent and what is left, such as ``3 requests spent, 997 left of the hour``."""
        noun = "request" if self.requests == 1 else "requests"
        left = "" if self.rate_limit is None else f", {grouped(self.rate_limit.remaining)} left of the hour"
        return f"{self.requests} {noun} spent{left}"


def _described(attempt: Attempt) -> str:
    outcome = str(attempt.status) if attempt.error is None else f"no response ({attempt.error})"
    waited = f", waited {attempt.waited:.1f} s for the rate limit" if attempt.waited else ""
    left = "" if attempt.rate_limit is None else f", {attempt.rate_limit.remaining} of {attempt.rate_limit.limit} left"
    return (
        f"attempt {attempt.number}: {attempt.method} {attempt.url} → {outcome} in {attempt.seconds:.2f} s{waited}{left}"
    )


@contextlib.asynccontextmanager
async def connected(settings: Settings, *, anonymous: bool = False) -> AsyncGenerator[App]:
    """Open the client that the options describe.

    Raises:
        SignInError: There are no credentials, and they are needed.
    """
    from evenergy import AsyncClient

    gc.enable()
    spent = Spent(debug=settings.debug)
    max_wait = None if settings.max_wait == timedelta.max else settings.max_wait.total_seconds()
    if settings.sandbox:
        async with _sandbox() as sandbox:
            from evenergy import ClientCredentials

            of_sandbox = ClientCredentials(sandbox.client_id, sandbox.client_secret)
            async with AsyncClient(
                of_sandbox,
                base_url=sandbox.base_url,
                max_wait=max_wait,
                on_attempt=spent.count,
                budget=None if settings.budget is None else _budget(settings.budget),
            ) as client:
                # The environment may name a user, whom the sandbox does not know.
                yield App(settings, client.with_options(user=settings.user), sandbox, spent)
        return
    from .account_client import account_client

    async with account_client(settings, max_wait, spent.count, anonymous=anonymous) as (client, memory):
        yield App(settings, client, None, spent, memory)


def _sandbox() -> Sandbox:
    from evenergy.sandbox import Sandbox

    return Sandbox(days=_SANDBOX_DAYS)


def _budget(place: str) -> Budget:
    from .budget_option import budget_from

    return budget_from(place)


class SharedOption(click.Option):
    """Option that all commands share: its value goes to `Settings`.

    Args:
        declarations: The names.
        section: The heading below which the help lists it.
        attribute: The attribute of `Settings`.
        more: As for `click.Option`.
    """

    def __init__(self, declarations: list[str], *, section: str, attribute: str, **more: Any) -> None:
        self.section = section
        self.attribute = attribute
        super().__init__(declarations, expose_value=False, callback=_store, **more)


def _store(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    if not isinstance(param, SharedOption) or value in (None, False):
        return
    settings = ctx.ensure_object(Settings)
    if param.attribute == "format":
        value = (param.name or "").removeprefix("as_")
        if settings.format not in (None, value):
            raise click.UsageError(f"--{settings.format} and --{value} exclude each other: give one")
    elif param.attribute == "fields":
        value = [name for name in map(str.strip, str(value).split(",")) if name]
    setattr(settings, param.attribute, value)


def options() -> list[click.Parameter]:
    """Return the options that all commands share."""
    return [*output_options(), *connection_options()]


def output_options() -> list[click.Parameter]:
    """Return the options that say how data is printed."""
    section = "Output"

    def form(name: str, text: str) -> SharedOption:
        return SharedOption([f"--{name}", f"as_{name}"], section=section, attribute="format", is_flag=True, help=text)

    return [
        form("json", "Print one JSON document."),
        form("jsonl", "Print a line of JSON for each item, as it comes."),
        form("csv", "Print CSV with a heading."),
        SharedOption(
            ["--fields"],
            section=section,
            attribute="fields",
            metavar="A,B",
            help="Print these fields only, in this order; --csv has their names.",
        ),
        SharedOption(
            ["-q", "--quiet"], section=section, attribute="quiet", is_flag=True, help="Print data and errors only."
        ),
    ]


def connection_options() -> list[click.Parameter]:
    """Return the options that say which API is used, and for whom."""
    section = "Connection"
    return [
        SharedOption(
            ["--sandbox"],
            section=section,
            attribute="sandbox",
            is_flag=True,
            help="Start a simulated API for this command; no credentials.",
        ),
        SharedOption(
            ["--profile"],
            section=section,
            attribute="profile",
            metavar="NAME",
            help="Use the credentials of a profile.",
        ),
        SharedOption(["--user"], section=section, attribute="user", metavar="ID", help="Act as this user."),
        SharedOption(
            ["--base-url"], section=section, attribute="base_url", metavar="URL", help="Use the API at this URL."
        ),
        SharedOption(
            ["--max-wait"],
            section=section,
            attribute="max_wait",
            type=Duration(forever=True),
            metavar="TIME",
            help="Wait so long for the rate limit, or forever.  [default: 60s]",
        ),
        SharedOption(
            ["--debug"], section=section, attribute="debug", is_flag=True, help="Print each attempt of a request."
        ),
    ]


class ClientCommand(click.Command):
    """Command with the options that all share, in sections of their own."""

    def __init__(self, name: str | None, *, params: list[click.Parameter] | None = None, **more: Any) -> None:
        super().__init__(name, params=[*(params or []), *options()], **more)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options by section."""
        format_options(self, ctx, formatter)


class LocalCommand(click.Command):
    """Command that sends nothing, with the options for output alone."""

    def __init__(self, name: str | None, *, params: list[click.Parameter] | None = None, **more: Any) -> None:
        super().__init__(name, params=[*(params or []), *output_options()], **more)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options by section."""
        format_options(self, ctx, formatter)


class ClientGroup(NearGroup):
    """Group of commands with the options that all share."""

    def __init__(self, name: str | None, *, params: list[click.Parameter] | None = None, **more: Any) -> None:
        super().__init__(name, params=[*(params or []), *options()], **more)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options by section, and the commands."""
        format_options(self, ctx, formatter)
        self.format_commands(ctx, formatter)


def format_options(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Write the options of a command by section."""
    sections: dict[str, list[tuple[str, str]]] = {"Options": [], "Output": [], "Connection": []}
    for param in command.get_params(ctx):
        record = param.get_help_record(ctx) if isinstance(param, click.Option) else None
        if record is not None:
            sections[param.section if isinstance(param, SharedOption) else "Options"].append(record)
    for name, rows in sections.items():
        if rows and (name == "Options" or SHARED_ELSEWHERE not in ctx.meta):
            with formatter.section(name):
                formatter.write_dl(rows)
