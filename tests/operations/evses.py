from typing import get_args

from evenergy import (
    EVSE as Charger,
    EVSEConnectivity,
    EVSEConnectivityExpand,
    EVSEExpand,
    EVSEReconnectionUrl,
    LatLong,
    VPPModes,
)

from ._row import EVSE, Row

_EVSE = f"/evses/{EVSE}"

ROWS = (
    Row(
        "get-evses",
        lambda c: c.evses.list(cpid="SHIR 100001", expand=get_args(EVSEExpand), page_size=50),
        "GET /evses",
        Charger,
        "id",
    ),
    Row(
        "get-evses-evse_id",
        lambda c: c.evses.get(EVSE, expand=get_args(EVSEExpand)),
        f"GET {_EVSE}",
        Charger,
        response={"id": EVSE, "latest_status_log": {"is_charging": True}, "location": None},
    ),
    Row(
        "patch-evses-evse_id",
        lambda c: c.evses.update(
            EVSE, location={"latitude": 51.5, "longitude": -0.00001}, expand=get_args(EVSEExpand)
        ),
        f"PATCH {_EVSE}",
        Charger,
    ),
    Row(
        "patch-evses-evse_id",
        lambda c: c.evses.update(EVSE, location=LatLong(latitude=51.5, longitude=0)),
        f"PATCH {_EVSE}",
        body={"location": {"latitude": 51.5, "longitude": 0}},
    ),
    Row("delete-evses-evse_id", lambda c: c.evses.delete(EVSE), f"DELETE {_EVSE}", None),
    Row(
        "post-evses-evse_id-reconnect",
        lambda c: c.evses.reconnect(EVSE),
        f"POST {_EVSE}/reconnect",
        EVSEReconnectionUrl,
        body={},
        status=201,
    ),
    Row("get-evses-evse_id-vpp_modes", lambda c: c.evses.vpp_modes(EVSE), f"GET {_EVSE}/vpp_modes", VPPModes),
    Row(
        "get-evses-evse_id-connectivity",
        lambda c: c.evses.connectivity(EVSE, expand=get_args(EVSEConnectivityExpand)),
        f"GET {_EVSE}/connectivity",
        EVSEConnectivity,
    ),
)
