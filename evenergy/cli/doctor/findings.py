"""Findings of ``evenergy doctor``."""

from __future__ import annotations

from enum import Enum

import attrs

from evenergy.cli.errors import Exit


class Status(Enum):
    """Status of a finding."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@attrs.frozen
class Finding:
    """Result of one check.

    Attributes:
        check: The name of the check.
        status: The status; FAILED means that requests cannot succeed.
        message: The state of things, in one line.
        advice: The remedy, or None where there is nothing to do.
        exit_code: The exit code that it gives the command.
    """

    check: str
    status: Status
    message: str
    advice: str | None = None
    exit_code: Exit = Exit.DONE

    def data(self) -> dict[str, object]:
        """Return it as JSON data."""
        return {"check": self.check, "status": self.status.value, "message": self.message, "advice": self.advice}


def ok(check: str, message: str) -> Finding:
    """Return a finding that is as it should be."""
    return Finding(check, Status.OK, message)


def skipped(check: str, message: str) -> Finding:
    """Return a check that was not made."""
    return Finding(check, Status.SKIPPED, message)


def warning(check: str, message: str, advice: str) -> Finding:
    """Return a finding with which requests may succeed nevertheless."""
    return Finding(check, Status.WARNING, message, advice)


def failed(check: str, message: str, advice: str, exit_code: Exit = Exit.FAILED) -> Finding:
    """Return a finding with which requests cannot succeed."""
    return Finding(check, Status.FAILED, message, advice, exit_code)
