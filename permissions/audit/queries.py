"""Queries of the access log for auditors: the entries of the agency's own people and clients, page
by page or as an export; for an oversight auditor also another agency's, while its opt-in is in
force.

Runs as the database role `auditor`, whose policies show only these rows. The auditor's own reads
are entries too. Each filter has an index in the order of the pages
(permissions/models/access_log.py). If several are set, the index of the rarest filter finds up to
EXAMINED entries and the other filters are applied to these, so a page may end before it is full.
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
from permissions.policy import rules
from permissions.principal import Principal

REVIEWS = "audit:read"  # the scope of a client that reviews the log
MAX_PAGE = 100
EXAMINED = 150  # entries that one page reads where several filters are set
EXPORTED_AT_ONCE = 1_000

Key = tuple[datetime, UUID]  # an entry's position in the order: where a page ends
# The range searched; the other filters select in it.
_WHERE = ("since", "until", "agency_id", "practice")


@dataclass(frozen=True, slots=True)
class Filters:
    """What an auditor looks for; all filters must match. `since` is inclusive, `until` exclusive.

    `agency_id`: the agency whose entries are read, under its opt-in; None: the auditor's own.
    `practice`: what the own people did in exercises, instead of what they did live. A member is
    then found by either of their ids.
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
    practice: bool = False

    @property
    def asked(self) -> dict[str, Any]:
        """The filters that are set, by name, without agency, time and practice; `self_assigned` is
        True."""
        looked = {name: getattr(self, name) for name in self.__slots__ if name not in _WHERE}
        return {name: value for name, value in looked.items() if value not in (None, False)}

    def matches(self, entry: AccessEntry) -> bool:
        """Whether an entry of that agency and time matches all other filters."""
        return all(
            entry.act == actions.self_assignment()
            if value is True
            else getattr(entry, name) == value
            for name, value in self.asked.items()
        )

    @property
    def logged_id(self) -> UUID | None:
        """The referral that the entry of this read names: none of an exercise, which would put it
        before who looks at the live log."""
        return None if self.practice else self.referral_id

    @property
    def scope(self) -> str:
        """The text that a page cursor is bound to: all filters."""
        return ":".join(str(getattr(self, name)) for name in self.__slots__)


@dataclass(frozen=True, slots=True)
class EntryPage:
    """Entries, newest first, and the agency's members' names. `next`: where it goes on, or None."""

    entries: list[AccessEntry]
    names: dict[UUID, str]
    next: Key | None


class Listing(NamedTuple):
    """A caller whose lists showed a referral by one act: how often, first and last. If no member
    and no client is set, the referral was sent to the agency's webhooks."""

    member_id: UUID | None
    client_id: UUID | None
    act: str
    times: int
    first_at: datetime
    last_at: datetime

    @property
    def decision(self) -> str:
        """As for an entry; always allowed, since a refused list shows no referral."""
        return "allowed"


def access_log(
    principal: Principal,
    filters: Filters,
    *,
    after: Key | None = None,
    limit: int = 50,
) -> EntryPage:
    """A page of entries, newest first. `after`: how far the previous page searched. Where several
    filters are set, a page may have fewer than `limit` entries, or none, before the end.

    Raises NotPermitted, NotVisible (no opt-in of that agency is in force), BadRequest.
    """
    _check(principal, filters)
    limit = min(limit, MAX_PAGE)
    with writer.logged_act(
        principal, "access_log.read", filters.logged_id, using=AUDITOR
    ) as attempt:
        whose = _allowed(principal, filters, attempt)
        _look_at_practice(filters)
        entries, reached = _page(principal, whose, filters, after, limit)
        names = _names(principal, filters)
        if not _may_still_read(whose):
            raise NotVisible
    return EntryPage(entries, names, reached)


def callers(principal: Principal, act: str) -> tuple[dict[UUID, str], dict[UUID, str]]:
    """The names of the members and partner systems of the caller's own agency, current and former:
    the choices for a filter. This reads nothing of the log, so only a refusal of `act`, the act
    that needs the names, writes an entry. Raises NotPermitted.
    """
    with writer.log_refusals(principal, act, using=AUDITOR):
        must_review(principal)
    with identified_transaction(principal, AUDITOR), connections[AUDITOR].cursor() as cursor:
        cursor.execute("SELECT client_id, name FROM sec.client_names()")
        systems = {UUID(str(id_)): name for id_, name in cursor.fetchall()}
        return _names(principal, Filters()), systems


def listings(
    principal: Principal, referral_id: UUID, act: str = "access_log.read"
) -> tuple[list[Listing], dict[UUID, str]]:
    """The callers of this agency whose lists showed the referral, latest first, and the names of
    its members: the referral's trail, in addition to its own entries. `act`: access_log.export
    where it is downloaded as a file. Raises NotPermitted.
    """
    with writer.logged_act(principal, act, referral_id, using=AUDITOR) as attempt:
        must_review(principal)
        attempt.record()
        with connections[AUDITOR].cursor() as cursor:
            cursor.execute(
                "SELECT member_id, client_id, act, times, first_at, last_at FROM"
                " sec.referral_listings(%s)",
                [referral_id],
            )
            trail = [Listing._make(row) for row in cursor.fetchall()]
        return trail, _names(principal, Filters())


def export(principal: Principal, filters: Filters) -> Iterator[EntryPage]:
    """All entries that match, newest first, in parts. The export's own entry commits before this
    returns; later entries are not included. Each part is its own transaction: if the right ends,
    the next part raises NotAuthenticated, and the export is incomplete.

    Raises NotPermitted, NotVisible, BadRequest.
    """
    _check(principal, filters)
    with writer.logged_act(
        principal, "access_log.export", filters.logged_id, using=AUDITOR
    ) as attempt:
        whose = _allowed(principal, filters, attempt)
        until = min(filters.until or attempt.now, attempt.now)
    return _parts(principal, whose, replace(filters, until=until))


def _parts(principal: Principal, whose: UUID, filters: Filters) -> Iterator[EntryPage]:
    after: Key | None = None
    more = True
    while more:
        with identified_transaction(principal, AUDITOR):
            _look_at_practice(filters)
            entries = _entries(principal, whose, filters, after, EXPORTED_AT_ONCE)
            names = _names(principal, filters)
            if not _may_still_read(whose):
                raise NotAuthenticated
        more = len(entries) == EXPORTED_AT_ONCE
        if entries:
            after = _key(entries[-1])
            yield EntryPage(entries, names, after if more else None)


def may_review(principal: Principal) -> bool:
    """Whether the caller is an auditor, or a client with audit:read."""
    return principal.may(REVIEWS) if principal.is_client else principal.has_role("auditor")


def must_review(principal: Principal) -> None:
    """Raise NotPermitted unless the caller may review the log."""
    rules.require_scope(principal, REVIEWS)
    if not may_review(principal):
        raise NotPermitted("role_missing", "The access log is read by auditors.")


def _check(principal: Principal, filters: Filters) -> None:
    """Raise BadRequest for filters that no row could match."""
    if filters.since and filters.until and filters.since >= filters.until:
        raise BadRequest("invalid", "Enter a time after `since`.", "until")
    if filters.subject and filters.agency_id not in (None, principal.agency_id):
        raise BadRequest("invalid", "A survivor's handle belongs to one agency: yours.", "subject")
    if filters.practice and filters.agency_id not in (None, principal.agency_id):
        raise BadRequest("invalid", "Practice is shown of your own agency only.", "practice")


def _allowed(principal: Principal, filters: Filters, attempt: writer.LoggedAct) -> UUID:
    """Check the right to read, write the access entry, and return the agency whose entries are
    read. Raises NotPermitted, NotVisible."""
    must_review(principal)
    if filters.agency_id in (None, principal.agency_id):
        attempt.record(rule="practice" if filters.practice else None)
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
    """Whether the open transaction's caller may read that agency's entries. Call it after the
    read: if the right ended during it, rows are missing without any sign."""
    with connections[AUDITOR].cursor() as cursor:
        cursor.execute(
            "SELECT %s = ANY (sec.auditor_agency_id() || sec.opted_in_agency_ids())", [whose]
        )
        row = cursor.fetchone()
    return row is not None and row[0] is True


def _look_at_practice(filters: Filters) -> None:
    """Let the open transaction see what the own people did in exercises, if it is asked for. No
    other query finds it, whatever it says: the policies ask for this (ADR 0091)."""
    if filters.practice:
        with connections[AUDITOR].cursor() as cursor:
            cursor.execute("SET LOCAL cairn.practice = 'on'")


def _names(principal: Principal, filters: Filters) -> dict[UUID, str]:
    """Names of the members of the caller's own agency only: other agencies see no staff list."""
    members = Membership.objects.using(AUDITOR)
    if not filters.practice:  # else the policies leave its own members, and those in exercises
        members = members.filter(agency_id=principal.agency_id)
    return dict(members.values_list("id", "name"))


# -- One page --------------------------------------------------------------------------------------


def _page(
    principal: Principal, whose: UUID, filters: Filters, after: Key | None, limit: int
) -> tuple[list[AccessEntry], Key | None]:
    """At most `limit` entries after `after`, and how far the search went (None: to the end). With
    one filter these are the next `limit`; with several, the matches among EXAMINED entries."""
    rarest = filters if filters.practice else _rarest(whose, filters)
    share = limit if rarest == filters else EXAMINED
    look = _entries(principal, whose, rarest, after, share + 1)
    ended, look = len(look) <= share, look[:share]
    entries = look if rarest == filters else [entry for entry in look if filters.matches(entry)]
    if len(entries) > limit:
        return entries[:limit], _key(entries[limit - 1])
    return entries, None if ended else _key(look[-1])


def _rarest(whose: UUID, filters: Filters) -> Filters:
    """The indexed filter that alone matches the fewest entries by the planner's estimate (no entry
    is read); if none of the filters has an index, no filter."""
    rest = Filters(since=filters.since, until=filters.until, agency_id=filters.agency_id)
    indexed = {name: value for name, value in filters.asked.items() if value != "allowed"}
    alone = [replace(rest, **{name: value}) for name, value in indexed.items()] or [rest]
    if len(alone) == 1:
        return alone[0]

    def entries(candidate: Filters) -> float:
        plan = json.loads(_matching(whose, candidate).explain(format="json"))
        return float(plan[0]["Plan"]["Plan Rows"])

    return min(alone, key=entries)


def _key(entry: AccessEntry) -> Key:
    return entry.at, entry.id


def _entries(
    principal: Principal, whose: UUID, filters: Filters, after: Key | None, limit: int
) -> list[AccessEntry]:
    """The next `limit` entries of that agency that match. At most three statements: entries later
    than the log's monthly partitions, those in them, and earlier ones; each only as needed."""
    begins, ends = plan_without_sort()
    rows = _matching(whose, filters).defer("leaf", "xact")
    foreign = whose != principal.agency_id
    if foreign:  # a survivor's handle is never sent to another agency (R3)
        rows = rows.defer("subject")
    entries: list[AccessEntry] = []
    for earliest, latest in ((ends, None), (begins, ends), (None, begins)):
        earliest = max((moment for moment in (earliest, filters.since) if moment), default=None)
        latest = min((moment for moment in (latest, filters.until) if moment), default=None)
        empty = earliest and latest and earliest >= latest
        passed = after and earliest and after[0] < earliest
        if not empty and not passed and len(entries) < limit:
            entries += _within(rows, earliest, latest, after)[: limit - len(entries)]
    for entry in entries if foreign else ():
        entry.subject = None
    return entries


def plan_without_sort() -> tuple[datetime, datetime]:
    """The range of months that have their own partition. Sorting is off from here to the end of the
    transaction: the planner, which takes members and agencies for unrelated, expects a thirtieth of
    the entries, and would sort all of them instead of reading one page."""
    with connections[AUDITOR].cursor() as cursor:
        cursor.execute(
            "SELECT begins, ends, set_config('enable_sort', 'off', true) FROM sec.log_months()"
        )
        row = cursor.fetchone()
    assert row is not None
    return row[0], row[1]


def _matching(whose: UUID, filters: Filters) -> "QuerySet[AccessEntry]":
    rows = AccessEntry.objects.using(AUDITOR)
    if filters.practice:
        rows = rows.extra(where=["agency_id = ANY ((SELECT sec.practice_agency_ids())::uuid[])"])
    else:
        rows = rows.filter(agency_id=whose)
    for name, wanted in filters.asked.items():
        condition = {"act": actions.self_assignment()} if wanted is True else {name: wanted}
        if filters.practice and name == "member_id":
            person = Membership.objects.using(AUDITOR).filter(id=wanted).values("person_id")
            same = Membership.objects.using(AUDITOR).filter(person_id__in=person)
            condition = {"member_id__in": same.values("id")}
        rows = rows.filter(**condition)
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
        # The second condition implies the first, which lets the planner skip later months.
        rows = rows.filter(at__lte=after[0])
        rows = rows.extra(where=["(at, id) < (%s, %s)"], params=list(after))
    return rows.order_by("-at", "-id")
