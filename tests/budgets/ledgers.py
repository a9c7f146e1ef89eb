"""The three ledgers, for tests that run over all of them in virtual time."""

import asyncio
import hashlib
import itertools
import random
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import redis
from redis.exceptions import NoScriptError

from evenergy._transport.budget import Budget
from evenergy._transport.ledger_window import SharedLedger
from evenergy._transport.rate_window import RateWindow
from evenergy._transport.shares import reserve_of
from evenergy._transport.window import Window
from evenergy.budgets.redis import RedisBudget
from evenergy.budgets.sqlite import SQLiteBudget

_names = itertools.count()


def loop_time() -> float:
    return asyncio.get_running_loop().time()


class BlockingRedisBudget(RedisBudget):
    """The same scripts on the same server, without the event loop: in virtual time no socket is waited for."""

    def __init__(self, port: int, **options: Any) -> None:
        super().__init__(f"redis://127.0.0.1:{port}", **options)
        self.blocking: Any = redis.Redis(port=port)

    async def _call(self, script: str, keys: list[str], arguments: list[str | float]) -> Any:
        try:
            digest = hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
            return self.blocking.evalsha(digest, len(keys), *keys, *arguments)
        except NoScriptError:
            return self.blocking.eval(script, len(keys), *keys, *arguments)

    async def close(self) -> None:
        self.blocking.close()


class Ledgers:
    """Ledgers of one kind: ``local``, ``sqlite`` or ``redis``."""

    def __init__(self, kind: str, directory: Path, port: int = 0) -> None:
        self.kind = kind
        self._directory, self._port = directory, port
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def budget(self, name: str, clock: Callable[[], float], rng: random.Random | None = None, **options: Any) -> Budget:
        """Return a budget; those of one name are the same ledger."""
        budget: SQLiteBudget | BlockingRedisBudget
        if self.kind == "redis":
            budget = BlockingRedisBudget(self._port, prefix=f"{self._directory}:{name}", clock=clock, **options)
            self._stack.callback(budget.blocking.close)
        else:
            budget = SQLiteBudget(self._directory / f"{name}.db", clock=clock, **options)
            self._stack.callback(budget._drop)
        budget._rng = rng or random.Random(1)  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
        return budget

    def window(
        self, name: str = "", clock: Callable[[], float] = loop_time, rng: random.Random | None = None
    ) -> Window:
        """Return a window of its own process; those of one name share a ledger."""
        if self.kind == "local":
            return RateWindow(rng or random.Random(1))
        name = name or str(next(_names))
        return SharedLedger(self.budget(name, clock, rng), "bucket", reserve_of(None)).view("")
