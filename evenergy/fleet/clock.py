"""Clock of the fleet: the one place where it asks for the time of day."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the time by this machine's clock."""
    return datetime.now(UTC)
