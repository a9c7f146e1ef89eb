"""Times and durations as people type them, and as they read them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    _Moment = click.ParamType[datetime]
    _Duration = click.ParamType[timedelta]
else:  # older versions of click have no parameter here
    _Moment = _Duration = click.ParamType

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|m|h|d|w)")
_HOUR, _DAY, _MINUTE = 3600, 86_400, 60


def duration(text: str) -> timedelta | None:
    """Return a duration such as ``90s``, ``2h``, ``1h30m`` or ``7d``, or None for what is none."""
    parts = list(_DURATION.finditer(text.strip().lower()))
    if not parts or "".join(part.group() for part in parts) != text.strip().lower():
        return None
    try:
        return timedelta(seconds=sum(float(part[1]) * _UNITS[part[2][0]] for part in parts))
    except OverflowError:
        return None


def moment(text: str, now: datetime) -> datetime | None:
    """Return a time: ``2h`` before now, ``now``, ``today``, ``yesterday``, or ISO 8601; None for what is none.

    Args:
        text: What was typed. A time without an offset is in the time zone of ``now``, and so is a day.
        now: The time now, aware, in the local time zone.
    """
    word = text.strip().lower()
    ago = duration(word.removesuffix(" ago"))
    try:
        if ago is not None:
            return now - ago
        if word in {"now", "today", "yesterday"}:
            return now if word == "now" else _midnight(now, days_ago=int(word == "yesterday"))
        found = datetime.fromisoformat(text.strip())
        return _localized(found, now) if found.tzinfo is None else found
    except (ValueError, OverflowError):
        return None


def check_span(since: datetime, until: datetime | None) -> None:
    """Raise `click.UsageError` where ``--since`` is later than ``--until``, which is now where it was not given."""
    if since > (until or local_now()):
        raise click.UsageError(f"--since is later than --until{'' if until else ', which is now unless you give it'}")


def local_now() -> datetime:
    """Return the time now, in the time zone of this machine."""
    return datetime.now(UTC).astimezone()


def _midnight(now: datetime, *, days_ago: int) -> datetime:
    day = (now - timedelta(days=days_ago)).date()
    return _localized(datetime.combine(day, time()), now)


def _localized(naive: datetime, now: datetime) -> datetime:
    """Return a local time with its offset, which is another one than that of now across a change of the clocks."""
    return naive.astimezone() if now.tzinfo != UTC else naive.replace(tzinfo=UTC)


def in_words(seconds: float) -> str:
    """Return a duration for people, such as ``40 s``, ``12 min`` or ``1 h 5 min``."""
    whole = max(0, round(seconds))
    if whole < 2 * _MINUTE:
        return f"{whole} s"
    minutes = -(-whole // _MINUTE)
    hours, minutes = divmod(minutes, _MINUTE)
    if not hours:
        return f"{minutes} min"
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def short(seconds: float) -> str:
    """Return a duration in at most four characters, for a narrow column."""
    whole = max(0, int(seconds))
    if whole < _HOUR:
        return f"{whole // _MINUTE}m"
    return f"{whole // _HOUR}h" if whole < 2 * _DAY else f"{whole // _DAY}d"


class Moment(_Moment):
    """Option that takes a time."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the time."""
        if isinstance(value, datetime):
            return value
        found = moment(str(value), local_now())
        if found is None:
            self.fail(f"expected a time such as 2h, yesterday or 2026-03-29T10:00Z, got {value!r}", param, ctx)
        return found


class Duration(_Duration):
    """Option that takes a duration.

    Args:
        forever: Whether it takes ``forever`` too, which gives `timedelta.max`.
    """

    name = "duration"

    def __init__(self, *, forever: bool = False) -> None:
        self._forever = forever

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Return the duration."""
        if isinstance(value, timedelta):
            return value
        if self._forever and str(value).lower() == "forever":
            return timedelta.max
        found = duration(str(value))
        if found is None:
            more = ", or forever" if self._forever else ""
            self.fail(f"expected a duration such as 90s, 5m or 24h{more}, got {value!r}", param, ctx)
        return found


def time_option(name: str, kind: Moment | Duration, default: str | tuple[str, ...], text: str) -> click.Option:
    """Return an option for a time or a duration, which its help shows with the default; several make it repeatable."""
    repeatable = isinstance(default, tuple)
    return click.Option(
        [name], type=kind, multiple=repeatable, default=default, show_default=True, metavar="TIME", help=text
    )
