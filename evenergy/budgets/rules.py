"""The rules of a ledger: the model of `evenergy._transport.rate_window`, over rows that a SQLite file holds.

`scripts.py` has the same rules in Lua, for Redis: whoever changes one changes both, and the tests of the laws run over
both. An entry is a slot. It expires a window after its response, since the API counted it before that; one whose holder
died expires a window after the latest time at which it can have been counted.
"""

import math
import random

from evenergy._transport.budget import Settlement, Slot, Wait
from evenergy._transport.window import SHORTEST_PAUSE, State, pause_after_rejection

from .slots import Facts, Row, Slots, Timing

SLOW = 30.0  # seconds after which a trial in flight holds up no other
CLOCK_STEP = 60.0  # seconds that the clock may be set back; further, and the ledger begins anew: the API knows
POLL = 0.05  # seconds until another look, while another process finds out whether there is room
LONGEST_POLL = 5.0
_ASSUMED_LIMIT = 1000
_MOST_KEPT = 100_000
_MOST_TRIALS = 256
_LEAST_SHARE, _CAUTION = 0.25, 0.35  # of what is free, and of that in flight, when others use the bucket too
_LONGEST_DOUBT, _LONGEST_RECOVERY = 10.0, 30.0
_NAMED = 64  # times at which slots are free, in one `Wait`
_TOO_MANY, _SERVER_ERRORS = 429, 500
_RESERVE_KEPT = 3600.0  # seconds for which a reserve holds that no process names any more


class Rules:
    """One bucket, within a transaction."""

    def __init__(self, slots: Slots, now: float, timing: Timing, rng: random.Random) -> None:
        self.facts: Facts = slots.facts
        self._slots, self._now, self._timing, self._rng = slots, now, timing, rng
        self.facts.latest = max(now, self.facts.latest)
        slots.roll()

    # What the ledger is called for

    def take(self, share: str, holder: str, reserve: dict[str, float], *, hurry: bool) -> Slot | Wait:
        """Grant a slot, or return when one can be had."""
        facts, now = self.facts, self._now
        self._note_reserve(reserve)
        facts.trials = [trial for trial in facts.trials if trial[1] > now]
        kept = self._kept_for_others(share)
        is_trial = facts.state != State.OPEN.value or facts.free < 1
        has_room = facts.free - kept >= 1 and (hurry or self._is_fair())
        if not (self._may_try() if is_trial else has_room):
            return self._wait(share, holder, kept)
        facts.visits.pop(holder, None)
        slot = Slot(
            bucket=self._slots.bucket,
            id=str(self._slots.insert(share, holder)),
            life=facts.life,
            taken_at=now,
            epoch=facts.epoch,
            void=facts.void,
            settled=facts.settled,
            gone=facts.gone,
        )
        if is_trial:
            facts.trials.append((int(slot.id), now + min(SLOW, self._timing.flight)))
        return slot

    def settle(self, slot: Slot, settlement: Settlement) -> None:
        """Record the end of a slot, and learn from it."""
        facts = self.facts
        row = self._slots.row(slot) if slot.life == facts.life else None
        is_current = slot.epoch == facts.epoch or slot.life != facts.life
        is_trial = any(str(number) == slot.id for number, _ in facts.trials) and slot.life == facts.life
        if is_trial:
            facts.trials = [trial for trial in facts.trials if str(trial[0]) != slot.id]
        match settlement.kind:
            case "unsent":
                self._slots.remove(row)
            case "lost":
                self._slots.complete(row, counted=False)
                self._learned_nothing(is_trial=is_trial, failed=True, is_current=is_current)
            case _:
                self._learn(slot, row, settlement, is_trial=is_trial, is_current=is_current)

    # Responses

    def _learn(self, slot: Slot, row: Row | None, told: Settlement, *, is_trial: bool, is_current: bool) -> None:
        facts = self.facts
        if told.limit:
            facts.is_stable = told.limit == facts.limit or not facts.limit
            facts.limit = told.limit
        if told.status == _TOO_MANY:
            self._slots.remove(row)
            self._close(told.retry_after, is_current=is_current)
            return
        says = bool(told.limit) or (told.remaining is not None and facts.limit > 0)
        self._slots.complete(row, counted=says)
        most = min(max(facts.limit, _ASSUMED_LIMIT), _MOST_KEPT)
        if facts.rows - facts.air > most:
            self._slots.forget(1)
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
        perhaps_gone = facts.gone + self._slots.taken_before(self._now - self._timing.window)
        if is_known:
            most = facts.gone + facts.rows - slot.gone
            least = max(0, slot.settled - perhaps_gone) + 1
        else:  # of a ledger that was wiped since
            most, least = facts.gone + facts.rows, 0
        if used < least:
            self._slots.forget(least - used)
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
            facts.trial_at = max(facts.trial_at, self._now + max(SHORTEST_PAUSE, pause))

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
        frees = self._slots.frees(1)
        return pause_after_rejection(
            retry_after,
            self.facts.rejections,
            gap=self._gap(),
            spread=self.facts.spread,
            window=self._timing.window,
            frees_in=frees[0] if frees else None,
        )

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

    def _wait(self, share: str, holder: str, kept: int) -> Wait:
        facts, now = self.facts, self._now
        is_half_open = facts.state == State.HALF_OPEN.value
        completed, is_open = facts.rows - facts.air, facts.state == State.OPEN.value
        doubt = is_open and facts.is_in_doubt
        unreserved = self._slots.unreserved(share, kept + 1 - facts.free) if is_open and kept else 0.0
        return Wait(
            seconds=self._next_change(holder),
            state=State.CLOSED if is_half_open and now < facts.trial_at else State(facts.state),
            trial=facts.trial_at - now,
            free=facts.free - kept,
            in_flight=facts.air,
            completed=completed,
            in_doubt=doubt,
            learning=facts.air > 0 and (bool(facts.trials) or doubt or facts.told_at + self._timing.window < now),
            frees=self._slots.frees(_NAMED) if is_open else (),
            unreserved=unreserved,
            window=self._timing.kept,
        )

    def _visit(self, holder: str) -> list[float]:
        """Return the seconds until a complete request leaves for which no other holder comes, if any."""
        visits = self.facts.visits = {one: at for one, at in self.facts.visits.items() if at > self._now}
        if holder not in visits:
            frees = self._slots.frees(len(visits) + 1)
            if not frees:
                return []
            visits[holder] = self._now + frees[-1]
        return [visits[holder] - self._now]

    def _next_change(self, holder: str) -> float:
        """Return the seconds until another request to the ledger may be granted."""
        facts, now = self.facts, self._now
        times = [facts.trial_at - now, *(until - now for _, until in facts.trials)]
        if facts.air:
            is_deciding = bool(facts.trials) or facts.state != State.OPEN.value or facts.free >= 1
            times.append(POLL if is_deciding else 1.0)
        if facts.state == State.OPEN.value:
            times += [*self._visit(holder), *(at + self._timing.kept - now for at, _ in facts.others[:1])]
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
