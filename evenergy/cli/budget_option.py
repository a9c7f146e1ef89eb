"""Option ``--budget`` for the place of a budget that processes share, and the budget there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

import click
from click.core import ParameterSource

from .accounts import BUDGET as VARIABLE
from .context import SharedOption
from .errors import UsageError

if TYPE_CHECKING:
    from evenergy.budgets.redis import RedisBudget
    from evenergy.budgets.sqlite import SQLiteBudget

    _Text = click.ParamType[str]
else:  # older versions of click have no parameter here
    _Text = click.ParamType


class _Place(_Text):
    """URL of a Redis server, or path of a file. A password in an argument is rejected: others see arguments."""

    name = "place"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the place."""
        place = str(value)
        is_argument = (
            ctx is not None
            and param is not None
            and ctx.get_parameter_source(param.name or "") is ParameterSource.COMMANDLINE
        )
        if is_argument and _has_password(place):
            self.fail(f"others on this machine see arguments: set {VARIABLE} to a URL with a password", param, ctx)
        return place


BUDGET: Final = SharedOption(
    ["--budget"],
    section="Options",
    attribute="budget",
    type=_Place(),
    envvar=VARIABLE,
    metavar="PLACE",
    help=f"Budget that others share: a file, or redis://HOST.  [default: {VARIABLE}]",
)


def budget_from(place: str, bucket: str | None = None) -> RedisBudget | SQLiteBudget:
    """Return the budget at a URL of Redis, or in a file.

    Args:
        place: The URL, or the path of the file.
        bucket: A name for credentials that have no id of their own, or None.

    Raises:
        InvalidArgumentError: The URL is invalid, or of no Redis server.
        EvEnergyError: The extra ``redis`` is not installed.
    """
    if _is_url(place):
        if not _is_readable(place):  # the message has no part of it, since one may be a password
            raise UsageError("expected the budget as the path of a file, or as redis://HOST:PORT, got an invalid URL")
        from evenergy.budgets.redis import RedisBudget

        return RedisBudget(place, bucket=bucket)
    from evenergy.budgets.sqlite import SQLiteBudget

    return SQLiteBudget(place, bucket=bucket)


def is_missing(place: str) -> bool:
    """Return whether a place is a file that does not exist."""
    return not _is_url(place) and not Path(place).exists()


def _is_url(place: str) -> bool:
    return "://" in place


def _is_readable(url: str) -> bool:
    try:
        _ = urlsplit(url).port
    except ValueError:
        return False
    return True


def _has_password(place: str) -> bool:
    if not _is_url(place):
        return False
    if not _is_readable(place):  # nobody knows which part of it is one
        return True
    parts = urlsplit(place)
    return parts.password is not None or "password" in parse_qs(parts.query)
