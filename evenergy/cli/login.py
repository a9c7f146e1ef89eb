"""Commands ``evenergy login`` and ``evenergy logout``."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import webbrowser
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import IO, Final

import attrs
import click
import msgspec

from evenergy._codec.secret import Secret
from evenergy._transport.retry import Retry
from evenergy.auth import Auth, AuthorizationCode, ClientCredentials, Token
from evenergy.client import AsyncClient
from evenergy.errors import AuthenticationError, EvEnergyError

from . import accounts, profiles
from .context import ClientCommand, Settings
from .errors import UsageError
from .interrupts import run_async
from .loopback import listening
from .memory import Memory
from .profiles import Profile, Vault
from .times import Duration

_NO_SANDBOX: Final = "--sandbox ends with its command, so there is nothing to sign in to: leave it out"
_RETRY: Final = Retry(attempts=2)  # somebody is waiting
_NOBODY: Final = "http://127.0.0.1/"  # to which no browser is sent: the token is revoked without one


@attrs.define
class _Captured:
    """Store of a token in memory, until the credentials are checked."""

    token: Token | None = None

    def load(self) -> Token | None:
        return self.token

    def save(self, token: Token | None, /) -> None:
        self.token = token

    def lock(self) -> AbstractContextManager[None]:
        return contextlib.nullcontext()


@attrs.frozen
class _Request:
    """Sign-in, as it was requested.

    Attributes:
        name: The name of the profile to write.
        profile: The profile, as far as it is known before the sign-in.
        secret: The secret of the application, or None for a public one.
        opens_browser: Whether a browser is opened; else the URL is printed.
        port: The port for the redirect; 0 for a free one.
        patience: The time that the user has.
    """

    name: str
    profile: Profile
    secret: Secret | None
    opens_browser: bool
    port: int
    patience: timedelta


@click.command("login", cls=ClientCommand)
@click.option(
    "--client-id",
    metavar="ID",
    help="Sign in as this application, with its secret; with --browser or --no-browser, as a user of it.",
)
@click.option(
    "--client-secret-file",
    type=click.File("r", lazy=True),
    metavar="FILE",
    help="Read the secret from a file, or - for standard input; else EVENERGY_CLIENT_SECRET, else a prompt.",
)
@click.option("--browser/--no-browser", default=None, help="Open a browser for a user, or print the URL for it.")
@click.option("--scope", "scopes", multiple=True, metavar="SCOPE", help="Request this scope only; may be repeated.")
@click.option("--keyring", is_flag=True, help="Keep secret and token in the keyring of the system.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=0,
    metavar="N",
    help="Port of the redirect to http://127.0.0.1:N/callback; 0 for a free one.",
)
@click.option("--timeout", type=Duration(), default="5m", metavar="TIME", help="Time to sign in.  [default: 5m]")
@click.pass_obj
def login(
    settings: Settings,
    client_id: str | None,
    client_secret_file: IO[str] | None,
    browser: bool | None,
    scopes: Sequence[str],
    keyring: bool,
    port: int,
    timeout: timedelta,
) -> None:
    """Sign in, check the credentials with one request, and keep them in a profile.

    A user signs in with a browser. An application signs in with --client-id and its secret, which no argument takes, as
    others could read it there.
    """
    if settings.sandbox:
        raise UsageError(_NO_SANDBOX)
    name = profiles.checked_name(settings.profile or accounts.variable(accounts.PROFILE) or profiles.DEFAULT)
    old = profiles.load().get(name)
    is_application = browser is None and (client_id is not None or client_secret_file is not None)
    base_url = accounts.effective_base_url(
        settings.base_url or accounts.variable(accounts.BASE_URL) or (None if old is None else old.base_url)
    )
    identifier = client_id or accounts.variable(accounts.CLIENT_ID) or (old and old.client_id) or _prompt("Client id")
    secret = _secret(client_secret_file, client_id, needed=is_application)
    profile = Profile(
        base_url=base_url,
        kind="application" if is_application else "user",
        client_id=identifier,
        user=settings.user,
        scopes=tuple(scopes),
        has_secret=secret is not None,
        storage="keyring" if keyring else "file",
    )
    request = _Request(name, profile, secret, browser is not False, port, timeout)
    run_async(_login(settings, request, None if old is None else Vault(name, old.storage)))


@click.command("logout", cls=ClientCommand)
@click.option("--local", is_flag=True, help="Delete without revoking: the token stays valid until it expires.")
@click.pass_obj
def logout(settings: Settings, local: bool) -> None:
    """Revoke the token of a profile, and delete the profile with its secret and token."""
    if settings.sandbox:
        raise UsageError(_NO_SANDBOX)
    name = profiles.checked_name(settings.profile or accounts.variable(accounts.PROFILE) or profiles.DEFAULT)
    account = accounts.choose(name, settings.base_url, settings.user)
    if account is None or account.profile is None:
        raise UsageError(f"there is no profile {name}")
    vault = Vault(name, account.profile.storage)
    if not local:
        run_async(_revoke(account.profile, vault))
    _delete(name, vault)
    Memory(account, account.base_url, settings.note).forget()
    settings.note(f"{name}: {'deleted here; the token was not revoked' if local else 'revoked and deleted'}")
    _note_environment(settings)


async def _login(settings: Settings, request: _Request, old: Vault | None) -> None:
    store = _Captured()
    if request.profile.kind == "application":
        profile = request.profile
        await _check(request, _application(request, store))
    else:
        profile = await _sign_in(settings, request, store)
    if store.token is None:
        raise EvEnergyError("the token endpoint has issued no token")
    if old is not None:
        _delete(request.name, old)
    vault = Vault(request.name, profile.storage)
    with vault.store.lock():
        vault.store.save(store.token)
    vault.save_secret(request.secret)
    profiles.save(request.name, profile)
    account = accounts.choose(request.name, None, None)
    Memory(account, profile.base_url, settings.note).forget()  # what another user of the profile has left
    settings.note(f"{request.name}: signed in as {profile.kind} of {profile.client_id}; token in {vault.place}")
    _note_environment(settings)


async def _sign_in(settings: Settings, request: _Request, store: _Captured) -> Profile:
    """Let the user sign in with a browser, and return the profile."""
    async with listening(request.port) as redirect:
        profile = msgspec.structs.replace(request.profile, redirect_uri=redirect.uri)
        auth = AuthorizationCode(
            profile.client_id,
            redirect.uri,
            client_secret=None if request.secret is None else request.secret.reveal(),
            scopes=profile.scopes,
            store=store,
        )
        async with _client(request, auth) as client:
            authorization = client.oauth.authorization_request()
            redirect.expect(authorization.state)
            await _show(settings, request, authorization.url)
            code = await redirect.code(request.patience.total_seconds())
            await client.oauth.exchange(code.reveal(), code_verifier=authorization.code_verifier)
            await client.with_options(user=profile.user).root()
    return profile


async def _show(settings: Settings, request: _Request, url: str) -> None:
    """Open the browser, or print the URL."""
    if not request.opens_browser:
        click.echo(url)
        settings.note("Open this URL in a browser on this machine, and sign in.")
        return
    settings.note(f"A browser opens. If none does, open this URL on this machine:\n{url}")
    opening = asyncio.get_running_loop().run_in_executor(None, webbrowser.open, url)
    with contextlib.suppress(TimeoutError):  # some browsers return when their window closes
        async with asyncio.timeout(1):
            await asyncio.shield(opening)


async def _check(request: _Request, auth: Auth) -> None:
    """Send one request with the credentials."""
    async with _client(request, auth) as client:
        await client.with_options(user=request.profile.user).root()  # not that of the environment


def _client(request: _Request, auth: Auth) -> AsyncClient:
    return AsyncClient(auth, base_url=request.profile.base_url, retry=_RETRY, trust_env=True)


def _application(request: _Request, store: _Captured) -> ClientCredentials:
    if request.secret is None:
        raise UsageError("an application needs a secret")
    return ClientCredentials(request.profile.client_id, request.secret.reveal(), request.profile.scopes, store=store)


async def _revoke(profile: Profile, vault: Vault) -> None:
    token, secret = vault.store.load(), vault.secret()
    if token is None:
        return
    auth = AuthorizationCode(
        profile.client_id,
        profile.redirect_uri or _NOBODY,
        client_secret=None if secret is None else secret.reveal(),
        token=token,
    )
    try:
        async with AsyncClient(auth, base_url=profile.base_url, retry=_RETRY, trust_env=True) as client:
            await client.oauth.revoke()
    except EvEnergyError as error:
        if not isinstance(error, AuthenticationError):
            click.echo("not revoked, so nothing is deleted; --local deletes without", err=True)
            raise
        click.echo("warning: the provider rejected the application, so the token was not revoked", err=True)


def _delete(name: str, vault: Vault) -> None:
    vault.store.save(None)
    vault.save_secret(None)
    profiles.save(name, None)


def _secret(file: IO[str] | None, client_id: str | None, *, needed: bool) -> Secret | None:
    """Return the secret of the file, the environment, or, where one is needed, the prompt."""
    if file is not None:
        with file:
            secret = Secret(file.readline().strip())
        if not secret.reveal():
            raise UsageError("--client-secret-file is empty: its first line is the secret")
        return secret
    found = accounts.variable(accounts.CLIENT_SECRET)
    is_of_another = client_id not in (None, accounts.variable(accounts.CLIENT_ID) or client_id)
    if found is not None and not is_of_another:
        return Secret(found)
    return Secret(_prompt("Client secret", hidden=True)) if needed else None


def _prompt(text: str, *, hidden: bool = False) -> str:
    """Return the text that the user types.

    Raises:
        UsageError: Nobody is at the terminal.
    """
    if not sys.stdin.isatty():
        name = "--client-secret-file, or EVENERGY_CLIENT_SECRET" if hidden else "--client-id, or EVENERGY_CLIENT_ID"
        raise UsageError(f"no {text.lower()}, and nobody at a terminal to type it: give {name}")
    found: str = click.prompt(text, hide_input=hidden, err=True)
    return found.strip()


def _note_environment(settings: Settings) -> None:
    """Tell the user that the environment goes before the profile."""
    names = [name for name in accounts.CREDENTIALS if accounts.variable(name)]
    if names:
        settings.note(f"warning: {names[0]} is set, and goes before the profile unless you give --profile")
