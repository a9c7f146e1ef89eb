"""The operations by method and path, each with the scope that it needs."""

import attrs

from evenergy.sandbox import reads, writes
from evenergy.sandbox.log_reader import COMMAND, ERROR, LOCATION, STATUS
from evenergy.sandbox.requests import Operation


@attrs.frozen
class Route:
    """One operation; without a scope it serves anonymous callers too."""

    method: str
    path: str
    operation: Operation
    scope: str | None


_SEE, _CHANGE, _CURATE = "vehicle:read", "vehicle:write", "vehicle_catalogue:write"
_SCOPE_OF_LOGS = {STATUS: _SEE, LOCATION: _SEE, ERROR: _SEE, COMMAND: "debug:read"}

ROUTES = (
    Route("GET", "", reads.root, None),
    Route("GET", "/users", reads.users, "user:read"),
    Route("GET", "/users/{id}", reads.user, "user:read"),
    Route("GET", "/vehicles", reads.vehicles, _SEE),
    Route("POST", "/vehicles", writes.create_vehicle, _CHANGE),
    Route("GET", "/vehicles/{id}", reads.vehicle, _SEE),
    Route("PATCH", "/vehicles/{id}", writes.update_vehicle, _CHANGE),
    Route("DELETE", "/vehicles/{id}", writes.delete_vehicle, _CHANGE),
    *(
        route
        for kind, scope in _SCOPE_OF_LOGS.items()
        for route in (
            Route("GET", f"/vehicles/{{id}}/{kind.name}", reads.log_list(kind), scope),
            Route("GET", f"/vehicles/{{id}}/{kind.name}/{{key}}", reads.one_log(kind), scope),
        )
    ),
    Route("GET", "/vehicles/{id}/connectors", reads.vehicle_connectors, _SEE),
    Route("PATCH", "/vehicles/{id}/connectors", writes.update_vehicle_connectors, _CHANGE),
    Route("GET", "/vehicles/{id}/state_of_charge", reads.state_of_charge, _SEE),
    Route("PATCH", "/vehicles/{id}/state_of_charge", writes.update_state_of_charge, _CHANGE),
    Route("GET", "/vehicles/{id}/vpp_modes", reads.vpp_modes, _SEE),
    Route("POST", "/vehicles/{id}/reconnect", writes.reconnect, _CHANGE),
    Route("POST", "/vehicles/{id}/disconnect", writes.disconnect, _CHANGE),
    Route("GET", "/vehicle_makes", reads.makes, None),
    Route("GET", "/vehicle_makes/{id}", reads.make, None),
    Route("GET", "/vehicle_models", reads.models, None),
    Route("POST", "/vehicle_models", writes.create_model, _CHANGE),
    Route("GET", "/vehicle_models/{id}", reads.model, None),
    Route("PATCH", "/vehicle_models/{id}", writes.update_model, _CURATE),
    Route("GET", "/vehicle_models/{id}/connectors", reads.connectors, None),
    Route("POST", "/vehicle_models/{id}/connectors", writes.create_connector, _CURATE),
    Route("GET", "/vehicle_models/{id}/connectors/{key}", reads.connector, None),
    Route("PATCH", "/vehicle_models/{id}/connectors/{key}", writes.update_connector, _CURATE),
    Route("GET", "/vehicle_trims", reads.trims, _SEE),
    Route("POST", "/vehicle_trims", writes.create_trim, _CHANGE),
    Route("GET", "/vehicle_trims/{id}", reads.trim, _SEE),
    Route("GET", "/vehicle_compatibility/check", reads.compatibility, None),
    Route("POST", "/vehicle_waitlist", writes.join_waitlist, None),
)
