"""Numbers: the texts in which people read them, and options that take them."""

from __future__ import annotations

import click


def grouped(number: float, places: int | None = None) -> str:
    """Return a number with a comma between groups of three digits, such as ``12,952.1``.

    Args:
        number: The number.
        places: Its decimal places, or None for all that it has.
    """
    return f"{number:,}" if places is None else f"{number:,.{places}f}"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, such as ``1 vehicle`` or ``1,200 vehicles``."""
    return f"{grouped(number)} {noun}{'' if number == 1 else 's'}"


def kilo(value: float | None) -> float | None:
    """Return a thousandth, such as kilowatts of watts."""
    return None if value is None else round(value / 1000, 1)


def number_option(name: str, default: int, low: int, high: int | None, text: str) -> click.Option:
    """Return an option for a whole number, which its help shows with the default; ``high`` is None for no bound."""
    kind = click.IntRange(low, high)
    return click.Option([name], type=kind, default=default, show_default=True, metavar="N", help=text)
