"""The blocking client and forks, also in the middle of calls and of imports."""

import sys
from textwrap import dedent

import pytest

from evenergy.sandbox import Sandbox
from tests.core.processes import IMPORTING, run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and forks as POSIX has them")


@pytest.mark.parametrize("end", ["os._exit", "sys.exit"])
@pytest.mark.parametrize(
    "work",
    [
        "pass",
        "client.vehicles.get(VEHICLE); client.close()",
        "[client.vehicles.get(VEHICLE) for _ in range(3)]; client.close()",
        "globals().pop('client')",
        "client.close()",
        "assert len(list(listing)) == 11; client.close()",
    ],
)
def test_a_forked_child_works_and_its_parent_goes_on(sandbox: Sandbox, work: str, end: str) -> None:
    script = f"""
        client = connect()
        listing = client.vehicles.list(page_size=1)
        next(listing)

        def work():
            {work}

        joined(forked(work, {end}))
        for _ in range(3):
            client.vehicles.get(VEHICLE)
        assert len(list(listing)) == 11
        client.close()
        """
    assert run(sandbox, script, "-W", "error") == ("", "")


def test_a_fork_while_calls_are_in_flight(sandbox: Sandbox) -> None:
    script = """
        client = connect()
        loop = client._loop
        in_flight, go, results = threading.Semaphore(0), asyncio.Event(), []

        async def hold(number):
            in_flight.release()
            await go.wait()
            return number

        threads = [threading.Thread(target=lambda n=n: results.append(loop.run(hold, n))) for n in range(4)]
        for thread in threads:
            thread.start()
        for _ in threads:
            in_flight.acquire()
        outcomes = client.fan_out(client.vehicles.get, [VEHICLE] * 100, concurrency=4)
        next(outcomes)

        def work():
            for _ in range(3):
                client.vehicles.get(VEHICLE)
            try:
                list(outcomes)
            except evenergy.ClosedError:
                client.close()
            else:
                raise SystemExit("an iterator of the parent's calls went on in the child")

        for _ in range(5):
            joined(forked(work))
        assert results == []
        loop.worker().loop.call_soon_threadsafe(go.set)
        for thread in threads:
            thread.join()
        assert sorted(results) == [0, 1, 2, 3]
        assert len([outcome.unwrap() for outcome in outcomes]) == 99
        client.close()
        """
    assert run(sandbox, script, "-W", "error") == ("", "")


def test_a_fork_waits_for_an_import_at_first_use(sandbox: Sandbox) -> None:
    script = """
        client = connect()
        client.vehicles.get(VEHICLE)
        has_begun, may_go_on = threading.Event(), threading.Event()

        def importing():
            has_begun.set()
            may_go_on.wait()

        thread = threading.Thread(target=lambda: client.oauth)
        thread.start()
        has_begun.wait()
        os.register_at_fork(before=may_go_on.set)  # hooks run in reverse order, so this one runs before ours
        joined(forked(lambda: client.oauth))
        thread.join()
        client.close()
        """
    assert run(sandbox, IMPORTING + dedent(script), "-W", "error") == ("", "")


def test_a_pool_of_processes_shares_a_client(sandbox: Sandbox) -> None:
    script = """
        client = connect()
        client.vehicles.get(VEHICLE)

        def job(_):
            return client.vehicles.get(VEHICLE).id

        with multiprocessing.get_context("fork").Pool(4) as pool:
            assert pool.map(job, range(100), chunksize=5) == [VEHICLE] * 100
        assert client.vehicles.get(VEHICLE).id == VEHICLE
        client.close()
        """
    assert run(sandbox, script, "-W", "error") == ("", "")
