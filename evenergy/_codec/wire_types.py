"""Types on the wire: JSON data, times, open enumerations and references."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Protocol, Self, TypeAlias

import msgspec

JSON: TypeAlias = "dict[str, JSON] | list[JSON] | str | int | float | bool | None"
"""What a JSON document holds."""

Time: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]
"""An aware datetime, in UTC once it is decoded."""


class Identified(Protocol):
    """A resource with an id."""

    @property
    def id(self) -> str:
        """The id."""
        ...


class OpenEnum(StrEnum):
    """An enumeration that the API may extend: a value that is not known yet equals its string, and is kept."""

    __hash__ = str.__hash__  # equal to a string, so it must hash as one

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = member._value_ = value
        return member


def reference_id(reference: str | Identified | None) -> str | None:
    """The id behind a reference: a URL's last segment, or the expanded resource's own."""
    if isinstance(reference, str):
        return reference.partition("?")[0].rstrip("/").rpartition("/")[2]
    return None if reference is None else reference.id


def time_text(time: datetime) -> str:
    """An aware datetime as the API writes it: in UTC, with ``Z`` and all its digits."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")
