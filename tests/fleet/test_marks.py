"""Marks of single vehicles: what is delivered, what stays to be read, and how a mark is written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings, strategies as st

from evenergy import EvEnergyError, InvalidArgumentError
from evenergy.fleet.marks import (
    ABSENT,
    BLIND,
    END,
    HOUR,
    Gap,
    Log,
    LogPage,
    Mark,
    log_of,
    micros,
    moment,
    parse_position,
    position_text,
)

NOW = micros(datetime(2026, 11, 25, 10, tzinfo=UTC))
LOOKBACK = 6 * HOUR

patient = settings(deadline=None)  # a busy machine is no failure


def log(key: int, logged: int | None = None) -> Log[int]:
    return Log(key, key if logged is None else logged, key)


def page(*keys: int, more: bool = False) -> LogPage[int]:
    return LogPage([log(key) for key in keys], more)


def keys(logs: list[Log[int]]) -> list[int]:
    return [one.key for one in logs]


class TestTimes:
    def test_a_time_survives_to_the_microsecond(self) -> None:
        time = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
        assert moment(micros(time)) == time
        assert moment(micros(datetime(1, 1, 1, tzinfo=UTC))) == datetime(1, 1, 1, tzinfo=UTC)
        assert micros(datetime(1970, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))) == 0

    def test_the_key_is_the_time_of_the_sample(self) -> None:
        sampled, logged = moment(NOW), moment(NOW + 5)
        found = log_of("x", sampled_at=sampled, logged_at=logged, url="https://x.test/status_logs/2020-01-01T00:00:00Z")
        assert found == Log(NOW, NOW + 5, "x")

    @pytest.mark.parametrize(
        "url",
        [
            "https://x.test/v2/vehicles/v/status_logs/2026-11-25T10:00:00.5Z",
            "https://x.test/v2/vehicles/v/status_logs/2026-11-25T10:00:00.500000Z/",
            "https://x.test/v2/vehicles/v/status_logs/2026-11-25T11%3A00%3A00.5%2B01%3A00?expand=vehicle",
            "/status_logs/2026-11-25T10:00:00.5",
        ],
    )
    def test_without_a_sample_time_the_url_tells_the_key(self, url: str) -> None:
        found = log_of(None, sampled_at=None, logged_at=None, url=url)
        assert found is not None
        assert found.key == found.logged == NOW + 500_000

    @pytest.mark.parametrize(
        "url", [None, "", "https://x.test/vehicles/vhcl01", "/0001-01-01T00:00:00+14:00", "/2026-13-01T00:00:00Z"]
    )
    def test_a_log_without_a_key_is_none(self, url: str | None) -> None:
        assert log_of(None, sampled_at=None, logged_at=moment(NOW), url=url) is None


class TestFirstSight:
    def test_without_since_the_newest_log_comes_and_nothing_is_read(self) -> None:
        mark, logs = Mark.first(log(NOW - 5), None, NOW)
        assert keys(logs) == [NOW - 5]
        assert mark == Mark(NOW - 5, NOW - 6, latest=NOW - 5, seen=frozenset({NOW - 5}))
        assert not mark.due(NOW, 0)

    def test_with_since_the_history_is_read(self) -> None:
        mark, logs = Mark.first(log(NOW - 5), NOW - 100, NOW)
        assert keys(logs) == [NOW - 5]
        assert mark.due(NOW, 0)
        assert mark.top() == Gap(NOW - 101, END)

    def test_a_newest_log_before_since_is_not_wanted(self) -> None:
        mark, logs = Mark.first(log(NOW - 500), NOW - 100, NOW)
        assert (mark, logs) == (Mark(NOW - 100, NOW - 101), [])

    def test_a_vehicle_dated_ahead_is_wanted_from_now_on_and_read_each_hour(self) -> None:
        mark, logs = Mark.first(log(NOW + 900 * HOUR, NOW - 7), None, NOW)
        assert keys(logs) == [NOW + 900 * HOUR]
        assert (mark.since, mark.moved) == (NOW, NOW + BLIND)


class TestNotice:
    mark = Mark(NOW - 1000, NOW - 500, latest=NOW - 100, seen=frozenset({NOW - 100, NOW - 200}))

    @pytest.mark.parametrize("key", [NOW - 100, NOW - 200, NOW - 1001])
    def test_no_news(self, key: int) -> None:
        assert self.mark.notice(log(key), NOW) == (self.mark, [])

    def test_news_is_delivered_and_noted(self) -> None:
        mark, logs = self.mark.notice(log(NOW - 5), NOW)
        assert keys(logs) == [NOW - 5]
        assert (mark.latest, mark.moved, mark.seen) == (NOW - 5, NOW, self.mark.seen | {NOW - 5})

    def test_the_first_news_counts(self) -> None:
        mark, _ = self.mark.notice(log(NOW - 5), NOW)
        mark, _ = mark.notice(log(NOW - 4), NOW + HOUR)
        assert mark.moved == NOW

    def test_news_is_more_urgent_than_a_read_that_was_put_off(self) -> None:
        mark, _ = self.mark.notice(log(NOW - 5), NOW)
        mark, _ = mark.not_found(NOW).notice(log(NOW - 4), NOW + 60)
        assert mark.moved == NOW + 60

    def test_below_the_anchor_it_was_delivered_before(self) -> None:
        mark, logs = self.mark.notice(log(NOW - 700), NOW)
        assert logs == []
        assert (mark.latest, mark.moved) == (NOW - 700, None)

    def test_inside_a_gap_it_is_delivered_and_remembered(self) -> None:
        gap = Gap(NOW - 800, NOW - 600)
        old = Mark(NOW - 1000, NOW - 500, latest=NOW - 100, gaps=(gap,))
        mark, logs = old.notice(log(NOW - 700), NOW)
        assert keys(logs) == [NOW - 700]
        mark, logs = mark.accept(gap, page(NOW - 650, NOW - 700, NOW - 750), now=NOW, lookback=LOOKBACK)
        assert keys(logs) == [NOW - 650, NOW - 750]
        assert mark.gaps == ()

    def test_noticed_news_waits_within(self) -> None:
        mark, _ = self.mark.notice(log(NOW - 5), NOW)
        assert not mark.due(NOW + HOUR - 1, HOUR)
        assert mark.due(NOW + HOUR, HOUR)


class TestReads:
    def test_a_page_with_everything_leaves_nothing(self) -> None:
        mark, _ = Mark.first(log(90), 50, 100)
        mark, logs = mark.accept(mark.top(), page(90, 80, 60), now=100, lookback=15)
        assert keys(logs) == [80, 60]
        assert (mark.gaps, mark.moved, mark.stored) == ((), None, 90)
        # Stored 15 before the newest: it cannot be overtaken any more.
        assert mark.anchor == 60
        assert mark.seen == {80, 90}

    def test_the_logs_that_are_left_are_the_cursor(self) -> None:
        mark, _ = Mark.first(log(90), 50, 100)
        mark, logs = mark.accept(mark.top(), page(90, 80, 70, more=True), now=100, lookback=15)
        assert keys(logs) == [80, 70]
        assert mark.gaps == (Gap(49, 70),)
        assert mark.top() == Gap(70, END)  # the anchor is at 70, and the gap below it stays
        mark, logs = mark.accept(mark.gaps[0], page(60, 50), now=100, lookback=15)
        assert (keys(logs), mark.gaps) == ([60, 50], ())

    def test_a_read_from_the_top_begins_one_below_the_newest_gaps_end(self) -> None:
        mark = Mark(50, 49, gaps=(Gap(59, 70), Gap(49, 60)))
        assert mark.top() == Gap(69, END)

    def test_the_api_may_send_more_than_was_requested(self) -> None:
        mark = Mark(50, 80, gaps=(Gap(49, 70),))
        mark, logs = mark.accept(mark.gaps[0], page(75, 70, 60, 49, 40, more=True), now=100, lookback=15)
        assert keys(logs) == [60]
        assert mark.gaps == ()  # the page goes beyond its lower end

    def test_the_anchor_follows_neither_a_wrong_clock_nor_a_gap(self) -> None:
        mark = Mark(0, -1, stored=100, gaps=(Gap(-1, 90),))
        mark, _ = mark.accept(mark.gaps[0], LogPage([log(80, 20), log(30, 25)], more=False), now=100, lookback=50)
        assert (mark.anchor, mark.stored) == (25, 100)

    def test_a_read_that_shows_a_time_ahead_is_repeated_each_hour(self) -> None:
        mark, _ = Mark.first(log(200, 90), 50, 100)
        mark, _ = mark.accept(mark.top(), LogPage([log(200, 90), log(80)], more=False), now=100, lookback=15)
        assert mark.moved == 100 + BLIND
        # Not ahead of the clock there, whatever the clock here says:
        mark, _ = mark.accept(mark.top(), LogPage([log(200, 90), log(150, 210)], more=False), now=100, lookback=15)
        assert mark.moved is None

    def test_a_page_that_leads_nowhere_leaves_the_whole_gap(self) -> None:
        gap = Gap(50, 70)
        assert page(90, 80, 70, more=True).rest(gap) == gap
        assert page(more=True).rest(gap) == gap
        assert page(more=False).rest(gap) is None
        assert page(51, more=True).rest(gap) is None
        assert page(52, more=True).rest(gap) == Gap(50, 52)

    def test_a_vehicle_that_is_not_found_waits_a_day_if_it_has_news(self) -> None:
        quiet = Mark(50, 49)
        assert quiet.not_found(100) is quiet
        assert Mark(50, 49, moved=90).not_found(100).moved == 100 + ABSENT


class TestEarlier:
    def test_later_is_no_change(self) -> None:
        mark = Mark(50, 60)
        assert mark.earlier(50) is mark
        assert mark.earlier(55) is mark

    def test_earlier_adds_a_gap_up_to_the_old_end(self) -> None:
        assert Mark(50, 60).earlier(20) == Mark(20, 60, gaps=(Gap(19, 50),))

    def test_before_anything_is_settled_the_anchor_goes_down_too(self) -> None:
        mark = Mark(50, 49).earlier(20)
        assert (mark.anchor, mark.top()) == (19, Gap(49, END))  # the log at the old since itself is read from the top

    def test_twice(self) -> None:
        assert Mark(50, 60).earlier(20).earlier(10).gaps == (Gap(19, 50), Gap(9, 20))


@patient
@given(low=st.integers(-100, 100), width=st.integers(4, 1000))
def test_halves_of_a_gap_hold_the_same_keys_once(low: int, width: int) -> None:
    gap = Gap(low, low + width)
    high_half, low_half = Mark(0, 0, gaps=(gap,)).cut(gap).gaps
    for key in range(low - 1, low + width + 2):
        assert high_half.holds(key) + low_half.holds(key) == gap.holds(key)


TIMES = st.integers(micros(datetime(1, 1, 2, tzinfo=UTC)), micros(datetime(9999, 12, 1, tzinfo=UTC)))


@st.composite
def marks(draw: st.DrawFn) -> Mark:
    since = draw(TIMES)
    anchor = draw(st.integers(since - 1, since + 10**12))
    ends = sorted(draw(st.sets(st.integers(since, since + 10**12), max_size=6)))
    gaps = [Gap(low, high) for low, high in zip(ends[::2], ends[1::2], strict=False) if high - low > 1]
    return Mark(
        since=since,
        anchor=anchor,
        stored=draw(TIMES),
        latest=draw(st.none() | TIMES),
        moved=draw(st.none() | TIMES),
        seen=draw(st.frozensets(TIMES, max_size=5)),
        gaps=tuple(gaps[::-1]),
    )


class TestText:
    @patient
    @given(marks())
    def test_a_mark_survives(self, mark: Mark) -> None:
        text = mark.text()
        assert Mark.parse("vhcl1", text) == mark
        assert text.isascii()
        assert "\n" not in text

    @patient
    @given(st.none() | st.text(st.characters(exclude_categories=["Cs"])))
    def test_a_position_survives(self, url: str | None) -> None:
        assert parse_position(position_text(url)) == url

    @patient
    @given(st.text() | st.integers() | st.none() | st.binary() | st.recursive(st.integers(), st.lists).map(str))
    def test_anything_else_is_an_error_that_names_the_vehicle(self, text: object) -> None:
        with pytest.raises(InvalidArgumentError, match=r"the mark of vehicle 'vhcl1'"):
            Mark.parse("vhcl1", text)
        with pytest.raises(InvalidArgumentError, match="where the last sweep stopped"):
            parse_position(text)

    @patient
    @given(marks(), st.data())
    def test_a_damaged_mark_is_a_mark_or_an_error(self, mark: Mark, data: st.DataObject) -> None:
        text = mark.text()
        at = data.draw(st.integers(0, len(text) - 1))
        damaged = (
            text[:at] + data.draw(st.sampled_from(["", "-", "9", "[", "]", "null", ",", "x", "1e9"])) + text[at + 1 :]
        )
        try:
            found = Mark.parse("vhcl1", damaged)
        except EvEnergyError as error:
            assert isinstance(error, InvalidArgumentError)  # noqa: PT017  nothing else may come out
        else:
            for gap in (found.top(), *found.gaps):  # a time that no datetime has would fail here
                moment(gap.low + 1)
            assert Mark.parse("vhcl1", found.text()) == found

    @pytest.mark.parametrize(
        "text",
        [
            "[1,50,40,0,null,null,[],[]]",  # the anchor before the range
            "[1,50,60,0,null,null,[],[[55,56]]]",  # a gap that holds nothing
            "[1,50,60,0,null,null,[],[[50,55],[55,60]]]",  # the oldest gap first
            "[1,50,60,0,null,null,[999999999999999999],[]]",  # beyond the calendar
            "[1,50,60,0,true,null,[],[]]",
            "[0,50,60,0,null,null,[],[]]",
            "[1,50,60]",
            "[" * 100_000,
            "\ud800",
        ],
    )
    def test_no_mark(self, text: str) -> None:
        with pytest.raises(InvalidArgumentError) as caught:
            Mark.parse("vhcl1", text)
        assert len(str(caught.value)) < 400
        assert "remove its key to begin anew" in str(caught.value)

    def test_a_newer_version_says_so(self) -> None:
        with pytest.raises(InvalidArgumentError, match=r"vehicle 'vhcl1' was written by a newer version .*upgrade"):
            Mark.parse("vhcl1", '[2,{"whatever":1}]')
        with pytest.raises(InvalidArgumentError, match="newer version"):
            parse_position("[12]")

    def test_a_mark_of_a_usual_vehicle_is_short(self) -> None:
        """53 logs a day, read with a lookback of 6 hours, while one gap is open."""
        step = 24 * HOUR // 53
        day = [NOW - number * step - number * 7919 for number in range(100)]
        mark, _ = Mark.first(log(day[0]), NOW - 9000 * HOUR, NOW)
        mark, _ = mark.accept(mark.top(), page(*day, more=True), now=NOW, lookback=LOOKBACK)
        assert len(mark.seen) >= 13
        assert len(mark.text()) <= 350
