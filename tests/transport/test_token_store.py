"""Stores of tokens: one refresh for all processes, whatever the store does."""

import asyncio
import contextlib
import re
import threading
from collections.abc import AsyncGenerator, Generator
from typing import Any

import pytest

import evenergy
from evenergy import AsyncClient, AuthorizationCode, ClientCredentials, FileTokenStore, Token
from tests.provider import Provider, expired_grant, token
from tests.server import MAKE_ID, run_jumping, serving


class AsyncStore:
    """Store in memory, for programs that await."""

    def __init__(self, stored: Token | None = None) -> None:
        self.token = stored
        self.calls: list[str] = []
        self._lock = asyncio.Lock()

    async def load(self) -> Token | None:
        self.calls.append("load")
        return self.token

    async def save(self, token: Token | None, /) -> None:
        self.calls.append("save")
        self.token = token

    @contextlib.asynccontextmanager
    async def lock(self) -> AsyncGenerator[None]:
        async with self._lock:
            self.calls.append("lock")
            yield
            self.calls.append("unlock")


class PlainStore:
    """Store in memory, for programs that do not; it must be unlocked by the thread that locked it."""

    def __init__(self, stored: Token | None = None) -> None:
        self.token = stored
        self.threads: set[int] = set()
        self.held = threading.RLock()

    def load(self) -> Token | None:
        self.threads.add(threading.get_ident())
        return self.token

    def save(self, token: Token | None, /) -> None:
        self.threads.add(threading.get_ident())
        self.token = token

    @contextlib.contextmanager
    def lock(self) -> Generator[None]:
        with self.held:
            yield


def application(**options: Any) -> ClientCredentials:
    return ClientCredentials("app", "client-secret-value", **options)


@pytest.mark.parametrize("kind", [AsyncStore, PlainStore])
async def test_a_token_that_another_process_has_renewed_is_used(kind: type[AsyncStore | PlainStore]) -> None:
    provider, store = Provider(rotates=True), kind(token(3, expires_at=None))
    provider.issued = 3
    async with serving(provider) as server:
        for grant in (expired_grant(store=store), expired_grant(token=None, store=store), application(store=store)):
            async with AsyncClient(grant, base_url=server.url) as client:
                await client.vehicle_makes.get(MAKE_ID)
    assert (provider.requested, provider.rejected) == (0, 0)


@pytest.mark.parametrize("kind", [AsyncStore, PlainStore])
async def test_a_new_token_is_stored_with_the_lock_held(kind: type[AsyncStore | PlainStore]) -> None:
    provider, store = Provider(rotates=True), kind(token(0))
    handed: list[Token] = []
    async with serving(provider) as server:
        grant = expired_grant(token=None, store=store, on_token=handed.append)
        async with AsyncClient(grant, base_url=server.url) as client:
            await asyncio.gather(*(client.vehicle_makes.get(MAKE_ID) for _ in range(5)))
    assert store.token is not None
    assert store.token is grant.token
    assert [store.token] == handed
    assert store.token.refresh_token == "refresh-1"
    if isinstance(store, AsyncStore):
        assert store.calls == ["load", "lock", "load", "save", "unlock"]
    else:
        assert threading.get_ident() not in store.threads
        assert store.held.acquire(blocking=False)


async def test_a_refresh_token_that_is_not_rotated_is_kept() -> None:
    provider, store = Provider(), AsyncStore(token(0))
    async with serving(provider) as server, AsyncClient(expired_grant(store=store), base_url=server.url) as client:
        await client.vehicle_makes.get(MAKE_ID)
        provider.issued = 5
        await client.vehicle_makes.get(MAKE_ID)
    assert [form["refresh_token"] for form in provider.forms] == ["refresh-0", "refresh-0"]
    assert store.token is not None
    assert (store.token.access_token, store.token.refresh_token) == ("token-6", "refresh-0")


def test_a_renewal_in_the_background_takes_what_another_process_has_renewed() -> None:
    async def main() -> None:
        provider, store = Provider(rotates=True), AsyncStore()
        async with serving(provider) as server:
            grants: list[evenergy.Auth] = [application(store=store), expired_grant(store=store)]
            clients = [AsyncClient(grant, base_url=server.url) for grant in grants]
            for _ in range(2):
                for client in clients:
                    await client.vehicle_makes.get(MAKE_ID)
                    await asyncio.sleep(1)
            assert provider.requested == 1
            # Five minutes before its expiry the one renews it, and the other, some seconds later, takes it over.
            await asyncio.sleep(36000 - 100)
            for client in clients:
                await client.vehicle_makes.get(MAKE_ID)
                await asyncio.sleep(10)
            assert provider.requested == 2
            for client in clients:
                await client.close()

    run_jumping(main())


async def test_two_grants_of_one_user_in_one_process_share_the_token_through_the_store() -> None:
    provider, store = Provider(rotates=True), PlainStore(token(0))
    async with serving(provider) as server:
        clients = [AsyncClient(expired_grant(store=store), base_url=server.url) for _ in range(5)]
        await asyncio.gather(*(client.vehicle_makes.get(MAKE_ID) for client in clients))
        for client in clients:
            await client.close()
    assert (provider.requested, provider.rejected) == (1, 0)


async def test_a_token_that_the_api_rejected_is_not_taken_from_the_store_again() -> None:
    provider, store = Provider(), AsyncStore(token(0, expires_at=None))
    provider.issued = 1  # so the stored one is not the newest any more
    async with serving(provider) as server, AsyncClient(application(store=store), base_url=server.url) as client:
        await client.vehicle_makes.get(MAKE_ID)
    assert (provider.requested, provider.rejected) == (1, 1)
    assert store.token is not None
    assert store.token.access_token == "token-2"


async def test_after_an_invalid_grant_the_store_is_read_once_more() -> None:
    class Late(AsyncStore):
        """Store whose lock keeps nobody out: another program renews the token in the middle of it."""

        async def load(self) -> Token | None:
            found = await super().load()
            self.token = token(1, expires_at=None)
            return found

    provider, store = Provider(rotates=True), Late(token(0))
    provider.issued = 1
    async with serving(provider) as server, AsyncClient(expired_grant(store=store), base_url=server.url) as client:
        await client.vehicle_makes.get(MAKE_ID)
    assert (provider.requested, provider.rejected) == (1, 0)


@pytest.mark.parametrize("stored", [1, 3])
async def test_of_two_refresh_tokens_each_has_its_turn_before_the_user_is_sent_away(stored: int) -> None:
    """Whichever is dead: the one in the store, where a user has just authorized anew, or the one in an old file."""
    provider = Provider(rotates=True)
    provider.issued = 2
    store = AsyncStore(token(stored, expires_at=float(stored)))
    async with serving(provider) as server:
        grant = expired_grant(token=token(2, expires_at=2.0), store=store)
        async with AsyncClient(grant, base_url=server.url) as client:
            await client.vehicle_makes.get(MAKE_ID)
    tried = [form["refresh_token"] for form in provider.forms]
    assert tried == (["refresh-2"] if stored == 1 else ["refresh-3", "refresh-2"])
    assert store.token is not None
    assert store.token.refresh_token == "refresh-3"


async def test_a_refresh_token_that_nobody_has_renewed_sends_the_user_away() -> None:
    provider, store = Provider((400, {"error": "invalid_grant"})), AsyncStore(token(0))
    async with serving(provider) as server, AsyncClient(expired_grant(store=store), base_url=server.url) as client:
        with pytest.raises(evenergy.AuthenticationError, match="invalid_grant"):
            await client.vehicle_makes.get(MAKE_ID)
    assert provider.requested == 1


async def test_an_exchange_is_stored_and_a_revocation_empties_the_store() -> None:
    store = AsyncStore()
    async with serving(Provider(rotates=True)) as server:
        grant = expired_grant(token=None, store=store)
        async with AsyncClient(grant, base_url=server.url) as client:
            exchanged = await client.oauth.exchange("the-code")
            assert store.token is exchanged
            await client.vehicle_makes.get(MAKE_ID)


async def test_revocation_reads_the_store_and_empties_it() -> None:
    from evenergy.sandbox import Sandbox  # noqa: PLC0415  it alone has a revocation endpoint

    async with Sandbox() as sandbox:
        store = AsyncStore(token(0))
        grant = AuthorizationCode(
            sandbox.client_id, "https://app.example/back", client_secret=sandbox.client_secret, store=store
        )
        async with AsyncClient(grant, base_url=sandbox.base_url) as client:
            await client.oauth.revoke()
            assert store.token is None
            with pytest.raises(evenergy.AuthenticationError, match="No token yet"):
                await client.vehicles.list().collect()


class Hanging(AsyncStore):
    """Store that hangs in one of its methods."""

    def __init__(self, where: str, stored: Token | None = None) -> None:
        super().__init__(stored)
        self._where = where

    async def _hang(self, where: str) -> None:
        if self._where == where:
            await asyncio.get_running_loop().create_future()

    async def load(self) -> Token | None:
        await self._hang("load")
        return await super().load()

    async def save(self, token: Token | None, /) -> None:
        await self._hang("save")
        await super().save(token)

    @contextlib.asynccontextmanager
    async def lock(self) -> AsyncGenerator[None]:
        await self._hang("lock")
        yield
        await self._hang("unlock")


@pytest.mark.parametrize(
    ("where", "error"),
    [("load", r"Hanging\.load\(\) did not return within 10 s"), ("lock", "was not free within 60 s"), ("save", None)],
)
def test_a_store_that_hangs_holds_up_nobody_for_long(where: str, error: str | None) -> None:
    async def main() -> None:
        provider, store = Provider(rotates=True), Hanging(where, token(0))
        async with serving(provider) as server, AsyncClient(expired_grant(store=store), base_url=server.url) as client:
            calls = (client.vehicle_makes.get(MAKE_ID) for _ in range(5))
            found = await asyncio.gather(*calls, return_exceptions=True)
        for one in found:
            assert isinstance(one, evenergy.RequestTimeoutError if error else evenergy.VehicleMake)
            assert re.search(error or "", str(one))
        assert provider.requested == (0 if error else 1)

    run_jumping(main())


@pytest.mark.parametrize("where", ["load", "lock", "save", "unlock"])
def test_a_store_that_hangs_does_not_keep_close_waiting(where: str) -> None:
    async def main() -> None:
        loop, store = asyncio.get_running_loop(), Hanging(where, token(0))
        async with serving(Provider(rotates=True)) as server:
            client = AsyncClient(expired_grant(store=store), base_url=server.url)
            call = asyncio.create_task(client.vehicle_makes.get(MAKE_ID))
            await asyncio.sleep(5)
            began = loop.time()
            await client.close()
            assert loop.time() - began <= 2
            with pytest.raises(evenergy.ClosedError):
                await call

    run_jumping(main())


async def test_a_plain_lock_that_comes_too_late_is_released_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evenergy._transport.callers_code._LOCK_TIME", 0.01)
    store = PlainStore(token(0))
    async with (
        serving(Provider(rotates=True)) as server,
        AsyncClient(expired_grant(store=store), base_url=server.url) as client,
    ):
        # This thread has the lock, so that of the store waits.
        with store.held, pytest.raises(evenergy.RequestTimeoutError, match=r"PlainStore\.lock\(\) was not free"):
            await client.vehicle_makes.get(MAKE_ID)
        while any(each.name == "evenergy-caller" for each in threading.enumerate()):  # noqa: ASYNC110  it ends soon
            await asyncio.sleep(0)
        assert store.held.acquire(blocking=False)
        store.held.release()
        monkeypatch.undo()
        await client.vehicle_makes.get(MAKE_ID)


async def test_a_store_that_uses_the_client_it_serves_is_told_so() -> None:
    class Remote(AsyncStore):
        async def load(self) -> Token | None:
            await client.vehicle_makes.get(MAKE_ID)
            return None

    async with serving(Provider()) as server, AsyncClient(expired_grant(store=Remote()), base_url=server.url) as client:
        with pytest.raises(evenergy.EvEnergyError, match="give the store a client of its own"):
            await client.vehicle_makes.get(MAKE_ID)


@pytest.mark.parametrize("where", ["load", "save", "lock"])
async def test_the_error_of_a_store_reaches_those_who_wait(where: str) -> None:
    class Broken(AsyncStore):
        def _fail(self, *_: object) -> Any:
            raise LookupError("no database")

    store = Broken(token(0))
    setattr(store, where, store._fail)
    provider = Provider(rotates=True)
    async with serving(provider) as server, AsyncClient(expired_grant(store=store), base_url=server.url) as client:
        calls = (client.vehicle_makes.get(MAKE_ID) for _ in range(5))
        found = await asyncio.gather(*calls, return_exceptions=True)
        assert [str(one) for one in found] == ["no database"] * 5
        if where == "save":  # the refresh token is used up, so the new token is used
            await client.vehicle_makes.get(MAKE_ID)
            assert (provider.requested, provider.rejected) == (1, 0)


async def test_a_store_that_is_cancelled_by_itself_is_no_reason_to_ask_it_for_ever() -> None:
    class Cancelled(AsyncStore):
        async def load(self) -> Token | None:
            raise asyncio.CancelledError

    async with (
        serving(Provider()) as server,
        AsyncClient(expired_grant(store=Cancelled()), base_url=server.url) as client,
    ):
        with pytest.raises(evenergy.EvEnergyError, match="CancelledError of its own"):
            await client.vehicle_makes.get(MAKE_ID)


async def test_a_stored_value_that_is_no_token_is_named() -> None:
    store: Any = AsyncStore()
    store.token = {"access_token": "hush-hush"}
    async with serving(Provider()) as server, AsyncClient(application(store=store), base_url=server.url) as client:
        with pytest.raises(evenergy.InvalidArgumentError, match=r"AsyncStore.load\(\) to return a Token.*got dict"):
            await client.vehicle_makes.get(MAKE_ID)


@pytest.mark.parametrize("store", [object(), FileTokenStore, "/tmp/token.json", {}])  # noqa: S108  it is no file
def test_an_object_that_is_no_store_is_rejected_when_the_grant_is_made(store: Any) -> None:
    for make in (application, expired_grant):
        with pytest.raises(evenergy.InvalidArgumentError, match="expected store as an object with load"):
            make(store=store)


def test_credentials_with_different_stores_are_different() -> None:
    class Unhashable(AsyncStore):
        __hash__ = None  # type: ignore[assignment]  # as of a dataclass

    one, other = Unhashable(), Unhashable()
    assert application(store=one) == application(store=one) != application(store=other)
    assert hash(application(store=one)) == hash(application(store=one))
    assert application(store=FileTokenStore("/x")) == application(store=FileTokenStore("/x"))
