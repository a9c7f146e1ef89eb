from evenergy import CPMSProvider, EVSESite

from ._row import EVSE_SITE, Row

ROWS = (
    Row(
        "get-evse_sites",
        lambda c: c.evse_sites.list(),
        "GET /evse_sites",
        EVSESite,
        "link",
    ),
    Row(
        "get-evse_sites-evse_site_id",
        lambda c: c.evse_sites.get(EVSE_SITE),
        f"GET /evse_sites/{EVSE_SITE}",
        EVSESite,
    ),
    Row(
        "get-cpms_providers",
        lambda c: c.cpms_providers.list(),
        "GET /cpms_providers",
        CPMSProvider,
        "id",
        query={"page_size": None},
    ),
    Row(
        "get-cpms_providers-provider_id",
        lambda c: c.cpms_providers.get("CHARGEPOINT"),
        "GET /cpms_providers/CHARGEPOINT",
        CPMSProvider,
    ),
    Row(
        "get-cpms_providers-provider_id",
        lambda c: c.cpms_providers.get("https://api.ev.energy/v2/cpms_providers/A_WORD/"),
        "GET /cpms_providers/A_WORD",
    ),
)
