"""What became of messages: for the member or agency whose line it is, and for the operator, who is
shown counts only. Sending them is referrals/notifications/message_queue.py."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection, connections

from permissions.audit import writer
from permissions.database.aliases import JOBS
from permissions.errors import NotPossible, NotVisible
from permissions.identity import contact_channels
from permissions.principal import Principal
from referrals.notifications.recipients import query

SHOWN = 100  # the newest of them


class MessageView(NamedTuple):
    """A message as its member, or their agency's administrator, sees it: without address, text, or
    what it was about."""

    id: UUID
    at: datetime
    kind: str
    template: str
    channel_id: UUID
    state: str
    tries: int
    outcome: str | None
    done_at: datetime | None
    own: bool


_SHOWN = "id, at, kind, template, channel_id, state, tries, outcome, done_at, member_id IS NOT NULL"


def list_messages(principal: Principal, state: str | None = None) -> list[MessageView]:
    """Return the newest hundred messages of the caller, and for an agency_admin those of the
    agency's channels.

    Raises NotPermitted for a system. One access entry.
    """
    with writer.logged_act(principal, "messages.read") as attempt:
        contact_channels.require_member_in_person(principal)
        attempt.record()
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM sec.newest_messages(%s, %s)", [state, SHOWN])
            return [MessageView._make(row) for row in cursor.fetchall()]


def retry(principal: Principal, message_id: UUID) -> MessageView:
    """Try a dead message again from the start. Twice is safe: a waiting message keeps waiting.

    Raises NotVisible, and NotPossible if it was sent.
    """
    with writer.logged_act(principal, "message.retry"), connection.cursor() as cursor:
        contact_channels.require_member_in_person(principal)
        cursor.execute(
            "UPDATE message SET state = 'waiting', tries = 0, due_at = sec.clock(), done_at = NULL"
            " WHERE id = %s AND state = 'dead'",
            [message_id],
        )
        cursor.execute(
            f"SELECT {_SHOWN} FROM message WHERE id = %s",  # noqa: S608 (of fixed parts)
            [message_id],
        )
        row = cursor.fetchone()
        if row is None:
            raise NotVisible
        shown = MessageView._make(row)
        if shown.state == "sent":
            raise NotPossible("sent_already", "It was sent.")
    return shown


def counts() -> list[tuple[str, str, str, int]]:
    """Return (kind, state, last outcome, how many), without agency, person or referral, and without
    practice."""
    return [
        (kind, state, outcome, number)
        for kind, state, outcome, number in query(
            "SELECT kind, state, coalesce(outcome, '-'), count(*) FROM message m"
            " WHERE NOT EXISTS (SELECT FROM permissions_agency a WHERE a.id = m.agency_id"
            "  AND a.exercise_id IS NOT NULL)"
            " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
            [],
        )
    ]


def retry_dead(kind: str | None = None) -> int:
    """Try every dead message (of one kind) again. Returns how many. Twice is safe."""
    with connections[JOBS].cursor() as cursor:
        cursor.execute(
            "UPDATE message SET state = 'waiting', tries = 0, due_at = sec.clock(), done_at = NULL"
            " WHERE state = 'dead' AND (%s::text IS NULL OR kind = %s)",
            [kind, kind],
        )
        again: int = cursor.rowcount
    return again
