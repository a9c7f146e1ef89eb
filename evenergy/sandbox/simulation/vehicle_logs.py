"""The logs that one cycle of a vehicle leaves."""

import math
from collections.abc import Sequence
from functools import partial

from evenergy.sandbox.seeded_random import SeededRandom
from evenergy.sandbox.simulation.driving import PLUGGED_IN, Phase, Segment
from evenergy.sandbox.simulation.fleet import Vehicle
from evenergy.sandbox.simulation.log import Log, command_id, span, stamps, uuid
from evenergy.sandbox.times import instant

_EVERY = {Phase.DRIVING: 240, Phase.CHARGING: 600, Phase.WAITING: 1800, Phase.COMPLETE: 2400, Phase.PARKED: 3600}
_SPACING = 61.0  # seconds between samples: more than any takes to be stored, so that logs come in order
_STATES = {
    Phase.PARKED: "STATIONARY",
    Phase.DRIVING: "DRIVING",
    Phase.WAITING: "PLUGGED_IN_NOT_CHARGING",
    Phase.CHARGING: "PLUGGED_IN_CHARGING",
    Phase.COMPLETE: "PLUGGED_IN_COMPLETE",
}
_JUST_DRIVEN = 900.0
_ASLEEP, _GAPS = 0.03, 0.05  # shares of samples that hold nothing, or lack some fields
_CONFIRMED = 11  # of 16 commands have an id of the make's cloud, too
_NEARLY = 0.03
_AC, _DC = "AC - Typically home chargers", "DC - Typically OTG chargers"  # the whole text is the value
_FAULTS = (
    (429, "RATE_LIMITED", "ThrottledError"),
    (408, "VEHICLE_ASLEEP", "TimeoutError"),
    (503, "PROVIDER_UNAVAILABLE", "ProviderError"),
    (401, "TOKEN_EXPIRED", "AuthenticationError"),
)


def status_logs(_: Vehicle, vehicle: Vehicle, segments: Sequence[Segment], day: int) -> list[Log]:
    """Return samples of the state, more often when more goes on, and not at all while the vehicle has no reception."""
    random = SeededRandom(f"{vehicle.id}/status/{day}")
    pace = vehicle.trim.model.make.telematics.pace
    dark_from, dark_to = _darkness(segments, random)
    last, end = -math.inf, segments[-1].end - _SPACING
    logs: list[Log] = []
    for segment in segments:
        every = _EVERY[segment.phase] * pace
        time = max(segment.start + random.uniform(1, 30), last + _SPACING)
        stop = min(segment.end, end)
        while time < stop:
            key, logged = stamps(time, random)
            noise = random.random()
            if not dark_from <= time < dark_to:
                # Most samples are only counted or skipped, so their fields are made when they are read.
                logs.append(Log(key, logged, partial(_measured, vehicle, segment, time, noise)))
            last = time
            time += every * random.uniform(0.6, 1.4)
    return logs


def location_logs(_: Vehicle, vehicle: Vehicle, segments: Sequence[Segment], day: int) -> list[Log]:
    """Return a log of each departure and each arrival."""
    random = SeededRandom(f"{vehicle.id}/location/{day}")
    logs: list[Log] = []
    for segment in segments:
        if segment.phase in (Phase.DRIVING, Phase.PARKED) and segment.end - segment.start > 2 * _SPACING:
            key, logged = stamps(segment.start + random.uniform(1, 60), random)
            at_home = segment.at_home if vehicle.owner.consented else None
            logs.append(Log(key, logged, partial(dict[str, object], at_home=at_home)))
    return logs


def error_logs(_: Vehicle, vehicle: Vehicle, segments: Sequence[Segment], day: int) -> list[Log]:
    """Return the errors that the make's cloud gave now and then."""
    random = SeededRandom(f"{vehicle.id}/errors/{day}")
    moments = sorted({instant(random.uniform(*span(segments))) for _ in range(random.choice((0, 0, 1, 1, 2, 4)))})
    return [Log(moment, moment, partial(_fault, vehicle, moment)) for moment in moments]


def command_logs(_: Vehicle, vehicle: Vehicle, segments: Sequence[Segment], day: int) -> list[Log]:
    """Return the commands that wake the vehicle up, and start and stop its charging at home."""
    random = SeededRandom(f"{vehicle.id}/commands/{day}")
    logs: list[Log] = []
    for segment in segments:
        if segment.at_home and segment.phase is Phase.WAITING:
            logs.append(_command(vehicle, segment.start + random.uniform(1, 60), "SEND_SCHEDULE", segment))
        if segment.at_home and segment.phase is Phase.CHARGING:
            logs.append(_command(vehicle, segment.start + random.uniform(1, 5), "WAKE_UP", segment))
            logs.append(_command(vehicle, segment.start + random.uniform(6, 20), "START_CHARGE", segment))
            logs.append(_command(vehicle, segment.end + random.uniform(0.1, 1), "STOP_CHARGE", segment))
    return sorted(logs, key=lambda log: log.key)


def _darkness(segments: Sequence[Segment], random: SeededRandom) -> tuple[float, float]:
    start = random.uniform(*span(segments))
    return start, start + (random.uniform(1, 5) * 3600 if random.chance(0.2) else 0)


def _measured(vehicle: Vehicle, segment: Segment, time: float, noise: float) -> dict[str, object]:
    telematics = vehicle.trim.model.make.telematics
    fields = _state(segment, time, vehicle.setting_at(time).limit)
    fields["data_source"] = telematics.source
    for name in telematics.never:
        fields[name] = None
    if noise < _ASLEEP:  # the cloud responds without any measurement
        fields |= dict.fromkeys(fields)
        fields |= {"data_source": telematics.source, "state": "UNKNOWN"}
    elif noise < _ASLEEP + _GAPS:
        fields |= dict.fromkeys(SeededRandom(noise).sample(tuple(fields), 3))
    return fields


def _state(segment: Segment, time: float, limit: int) -> dict[str, object]:
    phase, battery, energy = segment.phase, segment.battery, segment.energy_at(time)
    charging, power = phase is Phase.CHARGING, segment.power_at(energy)
    complete = phase is Phase.COMPLETE
    plugged_in = phase in PLUGGED_IN
    return {
        "state_of_charge_percentage": round(100 * energy / battery),
        "is_charging": charging,
        "is_plugged_in": plugged_in,
        "charge_rate_watts": round(power),
        "estimated_charge_rate_watts": round(power / 100) * 100 if charging else None,
        "charge_level_watt_hours": round(energy),
        "target_charge_level_percentage": limit,
        "target_charge_level_watt_hours": round(limit / 100 * battery),
        "charge_energy_added_watt_hours": round(energy - segment.plugged_energy) if plugged_in else None,
        "minutes_to_full_charge": math.ceil(segment.hours_left(energy) * 60) if charging or complete else None,
        "current_type": (_AC if segment.at_home else _DC) if plugged_in else None,
        "is_complete": complete,
        "odometer_meters": round(segment.odometer_at(time)),
        "data_source": None,
        "state": _state_name(segment, time, energy),
    }


def _state_name(segment: Segment, time: float, energy: float) -> str:
    if segment.phase is Phase.CHARGING and segment.target - energy < _NEARLY * segment.battery:
        return "PLUGGED_IN_ALMOST_COMPLETE"
    if segment.phase is Phase.PARKED and segment.after_drive and time - segment.start < _JUST_DRIVEN:
        return "RECENTLY_FINISHED_DRIVING"
    return _STATES[segment.phase]


def _fault(vehicle: Vehicle, moment: int) -> dict[str, object]:
    random = SeededRandom(f"{vehicle.id}/fault/{moment}")
    status, code, kind = random.choice(_FAULTS)
    command = random.choice(("vehicle_data", "start_charge", "stop_charge", "wake_up"))
    return {
        "status_code": status,
        "controller": vehicle.trim.model.make.telematics.source,
        "error_code": code,
        "error_type": kind,
        "request_id": uuid(random),
        "command": command,
        "error_detail": f"{command}: the vehicle's cloud responded with {status}",
        "internal_command_id": None if command == "vehicle_data" else uuid(random),
    }


def _command(vehicle: Vehicle, time: float, command: str, segment: Segment) -> Log:
    internal = command_id(vehicle.id, segment.start, command)
    current = round(segment.power / 230 * 1000) if command in ("START_CHARGE", "STOP_CHARGE") else None
    fields: dict[str, object] = {
        "command": command,
        "external_command_id": internal[-12:] if int(internal[0], 16) < _CONFIRMED else None,
        "current_milliamps": current,
        "internal_command_id": internal,
    }
    moment = instant(time)
    return Log(moment, moment, fields.copy)
