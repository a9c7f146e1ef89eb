"""Words of the messages."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, such as ``1 vehicle`` or ``1,200 vehicles``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
