"""Notifications that are marked as read."""

from datetime import UTC, datetime

from evenergy import AsyncClient, ClientCredentials
from evenergy.sandbox import Sandbox


async def test_a_notification_is_marked_as_read_now() -> None:
    async with Sandbox(vehicles=10) as sandbox:
        auth = ClientCredentials(sandbox.client_id, sandbox.client_secret)
        async with AsyncClient(auth, base_url=sandbox.base_url) as client:
            for user in await client.users.list().collect():
                of_user = client.with_options(user=user.id)
                unread = [one async for one in of_user.notifications.list() if one.read_at is None]
                for one in unread[:1]:
                    before = datetime.now(UTC)
                    marked = await of_user.notifications.mark_read(one.id)
                    again = await of_user.notifications.get(one.id)
                    assert marked.read_at == again.read_at
                    assert again.read_at is not None
                    assert before <= again.read_at <= datetime.now(UTC)
                    return
    raise AssertionError("no notification of the sandbox is unread")
