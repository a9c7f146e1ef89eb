"""Words of messages and tables."""

from __future__ import annotations

import sys
from typing import Final

_MODES: Final = {
    "UNMANAGED_HOME": "unmanaged, at home",
    "UNMANAGED_OTG": "unmanaged, away from home",
    "MANAGED_OTG": "managed, away from home",
}


def mode_words(mode: str) -> str:
    """Return a charging mode in words, such as ``unmanaged, away from home``; that of a later API as it is spelled."""
    return _MODES.get(mode, mode.lower().replace("_", " "))


def short_mode_words(mode: str) -> str:
    """Return a charging mode in fewer words, for a narrow terminal."""
    return mode_words(mode).removesuffix(" from home")


def say(message: str) -> None:
    """Write what went wrong to standard error, in one line."""
    print(f"evenergy: {' '.join(message.split())}", file=sys.stderr)


def tail(resource_id: str) -> str:
    """Return the characters of an id that tell vehicles of one fleet apart, for a narrow terminal."""
    return f"…{resource_id[-6:]}"
