from __future__ import annotations

import copy
import gc
import inspect
import pickle
from datetime import UTC, datetime
from typing import Any, cast, get_type_hints

import attrs
import pytest

import evenergy
from evenergy import (
    ChargingRegion,
    CompletedOnboarding,
    LatLong,
    Location,
    OnboardedVehicle,
    Token,
    User,
    Vehicle,
    VehicleCommandLog,
    VehicleConnectors,
    VehicleErrorLog,
    VehicleLocationLog,
    VehicleMake,
    VehicleModel,
    VehicleModelConnector,
    VehicleOnboarding,
    VehicleState,
    VehicleStateOfCharge,
    VehicleStatusLog,
    VehicleTrim,
    WaitlistEntry,
)
from evenergy._codec.decode import decode
from evenergy._codec.model import model, secret_field
from tests.codec.shapes import Upload, VehicleNow
from tests.operations._values import alternatives, hints, required

AT = datetime(2024, 1, 1, tzinfo=UTC)
MAKE = VehicleMake("vmak01HRFHBCM7VBSWRPVYFBQMH2BR", name="Make")
MODEL = VehicleModel("vmod01HRFHBCM7VBSWRPVYFBQMH2BR", make=MAKE)
TRIM = VehicleTrim("trim01HRFHBCM7VBSWRPVYFBQMH2BR", model=MODEL)
USER = User("user01HRFHBCM7VBSWRPVYFBQMH2BR", joined_at=AT)
VEHICLE = Vehicle("vhcl01HRFHBCM7VBSWRPVYFBQMH2BR", trim=TRIM, user=USER)
LOG = VehicleStatusLog(sampled_at=AT, vehicle=VEHICLE, state=VehicleState("FLYING"))
VALUES: list[Any] = [
    MAKE,
    MODEL,
    TRIM,
    USER,
    VEHICLE,
    LOG,
    VehicleModelConnector(region=ChargingRegion.EUROPE, verified_at=AT),
    VehicleLocationLog(at_home=True, vehicle=VEHICLE),
    VehicleErrorLog(status_code=500),
    VehicleCommandLog(current_milliamps=16_000),
    VehicleStateOfCharge(state_of_charge_percentage=70),
    LatLong(51.5, -0.1),
    Location(city="London", coordinates=LatLong(51.5, -0.1)),
    OnboardedVehicle("vhcl01HRFHBCM7VBSWRPVYFBQMH2BR"),
    WaitlistEntry("7"),
]
CLASSES: list[Any] = [kind for name in dir(evenergy) if attrs.has(kind := getattr(evenergy, name))]
OF_THE_API = [
    kind
    for kind in CLASSES
    if any(kind.__module__.endswith(part) for part in ("catalogue", "vehicle_logs", "users", "vehicles", "onboarding"))
]


def named(value: Any) -> str:
    return getattr(value, "__name__", type(value).__name__)


def test_the_values_of_the_api_are_found() -> None:
    assert {value.__class__ for value in VALUES} < set(OF_THE_API)
    assert {VehicleConnectors, VehicleOnboarding, CompletedOnboarding} < set(OF_THE_API)


@pytest.mark.parametrize("kind", OF_THE_API, ids=named)
def test_each_class_is_frozen_and_slotted(kind: Any) -> None:
    value = kind(*("x" for field in attrs.fields(kind) if field.default is attrs.NOTHING))
    name = attrs.fields(kind)[0].name
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(value, name, "y")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        delattr(value, name)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        value.unheard_of = 1
    assert not hasattr(value, "__dict__")


@pytest.mark.parametrize("kind", OF_THE_API, ids=named)
def test_attrs_knows_each_class_as_one_of_its_own(kind: Any) -> None:
    fields = attrs.fields(attrs.resolve_types(kind))
    assert {field.name: field.type for field in fields} == get_type_hints(kind, include_extras=True)
    assert [field.name for field in fields] == list(inspect.signature(kind).parameters)
    value = kind(*("x" for field in fields if field.default is attrs.NOTHING))
    assert attrs.asdict(value) == {
        field.name: "x" if field.default is attrs.NOTHING else field.default for field in fields
    }
    assert repr(value) == f"{kind.__name__}({', '.join(f'{k}={v!r}' for k, v in attrs.asdict(value).items())})"


def test_nested_values_are_taken_apart_by_attrs_too() -> None:
    assert attrs.asdict(TRIM)["model"]["make"]["name"] == "Make"


@pytest.mark.parametrize("kind", OF_THE_API, ids=named)
def test_the_garbage_collector_does_not_watch_values(kind: Any) -> None:
    assert not gc.is_tracked(kind(*("x" for field in attrs.fields(kind) if field.default is attrs.NOTHING)))


@pytest.mark.parametrize("kind", OF_THE_API, ids=named)
def test_only_an_id_or_what_else_is_always_there_must_be_given(kind: Any) -> None:
    needed = [field.name for field in attrs.fields(kind) if field.default is attrs.NOTHING]
    assert set(needed) <= {"id", "latitude", "longitude", "authorization_request_id"}
    value = kind(*("x" for _ in needed))
    assert all(getattr(value, field.name) is None for field in attrs.fields(kind) if field.name not in needed)


@pytest.mark.parametrize("value", VALUES, ids=named)
def test_a_value_is_equal_to_its_like_and_hashable(value: Any) -> None:
    same = pickle.loads(pickle.dumps(value))  # noqa: S301
    for other in (same, copy.copy(value), copy.deepcopy(value), attrs.evolve(value)):
        assert type(other) is type(value)
        assert other == value
        assert hash(other) == hash(value)
        assert len({other, value}) == 1


@pytest.mark.parametrize("value", VALUES, ids=named)
def test_a_value_differs_from_another(value: Any) -> None:
    field = attrs.fields(value.__class__)[-1]
    other = attrs.evolve(value, **{field.name: "another"})
    assert other != value
    assert value != attrs.astuple(value)


@pytest.mark.parametrize(
    "value",
    [
        User("u", vehicles=["https://x/v"]),
        User("u", evses=[]),
        VehicleConnectors(adaptors=[]),
        VehicleOnboarding("a", scopes=["x"]),
        CompletedOnboarding([]),
        Vehicle("v", user=User("u", evses=[])),
    ],
    ids=named,
)
def test_a_value_with_a_list_or_an_object_in_it_is_not_hashable(value: object) -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(value)


def test_a_class_derived_from_a_value_class_is_one_too() -> None:
    @model
    class Mine(Vehicle):
        note: int | None = None

    class Plain(Vehicle):
        note: int | None = None

    for kind in (Mine, Plain):
        made: Any = kind
        value = made("v", note=5)
        assert attrs.asdict(value)["note"] == evenergy.to_dict(value)["note"] == 5
        assert attrs.evolve(value, id="w").note == 5
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            value.note = 6
        for number in (b"7", b"7.0"):
            assert decode(b'{"id": "v", "note": %s}' % number, made).note == 7


REFERENCES = [
    (kind, name)
    for kind in OF_THE_API
    for name in dir(kind)
    if name.endswith("_id") and hasattr(getattr(kind, name), "fget")
]


@pytest.mark.parametrize(("kind", "name"), REFERENCES)
def test_the_id_beside_a_reference(kind: Any, name: str) -> None:
    field = name.removesuffix("_id")
    resources = [decode_id(part) for part in alternatives(hints(kind)[field]) if attrs.has(part)]
    needed = dict.fromkeys(required(kind) - {field}, "x")
    url = f"https://api.ev.energy/v2/collection/{VEHICLE.id}"
    for reference in (url, url + "/", url + "?expand=x", url.replace("/v2", ""), *resources):
        assert getattr(kind(**{**needed, field: reference}), name) == VEHICLE.id
    if field not in required(kind):
        assert getattr(kind(**needed), name) is None


def decode_id(kind: Any) -> Any:
    """Return a resource of which only its id is known."""
    return decode(b'{"id": "%s"}' % VEHICLE.id.encode(), kind)


@pytest.mark.parametrize("kind", CLASSES, ids=named)
def test_every_public_value_class_has_a_docstring(kind: Any) -> None:
    assert kind.__doc__
    assert not kind.__doc__.startswith("Method generated")


def test_a_token_shows_no_secret() -> None:
    token = Token.from_dict({"access_token": "hush", "refresh_token": "hush"})
    assert "hush" not in repr(token)
    with pytest.raises(TypeError, match="secret"):
        pickle.dumps(token)


def test_a_secret_field_is_not_in_the_repr_and_else_like_any_other() -> None:
    upload = Upload("u", "hush", 7)
    assert repr(upload) == "Upload(id='u', size=7)"
    assert dict(cast("Any", upload).__rich_repr__()) == {"id": "u", "size": 7}
    assert [field.name for field in attrs.fields(Upload) if not field.repr] == ["presigned_url"]
    assert upload.presigned_url == evenergy.to_dict(upload)["presigned_url"] == attrs.asdict(upload)["presigned_url"]
    assert upload != Upload("u", "other", 7)
    assert attrs.evolve(upload, size=8).presigned_url == "hush"
    for same in (copy.copy(upload), pickle.loads(pickle.dumps(upload)), Upload("u", "hush", 7)):  # noqa: S301
        assert (same, hash(same)) == (upload, hash(upload))
    for number in (b"7", b"7.0"):
        body = b'{"id": "u", "presigned_url": "hush", "size": %s}' % number
        assert decode(body, Upload) == upload
    assert Upload("u").presigned_url is None


def test_a_secret_field_stays_secret_in_a_derived_model_unless_it_is_defined_anew() -> None:
    @model
    class Mine(Upload):
        note: int | None = None

    class Plain(Upload):
        pass

    @model
    class Shown(Upload):
        presigned_url: str | None = None

    assert repr(Mine("u", "hush")) == "Mine(id='u', size=None, note=None)"
    assert repr(Plain("u", "hush")) == "Plain(id='u', size=None)"
    assert repr(Shown("u", presigned_url="seen")) == "Shown(id='u', presigned_url='seen', size=None)"
    assert repr([Mine("u", "hush")]) == "[Mine(id='u', size=None, note=None)]"


def test_a_secret_field_may_be_one_that_must_be_given() -> None:
    @model
    class Portal:
        url: str = secret_field(attrs.NOTHING)

    assert repr(Portal("hush")) == "Portal()"
    with pytest.raises(TypeError, match="url"):
        cast("Any", Portal)()
    with pytest.raises(evenergy.DecodeError, match="the field is missing") as caught:
        decode(b"{}", Portal)
    assert caught.value.where == "$.url"


def test_a_derived_model_that_narrows_a_field_is_a_model() -> None:
    log = VehicleStatusLog(is_charging=True)
    now = VehicleNow("v", latest_status_log=log)
    assert now.latest_status_log is log
    assert attrs.evolve(now, url="x").latest_status_log is log
    assert pickle.loads(pickle.dumps(now)) == now  # noqa: S301
    assert now != Vehicle("v", latest_status_log=log)
    assert [field.name for field in attrs.fields(VehicleNow)] == [field.name for field in attrs.fields(Vehicle)]
