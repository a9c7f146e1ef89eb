"""Command ``evenergy whoami``."""

from __future__ import annotations

from typing import Any

import click

from evenergy.auth import Token

from . import accounts
from .accounts import Account
from .context import ClientCommand, Settings
from .errors import SignInError
from .memory import Memory
from .output import ALWAYS, Output, dict_shape, key_column, plain, write_json

_LABELS = {
    "profile": "Profile",
    "source": "Credentials from",
    "kind": "Kind",
    "client_id": "Client id",
    "user": "Acts as user",
    "scopes": "Scopes of the token",
    "token_expires_at": "Token expires at",
    "base_url": "Base URL",
    "stored_in": "Stored in",
}
_MOST_SCOPES = 6  # that a terminal has room for


@click.command("whoami", cls=ClientCommand)
@click.pass_obj
def whoami(settings: Settings) -> None:
    """Show the credentials that commands use, and what is known of their token. It sends nothing."""
    found = _sandbox() if settings.sandbox else _described(settings)
    if settings.fields is None and settings.format == "json":
        write_json(found)
        return
    if settings.fields is None and settings.format is None:
        for name, label in _LABELS.items():
            if found[name] is not None:
                click.echo(f"{label + ':':<21}{_shown(name, found[name])}")
        return
    columns = [key_column(label, name, importance=ALWAYS) for name, label in _LABELS.items()]
    with Output(settings, dict_shape(columns, list(_LABELS))) as output:
        output.write([found])


def _shown(name: str, value: object) -> str:
    text = plain(value)
    count = len(text.split()) if name == "scopes" else 0
    return text if count <= _MOST_SCOPES else f"{count}, which --json lists"


def _described(settings: Settings) -> dict[str, Any]:
    account = accounts.choose(settings.profile, settings.base_url, settings.user)
    if account is None:
        raise SignInError(accounts.NO_CREDENTIALS)
    token, place = _token(account, settings)
    kind, client_id = account.kind
    return {
        "profile": account.name,
        "source": account.source,
        "kind": kind,
        "client_id": client_id,
        "user": account.user,
        "scopes": None if token is None else token.scope or None,
        "token_expires_at": None if token is None else token.expires_at,
        "base_url": account.base_url,
        "stored_in": place,
    }


def _token(account: Account, settings: Settings) -> tuple[Token | None, str | None]:
    """Return the token that is kept, and where; a token of the environment says nothing of itself."""
    if account.vault is not None:
        token, place = account.vault.store.load(), account.vault.place
    else:
        memory = Memory(account, account.base_url, settings.note).token_store
        if memory is None or accounts.variable(accounts.TOKEN) is not None:
            return None, None
        token, place = memory.load(), str(memory.path)
    return token, None if token is None else place


def _sandbox() -> dict[str, Any]:
    return {**dict.fromkeys(_LABELS), "source": "the sandbox of this command", "kind": "application"}
