"""Memory between runs: the token, what is known of the rate limit, and the lists of makes and models.

Each file is named after a keyed hash of the credentials, so that no other credentials' state is ever used, and the name
says nothing. A file that is broken, or of another version, is ignored with one warning.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from evenergy._transport.limit_state import LimitState
from evenergy.auth import Token
from evenergy.errors import InvalidArgumentError
from evenergy.token_store import FileTokenStore, read_private, write_private

from . import profiles

if TYPE_CHECKING:
    from evenergy import AsyncClient
    from evenergy._codec.wire_types import JSON

    from .accounts import Account

T = TypeVar("T")

LISTS: Final = ("makes", "models")
"""Names of the lists that are kept."""

_VERSION: Final = 1
_MOST: Final = 4_000_000  # bytes of a file
_KEY: Final = 32  # bytes
_LIST_LIFE: Final = 7 * 86_400.0  # seconds: makes and models come a few times a year
_OLD: Final = 30 * 86_400.0  # seconds after which nobody will want a file any more

Warn = Callable[[str], object]
"""Function that tells the user of a file that is ignored."""


class KeptList(msgspec.Struct, frozen=True):
    """List of the API as an earlier run read it.

    Attributes:
        read_at: The time at which it was read, in POSIX seconds.
        items: The JSON array of its items.
    """

    read_at: float
    items: msgspec.Raw


class _File(msgspec.Struct):
    """Envelope of a file of the memory."""

    version: int
    content: msgspec.Raw


class Memory:
    """Memory of one account.

    Args:
        account: The account; None for calls without credentials, of which only lists are kept.
        base_url: The base URL of the API.
        warn: A function that tells the user of a file that is ignored, and of a directory that cannot be written.
        user: The user to act as, or None: lists may have URLs that name the user.
    """

    def __init__(self, account: Account | None, base_url: str, warn: Warn, *, user: str | None = None) -> None:
        self._warn = warn
        self._warned = False
        self._directory = profiles.directory() / "memory"
        key = self._machine_key()
        self._limit_path = self._path(key, "limit", account.identity()) if key and account else None
        self._token_path = self._path(key, "token", account.identity()) if key and account else None
        whose = (base_url, user or "", *(account.identity() if account else ()))
        self._list_paths = {name: self._path(key, name, whose) for name in LISTS} if key else {}

    @property
    def token_store(self) -> FileTokenStore | None:
        """Return the store for a token of the environment's credentials; None when nothing can be kept."""
        path = self._token_path
        if path is None:
            return None
        try:
            Token.from_dict(msgspec.json.decode(read_private(path), type=dict[str, object]))
        except FileNotFoundError:
            pass
        except OSError as error:
            self._tell(f"{path} is ignored: {_reason(error)}")
            return None
        except (ValueError, RecursionError):  # no token, or one that others can read
            self._tell(f"{path} is broken, or readable by others: it is removed, and a new token is requested")
            path.unlink(missing_ok=True)
        return FileTokenStore(path)

    @property
    def limit(self) -> LimitState | None:
        """Return what an earlier run knew of the rate limit, or None."""
        return self._load(self._limit_path, LimitState)

    def restore(self, client: AsyncClient) -> None:
        """Let a new client begin with what is known of the rate limit."""
        state = self.limit
        if state is not None:
            client._session.credentials.limiter.import_state(state)  # noqa: SLF001  the command is of this package

    def save(self, client: AsyncClient) -> None:
        """Keep what a client has learnt of the rate limit."""
        state = known_limit(client)
        if state is not None:
            self._save(self._limit_path, state)

    def kept_list(self, name: str) -> KeptList | None:
        """Return a list that was read in the last seven days, or None."""
        kept = self._load(self._list_paths.get(name), KeptList)
        return kept if kept is not None and 0 <= time.time() - kept.read_at < _LIST_LIFE else None

    def keep_list(self, name: str, items: list[dict[str, JSON]]) -> None:
        """Keep a list that was read now; one that is too large for a file is not kept."""
        content = msgspec.json.encode(items)
        if len(content) < _MOST // 2:
            self._save(self._list_paths.get(name), KeptList(time.time(), msgspec.Raw(content)))

    def forget(self) -> None:
        """Remove the token and the rate limit of the account."""
        for path in (self._token_path, self._limit_path):
            if path is not None:
                path.unlink(missing_ok=True)

    def _machine_key(self) -> bytes:
        """Return the key of the hashes; nothing when the directory cannot be used."""
        path = self._directory / "key"
        try:
            with contextlib.suppress(FileNotFoundError):
                return read_private(path)[:_KEY]
            write_private(path, lambda: secrets.token_bytes(_KEY))
            key = read_private(path)[:_KEY]  # another process may have written one in the same moment
        except (OSError, InvalidArgumentError) as error:
            self._tell(f"nothing is kept between runs: {_reason(error)}")
            return b""
        return key

    def _path(self, key: bytes, what: str, parts: tuple[str, ...]) -> Path:
        name = hmac.new(key, "\0".join(parts).encode(), sha256).hexdigest()[:32]
        return self._directory / f"{name}.{what}.json"

    def _load(self, path: Path | None, into: type[T]) -> T | None:
        if path is None:
            return None
        try:
            content = read_private(path, _MOST)
            file = msgspec.json.decode(content, type=_File)
            if file.version == _VERSION:
                return msgspec.json.decode(file.content, type=into)
            self._tell(f"{path} is ignored: it is of version {file.version}, not {_VERSION}")
        except FileNotFoundError:
            pass
        except (OSError, InvalidArgumentError) as error:
            self._tell(f"{path} is ignored: {_reason(error)}")
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            self._tell(f"{path} is broken and is ignored")
        return None

    def _save(self, path: Path | None, value: Any) -> None:
        if path is None:
            return
        try:
            content = msgspec.json.encode(_File(_VERSION, msgspec.Raw(msgspec.json.encode(value))))
            write_private(path, lambda: content, durable=False)
            self._remove_old()
        except OSError as error:
            self._tell(f"{path} could not be written, so the next run starts without it: {_reason(error)}")

    def _remove_old(self) -> None:
        """Remove what other credentials left long ago."""
        before = time.time() - _OLD
        for entry in os.scandir(self._directory):
            if entry.name.endswith(".json") and entry.stat(follow_symlinks=False).st_mtime < before:
                Path(entry).unlink(missing_ok=True)

    def _tell(self, message: str) -> None:
        if not self._warned:
            self._warned = True
            self._warn(f"warning: {message}")


def known_limit(client: AsyncClient) -> LimitState | None:
    """Return what a client knows of the rate limit; None when no response said anything."""
    return client._session.credentials.limiter.export_state()  # noqa: SLF001  the command is of this package


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
