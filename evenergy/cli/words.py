"""Words of messages and tables."""

from __future__ import annotations

import sys


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, such as ``1 vehicle`` or ``1,200 vehicles``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def kilo(value: float | None) -> float | None:
    """Return a thousandth, such as kilowatts of watts."""
    return None if value is None else round(value / 1000, 1)


def say(message: str) -> None:
    """Write what went wrong to standard error, in one line."""
    print(f"evenergy: {' '.join(message.split())}", file=sys.stderr)


def tail(resource_id: str) -> str:
    """Return the characters of an id that tell vehicles of one fleet apart, for a narrow terminal."""
    return f"…{resource_id[-6:]}"
