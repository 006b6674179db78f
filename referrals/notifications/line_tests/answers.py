"""The answer to a line's test: a key in the call, or the button behind the link of a text message.

It needs no sign-in, so that it is one touch at night. It says nothing but that this number reaches
someone, and its address is a secret of 128 bits that only the number was sent. Runs as `signin`.
"""

from typing import Literal
from uuid import UUID

from django.db import connections, transaction

from permissions.audit import writer
from permissions.errors import NotVisible
from permissions.identity import contact_channels
from permissions.identity.contact_channels import Channel
from permissions.principal import Principal
from referrals.notifications.line_tests.lines import number_of
from referrals.notifications.line_tests.verdicts import ANSWER_WITHIN
from referrals.notifications.line_tests.weekly import hash_of

How = Literal["key", "link"]
LANGUAGE = "en"  # where the test is not known


def answer(token: str, how: How) -> str:
    """Take the answer of the test with this token, within 24 hours of its sending; return its
    language. Twice is one answer. A token that is none, or too old, is taken alike, and changes
    nothing. Raises Unavailable if a token that is none cannot be counted."""
    found = hash_of(token)
    with transaction.atomic(using="signin"), connections["signin"].cursor() as cursor:
        # An answer that comes before its sending is recorded proves that it was sent.
        cursor.execute(
            "UPDATE line_test SET answered_at = sec.clock(), how = %s,"
            " sent_at = coalesce(sent_at, sec.clock())"
            " WHERE token_hash = %s AND answered_at IS NULL"
            " AND coalesce(sent_at, at) > sec.clock() - make_interval(secs => %s)",
            [how, found, ANSWER_WITHIN.total_seconds()],
        )
        cursor.execute("SELECT language FROM line_test WHERE token_hash = %s", [found])
        row = cursor.fetchone()
    if row is None:
        writer.log_refusal(None, "line.answer", NotVisible.code)
        return LANGUAGE
    return str(row[0])


def record_arrival(principal: Principal, channel_id: UUID, yes: bool) -> Channel:
    """Record whether a test that the caller asked for arrived. If it did, a phone line's test is
    answered by it. Twice is safe: the last word counts, but an answer stays. Raises NotVisible,
    NotPossible (no test was requested)."""
    channel = contact_channels.record_test_arrival(principal, channel_id, yes)
    if yes and channel.proven_at is not None:
        with transaction.atomic(using="signin"), connections["signin"].cursor() as cursor:
            cursor.execute(
                "UPDATE line_test SET answered_at = sec.clock(), how = 'desk'"
                " WHERE number = %s AND week IS NULL AND answered_at IS NULL AND at >= %s"
                " AND sent_at > sec.clock() - make_interval(secs => %s)",
                [number_of(channel.address), channel.proven_at, ANSWER_WITHIN.total_seconds()],
            )
    return channel
