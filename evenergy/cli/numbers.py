"""Options that are whole numbers."""

import click


def number_option(name: str, default: int, low: int, high: int, text: str) -> click.Option:
    """Return an option for a whole number between two bounds, which its help shows with the default."""
    kind = click.IntRange(low, high)
    return click.Option([name], type=kind, default=default, show_default=True, metavar="N", help=text)
