"""What an editor chooses from when an entry is made or changed: the organizations and places of
their agency, and which services use a place."""

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from directory import models as m
from directory.editing.edit import require_editor, require_editor_of
from permissions import assignments
from permissions.database.aliases import EDITOR
from permissions.database.db_identity import identified_transaction
from permissions.principal import Principal

MOST_PLACES = 500  # of one organization


class OwnOrganization(NamedTuple):
    """An organization whose entries the caller's agency edits."""

    id: UUID
    name: str
    confidential: bool


class Place(NamedTuple):
    """A place as its editors may see it; a confidential one has no address. `used`: the service
    that was asked about is found here."""

    id: UUID
    name: str
    confidential: bool
    address: str
    used: bool


class Places(NamedTuple):
    """The places to choose from. `more`: there are others, which are not among them."""

    items: list[Place]
    more: bool


def organizations(principal: Principal) -> list[OwnOrganization]:
    """The organizations that the caller's agency edits, by name. Raises NotPermitted."""
    require_editor(principal, "directory.read", lambda: True)
    with identified_transaction(principal, EDITOR):
        own = assignments.edited_organizations(m.Organization, principal.agency_id, EDITOR)
        rows = m.Organization.objects.using(EDITOR).filter(id__in=own).order_by("name", "id")
        return [OwnOrganization(*row) for row in rows.values_list("id", "name", "confidential")]


def places(principal: Principal, organization_id: UUID, service_id: UUID | None = None) -> Places:
    """The places of an organization, and those of this service, which come first; for its editors.
    Raises NotVisible, NotPermitted."""
    require_editor(principal, "directory.read", lambda: False, organization_id)
    with identified_transaction(principal, EDITOR):
        require_editor_of(principal, organization_id)
        links = m.ServiceAtLocation.objects.using(EDITOR).filter(
            service__organization_id=organization_id
        )
        used = links.filter(service_id=service_id) if service_id else links.none()
        rows = m.Location.objects.using(EDITOR).order_by("name", "id")
        own = rows.filter(organization_id=organization_id, part_of_id=organization_id)
        there = list(rows.filter(id__in=used.values("location_id")))
        others = list(own.exclude(id__in=[one.id for one in there])[: MOST_PLACES + 1])
        addresses = _addresses(one.id for one in (*there, *others) if not one.confidential)
    items = [
        Place(one.id, one.name, one.confidential, addresses.get(one.id, ""), one in there)
        for one in (*there, *others[:MOST_PLACES])
    ]
    return Places(items, len(others) > MOST_PLACES)


def _addresses(locations: Iterable[UUID]) -> dict[UUID, str]:
    """The first address of each place in one line."""
    rows = m.Address.objects.using(EDITOR).filter(location_id__in=list(locations))
    columns = ("location_id", "address_1", "city", "state_province", "postal_code")
    found: dict[UUID, str] = {}
    for location_id, street, city, state, code in rows.order_by(
        "address_type",
        "position",
        "id",  # physical before postal
    ).values_list(*columns):
        town = " ".join(part for part in (state, code) if part)
        line = ", ".join(part for part in (street, city, town) if part)
        found.setdefault(location_id, line)
    return found


def services_at(principal: Principal, location_id: UUID) -> list[tuple[UUID, str]]:
    """(id, name) of the services found at a place, of those that the caller's agency edits."""
    require_editor(principal, "directory.read", lambda: False, location_id)
    with identified_transaction(principal, EDITOR):
        own = assignments.edited_organizations(m.Organization, principal.agency_id, EDITOR)
        links = m.ServiceAtLocation.objects.using(EDITOR).filter(
            location_id=location_id, service__organization_id__in=own
        )
        rows = m.Service.objects.using(EDITOR).filter(id__in=links.values("service_id").distinct())
        return list(rows.order_by("name", "id").values_list("id", "name"))
