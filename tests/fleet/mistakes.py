"""Mistakes to put into the code of marks and runs. Each of them must be found by a simulation."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Literal, TypeAlias

import attrs
import pytest

import evenergy.fleet.marks
import evenergy.fleet.run
from tests.fleet.simulation import Engine

SOURCES = {
    name: Path(module.__file__ or "").read_text(encoding="utf-8")
    for name, module in (("marks", evenergy.fleet.marks), ("run", evenergy.fleet.run))
}


Simulation: TypeAlias = Literal["worlds", "load", "nights", "clocks"]


@attrs.frozen
class Mistake:
    """Replacements in the source.

    Attributes:
        name: The rule that is broken.
        edits: Module, text, and the text in its place.
        found_by: The simulation that finds it.
    """

    name: str
    edits: tuple[tuple[Literal["marks", "run"], str, str], ...]
    found_by: Simulation = "worlds"


def marks(name: str, old: str, new: str, found_by: Simulation = "worlds") -> Mistake:
    """Return a mistake in the rules of one vehicle."""
    return Mistake(name, (("marks", old, new),), found_by)


def run(name: str, old: str, new: str, found_by: Simulation = "worlds") -> Mistake:
    """Return a mistake in the decisions of a run."""
    return Mistake(name, (("run", old, new),), found_by)


def engine_with(mistake: Mistake, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Return the code with a mistake in it."""
    sources = dict(SOURCES)
    for module, old, new in mistake.edits:
        assert sources[module].count(old) == 1, f"{sources[module].count(old)} places in {module}.py for {old!r}"
        sources[module] = sources[module].replace(old, new)
    monkeypatch.setitem(sys.modules, "mistaken", ModuleType("mistaken"))
    made: dict[str, ModuleType] = {}
    for name, source in sources.items():
        made[name] = ModuleType(f"mistaken.{name}")
        made[name].__package__ = "mistaken"
        monkeypatch.setitem(sys.modules, f"mistaken.{name}", made[name])
        exec(compile(source, f"{name}.py with {mistake.name}", "exec"), vars(made[name]))  # noqa: S102  our own source
    return Engine(made["run"].SyncRun, made["marks"].Mark, made["marks"].LogPage)


MISTAKES = (
    # The rules of a vehicle, as the study lists them
    marks(
        "delivered keys inside gaps are forgotten",
        "if key > anchor or any(other.holds(key) for other in gaps)",
        "if key > anchor",
    ),
    marks(
        "the anchor trusts sampled_at alone", "old = (min(log.key, log.logged) for log in", "old = (log.key for log in"
    ),
    marks(
        "the lookback counts from the newest sample",
        "old = (min(log.key, log.logged) for log in inside.values() if log.logged <= stored - lookback)",
        "old = [min(max(inside), now) - lookback] if inside else []",
    ),
    Mistake(
        "no hourly read of vehicles dated ahead",
        (
            ("marks", "now + BLIND if ahead else None", "None"),
            ("marks", "moved=now + BLIND) if blind else self", "moved=now + BLIND) if False else self"),
        ),
    ),
    marks(
        "news is noted and moved not set",
        "moved = now if self.moved is None else min(self.moved, now)",
        "moved = self.moved",
    ),
    marks(
        "one gap is kept instead of all", "tuple(sorted(gaps, reverse=True))", "tuple(sorted(gaps, reverse=True)[:1])"
    ),
    marks("a gap ends one key lower", "return Gap(gap.low, oldest) if", "return Gap(gap.low, oldest - 1) if"),
    run("a read excludes its lower end twice", "moment(self.gap.low + 1)", "moment(self.gap.low + 2)"),
    marks(
        "the old end of since is forgotten", "Gap(since - 1, self.since))", "Gap(since - 1, (since + self.since) // 2))"
    ),
    marks("the top begins at a gap's end", "*(gap.high - 1 for gap in self.gaps)", "*(gap.high for gap in self.gaps)"),
    # More rules of a vehicle
    marks(
        "the top begins at the anchor, whatever gaps there are",
        "Gap(max([self.anchor, *(gap.high - 1 for gap in self.gaps)]), END)",
        "Gap(self.anchor, END)",
    ),
    run("a read excludes its upper end twice", "moment(self.gap.high - 1)", "moment(self.gap.high - 2)"),
    marks(
        "news with a greater key only", "if key == self.latest or key in self.seen:", "if key <= (self.latest or 0):"
    ),
    marks(
        "the newest log is left to the read",
        "return attrs.evolve(self, latest=key, moved=moved, seen=self.seen | {key}), [newest]",
        "return attrs.evolve(self, latest=key, moved=moved), []",
    ),
    marks(
        "the newest log is delivered and not remembered",
        "moved=moved, seen=self.seen | {key}), [newest]",
        "moved=moved), [newest]",
    ),
    marks(
        "what lies below the anchor is news",
        "if key <= self.anchor and not any(gap.holds(key) for gap in self.gaps):",
        "if False:",
    ),
    marks(
        "news replaces the time of older news with the future",
        "moved = now if self.moved is None else min(self.moved, now)",
        "moved = now + ABSENT * 9 if self.moved is None else self.moved",
    ),
    marks(
        "a new vehicle begins behind its first log",
        "return cls(since, since - 1).notice(newest, now)",
        "return cls(since, since).notice(newest, now)",
    ),
    marks(
        "a new vehicle dated ahead is wanted from then on",
        "since = min(newest.key, max(now, newest.logged))",
        "since = newest.key",
    ),
    marks(
        "more history: the anchor stays",
        "anchor = self.anchor if self.anchor >= self.since else since - 1",
        "anchor = self.anchor",
    ),
    marks(
        "more history: the range begins one later",
        "gaps=(*self.gaps, Gap(since - 1, self.since))",
        "gaps=(*self.gaps, Gap(since, self.since))",
    ),
    marks("the API's filter is trusted", "for log in page.logs if gap.holds(log.key)}", "for log in page.logs}"),
    marks(
        "what was seen is delivered again",
        "fresh = [log for key, log in inside.items() if key not in self.seen]",
        "fresh = list(inside.values())",
    ),
    marks("a page is delivered and not remembered", "for key in self.seen.union(inside)", "for key in self.seen"),
    marks("what is left of a gap is forgotten", "([] if rest is None else [rest])", "[]"),
    marks(
        "a gap is kept beside what is left of it",
        "[other for other in self.gaps if other != gap] +",
        "list(self.gaps) +",
    ),
    marks(
        "any read clears the news",
        "if gap.high == END:\n            newest_stored",
        "if True:\n            newest_stored",
    ),
    marks("no lookback", "if log.logged <= stored - lookback)", "if log.logged <= stored)"),
    marks("a next page is not looked at", "if not self.more:", "if True:"),
    marks("halves of a gap leave out the middle", "Gap(middle - 1, gap.high)", "Gap(middle, gap.high)"),
    marks("a time from a wrong clock is waited for", " or self.moved > now + ABSENT)", ")", "clocks"),
    marks(
        "a wrong clock hides that a vehicle is dated ahead",
        "moved=now + BLIND) if blind else self",
        "moved=now + BLIND) if False else self",
        "clocks",
    ),
    marks("a vehicle dated ahead waits for the run after the next", "now + BLIND if ahead else None", "None", "nights"),
    # The decisions of a run
    run(
        "a read from the top does not wait for that of a gap above the anchor",
        "vehicle_id not in self._exclusive and vehicle_id not in self._failed",
        "vehicle_id not in self._failed",
    ),
    run(
        "a gap above the anchor does not wait for the read from the top",
        "gap == mark.gaps[0] and vehicle_id not in self._exclusive",
        "gap == mark.gaps[0]",
    ),
    run(
        "older gaps above the anchor come first",
        "if mark.settled(gap) or (gap == mark.gaps[0] and",
        "if mark.settled(gap) or (gap == mark.gaps[-1] and",
    ),
    run(
        "history of vehicles that vanished is read", "if vehicle_id in self._listed:  # history", "if True:  # history"
    ),
    run("reads go by the order of the list", "(mark.moved, vehicle_id))", "(0, vehicle_id))", "load"),
    run(
        "news always comes before history",
        "history_first = self._turn % SHARE == SHARE - 1",
        "history_first = False",
        "load",
    ),
    run("each run begins with the same turn", "random.Random(options.now).randrange(SHARE)", "0", "load"),
    run(
        "a sweep takes the whole budget",
        "max(1, self._budget // 2) if reads_wait else self._budget",
        "self._budget",
        "load",
    ),
    run(
        "each sweep begins with the first vehicle",
        "self.next_url = self._position\n\n    @property",
        "self.next_url = None\n\n    @property",
        "load",
    ),
    run("the place where a sweep stopped is not kept", "if self.next_url != self._position:", "if False:", "load"),
    run(
        "the place where a sweep stopped stays after it went on to the end",
        "if self.next_url != self._position:",
        "if self.next_url is not None:",
    ),
    run(
        "retries cost nothing",
        "        self.requests += 1\n        return True\n\n    def take_logs",
        "        return True\n\n    def take_logs",
    ),
    run(
        "retries exceed the budget",
        "if self.requests >= self._budget:\n            return False",
        "if False:\n            return False",
    ),
    run("reads exceed the budget", "if self._rejected or self.requests >= self._budget:", "if self._rejected:"),
    run(
        "a sweep that is cut short never ends",
        "if next_url is None or self.requests >= self._sweep_budget:",
        "if next_url is None:",
        "load",
    ),
    run(
        "a vehicle that was not found is asked for again",
        "self._finish(read)\n        self._failed.add(read.vehicle_id)",
        "self._finish(read)\n        self._enqueue(read.vehicle_id)",
    ),
    run(
        "a read is not queued again when the one before has ended",
        "self._replace(read.vehicle_id, mark, fresh, changes)\n        self._enqueue(read.vehicle_id)",
        "self._replace(read.vehicle_id, mark, fresh, changes)",
    ),
)
