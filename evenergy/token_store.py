"""Store of a token in a file, which processes on one machine share."""

import contextlib
import logging
import os
import secrets
import stat
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, TypeVar, cast

import attrs
import msgspec

from ._lazy import load
from .auth import Token
from .errors import EvEnergyError, InvalidArgumentError

T = TypeVar("T")

_IS_WINDOWS = os.name == "nt"
_MOST = 65_536  # bytes; a token has less
_LOCK_TIME = 60.0  # seconds: who holds the lock may be in the middle of a refresh, with its retries
_PAUSE = 0.02  # seconds between two tries
_TRIES = 50

# No symbolic link is followed, and no child process gets the file. Each system lacks one of them.
_FLAGS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)

_log = logging.getLogger(__name__)


def _path(value: str | os.PathLike[str]) -> Path:
    if not isinstance(cast("object", value), str | os.PathLike) or not str(value):
        raise InvalidArgumentError(f"expected path as the path of a file, got {value!r}")
    return Path(value).expanduser().absolute()  # the working directory may change


@attrs.frozen
class FileTokenStore:
    """Store of one token in a file, for processes of one user on one machine.

    Pass it as ``store`` of `AuthorizationCode` or `ClientCredentials`, one file a grant. The file is JSON that
    `Token.from_dict` reads, readable by its owner only (mode 0600, on Windows as its directory), and replaced as a
    whole. The lock is a second file beside it, which stays; the system releases it when its holder ends.

    The methods block. A client calls them in a thread.

    Attributes:
        path: The path of the file; missing directories are made, for their owner only.
    """

    path: Path = attrs.field(converter=_path)

    def load(self) -> Token | None:
        """Return the token in the file, or None when there is no file; broken content is ignored, with a warning.

        Raises:
            InvalidArgumentError: Other users may read the file.
            EvEnergyError: The file cannot be read.
        """
        try:
            return self._read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._error("read", error) from None

    def save(self, token: Token | None, /) -> None:
        """Replace the file by one with this token; None removes it.

        Raises:
            EvEnergyError: The file cannot be written.
        """
        try:
            if token is None:
                self.path.unlink(missing_ok=True)
            else:
                write_private(self.path, lambda: msgspec.json.encode(token.to_dict()))
        except OSError as error:
            raise self._error("written", error) from None

    @contextlib.contextmanager
    def lock(self) -> Generator[None]:
        """Keep other processes and threads that use the same file out of their own ``lock()``.

        Raises:
            EvEnergyError: Somebody else held it for 60 s, or the file system has no locks.
        """
        try:
            descriptor = self._locked()
        except OSError as error:
            raise self._error("locked", error) from None
        try:
            yield
        finally:
            _unlock(descriptor)
            os.close(descriptor)

    def _read(self) -> Token | None:
        content = read_private(self.path)
        try:
            return Token.from_dict(msgspec.json.decode(content, type=dict[str, object]))
        except (ValueError, RecursionError):
            _log.warning("%s does not hold a token and is ignored", self.path)
            return None

    def _locked(self) -> int:
        """Return the descriptor of the lock's file, which this thread has locked."""
        _make_private(self.path.parent)
        path = self.path.with_name(f"{self.path.name}.lock")
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _FLAGS, 0o600)
        try:
            _wait_for_lock(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _error(self, what: str, error: OSError) -> EvEnergyError:
        return EvEnergyError(f"the token in {self.path} could not be {what}: {error.strerror or error}")


def read_private(path: Path, most: int = _MOST) -> bytes:
    """Return the content of a file that only its owner may read; no more than ``most`` bytes.

    Raises:
        InvalidArgumentError: Other users may read the file.
        OSError: There is no such file, or it cannot be read.
    """
    descriptor = _patiently(lambda: os.open(path, os.O_RDONLY | _FLAGS))
    with os.fdopen(descriptor, "rb") as file:
        _check(path, os.fstat(descriptor))
        return file.read(most)


def write_private(path: Path, content: Callable[[], bytes], *, durable: bool = True) -> None:
    """Write a file for its owner only, in place of an old one: who reads finds the old content or the new one.

    Args:
        path: The path; missing directories are made, for their owner only.
        content: Returns the content, which no frame of an error holds.
        durable: Whether it shall outlast a loss of power, which takes the disk's time.

    Raises:
        OSError: The file cannot be written.
    """
    _make_private(path.parent)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content())
            file.flush()
            if durable:
                os.fsync(descriptor)
        _patiently(lambda: temporary.replace(path))
        if durable:
            _sync_directory(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _make_private(directory: Path) -> None:
    """Make a directory for its owner only; `Path.mkdir` would make its missing parents for everybody."""
    for one in reversed((directory, *directory.parents)):
        if not one.exists():
            one.mkdir(mode=0o700, exist_ok=True)


def _check(path: Path, status: os.stat_result) -> None:
    """Raise an error when somebody else may read the file."""
    if _IS_WINDOWS:
        return
    if status.st_uid != os.geteuid():
        raise InvalidArgumentError(f"{path} belongs to another user, so it is not used: remove it")
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise InvalidArgumentError(f"{path} can be read by other users, so it is not used: chmod 600 it, or remove it")


def _sync_directory(directory: Path) -> None:
    """Keep the renamed file through a loss of power: the refresh token in the old one is used up."""
    if not _IS_WINDOWS:
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _patiently(action: Callable[[], T]) -> T:
    """Return the result of an action on a file, which fails on Windows while another process has the file open."""
    for _ in range(_TRIES if _IS_WINDOWS else 0):
        try:
            return action()
        except PermissionError:
            time.sleep(_PAUSE)
    return action()


def _wait_for_lock(descriptor: int) -> None:
    until = time.monotonic() + _LOCK_TIME
    while not try_lock(descriptor):
        if time.monotonic() >= until:
            raise TimeoutError(f"somebody else held the lock for {_LOCK_TIME:g} s")
        time.sleep(_PAUSE)


def try_lock(descriptor: int) -> bool:
    """Lock a file for this descriptor, so also against other threads; return False when it is locked."""
    try:
        if _IS_WINDOWS:
            windows: Any = load("msvcrt")
            os.lseek(descriptor, 0, os.SEEK_SET)  # it locks from the position on
            windows.locking(descriptor, windows.LK_NBLCK, 1)
        else:
            posix: Any = load("fcntl")
            posix.flock(descriptor, posix.LOCK_EX | posix.LOCK_NB)
    except (BlockingIOError, PermissionError):  # EWOULDBLOCK, and on Windows EACCES
        return False
    return True


def _unlock(descriptor: int) -> None:
    if _IS_WINDOWS:
        windows: Any = load("msvcrt")
        os.lseek(descriptor, 0, os.SEEK_SET)
        windows.locking(descriptor, windows.LK_UNLCK, 1)
    else:
        posix: Any = load("fcntl")
        posix.flock(descriptor, posix.LOCK_UN)
