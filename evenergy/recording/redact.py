"""Redaction of responses by a list of what is kept: a text that nothing says is public becomes a pseudonym.

Kept are names of fields, times and durations, members of enumerations, the text of the catalogue that is the same for
all customers, the words of the API's own paths, and numbers that are no place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from http import HTTPStatus
from typing import Any, Final, cast
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import attrs

from evenergy._codec.urls import PROVIDER, resolve_url
from evenergy.errors import InvalidArgumentError

from . import kinds, vocabulary
from .kinds import UNKNOWN
from .pseudonyms import Pseudonyms

API: Final = f"{PROVIDER}/v2"
"""Base URL of all URLs in a recording."""

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:?\d\d)?|\d\d:\d\d(:\d\d(\.\d{1,6})?)?", re.ASCII
)
_DURATION: Final = re.compile(
    r"-?P(?=\d|T\d)(\d{1,4}Y)?(\d{1,4}M)?(\d{1,4}W)?(\d{1,4}D)?(T(\d{1,4}H)?(\d{1,4}M)?(\d{1,4}(\.\d{1,6})?S)?)?",
    re.ASCII,
)
_NEW_MEMBER: Final = re.compile(r"[A-Z]+(_[A-Z]+)*", re.ASCII)
_SAFE: Final[Mapping[str, re.Pattern[str]]] = {
    "country": re.compile("[A-Z]{2}"),
    "country_code": re.compile("[A-Z]{2}"),
    "currency": re.compile("[A-Z]{3}"),
    "language": re.compile("[a-z]{2}(-[A-Z]{2})?"),
    "price": re.compile(r"-?[0-9]{1,4}(\.[0-9]{1,6})?"),
}
"""Texts that are kept in fields of these names."""
_PLACES: Final = frozenset({"latitude", "longitude", "lat", "lng", "lon", "long", "coordinates", "bbox"})
_FREE_KEY: Final = re.compile(
    r"(?=[a-zA-Z_]*([0-9][a-zA-Z_]*){0,2}$)([a-z][a-z0-9]*(_[a-z0-9]+)*|[a-z]+([A-Z][a-z]+)*)", re.ASCII
)
"""Names of fields that no class has: snake_case or camelCase, with two digits at most."""
_LONGEST_KEY: Final = 40
_LONG_NUMBER: Final = 1_000_000  # a number from here on may be that of a telephone or an account
_SMALL: Final = re.compile("[0-9]{1,3}|true|false", re.ASCII)
_LINK: Final = re.compile(r'<([^<>]*)>\s*;\s*rel="?(next|previous|prev|first|last)"?')
_HEADERS: Final[Mapping[str, re.Pattern[str]]] = {
    "Content-Type": re.compile(r"(application/(problem\+)?json|text/html)(; ?charset=utf-8)?", re.IGNORECASE),
    "Date": re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", re.ASCII),
    "X-RateLimit-Limit": re.compile(r"\d{1,9}", re.ASCII),
    "X-RateLimit-Remaining": re.compile(r"\d{1,9}", re.ASCII),
    "Retry-After": re.compile(r"\d{1,9}", re.ASCII),
    "RetryAfter": re.compile(r"\d{1,9}", re.ASCII),
    "EvEnergy-Version": re.compile(r"\d{1,3}", re.ASCII),
    "Deprecation": re.compile(r"@\d{1,12}|true", re.ASCII),
}
"""Headers that are kept, and their values that are."""
_REASONS: Final = frozenset(status.phrase for status in HTTPStatus)


@attrs.frozen
class _Place:
    """Place of a value in a document.

    Attributes:
        kind: The type that it is read into.
        model: The class whose field it is, or None.
        name: The name of the field, or "".
    """

    kind: Any
    model: Any = None
    name: str = ""


class Redactor:
    """Redactor of all responses of one recording.

    Args:
        base_url: The base URL that requests go to, whose URLs keep their words.
    """

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._pseudonyms = Pseudonyms()

    def body(self, data: object, kind: Any) -> object:
        """Return a body without the data of the account, given the type that the library reads it into."""
        return self._value(data, _Place(kind))

    def problem(self, data: Mapping[str, object]) -> dict[str, object]:
        """Return problem details without the data of the account."""
        kept = {"title": data["title"]} if data.get("title") in _REASONS else {}
        return cast("dict[str, object]", self._value(dict(data), _Place(UNKNOWN))) | kept

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Return the headers that say how the API behaves; a value that is none of the usual ones is left out."""
        found = {
            name: headers[name] for name, usual in _HEADERS.items() if usual.fullmatch(headers.get(name, "").strip())
        }
        links = [f'<{self.url(url)}>; rel="{rel}"' for url, rel in _LINK.findall(headers.get("Link", ""))]
        return found | ({"Link": ", ".join(links)} if links else {})

    def url(self, url: str) -> str:
        """Return a URL or path with the words of the API, and pseudonyms for all else."""
        if url in {"", "about:blank"}:
            return url
        try:
            path, query = resolve_url(url, self._base_url)
        except InvalidArgumentError:
            return self._foreign(url)
        words = [self._segment(unquote(word)) for word in path.split("/")]
        return ("" if url.startswith("/") else API) + "/".join(words) + self._query(query)

    def _foreign(self, url: str) -> str:
        try:
            parts = urlsplit(url)
            query = self._query(parse_qsl(parts.query, keep_blank_values=True))
        except ValueError:
            return self._pseudonyms.text(url)
        return f"https://example.com/{self._pseudonyms.word(parts.netloc + parts.path)}{query}"

    def _segment(self, word: str) -> str:
        is_public = word in {"", "v2"} or word in vocabulary.path_words() or word in vocabulary.members()
        return quote(word, safe=":") if is_public or _is_time(word) else self._pseudonyms.word(word)

    def _query(self, query: Iterable[tuple[str, str]]) -> str:
        pairs = [self._pair(name, value) for name, value in query]
        return f"?{urlencode(pairs, safe=':,')}" if pairs else ""

    def _pair(self, name: str, value: str) -> tuple[str, str]:
        if not vocabulary.is_name(name):
            return self._pseudonyms.key(name), self._pseudonyms.text(value)
        is_expansion = name == "expand" and all(word in vocabulary.field_names() for word in value.split("."))
        kept = is_expansion or _SMALL.fullmatch(value) or value in vocabulary.members()
        return name, value if kept else self._text(value, _Place(str, name=name))

    def _value(self, data: object, place: _Place) -> object:
        match data:
            case dict():
                return self._object(cast("dict[str, object]", data), place)
            case list():
                inner = attrs.evolve(place, kind=kinds.items_of(place.kind))
                return [self._value(one, inner) for one in cast("list[object]", data)]
            case str():
                return self._text(data, place)
            case int() | float() if not isinstance(data, bool):
                return self._number(data, place)
            case _:
                return data

    def _object(self, data: dict[str, object], place: _Place) -> dict[str, object]:
        model = kinds.model_of(place.kind)
        if model is not None:
            fields = kinds.fields_of(model)
            return {
                name if name in fields else self._free_key(name): self._value(
                    value, _Place(fields.get(name, UNKNOWN), model, name)
                )
                for name, value in data.items()
            }
        if kinds.is_map(place.kind):
            inner = _Place(kinds.values_of(place.kind))
            return {self._map_key(name): self._value(value, inner) for name, value in data.items()}
        return {self._free_key(name): self._value(value, _Place(UNKNOWN, name=name)) for name, value in data.items()}

    def _free_key(self, name: str) -> str:
        return name if len(name) <= _LONGEST_KEY and _FREE_KEY.fullmatch(name) else self._pseudonyms.key(name)

    def _map_key(self, name: str) -> str:
        is_public = vocabulary.is_name(name) or name in vocabulary.members() or _is_time(name)
        return name if is_public else self._pseudonyms.key(name)

    def _number(self, value: float, place: _Place) -> float:
        if place.name.lower() in _PLACES:
            return self._pseudonyms.degrees(value)
        if place.kind is UNKNOWN and isinstance(value, int) and abs(value) >= _LONG_NUMBER:
            return self._pseudonyms.integer(value)
        return value

    def _text(self, text: str, place: _Place) -> str:
        if self._is_public(text, place):
            return text
        if text.startswith(("https://", "http://", "/v2/")):
            return self.url(text)
        return self._pseudonyms.text(text)

    def _is_public(self, text: str, place: _Place) -> bool:
        """Return whether a text tells nothing of the account."""
        if _is_time(text) or (_DAY.fullmatch(text) and place.kind is not UNKNOWN and _is_date(text)):
            return True
        if _DURATION.fullmatch(text) or text == "about:blank":
            return True
        enumeration = kinds.enumeration_of(place.kind)
        if enumeration is not None:
            return text in kinds.values(enumeration) or _NEW_MEMBER.fullmatch(text) is not None
        if place.kind is UNKNOWN:
            return text in vocabulary.members() and _NEW_MEMBER.fullmatch(text) is not None
        safe = _SAFE.get(place.name)
        return bool(safe and safe.fullmatch(text)) or vocabulary.is_public_text(place.model, place.name, text)


def _is_time(text: str) -> bool:
    return _TIME.fullmatch(text) is not None and ("-" not in text or _is_date(text[:10]))


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
