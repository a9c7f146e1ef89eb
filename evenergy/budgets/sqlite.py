"""A budget in a SQLite file: for all processes of one host, with nothing to install."""

import asyncio
import functools
import os
import random
import secrets
import socket
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from evenergy._transport.budget import Settlement, Slot, Wait
from evenergy._transport.shares import reserve_of, share_name
from evenergy._transport.usage import WINDOW
from evenergy._transport.window import State
from evenergy.errors import BudgetError

from .report import BucketUse, Holding, bucket_use
from .rules import CLOCK_STEP, Rules
from .slots import Facts, Slots, Timing

T = TypeVar("T")

_AGAIN = 0.01  # seconds until a file that is busy is tried again
_PATIENCE = 2.0  # seconds for the lock of the file: others hold it for less than a millisecond
_SCHEMA = """
CREATE TABLE IF NOT EXISTS bucket (name TEXT PRIMARY KEY, seen REAL NOT NULL, facts BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS slot (
    id INTEGER PRIMARY KEY AUTOINCREMENT, bucket TEXT NOT NULL, share TEXT NOT NULL, holder TEXT NOT NULL,
    taken REAL NOT NULL, expires REAL NOT NULL, air REAL, lost REAL
);
CREATE INDEX IF NOT EXISTS slot_expires ON slot (bucket, expires);
CREATE INDEX IF NOT EXISTS slot_taken ON slot (bucket, taken);
CREATE INDEX IF NOT EXISTS slot_air ON slot (bucket, air) WHERE air IS NOT NULL;
CREATE INDEX IF NOT EXISTS slot_lost ON slot (bucket, lost) WHERE lost IS NOT NULL;
"""
_encode, _decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Facts).decode


def holder_name() -> str:
    """Return the name of this process for others: its host, and its id."""
    return f"{socket.gethostname()}:{os.getpid()}"


def _create(path: Path) -> None:
    """Make an empty file for its owner only, unless there is one.

    It is made elsewhere: whoever closes a file loses all locks that this process has on it (sqlite.org,
    "How To Corrupt", 2.2), and another client of it may hold one.
    """
    if path.exists():
        return
    new = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    os.close(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with suppress(OSError):  # another process was first, or a file system without links: SQLite makes it
            os.link(new, path)
    finally:
        new.unlink()


def _is_busy(error: Exception) -> bool:
    """Return whether others have the file locked; the low byte of the code is its kind (sqlite.org/rescode.html)."""
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & 0xFF in {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_PROTOCOL,  # two open it at once
    }


class SQLiteBudget:
    """Budget that the processes of one host share, in a file; pass it as ``budget`` to their clients.

    The file must be on a local disk. Calls run in a thread of its own. It pickles as its arguments.

    Args:
        path: The file; it is made if it is missing, readable for its owner only.
        share: The share of clients that name none.
        reserve: The parts of the rate limit, from 0 to 1, that are kept for shares, such as ``{"app": 0.3}``. A share
            draws on its own part and on what no other part is kept for. It holds for all who use the file.
        required: Whether calls fail with a `BudgetError` while the file cannot be used. Else the process counts for
            itself meanwhile, with one warning, and tries again every 30 seconds.
        bucket: A name for credentials that have no id of their own: a token source of yours, or an
            `AuthorizationCode` without ``user``. None where there are none.
        window: The seconds of the API's rolling window.
        flight: The seconds after which a process that took a slot has sent its request, or has died.
        clock: A function that returns the time; the default is the host's clock.

    Raises:
        InvalidArgumentError: An argument is invalid.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        share: str = "",
        reserve: Mapping[str, float] | None = None,
        required: bool = False,
        bucket: str | None = None,
        window: float = WINDOW,
        flight: float = 60.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.path: Path = Path(path)
        self.share: str = share_name(share)
        self.reserve: Mapping[str, float] = reserve_of(reserve)
        self.required: bool = required
        self.bucket: str | None = bucket
        self._timing = Timing(window, flight, flight)
        self._clock = clock
        self._rng = random.SystemRandom()
        self._known: dict[str, tuple[str, int]] = {}  # by bucket: its life, and how often it withdrew slots
        self._db: sqlite3.Connection | None = None
        self._inode: object = None
        self._begin()
        _budgets.add(self)

    def _begin(self) -> None:
        self._open_lock = threading.Lock()
        self._executor: ThreadPoolExecutor | None = None
        self._in_use = threading.RLock()  # held by the thread at work, and during a fork

    def __reduce__(self) -> tuple[object, ...]:
        return functools.partial(
            SQLiteBudget,
            self.path,
            share=self.share,
            reserve=dict(self.reserve),
            required=self.required,
            bucket=self.bucket,
            window=self._timing.window,
            flight=self._timing.flight,
        ), ()

    def __repr__(self) -> str:
        return f"SQLiteBudget({str(self.path)!r})"

    async def take(self, bucket: str, share: str, *, hurry: bool = False) -> Slot | Wait:
        """Return a slot, or the times until one can be had.

        Raises:
            BudgetError: The file cannot be used.
        """
        return await self._run(lambda: self._take(bucket, share, hurry=hurry))

    async def settle(self, slot: Slot, settlement: Settlement) -> None:
        """Record the end of a slot, and what the API said of the bucket.

        Raises:
            BudgetError: The file cannot be used.
        """
        await self._run(lambda: self._settle(slot, settlement))

    def holds(self, slot: Slot) -> bool:
        """Return whether a slot is still good as far as this process knows: no 429 came since, in any process."""
        return self._known.get(slot.bucket, (slot.life, slot.void)) == (slot.life, slot.void)

    async def uses(self) -> Sequence[BucketUse]:
        """Return who holds what, a value a bucket.

        Raises:
            BudgetError: The file cannot be used.
        """
        return await self._run(self._uses)

    async def close(self) -> None:
        """Close the file, and end the thread; the next use opens it again."""
        with self._open_lock:
            executor, self._executor = self._executor, None
        if executor is not None:
            closed = asyncio.get_running_loop().run_in_executor(executor, self._drop)
            executor.shutdown(wait=False)
            await closed

    # A fork

    def before_fork(self) -> None:
        """Wait for the transaction in progress, and close the file: no child may inherit it (sqlite.org, 2.6)."""
        self._in_use.acquire()
        self._drop()

    def after_fork_in_parent(self) -> None:
        """Go on."""
        with suppress(RuntimeError):  # Ctrl-C ended the wait before
            self._in_use.release()

    def after_fork_in_child(self) -> None:
        """Begin anew: the thread is the parent's, and another of its threads may have held a lock."""
        self._begin()

    # In the thread

    def _take(self, bucket: str, share: str, *, hurry: bool) -> Slot | Wait:
        with self._transaction(bucket) as rules:
            return rules.take(share, holder_name(), dict(self.reserve), hurry=hurry)

    def _settle(self, slot: Slot, settlement: Settlement) -> None:
        with self._transaction(slot.bucket) as rules:
            rules.settle(slot, settlement)

    def _uses(self) -> Sequence[BucketUse]:
        names = [name for (name,) in self._connection().execute("SELECT name FROM bucket ORDER BY name")]
        return [self._use(name) for name in names]

    def _use(self, name: str) -> BucketUse:
        with self._transaction(name) as rules:
            facts, now = rules.facts, rules.facts.latest
            rows = self._connection().execute(
                "SELECT share, holder, count(air), count(*) - count(air) FROM slot WHERE bucket = ? GROUP BY 1, 2",
                (name,),
            )
            found = [Holding(*row) for row in rows]
        reserve = {share: part for share, (part, _) in facts.reserve.items()}
        return bucket_use(name, facts.limit, facts.foreign, State(facts.state), facts.trial_at - now, reserve, found)

    @contextmanager
    def _transaction(self, bucket: str) -> Generator[Rules]:
        """Lock the file, and read a bucket; write it back at the end."""
        db = self._connection()
        db.execute("BEGIN IMMEDIATE")
        try:
            row = db.execute("SELECT facts FROM bucket WHERE name = ?", (bucket,)).fetchone()
            facts, now = None if row is None else _decode(row[0]), self._clock()
            if facts is None or now < facts.latest - CLOCK_STEP:
                db.execute("DELETE FROM slot WHERE bucket = ?", (bucket,))
                facts = Facts(life=secrets.token_hex(8), trial_at=now, latest=now)
            slots = Slots(db, bucket, facts, now, self._timing)
            rules = Rules(slots, now, self._timing, self._rng)
            yield rules
            db.execute("INSERT OR REPLACE INTO bucket VALUES (?, ?, ?)", (bucket, facts.latest, _encode(facts)))
            db.execute("COMMIT")
        except BaseException:
            db.rollback()
            raise
        self._known[bucket] = (facts.life, facts.void)

    def _connection(self) -> sqlite3.Connection:
        """Return the open file; opened anew when it was removed or replaced."""
        try:
            inode: object = self.path.stat().st_ino
        except OSError:
            inode = None
        if self._db is None or inode != self._inode:
            self._drop()
            self._db = self._open()
            self._inode = self.path.stat().st_ino
        return self._db

    def _open(self) -> sqlite3.Connection:
        _create(self.path)
        db = sqlite3.connect(self.path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
        try:
            if db.execute("PRAGMA journal_mode").fetchone() != ("wal",):
                db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = OFF")  # what a power cut loses, the API's own count brings back
            db.executescript(_SCHEMA)
            old = self._clock() - 2 * (self._timing.window + self._timing.flight)
            db.execute("DELETE FROM slot WHERE bucket IN (SELECT name FROM bucket WHERE seen < ?)", (old,))
            db.execute("DELETE FROM bucket WHERE seen < ?", (old,))
        except BaseException:
            db.close()
            raise
        return db

    def _drop(self) -> None:
        with self._in_use:
            db, self._db = self._db, None
            if db is not None:
                db.close()

    # The thread

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await self._submit(work)
        except (sqlite3.Error, OSError, msgspec.MsgspecError) as error:
            raise BudgetError(f"the budget in {self.path} cannot be used: {error}") from error

    def _guarded(self, work: Callable[[], T]) -> T:
        """Do it, and again while the file is busy: SQLite does not wait for a file that another process opens."""
        ends = time.monotonic() + _PATIENCE
        while True:
            try:
                with self._in_use:
                    return work()
            except (sqlite3.Error, OSError, msgspec.MsgspecError) as error:
                self._drop()  # the next try opens it anew
                if not _is_busy(error) or time.monotonic() > ends:
                    raise
            time.sleep(_AGAIN)

    def _submit(self, work: Callable[[], T]) -> "asyncio.Future[T]":
        with self._open_lock:  # `close`, of a client on another loop, may end the thread
            if self._executor is None:
                self._executor = ThreadPoolExecutor(1, "evenergy-budget")
            return asyncio.get_running_loop().run_in_executor(self._executor, self._guarded, work)


_budgets: "weakref.WeakSet[SQLiteBudget]" = weakref.WeakSet()


def _before_fork() -> None:
    for budget in sorted(_budgets, key=id):  # in one order, or two threads that fork could wait for each other
        budget.before_fork()


def _after_fork_in_parent() -> None:
    for budget in list(_budgets):
        budget.after_fork_in_parent()


def _after_fork_in_child() -> None:
    for budget in list(_budgets):
        budget.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
