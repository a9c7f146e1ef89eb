"""Group of commands that imports a command when it is used."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import cast

import click

from evenergy._version import VERSION

from .context import PipeClosedError, format_options, options
from .main import Command
from .nearest import NearGroup

_HELP = """Client for the ev.energy v2 API: your fleet's logs, charging and vehicles, within the hour's requests.

\b
Begin with:
  evenergy vehicles --sandbox     a simulated fleet: any command takes --sandbox
  evenergy logs VEHICLE --since yesterday --until today --csv
  evenergy logs VEHICLE --since 3d --plot charge.png
  evenergy fleet --jsonl          a line for each vehicle, with its newest log
  evenergy sync --db fleet.db --since 7d

VEHICLE is an id that `evenergy vehicles` lists.

Data goes to standard output, all else to standard error. `evenergy COMMAND --help` has the options of a command.
"""


class LazyGroup(NearGroup):
    """Group that knows its commands from a table.

    Args:
        table: The commands by name, in the order of the help.
    """

    def __init__(self, table: Mapping[str, Command]) -> None:
        super().__init__(
            "evenergy",
            help=_HELP,
            invoke_without_command=True,
            callback=_help,
            params=[
                *options(),
                click.Option(
                    ["--version"],
                    is_flag=True,
                    expose_value=False,
                    is_eager=True,
                    callback=_version,
                    help="Show the version.",
                ),
            ],
            context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        )
        self._table = table

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; a closed pipe is an error of its own, which click would end with 1."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise PipeClosedError from None

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  as click calls it
        """Return the names in the order of the table."""
        return list(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  likewise
        """Return a command, imported now."""
        row = self._table.get(cmd_name)
        if row is None:
            return None
        module, _, name = row.target.partition(":")
        found: object = getattr(importlib.import_module(f".{module}", __package__), name)
        return cast("click.Command", found)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, and the options by section."""
        self.format_commands(ctx, formatter)
        format_options(self, ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  likewise
        """Write the commands by section, without importing one."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, row in self._table.items():
            sections.setdefault(row.section, []).append((name, row.summary))
        width = max(map(len, self._table))
        for section, rows in sections.items():
            with formatter.section(section):
                formatter.write_dl([(f"{name:{width}}", summary) for name, summary in rows])


def _help() -> None:
    context = click.get_current_context()
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def _version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(f"evenergy {VERSION}")
        ctx.exit()
