"""Commands ``evenergy webhooks listen`` and ``trigger``."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs
import click

from evenergy import to_dict
from evenergy.errors import DecodeError, InvalidArgumentError
from evenergy.webhooks import WebhookError, WebhookReceiver

from .context import LocalCommand, Settings
from .interrupts import run_async
from .nearest import NearGroup
from .numbers import number_option
from .output import ALWAYS, Column, Output, Shape, dict_shape, key_column
from .serving import cannot_listen, terminated
from .words import say

if TYPE_CHECKING:
    from aiohttp import web

    from evenergy.webhooks import WebhookEvent

_TYPES: Final = ("charging_sub_session.created", "charging_sub_session.ended")
_NAMES: Final = ("timestamp", "type", "message_id", "data")
_LARGEST: Final = 1_000_000  # bytes of a body
_VARIABLE: Final = "EVENERGY_WEBHOOK_SECRET"
_SECRET_FILE: Final = click.Option(
    ["--secret-file"],
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help=f"A file with the signing secret.  [default: {_VARIABLE}, else that of the sandbox]",
)


@click.group("webhooks", cls=NearGroup)
def webhooks() -> None:
    """Listen for webhooks, or trigger one in the sandbox. It costs no request."""


@webhooks.command(
    "listen",
    cls=LocalCommand,
    params=[
        number_option("--port", 8080, 0, 65_535, "0 takes a free one."),
        click.Option(["--count"], type=click.IntRange(1), metavar="N", help="End after N events.  [default: never]"),
        _SECRET_FILE,
    ],
)
@click.pass_obj
def webhooks_listen(settings: Settings, port: int, count: int | None, secret_file: Path | None) -> None:
    """Print the webhooks that come to this machine, once their signature is verified, until Ctrl-C.

    \b
    evenergy webhooks listen --port 8080 --jsonl
    evenergy webhooks trigger --url http://127.0.0.1:8080      (in another terminal)
    """
    if settings.format == "json":
        raise click.UsageError("listening has no end, so there is no one document: use --jsonl")
    receiver = WebhookReceiver(_secret(secret_file))
    with Output(settings, _shape(), streams=True) as output:
        run_async(_listen(receiver, output, count, settings, port))


@webhooks.command(
    "trigger",
    cls=LocalCommand,
    params=[
        click.Argument(["kind"], metavar="[TYPE]", default=_TYPES[1]),
        click.Option(["--url"], required=True, metavar="URL", help="Where to send it."),
        _SECRET_FILE,
    ],
)
@click.pass_obj
def webhooks_trigger(settings: Settings, kind: str, url: str, secret_file: Path | None) -> None:
    """Let a sandbox send a signed webhook: charging_sub_session.ended, or another type.

    It ends with 1 when the webhook was not accepted.
    """
    if not url.startswith(("http://", "https://")):
        raise click.UsageError(f"--url: expected a URL such as http://127.0.0.1:8080/webhooks, got {url!r}")
    attempt = run_async(_trigger(kind, url, _secret(secret_file)))
    columns = [
        key_column("Status", "status", importance=ALWAYS),
        key_column("Type", "type"),
        key_column("Message", "message_id", importance=20),
    ]
    with Output(settings, dict_shape(columns, list(attempt))) as output:
        output.write([attempt])
    if attempt["status"] not in range(200, 300):
        raise click.ClickException(f"{url} did not accept it: {attempt['error'] or attempt['status']}")


def _secret(file: Path | None) -> str | None:
    """Return the secret of the file; None for the variable, or the sandbox's own where there is none."""
    if file is not None:
        return file.read_text(encoding="utf-8").strip()
    if os.environ.get(_VARIABLE, "").strip():
        return None
    from evenergy.sandbox import Sandbox

    return Sandbox(0, 1).webhook_secret


@attrs.define
class _Listener:
    """Endpoint that prints what it receives.

    Attributes:
        receiver: The verifier.
        output: The output.
        count: The events after which it ends, or None for never.
        ended: Set when it ends.
        taken: The events that came.
        unwritten: The error with which standard output could not be written, or None.
    """

    receiver: WebhookReceiver
    output: Output[WebhookEvent]
    count: int | None
    ended: asyncio.Event
    taken: int = 0
    unwritten: OSError | None = None

    async def take(self, request: web.Request) -> web.Response:
        """Verify a webhook, print its event, and respond."""
        from aiohttp import web

        try:
            event = self.receiver.read(await request.read(), request.headers)
        except (WebhookError, InvalidArgumentError) as error:
            say(f"rejected a request from {request.remote}: {error}")
            return web.Response(status=400)
        except DecodeError as error:
            say(str(error))
            return web.Response(status=500)
        try:
            self.output.write([event])
        except OSError as error:  # the framework would log it, and go on
            self.unwritten = error
            self.ended.set()
            return web.Response(status=500)
        self.taken += 1
        if self.taken == self.count:
            self.ended.set()
        return web.Response(status=204)


async def _listen(
    receiver: WebhookReceiver, output: Output[WebhookEvent], count: int | None, settings: Settings, port: int
) -> None:
    from aiohttp import web

    listener = _Listener(receiver, output, count, terminated())
    application = web.Application(client_max_size=_LARGEST)
    application.router.add_post("/{path:.*}", listener.take)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    try:
        try:
            await site.start()
        except OSError as error:
            raise cannot_listen(f"port {port}", error) from error
        bound: Any = runner.addresses[0]
        settings.note(f"Listening on http://127.0.0.1:{bound[1]} until Ctrl-C.")
        await listener.ended.wait()
    finally:
        await runner.cleanup()
    if listener.unwritten is not None:
        raise listener.unwritten


async def _trigger(kind: str, url: str, secret: str | None) -> dict[str, Any]:
    from evenergy.sandbox import Sandbox

    async with Sandbox(3, webhook_secret=secret or os.environ[_VARIABLE].split()[0]) as sandbox:
        sandbox.trigger(kind, url=url)
        await sandbox.deliver_webhooks()
        return attrs.asdict(sandbox.webhook_attempts[-1])


def _shape() -> Shape[WebhookEvent]:
    columns: list[Column[WebhookEvent]] = [
        Column("Time (UTC)", lambda event: event.timestamp),
        Column("Type", lambda event: event.type, importance=ALWAYS),
        Column("About", _about),
        Column("Message", lambda event: event.message_id, importance=10),
    ]

    def record(event: WebhookEvent) -> dict[str, object]:
        found: dict[str, object] = {**to_dict(event)}
        return {**found, "timestamp": event.timestamp}

    return Shape(_NAMES, record, to_dict, columns)


def _about(event: WebhookEvent) -> object:
    return event.data.get("id") if isinstance(event.data, dict) else event.data.id
