"""Choice of the credentials of a command: the command line, then the environment, then the profile.

Credentials, base URL and user come from one place, so that no token goes to a server that it is not for.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import msgspec

from evenergy._codec import urls
from evenergy.auth import Auth, AuthorizationCode, BearerToken, ClientCredentials

from . import profiles
from .errors import SignInError, UsageError
from .profiles import Profile, Vault

if TYPE_CHECKING:
    from evenergy.auth import TokenStore

TOKEN, CLIENT_ID, CLIENT_SECRET = "EVENERGY_TOKEN", "EVENERGY_CLIENT_ID", "EVENERGY_CLIENT_SECRET"
BASE_URL, USER, PROFILE = "EVENERGY_BASE_URL", "EVENERGY_USER", "EVENERGY_PROFILE"
BUDGET, PROXY_KEY = "EVENERGY_BUDGET", "EVENERGY_PROXY_KEY"
CREDENTIALS: Final = (TOKEN, CLIENT_ID, CLIENT_SECRET)
"""Variables of the environment that hold credentials."""
STANDARD_URL: Final = f"{urls.PROVIDER}/v2"

NO_CREDENTIALS: Final = (
    "no credentials, so nothing was sent: run `evenergy login`, or set EVENERGY_CLIENT_ID and EVENERGY_CLIENT_SECRET;"
    " --sandbox needs none"
)


class Account(msgspec.Struct, frozen=True):
    """Credentials of a command, and what goes with them.

    Attributes:
        source: Their place in words, such as ``profile default``.
        base_url: The base URL of the API.
        user: The user to act as, or None.
        name: The name of the profile, or None when the environment has the credentials.
        profile: The profile, or None.
    """

    source: str
    base_url: str
    user: str | None = None
    name: str | None = None
    profile: Profile | None = None

    @property
    def vault(self) -> Vault | None:
        """Return where the profile's secret and token are kept, or None for the environment."""
        if self.name is None or self.profile is None:
            return None
        return Vault(self.name, self.profile.storage)

    @property
    def kind(self) -> tuple[str, str | None]:
        """Return the kind of the credentials (``token``, ``application`` or ``user``), and the client id if any."""
        if self.profile is not None:
            return self.profile.kind, self.profile.client_id
        return ("token", None) if variable(TOKEN) is not None else ("application", variable(CLIENT_ID))

    def auth(self, memory: TokenStore | None = None) -> Auth:
        """Return the credentials for a client.

        Args:
            memory: The store in which a token of the environment's client credentials is kept between runs, or None.

        Raises:
            SignInError: The profile has no secret, or no token, any more.
            InvalidArgumentError: A variable is invalid, or missing beside another; other users may read a file.
        """
        vault, profile = self.vault, self.profile
        if vault is None or profile is None:
            return _of_environment(memory)
        secret = vault.secret() if profile.has_secret else None
        has_all = secret is not None or not profile.has_secret
        redirect_uri = profile.redirect_uri
        if has_all and profile.kind == "user" and redirect_uri is not None and vault.store.load() is not None:
            return AuthorizationCode(
                profile.client_id,
                redirect_uri,
                client_secret=None if secret is None else secret.reveal(),
                scopes=profile.scopes,
                store=vault.store,
            )
        if profile.kind == "application" and secret is not None:
            return ClientCredentials(profile.client_id, secret.reveal(), profile.scopes, store=vault.store)
        missing = "token" if has_all else "secret"
        raise SignInError(f"{self.source} has no {missing} in {vault.place}: run `evenergy login{_option(self.name)}`")

    def identity(self) -> tuple[str, ...]:
        """Return the texts that tell these credentials from all others; some are secret, so hash them with a key."""
        origin = urls.origin(self.base_url)
        if self.profile is not None and self.name is not None:
            return ("profile", origin, self.profile.client_id, self.profile.kind, self.name)
        names = [TOKEN] if variable(TOKEN) is not None else [CLIENT_ID, CLIENT_SECRET]
        return ("environment", origin, *(f"{name}={variable(name) or ''}" for name in names))


def variable(name: str) -> str | None:
    """Return a variable of the environment, or None when it is not set, or blank."""
    return os.environ.get(name, "").strip() or None


def choose(profile: str | None = None, base_url: str | None = None, user: str | None = None) -> Account | None:
    """Return the account of a command, or None when there are no credentials at all.

    Args:
        profile: The profile of ``--profile``, which goes before the environment as a whole; None when it is not given.
        base_url: The base URL of ``--base-url``, or None.
        user: The user of ``--user``, or None.

    Raises:
        SignInError: There is no such profile, or its credentials are for another server than the base URL's.
        InvalidArgumentError: The file of profiles cannot be used, or the base URL is invalid.
    """
    if profile is not None:
        return _of_profile(profiles.checked_name(profile), None, base_url, user)
    if any(variable(name) for name in CREDENTIALS):
        url = base_url or variable(BASE_URL) or STANDARD_URL
        return Account("the environment", urls.base_url(url), user or variable(USER))
    named = variable(PROFILE)
    if named is None and profiles.DEFAULT not in profiles.load():
        return None
    name = profiles.DEFAULT if named is None else profiles.checked_name(named)
    return _of_profile(name, variable(USER), base_url or variable(BASE_URL), user)


def effective_base_url(base_url: str | None) -> str:
    """Return the base URL for calls without credentials: the option's, the environment's, or the API's own."""
    return urls.base_url(base_url or variable(BASE_URL) or STANDARD_URL)


def _of_profile(name: str, of_environment: str | None, base_url: str | None, user: str | None) -> Account:
    found = profiles.load()
    if name not in found:
        there = f"; there are {', '.join(sorted(found))}" if found else ""
        raise SignInError(f"there is no profile {name}{there}: run `evenergy login{_option(name)}`")
    profile = found[name]
    url = profile.base_url if base_url is None else urls.base_url(base_url)
    if urls.origin(url) != urls.origin(profile.base_url):
        raise SignInError(
            f"profile {name} is for {profile.base_url}, so nothing was sent to {url}: run"
            f" `evenergy login --profile NAME --base-url {url}`, or take the base URL away"
        )
    return Account(f"profile {name}", url, user or of_environment or profile.user, name, profile)


def _of_environment(memory: TokenStore | None) -> Auth:
    if variable(TOKEN) is not None:
        return BearerToken(os.environ[TOKEN].strip())
    client_id = variable(CLIENT_ID)
    if client_id is None or variable(CLIENT_SECRET) is None:
        given, missing = (CLIENT_SECRET, CLIENT_ID) if client_id is None else (CLIENT_ID, CLIENT_SECRET)
        raise UsageError(f"the environment variable {given} is set but {missing} is not: set both, or neither")
    return ClientCredentials(client_id, os.environ[CLIENT_SECRET].strip(), store=memory)


def _option(name: str | None) -> str:
    return "" if name in (None, profiles.DEFAULT) else f" --profile {name}"
