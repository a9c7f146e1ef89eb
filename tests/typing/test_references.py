"""Types of references and of listings, as mypy and pyright see them."""

from __future__ import annotations

from typing import assert_type

import pytest

from evenergy import (
    AsyncClient,
    BlockingPager,
    Client,
    DecodeError,
    Page,
    Pager,
    Vehicle,
    VehicleMake,
    VehicleModel,
    VehicleTrim,
    expanded,
)
from tests.codec.shapes import Tariff, VehicleNow


def test_an_expanded_reference_has_no_union() -> None:
    vehicle = Vehicle("v", trim=VehicleTrim("t", model=VehicleModel("m", make=VehicleMake("k", name="Volvo"))))
    trim = expanded(vehicle.trim)
    assert_type(trim, VehicleTrim)
    assert_type(expanded(expanded(trim.model).make).name, str | None)
    tariff = Tariff("t", prices=[], references=[vehicle])
    assert expanded(tariff.prices) == []
    assert [expanded(one).id for one in tariff.references or ()] == ["v"]
    assert expanded(expanded(trim.model).make).name == "Volvo"


def test_a_narrowed_field_has_the_narrower_type() -> None:
    log = VehicleNow("v").latest_status_log
    assert (log and log.is_charging) is None


async def test_a_listing_has_the_type_of_its_items() -> None:
    async with AsyncClient("t") as client:
        pager = client.vehicles.list()
        assert_type(pager, Pager[Vehicle])
        page: Page[Vehicle] = Page([Vehicle("v")], [DecodeError("x")])
        assert_type(page.undecoded, list[DecodeError])
        with pytest.raises(TypeError):
            await pager  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]
    with Client("t") as blocking:
        listing = blocking.vehicles.list()
        assert_type(listing, BlockingPager[Vehicle])
        assert iter(listing) is listing
