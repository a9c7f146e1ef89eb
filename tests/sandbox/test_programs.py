"""Programs, rebates, regions, tickets and coordinators."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.helpers import Api, assert_problem, serving

RING = [[10.0, 50.0], [12.0, 50.0], [12.0, 51.0], [10.0, 51.0], [10.0, 50.0]]
POLYGON = {"type": "Polygon", "coordinates": [RING]}


async def own(api: Api) -> Api:
    query = {"response_type": "code", "client_id": "sandbox", "redirect_uri": "app://back"}
    response = await api.get(api.origin + "/o/authorize/", params=query)
    code = response.headers["Location"].removeprefix("app://back?code=")
    token = await api.token(grant_type="authorization_code", code=code, redirect_uri="app://back")
    return api.bearing(token.json()["access_token"])


async def test_links_pages_without_parameters() -> None:
    async with serving() as api:
        anonymous = api.bearing(None)
        first = await anonymous.get("/programs")
        assert len(first.json()) == 3
        assert first.link("previous") == "about:blank"
        everything = await anonymous.all("/programs")
        assert len(everything) == 5
        assert len(await api.all("/evse_sites")) == 5
        second = await anonymous.get(first.link("next"))
        assert await anonymous.data(second.link("previous")) == first.json()
        assert_problem(await api.get("/incentive_schemes"), 400, "EvEnergy-User")
        headers = {"EvEnergy-User": api.sandbox.user_ids[0]}
        assert len(await api.data("/incentive_schemes", headers=headers)) == 3


async def test_finds_programs_by_place() -> None:
    async with serving() as api:
        names = {query: {one["name"] for one in await api.all("/programs?" + query)} for query in (
            "coordinates=30.1,-97.5", "country_code=US", "country_code=GB&postal_code=N1", "country_code=JP"
        )}  # fmt: skip
        assert names["coordinates=30.1,-97.5"] == names["country_code=US"] == {"Peak Relief Texas", "Cascadia Flex"}
        assert names["country_code=GB&postal_code=N1"] == {"Smart Nights"}
        assert names["country_code=JP"] == set()
        for query in ("postal_code=N1", "coordinates=1,2&country_code=GB", "coordinates=91,0", "coordinates=1"):
            assert_problem(await api.get("/programs?" + query), 400)


async def test_joins_a_program_and_accepts_its_agreement() -> None:
    async with serving() as api:
        programs = {one["name"]: one for one in await api.all("/programs")}
        headers = {"EvEnergy-User": api.sandbox.user_ids[0]}
        joined = await api.send("POST", programs["Smart Nights"]["url"] + "/join", headers=headers)
        assert (joined.status, joined.json()) == (201, programs["Smart Nights"])
        assert_problem(await api.send("POST", programs["Flex & Drive"]["url"] + "/join", headers=headers), 404)
        assert_problem(await api.send("POST", programs["Smart Nights"]["url"] + "/join"), 400, "EvEnergy-User")
        agreements = programs["Smart Nights"]["url"] + "/participation_agreement_versions"
        versions, current = await api.data(agreements), await api.data(agreements + "/current")
        assert [one["version_number"] for one in versions] == [1, 2, 3]
        assert current == versions[1]  # the third is a draft
        assert_problem(
            await api.get(programs["Flex & Drive"]["url"] + "/participation_agreement_versions/current"), 404
        )
        accept = f"{agreements}/{current['id']}/accept"
        assert_problem(await api.send("POST", accept, json={}, headers=headers), 403)
        user = await own(api)
        assert [(await user.send("POST", accept, json={})).status for _ in range(2)] == [201, 201]
        assert_problem(await user.send("POST", accept, json={"x": 1}), 400, "x")
        other = programs["Cascadia Flex"]["url"] + f"/participation_agreement_versions/{current['id']}/accept"
        assert_problem(await user.send("POST", other, json={}), 404)


async def test_says_which_tiers_a_user_may_join() -> None:
    async with serving() as api:
        for program in await api.all("/programs"):
            tiers = await api.data(program["url"] + "/tiers")
            assert {one["eligible"] for one in tiers} <= {None}
            assert len(tiers) in (0, 3)
            for user in await api.data("/users?page_size=5"):
                seen = await api.data(program["url"] + "/tiers", headers={"EvEnergy-User": user["id"]})
                assert {one["eligible"] for one in seen} <= {True, False}
        assert_problem(await api.get(f"/programs/prog{'0' * 26}/tiers"), 404)


async def test_lists_the_vehicles_of_a_program() -> None:
    async with serving() as api:
        programs = {one["name"]: one["url"] for one in await api.all("/programs")}
        rows = await api.data(programs["Peak Relief Texas"] + "/vehicle_compatibility?expand=model")
        assert "F-150 Lightning" in {row["model"]["name"] for row in rows}
        assert all("US" in row["supported_countries"] for row in rows)
        response = await api.get(programs["Smart Nights"] + "/vehicle_compatibility")
        assert "Link" not in response.headers
        assert all(isinstance(row["model"], str) for row in response.json())


async def test_applies_for_a_rebate_with_evidence() -> None:
    async with serving() as api:
        headers = {"EvEnergy-User": api.sandbox.user_ids[2]}
        types, evidence = (
            await api.data("/rebate_types?expand=required_evidence"),
            await api.data("/rebate_evidence_types"),
        )
        assert types[0]["required_evidence"][0] == evidence[0]
        made = await api.send("POST", "/user_rebates", json={"rebate_type": types[0]["url"]}, headers=headers)
        assert (made.status, made.json().keys()) == (201, {"id", "url"})
        url = made.json()["url"]
        assert (await api.data(url))["status"] == "PENDING_TYPE_SELECTED"
        data = [{"id": evidence[0]["evidence_data"][0]["id"], "value": "500"}]
        body = {"rebate_type": types[0]["url"], "evidence_type": evidence[0]["url"], "evidence_data": data}
        assert (await api.send("PATCH", url, json=body)).json() == made.json()
        assert (await api.data(url))["status"] == "PENDING_IN_PROGRESS"
        unknown = {**body, "evidence_data": [{"id": 1, "value": "x"}]}
        assert_problem(await api.send("PATCH", url, json=unknown), 400, "evidence_data")
        assert_problem(await api.send("PATCH", url, json={}), 400, *body)
        submitted = await api.send("POST", url + ":submit")
        assert (submitted.status, submitted.body) == (200, b"")
        assert (await api.data(url))["status"] == "COMPLETE"


async def test_uploads_evidence_to_a_presigned_url() -> None:
    async with serving() as api:
        rebate, evidence = (await api.data("/user_rebates"))[-1], (await api.data("/rebate_evidence_types"))[0]
        body = {"file_name": "invoice.pdf", "rebate_evidence_type": evidence["url"]}
        start = f"/rebate_evidence_files:start_upload?user_rebate={rebate['id']}"
        assert_problem(await api.send("POST", start + "x", json=body), 400, "user_rebate")
        file = (await api.send("POST", start, json=body)).json()
        listed = await api.data(f"/rebate_evidence_files?user_rebate={rebate['id']}&expand=rebate_evidence_type")
        assert [(one["file_name"], one["rebate_evidence_type"]) for one in listed] == [("invoice.pdf", evidence)]
        assert_problem(await api.send("POST", file["url"] + ":finish_upload"), 400)
        stranger = api.bearing(None)
        for wrong in (file["presigned_url"] + "0", file["presigned_url"].replace("expires=", "expires=9")):
            denied = await stranger.send("PUT", wrong, data=b"x")
            assert (denied.status, denied.headers["Content-Type"].partition(";")[0]) == (403, "application/xml")
        before = api.sandbox.requests
        assert (await stranger.send("PUT", file["presigned_url"], data=io.BytesIO(b"x" * 3_000_000))).status == 200
        assert api.sandbox.requests == before
        finished = await api.send("POST", file["url"] + ":finish_upload")
        assert finished.json() == {"id": file["id"], "url": file["url"]}
        api.sandbox.advance(hours=2)
        assert (await stranger.send("PUT", file["presigned_url"], data=b"x")).status == 403


async def test_adds_regions_and_finds_them() -> None:
    async with serving() as api:
        hole = [[10.4, 50.4], [10.6, 50.4], [10.6, 50.6], [10.4, 50.6], [10.4, 50.4]]
        geometries = [{"type": "MultiPolygon", "coordinates": [[RING, hole]]}, POLYGON]
        group = (await api.data("/region_groups"))[0]
        body = {
            "name": "Thuringia, west",
            "type": "ELECTRICITY",
            "geometries": geometries[:1],
            "region_groups": [group["url"]],
        }
        made = (await api.send("POST", "/regions", json=body)).json()
        assert made["geometry"] == {"type": "MultiPolygon", "coordinates": [[RING, hole]]}
        listed = {key: value for key, value in made.items() if key != "geometry"}
        for query, found in {
            "name=Thuringia%2C west": True,
            "name__in=Nowhere,London area": False,
            f"region_group_id={group['id']}": True,
            "type=ELECTRICITY": True,
            "type=OTHER": False,
            "contains=50.2,11.5": True,
            "contains=50.5,10.5": False,  # in the hole
            "contains=50.0,11.0": False,  # on the edge
            "contains=-50.2,11.5": False,
        }.items():
            assert (listed in await api.data(f"/regions?page_size=100&{query}")) is found, query
        assert made["url"] in (await api.data(group["url"]))["regions"]
        assert listed in await api.data((await api.data(group["url"]))["regions_collection"])
        again = await api.send("POST", "/regions", json=body)
        assert_problem(again, 409, "region-name-conflict")
        assert again.json()["conflicts"] == [{"name": body["name"], "existing_region": made["url"]}]


@pytest.mark.parametrize(
    "geometry",
    [
        {"type": "Point", "coordinates": [1, 2]},
        {"type": "Polygon", "coordinates": [RING[:3]]},
        {"type": "Polygon", "coordinates": [[*RING[:4], [9.0, 9.0]]]},
        {"type": "Polygon", "coordinates": [[[0, 91], [1, 0], [1, 1], [0, 91]]]},
        {"type": "Polygon"},
        "POLYGON",
    ],
)
async def test_rejects_bad_geometry(geometry: Any) -> None:
    async with serving() as api:
        body = {"name": "Bad", "geometries": [geometry]}
        assert_problem(await api.send("POST", "/regions", json=body), 422)
        group = {"name": "Bad", "regions": [{"name": "Fine", "geometries": [POLYGON]}, body]}
        assert_problem(await api.send("POST", "/region_groups", json=group), 422)
        assert await api.data("/regions?name=Fine") == []


async def test_validates_a_group_before_it_is_created() -> None:
    async with serving() as api:
        taken = (await api.data("/regions"))[0]
        regions = [
            {"name": "Fine", "geometries": [POLYGON, POLYGON]},
            {"name": taken["name"], "geometries": [POLYGON]},
            {"name": "Open", "geometries": [{"type": "Polygon", "coordinates": [[*RING[:4], [9.0, 9.0]]]}]},
            {"name": "Twin", "geometries": [POLYGON]},
            {"name": "Twin", "geometries": [POLYGON]},
        ]
        body = {"name": "New", "regions": regions}
        found = (await api.send("POST", "/region_groups:validate", json=body)).json()
        assert (found["valid"], found["group"]["status"]) == (False, "AVAILABLE")
        statuses = [one["status"] for one in found["regions"]]
        assert statuses == ["OK", "NAME_EXISTS", "INVALID_GEOMETRY", "INVALID", "INVALID"]
        assert found["regions"][0]["computed"]["area_sq_km"] == pytest.approx(2 * 15_700, rel=0.02)
        assert found["regions"][1]["existing_region"] == taken["url"]
        assert_problem(await api.send("POST", "/region_groups", json=body), 422, "Twin")
        fine = {"name": "New", "regions": regions[:1]}
        made = await api.send("POST", "/region_groups", json=fine)
        assert (made.status, len(made.json()["regions"])) == (201, 1)
        again = await api.send("POST", "/region_groups", json=fine)
        assert_problem(again, 409, "region-group-name-conflict")
        assert again.json()["existing_region_group"] == made.json()["url"]
        clash = await api.send("POST", "/region_groups", json={**fine, "name": "Other"})
        assert_problem(clash, 409, "region-name-conflict")


async def test_filters_tickets() -> None:
    async with serving(vehicles=200, rate_limit=100_000) as api:
        everything = await api.all("/support_tickets?page_size=100")
        some = next(one for one in everything if one["resolved_at"] and one["human_verified_category"])
        day = some["created_at"]
        cases: dict[str, Callable[[Any], object]] = {
            f"external_ticket_id={some['external_ticket_id']}": lambda one: one == some,
            "status=Open": lambda one: one["status"] == "Open",
            "status__in=Open,Closed": lambda one: one["status"] in ("Open", "Closed"),
            "priority__isnull=true": lambda one: one["priority"] is None,
            "priority__in=Low,High": lambda one: one["priority"] in ("Low", "High"),
            "source=Email": lambda one: one["source"] == "Email",
            "tags=escalated": lambda one: "escalated" in one["tags"],
            "user__isnull=true": lambda one: one["user"] is None,
            f"user={some['user']}": lambda one: one["user"] == some["user"],
            f"human_verified_category={some['human_verified_category']}": lambda one: (
                one["human_verified_category"] == some["human_verified_category"]
            ),
            "human_verified_category__isnull=true": lambda one: one["human_verified_category"] is None,
            "ai_generated_subcategory__isnull=false": lambda one: one["ai_generated_subcategory"],
            "resolved_at__isnull=false": lambda one: one["resolved_at"],
            f"created_at__gte={day}": lambda one: one["created_at"] >= day,
            f"created_at__lte={day}": lambda one: one["created_at"] <= day,
            f"created_at__range={day},{day}": lambda one: one["created_at"] == day,
            f"resolved_at__lte={day}": lambda one: one["resolved_at"] and one["resolved_at"] <= day,
        }
        for query, fits in cases.items():
            found = await api.all(f"/support_tickets?page_size=100&{query}")
            assert found == [one for one in everything if fits(one)], query
        for query in ("created_at__range=2025", "priority__isnull=0", "resolved_at__gte=x"):
            assert_problem(await api.get("/support_tickets?" + query), 400, query.partition("=")[0])


async def test_categorises_tickets_and_counts_them() -> None:
    async with serving(vehicles=200, rate_limit=100_000) as api:
        ticket = (await api.data("/support_tickets"))[1]
        body = {"human_verified_category": "SOLAR", "human_verified_subcategory": None}
        changed = (await api.send("PATCH", ticket["url"], json=body)).json()
        assert changed == {**ticket, **body}
        assert_problem(await api.send("PATCH", ticket["url"], json={"human_verified_category": "SUN"}), 400)
        total = len(await api.all("/support_tickets?page_size=100"))
        stats = {name: await api.data(f"/support-ticket-stats/{name}") for name in ("status", "resolution", "sankey")}
        assert sum(one["count"] for one in stats["status"]["breakdown"]) == total
        assert stats["resolution"]["total_resolved"] + stats["resolution"]["total_unresolved"] == total
        assert sum(one["value"] for one in stats["sankey"]["links"]) == total
        nodes = {one["id"] for one in stats["sankey"]["nodes"]}
        assert {one[end] for one in stats["sankey"]["links"] for end in ("source", "target")} == nodes
        counts: list[int] = []
        for group in ("day", "week", "month"):
            series = (await api.data(f"/support-ticket-stats/volume?group_by={group}"))["time_series"]
            assert sum(one["count"] for one in series) == total
            counts.append(len(series))
        assert counts == sorted(counts, reverse=True)
        top = await api.data("/support-ticket-stats/top-categories?limit=2")
        assert (len(top["categories"]), len(top["subcategories"])) == (2, 2)
        labels = await api.data("/support_tickets/categories")
        assert len(labels["subcategories"]) == 100


async def test_filters_the_messages_of_a_ticket() -> None:
    async with serving(vehicles=200, rate_limit=100_000) as api:
        tickets = await api.all("/support_tickets?page_size=100&expand=messages")
        ticket = max(tickets, key=lambda one: len(one["messages"]))
        messages, path = ticket["messages"], ticket["url"] + "/messages"
        assert await api.data(path) == messages
        assert len(messages) == 4
        for query, part in {
            "position=1": messages[1:2],
            "position__gte=2": messages[2:],
            "position__lte=0": messages[:1],
            "message_type=CUSTOMER_RESPONSE": messages[2:3],
            "message_type__in=INITIAL_REQUEST,HUMAN_AGENT_RESPONSE": [messages[0], messages[3]],
        }.items():
            assert await api.data(f"{path}?{query}") == part
        assert await api.data(f"{path}/{messages[2]['id']}") == messages[2]
        other = next(one for one in tickets if one != ticket)
        assert_problem(await api.get(f"{other['url']}/messages/{messages[2]['id']}"), 404)


async def test_measures_and_steers_a_fleet() -> None:
    async with serving(rate_limit=100_000) as api:
        coordinators = await api.data("/dispatch_coordinators")
        assert [one["id"][:4] for one in coordinators] == ["dc00", "dcrd"]
        url = coordinators[0]["url"]
        logs = await api.all(url + "/dispatch_logs?page_size=100")
        assert max(one["total_charge_rate_watts"] for one in logs) > 10_000
        assert min(one["total_charge_rate_watts"] for one in logs) == 0
        assert await api.data(f"{url}/dispatch_logs/{logs[9]['logged_at']}") == logs[9]
        body = {"start_time": "2025-03-11T10:00:00Z", "end_time": "2025-03-11T11:00:00Z", "target_power_watts": -500}
        made = await api.send("POST", url + "/dispatch_events", json=body)
        assert made.status == 201
        assert made.json() == {**made.json(), **body, "import_limit_watts": None, "dispatch_coordinator": url}
        cancelled = await api.send("POST", f"{url}/dispatch_events/{made.json()['id']}/cancel")
        assert cancelled.json() == {"status": "CANCELLED"}
        backwards = {**body, "end_time": body["start_time"]}
        assert_problem(await api.send("POST", url + "/dispatch_events", json=backwards), 400, "end_time")
