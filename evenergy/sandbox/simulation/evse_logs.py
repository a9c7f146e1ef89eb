"""The logs of a charger: they follow from what the vehicle at home does."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from evenergy.sandbox.ids import digest
from evenergy.sandbox.seeded_random import SeededRandom
from evenergy.sandbox.simulation.driving import PLUGGED_IN, Phase, Segment
from evenergy.sandbox.simulation.fleet import Vehicle
from evenergy.sandbox.simulation.log import Log, command_id, span, stamps, uuid
from evenergy.sandbox.times import instant, text

_EVERY = {Phase.CHARGING: 300, Phase.WAITING: 1800}
_IDLE = 3600
_VOLTS = 230
_METERED = 1800  # between the meter values of a transaction
_HEARTBEAT = 7200
_FAULTS = (
    (504, "GATEWAY_TIMEOUT", "HardwareAPITimeout"),
    (401, "AUTHENTICATION_ERROR", "HardwareAPIUnauthorized"),
    (429, "RATE_LIMITED", "HardwareAPIThrottled"),
    (None, None, "WebSocketClosed"),
)
_REJECTED = 30  # one in so many remote starts is rejected


class Charger(Protocol):
    """A charger: its id, and what is stored of it."""

    @property
    def id(self) -> str:
        """Its id."""
        ...

    @property
    def values(self) -> dict[str, Any]:
        """Its rating, its first meter reading, its signal."""
        ...


def status_logs(charger: Charger, _: Vehicle, segments: Sequence[Segment], day: int) -> list[Log]:
    """Return samples of the state, most of them while it charges."""
    random = SeededRandom(f"{charger.id}/status/{day}")
    logs: list[Log] = []
    last = 0
    for segment in segments:
        every = _EVERY.get(segment.phase, _IDLE) if segment.at_home else _IDLE
        time = segment.start + random.uniform(2, 40)
        while time < segment.end:
            key, logged = stamps(time, random)
            if key > last:
                logs.append(Log(key, logged, partial(_status, charger, segment, time)))
                last = key
            time += every * random.uniform(0.9, 1.1)
    return logs


def command_logs(charger: Charger, vehicle: Vehicle, segments: Sequence[Segment], day: int) -> list[Log]:
    """Return the commands that start and stop charging, with the ids that the vehicle's logs have."""
    random = SeededRandom(f"{charger.id}/commands/{day}")
    logs: list[Log] = []
    for segment in _charging(segments):
        reason = "SCHEDULED_CHARGING" if segment.mode == "SMART" else "START_CHARGE"
        logs.append(_command(vehicle, segment, segment.start + random.uniform(0.2, 4), "START_CHARGE", reason))
        logs.append(_command(vehicle, segment, segment.end + random.uniform(0.2, 4), "STOP_CHARGE", "STOP_CHARGE"))
    return sorted(logs, key=lambda log: log.key)


def error_logs(charger: Charger, _: Vehicle, segments: Sequence[Segment], day: int) -> list[Log]:
    """Return the errors of the charger's own cloud."""
    random = SeededRandom(f"{charger.id}/errors/{day}")
    moments = sorted({instant(random.uniform(*span(segments))) for _ in range(random.choice((0, 0, 0, 1, 2)))})
    return [Log(moment, moment, partial(_fault, charger, moment)) for moment in moments]


def ocpp_logs(charger: Charger, vehicle: Vehicle, segments: Sequence[Segment], day: int) -> list[Log]:
    """Return the OCPP messages: heartbeats, changes of the state, and the transactions with their meter values."""
    del day
    events = sorted(_messages(charger, vehicle, segments), key=lambda event: event[0])
    logs: list[Log] = []
    last = 0
    for time, message in events:
        last = max(instant(time), last + 1)  # the instant names the log
        logs.append(Log(last, last, partial(message, charger, last)))
    return logs


def _charging(segments: Sequence[Segment]) -> Iterator[Segment]:
    return (segment for segment in segments if segment.at_home and segment.phase is Phase.CHARGING)


def _status(charger: Charger, segment: Segment, time: float) -> dict[str, object]:
    plugged_in = segment.at_home and segment.phase in PLUGGED_IN
    charging = plugged_in and segment.phase is Phase.CHARGING
    power = segment.power_at(segment.energy_at(time)) if charging else 0.0
    values = charger.values
    noise = digest(f"{charger.id}/{instant(time)}", 8)
    return {
        "is_plugged_in": plugged_in,
        "is_charging": charging,
        "charge_rate_watts": round(power),
        "export_power_watts": None,
        "control_pilot_status": "C" if charging else "B" if plugged_in else "A",
        "meter_reading_watt_hours": values["meter_watt_hours"] + round(segment.meter_at(time)),
        "is_enabled": not plugged_in or charging,
        "max_current_rating_milliamps": values["max_current_milliamps"],
        "cable_current_rating_milliamps": 32_000 if plugged_in else None,
        "signal_strength_rssi_dbm": None if values["signal"] is None else values["signal"] - noise % 7,
        "inlet_power_watts": round(power) if values["clamped"] else None,
        "voltage_millivolts": _VOLTS * 1000 + (noise - 128) * 20,
        "state_of_charge_percentage": None,
        "mode": "Charge" if charging else "Delay" if segment.phase is Phase.WAITING and plugged_in else "Idle",
    }


def _command(vehicle: Vehicle, segment: Segment, time: float, command: str, reason: str) -> Log:
    moment, starts = instant(time), command == "START_CHARGE"
    fields: dict[str, object] = {
        "max_load_target_milliamps": round(segment.power / _VOLTS * 1000) if starts else 0,
        "is_enabled_target": starts,
        "always_enabled": False,
        "reason": reason,
        "internal_command_id": command_id(vehicle.id, segment.start, command),
    }
    return Log(moment, moment, fields.copy)


def _fault(charger: Charger, moment: int) -> dict[str, object]:
    random = SeededRandom(f"{charger.id}/fault/{moment}")
    status, code, kind = random.choice(_FAULTS)
    return {
        "status_code": status,
        "controller": charger.values["controller"],
        "error_code": code,
        "error_type": kind,
        "error_detail": None if status is None else f"The charger's cloud responded with {status}",
        "external_request_id": None if status is None else f"req-{random.randrange(10**8):08}",
        "internal_command_id": uuid(random) if random.chance(0.5) else None,
    }


Message = Callable[[Charger, int], dict[str, object]]


def _messages(charger: Charger, vehicle: Vehicle, segments: Sequence[Segment]) -> Iterator[tuple[float, Message]]:
    start, end = span(segments)
    for beat in range(int(start // _HEARTBEAT) + 1, int(end // _HEARTBEAT) + 1):
        yield beat * _HEARTBEAT + digest(f"{charger.id}/beat", 10) / 4, _received("Heartbeat", {}, _time_now)
    plugged = False
    for segment in segments:
        now_plugged = segment.at_home and segment.phase in PLUGGED_IN
        if now_plugged != plugged or now_plugged:
            state = _STATES[segment.phase] if now_plugged else "Available"
            payload = {"connectorId": 1, "errorCode": "NoError", "status": state}
            yield segment.start + 0.5, _received("StatusNotification", payload, _nothing)
        plugged = now_plugged
        if now_plugged and segment.phase is Phase.CHARGING:
            yield from _transaction(charger, vehicle, segment)


_STATES = {Phase.WAITING: "SuspendedEVSE", Phase.CHARGING: "Charging", Phase.COMPLETE: "SuspendedEV"}


def _transaction(charger: Charger, vehicle: Vehicle, segment: Segment) -> Iterator[tuple[float, Message]]:
    number = digest(f"{charger.id}/{segment.start}", 31)
    base: int = charger.values["meter_watt_hours"]
    rejected = number % _REJECTED == 0

    def meter(time: float) -> int:
        return base + round(segment.meter_at(time))

    command = command_id(vehicle.id, segment.start, "START_CHARGE")
    yield (
        segment.start + 1,
        _sent("RemoteStartTransaction", {"connectorId": 1, "idTag": "EV"}, command, rejected=rejected),
    )
    opening: dict[str, object] = {"connectorId": 1, "idTag": "EV", "meterStart": meter(segment.start)}
    yield segment.start + 2, _received("StartTransaction", opening, lambda _: {"transactionId": number})
    time = segment.start + _METERED
    while time < segment.end:
        sample = {"value": str(meter(time)), "measurand": "Energy.Active.Import.Register", "unit": "Wh"}
        values = [{"timestamp": text(instant(time)), "sampledValue": [sample]}]
        yield (
            time,
            _received("MeterValues", {"connectorId": 1, "transactionId": number, "meterValue": values}, _nothing),
        )
        time += _METERED
    closing: dict[str, object] = {"transactionId": number, "meterStop": meter(segment.end), "reason": "Remote"}
    yield segment.end + 0.2, _received("StopTransaction", closing, _nothing)


def _received(action: str, payload: Mapping[str, object], respond: Callable[[int], dict[str, object]]) -> Message:
    def message(charger: Charger, moment: int) -> dict[str, object]:
        response = _response(moment, respond(moment), "NoError", None)
        number = str(digest(f"{charger.id}/{moment}", 31))
        return _message("Received", action, payload, number, response)

    return message


def _sent(action: str, payload: Mapping[str, object], message_id: str, *, rejected: bool) -> Message:
    def message(_: Charger, moment: int) -> dict[str, object]:
        if rejected:
            response = _response(moment, {}, "InternalError", "The connector is busy")
        else:
            response = _response(moment, {"status": "Accepted"}, "NoError", None)
        return _message("Sent", action, payload, message_id, response)

    return message


def _message(
    direction: str, action: str, payload: Mapping[str, object], message_id: str, response: dict[str, object]
) -> dict[str, object]:
    return {
        "direction": direction,
        "action": action,
        "payload": payload,
        "message_id": message_id,
        "response": response,
    }


def _response(moment: int, payload: dict[str, object], code: str, description: str | None) -> dict[str, object]:
    return {
        "sampled_at": text(moment + 120_000),
        "payload": payload,
        "error_code": code,
        "error_description": description,
    }


def _time_now(moment: int) -> dict[str, object]:
    return {"currentTime": text(moment)}


def _nothing(_: int) -> dict[str, object]:
    return {}
