"""The feed of events: what the caller's side may know of its referrals, in order, from any place.

It is ordered by (xact, id) and read only up to where every transaction has ended. A reader who
continues from the last place misses no event and gets none twice, however many transactions write
meanwhile (measured: a reader that goes by id alone missed 272 of 32,813).
"""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from permissions.audit import writer
from permissions.errors import NotPermitted, NotVisible
from permissions.models import CASEWORK
from permissions.policy import rules
from permissions.principal import Principal

MAX_PAGE = 100


class Place(NamedTuple):
    """A reader's position: the key of the last event that it was given."""

    xact: int
    id: UUID


BEGINNING = Place(0, UUID(int=0))
_LAST = UUID(int=2**128 - 1)


class Entry(NamedTuple):
    """One event as the caller's side may know it: ids and codes. The members are of the caller's
    own side."""

    id: UUID
    at: datetime
    referral_id: UUID
    act: str
    side: str  # whose act: "from", "to", or "system"
    code: str | None
    member_id: UUID | None
    about_id: UUID | None


def _branch(side: str, more: str) -> str:
    """Return SQL for what the agency sent, or what it was sent; `more`: of which of it."""
    return (
        "(SELECT id, at, referral_id, act, agency_id, from_agency_id, code, member_id, about_id,"
        f" xact FROM referral_event e WHERE {side}_agency_id = %(agency)s AND {side}_sees"
        " AND (xact, id) > (%(xact)s, %(id)s) AND xact < (SELECT sec.xact_bound())"
        " AND (NOT reserved OR %(lead)s OR EXISTS (SELECT FROM referral_assignment s"
        "  WHERE s.content_object_id = e.referral_id AND s.membership_id = %(member)s))"
        f" AND sec.is_not_blocked(referral_id){more} ORDER BY xact, id LIMIT %(limit)s)"
    )


def _of(more: str) -> str:
    boxes = f"{_branch('from', more)} UNION ALL {_branch('to', more)}"
    return f"SELECT * FROM ({boxes}) boxes ORDER BY xact, id LIMIT %(limit)s"


_PAGE = "SELECT * FROM sec.event_page(%(xact)s, %(id)s, %(limit)s)"
# What the caller names is looked up first, so that a hidden id takes as long as none (ADR 0071).
_OF_REFERRAL = _of(" AND e.referral_id = (SELECT sec.fed_referral_id(%(named)s))")
_ONE = _of(" AND e.id = (SELECT sec.fed_event_id(%(named)s))")


def read_events(
    principal: Principal, after: Place, limit: int, referral_id: UUID | None = None
) -> tuple[list[Entry], Place]:
    """Return at most `limit` (≤ 100) events after `after`, and where they end. Fewer than `limit`
    means that there is no more for now. `referral_id`: only that one's; one that the caller may not
    see has none. One access entry with the referrals shown. Raises NotPermitted."""
    with writer.logged_act(principal, "event.list") as attempt:
        _require(principal)
        query = _PAGE if referral_id is None else _OF_REFERRAL
        rows = _read(principal, query, after, limit, referral_id)
        attempt.record(referral_ids=sorted({row[2] for row in rows}))
    entries = [_entry(principal, row) for row in rows]
    return entries, Place(rows[-1][-1], rows[-1][0]) if rows else after


def read_event(principal: Principal, event_id: UUID) -> Entry:
    """Return one event of the caller's feed, such as the one that a webhook named. One access entry
    with its referral. Raises NotPermitted, NotVisible: the feed does not have it, or not yet."""
    with writer.logged_act(principal, "event.list") as attempt:
        _require(principal)
        rows = _read(principal, _ONE, BEGINNING, 1, event_id)
        if not rows:
            raise NotVisible
        attempt.record(referral_ids=[rows[0][2]])
    return _entry(principal, rows[0])


def present_end(principal: Principal) -> Place:
    """Return the place behind every event that can be read now: who goes on from there is given
    what happens from now on. One access entry. Raises NotPermitted."""
    with writer.logged_act(principal, "event.list") as attempt:
        _require(principal)
        with connection.cursor() as cursor:
            cursor.execute("SELECT sec.xact_bound() - 1")
            ((bound,),) = cursor.fetchall()
        attempt.record(referral_ids=[])
    return Place(bound, _LAST)


def _read(
    principal: Principal, query: str, after: Place, limit: int, named: UUID | None
) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            query,
            {
                "agency": principal.agency_id,
                "xact": after.xact,
                "id": after.id,
                "lead": principal.has_role("lead"),
                "member": principal.member_id,
                "limit": limit,
                "named": named,
            },
        )
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _require(principal: Principal) -> None:
    """Require a worker or lead, or a client with events:read whose named staff, if any, is one."""
    rules.require_scope(principal, "events:read")
    named = not principal.is_client or principal.member_id is not None
    if named and not principal.has_role(*CASEWORK):
        raise NotPermitted("role_missing", "Events are for workers and leads.")


def _entry(principal: Principal, row: tuple) -> Entry:
    id_, at, referral_id, act, agency_id, from_agency_id, code, member_id, about_id, _xact = row
    mine = agency_id == principal.agency_id
    doer = "from" if agency_id == from_agency_id else "to"
    return Entry(
        id=id_,
        at=at,
        referral_id=referral_id,
        act=act,
        side="system" if agency_id is None else doer,
        code=code,
        member_id=member_id if mine else None,
        about_id=about_id if mine else None,
    )
