"""Webhooks: sent and signed as Svix does it, while the fleet charges and when a test wants one."""

import asyncio
import hmac
import json
import time
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Iterator
from hashlib import sha256

import aiohttp
import attrs

from evenergy.sandbox.api.sub_sessions import SUB_SESSIONS
from evenergy.sandbox.ids import digest, ulid
from evenergy.sandbox.requests import Request, State, Tree
from evenergy.sandbox.simulation.charging import SubSession
from evenergy.sandbox.times import DAY, instant, text

CREATED, ENDED = "charging_sub_session.created", "charging_sub_session.ended"
_PAUSES = (5, 300, 1800, 7200, 18_000, 36_000, 36_000)  # seconds between the attempts of a delivery
_TIMEOUT = 15.0
_TICK = 1.0  # seconds between two looks at the clock
_AT_ONCE = 8
_KEPT = 10_000  # attempts that are remembered


@attrs.frozen
class Attempt:
    """An attempt to deliver a webhook.

    Attributes:
        message_id: The id of the message, the same at each attempt.
        type: The type of the event.
        url: Where it was sent to.
        number: 1 for the first attempt.
        status: The status of the response; None where there was none.
        error: The reason why there was no response; None with one.
    """

    message_id: str
    type: str
    url: str
    number: int
    status: int | None
    error: str | None

    @property
    def delivered(self) -> bool:
        """True where the receiver took it: any 2xx, and no redirect."""
        return self.status in range(200, 300)


@attrs.define(eq=False)
class _Delivery:
    message_id: str
    type: str
    url: str
    secret: str
    body: bytes
    due: float
    attempts: int = 0


def sign(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """Return the signature of a message: HMAC-SHA256 over `id.timestamp.body`, in version 1."""
    key = b64decode(secret.removeprefix("whsec_"))
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    return "v1," + b64encode(hmac.digest(key, signed, sha256)).decode()


class Webhooks:
    """The deliveries of a sandbox.

    Retries follow the sandbox's clock, so that `advance` brings them. The timestamp that is signed is the real time,
    since receivers compare it with their own clock.
    """

    def __init__(self, state: State, url: str | None, secret: str) -> None:
        self.attempts: deque[Attempt] = deque(maxlen=_KEPT)
        self._state = state
        self._url = url
        self._secret = secret
        self._since = state.clock()
        self._sent: dict[tuple[str, str], float] = {}
        self._waiting: list[_Delivery] = []
        self._made = 0
        self._delivering = asyncio.Lock()
        self._session: aiohttp.ClientSession | None = None
        self._ticking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Follow the fleet, where there is a URL to tell."""
        self._since = self._state.clock()
        if self._url is not None:
            self._tick_on()

    async def close(self) -> None:
        """Stop, and drop what waits."""
        ticking, self._ticking = self._ticking, None
        if ticking is not None:
            ticking.cancel()
            await asyncio.wait([ticking])
        session, self._session = self._session, None
        if session is not None:
            await session.close()
        self._waiting.clear()

    async def deliver(self) -> None:
        """Send all that is due by the sandbox's clock, and return when it was sent."""
        async with self._delivering:  # what another call has begun to send is sent then, too
            await self._deliver()

    async def _deliver(self) -> None:
        self._look()
        now = self._state.clock()
        due = [delivery for delivery in self._waiting if delivery.due <= now]
        self._waiting = [delivery for delivery in self._waiting if delivery.due > now]
        limit = asyncio.Semaphore(_AT_ONCE)

        async def send(delivery: _Delivery) -> None:
            async with limit:
                await self._attempt(delivery)

        await asyncio.gather(*(send(delivery) for delivery in due))

    def add(self, type: str, data: object | None, url: str | None, secret: str | None, message_id: str | None) -> str:
        """Put a message of one's own into line, and return its id."""
        target = url or self._url
        if target is None:
            raise ValueError("Say where to: url, or webhook_url of the sandbox.")
        if data is None and type in (CREATED, ENDED):
            data = self._example(type)
        message = message_id or self._new_id()
        self._put(message, type, {} if data is None else data, self._state.clock(), target, secret or self._secret)
        self._tick_on()
        return message

    def _tick_on(self) -> None:
        if self._ticking is None:
            self._ticking = asyncio.get_running_loop().create_task(self._tick(), name="evenergy-sandbox webhooks")

    async def _tick(self) -> None:
        while True:
            await self.deliver()
            await asyncio.sleep(_TICK)

    def _look(self) -> None:
        """Put what has happened since the last look into line."""
        now = self._state.clock()
        since, self._since = min(self._since, now), now
        if self._url is None:
            return
        for moment, type_, part in sorted(self._events(since, now), key=lambda event: (event[0], event[1] == CREATED)):
            if (part.id, type_) not in self._sent:
                self._sent[part.id, type_] = moment
                data = self._written(part, moment)
                self._put(self._new_id(), type_, data, moment, self._url, self._secret)
        self._sent = {name: moment for name, moment in self._sent.items() if moment >= since - DAY}

    def _events(self, since: float, now: float) -> Iterator[tuple[float, str, SubSession]]:
        for day in range(int(since // DAY) - 1, int(now // DAY) + 1):
            for part in self._state.sessions.sub_sessions_on(day):
                # A sub-session may begin at the very time of the last look, when a driver boosts.
                if since <= part.start <= now:
                    yield part.start, CREATED, part
                if since <= part.end <= now:
                    yield part.end, ENDED, part

    def _example(self, type: str) -> object:
        """Return the newest sub-session that the event could be about; nothing where there is none."""
        now = self._state.clock()
        for day in range(int(now // DAY), int(self._state.fleet.begin // DAY) - 1, -1):
            for part in reversed(self._state.sessions.sub_sessions_on(day)):
                if part.start <= now and (type == CREATED or part.end <= now):
                    return self._written(part, part.start if type == CREATED else part.end)
        return {}

    def _written(self, part: SubSession, moment: float) -> object:
        """Return a sub-session as it was at a time."""
        request = Request(self._state.at(moment), "", {}, {}, "", b"", frozenset(), own_token=False, user=None)
        return SUB_SESSIONS.write(request, part, Tree())

    def _put(self, message_id: str, type: str, data: object, moment: float, url: str, secret: str) -> None:
        event = {"type": type, "timestamp": text(instant(moment)), "data": data}
        body = json.dumps(event, separators=(",", ":")).encode()
        self._waiting.append(_Delivery(message_id, type, url, secret, body, self._state.clock()))

    def _new_id(self) -> str:
        self._made += 1
        moment = instant(self._state.clock()) // 1000
        return "msg_" + ulid(moment, digest(f"{self._state.fleet.seed}/message/{self._made}", 80))

    async def _attempt(self, delivery: _Delivery) -> None:
        delivery.attempts += 1
        status, error = None, None
        try:
            status = await self._post(delivery)
        except (aiohttp.ClientError, TimeoutError, ValueError) as failure:
            error = f"{type(failure).__name__}: {failure}"
        attempt = Attempt(delivery.message_id, delivery.type, delivery.url, delivery.attempts, status, error)
        self.attempts.append(attempt)
        if not attempt.delivered and delivery.attempts <= len(_PAUSES):
            delivery.due = self._state.clock() + _PAUSES[delivery.attempts - 1]
            self._waiting.append(delivery)

    async def _post(self, delivery: _Delivery) -> int:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(_TIMEOUT), trust_env=False)
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "svix-id": delivery.message_id,
            "svix-timestamp": timestamp,
            "svix-signature": sign(delivery.secret, delivery.message_id, timestamp, delivery.body),
            "svix-event-type": delivery.type,
        }
        async with self._session.post(
            delivery.url, data=delivery.body, headers=headers, allow_redirects=False
        ) as response:
            await response.read()
            return response.status
