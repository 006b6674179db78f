"""What a claim does to the messages that wait: calls to others are made later (R15). Runs as
`jobs`.

A claim is of one member of one side. Calls about the same referral to others of that side, its
shared line included, are due again when it ends. Text messages, mail and pushes go on, and so does
whatever is for the sender. Once the referral is answered nothing is held back.
"""

from uuid import UUID

from django.db import connections

from permissions.database.aliases import JOBS

# What is said to wake someone up before the deadline, and so may be answered by a claim.
WAKES = frozenset({"notice", "unanswered"})

_PAUSED = (
    "SELECT extract(epoch FROM max(c.until) - sec.clock()) FROM awake_claim c"
    " JOIN referral r ON r.id = c.referral_id AND r.status = 'sent'"
    " WHERE c.referral_id = %(referral)s AND c.agency_id = %(agency)s AND c.until > sec.clock()"
    " AND sec.may_notify_member(c.referral_id, c.member_id)"
    " AND NOT EXISTS (SELECT FROM permissions_membership m"
    "  WHERE m.id = %(member)s AND m.person_id = c.person_id)"
)
_OPEN = (
    "SELECT FROM referral r JOIN channel c ON c.id = %(channel)s AND c.use = 'own'"
    " JOIN permissions_membership m ON m.id = c.membership_id AND m.agency_id = r.to_agency_id"
    " WHERE r.id = %(referral)s AND r.urgency = 'emergency' AND r.status = 'sent'"
    " AND r.ack_by > sec.clock() AND NOT EXISTS (SELECT FROM awake_claim k"
    "  WHERE k.referral_id = r.id AND k.person_id = m.person_id)"
)


def paused_s(referral_id: UUID, agency_id: UUID, member_id: UUID | None) -> float:
    """Return for how many seconds no call about a referral is made to this member (None: to the
    agency's own line), because someone else there has said that they are awake. 0: none."""
    with connections[JOBS].cursor() as cursor:
        cursor.execute(_PAUSED, {"referral": referral_id, "agency": agency_id, "member": member_id})
        ((rest,),) = cursor.fetchall()
    return float(rest or 0)


def may_claim(referral_id: UUID, channel_id: UUID) -> bool:
    """Return whether the member whose own channel this is may still say that they are awake. An
    agency's shared line is no one's word."""
    with connections[JOBS].cursor() as cursor:
        cursor.execute(_OPEN, {"referral": referral_id, "channel": channel_id})
        return cursor.fetchone() is not None


def left_to_acknowledge_s(referral_id: UUID | None) -> float | None:
    """Return the seconds until the referral has to be acknowledged. None: it has been, or the time
    is over, or there is no such referral."""
    with connections[JOBS].cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM ack_by - sec.clock()) FROM referral"
            " WHERE id = %s AND status = 'sent' AND ack_by > sec.clock()",
            [referral_id],
        )
        found = cursor.fetchone()
    return float(found[0]) if found else None
