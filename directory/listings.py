"""Finds services for whoever asks, and binds them to the agencies that answer.

Nobody (principal None) finds what is public (T0). With a principal the network's confidential
services are found too (T1): call inside `permissions.session.begin(principal)`, since it is the
database that shows them, and only to a live credential. Reads rendered rows, one query a page; a
page cannot fail because of what one service says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connection, transaction

from directory import models as m
from directory.rendering import JOBS, moment, render
from permissions.principal import Principal

PER_PAGE = 20
MOST_PER_PAGE = 100
LIKENESS = 0.45  # "trafiking" is 0.5 like "trafficking"; PostgreSQL's own 0.6 misses it
MOST_WORDS = 8  # that are looked at where no service has all of them as written


@dataclass(frozen=True, slots=True)
class Phone:
    """A number to ring for a service: its own, its place's or its organization's."""

    number: str
    extension: str
    type: str
    description: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A service as the caller may know it. `document` is HSDS as JSON text, ready to send."""

    id: UUID
    name: str
    organization_id: UUID
    organization_name: str
    status: str
    answered_by: UUID | None  # the agency that answers referrals; None: phone only
    confidential: bool
    intake_paused: bool
    victimization_types: tuple[str, ...]
    taxonomy_term_ids: tuple[UUID, ...]
    phones: tuple[Phone, ...]
    last_modified: datetime
    document: str

    @property
    def open_to_referrals(self) -> bool:
        """Whether a referral can be put to it now; else it is a number to ring."""
        return self.answered_by is not None and not self.intake_paused and self.status == "active"


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a search. `page` counts from 1; beyond the last there are no items."""

    items: tuple[Listing, ...]
    total_items: int
    page: int
    per_page: int

    @property
    def total_pages(self) -> int:
        return -(-self.total_items // self.per_page)


Asked = UUID | datetime | str | int  # what a query's parameters hold

_COLUMNS = """id, name, organization_id, organization_name, status, answered_by, {confidential},
    intake_paused, victimization_types, taxonomy_term_ids, phones, last_modified, {document}"""
_BY_NAME = "0"  # no rank: everything fits equally
_PUBLIC = "directory_listing", "false AS confidential"
_NETWORK = "directory_network_listing", "true AS confidential"


def _sources(principal: Principal | None) -> list[tuple[str, str]]:
    """The tables to look into. A client without `directory:read` is answered as the public is."""
    return [_PUBLIC, _NETWORK] if principal and principal.may("directory:read") else [_PUBLIC]


def find(principal: Principal | None, service_id: UUID) -> Listing | None:
    """The service with its full document, whatever its status; None when it may not be seen.

    A service that does not exist and one that is confidential cost the same query (R3).
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _union("full_document AS document", "id = %(id)s", principal), {"id": service_id}
        )
        row = cursor.fetchone()
    return _listing(row) if row else None


def search(
    principal: Principal | None,
    *,
    words: str = "",
    page: int = 1,
    per_page: int = PER_PAGE,
    taxonomy_term_id: UUID | None = None,
    organization_id: UUID | None = None,
    answered_by: UUID | None = None,
    victimization_type: str = "",
    modified_after: datetime | None = None,
) -> Page:
    """A page of the services that are open (active or temporarily closed) and fit all filters.

    `words` are found in English or Spanish in any form, accents aside, best match first; where
    no service has them all, near spellings count. Without words the order is by name. A term
    stands for all terms below it. `modified_after` is inclusive, as in the standard.
    """
    conditions = ["status IN ('active', 'temporarily closed')"]
    asked: dict[str, Asked] = {"limit": per_page, "offset": (page - 1) * per_page}
    for condition, name, value in (
        ("taxonomy_term_ids @> ARRAY[%(term)s::uuid]", "term", taxonomy_term_id),
        ("organization_id = %(organization)s", "organization", organization_id),
        ("answered_by = %(agency)s", "agency", answered_by),
        ("victimization_types @> ARRAY[%(type)s]", "type", victimization_type),
        ("last_modified >= %(after)s", "after", modified_after),
    ):
        if value:
            conditions.append(condition)
            asked[name] = value
    words = " ".join(words.replace("\x00", " ").split())
    if not words:
        return _page(principal, conditions, _BY_NAME, asked, page, per_page)
    asked["words"] = words
    exact = [*conditions, "search @@ directory_asked(%(words)s)"]
    rank = "ts_rank(named, directory_asked(%(words)s))"
    found = _page(principal, exact, rank, asked, page, per_page)
    if found.total_items:
        return found
    near, rank = _near(words, asked)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL pg_trgm.word_similarity_threshold = {LIKENESS}")
        return _page(principal, [*conditions, *near], rank, asked, page, per_page)


def _near(words: str, asked: dict[str, Asked]) -> tuple[list[str], str]:
    """Conditions for "sheltr": each word as written or as a word spelled much like it."""
    conditions, ranks = [], []
    for number, word in enumerate(words.split()[:MOST_WORDS]):
        asked[f"word{number}"] = word
        name = f"%(word{number})s"
        conditions.append(
            f"(search @@ directory_asked({name}) OR words %%> lower(unaccent({name})))"
        )
        spelled = f"lower(unaccent({name}))"
        ranks.append(f"2 * word_similarity({spelled}, lower(unaccent(name)))")
        ranks.append(f"word_similarity({spelled}, words)")
    return conditions, " + ".join(ranks)


def _union(document: str, condition: str, principal: Principal | None) -> str:
    return " UNION ALL ".join(
        f"SELECT {_COLUMNS.format(confidential=confidential, document=document)}"  # noqa: S608
        f" FROM {table} WHERE {condition}"
        for table, confidential in _sources(principal)
    )


def _page(
    principal: Principal | None,
    conditions: Sequence[str],
    rank: str,
    asked: dict[str, Asked],
    page: int,
    per_page: int,
) -> Page:
    """Ids first, from the index alone where nothing is asked; then the documents of one page."""
    where = " AND ".join(conditions)
    fitting = " UNION ALL ".join(
        f"SELECT id, name, {rank} AS rank FROM {table} WHERE {where}"  # noqa: S608
        for table, _ in _sources(principal)
    )
    # A match is judged once and kept; a list by name is cheaper walked in order and counted apart.
    first, source = "", f"({fitting}) fitting"
    if rank != _BY_NAME:
        first, source = f"fitting AS MATERIALIZED ({fitting}),", "fitting"
    order = "name, id" if rank == _BY_NAME else "rank DESC, name, id"
    chosen = _union("document", "id IN (SELECT id FROM chosen)", principal)
    query = f"""
        WITH {first} chosen AS MATERIALIZED (
            SELECT id, row_number() OVER (ORDER BY {order}) AS place
              FROM (SELECT id, name, rank FROM {source}
                     ORDER BY {order} LIMIT %(limit)s OFFSET %(offset)s) ids
        )
        SELECT (SELECT count(*) FROM {source}), row.*
          FROM (SELECT 1) once
          LEFT JOIN (SELECT listing.*, chosen.place FROM ({chosen}) listing
                       JOIN chosen USING (id)) row ON true
         ORDER BY row.place
    """  # noqa: S608 (of fixed parts; whatever the caller says is a parameter)
    with connection.cursor() as cursor:
        cursor.execute(query, asked)
        rows = cursor.fetchall()
    items = tuple(_listing(row[1:14]) for row in rows if row[1] is not None)
    return Page(items, rows[0][0], page, per_page)


def _listing(row: tuple[Any, ...]) -> Listing:
    types, terms, phones, modified, document = row[8:13]
    return Listing(
        id=row[0],
        name=row[1],
        organization_id=row[2],
        organization_name=row[3],
        status=row[4],
        answered_by=row[5],
        confidential=row[6],
        intake_paused=row[7],
        victimization_types=tuple(types),
        taxonomy_term_ids=tuple(terms),
        phones=tuple(Phone(**phone) for phone in orjson.loads(phones)),
        last_modified=modified,
        document=document,
    )


# -- Who answers ----------------------------------------------------------------------------------


class NoSuchOrganization(Exception):
    """There is no organization with this id in the directory."""


def bind_organization(organization_id: UUID, agency_id: UUID | None) -> int:
    """Let an agency answer all services of an organization (None: nobody here, phone only).

    Runs as `jobs`. Returns how many services changed; doing it again changes none. Referrals that
    were sent keep the agency they were sent to. Raises NoSuchOrganization.
    """
    with transaction.atomic(using=JOBS):
        if not m.Organization.objects.using(JOBS).filter(id=organization_id).exists():
            raise NoSuchOrganization
        services = m.Service.objects.using(JOBS).filter(organization_id=organization_id)
        ids = list(services.exclude(answered_by_id=agency_id).values_list("id", flat=True))
        m.Service.objects.using(JOBS).filter(id__in=ids).update(
            answered_by_id=agency_id, last_modified=moment()
        )
        render(ids)
    return len(ids)
