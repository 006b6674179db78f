"""What members have sent to their own channels: the code that proves one, and a test.

A channel that is not proven gets its code and nothing else. A member who adds the number of a
stranger can therefore make Cairn contact it a few times a day, and no more (docs/guides/limits.md).
The code is made and compared in the database (sec.queue_channel_code, sec.prove_channel) and sent
by the channel's own kind. permissions/identity/contact_channels.py takes it.
"""

from uuid import UUID

from django.db import connection

from permissions.audit import writer
from permissions.database.uuid7 import uuid7
from permissions.errors import NotPossible, TooOften
from permissions.identity import contact_channels
from permissions.principal import Principal
from referrals import idempotency
from referrals.notifications.recipients import query

CODE = "code"  # the template
MOST_TESTS = contact_channels.MOST_CHANNELS  # an hour: each channel of a full list once


def send_code(
    principal: Principal, channel_id: UUID, *, key: idempotency.Key | None = None
) -> contact_channels.Channel:
    """Send a new code to a channel of the caller's that is not proven. It replaces the one before.
    A proven channel gets none. With an Idempotency-Key twice sends one. Raises NotVisible,
    InFlight, KeyReused, TooOften."""
    with writer.logged_act(principal, "channel.send_code") as attempt:
        found = contact_channels.find_channel(channel_id)
        if idempotency.begin(principal, key) is not None or found.proven_at is not None:
            return found
        with connection.cursor() as cursor:
            cursor.execute("SELECT sec.queue_channel_code(%s, %s)", [uuid7(), channel_id])
            (wait,) = cursor.fetchone()
        if wait is not None:
            raise TooOften(
                "codes_spent",
                "Too many codes were sent to it, or to your contacts, in a minute or a day. Ask for"
                " one later.",
                wait=wait,
            )
        idempotency.finish(principal, key, channel_id, attempt.now, referral_id=None)
    return found


def code_in_force(channel_id: UUID) -> str | None:
    """Return the code to send, as `jobs`. None: the channel is proven, or the code has expired."""
    rows = query(
        "SELECT code FROM channel_code WHERE channel_id = %s AND ends_at > sec.clock()",
        [channel_id],
    )
    return rows[0][0] if rows else None


def send_test(
    principal: Principal, channel_id: UUID, *, key: idempotency.Key | None = None
) -> contact_channels.Channel:
    """Send a test to the caller's proven channel. Allowed once a minute, and MOST_TESTS an hour for
    all channels that the caller has or had, so that alarms do not wait behind tests. With an
    Idempotency-Key twice sends one. Raises NotVisible, InFlight, KeyReused, and NotPossible over a
    limit or for a channel that is not proven."""
    with writer.logged_act(principal, "channel.test") as attempt:
        found = contact_channels.find_channel(channel_id)
        if idempotency.begin(principal, key) is not None:
            return found
        if found.proven_at is None:
            raise NotPossible("not_proven", "Confirm it first, by the code that is sent there.")
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM message"
                " WHERE template = 'test' AND at > sec.clock() - interval '1 hour'"
            )
            if cursor.fetchone()[0] >= MOST_TESTS:
                raise NotPossible("tested_just_now", "Many tests were sent just now. Wait an hour.")
            cursor.execute("SELECT sec.queue_channel_test(%s, %s)", [uuid7(), channel_id])
            if cursor.fetchone() != (True,):
                raise NotPossible("tested_just_now", "A test was sent just now. Wait a minute.")
            cursor.execute(
                "UPDATE channel SET test_asked_at = sec.clock(), test_outcome = 'waiting'"
                " WHERE id = %s",
                [channel_id],
            )
        idempotency.finish(principal, key, channel_id, attempt.now, referral_id=None)
        return contact_channels.find_channel(channel_id)
