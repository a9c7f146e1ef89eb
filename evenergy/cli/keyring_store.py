"""Secrets and tokens in the keyring of the system, by the package `keyring`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, TypeVar

import attrs
import msgspec

from evenergy._codec.secret import Secret
from evenergy.auth import Token
from evenergy.errors import EvEnergyError
from evenergy.token_store import FileTokenStore

T = TypeVar("T")

_SERVICE: Final = "evenergy"
_EXTRA: Final = 'pip install "evenergy[keyring]"'

What: TypeAlias = Literal["secret", "token"]


@attrs.frozen
class KeyringTokenStore:
    """Store of a profile's token in the keyring; its lock is a file, as a keyring has none.

    Attributes:
        profile: The name of the profile.
        path: The path beside which the lock's file stands.
    """

    profile: str
    path: Path

    def load(self) -> Token | None:
        """Return the stored token, or None when there is none, or one that cannot be read.

        Raises:
            EvEnergyError: The keyring cannot be used.
        """
        found = load(self.profile, "token")
        try:
            return (
                None if found is None else Token.from_dict(msgspec.json.decode(found.reveal(), type=dict[str, object]))
            )
        except (ValueError, RecursionError):
            return None

    def save(self, token: Token | None, /) -> None:
        """Replace the stored token; None removes it.

        Raises:
            EvEnergyError: The keyring cannot be used.
        """
        save(self.profile, "token", None if token is None else Secret(msgspec.json.encode(token.to_dict()).decode()))

    def lock(self) -> AbstractContextManager[None]:
        """Keep other processes out of their own ``lock()``."""
        return FileTokenStore(self.path).lock()


def load(profile: str, what: What) -> Secret | None:
    """Return a text of a profile in the keyring, or None when there is none.

    Raises:
        EvEnergyError: The keyring cannot be used.
    """
    return _used(lambda keyring: _hidden(keyring.get_password(_SERVICE, f"{profile}/{what}")))


def save(profile: str, what: What, text: Secret | None) -> None:
    """Replace a text of a profile in the keyring; None removes it.

    Raises:
        EvEnergyError: The keyring cannot be used.
    """
    name = f"{profile}/{what}"
    if text is not None:
        _used(lambda keyring: keyring.set_password(_SERVICE, name, text.reveal()))
    elif load(profile, what) is not None:
        _used(lambda keyring: keyring.delete_password(_SERVICE, name))


def _hidden(text: str | None) -> Secret | None:
    return None if text is None else Secret(text)


def _used(work: Callable[[Any], T]) -> T:
    try:
        import keyring  # the extra may be missing
        import keyring.errors
    except ModuleNotFoundError:
        raise EvEnergyError(f"the keyring needs the package keyring, which is not installed: {_EXTRA}") from None
    failed = ""
    try:
        return work(keyring)
    except keyring.errors.KeyringError as error:
        failed = type(error).__name__  # its text may hold what was to be stored
    raise EvEnergyError(
        f"the keyring of the system cannot be used ({failed}): unlock it, or run `evenergy login` without --keyring"
    )
