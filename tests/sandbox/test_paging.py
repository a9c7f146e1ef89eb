from __future__ import annotations

from typing import Any

import pytest

from evenergy.sandbox.routes import COLLECTIONS
from tests.sandbox.helpers import Api, Clock, assert_problem, serving

END = "about:blank"


def ids(items: list[Any]) -> list[str]:
    return [item["id"] for item in items]


async def logs_of(api: Api, **query: str) -> list[Any]:
    found: list[Any] = await api.data(f"/vehicles/{api.sandbox.vehicle_ids[0]}/status_logs", params=query)
    return found


async def test_pages_through_vehicles() -> None:
    async with serving(vehicles=30) as api:
        everything = api.sandbox.vehicle_ids
        first = await api.get("/vehicles")
        assert ids(first.json()) == everything[:25]
        assert first.link("previous") == END
        second = await api.get(first.link("next"))
        assert ids(second.json()) == everything[25:]
        assert second.link("next") == END
        back = await api.get(second.link("previous"))
        assert ids(back.json()) == everything[:25]
        assert back.link("previous") == END


@pytest.mark.parametrize("size", [1, 7, 29, 30, 31, 100])
async def test_pages_by_any_size_there_and_back(size: int) -> None:
    async with serving(vehicles=30) as api:
        url = f"/vehicles?page_size={size}"
        assert ids(await api.all(url)) == api.sandbox.vehicle_ids
        last = "vhcl" + "Z" * 26
        assert ids(await api.all(f"{url}&page_before={last}", "previous")) == api.sandbox.vehicle_ids


async def test_keeps_the_query_in_links() -> None:
    async with serving() as api:
        given = "expand=user&page_size=2&expand=trim.model"
        response = await api.get(f"/vehicles?{given}&page_before=rubbish&page_after=vhcl{'0' * 26}")
        cursor = api.sandbox.vehicle_ids[1]
        assert response.link("next") == f"{api.sandbox.base_url}/vehicles?{given}&page_after={cursor}"
        assert response.link("previous") == END


async def test_returns_the_nearest_page_before_a_cursor() -> None:
    async with serving() as api:
        everything = api.sandbox.vehicle_ids
        response = await api.get(f"/vehicles?page_size=3&page_before={everything[10]}")
        assert ids(response.json()) == everything[7:10]


async def test_accepts_the_cursor_of_a_deleted_vehicle() -> None:
    async with serving() as api:
        everything = api.sandbox.vehicle_ids
        await api.send("DELETE", f"/vehicles/{everything[4]}")
        assert ids(await api.data(f"/vehicles?page_size=2&page_after={everything[4]}")) == everything[5:7]
        assert ids(await api.data(f"/vehicles?page_size=2&page_before={everything[4]}")) == everything[2:4]


async def test_returns_an_empty_last_page() -> None:
    async with serving() as api:
        response = await api.get(f"/vehicles?page_size=5&page_after={api.sandbox.vehicle_ids[-1]}")
        assert response.json() == []
        assert response.link("next") == END


@pytest.mark.parametrize("size", ["0", "-1", "101", "x", "", "1.5", "٣", "1" * 5000])
async def test_rejects_bad_page_sizes(size: str) -> None:
    async with serving() as api:
        for path in ("/vehicles", "/users", "/vehicle_makes", f"/vehicles/{api.sandbox.vehicle_ids[0]}/status_logs"):
            assert_problem(await api.get(path, params={"page_size": size}), 400, "page_size")


async def test_rejects_bad_cursors() -> None:
    async with serving() as api:
        logs = f"/vehicles/{api.sandbox.vehicle_ids[0]}/status_logs"
        for parameter in ("page_after", "page_before"):
            for cursor in ("", "x", api.sandbox.user_ids[0], "2025-03-01T00:00:00Z"):
                assert_problem(await api.get("/vehicles", params={parameter: cursor}), 400, parameter)
            for cursor in ("", "x", api.sandbox.vehicle_ids[0], "2025-03-01", "2025-03-01T00:00:00"):
                assert_problem(await api.get(logs, params={parameter: cursor}), 400, parameter)


async def test_orders_by_name() -> None:
    async with serving() as api:
        for path in ("/vehicle_makes", "/vehicle_models", "/vehicle_trims"):
            plain = await api.all(path)
            names = sorted(item["name"] for item in plain)
            assert ids(plain) == sorted(ids(plain))
            assert await api.all(path + "?ordering=size") == plain
            for size in (2, 100):
                forward = await api.all(f"{path}?ordering=name&page_size={size}")
                assert [item["name"] for item in forward] == names
                backward = await api.all(f"{path}?ordering=-name&page_size={size}")
                assert backward == forward[::-1]
        assert_problem(await api.get("/vehicle_makes?ordering=name&page_after=vmak" + "0" * 26), 400)


async def test_pages_by_number() -> None:
    async with serving() as api:
        model = (await api.data("/vehicle_models"))[0]["id"]
        path = f"/vehicle_models/{model}/connectors"
        assert [row["region"] for row in await api.all(path + "?page_size=1")] == ["EUROPE", "NORTH_AMERICA"]
        second = await api.get(path + "?page_size=1&page=2")
        assert second.link("previous") == f"{api.sandbox.base_url}{path}?page_size=1&page=1"
        assert second.link("next") == END
        assert_problem(await api.get(path + "?page=3"), 404)
        for page in ("0", "x", ""):
            assert_problem(await api.get(path, params={"page": page}), 400, "page")


@pytest.mark.parametrize("size", [1, 9, 25, 100])
async def test_pages_through_logs_there_and_back(size: int) -> None:
    async with serving(days=1) as api:
        path = f"/vehicles/{api.sandbox.vehicle_ids[0]}/status_logs?page_size={size}"
        logs = await api.all(path)
        assert len(logs) > 20
        assert len({log["sampled_at"] for log in logs}) == len(logs)
        assert await api.all(path + "&page_before=2000-01-01T00:00:00Z", "previous") == logs


async def test_links_pages_of_logs() -> None:
    async with serving() as api:
        path = f"/vehicles/{api.sandbox.vehicle_ids[0]}/status_logs"
        first = await api.get(path + "?page_size=3")
        assert first.link("previous") == END
        second = await api.get(first.link("next"))
        assert (await api.get(second.link("previous"))).json() == first.json()
        oldest = (await api.all(path))[-1]["sampled_at"]
        last = await api.get(path, params={"page_after": oldest})
        assert (last.json(), last.link("next")) == ([], END)


async def test_keeps_a_cursor_valid_while_logs_come_in() -> None:
    clock = Clock()
    async with serving(clock=clock) as api:
        path = f"/vehicles/{api.sandbox.vehicle_ids[0]}/status_logs?page_size=10"
        first = await api.get(path)
        expected = (await api.get(first.link("next"))).json()
        clock.now += 6 * 3600
        assert (await api.get(first.link("next"))).json() == expected
        newer = await api.all(path + f"&page_before={first.json()[0]['sampled_at']}", "previous")
        assert newer
        assert [*newer, *first.json()] == (await api.data(path.replace("=10", "=100")))[: len(newer) + 10]


async def test_includes_both_ends_of_a_time_range() -> None:
    async with serving() as api:
        logs = await logs_of(api, page_size="50")
        low, high = logs[40]["sampled_at"], logs[10]["sampled_at"]
        assert await logs_of(api, page_size="50", sampled_at__gte=low, sampled_at__lte=high) == logs[10:41]
        path = f"/vehicles/{api.sandbox.vehicle_ids[0]}/status_logs"
        filtered = f"{path}?sampled_at__gte={low}&sampled_at__lte={high}&page_size=4"
        assert await api.all(filtered) == logs[10:41]
        assert await api.all(filtered + f"&page_before={logs[41]['sampled_at']}", "previous") == logs[10:41]
        assert await logs_of(api, sampled_at__gte=high, sampled_at__lte=low) == []
        far = {"sampled_at__gte": "0001-01-01T00:00:00+14:00", "sampled_at__lte": "9999-12-31T23:59:59-14:00"}
        assert len(await logs_of(api, page_size="50", **far)) == 50


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2025-03-01", "2025-03-01T00:00:00", "2025-13-01T00:00:00Z", "1741600000"]
)
async def test_rejects_bad_filters(text: str) -> None:
    async with serving() as api:
        vehicle = api.sandbox.vehicle_ids[0]
        for kind, parameter in (("status_logs", "sampled_at__gte"), ("error_logs", "logged_at__lte")):
            response = await api.get(f"/vehicles/{vehicle}/{kind}", params={parameter: text})
            assert_problem(response, 400, parameter)
            assert parameter in response.json()["field_errors"]


UNPAGED = ("rebate_types", "rebate_evidence_types", "user_rebates", "rebate_evidence_files")
LINKED = ("programs", "evse_sites")
LISTED = [key for key, one in COLLECTIONS.items() if one.listed and one.parent is None and not one.needs_user]


@pytest.mark.parametrize("name", LISTED)
async def test_pages_through_each_collection_there_and_back(name: str) -> None:
    async with serving(rate_limit=100_000, days=2) as api:
        whole = await api.data(f"/{name}?page_size=100")
        assert whole
        first = await api.get(f"/{name}?page_size=2")
        if name in UNPAGED:
            assert "Link" not in first.headers
            assert first.json() == whole
        elif name in LINKED:
            assert len(first.json()) == 3
            assert [*first.json(), *(await api.data(first.link("next")))] == await api.all(f"/{name}")
        else:
            assert ids(await api.all(f"/{name}?page_size=2"))[: len(whole)] == ids(whole)
            second = await api.get(first.link("next")) if first.link("next") != END else first
            if second is not first:
                assert (await api.data(second.link("previous"))) == first.json()


async def test_keeps_every_parameter_in_links() -> None:
    async with serving(rate_limit=100_000) as api:
        query = "expand=vehicle&page_size=2&mode=SMART&expand=evse"
        response = await api.get(f"/charging_sub_sessions?{query}")
        assert response.link("next").startswith(f"{api.sandbox.base_url}/charging_sub_sessions?{query}&page_after=csub")
        numbered = await api.get("/tariffs?valid=true&page_size=2&expand=supplier")
        assert numbered.link("next") == f"{api.sandbox.base_url}/tariffs?valid=true&page_size=2&expand=supplier&page=2"
