"""Words of messages and tables."""

from __future__ import annotations

import sys


def say(message: str) -> None:
    """Write what went wrong to standard error, in one line."""
    print(f"evenergy: {' '.join(message.split())}", file=sys.stderr)


def tail(resource_id: str) -> str:
    """Return the characters of an id that tell vehicles of one fleet apart, for a narrow terminal."""
    return f"…{resource_id[-6:]}"
