"""Virtual power plants: dispatch coordinators, their events and logs, and the modes of devices."""

from __future__ import annotations

from datetime import datetime

from msgspec import UNSET, UnsetType

from evenergy._codec.model import model
from evenergy._codec.urls import segments
from evenergy._codec.validate import log_key, time_range, word_id
from evenergy._codec.wire_types import Member, OpenEnum, Time, reference_id
from evenergy._core.resource import Child, M_co, Resource, operation, paged
from evenergy._transport.request import ListRequest, Request, fields, list_request, request

__all__ = [
    "DispatchCoordinator",
    "DispatchEvent",
    "DispatchEventCancellation",
    "DispatchEventCancellationStatus",
    "DispatchLog",
    "VPPModes",
]


class DispatchEventCancellationStatus(OpenEnum):
    """Result of the cancellation of an event."""

    CANCELLED = Member("CANCELLED")


@model
class VPPModes:
    """Modes in which a virtual power plant can control a vehicle or a charger."""

    target_power: bool | None = None
    import_max_power: bool | None = None
    export_max_power: bool | None = None
    charge_mode: bool | None = None


@model
class DispatchCoordinator:
    """Coordinator that dispatches a fleet; its id is a word of no fixed form.

    Attributes:
        reference_code: A name for programs.
        contract_start: The beginning of the contract; None when it is not known.
        contract_end: The end of the contract; None when it has none.
        timezone: The IANA name of its time zone.
        dispatch_logs: The URL of its logs, fit for ``client.pages``.
    """

    id: str
    url: str | None = None
    name: str | None = None
    reference_code: str | None = None
    contract_start: Time | None = None
    contract_end: Time | None = None
    timezone: str | None = None
    dispatch_logs: str | None = None


@model
class DispatchLog:
    """Power of the fleet of a coordinator at one time.

    Attributes:
        url: Ends in the time that names the log.
        logged_at: The time at which it was stored.
        total_charge_rate_watts: The power with which the whole fleet charges.
        dispatch_coordinator: The URL of the coordinator.
    """

    url: str | None = None
    logged_at: Time | None = None
    total_charge_rate_watts: int | None = None
    dispatch_coordinator: str | None = None

    @property
    def dispatch_coordinator_id(self) -> str | None:
        """Return the id of the coordinator."""
        return reference_id(self.dispatch_coordinator)


@model
class DispatchEvent:
    """Event for the fleet of a coordinator. Each limit is None when the event has none of that kind.

    Attributes:
        start_time: The beginning.
        end_time: The end.
        import_limit_watts: The most power from the grid.
        export_limit_watts: The most power to the grid.
        target_power_watts: The power to reach.
        dispatch_coordinator: The URL of the coordinator.
    """

    id: str
    url: str | None = None
    start_time: Time | None = None
    end_time: Time | None = None
    import_limit_watts: int | None = None
    export_limit_watts: int | None = None
    target_power_watts: int | None = None
    dispatch_coordinator: str | None = None

    @property
    def dispatch_coordinator_id(self) -> str | None:
        """Return the id of the coordinator."""
        return reference_id(self.dispatch_coordinator)


@model
class DispatchEventCancellation:
    """Response to the cancellation of an event."""

    status: DispatchEventCancellationStatus | None = None


class DispatchEvents(Resource[M_co]):
    """Events of coordinators. The API has no way to read them back. The methods raise what `evenergy.errors` lists."""

    @operation
    def create(
        self,
        coordinator_id: str,
        /,
        *,
        start_time: datetime,
        end_time: datetime,
        import_limit_watts: int | UnsetType | None = UNSET,
        export_limit_watts: int | UnsetType | None = UNSET,
        target_power_watts: int | UnsetType | None = UNSET,
    ) -> Request[DispatchEvent]:
        """Create an event. It is never sent twice: an `OutcomeUnknownError` says that it may have taken effect.

        By the provider's description the API checks the event and does not keep it yet.
        API: ``POST /dispatch_coordinators/{dispatch_coordinator_id}/dispatch_events``.

        Args:
            coordinator_id: The id of the coordinator.
            start_time: The beginning, as an aware datetime.
            end_time: The end, likewise.
            import_limit_watts: The most power from the grid; None for no limit.
            export_limit_watts: The most power to the grid; None for no limit.
            target_power_watts: The power to reach; None for no target.
        """
        body = fields(
            start_time=start_time,
            end_time=end_time,
            import_limit_watts=import_limit_watts,
            export_limit_watts=export_limit_watts,
            target_power_watts=target_power_watts,
        )
        return request(DispatchEvent, "POST", _path(coordinator_id, "dispatch_events"), body=body)

    @operation
    def cancel(self, coordinator_id: str, event_id: str, /) -> Request[DispatchEventCancellation]:
        """Cancel an event. It is never sent twice.

        API: ``POST /dispatch_coordinators/{dispatch_coordinator_id}/dispatch_events/{dispatch_event_id}/cancel``.
        """
        path = _path(coordinator_id, "dispatch_events", word_id("event_id", event_id), "cancel")
        return request(DispatchEventCancellation, "POST", path)


class DispatchLogs(Resource[M_co]):
    """Logs of coordinators, newest first. The methods raise what `evenergy.errors` lists."""

    @operation
    def get(self, coordinator_id: str, time: datetime | str, /) -> Request[DispatchLog]:
        """Return one log, by the time that names it.

        API: ``GET /dispatch_coordinators/{dispatch_coordinator_id}/dispatch_logs/{logged_at}``.

        Args:
            coordinator_id: The id of the coordinator.
            time: An aware datetime, or the last part of the log's ``url`` as it is there.
        """
        return request(DispatchLog, "GET", _path(coordinator_id, "dispatch_logs", log_key(time)))

    @paged
    def list(
        self,
        coordinator_id: str,
        /,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        page_size: int | None = None,
    ) -> ListRequest[DispatchLog]:
        """List the logs of a coordinator, newest first.

        API: ``GET /dispatch_coordinators/{dispatch_coordinator_id}/dispatch_logs``.

        Args:
            coordinator_id: The id of the coordinator.
            since: The earliest time at which they were stored, as an aware datetime.
            until: The latest such time, likewise.
            page_size: Logs for each request, 1 to 100; 100 unless it is given.
        """
        path, (low, high) = _path(coordinator_id, "dispatch_logs"), time_range(since, until)
        return list_request(DispatchLog, path, page_size=page_size, logged_at__gte=low, logged_at__lte=high)


class DispatchCoordinators(Resource[M_co]):
    """Coordinators that dispatch fleets. The methods raise what `evenergy.errors` lists."""

    dispatch_events: Child[DispatchEvents[M_co]] = Child("vpp:DispatchEvents")
    """Events for their fleets."""
    dispatch_logs: Child[DispatchLogs[M_co]] = Child("vpp:DispatchLogs")
    """Power of their fleets, newest first."""

    @operation
    def get(self, coordinator_id: str, /) -> Request[DispatchCoordinator]:
        """Return one coordinator. API: ``GET /dispatch_coordinators/{dispatch_coordinator_id}``."""
        return request(DispatchCoordinator, "GET", _path(coordinator_id))

    @paged
    def list(self, *, page_size: int | None = None) -> ListRequest[DispatchCoordinator]:
        """List all coordinators that the credentials, or the client's ``user``, may see.

        API: ``GET /dispatch_coordinators``.
        """
        return list_request(DispatchCoordinator, "/dispatch_coordinators", page_size=page_size)


def _path(coordinator_id: str, *below: str) -> str:
    """Return the path of a coordinator, or of something below it; its id is a word of no fixed form."""
    return segments("dispatch_coordinators", word_id("coordinator_id", coordinator_id), *below)
