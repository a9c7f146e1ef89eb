"""Command ``evenergy proxy``."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final

import attrs
import click

from evenergy.proxy import Proxy

from .accounts import PROXY_KEY, TOKEN, variable
from .budget_option import BUDGET
from .context import App, ClientCommand, Settings
from .numbers import number_option
from .serving import cannot_listen, terminated

_NO_KEY: Final = "gateway"  # a gateway without a key reads no token; commands need one to begin


@attrs.frozen
class _Listening:
    """Place and rules of a gateway.

    Attributes:
        host: The address to listen on.
        port: The port to listen on.
        path: The Unix socket to listen on instead, or None.
        read_only: Whether only GET and HEAD are sent.
        key: The key that callers send, or None.
    """

    host: str
    port: int
    path: str | None
    read_only: bool
    key: str | None = attrs.field(repr=False)

    def __str__(self) -> str:
        return f"port {self.port} of {self.host}" if self.path is None else self.path


@click.command(
    "proxy",
    cls=ClientCommand,
    params=[
        click.Option(
            ["--host"], default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Address to listen on."
        ),
        number_option("--port", 8100, 0, 65_535, "Port to listen on; 0 takes a free one."),
        click.Option(["--socket", "path"], metavar="PATH", help="Unix socket to listen on instead, for this user."),
        click.Option(
            ["--key-file"],
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            metavar="FILE",
            help=f"File with the key that callers send.  [default: {PROXY_KEY}]",
        ),
        click.Option(["--read-only"], is_flag=True, help="Send only GET and HEAD."),
        BUDGET,
    ],
)
@click.pass_obj
def proxy(
    settings: Settings, host: str, port: int, path: str | None, key_file: Path | None, *, read_only: bool
) -> None:
    """Serve a gateway that gives all programs of this machine one token and one budget, until Ctrl-C.

    It adds the credentials, the rate limit and the retries. It prints the variables that lead a client to it, to be
    copied into another terminal. --max-wait is for callers that do not say how long they wait.

    \b
    evenergy proxy --read-only
    evenergy proxy --port 8100 --budget /var/lib/evenergy/budget.db
    """
    if settings.format is not None:
        raise click.UsageError(f"proxy prints no data: leave --{settings.format} away")
    listening = _Listening(host, port, path, read_only, _key(key_file))
    settings.run(lambda app: _serve(app, listening))


def _key(file: Path | None) -> str | None:
    """Return the key of the file, else that of the environment, or None."""
    return variable(PROXY_KEY) if file is None else file.read_text(encoding="utf-8").strip()


async def _serve(app: App, listening: _Listening) -> None:
    max_wait, ended = app.settings.max_wait, terminated()
    served = Proxy(
        app.client,
        host=listening.host,
        port=listening.port,
        path=listening.path,
        key=listening.key,
        read_only=listening.read_only,
        max_wait=None if max_wait == timedelta.max else max_wait.total_seconds(),
    )
    try:
        await served.start()
    except OSError as error:
        raise cannot_listen(str(listening), error) from error
    try:
        _announce(app.settings, served.base_url, listening)
        await ended.wait()
    finally:
        await served.close()


def _announce(settings: Settings, base_url: str, listening: _Listening) -> None:
    if listening.path is None:  # no variable leads to a socket
        click.echo(f"export EVENERGY_BASE_URL={base_url}")
        if listening.key is None:
            click.echo(f"export {TOKEN}={_NO_KEY}")
    where = base_url if listening.path is None else f"{base_url} on {listening.path}"
    sends = "" if listening.key is None else f"; callers send the key, such as in {TOKEN}"
    settings.note(f"Serving {where} until Ctrl-C{sends}.")
