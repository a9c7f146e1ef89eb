"""The clients: their options, and one attribute a collection."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, Final, Generic, Self, TypeVar, cast, overload
from urllib.parse import urljoin

import attrs
from aiohttp import ClientSession
from msgspec import UNSET, UnsetType

from . import checks
from .auth import Auth, AuthorizationCode, BearerToken, ClientCredentials, TokenSource
from .blocking import BlockingPager, Facade, blocking, blocking_pager, fan_out
from .calls import Call, Response, call, encode, list_of, reader
from .checks import Scalar
from .connections import Connections
from .errors import InvalidArgumentError
from .fanout import Crew, FanOut, OnProgress, Outcome, collected, shared, size
from .limits import RateLimit
from .loopthread import LoopThread
from .pager import Pager, superseded
from .retry import Budget, Retry
from .session import Bucket, Options, Session
from .tokens import OAuthEndpoints, RenewedToken

if TYPE_CHECKING:  # a domain is imported when it is first used, so that those to come cost nobody else anything
    from .catalogue import (
        BlockingVehicleMakes,
        BlockingVehicleModels,
        BlockingVehicleTrims,
        VehicleMakes,
        VehicleModels,
        VehicleTrims,
    )
    from .oauth import BlockingOAuth, OAuth
    from .onboarding import (
        BlockingVehicleCompatibilities,
        BlockingVehicleOnboardings,
        BlockingVehicleWaitlist,
        VehicleCompatibilities,
        VehicleOnboardings,
        VehicleWaitlist,
    )
    from .users import BlockingUsers, Users
    from .vehicles import BlockingVehicles, Vehicles

Item = TypeVar("Item")
T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)
V = TypeVar("V")

BASE_URL = f"{checks.PROVIDER}/v2"
"""Where the API is; production and sandbox data share it, the credentials decide which."""


class Collection(Generic[T_contra, V]):
    """A property of a client: a collection, made when it is first used.

    It is no `functools.cached_property`, because that has a lock on Python 3.11, which a fork may copy.
    """

    def __init__(self, func: Callable[[T_contra], V]) -> None:
        self.func: Callable[[T_contra], V] = func
        self.__doc__ = func.__doc__

    @overload
    def __get__(self, client: None, owner: type[T_contra]) -> Self: ...
    @overload
    def __get__(self, client: T_contra, owner: type[T_contra]) -> V: ...
    def __get__(self, client: T_contra | None, owner: type[T_contra]) -> Self | V:
        if client is None:
            return self
        made = self.func(client)
        return cast("V", vars(client).setdefault(self.func.__name__, made))


class AsyncClient:
    """A client of the ev.energy v2 API, for asyncio.

    Use it with ``async with``, or call `close`. It needs no running loop to be made, and belongs to one loop at a time.

    Args:
        auth: A token, `BearerToken`, `ClientCredentials`, `AuthorizationCode`, or anything with
            ``async def access_token(self) -> str``. None reads ``EVENERGY_TOKEN``, else ``EVENERGY_CLIENT_ID`` with
            ``EVENERGY_CLIENT_SECRET``, else calls are anonymous.
        user: The id or URL of the user to act as (``EvEnergy-User``); None reads ``EVENERGY_USER``.
        session: An aiohttp session of yours; it is never closed, and nothing on it is changed.
        base_url: None reads ``EVENERGY_BASE_URL``, else it is ``https://api.ev.energy/v2``.
        api_version: Sent as ``EvEnergy-Version``.
        timeout: Seconds for one attempt, from sending to the last byte of the answer; None for no bound.
        deadline: Seconds for a whole call: token, rate limit, attempts and the waits between them; None for no bound.
        retry: How often a call is attempted.
        max_wait: Seconds that a call may wait for the rate limit; a longer wait is a `RateLimitError` at once. None
            waits for ever.
        concurrency: How many requests may be under way at once.
        trust_env: Whether proxies and netrc are read from the environment; it costs each request some time.

    Raises:
        InvalidArgumentError: An argument, or a variable of the environment, is not what was expected.
    """

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
    ) -> None:
        auth = BearerToken(auth) if isinstance(auth, str) else auth  # from here on no traceback can show it
        base = checks.base_url(BASE_URL if (given := _given(base_url, "EVENERGY_BASE_URL")) is None else given)
        user = _given(user, "EVENERGY_USER")
        options = Options(
            base_url=base,
            user=None if user is None else checks.identifier(user, "user"),
            api_version=checks.header("api_version", api_version),
            timeout=checks.seconds("timeout", timeout),
            deadline=checks.seconds("deadline", deadline),
            retry=_retry(retry),
            max_wait=checks.seconds("max_wait", max_wait, zero=True),
        )
        connections = Connections(
            _aiohttp_session(session), concurrency=checks.whole("concurrency", concurrency), trust_env=trust_env
        )
        connections.unclosed = f"unclosed AsyncClient, made at {made_at()}; use `async with`, or await close()"
        self._is_view = False
        self._session = _session(_from_environment() if auth is None else auth, options, connections, Budget())

    @Collection
    def oauth(self) -> OAuth:
        """The authorization code flow."""
        from .oauth import OAuth

        return OAuth(self._session)

    @Collection
    def users(self) -> Users:
        """Drivers, and where they live."""
        from .users import Users

        return Users(self._session)

    @Collection
    def vehicle_compatibility(self) -> VehicleCompatibilities:
        """What vehicles and chargers can do together."""
        from .onboarding import VehicleCompatibilities

        return VehicleCompatibilities(self._session)

    @Collection
    def vehicle_makes(self) -> VehicleMakes:
        """Who makes vehicles."""
        from .catalogue import VehicleMakes

        return VehicleMakes(self._session)

    @Collection
    def vehicle_models(self) -> VehicleModels:
        """What they make."""
        from .catalogue import VehicleModels

        return VehicleModels(self._session)

    @Collection
    def vehicle_onboarding(self) -> VehicleOnboardings:
        """How users link their vehicles."""
        from .onboarding import VehicleOnboardings

        return VehicleOnboardings(self._session)

    @Collection
    def vehicle_trims(self) -> VehicleTrims:
        """The variants of models."""
        from .catalogue import VehicleTrims

        return VehicleTrims(self._session)

    @Collection
    def vehicle_waitlist(self) -> VehicleWaitlist:
        """Who waits for a vehicle to be supported."""
        from .onboarding import VehicleWaitlist

        return VehicleWaitlist(self._session)

    @Collection
    def vehicles(self) -> Vehicles:
        """Vehicles, and below them their logs."""
        from .vehicles import Vehicles

        return Vehicles(self._session)

    @property
    def rate_limit(self) -> RateLimit | None:
        """What the API last said of the rate limit, or None before its first answer."""
        return self._session.bucket.gate.rate_limit

    def with_options(
        self,
        *,
        auth: Auth | UnsetType | None = UNSET,
        user: str | UnsetType | None = UNSET,
        timeout: float | UnsetType | None = UNSET,
        deadline: float | UnsetType | None = UNSET,
        retry: Retry | UnsetType = UNSET,
        max_wait: float | UnsetType | None = UNSET,
    ) -> Self:
        """A light view of this client with other options; what is not given stays.

        It shares the connections and, unless ``auth`` differs, the token and the rate limit. Only the client itself
        closes them.
        """
        auth = BearerToken(auth) if isinstance(auth, str) else auth  # from here on no traceback can show it
        old = self._session
        options = attrs.evolve(
            old.options,
            user=_or(user, old.options.user, lambda user: None if user is None else checks.identifier(user, "user")),
            timeout=_or(timeout, old.options.timeout, lambda value: checks.seconds("timeout", value)),
            deadline=_or(deadline, old.options.deadline, lambda value: checks.seconds("deadline", value)),
            retry=_or(retry, old.options.retry, _retry),
            max_wait=_or(max_wait, old.options.max_wait, lambda value: checks.seconds("max_wait", value, zero=True)),
        )
        view = object.__new__(type(self))
        view._is_view = True
        auth = _from_environment() if auth is None else auth
        if isinstance(auth, UnsetType) or _is_same(auth, old.bucket.auth):
            view._session = Session(options, old.bucket, old.connections, old.budget)
        else:
            view._session = _session(auth, options, old.connections, old.budget)
        return view

    @overload
    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Scalar | Iterable[Scalar] | None] | None = None,
        json: object = None,
        into: None = None,
    ) -> Response: ...
    @overload
    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Scalar | Iterable[Scalar] | None] | None = None,
        json: object = None,
        into: type[T],
    ) -> T: ...
    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Scalar | Iterable[Scalar] | None] | None = None,
        json: object = None,
        into: type[T] | None = None,
    ) -> T | Response:
        """Reach any operation of the API, with the token, the rate limit and the retries of this client.

        Args:
            method: The HTTP method.
            path: Below the base URL, or a URL that the API gave.
            params: The query: None is left out, a list repeats its name, a datetime is written in UTC.
            json: The body, or None for none.
            into: What the answer is decoded into, such as ``Vehicle`` or ``list[Vehicle]``; None for a `Response`.

        Raises:
            InvalidArgumentError: The URL is of another origin, or something cannot be sent.
            EvEnergyError: As `evenergy.errors` lists.
        """
        place, asked = checks.placed(path, self._session.options.base_url)
        body = None if json is None else encode(json)
        query = checks.encoded((*asked, *checks.pairs(params or {})))
        verb = checks.method(method)
        if into is None:
            return await self._session.send(Call(verb, place, _as_it_is, query, body))
        return await self._session.send(Call(verb, place, reader(into), query, body))

    def pages(self, path_or_url: str, /, into: type[T], **params: Scalar | Iterable[Scalar] | None) -> Pager[T]:
        """Page through any collection of the API, such as the ``models`` link of a make.

        Args:
            path_or_url: Below the base URL, or a URL that the API gave.
            into: What an item is decoded into.
            params: The query, in place of what the URL says; ``page_size`` is 100 unless it is given here or there.

        Raises:
            InvalidArgumentError: The URL is of another origin, or something cannot be sent.
        """
        place, asked = checks.placed(path_or_url, self._session.options.base_url)
        given = tuple(checks.pairs(params))
        replaced = superseded({name for name, _ in given})
        query = (*(pair for pair in asked if pair[0] not in replaced), *given)
        if "page_size" not in {name for name, _ in query}:
            query = (("page_size", str(checks.LARGEST_PAGE)), *query)
        checks.page_size(cast("int | None", params.get("page_size")))
        return Pager(self._session, Call("GET", place, reader(list_of(into)), checks.encoded(query)))

    @overload
    def fan_out(
        self,
        method: Callable[Concatenate[Item, ...], Pager[V]],
        items: Iterable[Item] | AsyncIterable[Item],
        *,
        concurrency: int = 32,
        on_progress: OnProgress | None = None,
        **kwargs: object,
    ) -> FanOut[Item, list[V]]: ...
    @overload
    def fan_out(
        self,
        method: Callable[Concatenate[Item, ...], Awaitable[V]],
        items: Iterable[Item] | AsyncIterable[Item],
        *,
        concurrency: int = 32,
        on_progress: OnProgress | None = None,
        **kwargs: object,
    ) -> FanOut[Item, V]: ...
    def fan_out(
        self,
        method: Callable[Concatenate[Item, ...], Any],
        items: Iterable[Item] | AsyncIterable[Item],
        *,
        concurrency: int = 32,
        on_progress: OnProgress | None = None,
        **kwargs: object,
    ) -> FanOut[Item, Any]:
        """Call a method for many items at once; the outcomes come in order of completion.

        One failure loses nothing else. An item is taken when an outcome is asked for, so a slow loop holds the calls
        back. Leaving the loop cancels what is under way. When the rate limit refuses an item, no more are taken: those
        under way come out, and it ends.

        Args:
            method: A method of a collection, such as ``client.vehicles.status_logs.list``, whose items are collected.
            items: What it is called with, one at a time; endless and asynchronous ones too.
            concurrency: How many calls are under way at once.
            on_progress: Called with how many are done, how many of them failed, and how many there are, or None.
            kwargs: What the method is called with beside the item.

        Raises:
            InvalidArgumentError: ``concurrency`` is below 1, or the method does not take the keywords.
        """
        keywords = shared(method, items, kwargs)
        crew = Crew[Item, Any](
            lambda item: collected(method(item, **keywords)),
            concurrency=concurrency,
            total=size(items),
            on_progress=on_progress,
        )
        return FanOut(crew, items)

    async def root(self) -> dict[str, str]:
        """The URLs of the API's collections, by name. API: ``GET /``."""
        return await self._session.send(call(dict[str, str], "GET"))

    async def close(self) -> None:
        """Close the connections; calls under way end with a `ClosedError`. A view closes nothing."""
        if not self._is_view:
            await self._session.connections.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        session: Session | None = getattr(self, "_session", None)  # None when an argument was refused
        return f"<{type(self).__name__} {session.options.base_url if session else 'unfinished'}>"


class Client(Facade[AsyncClient]):
    """`AsyncClient`, blocking: the same names, for code that cannot await.

    Its event loop runs in a thread of its own, which the first call starts. It can be used in scripts, in notebooks,
    from many threads at once, and after a fork. Use it with ``with``, or call `close`.

    Args:
        auth: As for `AsyncClient`, like all others; it takes no ``session``.
    """

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
    ) -> None:
        auth = BearerToken(auth) if isinstance(auth, str) else auth  # as in its twin
        twin = AsyncClient(
            auth,
            user=user,
            base_url=base_url,
            api_version=api_version,
            timeout=timeout,
            deadline=deadline,
            retry=retry,
            max_wait=max_wait,
            concurrency=concurrency,
            trust_env=trust_env,
        )
        twin._session.connections.unclosed = None  # noqa: SLF001  the loop thread warns
        unclosed = f"unclosed Client, made at {made_at()}; use `with`, or call close()"
        self._is_view = False
        super().__init__(twin, LoopThread(twin.close, unclosed))

    @Collection
    def oauth(self) -> BlockingOAuth:
        """The authorization code flow."""
        from .oauth import BlockingOAuth

        return BlockingOAuth(self._twin.oauth, self._loop)

    @Collection
    def users(self) -> BlockingUsers:
        """Drivers, and where they live."""
        from .users import BlockingUsers

        return BlockingUsers(self._twin.users, self._loop)

    @Collection
    def vehicle_compatibility(self) -> BlockingVehicleCompatibilities:
        """What vehicles and chargers can do together."""
        from .onboarding import BlockingVehicleCompatibilities

        return BlockingVehicleCompatibilities(self._twin.vehicle_compatibility, self._loop)

    @Collection
    def vehicle_makes(self) -> BlockingVehicleMakes:
        """Who makes vehicles."""
        from .catalogue import BlockingVehicleMakes

        return BlockingVehicleMakes(self._twin.vehicle_makes, self._loop)

    @Collection
    def vehicle_models(self) -> BlockingVehicleModels:
        """What they make."""
        from .catalogue import BlockingVehicleModels

        return BlockingVehicleModels(self._twin.vehicle_models, self._loop)

    @Collection
    def vehicle_onboarding(self) -> BlockingVehicleOnboardings:
        """How users link their vehicles."""
        from .onboarding import BlockingVehicleOnboardings

        return BlockingVehicleOnboardings(self._twin.vehicle_onboarding, self._loop)

    @Collection
    def vehicle_trims(self) -> BlockingVehicleTrims:
        """The variants of models."""
        from .catalogue import BlockingVehicleTrims

        return BlockingVehicleTrims(self._twin.vehicle_trims, self._loop)

    @Collection
    def vehicle_waitlist(self) -> BlockingVehicleWaitlist:
        """Who waits for a vehicle to be supported."""
        from .onboarding import BlockingVehicleWaitlist

        return BlockingVehicleWaitlist(self._twin.vehicle_waitlist, self._loop)

    @Collection
    def vehicles(self) -> BlockingVehicles:
        """Vehicles, and below them their logs."""
        from .vehicles import BlockingVehicles

        return BlockingVehicles(self._twin.vehicles, self._loop)

    pages: Final = blocking_pager(AsyncClient.pages)
    root: Final = blocking(AsyncClient.root)

    @property
    def rate_limit(self) -> RateLimit | None:
        """What the API last said of the rate limit, or None before its first answer."""
        return self._twin.rate_limit

    def with_options(
        self,
        *,
        auth: Auth | UnsetType | None = UNSET,
        user: str | UnsetType | None = UNSET,
        timeout: float | UnsetType | None = UNSET,
        deadline: float | UnsetType | None = UNSET,
        retry: Retry | UnsetType = UNSET,
        max_wait: float | UnsetType | None = UNSET,
    ) -> Self:
        """A light view of this client with other options, as `AsyncClient.with_options`."""
        auth = BearerToken(auth) if isinstance(auth, str) else auth  # as in its twin
        view = object.__new__(type(self))
        view._is_view = True
        twin = self._twin.with_options(
            auth=auth, user=user, timeout=timeout, deadline=deadline, retry=retry, max_wait=max_wait
        )
        view._twin, view._loop = twin, self._loop
        return view

    @overload
    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Scalar | Iterable[Scalar] | None] | None = None,
        json: object = None,
        into: None = None,
    ) -> Response: ...
    @overload
    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Scalar | Iterable[Scalar] | None] | None = None,
        json: object = None,
        into: type[T],
    ) -> T: ...
    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Scalar | Iterable[Scalar] | None] | None = None,
        json: object = None,
        into: type[T] | None = None,
    ) -> T | Response:
        """Reach any operation of the API, as `AsyncClient.request`."""
        if into is None:
            return self._loop.run(self._twin.request, method, path, params=params, json=json)
        return self._loop.run(self._twin.request, method, path, params=params, json=json, into=into)

    @overload
    def fan_out(
        self,
        method: Callable[Concatenate[Item, ...], BlockingPager[V]],
        items: Iterable[Item],
        *,
        concurrency: int = 32,
        on_progress: OnProgress | None = None,
        **kwargs: object,
    ) -> Iterator[Outcome[Item, list[V]]]: ...
    @overload
    def fan_out(
        self,
        method: Callable[Concatenate[Item, ...], V],
        items: Iterable[Item],
        *,
        concurrency: int = 32,
        on_progress: OnProgress | None = None,
        **kwargs: object,
    ) -> Iterator[Outcome[Item, V]]: ...
    def fan_out(
        self,
        method: Callable[Concatenate[Item, ...], Any],
        items: Iterable[Item],
        *,
        concurrency: int = 32,
        on_progress: OnProgress | None = None,
        **kwargs: object,
    ) -> Iterator[Outcome[Item, Any]]:
        """Call a method of this client for many items at once, as `AsyncClient.fan_out`.

        The calls run on the client's loop; the items are taken and ``on_progress`` is called in the caller's thread.
        """
        return fan_out(self._loop, method, items, concurrency=concurrency, on_progress=on_progress, kwargs=kwargs)

    def close(self) -> None:
        """Close the connections and end the thread; calls under way end with a `ClosedError`. A view closes nothing."""
        if not self._is_view:
            self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        twin: AsyncClient | None = getattr(self, "_twin", None)  # likewise
        return (
            f"<{type(self).__name__} unfinished>"
            if twin is None
            else repr(twin).replace("AsyncClient", type(self).__name__, 1)
        )


def made_at() -> str:
    """The line outside this package that is making a client."""
    package = str(Path(__file__).parent)
    frame = inspect.currentframe()
    while frame is not None and frame.f_code.co_filename.startswith(package):
        frame = frame.f_back
    return "an unknown place" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _session(auth: Auth | None, options: Options, connections: Connections, budget: Budget) -> Session:
    source: TokenSource | None = None
    if isinstance(auth, ClientCredentials | AuthorizationCode):
        oauth = Session(options, Bucket(None, None), connections, budget)
        source = RenewedToken(OAuthEndpoints(auth, urljoin(options.base_url, "/").rstrip("/"), oauth.post_form))
        connections.own(source)
    elif auth is None or isinstance(auth, TokenSource):
        source = auth
    else:
        raise InvalidArgumentError(
            "expected auth as a token, ClientCredentials, AuthorizationCode, an object with `async def access_token`,"
            f" or None, got {type(auth).__name__}"
        )
    return Session(options, Bucket(auth, source), connections, budget)


def _is_same(auth: Auth | None, other: Auth | None) -> bool:
    """Whether two draw on one bucket: what holds a state of its own does so only with itself."""
    return auth is other or (isinstance(auth, BearerToken | ClientCredentials) and auth == other)


def _from_environment() -> BearerToken | ClientCredentials | None:
    token = checks.environment("EVENERGY_TOKEN")
    if token is not None:
        return BearerToken(token)
    client_id, secret = checks.environment("EVENERGY_CLIENT_ID"), checks.environment("EVENERGY_CLIENT_SECRET")
    if client_id is None and secret is None:
        return None
    if client_id is None or secret is None:
        missing = "EVENERGY_CLIENT_ID" if client_id is None else "EVENERGY_CLIENT_SECRET"
        del secret  # no traceback shall show it
        raise InvalidArgumentError(f"the environment variable {missing} is missing beside its other half")
    return ClientCredentials(client_id, secret)


def _given(argument: str | None, variable: str) -> str | None:
    return argument if argument is not None else checks.environment(variable)


def _retry(value: object) -> Retry:
    if not isinstance(value, Retry):
        raise checks.refused("retry as a Retry, such as Retry(attempts=4)", value)
    return value


def _aiohttp_session(value: object) -> ClientSession | None:
    if value is not None and not isinstance(value, ClientSession):
        raise checks.refused("session as an aiohttp.ClientSession, or None", value)
    return value


def _or(given: T | UnsetType, otherwise: V, check: Callable[[T], V]) -> V:
    return otherwise if isinstance(given, UnsetType) else check(given)


def _as_it_is(answer: Response) -> Response:
    return answer
