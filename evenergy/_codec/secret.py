"""Secrets: text that no repr, log line or pickle shows."""

import functools
import hmac
from collections.abc import Callable
from typing import Any, NoReturn, ParamSpec, TypeVar, cast

from evenergy.errors import EvEnergyError

P = ParamSpec("P")
T = TypeVar("T")


class Secret:
    """Text that is shown nowhere: not in a repr, a log line or a pickle."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "<secret>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled or copied")


def unframed(function: Callable[P, T]) -> Callable[P, T]:
    """Let no error of a function that takes secrets hold its frame, or one below: their locals are the secrets.

    This is for functions that check what they are given. Errors of this library say all in their text.
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except (EvEnergyError, TypeError) as error:  # the latter of a call with other arguments
            failed = error.with_traceback(None)
            failed.__context__ = None
        del args, kwargs
        raise failed

    return call


def unframed_init(kind: type[T]) -> type[T]:
    """Do the same for the constructor of a class."""
    constructor = cast("Any", kind)
    constructor.__init__ = unframed(constructor.__init__)
    return kind
