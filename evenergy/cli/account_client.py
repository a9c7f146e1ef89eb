"""Client with the credentials of the environment or a profile, and with what earlier runs have learnt."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from evenergy.client import AsyncClient

from . import profiles
from .accounts import BUDGET, NO_CREDENTIALS, Account, choose, effective_base_url, variable
from .errors import SignInError
from .memory import Memory

if TYPE_CHECKING:
    from evenergy import Budget
    from evenergy._transport.attempts import OnAttempt

    from .context import Settings


@contextlib.asynccontextmanager
async def account_client(
    settings: Settings, max_wait: float | None, on_attempt: OnAttempt, *, anonymous: bool
) -> AsyncGenerator[tuple[AsyncClient, Memory]]:
    """Open a client, and keep at its end what it has learnt.

    Args:
        settings: The options of the command.
        max_wait: Seconds that a request may wait for the rate limit; None for ever.
        on_attempt: A function that is called with each attempt.
        anonymous: Whether the API needs no credentials for the command.

    Raises:
        SignInError: There are no credentials, and they are needed.
    """
    account = choose(settings.profile, settings.base_url, settings.user)
    if account is None and not anonymous:
        raise SignInError(NO_CREDENTIALS)
    base_url = effective_base_url(settings.base_url) if account is None else account.base_url
    # A profile that was named goes before the user of the environment.
    user = settings.user if account is None else account.user
    memory = Memory(account, base_url, settings.note, user=user)
    auth = None if account is None else account.auth(memory.token_store)
    async with AsyncClient(
        auth,
        base_url=base_url,
        max_wait=max_wait,
        trust_env=True,
        on_attempt=on_attempt,
        budget=_budget(settings, account),
    ) as client:
        memory.restore(client)
        try:
            yield client.with_options(user=user), memory
        finally:
            memory.save(client)


def _budget(settings: Settings, account: Account | None) -> Budget | None:
    """Return the budget that processes share, or None where no place is known."""
    place = settings.budget or variable(BUDGET)
    if place is None:
        return None
    from .budget_option import budget_from

    # The token of a profile may have no user's id to tell it from others, but stands in one directory of one host.
    name = None if account is None else account.name
    return budget_from(place, None if name is None else f"{socket.gethostname()} {profiles.directory()} {name}")
