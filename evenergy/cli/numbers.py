"""Options that are whole numbers."""

import click


def number_option(name: str, default: int, low: int, high: int | None, text: str) -> click.Option:
    """Return an option for a whole number, which its help shows with the default; ``high`` is None for no bound."""
    kind = click.IntRange(low, high)
    return click.Option([name], type=kind, default=default, show_default=True, metavar="N", help=text)
