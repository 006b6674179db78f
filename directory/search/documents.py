"""The documents of matching rows: selects their stored parts and composes them into one document.

A service's detail has three stored parts: its own, its places' and its organization's. Each is
rendered when it changes; this module composes them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connections

from directory.projection.entry_documents import json_value
from permissions.principal import Principal


class ProjectionTables(NamedTuple):
    """The projections of one half of the directory: the public or the confidential one."""

    listing: str
    place: str
    organization: str
    network: bool


PUBLIC = ProjectionTables(
    "directory_listing", "directory_place", "directory_organization_listing", False
)
NETWORK = ProjectionTables(
    "directory_network_listing", "directory_network_place", "directory_network_organization", True
)
LISTING = (  # the columns of listings.Listing
    "name, l.organization_id, l.organization_name, l.status, l.answered_by, {network}, l.intake,"
    " l.victimization_types, l.taxonomy_term_ids, l.phones, l.last_modified, l.assured_date"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOfResults:
    """The position of one page of an answer. `page` counts from 1; pages after the last are
    empty."""

    total: int
    capped: bool  # there are at least `total`
    last: bool  # nothing comes after this page
    page: int
    per_page: int

    @property
    def total_pages(self) -> int:
        return -(-self.total // self.per_page)


def visible_halves(principal: Principal | None) -> Sequence[ProjectionTables]:
    """The halves that the caller may read. A caller outside the network gets the same answer as an
    anonymous one."""
    return (PUBLIC, NETWORK) if principal and principal.in_network else (PUBLIC,)


# -- Selects: `hit` has service_id and id (the place's) -----------------------------------------


def select(kind: str, shape: str, half: ProjectionTables, hit: str = "hit") -> str:
    """The SELECT for the id of each hit and the parts of its document. `hit`: the hits that can be
    in this half."""
    return _SELECTS[kind, shape](half).replace("FROM hit", f"FROM {hit}")


def _service_item(t: ProjectionTables) -> str:
    return f"SELECT l.id, l.document FROM {t.listing} l WHERE l.id IN (SELECT service_id FROM hit)"


def _service_minimal(t: ProjectionTables) -> str:
    return (
        f"SELECT l.id, l.id AS told, l.last_modified FROM {t.listing} l"
        " WHERE l.id IN (SELECT service_id FROM hit)"
    )


def _service_listing(t: ProjectionTables) -> str:
    columns = LISTING.format(network=str(t.network).lower())
    return (
        f"SELECT l.id, l.{columns}, {_full(t)} FROM {t.listing} l"
        f" {_organization(t)} WHERE l.id IN (SELECT service_id FROM hit)"
    )


def places_of(t: ProjectionTables, service: str) -> str:
    """The documents of a service's places, joined by commas; NULL if it has no place."""
    return (
        "(SELECT string_agg(q.full_document, ',' ORDER BY q.position, q.id)"
        f" FROM {t.place} q WHERE q.service_id = {service}.id AND q.location_id IS NOT NULL)"
    )


def _full(t: ProjectionTables) -> str:
    return f"l.full_document, {places_of(t, 'l')}, o.full_document"


def _organization(t: ProjectionTables) -> str:
    if not t.network:
        return f"JOIN {t.organization} o ON o.id = l.organization_id"
    # A public organization may have a confidential service.
    return (
        "CROSS JOIN LATERAL (SELECT full_document FROM directory_organization_listing"
        " WHERE id = l.organization_id UNION ALL SELECT full_document FROM"
        f" {t.organization} WHERE id = l.organization_id) o"
    )


def _service_full(t: ProjectionTables) -> str:
    return (
        f"SELECT l.id, {_full(t)} FROM {t.listing} l {_organization(t)}"
        " WHERE l.id IN (SELECT service_id FROM hit)"
    )


def _place_item(t: ProjectionTables) -> str:
    return f"SELECT p.id, p.document FROM {t.place} p WHERE p.id IN (SELECT id FROM hit)"


def _place_full(t: ProjectionTables) -> str:
    listing = t.listing
    if t.network:  # a public service may have a confidential place
        listing = (
            "(SELECT id, organization_id, full_document FROM directory_listing UNION ALL"
            f" SELECT id, organization_id, full_document FROM {t.listing})"
        )
    return (
        f"SELECT p.id, p.full_document, l.full_document, o.full_document FROM {t.place} p"
        f" JOIN {listing} l ON l.id = p.service_id {_organization(t)}"
        " WHERE p.id IN (SELECT id FROM hit) AND p.location_id IS NOT NULL"
    )


_SELECTS = {
    ("service", "item"): _service_item,
    ("service", "minimal"): _service_minimal,
    ("service", "full"): _service_full,
    ("service", "listing"): _service_listing,
    ("service_at_location", "item"): _place_item,
    ("service_at_location", "full"): _place_full,
}


# -- One document from its parts ------------------------------------------------------------------


def compose(kind: str, shape: str, parts: Sequence[Any]) -> str:
    """The JSON text of one document, composed from the columns that follow the id in `select`."""
    if shape == "item":
        return str(parts[0])
    if shape == "minimal":
        row_id, modified = parts
        return f'{{"id":"{row_id}","modified_date":"{json_value(modified)}"}}'
    if kind == "service":
        return service(*parts)
    own, of_service, organization = parts
    return _with(own, f'"service":{_with(of_service, _member("organization", organization))}')


def service(own: str, places: str | None, organization: str) -> str:
    """The detail of a service as JSON text."""
    found = f'"service_at_locations":[{places}],' if places else ""
    return _with(own, f"{found}{_member('organization', organization)}")


def _member(name: str, document: str) -> str:
    return f'"{name}":{document}'


def _with(document: str, members: str) -> str:
    """Add members to the JSON text of an object."""
    return f"{document[:-1]},{members}}}"


# -- One document by its id -----------------------------------------------------------------------


def load_parts(
    principal: Principal | None, kind: str, shape: str, row_id: UUID, using: str = "default"
) -> tuple[Any, ...] | None:
    """The parts of one document; None if it does not exist or the caller may not see it. Both cases
    cost the same (R3)."""
    selects = " UNION ALL ".join(select(kind, shape, half) for half in visible_halves(principal))
    with connections[using].cursor() as cursor:
        cursor.execute(
            f"WITH hit AS (SELECT %(id)s::uuid AS service_id, %(id)s::uuid AS id) {selects}",
            {"id": row_id},
        )
        row: tuple[Any, ...] | None = cursor.fetchone()
    return row
