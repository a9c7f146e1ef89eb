"""Setup of a client: its arguments and the environment, checked and made into a `Session`."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from ssl import SSLContext
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, cast
from urllib.parse import urljoin

import attrs
from aiohttp import ClientSession
from msgspec import UnsetType

from evenergy._codec import urls, validate
from evenergy._lazy import load
from evenergy._transport import proxies
from evenergy._transport.attempts import OnAttempt
from evenergy._transport.connections import USER_AGENT, Connections, Network
from evenergy._transport.credentials import CredentialState
from evenergy._transport.retry import Retry, RetryBudget
from evenergy._transport.session import Options, Session
from evenergy.auth import Auth, AuthorizationCode, BearerToken, ClientCredentials, Token, TokenSource
from evenergy.errors import InvalidArgumentError

if TYPE_CHECKING:  # at run time only where a budget is given
    from evenergy._transport.budget import Budget
    from evenergy._transport.shares import LocalBudget

T = TypeVar("T")
V = TypeVar("V")

BASE_URL = f"{urls.PROVIDER}/v2"
"""Base URL of the API; production and sandbox data share it, the credentials decide which."""


class ClientArguments(TypedDict):
    """Arguments that both clients take, beside ``auth``."""

    user: str | None
    base_url: str | None
    api_version: str
    timeout: float | None
    deadline: float | None
    retry: Retry
    max_wait: float | None
    concurrency: int
    trust_env: bool
    ssl: SSLContext | None
    proxy: str | None
    headers: Mapping[str, str] | None
    user_agent: str | None
    allow_http: Iterable[str]
    on_attempt: OnAttempt | None
    budget: Budget | LocalBudget | None


def new_session(
    auth: Auth | None,
    arguments: ClientArguments,
    session: ClientSession | None = None,
    unclosed: str | None = None,
    *,
    is_blocking: bool = False,
) -> Session:
    """Return the session of a new client.

    Args:
        auth: The credentials; None reads them from the environment.
        arguments: The other arguments of the client.
        session: The caller's aiohttp session, or None.
        unclosed: The warning for a client that was dropped without `close`; None for no warning.
        is_blocking: Whether it is a blocking client, so that plain functions of its caller may block.

    Raises:
        InvalidArgumentError: An argument, or a variable of the environment, is invalid.
    """
    shared = _budget(arguments["budget"])
    options = attrs.evolve(_options(arguments), share="" if shared is None else shared.share)
    network = Network(
        concurrency=validate.positive_int("concurrency", arguments["concurrency"]),
        ssl=_ssl(arguments["ssl"]),
        proxies=_proxies(arguments["proxy"], options.base_url, trust_env=arguments["trust_env"]),
        user_agent=_user_agent(arguments["user_agent"]),
    )
    connections = Connections(_aiohttp_session(session), network, unclosed=unclosed)
    auth, budget = _from_environment() if auth is None else auth, RetryBudget()
    credentials = _credentials(auth, options, connections, budget, is_blocking=is_blocking, shared=shared)
    return Session(options, credentials, connections, budget)


def _options(arguments: ClientArguments) -> Options:
    base_url = _given(arguments["base_url"], "EVENERGY_BASE_URL")
    allow_http = validate.host_names(arguments["allow_http"])
    return Options(
        base_url=urls.base_url(BASE_URL if base_url is None else base_url, allow_http),
        user=_user(_given(arguments["user"], "EVENERGY_USER")),
        api_version=validate.header_value("api_version", arguments["api_version"]),
        timeout=validate.seconds("timeout", arguments["timeout"]),
        deadline=validate.seconds("deadline", arguments["deadline"]),
        retry=_retry(arguments["retry"]),
        max_wait=validate.seconds("max_wait", arguments["max_wait"], zero=True),
        headers=validate.extra_headers(arguments["headers"]),
        on_attempt=_on_attempt(arguments["on_attempt"]),
    )


def view_of(
    old: Session,
    *,
    auth: Auth | UnsetType | None,
    user: str | UnsetType | None,
    timeout: float | UnsetType | None,
    deadline: float | UnsetType | None,
    retry: Retry | UnsetType,
    max_wait: float | UnsetType | None,
    headers: Mapping[str, str] | UnsetType | None,
    on_attempt: OnAttempt | UnsetType | None,
    share: str | UnsetType,
) -> Session:
    """Return a session with other options over the same connections; arguments that are `UNSET` stay."""
    options = attrs.evolve(
        old.options,
        user=_or(user, old.options.user, _user),
        timeout=_or(timeout, old.options.timeout, lambda value: validate.seconds("timeout", value)),
        deadline=_or(deadline, old.options.deadline, lambda value: validate.seconds("deadline", value)),
        retry=_or(retry, old.options.retry, _retry),
        max_wait=_or(max_wait, old.options.max_wait, lambda value: validate.seconds("max_wait", value, zero=True)),
        headers=_or(headers, old.options.headers, validate.extra_headers),
        on_attempt=_or(on_attempt, old.options.on_attempt, _on_attempt),
        share=_or(share, old.options.share, _share),
    )
    auth = _from_environment() if auth is None else auth
    if isinstance(auth, UnsetType) or _is_same(auth, old.credentials.auth):
        credentials = old.credentials
    else:
        is_blocking, shared = old.credentials.is_blocking, old.credentials.budget
        credentials = _credentials(
            auth, options, old.connections, old.retry_budget, is_blocking=is_blocking, shared=shared
        )
    return Session(options, credentials, old.connections, old.retry_budget)


def bearer(auth: T | str) -> T | BearerToken:
    """Return a token string as a `BearerToken`, so that no traceback from here on can show it."""
    return BearerToken(auth) if isinstance(auth, str) else auth


def unclosed(client: object, advice: str) -> str:
    """Return the warning for a client that is dropped without `close`, with the line that is making it."""
    package = f"{Path(__file__).parents[1]}{os.sep}"
    frame = inspect.currentframe()
    while frame is not None and frame.f_code.co_filename.startswith(package):
        frame = frame.f_back
    line = "an unknown place" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"
    return f"unclosed {type(client).__name__}, made at {line}; {advice}"


def _credentials(
    auth: Auth | None,
    options: Options,
    connections: Connections,
    budget: RetryBudget,
    *,
    is_blocking: bool,
    shared: Budget | LocalBudget | None,
) -> CredentialState:
    source: TokenSource | None
    if isinstance(auth, ClientCredentials | AuthorizationCode):
        sources: Any = load("._transport.token_source")
        policy = sources.RetryPolicy(options.retry, budget, options.max_wait)
        origin = urljoin(options.base_url, "/").rstrip("/")
        source = sources.source_of(auth, origin, connections, options.timeout, policy, is_blocking=is_blocking)
    else:
        source = _token_source(auth)
    bucket = "" if shared is None else load("._core.budgets").bucket(auth, options, shared)
    state = CredentialState(auth, source, is_blocking=is_blocking, budget=shared, bucket=bucket)
    if state.ledger is not None:
        connections.own(state.ledger)
    return state


def _budget(value: Budget | LocalBudget | None) -> Budget | LocalBudget | None:
    return value if value is None else cast("Budget | LocalBudget", load("._core.budgets").checked(value))


def _share(value: str) -> str:
    return cast("str", load("._transport.shares").share_name(value))


def _token_source(auth: object) -> TokenSource | None:
    """Return a source of the caller's, if it is one: else its first call would fail, long after the mistake."""
    if auth is None or isinstance(auth, BearerToken):
        return auth
    if isinstance(auth, Token):
        raise InvalidArgumentError(
            "expected auth as credentials, got a Token: pass BearerToken(token.access_token), or, to have it refreshed,"
            " AuthorizationCode(..., token=token)"
        )
    method = getattr(auth, "access_token", None)
    if isinstance(auth, type) or not callable(method) or not isinstance(auth, TokenSource):
        got = f"the class {auth.__name__}: pass an instance" if isinstance(auth, type) else type(auth).__name__
        raise InvalidArgumentError(
            "expected auth as a token, ClientCredentials, AuthorizationCode, an object with `async def access_token`,"
            f" or None, got {got}"
        )
    if not _takes_nothing(method):
        raise InvalidArgumentError("expected access_token() of the token source as a method without arguments")
    if inspect.iscoroutinefunction(getattr(auth, "invalidate", None)):
        raise InvalidArgumentError("expected invalidate(token) of the token source as a plain function")
    return auth


def _takes_nothing(method: Callable[..., object]) -> bool:
    try:
        inspect.signature(method).bind()
    except TypeError:
        return False
    except ValueError:  # a method in C
        return True
    return True


def _is_same(auth: Auth | None, other: Auth | None) -> bool:
    """Return whether two share a token and a rate limit: a grant with a token of its own does so only with itself."""
    return auth is other or (isinstance(auth, BearerToken | ClientCredentials) and auth == other)


def _from_environment() -> BearerToken | ClientCredentials | None:
    token = validate.environment_variable("EVENERGY_TOKEN")
    if token is not None:
        return BearerToken(token)
    client_id = validate.environment_variable("EVENERGY_CLIENT_ID")
    secret = validate.environment_variable("EVENERGY_CLIENT_SECRET")
    if client_id is None and secret is None:
        return None
    if client_id is None or secret is None:
        given, missing = "EVENERGY_CLIENT_SECRET", "EVENERGY_CLIENT_ID"
        if secret is None:
            given, missing = missing, given
        del secret  # no traceback shall show it
        raise InvalidArgumentError(f"the environment variable {given} is set but {missing} is not")
    return ClientCredentials(client_id, secret)


def _given(argument: str | None, variable: str) -> str | None:
    return argument if argument is not None else validate.environment_variable(variable)


def _user(value: str | None) -> str | None:
    return None if value is None else validate.identifier(value, "user")


def _retry(value: object) -> Retry:
    if not isinstance(value, Retry):
        raise validate.invalid_argument("retry as a Retry, such as Retry(attempts=4)", value)
    return value


def _on_attempt(value: OnAttempt | None) -> OnAttempt | None:
    if value is not None and (not callable(cast("object", value)) or inspect.iscoroutinefunction(value)):
        raise validate.invalid_argument("on_attempt as a function that is no coroutine function, or None", value)
    return value


def _ssl(value: object) -> SSLContext | None:
    if value is not None and not isinstance(value, SSLContext):
        raise validate.invalid_argument("ssl as an ssl.SSLContext, or None", value)
    return value


def _proxies(proxy: object, base_url: str, *, trust_env: bool) -> proxies.Proxies:
    if proxy is not None:
        return proxies.fixed(proxy)
    if not trust_env:
        return proxies.no_proxy
    found = proxies.of_environment()
    found(base_url)  # an invalid variable fails here, and not in the first call
    return found


def _user_agent(value: object) -> str | None:
    return None if value is None else f"{validate.header_text('user_agent', value)} {USER_AGENT}"


def _aiohttp_session(value: object) -> ClientSession | None:
    if value is not None and not isinstance(value, ClientSession):
        raise validate.invalid_argument("session as an aiohttp.ClientSession, or None", value)
    return value


def _or(given: T | UnsetType, otherwise: V, check: Callable[[T], V]) -> V:
    return otherwise if isinstance(given, UnsetType) else check(given)
