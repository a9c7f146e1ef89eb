"""Operations that the client claims, against those of the description."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.operations import OPERATIONS
from tests.operations._row import VEHICLE
from tests.recorder import Exchange

from .__main__ import main
from .coverage import differences, missing, report
from .description import Description
from .recording import record

Recorded = dict[str, list[Exchange]]


@pytest.fixture(scope="session")
def recorded() -> Recorded:
    return asyncio.run(record())


def test_operations_are_as_described(description: Description, recorded: Recorded) -> None:
    assert list(differences(description, recorded)) == []


def test_the_report_counts(description: Description) -> None:
    assert next(report(description)) == f"covered {len(OPERATIONS)}/{len(description.operations)}"
    assert len(OPERATIONS) >= 41


def logs(document: Any) -> Any:
    return document["paths"]["/vehicles/{vehicle_id}/status_logs"]["get"]


def lose_operation(document: Any) -> None:
    del document["paths"]["/vehicle_makes"]


def move_path(document: Any) -> None:
    document["paths"]["/makes"] = document["paths"].pop("/vehicle_makes")


def change_method(document: Any) -> None:
    item = document["paths"]["/vehicles/{vehicle_id}"]
    item["put"] = item.pop("patch")


def rename_parameter(document: Any) -> None:
    document["components"]["parameters"]["sampled_at__gte"]["name"] = "since"


def add_parameter(document: Any) -> None:
    logs(document)["parameters"].append({"in": "query", "name": "state", "schema": {"type": "string"}})


def lose_parameter(document: Any) -> None:
    logs(document)["parameters"].pop()


def add_header(document: Any) -> None:
    logs(document)["parameters"].append({"in": "header", "name": "Accept-Language", "schema": {"type": "string"}})


def lose_header(document: Any) -> None:
    operation = document["paths"]["/vehicle_waitlist"]["post"]
    operation["parameters"] = [one for one in operation["parameters"] if "Accept-Language" not in str(one)]


def add_field(document: Any) -> None:
    document["components"]["schemas"]["VehicleWrite"]["properties"]["colour"] = {"type": "string"}


def lose_field(document: Any) -> None:
    del document["components"]["schemas"]["VehicleWrite"]["properties"]["description"]


def add_expansion(document: Any) -> None:
    document["components"]["parameters"]["expand-on-vehicle"]["schema"]["items"]["enum"].append("evse")


CHANGES: list[tuple[Callable[[Any], None], str]] = [
    (lose_operation, "get-vehicle_makes: the description has no such operation"),
    (move_path, "get-vehicle_makes: the client sends GET /vehicle_makes, not GET /makes"),
    (change_method, f"patch-vehicles: the client sends PATCH /vehicles/{VEHICLE}, not PUT /vehicles/{{vehicle_id}}"),
    (rename_parameter, "get-vehicles-vehicle_id-status_logs: the client cannot send the query parameter since"),
    (add_parameter, "get-vehicles-vehicle_id-status_logs: the client cannot send the query parameter state"),
    (
        lose_parameter,
        "get-vehicles-vehicle_id-status_logs: the description has no query parameter expand, which the client sends",
    ),
    (add_header, "get-vehicles-vehicle_id-status_logs: the client cannot send the header accept-language"),
    (lose_header, "post-vehicle_waitlist: the description has no header accept-language, which the client sends"),
    (add_field, "post-vehicles: the client cannot send the field of the body colour"),
    (lose_field, "post-vehicles: the description has no field of the body description, which the client sends"),
    (add_expansion, "get-vehicles: the client cannot send the expansion evse"),
]


@pytest.mark.parametrize(("change", "message"), CHANGES, ids=lambda one: getattr(one, "__name__", ""))
def test_a_change_is_seen(
    description: Description, recorded: Recorded, change: Callable[[Any], None], message: str
) -> None:
    document = copy.deepcopy(description.document)
    change(document)
    assert message in list(differences(Description(document), recorded))


def add_operation(document: Any) -> None:
    document["paths"]["/vehicle_colours"] = {
        "get": {"operationId": "get-vehicle_colours", "tags": ["Vehicles"], "responses": {}}
    }


def test_a_new_operation_is_seen(description: Description) -> None:
    document = copy.deepcopy(description.document)
    add_operation(document)
    assert "get-vehicle_colours" in {operation.id for operation in missing(Description(document))}


def test_the_command_names_a_new_operation(
    description: Description, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = copy.deepcopy(description.document)
    add_operation(changed)
    newer = tmp_path / "newer.json"
    newer.write_text(json.dumps(changed, default=str))
    assert main([str(newer)]) == 1
    lines = capsys.readouterr().out.splitlines()
    at = lines.index("New operations, which the client lacks:")
    assert lines[at + 1] == "GET /vehicle_colours (get-vehicle_colours)"


def test_the_command(
    description_path: Path, description: Description, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(description_path)]) == 0
    assert capsys.readouterr().out.startswith(f"covered {len(OPERATIONS)}/")
    changed = copy.deepcopy(description.document)
    rename_parameter(changed)
    newer = tmp_path / "newer.json"
    newer.write_text(json.dumps(changed, default=str))
    assert main([str(newer)]) == 1
    assert "cannot send the query parameter since" in capsys.readouterr().out


def test_the_command_needs_a_description(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EVENERGY_OPENAPI", raising=False)
    assert main([]) == 2
