"""What a side reads of one referral: its detail and its history. Lists are in
referrals/queries/lists.py.

Each read is one access entry in the same transaction (R11). This module contains no rules: rows
come from `visible_to` and row-level security, words from referrals/visible_status.py.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from permissions import assignments
from permissions.audit import writer
from permissions.errors import NotVisible
from permissions.models import Agency, Membership
from permissions.policy import disclosure
from permissions.policy.rules import CallerRelation, require_scope
from permissions.principal import Principal
from referrals.act_registry import transitions
from referrals.deadlines.due_times import DRAFT_LIFETIME, PURGE_WARNING
from referrals.models import READS, Event, Plan, Referral, Release, Side, side_kept
from referrals.own_numbers import record_numbers
from referrals.visible_status import call_requested_at, etag, side_of, status_shown


class Openings(NamedTuple):
    """For a packet marked as an error: how many of the recipient's people opened it, and when."""

    people: int
    times: list[datetime]


class Block(NamedTuple):
    """An active block, as those who answer for it see it (R12)."""

    kind: str  # member, agency, leads_only
    member_id: UUID | None
    ours: bool  # False: the sender marked it for this agency's leads only
    set_at: datetime


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


def read_detail(principal: Principal, referral_id: UUID) -> Detail:
    """Return one referral. Raises NotVisible, NotPermitted (a client without the scope). One access
    entry."""
    with writer.logged_act(principal, "referral.read", referral_id) as attempt:
        require_scope(principal, READS)
        referral, own = _find_visible(principal, referral_id)
        attempt.record(subject=own.subject if own else None)
        return build_detail(principal, referral, own, attempt.now)


def load_detail(principal: Principal, referral_id: UUID, now: datetime) -> Detail:
    """Return `build_detail` of a referral by id, authorized again (a replayed create). Raises
    NotVisible."""
    return build_detail(principal, *_find_visible(principal, referral_id), now)


def build_detail(
    principal: Principal, referral: Referral, own: Side | None, now: datetime
) -> Detail:
    """Return the referral as the principal's side is shown it, in a transaction that has seen
    it."""
    side = side_of(principal, referral)
    agencies = Agency.objects.in_bulk([referral.from_agency_id, referral.to_agency_id])
    status = status_shown(referral, own, side, now)
    assigned = assignments.assignees(referral, principal.agency_id)
    who = CallerRelation(
        side,
        principal.member_id in assigned,
        transitions.is_holder(principal, own),
        referral.accepted_at is not None,
        transitions.is_unheld(own),
    )
    release, blocks, opened = None, [], None
    if who.assigned or principal.has_role("lead"):
        release, blocks = _release(referral, side), live_blocks(principal, referral)
        if side == "from" and status == "entered_in_error":
            opened = openings(referral)
    plan = _plan(principal, referral) if side == "from" and who.assigned else None
    number = record_numbers.read(principal, referral.id) if who.assigned else None
    return Detail(
        referral=referral,
        side=side,
        status=status,
        own=own,
        from_agency=agencies[referral.from_agency_id],
        to_agency=agencies[referral.to_agency_id],
        names=_names(principal),
        assigned=assigned,
        release=release,
        release_in_force=release is not None and not release.ended and release.expires_at > now,
        notice_released=side == "from"
        and disclosure.notice_needs_release(principal.duties)
        and is_notice_released(referral, now),
        blocks=blocks,
        # Before its accept the recipient may not know that there was one.
        release_ended=referral.release_ended and (side == "from" or who.accepted),
        purge_at=_purge_at(referral, own, side) if status in transitions.ENDED else None,
        escalated_at=(own.escalated_at if own and side == "to" else None) or referral.escalated_at,
        asked_to_ring_at=call_requested_at(referral, own, side),
        plan=plan.services if plan else [],
        replaces_id=_replaced_referral(principal, plan) if plan else None,
        external_ref=number,
        openings=opened,
        acts=transitions.acts_open_to(principal, who, status),
        etag=etag(referral, own, principal, now),
        now=now,
    )


def _release(referral: Referral, side: str) -> Release | None:
    """Return the newest release, for those who answer for it; for the recipient, after the
    accept."""
    if side == "to" and referral.accepted_at is None:
        return None
    releases = Release.objects.filter(referral=referral, direction="outbound")
    return releases.order_by("-created_at", "-id").first()


def is_notice_released(referral: Referral, now: datetime) -> bool:
    """Return whether the survivor's permission for the notice itself stands: recorded, not ended,
    and until the sending not expired. One query, as the sender's."""
    found = Release.objects.filter(referral=referral, direction="notice", ended=False)
    if referral.sent_at is None:
        found = found.filter(expires_at__gt=now)
    return found.exists()


def _purge_at(referral: Referral, own: Side | None, side: str) -> datetime | None:
    """Return when this side's part is purged. The clock's event says when the side was notified; a
    legal hold postpones it (R13)."""
    told = Event.objects.filter(referral=referral, act="purge_due")
    told = told.filter(from_sees=True) if side == "from" else told.filter(to_sees=True)
    last = told.order_by("-at").values_list("at", flat=True).first()
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
    found = Event.objects.filter(referral=seen.referral, to_sees=True, act__in=ends)
    return found.order_by("-at", "-id").values_list("act", flat=True).first() == ends[0]


def draft_deadline(referral: Referral) -> datetime:
    """Return when this draft is purged if it does not change. Call it within a transaction of its
    sender. One query."""
    changes = Event.objects.filter(referral=referral).order_by("-at")
    return (changes.values_list("at", flat=True).first() or referral.created_at) + DRAFT_LIFETIME


def _plan(principal: Principal, referral: Referral) -> Plan | None:
    return Plan.objects.filter(referral=referral, agency_id=principal.agency_id).first()


def _replaced_referral(principal: Principal, plan: Plan) -> UUID | None:
    """Return the replaced referral. None if the caller cannot see it: it may bar them (R12)."""
    if plan.replaces_id is None:
        return None
    before = Referral.objects.visible_to(principal, plan.replaces_id)
    return before.values_list("id", flat=True).first()


def openings(referral: Referral) -> Openings | None:
    """Return how many people opened it and when. None unless the sender marked it as an error and
    the caller answers for it there."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT people, times FROM sec.packet_opening_counts(%s)", [referral.id])
        people, times = cursor.fetchone()
    return None if people is None else Openings(people, times)


def live_blocks(principal: Principal, referral: Referral) -> list[Block]:
    """Return the own side's blocks, and the sender's `leads_only` that binds a recipient."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT kind, bars_member_id, agency_id = %(agency)s, set_at FROM conflict_block"
            " WHERE referral_id = %(id)s AND lifted_at IS NULL AND (agency_id = %(agency)s"
            "  OR (kind = 'leads_only' AND bars_agency_id = %(agency)s)) ORDER BY set_at, id",
            {"agency": principal.agency_id, "id": referral.id},
        )
        return [Block._make(row) for row in cursor.fetchall()]


def _find_visible(principal: Principal, referral_id: UUID) -> tuple[Referral, Side | None]:
    referral = Referral.objects.visible_to(principal, referral_id).first()
    if referral is None:
        raise NotVisible
    return referral, side_kept(principal, referral_id)


def _names(principal: Principal) -> dict[UUID, str]:
    """Return the own members by id, ordered by name, as the desk offers them to choose from."""
    own = Membership.objects.filter(agency_id=principal.agency_id).order_by("name", "id")
    return dict(own.values_list("id", "name"))


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of a history. `by` is a name on the own side, None for the other side's people."""

    id: UUID
    at: datetime
    act: str
    side: str  # whose act: "from", "to", or "system"
    by: str | None
    about: str | None  # the member of the own side whom it concerns
    code: str | None


def history(principal: Principal, referral_id: UUID) -> list[Step]:
    """Return what the caller's side may know of what happened, oldest first. Raises NotVisible,
    NotPermitted (a client without the scope)."""
    with writer.logged_act(principal, "referral.history", referral_id) as attempt:
        require_scope(principal, READS)
        referral, own = _find_visible(principal, referral_id)
        side = side_of(principal, referral)
        attempt.record(subject=own.subject if own else None)
        seen = Event.objects.filter(referral=referral)
        seen = seen.filter(from_sees=True) if side == "from" else seen.filter(to_sees=True)
        who = transitions.caller_relation(principal, referral, side, own)
        if not (who.assigned or principal.has_role("lead")):
            seen = seen.filter(reserved=False)
        names = _names(principal)
        steps = []
        for event in seen.order_by("at", "id"):
            mine = event.agency_id == principal.agency_id
            doer = "from" if event.agency_id == referral.from_agency_id else "to"
            steps.append(
                Step(
                    id=event.id,
                    at=event.at,
                    act=event.act,
                    side="system" if event.agency_id is None else doer,
                    by=names.get(event.member_id) if mine and event.member_id else None,
                    about=names.get(event.about_id) if mine and event.about_id else None,
                    code=event.code,
                )
            )
        return steps
