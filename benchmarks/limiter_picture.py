"""The picture of the rate limiter, from its simulation: `python -m benchmarks.limiter_picture docs/rate-limit.svg`.

2,500 requests are wanted at once, at 1,000 in a rolling hour. The library's own limiter sends them, and beside it the
usual loop that waits ever longer after each 429.
"""

import asyncio
import random
import sys
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.limiter import LIMIT, ROUND_TRIP, TASKS, Scenario, process, work
from tests.transport.virtual_time import Reply, Server, run

WANTED = 2500
LONGEST_PAUSE = 60.0  # seconds, of the usual loop
MINUTE = 60.0


@dataclass
class Recorded:
    """The times at which requests were served and rejected."""

    served: list[float] = field(default_factory=list[float])
    rejected: list[float] = field(default_factory=list[float])

    def note(self, now: float, reply: Reply) -> Reply:
        """Record a reply, and return it."""
        (self.served if reply.status == 200 else self.rejected).append(now)
        return reply


def limiter(server: Server) -> Coroutine[Any, Any, None]:
    """Send all with the library's limiter."""
    scenario = Scenario("one process", (WANTED,), lambda: server)
    return work(process(scenario, server, random.Random(0)), WANTED)


async def usual_loop(server: Server) -> None:
    """Send all with tasks that wait twice as long after each 429, at random."""
    loop, rng, waiting = asyncio.get_running_loop(), random.Random(0), iter(range(WANTED))

    async def task() -> None:
        for _ in waiting:
            pause = 1.0
            await asyncio.sleep(ROUND_TRIP)
            while server.respond(loop.time()).status != 200:
                await asyncio.sleep(rng.uniform(0, pause) + ROUND_TRIP)
                pause = min(2 * pause, LONGEST_PAUSE)

    await asyncio.gather(*(task() for _ in range(TASKS)))


def simulate() -> dict[str, Recorded]:
    """Return what both did."""
    found: dict[str, Recorded] = {}
    for name, send in {"evenergy": limiter, "exponential backoff": usual_loop}.items():
        found[name] = Recorded()
        server = Server(LIMIT, distort=found[name].note)

        async def main(send: Any = send, server: Server = server) -> None:
            await send(server)

        run(main())
    return found


STYLES: dict[str, dict[str, Any]] = {
    "evenergy": {"lw": 3, "color": "#00857c"},
    "exponential backoff": {"lw": 1.5, "ls": "--", "color": "#b5473c"},
}


def main() -> None:
    """Draw what both did."""
    mpl.rcParams["svg.hashsalt"] = "evenergy"  # the same picture each time
    mpl.rcParams["svg.fonttype"] = "none"
    figure: Any = Figure(figsize=(8, 5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    for name, one in simulate().items():
        minutes, style = [at / MINUTE for at in one.served], STYLES[name]
        print(f"{name}: {len(one.served):,} served by minute {minutes[-1]:.1f}, {len(one.rejected):,} rejected (429)")
        label = f"{name}: {len(one.rejected):,} rejected requests"
        above.plot(minutes[::10], range(1, len(minutes) + 1, 10), label=label, **style)
        below.hist([at / MINUTE for at in one.rejected] or [-1.0], bins=range(131), color=style["color"], alpha=0.7)
    above.set_ylabel("requests served")
    above.legend(loc="upper left", frameon=False)
    below.set_ylabel("429s a minute")
    below.set_xlabel("minutes")
    below.set_xlim(0, 130)
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(sys.argv[1], metadata={"Date": None})


if __name__ == "__main__":
    main()
