"""Picture of energy: its legend in words, its colours, and room for both in a small file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from evenergy import ChargingMode, ChargingSubSession
from evenergy.cli.pictures.energy import plot_energy
from evenergy.cli.words import mode_words, short_mode_words

SINCE = datetime(2026, 3, 27, 12, tzinfo=UTC)
MODES = (*(mode.value for mode in ChargingMode), "SOLAR_LATER", None)


def session(mode: str | None, kilowatt_hours: int = 7, day: int = 1) -> ChargingSubSession:
    kind = None if mode is None else ChargingMode(mode)
    start = SINCE + timedelta(days=day)
    return ChargingSubSession(id="s", start=start, energy_delivered_watt_hours=kilowatt_hours * 1000, mode=kind)


def drawn(modes: tuple[str | None, ...], width: int, energy: int = 7, days: int = 3) -> Any:
    """Return the figure of a picture that is so many pixels wide."""
    picture = plot_energy([session(mode, energy) for mode in modes], SINCE, SINCE + timedelta(days=days))
    inches = min(max(width / 110, 4.0), 10.0)
    figure: Any = Figure(figsize=(inches, picture.shape(inches)), dpi=width / inches, layout="constrained")
    picture.draw(figure)
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    return figure


def test_a_legend_is_in_words(tmp_path: Path) -> None:
    picture = plot_energy([session(mode) for mode in MODES], SINCE, SINCE + timedelta(days=3))
    picture.save(str(tmp_path / "x.svg"), 800)
    text = (tmp_path / "x.svg").read_text()
    for words in ("smart", "boost", "unmanaged, at home", "unmanaged, away from home", "solar later", "unknown"):
        assert f"<!-- {words} -->" in text
    assert "otg" not in text.lower()


@pytest.mark.parametrize(("mode", "words"), [("UNMANAGED_OTG", "unmanaged, away"), ("SMART", "smart")])
def test_short_words(mode: str, words: str) -> None:
    assert short_mode_words(mode) == words
    assert mode_words(mode).startswith(words)


@pytest.mark.parametrize("width", [400, 1600])
@pytest.mark.parametrize("energy", [7, 9_000])
def test_everything_is_inside_the_picture(width: int, energy: int) -> None:
    figure = drawn(MODES, width, energy)
    (axes,) = figure.axes
    (legend,) = figure.legends
    for part in (legend, axes.xaxis.label, axes.yaxis.label):
        extent = part.get_window_extent()
        assert 0 <= extent.x0 < extent.x1 <= figure.bbox.width
        assert 0 <= extent.y0 < extent.y1 <= figure.bbox.height


def test_a_mode_has_the_same_colour_in_each_picture() -> None:
    colours = [_colours(drawn(modes, 800)) for modes in (MODES, tuple(reversed(MODES)), ("BOOST",))]
    assert colours[0] == colours[1]
    assert colours[2]["boost"] == colours[0]["boost"]
    assert len(set(colours[0].values())) == len(MODES)


def _colours(figure: Any) -> dict[str, Any]:
    return {bars.get_label(): bars.patches[0].get_facecolor() for bars in figure.axes[0].containers}


def test_ticks_are_grouped() -> None:
    labels = [label.get_text() for label in drawn(("SMART",), 800, 9_000).axes[0].get_yticklabels()]
    assert "4,000" in labels


def test_many_days_have_no_gaps() -> None:
    def width(days: int) -> float:
        bars = drawn(("SMART",), 800, days=days).axes[0].patches
        found: float = bars[0].get_width()
        return found

    assert (width(7), width(365)) == (0.8, 1.0)
