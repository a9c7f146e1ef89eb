"""Command ``evenergy record``."""

from __future__ import annotations

import sys
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs
import click

from .context import App, ClientCommand, Settings
from .interrupts import run_async
from .numbers import counted
from .output import ALWAYS, Output, dict_shape, key_column

if TYPE_CHECKING:
    from evenergy.recording.check import Finding

_REQUESTS: Final = 60
_WRITTEN: Final = ("file", "operation", "status")
_FOUND: Final = ("operation", "field", "of", "problem", "message", "file")


@click.command(
    "record",
    cls=ClientCommand,
    params=[
        click.Argument(["directory"], type=click.Path(path_type=Path), metavar="DIRECTORY"),
        click.Option(
            ["--requests"],
            type=click.IntRange(1),
            metavar="N",
            help=f"Spend at most N requests, beside retries.  [default: {_REQUESTS}; all operations take some 300]",
        ),
        click.Option(
            ["--check"],
            is_flag=True,
            help="Check library and sandbox against the recording in the directory; nothing is sent.",
        ),
    ],
)
@click.pass_obj
def record(settings: Settings, directory: Path, requests: int | None, check: bool) -> None:
    """Record responses of your account without its data, and check library and sandbox against them.

    GET requests alone are sent. Times, numbers, names of fields and values of enumerations are kept; ids, names, texts,
    places and the queries of URLs are replaced, and what replaced them is kept nowhere. Look at the files before you
    share them.

    --check prints what the library cannot decode or drops, and what the sandbox never sends. The exit code is 1 where
    the library cannot decode a response.

    \b
    evenergy record recording --requests 300
    evenergy record recording --check
    """
    if check:
        if requests is not None:
            raise click.UsageError("--check sends nothing, so it takes no --requests")
        _check(settings, directory)
        return

    async def run(app: App) -> None:
        await _record(app, directory, requests or _REQUESTS)

    settings.run(run)


async def _record(app: App, directory: Path, requests: int) -> None:
    from evenergy.recording.record import record as recorded
    from evenergy.recording.routes import patterns

    columns = [key_column(name.title(), name, importance=ALWAYS) for name in _WRITTEN]
    operations = 0
    with app.output(dict_shape(columns, _WRITTEN), streams=True) as output:
        responses = recorded(app.client, directory, requests=requests)
        async with app.progress("requests", requests) as progress, aclosing(responses):
            async for one in responses:
                cells = (one.file, f"GET {one.recording.path}", one.recording.status)
                output.write([dict[str, Any](zip(_WRITTEN, cells, strict=True))])
                operations = one.operations
                progress.update(one.requests)
    app.ended(f"{operations} of {len(patterns())} operations recorded")


def _check(settings: Settings, directory: Path) -> None:
    from evenergy.recording.check import library_findings
    from evenergy.recording.files import read
    from evenergy.recording.shapes import sandbox_findings, sandbox_shapes, shapes_of

    recordings = list(read(directory))
    found = library_findings(recordings)
    found += sandbox_findings(shapes_of(recordings), run_async(sandbox_shapes()))
    columns = [
        key_column(name.title(), name, importance=importance)
        for name, importance in (
            ("operation", ALWAYS),
            ("field", ALWAYS),
            ("of", 60),
            ("message", ALWAYS),
            ("file", 10),
        )
    ]
    with Output(settings, dict_shape(columns, _FOUND)) as output:
        output.write(map(attrs.asdict, found))
    _end(settings, len(recordings), found)


def _end(settings: Settings, count: int, found: list[Finding]) -> None:
    """Say what was found, and end with 1 where the library cannot decode a response."""
    undecodable = sum(one.problem == "undecodable" for one in found)
    if undecodable:
        raise click.ClickException(f"the library cannot decode {counted(undecodable, 'field')} of the recording")
    if sys.stderr.isatty():
        settings.note(f"{counted(count, 'response')} checked, {counted(len(found), 'difference')} · no requests spent")
