"""Client for the ev.energy v2 API: electric vehicles, what they reported and when, their catalogue and drivers.

    async with evenergy.AsyncClient(auth) as client:
        async for log in client.vehicles.status_logs.list(vehicle_id, since=yesterday):
            ...

`AsyncClient` is for asyncio, `Client` has the same names for code that cannot await. What is raised stands in
`evenergy.errors`; a server to try it all against is `evenergy.sandbox.Sandbox`.
"""

import importlib
import typing

from msgspec import UNSET

from . import logs
from .auth import Auth, AuthorizationCode, AuthorizationRequest, BearerToken, ClientCredentials, Token, TokenSource
from .blocking import BlockingPager
from .calls import Response
from .client import AsyncClient, Client
from .codec import to_dict
from .errors import (
    AuthenticationError,
    BadRequestError,
    ClosedError,
    ConflictError,
    DecodeError,
    EvEnergyError,
    InvalidArgumentError,
    MethodNotAllowedError,
    NotAcceptableError,
    NotFoundError,
    OutcomeUnknownError,
    PayloadTooLargeError,
    PermissionDeniedError,
    ProblemError,
    RateLimitError,
    RequestTimeoutError,
    ServerError,
    TransportError,
    UnprocessableEntityError,
)
from .fanout import FanOut, Outcome
from .limits import RateLimit
from .pager import Page, Pager
from .retry import Retry

if typing.TYPE_CHECKING:
    from .catalogue import (
        ChargingRegion,
        Confidence,
        ConnectorSource,
        ConnectorType,
        ModelExpand,
        Ordering,
        TrimExpand,
        VehicleMake,
        VehicleModel,
        VehicleModelConnector,
        VehicleTrim,
    )
    from .onboarding import (
        AuthMethod,
        CompletedOnboarding,
        OnboardedVehicle,
        VehicleCompatibility,
        VehicleOnboarding,
        WaitlistEntry,
    )
    from .telemetry import (
        Command,
        CurrentType,
        Integration,
        LogExpand,
        Vehicle,
        VehicleClass,
        VehicleCommandLog,
        VehicleErrorLog,
        VehicleLocationLog,
        VehicleState,
        VehicleStatusLog,
    )
    from .users import (
        LatLong,
        Location,
        User,
        UserExpand,
    )
    from .vehicles import (
        StateOfChargeSource,
        VehicleConnectors,
        VehicleExpand,
        VehicleReconnectionUrl,
        VehicleStateOfCharge,
        VPPModes,
    )
else:

    def __getattr__(name: str) -> object:
        """A value class: a domain is imported when something of it is first asked for."""
        for domain in _DOMAINS if name in __all__ else ():
            found = getattr(importlib.import_module(f".{domain}", __name__), name, None)
            if found is not None:
                globals()[name] = found
                return found
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


_DOMAINS = ("telemetry", "vehicles", "catalogue", "onboarding", "users")

logs.configure()

__all__ = [
    "UNSET",
    "AsyncClient",
    "Auth",
    "AuthMethod",
    "AuthenticationError",
    "AuthorizationCode",
    "AuthorizationRequest",
    "BadRequestError",
    "BearerToken",
    "BlockingPager",
    "ChargingRegion",
    "Client",
    "ClientCredentials",
    "ClosedError",
    "Command",
    "CompletedOnboarding",
    "Confidence",
    "ConflictError",
    "ConnectorSource",
    "ConnectorType",
    "CurrentType",
    "DecodeError",
    "EvEnergyError",
    "FanOut",
    "Integration",
    "InvalidArgumentError",
    "LatLong",
    "Location",
    "LogExpand",
    "MethodNotAllowedError",
    "ModelExpand",
    "NotAcceptableError",
    "NotFoundError",
    "OnboardedVehicle",
    "Ordering",
    "Outcome",
    "OutcomeUnknownError",
    "Page",
    "Pager",
    "PayloadTooLargeError",
    "PermissionDeniedError",
    "ProblemError",
    "RateLimit",
    "RateLimitError",
    "RequestTimeoutError",
    "Response",
    "Retry",
    "ServerError",
    "StateOfChargeSource",
    "Token",
    "TokenSource",
    "TransportError",
    "TrimExpand",
    "UnprocessableEntityError",
    "User",
    "UserExpand",
    "VPPModes",
    "Vehicle",
    "VehicleClass",
    "VehicleCommandLog",
    "VehicleCompatibility",
    "VehicleConnectors",
    "VehicleErrorLog",
    "VehicleExpand",
    "VehicleLocationLog",
    "VehicleMake",
    "VehicleModel",
    "VehicleModelConnector",
    "VehicleOnboarding",
    "VehicleReconnectionUrl",
    "VehicleState",
    "VehicleStateOfCharge",
    "VehicleStatusLog",
    "VehicleTrim",
    "WaitlistEntry",
    "to_dict",
]
