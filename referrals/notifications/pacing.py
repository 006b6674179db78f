"""How often a line gets a message about one referral: what happens within a minute is one message,
whatever acts cause it and whatever they are called. What is urgent is never held back.

Runs as `jobs`, within the transaction that queues the message.
"""

from uuid import UUID

from django.db import connections

from permissions.database.aliases import JOBS

# Sent at once, whatever was sent before: what cannot wait. One referral causes each of them a few
# times at most: they are bound to its states and deadlines.
URGENT = frozenset(
    (
        *("notice", "accept_undone", "taken_back", "stop"),
        *("late", "unanswered", "answer_now", "take_over", "contact", "expired"),
    )
)
PACE_S = 60
MOST_AN_HOUR = 6
# What is one message. The reader signs in and sees all of it, so one message says what matters
# most: the last of these. `assigned` is first, because it is never forwarded to others.
AS_ONE = ("assigned", "changed", "answered", "call_me")

_STANDS = (
    "SELECT n.id, n.template, n.leased_until IS NOT NULL AND n.leased_until > sec.clock()"
    " FROM message n WHERE n.referral_id = %s AND n.channel_id = %s AND n.template = ANY (%s)"
    " AND n.state = 'waiting' ORDER BY n.due_at, n.id FOR UPDATE"
)
_REST = (
    "SELECT extract(epoch FROM greatest(max(done_at) + make_interval(secs => %s),"
    "  (array_agg(done_at ORDER BY done_at DESC))[%s] + interval '1 hour') - sec.clock())"
    " FROM message WHERE referral_id = %s AND channel_id = %s AND template = ANY (%s)"
    " AND state = 'sent' AND done_at > sec.clock() - interval '1 hour'"
)
_SAY = (
    "UPDATE message m SET template = %s WHERE m.id = %s AND NOT EXISTS ("
    "SELECT FROM message o WHERE o.cause = m.cause AND o.channel_id = m.channel_id"
    " AND o.template = %s)"
)


def rest_s(referral_id: UUID, template: str, channel_id: UUID) -> float | None:
    """Return the seconds until a line may have this message about a referral. None: one waits to be
    sent that tells it, too. Where that one says less, it says from now on what this one would."""
    if template in URGENT:
        return 0.0
    told = [*AS_ONE] if template in AS_ONE else [template]
    with connections[JOBS].cursor() as cursor:
        cursor.execute(_STANDS, [referral_id, channel_id, told])
        waiting = cursor.fetchall()
        for message_id, said, is_leaving in waiting:
            if is_leaving and said != template:
                continue  # its words are on their way
            if told.index(template) > told.index(said):
                cursor.execute(_SAY, [template, message_id, template])
            return None
        cursor.execute(_REST, [PACE_S, MOST_AN_HOUR, referral_id, channel_id, told])
        ((rest,),) = cursor.fetchall()
    return max(PACE_S if waiting else 0.0, float(rest or 0))
