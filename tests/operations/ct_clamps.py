from typing import get_args

from evenergy import CTClamp, CTClampExpand, CTClampLog, CTClampLogExpand

from ._row import CHARGER, ULID, Row, logs

_CLAMP = f"ctcl{ULID}"

ROWS = (
    Row(
        "get-ct-clamps",
        lambda c: c.ct_clamps.list(expand=get_args(CTClampExpand), page_size=50),
        "GET /ct_clamps",
        CTClamp,
        "id",
    ),
    Row(
        "get-ct-clamps-ct_clamp_id",
        lambda c: c.ct_clamps.get(_CLAMP, expand=get_args(CTClampExpand)),
        f"GET /ct_clamps/{_CLAMP}",
        CTClamp,
        response={"id": _CLAMP, "evse": {"id": CHARGER, "ct_clamp": f"/ct_clamps/{_CLAMP}"}},
    ),
    *logs(
        "get-ct-clamps-ct_clamp_id-logs",
        lambda c: c.ct_clamps.logs,
        f"GET /ct_clamps/{_CLAMP}/logs",
        CTClampLog,
        CTClampLogExpand,
        one="sampled_at",
    ),
)
