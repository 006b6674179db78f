"""From source rows to what is read: the documents and search columns of the two projections.

Runs as `jobs`, in the transaction of the change. Nothing of a confidential place leaves here: in
a public document the place is absent, in a network document it has no address (R4).
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TypeAlias
from uuid import UUID

import orjson
from django.db import connections
from django.db.models import Q

from directory import models as m
from directory.standard import OURS, TABLES

JOBS = "jobs"  # the database alias of the role that may read source rows
INDEXED_CHARACTERS = 100_000  # of one weight: PostgreSQL refuses a tsvector over 1 MB

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | dict[str, Json] | None"
Document: TypeAlias = "dict[str, Json]"


def render(service_ids: Collection[UUID]) -> None:
    """Write what is read of these services anew; one that is gone disappears.

    Call it inside the transaction of the change, on the alias `jobs`. The services are locked
    first: of two changes at once the later renders what both have written.
    """
    ids = sorted(service_ids)
    for start in range(0, len(ids), 500):
        _render(ids[start : start + 500])


def moment() -> datetime:
    """The database's clock, as `jobs` reads it."""
    with connections[JOBS].cursor() as cursor:
        cursor.execute("SELECT sec.clock()")
        row = cursor.fetchone()
    assert row is not None
    now: datetime = row[0]
    return now


def _render(ids: list[UUID]) -> None:
    locked = m.Service.objects.using(JOBS).filter(id__in=ids).order_by("id")
    list(locked.select_for_update(no_key=True).values_list("id"))
    services = list(
        m.Service.objects.using(JOBS).filter(id__in=ids).select_related("organization", "program")
    )
    shelf = _Shelf(services)
    public = [_listing(s, shelf) for s in services if not hidden(s)]
    network = [_listing(s, shelf) for s in services if hidden(s)]
    for table, rows in (("directory_listing", public), ("directory_network_listing", network)):
        _store(table, ids, rows)


def hidden(service: m.Service) -> bool:
    """Whether only the network may know of it: its own marker or its organization's."""
    return service.confidential or service.organization.confidential


# -- The rows beneath -----------------------------------------------------------------------------


class _Shelf:
    """Everything that hangs on some services, read in one query a table, by its parent."""

    def __init__(self, services: Iterable[m.Service]) -> None:
        self._rows: dict[tuple[str, str, UUID], list[m.Part]] = defaultdict(list)
        self._ids: dict[str, set[UUID]] = defaultdict(set)
        for service in services:
            self._ids["service"].add(service.id)
            self._ids["organization"].add(service.organization_id)
        links = m.ServiceAtLocation.objects.using(JOBS).select_related("location")
        for link in links.filter(service_id__in=self._ids["service"]).order_by("position", "id"):
            self._put("service_at_location", link, ["service_id"])
            self._ids["location"].add(link.location_id)
        for table in ("contact", "phone", "language", "schedule", "address", "accessibility"):
            self._read(table)
        for table in ("service_area", "funding", "required_document", "cost_option", "url"):
            self._read(table)
        self._read("organization_identifier")
        everything = set().union(*self._ids.values())
        attributes = m.Attribute.objects.using(JOBS).select_related("taxonomy_term")
        for row in attributes.filter(link_id__in=everything).order_by("position", "id"):
            self._rows["attribute", "link_id", row.link_id].append(row)
        self.parents = dict(
            m.TaxonomyTerm.objects.using(JOBS)
            .filter(parent__isnull=False)
            .values_list("id", "parent_id")
        )

    def _read(self, table: str) -> None:
        """Read the rows of `table` that hang on anything read before it."""
        kind = TABLES[table]
        columns = list(kind.links)
        asked = Q()
        for column in columns:
            asked |= Q((f"{column}__in", self._ids[kind.links[column]]))
        for row in kind.model._default_manager.using(JOBS).filter(asked).order_by("position", "id"):
            assert isinstance(row, m.Part)
            self._put(table, row, columns)

    def _put(self, table: str, row: m.Part, columns: Iterable[str]) -> None:
        self._ids[table].add(row.id)
        for column in columns:
            if parent := getattr(row, column):
                self._rows[table, column, parent].append(row)

    def under(self, table: str, column: str, parent: UUID) -> list[m.Part]:
        """The rows of `table` whose `column` names `parent`, in the order of the source."""
        return self._rows.get((table, column, parent), [])

    def locations(self, service: m.Service) -> list[tuple[m.ServiceAtLocation, m.Location]]:
        """Where a service is found; confidential places only for a service that is itself so."""
        found = []
        for link in self.under("service_at_location", "service_id", service.id):
            assert isinstance(link, m.ServiceAtLocation)
            if hidden(service) or not link.location.confidential:
                found.append((link, link.location))
        return found

    def terms(self, ids: Iterable[UUID]) -> list[UUID]:
        """The taxonomy terms on these rows, with all their parents."""
        found: set[UUID] = set()
        for row_id in ids:
            for row in self.under("attribute", "link_id", row_id):
                assert isinstance(row, m.Attribute)
                term = row.taxonomy_term_id
                while term and term not in found:  # also ends where somebody made a circle
                    found.add(term)
                    term = self.parents.get(term)
        return sorted(found)


# -- Documents ------------------------------------------------------------------------------------


def _plain(value: object) -> Json:
    """A column's value as HSDS writes it in JSON."""
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date() | time():
            return value.isoformat()
        case Decimal() | float():
            return int(value) if value == int(value) else float(value)
        case None | bool() | int() | str():
            return value
        case list():
            return [_plain(part) for part in value]
    return str(value)


def _columns(table: str, row: m.Entry) -> Document:
    """The row's own columns; empty ones left out, as the standard's schemas know no null."""
    kind = TABLES[table]
    document: Document = {"id": str(row.pk)}
    for column in kind.columns:
        if column in OURS.get(table, ()):
            continue
        value = _plain(getattr(row, kind.field_of(column)))
        if value not in (None, "") or column in kind.required:
            document[column] = value
    return document


def _described(table: str, row: m.Entry) -> Document:
    """As _columns, for the tables in which the standard requires a description."""
    return {**_columns(table, row), "description": _plain(getattr(row, "description", ""))}


def _with(document: Document, **lists: list[Document]) -> Document:
    return {**document, **{name: rows for name, rows in lists.items() if rows}}


def _list(shelf: _Shelf, table: str, column: str, parent: UUID) -> list[Document]:
    return [_columns(table, row) for row in shelf.under(table, column, parent)]


def _phones(shelf: _Shelf, column: str, parent: UUID) -> list[Document]:
    found = []
    for row in shelf.under("phone", column, parent):
        phone = _columns("phone", row)
        if extension := phone.get("extension"):
            phone["extension"] = int(str(extension))  # the standard has a number here
        found.append(_with(phone, languages=_list(shelf, "language", "phone_id", row.id)))
    return found


def _contacts(shelf: _Shelf, column: str, parent: UUID) -> list[Document]:
    return [
        _with(_columns("contact", row), phones=_phones(shelf, "contact_id", row.id))
        for row in shelf.under("contact", column, parent)
    ]


def _attributes(shelf: _Shelf, parent: UUID) -> list[Document]:
    found = []
    for row in shelf.under("attribute", "link_id", parent):
        assert isinstance(row, m.Attribute)
        document = _columns("attribute", row)
        if row.taxonomy_term:
            document["taxonomy_term"] = _described("taxonomy_term", row.taxonomy_term)
        found.append(document)
    return found


def _organization(shelf: _Shelf, row: m.Organization) -> Document:
    return _with(
        _described("organization", row),
        additional_websites=_list(shelf, "url", "organization_id", row.id),
        funding=_list(shelf, "funding", "organization_id", row.id),
        contacts=_contacts(shelf, "organization_id", row.id),
        phones=_phones(shelf, "organization_id", row.id),
        organization_identifiers=_list(shelf, "organization_identifier", "organization_id", row.id),
        attributes=_attributes(shelf, row.id),
    )


def _location(shelf: _Shelf, row: m.Location) -> Document:
    document = _columns("location", row)
    addresses = _list(shelf, "address", "location_id", row.id)
    if row.confidential:  # the database keeps none of this; nor is it shown
        document = {k: v for k, v in document.items() if k not in ("latitude", "longitude")}
        addresses = []
    return _with(
        document,
        languages=_list(shelf, "language", "location_id", row.id),
        addresses=addresses,
        contacts=_contacts(shelf, "location_id", row.id),
        accessibility=_list(shelf, "accessibility", "location_id", row.id),
        phones=_phones(shelf, "location_id", row.id),
        schedules=_list(shelf, "schedule", "location_id", row.id),
        attributes=_attributes(shelf, row.id),
    )


def _at_locations(shelf: _Shelf, service: m.Service) -> list[Document]:
    found = []
    for link, location in shelf.locations(service):
        document = _with(
            _columns("service_at_location", link),
            service_areas=_list(shelf, "service_area", "service_at_location_id", link.id),
            contacts=_contacts(shelf, "service_at_location_id", link.id),
            phones=_phones(shelf, "service_at_location_id", link.id),
            schedules=_list(shelf, "schedule", "service_at_location_id", link.id),
            attributes=_attributes(shelf, link.id),
        )
        found.append({**document, "location": _location(shelf, location)})
    return found


def _service(service: m.Service) -> Document:
    """What the list item and the detail share: the service's own columns and our profile's."""
    document = _columns("service", service)
    document["organization_id"] = str(service.organization_id)
    if service.program_id:
        document["program_id"] = str(service.program_id)
    document["answered_by"] = str(service.answered_by_id) if service.answered_by_id else None
    document["confidential"] = hidden(service)
    document["intake_paused"] = service.intake_paused
    document["victimization_types"] = list(service.victimization_types)
    if service.safe_contact_notes:
        document["safe_contact_notes"] = service.safe_contact_notes
    return document


def _list_item(service: m.Service) -> Document:
    document = _service(service)
    document["organization"] = _described("organization", service.organization)
    if service.program:
        document["program"] = _described("program", service.program)
    return document


def _detail(shelf: _Shelf, service: m.Service) -> Document:
    document = _with(
        _service(service),
        additional_urls=_list(shelf, "url", "service_id", service.id),
        phones=_phones(shelf, "service_id", service.id),
        schedules=_list(shelf, "schedule", "service_id", service.id),
        service_areas=_list(shelf, "service_area", "service_id", service.id),
        service_at_locations=_at_locations(shelf, service),
        languages=_list(shelf, "language", "service_id", service.id),
        funding=_list(shelf, "funding", "service_id", service.id),
        cost_options=_list(shelf, "cost_option", "service_id", service.id),
        required_documents=_list(shelf, "required_document", "service_id", service.id),
        contacts=_contacts(shelf, "service_id", service.id),
        attributes=_attributes(shelf, service.id),
    )
    document["organization"] = _organization(shelf, service.organization)
    if service.program:
        document["program"] = _described("program", service.program)
    return document


# -- Search columns -------------------------------------------------------------------------------


def _phones_to_ring(shelf: _Shelf, service: m.Service) -> list[Document]:
    """Every number for a person to ring: the service's first, its places', its organization's."""
    sources = [("service_id", service.id)]
    for link, location in shelf.locations(service):
        sources += [("service_at_location_id", link.id), ("location_id", location.id)]
    sources.append(("organization_id", service.organization_id))
    found: dict[tuple[str, str], Document] = {}
    for column, parent in sources:
        for row in shelf.under("phone", column, parent):
            assert isinstance(row, m.Phone)
            if row.type.lower() != "fax":
                phone = {
                    name: str(getattr(row, name))
                    for name in ("number", "extension", "type", "description")
                }
                digits = re.sub(r"\D", "", row.number).removeprefix("1")
                found.setdefault((digits or row.number, row.extension), dict(phone))
    return list(found.values())


def _spoken(shelf: _Shelf, service: m.Service) -> dict[str, str]:
    """The text a service is found by, by weight: A its names … D what is written about it."""
    organization = service.organization
    attributes = [
        row
        for parent in (service.id, organization.id)
        for row in shelf.under("attribute", "link_id", parent)
        if isinstance(row, m.Attribute)
    ]
    terms = [row.taxonomy_term for row in attributes if row.taxonomy_term]
    places = [location for _, location in shelf.locations(service)]
    near = [
        str(getattr(row, column))
        for place in places
        if not place.confidential
        for row in shelf.under("address", "location_id", place.id)
        for column in ("city", "postal_code")
    ]
    areas = shelf.under("service_area", "service_id", service.id)
    languages = shelf.under("language", "service_id", service.id)
    texts = {
        "a": [service.name, service.alternate_name],
        "b": [
            organization.name,
            organization.alternate_name,
            *(term.name for term in terms),
            *(row.value for row in attributes),
            *(word.replace("_", " ") for word in service.victimization_types),
        ],
        "c": [
            *(place.name for place in places),
            *near,
            *(str(getattr(row, "name", "")) for row in [*areas, *languages]),
        ],
        "d": [
            service.description,
            service.eligibility_description,
            service.application_process,
            service.interpretation_services,
            *(term.description for term in terms),
            organization.description,
        ],
    }
    return {
        weight: "\n".join(part for part in parts if part)[:INDEXED_CHARACTERS]
        for weight, parts in texts.items()
    }


def _listing(service: m.Service, shelf: _Shelf) -> Document:
    places = [location.id for _, location in shelf.locations(service)]
    terms = shelf.terms([service.id, service.organization_id, *places])
    return {
        "id": str(service.id),
        "organization_id": str(service.organization_id),
        "name": service.name,
        "organization_name": service.organization.name,
        "status": service.status,
        "answered_by": str(service.answered_by_id) if service.answered_by_id else None,
        "intake_paused": service.intake_paused,
        "victimization_types": list(service.victimization_types),
        "taxonomy_term_ids": [str(term) for term in terms],
        "phones": _phones_to_ring(shelf, service),
        "last_modified": service.last_modified.isoformat(),
        "document": orjson.dumps(_list_item(service)).decode(),
        "full_document": orjson.dumps(_detail(shelf, service)).decode(),
        **_spoken(shelf, service),
    }


COLUMNS = (
    "id, organization_id, name, organization_name, status, answered_by, intake_paused,"
    " victimization_types, taxonomy_term_ids, phones, last_modified, document, full_document,"
    " words, named, search"
)
_DROP = "DELETE FROM {table} WHERE id = ANY (%s::uuid[])"
_STORE = """
    INSERT INTO {table} ({columns})
    SELECT id, organization_id, name, organization_name, status, answered_by, intake_paused,
           victimization_types, taxonomy_term_ids, phones, last_modified, document, full_document,
           lower(unaccent(concat_ws(' ', a, b, c))),
           setweight(directory_words(a), 'A') || setweight(directory_words(b), 'B'),
           setweight(directory_words(a), 'A') || setweight(directory_words(b), 'B')
               || setweight(directory_words(c), 'C') || setweight(directory_words(d), 'D')
      FROM jsonb_to_recordset(%s::jsonb) AS row (
           id uuid, organization_id uuid, name text, organization_name text, status text,
           answered_by uuid, intake_paused boolean, victimization_types text[],
           taxonomy_term_ids uuid[], phones jsonb, last_modified timestamptz, document text,
           full_document text, a text, b text, c text, d text)
"""


def _store(table: str, ids: list[UUID], rows: list[Document]) -> None:
    """Replace: the service locks held by the caller keep others from doing so at once."""
    with connections[JOBS].cursor() as cursor:
        cursor.execute(_DROP.format(table=table), [[str(one) for one in ids]])
        if rows:
            cursor.execute(
                _STORE.format(table=table, columns=COLUMNS), [orjson.dumps(rows).decode()]
            )
