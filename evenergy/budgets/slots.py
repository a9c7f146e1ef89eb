"""Slots of a bucket in a SQLite file, and the facts that go with them."""

import math
import sqlite3

import attrs
import msgspec

from evenergy._transport.budget import Slot
from evenergy._transport.usage import WINDOW
from evenergy._transport.window import State

TICK = 0.001  # seconds: what two clocks may differ by
_OUTAGE = 10  # requests that said nothing, before it is doubted that the API counted them

Row = tuple[int, str, bool, bool]
"""Number of a slot, its share, and whether it is in flight or lost."""


@attrs.frozen
class Timing:
    """Times of a ledger, in seconds.

    A holder that died leaves a slot of which nobody knows whether the API counted it: it stays in doubt to its end.

    Attributes:
        window: The length of the rolling window.
        flight: The time from a slot to the latest moment at which its request is counted, or was never sent.
        late: The time after which a request without a response has been counted, if ever.
    """

    window: float = WINDOW
    flight: float = 60.0
    late: float = 60.0

    @property
    def kept(self) -> float:
        """Return the seconds from a response until its request has surely left the window."""
        return self.window + TICK


class Facts(msgspec.Struct):
    """All of a bucket but its slots. Times are those of the ledger's clock."""

    life: str
    epoch: int = 0
    void: int = 0
    limit: int = 0
    is_stable: bool = True
    state: str = State.UNKNOWN.value
    width: int = 1
    trial_at: float = 0.0
    told_at: float = 0.0
    silent: int = 0
    rejections: int = 0
    spread: float = 0.0
    gone: int = 0
    rows: int = 0
    air: int = 0
    lost: int = 0
    due: float = 0.0
    latest: float = 0.0
    trials: list[tuple[int, float]] = []
    others: list[tuple[float, int]] = []
    held: dict[str, int] = {}
    reserve: dict[str, tuple[float, float]] = {}
    visits: dict[str, float] = {}  # when a holder comes back for a slot: each at its own time, not all for one slot

    @property
    def settled(self) -> int:
        """Return the requests that the API surely counted, since the life began."""
        return self.gone + self.rows - self.air - self.lost

    @property
    def foreign(self) -> int:
        """Return the requests of others, as far as is known."""
        return self.others[0][1] if self.others else 0

    @property
    def free(self) -> int:
        """Return how many more requests the bucket holds, as far as is known."""
        return self.limit - self.rows - self.foreign

    @property
    def is_in_doubt(self) -> bool:
        """Return whether the bucket may have room although nothing is known to be free."""
        return self.foreign > 0 or not self.is_stable or (self.silent >= _OUTAGE and 2 * self.silent >= self.limit)


class Slots:
    """Slots of one bucket, within a transaction: the facts have their counts."""

    def __init__(self, db: sqlite3.Connection, bucket: str, facts: Facts, now: float, timing: Timing) -> None:
        self.facts: Facts = facts
        self._db = db
        self.bucket: str = bucket
        self._now = now
        self._timing = timing

    def roll(self) -> None:
        """Let requests leave the window, and holders die."""
        facts, now, bucket = self.facts, self._now, self.bucket
        while facts.others and facts.others[0][0] + self._timing.kept <= now:
            facts.others.pop(0)
        if now < facts.due:
            return
        died = self._db.execute(
            "UPDATE slot SET lost = expires, air = NULL WHERE bucket = ? AND air <= ?", (bucket, now)
        ).rowcount
        facts.air, facts.lost, facts.silent = facts.air - died, facts.lost + died, facts.silent + died
        settled = self._db.execute("UPDATE slot SET lost = NULL WHERE bucket = ? AND lost <= ?", (bucket, now)).rowcount
        facts.lost -= settled
        expired = self._db.execute("DELETE FROM slot WHERE bucket = ? AND expires <= ? RETURNING share", (bucket, now))
        for (share,) in expired.fetchall():
            self._drop(share)
        dues = self._db.execute(
            "SELECT (SELECT min(expires) FROM slot WHERE bucket = ?), (SELECT min(air) FROM slot WHERE bucket = ? AND"
            " air IS NOT NULL), (SELECT min(lost) FROM slot WHERE bucket = ? AND lost IS NOT NULL)",
            (bucket,) * 3,
        ).fetchone()
        facts.due = min((due for due in dues if due is not None), default=math.inf)
        if facts.due == math.inf:
            facts.due = now + WINDOW

    def insert(self, share: str, holder: str) -> int:
        """Add a slot in flight, and return its number."""
        facts, dies = self.facts, self._now + self._timing.flight
        number = self._db.execute(
            "INSERT INTO slot (bucket, share, holder, taken, expires, air) VALUES (?, ?, ?, ?, ?, ?)",
            (self.bucket, share, holder, self._now, dies + self._timing.kept, dies),
        ).lastrowid
        facts.rows, facts.air, facts.due = facts.rows + 1, facts.air + 1, min(facts.due, dies)
        facts.held[share] = facts.held.get(share, 0) + 1
        return number or 0

    def row(self, slot: Slot) -> Row | None:
        """Return the row of a slot: its number, its share, and whether it is in flight or lost."""
        found: Row | None = self._db.execute(
            "SELECT id, share, air IS NOT NULL, lost IS NOT NULL FROM slot WHERE id = ? AND bucket = ?",
            (int(slot.id), self.bucket),
        ).fetchone()
        return found

    def remove(self, row: Row | None) -> None:
        """Drop a slot that the API did not count."""
        if row is None:
            return
        self._db.execute("DELETE FROM slot WHERE id = ?", (row[0],))
        self.facts.gone -= 1  # `drop` counts it
        self._drop(row[1])
        self._leave(row)

    def _leave(self, row: Row) -> None:
        self.facts.air -= bool(row[2])
        self.facts.lost -= bool(row[3])

    def _drop(self, share: str) -> None:
        facts = self.facts
        facts.gone, facts.rows = facts.gone + 1, facts.rows - 1
        left = facts.held.get(share, 0) - 1
        if left > 0:
            facts.held[share] = left
        else:
            facts.held.pop(share, None)

    def complete(self, row: Row | None, *, counted: bool) -> None:
        """Let a slot expire a window from now; ``counted`` says that the API surely counted it."""
        if row is None:
            return
        expires, late = self._now + self._timing.kept, None if counted else self._now + self._timing.late
        self._db.execute("UPDATE slot SET expires = ?, air = NULL, lost = ? WHERE id = ?", (expires, late, row[0]))
        self._leave(row)
        self.facts.lost += not counted
        self.facts.due = min(self.facts.due, expires if late is None else late)

    def forget(self, count: int) -> None:
        """Drop so many of the oldest complete slots, which the API counts no longer."""
        oldest = self._db.execute(
            "SELECT id, share, 0, lost IS NOT NULL FROM slot WHERE bucket = ? AND air IS NULL ORDER BY expires LIMIT ?",
            (self.bucket, count),
        ).fetchall()
        for row in oldest:
            self._db.execute("DELETE FROM slot WHERE id = ?", (row[0],))
            self._drop(row[1])
            self._leave(row)

    def frees(self, count: int) -> tuple[float, ...]:
        """Return the seconds until complete requests leave the window, of so many of them."""
        rows = self._db.execute(
            "SELECT expires FROM slot WHERE bucket = ? AND air IS NULL ORDER BY expires LIMIT ?", (self.bucket, count)
        )
        return tuple(expires - self._now for (expires,) in rows)

    def taken_before(self, time: float) -> int:
        """Return the slots that were taken by then, and are still kept."""
        found = self._db.execute("SELECT count(*) FROM slot WHERE bucket = ? AND taken <= ?", (self.bucket, time))
        count: int = found.fetchone()[0]
        return count

    def unreserved(self, share: str, count: int) -> float:
        """Return the seconds until so many complete requests have left that no other share keeps for itself."""
        others = [other for other in self.facts.reserve if other != share]
        row = self._db.execute(
            "SELECT expires FROM slot WHERE bucket = ? AND air IS NULL"
            " AND share NOT IN (SELECT value FROM json_each(?)) ORDER BY expires LIMIT 1 OFFSET ?",
            (self.bucket, msgspec.json.encode(others).decode(), max(0, count - 1)),
        ).fetchone()
        return self._timing.window if row is None else row[0] - self._now
