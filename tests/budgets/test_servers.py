"""Real servers: Redis and Valkey, a password and TLS, a cluster, a server that is wiped, restarted or gone."""

import asyncio
import pickle
from pathlib import Path
from typing import Any

import pytest
import redis
import trustme

from evenergy import BudgetError, InvalidArgumentError, RedisBudget, Slot, Wait
from evenergy._transport.budget import Settlement
from tests.budgets.servers import SERVERS, cluster, free_port, needs_redis, server

pytestmark = needs_redis


def response(limit: int, remaining: int) -> Settlement:
    return Settlement("response", 200, limit, remaining)


async def use(budget: RedisBudget, count: int = 3, limit: int = 100) -> None:
    """Send so many requests, and close."""
    for sent in range(count):
        slot = await budget.take("bucket", "")
        assert isinstance(slot, Slot)
        await budget.settle(slot, response(limit, limit - sent - 1))


@pytest.mark.parametrize("name", SERVERS)
async def test_each_server_that_is_installed_works(name: str, tmp_path: Path) -> None:
    with server(tmp_path, name=name) as port:
        budget = RedisBudget(f"redis://127.0.0.1:{port}", share="reports", reserve={"app": 0.3})
        await use(budget)
        [found] = await budget.uses()
        await budget.close()
    assert (found.bucket, found.limit, found.used, found.reserve) == ("bucket", 100, 3, {"app": 0.3})
    assert [one.completed for one in found.holdings] == [3]


async def test_a_password_and_tls(tmp_path: Path) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1", "localhost")
    certificate, key, trusted = tmp_path / "cert.pem", tmp_path / "key.pem", tmp_path / "ca.pem"
    certificate.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
    key.write_bytes(issued.private_key_pem.bytes())
    authority.cert_pem.write_to_path(str(trusted))
    port = free_port()
    options = ("--tls-port", str(port), "--tls-cert-file", str(certificate), "--tls-key-file", str(key))
    more = ("--tls-ca-cert-file", str(trusted), "--tls-auth-clients", "no", "--requirepass", "the-password")
    with server(tmp_path, *options, *more, port=0):
        query = f"?ssl_ca_certs={trusted}"
        budget = RedisBudget(f"rediss://:the-password@localhost:{port}/0{query}")
        await use(budget)
        await budget.close()
        for url in (f"rediss://:wrong-word@localhost:{port}/0{query}", f"rediss://:the-password@localhost:{port}/0"):
            wrong = RedisBudget(url)
            with pytest.raises(BudgetError) as failed:
                await wrong.take("bucket", "")
            await wrong.close()
            assert "localhost" in str(failed.value)
            assert "wrong-word" not in str(failed.value)
            assert "the-password" not in str(failed.value)


async def test_a_cluster_has_each_bucket_in_one_place(tmp_path: Path) -> None:
    with cluster(tmp_path) as port:
        budget = RedisBudget(f"redis://127.0.0.1:{port}", cluster=True)
        buckets = [f"bucket-{number}" for number in range(8)]
        for bucket in buckets:
            slot = await budget.take(bucket, "")
            assert isinstance(slot, Slot)
            await budget.settle(slot, response(10, 9))
        found = await budget.uses()
        await budget.close()
    assert [one.bucket for one in found] == buckets
    assert all(one.used == 1 for one in found)


async def test_all_keys_expire_by_themselves(redis_port: int) -> None:
    budget = RedisBudget(f"redis://127.0.0.1:{redis_port}", prefix="expire")
    await use(budget)
    await budget.close()
    blocking: Any
    with redis.Redis(port=redis_port) as blocking:
        keys = list(blocking.scan_iter("expire:*"))
        assert len(keys) >= 3
        assert all(0 < blocking.ttl(key) <= 7320 for key in keys)


async def test_a_wiped_server_learns_what_was_used_from_the_next_response(redis_port: int) -> None:
    budget = RedisBudget(f"redis://127.0.0.1:{redis_port}", prefix="wiped")
    await use(budget, 60)
    old = await budget.take("bucket", "")
    assert isinstance(old, Slot)
    blocking: Any
    with redis.Redis(port=redis_port) as blocking:
        blocking.delete(*blocking.scan_iter("wiped:*"))
    trial = await budget.take("bucket", "")
    assert isinstance(trial, Slot)
    assert isinstance(await budget.take("bucket", ""), Wait), "one trial finds out"
    assert not budget.holds(old), "a slot of the life before is withdrawn"
    await budget.settle(trial, response(100, 39))
    [found] = await budget.uses()
    await budget.close()
    assert (found.used, found.foreign, found.free) == (1, 60, 39)


async def test_a_server_that_restarts_has_the_scripts_again(tmp_path: Path) -> None:
    with server(tmp_path / "one") as port:
        budget = RedisBudget(f"redis://127.0.0.1:{port}")
        await use(budget)
    with pytest.raises(BudgetError, match=r"the budget at 127\.0\.0\.1 cannot be used"):
        await budget.take("bucket", "")
    with server(tmp_path / "two", port=port):
        await use(budget)
        await budget.close()


async def test_a_429_of_one_process_withdraws_the_slots_of_others(redis_port: int) -> None:
    one, two = (RedisBudget(f"redis://127.0.0.1:{redis_port}", prefix="withdrawn") for _ in range(2))
    await use(one, 2)
    slot, held = await one.take("bucket", ""), await two.take("bucket", "")
    assert isinstance(slot, Slot)
    assert isinstance(held, Slot)
    await one.settle(slot, Settlement("response", 429, 100, 0, 30.0))
    wait = await two.take("bucket", "")
    assert isinstance(wait, Wait)
    assert 29 < wait.trial <= 32
    assert wait.state.value == "closed"
    assert not two.holds(held)
    await asyncio.gather(one.close(), two.close())


async def test_two_loops_have_a_connection_each(redis_port: int) -> None:
    budget = RedisBudget(f"redis://127.0.0.1:{redis_port}", prefix="loops")

    async def elsewhere() -> None:
        await use(budget)
        await budget.close()

    await use(budget, 1)
    await asyncio.to_thread(asyncio.run, elsewhere())
    await budget.close()
    assert not budget._links


def test_its_url_stays_secret_and_it_does_not_pickle() -> None:
    budget = RedisBudget("redis://user:the-password@redis.example:6379/0")
    assert repr(budget) == "<RedisBudget redis.example>"
    with pytest.raises(TypeError, match="make one in each process"):
        pickle.dumps(budget)
    with pytest.raises(InvalidArgumentError, match="redis://"):
        RedisBudget("http://redis.example")
