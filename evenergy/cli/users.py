"""Command ``evenergy users``."""

from __future__ import annotations

import click

from evenergy.resources.users import User

from .context import App, ClientCommand, Settings
from .listing import LIMIT, listed
from .output import ALWAYS, Column, model_shape, time_column
from .words import tail


@click.command(
    "users",
    cls=ClientCommand,
    params=[click.Option(["--email"], metavar="ADDRESS", help="Only the user with this address."), LIMIT],
)
@click.pass_obj
def users(settings: Settings, email: str | None, limit: int | None) -> None:
    """List the users whom the credentials may see."""

    async def run(app: App) -> None:
        await listed(app, app.client.users.list(email=email), model_shape(User, _columns()), "user", limit)

    settings.run(run)


def _columns() -> list[Column[User]]:
    return [
        Column("User", lambda user: user.id, importance=ALWAYS, brief=tail),
        Column("Name", lambda user: user.full_name, importance=80, flexible=True),
        Column("Email", lambda user: user.email, importance=60, flexible=True),
        time_column("Joined (UTC)", lambda user: user.joined_at, importance=20),
        Column("Vehicles", lambda user: _count(user.vehicles), importance=30, right=True),
        Column("Chargers", lambda user: _count(user.evses), importance=25, right=True),
    ]


def _count(urls: list[str] | None) -> int | None:
    return None if urls is None else len(urls)
