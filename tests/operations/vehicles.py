from typing import get_args

from evenergy import (
    UNSET,
    ConnectorType,
    Vehicle,
    VehicleClass,
    VehicleConnectors,
    VehicleExpand,
    VehicleReconnectionUrl,
    VehicleStateOfCharge,
    VPPModes,
)

from ._row import BASE, MODEL, USER, VEHICLE, Row

_VEHICLE = f"/vehicles/{VEHICLE}"

ROWS = (
    Row(
        "get-vehicles",
        lambda c: c.vehicles.list(expand=get_args(VehicleExpand), page_size=50),
        "GET /vehicles",
        Vehicle,
        "id",
    ),
    Row(
        "get-vehicles-vehicle_id",
        lambda c: c.vehicles.get(VEHICLE, expand=get_args(VehicleExpand)),
        f"GET {_VEHICLE}",
        Vehicle,
    ),
    Row(
        "post-vehicles",
        lambda c: c.vehicles.create(
            model=MODEL,
            battery_size_watt_hours=60_000,
            description="Ours",
            vehicle_class=VehicleClass.COMMERCIAL,
            user=USER,
            expand=get_args(VehicleExpand),
        ),
        "POST /vehicles",
        Vehicle,
        body={"model": f"{BASE}/vehicle_models/{MODEL}", "user": f"{BASE}/users/{USER}"},
        needs_user=True,
    ),
    Row(
        "patch-vehicles",
        lambda c: c.vehicles.update(
            VEHICLE,
            maximum_charge_limit_percentage=80,
            smart_charging_enabled=False,
            vehicle_class=VehicleClass.PASSENGER,
            battery_size_watt_hours=60_000,
            expand=get_args(VehicleExpand),
        ),
        f"PATCH {_VEHICLE}",
        Vehicle,
    ),
    Row(
        "patch-vehicles",
        lambda c: c.vehicles.update(VEHICLE, vehicle_class="SUBMARINE", battery_size_watt_hours=UNSET),
        f"PATCH {_VEHICLE}",
    ),
    Row("delete-vehicles", lambda c: c.vehicles.delete(VEHICLE), f"DELETE {_VEHICLE}", None),
    Row(
        "delete-vehicles",
        lambda c: c.vehicles.delete(VEHICLE),
        f"DELETE {_VEHICLE}",
        response={"vehicles": 1},
        status=200,
    ),
    Row(
        "post-vehicles-vehicle_id-reconnect",
        lambda c: c.vehicles.reconnect(VEHICLE),
        f"POST {_VEHICLE}/reconnect",
        VehicleReconnectionUrl,
        body={},
    ),
    Row(
        "post-vehicles-vehicle_id-disconnect",
        lambda c: c.vehicles.disconnect(VEHICLE),
        f"POST {_VEHICLE}/disconnect",
        Vehicle,
    ),
    Row(
        "get-vehicles-vehicle_id-vpp_modes",
        lambda c: c.vehicles.vpp_modes(VEHICLE),
        f"GET {_VEHICLE}/vpp_modes",
        VPPModes,
    ),
    Row(
        "get-vehicles-vehicle_id-connectors",
        lambda c: c.vehicles.connectors.get(VEHICLE),
        f"GET {_VEHICLE}/connectors",
        VehicleConnectors,
    ),
    Row(
        "patch-vehicles-vehicle_id-connectors",
        lambda c: c.vehicles.connectors.update(VEHICLE, native_connector="CCS", adaptors=["NACS"]),
        f"PATCH {_VEHICLE}/connectors",
        VehicleConnectors,
    ),
    Row(
        "patch-vehicles-vehicle_id-connectors",
        lambda c: c.vehicles.connectors.update(VEHICLE, adaptors=(text for text in (ConnectorType.NACS, "NEW_PLUG"))),
        f"PATCH {_VEHICLE}/connectors",
        body={"adaptors": ["NACS", "NEW_PLUG"]},
    ),
    Row(
        "get-vehicles-vehicle_id-state_of_charge",
        lambda c: c.vehicles.state_of_charge.get(VEHICLE),
        f"GET {_VEHICLE}/state_of_charge",
        VehicleStateOfCharge,
    ),
    Row(
        "patch-vehicles-vehicle_id-state_of_charge",
        lambda c: c.vehicles.state_of_charge.update(VEHICLE, state_of_charge_percentage=0),
        f"PATCH {_VEHICLE}/state_of_charge",
        VehicleStateOfCharge,
    ),
)
