"""Charging sessions, the boost, and the commands that ev.energy sent to devices while they charged."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, TypeAlias

from evenergy._codec.model import model
from evenergy._codec.validate import time_range
from evenergy._codec.wire_types import Member, OpenEnum, Time, reference_id
from evenergy._core.pagination import Pager
from evenergy._core.resource import M_co, Resource, coroutine, operation, paged
from evenergy._transport.request import ListRequest, Request, list_request, request, unpaged_request
from evenergy.errors import DecodeError

from ._kinds import CHARGING_SESSION, CHARGING_SUB_SESSION, VEHICLE
from .charging import ChargingSubSession
from .evses import EVSE
from .sub_sessions import SubSessionDetailExpand
from .vehicles import Vehicle

__all__ = [
    "ChargingSession",
    "ChargingSessionExpand",
    "DispatchDeviceType",
    "DispatcherLog",
]

ChargingSessionExpand: TypeAlias = Literal["vehicle", "evse", "sub_sessions"]
"""References of a charging session that can be expanded."""


class DispatchDeviceType(OpenEnum):
    """Kind of a device that a command was for."""

    EVSE = Member("EVSE")
    VEHICLE = Member("VEHICLE")


@model
class ChargingSession:
    """Charging session: from the time at which a vehicle is plugged in to the time at which it is unplugged.

    The API has them since July 2026; older charging is in sub-sessions alone.

    Attributes:
        start: The time at which the vehicle was plugged in.
        end: The time at which it was unplugged; None while it is plugged in.
        vehicle: The URL of the vehicle, or the vehicle when it was expanded; None when it is not known.
        evse: The URL of the charger, or the charger when it was expanded; None when it is not known.
        sub_sessions: The URLs of its parts, one for each time the charging mode changed, or the parts when they were
            expanded; newest first.
    """

    id: str
    url: str | None = None
    start: Time | None = None
    end: Time | None = None
    vehicle: str | Vehicle | None = None
    evse: str | EVSE | None = None
    sub_sessions: list[str | ChargingSubSession] | None = None

    @property
    def vehicle_id(self) -> str | None:
        """Return the id of the vehicle, whether it was expanded or not."""
        return reference_id(self.vehicle)

    @property
    def evse_id(self) -> str | None:
        """Return the id of the charger, whether it was expanded or not."""
        return reference_id(self.evse)


@model
class DispatcherLog:
    """Command that ev.energy sent, or could not send, to a vehicle or a charger while it charged.

    Attributes:
        logged_at: The time of the command.
        charging_sub_session: The URL of the sub-session, or the sub-session when it was expanded.
        schedule_valid_period_start: The time from which the schedule behind the command holds.
        schedule_created_at: The time at which that schedule was made.
        internal_command_id: ev.energy's id (a UUID), in the logs of the device too.
        reason_not_sent: None for a command that was sent.
    """

    logged_at: Time | None = None
    charging_sub_session: str | ChargingSubSession | None = None
    schedule_valid_period_start: Time | None = None
    schedule_created_at: Time | None = None
    internal_command_id: str | None = None
    device_type: DispatchDeviceType | None = None
    reason_not_sent: str | None = None

    @property
    def charging_sub_session_id(self) -> str | None:
        """Return the id of the sub-session, whether it was expanded or not."""
        return reference_id(self.charging_sub_session)


class ChargingSessions(Resource[M_co]):
    """Charging sessions that the credentials may see. The methods raise what `evenergy.errors` lists."""

    @operation
    def get(self, session_id: str, /, *, expand: Iterable[ChargingSessionExpand] = ()) -> Request[ChargingSession]:
        """Return one session, by id or URL. API: ``GET /charging_sessions/{charging_session_id}``."""
        return request(ChargingSession, "GET", CHARGING_SESSION.path(session_id), expand=expand)

    @paged
    def list(
        self, *, expand: Iterable[ChargingSessionExpand] = (), page_size: int | None = None
    ) -> ListRequest[ChargingSession]:
        """List all sessions, newest first; those of one user where the client has a ``user``.

        API: ``GET /charging_sessions``, which has no filters.
        """
        return list_request(ChargingSession, CHARGING_SESSION.all, page_size=page_size, expand=expand)

    @coroutine
    async def open_for(self, vehicle: Vehicle | str, /) -> ChargingSession | None:
        """Return the session of a vehicle that is not over, such as for a boost; None when it is not plugged in.

        It reads sessions, newest first, down to the vehicle's last one, 100 for each request: with a client of the
        vehicle's user, such as ``client.with_options(user=vehicle.user_id)``, one request is mostly enough.

        Args:
            vehicle: A vehicle, its id or its URL.

        Raises:
            DecodeError: No such session was found, and one of the vehicle's could not be decoded.
        """
        vehicle_id = VEHICLE.id(vehicle)
        undecoded: list[DecodeError] = []
        async for page in Pager(self._session, list_request(ChargingSession, CHARGING_SESSION.all)).pages():
            undecoded += [error for error in page.undecoded if vehicle_id in str(error.raw)]
            own = [session for session in page.items if session.vehicle_id == vehicle_id]
            for session in own:
                if session.end is None:
                    return session
            if own:
                break  # behind a session that is over, none is open
        if undecoded:
            raise undecoded[0]
        return None

    @operation
    def boost_start(self, session_id: str, /) -> Request[ChargingSession]:
        """Charge at once and without a pause, in a new sub-session of the session.

        API: ``POST /charging_sessions/{charging_session_id}/boost_start``. The API responds with a 409 when smart
        charging is off, or is not what goes on, and with a 503 when the vehicle or charger could not be reached. The
        request is never retried: after an `OutcomeUnknownError` look at the session.

        Args:
            session_id: An id or a URL; `open_for` finds the session of a vehicle.
        """
        return request(ChargingSession, "POST", CHARGING_SESSION.path(session_id, "boost_start"))

    @operation
    def boost_end(self, session_id: str, /) -> Request[ChargingSession]:
        """End the boost, and go on with smart charging in a new sub-session.

        API: ``POST /charging_sessions/{charging_session_id}/boost_end``. The API responds with a 409 when smart
        charging is off, or no boost goes on, and with a 503 when the vehicle or charger could not be reached. The
        request is never retried: after an `OutcomeUnknownError` look at the session.

        Args:
            session_id: An id or a URL.
        """
        return request(ChargingSession, "POST", CHARGING_SESSION.path(session_id, "boost_end"))


class DispatcherLogs(Resource[M_co]):
    """Commands that ev.energy sent to devices while they charged; they need the scope ``debug:read``.

    The methods raise what `evenergy.errors` lists.
    """

    @paged
    def list(
        self,
        sub_session_id: str,
        /,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        expand: Iterable[SubSessionDetailExpand] = (),
    ) -> ListRequest[DispatcherLog]:
        """List the commands of a charging sub-session, newest first, in one request. API: ``GET /dispatcher_logs``.

        Args:
            sub_session_id: An id or a URL.
            since: The earliest time of a command, as an aware datetime.
            until: The latest time of a command, likewise.
            expand: The references to expand.
        """
        low, high = time_range(since, until)
        return unpaged_request(
            DispatcherLog,
            "/dispatcher_logs",
            expand=expand,
            charging_sub_session_id=CHARGING_SUB_SESSION.id(sub_session_id),
            logged_at__gte=low,
            logged_at__lte=high,
        )
