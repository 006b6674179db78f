"""Opt-ins: an agency lets an oversight agency's auditors read its part of the access log for a
limited time.

The agency's administrator grants and withdraws an opt-in. It is in force from its commit to its
end; the database checks this at every statement (sec.opted_in_agency_ids). Each grant, withdrawal
and read is an access entry.
"""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import connections

from permissions.audit import writer
from permissions.audit.queries import REVIEWS, may_review
from permissions.database.aliases import AUDITOR
from permissions.database.uuid7 import uuid7
from permissions.errors import BadRequest, NotPermitted, NotPossible, NotVisible
from permissions.models import Agency
from permissions.policy import rules
from permissions.principal import Principal
from permissions.repeated_requests import RepeatedRequest

LONGEST = timedelta(days=90)


class OptIn(NamedTuple):
    """`stands`: the oversight agency's auditors may read now. `times_read`: how many pages, trails
    and exports they read under it, each an entry in their log."""

    id: UUID
    agency_id: UUID
    agency_name: str
    to_agency_id: UUID
    to_agency_name: str
    given_by: UUID
    given_at: datetime
    ends_at: datetime
    withdrawn_at: datetime | None
    stands: bool
    times_read: int
    last_read_at: datetime | None


_SELECT = (
    "SELECT o.id, o.agency_id, a.name, o.to_agency_id, t.name, o.given_by, o.given_at, o.ends_at,"
    " o.withdrawn_at, o.withdrawn_at IS NULL AND o.ends_at > sec.clock() AS stands,"
    " coalesce(r.times, 0), r.last_at"
    " FROM log_opt_in o LEFT JOIN sec.opt_in_reads() r ON r.opt_in = o.id"
    " JOIN permissions_agency a ON a.id = o.agency_id"
    " JOIN permissions_agency t ON t.id = o.to_agency_id"
)
MOST = 100


def list_opt_ins(principal: Principal) -> list[OptIn]:
    """The opt-ins of the caller's agency, for an administrator or auditor; for an oversight auditor
    also those given to their agency. At most 100: those in force first, then the newest. Raises
    NotPermitted."""
    using = AUDITOR if may_review(principal) else "default"
    with writer.logged_act(principal, "access_log.opt_ins", using=using) as attempt:
        rules.require_scope(principal, REVIEWS)
        if using != AUDITOR:
            _must_administer(principal)
        attempt.record()
        with connections[using].cursor() as cursor:
            cursor.execute(
                f"{_SELECT} ORDER BY stands DESC, o.given_at DESC, o.id DESC LIMIT {MOST}"
            )
            return [OptIn._make(row) for row in cursor.fetchall()]


def oversight_agencies() -> list[Agency]:
    """The agencies that an opt-in may be given to: those that oversee the network."""
    live = Agency.objects.filter(kind="oversight", active=True, exercise=None)
    return list(live.order_by("name", "id"))


def grant_opt_in(
    principal: Principal,
    to_agency_id: UUID,
    ends_at: datetime,
    *,
    key: RepeatedRequest | None = None,
) -> OptIn:
    """Let that oversight agency's auditors read the caller's agency's entries until `ends_at`.

    `ends_at` is at most LONGEST from now. A second opt-in to the same agency is refused while one
    is in force (NotPossible). With an Idempotency-Key twice returns the same one, as it is now.
    Raises NotPermitted, InFlight, KeyReused, BadRequest, NotPossible.
    """
    with writer.logged_act(principal, "access_log.opt_in") as attempt:
        _must_administer(principal)
        if key is not None and (done := key.begin(principal)) is not None:
            attempt.record(release_id=done)
            return _find(principal, done)
        if not attempt.now < ends_at <= attempt.now + LONGEST:
            raise BadRequest(
                "invalid", f"Enter a time in the next {LONGEST.days} days.", "/ends_at"
            )
        if to_agency_id not in {one.id for one in oversight_agencies()} - {principal.agency_id}:
            raise BadRequest(
                "invalid", "That agency does not oversee the network.", "/to_agency_id"
            )
        with connections["default"].cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 7007))",
                [str(principal.agency_id)],
            )
            cursor.execute(
                "SELECT id FROM log_opt_in WHERE agency_id = %s AND to_agency_id = %s"
                " AND withdrawn_at IS NULL AND ends_at > sec.clock()",
                [principal.agency_id, to_agency_id],
            )
            if cursor.fetchone():
                raise NotPossible("opt_in_stands", "An opt-in already exists. Withdraw it first.")
            new = uuid7()
            attempt.record(release_id=new)
            cursor.execute(
                "INSERT INTO log_opt_in (id, agency_id, to_agency_id, given_by, ends_at)"
                " VALUES (%s, %s, %s, %s, %s)",
                [new, principal.agency_id, to_agency_id, principal.staff_id, ends_at],
            )
        if key is not None:
            key.finish(principal, new, attempt.now)
        return _find(principal, new)


def withdraw_opt_in(principal: Principal, opt_in_id: UUID) -> OptIn:
    """Withdraw an opt-in: it allows no read after this commit. Twice is safe: the first time
    counts.

    Raises NotPermitted, NotVisible.
    """
    with writer.logged_act(principal, "access_log.end_opt_in") as attempt:
        _must_administer(principal)
        _find(principal, opt_in_id)
        attempt.record(release_id=opt_in_id)
        with connections["default"].cursor() as cursor:
            cursor.execute(
                "UPDATE log_opt_in SET withdrawn_at = sec.clock()"
                " WHERE id = %s AND agency_id = %s AND withdrawn_at IS NULL",
                [opt_in_id, principal.agency_id],
            )
        return _find(principal, opt_in_id)


def _find(principal: Principal, opt_in_id: UUID) -> OptIn:
    with connections["default"].cursor() as cursor:
        cursor.execute(
            f"{_SELECT} WHERE o.id = %s AND o.agency_id = %s", [opt_in_id, principal.agency_id]
        )
        row = cursor.fetchone()
    if row is None:
        raise NotVisible
    return OptIn._make(row)


def _must_administer(principal: Principal) -> None:
    """Raise NotPermitted unless the caller is an agency_admin in person: no system may decide to
    disclose what an agency's members did."""
    if principal.is_client or not principal.has_role("agency_admin"):
        raise NotPermitted(
            "role_missing", "Only an agency_admin, in person, lets others read the log."
        )
