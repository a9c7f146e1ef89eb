"""Tariffs, prices, carbon intensities and grid levels."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from tests.sandbox.helpers import MARCH, Clock, assert_problem, serving


def instant(written: str) -> float:
    return datetime.fromisoformat(written).timestamp()


async def test_filters_tariffs() -> None:
    async with serving() as api:
        everything = await api.data("/tariffs?page_size=100")
        supplier = everything[0]["supplier"]
        user = (await api.data("/users?expand=default_location.tariff"))[0]
        expected: dict[str, Callable[[Any], object]] = {
            f"supplier_id={supplier.rpartition('/')[2]}": lambda one: one["supplier"] == supplier,
            "valid=true": lambda one: one["valid_until"] is None,
            "valid=false": lambda one: one["valid_until"] is not None,
            "gsp_group=_C": lambda one: one["gsp_group"] == "_C",
        }
        for query, fits in expected.items():
            found = await api.data(f"/tariffs?page_size=100&{query}")
            assert found == [one for one in everything if fits(one)]
            assert found
        available = await api.data(f"/tariffs?page_size=100&available_for_user_id={user['id']}")
        assert user["default_location"]["tariff"]["id"] in {one["id"] for one in available}
        assert {one["currency"] for one in available} == {user["default_location"]["tariff"]["currency"]}
        suppliers = await api.data(f"/suppliers?available_for_user_id={user['id']}")
        assert {one["supplier"] for one in available} == {one["url"] for one in suppliers}
        assert_problem(await api.get("/tariffs?valid=1"), 400, "valid")


async def test_gives_daily_prices_to_those_who_ask() -> None:
    async with serving() as api:
        plain = await api.data("/tariffs?page_size=100")
        asked = await api.data("/tariffs?page_size=100&include_optional=daily_prices")
        assert not any("daily_prices" in one for one in plain)
        by_type: dict[str, Any] = {one["type"]: one.get("daily_prices") for one in asked}
        assert by_type["DYNAMIC"] is None
        assert by_type["DUAL_RATE"].keys() == {"peak", "off_peak"}
        assert by_type["THREE_RATE"].keys() == {"peak", "mid_peak", "off_peak"}
        assert by_type["FLAT_RATE"]["peak"]["times"] == [{"start": "00:00:00", "end": "00:00:00"}]
        assert float(by_type["DUAL_RATE"]["peak"]["price"]) > float(by_type["DUAL_RATE"]["off_peak"]["price"])


async def test_prices_follow_the_bands_and_the_zone() -> None:
    async with serving() as api:
        tariff = next(one for one in await api.data("/tariffs?page_size=100") if one["name"] == "Free Nights")
        prices = await api.all(tariff["url"] + "/prices?page_size=100")
        times = [instant(one["started_at"]) for one in prices]
        assert times == sorted(times, reverse=True)
        assert len(prices) == 7 * 48
        for one in prices:
            hour = datetime.fromisoformat(one["started_at"]).timestamp() // 3600 % 24
            local = (hour - (5 if one["started_at"] >= "2025-03-09T08:00" else 6)) % 24  # its clocks went forward
            assert one["price_minor_units"] == (1 if local >= 21 or local < 6 else 17), one
        alone = await api.data(tariff["url"] + "?expand=prices")
        assert alone["prices"] == prices[:48]
        assert alone["current_price"] == prices[0]["price_minor_units"]
        low, high = prices[9]["started_at"], prices[4]["started_at"]
        found = await api.data(f"{tariff['url']}/prices?started_at__gte={low}&started_at__lte={high}")
        assert found == prices[4:10]


async def test_requires_a_scope_for_prices() -> None:
    async with serving() as api:
        token = (await api.token(grant_type="client_credentials", scope="tariff:read")).json()["access_token"]
        tariff = (await api.data("/tariffs"))[0]["url"]
        narrow = api.bearing(token)
        assert_problem(await narrow.get(tariff + "/prices"), 403, "tariff:prices:read")
        assert_problem(await narrow.get(tariff + "?expand=prices"), 403, "tariff:prices:read")
        assert (await narrow.get(tariff)).status == 200


async def test_wraps_carbon_intensities_and_pages_by_time() -> None:
    async with serving() as api:
        feed = (await api.data("/carbon_feeds"))[0]["url"]
        url = f"{feed}/carbon_intensities?page_size=50&expand=carbon_feed"
        seen: list[Any] = []
        while url != "about:blank":
            response = await api.get(url)
            data = response.json()
            assert (data["carbon_feed"], data["url"]) == (feed, f"{feed}/carbon_intensities")
            seen += data["carbon_intensities"]
            url = response.link("next")
        times = [instant(one["started_at"]) for one in seen]
        assert times == sorted(set(times), reverse=True)
        assert len(seen) == pytest.approx(7 * 48, abs=1)
        assert len({one["co2_intensity_grams_per_kilowatt_hour"] for one in seen}) > 50
        since = f"{feed}/carbon_intensities?started_at__gte={seen[3]['started_at']}"
        assert (await api.data(since))["carbon_intensities"] == seen[:4]


async def test_discourages_charging_at_the_peak() -> None:
    clock = Clock()
    async with serving(clock=clock) as api:
        feed = (await api.data("/grid_feeds"))[0]["url"]
        levels = await api.all(feed + "/levels?page_size=4")
        assert (levels[-1]["started_at"], levels[-1]["interval_seconds"], levels[-1]["value"]) == (None, None, 50)
        bounded = levels[:-1]
        assert {one["value"] for one in bounded} == {80, 20}
        assert max(instant(one["started_at"]) for one in bounded) > MARCH  # known a day ahead
        assert all(instant(one["created_at"]) <= MARCH for one in bounded)
        since, until = bounded[6]["started_at"], bounded[2]["started_at"]
        found = await api.data(f"{feed}/levels?started_at__gte={since}&started_at__lte={until}")
        assert found == bounded[2:7]
        clock.now += 86400
        await api.renew()
        assert len(await api.all(feed + "/levels?page_size=100")) == len(levels) + 2
