"""Identifiers: a four-letter prefix and a ULID."""

from evenergy.sandbox.seeded_random import SeededRandom

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_FIRST_MS = 1_704_067_200_000  # 2024-01-01: ids follow the seed alone, so they read the same whatever the clock says
_STEP_MS = 60_000


def make_id(prefix: str, order: int, random: SeededRandom) -> str:
    """Return the id of the resource that was the `order`-th of its kind: ids sort in the order of creation."""
    number = (_FIRST_MS + order * _STEP_MS) << 80 | random.getrandbits(80)
    return prefix + "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))
