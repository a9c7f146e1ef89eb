"""Client for the ev.energy v2 API: electric vehicles, their reports, chargers, charging and programs.

    async with evenergy.AsyncClient(auth) as client:
        async for log in client.vehicles.status_logs.list(vehicle_id, since=yesterday):
            ...

`AsyncClient` is for asyncio, `Client` has the same names for code that cannot await. The errors stand in
`evenergy.errors`; a server to try it all against is `evenergy.sandbox.Sandbox`.
"""

import importlib
import typing

from . import _logging

if typing.TYPE_CHECKING:
    from msgspec import UNSET as UNSET

    from ._codec.decode import (
        to_dict as to_dict,
    )
    from ._codec.wire_types import (
        expanded as expanded,
    )
    from ._core.blocking import (
        BlockingPager as BlockingPager,
    )
    from ._core.fan_out import (
        FanOut as FanOut,
    )
    from ._core.fan_out import (
        Outcome as Outcome,
    )
    from ._core.pagination import (
        Page as Page,
    )
    from ._core.pagination import (
        Pager as Pager,
    )
    from ._transport.rate_limiter import (
        RateLimit as RateLimit,
    )
    from ._transport.request import (
        Response as Response,
    )
    from ._transport.retry import (
        Retry as Retry,
    )
    from .auth import (
        Auth as Auth,
    )
    from .auth import (
        AuthorizationCode as AuthorizationCode,
    )
    from .auth import (
        AuthorizationRequest as AuthorizationRequest,
    )
    from .auth import (
        BearerToken as BearerToken,
    )
    from .auth import (
        ClientCredentials as ClientCredentials,
    )
    from .auth import (
        Token as Token,
    )
    from .auth import (
        TokenSource as TokenSource,
    )
    from .client import (
        AsyncClient as AsyncClient,
    )
    from .client import (
        Client as Client,
    )
    from .errors import (
        AuthenticationError as AuthenticationError,
    )
    from .errors import (
        BadRequestError as BadRequestError,
    )
    from .errors import (
        ClosedError as ClosedError,
    )
    from .errors import (
        ConflictError as ConflictError,
    )
    from .errors import (
        DecodeError as DecodeError,
    )
    from .errors import (
        EvEnergyError as EvEnergyError,
    )
    from .errors import (
        InvalidArgumentError as InvalidArgumentError,
    )
    from .errors import (
        MethodNotAllowedError as MethodNotAllowedError,
    )
    from .errors import (
        NotAcceptableError as NotAcceptableError,
    )
    from .errors import (
        NotFoundError as NotFoundError,
    )
    from .errors import (
        OutcomeUnknownError as OutcomeUnknownError,
    )
    from .errors import (
        PayloadTooLargeError as PayloadTooLargeError,
    )
    from .errors import (
        PermissionDeniedError as PermissionDeniedError,
    )
    from .errors import (
        ProblemError as ProblemError,
    )
    from .errors import (
        RateLimitError as RateLimitError,
    )
    from .errors import (
        RequestTimeoutError as RequestTimeoutError,
    )
    from .errors import (
        ServerError as ServerError,
    )
    from .errors import (
        TransportError as TransportError,
    )
    from .errors import (
        UnprocessableEntityError as UnprocessableEntityError,
    )
    from .resources.catalogue import *
    from .resources.onboarding import *
    from .resources.users import *
    from .resources.vehicle_logs import *
    from .resources.vehicles import *

_MODULES: dict[str, tuple[str, ...]] = {
    "._codec.decode": ("to_dict",),
    "._codec.wire_types": ("expanded",),
    "._core.blocking": ("BlockingPager",),
    "._core.fan_out": (
        "FanOut",
        "Outcome",
    ),
    "._core.pagination": (
        "Page",
        "Pager",
    ),
    "._transport.rate_limiter": ("RateLimit",),
    "._transport.request": ("Response",),
    "._transport.retry": ("Retry",),
    ".auth": (
        "Auth",
        "AuthorizationCode",
        "AuthorizationRequest",
        "BearerToken",
        "ClientCredentials",
        "Token",
        "TokenSource",
    ),
    ".client": (
        "AsyncClient",
        "Client",
    ),
    ".errors": (
        "AuthenticationError",
        "BadRequestError",
        "ClosedError",
        "ConflictError",
        "DecodeError",
        "EvEnergyError",
        "InvalidArgumentError",
        "MethodNotAllowedError",
        "NotAcceptableError",
        "NotFoundError",
        "OutcomeUnknownError",
        "PayloadTooLargeError",
        "PermissionDeniedError",
        "ProblemError",
        "RateLimitError",
        "RequestTimeoutError",
        "ServerError",
        "TransportError",
        "UnprocessableEntityError",
    ),
    "msgspec": ("UNSET",),
    ".resources.catalogue": (
        "ChargingRegion",
        "Confidence",
        "ConnectorSource",
        "ConnectorType",
        "ModelExpand",
        "Ordering",
        "TrimExpand",
        "VehicleMake",
        "VehicleModel",
        "VehicleModelConnector",
        "VehicleTrim",
    ),
    ".resources.onboarding": (
        "AuthMethod",
        "CompletedOnboarding",
        "OnboardedVehicle",
        "VehicleCompatibility",
        "VehicleOnboarding",
        "WaitlistEntry",
    ),
    ".resources.users": (
        "LatLong",
        "Location",
        "User",
        "UserExpand",
    ),
    ".resources.vehicle_logs": (
        "Command",
        "VehicleCommandLog",
        "VehicleErrorLog",
        "VehicleLocationLog",
    ),
    ".resources.vehicles": (
        "CurrentType",
        "Integration",
        "LogExpand",
        "StateOfChargeSource",
        "VPPModes",
        "Vehicle",
        "VehicleClass",
        "VehicleConnectors",
        "VehicleExpand",
        "VehicleReconnectionUrl",
        "VehicleState",
        "VehicleStateOfCharge",
        "VehicleStatusLog",
    ),
}
"""The public names of each module. A module is imported when one of its names is first used: `import evenergy` alone
imports neither aiohttp nor the models."""

_HOMES = {name: module for module, names in _MODULES.items() for name in names}

_logging.configure()

if not typing.TYPE_CHECKING:
    __all__ = sorted(_HOMES)

    def __getattr__(name: str) -> object:
        """Import a public name at its first use."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
        found = getattr(importlib.import_module(_HOMES[name], __name__), name)
        globals()[name] = found
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *_HOMES})
