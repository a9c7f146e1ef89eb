"""Command ``evenergy sandbox``."""

from __future__ import annotations

from datetime import timedelta

import click

from evenergy.sandbox import Sandbox

from .interrupts import run_async
from .numbers import counted, number_option
from .serving import cannot_listen, terminated
from .times import Duration


def _web_url(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.startswith(("http://", "https://")):
        raise click.BadParameter(f"expected a URL such as http://127.0.0.1:8080/webhooks, got {value!r}")
    return value


def _faults(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> list[tuple[int, int]]:
    """Return how many requests fail, and with which status."""
    found: list[tuple[int, int]] = []
    for value in values:
        times, _separator, status = value.partition(":")
        if not (times.isdecimal() and status.isdecimal() and int(times) > 0 and int(status) in range(400, 600)):
            raise click.BadParameter(f"expected a number of requests and a status from 400, as in 5:503, got {value!r}")
        found.append((int(times), int(status)))
    return found


@click.command(
    "sandbox",
    params=[
        number_option("--vehicles", 25, 0, 1_000_000, "Vehicles of the fleet."),
        number_option("--days", 7, 1, 3650, "Days for which their logs go back."),
        number_option("--seed", 0, 0, 2**32 - 1, "Seed of the fleet: the same seed gives the same fleet."),
        number_option("--rate-limit", 1000, 1, 1_000_000_000, "Requests that are allowed in an hour."),
        number_option("--port", 0, 0, 65_535, "Port to listen on; 0 takes a free one."),
        click.Option(["--webhook"], metavar="URL", callback=_web_url, help="URL to which to send signed webhooks."),
        click.Option(
            ["--fail"],
            metavar="N:STATUS",
            multiple=True,
            callback=_faults,
            help="Let the next N requests fail, as in 5:503; may be given again.",
        ),
        click.Option(
            ["--advance"],
            metavar="TIME",
            type=Duration(),
            help="Move the clock forward at the start, as in 3h: the fleet drives and charges meanwhile.",
        ),
    ],
)
def sandbox(
    vehicles: int,
    days: int,
    seed: int,
    rate_limit: int,
    port: int,
    webhook: str | None,
    fail: list[tuple[int, int]],
    advance: timedelta | None,
) -> None:
    """Serve an API with a simulated fleet on this machine, until Ctrl-C.

    It prints the variables that lead a client to it, to be copied into another terminal.
    """
    server = Sandbox(vehicles, days, seed, rate_limit, port, webhook_url=webhook)
    for times, status in fail:
        server.fail(times, status)
    if advance is not None:
        server.advance(seconds=advance.total_seconds())
    run_async(_serve(server, port, sends_webhooks=webhook is not None))


async def _serve(server: Sandbox, port: int, *, sends_webhooks: bool) -> None:
    ended = terminated()
    try:
        await server.start()
    except OSError as error:
        raise cannot_listen(f"port {port}", error) from error
    try:
        click.echo("unset EVENERGY_TOKEN EVENERGY_USER")  # they would go before what follows
        click.echo(f"export EVENERGY_BASE_URL={server.base_url}")
        click.echo(f"export EVENERGY_CLIENT_ID={server.client_id}")
        click.echo(f"export EVENERGY_CLIENT_SECRET={server.client_secret}")
        if sends_webhooks:
            click.echo(f"export EVENERGY_WEBHOOK_SECRET={server.webhook_secret}")
        # Not among the lines to copy, so that those can be sent to a file.
        click.echo(f"Serving {counted(len(server.vehicle_ids), 'vehicle')} until Ctrl-C.", err=True)
        await ended.wait()
    finally:
        await server.close()
