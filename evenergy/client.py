"""Clients: `AsyncClient` for asyncio, `Client` for blocking code, and `Api`, the table of contents of both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ssl import SSLContext
from typing import TYPE_CHECKING, Self, cast

from aiohttp import ClientSession
from msgspec import UNSET, UnsetType

from ._codec.secret import unframed
from ._core.generic import GenericCalls
from ._core.loop_thread import LoopThread
from ._core.resource import Async, Blocking, Child, M_co, operation
from ._core.setup import BASE_URL, ClientArguments, bearer, new_session, unclosed, view_of
from ._lazy import load
from ._transport.attempts import OnAttempt
from ._transport.budget import Budget
from ._transport.rate_window import RateLimit
from ._transport.request import Request, request
from ._transport.retry import Retry
from ._transport.shares import LocalBudget
from .auth import Auth

if TYPE_CHECKING:  # a domain is imported at its first use, so that it costs nobody else anything
    from .fleet.devices import Fleet
    from .resources.account import (
        Accounts,
        Notifications,
        SubscriptionOfferings,
        Subscriptions,
        Timezones,
        WebhookPortal,
    )
    from .resources.batteries import HomeBatteries, HomeBatteryMakes, HomeBatteryModels
    from .resources.catalogue import VehicleMakes, VehicleModels, VehicleTrims
    from .resources.charging_sessions import ChargingSessions, DispatcherLogs
    from .resources.ct_clamps import CTClamps
    from .resources.evse_catalogue import EVSEFirmwareVersions, EVSEMakes, EVSEModels
    from .resources.evse_onboarding import EVSECompatibilities, EVSEOnboardings, EVSEWaitlist
    from .resources.evses import EVSEs
    from .resources.feeds import CarbonFeeds, GridFeeds
    from .resources.home_energy import HEMSystems
    from .resources.inverters import InverterMakes, InverterModels, InverterOnboardings, Inverters
    from .resources.meters import BoundaryMeterMakes, BoundaryMeterModels, BoundaryMeters
    from .resources.oauth import OAuth
    from .resources.onboarding import VehicleCompatibilities, VehicleOnboardings, VehicleWaitlist
    from .resources.programs import IncentiveSchemes, Programs
    from .resources.rebates import RebateEvidenceFiles, RebateEvidenceTypes, RebateTypes, UserRebates
    from .resources.regions import RegionGroups, Regions
    from .resources.sites import CPMSProviders, EVSESites
    from .resources.solar import SolarArrays, SolarForecasts
    from .resources.sub_sessions import ChargingSubSessions
    from .resources.support import SupportTickets
    from .resources.support_stats import SupportTicketStats
    from .resources.tariffs import Suppliers, Tariffs
    from .resources.users import Users
    from .resources.vehicles import Vehicles
    from .resources.vpp import DispatchCoordinators

__all__ = ["BASE_URL", "Api", "AsyncClient", "Client"]


class Api(GenericCalls[M_co]):
    """Collections of the API, for both clients."""

    auth: Child[Accounts[M_co]] = Child("account:Accounts")
    boundary_meter_makes: Child[BoundaryMeterMakes[M_co]] = Child("meters:BoundaryMeterMakes")
    boundary_meter_models: Child[BoundaryMeterModels[M_co]] = Child("meters:BoundaryMeterModels")
    boundary_meters: Child[BoundaryMeters[M_co]] = Child("meters:BoundaryMeters")
    carbon_feeds: Child[CarbonFeeds[M_co]] = Child("feeds:CarbonFeeds")
    charging_sessions: Child[ChargingSessions[M_co]] = Child("charging_sessions:ChargingSessions")
    charging_sub_sessions: Child[ChargingSubSessions[M_co]] = Child("sub_sessions:ChargingSubSessions")
    cpms_providers: Child[CPMSProviders[M_co]] = Child("sites:CPMSProviders")
    ct_clamps: Child[CTClamps[M_co]] = Child("ct_clamps:CTClamps")
    dispatch_coordinators: Child[DispatchCoordinators[M_co]] = Child("vpp:DispatchCoordinators")
    dispatcher_logs: Child[DispatcherLogs[M_co]] = Child("charging_sessions:DispatcherLogs")
    evse_compatibility: Child[EVSECompatibilities[M_co]] = Child("evse_onboarding:EVSECompatibilities")
    evse_firmware_versions: Child[EVSEFirmwareVersions[M_co]] = Child("evse_catalogue:EVSEFirmwareVersions")
    evse_makes: Child[EVSEMakes[M_co]] = Child("evse_catalogue:EVSEMakes")
    evse_models: Child[EVSEModels[M_co]] = Child("evse_catalogue:EVSEModels")
    evse_onboarding: Child[EVSEOnboardings[M_co]] = Child("evse_onboarding:EVSEOnboardings")
    evse_sites: Child[EVSESites[M_co]] = Child("sites:EVSESites")
    evse_waitlist: Child[EVSEWaitlist[M_co]] = Child("evse_onboarding:EVSEWaitlist")
    evses: Child[EVSEs[M_co]] = Child("evses:EVSEs")
    fleet: Child[Fleet[M_co]] = Child(".fleet.devices:Fleet")
    grid_feeds: Child[GridFeeds[M_co]] = Child("feeds:GridFeeds")
    hem_systems: Child[HEMSystems[M_co]] = Child("home_energy:HEMSystems")
    home_batteries: Child[HomeBatteries[M_co]] = Child("batteries:HomeBatteries")
    home_battery_makes: Child[HomeBatteryMakes[M_co]] = Child("batteries:HomeBatteryMakes")
    home_battery_models: Child[HomeBatteryModels[M_co]] = Child("batteries:HomeBatteryModels")
    incentive_schemes: Child[IncentiveSchemes[M_co]] = Child("programs:IncentiveSchemes")
    inverter_makes: Child[InverterMakes[M_co]] = Child("inverters:InverterMakes")
    inverter_models: Child[InverterModels[M_co]] = Child("inverters:InverterModels")
    inverter_onboarding: Child[InverterOnboardings[M_co]] = Child("inverters:InverterOnboardings")
    inverters: Child[Inverters[M_co]] = Child("inverters:Inverters")
    notifications: Child[Notifications[M_co]] = Child("account:Notifications")
    oauth: Child[OAuth[M_co]] = Child("oauth:OAuth")
    programs: Child[Programs[M_co]] = Child("programs:Programs")
    rebate_evidence_files: Child[RebateEvidenceFiles[M_co]] = Child("rebates:RebateEvidenceFiles")
    rebate_evidence_types: Child[RebateEvidenceTypes[M_co]] = Child("rebates:RebateEvidenceTypes")
    rebate_types: Child[RebateTypes[M_co]] = Child("rebates:RebateTypes")
    region_groups: Child[RegionGroups[M_co]] = Child("regions:RegionGroups")
    regions: Child[Regions[M_co]] = Child("regions:Regions")
    solar_arrays: Child[SolarArrays[M_co]] = Child("solar:SolarArrays")
    solar_forecasts: Child[SolarForecasts[M_co]] = Child("solar:SolarForecasts")
    subscription_offerings: Child[SubscriptionOfferings[M_co]] = Child("account:SubscriptionOfferings")
    subscriptions: Child[Subscriptions[M_co]] = Child("account:Subscriptions")
    suppliers: Child[Suppliers[M_co]] = Child("tariffs:Suppliers")
    support_ticket_stats: Child[SupportTicketStats[M_co]] = Child("support_stats:SupportTicketStats")
    support_tickets: Child[SupportTickets[M_co]] = Child("support:SupportTickets")
    tariffs: Child[Tariffs[M_co]] = Child("tariffs:Tariffs")
    timezones: Child[Timezones[M_co]] = Child("account:Timezones")
    user_rebates: Child[UserRebates[M_co]] = Child("rebates:UserRebates")
    users: Child[Users[M_co]] = Child("users:Users")
    vehicle_compatibility: Child[VehicleCompatibilities[M_co]] = Child("onboarding:VehicleCompatibilities")
    vehicle_makes: Child[VehicleMakes[M_co]] = Child("catalogue:VehicleMakes")
    vehicle_models: Child[VehicleModels[M_co]] = Child("catalogue:VehicleModels")
    vehicle_onboarding: Child[VehicleOnboardings[M_co]] = Child("onboarding:VehicleOnboardings")
    vehicle_trims: Child[VehicleTrims[M_co]] = Child("catalogue:VehicleTrims")
    vehicle_waitlist: Child[VehicleWaitlist[M_co]] = Child("onboarding:VehicleWaitlist")
    vehicles: Child[Vehicles[M_co]] = Child("vehicles:Vehicles")

    _is_view = False

    @operation
    def root(self) -> Request[dict[str, str]]:
        """Return the URLs of the API's collections, by name. API: ``GET /``."""
        return request(dict[str, str], "GET", "/")

    @operation
    def webhook_portal(self) -> Request[WebhookPortal]:
        """Return a link to the pages on which webhooks are set up; it works once. API: ``GET /webhook_portal``."""
        model: type[WebhookPortal] = load(".resources.account").WebhookPortal
        return request(model, "GET", "/webhook_portal")

    @property
    def rate_limit(self) -> RateLimit | None:
        """Return the rate limit as the API last reported it, or None before the first response."""
        return self._session.limiter.rate_limit

    @unframed
    def with_options(
        self,
        *,
        auth: Auth | UnsetType | None = UNSET,
        user: str | UnsetType | None = UNSET,
        timeout: float | UnsetType | None = UNSET,
        deadline: float | UnsetType | None = UNSET,
        retry: Retry | UnsetType = UNSET,
        max_wait: float | UnsetType | None = UNSET,
        headers: Mapping[str, str] | UnsetType | None = UNSET,
        on_attempt: OnAttempt | UnsetType | None = UNSET,
        share: str | UnsetType = UNSET,
    ) -> Self:
        """Return a light view of this client with other options; arguments that are not given stay.

        It shares the connections and, unless ``auth`` differs, the token and the rate limit. Only the client itself
        closes them. ``share`` is the part of the budget that its calls draw on.
        """
        auth = bearer(auth)
        view = object.__new__(type(self))
        view._is_view = True
        view._session = view_of(
            self._session,
            auth=auth,
            user=user,
            timeout=timeout,
            deadline=deadline,
            retry=retry,
            max_wait=max_wait,
            headers=headers,
            on_attempt=on_attempt,
            share=share,
        )
        view._loop = self._loop
        return view

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError(
            f"{type(self).__name__} does not pickle, since it has connections and an event loop of its own: send plain"
            " arguments to the other process, and make one in each process"
        )

    def __repr__(self) -> str:
        session = vars(self).get("_session")  # None when an argument was invalid
        return f"<{type(self).__name__} {session.options.base_url if session else 'unfinished'}>"


class AsyncClient(Api[Async]):
    """Client of the ev.energy v2 API, for asyncio.

    Use it with ``async with``, or call `close`. It needs no running loop to be made, and belongs to one loop at a time.

    Args:
        auth: A token, `BearerToken`, `ClientCredentials`, `AuthorizationCode`, or anything with
            ``async def access_token(self) -> str``. None reads ``EVENERGY_TOKEN``, else ``EVENERGY_CLIENT_ID`` with
            ``EVENERGY_CLIENT_SECRET``, else calls are anonymous.
        user: The id or URL of the user to act as (``EvEnergy-User``); None reads ``EVENERGY_USER``.
        session: An aiohttp session of yours; it is never closed, and nothing on it is changed.
        base_url: The base URL of the API; None reads ``EVENERGY_BASE_URL``, else it is ``https://api.ev.energy/v2``.
        api_version: The version to request, as ``EvEnergy-Version``.
        timeout: Seconds for one attempt, from sending to the last byte of the response; None for no bound.
        deadline: Seconds for a whole call: token, rate limit, attempts and the waits between them; None for no bound.
        retry: The number of attempts of a call, and the wait between them.
        max_wait: Seconds that a call may wait for the rate limit; a longer wait is a `RateLimitError` at once. None
            waits for ever.
        concurrency: Requests in flight at once.
        trust_env: Whether proxies are read from the environment (``HTTPS_PROXY``, ``NO_PROXY``); .netrc never is.
        ssl: The context for TLS, such as one with a company's certificates; None for the default one.
        proxy: The URL of a proxy for all requests; it may hold a user and a password.
        headers: Headers for all requests to the API, beside those of this library, which cannot be replaced.
        user_agent: The name of your program, put before this library's in ``User-Agent``.
        allow_http: Names of hosts, such as a container's, to which plain http is fine; loopback always is.
        on_attempt: A function that is called with an `Attempt` after each attempt, for metrics and traces.
        budget: The ledger of requests that processes with these credentials share: a `SQLiteBudget`, a `RedisBudget`,
            or one of yours (`Budget`). A `LocalBudget` divides the rate limit within this client. None: the process
            counts its own requests, and learns of others from responses.

    Raises:
        InvalidArgumentError: An argument, or a variable of the environment, is invalid.
    """

    @unframed
    def __init__(
        self,
        auth: Auth | None = None,
        *,
        user: str | None = None,
        session: ClientSession | None = None,
        base_url: str | None = None,
        api_version: str = "2",
        timeout: float | None = 30.0,
        deadline: float | None = None,
        retry: Retry = Retry(attempts=4),
        max_wait: float | None = 60.0,
        concurrency: int = 32,
        trust_env: bool = False,
        ssl: SSLContext | None = None,
        proxy: str | None = None,
        headers: Mapping[str, str] | None = None,
        user_agent: str | None = None,
        allow_http: Iterable[str] = (),
        on_attempt: OnAttempt | None = None,
        budget: Budget | LocalBudget | None = None,
    ) -> None:
        auth = bearer(auth)
        arguments = ClientArguments(
            user=user, base_url=base_url, api_version=api_version, timeout=timeout, deadline=deadline, retry=retry,
            max_wait=max_wait, concurrency=concurrency, trust_env=trust_env, ssl=ssl, proxy=proxy, headers=headers,
            user_agent=user_agent, allow_http=allow_http, on_attempt=on_attempt, budget=budget,
        )  # fmt: skip
        super().__init__(new_session(auth, arguments, session, unclosed(self, "use `async with`, or await close()")))

    async def close(self) -> None:
        """Close the connections; calls in flight end with a `ClosedError`. A view closes nothing."""
        if not self._is_view:
            await self._session.connections.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class Client(Api[Blocking]):
    """Blocking client of the ev.energy v2 API: the names of `AsyncClient`, for code that cannot await.

    Its event loop runs in a thread of its own, which the first call starts. It can be used in scripts, in notebooks,
    from many threads at once, and after a fork. Use it with ``with``, or call `close`.

    Args:
        auth: As for `AsyncClient`, like all others; it takes no ``session``.
    """

    @unframed
    def __init__(
        self,
        auth: Auth | None = None,
        *,
        user: str | None = None,
        base_url: str | None = None,
        api_version: str = "2",
        timeout: float | None = 30.0,
        deadline: float | None = None,
        retry: Retry = Retry(attempts=4),
        max_wait: float | None = 60.0,
        concurrency: int = 32,
        trust_env: bool = False,
        ssl: SSLContext | None = None,
        proxy: str | None = None,
        headers: Mapping[str, str] | None = None,
        user_agent: str | None = None,
        allow_http: Iterable[str] = (),
        on_attempt: OnAttempt | None = None,
        budget: Budget | LocalBudget | None = None,
    ) -> None:
        auth = bearer(auth)
        arguments = ClientArguments(
            user=user, base_url=base_url, api_version=api_version, timeout=timeout, deadline=deadline, retry=retry,
            max_wait=max_wait, concurrency=concurrency, trust_env=trust_env, ssl=ssl, proxy=proxy, headers=headers,
            user_agent=user_agent, allow_http=allow_http, on_attempt=on_attempt, budget=budget,
        )  # fmt: skip
        session = new_session(auth, arguments, is_blocking=True)
        super().__init__(session, LoopThread(session.connections.close, unclosed(self, "use `with`, or call close()")))

    def close(self) -> None:
        """Close the connections and end the thread; calls in flight end with a `ClosedError`. A view closes nothing."""
        if not self._is_view:
            cast("LoopThread", self._loop).close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
