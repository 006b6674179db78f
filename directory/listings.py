"""Services for the other apps, and the agency that answers each.

Without a principal (None), only public services are found (T0). With a principal the network's
confidential services are found too (T1): call inside
`permissions.database.db_identity.identified_transaction(principal)`, since the database shows them,
and only to a live credential. Reads rendered rows, one query per page; the contents of one service
cannot make a page fail.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connection, transaction

from directory import models as m
from directory.projection.render import render
from directory.search import documents as search_documents
from directory.search.matches import PER_PAGE
from directory.search.matches import find as find_hits
from directory.search.query import SearchQuery
from permissions import assignments
from permissions.audit.writer import log_operator_change
from permissions.database.aliases import JOBS
from permissions.database.clock import database_now
from permissions.practice import drill, exercises
from permissions.principal import Principal


@dataclass(frozen=True, slots=True)
class Phone:
    """A number to call for a service: its own, its place's or its organization's."""

    number: str
    extension: str
    type: str
    description: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A service that the caller may see. `document` is HSDS as JSON text, ready to send."""

    id: UUID
    name: str
    organization_id: UUID
    organization_name: str
    status: str
    answered_by: UUID | None  # the agency that answers referrals; None: phone only
    confidential: bool
    intake: str  # taking, paused, full, unknown
    victimization_types: tuple[str, ...]
    taxonomy_term_ids: tuple[UUID, ...]
    phones: tuple[Phone, ...]
    last_modified: datetime
    assured_date: date | None
    document: str
    metres: float | None = None  # from the query's place
    somewhere_in: str = ""  # the postcode that it is in: where exactly is not known

    @property
    def intake_paused(self) -> bool:
        return self.intake == "paused"

    @property
    def open_to_referrals(self) -> bool:
        """Whether it takes referrals according to the directory. referrals/acts/availability.py
        decides whether a member is there to answer one."""
        return self.answered_by is not None and not self.intake_paused and self.status == "active"


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a search. `page` counts from 1; pages after the last have no items."""

    items: tuple[Listing, ...]
    total_items: int
    capped: bool  # there are at least `total_items`
    page: int
    per_page: int
    last: bool
    lacks_words: bool = False  # nothing has all of the words: these have the most of them
    complete: int = 0  # how many have all of them; they come first

    @property
    def total_pages(self) -> int:
        return -(-self.total_items // self.per_page)


def find(principal: Principal | None, service_id: UUID) -> Listing | None:
    """The service with its full document, whatever its status; None if the caller may not see it.

    A service that does not exist and a confidential one cost the same query (R3).
    """
    if service_id == drill.SERVICE_ID and drill.is_drill(principal):
        return _of_the_drill()
    row = search_documents.load_parts(principal, "service", "listing", service_id)
    return _answered(principal, [_listing(row[0], row[1:])])[0] if row else None


def search(
    principal: Principal | None,
    asked: SearchQuery | None = None,
    *,
    page: int = 1,
    per_page: int = PER_PAGE,
) -> Page:
    """A page of the matching services that are open (active or temporarily closed)."""
    found = find_hits(
        principal, asked or SearchQuery(), shape="listing", page=page, per_page=per_page
    )
    return Page(
        items=tuple(
            _answered(
                principal,
                [
                    replace(
                        _listing(hit.id, hit.parts), metres=hit.metres, somewhere_in=hit.middle_of
                    )
                    for hit in found.hits
                ],
            )
        ),
        total_items=found.total,
        capped=found.capped,
        page=page,
        per_page=per_page,
        last=found.last,
        lacks_words=found.lacks_words,
        complete=found.complete,
    )


def edited(
    principal: Principal, *, page: int = 1, per_page: int = PER_PAGE
) -> tuple[list[Listing], bool]:
    """A page of the services that the caller's agency edits, without defunct ones, and whether
    there are more. Services that were never assured, or longest ago, come first."""
    halves = search_documents.visible_halves(principal)
    own = assignments.edited_organizations(m.Organization, principal.agency_id, "default")
    where, values = own.query.sql_with_params()
    each = " UNION ALL ".join(
        f"SELECT id AS service_id, assured_date, name FROM {half.listing}"
        f" WHERE status <> 'defunct' AND organization_id IN ({where})"
        for half in halves
    )
    documents = " UNION ALL ".join(
        f"({search_documents.select('service', 'listing', h)})" for h in halves
    )
    order = "assured_date NULLS FIRST, name, service_id"
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH hit AS MATERIALIZED (SELECT * FROM ({each}) e ORDER BY {order}"
            f" LIMIT %s OFFSET %s) SELECT document.* FROM hit JOIN ({documents}) document"
            f" ON document.id = hit.service_id ORDER BY hit.assured_date NULLS FIRST,"
            " hit.name, hit.service_id",
            [*(value for _ in halves for value in values), per_page + 1, (page - 1) * per_page],
        )
        rows = cursor.fetchall()
    return [_listing(row[0], row[1:]) for row in rows[:per_page]], len(rows) > per_page


def edits(principal: Principal, organization_id: UUID) -> bool:
    """Whether the caller's agency edits this organization's entries. One query."""
    return assignments.is_editor(m.Organization, organization_id, principal.agency_id, "default")


def _answered(principal: Principal | None, found: list[Listing]) -> list[Listing]:
    """The listings as the caller may refer to them. In an exercise the agencies that take part in
    it answer, and no one else: nothing that is practice can be sent to a live agency."""
    if principal is None or not principal.practices:
        return found
    there = exercises.own_agencies(principal)
    return [
        replace(one, answered_by=there.get(one.answered_by) if one.answered_by else None)
        for one in found
    ]


def _of_the_drill() -> Listing:
    """The service that the drill's sender refers to: no row of the directory, and found by no one
    else."""
    return Listing(
        id=drill.SERVICE_ID,
        name=drill.SERVICE_NAME,
        organization_id=drill.SERVICE_ID,
        organization_name=drill.NAMES[drill.RECIPIENT_ID],
        status="active",
        answered_by=drill.RECIPIENT_ID,
        confidential=False,
        intake="taking",
        victimization_types=(),
        taxonomy_term_ids=(),
        phones=(),
        last_modified=drill.NEVER,
        assured_date=None,
        document="{}",
    )


def _listing(service_id: UUID, row: tuple[Any, ...]) -> Listing:
    types, terms, phones, modified, assured = row[7:12]
    return Listing(
        id=service_id,
        name=row[0],
        organization_id=row[1],
        organization_name=row[2],
        status=row[3],
        answered_by=row[4],
        confidential=row[5],
        intake=row[6],
        victimization_types=tuple(types),
        taxonomy_term_ids=tuple(terms),
        phones=tuple(Phone(**phone) for phone in orjson.loads(phones)),
        last_modified=modified,
        assured_date=assured,
        document=search_documents.service(*row[12:]),
    )


# -- Answering agencies ---------------------------------------------------------------------------


class NoSuchOrganization(Exception):
    """There is no organization with this id in the directory."""


def bind_organization(organization_id: UUID, agency_id: UUID | None) -> int:
    """Let an agency answer all services of an organization (None: no agency here, phone only).

    Runs as `jobs`. Returns the number of changed services; doing it again changes none. Referrals
    already sent keep their agency. Raises NoSuchOrganization.
    """
    with transaction.atomic(using=JOBS):
        if not m.Organization.objects.using(JOBS).filter(id=organization_id).exists():
            raise NoSuchOrganization
        services = m.Service.objects.using(JOBS).filter(organization_id=organization_id)
        changed = services.exclude(answered_by_id=agency_id)
        before = dict(changed.values_list("id", "answered_by_id"))
        ids = list(before)
        m.Service.objects.using(JOBS).filter(id__in=ids).update(
            answered_by_id=agency_id, last_modified=database_now(JOBS)
        )
        render(ids)
        for former in sorted({one for one in before.values() if one}):
            log_operator_change("organization.unbind", former, directory_id=organization_id)
        if ids and agency_id:
            log_operator_change("organization.bind", agency_id, directory_id=organization_id)
    return len(ids)
