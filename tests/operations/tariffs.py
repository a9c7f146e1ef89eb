from typing import get_args

from evenergy import Price, Supplier, Tariff, TariffExpand

from ._row import SINCE, SUPPLIER, TARIFF, UNTIL, USER, Row

ROWS = (
    Row(
        "get-suppliers",
        lambda c: c.suppliers.list(available_for_user_id=USER, page_size=50),
        "GET /suppliers",
        Supplier,
        "number",
    ),
    Row(
        "get-suppliers-suppler_id",
        lambda c: c.suppliers.get(SUPPLIER),
        f"GET /suppliers/{SUPPLIER}",
        Supplier,
    ),
    Row(
        "get-tariffs",
        lambda c: c.tariffs.list(
            supplier_id=SUPPLIER,
            valid=True,
            gsp_group="a text",
            available_for_user_id=USER,
            include_optional="daily_prices",
            expand=get_args(TariffExpand),
            page_size=50,
        ),
        "GET /tariffs",
        Tariff,
        "number",
    ),
    Row(
        "get-tariffs-tariff_id",
        lambda c: c.tariffs.get(TARIFF, available_for_user_id=USER, expand=get_args(TariffExpand)),
        f"GET /tariffs/{TARIFF}",
        Tariff,
    ),
    Row(
        "get-tariff-prices",
        lambda c: c.tariffs.prices.list(TARIFF, since=SINCE, until=UNTIL, page_size=50),
        f"GET /tariffs/{TARIFF}/prices",
        Price,
        "number",
        names={"since": "started_at__gte", "until": "started_at__lte"},
    ),
)
