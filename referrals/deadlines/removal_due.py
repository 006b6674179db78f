"""Finds what is due: parts of referrals for removal, sides for a notification, idle referrals.

Each kind names the few that it may be due for, by an index, so that looking costs what is nearly
due and not the history (ADR 0123).
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from referrals.deadlines.due_times import CLOSED_AFTER, DRAFT_LIFETIME, PURGE_WARNING
from referrals.deadlines.jobs_sql import query

BATCH = 200
WARNING = f"interval '{PURGE_WARNING.days} days'"
SOON = "interval '24 hours'"
_DRAFT = f"interval '{DRAFT_LIFETIME.total_seconds()} seconds'"


class Kind(NamedTuple):
    """One kind of thing that is due: whose side it is, and when. `r` is the referral, `a` the
    agency, `s` its side, {end} the end as that side is shown it. `few`: what is so of each referral
    for which it is due, and is found by an index; {old}: made before the longest that is kept."""

    side: str  # "from" or "to"
    when: str
    few: str


_SHOWN_END = (
    f"CASE WHEN r.status = 'accepted' THEN r.accepted_at + interval '{CLOSED_AFTER.days} days'"
    " WHEN r.status IN ('sent', 'acknowledged') THEN r.expires_at ELSE r.ended_at END"
)
_OWN_END = (
    "CASE WHEN s.state IN ('completed', 'unable', 'stopped') THEN"
    "  (SELECT max(e.at) FROM referral_event e WHERE e.referral_id = r.id AND e.to_sees"
    "      AND e.act IN ('complete', 'unable', 'stop')"
    "      AND e.agency_id IS DISTINCT FROM r.from_agency_id)"
    " WHEN r.status = 'accepted' THEN NULL"
    " WHEN r.status IN ('sent', 'acknowledged') THEN r.expires_at ELSE r.ended_at END"
)
_END = {"from": _SHOWN_END, "to": _OWN_END}
_LAST_CHANGE = (
    "(SELECT coalesce(max(e.at), r.created_at) FROM referral_event e WHERE e.referral_id = r.id)"
)
_LAST_OWN_ACT = (
    "(SELECT max(e.at) FROM referral_event e"
    " WHERE e.referral_id = r.id AND e.agency_id = r.to_agency_id)"
)


def _told(act: str, side: str) -> str:
    """Return SQL for when the clock notified this side of `act`; NULL: not yet."""
    return (
        "(SELECT max(e.at) FROM referral_event e WHERE e.referral_id = r.id"
        f" AND e.agency_id IS NULL AND e.act = '{act}' AND e.{side}_sees)"
    )


_KEPT = "{end} + make_interval(days => a.retention_days)"
# If a hold or a longer retention was set after the notification, the side is notified again.
_TELL_AT = f"greatest({_KEPT}, s.hold_until) - {WARNING}"
_NOT_GONE = {
    "from": "r.sent_at IS NOT NULL AND NOT r.from_purged",
    "to": "r.sent_at IS NOT NULL AND NOT r.to_purged",  # whether or not it ever acted
}
_TAKEN = "r.status = 'accepted' AND s.state IN ('accepted', 'in_handoff')"
# No side's end, and so no day from which it is kept, is before the referral was made. A day more
# than that: the two moments are of two clocks.
_OLD = "r.created_at <= {old}"
# Nothing was decided about its keys yet (removal.settle_keys).
_UNSETTLED = (
    "r.id IN (SELECT g.referral_id FROM packet_grant g WHERE g.agency_id = {agency}"
    " AND NOT g.settled)"
)
DUE = {
    "draft": Kind("from", f"{_LAST_CHANGE} + {_DRAFT} <= sec.clock()", "r.sent_at IS NULL"),
    # Never accepted: the packet cannot have been opened, and both sides know that.
    "packet": Kind(
        "from",
        f"{_NOT_GONE['from']} AND r.accepted_at IS NULL AND {{end}} + {SOON} <= sec.clock()"
        " AND EXISTS (SELECT FROM packet_field p WHERE p.referral_id = r.id)",
        _UNSETTLED,
    ),
    # Accepted and never opened: only the recipient's keys, by the recipient's own end.
    "unopened": Kind(
        "to",
        f"r.accepted_at IS NOT NULL AND {{end}} + {SOON} <= sec.clock()"
        " AND NOT sec.was_packet_opened(r.id, a.id)",
        _UNSETTLED,
    ),
}
for _side, _name in (("from", "sent"), ("to", "received")):
    DUE[_name] = Kind(
        _side,
        f"{_NOT_GONE[_side]} AND {_KEPT} <= sec.clock()"
        f" AND {_told('purge_due', _side)} + {WARNING} <= sec.clock()"
        f" AND {_told('purge_due', _side)} >= {_TELL_AT}",
        _OLD,
    )
# Not part of the purge, but on the same clock: notifications to one side, and the end of idle
# referrals (act 23).
TELL = {
    f"tell_{side}": Kind(
        side,
        f"{_NOT_GONE[side]} AND {_KEPT} - {WARNING} <= sec.clock()"
        f" AND ({_told('purge_due', side)} IS NULL"
        f"  OR {_told('purge_due', side)} < {_TELL_AT} AND {_TELL_AT} <= sec.clock())",
        _OLD,
    )
    for side in ("from", "to")
}
# A side asked to be reminded of its own record. Once for each time that it asked for.
REMIND = {
    f"remind_{side}": Kind(
        side,
        f"{_NOT_GONE[side]} AND coalesce({_told('reminder', side)} < s.remind_at, true)",
        "s.remind_at <= sec.clock()",
    )
    for side in ("from", "to")
}
IDLE = {
    "ask": Kind(
        "to",
        f"{_LAST_OWN_ACT} + interval '14 days' <= sec.clock()"
        f" AND coalesce({_told('idle', 'to')} < {_LAST_OWN_ACT}, true)",
        _TAKEN,
    ),
    "end": Kind(
        "to",
        f"{_LAST_OWN_ACT} + interval '21 days' <= sec.clock()"
        f" AND {_told('idle', 'to')} >= {_LAST_OWN_ACT}"
        f" AND {_told('idle', 'to')} + {WARNING} <= sec.clock()",
        _TAKEN,
    ),
}
ALL = DUE | TELL | REMIND | IDLE


def due(name: str, agency_id: UUID, referral_id: UUID | None = None) -> list[UUID]:
    """Return the referrals of an agency for which `name` (a key of ALL) is due, or whether it is
    due for `referral_id`. At most BATCH. Nothing under a legal hold of its side is due for
    purge."""
    kind = ALL[name]
    hold = " AND (s.hold_until IS NULL OR s.hold_until <= sec.clock())" if name in DUE else ""
    when = kind.when.format(end=_END[kind.side])
    few = kind.few.format(old="%(old)s", agency="%(agency)s")
    found = query(
        f"SELECT r.id FROM referral r JOIN permissions_agency a ON a.id = r.{kind.side}_agency_id"
        " LEFT JOIN referral_side s ON s.referral_id = r.id AND s.agency_id = a.id"
        f" WHERE a.id = %(agency)s AND r.{kind.side}_agency_id = %(agency)s"
        f" AND (%(one)s::uuid IS NULL OR r.id = %(one)s) AND {few} AND {when}{hold}"
        " ORDER BY r.created_at, r.id LIMIT %(most)s",
        {
            "agency": agency_id,
            "one": referral_id,
            "most": BATCH,
            "old": _kept_since(agency_id) if kind.few is _OLD else None,
        },
    )
    return [row for (row,) in found]


def _kept_since(agency_id: UUID) -> datetime:
    """Return the moment before which a referral must have been made for its side to be notified or
    purged now."""
    ((since,),) = query(
        "SELECT sec.clock() - make_interval(days => retention_days)"
        f" + {WARNING} + interval '1 day' FROM permissions_agency WHERE id = %s",
        [agency_id],
    )
    found: datetime = since
    return found
