"""Pages of logs, as a run hands them out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs

from evenergy import VehicleState, VehicleStatusLog

VEHICLES = [f"vhcl_01HZXJ7Q0000000000000000{n:02d}" for n in range(20)]
BASE = "https://api.ev.energy/v2/vehicles"
START = datetime(2026, 10, 31, 22, tzinfo=UTC)


@attrs.frozen
class Page:
    """Page as `FleetDatabase.save` takes it."""

    logs: list[VehicleStatusLog]
    marks: dict[str, str]


def log_of(vehicle: str, minute: int) -> VehicleStatusLog:
    """Return the log of a vehicle at a minute since the start."""
    sampled = START + timedelta(minutes=minute)
    return VehicleStatusLog(
        url=f"{BASE}/{vehicle}/status_logs/{sampled.isoformat()}",
        vehicle=f"{BASE}/{vehicle}",
        sampled_at=sampled,
        logged_at=sampled + timedelta(seconds=3, microseconds=7),
        is_charging=minute % 2 == 0,
        state_of_charge_percentage=minute % 101,
        state=VehicleState.DRIVING,
    )


def page_of(vehicle: str, minutes: range, mark: str) -> Page:
    """Return a page of one vehicle."""
    return Page([log_of(vehicle, minute) for minute in minutes], {vehicle: mark})
