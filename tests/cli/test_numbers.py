from __future__ import annotations

import re
from pathlib import Path

import pytest

from evenergy import cli
from evenergy.cli.numbers import counted, grouped, kilo


@pytest.mark.parametrize(
    ("number", "places", "text"),
    [(0, None, "0"), (1234, None, "1,234"), (12952.1, None, "12,952.1"), (1234.5, 0, "1,234"), (9.96, 1, "10.0")],
)
def test_grouped(number: float, places: int | None, text: str) -> None:
    assert grouped(number, places) == text


@pytest.mark.parametrize(("number", "text"), [(0, "0 logs"), (1, "1 log"), (1234, "1,234 logs")])
def test_counted(number: int, text: str) -> None:
    assert counted(number, "log") == text


@pytest.mark.parametrize(("value", "thousandth"), [(None, None), (0, 0.0), (7360, 7.4)])
def test_kilo(value: float | None, thousandth: float | None) -> None:
    assert kilo(value) == thousandth


def test_numbers_are_grouped_in_one_place() -> None:
    """One home: a module that groups digits by itself would drift from the others."""
    folder = Path(*cli.__path__)
    grouping = [
        path.name for path in folder.rglob("*.py") if re.search(r"\{[^{}\s]*:[^{}\s]*,[^{}\s]*\}", path.read_text())
    ]
    assert grouping == ["numbers.py"]
