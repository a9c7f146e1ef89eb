"""Exit codes of the command, and the line and the JSON that say what went wrong."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import Final

from evenergy.errors import (
    AuthenticationError,
    EvEnergyError,
    InvalidArgumentError,
    NotFoundError,
    ProblemError,
    RateLimitError,
    TransportError,
)

from .times import in_words

_VEHICLE: Final = re.compile(r"/vehicles/(vhcl\w+)(?:/status_logs)?/?(?:\?|$)")


class Exit(IntEnum):
    """Exit codes that scripts can rely on."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    SIGN_IN = 4
    RATE_LIMITED = 5
    INTERRUPTED = 130
    PIPE_CLOSED = 141


class SignInError(EvEnergyError):
    """Command that needs credentials where there are none; nothing was sent."""


class UsageError(InvalidArgumentError):
    """Argument of the command that cannot be used."""


def exit_code(error: EvEnergyError) -> Exit:
    """Return the exit code for an error."""
    match error:
        case SignInError():
            return Exit.SIGN_IN
        case RateLimitError():
            return Exit.RATE_LIMITED
        case TransportError():
            return Exit.UNREACHABLE
        case InvalidArgumentError():
            return Exit.USAGE
        case _:
            return Exit.FAILED


def said_of(vehicle_id: str, error: EvEnergyError) -> str:
    """Return one line that says what went wrong with a vehicle."""
    return line(error) if _unknown_vehicle(error) else f"{vehicle_id}: {error}"


def line(error: EvEnergyError) -> str:
    """Return one line that says what went wrong, and what to do."""
    text = " ".join(str(error).split())
    match error:
        case RateLimitError():
            return (
                f"rate limited: the next request may be sent in {in_words(error.retry_after)}; run it again then, or"
                f" wait for it with --max-wait forever · {text}"
            )
        case TransportError():
            return f"{text}; check the network and the base URL, or let `evenergy doctor` look"
        case AuthenticationError():
            return f"{text}; the credentials were rejected: check them, or sign in again with `evenergy login`"
        case _:
            return _unknown_vehicle(error) or text


def _unknown_vehicle(error: EvEnergyError) -> str | None:
    """Return the line for a vehicle that the API does not find, or None for any other error."""
    if not isinstance(error, NotFoundError):
        return None
    found = _VEHICLE.search(error.url)
    return found and f"there is no vehicle {found[1]}, or it is not yours; `evenergy vehicles` lists them"


def document(error: EvEnergyError) -> dict[str, object]:
    """Return the error as JSON data, for ``--json`` and ``--jsonl``."""
    found: dict[str, object] = {"message": " ".join(str(error).split()), "exit_code": int(exit_code(error))}
    if isinstance(error, ProblemError):
        found["status"] = error.status
    if isinstance(error, RateLimitError):
        found["retry_after"] = round(error.retry_after, 3)
        found["retry_at"] = error.retry_at.isoformat(timespec="seconds").replace("+00:00", "Z")
    return found
