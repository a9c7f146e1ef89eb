"""Support tickets, their messages, and figures about them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from statistics import mean, median
from typing import Any

from evenergy.sandbox import filters, paging, validation as v
from evenergy.sandbox.api.support_categories import CATEGORY_OF, SUBCATEGORIES, label
from evenergy.sandbox.expansion import paths
from evenergy.sandbox.fields import computed, one_of, owner, value
from evenergy.sandbox.operations import Route
from evenergy.sandbox.problems import invalid_query
from evenergy.sandbox.requests import Data, Operation, Request, State, Tree
from evenergy.sandbox.responses import Response
from evenergy.sandbox.tables import Draw, Field, Generator, Item, Seed, Table, Update
from evenergy.sandbox.times import DAY, SECOND, instant, parse, text

_READ = "support:read"
_EVERY = 6  # one user of so many has written
_DAYS = 90  # before the sandbox's logs begin
_STATUSES = ("Open", "Pending", "Resolved", "Closed")
_PRIORITIES = ("Low", "Medium", "High", "Urgent")
_SOURCES = ("Email", "Phone", "Feedback Widget")
_DONE = ("Resolved", "Closed")
_TYPES = ("INITIAL_REQUEST", "AI_AGENT_RESPONSE", "CUSTOMER_RESPONSE", "HUMAN_AGENT_RESPONSE")
_TEXTS = ("My car did not charge last night.", "Is it plugged in?", "It is, and the light is green.", "We see it now.")
_TOP = 10
_FACETS = ("human_verified_category", "human_verified_subcategory", "ai_generated_category", "ai_generated_subcategory")


def _tickets(state: State) -> Iterator[Seed]:
    # The first one came from nobody that has an account.
    yield Seed(values={"created_at": text(instant(state.fleet.begin - DAY))})
    for user in list(state.fleet.users.values()):
        if user.order % _EVERY == 0:
            yield Seed(user)


def _created(draw: Draw) -> object:
    return text(instant(draw.state.fleet.begin - draw.random.uniform(0, _DAYS) * DAY) // SECOND * SECOND)


def _after(name: str, low: float, high: float) -> Generator:
    """Return what draws a time so many hours after another."""

    def draw_time(draw: Draw) -> object:
        moment = parse(str(draw.values[name])) or 0
        return text(moment + round(draw.random.uniform(low, high) * 3600) * SECOND)

    return draw_time


def _resolved(draw: Draw) -> object:
    return _after("created_at", 2, 96)(draw) if draw.values["status"] in _DONE else None


def _subcategory(draw: Draw) -> object:
    return draw.random.choice(list(CATEGORY_OF))


def _sometimes(name: str) -> Generator:
    return lambda draw: draw.values[name] if draw.random.chance(0.6) else None


def _category(name: str) -> Generator:
    return lambda draw: None if draw.values[name] is None else CATEGORY_OF[str(draw.values[name])]


def _write_messages(request: Request, ticket: Item, _: str, tree: Tree | None) -> object:
    messages = MESSAGES.pool(request.state).below(ticket.id)
    if tree is None:
        return [request.url("support_tickets", ticket.id, "messages", message.id) for message in messages]
    return [MESSAGES.write(request, message, tree) for message in messages]


def _attributes(request: Request, ticket: Item) -> Data:
    if ticket.owner is None:
        return {}
    vehicles = request.fleet.vehicles_of[ticket.owner.id].values()
    return {"vehicle_models": [vehicle.trim.model.name for vehicle in vehicles]}


def _by_user(_: Request, __: str, url: str) -> filters.Predicate:
    id_ = url.rstrip("/").rpartition("/")[2]
    return lambda ticket: ticket.owner is not None and ticket.owner.id == id_


def _filters() -> dict[str, filters.Filter]:
    found: dict[str, filters.Filter] = {
        "external_ticket_id": filters.equal(filters.stored("external_ticket_id")),
        "tags": filters.holding(filters.stored("tags")),
        "user": _by_user,
        "user__isnull": filters.is_null(lambda ticket: ticket.owner),
    }
    for name in (*_FACETS, "status", "priority", "source"):
        found[name] = filters.equal(filters.stored(name))
    for name in ("status", "priority", "source"):
        found[f"{name}__in"] = filters.among(filters.stored(name))
    for name in (*_FACETS, "priority", "resolved_at", "ticket_updated_at"):
        found[f"{name}__isnull"] = filters.is_null(filters.stored(name))
    for name in ("created_at", "resolved_at", "ticket_updated_at"):
        found |= filters.time_range(name, filters.moment_stored(name))
    return found


_CHECKS = {
    name: v.nullable(v.one_of(*(SUBCATEGORIES if name.endswith("_category") else CATEGORY_OF))) for name in _FACETS
}

TICKETS = Table(
    name="support_tickets",
    prefix="tick",
    scope=_READ,
    expand=paths("user", "messages"),
    filters=_filters(),
    seeds=_tickets,
    update=Update(scope="support:write", checks=lambda _: _CHECKS),
    fields={
        "user": owner(),
        "external_ticket_id": value(lambda draw: str(draw.random.randrange(10_000, 99_999))),
        "ai_generated_subcategory": value(_subcategory),
        "ai_generated_category": value(_category("ai_generated_subcategory")),
        "human_verified_subcategory": value(_sometimes("ai_generated_subcategory")),
        "human_verified_category": value(_category("human_verified_subcategory")),
        "subject": computed(lambda _, item: label(item.values["ai_generated_subcategory"] or "a question")),
        "status": value(one_of(*_STATUSES)),
        "priority": value(one_of(*_PRIORITIES, None)),
        "source": value(one_of(*_SOURCES)),
        "type_deprecated": value(one_of(None, None, "Vehicle API error")),
        "tags": value(lambda draw: ["ai-categorised", "escalated"][: draw.random.randrange(3)]),
        "messages": Field(_write_messages),
        "conversation_summary": value(one_of(None, "The driver asks why the car did not charge.")),
        "custom_fields": value(lambda draw: {"mobile_app": draw.random.choice(("iOS", "Android"))}),
        "attributes": computed(_attributes),
        "created_at": value(_created),
        "ticket_updated_at": value(_after("created_at", 0.5, 40)),
        "resolved_at": value(_resolved),
    },
)


def _messages(state: State) -> Iterator[Seed]:
    for ticket in TICKETS.pool(state).items.values():
        created = parse(ticket.values["created_at"]) or 0
        for position, (kind, words) in enumerate(zip(_TYPES, _TEXTS, strict=True)):
            if position and int(ticket.values["external_ticket_id"]) % len(_TYPES) < position:
                break
            made = text(created + position * 1800 * SECOND)
            yield Seed(
                ticket.owner,
                ticket.id,
                {"position": position, "message_type": kind, "message": words, "created_at": made},
            )


_POSITION = filters.stored("position")

MESSAGES = Table(
    name="messages",
    prefix="tmsg",
    scope=_READ,
    parent="support_tickets",
    page=paging.unpaged,
    url=False,
    seeds=_messages,
    filters={
        "message_type": filters.equal(filters.stored("message_type")),
        "message_type__in": filters.among(filters.stored("message_type")),
        "position": filters.compared(_POSITION, lambda one, other: one == other, filters.integer),
        "position__gte": filters.compared(_POSITION, lambda one, other: one >= other, filters.integer),
        "position__lte": filters.compared(_POSITION, lambda one, other: one <= other, filters.integer),
    },
    fields={
        "position": value(),
        "message_type": value(),
        "message": value(),
        "message_clean": computed(lambda _, item: item.values["message"].rstrip(".?") or None),
        "created_at": value(),
    },
)
COLLECTIONS = (TICKETS, MESSAGES)


def list_categories(_: Request) -> Response:
    """List all categories, each with its label."""
    categories = [{"value": name, "label": label(name)} for name in SUBCATEGORIES]
    subcategories = [{"value": name, "label": label(name)} for name in CATEGORY_OF]
    return Response({"categories": categories, "subcategories": subcategories})


def _values(request: Request) -> list[dict[str, Any]]:
    return [ticket.values for ticket in TICKETS.items(request)]


def get_sankey(request: Request) -> Response:
    """Return how tickets flow from categories to subcategories."""
    words = [ticket["ai_generated_subcategory"] for ticket in _values(request)]
    counts = Counter(word for word in words if word)
    categories = sorted({CATEGORY_OF[word] for word in counts})
    nodes = [{"id": f"category:{name}", "label": label(name)} for name in categories]
    nodes += [{"id": f"subcategory:{word}", "label": label(word)} for word in sorted(counts)]
    links = [
        {"source": f"category:{CATEGORY_OF[word]}", "target": f"subcategory:{word}", "value": count}
        for word, count in sorted(counts.items())
    ]
    return Response({"nodes": nodes, "links": links})


def get_volume(request: Request) -> Response:
    """Return how many tickets were written by day, week or month."""
    group = filters.choice("day", "week", "month")("group_by", request.query.get("group_by", "day"))
    counts: Counter[str] = Counter()
    for ticket in _values(request):
        day = datetime.fromtimestamp((parse(ticket["created_at"]) or 0) / SECOND, UTC).date()
        if group == "week":
            day -= timedelta(days=day.weekday())
        counts[(day if group != "month" else day.replace(day=1)).isoformat()] += 1
    return Response({"time_series": [{"date": day, "count": count} for day, count in sorted(counts.items())]})


def get_resolution(request: Request) -> Response:
    """Return how many tickets were resolved, and how fast."""
    tickets = _values(request)
    hours = [
        ((parse(one["resolved_at"]) or 0) - (parse(one["created_at"]) or 0)) / SECOND / 3600
        for one in tickets
        if one["resolved_at"]
    ]
    data = {
        "resolution_rate": round(len(hours) / len(tickets), 3) if tickets else 0.0,
        "avg_resolution_time_hours": round(mean(hours), 1) if hours else None,
        "median_resolution_time_hours": round(median(hours), 1) if hours else None,
        "total_resolved": len(hours),
        "total_unresolved": len(tickets) - len(hours),
    }
    return Response(data)


def _breakdown(name: str) -> Operation:
    def operation(request: Request) -> Response:
        words = [ticket[name] for ticket in _values(request) if ticket[name]]
        return Response({"breakdown": _shares(name, words)})

    return operation


def _shares(name: str, words: Sequence[str]) -> list[Data]:
    return [
        {name: word, "count": count, "percentage": round(100 * count / len(words), 1)}
        for word, count in Counter(words).most_common()
    ]


def get_top_categories(request: Request) -> Response:
    """Return the categories that most tickets have."""
    limit = filters.integer("limit", request.query.get("limit", str(_TOP)))
    if limit < 1:
        raise invalid_query("limit", "Must be 1 or more.")
    words = [one["ai_generated_subcategory"] for one in _values(request) if one["ai_generated_subcategory"]]
    subcategories = [
        {**share, "category": CATEGORY_OF[str(share["subcategory"])]} for share in _shares("subcategory", words)[:limit]
    ]
    categories = _shares("category", [CATEGORY_OF[word] for word in words])[:limit]
    return Response({"categories": categories, "subcategories": subcategories})


ROUTES = (
    Route("GET", "/support_tickets/categories", list_categories, ""),
    Route("GET", "/support-ticket-stats/sankey", get_sankey, ""),
    Route("GET", "/support-ticket-stats/volume", get_volume, ""),
    Route("GET", "/support-ticket-stats/resolution", get_resolution, ""),
    Route("GET", "/support-ticket-stats/status", _breakdown("status"), ""),
    Route("GET", "/support-ticket-stats/priority", _breakdown("priority"), ""),
    Route("GET", "/support-ticket-stats/source", _breakdown("source"), ""),
    Route("GET", "/support-ticket-stats/top-categories", get_top_categories, ""),
)
