"""What a side reads of its referrals: the list, one in detail, its history.

Each is one access entry of the same transaction (R11). Nothing here is a rule: rows come from
`visible_to` and row-level security, words from referrals/shown.py.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from permissions import assignments, log
from permissions.errors import NotVisible
from permissions.models import Agency, Membership
from permissions.policy import Standing
from permissions.prepared import Ask
from permissions.principal import Principal
from referrals import transitions
from referrals.clocks import DRAFT_KEPT, PURGE_TOLD_BEFORE
from referrals.filters import DUE, Filters
from referrals.models import Event, Plan, Referral, Release, Side, sees_referrals, side_kept
from referrals.shown import etag, side_of, status_shown, word_shown

MAX_PAGE = 100
EVERYTHING = Filters()


class Place(NamedTuple):
    """Where a page ended: the key of its last row."""

    created_at: datetime
    id: UUID


class Line(NamedTuple):
    """One referral in a list, as the caller's side is shown it. Ids are text, as they leave: a page
    holds 250 of them, and to make UUIDs of them cost as much as to read the page."""

    id: str
    side: str
    reference: str
    from_agency_id: str
    to_agency_id: str
    from_agency_name: str
    to_agency_name: str
    service_id: str
    service_name: str
    status: str
    urgency: str
    needs: list[str]
    wanted: str
    created_at: datetime
    sent_at: datetime | None
    ack_by: datetime | None
    accept_by: datetime | None
    expires_at: datetime | None
    handoff_by: datetime | None  # recipient only
    asked_to_ring_at: datetime | None  # by the other side's people
    holder_id: str | None  # own side's


class _Row(NamedTuple):
    """What the list reads: the clock, columns of the referral, then what is joined to them."""

    now: datetime
    id: str
    reference: str
    from_agency_id: str
    to_agency_id: str
    service_id: str
    service_name: str
    status: str  # as the sender is shown it, not yet as the caller is
    urgency: str
    needs: list[str]
    wanted: str
    created_at: datetime
    sent_at: datetime | None
    ack_by: datetime | None
    accept_by: datetime | None
    expires_at: datetime | None
    accepted_at: datetime | None
    from_asks_ring_at: datetime | None
    to_asks_ring_at: datetime | None
    from_agency_name: str
    to_agency_name: str
    own_state: str | None
    handoff_by: datetime | None
    holder_id: str | None


_OF_REFERRAL = _Row._fields[1 : _Row._fields.index("from_agency_name")]
_COLUMNS = ", ".join(_OF_REFERRAL)
_SHOWN = ", ".join(
    f"r.{name}::text" if name.endswith("id") else f"r.{name}" for name in _OF_REFERRAL
)


def _branch(box: str, rest: str, due: str = "") -> str:
    """One index scan: the newest rows of one box. Two of them beat any OR (measured)."""
    column = "from_agency_id" if box == "out" else "to_agency_id"
    sent = " AND NOT from_purged" if box == "out" else " AND sent_at IS NOT NULL"
    return (
        f"(SELECT {_COLUMNS}{due} FROM referral"  # noqa: S608 (of fixed parts)
        f" WHERE {column} = %(agency)s{sent}{rest})"
    )


def list_page(
    principal: Principal,
    *,
    box: str | None = None,
    filters: Filters = EVERYTHING,
    after: Place | None = None,
    limit: int = 50,
    soonest: bool = False,
) -> tuple[list[Line], Place | None]:
    """A page of the caller's agency's referrals, newest first, and where it ended.

    `soonest`: the nearest deadline first instead; then the place says no more than that more wait.
    `box`: "in" (sent to us), "out" (sent by us), None (both). `limit` ≤ 100. One entry with the ids
    shown. No totals (R3).
    """
    if not sees_referrals(principal):
        with log.attempt(principal, "referral.list") as attempt:
            attempt.record(referral_ids=[])
        return [], None
    limit = min(limit, MAX_PAGE)
    sql = query(box, filters, after=after is not None, limit=limit + 1, soonest=soonest)
    values = {
        "agency": principal.agency_id,
        "at": after.created_at if after else None,
        "id": after.id if after else None,
        "member": principal.member_id,
        "urgency": filters.urgency,
        "since": filters.updated_since,
    }
    with log.attempt(principal, "referral.list", ask=Ask(sql, values)) as attempt:
        rows = attempt.found
        more = len(rows) > limit
        mine = str(principal.agency_id)
        lines = [_line(mine, row) for row in rows[:limit]]
        attempt.record(referral_ids=[line.id for line in lines], last=True)
    return lines, Place(lines[-1].created_at, UUID(lines[-1].id)) if more else None


def query(
    box: str | None, filters: Filters, *, after: bool, limit: int, soonest: bool = False
) -> str:
    """The query of a kind of page. Not prepared: one plan for all agencies would sort the whole box
    of a big one (measured), so that the planner is told the agency and the limit each time."""
    beyond = " AND (created_at, id) < (%(at)s, %(id)s)" if after else ""
    order = "due, id" if soonest else "created_at DESC, id DESC"
    first = f" ORDER BY {order} LIMIT {limit}"
    branches = " UNION ALL ".join(
        _branch(
            each,
            beyond + filters.condition(each) + first,
            f", {DUE[each]} AS due" if soonest else "",
        )
        for each in ("in", "out")
        if box in (None, each)
    )
    # The page is cut before anything is joined to it; its ids then find their sides in one scan of
    # the index, where a plain join may read all sides of the agency.
    return (
        "WITH page AS MATERIALIZED"  # noqa: S608 (of fixed parts)
        f" (SELECT * FROM ({branches}) boxes{first})"
        f" SELECT (SELECT sec.clock()), {_SHOWN}, f.name, t.name, s.state, s.handoff_by,"
        " s.holder_id::text"
        " FROM page r"
        " JOIN permissions_agency f ON f.id = r.from_agency_id"
        " JOIN permissions_agency t ON t.id = r.to_agency_id"
        " LEFT JOIN referral_side s ON s.agency_id = %(agency)s AND s.referral_id = r.id"
        "  AND s.referral_id = ANY (ARRAY(SELECT id FROM page))"
        f" ORDER BY {'r.due, r.id' if soonest else 'r.created_at DESC, r.id DESC'}"
    )


def _line(mine: str, found: tuple[Any, ...]) -> Line:
    """No model is made of a row: fifty of them cost more than the whole rest of the list."""
    row = _Row._make(found)
    side = "from" if row.from_agency_id == mine else "to"
    return Line(
        row.id,
        side,
        row.reference,
        row.from_agency_id,
        row.to_agency_id,
        row.from_agency_name,
        row.to_agency_name,
        row.service_id,
        row.service_name,
        word_shown(
            side,
            row.status,
            row.own_state,
            expires_at=row.expires_at,
            accepted_at=row.accepted_at,
            now=row.now,
        ),
        row.urgency,
        row.needs,
        row.wanted,
        row.created_at,
        row.sent_at,
        row.ack_by,
        row.accept_by,
        row.expires_at,
        row.handoff_by if side == "to" else None,
        row.from_asks_ring_at if side == "to" else row.to_asks_ring_at,
        row.holder_id,
    )


class Openings(NamedTuple):
    """Of a packet that was marked as an error: by how many of the recipient's people, and when."""

    people: int
    times: list[datetime]


class Block(NamedTuple):
    """A live block as those who answer for it see it (R12)."""

    kind: str  # member, agency, leads_only
    member_id: UUID | None
    ours: bool  # False: the sender marked it for this agency's leads only
    set_at: datetime


@dataclass(frozen=True, slots=True)
class Detail:
    """One referral as the caller's side is shown it, its release (for whoever answers for it), and
    what she may do now."""

    referral: Referral
    side: str
    status: str
    own: Side | None
    from_agency: Agency
    to_agency: Agency
    names: dict[UUID, str]  # own members by id
    assigned: list[UUID]  # own members that work on it
    release: Release | None
    release_in_force: bool
    blocks: list[Block]
    release_ended: bool
    purge_at: datetime | None  # when this side's part goes, once it was told so
    escalated_at: datetime | None  # a deadline passed that this side is shown
    asked_to_ring_at: datetime | None  # by the other side's people
    plan: list[UUID]  # the sender's next services; for its assigned members
    replaces_id: UUID | None
    openings: Openings | None  # of what was marked as an error, for who answers for it
    acts: list[str]
    etag: str
    now: datetime


def detail(principal: Principal, referral_id: UUID) -> Detail:
    """One referral. Raises NotVisible. One access entry."""
    with log.attempt(principal, "referral.read", referral_id) as attempt:
        referral, own = _see(principal, referral_id)
        attempt.record(subject=own.subject if own else None)
        return look(principal, referral, own, attempt.now)


def look_up(principal: Principal, referral_id: UUID, now: datetime) -> Detail:
    """`look` at a referral by its id, authorised anew (a replayed create). Raises NotVisible."""
    return look(principal, *_see(principal, referral_id), now)


def look(principal: Principal, referral: Referral, own: Side | None, now: datetime) -> Detail:
    """The referral as the principal's side is shown it, within a transaction that has seen it."""
    side = side_of(principal, referral)
    agencies = Agency.objects.in_bulk([referral.from_agency_id, referral.to_agency_id])
    status = status_shown(referral, own, side, now)
    assigned = assignments.assignees(referral, principal.agency_id)
    who = Standing(
        side,
        principal.member_id in assigned,
        transitions.is_holder(principal, own),
        referral.accepted_at is not None,
    )
    release, blocks, opened = None, [], None
    if who.assigned or principal.has_role("lead"):
        release, blocks = _release(referral, side), live_blocks(principal, referral)
        if side == "from" and status == "entered_in_error":
            opened = openings(referral)
    plan = _plan(principal, referral) if side == "from" and who.assigned else None
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
        blocks=blocks,
        release_ended=referral.release_ended,
        purge_at=_purge_at(referral, own, side) if status in transitions.ENDED else None,
        escalated_at=(own.escalated_at if own and side == "to" else None) or referral.escalated_at,
        asked_to_ring_at=(
            referral.to_asks_ring_at if side == "from" else referral.from_asks_ring_at
        ),
        plan=plan.services if plan else [],
        replaces_id=plan.replaces_id if plan else None,
        openings=opened,
        acts=transitions.acts_open_to(principal, who, status, own),
        etag=etag(referral, own, principal, now),
        now=now,
    )


def _release(referral: Referral, side: str) -> Release | None:
    """The newest release, for whoever answers for it; the recipient's people after the accept."""
    if side == "to" and referral.accepted_at is None:
        return None
    releases = Release.objects.filter(referral=referral, direction="outbound")
    return releases.order_by("-created_at", "-id").first()


def _purge_at(referral: Referral, own: Side | None, side: str) -> datetime | None:
    """The event of the clock says when this side was told; a legal hold puts it off (R13)."""
    told = Event.objects.filter(referral=referral, act="purge_due")
    told = told.filter(from_sees=True) if side == "from" else told.filter(to_sees=True)
    last = told.order_by("-at").values_list("at", flat=True).first()
    if last is None:
        return None
    at = last + PURGE_TOLD_BEFORE
    return max(at, own.hold_until) if own and own.hold_until else at


def draft_ends(referral: Referral) -> datetime:
    """When the purge takes this draft, if nothing of it changes. Within a transaction of its
    sender's. One query."""
    changes = Event.objects.filter(referral=referral).order_by("-at")
    return (changes.values_list("at", flat=True).first() or referral.created_at) + DRAFT_KEPT


def _plan(principal: Principal, referral: Referral) -> Plan | None:
    return Plan.objects.filter(referral=referral, agency_id=principal.agency_id).first()


def openings(referral: Referral) -> Openings | None:
    """By how many it had been opened, and when; None unless the sender marked it as an error and
    the caller answers for it there."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT people, times FROM sec.openings(%s)", [referral.id])
        people, times = cursor.fetchone()
    return None if people is None else Openings(people, times)


def live_blocks(principal: Principal, referral: Referral) -> list[Block]:
    """The own side's, and the sender's mark that binds the recipient's leads."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT kind, bars_member_id, agency_id = %(agency)s, set_at FROM conflict_block"
            " WHERE referral_id = %(id)s AND lifted_at IS NULL AND (agency_id = %(agency)s"
            "  OR (kind = 'leads_only' AND bars_agency_id = %(agency)s)) ORDER BY set_at, id",
            {"agency": principal.agency_id, "id": referral.id},
        )
        return [Block._make(row) for row in cursor.fetchall()]


def _see(principal: Principal, referral_id: UUID) -> tuple[Referral, Side | None]:
    referral = Referral.objects.visible_to(principal).filter(id=referral_id).first()
    if referral is None:
        raise NotVisible
    return referral, side_kept(principal, referral_id)


def _names(principal: Principal) -> dict[UUID, str]:
    own = Membership.objects.filter(agency_id=principal.agency_id)
    return dict(own.values_list("id", "name"))


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of a history. `by` is a name on the own side, None for the other side's people."""

    id: UUID
    at: datetime
    act: str
    side: str  # whose act: "from", "to", or "system"
    by: str | None
    about: str | None  # of the own side, the member whom it concerns
    code: str | None


def history(principal: Principal, referral_id: UUID) -> list[Step]:
    """What the caller's side may know of what happened, oldest first. Raises NotVisible."""
    with log.attempt(principal, "referral.history", referral_id) as attempt:
        referral, own = _see(principal, referral_id)
        side = side_of(principal, referral)
        attempt.record(subject=own.subject if own else None)
        seen = Event.objects.filter(referral=referral)
        seen = seen.filter(from_sees=True) if side == "from" else seen.filter(to_sees=True)
        who = transitions.standing(principal, referral, side, own)
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
