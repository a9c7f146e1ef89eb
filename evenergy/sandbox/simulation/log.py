"""A log, and the draws that all logs share."""

from collections.abc import Callable, Sequence
from typing import NamedTuple
from uuid import UUID

from evenergy.sandbox.ids import digest
from evenergy.sandbox.seeded_random import SeededRandom
from evenergy.sandbox.simulation.driving import Segment
from evenergy.sandbox.times import SECOND, instant

_DIGITS = (0, 1, 2, 3, 3, 3, 4, 5, 6, 6, 6, 6)  # of the fraction of a second


class Log(NamedTuple):
    """One log: the instant that names it, the instant it was stored, and the function that makes the rest."""

    key: int
    logged: int
    fields: Callable[[], dict[str, object]]


def stamps(time: float, random: SeededRandom) -> tuple[int, int]:
    """Return the instant of a sample, in as many digits as its source has, and the instant it was stored."""
    key = instant(time)
    key -= key % 10 ** (6 - random.choice(_DIGITS))
    return key, key + int((0.2 + 45 * random.random() ** 4) * SECOND)


def span(segments: Sequence[Segment]) -> tuple[float, float]:
    """Return the time in which the logs of a cycle lie."""
    return segments[0].start, segments[-1].end - 1


def uuid(random: SeededRandom) -> str:
    """Return a random UUID."""
    return str(UUID(int=random.getrandbits(128), version=4))


def command_id(vehicle_id: str, time: float, command: str) -> str:
    """Return the id of a command, which all logs about it share."""
    return str(UUID(int=digest(f"{vehicle_id}/{command}/{instant(time)}", 128), version=4))
