"""Goals: what is measured, in which unit, and what the library wants to reach."""

from dataclasses import dataclass

from .contenders import CONCURRENCY


@dataclass(frozen=True)
class Goal:
    """One row of the table.

    `base` names whom the library is compared with; without one the figure itself must not be above `target`.
    """

    workload: str
    measure: str
    title: str
    target: float
    base: str | None = "aiohttp + orjson"


GOALS = [
    Goal("W1", "cpu", "single GETs: CPU, us a call", 1.15),
    Goal("W1", "wall", "single GETs: wall, us a call", 1.15),
    Goal("W2", "cpu", "20,000 logs by Link: CPU, us a log", 1.15),
    Goal("W2", "wall", "20,000 logs by Link: wall, us a log", 1.15),
    Goal("W2", "peak", "20,000 logs by Link: peak memory, MiB", 1.15),
    Goal("W3", "cpu", f"newest 100 logs of many, {CONCURRENCY} at once: CPU, us a vehicle", 1.15),
    Goal("W3", "wall", f"newest 100 logs of many, {CONCURRENCY} at once: wall, us a vehicle", 1.15),
    Goal("W4", "wall", "the same, server at 50 ms: wall, us a vehicle", 1.03),
    Goal("W4", "ideal", "the same: wall / (n x latency / concurrency)", 1.05, None),
    Goal("W5", "cpu", "decode a page: us a log", 1.2),
    Goal("W6", "wall", "import: ms (base: aiohttp alone)", 1.15),
    Goal("W7", "cpu", "blocking GETs: CPU, us a call", 0.35, "requests"),
    Goal("W7", "wall", "blocking GETs: wall, us a call", 0.35, "requests"),
    Goal("W7", "bridge", "a blocking call beyond the async one, us", 100, None),
    Goal("W7", "iteration", "20,000 logs, blocking / async", 1.2, None),
]

TURNS = {
    "W1": (10, 200),
    "W2": (4, 1),
    "W3": (4, 500),
    "W4": (1, 2000),
    "W5": (10, 100),
    "W6": (3, 1),
    "W7": (10, 200),
}
"""Turns of a contender in a round, and its work in each."""

QUICK = {"W1": (1, 100), "W2": (1, 1), "W3": (1, 64), "W4": (1, 64), "W5": (1, 50), "W6": (1, 1), "W7": (1, 100)}

NOT_IN = {"W7": {"aiohttp + json"}, "W5": {"httpx", "requests"}}
"""Contenders that have no part in a workload, being too like another in it."""
