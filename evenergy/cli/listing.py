"""Listing of the API that a command prints, a page at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from .words import counted

if TYPE_CHECKING:
    from evenergy import Pager

    from .context import App
    from .output import Shape

T = TypeVar("T")


async def listed(app: App, pager: Pager[T], shape: Shape[T], noun: str, limit: int | None = None) -> None:
    """Print a listing, and end with a line of what it brought and spent.

    Args:
        app: The open client.
        pager: The listing.
        shape: The form of its items.
        noun: The word for one of them.
        limit: The most items, or None for all.
    """
    count = 0
    with app.output(shape) as output:
        async for page in pager.pages():
            items = page.items if limit is None else page.items[: limit - count]
            count += len(items)
            output.write(items)
            if limit is not None and count >= limit:
                break
    app.ended(counted(count, noun))
