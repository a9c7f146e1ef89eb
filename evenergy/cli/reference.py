"""Page of the documentation about the command, made of its help: ``python -m evenergy.cli.reference``."""

from __future__ import annotations

from collections.abc import Iterator

import click

from .context import SHARED_ELSEWHERE, format_options
from .help import TOPICS
from .main import COMMANDS, command

_WIDTH = 96
_HEAD = """\
# The command `evenergy`

`pip install "evenergy[cli]"` installs it; the extra `plot` adds pictures in files, `arrow` the export to Parquet.
`--sandbox` starts a simulated API for one command, so that each line below runs without an account:

```console
$ evenergy vehicles --sandbox
$ evenergy logs vhcl01HK153X00HH2XJQ67072B9HJR --since yesterday --until today --csv --sandbox
$ evenergy logs vhcl01HK153X00HH2XJQ67072B9HJR --since 3d --plot charge.png --sandbox
$ evenergy fleet --jsonl --sandbox
$ evenergy sync --db fleet.db --since 2d --sandbox
```

This page is made of the help of the command (`python -m evenergy.cli.reference > docs/command.md`).
"""


def page() -> str:
    """Return the page, in Markdown."""
    root = command()
    parts = [_HEAD, "## Commands\n"]
    for name, row in COMMANDS.items():
        parts.append(f"- [`evenergy {name}`](#evenergy-{name}): {row.summary}")
    parts.append("")
    with click.Context(root, info_name="evenergy", terminal_width=_WIDTH, **root.context_settings) as context:
        parts.append(f"## Options of all commands\n\n```text\n{_shared(root, context)}\n```\n")
        context.meta[SHARED_ELSEWHERE] = True
        for name in COMMANDS:
            found = root.get_command(context, name)
            if found is not None:
                parts += _described(found, name, context)
    for name, text in TOPICS.items():
        parts.append(f"## {name}\n\n```text\n{text.rstrip()}\n```\n")
    return "\n".join(parts).rstrip() + "\n"


def _described(found: click.Command, name: str, parent: click.Context) -> Iterator[str]:
    with click.Context(found, info_name=name, parent=parent, terminal_width=_WIDTH) as context:
        yield f"## {context.command_path}\n\n```text\n{_help(found, context)}\n```\n"
        below = found.list_commands(context) if isinstance(found, click.Group) else []
        inner = [(one, found.get_command(context, one)) for one in below if isinstance(found, click.Group)]
        for one, command_below in inner:
            yield from _described(command_below, one, context) if command_below is not None else ()


def _help(found: click.Command, context: click.Context) -> str:
    text = found.get_help(context)
    return "\n".join(line.rstrip() for line in text.splitlines())


def _shared(root: click.Group, context: click.Context) -> str:
    """Return the options that all commands share, which stand before or behind the name of the command."""
    formatter = context.make_formatter()
    format_options(root, context, formatter)
    return formatter.getvalue().strip()


if __name__ == "__main__":
    click.echo(page(), nl=False)
