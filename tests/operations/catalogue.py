from typing import get_args

from evenergy import (
    ChargingRegion,
    Confidence,
    ConnectorSource,
    ConnectorType,
    ModelExpand,
    TrimExpand,
    VehicleMake,
    VehicleModel,
    VehicleModelConnector,
    VehicleTrim,
)

from ._row import BASE, MAKE, MODEL, SINCE, TRIM, UNTIL, USER, Row

_CONNECTORS = f"/vehicle_models/{MODEL}/connectors"

ROWS = (
    Row(
        "get-vehicle_makes",
        lambda c: c.vehicle_makes.list(ordering="-name", available_for_user_id=USER, page_size=50),
        "GET /vehicle_makes",
        VehicleMake,
        "id",
    ),
    Row(
        "get-vehicle_makes-vehicle_make_id",
        lambda c: c.vehicle_makes.get(MAKE),
        f"GET /vehicle_makes/{MAKE}",
        VehicleMake,
    ),
    Row(
        "get-vehicle_models",
        lambda c: c.vehicle_models.list(
            make_id=MAKE, ordering="name", available_for_user_id=USER, expand=get_args(ModelExpand), page_size=50
        ),
        "GET /vehicle_models",
        VehicleModel,
        "id",
    ),
    Row(
        "get-vehicle_models-vehicle_model_id",
        lambda c: c.vehicle_models.get(MODEL, expand=get_args(ModelExpand)),
        f"GET /vehicle_models/{MODEL}",
        VehicleModel,
        response={"id": MODEL, "make": {"id": MAKE}},
    ),
    Row(
        "post-vehicle_models",
        lambda c: c.vehicle_models.create(name="Volt", make=MAKE),
        "POST /vehicle_models",
        VehicleModel,
        body={"make": f"{BASE}/vehicle_makes/{MAKE}"},
    ),
    Row(
        "patch-vehicle_models-vehicle_model_id",
        lambda c: c.vehicle_models.update(MODEL, default_connector_type=ConnectorType.CCS),
        f"PATCH /vehicle_models/{MODEL}",
        VehicleModel,
    ),
    Row(
        "get-vehicle_models-vehicle_model_id-connectors",
        lambda c: c.vehicle_models.connectors.list(MODEL, page_size=50),
        f"GET {_CONNECTORS}",
        VehicleModelConnector,
        "number",
    ),
    Row(
        "get-vehicle_models-vehicle_model_id-connectors-region",
        lambda c: c.vehicle_models.connectors.get(MODEL, ChargingRegion.EUROPE),
        f"GET {_CONNECTORS}/EUROPE",
        VehicleModelConnector,
    ),
    Row(
        "get-vehicle_models-vehicle_model_id-connectors-region",
        lambda c: c.vehicle_models.connectors.get(MODEL, "a/b?c"),
        f"GET {_CONNECTORS}/a%2Fb%3Fc",
    ),
    Row(
        "post-vehicle_models-vehicle_model_id-connectors",
        lambda c: c.vehicle_models.connectors.create(
            MODEL,
            region="EUROPE",
            connector_type=ConnectorType.CCS,
            source=ConnectorSource.DVLA,
            confidence=Confidence.LOW,
            verified_at=UNTIL,
        ),
        f"POST {_CONNECTORS}",
        VehicleModelConnector,
    ),
    Row(
        "patch-vehicle_models-vehicle_model_id-connectors-region",
        lambda c: c.vehicle_models.connectors.update(
            MODEL, "EUROPE", connector_type="CCS", source="DVLA", confidence="LOW", verified_at=SINCE
        ),
        f"PATCH {_CONNECTORS}/EUROPE",
        VehicleModelConnector,
    ),
    Row(
        "patch-vehicle_models-vehicle_model_id-connectors-region",
        lambda c: c.vehicle_models.connectors.update(MODEL, "EUROPE", connector_type="NEW_PLUG", confidence=None),
        f"PATCH {_CONNECTORS}/EUROPE",
    ),
    Row(
        "get-vehicle_trims",
        lambda c: c.vehicle_trims.list(model_id=MODEL, ordering="-name", expand=get_args(TrimExpand), page_size=50),
        "GET /vehicle_trims",
        VehicleTrim,
        "id",
    ),
    Row(
        "get-vehicle_trims-vehicle_trim_id",
        lambda c: c.vehicle_trims.get(TRIM, expand=get_args(TrimExpand)),
        f"GET /vehicle_trims/{TRIM}",
        VehicleTrim,
    ),
    Row(
        "post-vehicle_trims",
        lambda c: c.vehicle_trims.create(name="Long", model=MODEL, battery_size_watt_hours=60_000),
        "POST /vehicle_trims",
        VehicleTrim,
        body={"model": f"{BASE}/vehicle_models/{MODEL}"},
    ),
)
