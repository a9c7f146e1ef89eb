"""Kinds of resources: the prefix of their ids, and where they are; here those that several domains name."""

from msgspec import UnsetType

from evenergy._codec import urls, validate
from evenergy._codec.wire_types import Identified


class Kind:
    """Kind of resource: the prefix of its ids and the name of its collection."""

    def __init__(self, prefix: str, collection: str) -> None:
        self._prefix = prefix
        self._collection = collection
        self.all: str = urls.segments(collection)
        """The path of the collection."""

    def id(self, resource: str | Identified) -> str:
        """Return the id, given the resource, its id or its URL.

        Raises:
            InvalidArgumentError: It names no resource of this kind.
        """
        return validate.identifier(resource if isinstance(resource, str) else resource.id, self._prefix)

    def path(self, resource_id: str, /, *below: str) -> str:
        """Return the path of a resource, given its id or URL, or of something below it."""
        path = f"{self.all}/{validate.identifier(resource_id, self._prefix)}"  # of an id nothing need be quoted
        return path + urls.segments(*below) if below else path

    def url(self, base: str, resource: str | Identified) -> str:
        """Return the URL by which a body refers to a resource, given the resource, its id or its URL."""
        return f"{base}{self.all}/{self.id(resource)}"

    def filter(self, resource_id: str | None) -> str | None:
        """Return the id for a filter, or None for no filter."""
        return None if resource_id is None else validate.identifier(resource_id, self._prefix)

    def optional_id(self, resource: str | Identified | UnsetType) -> str | UnsetType:
        """Return the id for a field of a body, or UNSET."""
        return resource if isinstance(resource, UnsetType) else self.id(resource)

    def optional_url(self, base: str, resource: str | Identified | UnsetType) -> str | UnsetType:
        """Return the URL for a field of a body, or UNSET."""
        return resource if isinstance(resource, UnsetType) else self.url(base, resource)


BOUNDARY_METER = Kind("bmet", "boundary_meters")
CARBON_FEED = Kind("cabf", "carbon_feeds")
CHARGING_SESSION = Kind("cses", "charging_sessions")
CHARGING_SUB_SESSION = Kind("csub", "charging_sub_sessions")
EVSE = Kind("evse", "evses")
EVSE_MAKE = Kind("emak", "evse_makes")
EVSE_MODEL = Kind("emod", "evse_models")
HOME_BATTERY = Kind("hoba", "home_batteries")
INVERTER = Kind("invt", "inverters")
PROGRAM = Kind("prog", "programs")
USER = Kind("user", "users")
VEHICLE = Kind("vhcl", "vehicles")
VEHICLE_MAKE = Kind("vmak", "vehicle_makes")
VEHICLE_MODEL = Kind("vmod", "vehicle_models")
VEHICLE_TRIM = Kind("trim", "vehicle_trims")
