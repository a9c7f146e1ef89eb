"""Clamps that measure the current of a property's supply, and their logs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

from evenergy._codec.model import model
from evenergy._codec.wire_types import Time, reference_id
from evenergy._core.resource import Child, M_co, Resource, operation, paged
from evenergy._transport.request import ListRequest, Request, list_request, request

from ._kinds import Kind
from ._logs import Logs
from .evses import CTClamp

__all__ = [
    "CTClampExpand",
    "CTClampLog",
    "CTClampLogExpand",
]

CT_CLAMP = Kind("ctcl", "ct_clamps")

CTClampExpand: TypeAlias = Literal["evse"]
"""References of a clamp that can be expanded."""

CTClampLogExpand: TypeAlias = Literal["ct_clamp", "ct_clamp.evse"]
"""References of a clamp's log that can be expanded."""


@model
class CTClampLog:
    """Current that a clamp measured at one time.

    Attributes:
        url: Ends in the time that names the log.
        sampled_at: The time at which it was measured.
        logged_at: The time at which it was received and stored.
        ct_clamp: The URL of the clamp, or the clamp when it was expanded.
        current_milliamps: Positive from the grid, negative to the grid.
    """

    url: str | None = None
    sampled_at: Time | None = None
    logged_at: Time | None = None
    ct_clamp: str | CTClamp | None = None
    current_milliamps: int | None = None

    @property
    def ct_clamp_id(self) -> str | None:
        """Return the id of the clamp, whether it was expanded or not."""
        return reference_id(self.ct_clamp)


class CTClampLogs(Logs[M_co, CTClampLog, CTClampLogExpand]):
    """Currents that clamps measured, newest first. The methods raise what `evenergy.errors` lists."""

    _of, _argument = CT_CLAMP, "clamp_id"
    _into, _name, _time = CTClampLog, "logs", "sampled_at"


class CTClamps(Resource[M_co]):
    """Clamps of the chargers that the credentials may see. The methods raise what `evenergy.errors` lists."""

    logs: Child[CTClampLogs[M_co]] = Child("ct_clamps:CTClampLogs")
    """Currents that clamps measured, newest first."""

    @operation
    def get(self, clamp_id: str, /, *, expand: Iterable[CTClampExpand] = ()) -> Request[CTClamp]:
        """Return one clamp, by id or URL. API: ``GET /ct_clamps/{ct_clamp_id}``."""
        return request(CTClamp, "GET", CT_CLAMP.path(clamp_id), expand=expand)

    @paged
    def list(self, *, expand: Iterable[CTClampExpand] = (), page_size: int | None = None) -> ListRequest[CTClamp]:
        """List all clamps. API: ``GET /ct_clamps``."""
        return list_request(CTClamp, CT_CLAMP.all, page_size=page_size, expand=expand)
