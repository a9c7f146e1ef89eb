"""A planner: the requests that a fleet costs, and how often it can be read within the rate limit."""

import math
from datetime import timedelta
from fractions import Fraction
from typing import Final, Self, cast

import attrs

from evenergy._codec import validate
from evenergy.errors import InvalidArgumentError

PAGE: Final = 100
"""Vehicles or logs: the most in one response."""
LIMIT: Final = 1000
"""Requests in a rolling hour: the API's default."""

_HOUR = timedelta(hours=1)
_MICROSECOND = timedelta(microseconds=1)
_HOUR_MICROS = _HOUR // _MICROSECOND


@attrs.frozen
class Plan:
    """The cost of runs at one interval.

    Attributes:
        requests: Requests of a run.
        an_hour: Requests an hour, on average.
        fits: True when each run ends before the next begins. It may wait for the rate limit meanwhile.
        takes: How long a run waits for the rate limit at least: zero for up to an hour's requests.
        shortest: The shortest interval at which no run waits. Where one run needs more than an hour's requests: the
            shortest at which each run ends before the next begins.
    """

    requests: int
    an_hour: float
    fits: bool
    takes: timedelta
    shortest: timedelta


def plan(
    vehicles: int,
    *,
    changed: float = 0,
    logs: float = 1,
    every: timedelta,
    within: timedelta = timedelta(0),
    limit: int | None = None,
) -> Plan:
    """Return the cost of runs of ``client.fleet.new_status_logs``.

    A run lists the fleet, 100 vehicles a request, and reads vehicles with news, 100 logs a request. It sends its
    requests in a burst, and the hour of the rate limit rolls.

    Args:
        vehicles: The size of the fleet.
        changed: Vehicles with news in a run: an ``int`` is their number, a ``float`` from 0 to 1 their share. With
            ``within`` it bounds the reads of a run, and 0 sets no bound.
        logs: Logs that the read of a vehicle brings, those of the lookback included.
        every: The interval between the beginnings of two runs.
        within: As in ``new_status_logs``: a vehicle is read at most once in this time.
        limit: Requests in a rolling hour. None: 1000, the API's default.

    Raises:
        InvalidArgumentError: An argument is out of its range.
    """
    cost, interval = _Cost.of(vehicles, changed, logs, within), _interval(every)
    limit = validate.positive_int("limit", LIMIT if limit is None else limit)
    requests = cost.of_run(interval)
    return Plan(
        requests=requests,
        an_hour=requests * _HOUR_MICROS / interval,
        # Proof: request n waits for request n - limit and an hour. So the last of run j ends m hours after one that is
        # m * limit requests older, for some m, and those were due floor(m * limit / requests) + 1 intervals before the
        # next run. That is later than m hours if, and for large m only if, an hour's requests are within the limit.
        fits=requests * _HOUR_MICROS <= limit * interval,
        takes=_HOUR * ((requests - 1) // limit),
        shortest=_shortest(cost, limit) * _MICROSECOND,
    )


@attrs.frozen
class _Cost:
    """The habits of a fleet. Times are microseconds."""

    sweep: int
    vehicles: int
    news: Fraction
    pages: int
    within: int

    @classmethod
    def of(cls, vehicles: int, changed: float, logs: float, within: timedelta) -> Self:
        """Return the habits that the arguments of `plan` describe."""
        if type(vehicles) is not int or vehicles < 0 or not isinstance(cast("object", logs), int | float) or logs < 0:
            raise InvalidArgumentError(f"expected vehicles and logs of zero or more, got {vehicles!r} and {logs!r}")
        return cls(
            sweep=max(1, -(-vehicles // PAGE)),
            vehicles=vehicles,
            news=_news(changed, vehicles),
            pages=max(1, math.ceil(logs / PAGE)),
            within=validate.duration("within", within, zero=True) // _MICROSECOND,
        )

    def of_run(self, interval: int) -> int:
        """Return the requests of a run, on average and rounded up."""
        read = self.news
        if self.within:
            once_within = Fraction(self.vehicles * interval, max(self.within, interval))
            read = min(read, once_within) if read else once_within
        return self.sweep + math.ceil(read * self.pages)


def _interval(every: timedelta) -> int:
    return validate.duration("every", every) // _MICROSECOND


def _news(changed: float, vehicles: int) -> Fraction:
    """Return the vehicles with news in a run. A share counts as it is written: 0.07 of 100 vehicles are 7."""
    share = isinstance(changed, float)
    if not (share or type(changed) is int) or not 0 <= changed <= (1 if share else vehicles):
        raise InvalidArgumentError(
            f"expected changed as a number of vehicles from 0 to {vehicles}, or as a share from 0.0 to 1.0,"
            f" got {changed!r}"
        )
    return Fraction(repr(changed)) * (vehicles if share else 1)


def _shortest(cost: _Cost, limit: int) -> int:
    """Return the shortest interval, in microseconds and rounded up: rounded down, an hour would hold one run more."""
    for runs in range(limit // cost.sweep, 0, -1):
        interval = -(-_HOUR_MICROS // runs)
        if runs * cost.of_run(interval) <= limit:
            return interval
    interval = _HOUR_MICROS
    while (needed := -(-cost.of_run(interval) * _HOUR_MICROS // limit)) > interval:
        interval = needed  # a longer interval has more to read; it ends, since there is no more than the fleet
    return interval
