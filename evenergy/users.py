"""Users, and where they live."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal, TypeAlias

from .blocking import Facade, blocking, blocking_pager
from .calls import call
from .checks import expansion, identifier, query
from .codec import Time
from .pager import Pager, listing
from .session import Session
from .values import frozen

UserExpand: TypeAlias = Literal[
    "default_location.tariff", "default_location.tariff.supplier", "default_location.evse_site"
]
"""What a user can be answered with instead of a URL."""


@frozen
class LatLong:
    """A place on the globe, in degrees."""

    latitude: float
    longitude: float


@frozen
class Location:
    """Where a user lives and charges. Each field is None when it is not known.

    Attributes:
        country_code: ISO 3166-1, two letters.
        tariff: The URL of the electricity tariff, or the tariff as plain data when it was expanded.
        evse_site: The URL of the charging site, or the site as plain data when it was expanded.
        current_carbon_intensity_grams_per_kilowatt_hour: Of the grid there; only when a single user is asked for.
    """

    address_1: str | None = None
    address_2: str | None = None
    postal_code: str | None = None
    city: str | None = None
    state: str | None = None
    country_code: str | None = None
    coordinates: LatLong | None = None
    tariff: str | dict[str, Any] | None = None
    evse_site: str | dict[str, Any] | None = None
    current_carbon_intensity_grams_per_kilowatt_hour: int | None = None


@frozen
class User:
    """A driver.

    Attributes:
        terms_consent_datetime: When the terms were accepted; None when they were not.
        default_location: Home; None when it is not known.
        vehicles: URLs of the user's vehicles.
        evses: URLs of the user's chargers.
    """

    id: str
    url: str | None = None
    email: str | None = None
    full_name: str | None = None
    joined_at: Time | None = None
    terms_consent_datetime: Time | None = None
    default_location: Location | None = None
    vehicles: list[str] | None = None
    evses: list[str] | None = None


class Users:
    """The users that the credentials may see. The methods raise what `evenergy.errors` lists."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def get(self, user_id: str, /, *, expand: Iterable[UserExpand] = ()) -> User:
        """One user, by id or URL. API: ``GET /users/{user_id}``."""
        return await self._session.send(
            call(User, "GET", "users", identifier(user_id, "user"), query=query(expand=expansion(expand)))
        )

    def list(
        self, *, email: str | None = None, expand: Iterable[UserExpand] = (), page_size: int | None = None
    ) -> Pager[User]:
        """All users, or those with the email address, in any case of letters. API: ``GET /users``."""
        filters = query(email=email, expand=expansion(expand))
        return Pager(self._session, listing(User, "users", page_size=page_size, query=filters))


class BlockingUsers(Facade[Users]):
    """`Users`, blocking."""

    get: Final = blocking(Users.get)
    list: Final = blocking_pager(Users.list)
