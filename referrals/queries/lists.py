"""The list of a side's referrals: one page, newest first, and one access entry with its ids (R11).

This module contains no rules: rows come from row-level security, words from
referrals/visible_status.py.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from permissions.audit import writer
from permissions.database.prepared_statements import PreparedStatement, RoundTrip
from permissions.policy import rules
from permissions.principal import Principal
from referrals.models import READS, sees_referrals
from referrals.own_numbers import record_numbers
from referrals.own_numbers.record_numbers import SealedNumber
from referrals.queries.list_filters import DUE, Filters
from referrals.visible_status import status_word, unanswered_request

MAX_PAGE = 100
USUAL_PAGES = (25, 50, MAX_PAGE)  # of the desk, of the API, and the maximum
EVERYTHING = Filters()


class Place(NamedTuple):
    """Where a page ended: the key of its last row."""

    created_at: datetime
    id: UUID


class Line(NamedTuple):
    """One referral in a list, as the caller's side is shown it. Ids stay text, as they are sent: a
    page holds 250 of them, and converting them to UUIDs cost as much as reading the page."""

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
    asked_to_ring_at: datetime | None  # by the other side, until answered
    holder_id: str | None  # on the own side
    external_ref: str | None  # the own agency's number, for a member who works on it


class _Row(NamedTuple):
    """What the list reads: the clock, columns of the referral, then the joined columns."""

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
    called_at: datetime | None
    kek_version: int | None  # of the own number, for who works on it
    key_bundle: memoryview | None
    access: memoryview | None


_OF_REFERRAL = _Row._fields[1 : _Row._fields.index("from_agency_name")]
_COLUMNS = ", ".join(_OF_REFERRAL)
_SHOWN = ", ".join(
    f"r.{name}::text" if name.endswith("id") else f"r.{name}" for name in _OF_REFERRAL
)


def _branch(box: str, rest: str, due: str = "") -> str:
    """Return SQL for one index scan: the newest rows of one box. Two scans beat any OR
    (measured)."""
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
    """Return a page of the caller's agency's referrals, newest first, and where it ended.

    `soonest`: order by the nearest deadline instead; then the returned place only says that there
    are more. `box`: "in" (sent to us), "out" (sent by us), None (both). `limit` ≤ 100. One access
    entry with the ids shown; it says so if a search by a number found none. No totals (R3). Raises
    NotPermitted (a client without the scope), TooOften (a search by a number).
    """
    if not sees_referrals(principal):
        list_nothing(principal)
        return [], None
    limit = min(limit, MAX_PAGE)
    sql = page_sql(box, filters, after=after is not None, limit=limit + 1, soonest=soonest)
    values = {
        "agency": principal.agency_id,
        "at": after.created_at if after else None,
        "id": after.id if after else None,
        "member": principal.member_id,
        **filters.values(),
    }
    number = filters.external_ref
    if number is not None:
        values["external_ref"] = record_numbers.keyed_hash(principal, number)
    with writer.logged_act(principal, "referral.list", ask=RoundTrip(sql, values)) as attempt:
        if number is not None:
            record_numbers.require_look_up(principal)
        rows = [_Row._make(row) for row in attempt.found]
        more = len(rows) > limit
        mine, numbers = str(principal.agency_id), _numbers(principal, rows[:limit])
        lines = [_line(mine, row, numbers.get(row.id)) for row in rows[:limit]]
        missed = record_numbers.UNKNOWN if number is not None and not lines else None
        attempt.record(referral_ids=[line.id for line in lines], rule=missed)
    return lines, Place(lines[-1].created_at, UUID(lines[-1].id)) if more else None


def list_nothing(principal: Principal) -> None:
    """Write the access entry of a list that can hold nothing, whatever there is. Raises
    NotPermitted (a client without the scope)."""
    with writer.logged_act(principal, "referral.list") as attempt:
        rules.require_scope(principal, READS)
        attempt.record(referral_ids=[])


def read_lines(
    principal: Principal, after: Place | None, limit: int
) -> tuple[list[Line], Place | None]:
    """Return a page of both boxes within the caller's open transaction, and where it ended, without
    the agency's own numbers. It writes no entry: its caller does, in the same transaction."""
    values = {
        "agency": principal.agency_id,
        "at": after.created_at if after else None,
        "id": after.id if after else None,
    }
    with connection.cursor() as cursor:
        cursor.execute(page_sql(None, EVERYTHING, after=after is not None, limit=limit + 1), values)
        rows = [_Row._make(row) for row in cursor.fetchall()]
    lines = [_line(str(principal.agency_id), row, None) for row in rows[:limit]]
    more = len(rows) > limit
    return lines, Place(lines[-1].created_at, UUID(lines[-1].id)) if more else None


def list_query(
    box: str | None, filters: Filters, *, after: bool, limit: int, soonest: bool = False
) -> str:
    """Return the query for a kind of page."""
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
    # The page is cut before anything is joined to it. Its ids then find their sides in one index
    # scan, where a plain join may read all sides of the agency.
    return (
        "WITH page AS MATERIALIZED"  # noqa: S608 (of fixed parts)
        f" (SELECT * FROM ({branches}) boxes{first})"
        f" SELECT (SELECT sec.clock()), {_SHOWN}, f.name, t.name, s.state, s.handoff_by,"
        " s.holder_id::text, s.called_at, n.kek_version, n.key_bundle, n.access"
        " FROM page r"
        " JOIN permissions_agency f ON f.id = r.from_agency_id"
        " JOIN permissions_agency t ON t.id = r.to_agency_id"
        " LEFT JOIN referral_side s ON s.agency_id = %(agency)s AND s.referral_id = r.id"
        "  AND s.referral_id = ANY (ARRAY(SELECT id FROM page))"
        " LEFT JOIN sec.own_record_numbers(ARRAY(SELECT id FROM page)) n ON n.referral_id = r.id"
        f" ORDER BY {'r.due, r.id' if soonest else 'r.created_at DESC, r.id DESC'}"
    )


# Frequent pages are planned once, because planning is a large part of the cost of a page (measured:
# 0.34 ms of 0.84). The rest are planned with their values each time.
_PLANNED_ONCE = {
    (box, after, page + 1): PreparedStatement(
        f"list_{box or 'both'}_{page}{'_after' if after else ''}",
        list_query(box, EVERYTHING, after=after, limit=page + 1),
        for_all=True,
    )
    for box in (None, "in", "out")
    for after in (False, True)
    for page in USUAL_PAGES
}


def page_sql(
    box: str | None, filters: Filters, *, after: bool, limit: int, soonest: bool = False
) -> str:
    """Return the SQL to send for such a page, with placeholders. Call it within a transaction."""
    once = _PLANNED_ONCE.get((box, after, limit))
    if once is None or soonest or filters != EVERYTHING:
        return list_query(box, filters, after=after, limit=limit, soonest=soonest)
    return once.text()


def _numbers(principal: Principal, rows: Sequence[_Row]) -> dict[str, str]:
    """Return the own agency's numbers of these rows, by the referral's id."""
    sealed = (
        SealedNumber(row.id, row.kek_version, row.key_bundle, row.access)
        for row in rows
        if row.kek_version is not None and row.key_bundle is not None
    )
    return record_numbers.opened(principal, sealed)


def _line(mine: str, row: _Row, number: str | None) -> Line:
    """Convert a row without creating a model: fifty models cost more than the rest of the list."""
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
        status_word(
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
        unanswered_request(
            row.from_asks_ring_at if side == "to" else row.to_asks_ring_at, row.called_at
        ),
        row.holder_id,
        number,
    )
