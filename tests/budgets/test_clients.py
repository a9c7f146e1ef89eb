"""Clients on a budget: what they count, what happens without the ledger, and whom a share leaves alone."""

import asyncio
import logging
import multiprocessing
import pickle
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from evenergy import (
    AsyncClient,
    Attempt,
    AuthorizationCode,
    BudgetError,
    Client,
    ClientCredentials,
    InvalidArgumentError,
    LocalBudget,
    RateLimitError,
    Slot,
    SQLiteBudget,
    Wait,
    budget_report,
)
from evenergy._transport.budget import Settlement
from evenergy.sandbox import Sandbox
from tests.transport.virtual_time import Reply, Server, run
from tests.transport.whole_client import Wire, call, client


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(vehicles=5, rate_limit=40) as sandbox:
        yield sandbox


def credentials(sandbox: Sandbox) -> ClientCredentials:
    return ClientCredentials(sandbox.client_id, sandbox.client_secret)


class FailingBudget(SQLiteBudget):
    """A ledger that goes away."""

    is_away = False
    tries = 0

    async def take(self, bucket: str, share: str, *, hurry: bool = False) -> Slot | Wait:
        self.tries += 1
        if self.is_away:
            raise BudgetError("it is away")
        return await super().take(bucket, share, hurry=hurry)

    async def settle(self, slot: Slot, settlement: Settlement) -> None:
        if self.is_away:
            raise BudgetError("it is away")
        await super().settle(slot, settlement)


def remove_all(directory: Path) -> None:
    for each in directory.iterdir():
        each.unlink()


def loop_time() -> float:
    return asyncio.get_running_loop().time()


# Whole clients on one file


async def test_two_clients_send_what_the_limit_allows_and_no_429_comes(sandbox: Sandbox, tmp_path: Path) -> None:
    statuses: list[int | None] = []

    def seen(attempt: Attempt) -> None:
        statuses.append(attempt.status)

    budget = SQLiteBudget(tmp_path / "budget.db")
    options: Any = {"base_url": sandbox.base_url, "max_wait": 0, "on_attempt": seen}
    async with (
        AsyncClient(credentials(sandbox), budget=budget, **options) as one,
        AsyncClient(credentials(sandbox), budget=SQLiteBudget(tmp_path / "budget.db"), **options) as two,
    ):
        calls = [each.vehicles.get(sandbox.vehicle_ids[0]) for each in (one, two) for _ in range(30)]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        failed = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        assert all(isinstance(error, RateLimitError) and not error.headers for error in failed)
        assert len(failed) == 20
        assert statuses == [200] * 40
        [use] = await budget.uses()
    assert (use.limit, use.used, use.foreign, use.free) == (40, 40, 0, 0)
    assert "limit 40, used 40, others 0, free 0" in budget_report([use])[0]


def test_blocking_clients_in_processes_share_a_file(tmp_path: Path) -> None:
    with Sandbox(vehicles=5, rate_limit=40) as sandbox:
        jobs = (sandbox.base_url, sandbox.client_id, sandbox.client_secret, sandbox.vehicle_ids[0])
        with multiprocessing.get_context("spawn").Pool(2) as pool:
            work = [pool.apply_async(_thirty_calls, (SQLiteBudget(tmp_path / "b.db"), *jobs)) for _ in range(2)]
            counts = [each.get(60) for each in work]
    assert sum(served for served, _ in counts) == 40
    assert sum(rejected for _, rejected in counts) == 0


def _thirty_calls(budget: SQLiteBudget, base_url: str, client_id: str, secret: str, vehicle: str) -> tuple[int, int]:
    """Return how many calls were served, and how many 429s came from the API."""
    served, rejected = 0, 0
    with Client(ClientCredentials(client_id, secret), base_url=base_url, budget=budget, max_wait=0) as one:
        for _ in range(30):
            try:
                one.vehicles.get(vehicle)
            except RateLimitError as error:
                rejected += bool(error.headers)
            else:
                served += 1
    return served, rejected


async def test_a_run_of_a_fleet_counts_as_the_ledger_does(sandbox: Sandbox, tmp_path: Path) -> None:
    budget = SQLiteBudget(tmp_path / "budget.db")
    async with AsyncClient(credentials(sandbox), base_url=sandbox.base_url, budget=budget) as one:
        run = one.fleet.new_status_logs(since=datetime.now(UTC) - timedelta(hours=3), budget=4)
        requests = [logs.requests async for logs in run]
    [use] = await budget.uses()  # the client has told it all before it closed
    await budget.close()
    assert use.used == requests[-1] == run.requests <= 4


# Without the ledger


def test_a_ledger_that_goes_away_in_a_burst_costs_no_call_and_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> tuple[Server, int]:
        budget = FailingBudget(tmp_path / "budget.db", clock=loop_time)
        wire = Wire(Server())
        async with client(wire, budget=budget) as one:
            calls = [asyncio.create_task(call(one)) for _ in range(200)]
            await asyncio.sleep(0.2)
            budget.is_away = True
            await asyncio.gather(*calls)
            tries = budget.tries
            for _ in range(100):
                await call(one)
            assert budget.tries == tries, "it was tried before 30 s"
            await asyncio.sleep(30)
            budget.is_away = False
            await call(one)
            await call(one)
            await asyncio.sleep(1)
            [use] = await budget.uses()
        assert use.used < wire.server.served  # those whose end it was not told count as in flight
        assert use.used + use.foreign == wire.server.served
        return wire.server, len(wire.sent)

    with caplog.at_level(logging.INFO, "evenergy"):
        server, sent = run(main())
    assert sent == server.served == 302
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "the budget cannot be reached" in warnings[0].getMessage()
    assert "the budget is reached again" in caplog.text


def test_a_required_ledger_fails_the_calls_and_is_tried_by_each(tmp_path: Path) -> None:
    async def main() -> None:
        budget = FailingBudget(tmp_path / "budget.db", clock=loop_time, required=True)
        wire = Wire(Server())
        async with client(wire, budget=budget) as one:
            budget.is_away = True
            outcomes = await asyncio.gather(*(call(one) for _ in range(20)), return_exceptions=True)
            assert [type(outcome) for outcome in outcomes] == [BudgetError] * 20
            with pytest.raises(BudgetError, match="it is away"):
                await call(one)
            assert not wire.sent
            budget.is_away = False
            await call(one)

    run(main())


def test_a_pause_holds_also_when_the_ledger_goes_away_in_it(tmp_path: Path) -> None:
    async def main() -> None:
        budget = FailingBudget(tmp_path / "budget.db", clock=loop_time)
        server = Server()
        wire = Wire(server)
        async with client(wire, budget=budget, max_wait=None) as one:
            await call(one)
            began = loop_time()
            server.special = lambda now: Reply(429, 1000, 0, 60) if now < began + 60 else None
            pending = asyncio.create_task(call(one))
            await asyncio.sleep(0.05)
            budget.is_away = True
            await pending
        assert wire.sent[-1].at >= began + 60
        assert server.rejected == 0 or len(wire.sent) == 3

    run(main())


def test_a_file_that_was_removed_begins_anew_and_learns_the_rest_from_the_api(tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "budget.db"
        server = Server(limit=100)
        async with client(Wire(server), budget=SQLiteBudget(path, clock=loop_time), max_wait=0) as one:
            await asyncio.gather(*(call(one) for _ in range(60)))
            remove_all(tmp_path)
            outcomes = await asyncio.gather(*(call(one) for _ in range(60)), return_exceptions=True)
            assert outcomes.count(None) == 40
        assert (server.served, server.rejected) == (100, 0)

    run(main())


def test_a_file_that_is_no_database_is_a_warning_and_a_hint(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "budget.db"
    path.write_text("no database" * 1000)

    async def main() -> None:
        async with client(Wire(Server()), budget=SQLiteBudget(path)) as one:
            await call(one)

    run(main())
    assert f"the budget in {path} cannot be used" in caplog.text


# Shares


def ledger_options(kind: str, tmp_path: Path) -> Callable[..., Any]:
    if kind == "local":
        return LocalBudget
    return partial(SQLiteBudget, tmp_path / "budget.db", clock=loop_time)


@pytest.mark.parametrize("kind", ["local", "sqlite"])
def test_a_batch_job_leaves_the_app_its_part(kind: str, tmp_path: Path) -> None:
    async def main() -> None:
        server = Server(limit=100)
        budget = ledger_options(kind, tmp_path)(reserve={"app": 0.3})
        async with client(Wire(server), budget=budget, max_wait=None) as one:
            app = one.with_options(share="app", max_wait=0)
            reports = one.with_options(share="reports")
            jobs = [asyncio.create_task(call(reports)) for _ in range(90)]
            await asyncio.sleep(60)
            assert server.served == 70
            await asyncio.gather(*(call(app) for _ in range(30)))
            with pytest.raises(RateLimitError) as rejected:
                await call(app)
            assert 3500 < rejected.value.retry_after <= 3600
            assert sum(job.done() for job in jobs) == 70
            await asyncio.gather(*jobs)
            assert 3600 <= loop_time() < 3660
        assert server.rejected == 0

    run(main())


@pytest.mark.parametrize("kind", ["local", "sqlite"])
def test_a_share_that_is_refused_is_told_when_its_own_part_is_free(kind: str, tmp_path: Path) -> None:
    async def main() -> None:
        server = Server(limit=10)
        budget = ledger_options(kind, tmp_path)(reserve={"app": 0.5})
        async with client(Wire(server), budget=budget, max_wait=0) as one:
            app, reports = one.with_options(share="app"), one.with_options(share="reports")
            for _ in range(3):
                await call(app)
            await asyncio.sleep(1000)
            for _ in range(5):
                await call(reports)
            with pytest.raises(RateLimitError) as rejected:
                await call(reports)
            assert 3590 < rejected.value.retry_after <= 3600
            await asyncio.sleep(rejected.value.retry_after)
            await call(reports)

    run(main())


@pytest.mark.parametrize("reserve", [{"app": 1.2}, {"app": 0.6, "b": 0.5}, {"app": -0.1}, {"a|b": 0.1}])
def test_an_invalid_reserve_is_rejected(reserve: dict[str, float], tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError):
        LocalBudget(reserve=reserve)
    with pytest.raises(InvalidArgumentError):
        SQLiteBudget(tmp_path / "b.db", reserve=reserve)


# Buckets and arguments


def bucket(auth: Any, budget: Any = None, **options: Any) -> str:
    one = AsyncClient(auth, budget=budget or SQLiteBudget("unused.db"), **options)
    ledger = one._session.credentials.ledger
    assert ledger is not None
    return ledger.bucket


def test_a_bucket_is_a_hash_of_issuer_and_client_id_or_token() -> None:
    one = bucket(ClientCredentials("id", "secret-one"))
    assert one == bucket(ClientCredentials("id", "secret-two"))
    assert one != bucket(ClientCredentials("other", "secret-one"))
    assert one != bucket(ClientCredentials("id", "secret-one"), base_url="http://127.0.0.1:1/v2")
    assert bucket("a-token") == bucket("a-token") != bucket("b-token")
    assert "token" not in bucket("a-token")
    code = AuthorizationCode("id", "https://a.example/back")
    assert bucket(code, user="user" + 26 * "A") != bucket(code, user="user" + 26 * "B")
    assert bucket(code, SQLiteBudget("unused.db", bucket="app")) != one


def test_credentials_that_no_process_can_tell_apart_need_a_name() -> None:
    with pytest.raises(InvalidArgumentError, match="bucket='our-app'"):
        bucket(AuthorizationCode("id", "https://a.example/back"))


def test_an_object_that_is_no_budget_is_rejected() -> None:
    with pytest.raises(InvalidArgumentError, match="got str without take"):
        AsyncClient("a-token", budget="redis://localhost")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_budgets_pickle_and_repr() -> None:
    budget = pickle.loads(pickle.dumps(SQLiteBudget("b.db", share="a", reserve={"a": 0.2}, required=True)))  # noqa: S301  ours
    assert (str(budget.path), budget.share, dict(budget.reserve), budget.required) == ("b.db", "a", {"a": 0.2}, True)
    local = pickle.loads(pickle.dumps(LocalBudget(reserve={"a": 0.2})))  # noqa: S301  ours
    assert local == LocalBudget(reserve={"a": 0.2})
    assert repr(budget) == "SQLiteBudget('b.db')"
