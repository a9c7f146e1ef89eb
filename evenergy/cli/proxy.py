"""The command `evenergy proxy`: a gateway on this machine, until Ctrl-C."""

import asyncio

import click

from evenergy._transport.budget import Budget
from evenergy.budgets.redis import RedisBudget
from evenergy.budgets.sqlite import SQLiteBudget
from evenergy.client import AsyncClient
from evenergy.proxy.gateway import Proxy


def proxy_command() -> click.Command:
    """Return the command."""
    return click.Command(
        "proxy",
        callback=_run,
        short_help="Give all programs of this machine one token and one budget.",
        help="Serve a gateway to the API that adds credentials (EVENERGY_TOKEN, or EVENERGY_CLIENT_ID with"
        " EVENERGY_CLIENT_SECRET), the rate limit and retries, until Ctrl-C.",
        params=[
            click.Option(["--host"], default="127.0.0.1", show_default=True, help="Address to listen on."),
            click.Option(["--port"], type=click.IntRange(0, 65_535), default=8100, show_default=True, help="Port."),
            click.Option(["--socket", "path"], metavar="PATH", help="Unix socket to listen on instead."),
            click.Option(["--key"], envvar="EVENERGY_PROXY_KEY", metavar="KEY", help="Key that callers send."),
            click.Option(["--read-only"], is_flag=True, help="Send only GET and HEAD."),
            click.Option(["--max-wait"], type=click.FloatRange(0), default=60.0, show_default=True, help="Seconds."),
            click.Option(["--budget"], metavar="URL", help="Redis URL or SQLite file of a budget that others share."),
        ],
    )


def _run(
    host: str, port: int, path: str | None, key: str | None, max_wait: float, budget: str | None, *, read_only: bool
) -> None:
    asyncio.run(
        _serve(host, port, path, key, max_wait, None if budget is None else budget_from(budget), read_only=read_only)
    )


async def _serve(
    host: str, port: int, path: str | None, key: str | None, max_wait: float, budget: Budget | None, *, read_only: bool
) -> None:
    async with AsyncClient(budget=budget) as client:
        proxy = Proxy(client, host=host, port=port, path=path, key=key, read_only=read_only, max_wait=max_wait)
        await proxy.start()
        try:
            click.echo(f"serving {proxy.base_url}{f' on {path}' if path else ''}, until Ctrl-C")
            await asyncio.Event().wait()
        finally:
            await proxy.close()


def budget_from(place: str) -> Budget:
    """Return the budget at a Redis URL, or in a file."""
    return RedisBudget(place) if "://" in place else SQLiteBudget(place)
