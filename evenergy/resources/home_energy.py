"""Home energy management: the power and the energy between sun, battery, home and grid."""

from __future__ import annotations

from datetime import datetime

from evenergy._codec.model import model
from evenergy._codec.wire_types import Member, OpenEnum, Time
from evenergy._core.resource import M_co, Resource, operation, paged
from evenergy._transport.request import ListRequest, Request, list_request, request

from ._kinds import HEM_SYSTEM

__all__ = [
    "EnergyStatsResolution",
    "HEMSystem",
    "HEMSystemEnergyStats",
    "HEMSystemEnergyStatsBucket",
    "HEMSystemLivePower",
]


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

    @operation
    def live_power(self, system_id: str, /) -> Request[HEMSystemLivePower]:
        """Return the power in a home now. API: ``GET /hem_systems/{hem_system_id}/live_power``."""
        return request(HEMSystemLivePower, "GET", HEM_SYSTEM.path(system_id, "live_power"))
