"""Profiles: the file that lists them, and where their secrets and tokens are kept."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import msgspec

from evenergy._codec.secret import Secret
from evenergy.errors import EvEnergyError, InvalidArgumentError
from evenergy.token_store import FileTokenStore, read_private, write_private

from .errors import UsageError
from .main import EXTRA

if TYPE_CHECKING:
    from .keyring_store import KeyringTokenStore

DEFAULT: Final = "default"
"""Name of the profile that is used when nobody names one."""
_VERSION: Final = 1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DIRECTORY: Final = "EVENERGY_CONFIG_DIR"
_MOST: Final = 1_000_000  # bytes of the file

Kind: TypeAlias = Literal["application", "user"]
"""Kind of credentials: an application for itself (client credentials), or a user who signed in (authorization code)."""

Storage: TypeAlias = Literal["file", "keyring"]


class Profile(msgspec.Struct, frozen=True, kw_only=True):  # made in no time, for each start of the command
    """Credentials that `evenergy login` has checked and stored; secrets and tokens stand elsewhere.

    Attributes:
        base_url: The base URL of the API that they are for.
        kind: The kind of credentials.
        client_id: The id of the application.
        user: The user to act as, or None.
        scopes: The scopes that were requested; empty for all.
        redirect_uri: The URL that the browser came back to; None unless a user signed in.
        has_secret: Whether the application has a secret; a public one has none.
        storage: The place of the secret and the token: a file beside this one, or the system's keyring.
    """

    base_url: str
    kind: Kind
    client_id: str
    user: str | None = None
    scopes: tuple[str, ...] = ()
    redirect_uri: str | None = None
    has_secret: bool = True
    storage: Storage = "file"


class _Content(msgspec.Struct):
    """Content of the file."""

    version: int
    profiles: dict[str, Profile]


def directory() -> Path:
    """Return the directory of profiles, tokens and memory: ``EVENERGY_CONFIG_DIR``, or the platform's own.

    Raises:
        EvEnergyError: The extra is not complete.
    """
    given = os.environ.get(_DIRECTORY, "").strip()
    if given:
        return Path(given).expanduser().absolute()
    try:
        from platformdirs import user_config_path
    except ModuleNotFoundError:
        raise EvEnergyError(f"the command needs platformdirs, which is not installed: {EXTRA}") from None
    return user_config_path("evenergy", appauthor=False)


def path() -> Path:
    """Return the path of the file of profiles."""
    return directory() / "profiles.json"


def checked_name(name: str) -> str:
    """Return the name of a profile, which is part of the names of files.

    Raises:
        UsageError: It is none.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be the name of a profile: use up to 64 letters, digits, dots, dashes or underscores"
        )
    return name


def load() -> dict[str, Profile]:
    """Return all profiles by name; no file is no profile.

    Raises:
        InvalidArgumentError: The file is broken, other users may read it, or a newer version wrote it.
        EvEnergyError: The file cannot be read.
    """
    file = path()
    try:
        content = read_private(file, _MOST)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise EvEnergyError(f"{file} could not be read: {error.strerror or error}") from None
    try:
        version = msgspec.json.decode(content, type=dict[str, Any]).get("version")
        if version != _VERSION:
            raise InvalidArgumentError(
                f"{file} is of version {version!r}, not {_VERSION}: upgrade evenergy, or remove the file"
            )
        return msgspec.json.decode(content, type=_Content).profiles
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidArgumentError(
            f"{file} holds no profiles ({error}): correct it, or remove it and run `evenergy login`"
        ) from None


def save(name: str, profile: Profile | None) -> None:
    """Add or replace a profile; None removes it.

    Raises:
        EvEnergyError: The file cannot be written, or what it holds cannot be read.
    """
    file = path()
    with FileTokenStore(file).lock():
        profiles = load()
        profiles.pop(name, None)
        if profile is not None:
            profiles[name] = profile
        content = msgspec.json.format(msgspec.json.encode(_Content(_VERSION, profiles)), indent=2)
        try:
            write_private(file, lambda: content)
        except OSError as error:
            raise EvEnergyError(f"{file} could not be written: {error.strerror or error}") from None


class Vault(msgspec.Struct, frozen=True):
    """Secret and token of one profile.

    Attributes:
        name: The name of the profile.
        storage: The place.
    """

    name: str
    storage: Storage

    @property
    def place(self) -> str:
        """Return the place in words."""
        return "the keyring of the system" if self.storage == "keyring" else str(self._token_path)

    @property
    def store(self) -> FileTokenStore | KeyringTokenStore:
        """Return the store of the token."""
        if self.storage == "keyring":
            from .keyring_store import KeyringTokenStore  # it needs the extra

            return KeyringTokenStore(self.name, self._token_path)
        return FileTokenStore(self._token_path)

    def secret(self) -> Secret | None:
        """Return the secret of the application, or None when there is none.

        Raises:
            InvalidArgumentError: Other users may read the file.
            EvEnergyError: It cannot be read.
        """
        if self.storage == "keyring":
            from . import keyring_store  # it needs the extra

            return keyring_store.load(self.name, "secret")
        try:
            return Secret(read_private(self._secret_path).decode())
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError):
            raise EvEnergyError(f"the secret in {self._secret_path} could not be read") from None

    def save_secret(self, secret: Secret | None) -> None:
        """Replace the secret of the application; None removes it.

        Raises:
            EvEnergyError: It cannot be written.
        """
        if self.storage == "keyring":
            from . import keyring_store  # it needs the extra

            keyring_store.save(self.name, "secret", secret)
            return
        try:
            if secret is None:
                self._secret_path.unlink(missing_ok=True)
            else:
                write_private(self._secret_path, lambda: secret.reveal().encode())
        except OSError as error:
            reason = error.strerror or str(error)
            raise EvEnergyError(f"the secret in {self._secret_path} could not be written: {reason}") from None

    def paths(self) -> list[Path]:
        """Return the files with a secret in them, whether they are there or not."""
        return [] if self.storage == "keyring" else [self._token_path, self._secret_path]

    @property
    def _token_path(self) -> Path:
        return directory() / "tokens" / f"{self.name}.json"

    @property
    def _secret_path(self) -> Path:
        return directory() / "secrets" / self.name
