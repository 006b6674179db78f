"""What every read and act of one referral first knows of it, in one statement: the row, the own
side, and the caller's relation to both (ADR 0120)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from permissions.database.model_rows import ModelRow
from permissions.database.prepared_statements import PreparedStatement, RoundTrip
from permissions.errors import NotVisible
from permissions.policy.rules import CallerRelation
from permissions.principal import Principal
from referrals.act_registry.transitions import caller_relation
from referrals.models import VISIBLE_SQL, Referral, Side, sees_referrals
from referrals.referral_lock import exclusive_lock_query

_REFERRAL = ModelRow(Referral)
_SIDE = ModelRow(Side)


class Seen(NamedTuple):
    """One referral that the caller sees, at the database's time `now`."""

    now: datetime
    referral: Referral
    own: Side | None  # None: the caller's agency stores nothing for itself yet
    assigned: bool  # the acting member
    access: bytes | memoryview | None  # sealed (permissions/identity/bound_access.py)

    def relation(self, principal: Principal) -> CallerRelation:
        """Return the principal's relation to the referral."""
        return caller_relation(principal, self.referral, self.own, assigned=self.assigned)


_LOCK = PreparedStatement(
    "lock_referral",
    f"SELECT FROM referral r WHERE {VISIBLE_SQL} FOR UPDATE OF r",
)
_SEE = PreparedStatement(
    "see_referral",
    "SELECT sec.clock(), sec.bound_access(r.id),"  # noqa: S608 (of fixed parts)
    " EXISTS (SELECT FROM referral_assignment a WHERE a.content_object_id = r.id"
    " AND a.agency_id = %(agency)s AND a.membership_id = %(member)s),"
    f" {_REFERRAL.columns('r')}, {_SIDE.columns('s')}"
    " FROM referral r"
    " LEFT JOIN referral_side s ON s.referral_id = r.id AND s.agency_id = %(agency)s"
    f" WHERE {VISIBLE_SQL}",
)


def seen_query(principal: Principal, referral_id: UUID) -> RoundTrip | None:
    """Return the query for `seen_of`. None: the principal sees no referral at all, so that nothing
    is asked."""
    if not sees_referrals(principal):
        return None
    values = {"referral": referral_id, "agency": principal.agency_id, "member": principal.member_id}
    return RoundTrip(_SEE.text(), values)


def locked_query(principal: Principal, referral_id: UUID, *, closing: bool) -> RoundTrip | None:
    """Return the same, behind the lock of the referral's row.

    The row that waited for the lock was checked against the old snapshot. Policy, grant, block and
    the clock are therefore read by a statement of its own after it. `closing`: first wait for those
    who read sealed content of it.
    """
    seen = seen_query(principal, referral_id)
    if seen is None:
        return None
    lock = f"{_LOCK.text()}; {seen.sql}"
    if not closing:
        return RoundTrip(lock, seen.values)
    readers = exclusive_lock_query(referral_id)
    return RoundTrip(f"{readers.sql}; {lock}", {**readers.values, **seen.values})


def find(principal: Principal, referral_id: UUID) -> Seen:
    """Return the referral, within a transaction of the caller. Raises NotVisible. One query."""
    return _found(seen_query(principal, referral_id))


def find_locked(principal: Principal, referral_id: UUID, *, closing: bool = False) -> Seen:
    """Do the same, with its lock (`locked_query`)."""
    return _found(locked_query(principal, referral_id, closing=closing))


def _found(asked: RoundTrip | None) -> Seen:
    if asked is None:
        raise NotVisible
    with connection.cursor() as cursor:
        cursor.execute(asked.sql, asked.values)
        return seen_of(cursor.fetchall())


def seen_of(rows: Sequence[tuple[Any, ...]]) -> Seen:
    """Return what the query found. Raises NotVisible: nothing that the caller may see."""
    if not rows:
        raise NotVisible
    (row,) = rows
    (now, access, assigned), columns = row[:3], row[3:]
    return Seen(
        now,
        _REFERRAL.made(columns[: _REFERRAL.width]),
        _SIDE.found(columns[_REFERRAL.width :]),
        assigned,
        access,
    )
