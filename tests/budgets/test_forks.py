"""A budget in a file: its thread, and forks, also in the middle of a transaction."""

import asyncio
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from evenergy import Slot, SQLiteBudget
from evenergy._transport.budget import Settlement
from tests.core.processes import FORK_WARNING

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="forks as POSIX has them"),
    pytest.mark.filterwarnings(FORK_WARNING),
]


def use(budget: SQLiteBudget) -> None:
    async def take_and_settle() -> None:
        slot = await budget.take("bucket", "")
        assert isinstance(slot, Slot)
        await budget.settle(slot, Settlement("response", 200, 100, 99))

    asyncio.run(take_and_settle())


def used_in_a_child(budget: SQLiteBudget) -> bool:
    """Return whether a forked child can use the budget; one that hangs is ended by an alarm."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            signal.alarm(30)
            use(budget)
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def descriptors(path: Path) -> int:
    links = list(Path("/proc/self/fd").iterdir())
    return sum(path.name in str(link.readlink()) for link in links if link.is_symlink())


def test_close_ends_the_thread(tmp_path: Path) -> None:
    before, budget = set(threading.enumerate()), SQLiteBudget(tmp_path / "budget")
    use(budget)
    (thread,) = set(threading.enumerate()) - before
    asyncio.run(budget.close())
    thread.join(30)
    assert not thread.is_alive()
    use(budget)
    asyncio.run(budget.close())


def test_a_child_that_is_forked_in_a_transaction_can_use_the_budget(tmp_path: Path) -> None:
    inside, forking = threading.Event(), threading.Event()

    class Told(SQLiteBudget):
        def before_fork(self) -> None:
            forking.set()
            super().before_fork()

    def clock() -> float:
        if threading.current_thread().name.startswith("evenergy-budget") and not forking.is_set():
            inside.set()
            assert forking.wait(30)  # the fork comes now, or waits for the end of the transaction
        return time.time()

    budget = Told(tmp_path / "budget", clock=clock)
    forking.set()
    use(budget)  # opens the file, so that the clock is next read in a transaction
    forking.clear()
    worker = threading.Thread(target=use, args=(budget,))
    worker.start()
    inside.wait()
    assert used_in_a_child(budget)
    worker.join()
    use(budget)
    assert used_in_a_child(budget)
    asyncio.run(budget.close())


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_a_child_inherits_no_open_file_of_any_budget(tmp_path: Path) -> None:
    """One that did would believe to have its parent's locks (sqlite.org, "How To Corrupt", 2.6)."""
    path = tmp_path / "shared.budget"
    budgets = [SQLiteBudget(path), SQLiteBudget(path)]
    for budget in budgets:
        use(budget)
    assert descriptors(path) > 0
    pid = os.fork()
    if pid == 0:
        os._exit(descriptors(path))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    for budget in budgets:
        use(budget)
        asyncio.run(budget.close())
