"""The rules of a ledger: the model of `evenergy._transport.rate_window`, over rows that a SQLite file holds.

`scripts.py` has the same rules in Lua, for Redis: whoever changes one changes both, and the tests of the laws run over
both. An entry is a slot. It expires a window after its response, since the API counted it before that; one whose holder
died expires a window after the latest time at which it can have been counted.
"""

import math
import random
import sqlite3

import attrs
import msgspec

from evenergy._transport.budget import Settlement, Slot, Wait
from evenergy._transport.usage import WINDOW
from evenergy._transport.window import State

TICK = 0.001  # seconds: what two clocks may differ by
SLOW = 30.0  # seconds after which a trial in flight holds up no other
CLOCK_STEP = 60.0  # seconds that the clock may be set back; further, and the ledger begins anew: the API knows
POLL = 0.05  # seconds until another look, while another process finds out whether there is room
LONGEST_POLL = 5.0
_ASSUMED_LIMIT = 1000
_MOST_KEPT = 100_000
_MOST_TRIALS = 256
_LEAST_SHARE, _CAUTION = 0.25, 0.35  # of what is free, and of that in flight, when others use the bucket too
_SHORTEST_PAUSE, _LONGEST_PAUSE = 1.0, 300.0
_LONGEST_DOUBT, _LONGEST_RECOVERY = 10.0, 30.0
_OUTAGE = 10  # requests that said nothing, before it is doubted that the API counted them
_NAMED = 64  # times at which slots are free, in one `Wait`
_TOO_MANY, _SERVER_ERRORS = 429, 500
_RESERVE_KEPT = 3600.0  # seconds for which a reserve holds that no process names any more


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


class Rules:
    """One bucket, within a transaction."""

    def __init__(  # noqa: D417  the rest is plain
        self, db: sqlite3.Connection, bucket: str, facts: Facts, now: float, timing: Timing, rng: random.Random
    ) -> None:
        """Bring the bucket to the time ``now``."""
        self._db, self._bucket, self.facts, self._now = db, bucket, facts, now
        self._timing, self._rng = timing, rng
        facts.latest = max(now, facts.latest)
        self._roll()

    # What the ledger is called for

    def take(self, share: str, holder: str, reserve: dict[str, float], *, hurry: bool) -> Slot | Wait:
        """Grant a slot, or return when one can be had."""
        facts, now = self.facts, self._now
        self._note_reserve(reserve)
        facts.trials = [trial for trial in facts.trials if trial[1] > now]
        kept = self._kept_for_others(share)
        is_trial = facts.state != State.OPEN.value or facts.free < 1
        if is_trial:
            is_granted = self._may_try()
        else:
            is_granted = facts.free - kept >= 1 and (hurry or self._is_fair())
        if not is_granted:
            return self._wait(share, kept)
        slot = Slot(
            bucket=self._bucket,
            id=str(self._insert(share, holder)),
            life=facts.life,
            taken_at=now,
            epoch=facts.epoch,
            void=facts.void,
            settled=facts.settled,
            gone=facts.gone,
        )
        if is_trial:
            facts.trials.append((int(slot.id), now + SLOW))
        return slot

    def settle(self, slot: Slot, settlement: Settlement) -> None:
        """Record the end of a slot, and learn from it."""
        facts = self.facts
        row = self._row(slot) if slot.life == facts.life else None
        is_current = slot.epoch == facts.epoch or slot.life != facts.life
        is_trial = any(str(number) == slot.id for number, _ in facts.trials) and slot.life == facts.life
        if is_trial:
            facts.trials = [trial for trial in facts.trials if str(trial[0]) != slot.id]
        match settlement.kind:
            case "unsent":
                self._remove(row)
            case "lost":
                self._complete(row, counted=False)
                self._learned_nothing(is_trial=is_trial, failed=True, is_current=is_current)
            case _:
                self._learn(slot, row, settlement, is_trial=is_trial, is_current=is_current)

    # Responses

    def _learn(
        self, slot: Slot, row: tuple[int, str, bool, bool] | None, told: Settlement, *, is_trial: bool, is_current: bool
    ) -> None:
        facts = self.facts
        if told.limit:
            facts.is_stable = told.limit == facts.limit or not facts.limit
            facts.limit = told.limit
        if told.status == _TOO_MANY:
            self._remove(row)
            self._close(told.retry_after, is_current=is_current)
            return
        says = bool(told.limit) or (told.remaining is not None and facts.limit > 0)
        self._complete(row, counted=says)
        most = min(max(facts.limit, _ASSUMED_LIMIT), _MOST_KEPT)
        if facts.rows - facts.air > most:
            self._forget(1)
        if told.remaining is not None and facts.limit and is_current and facts.is_stable:
            self._compare(slot, facts.limit - told.remaining, is_known=row is not None)
        if told.status >= _SERVER_ERRORS or not says:
            failed = told.status >= _SERVER_ERRORS
            self._learned_nothing(is_trial=is_trial, failed=failed, is_current=is_current)
        elif is_current:
            self._open()

    def _compare(self, slot: Slot, used: int, *, is_known: bool) -> None:
        """Compare what the API counted with the ledger: the rest are others, or were forgotten."""
        facts = self.facts
        perhaps_gone = facts.gone + self._count("taken <= ?", self._now - self._timing.window)
        if is_known:
            most = facts.gone + facts.rows - slot.gone
            least = max(0, slot.settled - perhaps_gone) + 1
        else:  # of a ledger that was wiped since
            most, least = facts.gone + facts.rows, 0
        if used < least:
            self._forget(least - used)
        self._observe(used - most, used - least, slot.taken_at)

    def _observe(self, least: int, most: int, sent_at: float) -> None:
        """Learn that others have from ``least`` to ``most`` requests in the window."""
        facts = self.facts
        if least <= 0 and most >= facts.foreign:
            return
        proven, lowered = facts.others, None
        while proven and proven[0][1] > most and proven[0][0] <= sent_at:  # what was proven later stays
            lowered = proven.pop(0)[0]
        if lowered is not None and most > facts.foreign:
            proven.insert(0, (lowered, most))
        while proven and proven[-1][1] <= least:
            proven.pop()
        if least > 0:
            proven.append((self._now, least))

    def _open(self) -> None:
        """Open the window, or keep it open: a response says how much is free."""
        facts = self.facts
        if facts.state != State.OPEN.value:
            facts.state, facts.width, facts.rejections, facts.trials = State.OPEN.value, 1, 0, []
        facts.told_at, facts.silent = self._now, facts.lost
        if facts.free < 0:  # more was granted than there is
            facts.void += 1
        if facts.is_in_doubt:
            facts.trial_at = self._now + self._gap() * self._rng.uniform(0.5, 1.5)

    def _learned_nothing(self, *, is_trial: bool, failed: bool, is_current: bool) -> None:
        """Go on after a request that said nothing of the bucket: none opens the window, each trial is replaced."""
        facts = self.facts
        facts.silent += 1
        is_half_open = facts.state == State.HALF_OPEN.value
        if facts.state == State.UNKNOWN.value or (is_half_open and is_current and not failed):
            facts.width = min(2 * facts.width, _MOST_TRIALS)
        elif is_trial or facts.state == State.OPEN.value:
            pause = min(self._gap(), _LONGEST_RECOVERY) * self._rng.uniform(0.5, 1.5)
            facts.trial_at = max(facts.trial_at, self._now + max(_SHORTEST_PAUSE, pause))

    def _close(self, retry_after: float | None, *, is_current: bool) -> None:
        """Close the window after a 429, for all."""
        facts = self.facts
        if is_current:  # the others of a burst say the same once more
            facts.rejections += 1
            facts.spread = self._rng.random()
        until = self._now + self._pause(retry_after)
        facts.trial_at = max(facts.trial_at, until) if facts.state == State.HALF_OPEN.value else until
        facts.state, facts.width, facts.trials = State.HALF_OPEN.value, 1, []
        facts.epoch += 1
        facts.void += 1

    def _pause(self, retry_after: float | None) -> float:
        """Return the seconds to wait after a 429: what it says, and more when that did not help."""
        facts, gap, window = self.facts, self._gap(), self._timing.window
        row = min(facts.rejections, 20)
        longest = min(window, max(_LONGEST_PAUSE, 8 * gap))
        frees = self._frees(1)
        if frees:
            longest = min(longest, frees[0])
        if retry_after is None:
            return max(_SHORTEST_PAUSE, min(longest, gap * 2.0**row * (0.5 + facts.spread / 2)))
        pause = max(retry_after, _SHORTEST_PAUSE)
        if row > 2:  # noqa: PLR2004  once may be bad luck beside others, twice too
            pause = max(pause, min(longest, gap * 2.0 ** (row - 3)))
        return min(window, pause + facts.spread * min(2.0, 0.05 * pause))

    # Slots

    def _may_try(self) -> bool:
        facts = self.facts
        if self._now < facts.trial_at or (facts.state == State.OPEN.value and not facts.is_in_doubt):
            return False
        return len(facts.trials) < facts.width

    def _is_fair(self) -> bool:
        """Return whether one more request in flight leaves others their share of what is free."""
        facts = self.facts
        if not facts.foreign:
            return True
        own = facts.rows - facts.air
        share = max(_LEAST_SHARE, own / (own + facts.foreign))
        return facts.air < max(1.0, _CAUTION * share * (facts.free + facts.air))

    def _gap(self) -> float:
        """Return the mean seconds between two requests that leave the window."""
        gap = self._timing.window / (self.facts.limit or _ASSUMED_LIMIT)
        return gap if self.facts.is_stable else min(gap, _LONGEST_DOUBT)

    def _wait(self, share: str, kept: int) -> Wait:
        facts, now = self.facts, self._now
        is_half_open = facts.state == State.HALF_OPEN.value
        completed, is_open = facts.rows - facts.air, facts.state == State.OPEN.value
        doubt = is_open and facts.is_in_doubt
        unreserved = self._unreserved(share, kept + 1 - facts.free) if is_open and kept else 0.0
        return Wait(
            seconds=self._next_change(),
            state=State.CLOSED if is_half_open and now < facts.trial_at else State(facts.state),
            trial=facts.trial_at - now,
            free=facts.free - kept,
            in_flight=facts.air,
            completed=completed,
            in_doubt=doubt,
            learning=facts.air > 0 and (bool(facts.trials) or doubt or facts.told_at + self._timing.window < now),
            frees=self._frees(_NAMED) if is_open else (),
            unreserved=unreserved,
            window=self._timing.kept,
        )

    def _next_change(self) -> float:
        """Return the seconds until another request to the ledger may be granted."""
        facts, now = self.facts, self._now
        times = [facts.trial_at - now, *(until - now for _, until in facts.trials)]
        if facts.air:
            is_deciding = bool(facts.trials) or facts.state != State.OPEN.value or facts.free >= 1
            times.append(POLL if is_deciding else 1.0)
        if facts.state == State.OPEN.value:
            times += [*self._frees(1), *(at + self._timing.kept - now for at, _ in facts.others[:1])]
        return min([time for time in times if time > 0] + [LONGEST_POLL])

    # Shares

    def _note_reserve(self, reserve: dict[str, float]) -> None:
        """Note what is kept for shares: for all processes, until an hour after the last that named it."""
        noted, now = self.facts.reserve, self._now
        for share, part in reserve.items():
            noted[share] = (part, now)
        if any(seen + _RESERVE_KEPT < now for _, seen in noted.values()):
            self.facts.reserve = {share: entry for share, entry in noted.items() if entry[1] + _RESERVE_KEPT >= now}

    def _kept_for_others(self, share: str) -> int:
        facts = self.facts
        return sum(
            max(0, math.ceil(part * facts.limit) - facts.held.get(other, 0))
            for other, (part, _) in facts.reserve.items()
            if other != share
        )

    def _unreserved(self, share: str, count: int) -> float:
        """Return the seconds until so many complete requests have left that no other share keeps for itself."""
        others = [other for other in self.facts.reserve if other != share]
        row = self._db.execute(
            "SELECT expires FROM slot WHERE bucket = ? AND air IS NULL AND share NOT IN (SELECT value FROM json_each(?))"
            " ORDER BY expires LIMIT 1 OFFSET ?",
            (self._bucket, msgspec.json.encode(others).decode(), max(0, count - 1)),
        ).fetchone()
        return self._timing.window if row is None else row[0] - self._now

    # Rows

    def _roll(self) -> None:
        """Let requests leave the window, and holders die."""
        facts, now, bucket = self.facts, self._now, self._bucket
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
            "SELECT (SELECT min(expires) FROM slot WHERE bucket = ?1), (SELECT min(air) FROM slot WHERE bucket = ?1 AND"
            " air IS NOT NULL), (SELECT min(lost) FROM slot WHERE bucket = ?1 AND lost IS NOT NULL)",
            (bucket,),
        ).fetchone()
        facts.due = min((due for due in dues if due is not None), default=math.inf)
        if facts.due == math.inf:
            facts.due = now + WINDOW

    def _insert(self, share: str, holder: str) -> int:
        facts, dies = self.facts, self._now + self._timing.flight
        number = self._db.execute(
            "INSERT INTO slot (bucket, share, holder, taken, expires, air) VALUES (?, ?, ?, ?, ?, ?)",
            (self._bucket, share, holder, self._now, dies + self._timing.kept, dies),
        ).lastrowid
        facts.rows, facts.air, facts.due = facts.rows + 1, facts.air + 1, min(facts.due, dies)
        facts.held[share] = facts.held.get(share, 0) + 1
        return number or 0

    def _row(self, slot: Slot) -> tuple[int, str, bool, bool] | None:
        """Return the row of a slot: its number, its share, and whether it is in flight or lost."""
        found: tuple[int, str, bool, bool] | None = self._db.execute(
            "SELECT id, share, air IS NOT NULL, lost IS NOT NULL FROM slot WHERE id = ? AND bucket = ?",
            (int(slot.id), self._bucket),
        ).fetchone()
        return found

    def _remove(self, row: tuple[int, str, bool, bool] | None) -> None:
        """Drop a slot that the API did not count."""
        if row is None:
            return
        self._db.execute("DELETE FROM slot WHERE id = ?", (row[0],))
        self.facts.gone -= 1  # `_drop` counts it
        self._drop(row[1])
        self._leave(row)

    def _leave(self, row: tuple[int, str, bool, bool]) -> None:
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

    def _complete(self, row: tuple[int, str, bool, bool] | None, *, counted: bool) -> None:
        """Let a slot expire a window from now; ``counted`` says that the API surely counted it."""
        if row is None:
            return
        expires, late = self._now + self._timing.kept, None if counted else self._now + self._timing.late
        self._db.execute("UPDATE slot SET expires = ?, air = NULL, lost = ? WHERE id = ?", (expires, late, row[0]))
        self._leave(row)
        self.facts.lost += not counted
        self.facts.due = min(self.facts.due, expires if late is None else late)

    def _forget(self, count: int) -> None:
        """Drop so many of the oldest complete slots, which the API counts no longer."""
        oldest = self._db.execute(
            "SELECT id, share, 0, lost IS NOT NULL FROM slot WHERE bucket = ? AND air IS NULL ORDER BY expires LIMIT ?",
            (self._bucket, count),
        ).fetchall()
        for row in oldest:
            self._db.execute("DELETE FROM slot WHERE id = ?", (row[0],))
            self._drop(row[1])
            self._leave(row)

    def _frees(self, count: int) -> tuple[float, ...]:
        """Return the seconds until complete requests leave the window, of so many of them."""
        rows = self._db.execute(
            "SELECT expires FROM slot WHERE bucket = ? AND air IS NULL ORDER BY expires LIMIT ?", (self._bucket, count)
        )
        return tuple(expires - self._now for (expires,) in rows)

    def _count(self, where: str, value: float) -> int:
        row = self._db.execute(f"SELECT count(*) FROM slot WHERE bucket = ? AND {where}", (self._bucket, value))  # noqa: S608
        count: int = row.fetchone()[0]
        return count
