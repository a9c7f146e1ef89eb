"""Exit codes of the command, and the line and the JSON that say what went wrong."""

from __future__ import annotations

from enum import IntEnum

from evenergy.errors import (
    AuthenticationError,
    EvEnergyError,
    InvalidArgumentError,
    ProblemError,
    RateLimitError,
    TransportError,
)

from .times import in_words


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
            return text


def document(error: EvEnergyError) -> dict[str, object]:
    """Return the error as JSON data, for ``--json`` and ``--jsonl``."""
    found: dict[str, object] = {"message": " ".join(str(error).split()), "exit_code": int(exit_code(error))}
    if isinstance(error, ProblemError):
        found["status"] = error.status
    if isinstance(error, RateLimitError):
        found["retry_after"] = round(error.retry_after, 3)
        found["retry_at"] = error.retry_at.isoformat(timespec="seconds").replace("+00:00", "Z")
    return found
