"""Home energy management: the power and the energy between sun, battery, home and grid."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from evenergy._codec import validate
from evenergy._codec.model import model
from evenergy._codec.urls import Parameter
from evenergy._codec.wire_types import Member, OpenEnum, Time
from evenergy._core.blocking import BlockingPager
from evenergy._core.pagination import Pager
from evenergy._core.resource import M_co, Resource, in_two_forms, operation, paged
from evenergy._transport.request import DividedRequest, ListRequest, Request, list_request, request

from ._kinds import Kind

__all__ = [
    "EnergyStatsResolution",
    "HEMSystem",
    "HEMSystemEnergyStats",
    "HEMSystemEnergyStatsBucket",
    "HEMSystemLivePower",
]

HEM_SYSTEM = Kind("hems", "hem_systems")

_MONTH = 31 * 86_400  # seconds
_NEVER = datetime.max.replace(tzinfo=UTC)


class EnergyStatsResolution(OpenEnum):
    """Length of the periods of energy statistics, as ISO 8601 durations: half an hour, a day, a month."""

    P1D = Member("P1D")
    P1M = Member("P1M")
    PT30M = Member("PT30M")


@model
class HEMSystem:
    """Home energy management system: a home with its sun, battery and meter."""

    id: str
    url: str | None = None
    created_at: Time | None = None


@model
class HEMSystemLivePower:
    """Power in a home at one time, in watts. Each is None when a device that it follows from did not report.

    Attributes:
        sampled_at: The time at which it was measured.
        generation_watts: The power of the sun.
        charge_watts: The power into the battery.
        discharge_watts: The power out of the battery.
        battery_state_of_charge_percentage: The state of charge of the battery, 0 to 100.
    """

    sampled_at: Time | None = None
    generation_watts: int | None = None
    consumption_watts: int | None = None
    import_watts: int | None = None
    export_watts: int | None = None
    charge_watts: int | None = None
    discharge_watts: int | None = None
    solar_to_home_watts: int | None = None
    solar_to_battery_watts: int | None = None
    solar_to_grid_watts: int | None = None
    battery_to_home_watts: int | None = None
    battery_to_grid_watts: int | None = None
    grid_to_home_watts: int | None = None
    grid_to_battery_watts: int | None = None
    battery_state_of_charge_percentage: int | None = None


@model
class HEMSystemEnergyStatsBucket:
    """Energy in a home over one period, in watt hours (``_wh``). Each is None when it is not known.

    Attributes:
        period_start: The beginning of the period.
        period_end: The end of the period.
        generation_wh: The energy of the sun.
        charge_wh: The energy into the battery.
        discharge_wh: The energy out of the battery.
        avg_battery_state_of_charge_percentage: The mean state of charge of the battery, 0 to 100.
    """

    period_start: Time | None = None
    period_end: Time | None = None
    generation_wh: int | None = None
    consumption_wh: int | None = None
    import_wh: int | None = None
    export_wh: int | None = None
    charge_wh: int | None = None
    discharge_wh: int | None = None
    avg_battery_state_of_charge_percentage: int | None = None
    solar_to_home_wh: int | None = None
    solar_to_battery_wh: int | None = None
    solar_to_grid_wh: int | None = None
    battery_to_home_wh: int | None = None
    battery_to_grid_wh: int | None = None
    grid_to_home_wh: int | None = None
    grid_to_battery_wh: int | None = None


@model
class HEMSystemEnergyStats:
    """Energy in a home over a span of time.

    Attributes:
        resolution: The length of the periods.
        start: The beginning of the span.
        end: The end of the span.
        buckets: The periods, in order.
    """

    resolution: EnergyStatsResolution | None = None
    start: Time | None = None
    end: Time | None = None
    buckets: list[HEMSystemEnergyStatsBucket] | None = None


class HEMSystems(Resource[M_co]):
    """Home energy management systems. The methods raise what `evenergy.errors` lists."""

    @operation
    def get(self, system_id: str, /) -> Request[HEMSystem]:
        """Return one system, by id or URL. API: ``GET /hem_systems/{hem_system_id}``."""
        return request(HEMSystem, "GET", HEM_SYSTEM.path(system_id))

    @paged
    def list(self, *, page_size: int | None = None) -> ListRequest[HEMSystem]:
        """List all systems that the credentials, or the client's ``user``, may see. API: ``GET /hem_systems``."""
        return list_request(HEMSystem, HEM_SYSTEM.all, page_size=page_size)

    @operation
    def energy_stats(
        self, system_id: str, /, *, start: datetime, end: datetime, resolution: EnergyStatsResolution | str
    ) -> Request[HEMSystemEnergyStats]:
        """Return the energy of a home over a span. API: ``GET /hem_systems/{hem_system_id}/energy_stats``.

        Args:
            system_id: An id or a URL.
            start: The beginning, as an aware datetime; on a boundary of the periods in the home's time zone.
            end: The end, likewise: at most 24 hours later for ``PT30M``, 31 days for ``P1D``, 366 days for ``P1M``.
            resolution: The length of the periods.
        """
        path = HEM_SYSTEM.path(system_id, "energy_stats")
        return request(HEMSystemEnergyStats, "GET", path, start=start, end=end, resolution=resolution)

    @in_two_forms(BlockingPager)
    def energy_buckets(
        self, system_id: str, /, *, start: datetime, end: datetime, resolution: EnergyStatsResolution | str
    ) -> Pager[HEMSystemEnergyStatsBucket]:
        """List the energy of a home period by period, over any span: a request for each part that the API allows.

        A part is 24 hours of ``PT30M``, 31 days of ``P1D``, a year of ``P1M``; it is `energy_stats`, page by page.

        Args:
            system_id: An id or a URL.
            start: The beginning, as an aware datetime in the home's time zone, such as
                ``datetime(2026, 1, 1, tzinfo=ZoneInfo("Europe/London"))``: days and months are counted in this zone.
            end: The end, likewise.
            resolution: The length of the periods.

        Raises:
            InvalidArgumentError: An end is no aware datetime, or ``end`` is not later than ``start``.
        """
        spans = _spans(*validate.span(start, end), resolution)
        queries = (dict[str, Parameter](start=first, end=last, resolution=resolution) for first, last in spans)
        path = HEM_SYSTEM.path(system_id, "energy_stats")
        return Pager(self._session, DividedRequest(HEMSystemEnergyStatsBucket, path, queries, wrapped_in="buckets"))

    @operation
    def live_power(self, system_id: str, /) -> Request[HEMSystemLivePower]:
        """Return the power in a home now. API: ``GET /hem_systems/{hem_system_id}/live_power``."""
        return request(HEMSystemLivePower, "GET", HEM_SYSTEM.path(system_id, "live_power"))


def _spans(start: datetime, end: datetime, resolution: str) -> Iterator[tuple[datetime, datetime]]:
    """Yield the parts of a span of time, each no longer than the API allows."""
    while (part_end := _part_end(start, resolution)).timestamp() < end.timestamp():
        yield start, part_end
        start = part_end
    yield start, end


def _part_end(start: datetime, resolution: str) -> datetime:
    """Return the end of the longest part: by the clock on the wall, and no longer in hours.

    When clocks go back a day has 25 hours.
    """
    try:
        if resolution == EnergyStatsResolution.PT30M:
            hours_later = (start.astimezone(UTC) + timedelta(days=1)).astimezone(start.tzinfo)
            return min(hours_later, start + timedelta(days=1), key=datetime.timestamp)
        if resolution == EnergyStatsResolution.P1D:
            later = start + timedelta(days=31)
            return later if later.timestamp() - start.timestamp() <= _MONTH else start + timedelta(days=30)
        if resolution == EnergyStatsResolution.P1M:
            return start.replace(year=start.year + 1, day=min(start.day, 28))
    except (OverflowError, ValueError):  # behind the year 9999
        pass
    return _NEVER  # a resolution without a known bound
