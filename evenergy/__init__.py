"""Client for the ev.energy v2 API: electric vehicles, their reports, chargers, charging and programs.

    async with evenergy.AsyncClient(auth) as client:
        async for log in client.vehicles.status_logs.list(vehicle_id, since=yesterday):
            ...

`AsyncClient` is for asyncio, `Client` has the same names for code that cannot await. The errors stand in
`evenergy.errors`; a server to try it all against is `evenergy.sandbox.Sandbox`.
"""

import typing

from . import _lazy, _logging, _names

if typing.TYPE_CHECKING:
    from msgspec import UNSET as UNSET

    from ._codec.decode import (
        to_dict as to_dict,
    )
    from ._codec.wire_types import (
        expanded as expanded,
    )
    from ._core.blocking import (
        BlockingFanOut as BlockingFanOut,
        BlockingPager as BlockingPager,
    )
    from ._core.fan_out import (
        FanOut as FanOut,
        Outcome as Outcome,
    )
    from ._core.pagination import (
        Page as Page,
        Pager as Pager,
    )
    from ._lazy import (
        preload as preload,
    )
    from ._transport.attempts import (
        Attempt as Attempt,
    )
    from ._transport.budget import (
        Budget as Budget,
        Settlement as Settlement,
        Slot as Slot,
        Wait as Wait,
    )
    from ._transport.rate_window import (
        RateLimit as RateLimit,
    )
    from ._transport.request import (
        Response as Response,
    )
    from ._transport.retry import (
        Retry as Retry,
    )
    from ._transport.shares import (
        LocalBudget as LocalBudget,
    )
    from .auth import (
        Auth as Auth,
        AuthorizationCode as AuthorizationCode,
        AuthorizationRequest as AuthorizationRequest,
        BearerToken as BearerToken,
        ClientCredentials as ClientCredentials,
        Token as Token,
        TokenSource as TokenSource,
        TokenStore as TokenStore,
    )
    from .budgets.redis import (
        RedisBudget as RedisBudget,
    )
    from .budgets.report import (
        BucketUse as BucketUse,
        Holding as Holding,
        budget_report as budget_report,
    )
    from .budgets.sqlite import (
        SQLiteBudget as SQLiteBudget,
    )
    from .client import (
        AsyncClient as AsyncClient,
        Client as Client,
    )
    from .errors import (
        AuthenticationError as AuthenticationError,
        BadRequestError as BadRequestError,
        BudgetError as BudgetError,
        ClosedError as ClosedError,
        ConflictError as ConflictError,
        DecodeError as DecodeError,
        EvEnergyError as EvEnergyError,
        InvalidArgumentError as InvalidArgumentError,
        MethodNotAllowedError as MethodNotAllowedError,
        NotAcceptableError as NotAcceptableError,
        NotFoundError as NotFoundError,
        OutcomeUnknownError as OutcomeUnknownError,
        PayloadTooLargeError as PayloadTooLargeError,
        PermissionDeniedError as PermissionDeniedError,
        ProblemError as ProblemError,
        RateLimitError as RateLimitError,
        RequestTimeoutError as RequestTimeoutError,
        ServerError as ServerError,
        SyncRunningError as SyncRunningError,
        TransportError as TransportError,
        UnprocessableEntityError as UnprocessableEntityError,
    )
    from .fleet.database import (
        FleetDatabase as FleetDatabase,
    )
    from .fleet.export import (
        export_parquet as export_parquet,
    )
    from .fleet.logs import (
        BlockingNewStatusLogs as BlockingNewStatusLogs,
        NewStatusLogs as NewStatusLogs,
    )
    from .fleet.planner import (
        Plan as Plan,
    )
    from .fleet.values import *
    from .fleet.watch import (
        BlockingWatch as BlockingWatch,
        Watch as Watch,
    )
    from .records import (
        to_arrow as to_arrow,
        to_pandas as to_pandas,
        to_polars as to_polars,
        to_records as to_records,
    )
    from .resources.account import *
    from .resources.batteries import *
    from .resources.catalogue import *
    from .resources.charging import *
    from .resources.charging_diagnostics import *
    from .resources.charging_intervals import *
    from .resources.charging_sessions import *
    from .resources.ct_clamps import *
    from .resources.evse_catalogue import *
    from .resources.evse_logs import *
    from .resources.evse_onboarding import *
    from .resources.evses import *
    from .resources.feeds import *
    from .resources.home_energy import *
    from .resources.inverters import *
    from .resources.meters import *
    from .resources.ocpp import *
    from .resources.onboarding import *
    from .resources.preferences import *
    from .resources.programs import *
    from .resources.rebates import *
    from .resources.regions import *
    from .resources.sites import *
    from .resources.solar import *
    from .resources.sub_sessions import *
    from .resources.support import *
    from .resources.support_categories import *
    from .resources.support_stats import *
    from .resources.tariffs import *
    from .resources.users import *
    from .resources.vehicle_logs import *
    from .resources.vehicles import *
    from .resources.vpp import *
    from .token_store import FileTokenStore as FileTokenStore
    from .webhooks import (
        ChargingSubSessionCreated as ChargingSubSessionCreated,
        ChargingSubSessionEnded as ChargingSubSessionEnded,
        Deduplicator as Deduplicator,
        UnknownWebhookEvent as UnknownWebhookEvent,
        WebhookError as WebhookError,
        WebhookEvent as WebhookEvent,
        WebhookHeaders as WebhookHeaders,
        WebhookReceiver as WebhookReceiver,
    )

_HOMES = {name: module for module, names in _names.MODULES.items() for name in names}

_logging.configure()

if not typing.TYPE_CHECKING:
    __all__ = sorted(_HOMES)

    def __getattr__(name: str) -> object:
        """Import a public name at its first use."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
        found = getattr(_lazy.load(_HOMES[name]), name)
        globals()[name] = found
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *_HOMES})
