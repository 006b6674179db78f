"""What a side reads of one referral: its detail. Its history is in referrals/queries/history.py,
lists are in referrals/queries/lists.py.

Each read is one access entry in the same transaction (R11). This module contains no rules: rows
come from `visible_to` and row-level security, words from referrals/visible_status.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from permissions.audit import writer
from permissions.database.model_rows import ModelRow
from permissions.database.prepared_statements import PreparedStatement, RoundTrip, array_literal
from permissions.models import Agency
from permissions.policy import disclosure
from permissions.policy.rules import require_scope
from permissions.principal import Principal
from referrals.act_registry import transitions
from referrals.deadlines.due_times import DRAFT_LIFETIME, PURGE_WARNING
from referrals.models import READS, Event, Referral, Release, Side
from referrals.own_numbers import record_numbers
from referrals.own_numbers.record_numbers import SealedNumber
from referrals.queries.live_blocks import LIVE_BLOCKS, Block
from referrals.queries.seen import find, seen_of, seen_query
from referrals.visible_status import call_requested_at, etag, side_of, status_shown


class Openings(NamedTuple):
    """For a packet marked as an error: how many of the recipient's people opened it, and when."""

    people: int
    times: list[datetime]


@dataclass(frozen=True, slots=True)
class Detail:
    """One referral as the caller's side is shown it, with its release (for those who answer for it)
    and what the caller may do now."""

    referral: Referral
    side: str
    status: str
    own: Side | None
    from_agency: Agency
    to_agency: Agency
    names: dict[UUID, str]  # own members by id
    assigned: list[UUID]  # own members who work on it
    release: Release | None
    release_in_force: bool
    notice_released: bool  # the survivor's permission for the notice itself is in force
    blocks: list[Block]
    release_ended: bool
    purge_at: datetime | None  # when this side's part is purged, after the side was notified of it
    escalated_at: datetime | None  # when a deadline that this side is shown passed
    asked_to_ring_at: datetime | None  # by the other side, until answered
    plan: list[UUID]  # the sender's next services; for its assigned members
    replaces_id: UUID | None
    external_ref: str | None  # the own agency's number, for a member who works on it
    openings: Openings | None  # for a referral marked as an error, for those who answer for it
    acts: list[str]
    etag: str
    now: datetime


_AGENCY = ModelRow(Agency)
_RELEASE = ModelRow(Release)


class _Rest(NamedTuple):
    """What a side is shown with the referral and its own row, after the two agencies' columns
    and before the newest release's."""

    assigned: list[UUID]  # in the order of their assignment
    members: list[UUID]  # of the own agency, by name
    names: list[str]
    kinds: list[str] | None  # of the blocks, with the next three
    barred: list[UUID | None] | None
    ours: list[bool] | None
    set_at: list[datetime] | None
    services: list[UUID] | None  # of the sender's plan
    replaces_id: UUID | None
    kek_version: int | None  # of the own number, with the next two
    key_bundle: memoryview | None
    access: memoryview | None


_SHOW = PreparedStatement(
    "show_referral",
    f"SELECT {_AGENCY.columns('f')}, {_AGENCY.columns('t')},"  # noqa: S608 (of fixed parts)
    " who.assigned, own.members, own.names, b.kinds, b.barred, b.ours, b.set_at,"
    " p.services, p.replaces_id, n.kek_version, n.key_bundle, n.access,"
    f" {_RELEASE.columns('l')}"
    " FROM permissions_agency f"
    " JOIN permissions_agency t ON t.id = %(to)s"
    " CROSS JOIN (SELECT ARRAY(SELECT a.membership_id FROM referral_assignment a"
    "  WHERE a.content_object_id = %(referral)s AND a.agency_id = %(agency)s"
    "  ORDER BY a.id) AS assigned) who"
    " CROSS JOIN LATERAL (SELECT %(member)s = ANY (who.assigned) AS working) me"
    " CROSS JOIN (SELECT array_agg(m.id ORDER BY m.name, m.id) AS members,"
    "  array_agg(m.name ORDER BY m.name, m.id) AS names FROM permissions_membership m"
    "  WHERE m.agency_id = %(agency)s) own"
    # Those who answer for it. The recipient's see a release after the accept only.
    " LEFT JOIN LATERAL (SELECT * FROM release"
    "  WHERE referral_id = %(referral)s AND direction = 'outbound'"
    "  AND (%(lead)s OR me.working) AND (%(sender)s OR %(accepted)s)"
    "  ORDER BY created_at DESC, id DESC LIMIT 1) l ON true"
    " CROSS JOIN LATERAL (SELECT array_agg(kind ORDER BY set_at, id) AS kinds,"
    "  array_agg(bars_member_id ORDER BY set_at, id) AS barred,"
    "  array_agg(agency_id = %(agency)s ORDER BY set_at, id) AS ours,"
    f"  array_agg(set_at ORDER BY set_at, id) AS set_at {LIVE_BLOCKS}"
    "  AND (%(lead)s OR me.working)) b"
    " LEFT JOIN referral_plan p ON p.referral_id = %(referral)s AND p.agency_id = %(agency)s"
    "  AND %(sender)s AND me.working"
    " LEFT JOIN LATERAL sec.own_record_numbers("
    "  CASE WHEN me.working THEN ARRAY[%(referral)s] ELSE '{}' END) n ON true"
    " WHERE f.id = %(from)s",
)


def read_detail(principal: Principal, referral_id: UUID) -> Detail:
    """Return one referral. Raises NotVisible, NotPermitted (a client without the scope). One access
    entry."""
    query = seen_query(principal, referral_id)
    with writer.logged_act(principal, "referral.read", referral_id, ask=query) as attempt:
        require_scope(principal, READS)
        seen = seen_of(attempt.found)
        return record_and_show(attempt, seen.referral, seen.own)


def load_detail(principal: Principal, referral_id: UUID, now: datetime) -> Detail:
    """Return the detail of a referral by id, authorized again (a replayed create). Raises
    NotVisible."""
    seen = find(principal, referral_id)
    return show(principal, seen.referral, seen.own, now)


def record_and_show(attempt: writer.LoggedAct, referral: Referral, own: Side | None) -> Detail:
    """Write the access entry of an act or a read that has seen the referral, unless it is written,
    and return what the caller's side is shown, in the same packet behind it. Raises Unavailable."""
    principal = attempt.principal
    if attempt.written:
        return show(principal, referral, own, attempt.now)
    query = _rest_query(principal, referral)
    rows = attempt.record(subject=own.subject if own else None, then=query)
    return build_detail(principal, referral, own, attempt.now, rows)


def _rest_query(principal: Principal, referral: Referral) -> RoundTrip:
    """Return the query for `build_detail`, in a transaction that has seen the referral."""
    return RoundTrip(
        _SHOW.text(),
        {
            "referral": referral.id,
            "from": referral.from_agency_id,
            "to": referral.to_agency_id,
            "agency": principal.agency_id,
            "member": principal.member_id,
            "lead": principal.has_role("lead"),
            "sender": side_of(principal, referral) == "from",
            "accepted": referral.accepted_at is not None,
        },
    )


def show(principal: Principal, referral: Referral, own: Side | None, now: datetime) -> Detail:
    """Return the referral as the principal's side is shown it, in a transaction that has seen
    it."""
    query = _rest_query(principal, referral)
    with connection.cursor() as cursor:
        cursor.execute(query.sql, query.values)
        return build_detail(principal, referral, own, now, cursor.fetchall())


def build_detail(
    principal: Principal,
    referral: Referral,
    own: Side | None,
    now: datetime,
    rows: Sequence[tuple[Any, ...]],
) -> Detail:
    """Return the same from the rows of `_rest_query`."""
    (row,) = rows
    start = 2 * _AGENCY.width
    rest = _Rest._make(row[start : start + len(_Rest._fields)])
    side = side_of(principal, referral)
    status = status_shown(referral, own, side, now)
    assigned = principal.member_id in rest.assigned
    who = transitions.caller_relation(principal, referral, own, assigned=assigned)
    release = _RELEASE.found(row[start + len(_Rest._fields) :])
    answers = who.assigned or principal.has_role("lead")
    return Detail(
        referral=referral,
        side=side,
        status=status,
        own=own,
        from_agency=_AGENCY.made(row[: _AGENCY.width]),
        to_agency=_AGENCY.made(row[_AGENCY.width : start]),
        names=dict(zip(rest.members or (), rest.names or (), strict=True)),
        assigned=rest.assigned,
        release=release,
        release_in_force=release is not None and not release.ended and release.expires_at > now,
        notice_released=side == "from"
        and disclosure.notice_needs_release(principal.duties)
        and is_notice_released(referral, now),
        blocks=_blocks(rest),
        # Before its accept the recipient may not know that there was one.
        release_ended=referral.release_ended and (side == "from" or who.accepted),
        purge_at=_purge_at(referral, own, side) if status in transitions.ENDED else None,
        escalated_at=(own.escalated_at if own and side == "to" else None) or referral.escalated_at,
        asked_to_ring_at=call_requested_at(referral, own, side),
        plan=rest.services or [],
        replaces_id=_replaced_referral(principal, rest.replaces_id),
        external_ref=_own_number(principal, referral.id, rest),
        openings=openings_of([referral.id]).get(referral.id)
        if answers and side == "from" and status == "entered_in_error"
        else None,
        acts=transitions.acts_open_to(principal, who, status),
        etag=etag(referral, own, principal, now),
        now=now,
    )


def _blocks(rest: _Rest) -> list[Block]:
    columns = (rest.kinds, rest.barred, rest.ours, rest.set_at)
    return [Block._make(row) for row in zip(*(each or () for each in columns), strict=True)]


def _own_number(principal: Principal, referral_id: UUID, rest: _Rest) -> str | None:
    """Return the number that the own agency gave it, for a member who works on it."""
    if rest.kek_version is None or rest.key_bundle is None:
        return None
    sealed = SealedNumber(referral_id, rest.kek_version, rest.key_bundle, rest.access)
    return record_numbers.opened(principal, [sealed]).get(str(referral_id))


def is_notice_released(referral: Referral, now: datetime) -> bool:
    """Return whether the survivor's permission for the notice itself stands: recorded, not ended,
    and until the sending not expired. One query, as the sender's."""
    releases = Release.objects.filter(referral=referral, direction="notice", ended=False)
    if referral.sent_at is None:
        releases = releases.filter(expires_at__gt=now)
    return releases.exists()


def _purge_at(referral: Referral, own: Side | None, side: str) -> datetime | None:
    """Return when this side's part is purged. The clock's event says when the side was notified; a
    legal hold postpones it (R13)."""
    events = Event.objects.filter(referral=referral, act="purge_due")
    events = events.filter(from_sees=True) if side == "from" else events.filter(to_sees=True)
    last = events.order_by("-at").values_list("at", flat=True).first()
    if last is None:
        return None
    at = last + PURGE_WARNING
    return max(at, own.hold_until) if own and own.hold_until else at


def is_ended_by_survivor(seen: Detail) -> bool:
    """Return whether the recipient is to call because the survivor themselves ended the permission
    that they gave last. Call it within a transaction. One query, for a permission that ended."""
    if seen.side == "from" or not seen.release_ended or seen.release_in_force:
        return False
    ends = ("end_by_survivor", "revoke_release", "put_release")
    events = Event.objects.filter(referral=seen.referral, to_sees=True, act__in=ends)
    return events.order_by("-at", "-id").values_list("act", flat=True).first() == ends[0]


def draft_deadline(referral: Referral) -> datetime:
    """Return when this draft is purged if it does not change. Call it within a transaction of its
    sender. One query."""
    changes = Event.objects.filter(referral=referral).order_by("-at")
    return (changes.values_list("at", flat=True).first() or referral.created_at) + DRAFT_LIFETIME


def _replaced_referral(principal: Principal, replaces_id: UUID | None) -> UUID | None:
    """Return the replaced referral. None if the caller cannot see it: it may bar them (R12)."""
    if replaces_id is None:
        return None
    before = Referral.objects.visible_to(principal, replaces_id)
    return before.values_list("id", flat=True).first()


def openings_of(referral_ids: Sequence[UUID]) -> dict[UUID, Openings]:
    """Return by referral how many people opened it and when, without those that the sender did not
    mark as an error or for which the caller does not answer there. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT asked.id, opened.people, opened.times FROM unnest(%s::uuid[]) asked (id),"
            " sec.packet_opening_counts(asked.id) opened WHERE opened.people IS NOT NULL",
            [array_literal(referral_ids)],
        )
        return {UUID(str(of)): Openings(people, times) for of, people, times in cursor.fetchall()}
