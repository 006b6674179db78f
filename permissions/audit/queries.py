"""The auditor's work: reading the access log of the agency's own people and clients, page by page
or as an export; and of another agency, for an oversight auditor, while that agency's opt-in stands.

Runs as the database role `auditor`, whose policies show these rows alone. The auditor's own reads
are entries too. Each filter has an index in the order of the pages
(permissions/models/access_log.py). Of several together the rarest finds entries by its own, so many
a look, and the others are asked of these: a page may end for having looked far enough.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connections
from django.db.models import QuerySet

from permissions.audit import actions, writer
from permissions.database.aliases import AUDITOR
from permissions.database.db_identity import identified_transaction
from permissions.errors import BadRequest, NotAuthenticated, NotPermitted, NotVisible
from permissions.models import AccessEntry, Membership
from permissions.principal import Principal

MAX_PAGE = 100
EXAMINED = 150  # entries that one look reads where several filters stand
EXPORTED_AT_ONCE = 1_000

Key = tuple[datetime, UUID]  # of an entry: where a page ends
_WHERE = ("since", "until", "agency_id")  # where is looked; the other filters say what for


@dataclass(frozen=True, slots=True)
class Filters:
    """What an auditor looks for; all of it together. `since` is inclusive, `until` exclusive.

    `agency_id`: whose entries, by their opt-in; None: her own agency's.
    """

    act: str | None = None
    decision: str | None = None  # allowed | refused
    member_id: UUID | None = None
    client_id: UUID | None = None
    referral_id: UUID | None = None
    subject: UUID | None = None
    purpose: str | None = None
    self_assigned: bool = False
    since: datetime | None = None
    until: datetime | None = None
    agency_id: UUID | None = None

    @property
    def asked(self) -> dict[str, Any]:
        """Those that are set, by name, but whose entries and when; `self_assigned` is True."""
        looked = {name: getattr(self, name) for name in self.__slots__ if name not in _WHERE}
        return {name: value for name, value in looked.items() if value not in (None, False)}

    def matches(self, entry: AccessEntry) -> bool:
        """Whether the entry, one of the agency and the time, fits them all."""
        return all(
            entry.act == actions.self_assignment()
            if value is True
            else getattr(entry, name) == value
            for name, value in self.asked.items()
        )

    @property
    def scope(self) -> str:
        """What a cursor is bound to."""
        return ":".join(str(getattr(self, name)) for name in self.__slots__)


@dataclass(frozen=True, slots=True)
class EntryPage:
    """Entries, newest first, and the names of the agency's members. `next`: how far was looked;
    None: to the end."""

    entries: list[AccessEntry]
    names: dict[UUID, str]
    next: Key | None


class Listing(NamedTuple):
    """One who had a referral in her lists by one act: how often, from when to when. Nobody: the
    agency's webhooks, to which it was sent."""

    member_id: UUID | None
    client_id: UUID | None
    act: str
    times: int
    first_at: datetime
    last_at: datetime

    @property
    def decision(self) -> str:
        """As an entry's: a list that was refused names no referral."""
        return "allowed"


def access_log(
    principal: Principal,
    filters: Filters,
    *,
    after: Key | None = None,
    limit: int = 50,
) -> EntryPage:
    """A page of entries, newest first. `after`: how far the page before has looked. Where several
    filters stand, a page has fewer than `limit`, or none, when one look found no more.

    Raises NotPermitted, NotVisible (no opt-in of that agency stands), BadRequest.
    """
    _check(principal, filters)
    limit = min(limit, MAX_PAGE)
    with writer.logged_act(
        principal, "access_log.read", filters.referral_id, using=AUDITOR
    ) as attempt:
        whose = _allowed(principal, filters, attempt)
        found, reached = _page(principal, whose, filters, after, limit)
        names = _names(principal)
        if not _may_still_read(whose):
            raise NotVisible
    return EntryPage(found, names, reached)


def callers(principal: Principal, act: str) -> tuple[dict[UUID, str], dict[UUID, str]]:
    """The members and the partner systems of the caller's own agency by name, those who were let in
    once included: whom she may look for. Nothing of the log, so no entry but that of the refusal to
    do `act`, which she asks it for. Raises NotPermitted.
    """
    with writer.log_refusals(principal, act, using=AUDITOR):
        must_review(principal)
    with identified_transaction(principal, AUDITOR), connections[AUDITOR].cursor() as cursor:
        cursor.execute("SELECT client_id, name FROM sec.systems()")
        return _names(principal), {UUID(str(id_)): name for id_, name in cursor.fetchall()}


def listings(
    principal: Principal, referral_id: UUID, act: str = "access_log.read"
) -> tuple[list[Listing], dict[UUID, str]]:
    """Who of the caller's agency had the referral in her lists, the latest first, and the names of
    its members: the trail of a referral beside the entries that are its own. `act`:
    access_log.export where it is taken away as a file. Raises NotPermitted.
    """
    with writer.logged_act(principal, act, referral_id, using=AUDITOR) as attempt:
        must_review(principal)
        attempt.record()
        with connections[AUDITOR].cursor() as cursor:
            cursor.execute(
                "SELECT member_id, client_id, act, times, first_at, last_at FROM sec.listings(%s)",
                [referral_id],
            )
            found = [Listing._make(row) for row in cursor.fetchall()]
        return found, _names(principal)


def export(principal: Principal, filters: Filters) -> Iterator[EntryPage]:
    """All that fits, newest first, in parts. The export's own entry commits before this returns;
    what came after it is not in it. Each part is a transaction of its own, so that a right that
    ends cuts off the next one: then it raises NotAuthenticated, and the export is not whole.

    Raises NotPermitted, NotVisible, BadRequest.
    """
    _check(principal, filters)
    with writer.logged_act(
        principal, "access_log.export", filters.referral_id, using=AUDITOR
    ) as attempt:
        whose = _allowed(principal, filters, attempt)
        until = min(filters.until or attempt.now, attempt.now)
    return _parts(principal, whose, replace(filters, until=until))


def _parts(principal: Principal, whose: UUID, filters: Filters) -> Iterator[EntryPage]:
    after: Key | None = None
    more = True
    while more:
        with identified_transaction(principal, AUDITOR):
            found = _entries(principal, whose, filters, after, EXPORTED_AT_ONCE)
            names = _names(principal)
            if not _may_still_read(whose):
                raise NotAuthenticated
        more = len(found) == EXPORTED_AT_ONCE
        if found:
            after = _key(found[-1])
            yield EntryPage(found, names, after if more else None)


def may_review(principal: Principal) -> bool:
    """An auditor, or a client with audit:read."""
    if principal.is_client:
        return principal.may("audit:read")
    return principal.has_role("auditor")


def must_review(principal: Principal) -> None:
    """Raise NotPermitted unless the caller is one who reviews."""
    if not may_review(principal):
        raise NotPermitted("role_missing", "The access log is read by auditors.")


def _check(principal: Principal, filters: Filters) -> None:
    """Raise BadRequest for what no row could fit."""
    if filters.since and filters.until and filters.since >= filters.until:
        raise BadRequest("invalid", "It lies at or before `since`: nothing fits.", "until")
    if filters.subject and filters.agency_id not in (None, principal.agency_id):
        raise BadRequest("invalid", "A survivor's handle is her agency's own.", "subject")


def _allowed(principal: Principal, filters: Filters, attempt: writer.LoggedAct) -> UUID:
    """Whose entries are read, once it is permitted and the entry that says so is written."""
    must_review(principal)
    if filters.agency_id in (None, principal.agency_id):
        attempt.record()
        return principal.agency_id
    with connections[AUDITOR].cursor() as cursor:
        cursor.execute(
            "SELECT agency_id, id FROM log_opt_in WHERE agency_id = %s AND to_agency_id = %s"
            " AND withdrawn_at IS NULL AND ends_at > sec.clock() LIMIT 1",
            [filters.agency_id, principal.agency_id],
        )
        row = cursor.fetchone()
    if row is None:
        raise NotVisible
    whose, opt_in = row
    attempt.record(rule="opt_in", release_id=opt_in)
    return UUID(str(whose))


def _may_still_read(whose: UUID) -> bool:
    """Whether the open transaction's caller may read that agency's entries. Asked when they are
    read: where the right has ended in between, rows are missing, and what there is seems to be
    all."""
    with connections[AUDITOR].cursor() as cursor:
        cursor.execute("SELECT %s = ANY (sec.auditing() || sec.opted_in())", [whose])
        row = cursor.fetchone()
    return row is not None and row[0] is True


def _names(principal: Principal) -> dict[UUID, str]:
    """Of the caller's own agency's members alone: a staff list is shown to no other."""
    members = Membership.objects.using(AUDITOR).filter(agency_id=principal.agency_id)
    return dict(members.values_list("id", "name"))


# -- One page --------------------------------------------------------------------------------------


def _page(
    principal: Principal, whose: UUID, filters: Filters, after: Key | None, limit: int
) -> tuple[list[AccessEntry], Key | None]:
    """At most `limit` entries behind `after`, and how far was looked for them (None: to the end).
    By one filter the next `limit`; by several, what fits of EXAMINED entries."""
    rarest = _rarest(whose, filters)
    share = limit if rarest == filters else EXAMINED
    look = _entries(principal, whose, rarest, after, share + 1)
    ended, look = len(look) <= share, look[:share]
    found = [one for one in look if filters.matches(one)]
    if len(found) > limit:
        return found[:limit], _key(found[limit - 1])
    return found, None if ended else _key(look[-1])


def _rarest(whose: UUID, filters: Filters) -> Filters:
    """The filter of fewest entries by itself, as the planner knows them (it reads none); of those
    that have an index, and where none has one, no filter."""
    rest = Filters(since=filters.since, until=filters.until, agency_id=filters.agency_id)
    indexed = {name: value for name, value in filters.asked.items() if value != "allowed"}
    alone = [replace(rest, **{name: value}) for name, value in indexed.items()] or [rest]
    if len(alone) == 1:
        return alone[0]

    def entries(one: Filters) -> float:
        plan = json.loads(_matching(whose, one).explain(format="json"))
        return float(plan[0]["Plan"]["Plan Rows"])

    return min(alone, key=entries)


def _key(entry: AccessEntry) -> Key:
    return entry.at, entry.id


def _entries(
    principal: Principal, whose: UUID, filters: Filters, after: Key | None, limit: int
) -> list[AccessEntry]:
    """The next `limit` entries of that agency that fit. Three statements at most: what is later
    than the months of the log, the months, and what is earlier; each only as far as needed."""
    begins, ends = plan_without_sort()
    rows = _matching(whose, filters).defer("leaf", "xact")
    foreign = whose != principal.agency_id
    if foreign:  # a survivor's handle is sent to no other agency (R3)
        rows = rows.defer("subject")
    found: list[AccessEntry] = []
    for earliest, latest in ((ends, None), (begins, ends), (None, begins)):
        earliest = max((one for one in (earliest, filters.since) if one), default=None)
        latest = min((one for one in (latest, filters.until) if one), default=None)
        empty = earliest and latest and earliest >= latest
        passed = after and earliest and after[0] < earliest
        if not empty and not passed and len(found) < limit:
            found += _within(rows, earliest, latest, after)[: limit - len(found)]
    for entry in found if foreign else ():
        entry.subject = None
    return found


def plan_without_sort() -> tuple[datetime, datetime]:
    """The months that have a partition of their own; and for the rest of the transaction no sort:
    the planner takes a member's entries for a thirtieth of what they are, since it does not know
    that she is of one agency only, and would rather fetch and sort all of them than read a page.
    """
    with connections[AUDITOR].cursor() as cursor:
        cursor.execute(
            "SELECT begins, ends, set_config('enable_sort', 'off', true) FROM sec.log_months()"
        )
        row = cursor.fetchone()
    assert row is not None
    return row[0], row[1]


def _matching(whose: UUID, filters: Filters) -> "QuerySet[AccessEntry]":
    rows = AccessEntry.objects.using(AUDITOR).filter(agency_id=whose)
    for name, wanted in filters.asked.items():
        one = {"act": actions.self_assignment()} if wanted is True else {name: wanted}
        rows = rows.filter(**one)
    return rows


def _within(
    rows: "QuerySet[AccessEntry]",
    earliest: datetime | None,
    latest: datetime | None,
    after: Key | None,
) -> "QuerySet[AccessEntry]":
    if earliest is not None:
        rows = rows.filter(at__gte=earliest)
    if latest is not None:
        rows = rows.filter(at__lt=latest)
    if after is not None:
        # The first condition says once more what the second implies: it leaves out later months.
        rows = rows.filter(at__lte=after[0])
        rows = rows.extra(where=["(at, id) < (%s, %s)"], params=list(after))
    return rows.order_by("-at", "-id")
