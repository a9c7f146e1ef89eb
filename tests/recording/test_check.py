"""Checks of a recording: the sandbox's own shows no difference, and each change of it is found."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, cast

import attrs
import pytest

from evenergy.recording.check import Finding, library_findings
from evenergy.recording.files import Recording, read
from evenergy.recording.routes import patterns
from evenergy.recording.shapes import Shapes, sandbox_findings, shapes_of
from tests.recording.conftest import Recorded

GONE = object()
"""Value of a field that is removed."""


def findings(recordings: list[tuple[str, Recording]], simulated: Shapes) -> list[Finding]:
    return [*library_findings(recordings), *sandbox_findings(shapes_of(recordings), simulated)]


def changed(recorded: Recorded, path: str, changes: Mapping[str, object]) -> list[tuple[str, Recording]]:
    """Return the recordings, with changes in the first body of an operation: in the first item of a listing."""
    recordings, at = list(recorded.recordings), recorded.named(path)
    name, recording = recordings[at]
    body: Any = copy.deepcopy(recording.body)
    for where, value in changes.items():
        *above, last = where.split(".")
        holder: Any = cast("Any", body)[0] if isinstance(body, list) else body
        for one in above:
            holder = holder[int(one) if one.isdigit() else one]
        if value is GONE:
            del holder[last]
        else:
            holder[last] = value
    recordings[at] = (name, attrs.evolve(recording, body=body))
    return recordings


def test_the_recording_of_the_sandbox_shows_no_difference(recorded: Recorded, simulated: Shapes) -> None:
    assert findings(recorded.recordings, simulated) == []
    assert len({one.path for _, one in recorded.recordings}) > 145
    assert {one.path for _, one in recorded.recordings} <= set(patterns())


def test_recordings_are_read_as_they_were_written(recorded: Recorded) -> None:
    assert sorted(read(recorded.path), key=str) == sorted(recorded.recordings, key=str)


STATUS = "/vehicles/{}/status_logs"


@pytest.mark.parametrize(
    ("path", "changes", "expected"),
    [
        (
            STATUS,
            {"is_charging": "yes"},
            [
                ("library", "undecodable", "is_charging", "expected true or false, got 'yes' at $[].is_charging"),
                ("sandbox", "new type", "is_charging", "never sends a string here"),
            ],
        ),
        (STATUS, {"odometer_meters": 70.5}, [("library", "undecodable", "odometer_meters", "70.5")]),
        (STATUS, {"odometer_meters": 70.0}, []),
        (STATUS, {"sampled_at": "text 1 (9)"}, [("library", "undecodable", "sampled_at", "a time")]),
        (
            STATUS,
            {"cabin_temperature": 21.5},
            [
                ("library", "new field", "cabin_temperature", "VehicleStatusLog has no such field: a number"),
                ("sandbox", "new field", "cabin_temperature", "never sends this field"),
            ],
        ),
        (
            STATUS,
            {"state": "DRIVING_BACKWARDS"},
            [("library", "new value", "state", "VehicleState has no 'DRIVING_BACKWARDS'")],
        ),
        (STATUS, {"logged_at": None}, [("sandbox", "new type", "logged_at", "never sends null")]),
        (STATUS, {"is_charging": GONE}, []),
        (
            "/vehicles/{}",
            {"id": GONE},
            [("library", "undecodable", "id", "the field is missing at $.id")],
        ),
        (
            "/vehicles",
            {"id": None},
            [
                ("library", "undecodable", "id", "expected a string, got null"),
                ("sandbox", "new type", "id", "never sends null here"),
            ],
        ),
        (
            "/carbon_feeds/{}/carbon_intensities",
            {"carbon_intensities.0.source": "x", "carbon_intensities.0.started_at": 7},
            [
                ("library", "new field", "source", "CarbonIntensity"),
                ("library", "undecodable", "started_at", "a time"),
                ("sandbox", "new field", "source", ""),
                ("sandbox", "new type", "started_at", "a number"),
            ],
        ),
        (
            "/users",
            {"default_location.coordinates": [51.5, -0.1]},
            [
                ("library", "undecodable", "default_location.coordinates", "an object"),
                ("sandbox", "new type", "default_location.coordinates", "never sends an array here"),
            ],
        ),
    ],
)
def test_a_change_of_a_response_is_found(
    recorded: Recorded,
    simulated: Shapes,
    path: str,
    changes: Mapping[str, object],
    expected: list[tuple[str, str, str, str]],
) -> None:
    found = findings(changed(recorded, path, changes), simulated)
    told = sorted((one.of, one.problem, one.field, one.message) for one in found)
    assert [one[:3] for one in told] == [one[:3] for one in sorted(expected)]
    assert all(words in message for (*_, message), (*_, words) in zip(told, sorted(expected), strict=True))
    assert {one.operation for one in found} <= {path}
    assert {one.file for one in found} <= {recorded.recordings[recorded.named(path)][0]}


def test_a_page_that_is_no_json_and_an_operation_that_nobody_knows_are_found(recorded: Recorded) -> None:
    name, vehicles = recorded.recordings[recorded.named("/vehicles")]
    unknown = attrs.evolve(vehicles, path="/scooters", url="https://api.ev.energy/v2/scooters")
    found = library_findings([(name, attrs.evolve(vehicles, body=None)), ("get-scooters.json", unknown)])
    assert [(one.operation, one.field, one.problem) for one in found] == [
        ("/vehicles", "", "undecodable"),
        ("/scooters", "", "no operation"),
    ]


def test_errors_are_no_responses_to_decode(recorded: Recorded) -> None:
    errors = [(name, one) for name, one in recorded.recordings if one.status >= 400]
    assert errors
    assert library_findings(errors) == []
    assert shapes_of(errors).seen == {}
