"""Checks that send requests: two with the credentials, at the most, beside one for a token."""

from __future__ import annotations

import time
from collections.abc import Awaitable
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import attrs

from evenergy._transport.retry import Retry
from evenergy.auth import Token
from evenergy.cli.accounts import Account
from evenergy.cli.context import Settings
from evenergy.cli.errors import Exit, exit_code
from evenergy.cli.memory import Memory
from evenergy.cli.times import in_words
from evenergy.client import AsyncClient
from evenergy.errors import (
    AuthenticationError,
    BadRequestError,
    EvEnergyError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
)

from .findings import Finding, failed, ok, skipped, warning

if TYPE_CHECKING:
    from evenergy import Attempt

CHECKS: Final = ("clock", "base url", "credentials", "scopes", "user", "limit")
_TIMEOUT: Final = 15.0  # seconds
_OFF: Final = 30.0  # seconds by which a clock may be off
_FEW: Final = 0.1  # of the limit
_SCOPES: Final = {
    "vehicle:read": "vehicles, logs, fleet, sync",
    "evse:read": "chargers",
    "charging_session:read": "sessions",
    "user:read": "users",
}
"""Scopes, with the commands that need them."""


@attrs.define
class _Seen:
    """Responses so far.

    Attributes:
        date: The ``Date`` header of the newest one, or None.
        received: The time at which it came, in POSIX seconds.
        is_ours: Whether it has the headers of the API, and not of a page in front of it.
    """

    date: str | None = None
    received: float = 0.0
    is_ours: bool = False

    def note(self, attempt: Attempt) -> None:
        """Note an attempt."""
        if attempt.status is not None:
            self.date, self.received = attempt.headers.get("Date"), time.time() - attempt.seconds / 2
            self.is_ours = "X-RateLimit-Limit" in attempt.headers or "EvEnergy-Version" in attempt.headers


async def examine(settings: Settings, account: Account) -> list[Finding]:
    """Return the findings of all checks that send requests."""
    memory, seen = Memory(account, account.base_url, settings.note), _Seen()
    try:
        auth = account.auth(memory.token_store)
    except EvEnergyError as error:
        advice = "do what the message says, or run `evenergy login`"
        return [failed("credentials", str(error), advice, exit_code(error))]
    async with AsyncClient(
        auth,
        base_url=account.base_url,
        timeout=_TIMEOUT,
        retry=Retry(attempts=2),
        max_wait=0,
        trust_env=True,
        on_attempt=seen.note,
    ) as plain:
        memory.restore(plain)
        try:
            return await _examine(plain.with_options(user=account.user), account, memory, seen)
        finally:
            memory.save(plain)


async def _examine(client: AsyncClient, account: Account, memory: Memory, seen: _Seen) -> list[Finding]:
    error = await _error(client.root())
    reached = [_clock(seen), _base_url(account, error, seen)]
    if reached[1].exit_code:
        return [*reached, *(skipped(check, "not reached") for check in CHECKS[2:])]
    found = [*reached, _credentials(account, error)]
    if found[2].exit_code:
        return [*found, skipped("scopes", "not reached"), skipped("user", "not reached"), _limit(client, error)]
    if error is None:
        error = await _error(client.request("GET", "/vehicles", params={"page_size": 1}))
    kept = _kept(account, memory)
    return [*found, _scopes(kept, error), _user(account, error), _limit(client, error)]


async def _error(request: Awaitable[object]) -> EvEnergyError | None:
    try:
        await request
    except EvEnergyError as error:
        return error
    return None


def _clock(seen: _Seen) -> Finding:
    check = "clock"
    try:
        ahead = None if seen.date is None else seen.received - parsedate_to_datetime(seen.date).timestamp()
    except ValueError:
        ahead = None
    if ahead is None:
        return skipped(check, "no response had a Date")
    if abs(ahead) <= _OFF:
        return ok(check, "right to the second, as far as the server's Date says")
    way = "ahead of" if ahead > 0 else "behind"
    return warning(
        check,
        f"this machine is {in_words(abs(ahead))} {way} the server: --since and the expiry of tokens are off by that",
        "let the machine set its clock by NTP",
    )


def _base_url(account: Account, error: EvEnergyError | None, seen: _Seen) -> Finding:
    check, url = "base url", account.base_url
    is_problem = isinstance(error, NotFoundError) or (error is not None and not seen.is_ours)
    if error is not None and seen.date is None and not isinstance(error, AuthenticationError | RateLimitError):
        return failed(
            check, f"no response from {url}: {error}", "see the findings above, and try again", exit_code(error)
        )
    if not is_problem or isinstance(error, AuthenticationError | RateLimitError):
        return ok(check, f"{url} is the API")
    if not urlsplit(url).path.strip("/"):
        return failed(check, f"{url} has no /v2 at its end", f"set it to {url}/v2", Exit.USAGE)
    return failed(
        check,
        f"{url} does not respond as the API does ({error})",
        "correct the base URL; it is https://api.ev.energy/v2 unless you know better",
        Exit.USAGE if isinstance(error, NotFoundError) else exit_code(error) if error else Exit.FAILED,
    )


def _credentials(account: Account, error: EvEnergyError | None) -> Finding:
    check = "credentials"
    if error is None or isinstance(error, BadRequestError | PermissionDeniedError):
        return ok(check, f"{account.source}: accepted")
    if isinstance(error, RateLimitError):
        return skipped(check, "not tried: the rate limit is used up")
    if not isinstance(error, AuthenticationError):
        return failed(check, f"the API fails: {error}", "try again later; nothing here is wrong", exit_code(error))
    kind, _ = account.kind
    advice = {
        "token": "get a new token: this one is wrong, expired, or of another server",
        "user": "sign in again with `evenergy login`",
        "application": "check the client id and the secret, and whether they are of this server",
    }[kind]
    return failed(check, f"{account.source}: rejected ({error})", advice, exit_code(error))


def _kept(account: Account, memory: Memory) -> Token | None:
    store = memory.token_store if account.vault is None else account.vault.store
    return None if store is None or account.kind[0] == "token" else store.load()


def _scopes(token: Token | None, error: EvEnergyError | None) -> Finding:
    check = "scopes"
    missing = "vehicle:read" if isinstance(error, PermissionDeniedError) else None
    held = token.scope.split() if token is not None else []
    lacking = [scope for scope in _SCOPES if held and scope not in held]
    if missing is not None and missing not in lacking:
        lacking.insert(0, missing)
    if lacking:
        what = "; ".join(f"{scope} ({_SCOPES[scope]})" for scope in lacking)
        advice = "have ev.energy allow them to the application, and run `evenergy login` without --scope"
        return warning(check, f"the token lacks {what}", advice)
    return ok(check, f"{len(held)} scopes, all that reading needs" if held else "vehicles can be read")


def _user(account: Account, error: EvEnergyError | None) -> Finding:
    check, kind = "user", account.kind[0]
    if isinstance(error, BadRequestError) and account.user is not None:
        return failed(
            check,
            f"the API rejected {account.user} as the user to act as: {error}",
            "correct --user, EVENERGY_USER or the profile: an id such as user01…, of a user of this application",
            exit_code(error),
        )
    if isinstance(error, BadRequestError):
        return warning(check, f"the credentials need a user: {error}", "name one with --user or EVENERGY_USER")
    if account.user is not None:
        return ok(check, f"acts as {account.user}")
    if kind == "user":
        return ok(check, "none is needed: the token is that of a user")
    return ok(check, "none is needed for reading; operations that act for a user take --user or EVENERGY_USER")


def _limit(client: AsyncClient, error: EvEnergyError | None) -> Finding:
    check = "limit"
    if isinstance(error, RateLimitError):
        return failed(
            check,
            f"nothing is left of the hour; the next request may be sent in {in_words(error.retry_after)}",
            "wait, or find out who spends it: all processes of one application share one hour",
            Exit.RATE_LIMITED,
        )
    limit = client.rate_limit
    if limit is None:
        return warning(check, "no response told the rate limit", "a proxy in front may remove the headers")
    left = f"{limit.remaining} of {limit.limit} requests are left of the hour"
    if limit.remaining < _FEW * limit.limit:
        return warning(check, left, "let schedules ask less often: `evenergy plan` says what they cost")
    return ok(check, left)
