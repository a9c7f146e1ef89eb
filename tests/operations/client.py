from evenergy import WebhookPortal

from ._row import Row

ROWS = (
    Row("get-root", lambda c: c.root(), "GET /", dict, response={"vehicles": "https://api.ev.energy/v2/vehicles"}),
    Row("get-webhook_portal", lambda c: c.webhook_portal(), "GET /webhook_portal", WebhookPortal),
)
