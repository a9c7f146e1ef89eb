"""The command ``evenergy``: a demonstration, and the sandbox to work against."""

# pyright: reportPossiblyUnboundVariable=false
# What the extra brings is used by what `main` and `command` call, and `main` ends first when it is missing.

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal, NoReturn, cast

import attrs

from evenergy import EvEnergyError, to_dict
from evenergy.sandbox import Sandbox

from . import demo

if TYPE_CHECKING:
    import io

_missing: str | None = None  # what the extra would have brought
try:
    import click
    from rich import box
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.table import Table
    from rich.text import Text
except ModuleNotFoundError as _error:
    _missing = _error.name

_INTERRUPTED = 130  # what shells say of a command that Ctrl-C ended
_COLUMNS = 24  # of the sparkline, at most
_TAIL = 6  # characters of an id that tell vehicles of one fleet apart
_HOUR, _DAY = 60, 1440  # minutes
_LOW, _HALF = 20, 50  # percent
_ENDLESS = 100_000  # columns: no line of a pipe is cut


@attrs.frozen
class _Layout:
    """A form of the table.

    Attributes:
        headings: Those of all columns but the last.
        padding: Columns of the terminal between two columns of the table, beside the one that the box has.
        whole_id: Whether ids are whole.
    """

    headings: tuple[str, ...]
    padding: int
    whole_id: bool


_NAMES = "Make and model"
_PLAIN: Final = _Layout(
    ("Vehicle", _NAMES, "State of charge", "Plugged in", "Charging", "Power (kW)", "Last seen"), 2, whole_id=True
)
_WIDE: Final = _Layout(
    ("Vehicle", _NAMES, "Battery", "Plugged\nin", "Charging", "Power\n(kW)", "Last\nseen"), 1, whole_id=True
)
_MEDIUM: Final = attrs.evolve(_WIDE, whole_id=False)
_NARROW: Final = _Layout(("Vehicle", _NAMES, "SoC", "Plug", "Chg.", "kW", "Seen"), 0, whole_id=False)
_JUSTIFY: Final[tuple[Literal["left", "right"], ...]] = ("left", "left", "right", "left", "left", "right", "right")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command, and end the process.

    Args:
        arguments: None takes those of the process.
    """
    if _missing is not None:
        sys.exit(f'evenergy: the command needs {_missing}, which is not installed: pip install "evenergy[cli]"')
    try:
        sys.exit(command().main(arguments, prog_name="evenergy", standalone_mode=False))
    except (KeyboardInterrupt, click.Abort):
        sys.exit(_INTERRUPTED)
    except click.ClickException as error:
        _end(error.format_message(), error.exit_code)
    except EvEnergyError as error:
        _end(str(error), 1)


def command() -> click.Group:
    """Return the command with all below it; it is built here, as click need not be installed."""
    group = click.Group(
        "evenergy",
        help="A client for the ev.energy v2 API: see it at work, or work without credentials.",
        invoke_without_command=True,
        callback=_help,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    click.version_option(package_name="evenergy", message="%(prog)s %(version)s")(group)
    seed = _number("--seed", 0, 0, 2**32 - 1, "Seed of the fleet: the same seed gives the same fleet.")
    group.add_command(_demo_command(seed))
    group.add_command(_sandbox_command(seed))
    return group


def _demo_command(seed: click.Option) -> click.Command:
    return click.Command(
        "demo",
        callback=_demo,
        short_help="Read a simulated fleet, and show it.",
        help="Read the latest logs of a simulated fleet, all vehicles at once, and show them.",
        params=[
            _number("--vehicles", 25, 1, 100_000, "Vehicles of the fleet."),
            _number("--hours", 24, 1, 8760, "Hours of logs that are read."),
            seed,
            click.Option(["--json", "as_json"], is_flag=True, help="Write a JSON document instead of a table."),
        ],
    )


def _sandbox_command(seed: click.Option) -> click.Command:
    return click.Command(
        "sandbox",
        callback=_sandbox,
        short_help="Serve a simulated API on this machine.",
        help="Serve an API with a simulated fleet on this machine, until Ctrl-C.",
        params=[
            _number("--vehicles", 25, 0, 1_000_000, "Vehicles of the fleet."),
            _number("--days", 7, 1, 3650, "Days for which their logs go back."),
            seed,
            _number("--rate-limit", 1000, 1, 1_000_000_000, "Requests that are allowed in an hour."),
            _number("--port", 0, 0, 65_535, "Port to listen on; 0 takes a free one."),
            click.Option(["--webhook"], metavar="URL", callback=_web_url, help="URL to which to send signed webhooks."),
        ],
    )


def _number(name: str, default: int, low: int, high: int, text: str) -> click.Option:
    kind = click.IntRange(low, high)
    return click.Option([name], type=kind, default=default, show_default=True, metavar="N", help=text)


def _web_url(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.startswith(("http://", "https://")):
        raise click.BadParameter(f"expected a URL such as http://127.0.0.1:8080/webhooks, got {value!r}")
    return value


def _help() -> None:
    context = click.get_current_context()
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def _demo(vehicles: int, hours: int, seed: int, *, as_json: bool) -> None:
    report = _watched(vehicles, hours, seed)
    if as_json:
        click.echo(json.dumps(to_dict(report), indent=2))
    else:
        _show(report)
    failures = [row.error for row in report.vehicles if row.error is not None]
    if failures:
        raise click.ClickException(f"no logs of {_counted(len(failures), 'vehicle')}; the first: {failures[0]}")


def _watched(vehicles: int, hours: int, seed: int) -> demo.Report:
    """Gather the data, with a bar for those who wait at a terminal."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("Reading the logs", total=None)
        return asyncio.run(
            demo.run(vehicles, hours, seed, lambda done, _, total: progress.update(task, completed=done, total=total))
        )


def _show(report: demo.Report) -> None:
    cast("io.TextIOWrapper", sys.stdout).reconfigure(errors="replace")  # an old code page may have no blocks
    if sys.stdout.isatty():
        console = Console(highlight=False)
        console.print(_fitting(report, console))
        console.print(_summary(report.totals), style="dim")
    else:
        console = Console(highlight=False, force_terminal=False, color_system=None, width=_ENDLESS)
        console.print(_table(report, _PLAIN))
        console.print(_summary(report.totals))


def _fitting(report: demo.Report, console: Console) -> Table:
    """The table in the widest form that there is room for."""
    for layout in (_WIDE, _MEDIUM):
        table = _table(report, layout)
        if console.measure(table, options=console.options.update(width=_ENDLESS)).maximum <= console.width:
            return table
    return _table(report, _NARROW)


def _table(report: demo.Report, layout: _Layout) -> Table:
    table = Table(
        box=None if layout is _PLAIN else box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, layout.padding, 0, 0),
        header_style="" if layout is _PLAIN else "bold",
    )
    for heading, justify in zip(layout.headings, _JUSTIFY, strict=True):
        # Names may take two lines where there is no room; all else is short.
        table.add_column(heading, justify=justify, no_wrap=heading != _NAMES)
    table.add_column("Last hour" if report.hours == 1 else f"Last {report.hours} hours", no_wrap=True)
    for row in report.vehicles:
        table.add_row(*_cells(row, report.until, whole_id=layout.whole_id))
    return table


def _cells(row: demo.Row, now: datetime, *, whole_id: bool) -> list[Text]:
    names = " ".join(name for name in (row.make, row.model) if name)
    charge, watts = row.state_of_charge_percentage, row.charge_rate_watts
    return [
        Text(row.id if whole_id else f"…{row.id[-_TAIL:]}", "dim"),
        Text(names) if names else _unknown(),
        _unknown() if charge is None else Text(f"{charge}%", _charge_style(charge)),
        _answer(row.is_plugged_in),
        _answer(row.is_charging),
        _unknown() if watts is None else Text(f"{watts / 1000:.1f}", "" if watts else "dim"),
        _unknown() if row.last_seen is None else Text(_ago((now - row.last_seen).total_seconds())),
        Text(demo.sparkline(demo.condensed(row.state_of_charge_by_hour, _COLUMNS)), "cyan"),
    ]


def _unknown() -> Text:
    return Text("–", "dim")  # noqa: RUF001  a dash is what tables have where nothing is known


def _answer(value: bool | None) -> Text:
    if value is None:
        return _unknown()
    return Text("yes", "green") if value else Text("no", "dim")


def _charge_style(percentage: int) -> str:
    return "red" if percentage < _LOW else "yellow" if percentage < _HALF else "green"


def _ago(seconds: float) -> str:
    """A duration in at most four characters, which is what a narrow terminal has for it."""
    minutes = max(0, int(seconds // 60))
    if minutes < _HOUR:
        return f"{minutes}m"
    return f"{minutes // _HOUR}h" if minutes < 2 * _DAY else f"{minutes // _DAY}d"


def _summary(totals: demo.Totals) -> str:
    return (
        f"{_counted(totals.vehicles, 'vehicle')} · {_counted(totals.logs, 'log')} ·"
        f" {_counted(totals.requests, 'request')} spent,"
        f" {totals.requests_left} left · {totals.seconds:.2f} s"
    )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _sandbox(vehicles: int, days: int, seed: int, rate_limit: int, port: int, webhook: str | None) -> None:
    sandbox = Sandbox(vehicles, days, seed, rate_limit, port, webhook_url=webhook)
    asyncio.run(_serve(sandbox, port, sends_webhooks=webhook is not None))


async def _serve(sandbox: Sandbox, port: int, *, sends_webhooks: bool) -> None:
    ended = asyncio.Event()
    with suppress(NotImplementedError):  # on Windows nobody sends it
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    try:
        await sandbox.start()
    except OSError as error:
        # The message of the error names the port as a Python tuple.
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise click.ClickException(f"cannot listen on port {port}: {reason}") from error
    try:
        click.echo("unset EVENERGY_TOKEN EVENERGY_USER")  # they would go before what follows
        click.echo(f"export EVENERGY_BASE_URL={sandbox.base_url}")
        click.echo(f"export EVENERGY_CLIENT_ID={sandbox.client_id}")
        click.echo(f"export EVENERGY_CLIENT_SECRET={sandbox.client_secret}")
        if sends_webhooks:
            click.echo(f"export EVENERGY_WEBHOOK_SECRET={sandbox.webhook_secret}")
        # Not among the lines to copy, so that those can be sent to a file.
        click.echo(f"Serving {_counted(len(sandbox.vehicle_ids), 'vehicle')} until Ctrl-C.", err=True)
        await ended.wait()
    finally:
        await sandbox.close()


def _end(message: str, code: int) -> NoReturn:
    """Say what went wrong in one line, and end."""
    print(f"evenergy: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(code)
