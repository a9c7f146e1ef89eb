from typing import get_args

from evenergy import (
    EVSE,
    EVSEConnectivity,
    EVSEConnectivityExpand,
    EVSEExpand,
    EVSEReconnectionUrl,
    LatLong,
    VPPModes,
)

from ._row import CHARGER, Row

_EVSE = f"/evses/{CHARGER}"

ROWS = (
    Row(
        "get-evses",
        lambda c: c.evses.list(cpid="SHIR 100001", expand=get_args(EVSEExpand), page_size=50),
        "GET /evses",
        EVSE,
        "id",
    ),
    Row(
        "get-evses-evse_id",
        lambda c: c.evses.get(CHARGER, expand=get_args(EVSEExpand)),
        f"GET {_EVSE}",
        EVSE,
        response={"id": CHARGER, "latest_status_log": {"is_charging": True}, "location": None},
    ),
    Row(
        "patch-evses-evse_id",
        lambda c: c.evses.update(
            CHARGER, location={"latitude": 51.5, "longitude": -0.00001}, expand=get_args(EVSEExpand)
        ),
        f"PATCH {_EVSE}",
        EVSE,
    ),
    Row(
        "patch-evses-evse_id",
        lambda c: c.evses.update(CHARGER, location=LatLong(latitude=51.5, longitude=0)),
        f"PATCH {_EVSE}",
        body={"location": {"latitude": 51.5, "longitude": 0}},
    ),
    Row("delete-evses-evse_id", lambda c: c.evses.delete(CHARGER), f"DELETE {_EVSE}", None),
    Row(
        "post-evses-evse_id-reconnect",
        lambda c: c.evses.reconnect(CHARGER),
        f"POST {_EVSE}/reconnect",
        EVSEReconnectionUrl,
        body={},
        status=201,
    ),
    Row("get-evses-evse_id-vpp_modes", lambda c: c.evses.vpp_modes(CHARGER), f"GET {_EVSE}/vpp_modes", VPPModes),
    Row(
        "get-evses-evse_id-connectivity",
        lambda c: c.evses.connectivity(CHARGER, expand=get_args(EVSEConnectivityExpand)),
        f"GET {_EVSE}/connectivity",
        EVSEConnectivity,
    ),
)
