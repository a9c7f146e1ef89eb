"""Charts of characters: a line of braille dots, rows of blocks, and bars."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from .series import Band, Point

BLOCKS: Final = "▁▂▃▄▅▆▇█"
_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
_BRAILLE: Final = 0x2800
_DOTS: Final = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of the dots of a cell, by row and column."""


def line_chart(
    pieces: Sequence[Sequence[Point]], since: datetime, until: datetime, size: tuple[int, int], top: float
) -> list[str]:
    """Return lines of braille dots: each piece is a line, with nothing between two pieces.

    Args:
        pieces: The points, in pieces without gaps.
        since: The left end.
        until: The right end.
        size: Columns and rows of the terminal.
        top: The value at the upper end; the lower end is 0.
    """
    columns, rows = size
    cells = [[0] * columns for _ in range(rows)]
    span = (until - since).total_seconds() or 1.0

    def place(point: Point) -> tuple[float, float]:
        across = (point[0] - since).total_seconds() / span * (columns * 2 - 1)
        down = (1 - min(max(point[1] / top, 0.0), 1.0)) * (rows * 4 - 1)
        return across, down

    for piece in pieces:
        points = [place(point) for point in piece]
        for begin, end in zip(points, points[1:] or points, strict=False):
            _stroke(cells, begin, end)
    return ["".join(chr(_BRAILLE + cell) for cell in row) for row in cells]


def _stroke(cells: list[list[int]], begin: tuple[float, float], end: tuple[float, float]) -> None:
    """Set the dots of a straight line."""
    width = 2 * len(cells[0])
    steps = max(1, round(max(abs(end[0] - begin[0]), abs(end[1] - begin[1]))))
    for step in range(steps + 1):
        x = round(begin[0] + (end[0] - begin[0]) * step / steps)
        y = round(begin[1] + (end[1] - begin[1]) * step / steps)
        if 0 <= x < width:
            cells[y // 4][x // 2] |= _DOTS[y % 4][x % 2]


def band_row(found: Sequence[Band], since: datetime, until: datetime, columns: int, mark: str) -> str:
    """Return a row with a mark in each column that a band touches."""
    span = (until - since).total_seconds() or 1.0
    row = [" "] * columns
    for begin, end in found:
        low = int((begin - since).total_seconds() / span * columns)
        high = int((end - since).total_seconds() / span * columns)
        for at in range(max(low, 0), min(high + 1, columns)):
            row[at] = mark
    return "".join(row)


def block_row(values: Sequence[float | None], top: float = 100.0) -> str:
    """Return a block for each value, from empty to full, and a blank for None."""
    return "".join(" " if value is None else _block(value / top) for value in values)


def bar(share: float, width: int) -> str:
    """Return a bar of so many columns at most, in eighths of one."""
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    return "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")


def _block(share: float) -> str:
    return BLOCKS[min(max(int(share * len(BLOCKS)), 0), len(BLOCKS) - 1)]
