"""Lease on a file: a lock that the operating system releases when its holder ends."""

import contextlib
import os
import socket
import weakref
from pathlib import Path

from evenergy.errors import EvEnergyError, SyncRunningError, printable
from evenergy.token_store import try_lock

_HOLDER_AT = 1  # byte: on Windows nobody else can read the first one, which is locked
_LONGEST_HOLDER = 200  # bytes
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)

_held: "weakref.WeakSet[Lease]" = weakref.WeakSet()


class Lease:
    """Lease on a file of this machine, for one holder at a time.

    It locks a second file beside it, which stays. A row in the database with a time would do for a crash only after
    that time, and lose the lease of a run that waits for the rate limit. WAL keeps a database on one machine anyway.

    Attributes:
        pid: The process that took it.

    Raises:
        SyncRunningError: Somebody else holds it.
        EvEnergyError: The file cannot be locked.
    """

    def __init__(self, path: Path) -> None:
        self.pid: int = os.getpid()
        lock = path.with_name(f"{path.name}.lock")
        try:
            self._file = os.fdopen(os.open(lock, _FLAGS, 0o666), "r+b", buffering=0)
            with contextlib.ExitStack() as stack:
                stack.callback(self._file.close)
                if not try_lock(self._file.fileno()):
                    raise SyncRunningError(
                        f"{path} is open in another FleetDatabase ({self._holder()}): only one at a time may write"
                    )
                self._name_holder()
                stack.pop_all()
        except OSError as error:
            raise EvEnergyError(f"the lock {lock} could not be taken: {error.strerror or error}") from None
        _held.add(self)

    @property
    def held(self) -> bool:
        """Return whether this process holds the lease."""
        return not self._file.closed

    def release(self) -> None:
        """Give the lease back. A second call does nothing."""
        self._file.close()  # a fork closed its copy, so that this is the last one

    def _name_holder(self) -> None:
        self._file.truncate(0)
        os.lseek(self._file.fileno(), 0, os.SEEK_SET)
        self._file.write(f" process {self.pid} on {socket.gethostname()}\n".encode())

    def _holder(self) -> str:
        try:
            self._file.seek(_HOLDER_AT)
            return printable(self._file.read(_LONGEST_HOLDER).decode(errors="replace").strip()) or "of another process"
        except OSError:
            return "of another process"


def _close_in_fork() -> None:
    """Close the copies of locked files in a child process, which would keep the lock beyond its parent's end."""
    for lease in list(_held):
        lease.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_fork)
