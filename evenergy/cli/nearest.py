"""Names that are near to one that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

import click

VEHICLES: Final = ("vehicle_id", "vehicle_ids")
"""Names of the arguments that are ids of vehicles."""


def nearest(wrong: str, names: Iterable[str], most: int = 1) -> list[str]:
    """Return the names that are near to a wrong one, the nearest first: those alike, and those with it as a part."""
    known = list(names)
    alike = difflib.get_close_matches(wrong, known, n=most)
    holding = sorted((name for name in known if wrong in name.split("_")), key=len)
    return list(dict.fromkeys([*alike, *holding]))[:most]


def in_words(error: click.ClickException) -> str:
    """Return the message of an error of usage, with the option nearest to a wrong one, or with what lists vehicles."""
    if isinstance(error, click.MissingParameter) and error.param is not None and error.param.name in VEHICLES:
        return f"{error.format_message().rstrip('.')}: `evenergy vehicles` lists them"
    if not isinstance(error, click.NoSuchOption):
        return error.format_message()
    context = error.ctx
    options = {} if context is None else {one.lstrip("-"): one for one in _options(context)}
    near = nearest(error.option_name.lstrip("-"), options)
    return f"{error.message.rstrip('.')}{f': did you mean {options[near[0]]}?' if near else ''}"


def _options(context: click.Context) -> list[str]:
    params = context.command.get_params(context)
    return [name for param in params for name in (*param.opts, *param.secondary_opts) if name.startswith("--")]


class NearGroup(click.Group):
    """Group that names the command that is nearest to one that does not exist."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the first argument names, and the arguments behind it.

        Raises:
            click.UsageError: There is no such command.
        """
        name = args[0]
        if name.startswith("-") or ctx.resilient_parsing or self.get_command(ctx, name) is not None:
            return super().resolve_command(ctx, args)
        near = nearest(name, self.list_commands(ctx))
        hint = f"did you mean {near[0]}?" if near else f"`{ctx.command_path} --help` lists them"
        raise click.UsageError(f"there is no command {name}: {hint}")
