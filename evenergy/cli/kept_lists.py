"""Lists of makes and models: kept for a week between runs, since they change a few times a year."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import click

from evenergy._codec.decode import items_decoder
from evenergy._codec.validate import identifier
from evenergy.resources.catalogue import VehicleMake, VehicleModel

from .errors import UsageError
from .nearest import nearest
from .numbers import counted
from .times import in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .context import App
    from .output import Shape

T = TypeVar("T", VehicleMake, VehicleModel)

REFRESH: Final = click.Option(
    ["--refresh"], is_flag=True, help="Read anew. Else a list of the last 7 days is used, at no request."
)


def kept(app: App, kind: type[T], *, refresh: bool) -> tuple[list[T], float] | None:
    """Return a list that an earlier run read, and its age in seconds; None where it must be read.

    Args:
        app: The open client.
        kind: The class of the items.
        refresh: Whether the list is to be read anew.
    """
    found = None if refresh or app.memory is None else app.memory.kept_list(_name(kind))
    if found is None:
        return None
    decoded = items_decoder(cast("Any", kind))(bytes(found.items))
    return None if decoded.undecoded else (decoded.items, time.time() - found.read_at)


def keeper(app: App, kind: type[T]) -> Callable[[Sequence[T]], None]:
    """Return the function that keeps a list that was read now."""

    def keep(items: Sequence[T]) -> None:
        from evenergy import to_dict

        if app.memory is not None:
            app.memory.keep_list(_name(kind), [to_dict(cast("Any", item)) for item in items])

    return keep


def write_kept(app: App, items: Sequence[T], age: float, shape: Shape[T], noun: str) -> None:
    """Print items of a list that was kept, and end with a line of their age."""
    with app.output(shape) as output:
        output.write(items)
    app.ended(f"{counted(len(items), noun)}, read {in_words(age)} ago")


async def make_id(app: App, wanted: str, *, refresh: bool) -> str:
    """Return the id of a make from its name in any case, from its id, or from its URL.

    Raises:
        InvalidArgumentError: No make has this name, or it is no id.
    """
    if wanted.startswith("vmak") or "/" in wanted:
        return identifier(wanted, "vmak")
    found = kept(app, VehicleMake, refresh=refresh)
    if found is None:
        makes = await app.client.vehicle_makes.list().collect()
        keeper(app, VehicleMake)(makes)
    else:
        makes, _ = found
    named = {make.name.casefold(): make for make in makes if make.name}
    if wanted.casefold() not in named:
        near = nearest(wanted.casefold(), named)
        hint = f"did you mean {named[near[0]].name}?" if near else "`evenergy makes` lists them"
        raise UsageError(f"--make: there is no make {wanted}; {hint}")
    return named[wanted.casefold()].id


def _name(kind: type[VehicleMake | VehicleModel]) -> str:
    return "makes" if kind is VehicleMake else "models"
