"""Messages to a person about their own account: a new device, a change of how they sign in,
an outage of their agency's sign-in. They
go to their own proven channels, in neutral words (referrals/notifications/message_texts.py)."""

from typing import Literal
from uuid import UUID

from django.db import connections

What = Literal["new_device", "account_changed", "sign_in_reset", "sign_in_away"]


def tell_person(person_id: UUID, what: What) -> int:
    """Queue it within the caller's transaction of `signin`; the background work sends it. Returns
    the number of new messages. Twice is safe: while one waits, no second one is queued."""
    with connections["signin"].cursor() as cursor:
        cursor.execute("SELECT sec.queue_account_message(%s, %s)", [person_id, what])
        (made,) = cursor.fetchone()
    return int(made)
