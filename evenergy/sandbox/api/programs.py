"""Programs of utilities: tiers, agreements, supported vehicles, and incentives."""

from evenergy.sandbox import filters, paging
from evenergy.sandbox.expansion import expansion, paths, refer
from evenergy.sandbox.fields import computed, days_before, hidden, value
from evenergy.sandbox.filters import Predicate
from evenergy.sandbox.operations import Route
from evenergy.sandbox.problems import ProblemError, invalid_fields, invalid_query, not_found
from evenergy.sandbox.requests import Request, State
from evenergy.sandbox.responses import Response
from evenergy.sandbox.simulation.places import CITIES
from evenergy.sandbox.tables import Draw, Item, Seed, Table

_PROGRAMS = (
    ("Smart Nights", "Sandbox Power", ("GB", "IE")),
    ("Peak Relief Texas", "Lone Star Electric", ("US",)),
    ("Cascadia Flex", "Cascadia Light", ("US",)),
    ("Netzfreundlich", "Hansekraft", ("DE",)),
    ("Flex & Drive", "Polderstroom", ("NL", "FR")),
)
_WITHOUT_TIERS = "Flex & Drive"  # nobody can join it, and its agreement is not published yet
_TIERS = (("standard", "Standard", True), ("plus", "Plus", True), ("managed", None, False))
_SCHEMES = (
    ("Off-Peak Reward", "Earn points for each kWh at night.", True, True),
    ("Winter Bonus", "Twice the points from December to February.", True, False),
    ("Pilot Credit", "For those who were there first.", False, True),
    ("Refer a Friend", "Both get 500 points.", True, True),
)
_JOINED = "joined programs"


def _by_coordinates(request: Request, parameter: str, written: str) -> Predicate:
    if "postal_code" in request.query or "country_code" in request.query:
        raise invalid_query(parameter, "Give coordinates, or a postal code and its country.")
    latitude, longitude = filters.place(parameter, written)
    nearest = min(CITIES, key=lambda city: (city.latitude - latitude) ** 2 + (city.longitude - longitude) ** 2)
    return lambda program: nearest.country in program.values["countries"]


def _by_postal_code(request: Request, parameter: str, _: str) -> Predicate:
    if "country_code" not in request.query:
        raise invalid_query(parameter, "Give country_code, too.")
    return lambda _: True  # all of a country's postal codes are served


def _by_country(_: Request, __: str, written: str) -> Predicate:
    return lambda program: written in program.values["countries"]


PROGRAMS = Table(
    name="programs",
    prefix="prog",
    scope=None,
    page=paging.by_link,
    filters={"coordinates": _by_coordinates, "postal_code": _by_postal_code, "country_code": _by_country},
    seeds=lambda _: (
        Seed(values={"name": name, "sponsor_name": sponsor, "countries": countries})
        for name, sponsor, countries in _PROGRAMS
    ),
    fields={
        "name": value(),
        "description": computed(lambda _, item: f"{item.values['sponsor_name']} rewards charging at the right time."),
        "logo": value(lambda draw: draw.random.choice((None, "https://icons.example.com/program.svg"))),
        "sponsor_name": value(),
        "external_url": computed(lambda _, item: f"https://{item.id.lower()}.example.com/"),
        "countries": hidden(),
    },
)


def _tiers(state: State) -> list[Seed]:
    programs = (item for item in PROGRAMS.pool(state).items.values() if item.values["name"] != _WITHOUT_TIERS)
    return [
        Seed(parent=program.id, values={"short_name": short, "name": name, "smart_charging_enabled": smart})
        for program in programs
        for short, name, smart in _TIERS
    ]


def _eligible(request: Request, tier: Item) -> bool | None:
    if request.user is None:
        return None
    program = PROGRAMS.pool(request.state).items[tier.parent or ""]
    return request.user.country in program.values["countries"]


TIERS = Table(
    name="tiers",
    prefix="tier",
    scope=None,
    parent="programs",
    seeds=_tiers,
    fields={
        "short_name": value(),
        "name": value(),
        "logo_svg": value(),
        "description_short": computed(lambda _, tier: f"<html>The {tier.values['short_name']} tier</html>"),
        "description_long": value(lambda draw: draw.random.choice((None, "<html><p>All the details.</p></html>"))),
        "smart_charging_enabled": value(),
        "disable_changing_tariff": computed(lambda _, tier: not tier.values["smart_charging_enabled"]),
        "visible": computed(lambda _, tier: tier.values["short_name"] != "managed"),
        "eligible": computed(_eligible),
    },
)


def _agreements(state: State) -> list[Seed]:
    return [
        Seed(parent=program.id, values={"version_number": number, "published": number < _DRAFT and published})
        for program in PROGRAMS.pool(state).items.values()
        for published in (program.values["name"] != _WITHOUT_TIERS,)
        for number in range(1, _DRAFT + 1)
    ]


_DRAFT = 3  # the newest version is not published yet


def _made(draw: Draw) -> object:
    number = draw.values["version_number"]
    return days_before(400 - 100 * number, 450 - 100 * number)(draw) if isinstance(number, int) else None


AGREEMENTS = Table(
    name="participation_agreement_versions",
    prefix="pagv",
    scope=None,
    parent="programs",
    seeds=_agreements,
    fields={
        "version_number": value(),
        "published": value(),
        "content": computed(lambda _, item: f"<h1>Agreement</h1><p>Version {item.values['version_number']}.</p>"),
        "created_at": value(_made),
    },
)
SCHEMES = Table(
    name="incentive_schemes",
    prefix="incs",
    scope="",
    page=paging.by_link,
    alone=False,
    url=False,
    needs_user=True,
    seeds=lambda _: (
        Seed(values={"name": name, "description": text, "visible": visible, "available": available})
        for name, text, visible, available in _SCHEMES
    ),
    fields={"name": value(), "description": value(), "visible": value(), "available": value()},
)
COLLECTIONS = (PROGRAMS, TIERS, AGREEMENTS, SCHEMES)


def join(request: Request) -> Response:
    """Enrol the user in the program's default tier; they leave the one from before."""
    user, program, tree = request.needed_user(), request.resource("programs"), expansion(request, {})
    if not TIERS.pool(request.state).below(program.id):
        raise ProblemError(404, "The program has no default tier.")
    request.state.remembered(_JOINED)[user.id] = program.id
    return Response(PROGRAMS.write(request, program, tree, alone=True), status=201)


def verify(request: Request) -> Response:
    """Take whatever a program asks of its users."""
    request.needed_user()
    request.resource("programs")
    request.json()
    return Response(None, status=201)


def current_agreement(request: Request) -> Response:
    """Return the newest version that is published."""
    program: Item = request.resource("programs", "parent")
    published = [item for item in AGREEMENTS.pool(request.state).below(program.id) if item.values["published"]]
    if not published:
        raise not_found()
    return Response(AGREEMENTS.write(request, published[-1], expansion(request, {}), alone=True))


def accept_agreement(request: Request) -> Response:
    """Record that a user accepts an agreement, which nobody else can do for them."""
    program: Item = request.resource("programs", "parent")
    version = AGREEMENTS.find(request, request.ids["id"])
    if version is None or version.parent != program.id:
        raise not_found()
    if not request.own_token:
        raise ProblemError(403, "Only the user's own access token can accept an agreement.")
    if body := request.json():
        raise invalid_fields({name: ["The body must be empty."] for name in body})
    request.state.remembered("agreements").setdefault(request.needed_user().id, set()).add(version.id)
    return Response(None, status=201)


def list_compatible_vehicles(request: Request) -> Response:
    """List the vehicle models that a program supports."""
    program: Item = request.resource("programs")
    tree = expansion(request, paths("model"))
    countries = program.values["countries"]
    models = request.fleet.catalogue.models.values()
    rows = [
        {
            "can_control_charge": model.onboards,
            "model": refer(request, "vehicle_models", model, tree.get("model")),
            "type": "BEV",
            "supported_countries": list(model.countries),
            "start_year": 2019,
            "end_year": None if model.onboards else 2023,
        }
        for model in models
        if not model.hidden and set(countries) & set(model.countries)
    ]
    return Response(rows)


ROUTES = (
    Route("POST", "/programs/{id}/join", join, "utility_account:write"),
    Route("POST", "/programs/{id}/user_verification", verify, ""),
    Route("POST", "/programs/{id}/post-enrollment-verification", verify, ""),
    Route("GET", "/programs/{parent}/participation_agreement_versions/current", current_agreement, None),
    Route(
        "POST", "/programs/{parent}/participation_agreement_versions/{id}/accept", accept_agreement, "programs:write"
    ),
    Route("GET", "/programs/{id}/vehicle_compatibility", list_compatible_vehicles, "vehicle:read"),
)
