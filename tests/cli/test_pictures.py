"""Pictures: their series, their files, and their characters."""

from __future__ import annotations

import struct
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from evenergy import ChargingSubSession, EvEnergyError, VehicleStatusLog
from evenergy.cli.pictures import blocks, series
from evenergy.cli.pictures.energy import by_day, plot_energy
from evenergy.cli.pictures.heat import heat_map
from evenergy.cli.pictures.logs import plot_logs
from evenergy.cli.pictures.picture import Picture, rounded_up, zone_names
from evenergy.sandbox import Sandbox
from tests.cli.shell import ended

SINCE = datetime(2026, 3, 28, 12, tzinfo=UTC)
UNTIL = datetime(2026, 3, 29, 12, tzinfo=UTC)
CHANGE = datetime(2026, 3, 29, 1, tzinfo=UTC)  # of the clocks in London


@pytest.fixture
def in_london(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if not hasattr(time, "tzset"):
        pytest.skip("Windows takes its time zone from elsewhere")
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/London")
        time.tzset()
        yield
    time.tzset()


def log(
    minutes: float, charge: int | None = 50, *, vehicle: str = "v1", plugged: bool | None = None
) -> VehicleStatusLog:
    return VehicleStatusLog(
        vehicle=f"https://api.example/v2/vehicles/{vehicle}",
        sampled_at=SINCE + timedelta(minutes=minutes),
        state_of_charge_percentage=charge,
        is_plugged_in=plugged,
        charge_rate_watts=7000 if plugged else 0,
    )


def at(minutes: float) -> datetime:
    return SINCE + timedelta(minutes=minutes)


def charge(one: VehicleStatusLog) -> float | None:
    return one.state_of_charge_percentage


def test_a_line_is_cut_where_a_vehicle_was_silent() -> None:
    logs = [log(0, 10), log(30, 20), log(60, None), log(90, 30), log(600, 40)]
    assert series.segments(logs, charge) == [
        [(at(0), 10), (at(30), 20), (at(90), 30)],
        [(at(600), 40)],
    ]


def test_a_slow_reporter_has_no_gaps() -> None:
    logs = [log(120 * hour, hour) for hour in range(10)]
    assert len(series.segments(logs, charge)) == 1


def test_a_band_ends_with_the_next_log_or_in_a_gap() -> None:
    logs = [log(0, plugged=True), log(30, plugged=True), log(60, plugged=False), log(90, plugged=True)]
    logs += [log(900, plugged=False), log(930, plugged=True)]
    found = series.bands(logs, lambda one: one.is_plugged_in)
    assert found == [(at(0), at(60)), (at(90), at(90) + series.gap_of(logs))]


def test_a_grid_holds_what_is_known() -> None:
    logs = [log(0, 10), log(30, 20), log(60, 30), log(840, 90), log(-60, 5)]
    rows = series.grid([sorted(logs, key=lambda one: one.sampled_at or SINCE), []], SINCE, UNTIL, 24)
    assert rows[0][:3] == [20, 30, None]
    assert rows[0][14] == 90
    assert rows[1] == [None] * 24


def test_vehicles_without_logs_are_there() -> None:
    found = series.by_vehicle([log(5), log(0), log(3, vehicle="v3")], ["https://api.example/v2/vehicles/v1", "v2"])
    assert [(name, [one.sampled_at for one in logs]) for name, logs in found.items()] == [
        ("v1", [at(0), at(5)]),
        ("v2", []),
        ("v3", [at(3)]),
    ]


def session(start: datetime, watt_hours: int | None, mode: str | None = "SMART") -> ChargingSubSession:
    from evenergy import ChargingMode  # noqa: PLC0415  an enumeration of the API

    kind = None if mode is None else ChargingMode(mode)
    return ChargingSubSession(id="s", start=start, energy_delivered_watt_hours=watt_hours, mode=kind)


def test_days_are_local_across_a_change_of_the_clocks(in_london: None) -> None:
    late, early = CHANGE.replace(day=28, hour=23, minute=30), CHANGE.replace(hour=23, minute=30)
    found = by_day(
        [session(late, 1000), session(early, 2000), session(early, None)], date(2026, 3, 28), date(2026, 3, 30)
    )
    assert {day: sum(parts.values()) for day, parts in found.items()} == {
        date(2026, 3, 28): 1.0,
        date(2026, 3, 29): 0.0,
        date(2026, 3, 30): 2.0,
    }
    assert zone_names(SINCE, UNTIL) == "GMT, then BST"
    assert zone_names(SINCE, SINCE) == "GMT"
    assert zone_names(SINCE, SINCE + timedelta(days=360)) == "GMT and BST"


LONG = "vhcl01HK153X00HH2XJQ67072B9HJR"

PICTURES = {
    "real id": lambda: plot_logs([log(20 * n, vehicle=LONG) for n in range(60)], [LONG], SINCE, UNTIL),
    "one": lambda: plot_logs([log(20 * n, 50 + n % 30, plugged=n % 3 == 0) for n in range(60)], ["v1"], SINCE, UNTIL),
    "three": lambda: plot_logs([log(9 * n, vehicle=f"v{n % 3}") for n in range(90)], ["v0", "v1", "v2"], SINCE, UNTIL),
    "many": lambda: plot_logs([log(n, vehicle=f"v{n % 30}") for n in range(900)], [], SINCE, UNTIL),
    "no logs": lambda: plot_logs([], ["v1"], SINCE, UNTIL),
    "fleet": lambda: heat_map(series.by_vehicle([log(5)], ["v1"]), SINCE, UNTIL, {"v1": "A name that is very long"}),
    "no fleet": lambda: heat_map({}, SINCE, UNTIL),
    "energy": lambda: plot_energy([session(SINCE, 9000), session(UNTIL, 1, None)], SINCE, UNTIL),
    "no energy": lambda: plot_energy([], SINCE, UNTIL),
}
each_picture = pytest.mark.parametrize("name", PICTURES)


def size(path: Path) -> tuple[int, int]:
    """Return the width and the height of a PNG file."""
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", head[16:24])
    return width, height


@each_picture
def test_files_are_as_wide_as_wanted(name: str, in_london: None, tmp_path: Path) -> None:
    picture: Picture = PICTURES[name]()
    for width in (400, 1600):
        picture.save(str(tmp_path / f"{width}.png"), width)
        found = size(tmp_path / f"{width}.png")
        assert found[0] == width
        assert width * 0.4 < found[1] < width * 1.6


def test_a_file_names_units_and_time_zone(in_london: None, tmp_path: Path) -> None:
    PICTURES["one"]().save(str(tmp_path / "x.svg"), 800)
    text = (tmp_path / "x.svg").read_text()
    for words in ("charge (%)", "power (kW)", "local time (GMT, then BST)", "28 Mar 2026 to 29 Mar 2026", "plugged in"):
        assert words in text


@each_picture
@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_characters_fit(name: str, width: int, in_london: None) -> None:
    picture: Picture = PICTURES[name]()
    lines = picture.text(width)
    assert lines
    if width >= 40:
        assert max(map(len, lines)) <= width


def test_a_picture_that_cannot_be_written_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(EvEnergyError, match=r"cannot write .*x\.png: No such file"):
        PICTURES["no energy"]().save(str(tmp_path / "gone" / "x.png"), 400)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(EvEnergyError, match=r"pip install 'evenergy\[plot\]'"):
        PICTURES["energy"]().save(str(tmp_path / "x.png"), 400)


@pytest.mark.parametrize("command", ["logs VEHICLE --since 1d", "fleet --hours 12", "sessions --since 2d"])
def test_commands(signed_in: Sandbox, capsys: pytest.CaptureFixture[str], tmp_path: Path, command: str) -> None:
    arguments = command.replace("VEHICLE", signed_in.vehicle_ids[0]).split()
    file = tmp_path / "picture.png"
    saved = ended(capsys, *arguments, "--plot", str(file), "--plot-width", "500")
    shown = ended(capsys, *arguments, "--plot", "-")
    assert (saved.code, saved.out, saved.err) == (0, "", f"wrote {file}\n")
    assert size(file)[0] == 500
    assert shown.code == 0
    assert len(shown.out.splitlines()) >= 4


@given(
    st.lists(st.tuples(st.integers(-100, 2000), st.floats(-10, 200)), max_size=20),
    st.integers(1, 60),
    st.integers(1, 10),
)
def test_any_line_is_drawn(points: Sequence[tuple[int, float]], columns: int, rows: int) -> None:
    piece = [(at(minutes), value) for minutes, value in sorted(points)]
    lines = blocks.line_chart([piece], SINCE, UNTIL, (columns, rows), 100.0)
    assert [len(line) for line in lines] == [columns] * rows


def test_a_rising_line() -> None:
    lines = blocks.line_chart([[(SINCE, 0.0), (UNTIL, 100.0)]], SINCE, UNTIL, (4, 2), 100.0)
    assert lines == ["⠀⠀⡠⠊", "⡠⠊⠀⠀"]


@pytest.mark.parametrize(("share", "bar"), [(0, ""), (0.5, "██"), (0.53, "██▏"), (1, "████"), (7, "████")])
def test_bars(share: float, bar: str) -> None:
    assert blocks.bar(share, 4) == bar


@pytest.mark.parametrize(("value", "end"), [(0, 1), (0.3, 0.3), (7.3, 8), (11, 12), (298, 300), (1001, 1200)])
def test_the_end_of_an_axis_is_round(value: float, end: float) -> None:
    assert rounded_up(value) == pytest.approx(end)
