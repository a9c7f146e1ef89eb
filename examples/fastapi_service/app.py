"""Web service for the state of a fleet: one client for all visitors, webhooks, and 503 when the hour is spent."""

from __future__ import annotations

import asyncio
import math
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from datetime import datetime

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

import evenergy
from evenergy.webhooks import WebhookError, WebhookReceiver

MAX_WAIT = 2.0
"""Seconds that a visitor waits for the rate limit. The default of 60 s suits a job, not a person at a browser."""
MAX_AGE = 30.0
"""Seconds for which all visitors share one snapshot: at most 120 snapshots an hour, however many visitors come."""


class VehicleState(BaseModel):
    """Vehicle as visitors see it; a value that it did not report is null."""

    id: str
    description: str | None
    state_of_charge_percentage: int | None
    is_plugged_in: bool | None
    is_charging: bool | None
    charge_rate_watts: int | None
    sampled_at: datetime | None


class FleetView:
    """Snapshot of the fleet, taken again when it is too old, and by one visitor at a time.

    Args:
        client: The client, which stays open.
        max_age: Seconds for which a snapshot is good.
    """

    def __init__(self, client: evenergy.AsyncClient, max_age: float) -> None:
        self._client = client
        self._max_age = max_age
        self._lock = asyncio.Lock()
        self._vehicles: list[VehicleState] = []
        self._taken_at = -math.inf

    async def vehicles(self) -> list[VehicleState]:
        """Return all vehicles. One request for each 100, or none while the last snapshot is good."""
        async with self._lock:
            if time.monotonic() - self._taken_at >= self._max_age:
                self._vehicles = [state_of(vehicle) async for vehicle in self._client.fleet.snapshot()]
                self._taken_at = time.monotonic()
            return self._vehicles

    def expire(self) -> None:
        """Let the next visitor have a new snapshot."""
        self._taken_at = -math.inf


def state_of(vehicle: evenergy.VehicleNow) -> VehicleState:
    """Return a vehicle as visitors see it."""
    log = vehicle.latest_status_log or evenergy.VehicleStatusLog()
    return VehicleState(
        id=vehicle.id,
        description=vehicle.description,
        state_of_charge_percentage=log.state_of_charge_percentage,
        is_plugged_in=log.is_plugged_in,
        is_charging=log.is_charging,
        charge_rate_watts=log.charge_rate_watts,
        sampled_at=log.sampled_at,
    )


def store(path: str, message_id: str, body: bytes) -> bool:
    """Store a webhook and return True; a repetition changes nothing and returns False."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE IF NOT EXISTS webhook (message_id TEXT PRIMARY KEY, body BLOB)")
        return database.execute("INSERT OR IGNORE INTO webhook VALUES (?, ?)", (message_id, body)).rowcount > 0


def lifespan(max_age: float) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Return the function that opens the client when the service starts, and closes it at the end."""

    @asynccontextmanager
    async def opened(app: FastAPI) -> AsyncIterator[None]:
        app.state.receiver = WebhookReceiver()  # a missing secret stops the service here, not at the first webhook
        async with evenergy.AsyncClient(max_wait=MAX_WAIT, user_agent="fleet-service") as client:
            app.state.client = client
            app.state.fleet = FleetView(client, max_age)
            yield

    return opened


async def list_vehicles(request: Request) -> list[VehicleState]:
    """Return the latest state of all vehicles."""
    fleet: FleetView = request.app.state.fleet
    return await fleet.vehicles()


async def budget(request: Request) -> dict[str, int | None]:
    """Return the requests that are left of the hour, as the API last reported them. It costs none."""
    client: evenergy.AsyncClient = request.app.state.client
    limit = client.rate_limit
    return {"limit": limit.limit if limit else None, "remaining": limit.remaining if limit else None}


async def receive(request: Request) -> None:
    """Verify a webhook and store it before the response; what it says makes the snapshot old."""
    receiver: WebhookReceiver = request.app.state.receiver
    fleet: FleetView = request.app.state.fleet
    body = await request.body()
    try:
        event = receiver.read(body, request.headers)
    except WebhookError as error:
        raise HTTPException(400, str(error)) from None
    database = os.environ.get("WEBHOOKS_DATABASE", "webhooks.db")
    if await asyncio.to_thread(store, database, event.message_id, body):
        fleet.expire()


async def when_spent(_: Request, error: Exception) -> Response:
    """Return a 503 that says when the budget allows another request."""
    seconds = math.ceil(error.retry_after) if isinstance(error, evenergy.RateLimitError) else 60
    detail = "The hour's requests are used up."
    return JSONResponse({"detail": detail}, status_code=503, headers={"Retry-After": str(seconds)})


async def when_unavailable(_: Request, __: Exception) -> Response:
    """Return a 502: the client has tried again already, as often as it makes sense."""
    return JSONResponse({"detail": "The vehicles' data cannot be read at the moment."}, status_code=502)


def create_app(max_age: float = MAX_AGE) -> FastAPI:
    """Return the service.

    Args:
        max_age: Seconds for which all visitors share one snapshot.
    """
    app = FastAPI(title="Fleet", lifespan=lifespan(max_age))
    app.get("/vehicles")(list_vehicles)
    app.get("/budget")(budget)
    app.post("/webhooks/evenergy", status_code=204)(receive)
    app.add_exception_handler(evenergy.RateLimitError, when_spent)
    app.add_exception_handler(evenergy.TransportError, when_unavailable)
    app.add_exception_handler(evenergy.ServerError, when_unavailable)
    return app


app = create_app()
