"""The sender's fixed moment as an event: `closed`, seven days after the accept, whatever happened.

What the recipient recorded meanwhile is not read, so that neither the event, its time nor its place
among others reveals it (R2, the T5 table). Its time is the fixed moment, not the time when this job
ran.
"""

from django.db import connections, transaction

from permissions.database.aliases import JOBS
from permissions.database.uuid7 import uuid7
from referrals.deadlines.due_times import CLOSED_AFTER

BATCH = 200
_AFTER = f"interval '{CLOSED_AFTER.days} days'"
# Look back to one day before the accept behind the last `closed` event: older ones have theirs.
_DUE = (
    "SELECT r.id, r.from_agency_id, r.to_agency_id, r.accepted_at FROM referral r"
    f" WHERE r.accepted_at <= sec.clock() - {_AFTER} AND NOT r.from_purged"
    f" AND (r.ended_at IS NULL OR r.ended_at > r.accepted_at + {_AFTER})"
    " AND r.accepted_at >= coalesce((SELECT max(c.at) FROM referral_event c WHERE c.act = 'closed')"
    f" - {_AFTER} - interval '1 day', '-infinity')"
    " AND NOT EXISTS (SELECT FROM referral_event e"
    "  WHERE e.referral_id = r.id AND e.act = 'closed')"
    " ORDER BY r.accepted_at, r.id LIMIT %s"
)


def step() -> bool:
    """Write the `closed` events that are due, a batch at most. Returns whether there may be more.
    Twice is safe, also concurrently."""
    with transaction.atomic(using=JOBS), connections[JOBS].cursor() as cursor:
        cursor.execute(_DUE, [BATCH])
        rows = cursor.fetchall()
        for referral_id, from_agency_id, to_agency_id, accepted_at in rows:
            cursor.execute(
                "INSERT INTO referral_event (id, referral_id, from_agency_id, to_agency_id, at,"
                " act, from_sees, to_sees) VALUES (%s, %s, %s, %s, %s, 'closed', true, false)"
                " ON CONFLICT DO NOTHING",
                [
                    uuid7(),
                    referral_id,
                    from_agency_id,
                    to_agency_id,
                    accepted_at + CLOSED_AFTER,
                ],
            )
    return len(rows) == BATCH
