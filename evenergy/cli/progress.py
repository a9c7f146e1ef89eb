"""Line on standard error that says how far a command is, at a terminal, of anything that takes over a second."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from typing import TYPE_CHECKING, Final, Self

from .numbers import grouped
from .times import in_words

if TYPE_CHECKING:
    from .context import App

_DELAY: Final = 1.0  # seconds in which most commands are done
_INTERVAL: Final = 0.2
_WORTH_A_WORD: Final = 1.0  # seconds: a shorter wait for the rate limit is not shown
_NARROWEST_BAR: Final = 8
_WIDEST_BAR: Final = 24
_CLEAR: Final = "\r\x1b[2K"


class Progress:
    """Progress of a command. Use it in an ``async with`` statement.

    Args:
        app: The open client, with what it has spent.
        noun: The word for what is counted, in the plural.
        total: How many there are, or None where nobody knows.
        enabled: Whether it may write; None for whether standard error is a terminal.
    """

    def __init__(self, app: App, noun: str, total: int | None = None, *, enabled: bool | None = None) -> None:
        self.done: int = 0
        self.total = total
        self._app = app
        self._noun = noun
        self._enabled = _may_write(app) if enabled is None else enabled
        self._begun = 0.0
        self._task: asyncio.Task[None] | None = None
        self._is_drawn = False

    def update(self, done: int, failed: int = 0, total: int | None = None) -> None:  # noqa: ARG002  as fan_out calls it
        """Take over how many are done; ``total`` is kept where it is None."""
        self.done = done
        self.total = self.total if total is None else total

    async def __aenter__(self) -> Self:
        self._begun = asyncio.get_running_loop().time()
        if self._enabled:
            self._task = asyncio.create_task(self._draw())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
        if self._is_drawn:
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()

    async def _draw(self) -> None:
        await asyncio.sleep(_DELAY)
        while True:
            self._is_drawn = True
            width = shutil.get_terminal_size().columns - 1
            sys.stderr.write(f"{_CLEAR}{self.line(width)}")
            sys.stderr.flush()
            await asyncio.sleep(_INTERVAL)

    def line(self, width: int) -> str:
        """Return the line for a terminal of so many columns: the most important part is first, and stays."""
        now = asyncio.get_running_loop().time()
        total = "" if self.total is None else f" of {grouped(self.total)}"
        wait = self._app.wait()
        if wait > _WORTH_A_WORD:
            done = f"{grouped(self.done)}{total} {self._noun} done"
            return _fitting([f"waiting {in_words(wait)} for the rate limit", done], ", ", width)
        rate = self.done / max(now - self._begun, 0.001)
        parts = [f"{grouped(self.done)}{total} {self._noun}", f"{grouped(rate, 0)}/s"]
        text = _fitting([*parts, *self._app.spent.words().split(", ")], " · ", width)
        room = min(_WIDEST_BAR, width - len(text) - 1)
        return text if not self.total or room < _NARROWEST_BAR else f"{_bar(self.done / self.total, room)} {text}"


def _may_write(app: App) -> bool:
    # Lines that go to the same terminal would be mixed with it.
    streams = sys.stdout.isatty() and app.settings.format in {"jsonl", "csv"}
    erases = os.environ.get("TERM") != "dumb"
    return erases and sys.stderr.isatty() and not app.settings.quiet and not app.settings.debug and not streams


def _bar(share: float, width: int) -> str:
    full = round(min(max(share, 0.0), 1.0) * width)
    return "━" * full + "·" * (width - full)


def _fitting(parts: list[str], separator: str, width: int) -> str:
    while len(parts) > 1 and len(separator.join(parts)) > width:
        parts = parts[:-1]
    return separator.join(parts)[:width]
