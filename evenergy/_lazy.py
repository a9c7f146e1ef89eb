"""Imports at first use, which a fork waits for.

A fork in the middle of another thread's import leaves the child a half-imported module whose lock nobody will release.
So each import at first use holds a lock that a fork takes too. `preload` does all of these imports at once.
"""

import contextlib
import importlib
import os
import sys
import threading
from collections.abc import Iterator
from types import ModuleType

_SEPARATE = frozenset(f"evenergy.{name}" for name in ("__main__", "cli", "dlt", "proxy", "recording", "sandbox"))
"""Modules that no client uses."""

_OF_OTHERS = (
    "tenacity",  # retries, from the first failure on
    "concurrent.futures.thread",  # asyncio resolves host names in such threads
    "encodings.idna",  # socket.getaddrinfo encodes host names with it
    "dataclasses",  # models as dataclasses
    "fcntl",  # the lock of a token file
    "msvcrt",  # the same on Windows
)
"""Modules of others that are imported during requests."""

_lock = threading.RLock()  # its owner may take it again: a signal handler may fork in the middle of an import
_importers: set[int] = set()

_ERRORS = f"{__package__}.errors"
_kept: list[ModuleType] = []
"""Module of the errors, for the time when the interpreter has emptied `sys.modules`."""


def load(name: str) -> ModuleType:
    """Return a module, imported if it is not yet.

    Args:
        name: The name of the module; one that begins with a dot is of this package.

    Raises:
        EvEnergyError: A signal handler interrupted an import at first use, and needs another.
        ClosedError: The interpreter is shutting down.
    """
    found = sys.modules.get(f"{__package__}{name}" if name.startswith(".") else name)
    if found is not None and not getattr(found.__spec__, "_initializing", False):  # as importlib knows a complete one
        return found
    check_not_importing()
    if sys.is_finalizing():
        raise _error("ClosedError")("the interpreter is shutting down")
    with _lock:
        try:
            _importers.add(threading.get_ident())
            module = importlib.import_module(name, __package__)
        finally:
            _importers.discard(threading.get_ident())
    _kept[:] = [sys.modules[_ERRORS]] if _ERRORS in sys.modules else []
    return module


def preload() -> None:
    """Import all modules that would be imported at first use.

    Afterwards no call imports anything, whatever it meets. It takes about a fifth of a second. Call it where that does
    not matter: before an event loop runs, before a program forks, or before a signal handler may use a client.
    """
    for name in (*_OF_OTHERS, *_modules(importlib.import_module(__package__ or ""))):
        with contextlib.suppress(ImportError):  # it needs a package that is not installed: its first use says so
            load(name)


def is_importing() -> bool:
    """Return whether this thread is in the middle of an import at first use: it was interrupted by a signal handler."""
    return bool(_importers) and threading.get_ident() in _importers


def check_not_importing() -> None:
    """Raise an `EvEnergyError` where a call may wait for an import that this thread itself holds up."""
    if is_importing():
        raise _error("EvEnergyError")(
            "a signal handler interrupted the import of a part of evenergy, and cannot use it before that is complete;"
            " call evenergy.preload() when the program starts"
        )


def _error(name: str) -> type[Exception]:
    """Return an error of this library, or ImportError where it is this very module that is not complete."""
    kind: type[Exception] = getattr(sys.modules.get(_ERRORS) or next(iter(_kept), None), name, ImportError)
    return kind


def _modules(package: ModuleType) -> Iterator[str]:
    for module in load("pkgutil").iter_modules(package.__path__, f"{package.__name__}."):
        if module.name not in _SEPARATE:
            yield module.name
            if module.ispkg:
                yield from _modules(load(module.name))


def _before_fork() -> None:
    _lock.acquire()


def _after_fork() -> None:
    with contextlib.suppress(RuntimeError):  # Ctrl-C ended the wait for it
        _lock.release()


if hasattr(os, "register_at_fork"):
    # Before ours, so that a fork takes its lock behind ours, in the order in which an import takes the two.
    importlib.import_module("logging")
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
