from evenergy import (
    SupportTicketPriorities,
    SupportTicketResolution,
    SupportTicketSankey,
    SupportTicketSources,
    SupportTicketStatuses,
    SupportTicketTopCategories,
    SupportTicketVolume,
)

from ._row import Row

ROWS = (
    Row(
        "get-support_ticket_stats-sankey",
        lambda c: c.support_ticket_stats.sankey(),
        "GET /support-ticket-stats/sankey",
        SupportTicketSankey,
    ),
    Row(
        "get-support_ticket_stats-volume",
        lambda c: c.support_ticket_stats.volume(group_by="day"),
        "GET /support-ticket-stats/volume",
        SupportTicketVolume,
    ),
    Row(
        "get-support_ticket_stats-resolution",
        lambda c: c.support_ticket_stats.resolution(),
        "GET /support-ticket-stats/resolution",
        SupportTicketResolution,
    ),
    Row(
        "get-support_ticket_stats-status",
        lambda c: c.support_ticket_stats.status(),
        "GET /support-ticket-stats/status",
        SupportTicketStatuses,
    ),
    Row(
        "get-support_ticket_stats-priority",
        lambda c: c.support_ticket_stats.priority(),
        "GET /support-ticket-stats/priority",
        SupportTicketPriorities,
    ),
    Row(
        "get-support_ticket_stats-source",
        lambda c: c.support_ticket_stats.source(),
        "GET /support-ticket-stats/source",
        SupportTicketSources,
    ),
    Row(
        "get-support_ticket_stats-top-categories",
        lambda c: c.support_ticket_stats.top_categories(limit=7),
        "GET /support-ticket-stats/top-categories",
        SupportTicketTopCategories,
    ),
)
