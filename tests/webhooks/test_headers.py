"""Headers of deliveries: any mapping or pairs, any case of letters, both spellings, and what is missing."""

from email.message import Message
from typing import Any

import pytest
from multidict import CIMultiDict, CIMultiDictProxy
from starlette.datastructures import Headers
from werkzeug.datastructures import EnvironHeaders, Headers as WerkzeugHeaders

from evenergy.errors import InvalidArgumentError
from evenergy.webhooks import WebhookError, WebhookHeaders
from tests.webhooks.helpers import NOW, body_of, receiver, signed

BODY = body_of()
HEADERS = signed(BODY)
PAIRS = list(HEADERS.items())
RAW = [(name.encode(), value.encode()) for name, value in PAIRS]
SIGNED: dict[str, object] = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in PAIRS}
ENVIRON = {**SIGNED, "wsgi.version": (1, 0), "CONTENT_LENGTH": "7"}

FORMS: dict[str, WebhookHeaders] = {
    "dict": HEADERS,
    "small letters and capitals": {name.title(): value for name, value in PAIRS},
    "capitals": {name.upper(): value for name, value in PAIRS},
    "the other spelling": {name.replace("svix", "Webhook"): value for name, value in PAIRS},
    "bytes as values": {name: value.encode() for name, value in PAIRS},
    "aiohttp": CIMultiDictProxy(CIMultiDict(PAIRS)),
    "starlette": Headers(HEADERS),
    "asgi": RAW,
    "werkzeug": WerkzeugHeaders(PAIRS),
    "flask": EnvironHeaders(ENVIRON),
    "wsgi": ENVIRON,
    "pairs": PAIRS,
    "an iterator": iter(PAIRS),
    "one header twice": [*PAIRS, *PAIRS],
    "both spellings": [*PAIRS, ("webhook-id", "another"), ("webhook-signature", "v1,x")],
}


def message() -> Any:
    headers = Message()
    for name, value in PAIRS:
        headers[name] = value
    return headers


@pytest.mark.parametrize("headers", FORMS.values(), ids=FORMS.keys())
def test_headers_of_any_form(headers: WebhookHeaders) -> None:
    assert receiver().read(BODY, headers).message_id == "msg_1"


def test_headers_of_the_server_in_the_standard_library() -> None:
    assert receiver().read(BODY, message()).message_id == "msg_1"


def test_signatures_in_two_headers_are_all_read() -> None:
    for first, second in ((HEADERS["svix-signature"], "v1,AAAA"), ("v1,AAAA", HEADERS["svix-signature"])):
        pairs = [("svix-signature", first), *PAIRS[:2], ("Svix-Signature", second)]
        assert receiver().read(BODY, pairs).message_id == "msg_1"
        assert receiver().read(BODY, CIMultiDict(pairs)).message_id == "msg_1"


@pytest.mark.parametrize("name", sorted(HEADERS))
def test_a_missing_header_is_named(name: str) -> None:
    for headers in (
        {each: value for each, value in PAIRS if each != name},
        {each.replace("svix", "webhook"): value for each, value in PAIRS if each != name},
    ):
        with pytest.raises(WebhookError, match=f": {name} missing$") as raised:
            receiver().read(BODY, headers)
        assert raised.value.check == "headers"
    with pytest.raises(WebhookError, match=r"svix-id, svix-timestamp, svix-signature missing$"):
        receiver().read(BODY, {})


@pytest.mark.parametrize("message_id", ["", "a.b", "a b", "a\n", "é", "\ud800", "a" * 257])
def test_an_id_that_is_none(message_id: str) -> None:
    with pytest.raises(WebhookError, match="svix-id") as raised:
        receiver().read(BODY, signed(BODY, id=message_id))
    assert raised.value.check == "headers"


@pytest.mark.parametrize(
    "timestamp", ["", "now", f"{NOW}.0", f"{NOW}.5", f"-{NOW}", f"+{NOW}", f" {NOW}", f"{NOW}\n", "1e9", "0x1", "nan"]
)
def test_a_timestamp_that_is_no_whole_number(timestamp: str) -> None:
    with pytest.raises(WebhookError, match="svix-timestamp") as raised:
        receiver(tolerance=None).read(BODY, signed(BODY, timestamp=timestamp))
    assert raised.value.check == "timestamp"


@pytest.mark.parametrize("timestamp", ["9" * 13, "9" * 10_000, "\uff11" * 10, "\u0967"])
def test_a_timestamp_that_python_would_read_or_choke_on(timestamp: str) -> None:
    with pytest.raises(WebhookError, match="svix-timestamp"):
        receiver(tolerance=None).read(BODY, signed(BODY, timestamp=timestamp))


@pytest.mark.parametrize("name", ["svix-id", "svix-timestamp"])
def test_a_header_twice_with_different_values_is_rejected(name: str) -> None:
    with pytest.raises(WebhookError, match=name):
        receiver().read(BODY, [*PAIRS, (name, "7")])


@pytest.mark.parametrize(
    "headers", [None, 7, "svix-id: x", b"svix-id: x", ["svix-id"], [("svix-id",)], [7], [("a", "b", "c")]], ids=repr
)
def test_headers_that_are_none(headers: Any) -> None:
    with pytest.raises(InvalidArgumentError, match=f"headers as a mapping .*got {type(headers).__name__}"):
        receiver().read(BODY, headers)


def test_a_header_that_is_no_text() -> None:
    with pytest.raises(InvalidArgumentError, match="the header svix-signature as text"):
        receiver().read(BODY, HEADERS | {"svix-signature": [HEADERS["svix-signature"]]})
    assert receiver().read(BODY, HEADERS | {"x-list": ["a"], "x-none": None}).message_id == "msg_1"
