"""Kinds of resources: the prefix of their ids, and where they are."""

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
        return urls.segments(self._collection, validate.identifier(resource_id, self._prefix), *below)

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
BOUNDARY_METER_MAKE = Kind("bmma", "boundary_meter_makes")
BOUNDARY_METER_MODEL = Kind("bmmo", "boundary_meter_models")
CARBON_FEED = Kind("cabf", "carbon_feeds")
CHARGING_SESSION = Kind("cses", "charging_sessions")
CHARGING_SUB_SESSION = Kind("csub", "charging_sub_sessions")
CT_CLAMP = Kind("ctcl", "ct_clamps")
EVSE = Kind("evse", "evses")
EVSE_FIRMWARE_VERSION = Kind("evsf", "evse_firmware_versions")
EVSE_MAKE = Kind("emak", "evse_makes")
EVSE_MODEL = Kind("emod", "evse_models")
EVSE_SITE = Kind("site", "evse_sites")
GRID_FEED = Kind("grfd", "grid_feeds")
HEM_SYSTEM = Kind("hems", "hem_systems")
HOME_BATTERY = Kind("hoba", "home_batteries")
HOME_BATTERY_MAKE = Kind("bmak", "home_battery_makes")
HOME_BATTERY_MODEL = Kind("bmod", "home_battery_models")
INVERTER = Kind("invt", "inverters")
INVERTER_MAKE = Kind("imak", "inverter_makes")
INVERTER_MODEL = Kind("imod", "inverter_models")
NOTIFICATION = Kind("notf", "notifications")
PARTICIPATION_AGREEMENT_VERSION = Kind("pagv", "participation_agreement_versions")
PROGRAM = Kind("prog", "programs")
PROGRAM_TIER = Kind("tier", "tiers")
REBATE_EVIDENCE_FILE = Kind("rbef", "rebate_evidence_files")
REBATE_EVIDENCE_TYPE = Kind("rbet", "rebate_evidence_types")
REBATE_TYPE = Kind("rbtt", "rebate_types")
REGION = Kind("regn", "regions")
REGION_GROUP = Kind("rgrp", "region_groups")
SAVED_ROUTE = Kind("savr", "saved_routes")
SCHEDULE_PLAN = Kind("scpl", "schedule_plans")  # filters alone: a plan has no path
SOLAR_ARRAY = Kind("solr", "solar_arrays")
SOLAR_FORECAST = Kind("solf", "solar_forecasts")
SUBSCRIPTION = Kind("subs", "subscriptions")
SUBSCRIPTION_OFFERING = Kind("subo", "subscription_offerings")
SUPPLIER = Kind("supl", "suppliers")
SUPPORT_TICKET = Kind("tick", "support_tickets")
SUPPORT_TICKET_MESSAGE = Kind("tmsg", "messages")
TARIFF = Kind("tari", "tariffs")
TIMEZONE = Kind("tzon", "timezones")
USER = Kind("user", "users")
USER_REBATE = Kind("rbtu", "user_rebates")
VEHICLE = Kind("vhcl", "vehicles")
VEHICLE_MAKE = Kind("vmak", "vehicle_makes")
VEHICLE_MODEL = Kind("vmod", "vehicle_models")
VEHICLE_TRIM = Kind("trim", "vehicle_trims")
