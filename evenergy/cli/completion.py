"""Command ``evenergy completion``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from .main import command
from .stdout import write


@click.command("completion", params=[click.Argument(["shell"], type=click.Choice(["bash", "zsh", "fish"]))])
def completion(shell: str) -> None:
    """Print the script that completes commands and options in a shell.

    \b
    bash:  echo 'eval "$(evenergy completion bash)"' >> ~/.bashrc
    zsh:   echo 'eval "$(evenergy completion zsh)"' >> ~/.zshrc
    fish:  evenergy completion fish > ~/.config/fish/completions/evenergy.fish
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"click completes nothing in {shell}")
    script = kind(command(), {}, "evenergy", "_EVENERGY_COMPLETE")
    write(script.source_template % script.source_vars() + "\n")
