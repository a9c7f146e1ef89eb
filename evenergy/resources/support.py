"""Support tickets of users, and the messages in them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal, TypeAlias

from msgspec import UNSET, UnsetType

from evenergy._codec.model import model
from evenergy._codec.urls import comma_list
from evenergy._codec.wire_types import Member, OpenEnum, Time, reference_id
from evenergy._core.resource import Child, M_co, Resource, operation, paged
from evenergy._transport.request import ListRequest, Request, fields, list_request, request, unpaged_request

from ._kinds import USER, Kind
from .support_categories import SupportTicketCategories, SupportTicketCategory, SupportTicketSubcategory
from .users import User

__all__ = [
    "SupportTicket",
    "SupportTicketExpand",
    "SupportTicketMessage",
    "SupportTicketMessageType",
]

SUPPORT_TICKET = Kind("tick", "support_tickets")
SUPPORT_TICKET_MESSAGE = Kind("tmsg", "messages")

SupportTicketExpand: TypeAlias = Literal["user", "messages"]
"""References of a support ticket that can be expanded."""


class SupportTicketMessageType(OpenEnum):
    """Author of a message."""

    AI_AGENT_RESPONSE = Member("AI_AGENT_RESPONSE")
    CUSTOMER_RESPONSE = Member("CUSTOMER_RESPONSE")
    HUMAN_AGENT_RESPONSE = Member("HUMAN_AGENT_RESPONSE")
    INITIAL_REQUEST = Member("INITIAL_REQUEST")


@model
class SupportTicketMessage:
    """Message in a support ticket.

    Attributes:
        position: The place in the conversation, from 0.
        message_clean: The message without quotes and signatures.
        created_at: The time of the message in the support system.
    """

    id: str
    position: int | None = None
    message_type: SupportTicketMessageType | None = None
    message: str | None = None
    message_clean: str | None = None
    created_at: Time | None = None


@model
class SupportTicket:
    """Support ticket.

    Attributes:
        user: The URL of the user, or the user when it was expanded; None for tickets of people without an account.
        external_ticket_id: The id in the support system, such as Freshdesk.
        status: A text of the support system, such as ``Open``.
        priority: Likewise, such as ``High``.
        source: Likewise, such as ``Email``.
        human_verified_category: The category that a person gave; None before.
        human_verified_subcategory: The subcategory that a person gave; None before.
        ai_generated_category: The category that a model gave; None before.
        ai_generated_subcategory: The subcategory that a model gave; None before.
        type_deprecated: The type that was used before categories.
        messages: The URLs of the messages, or the messages when they were expanded.
        conversation_summary: A summary that a model wrote; None when there is none.
        custom_fields: Fields of the support system.
        attributes: Facts about the user and the hardware.
        created_at: The time of creation in the support system.
        ticket_updated_at: The time of the last change there.
        resolved_at: The time of the resolution; None while it is unresolved.
    """

    id: str
    url: str | None = None
    user: str | User | None = None
    external_ticket_id: str | None = None
    subject: str | None = None
    status: str | None = None
    priority: str | None = None
    source: str | None = None
    human_verified_category: SupportTicketCategory | None = None
    human_verified_subcategory: SupportTicketSubcategory | None = None
    ai_generated_category: SupportTicketCategory | None = None
    ai_generated_subcategory: SupportTicketSubcategory | None = None
    type_deprecated: str | None = None
    tags: list[str] | None = None
    messages: list[str | SupportTicketMessage] | None = None
    conversation_summary: str | None = None
    custom_fields: dict[str, Any] | None = None
    attributes: dict[str, Any] | None = None
    created_at: Time | None = None
    ticket_updated_at: Time | None = None
    resolved_at: Time | None = None

    @property
    def user_id(self) -> str | None:
        """Return the id of the user, whether it was expanded or not."""
        return reference_id(self.user)


class SupportTicketMessages(Resource[M_co]):
    """Messages in support tickets. The methods raise what `evenergy.errors` lists."""

    @operation
    def get(self, ticket_id: str, message_id: str, /) -> Request[SupportTicketMessage]:
        """Return one message, by id or URL. API: ``GET /support_tickets/{support_ticket_id}/messages/{message_id}``."""
        path = SUPPORT_TICKET.path(ticket_id, "messages", SUPPORT_TICKET_MESSAGE.id(message_id))
        return request(SupportTicketMessage, "GET", path)

    @paged
    def list(
        self,
        ticket_id: str,
        /,
        *,
        message_type: SupportTicketMessageType | str | None = None,
        message_type__in: Iterable[SupportTicketMessageType | str] | None = None,
        position: int | None = None,
        position__gte: int | None = None,
        position__lte: int | None = None,
    ) -> ListRequest[SupportTicketMessage]:
        """List the messages of a ticket by position, in one request.

        API: ``GET /support_tickets/{support_ticket_id}/messages``.

        Args:
            ticket_id: An id or a URL.
            message_type: The author.
            message_type__in: Several authors.
            position: The place in the conversation, from 0.
            position__gte: The first place.
            position__lte: The last place.
        """
        return unpaged_request(
            SupportTicketMessage,
            SUPPORT_TICKET.path(ticket_id, "messages"),
            message_type=message_type,
            message_type__in=comma_list("message_type__in", message_type__in),
            position=position,
            position__gte=position__gte,
            position__lte=position__lte,
        )


class SupportTickets(Resource[M_co]):
    """Support tickets. The methods raise what `evenergy.errors` lists."""

    messages: Child[SupportTicketMessages[M_co]] = Child("support:SupportTicketMessages")
    """Messages in tickets."""

    @operation
    def get(self, ticket_id: str, /, *, expand: Iterable[SupportTicketExpand] = ()) -> Request[SupportTicket]:
        """Return one ticket, by id or URL. API: ``GET /support_tickets/{support_ticket_id}``."""
        return request(SupportTicket, "GET", SUPPORT_TICKET.path(ticket_id), expand=expand)

    @paged
    def list(
        self,
        *,
        external_ticket_id: str | None = None,
        human_verified_category: SupportTicketCategory | str | None = None,
        human_verified_subcategory: SupportTicketSubcategory | str | None = None,
        ai_generated_category: SupportTicketCategory | str | None = None,
        ai_generated_subcategory: SupportTicketSubcategory | str | None = None,
        human_verified_category__isnull: bool | None = None,
        human_verified_subcategory__isnull: bool | None = None,
        ai_generated_category__isnull: bool | None = None,
        ai_generated_subcategory__isnull: bool | None = None,
        status: str | None = None,
        status__in: Iterable[str] | None = None,
        priority: str | None = None,
        priority__in: Iterable[str] | None = None,
        priority__isnull: bool | None = None,
        created_at__gte: datetime | None = None,
        created_at__lte: datetime | None = None,
        user: User | str | None = None,
        user__isnull: bool | None = None,
        tags: str | None = None,
        source: str | None = None,
        source__in: Iterable[str] | None = None,
        resolved_at__gte: datetime | None = None,
        resolved_at__lte: datetime | None = None,
        resolved_at__isnull: bool | None = None,
        ticket_updated_at__gte: datetime | None = None,
        ticket_updated_at__lte: datetime | None = None,
        ticket_updated_at__isnull: bool | None = None,
        expand: Iterable[SupportTicketExpand] = (),
        page_size: int | None = None,
    ) -> ListRequest[SupportTicket]:
        """List tickets; all filters that are given must hold. API: ``GET /support_tickets``.

        Args:
            external_ticket_id: The id in the support system, such as Freshdesk.
            human_verified_category: The category that a person gave.
            human_verified_subcategory: The subcategory that a person gave.
            ai_generated_category: The category that a model gave.
            ai_generated_subcategory: The subcategory that a model gave.
            human_verified_category__isnull: True for tickets that have none, False for those that have one; likewise
                the other filters of this kind.
            human_verified_subcategory__isnull: Likewise.
            ai_generated_category__isnull: Likewise.
            ai_generated_subcategory__isnull: Likewise.
            status: The status, such as ``Open``.
            status__in: Several statuses, none of which may hold a comma; likewise the other filters of this kind.
            priority: The priority, such as ``High``.
            priority__in: Several priorities.
            priority__isnull: Whether it has none.
            created_at__gte: The earliest creation, as an aware datetime.
            created_at__lte: The latest creation.
            user: The user: a user, an id or a URL.
            user__isnull: Whether it has none.
            tags: A tag.
            source: The source, such as ``Email``.
            source__in: Several sources.
            resolved_at__gte: The earliest resolution.
            resolved_at__lte: The latest resolution.
            resolved_at__isnull: Whether it is unresolved.
            ticket_updated_at__gte: The earliest change.
            ticket_updated_at__lte: The latest change.
            ticket_updated_at__isnull: Whether it never changed.
            expand: The references to expand.
            page_size: Tickets for each request, 1 to 100; 100 unless it is given.
        """
        return list_request(
            SupportTicket,
            SUPPORT_TICKET.all,
            page_size=page_size,
            expand=expand,
            external_ticket_id=external_ticket_id,
            human_verified_category=human_verified_category,
            human_verified_subcategory=human_verified_subcategory,
            ai_generated_category=ai_generated_category,
            ai_generated_subcategory=ai_generated_subcategory,
            human_verified_category__isnull=human_verified_category__isnull,
            human_verified_subcategory__isnull=human_verified_subcategory__isnull,
            ai_generated_category__isnull=ai_generated_category__isnull,
            ai_generated_subcategory__isnull=ai_generated_subcategory__isnull,
            status=status,
            status__in=comma_list("status__in", status__in),
            priority=priority,
            priority__in=comma_list("priority__in", priority__in),
            priority__isnull=priority__isnull,
            created_at__gte=created_at__gte,
            created_at__lte=created_at__lte,
            user=None if user is None else USER.url(self._base_url, user),
            user__isnull=user__isnull,
            tags=tags,
            source=source,
            source__in=comma_list("source__in", source__in),
            resolved_at__gte=resolved_at__gte,
            resolved_at__lte=resolved_at__lte,
            resolved_at__isnull=resolved_at__isnull,
            ticket_updated_at__gte=ticket_updated_at__gte,
            ticket_updated_at__lte=ticket_updated_at__lte,
            ticket_updated_at__isnull=ticket_updated_at__isnull,
        )

    @operation
    def update(
        self,
        ticket_id: str,
        /,
        *,
        human_verified_category: SupportTicketCategory | str | UnsetType | None = UNSET,
        human_verified_subcategory: SupportTicketSubcategory | str | UnsetType | None = UNSET,
        ai_generated_category: SupportTicketCategory | str | UnsetType | None = UNSET,
        ai_generated_subcategory: SupportTicketSubcategory | str | UnsetType | None = UNSET,
    ) -> Request[SupportTicket]:
        """Change the given categories; None clears. API: ``PATCH /support_tickets/{support_ticket_id}``."""
        body = fields(
            human_verified_category=human_verified_category,
            human_verified_subcategory=human_verified_subcategory,
            ai_generated_category=ai_generated_category,
            ai_generated_subcategory=ai_generated_subcategory,
        )
        return request(SupportTicket, "PATCH", SUPPORT_TICKET.path(ticket_id), body=body)

    @operation
    def categories(self) -> Request[SupportTicketCategories]:
        """Return all categories and subcategories, with their names for people.

        API: ``GET /support_tickets/categories``.
        """
        return request(SupportTicketCategories, "GET", "/support_tickets/categories")
