"""Each mistake in the rules is found by a simulation."""

from __future__ import annotations

import pytest

from evenergy import EvEnergyError
from tests.fleet.load import constant_load, nights, wrong_clocks
from tests.fleet.mistakes import MISTAKES, Mistake, engine_with
from tests.fleet.simulation import BrokenPromiseError, Engine, simulate
from tests.fleet.stores import MarksFirstStore, NoKeyStore, NoSwapStore, Store

MOST_WORLDS = 400


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_in_the_rules_is_found(mistake: Mistake, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = engine_with(mistake, monkeypatch)
    with pytest.raises((BrokenPromiseError, EvEnergyError)):
        find(mistake, engine)


def find(mistake: Mistake, engine: Engine) -> None:
    """Run the simulation that finds the mistake, until it does."""
    if mistake.found_by == "load":
        constant_load(engine)
    elif mistake.found_by == "nights":
        nights(engine)
    elif mistake.found_by == "clocks":
        wrong_clocks(engine)
    else:
        worlds(engine, Store)


def worlds(engine: Engine, store: type[Store]) -> None:
    for seed in range(MOST_WORLDS):
        simulate(seed, engine, store())


@pytest.mark.parametrize("store", [NoSwapStore, MarksFirstStore, NoKeyStore])
def test_a_mistake_in_a_store_is_found(store: type[Store]) -> None:
    with pytest.raises(BrokenPromiseError):
        worlds(Engine(), store)


def test_without_a_mistake_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = engine_with(Mistake("nothing", ()), monkeypatch)
    for seed in range(20):
        simulate(seed, engine)
