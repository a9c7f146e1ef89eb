"""Pseudonyms: texts of the same form that say nothing, the same one for the same text in all files of a recording.

They are numbered in the order of appearance. So no two texts share one, and nothing of a text is in its pseudonym, as
parts of a hash would be. The table is in memory alone, and gone with the process.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Final

ID: Final = re.compile(r"([a-z]{4})[0-9A-HJKMNP-TV-Z]{26}", re.ASCII)
_EMAIL: Final = re.compile(r"[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+")
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_DIGITS: Final = re.compile(r"[0-9]+", re.ASCII)
_PHONE: Final = re.compile(r"\+?[0-9][0-9 ()./-]{5,}", re.ASCII)
_ULID_LENGTH: Final = 26
_PLACE: Final = 60.0  # degrees: within the range of latitudes and of longitudes


class Pseudonyms:
    """Table of the pseudonyms of one recording."""

    def __init__(self) -> None:
        self._numbers: defaultdict[str, dict[str, int]] = defaultdict(dict[str, int])

    def text(self, text: str) -> str:
        """Return the pseudonym of a text: an id, an e-mail address, a number and the like keep their form."""
        found = ID.fullmatch(text)
        if found:
            return f"{found[1]}{self._number(found[1], text):0{_ULID_LENGTH}d}"
        if _EMAIL.fullmatch(text):
            return f"user-{self._number('e-mail', text)}@example.com"
        if _UUID.fullmatch(text):
            return f"00000000-0000-4000-8000-{self._number('UUID', text):012d}"
        if _DIGITS.fullmatch(text):
            return f"{self._number('digits', text):0{len(text)}d}"
        if _PHONE.fullmatch(text):
            return f"+{self._number('phone', text):0{sum(map(str.isdigit, text))}d}"
        return f"text {self._number('text', text)} ({len(text)})" if text else ""

    def word(self, word: str) -> str:
        """Return the pseudonym of a part of a path."""
        return self.text(word) if ID.fullmatch(word) or _UUID.fullmatch(word) else f"word{self._number('word', word)}"

    def key(self, key: str) -> str:
        """Return the pseudonym of a name in an object."""
        return self.text(key) if ID.fullmatch(key) else f"key_{self._number('key', key)}"

    def integer(self, value: int) -> int:
        """Return another number with as many digits, at least."""
        other = int("1".ljust(len(str(abs(value))), "0")) + self._number("integer", str(value))
        return -other if value < 0 else other

    def degrees(self, value: float) -> float:
        """Return another place on the globe, with as many decimals at most."""
        if isinstance(value, int):
            return self._number("degrees", str(value)) % int(_PLACE)
        decimals = len(repr(value).partition("e")[0].partition(".")[2])
        step = self._number("degrees", repr(value)) * 0.731  # with decimals, as a place has them
        return round(step % _PLACE, decimals)

    def _number(self, form: str, text: str) -> int:
        known = self._numbers[form]
        return known.setdefault(text, len(known) + 1)
