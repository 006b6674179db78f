"""A call is made once, even if the worker that makes it dies.

The provider accepts no key that would prevent a second call, and its list of calls does not contain
what was said. So only one call at a time is in progress to a number, and it is recorded before it
is made. A call in the provider's list that matches no message then belongs to that one. Until it
has been looked up, no other call is made to that number. Used by
referrals/notifications/message_queue.py, as `jobs`.
"""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from permissions.database.aliases import JOBS
from referrals.notifications import transports
from referrals.notifications.recipients import query, record_test

# A call that the provider does not list after our timeout for its answer was not accepted.
SETTLED_S = transports.TIMEOUT_S


class OutcomeUnknown(Exception):
    """It cannot be known yet whether an earlier call to this number was made."""


def settle_earlier_calls(number: str) -> None:
    """Record, for each call to this number with an unknown outcome, whether it was made. If two
    workers died, the first call in the provider's list belongs to the first.

    Call it while holding the lock of the number (permissions/database/advisory_locks.py). Raises
    OutcomeUnknown, and NotSent if the provider does not answer.
    """
    unknown = query(
        "SELECT m.id, m.unknown_since,"
        " m.unknown_since > sec.clock() - make_interval(secs => %s)"
        " FROM message m JOIN channel c ON c.id = m.channel_id"
        " WHERE m.unknown_since IS NOT NULL AND c.address = %s ORDER BY m.unknown_since, m.id",
        [SETTLED_S, number],
    )
    if not unknown:
        return
    strangers = _of_no_message(number, unknown[0][1])
    for message_id, since, is_fresh in unknown:
        if strangers:
            _was_made(message_id, since, strangers.pop(0))
        elif is_fresh:
            raise OutcomeUnknown
        else:
            _was_not_made(message_id, since)


def _of_no_message(number: str, since: datetime) -> list[str]:
    """Return the provider's calls to this number since then that match no message, in order."""
    listed = transports.calls_since(number, since)
    rows = query(
        "SELECT call_sid FROM message WHERE call_sid = ANY (%s)"
        " UNION SELECT call_sid FROM permissions_sealedmessage WHERE call_sid = ANY (%s)",
        [listed, listed],
    )
    known = {sid for (sid,) in rows}
    return [sid for sid in listed if sid not in known]


def _was_made(message_id: UUID, since: datetime, sid: str) -> None:
    with transaction.atomic(using=JOBS):
        rows = query(
            "UPDATE message SET state = 'sent', outcome = 'handed_over', done_at = sec.clock(),"
            " call_sid = %s, unknown_since = NULL, lease = NULL, leased_until = NULL"
            " WHERE id = %s AND unknown_since = %s RETURNING template, channel_id, cause",
            [sid, message_id, since],
        )
        for template, channel_id, cause in rows:
            record_test(template, channel_id, cause, sent=True)


def _was_not_made(message_id: UUID, since: datetime) -> None:
    query(
        "UPDATE message SET unknown_since = NULL WHERE id = %s AND unknown_since = %s RETURNING id",
        [message_id, since],
    )


def begin_call(message_id: UUID, lease: UUID) -> bool:
    """Record the call before it is made. Returns False if another worker has taken the message or
    the call was found to be made."""
    return bool(
        query(
            "UPDATE message SET unknown_since = sec.clock()"
            " WHERE id = %s AND lease = %s AND state = 'waiting' RETURNING id",
            [message_id, lease],
        )
    )
