"""The operations that the client covers, one row each, called with all the parameters that they have.

Both clients are called through the same row. Cursors are no arguments: a listing follows the provider's links, so its
row says what these hold.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import get_args

import attrs

from evenergy import AsyncClient
from evenergy.resources.catalogue import ModelExpand, TrimExpand
from evenergy.resources.users import UserExpand
from evenergy.resources.vehicle_logs import LogExpand
from evenergy.resources.vehicles import VehicleExpand

USER = "user01HN2NJ9NMRZBXT1H6FT9N7735"
VEHICLE = "vhcl01HRFF3SEVSCRAV9B3CHVDFN0H"
MAKE = "vmak01HRFHBCM7VBSWRPVYFBQMH2BR"
MODEL = "vmod01HRFHBCM7VBSWRPVYFBQMH2BR"
TRIM = "trim01HRFHBCM7VBSWRPVYFBQMH2BR"
PROGRAM = "prog01HRFHBCM7VBSWRPVYFBQMH2BR"
AUTHORIZATION = "0f8fad5b-d9cb-469f-a165-70867728950e"

SINCE = datetime(2024, 4, 16, 9, 39, 45, 994584, UTC)
UNTIL = datetime(2024, 4, 17, 9, 39, 45, tzinfo=UTC)

# All that can be expanded, as the client's own types list it; the description must list the same.
EXPAND_LOG: tuple[LogExpand, ...] = get_args(LogExpand)
EXPAND_MODEL: tuple[ModelExpand, ...] = get_args(ModelExpand)
EXPAND_TRIM: tuple[TrimExpand, ...] = get_args(TrimExpand)
EXPAND_USER: tuple[UserExpand, ...] = get_args(UserExpand)
EXPAND_VEHICLE: tuple[VehicleExpand, ...] = get_args(VehicleExpand)

ID_CURSORS = ("page_after=vhcl01HRFF3SEVSCRAV9B3CHVDFN0H", "page_before=vhcl01HRFF3SEVSCRAV9B3CHVDFN0H")
TIME_CURSORS = ("page_after=2024-04-17T09%3A39%3A45.994584Z", "page_before=2024-04-17T09%3A39%3A45.994584Z")
NUMBERS = ("page=2", "page=1")


@attrs.frozen
class Operation:
    """One operation of the API, and how the client calls it.

    Attributes:
        id: The operation's id in the description.
        method: The HTTP method, in capitals.
        path: The path's template.
        call: The call, with all that the operation takes.
        links: The queries of the links to the next and the previous page; none where there are no pages.
    """

    id: str
    method: str
    path: str
    call: Callable[[AsyncClient], object]
    links: tuple[str, ...] = ()


OPERATIONS = (
    Operation("get-root", "GET", "/", lambda c: c.root()),
    Operation(
        "get-users",
        "GET",
        "/users",
        lambda c: c.users.list(email="driver@example.com", expand=EXPAND_USER, page_size=50),
        ID_CURSORS,
    ),
    Operation("get-users-user_id", "GET", "/users/{user_id}", lambda c: c.users.get(USER, expand=EXPAND_USER)),
    # What a vehicle is
    Operation(
        "get-vehicles", "GET", "/vehicles", lambda c: c.vehicles.list(expand=EXPAND_VEHICLE, page_size=50), ID_CURSORS
    ),
    Operation(
        "post-vehicles",
        "POST",
        "/vehicles",
        lambda c: c.vehicles.create(
            model=MODEL,
            battery_size_watt_hours=60_000,
            description="The blue one",
            vehicle_class="PASSENGER",
            user=USER,
            expand=EXPAND_VEHICLE,
        ),
    ),
    Operation(
        "get-vehicles-vehicle_id",
        "GET",
        "/vehicles/{vehicle_id}",
        lambda c: c.vehicles.get(VEHICLE, expand=EXPAND_VEHICLE),
    ),
    Operation(
        "patch-vehicles",
        "PATCH",
        "/vehicles/{vehicle_id}",
        lambda c: c.vehicles.update(
            VEHICLE,
            maximum_charge_limit_percentage=80,
            smart_charging_enabled=True,
            vehicle_class=None,
            battery_size_watt_hours=60_000,
            expand=EXPAND_VEHICLE,
        ),
    ),
    Operation("delete-vehicles", "DELETE", "/vehicles/{vehicle_id}", lambda c: c.vehicles.delete(VEHICLE)),
    Operation(
        "post-vehicles-vehicle_id-reconnect",
        "POST",
        "/vehicles/{vehicle_id}/reconnect",
        lambda c: c.vehicles.reconnect(VEHICLE),
    ),
    Operation(
        "post-vehicles-vehicle_id-disconnect",
        "POST",
        "/vehicles/{vehicle_id}/disconnect",
        lambda c: c.vehicles.disconnect(VEHICLE),
    ),
    Operation(
        "get-vehicles-vehicle_id-vpp_modes",
        "GET",
        "/vehicles/{vehicle_id}/vpp_modes",
        lambda c: c.vehicles.vpp_modes(VEHICLE),
    ),
    Operation(
        "get-vehicles-vehicle_id-connectors",
        "GET",
        "/vehicles/{vehicle_id}/connectors",
        lambda c: c.vehicles.connectors.get(VEHICLE),
    ),
    Operation(
        "patch-vehicles-vehicle_id-connectors",
        "PATCH",
        "/vehicles/{vehicle_id}/connectors",
        lambda c: c.vehicles.connectors.update(VEHICLE, native_connector="CCS", adaptors=["NACS"]),
    ),
    Operation(
        "get-vehicles-vehicle_id-state_of_charge",
        "GET",
        "/vehicles/{vehicle_id}/state_of_charge",
        lambda c: c.vehicles.state_of_charge.get(VEHICLE),
    ),
    Operation(
        "patch-vehicles-vehicle_id-state_of_charge",
        "PATCH",
        "/vehicles/{vehicle_id}/state_of_charge",
        lambda c: c.vehicles.state_of_charge.update(VEHICLE, state_of_charge_percentage=55),
    ),
    # What it reported
    Operation(
        "get-vehicles-vehicle_id-status_logs",
        "GET",
        "/vehicles/{vehicle_id}/status_logs",
        lambda c: c.vehicles.status_logs.list(VEHICLE, since=SINCE, until=UNTIL, expand=EXPAND_LOG, page_size=50),
        TIME_CURSORS,
    ),
    Operation(
        "get-vehicles-vehicle_id-status_logs-timestamp",
        "GET",
        "/vehicles/{vehicle_id}/status_logs/{sampled_at}",
        lambda c: c.vehicles.status_logs.get(VEHICLE, SINCE, expand=EXPAND_LOG),
    ),
    Operation(
        "get-vehicles-vehicle_id-location_logs",
        "GET",
        "/vehicles/{vehicle_id}/location_logs",
        lambda c: c.vehicles.location_logs.list(VEHICLE, since=SINCE, until=UNTIL, expand=EXPAND_LOG, page_size=50),
        TIME_CURSORS,
    ),
    Operation(
        "get-vehicles-vehicle_id-location_logs-timestamp",
        "GET",
        "/vehicles/{vehicle_id}/location_logs/{sampled_at}",
        lambda c: c.vehicles.location_logs.get(VEHICLE, SINCE, expand=EXPAND_LOG),
    ),
    Operation(
        "get-vehicles-vehicle_id-error_logs",
        "GET",
        "/vehicles/{vehicle_id}/error_logs",
        lambda c: c.vehicles.error_logs.list(VEHICLE, since=SINCE, until=UNTIL, expand=EXPAND_LOG, page_size=50),
        TIME_CURSORS,
    ),
    Operation(
        "get-vehicles-vehicle_id-error_logs-timestamp",
        "GET",
        "/vehicles/{vehicle_id}/error_logs/{logged_at}",
        lambda c: c.vehicles.error_logs.get(VEHICLE, SINCE, expand=EXPAND_LOG),
    ),
    Operation(
        "get-vehicles-vehicle_id-command_logs",
        "GET",
        "/vehicles/{vehicle_id}/command_logs",
        lambda c: c.vehicles.command_logs.list(VEHICLE, since=SINCE, until=UNTIL, expand=EXPAND_LOG, page_size=50),
        TIME_CURSORS,
    ),
    Operation(
        "get-vehicles-vehicle_id-command_logs-timestamp",
        "GET",
        "/vehicles/{vehicle_id}/command_logs/{logged_at}",
        lambda c: c.vehicles.command_logs.get(VEHICLE, SINCE, expand=EXPAND_LOG),
    ),
    # The catalogue
    Operation(
        "get-vehicle_makes",
        "GET",
        "/vehicle_makes",
        lambda c: c.vehicle_makes.list(ordering="-name", available_for_user_id=USER, page_size=50),
        ID_CURSORS,
    ),
    Operation(
        "get-vehicle_makes-vehicle_make_id",
        "GET",
        "/vehicle_makes/{vehicle_make_id}",
        lambda c: c.vehicle_makes.get(MAKE),
    ),
    Operation(
        "get-vehicle_models",
        "GET",
        "/vehicle_models",
        lambda c: c.vehicle_models.list(
            make_id=MAKE, ordering="name", available_for_user_id=USER, expand=EXPAND_MODEL, page_size=50
        ),
        ID_CURSORS,
    ),
    Operation(
        "post-vehicle_models",
        "POST",
        "/vehicle_models",
        lambda c: c.vehicle_models.create(name="C40", make=MAKE),
    ),
    Operation(
        "get-vehicle_models-vehicle_model_id",
        "GET",
        "/vehicle_models/{vehicle_model_id}",
        lambda c: c.vehicle_models.get(MODEL, expand=EXPAND_MODEL),
    ),
    Operation(
        "patch-vehicle_models-vehicle_model_id",
        "PATCH",
        "/vehicle_models/{vehicle_model_id}",
        lambda c: c.vehicle_models.update(MODEL, default_connector_type="CCS"),
    ),
    Operation(
        "get-vehicle_models-vehicle_model_id-connectors",
        "GET",
        "/vehicle_models/{vehicle_model_id}/connectors",
        lambda c: c.vehicle_models.connectors.list(MODEL, page_size=50),
        NUMBERS,
    ),
    Operation(
        "post-vehicle_models-vehicle_model_id-connectors",
        "POST",
        "/vehicle_models/{vehicle_model_id}/connectors",
        lambda c: c.vehicle_models.connectors.create(
            MODEL, region="EUROPE", connector_type="CCS", source="DVLA", confidence="LOW", verified_at=SINCE
        ),
    ),
    Operation(
        "get-vehicle_models-vehicle_model_id-connectors-region",
        "GET",
        "/vehicle_models/{vehicle_model_id}/connectors/{region}",
        lambda c: c.vehicle_models.connectors.get(MODEL, "EUROPE"),
    ),
    Operation(
        "patch-vehicle_models-vehicle_model_id-connectors-region",
        "PATCH",
        "/vehicle_models/{vehicle_model_id}/connectors/{region}",
        lambda c: c.vehicle_models.connectors.update(
            MODEL, "EUROPE", connector_type="CCS", source=None, confidence=None, verified_at=None
        ),
    ),
    Operation(
        "get-vehicle_trims",
        "GET",
        "/vehicle_trims",
        lambda c: c.vehicle_trims.list(model_id=MODEL, ordering="name", expand=EXPAND_TRIM, page_size=50),
        ID_CURSORS,
    ),
    Operation(
        "post-vehicle_trims",
        "POST",
        "/vehicle_trims",
        lambda c: c.vehicle_trims.create(name="Twin", model=MODEL, battery_size_watt_hours=60_000),
    ),
    Operation(
        "get-vehicle_trims-vehicle_trim_id",
        "GET",
        "/vehicle_trims/{vehicle_trim_id}",
        lambda c: c.vehicle_trims.get(TRIM, expand=EXPAND_TRIM),
    ),
    # How it comes to ev.energy
    Operation(
        "get-vehicle_onboarding",
        "GET",
        "/vehicle_onboarding",
        lambda c: c.vehicle_onboarding.start(
            USER,
            client_id="an-application",
            make_id=MAKE,
            model_id=MODEL,
            trim_id=TRIM,
            redirect_uri="https://app.example.com/linked",
        ),
    ),
    Operation(
        "post-vehicle_onboarding-complete",
        "POST",
        "/vehicle_onboarding/complete",
        lambda c: c.vehicle_onboarding.complete(
            authorization_request_id=AUTHORIZATION, auth_code="a-code", smartcar_user_id="a-user"
        ),
    ),
    Operation(
        "post-vehicle_onboarding-onboarding_link",
        "POST",
        "/vehicle_onboarding/onboarding_link",
        lambda c: c.vehicle_onboarding.send_link(email="driver@example.com", make=MAKE),
    ),
    Operation(
        "get-vehicle_compatibility-check",
        "GET",
        "/vehicle_compatibility/check",
        lambda c: c.vehicle_compatibility.check(
            MODEL, country="GB", program_id=PROGRAM, client_id="an-application", language="en-GB"
        ),
    ),
    Operation(
        "post-vehicle_waitlist",
        "POST",
        "/vehicle_waitlist",
        lambda c: c.vehicle_waitlist.create(
            email="driver@example.com",
            vehicle_model=MODEL,
            vehicle_make_name="Volvo",
            vehicle_model_name="C40",
            program_id=PROGRAM,
            client_id="an-application",
            language="en-GB",
        ),
    ),
)
