"""A server on loopback that behaves like the ev.energy v2 API, for work without credentials."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evenergy.sandbox.server import Sandbox

__all__ = ["Sandbox"]


def __getattr__(name: str) -> object:
    # pytest imports this package for its plugin in every run, and most runs need no server, nor aiohttp.
    if name == "Sandbox":
        from evenergy.sandbox.server import Sandbox  # noqa: PLC0415  as said

        return Sandbox
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
