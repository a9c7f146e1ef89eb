"""A second in which the API rejects everything, met by 500 tasks that share a client: `python -m benchmarks.storm`.

The exit code is 1 when a call failed, or when more requests were sent into that second than `bound` allows.
"""

import asyncio
import json
import sys
import time
from dataclasses import dataclass

from aiohttp import web

from evenergy import AsyncClient, EvEnergyError

CONCURRENCY = (1, 8, 32)
TASKS = 500
BEFORE = 100  # requests that are served before the storm
SECONDS = 1.0
LIMIT = 100_000  # requests an hour: nothing but the storm holds anything up
LATENCY = 0.002  # seconds of a response, in which others are in flight


@dataclass
class Api:
    """The server: its responses are 200, and for one second 429."""

    served: int = 0
    stormed: int = 0
    began: float | None = None

    async def respond(self, request: web.Request) -> web.Response:
        """Respond to one request; the first one after `BEFORE` begins the storm."""
        now = time.monotonic()
        if self.began is None and self.served >= BEFORE:
            self.began = now
        if self.began is not None and now < self.began + SECONDS:
            self.stormed += 1
            await asyncio.sleep(LATENCY)
            return web.json_response({"title": "too many"}, status=429, headers={"Retry-After": "1"})
        self.served += 1
        headers = {"X-RateLimit-Limit": str(LIMIT), "X-RateLimit-Remaining": str(LIMIT - self.served)}
        await asyncio.sleep(LATENCY)
        body = {"id": request.match_info["id"], "name": "Volvo"}
        return web.Response(text=json.dumps(body), headers=headers, content_type="application/json")


def bound(concurrency: int) -> int:
    """Return how many requests may be sent into the storm: one for each connection, and no more.

    A connection sends nothing before its last response is here. When that is a 429, the limiter is closed before the
    connection is free: it voids all permits that are not used, and grants none for Retry-After. Retry-After is the
    length of the storm and begins later, so the trial that ends it comes when the storm is over.
    """
    return concurrency


async def storm(concurrency: int) -> tuple[int, int, int]:
    """Return how many requests were sent into the storm, how many calls failed, and how many completed."""
    api = Api()
    app = web.Application()
    app.router.add_get("/v2/vehicle_makes/{id}", api.respond)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        base_url = f"http://127.0.0.1:{runner.addresses[0][1]}/v2"
        async with AsyncClient("a-token", base_url=base_url, concurrency=concurrency) as client:
            results = await asyncio.gather(*(call(client, number) for number in range(TASKS)))
    finally:
        await runner.cleanup()
    return api.stormed, results.count(False), results.count(True)


async def storms() -> list[tuple[int, int, int]]:
    """Run them all at once, each with a server of its own: most of the time is spent on waiting."""
    return await asyncio.gather(*map(storm, CONCURRENCY))


async def call(client: AsyncClient, number: int) -> bool:
    """Make one call, and return whether it completed with its own response."""
    identifier = f"vmak{number:026d}"
    try:
        return (await client.vehicle_makes.get(identifier)).id == identifier
    except EvEnergyError:
        return False


def main() -> None:
    print(f"{TASKS} calls, and {SECONDS:g} s in which every request is rejected\n")
    print("| concurrency | requests sent into the storm | failed | completed |\n|--:|--:|--:|--:|")
    missed = False
    for concurrency, (stormed, failed, completed) in zip(CONCURRENCY, asyncio.run(storms()), strict=True):
        missed = missed or completed < TASKS or not 0 < stormed <= bound(concurrency)
        print(f"| {concurrency} | {stormed} | {failed} | {completed} |")
    sys.exit(missed)


if __name__ == "__main__":
    main()
