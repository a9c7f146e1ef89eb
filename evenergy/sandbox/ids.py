"""Identifiers: a four-letter prefix and a ULID."""

import re
from hashlib import blake2b

from evenergy.sandbox.seeded_random import SeededRandom

ULID = "[0-9A-HJKMNP-TV-Z]{26}"
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_FIRST_MS = 1_704_067_200_000  # 2024-01-01: ids follow the seed alone, so they read the same whatever the clock says
_STEP_MS = 60_000


def make_id(prefix: str, order: int, random: SeededRandom) -> str:
    """Return the id of the resource that was the `order`-th of its kind: ids sort in the order of creation."""
    return prefix + ulid(_FIRST_MS + order * _STEP_MS, random.getrandbits(80))


def ulid(milliseconds: int, randomness: int) -> str:
    """Return the ULID of a time since 1970 and 80 random bits."""
    number = milliseconds % (1 << 48) << 80 | randomness
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


def ulid_parts(id: str, prefix: str) -> tuple[int, int] | None:
    """Return the time and the random bits of an id, or None when it is not one."""
    if not re.fullmatch(prefix + ULID, id):
        return None
    number = 0
    for letter in id[len(prefix) :]:
        number = number << 5 | _CROCKFORD.index(letter)
    milliseconds = number >> 80 & (1 << 48) - 1
    # Times before 1970, of a clock that starts there, wrap around.
    return milliseconds - (milliseconds >> 47 << 48), number & (1 << 80) - 1


def digest(text: str, bits: int) -> int:
    """Return bits that are the same for the same text: for ids and values that no other draw may move."""
    return int.from_bytes(blake2b(text.encode(), digest_size=16).digest()) & (1 << bits) - 1
